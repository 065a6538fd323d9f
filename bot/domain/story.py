"""An alert as one chat is told it: the fact, what led to it, and what it is compared with."""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain.alerts.record import Rival, Scope, Standing
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
class Chase:
    """The nearest record that a session has not broken.

    Attributes:
        value: Where the session stands.
        rival: Who holds it.
    """

    measure: Measure
    value: float
    scope: Scope
    rival: Rival

    @property
    def share(self) -> float:
        """How much of the record is reached, as a fraction."""
        return self.value / self.rival.value if self.rival.value else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawal:
    """Why a record that was told is none.

    Attributes:
        doubt: Why its figure is doubted, if it is.
        fallen_to: What the source has taken the figure back to, if it has.
        holder: Whose the record is, as far as known.
        still: A narrower scope in which it is a record all the same.
    """

    doubt: str | None = None
    fallen_to: float | None = None
    holder: Rival | None = None
    still: Scope | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rank:
    """A session's place among those of its watch, by a measure; equal values share a place."""

    measure: Measure
    place: int
    sessions: int


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
        at: The moment of the reading that told it; the present one for what the clock tells.
        value: The mark, for a milestone or record.
        threshold: The rung, for a milestone.
        next_rung: The one after it on the chat's ladder.
        estimate: When that would be reached, if the pace carries it.
        last_rung: The (moment, threshold) of the rung that the chat was told before.
        passed: For a card, the last rung passed.
        rungs: For a recap, those that were passed, with their moments.
        chase: The nearest record that it has not broken.
        rank: For a recap, its place among the watch's sessions.
        curve: For a card, the last hours of the figure as a line of bars.
        since_end: For a recap, how figures that went on growing after the end stand, "as of" ``at``.
        records: What fell: for a record the one, for a recap all that the session holds.
        unrivalled: Measures that nothing is known to compare with.
        again: It was told before and is told anew (a recap after the session went on).
        replaces: The chat's own id of the message to edit instead of posting.
        answers: That of the message to answer.
        withdrawal: For a correction, why the record is none; without it, the record stands after all.
        overtakes: When the record that it chases would fall, if the pace carries it.
        since: When an outage began.
        back_at: When it ended; None while it lasts.
        why: What the source gives as its reason, as kept with the watch.
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
    passed: float | None = None
    rungs: tuple[tuple[int, float], ...] = ()
    chase: Chase | None = None
    rank: Rank | None = None
    curve: str = ""
    since_end: bool = False
    records: tuple[BrokenRecord, ...] = ()
    unrivalled: frozenset[Measure] = frozenset()
    again: bool = False
    replaces: str | None = None
    answers: str | None = None
    withdrawal: Withdrawal | None = None
    overtakes: Estimate | None = None
    since: int | None = None
    back_at: int | None = None
    why: str | None = None
    url: str | None = None
