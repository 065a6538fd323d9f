"""New sessions of the gateway, of which Discord gives a bot so many a day, and so many at once.

https://docs.discord.com/developers/events/gateway#session-start-limit-object
"""

from __future__ import annotations

import asyncio
from collections import defaultdict

#: 1000 IDENTIFYs a day for most bots; over it the token is reset. This is at most 100 + 864 a day, and as much in
#: proportion of what Discord gives a larger bot.
USUAL_TOTAL = 1000
IDENTIFY_BURST = 100
IDENTIFY_REFILL_SECONDS = 100.0
#: One in 5 s, for each of as many groups of shards as may begin at once.
IDENTIFY_GAP_SECONDS = 5.1
#: So many of a day are left for whatever else has the token.
IDENTIFIES_LEFT = 10


class Later(Exception):
    """No IDENTIFY is left for now: wait so many seconds."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"no new session for {seconds:.0f} s")
        self.seconds = seconds


class Turn:
    """The right to make a connection and begin a session on it; over when that is done or failed."""

    def __init__(self, lock: asyncio.Lock) -> None:
        self._lock: asyncio.Lock | None = lock

    def over(self) -> None:
        """Let the next begin."""
        lock, self._lock = self._lock, None
        if lock is not None:
            lock.release()


class Identifies:
    """Keeps IDENTIFYs within the day's, over all clients and shards of one run."""

    def __init__(self) -> None:
        self._part = 1.0
        self._at_once = 1
        self._left = float(IDENTIFY_BURST)
        self._counted_at: float | None = None
        #: When the last of a group was or will be.
        self._at: dict[int, float] = {}
        self._turns: defaultdict[int, asyncio.Lock] = defaultdict(asyncio.Lock)

    def learn(self, *, total: int, at_once: int) -> None:
        """Note how many sessions Discord gives this bot a day, and how many may begin at once."""
        part = max(total / USUAL_TOTAL, 1.0)
        self._left += (part - self._part) * IDENTIFY_BURST
        self._part, self._at_once = part, max(at_once, 1)

    async def turn(self, shard: int) -> Turn:
        """Wait for those of the same group that begin now: who waits for long on an open connection loses it."""
        lock = self._turns[shard % self._at_once]
        await lock.acquire()
        return Turn(lock)

    async def take(self, shard: int = 0) -> None:
        """Take one, at its distance from the last of its group.

        Raises:
            Later: There is none left.
        """
        now = asyncio.get_running_loop().time()
        refill, most = IDENTIFY_REFILL_SECONDS / self._part, IDENTIFY_BURST * self._part
        if self._counted_at is None:
            self._left = min(self._left, most)
        else:
            self._left = min(self._left + (now - self._counted_at) / refill, most)
        self._counted_at = now
        if self._left < 1:
            raise Later((1 - self._left) * refill)
        self._left -= 1
        group = shard % self._at_once
        pause = max(self._at[group] + IDENTIFY_GAP_SECONDS - now, 0.0) if group in self._at else 0.0
        self._at[group] = now + pause
        if pause > 0:
            await asyncio.sleep(pause)
