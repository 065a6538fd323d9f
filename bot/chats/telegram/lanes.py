"""Work for many chats and people at once, in order for each."""

from __future__ import annotations

import asyncio
import traceback
from collections import deque
from collections.abc import Awaitable, Callable, Hashable

import structlog

log = structlog.get_logger(__name__)

Work = Callable[[], Awaitable[None]]

#: What may wait in one lane; more is somebody playing, and is left out.
MOST = 20


class Lanes:
    """One lane a chat, or a person who taps; a lane is there while there is work in it."""

    def __init__(self) -> None:
        self._closed = False
        self._lanes: dict[Hashable, deque[Work]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def put(self, key: Hashable, work: Work) -> None:
        """Add work to a lane; at the end nothing more is begun."""
        lane = self._lanes.get(key)
        if self._closed:
            return
        if lane is not None:
            if len(lane) < MOST:
                lane.append(work)
            else:
                log.warning("a telegram chat asks faster than it can be answered", chat=key)
            return
        self._lanes[key] = deque([work])
        task = asyncio.create_task(self._run(key), name=f"telegram {key}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def waiting(self, key: Hashable) -> int:
        """Return how much work is in a lane, besides what is under way."""
        return len(self._lanes.get(key, ()))

    async def stop(self, *, within: float) -> None:
        """Let what is under way end, for some seconds, and drop the rest."""
        self._closed = True
        for lane in self._lanes.values():
            lane.clear()
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=within)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _run(self, key: Hashable) -> None:
        lane = self._lanes[key]
        try:
            while lane:
                work = lane.popleft()
                try:
                    await work()
                except Exception as error:  # noqa: BLE001 - one update's failure is not the next one's
                    # Without the frames' variables: among them are addresses with the token.
                    where = "".join(traceback.format_tb(error.__traceback__)[-3:])
                    why = type(error).__name__
                    log.error("a telegram update failed", why=why, where=where)  # noqa: TRY400
        finally:
            del self._lanes[key]
