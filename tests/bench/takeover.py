"""How long nobody sends or answers when the process that does dies: two processes on one PostgreSQL.

Both stand ready for both chats; the one that holds the connections is killed with SIGKILL, a message is owed and
somebody asks ``/help`` at once. Measured is until the message has arrived and the question is answered.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from bot.domain.session import Session
from bot.pipeline.leases import listening, sending
from bot.pipeline.schedule import wall_clock
from storage import leases
from storage.chats import Chat
from storage.database import Database
from tests.bench.program import Program, running
from tests.bench.report import Figure
from tests.fakes.rows import a_chat, a_session, a_watch, listens, owed
from tests.servers import postgres
from tests.servers.discord import DiscordServer
from tests.servers.telegram import TelegramServer

ROUNDS = 3
GOAL = 15
LONGEST = 60
LEASES = [name(platform) for platform in ("telegram", "discord") for name in (listening, sending)]


def measure(rounds: int = ROUNDS) -> list[Figure]:
    """Kill the holder some times, and state the longest that anything waited; nothing without a PostgreSQL."""
    if postgres.server() is None:
        return [Figure(name=f"takeover: not measured, no PostgreSQL ({postgres.INSTALL})", value=0, unit="")]
    with TemporaryDirectory(prefix="milepost-bench-") as folder, postgres.a_database() as url:
        waits = asyncio.run(_waits(Path(folder), url, rounds))
    return [
        Figure(
            name=f"takeover after the holder's death: until {what}",
            value=round(max(seconds), 1),
            unit="s",
            goal=GOAL,
            note=", ".join(f"{one:.1f} s" for one in seconds),
        )
        for what, seconds in waits.items()
    ]


async def _waits(folder: Path, url: str, rounds: int) -> dict[str, list[float]]:
    """Return how long each kind of thing waited, round by round."""
    waits: dict[str, list[float]] = {}
    async with _stage(folder, url) as stage:
        await stage.begin()
        for number in range(1, rounds + 1):
            for what, seconds in (await stage.kill(number)).items():
                waits.setdefault(what, []).append(seconds)
    return waits


class _Stage:
    """Two processes, a chat of each platform that hears of one session, and somebody who asks there."""

    def __init__(self, folder: Path, url: str, telegram: TelegramServer, discord: DiscordServer) -> None:
        self._folder, self._url = folder, url
        self._telegram, self._discord = telegram, discord
        self._database = Database(url)
        self._programs: dict[int, Program] = {}
        self._stack = AsyncExitStack()
        self._ann = telegram.world.user("Ann")
        self._private = telegram.world.private(self._ann)
        self._bob = discord.world.user("bob")
        guild = discord.world.guild("Radio")
        guild.member(self._bob)
        self._alerts, self._talk = guild.text("alerts"), guild.text("talk")
        self._guild = guild
        self._session: Session | None = None

    async def begin(self) -> None:
        """Fill the database and start both."""
        await self._database.open()
        async with self._database.write() as connection:
            watch = await a_watch(connection)
            places: tuple[tuple[str, str, str], ...] = (
                ("telegram", str(self._private.id), ""),
                ("discord", str(self._guild.id), str(self._alerts.id)),
            )
            for platform, key, topic in places:
                chat: Chat = await a_chat(connection, key, platform=platform)
                await listens(connection, chat, watch, topic=topic)
            self._session = await a_session(connection, watch, title="A night like any other")
        for _ in range(2):
            await self._start()
        async with asyncio.timeout(LONGEST):
            await self._answered_on_discord()

    async def end(self) -> None:
        """Stop what runs."""
        await self._stack.aclose()
        await self._database.close()

    async def kill(self, number: int) -> dict[str, float]:
        """Kill the holder, owe a message and ask; return how long each took, and stand ready for the next time."""
        program = self._programs.pop(await self._holder())
        said, posted = len(self._private.sent), len(self._alerts.messages)
        died = time.monotonic()
        await program.kill()
        assert self._session is not None
        async with self._database.write() as connection:
            await owed(connection, self._session, kind="started", at=wall_clock(), first=number)
        await self._telegram.say(self._private, self._ann, "/help")
        waits = await asyncio.gather(
            self._took(died, self._until(lambda: "night" in self._told_since(said))),
            self._took(died, self._until(lambda: "What I can do" in self._told_since(said))),
            self._took(died, self._until(lambda: len(self._alerts.messages) > posted)),
            self._took(died, self._answered_on_discord()),
        )
        await self._start()
        names = ("an alert arrives on {}", "a command is answered on {}")
        return dict(
            zip((name.format(one) for one in ("Telegram", "Discord") for name in names), waits, strict=True)
        )

    def _told_since(self, said: int) -> str:
        return "\n".join(message.text or "" for message in self._private.sent[said:])

    async def _took(self, since: float, what: Awaitable[None]) -> float:
        async with asyncio.timeout(LONGEST):
            await what
        return time.monotonic() - since

    async def _until(self, question: Callable[[], bool]) -> None:
        while not question():  # noqa: ASYNC110 - the servers have no bell for both
            await asyncio.sleep(0.02)

    async def _answered_on_discord(self) -> None:
        """Ask until there is an answer: nobody keeps a question for a bot that is away."""
        while True:
            if "help" in self._discord.commands.names():
                handle = await self._discord.interaction(self._talk, self._bob, "help", {})
                with suppress(TimeoutError, AssertionError):
                    async with asyncio.timeout(1):
                        await handle.message()
                        return
            await asyncio.sleep(0.1)

    async def _start(self) -> None:
        program = await self._stack.enter_async_context(
            running(
                self._folder,
                DATABASE_URL=self._url,
                TELEGRAM_TOKEN=self._telegram.token,
                TELEGRAM_API_URL=self._telegram.url,
                DISCORD_TOKEN=self._discord.token,
                DISCORD_API_URL=self._discord.api_url,
            )
        )
        self._programs[program.pid] = program

    async def _holder(self) -> int:
        """Return the process that holds all that is to be taken over, once one does."""
        async with asyncio.timeout(LONGEST):
            while True:
                async with self._database.read() as connection:
                    held = [one for one in await leases.holders(connection) if one.name in LEASES]
                holders = {int(one.label.rpartition(":")[2]) for one in held}
                if len(held) == len(LEASES) and len(holders) == 1:
                    return holders.pop()
                await asyncio.sleep(0.2)


@asynccontextmanager
async def _stage(folder: Path, url: str) -> AsyncIterator[_Stage]:
    async with TelegramServer() as telegram, DiscordServer() as discord:
        stage = _Stage(folder, url, telegram, discord)
        try:
            yield stage
        finally:
            await stage.end()
