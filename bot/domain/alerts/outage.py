"""A live session has had no figures for longer than a chat's patience, and later: they are back.

Told by the clock, not by a reading: see ``bot/pipeline/outage.py``. That they are back is told by editing the
posts that told of the outage, so it has a key of its own.
"""

from __future__ import annotations

from bot.domain import DAY, MINUTE
from bot.domain.alert import Alert
from bot.domain.session import Session

KIND = "outage"
WORTH = DAY
#: How long figures may be missing before a chat is told unless it says otherwise, and how long at most.
PATIENCE = 15 * MINUTE
LONGEST_PATIENCE = DAY
_OVER = ":over"


def alert(session: Session, *, since: int, at: int) -> Alert:
    """Tell that there have been no figures since a moment."""
    return Alert(kind=KIND, session=session, at=at, key=key(since))


def over(session: Session, *, since: int, at: int) -> Alert:
    """Tell that figures are back since ``at`` that were missing since ``since``."""
    return Alert(kind=KIND, session=session, at=at, key=over_key(since))


def key(since: int) -> str:
    """Return the key of an outage that began at a moment."""
    return f"{KIND}@{since}"


def over_key(since: int) -> str:
    """Return the key of the end of an outage that began at a moment."""
    return f"{key(since)}{_OVER}"


def since_of(its_key: str) -> int:
    """Return when an outage began, by its key or that of its end."""
    return int(its_key.removeprefix(f"{KIND}@").removesuffix(_OVER))


def is_over(its_key: str) -> bool:
    """Tell whether a key is that of an outage's end."""
    return its_key.endswith(_OVER)


def holds(session: Session, its_key: str, *, trouble_since: int | None) -> bool:
    """Tell whether an outage lasts, and the session is not known to have gone.

    Args:
        trouble_since: Since when the watch fails; None while it is well.
    """
    return trouble_since == since_of(its_key) and session.is_live and session.gone_at is None
