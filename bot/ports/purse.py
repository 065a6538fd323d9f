"""What a platform may cost a day, and what it has cost: calls, units or money.

A source charges its purse for what it asks. The poller looks at what is left and asks less often before a purse
runs dry; a source refuses what would overdraw it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from operator import attrgetter

from bot.domain import DAY


@dataclass(frozen=True, slots=True)
class Spent:
    """What was spent in one day of a purse.

    Attributes:
        day: The moment at which that day began, in milliseconds.
        amount: What certainly counts.
        at_most: What it is if the platform grants none of its soft discounts.
        shut: The platform has said that nothing is left of the day, whatever was counted here.
    """

    day: int
    amount: float = 0.0
    at_most: float = 0.0
    shut: bool = False

    def plus(self, other: Spent) -> Spent:
        """Return both together if they are of one day, else the later."""
        if self.day != other.day:
            return max(self, other, key=attrgetter("day"))
        return Spent(self.day, self.amount + other.amount, self.at_most + other.at_most, self.shut or other.shut)


class Purse:
    """One platform's budget of a day.

    Args:
        unit: What is counted: ``units``, ``USD``, ``calls``.
        limit: How much a day; None where only the count is of interest.
        day_of: Return when the day of a moment began, and when the next begins (milliseconds).
    """

    def __init__(self, *, unit: str, limit: float | None, day_of: Callable[[int], tuple[int, int]]) -> None:
        self.unit = unit
        self.limit = limit
        self._day_of = day_of
        self._spent = Spent(0)
        #: The part of it that is not kept yet.
        self._fresh = Spent(0)
        #: What the platform itself said last is left, and of how much, where it tells; in its own measure.
        self.points: tuple[int, int] | None = None

    def charge(self, now: int, amount: float, *, at_most: float | None = None) -> None:
        """Note what a question costs; ``at_most`` is without soft discounts, the same unless given."""
        begun, _ = self._day_of(now)
        self._add(Spent(begun, amount, amount if at_most is None else at_most))

    def shut(self, now: int) -> None:
        """Note that the platform says that nothing is left today: others may spend from the same account."""
        begun, _ = self._day_of(now)
        self._add(Spent(begun, shut=True))

    def spent(self, now: int) -> Spent:
        """Return what was spent today."""
        begun, _ = self._day_of(now)
        return self._spent if self._spent.day == begun else Spent(begun)

    def left(self, now: int) -> float | None:
        """Return what may still be spent today; None without a limit."""
        spent = self.spent(now)
        if self.limit is None:
            return None
        return 0.0 if spent.shut else max(0.0, self.limit - spent.amount)

    def affords(self, now: int, amount: float) -> bool:
        """Tell whether so much may still be spent today."""
        left = self.left(now)
        return left is None or amount <= left + 1e-9

    def resets_at(self, now: int) -> int:
        """Return when the next day begins."""
        return self._day_of(now)[1]

    def take(self) -> Spent | None:
        """Return what was spent since the last time, for whoever keeps it; None if nothing was."""
        fresh, self._fresh = self._fresh, Spent(self._fresh.day)
        return fresh if fresh.amount or fresh.at_most or fresh.shut else None

    def give_back(self, fresh: Spent) -> None:
        """Take back what could not be kept, to be kept with what comes."""
        self._fresh = fresh.plus(self._fresh)

    def adopt(self, kept: Spent) -> None:
        """Take over what is kept of all that was spent, before a restart and by others, beside what is not."""
        self._spent = kept.plus(self._fresh)

    def _add(self, spent: Spent) -> None:
        self._spent = self._spent.plus(spent)
        self._fresh = self._fresh.plus(spent)


def utc_day(now: int) -> tuple[int, int]:
    """Return when the UTC day of a moment began, and when the next begins."""
    begun = now - now % DAY
    return begun, begun + DAY
