"""When a figure would be reached at the present pace: a range, and only while the pace carries it."""

from __future__ import annotations

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


@dataclass(frozen=True, slots=True)
class Estimate:
    """Milliseconds until a figure is reached, if things go on as they do."""

    soonest: int
    latest: int


def slope(points: Sequence[tuple[int, float]]) -> float | None:
    """Return the least-squares rise per millisecond of (moment, figure) points, or None without a length."""
    n = len(points)
    if n < 2 or points[0][0] == points[-1][0]:
        return None
    start = points[0][0]
    mean_x = sum(at - start for at, _ in points) / n
    mean_y = sum(value for _, value in points) / n
    spread = sum((at - start - mean_x) ** 2 for at, _ in points)
    return sum((at - start - mean_x) * (value - mean_y) for at, value in points) / spread


def estimate(points: Sequence[tuple[int, float]], target: float) -> Estimate | None:
    """Return when ``target`` would be reached, or None when the pace does not carry it.

    The pace of the whole window and that of its newer half bound the range. Both must rise, the newer one must
    not be giving out, and the figure must lie no further ahead than the pace was watched.

    Args:
        points: Confirmed (moment, figure) of the last minutes, in order of time.
        target: The figure to reach.
    """
    if len(points) < FEWEST or points[-1][0] - points[0][0] < SHORTEST:
        return None
    missing = target - points[-1][1]
    if missing <= 0:
        return None
    whole, newer = slope(points), slope(points[len(points) // 2 :])
    if whole is None or newer is None or whole <= 0 or newer < STEADY * whole:
        return None
    times = (missing / whole, missing / newer)
    if max(times) > REACH * (points[-1][0] - points[0][0]):
        return None
    return Estimate(soonest=round(min(times)), latest=round(max(times)))
