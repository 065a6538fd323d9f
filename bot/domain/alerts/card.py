"""The live card: one message a session, edited in place, which becomes the recap.

Unlike the other kinds it is no fact that happened, but how things stand; a chat takes it by the style of its
subscription, not by the list of kinds.
"""

from __future__ import annotations

from bot.domain import DAY
from bot.domain.alert import Alert
from bot.domain.session import Session

KIND = "card"
#: A card shows how things stand when it arrives, however late.
WORTH = DAY


def alert(session: Session, *, at: int, number: int = 1) -> Alert:
    """Post a session's card.

    Args:
        number: 1 for the first; more where it was buried and comes anew.
    """
    return Alert(kind=KIND, session=session, at=at, key=key(number))


def key(number: int) -> str:
    """Return the key of a session's card."""
    return f"{KIND}@{number}"


def number_of(alert_key: str) -> int:
    """Return which card of the session it is, from 1."""
    return int(alert_key.removeprefix(f"{KIND}@"))
