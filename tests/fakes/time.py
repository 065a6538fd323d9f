"""Time that passes only when everybody sleeps: an hour of it in a moment, and the same every run."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Awaitable, Callable
from itertools import count
from typing import TypeVar

T = TypeVar("T")


class Virtual:
    """A clock in seconds with its own ``sleep``."""

    def __init__(self) -> None:
        self.now = 0.0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._number = count()

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        """Wait so many seconds of this clock."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self.now + seconds, next(self._number), future))
        await future

    @property
    def asleep(self) -> int:
        """How many sleep now."""
        return sum(not future.done() for _, _, future in self._sleepers)

    async def run(self, work: Awaitable[T], *, idle: Callable[[], bool] = lambda: True) -> T:
        """Do something, and let time pass whenever ``idle`` says that all that is under way sleeps."""
        task = asyncio.ensure_future(work)
        while not task.done():
            for _ in range(5):  # let everything go on that can
                await asyncio.sleep(0)
            if task.done():
                break
            if self._sleepers and idle():
                self.now, _, future = heapq.heappop(self._sleepers)
                if not future.done():
                    future.set_result(None)
            else:
                await asyncio.sleep(0.002)
        return task.result()
