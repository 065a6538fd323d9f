"""When each watch is asked next: sooner where something is about to happen, later where nothing does.

The interval of a watch is halved in a session's first minutes and close to a rung or a record, and doubled on a
plateau. Off the air it stays as it is, so that a session is found within one interval. Where a purse will not last
the day, all intervals are stretched, those of what is live and close the least.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import replace

from bot.domain import MINUTE, SECOND
from bot.domain.heat import Heat
from bot.pipeline.thrift import Thrift
from bot.ports.source import Gathers, Source, Told
from storage.watches import Watch

#: No interval is made shorter than this, nor longer than that because of a plateau.
SHORTEST = 15 * SECOND
LONGEST = 5 * MINUTE
QUARTER = 15 * MINUTE
#: What may be used of a platform's limit of calls before nothing is read more often than usual.
ROOM = 0.4
#: To which power of a purse's stretch each is stretched.
SHARES = {Heat.HOT: 0.5, Heat.LIVE: 1.0, Heat.LEVEL: 1.25, Heat.OFF: 1.25}


def paced(interval: int, heat: Heat, *, stretch: float = 1.0) -> int:
    """Return a watch's interval as its heat wants it and its purse lets it, in milliseconds."""
    if stretch > 1:
        return round(interval * float(stretch ** SHARES[heat]))
    match heat:
        case Heat.HOT:
            return max(interval // 2, min(interval, SHORTEST))
        case Heat.LEVEL:
            return min(2 * interval, max(interval, LONGEST))
        case _:
            return interval


class Rhythm:
    """Sets when watches are due, and knows the interval that was in force for each.

    Args:
        sources: Two of them may share a purse.
    """

    def __init__(self, sources: Mapping[str, Source]) -> None:
        thrift = {id(one.purse): Thrift(one.purse) for one in sources.values() if one.purse is not None}
        self._thrift = {
            one.platform: thrift[id(one.purse)]
            for one in sources.values()
            if one.purse is not None and not (isinstance(one, Gathers) and not one.spares)
        }
        #: Of platforms that allow few calls: how many, and those of the last quarter of an hour.
        self._room = {
            one.platform: one.calls_a_quarter
            for one in sources.values()
            if isinstance(one, Gathers) and one.calls_a_quarter is not None
        }
        self._calls: dict[str, deque[tuple[int, int]]] = {name: deque() for name in self._room}
        #: Watches that are asked in another rhythm than they want, and the interval in force.
        self._in_force: dict[int, int] = {}

    def stretch(self, platform: str, now: int) -> float:
        """Return by how much a platform's intervals are longer than usual, for want of budget."""
        return self._thrift[platform].look(now) if platform in self._thrift else 1.0

    def called(self, platform: str, calls: int, now: int) -> None:
        """Note calls that go out now."""
        if platform in self._calls:
            self._calls[platform].append((now, calls))

    def has_room(self, platform: str, now: int) -> bool:
        """Tell whether a platform's limit of calls leaves room for more than the usual ones."""
        if platform not in self._room:
            return True
        calls = self._calls[platform]
        while calls and (calls[0][0] <= now - QUARTER or calls[0][0] > now):
            calls.popleft()
        return sum(count for _, count in calls) < ROOM * self._room[platform]

    def in_force(self, watch: Watch) -> Watch:
        """Return a watch with the interval that is in force for it."""
        interval = self._in_force.get(watch.id, watch.interval)
        return watch if interval == watch.interval else watch._replace(interval=interval)

    def again(self, watch: Watch, told: Told, now: int, *, interval: int) -> Told:
        """Put another interval in force; returns what was told with the moment of the next reading."""
        self._in_force.pop(watch.id, None)
        if told.again_at is not None or told.over or interval == watch.interval:
            return told
        self._in_force[watch.id] = interval
        if interval > watch.interval and watch.source in self._thrift:  # a new day has a new budget
            resets_at = self._thrift[watch.source].purse.resets_at(now)
            return replace(told, again_at=min(now + interval, max(resets_at, now + watch.interval)))
        return replace(told, again_at=now + interval)
