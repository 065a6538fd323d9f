"""A fact of a session worth telling."""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain.measure import Measure
from bot.domain.session import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One fact, told at most once: ``key`` is unique within a session.

    Attributes:
        at: The moment of the reading that told it.
        before: The mark before, where the alert is about a mark.
        value: The mark now.
        late: It was seen after a silence, so it may have happened long before.
        expires_at: Until when it is worth telling; None for as long as its kind is.
    """

    kind: str
    session: Session
    at: int
    key: str
    measure: Measure | None = None
    before: float | None = None
    value: float | None = None
    late: bool = False
    expires_at: int | None = None


def of_measure(kind: str, session: Session, *, at: int, measure: Measure, value: float, late: bool) -> Alert:
    """Return the alert that a measure of a session has come to a value; told once for a moment."""
    return Alert(
        kind=kind,
        session=session,
        at=at,
        key=f"{kind}:{measure}:{value:.17g}:{at}",
        measure=measure,
        value=value,
        late=late,
    )
