"""When Telegram asks to wait: who has to, and that they do."""

from __future__ import annotations

import time
from collections.abc import Callable

from bot.ports.pace import Pace


class Floods:
    """Tells whose limit a refusal was.

    Telegram does not say. It cannot have been the chat's own if hardly anything was sent there within a minute;
    and one chat may be slowed down by itself, so a second one has to hear the same.
    """

    def __init__(self, pace: Pace, clock: Callable[[], float] = time.monotonic) -> None:
        self._pace = pace
        self._clock = clock
        self._last: tuple[str, float] | None = None

    def heard(self, chat: str, seconds: float) -> bool:
        """Hold back what a pause, in which a chat was told to wait, is for; tell whether that is everything."""
        now = self._clock()
        before, self._last = self._last, (chat, now + seconds)
        rested = self._pace.lately(chat) <= 1
        everywhere = rested and before is not None and before[0] != chat and now < before[1]
        self._pace.hold(seconds, None if everywhere else chat)
        return everywhere
