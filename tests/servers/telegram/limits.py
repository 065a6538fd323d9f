"""The limits that Telegram publishes, enforced by counting.

About one message a second in a chat (short bursts are tolerated), 20 a minute in a group, about 30 a second in
all: https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this . How Telegram counts is
not published.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Limits:
    """How much a bot may send.

    Attributes:
        chat: Seconds that one message in a chat costs.
        burst: Messages that a rested chat takes at once.
        group: Messages a minute in a group, supergroup or channel.
        overall: Messages a second in all.
        tolerance: By what share all spans are counted shorter. "About" leaves room for it, and without it the
            jitter of a loopback connection, magnified by ``speed``, would make a violation of an exact pace.
    """

    chat: float = 1
    burst: int = 3
    group: int = 20
    overall: int = 30
    tolerance: float = 0.1


@dataclass(frozen=True)
class Violation:
    """A message too many, or one sent in spite of being told to wait.

    Attributes:
        scope: What was exceeded: "chat", "group", "overall", or "told to wait".
        at: When, in seconds of the server's clock.
    """

    scope: str
    chat_id: int
    method: str
    at: float
    retry_after: int


@dataclass
class Meter:
    """What was sent lately, and until when who has to wait; None stands for all chats."""

    limits: Limits | None
    violations: list[Violation] = field(default_factory=list)
    waits: dict[int | None, float] = field(default_factory=dict)
    _chats: dict[int, float] = field(default_factory=dict)
    _groups: dict[int, deque[float]] = field(default_factory=dict)
    _overall: deque[float] = field(default_factory=deque)

    def hold(self, chat_id: int | None, until: float) -> None:
        self.waits[chat_id] = max(until, self.waits.get(chat_id, until))

    def count(self, chat_id: int, method: str, now: float, *, group: bool, messages: int = 1) -> int:
        """Count a request; return 0, or the whole seconds that it should have waited."""
        for held in (chat_id, None):
            if (wait := self.waits.get(held, now) - now) > 0:
                return self._refuse("told to wait", chat_id, method, now, wait)
        if self.limits is None:
            return 0
        share = 1 - self.limits.tolerance
        waits = {
            "chat": self._chat(chat_id, now, share),
            "group": self._window(self._group(chat_id), self.limits.group, 60 * share, now, messages)
            if group
            else 0,
            "overall": self._window(self._overall, self.limits.overall, share, now, messages),
        }
        scope, wait = max(waits.items(), key=lambda item: item[1])
        if wait > 0:
            self.hold(None if scope == "overall" else chat_id, now + math.ceil(wait))
            return self._refuse(scope, chat_id, method, now, wait)
        self._chats[chat_id] = max(self._chats.get(chat_id, now), now) + self.limits.chat * share
        self._overall.extend([now] * messages)
        if group:
            self._group(chat_id).extend([now] * messages)
        return 0

    def _refuse(self, scope: str, chat_id: int, method: str, now: float, wait: float) -> int:
        seconds = max(1, math.ceil(wait))
        self.violations.append(Violation(scope, chat_id, method, now, seconds))
        return seconds

    def _chat(self, chat_id: int, now: float, share: float) -> float:
        assert self.limits is not None
        debt = self._chats.get(chat_id, now) - now
        return debt - (self.limits.burst - 1) * self.limits.chat * share

    def _group(self, chat_id: int) -> deque[float]:
        return self._groups.setdefault(chat_id, deque())

    @staticmethod
    def _window(sent: deque[float], limit: int, span: float, now: float, messages: int) -> float:
        while sent and sent[0] <= now - span:
            sent.popleft()
        excess = len(sent) + messages - limit
        return sent[min(excess, len(sent)) - 1] + span - now if excess > 0 and sent else 0
