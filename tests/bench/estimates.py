"""How good the estimates are: when a figure would be reached, against what was then reached, and when.

Replays: the sample session, and sessions of people who come and go one by one, made up with fixed seeds. At every
reading each way of estimating says when the next rung and the best of an earlier night would be reached. What is
compared with is "the pace of the last five minutes goes on", at the same moments.
"""

from __future__ import annotations

import random
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import inf
from statistics import median

from bot.domain import MINUTE, SECOND
from bot.domain.alerts.milestone import next_rung
from bot.domain.pace import WINDOW, estimate, slope
from bot.domain.reading import Answer
from bot.samples import SPACE
from bot.sources.replay import load
from tests.bench.report import Figure

SESSIONS = 300
LENGTH = 150
PACE = 5 * MINUTE
Points = list[tuple[int, float]]


@dataclass(frozen=True, slots=True)
class Guess:
    """What was said, in minutes.

    Attributes:
        soonest, latest: Our range as readers see it.
        middle: The middle of it, before it was rounded.
        pace: What the pace of the last five minutes says.
        true: When it came, or infinity.
    """

    soonest: int
    latest: int
    middle: float
    pace: float
    true: float

    @property
    def held(self) -> bool:
        """Whether the range held, to half a minute, as its ends are whole minutes."""
        return self.soonest - 0.5 <= self.true <= self.latest + 0.5

    def pace_held(self, slack: float) -> bool:
        """Whether the other held, given the same room around its point."""
        return abs(self.pace - self.true) <= slack + 0.5


@dataclass(slots=True)
class Tallied:
    """All guesses of one kind."""

    guesses: list[Guess] = field(default_factory=list)

    @property
    def share_held(self) -> float:
        return sum(one.held for one in self.guesses) / len(self.guesses)

    @property
    def pace_share_held(self) -> float:
        """The same for the other, with a range as wide as ours around its point."""
        good = sum(one.pace_held((one.latest - one.soonest) / 2) for one in self.guesses)
        return good / len(self.guesses)

    @property
    def error(self) -> float:
        return median(_off(one.middle, one.true) for one in self.guesses)

    @property
    def pace_error(self) -> float:
        return median(_off(one.pace, one.true) for one in self.guesses)

    @property
    def never(self) -> float:
        return sum(one.true == inf for one in self.guesses) / len(self.guesses)


def _off(said: float, true: float) -> float:
    """Return by which part of the true time a guess was off; what never came is off altogether."""
    return inf if true == inf else abs(said - true) / true


def replays() -> list[Points]:
    """Return the sample session, and those that are made up."""
    sample = [
        (one.at, float(reading.concurrent))
        for one in load(SPACE).answers
        if isinstance(one, Answer)
        for reading in one.readings
        if reading.concurrent is not None
    ]
    return [sample, *(_made_up(seed) for seed in range(SESSIONS))]


def _made_up(seed: int) -> Points:
    """Return a session: how many come a minute changes with its course, and each of them stays for a while."""
    chance = random.Random(seed)
    interval = chance.choice((30, 60)) * SECOND
    size = 10 ** chance.uniform(1.7, 4.7)
    stay = chance.uniform(8, 90)  # minutes
    course = chance.choice(("opening", "building", "steady", "raids", "waves"))
    bursts = sorted((chance.uniform(5, LENGTH - 20), chance.uniform(0.1, 0.8)) for _ in range(4))
    present = 0.0
    points: Points = []
    for n in range(LENGTH * MINUTE // interval):
        minute = n * interval / MINUTE
        coming = size / stay * _rate(course, minute, bursts)
        if minute > LENGTH - 15:
            coming *= 0.2
        mean = coming * interval / MINUTE
        present += _poisson(chance, mean)
        present -= _poisson(chance, present * interval / MINUTE / stay)
        present = max(0.0, present)
        points.append((n * interval, float(round(present))))
    return points


def _rate(course: str, minute: float, bursts: Sequence[tuple[float, float]]) -> float:
    match course:
        case "opening":  # most come at the beginning
            return 0.5 + 4 * float(0.9**minute)
        case "building":
            return min(2.0, 0.2 + minute / 40)
        case "raids":
            return 0.6 + sum(30 * part for at, part in bursts if at <= minute < at + 1)
        case "waves":
            return 0.8 + sum(3 * part * max(0.0, 1 - abs(minute - at) / 15) for at, part in bursts)
    return 1.0


def _poisson(chance: random.Random, mean: float) -> float:
    return max(0.0, round(chance.gauss(mean, mean**0.5))) if mean > 0 else 0.0


def judge(points: Points, target_of: str, found: Tallied) -> None:
    """Add what was said at every reading of one session."""
    high = 0.0
    peak = max(value for _, value in points)
    record = 0.9 * peak
    moments = [at for at, _ in points]
    marks: list[float] = []
    for _, value in points:
        marks.append(max(value, marks[-1] if marks else 0.0))
    for place, (now, value) in enumerate(points):
        high = max(high, value)
        target = next_rung(None, above=high) if target_of == "rung" else record
        if target is None or high >= target or target > 4 * peak:
            continue
        recent = points[bisect_left(moments, now - WINDOW) : place + 1]
        guess = estimate(recent, target)
        pace = slope([one for one in recent if one[0] >= now - PACE])
        if guess is None or pace is None or pace <= 0:
            continue
        reached = bisect_left(marks, target)
        true = inf if reached == len(marks) else (moments[reached] - now) / MINUTE
        soonest, latest = (max(1, round(ms / MINUTE)) for ms in (guess.soonest, guess.latest))
        middle = (guess.soonest + guess.latest) / 2 / MINUTE
        found.guesses.append(Guess(soonest, latest, middle, (target - value) / pace / MINUTE, true))


def measure() -> list[Figure]:
    """Judge all replays."""
    figures = []
    sessions = replays()
    for target, called in (("rung", "the next rung"), ("record", "a record")):
        found = Tallied()
        for points in sessions:
            judge(points, target, found)
        figures += [
            Figure(
                name=f"estimates of {called} whose range held",
                value=round(100 * found.share_held, 1),
                unit="%",
                note=f"of {len(found.guesses):,}; {100 * found.pace_share_held:.1f} % for five minutes’ pace "
                f"with as wide a range; {100 * found.never:.1f} % never came",
            ),
            Figure.ratio(
                "their median error against that pace",
                found.error / found.pace_error,
                goal=1.0,
                note=f"{100 * found.error:.0f} % of the time it took against {100 * found.pace_error:.0f} %",
            ),
        ]
    return figures
