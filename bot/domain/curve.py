"""People at once over time: the lines of sessions, and their sum where several of them are one event.

A figure is only told where it is known: at a confirmed reading, and between two that are joined as the average
joins them (``bot.domain.statistics``). All else on the air is a gap, and a sum with a gap in it is unknown.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from operator import attrgetter

from bot.domain.snapshot import Snapshot
from bot.domain.statistics import Tally


@dataclass(frozen=True, slots=True)
class Point:
    """A confirmed reading; ``joined`` to the one before by a line, or not."""

    at: int
    value: float
    joined: bool


_at = attrgetter("at")


@dataclass(frozen=True, slots=True)
class Curve:
    """One session: on the air from ``first_at`` to ``last_at``, both included; points in order of time."""

    first_at: int
    last_at: int
    points: tuple[Point, ...]

    def on_air(self, at: int) -> bool:
        """Tell whether the session was on the air, known or not."""
        return self.first_at <= at <= self.last_at

    def at(self, at: int) -> float | None:
        """Return the figure of a moment, on the line between two readings; None where it is not known."""
        after = bisect_right(self.points, at, key=_at)
        if not after:
            return None
        before = self.points[after - 1]
        if before.at == at:
            return before.value
        if after == len(self.points) or not self.points[after].joined:
            return None
        return _between(before, self.points[after], at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stand:
    """The measures of an event until some moment.

    Attributes:
        airtime: Milliseconds from its beginning, gaps included.
        covered: How many of them have a known figure.
    """

    peak: float | None
    peak_at: int | None
    average: float | None
    airtime: int
    covered: int

    @property
    def coverage(self) -> float | None:
        """Known time over airtime, from 0 to 1; unknown while there is no length."""
        return self.covered / self.airtime if self.airtime else None


class _Traced(Tally):
    """A tally that remembers each figure that it counts, so that a curve is what the average is made of."""

    def __init__(self) -> None:
        super().__init__()
        self.points: list[Point] = []

    def _confirm(self, value: float, at: int, interval: int, broken: bool) -> None:  # noqa: FBT001
        covered = self.covered
        super()._confirm(value, at, interval, broken)
        self.points.append(Point(at, value, self.covered > covered))


def curve(snapshots: Iterable[Snapshot], *, first_at: int, last_at: int) -> Curve:
    """Return the curve of a session that was on the air from ``first_at`` to ``last_at``."""
    tally = _Traced()
    for one in snapshots:
        if not one.live:
            tally.break_line()
            continue
        if one.broken:
            tally.break_line()
        tally.see(one.at, interval=one.interval, concurrent=one.concurrent, sure=one.sure)
    return Curve(first_at, last_at, tuple(tally.points))


def together(curves: Sequence[Curve], at: int) -> float | None:
    """Return the sum of all that are on the air; None if none is, or one of them is not known."""
    parts = [one.at(at) for one in curves if one.on_air(at)]
    return _sum(parts)


def summed(curves: Sequence[Curve]) -> list[tuple[int, float | None]]:
    """Return the sum at every moment at which one of the curves has a reading, begins or ends; None: unknown.

    Between two neighbours without a line there is a None, too, a millisecond behind the first.
    """
    drawn: list[tuple[int, float | None]] = []
    steps = _steps(curves, None)
    for place, one in enumerate(steps):
        drawn.append((one.at, one.value))
        follows = steps[place + 1].at if place + 1 < len(steps) else None
        if follows is not None and one.begins is None and one.value is not None and follows > one.at + 1:
            drawn.append((one.at + 1, None))
    return drawn


def stand(curves: Sequence[Curve], *, until: int | None = None) -> Stand:
    """Return the measures of one curve, or of the sum of several, until a moment (None: to the end).

    The peak is the highest sum at a reading of any of them: peaks of different moments are never added.
    """
    steps = _steps(curves, until)
    readings = {point.at for one in curves for point in one.points}
    peak: float | None = None
    peak_at: int | None = None
    area = 0.0
    covered = 0
    for place, one in enumerate(steps):
        if one.value is not None and one.at in readings and (peak is None or one.value > peak):
            peak, peak_at = one.value, one.at
        if one.begins is not None and one.ends is not None:
            length = steps[place + 1].at - one.at
            area += (one.begins + one.ends) / 2 * length
            covered += length
    return Stand(
        peak=peak,
        peak_at=peak_at,
        average=area / covered if covered else None,
        airtime=steps[-1].at - steps[0].at if steps else 0,
        covered=covered,
    )


@dataclass(frozen=True, slots=True)
class _Step:
    """A moment with its sum, and the sum right behind it and right before the next moment (None: unknown)."""

    at: int
    value: float | None
    begins: float | None
    ends: float | None


def _steps(curves: Sequence[Curve], until: int | None) -> list[_Step]:
    """Return all moments at which a sum can bend or jump, in order of time."""
    moments = {at for one in curves for at in (one.first_at, one.last_at)}
    moments |= {point.at for one in curves for point in one.points}
    if until is not None:
        moments = {at for at in moments if at <= until}
        if any(one.on_air(until) for one in curves):
            moments.add(until)
    times = sorted(moments)
    values: list[list[float | None]] = [[] for _ in times]
    begins: list[list[float | None]] = [[] for _ in times]
    ends: list[list[float | None]] = [[] for _ in times]
    for one in curves:
        after = 0  # the first point behind the moment
        for place, at in enumerate(times):
            while after < len(one.points) and one.points[after].at <= at:
                after += 1
            if not one.on_air(at):
                continue
            before = one.points[after - 1] if after else None
            follows = one.points[after] if after < len(one.points) and one.points[after].joined else None
            now = None if before is None else before.value if before.at == at else _on(before, follows, at)
            values[place].append(now)
            if at < one.last_at and place + 1 < len(times):
                begins[place].append(now if follows is not None else None)
                ends[place].append(_on(before, follows, times[place + 1]))
    return [
        _Step(at, _sum(values[place]), _sum(begins[place]), _sum(ends[place])) for place, at in enumerate(times)
    ]


def _sum(parts: Sequence[float | None]) -> float | None:
    known = [part for part in parts if part is not None]
    return sum(known) if parts and len(known) == len(parts) else None


def _on(before: Point | None, after: Point | None, at: int) -> float | None:
    return None if before is None or after is None else _between(before, after, at)


def _between(before: Point, after: Point, at: int) -> float:
    """Return the figure of a moment on the line from one reading to the next."""
    if at == after.at:
        return after.value
    return before.value + (after.value - before.value) * (at - before.at) / (after.at - before.at)
