"""A question to the database that may hang: asked once at a time, and waited for only so long."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

T = TypeVar("T")

#: At the end, a question under way gets so many seconds to break off.
LAST_SECONDS = 1.0


class Inquiry(Generic[T]):
    """Asks the same question for everybody who wants to know.

    Args:
        ask: Asks it.
        seconds: How long anybody waits for the answer. A question that takes longer goes on, and no second one is
            asked beside it: a database that hangs is not given more to do.
    """

    def __init__(self, ask: Callable[[], Coroutine[Any, Any, T]], *, seconds: float) -> None:
        self._ask = ask
        self._seconds = seconds
        self._under_way: asyncio.Task[T] | None = None

    async def answer(self) -> T:
        """Return the answer, or raise what the question raised.

        Raises:
            TimeoutError: There is none in time.
        """
        if self._under_way is None:
            self._under_way = asyncio.create_task(self._ask(), name="inquiry")
            self._under_way.add_done_callback(self._over)
        asking = self._under_way
        done, _ = await asyncio.wait([asking], timeout=self._seconds)
        if not done or asking.cancelled():
            raise TimeoutError
        return asking.result()

    async def close(self) -> None:
        """Ask nothing more."""
        if self._under_way is not None:
            self._under_way.cancel()
            await asyncio.wait([self._under_way], timeout=LAST_SECONDS)

    def _over(self, asked: asyncio.Task[T]) -> None:
        self._under_way = None
        if not asked.cancelled():
            asked.exception()  # nobody may be waiting for it any more
