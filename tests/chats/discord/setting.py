"""What tests of Discord begin with: the real library on our server, and a listener that remembers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from bot.chats.discord import DiscordChat
from bot.ports.chat import Listener, Post, Target
from bot.ports.command import Declaration, Param, Request, Takes, Who
from bot.ports.message import Message, Span, says
from tests.servers.discord import Channel, DiscordServer, Limits, Rate

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
RUN = Said("status", who=Who.OPERATORS)
START = Said("start")


@dataclass
class Heard:
    """A listener that remembers.

    Attributes:
        names: What is watched, for suggestions.
        answers: What to answer.
        gate: Answers wait for it.
    """

    commands: Sequence[Declaration] = (START, ASK, SET, RUN)
    requests: list[Request] = field(default_factory=list)
    asked: list[tuple[str, str]] = field(default_factory=list)
    told: list[tuple[str, ...]] = field(default_factory=list)
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
        if self.wrong is not None:
            raise self.wrong
        return [name for name in self.names if typed in name]

    async def let_in(self, *, platform: str, chat: str, title: str | None) -> None:
        assert platform == "discord"
        self.told.append(("in", chat, title or ""))

    async def put_out(self, *, platform: str, chat: str, why: str) -> None:
        assert platform == "discord"
        self.told.append(("out", chat, why))

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
        await discord.stop()


async def soon(condition: Callable[[], object], seconds: float = 5) -> None:
    """Wait until something holds that nobody tells of."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


def post(where: Channel | str, delivery: int = 1, message: Message | None = None, **more: Any) -> Post:
    """Make a post."""
    told = Post(
        delivery=delivery,
        target=Target(chat=where if isinstance(where, str) else str(where.id)),
        message=message or Message(title=(Span("Night Radio reached 100"),), symbol="🎉"),
        stamp="22:14",
        replaces=None,
        facts={"kind": "milestone"},
    )
    return replace(told, **more)
