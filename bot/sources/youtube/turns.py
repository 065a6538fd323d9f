"""The calls of one reading: a few at a time, and none that would end after the poller has given up.

The poller gives a reading 30 seconds (``bot.pipeline.poll``), and the client a call 10 (``bot.sources.web``),
which may pass in waiting for a connection. Whatever is not asked in time is asked with the next reading.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from bot.domain.sentence import N_
from bot.ports.source import RateLimited, SourceError
from bot.sources.youtube.api import KeyRefused

#: Calls at a time: two fewer than the client has connections to a host, so that no command waits for a reading.
AT_ONCE = 6
#: Seconds from the beginning of a reading in which looks for channels and their uploads may begin, and in which
#: questions for videos may: what is live is asked about even where every look hangs.
LOOKS_WITHIN, VIDEOS_WITHIN = 8.0, 19.0

Value = TypeVar("Value")


class NotAsked(SourceError):
    """There was no time left for this question."""


class Turns:
    """Turns that questions of one sort take.

    Args:
        clock: Seconds of a clock that is never set back.
        until: When it is too late to begin.
    """

    def __init__(self, clock: Callable[[], float], until: float) -> None:
        self._clock = clock
        self._until = until
        self._free = asyncio.Semaphore(AT_ONCE)
        self._refusal: SourceError | None = None

    async def take(self, question: Callable[[], Awaitable[Value]]) -> Value:
        """Ask a question when there is a turn.

        Raises:
            NotAsked: It was too late.
            SourceError: The question's own error, or that of an earlier one which concerns every question.
        """
        async with self._free:
            if self._refusal is not None:
                raise self._refusal
            if self._clock() >= self._until:
                raise NotAsked(N_("There was no time to ask YouTube."))
            try:
                return await question()
            except (RateLimited, KeyRefused) as error:
                self._refusal = error
                raise
