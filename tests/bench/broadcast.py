"""One alert for a thousand chats, through outbox and real libraries, on servers with the real limits.

In real time, so it takes a minute. Somebody asks ``/help`` meanwhile, again and again: answers go first, and where
they count in the bot's limit, what it allows is for both.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from statistics import quantiles
from tempfile import TemporaryDirectory
from typing import Any

from bot.chats.discord import DiscordChat
from bot.chats.telegram import TelegramChat
from bot.parts import build
from bot.pipeline.schedule import wall_clock
from bot.ports.chat import Chat
from storage.database import Database
from tests.bench.report import Figure
from tests.fakes.rows import a_chat, a_session, a_watch, listens, owed
from tests.servers.discord import DiscordServer
from tests.servers.telegram import Limits, TelegramServer

CHATS = 1000
GOAL = 1.05
ASK_EVERY = 1.5


@dataclass
class Place:
    """A platform, its places to post to, as (chat, topic), and somebody who asks there."""

    chat: Chat
    targets: Sequence[tuple[str, str]]
    server: Any
    ask: Any
    #: How many answers to a question count in the bot's limit: Discord leaves them out of it.
    answers: int


async def measure() -> list[Figure]:
    """Broadcast on both platforms, one after the other."""
    figures = []
    for name, opened in (("Telegram", _telegram), ("Discord", _discord)):
        async with opened() as place:
            figures += await _broadcast(name, place)
    return figures


@asynccontextmanager
async def _telegram() -> AsyncIterator[Place]:
    async with TelegramServer(limits=Limits(tolerance=0)) as server:
        groups = [server.world.supergroup(f"Group {number}") for number in range(CHATS)]
        ann = server.world.user("Ann")
        own = server.world.private(ann)

        async def ask() -> None:
            before = len(own.sent)
            await server.say(own, ann, "/help")
            await server.until(lambda: len(own.sent) > before, seconds=30)

        chat = TelegramChat(server.token, api_url=server.url)
        yield Place(chat, [(str(group.id), "") for group in groups], server, ask, answers=1)


@asynccontextmanager
async def _discord() -> AsyncIterator[Place]:
    async with DiscordServer() as server:
        targets = []
        for number in range(CHATS // 100):
            guild = server.world.guild(f"Server {number}")
            targets += [(str(guild.id), str(guild.text(f"alerts-{place}").id)) for place in range(100)]
        channel, ann = guild.text("talk"), server.world.user("ann")
        guild.member(ann)

        async def ask() -> None:
            await server.until(lambda: "help" in server.commands.names(), 30)
            handle = await server.interaction(channel, ann, "help", {})
            await handle.message()

        yield Place(DiscordChat(server.token, api_url=server.api_url), targets, server, ask, answers=0)


async def _broadcast(name: str, place: Place) -> list[Figure]:
    with TemporaryDirectory() as folder:
        async with build(
            database=Database(f"sqlite:///{folder}/bench.db"), sources={}, chats=[place.chat], clock=wall_clock
        ) as parts:
            async with parts.database.write() as connection:
                watch = await a_watch(connection)
                known = {}
                for key, topic in place.targets:
                    if key not in known:
                        known[key] = await a_chat(connection, key, platform=place.chat.platform)
                    await listens(connection, known[key], watch, topic=topic)
                session = await a_session(connection, watch, title="A night like any other")
            await place.chat.start(parts.dispatcher)
            try:
                await place.ask()
                async with parts.database.write() as connection:
                    await owed(connection, session, kind="started", at=wall_clock())
                waits: list[float] = []
                asking = asyncio.create_task(_ask(place, waits))
                cpu, began = time.process_time(), time.perf_counter()
                await parts.deliver.tick(wall_clock())
                took, cpu = time.perf_counter() - began, time.process_time() - cpu
                asking.cancel()
                await asyncio.gather(asking, return_exceptions=True)
            finally:
                await place.chat.close()
    a_second = place.chat.pace.limits.a_second
    assert a_second is not None
    slow = quantiles(waits, n=20)[-1]
    return [
        Figure.ratio(
            f"{CHATS:,} chats of {name}, against what its limit of {a_second:g} a second allows",
            took * a_second / (CHATS + place.answers * len(waits)),
            goal=GOAL,
            note=f"{took:.1f} s, {place.answers * len(waits)} answers in it; "
            f"{cpu / CHATS * 1000:.1f} ms of CPU each, the server's included",
        ),
        Figure(
            name=f"violations of {name}'s limits meanwhile", value=len(place.server.violations), unit="", goal=0
        ),
        Figure(
            name=f"/help on {name} meanwhile: 19 of 20 answers within",
            value=round(slow * 1000),
            unit="ms",
            goal=1000,
            note=f"{len(waits)} asked",
        ),
    ]


async def _ask(place: Place, waits: list[float]) -> None:
    while True:
        await asyncio.sleep(ASK_EVERY)
        began = time.perf_counter()
        await place.ask()
        waits.append(time.perf_counter() - began)
