"""New sessions of the gateway, of which Discord gives a bot so many a day."""

from __future__ import annotations

import asyncio

#: 1000 IDENTIFYs a day, one in 5 s: https://docs.discord.com/developers/events/gateway#session-start-limit-object
#: Over it the token is reset. This is at most 100 + 864 a day.
IDENTIFY_BURST = 100
IDENTIFY_REFILL_SECONDS = 100.0
IDENTIFY_GAP_SECONDS = 5.1
IDENTIFIES_LEFT = 10


class Later(Exception):
    """No IDENTIFY is left for now: wait so many seconds."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"no new session for {seconds:.0f} s")
        self.seconds = seconds


class Identifies:
    """Keeps IDENTIFYs within the day's, over all clients of one run."""

    def __init__(self) -> None:
        self._left = float(IDENTIFY_BURST)
        self._at = 0.0

    async def take(self) -> None:
        """Take one, at its distance from the last.

        Raises:
            Later: There is none left.
        """
        now = asyncio.get_running_loop().time()
        if self._at:
            self._left = min(self._left + (now - self._at) / IDENTIFY_REFILL_SECONDS, IDENTIFY_BURST)
        if self._left < 1:
            raise Later((1 - self._left) * IDENTIFY_REFILL_SECONDS)
        pause = self._at + IDENTIFY_GAP_SECONDS - now if self._at else 0
        self._left -= 1
        self._at = now + max(pause, 0)
        if pause > 0:
            await asyncio.sleep(pause)
