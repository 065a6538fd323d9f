"""Lets this process listen and send while it holds the right to, and no longer; others stand by."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from functools import partial

import structlog

from bot.pipeline.leases import Alone, Held, listening, sending, until
from bot.ports.chat import Chat, Listener
from storage.database import is_away

log = structlog.get_logger(__name__)

#: So long who takes sending over waits, in seconds: the former holder may be alive, and first writes down what it
#: has sent while the database was away.
GRACE = 1.5
AGAIN = 1.0
AGAIN_AFTER_FAULT = 10.0
#: How much of a bot's limits is for posts, where another process answers people.
POSTS = 0.85

#: Takes back what the former holder had leased.
TakeBack = Callable[[Sequence[str]], Awaitable[None]]


class Sends(Mapping[str, Chat]):
    """The chats that a process sends to: none of them from the moment at which another may begin.

    A process that stood still goes on where it was: what it does first must not be to send.

    Args:
        chats: Those that it has taken over, by their platforms.
    """

    def __init__(self, chats: Mapping[str, Chat], held: Held) -> None:
        self._chats = chats
        self._held = held

    def __contains__(self, platform: object) -> bool:
        return platform in self._chats and self._held.held(sending(str(platform)))

    def __getitem__(self, platform: str) -> Chat:
        return self._chats[platform]

    def __iter__(self) -> Iterator[str]:
        return (platform for platform in self._chats if platform in self)

    def __len__(self) -> int:
        return sum(1 for _ in self)


class Tenure:
    """Holds the chats' connections.

    Args:
        chats: Those that this process has a token for.
        listener: Who hears people; None where this process does not.
        sends: The platforms that this process sends to at the moment are put here; None where it does not send.
        wake: Set when there may be something to send.
    """

    def __init__(
        self,
        chats: Sequence[Chat],
        held: Held,
        *,
        listener: Listener | None,
        sends: dict[str, Chat] | None,
        take_back: TakeBack,
        wake: asyncio.Event,
    ) -> None:
        self._chats = chats
        self._held = held
        self._listener = listener
        self._sends = sends
        self._take_back = take_back
        self._wake = wake
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Begin with what is held already, and go on with what will be."""
        for chat in self._chats:
            if self._listener is not None:
                self._held.want(listening(chat.platform))
                listen = partial(self._listen, chat, self._listener)
                self._tasks.append(asyncio.create_task(self._always(chat, listen), name="listen"))
            if self._sends is not None:
                self._held.want(sending(chat.platform))
                send = partial(self._send, chat, self._sends)
                self._tasks.append(asyncio.create_task(self._always(chat, send), name="send"))
        await asyncio.sleep(0)

    async def stop(self) -> None:
        """Let go of all connections."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for chat in reversed(self._chats):
            await chat.close()

    async def _always(self, chat: Chat, turn: Callable[[], Awaitable[None]]) -> None:
        """Take one turn after another: a fault in one of them must not leave a chat to nobody."""
        while True:
            try:
                await turn()
            except Exception:
                log.exception("a chat could not be taken over or let go; trying again", platform=chat.platform)
                await asyncio.sleep(AGAIN_AFTER_FAULT)

    async def _listen(self, chat: Chat, listener: Listener) -> None:
        """Listen for as long as this process may, once."""
        name = listening(chat.platform)
        await until(lambda: self._held.held(name))
        self._share(chat)
        await chat.start(listener)
        await until(lambda: not self._held.held(name))
        log.warning("another process may listen now", platform=chat.platform)
        await chat.stop()
        self._share(chat)

    async def _send(self, chat: Chat, sends: dict[str, Chat]) -> None:
        """Send for as long as this process may, once."""
        name = sending(chat.platform)
        await until(lambda: self._held.held(name))
        await chat.open()
        if not await self._taken_over(chat, name):
            return
        sends[chat.platform] = chat
        self._share(chat)
        self._wake.set()
        await until(lambda: not self._held.held(name))
        log.warning("another process may send now", platform=chat.platform)
        del sends[chat.platform]
        self._share(chat)

    async def _taken_over(self, chat: Chat, name: str) -> bool:
        """Take back what the former holder had leased; tell whether this process is the holder after that."""
        if not isinstance(self._held, Alone):
            await asyncio.sleep(GRACE)
        while self._held.held(name):
            try:
                await self._take_back([chat.platform])
            except Exception as error:
                if not is_away(error):
                    raise
                await asyncio.sleep(AGAIN)
            else:
                return True
        return False

    def _share(self, chat: Chat) -> None:
        """Leave room within the bot's limits for the process that does the other part.

        Who holds both rights leaves none, also before it has begun with both: a share that was small for a moment
        would hold for the minute that counts in groups.
        """
        if isinstance(self._held, Alone):
            return
        listens = self._listener is not None and self._held.held(listening(chat.platform))
        sends = self._sends is not None and self._held.held(sending(chat.platform))
        if listens != sends:
            chat.pace.share = POSTS if sends else 1 - POSTS
        else:
            chat.pace.share = 1.0
