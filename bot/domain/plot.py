"""What a chart is made of, in values: a session's line, the one before it, what was passed."""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain.alerts.record import Scope
from bot.domain.chart import Point, known
from bot.domain.reading import Metric
from bot.domain.session import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """A session's line, under the name that one chat gave to its watch.

    Attributes:
        unit: What its at-once figure counts.
        metric: The figure that the line shows.
        first, last: The first and last reading seen live.
        points: Through the readings that count; see ``bot.domain.chart.Trace``.
    """

    name: str
    platform: str
    unit: str
    metric: Metric
    session: Session
    first: int
    last: int
    points: tuple[Point, ...]

    @property
    def enough(self) -> bool:
        """Whether there is a line to draw."""
        return known(self.points) >= 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A record: the one to beat, or the one that was beaten.

    Attributes:
        at: When it fell; None where it stands.
    """

    value: float
    scope: Scope
    at: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """What is drawn of one session, for one chat.

    Attributes:
        before: The session before, its points moved so that both start together; None if there was none.
        until: The right end.
        rungs: The (moment, threshold) of those that the chat was told, or would have been on its ladder.
    """

    course: Course
    before: Course | None = None
    until: int
    rungs: tuple[tuple[int, float], ...] = ()
    record: Line | None = None
