"""Milepost beside a bot that works as its rivals do (``rival_bot.py``), at the same time, on the same feed.

Each has a Twitch, a Telegram and a Discord of its own on loopback; the streams are the same ones. First nothing
is worth telling: calls, CPU and bytes written to files are counted. Then one session passes a rung of which 1,000
chats want to hear; then another one, and in the middle of it both are killed and started again.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from aiohttp import web

from bot.domain import SECOND
from bot.domain.alerts import ended, milestone
from storage.database import Database
from tests.bench import rival_bot
from tests.bench.program import Program, running
from tests.bench.report import Figure
from tests.fakes.rows import a_chat, a_watch, listens
from tests.servers.accounts import running as serving
from tests.servers.discord import Channel, DiscordServer
from tests.servers.discord import slow as slow_discord
from tests.servers.telegram import Chat, TelegramServer
from tests.servers.telegram import slow as slow_telegram
from tests.servers.twitch import CLIENT_ID, TwitchServer

OURS = "Milepost"
SESSIONS = 1_000
#: Of each platform.
CHATS = 500
INTERVAL = 10
CYCLES = 3
RUNGS = (2_500, 5_000)
START = 1_100
#: Seconds that a chat server takes to answer, as over the Internet.
ANSWER = 0.05
QUIET = 2 * INTERVAL + 5
LONGEST = 180


@dataclass
class Feed(TwitchServer):
    """Twitch, which grants as many calls as are asked for, and remembers when it first told of a stream anew."""

    points: int = 10**9
    watched: str = ""
    told_at: float | None = None

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        response = await super().answer(request)
        if self.told_at is None and self.watched in request.query.getall("user_id", []):
            self.told_at = time.monotonic()
        return response


@dataclass
class Side:
    """One of the two, with its servers.

    Attributes:
        start: Runs it, in the folder that is its own.
    """

    name: str
    feed: Feed
    telegram: TelegramServer
    discord: DiscordServer
    groups: list[Chat] = field(default_factory=list)
    channels: list[Channel] = field(default_factory=list)
    before: list[int] = field(default_factory=list)
    start: Callable[[], AbstractAsyncContextManager[Program]] = field(init=False)
    calls: int = 0
    readings: int = 0
    cpu: float = 0.0
    written: float = 0.0
    seconds: float = 0.0
    lost: int = 0
    again: int = 0

    def asked(self) -> tuple[int, int]:
        """Return how many calls there were, and how many readings they gave."""
        calls = self.feed.calls("/helix/streams")
        return len(calls), sum(name == "user_id" for call in calls for name, _ in call)

    def places(self) -> list[tuple[str, str, str]]:
        """Return platform, chat and topic of each place that wants to hear."""
        found = [("telegram", str(group.id), "") for group in self.groups]
        for channel in self.channels:
            assert channel.guild is not None
            found.append(("discord", str(channel.guild.id), str(channel.id)))
        return found

    def counts(self) -> list[int]:
        """Return how many messages stand in each chat."""
        return [len(chat.sent) for chat in self.groups] + [len(channel.messages) for channel in self.channels]

    def told(self) -> list[int]:
        """Return how many came to each chat since the last rung was passed."""
        return [now - was for now, was in zip(self.counts(), self.before, strict=True)]

    def heard(self) -> int:
        """Return how many chats have heard of the last rung."""
        return sum(count > 0 for count in self.told())

    async def until(self, question: Callable[[], bool]) -> None:
        """Wait until something is true of it.

        Raises:
            TimeoutError: It never was.
        """
        async with asyncio.timeout(LONGEST):
            while not question():  # noqa: ASYNC110 - the servers have no bell for both
                await asyncio.sleep(0.2)  # to count costs what the servers would answer with


@dataclass
class Stage:
    """Both of them, and the streams that they see."""

    sides: list[Side]
    streams: dict[str, dict[str, object]]
    chance: random.Random = field(default_factory=lambda: random.Random(2022))

    @property
    def first(self) -> str:
        return next(iter(self.streams))

    async def wander(self, rounds: int, interval: float) -> None:
        """Let every audience move a little, once in an interval, but for the one that is followed."""
        for _ in range(rounds):
            for number, one in enumerate(self.streams.values()):
                if number:
                    one["viewer_count"] = 100 + self.chance.randrange(20)
            await asyncio.sleep(interval)

    def rise(self, figure: int) -> None:
        """Let the one that is followed pass a rung."""
        self.streams[self.first]["viewer_count"] = figure
        for side in self.sides:
            side.feed.told_at = None
            side.before = side.counts()


async def measure(
    sessions: int = SESSIONS,
    chats: int = CHATS,
    interval: int = INTERVAL,
    *,
    cycles: int = CYCLES,
    quiet: float = QUIET,
) -> list[Figure]:
    """Run both, and state what each took.

    Args:
        chats: Of each platform.
        interval: Seconds between two readings.
        cycles: So many rounds find the sessions, and as many are counted.
        quiet: So many seconds nothing may arrive before it is taken to be all.
    """
    with TemporaryDirectory(prefix="milepost-bench-") as folder:
        async with _stage(Path(folder), sessions, chats, interval) as stage:
            async with AsyncExitStack() as stack:
                programs = [await stack.enter_async_context(side.start()) for side in stage.sides]
                await stage.wander(cycles, interval)
                await _count(stage, programs, cycles, interval)
                stage.rise(RUNGS[0] + 50)
                await asyncio.gather(*(_tell_all(side) for side in stage.sides))
                stage.rise(RUNGS[1] + 50)
                await asyncio.gather(*(_kill_midway(*pair) for pair in zip(stage.sides, programs, strict=True)))
            async with AsyncExitStack() as stack:
                for side in stage.sides:
                    await stack.enter_async_context(side.start())
                await asyncio.gather(*(_settle(side, quiet) for side in stage.sides))
    return _figures(stage.sides, chats)


def _figures(sides: Sequence[Side], chats: int) -> list[Figure]:
    ratios = (
        ("calls to the source for 1,000 readings", [1000 * one.calls / one.readings for one in sides], ".0f", ""),
        ("CPU for 1,000 readings", [1e6 * one.cpu / one.readings for one in sides], ".0f", " ms"),
        ("written to files for a reading", [one.written / one.readings / 1024 for one in sides], ".1f", " KB"),
        (f"until the last of {2 * chats:,} chats has the alert", [one.seconds for one in sides], ".1f", " s"),
    )
    killed = ((one.name, one.lost, one.again) for one in sides)
    return [
        Figure.ratio(
            f"a rival's way, against Milepost: {what}",
            other / mine,
            note=f"{other:{form}}{unit} against {mine:{form}}{unit}",
        )
        for what, (mine, other), form, unit in ratios
    ] + [
        Figure(
            name=f"chats that never hear of it when {name} is killed midway",
            value=lost,
            unit="",
            goal=0 if name == OURS else None,
            note=f"of {2 * chats:,}; {again} hear of it twice",
        )
        for name, lost, again in killed
    ]


async def _count(stage: Stage, programs: list[Program], cycles: int, interval: float) -> None:
    """Count what rounds of questions cost while nothing is told."""
    before = [(side.asked(), one.cpu(), one.written()) for side, one in zip(stage.sides, programs, strict=True)]
    await stage.wander(cycles, interval)
    for side, one, (calls, cpu, written) in zip(stage.sides, programs, before, strict=True):
        side.cpu, side.written = one.cpu() - cpu, one.written() - written
        now = side.asked()
        side.calls, side.readings = now[0] - calls[0], now[1] - calls[1]


async def _tell_all(side: Side) -> None:
    """Wait until all have heard of a rung, and note how long that took from the feed's word of it."""
    await side.until(lambda: side.heard() == len(side.before))
    assert side.feed.told_at is not None
    side.seconds = time.monotonic() - side.feed.told_at


async def _kill_midway(side: Side, program: Program) -> None:
    """Kill it when half of the chats have heard of a rung."""
    await side.until(lambda: side.heard() >= len(side.before) // 2)
    await program.kill()


async def _settle(side: Side, quiet: float) -> None:
    """Wait until nothing arrives any more, and note who has heard nothing, and who twice."""
    arrived, since, end = -1, time.monotonic(), time.monotonic() + LONGEST
    while time.monotonic() < min(since + quiet, end):
        if (now := sum(side.told())) != arrived:
            arrived, since = now, time.monotonic()
        await asyncio.sleep(0.2)
    side.lost, side.again = side.told().count(0), sum(count > 1 for count in side.told())


@asynccontextmanager
async def _stage(folder: Path, sessions: int, chats: int, interval: int) -> AsyncIterator[Stage]:
    """Open all servers; fill what each of the two needs to know."""
    async with AsyncExitStack() as stack:
        sides, feeds = [], [await stack.enter_async_context(serving(Feed())) for _ in range(2)]
        for number in range(sessions):
            feeds[0].live(f"stream{number}", START if number == 0 else 100)
        feeds[1].names, feeds[1].streams = feeds[0].names, feeds[0].streams
        for name, feed in zip((OURS, "a rival"), feeds, strict=True):
            feed.watched = next(iter(feed.streams))
            (folder / name).mkdir()
            telegram = await stack.enter_async_context(TelegramServer())
            discord = await stack.enter_async_context(DiscordServer())
            telegram.inject(slow_telegram(ANSWER), "sendMessage", times=None)
            discord.inject(slow_discord(ANSWER), "POST /channels/", times=None)
            side = Side(name, feed, telegram, discord)
            side.groups = [telegram.world.supergroup(f"Group {one}") for one in range(chats)]
            for start in range(0, chats, 100):
                guild = discord.world.guild(f"Server {start}")
                side.channels += [guild.text(f"alerts-{one}") for one in range(start, min(start + 100, chats))]
            if name == OURS:
                side.start = await _milepost(folder, side, interval)
            else:
                side.start = _rival(folder, side, interval)
            sides.append(side)
        yield Stage(sides, feeds[0].streams)


async def _milepost(folder: Path, side: Side, interval: int) -> Callable[[], AbstractAsyncContextManager[Program]]:
    """Fill its database; returns what starts it."""
    database = Database(f"sqlite:///{folder / side.name}/milepost.db")
    await database.open()
    try:
        async with database.write() as connection:
            quiet = await a_chat(connection, "1", platform="telegram")
            known = {}
            for number, login in enumerate(side.feed.names.values()):
                watch = await a_watch(
                    connection, login, source="twitch", platform="twitch", interval=interval * SECOND, due_at=0
                )
                if number:  # watched, or it would not be asked for; but not told of
                    await listens(connection, quiet, watch, kinds=[ended.KIND])
                    continue
                for platform, key, topic in side.places():
                    if key not in known:
                        known[key] = await a_chat(connection, key, platform=platform)
                    await listens(connection, known[key], watch, topic=topic, kinds=[milestone.KIND], ladder=RUNGS)
    finally:
        await database.close()
    settings = side.feed.settings | {
        "TELEGRAM_TOKEN": side.telegram.token,
        "TELEGRAM_API_URL": side.telegram.url,
        "DISCORD_TOKEN": side.discord.token,
        "DISCORD_API_URL": side.discord.api_url,
        "POLL_INTERVAL_SECONDS": str(interval),
    }
    return lambda: running(folder / side.name, **settings)


def _rival(folder: Path, side: Side, interval: int) -> Callable[[], AbstractAsyncContextManager[Program]]:
    """Write its settings; returns what starts it."""
    side.feed.valid.add("rival")
    settings = {
        "file": str(folder / side.name / "state.json"),
        "feed": side.feed.settings["TWITCH_API_URL"],
        "headers": {"Authorization": "Bearer rival", "Client-Id": CLIENT_ID},
        "sessions": list(side.feed.streams),
        "followed": [side.feed.watched],
        "rungs": [0, *RUNGS],
        "interval": interval,
        "places": [(platform, topic or key) for platform, key, topic in side.places()],
        "telegram": f"{side.telegram.base_url}{side.telegram.token}/sendMessage",
        "discord": side.discord.api_url,
        "discord_headers": {
            "Authorization": f"Bot {side.discord.token}",
            "User-Agent": "DiscordBot (https://example.invalid, 1)",
        },
    }
    path = folder / side.name / "settings.json"
    path.write_text(json.dumps(settings))
    command = ("-m", "tests.bench.rival_bot", str(path))
    return lambda: running(folder / side.name, command=command, ready=rival_bot.READY)
