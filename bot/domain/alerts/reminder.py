"""An announced session begins soon. Told by the clock, not by a reading: see ``bot/pipeline/remind.py``."""

from __future__ import annotations

from bot.domain import DAY, MINUTE
from bot.domain.alert import Alert
from bot.domain.reading import State
from bot.domain.session import Session

KIND = "reminder"
#: How long before the start a chat is told unless it says otherwise, and how long at most.
LEAD = 15 * MINUTE
LONGEST_LEAD = 7 * DAY
#: At most: in truth until the session is due.
WORTH = LONGEST_LEAD


def alert(session: Session, *, at: int) -> Alert:
    """Tell when a session is due; where it is moved to another time, that is a fact of its own."""
    due = session.started_at
    assert due is not None
    return Alert(kind=KIND, session=session, at=at, key=key(due), expires_at=due - 1)


def key(due: int) -> str:
    """Return the key of a reminder of a session that is due at a moment."""
    return f"{KIND}@{due}"


def holds(session: Session, its_key: str, *, now: int) -> bool:
    """Tell whether a reminder is still true: the session is announced for that moment, which is to come."""
    due = session.started_at
    announced = session.state is State.SCHEDULED and session.gone_at is None
    return announced and due is not None and due > now and its_key == key(due)
