"""Lines from a pipe or file, read by a thread: neither the loop nor the end of the program waits for one."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from typing import TextIO

import structlog

log = structlog.get_logger(__name__)


class Feed:
    """Reads lines as they come; who stops taking them and begins again misses none."""

    def __init__(self, lines: TextIO) -> None:
        self._lines = lines
        #: None until somebody takes lines: a second thread would take some away from the first.
        self._queue: asyncio.Queue[str | None] | None = None
        self._ended = False

    async def __aiter__(self) -> AsyncIterator[str | None]:
        """Yield lines, and None at the end."""
        if self._queue is None:
            self._queue = asyncio.Queue()
            told = asyncio.get_running_loop(), self._queue
            threading.Thread(target=self._pump, args=told, name="standard input", daemon=True).start()
        while not self._ended:
            line = await self._queue.get()
            self._ended = line is None
            if line is not None:
                yield line
        yield None

    def _pump(self, loop: asyncio.AbstractEventLoop, queue: asyncio.Queue[str | None]) -> None:
        def put(line: str | None) -> None:
            try:
                loop.call_soon_threadsafe(queue.put_nowait, line)
            except RuntimeError:  # the loop is closed: nobody waits for this any more
                return

        try:
            for line in self._lines:
                put(line)
        except (OSError, ValueError) as error:  # closed under our hands, or not text
            log.warning("standard input cannot be read", why=str(error))
        put(None)
