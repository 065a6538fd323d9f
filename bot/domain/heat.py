"""How much is to be missed of a watch between two readings."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from bot.domain import MINUTE

#: A session's first minutes, in which most joins.
FIRST_MINUTES = 5 * MINUTE
#: Near is what has come to this part of a rung or a record.
NEAR = 0.95
#: A plateau is a figure that stays within this part of where it was, for this long.
LEVEL = 0.02
LASTS = 10 * MINUTE


class Heat(IntEnum):
    """From what can wait to what cannot."""

    #: Off the air.
    OFF = 0
    #: On the air, on a plateau.
    LEVEL = 1
    LIVE = 2
    #: In its first minutes, or close to a rung or a record.
    HOT = 3


def is_near(value: float, *, last: float | None, ahead: float) -> bool:
    """Tell whether a figure is close to a mark above it, or gets there by the next reading at this pace.

    Args:
        last: The reading before.
        ahead: The mark; infinity if there is none.
    """
    if value >= ahead:
        return False
    return value >= NEAR * ahead or (last is not None and value + (value - last) >= ahead)


@dataclass(slots=True)
class Plateau:
    """Where a figure was when it last moved.

    Attributes:
        value: The figure.
        since: When it was first there.
    """

    value: float
    since: int

    def lasts(self, value: float, at: int) -> bool:
        """Note a figure, and tell whether it has been on a plateau."""
        if abs(value - self.value) > max(LEVEL * self.value, 1):
            self.value, self.since = value, at
        return at - self.since >= LASTS
