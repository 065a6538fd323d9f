"""A chat that remembers what it was sent, and fails as it is told."""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import Callable

from bot.ports.chat import Listener, Post, Target, lane
from bot.ports.message import Message, plain_text
from bot.ports.pace import Limits, Pace


class FakeChat:
    """Fills ``bot.ports.chat.Chat``.

    Attributes:
        tried: Every send, as (chat, delivery), failed ones too.
        posts: What arrived, in order.
        arrived_at: When each did, if there is a clock.
        busy: How many sends are under way in each chat.
        most_busy: How many there were at once, at most.
        told: What was written to people in private.
        removed: Posts that were deleted, as (chat, key).
        above: How many messages have come after a post, by (chat, key).
        gates: A send to one of these chats waits for its gate: a chat that hangs.
    """

    def __init__(
        self,
        platform: str = "fake",
        *,
        by_topic: bool = False,
        pace: Pace | None = None,
        clock: Callable[[], int] | None = None,
    ) -> None:
        self.platform = platform
        self.by_topic = by_topic
        self.pace = pace or Pace(Limits())
        self.told: list[tuple[str, Message]] = []
        self.tried: list[tuple[str, int]] = []
        self.posts: list[Post] = []
        self.arrived_at: list[int] = []
        self._clock = clock
        self.busy: dict[str, int] = defaultdict(int)
        self.most_busy: dict[str, int] = defaultdict(int)
        self.removed: list[tuple[str, str]] = []
        self.above: dict[tuple[str, str], int] = {}
        self.gates: dict[str, asyncio.Event] = {}
        self._fails: dict[str, deque[Exception]] = defaultdict(deque)

    def fails(self, chat: str, *errors: Exception) -> None:
        """Fail the next sends to a chat so, one after another."""
        self._fails[chat].extend(errors)

    def arrived(self, chat: str) -> list[int]:
        """The deliveries that arrived in a chat, in order."""
        return [post.delivery for post in self.posts if post.target.chat == chat]

    def titles(self, chat: str) -> list[str]:
        """What they say."""
        return [plain_text(post.message.title) for post in self.posts if post.target.chat == chat]

    def is_group(self, chat: str) -> bool:
        return self.by_topic and not chat.startswith("@")

    @property
    def connected(self) -> bool | None:
        return None

    async def open(self) -> None:
        """Be open always."""

    async def start(self, listener: Listener) -> None:
        """Listen to nobody."""

    async def send(self, post: Post) -> str | None:
        chat = lane(self, post.target)
        self.tried.append((chat, post.delivery))
        self.busy[chat] += 1
        self.most_busy[chat] = max(self.most_busy[chat], self.busy[chat])
        try:
            if chat in self.gates:
                await self.gates[chat].wait()
            else:
                await asyncio.sleep(0)
            if self._fails[chat]:
                raise self._fails[chat].popleft()
            self.posts.append(post)
            if self._clock is not None:
                self.arrived_at.append(self._clock())
        finally:
            self.busy[chat] -= 1
        return f"post-{post.delivery}"

    async def remove(self, target: Target, key: str) -> None:
        chat = lane(self, target)
        if self._fails[chat]:
            raise self._fails[chat].popleft()
        self.removed.append((chat, key))

    def buried(self, target: Target, key: str) -> int | None:
        return self.above.get((lane(self, target), key))

    async def tell(self, user: str, message: Message) -> None:
        if self._fails[user]:
            raise self._fails[user].popleft()
        self.told.append((user, message))

    async def check(self) -> str | None:
        return None

    async def stop(self) -> None:
        """Listen to nobody."""

    async def close(self) -> None:
        """Hold nothing open."""
