"""Calls that 10,000 live sessions cost, through the real poller, sources and ingest, over real HTTP on loopback.

Time is virtual: the poller looks for work once a second of it, as the product does, and ten minutes pass as fast
as they can be computed. First each session is found, apart from what is measured. Then all are due together, as
after a longer pause; then, for two minutes, each at a moment of its own, as admins add them one by one. Sessions
are read more often in their first minutes and near rungs: the fewest calls are those that carry these readings.
"""

from __future__ import annotations

import asyncio
import math
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from tempfile import TemporaryDirectory

import sqlalchemy as sa
from structlog.testing import capture_logs

from bot.domain import DAY, MINUTE, SECOND
from bot.domain.alerts import USUAL
from bot.parts import Parts, build
from bot.ports.source import Source
from bot.services.memory import Remembered
from bot.sources.kick import Kick
from bot.sources.kit import Kit
from bot.sources.twitch import Twitch
from bot.sources.web import Web
from bot.sources.x import X
from bot.sources.youtube import YouTube
from storage import tables, watches
from storage.chats import kinds_text
from storage.database import Database
from tests.bench.report import Figure
from tests.servers import x as x_pages
from tests.servers.kick import KickServer, kick
from tests.servers.twitch import BUCKET, TwitchServer, twitch
from tests.servers.x import XServer, x_server
from tests.servers.youtube import KEY, youtube
from tests.servers.youtube import YouTube as YouTubeServer
from tests.talk import Clock

MINUTES, MINUTES_APART = 10, 2
BEGIN = x_pages.NOW // MINUTE * MINUTE
CHATS = 100
#: Sessions of each. Of X, 300 calls in 15 minutes carry 2,000 at most, once a minute.
SHARES = {"x": 1_500, "youtube": 2_000, "twitch": 4_000, "kick": 2_500}
FEW = dict.fromkeys(SHARES, 50)
IDS_A_CALL = {"x": 100, "youtube": 50, "twitch": 100, "kick": 100}
WINDOW = x_pages.WINDOW_SECONDS * SECOND
#: So many are found in one virtual second: an account costs a call or two.
FOUND_AT_ONCE = 100
#: What nobody reaches in ten minutes, and what is used up in less.
AMPLE = {"YOUTUBE_DAILY_UNITS": "10000000", "X_DAILY_BUDGET_USD": "10000"}
SCARCE = {"YOUTUBE_DAILY_UNITS": "260", "X_DAILY_BUDGET_USD": "3"}
SCARCE_SHARES = dict.fromkeys(SHARES, 250)


@dataclass
class Servers:
    """The four platforms, and what they were asked."""

    x: XServer
    youtube: YouTubeServer
    twitch: TwitchServer
    kick: KickServer

    def calls(self) -> dict[str, int]:
        """Return how many calls asked what is live."""
        return {
            "x": sum(path in {x_pages.CREATORS, x_pages.SPACES} for path in self.x.paths()),
            "youtube": self.youtube.calls["videos"],
            "twitch": len(self.twitch.calls("/helix/streams")),
            "kick": len(self.kick.calls("/public/v1/users/livestreams")),
        }

    def others(self) -> int:
        """Return how many calls asked for anything else: accounts, uploads, tokens."""
        every = len(self.x.asked) + sum(self.youtube.calls.values())
        every += len(self.twitch.asked) + self.twitch.tokens + self.twitch.looks
        every += len(self.kick.asked) + self.kick.tokens
        return every - sum(self.calls().values())

    def settings(self) -> dict[str, str]:
        """Return what an operator would set."""
        own = {"X_API_URL": self.x.url, "X_BEARER_TOKEN": x_pages.TOKEN}
        own |= {"YOUTUBE_API_URL": self.youtube.api, "YOUTUBE_API_KEY": KEY}
        return own | self.twitch.settings | self.kick.settings

    def at(self, now: int) -> None:
        """Move the platforms' clocks: limits of calls begin anew, and nothing is kept of old requests."""
        if now // WINDOW != self.x.now // WINDOW:
            self.x.calls.clear()
        if now // MINUTE != self.x.now // MINUTE:
            self.twitch.points = BUCKET
        self.x.now = now
        self.x.pages.requests.clear()
        self.youtube.pages.requests.clear()


@asynccontextmanager
async def _servers() -> AsyncIterator[Servers]:
    async with x_server() as x, youtube() as tube, twitch() as purple, kick() as green:
        tube.units = 10**9  # what it grants is not measured here; what the purse lets through is
        yield Servers(x, tube, purple, green)


class World:
    """Accounts that are all live, and whose figures move."""

    def __init__(self, servers: Servers, shares: Mapping[str, int]) -> None:
        self._random = random.Random(2022)
        self.references: list[tuple[str, str]] = []
        self._moves: list[tuple[int, Callable[[int], None]]] = []
        make = {"x": self._on_x, "youtube": self._on_youtube, "twitch": self._on_twitch, "kick": self._on_kick}
        for platform, count in shares.items():
            for number in range(count):
                reference, move = make[platform](servers, number)
                self.references.append((platform, reference))
                self._moves.append((max(12, round(min(2e5, self._random.lognormvariate(5, 1.4)))), move))

    def move(self) -> None:
        """Let every audience wander about its level."""
        for level, move in self._moves:
            move(max(1, round(level * self._random.gauss(1, 0.02))))

    @staticmethod
    def _on_x(servers: Servers, number: int) -> tuple[str, Callable[[int], None]]:
        space = servers.x.spaces[servers.x.space(servers.x.user(f"host{number}"))]
        return f"@host{number}", lambda figure: space.update(participant_count=figure)

    @staticmethod
    def _on_youtube(servers: Servers, number: int) -> tuple[str, Callable[[int], None]]:
        video = servers.youtube.start(servers.youtube.channel(f"channel{number}"), BEGIN - 10 * MINUTE)
        # Every second one by its link.
        reference = video if number % 2 else f"@channel{number}"
        return reference, lambda figure: servers.youtube.show(video, figure)

    @staticmethod
    def _on_twitch(servers: Servers, number: int) -> tuple[str, Callable[[int], None]]:
        shown = servers.twitch.streams[servers.twitch.live(f"login{number}")]
        return f"login{number}", lambda figure: shown.update(viewer_count=figure)

    @staticmethod
    def _on_kick(servers: Servers, number: int) -> tuple[str, Callable[[int], None]]:
        shown = servers.kick.streams[servers.kick.live(f"slug{number}")]
        return f"slug{number}", lambda figure: shown.update(viewer_count=figure)


@dataclass
class Stage:
    """The product on those servers, with a clock that is moved by hand."""

    shares: Mapping[str, int]
    servers: Servers
    world: World
    parts: Parts
    clock: Clock

    async def until(self, at: int) -> float:
        """Look for work each second until a moment, and return the CPU of that, the servers' included."""
        cpu = 0.0
        while self.clock.now < at:
            if self.clock.now % MINUTE == 0:
                self.world.move()
            self.servers.at(self.clock.now)
            before = time.process_time()
            await self.parts.poll.tick(self.clock.now)
            cpu += time.process_time() - before
            self.clock.now += SECOND
        return cpu

    async def due(self, moments: Iterable[int]) -> None:
        """Say when each watch is due, by id."""
        async with self.parts.database.write() as connection:
            await watches.due_again(connection, list(enumerate(moments, 1)))

    async def scatter(self) -> None:
        """Let each watch be due at a moment of its own in the next minute."""
        chance = random.Random(2022)
        await self.due(self.clock.now + chance.randrange(MINUTE) for _ in range(sum(self.shares.values())))

    async def readings(self) -> Counter[tuple[str, int]]:
        """Return how many readings are stored of each session, by its platform and id."""
        query = sa.select(tables.session.c.platform, tables.session.c.id, tables.tally.c.readings).join(
            tables.tally, tables.tally.c.session_id == tables.session.c.id
        )
        async with self.parts.database.read() as connection:
            rows = await connection.execute(query)
            return Counter({(platform, id_): int(count) for platform, id_, count in rows})

    async def troubled(self) -> int:
        """Return how many watches could not be read at last."""
        query = sa.select(sa.func.count()).where(tables.watch.c.trouble.is_not(None))
        async with self.parts.database.read() as connection:
            return (await connection.execute(query)).scalar() or 0


@asynccontextmanager
async def opened(shares: Mapping[str, int], budgets: Mapping[str, str]) -> AsyncIterator[Stage]:
    """Give a stage whose watches are due soon after each other, a hundred of each platform a second."""
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(TemporaryDirectory(prefix="milepost-bench-"))
        servers = await stack.enter_async_context(_servers())
        world, clock = World(servers, shares), Clock(BEGIN)
        database, web = Database(f"sqlite:///{folder}/bench.db"), Web()
        stack.push_async_callback(web.close)
        kit = Kit(web=web, settings=servers.settings() | dict(budgets), memory=Remembered(database))
        # X's one call a second goes by this clock, too.
        made: list[Source] = [X(kit, clock=lambda: clock.now / SECOND), YouTube(kit), Twitch(kit), Kick(kit)]
        sources = {one.platform: one for one in made}
        parts = await stack.enter_async_context(build(database=database, sources=sources, chats=[], clock=clock))
        await _fill(database, world.references)
        yield Stage(shares, servers, world, parts, clock)


async def _fill(database: Database, references: Sequence[tuple[str, str]]) -> None:
    """Fill the tables that admins fill."""
    made = {"created_at": BEGIN - DAY}
    ids = range(1, len(references) + 1)
    seen = dict.fromkeys(SHARES, 0)
    rows = []
    for platform, reference in references:
        rows.append(
            {
                "source": platform, "reference": reference, "platform": platform, "public": True,
                "name": reference, "unit": "participants" if platform == "x" else "viewers",
                "metric": "concurrent", "daily": False, "interval": MINUTE, "timezone": "UTC",
                "due_at": BEGIN + seen[platform] // FOUND_AT_ONCE * SECOND, **made,
            }
        )  # fmt: skip
        seen[platform] += 1
    mine = [{"chat_id": 1 + id_ % CHATS, "watch_id": id_, **made} for id_ in ids]
    async with database.write() as connection:
        chats = [{"platform": "console", "key": f"c{number}", **made} for number in range(CHATS)]
        await connection.execute(sa.insert(tables.chat), chats)
        await connection.execute(sa.insert(tables.watch), rows)
        named = [one | {"name": f"watch {one['watch_id']}"} for one in mine]
        await connection.execute(sa.insert(tables.chat_watch), named)
        listening = [one | {"topic": "", "kinds": kinds_text(USUAL), "ladder": None} for one in mine]
        await connection.execute(sa.insert(tables.subscription), listening)
        await watches.revise(connection)


@dataclass(frozen=True)
class Result:
    """What some minutes took."""

    calls: dict[str, int]
    fewest: dict[str, int]
    others: int
    readings: int
    cpu: float

    @property
    def ratio(self) -> float:
        return sum(self.calls.values()) / sum(self.fewest.values())

    def each(self) -> str:
        return ", ".join(f"{name} {self.calls[name]:,}/{self.fewest[name]:,}" for name in self.calls)


def _fewest(platform: str, readings: Counter[tuple[str, int]]) -> int:
    """Return with how many calls these readings could be made: full ones, but no session twice in a call."""
    counts = [count for (of, _), count in readings.items() if of == platform]
    return max(math.ceil(sum(counts) / IDS_A_CALL[platform]), max(counts, default=0))


async def passed(stage: Stage, minutes: int) -> Result:
    """Let minutes pass and return what they took."""
    before, others, read = stage.servers.calls(), stage.servers.others(), await stage.readings()
    cpu = await stage.until(stage.clock.now + minutes * MINUTE)
    readings = await stage.readings() - read
    return Result(
        calls={
            name: count - before[name] for name, count in stage.servers.calls().items() if name in stage.shares
        },
        fewest={name: _fewest(name, readings) for name in stage.shares},
        others=stage.servers.others() - others,
        readings=readings.total(),
        cpu=cpu,
    )


async def measure() -> list[Figure]:
    """Measure calls and CPU with budgets that suffice, then what is spent of budgets that do not."""
    with capture_logs():  # each watch that a spent purse refuses is in the log
        return [*await _calls(), await _calls_of_few(), *await _purses()]


async def _calls() -> list[Figure]:
    began = time.perf_counter()
    async with opened(SHARES, AMPLE) as stage:
        sessions = sum(SHARES.values())
        await stage.until(BEGIN + MINUTE)
        finding = stage.servers.others()
        await stage.due([stage.clock.now] * sessions)
        together = await passed(stage, MINUTES)
        await stage.scatter()
        apart = await passed(stage, MINUTES_APART)
        failing = await stage.troubled()
    took = time.perf_counter() - began
    due, due_apart = sessions * MINUTES, sessions * MINUTES_APART
    late = max(0, due_apart - apart.readings)
    calls = sum(together.calls.values())
    return [
        Figure.ratio(
            f"calls for {sessions:,} live sessions in {MINUTES} virtual minutes, due together, against the fewest",
            together.ratio,
            goal=1.0,
            note=f"{together.each()}; {together.others} others; {finding:,} to find them; {took:.0f} s in all",
        ),
        Figure(
            name="the same against one call a session",
            value=round(calls / together.readings, 4),
            unit="times",
            note=f"{calls:,} calls for {together.readings:,} readings",
        ),
        Figure.ratio(
            f"calls in {MINUTES_APART} minutes, each session due at a second of its own, against the fewest",
            apart.ratio,
            goal=1.0,
            note=f"{apart.each()}; {apart.others} others",
        ),
        Figure(
            name="readings, due together, that are missing of one a session and minute",
            value=max(0, due - together.readings),
            unit="",
            goal=0,
            note=f"of {due:,}, {together.readings:,} made; apart {late:,} of {due_apart:,}; "
            f"{failing} watches in trouble at last",
        ),
        Figure(
            name="CPU a session and minute, due together, loopback servers included",
            value=round(together.cpu / due * 1000, 2),
            unit="ms",
            note=f"{together.cpu:.1f} s in {MINUTES} minutes; apart {apart.cpu / due_apart * 1000:.2f} ms",
        ),
    ]


async def _calls_of_few() -> Figure:
    async with opened(FEW, AMPLE) as stage:
        await stage.until(BEGIN + MINUTE)
        await stage.scatter()
        apart = await passed(stage, MINUTES)
    return Figure.ratio(
        f"calls for {sum(FEW.values())} sessions in {MINUTES} minutes, each due at a second of its own",
        apart.ratio,
        goal=1.0,
        note=f"{apart.each()}; {apart.others} others; {apart.readings:,} readings",
    )


async def _purses() -> list[Figure]:
    sessions = sum(SCARCE_SHARES.values())
    async with opened(SCARCE_SHARES, SCARCE) as stage:
        await stage.until(BEGIN + MINUTES * MINUTE)
        units = sum(stage.servers.youtube.calls.values())
        dollars = stage.servers.x.charged
    spent = {"YOUTUBE_DAILY_UNITS": units, "X_DAILY_BUDGET_USD": dollars}
    return [
        Figure.ratio(
            f"charged by the server, of a {name} that {sessions:,} sessions use up in {MINUTES} minutes",
            amount / float(SCARCE[name]),
            goal=1.0,
            note=f"{amount:g} of {SCARCE[name]}",
        )
        for name, amount in spent.items()
    ]


if __name__ == "__main__":
    from tests.bench.report import show

    show(asyncio.run(measure()))
