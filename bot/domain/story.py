"""An alert as one chat is told it: the fact, what led to it, and what it is compared with."""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain.alerts.record import Standing
from bot.domain.measure import Measure
from bot.domain.pace import Estimate
from bot.domain.session import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokenRecord:
    """A record that a session broke, as one chat sees it."""

    measure: Measure
    value: float
    standing: Standing


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """All that the text of an alert is made of.

    Attributes:
        name: What the chat calls the watch.
        watch: What it was called when it was made.
        platform: Where its records count.
        unit: What its at-once figure counts.
        interval: Milliseconds between readings.
        url: Where readers find the session, or what is watched.
        timezone: Where it takes place, as far as known.
        at: The moment of the reading that told it.
        value: The mark, for a milestone or record.
        threshold: The rung, for a milestone.
        next_rung: The one after it on the chat's ladder.
        estimate: When that would be reached, if the pace carries it.
        last_rung: The (moment, threshold) of the rung that the chat was told before.
        records: What fell: for a record the one, for a recap all that the session holds.
        unrivalled: Measures that nothing is known to compare with.
        again: It was told before and is told anew (a recap after the session went on).
        replaces: The chat's own id of the message to edit instead of posting.
    """

    kind: str
    at: int
    late: bool
    name: str
    watch: str
    platform: str
    unit: str
    interval: int
    timezone: str
    session: Session
    measure: Measure | None = None
    value: float | None = None
    threshold: float | None = None
    next_rung: float | None = None
    estimate: Estimate | None = None
    last_rung: tuple[int, float] | None = None
    records: tuple[BrokenRecord, ...] = ()
    unrivalled: frozenset[Measure] = frozenset()
    again: bool = False
    replaces: str | None = None
    url: str | None = None
