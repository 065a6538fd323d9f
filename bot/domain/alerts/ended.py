"""A session is over: the recap."""

from __future__ import annotations

from bot.domain import DAY
from bot.domain.alert import Alert
from bot.domain.measure import Measure
from bot.domain.session import Ended

KIND = "ended"
WORTH = DAY


def alert(change: Ended) -> Alert:
    """Tell that a session ended; where it went on and ended again, each end is a fact of its own."""
    session = change.session
    return Alert(
        kind=KIND,
        session=session,
        at=change.at,
        key=f"{KIND}:{session.ends}",
        measure=Measure.PEAK,
        value=session.tally.peak,
    )
