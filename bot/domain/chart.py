"""What a chart shows: curves, marks, axes, with every word in the reader's language. Nothing here can draw."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from enum import StrEnum
from math import floor, log10

from bot.domain import DAY, HOUR, MINUTE, SECOND
from bot.domain.snapshot import Snapshot
from bot.domain.statistics import JOINED_INTERVALS, Tally

#: A moment and the figure then; None where the line breaks.
Point = tuple[int, float | None]

#: More pixels than a chart is wide; of what falls into one, four points say all that can be seen.
COLUMNS = 1_200
#: Clocks on the axis show no seconds.
_STEPS = (
    *(n * MINUTE for n in (1, 2, 5, 10, 15, 30)),
    *(n * HOUR for n in (1, 2, 3, 6, 12)),
    *(n * DAY for n in (1, 2, 7, 14, 30, 90, 365)),
)

#: What is less is drawn as nothing.
_LEAST = 1e-9
#: Clocks differ by whole quarters of an hour, and are set by such.
_QUARTER = 15 * MINUTE


class Size(StrEnum):
    """The shape of a picture."""

    WIDE = "wide"
    #: Fills more of a phone's screen.
    TALL = "tall"


class Kind(StrEnum):
    """What a mark stands for."""

    PEAK = "peak"
    RUNG = "rung"
    RECORD = "record"


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """A line.

    Attributes:
        label: What it is, where there are several.
        points: In order of time.
        faint: It stands behind, to compare with.
    """

    label: str
    points: tuple[Point, ...]
    faint: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A figure that matters.

    Attributes:
        at: When it was reached; None if it was not.
        curve: On which of the curves it lies.
    """

    kind: Kind
    value: float
    label: str
    at: int | None = None
    curve: int = 0


@dataclass(frozen=True, slots=True)
class Tick:
    """A place on an axis, and what stands there."""

    at: float
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """All that a picture is made of.

    Attributes:
        title: The line on top; left out of the picture where no font has its letters.
        subtitle: What is counted, in parts that stand side by side; a part without a font is left out, too.
        first, last: The moments at both ends; counted from the start (0) where sessions are aligned there.
        top: The figure at the upper end; the lower one is 0.
        across, up: What stands at the axes.
        clock: Whose time it is, or that it is counted from the start.
        gap: What stands in a stretch without readings.
        note: Small print.
    """

    title: str
    subtitle: tuple[str, ...]
    curves: tuple[Curve, ...]
    first: int
    last: int
    top: float
    across: tuple[Tick, ...]
    up: tuple[Tick, ...]
    marks: tuple[Mark, ...] = ()
    clock: str = ""
    gap: str = ""
    note: str = ""
    dark: bool = False
    size: Size = Size.WIDE


@dataclass(slots=True)
class Trace:
    """Follows a session's kept readings, page by page, and keeps what can be seen of its line.

    Glitches are left out and the line breaks as the design says: at an offline answer, and where neighbouring
    readings that count are more than three intervals apart. Of each of ``columns`` stretches stay the first, the
    last, the lowest and the highest figure; a break within one is too narrow to be seen.

    Attributes:
        first, last: The stretch that is drawn.
        columns: Of how many columns of pixels; None keeps every reading.
        tally: Of the readings seen.
    """

    first: int
    last: int
    columns: int | None = COLUMNS
    tally: Tally = field(default_factory=Tally)
    _points: list[Point] = field(default_factory=list)
    _column: list[tuple[int, float]] = field(default_factory=list)
    _place: int = -1
    _waiting: tuple[int, float, int, bool] | None = None

    def follow(self, snapshots: Iterable[Snapshot]) -> None:
        """Take in the next readings, in order of time."""
        tally = self.tally
        for one in snapshots:
            if not one.live:
                tally.break_line()
                continue
            if one.broken:
                tally.break_line()
            broken, glitches = tally.broken, tally.glitches
            waiting, self._waiting = self._waiting, None
            before = self._before()
            tally.see(one.at, interval=one.interval, concurrent=one.concurrent, sure=one.sure)
            if one.concurrent is None:
                self._waiting = waiting
                continue
            if waiting is not None and tally.glitches == glitches:
                at, value, interval, apart = waiting
                self.add(at, value, joined=not apart and _near(before, at, interval))
                before = (at, interval)
            elif waiting is not None:
                broken = broken or waiting[3]
            if tally.suspect is None:
                joined = not broken and _near(before, one.at, one.interval)
                self.add(one.at, one.concurrent, joined=joined)
            else:
                self._waiting = (one.at, one.concurrent, one.interval, broken)

    def points(self) -> tuple[Point, ...]:
        """Return the line so far."""
        return (*self._points, *_visible(self._column))

    def _before(self) -> tuple[int, int] | None:
        tally = self.tally
        return None if tally.confirmed is None else (tally.confirmed_at, tally.confirmed_interval)

    def add(self, at: int, value: float, *, joined: bool) -> None:
        """Go on to a figure that counts; without ``joined`` the line breaks before it."""
        column = self._column_of(at)
        if column != self._place:
            self._points += _visible(self._column)
            if not joined and self._points:
                self._points.append((at, None))
            self._column, self._place = [], column
        self._column.append((at, value))

    def _column_of(self, at: int) -> int:
        if self.columns is None:
            return at
        return (at - self.first) * self.columns // max(1, self.last - self.first)


def _near(before: tuple[int, int] | None, at: int, interval: int) -> bool:
    """Tell whether a reading is joined to the one that counted before it."""
    return before is not None and 0 <= at - before[0] <= JOINED_INTERVALS * max(before[1], interval)


def _visible(column: Sequence[tuple[int, float]]) -> list[tuple[int, float]]:
    """Return what can be seen of the points that share a column of pixels."""
    if len(column) <= 4:
        return list(column)
    lowest = min(range(len(column)), key=lambda place: column[place][1])
    highest = max(range(len(column)), key=lambda place: column[place][1])
    return [column[place] for place in sorted({0, lowest, highest, len(column) - 1})]


def growth(
    figures: Iterable[tuple[int, float | None]], *, interval: int, columns: int = COLUMNS, first: int, last: int
) -> tuple[Point, ...]:
    """Return the line of a figure that only adds up, through its known values, with its gaps."""
    trace = Trace(first, last, columns)
    before: int | None = None
    for at, value in figures:
        if value is not None:
            trace.add(at, value, joined=before is not None and at - before <= JOINED_INTERVALS * interval)
            before = at
    return trace.points()


def highest(points: Iterable[Point]) -> tuple[int, float] | None:
    """Return the moment and value of the first highest point, or None where none is known."""
    found: tuple[int, float] | None = None
    for at, value in points:
        if value is not None and (found is None or value > found[1]):
            found = (at, value)
    return found


def known(points: Iterable[Point]) -> int:
    """Return how many figures a line goes through."""
    return sum(value is not None for _, value in points)


def shifted(points: Iterable[Point], by: int) -> tuple[Point, ...]:
    """Return a line moved in time."""
    return tuple((at + by, value) for at, value in points)


def cut(points: Iterable[Point], *, last: int) -> tuple[Point, ...]:
    """Return a line up to a moment."""
    return tuple(point for point in points if point[0] <= last)


def steps_up(highest_value: float, *, room: float = 1.18, most: int = 5) -> tuple[list[float], float]:
    """Return round figures for the upright axis from 0 on, and the figure at its upper end.

    Args:
        room: The upper end is so many times the highest value, so that a label fits above it.
        most: At most so many figures.
    """
    top = highest_value * room if highest_value > _LEAST else 1.0
    rough = top / most
    unit = 10.0 ** floor(log10(rough))
    step = next(unit * n for n in (1, 2, 5, 10) if unit * n >= rough * 0.999)
    if highest_value >= 1 or top == 1:
        step = max(step, 1.0)
    # Without the dust of binary fractions.
    return [round(step * n, 3 - floor(log10(step))) for n in range(floor(top / step) + 1)], top


def clock_steps(first: int, last: int, zone: tzinfo, *, most: int = 6) -> list[int]:
    """Return round moments of a zone's clock between two moments, for an axis.

    On the day when a clock is set, they stay round; an hour that comes twice is named once.
    """
    length = max(1, last - first)
    step = next((one for one in _STEPS if length / one <= most), _STEPS[-1])
    if step >= DAY:
        return _midnights(first, last, zone, step // DAY)
    found: list[int] = []
    pace = min(step, _QUARTER)
    at = _whole(first, pace, zone)
    while at <= last:
        local = datetime.fromtimestamp(at / SECOND, tz=zone)
        within = ((local.hour * 60 + local.minute) * 60 + local.second) * SECOND
        if at >= first and within % step == 0 and (step <= HOUR or not local.fold):
            found.append(at)
        at += pace
    return found


def _whole(at: int, step: int, zone: tzinfo) -> int:
    """Return the last moment before ``at`` that is a multiple of a step on a zone's clock."""
    offset = datetime.fromtimestamp(at / SECOND, tz=zone).utcoffset() or timedelta()
    ahead = round(offset.total_seconds() * SECOND)
    return (at + ahead) // step * step - ahead


def _midnights(first: int, last: int, zone: tzinfo, days: int) -> list[int]:
    day = datetime.fromtimestamp(first / SECOND, tz=zone).date()
    found: list[int] = []
    while True:
        moment = datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)
        at = round(moment.timestamp() * SECOND)
        if at > last:
            return found
        if at >= first:
            found.append(at)
        day += timedelta(days=days if found else 1)


def length_steps(length: int, *, most: int = 6) -> list[int]:
    """Return round lengths of time from 0 on, for an axis that counts from the start."""
    step = next((one for one in _STEPS if max(1, length) / one <= most), _STEPS[-1])
    return list(range(0, max(1, length) + 1, step))
