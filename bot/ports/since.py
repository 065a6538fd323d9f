"""What has come to a place after a post: the messages that a bot hears of, by the platform's growing numbers.

Kept only of places where the bot wrote or was asked about, and of each no more than it takes to call a post
buried.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Hashable
from dataclasses import dataclass, field

#: Places kept, and messages of each: more than that above a post are so many at least.
MOST_PLACES = 10_000
MOST = 100


@dataclass(slots=True)
class _Place:
    """What was heard in a place, the latest last.

    Attributes:
        whole: All that came after this number was heard; None while that is so of none.
    """

    whole: int | None = None
    heard: deque[int] = field(default_factory=lambda: deque(maxlen=MOST))


class Since:
    """Counts messages, place by place."""

    def __init__(self) -> None:
        self._places: OrderedDict[Hashable, _Place] = OrderedDict()

    def wrote(self, place: Hashable, number: int) -> None:
        """Note a message of the bot's own; from now on what comes there is counted."""
        self._note(self._place(place), number)

    def heard(self, place: Hashable, number: int) -> None:
        """Note a message of anybody, where that is of interest."""
        known = self._places.get(place)
        if known is not None:
            self._note(known, number)

    def gap(self) -> None:
        """Note that messages may have come unheard."""
        for one in self._places.values():
            one.whole = None

    def after(self, place: Hashable, number: int, *, everything: bool = True) -> int | None:
        """Return how many messages are known to have come after one; None where nothing is known.

        Args:
            everything: The platform lets the bot hear of every message there.
        """
        known = self._place(place)
        count = sum(one > number for one in known.heard)
        whole = everything and known.whole is not None and known.whole <= number
        return count if count or whole else None

    def latest(self, place: Hashable) -> int | None:
        """Return the number of the last message heard of."""
        known = self._places.get(place)
        return max(known.heard, default=None) if known is not None else None

    def _place(self, place: Hashable) -> _Place:
        known = self._places.setdefault(place, _Place())
        self._places.move_to_end(place)
        while len(self._places) > MOST_PLACES:
            self._places.popitem(last=False)
        return known

    def _note(self, place: _Place, number: int) -> None:
        if number in place.heard:
            return
        place.heard.append(number)
        if place.whole is None:
            place.whole = number
