"""What tests of Discord begin with: the real library on our server, and a listener that remembers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from bot.chats.discord import DiscordChat
from bot.ports.chat import Listener, Post, Target
from bot.ports.command import Declaration, Param, Request, Takes, Who
from bot.ports.message import Message, Span, says
from tests.servers.discord import Channel, DiscordServer, Guild, Interaction, Limits, Rate, User

#: Sessions may begin ten times faster than on Discord, so that tests need not wait.
QUICK = Limits(identifying=Rate(1, 0.15))


@dataclass(frozen=True)
class Said:
    """A declaration."""

    name: str
    about: str = "About it"
    who: Who = Who.EVERYONE
    params: Sequence[Param] = ()
    example: str = "/x"


ASK = Said("stats", params=(Param("name", "which", Takes.NAME),))
SET = Said(
    "milestones",
    who=Who.ADMINS,
    params=(
        Param("Name", "which", Takes.NAME),
        Param("kind", "of which kind", choices=("a", "b")),
        Param("thresholds", "figures", Takes.REST, required=True),
    ),
)
SUBSCRIBE = Said(
    "subscribe",
    who=Who.ADMINS,
    params=(
        Param("name", "which", Takes.NAME),
        Param("kinds", "of which kinds", several=("start", "milestones", "records")),
        Param("mention", "whom to call", Takes.MENTION, lead="mention"),
        Param("channel", "where", Takes.PLACE),
    ),
)
LIVE = Said("live", params=(Param("channel", "where", Takes.PLACE),))
WATCH = Said(
    "watch",
    who=Who.ADMINS,
    params=(
        Param("address", "what", Takes.REST, required=True),
        Param("name", "what to call it", lead="as"),
    ),
)
SETTINGS = Said(
    "settings",
    who=Who.ADMINS,
    params=(
        Param("setting", "which", choices=("timezone", "admins")),
        Param("value", "what", Takes.REST),
    ),
)
RUN = Said("status", who=Who.OPERATORS)
START = Said("start")


@dataclass
class Heard:
    """A listener that remembers.

    Attributes:
        told: What happened, in order: in or out, chat, topic (empty for none), title or why.
        calls: The chats of each roll call, in order.
        names: What is watched, for suggestions.
        answers: What to answer.
        gate: Answers wait for it.
    """

    commands: Sequence[Declaration] = (START, ASK, SET, SUBSCRIBE, LIVE, WATCH, SETTINGS, RUN)
    requests: list[Request] = field(default_factory=list)
    asked: list[tuple[str, str]] = field(default_factory=list)
    suggested: list[Request] = field(default_factory=list)
    told: list[tuple[str, str, str, str]] = field(default_factory=list)
    calls: list[list[str]] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    message: Message = field(default_factory=lambda: says("Well."))
    wrong: Exception | None = None
    gate: asyncio.Event | None = None

    async def answer(self, request: Request) -> Message:
        self.requests.append(request)
        if self.gate is not None:
            await self.gate.wait()
        if self.wrong is not None:
            raise self.wrong
        return self.message

    async def suggest(self, request: Request, *, param: str, typed: str) -> list[str]:
        self.asked.append((param, typed))
        self.suggested.append(request)
        if self.wrong is not None:
            raise self.wrong
        return [name for name in self.names if typed in name]

    async def let_in(self, *, platform: str, chat: str, title: str | None, topic: str | None = None) -> None:
        assert platform == "discord"
        self.told.append(("in", chat, topic or "", title or ""))

    async def put_out(self, *, platform: str, chat: str, why: str, topic: str | None = None) -> None:
        assert platform == "discord"
        self.told.append(("out", chat, topic or "", why))

    async def roll_call(self, *, platform: str, chats: Collection[str]) -> None:
        assert platform == "discord"
        self.calls.append(list(chats))

    async def moved(self, *, platform: str, old: str, new: str) -> None:
        raise AssertionError


@asynccontextmanager
async def connected(
    server: DiscordServer, listener: Listener | None = None, **more: Any
) -> AsyncIterator[DiscordChat]:
    """Run the adapter until the block ends; it is connected, and its menu is set."""
    discord = DiscordChat(server.token, api_url=server.api_url, **more)
    await discord.start(listener or Heard())
    try:
        await server.until(lambda: server.gateway.connected and server.commands.syncs, 10)
        yield discord
    finally:
        await discord.close()


async def soon(condition: Callable[[], object], seconds: float = 5) -> None:
    """Wait until something holds that nobody tells of."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


def target(channel: Channel) -> Target:
    """Return where posts to a channel go."""
    if channel.guild is None:
        return Target(chat=f"@{channel.id}")
    return Target(chat=str(channel.guild.id), topic=str(channel.id))


def post(where: Channel | str, delivery: int = 1, message: Message | None = None, **more: Any) -> Post:
    """Make a post to a channel, or to a chat by its key."""
    told = Post(
        delivery=delivery,
        installation="0123456789abcdef",
        target=Target(chat=where) if isinstance(where, str) else target(where),
        message=message or Message(title=(Span("Night Radio reached 100"),), symbol="🎉"),
        stamp="22:14",
        replaces=None,
        facts={"kind": "milestone"},
    )
    return replace(told, **more)


@dataclass
class Place:
    """A server with a boss, who manages it, and ada, who does not."""

    server: DiscordServer
    guild: Guild
    boss: User
    ada: User


def ephemeral(used: Interaction) -> bool:
    """Tell whether only who asked sees the answer."""
    return bool(((used.callback or {}).get("data") or {}).get("flags", 0) & 64)
