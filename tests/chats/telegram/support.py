"""A listener that notes what it hears, and the chat connected to our Telegram."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from bot.chats.telegram import TelegramChat
from bot.chats.telegram.chat import LIMITS
from bot.ports.chat import Post, Target
from bot.ports.command import Declaration, Param, Request, Who
from bot.ports.message import Message, says
from bot.ports.pace import Limits, Pace
from tests.servers.telegram import Chat, TelegramServer
from tests.servers.telegram import Message as SentMessage


@dataclass(frozen=True)
class Spoken:
    """A command."""

    name: str
    who: Who = Who.EVERYONE
    about: str = "Does something"
    params: Sequence[Param] = ()

    @property
    def example(self) -> str:
        return f"/{self.name}"


COMMANDS = (
    Spoken("start"),
    Spoken("stats"),
    Spoken("watch", Who.ADMINS),
    Spoken("mute", Who.ADMINS),
    Spoken("status", Who.OPERATORS),
)


@dataclass
class Hearer:
    """Answers every request with its own words, or with what ``reply`` makes of it.

    Attributes:
        told: Where the bot was let in and put out, in order; a topic stands behind its chat.
    """

    commands: Sequence[Declaration] = COMMANDS
    heard: list[Request] = field(default_factory=list)
    told: list[tuple[str, ...]] = field(default_factory=list)
    reply: Callable[[Request], Message] = lambda request: says(f"{request.command}: {request.text}")
    delay: float = 0

    async def answer(self, request: Request) -> Message:
        await asyncio.sleep(self.delay)
        self.heard.append(request)
        return self.reply(request)

    async def suggest(self, request: Request, *, param: str, typed: str) -> list[str]:
        return []

    async def let_in(self, *, platform: str, chat: str, title: str | None, topic: str | None = None) -> None:
        self.told.append(("in", f"{chat}/{topic}" if topic else chat, title or ""))

    async def put_out(self, *, platform: str, chat: str, why: str, topic: str | None = None) -> None:
        self.told.append(("out", f"{chat}/{topic}" if topic else chat, why))

    async def roll_call(self, *, platform: str, chats: Collection[str]) -> None:
        self.told.append(("all", *chats))

    async def moved(self, *, platform: str, old: str, new: str) -> None:
        self.told.append(("moved", old, new))


@dataclass
class Line:
    """Our bot on our Telegram."""

    server: TelegramServer
    chat: TelegramChat
    ears: Hearer

    async def heard(self, count: int = 1) -> Request:
        """Wait for the next requests, and return the last of them."""
        await until(lambda: len(self.ears.heard) >= count)
        return self.ears.heard[-1]

    async def settled(self) -> None:
        """Wait until all that was told is worked off."""
        await until(lambda: not self.server.pending and not self.chat._lanes._lanes)


async def answered(server: TelegramServer, asked: SentMessage) -> SentMessage:
    """Wait for the reply to a message, and return it."""
    await server.until(lambda: any(one.reply_to is asked for one in asked.chat.sent))
    return next(one for one in asked.chat.sent if one.reply_to is asked)


async def until(condition: Callable[[], object], *, seconds: float = 10) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - of what has no event
            await asyncio.sleep(0.01)


def unhurried() -> Pace:
    """A pace without limits: what only a platform's pauses hold up."""
    return Pace(Limits())


def hurried(server: TelegramServer) -> Pace:
    """Telegram's own limits, on the server's clock."""

    async def sleep(seconds: float) -> None:
        await asyncio.sleep(seconds / server.speed)

    return Pace(LIMITS, clock=lambda: time.monotonic() * server.speed, sleep=sleep)


@asynccontextmanager
async def line_on(
    server: TelegramServer,
    *,
    pace: Pace | None = None,
    operators: Sequence[str] = (),
    commands: Sequence[Declaration] = COMMANDS,
) -> AsyncIterator[Line]:
    """Connect the bot to a server that is up."""
    ears = Hearer(commands)
    chat = TelegramChat(server.token, api_url=server.url, pace=pace or unhurried(), operators=operators)
    before = len(server.called("getUpdates"))
    await chat.start(ears)
    try:
        await server.until(lambda: len(server.called("getUpdates")) > before)
        yield Line(server, chat, ears)
    finally:
        await chat.close()


@asynccontextmanager
async def line(*, commands: Sequence[Declaration] = COMMANDS) -> AsyncIterator[Line]:
    """Connect the bot to a server of its own, which counts no limits."""
    async with TelegramServer(limits=None) as server, line_on(server, commands=commands) as wire:
        yield wire


def post(
    place: Chat | str,
    message: Message | None = None,
    *,
    topic: int | None = None,
    replaces: str | None = None,
    silent: bool = False,
) -> Post:
    return Post(
        delivery=1,
        target=Target(
            chat=place if isinstance(place, str) else str(place.id), topic=None if topic is None else str(topic)
        ),
        message=message or says("500 at once"),
        stamp="12:00",
        replaces=replaces,
        facts={},
        silent=silent,
    )
