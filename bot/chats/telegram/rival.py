"""Another program that reads the same bot's updates: what passes by itself, and what somebody has to end.

Telegram has one long poll a bot. Who was killed leaves one behind, and until its time is over there may be
conflicts: the published server (https://github.com/tdlib/telegram-bot-api) ends the poll that came first; after a
restart people see the later one refused. So a conflict is nothing to say as long as the dead one's poll may last.
Two that live end each other's polls again and again: between conflicts there are answers.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable

#: As long as a killed program's poll may last, in seconds, and how long after the last conflict all is well.
LONGEST_POLL = 30.0
#: Seconds until the next try while a conflict may pass.
SOON = 1.0

ALARM = "another program reads this bot's messages, and each takes some from the other"
WHO = (
    "perhaps a Milepost with another database, on another machine, or a test: stop it, or give each its own "
    "TELEGRAM_TOKEN (@BotFather > /revoke shuts all others out)"
)


class Rival:
    """Tells conflicts that pass from one that lasts.

    Args:
        clock: Seconds; only differences count.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._first = self._last = -math.inf
        self._told = False

    @property
    def lasts(self) -> bool:
        """Whether it goes on for longer than a poll that nobody waits for."""
        return self._told

    def met(self) -> bool:
        """Note a conflict, and tell whether it is to be told of now: once, when it lasts too long."""
        now = self._clock()
        if now - self._last > LONGEST_POLL:
            self._first, self._told = now, False
        self._last = now
        if self._told or now - self._first <= LONGEST_POLL:
            return False
        self._told = True
        return True

    def gone(self) -> bool:
        """Note that Telegram answered, and tell whether a conflict that was told of is over now."""
        if not self._told or self._clock() - self._last <= LONGEST_POLL:
            return False
        self._told = False
        return True
