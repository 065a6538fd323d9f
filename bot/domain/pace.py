"""When a figure would be reached at the present pace: a range, and only while the pace carries it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from bot.domain import MINUTE

#: How far back the present pace looks.
WINDOW = 10 * MINUTE
#: It takes this many readings over this much time to speak of a pace.
FEWEST = 5
SHORTEST = 3 * MINUTE
#: The pace of the newer half may fall short of that of the whole by this much; below, it is giving out.
STEADY = 0.7
#: What lies further ahead than the pace was watched is a guess, not an estimate.
REACH = 1.0
#: By how much a range is wider than what the readings alone say: what will come is not what was.
EARLIER, LATER = 0.9, 1.3


@dataclass(frozen=True, slots=True)
class Estimate:
    """Milliseconds until a figure is reached, if things go on as they do."""

    soonest: int
    latest: int


@dataclass(frozen=True, slots=True)
class Line:
    """The straight line through some readings: its rise per millisecond, and how far that may be off by chance."""

    rise: float
    error: float


def slope(points: Sequence[tuple[int, float]]) -> float | None:
    """Return the least-squares rise per millisecond of (moment, figure) points, or None without a length."""
    line = fit(points)
    return None if line is None else line.rise


def fit(points: Sequence[tuple[int, float]]) -> Line | None:
    """Return the least-squares line through (moment, figure) points, with the standard error of its rise."""
    n = len(points)
    if n < 2 or points[0][0] == points[-1][0]:
        return None
    start = points[0][0]
    mean_x = sum(at - start for at, _ in points) / n
    mean_y = sum(value for _, value in points) / n
    spread = sum((at - start - mean_x) ** 2 for at, _ in points)
    rise = sum((at - start - mean_x) * (value - mean_y) for at, value in points) / spread
    left = sum((value - mean_y - rise * (at - start - mean_x)) ** 2 for at, value in points)
    return Line(rise, math.sqrt(left / max(1, n - 2) / spread))


def estimate(points: Sequence[tuple[int, float]], target: float) -> Estimate | None:
    """Return when ``target`` would be reached, or None when the pace does not carry it.

    The soonest is a straight line at the higher of two paces, that of the whole window and that of its newer half.
    The latest goes on as the pace changed within the window: where it slackened it goes on slackening, as
    audiences do that fill up, and may never get there. Both paces must rise, the newer one must not be giving out,
    and the figure must lie no further ahead than the pace was watched.

    Args:
        points: Confirmed (moment, figure) of the last minutes, in order of time.
        target: The figure to reach.
    """
    if len(points) < FEWEST or points[-1][0] - points[0][0] < SHORTEST:
        return None
    missing, length = target - points[-1][1], points[-1][0] - points[0][0]
    half = len(points) // 2
    whole, older, newer = fit(points), fit(points[: half + 1]), fit(points[half:])
    if missing <= 0 or whole is None or older is None or newer is None:
        return None
    if whole.rise <= 0 or newer.rise < STEADY * whole.rise:
        return None
    soonest = missing / max(whole.rise, newer.rise + newer.error)
    low = min(whole.rise, newer.rise) - newer.error
    latest = missing / low if low > 0 else math.inf
    if older.rise > newer.rise:
        latest = max(latest, _slackening(missing, older.rise, newer.rise, length / 2))
    latest *= LATER
    if latest > REACH * length:
        return None
    return Estimate(soonest=round(EARLIER * soonest), latest=round(latest))


def _slackening(missing: float, older: float, newer: float, apart: float) -> float:
    """Return how long a rise takes whose pace goes on falling by the same part in the same time.

    Args:
        older, newer: The pace at two moments, in the middle of either half.
        apart: The time between these.
    """
    rate = math.log(older / newer) / apart
    now = newer * math.exp(-rate * apart / 2)
    share = missing * rate / now
    return math.inf if share >= 1 else -math.log(1 - share) / rate
