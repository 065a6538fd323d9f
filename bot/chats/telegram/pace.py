"""What was sent lately: how long an answer should wait, and whose limit a refusal was.

Limits: https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this
"""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Callable

A_SECOND = 30
A_SECOND_A_CHAT = 1
A_MINUTE_A_GROUP = 20
#: Short bursts in a chat are tolerated; so many answers go out at once.
BURST = 3
MINUTE = 60.0
#: Chats remembered.
MOST = 10_000


class Pace:
    """The last minute of what was sent, in seconds of ``clock``."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._sent: OrderedDict[str, deque[float]] = OrderedDict()
        self._all: deque[float] = deque(maxlen=A_SECOND)
        self._refused: tuple[str, float] | None = None

    def note(self, chat: str) -> None:
        """Note that something is sent to a chat now."""
        now = self._clock()
        self._sent.setdefault(chat, deque(maxlen=A_MINUTE_A_GROUP)).append(now)
        self._sent.move_to_end(chat)
        self._all.append(now)
        while len(self._sent) > MOST:
            self._sent.popitem(last=False)

    def wait(self, chat: str, *, group: bool) -> float:
        """Return in how many seconds an answer to a chat keeps within the limits."""
        now = self._clock()
        sent = self._sent.get(chat, deque())
        waits = [0.0]
        if len(sent) >= BURST:
            waits.append(sent[-BURST] + BURST / A_SECOND_A_CHAT - now)
        if group and len(sent) >= A_MINUTE_A_GROUP:
            waits.append(sent[-A_MINUTE_A_GROUP] + MINUTE - now)
        if len(self._all) >= A_SECOND:
            waits.append(self._all[0] + 1 - now)
        return max(waits)

    def refused(self, chat: str, seconds: float) -> bool:
        """Tell whether the pause that a chat was answered with must be everybody's.

        Telegram does not say whose limit it was. It cannot have been the chat's own if hardly anything was sent
        there within a minute; and one chat may be slowed down by itself, so a second one has to say the same.
        """
        now = self._clock()
        before, self._refused = self._refused, (chat, now + seconds)
        rested = sum(at > now - MINUTE for at in self._sent.get(chat, ())) <= 1
        return rested and before is not None and before[0] != chat and now < before[1]
