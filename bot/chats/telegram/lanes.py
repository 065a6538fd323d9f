"""Work for many chats at once, in order within each."""

from __future__ import annotations

import asyncio
import traceback
from collections import deque
from collections.abc import Awaitable, Callable

import structlog

log = structlog.get_logger(__name__)

Work = Callable[[], Awaitable[None]]

#: What may wait in one chat; more is somebody playing, and is left out.
MOST = 20


class Lanes:
    """One lane a chat; a lane is there while there is work in it."""

    def __init__(self) -> None:
        self._lanes: dict[int, deque[Work]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def put(self, chat: int, work: Work) -> None:
        """Add work to a chat's lane."""
        lane = self._lanes.get(chat)
        if lane is not None:
            if len(lane) < MOST:
                lane.append(work)
            else:
                log.warning("a telegram chat asks faster than it can be answered", chat=chat)
            return
        self._lanes[chat] = deque([work])
        task = asyncio.create_task(self._run(chat), name=f"telegram {chat}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def stop(self, *, within: float) -> None:
        """Let what is under way end, for some seconds, and drop the rest."""
        for lane in self._lanes.values():
            lane.clear()
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=within)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _run(self, chat: int) -> None:
        lane = self._lanes[chat]
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
            del self._lanes[chat]
