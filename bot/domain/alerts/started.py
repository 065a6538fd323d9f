"""A session is on the air."""

from __future__ import annotations

from bot.domain import HOUR
from bot.domain.alert import Alert
from bot.domain.session import Started

KIND = "started"
WORTH = HOUR


def alert(change: Started) -> Alert:
    """Tell that a session started; its first figure is not confirmed yet, so none is told."""
    return Alert(kind=KIND, session=change.session, at=change.at, key=KIND)
