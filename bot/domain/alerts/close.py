"""A session is close to the record of the widest scope that holds one, and has not broken it."""

from __future__ import annotations

from math import inf, nextafter

from bot.domain import HOUR
from bot.domain.alert import Alert, of_measure
from bot.domain.measure import Measure
from bot.domain.session import Session

KIND = "close"
WORTH = HOUR
#: From this part of the record on.
SHARE = 0.9


def is_close(value: float, record: float) -> bool:
    """Tell whether a value is close to a record, or equals it."""
    return SHARE * record <= value <= record


def below(record: float) -> float:
    """Return up to which value nothing is close to a record."""
    return nextafter(SHARE * record, -inf)


def alert(session: Session, *, at: int, measure: Measure, value: float, late: bool) -> Alert:
    """Tell that a session's measure is close to the record of some chat."""
    return of_measure(KIND, session, at=at, measure=measure, value=value, late=late)
