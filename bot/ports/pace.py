"""Keeping within a platform's limits before it has to say so: what one bot sends, posts and answers together.

Pauses are deadlines on a clock that nobody sets. Posts take turns, evenly spread, at a little less than the whole
bot's limit; what is left is for answers, which never queue behind posts. A lane is what has a limit of its own: a
chat, or a channel of it.

A platform counts by the token. Where several processes send with one token, each has a share of its limits: while
the shares are no more than 1 together, they keep within the limits together.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

#: The part of the whole bot's limit that posts may use up.
SHARE_OF_POSTS = 0.94
#: Requests that leave this much apart (seconds) may arrive closer together: windows are counted as longer by it.
JITTER = 0.06
#: So late a post may be and still take its own turn (in turns), so that a busy loop costs no throughput.
CATCH_UP = 4
SECOND, MINUTE = 1.0, 60.0
#: Added before fractions of a limit are cut off, so that 0.15 of 20 is 3.
_EPSILON = 1e-9
#: A post that would have to wait longer (seconds) is put back instead.
PATIENCE = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How fast a platform takes messages; None where it sets no such limit.

    Attributes:
        a_second: Messages of the whole bot.
        a_second_a_lane: Messages to one chat, or to one channel of it.
        a_minute_a_group: Messages to one chat of several people.
    """

    a_second: float | None = None
    a_second_a_lane: float | None = None
    a_minute_a_group: int | None = None


class Pace:
    """What one bot has sent lately, and what it may send now.

    Args:
        clock: Seconds; only differences count.
        sleep: Waits so many seconds of that clock.
        share: The part of the limits that is this process's, as ``share`` may set it later.
    """

    def __init__(
        self,
        limits: Limits,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        share: float = 1.0,
    ) -> None:
        self.limits = limits
        _check(limits, share)
        #: From when on which share holds, the latest last; those that no window reaches any more are left out.
        self._shares: deque[tuple[float, float]] = deque([(-math.inf, share)])
        self._clock = clock
        self._sleep = sleep
        self._line = asyncio.Lock()
        #: When the next post's turn is.
        self._next = -math.inf
        self._all: deque[float] = deque(maxlen=math.floor(limits.a_second) if limits.a_second else 1)
        #: The last minute, lane by lane, the latest last.
        self._sent: OrderedDict[str, deque[float]] = OrderedDict()
        self._groups: set[str] = set()
        self._until = -math.inf
        self._held: dict[str, float] = {}

    @property
    def share(self) -> float:
        """The part of the whole bot's limit, and of a group's a minute, that this process may use up.

        A smaller one holds at once. A larger one holds for a limit when its time has passed (a second, a minute):
        until then whoever gave it up may have used it.
        """
        return self._shares[-1][1]

    @share.setter
    def share(self, share: float) -> None:
        _check(self.limits, share)
        now = self._clock()
        self._shares.append((now, share))
        while len(self._shares) > 1 and self._shares[1][0] < now - MINUTE - JITTER:
            self._shares.popleft()

    async def turn(self, lane: str, *, group: bool = False) -> float:
        """Wait until a post may leave, after those that asked before, and note that it does.

        Returns:
            0 when it may leave; else in how many seconds it is worth asking again, which is too long to wait here.
        """
        wait = await self._settle(lambda: max(self._lane_wait(lane, group=group), self.held()))
        if wait:
            return wait
        if not self._line.locked():  # nobody was late: who rested may not make up for it
            self._next = max(self._next, self._clock())
        async with self._line:
            wait = await self._settle(lambda: max(self._turn_wait(), self.wait(lane, group=group)))
            if wait:
                return wait
            self.note(lane, group=group)
        return 0

    async def answer(self, lane: str, *, group: bool = False) -> None:
        """Wait until an answer may leave, ahead of all posts that wait, and note that it does."""
        while (wait := self.wait(lane, group=group)) > 0:
            await self._sleep(wait)
        self.note(lane, group=group)

    def note(self, lane: str, *, group: bool = False) -> None:
        """Note that something leaves now."""
        now = self._clock()
        if self.limits.a_second is not None:
            step = 1 / (self.limits.a_second * SHARE_OF_POSTS * self._share_for(SECOND))
            self._next = max(self._next, now - CATCH_UP * step) + step
            self._all.append(now)
        self._sent.setdefault(lane, deque(maxlen=self.limits.a_minute_a_group or 1)).append(now)
        self._sent.move_to_end(lane)
        if group:
            self._groups.add(lane)
        while next(iter(self._sent.values()))[-1] < now - MINUTE - JITTER:
            self._groups.discard(self._sent.popitem(last=False)[0])

    def wait(self, lane: str, *, group: bool = False) -> float:
        """Return in how many seconds something may leave, were it not for posts that wait their turn."""
        waits = [0.0, self.held(), self._lane_wait(lane, group=group)]
        if self.limits.a_second is not None:
            waits.append(self._full(self._all, self.limits.a_second, SECOND))
        return max(waits)

    def hold(self, seconds: float, lane: str | None = None) -> None:
        """Let nothing leave for so long: to a lane, or at all."""
        until = self._clock() + seconds
        if lane is None:
            self._until = max(self._until, until)
            return
        now = self._clock()
        self._held = {one: moment for one, moment in self._held.items() if moment > now}
        self._held[lane] = max(self._held.get(lane, until), until)

    def held(self) -> float:
        """Return for how many seconds yet nothing at all may leave."""
        return max(0.0, self._until - self._clock())

    def blocked(self) -> set[str]:
        """Return the lanes to which nothing can leave soon."""
        now = self._clock()
        found = {lane for lane, until in self._held.items() if until > now + PATIENCE}
        most = self.limits.a_minute_a_group
        if most is not None:
            found |= {lane for lane in self._groups if self._full(self._sent[lane], most, MINUTE) > PATIENCE}
        return found

    def lately(self, lane: str) -> int:
        """Return how many messages left to a lane within the last minute, as far as its limit lets one tell."""
        now = self._clock()
        return sum(at > now - MINUTE for at in self._sent.get(lane, ()))

    def _lane_wait(self, lane: str, *, group: bool) -> float:
        now = self._clock()
        waits = [0.0, self._held.get(lane, now) - now]
        sent = self._sent.get(lane)
        if sent:
            if self.limits.a_second_a_lane is not None:
                waits.append(sent[-1] + 1 / self.limits.a_second_a_lane + JITTER - now)
            if group and self.limits.a_minute_a_group is not None:
                waits.append(self._full(sent, self.limits.a_minute_a_group, MINUTE))
        return max(waits)

    def _full(self, sent: deque[float], limit: float, seconds: float) -> float:
        """Return for how many seconds yet a limit lets nothing leave after what was sent."""
        most = _part(limit, self._share_for(seconds))
        return sent[-most] + seconds + JITTER - self._clock() if len(sent) >= most else 0.0

    def _share_for(self, seconds: float) -> float:
        """Return the least share that held within so many seconds."""
        if len(self._shares) == 1:
            return self._shares[0][1]
        begin = self._clock() - seconds - JITTER
        ends = [*[at for at, _ in self._shares][1:], math.inf]
        return min(share for (_, share), end in zip(self._shares, ends, strict=True) if end > begin)

    def _turn_wait(self) -> float:
        return 0.0 if self.limits.a_second is None else self._next - self._clock()

    async def _settle(self, wait: Callable[[], float]) -> float:
        """Sleep until nothing is left to wait; return at once what is left if that is too long."""
        while (left := wait()) > 0:
            if left > PATIENCE:
                return left
            await self._sleep(left)
        return 0


def _part(limit: float, share: float) -> int:
    return math.floor(limit * share + _EPSILON)


def _check(limits: Limits, share: float) -> None:
    """Refuse a share with which nothing could ever be sent, or more than the platform takes."""
    if not 0 < share <= 1:
        raise ValueError(f"a share is more than 0 and at most 1, not {share}")
    for limit in (limits.a_second, limits.a_minute_a_group):
        if limit is not None and not _part(limit, share):
            raise ValueError(f"a share of {share} lets nothing leave within a limit of {limit:g}")
