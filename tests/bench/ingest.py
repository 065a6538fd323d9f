"""Ingest of 10,000 live sessions a tick, against writing the same rows by hand.

The product takes answers that are made already, through ``Ingest.take``, to the commit. By hand means: the rows
that it wrote in that tick, ready as tuples, written with the standard library's sqlite3 into a copy of the same
database, in one transaction. Both run in this process, tick by tick in turn.
"""

from __future__ import annotations

import asyncio
import gc
import json
import random
import sqlite3
import time
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import sqlalchemy as sa

from bot.domain import DAY, MINUTE
from bot.domain.alerts import USUAL
from bot.domain.alerts.milestone import DEFAULT_LADDER
from bot.domain.reading import Answer, Reading
from bot.pipeline.ingest import Ingest
from bot.ports.source import Told
from storage import tables, watches
from storage.chats import kinds_text, ladder_text
from storage.database import Database
from storage.samples import BUCKET
from storage.watches import Watch
from tests.bench.report import Figure

SESSIONS = 10_000
INTERVAL = MINUTE
BEGIN = 1_650_474_000_000
#: Ticks before the measured ones: sessions start, their first figure is confirmed, the caches are warm.
WARM_UP = 4
MEASURED = 7
#: The parts of the sessions that rise past a rung in a tick, and that end in a tick where sessions come and go.
RISING = 0.03
ENDING = 0.002
GOAL = 4.0

OWN_LADDERS: tuple[tuple[float, ...], ...] = (
    tuple(range(50, 100_000, 50)),
    (100, 1_000, 10_000, 100_000),
    tuple(range(100, 50_000, 100)),
    (111, 222, 333, 444, 555, 666, 777, 888, 999, 1_111, 2_222, 3_333, 4_444, 5_555, 6_666, 7_777),
)
PLATFORMS = (("x", "participants"), ("youtube", "viewers"), ("twitch", "viewers"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One way to load the stage.

    Attributes:
        chats: Among how many chats the watches are divided.
        history: How many earlier sessions each watch has.
        ending: Which part of the sessions ends in each tick; as many begin.
        batch: How many watches come in one call, None for all; the calls wait beside each other.
        measured: How many ticks are measured, after those that warm up.
        rising: Which part of the sessions rises past a rung in each tick.
    """

    name: str
    chats: int = 1
    history: int = 0
    ending: float = 0.0
    batch: int | None = None
    measured: int = MEASURED
    goal: float = GOAL
    sessions: int = SESSIONS
    rising: float = RISING


SETTINGS = (
    Setting(name="ingest of 10,000 live sessions a tick"),
    Setting(name="the same, each with 3 earlier sessions", history=3),
    #: After seven ticks as many begin as end: those that ended are silent for longer than the grace.
    Setting(
        name="the same in 100 chats, sessions come and go",
        chats=100,
        history=3,
        ending=ENDING,
        measured=2 * MEASURED,
    ),
    Setting(name="ingest of 10,000 in batches of 100", batch=100, measured=5),
)


@dataclass(slots=True)
class Live:
    """What the made-up world knows of one watch."""

    watch: Watch
    ladder: tuple[float, ...]
    level: float
    high: float = 0
    key: str = ""
    views: int = 0
    silent: int = 0
    past: list[float] = field(default_factory=list)


class World:
    """Figures that move as audiences do: most wander about a level, a few rise past their next rung."""

    def __init__(self, setting: Setting) -> None:
        self._random = random.Random(2022)
        self._setting = setting
        self.live: list[Live] = []

    async def make(self, database: Database) -> None:
        """Fill the tables that admins fill: chats, watches, subscriptions, and earlier sessions."""
        chance, setting = self._random, self._setting
        ladders = [chance.choice(OWN_LADDERS) if chance.random() < 0.2 else None for _ in range(setting.sessions)]
        places = [
            PLATFORMS[0] if chance.random() < 0.4 else chance.choice(PLATFORMS) for _ in range(setting.sessions)
        ]
        made = {"created_at": BEGIN - DAY}
        async with database.write() as connection:
            await connection.execute(
                sa.insert(tables.chat),
                [{"platform": "console", "key": f"c{n}", **made} for n in range(1, setting.chats + 1)],
            )
            await connection.execute(
                sa.insert(tables.watch),
                [
                    {
                        "source": platform, "reference": f"@n{n}", "platform": platform, "public": True,
                        "name": f"watch {n}", "unit": unit, "metric": "concurrent", "daily": False,
                        "interval": INTERVAL, "timezone": "UTC", "due_at": BEGIN, **made,
                    }
                    for n, (platform, unit) in enumerate(places)
                ],
            )  # fmt: skip
            found = sorted(
                (await watches.by_ids(connection, range(1, setting.sessions + 1))).values(), key=lambda w: w.id
            )
            mine = [1 + watch.id % setting.chats for watch in found]
            await connection.execute(
                sa.insert(tables.chat_watch),
                [
                    {"chat_id": chat, "watch_id": watch.id, "name": watch.name, **made}
                    for watch, chat in zip(found, mine, strict=True)
                ],
            )
            await connection.execute(
                sa.insert(tables.subscription),
                [
                    {
                        "chat_id": chat, "watch_id": watch.id, "topic": "", "kinds": kinds_text(USUAL),
                        "ladder": ladder_text(ladder), **made,
                    }
                    for watch, chat, ladder in zip(found, mine, ladders, strict=True)
                ],
            )  # fmt: skip
            await watches.revise(connection)
        self.live = [
            Live(watch, ladder or DEFAULT_LADDER, level=min(2e5, max(12, chance.lognormvariate(5, 1.4))))
            for watch, ladder in zip(found, ladders, strict=True)
        ]
        for one in self.live:
            one.key = f"{one.watch.id}-0"
            one.past = [one.level * chance.uniform(0.6, 2.5) for _ in range(setting.history)]
        if setting.history:
            await self._make_history(database)

    async def _make_history(self, database: Database) -> None:
        rows, tallies = [], []
        for one in self.live:
            for number, peak in enumerate(one.past):
                at = BEGIN - (number + 1) * DAY
                rows.append(
                    {
                        "watch_id": one.watch.id, "platform": one.watch.platform, "public": True, "state": "ended",
                        "platform_ids": json.dumps([f"{one.watch.id}-past-{number}"]), "title": "An evening",
                        "hosts": "[]", "started_at": at, "ended_at": at + 120 * MINUTE, "ends": 1, "daily": False,
                        "first_at": at, "peak": round(peak), "peak_at": at + 60 * MINUTE, "average": peak / 2,
                        "airtime": 7200, "coverage": 1,
                    }
                )  # fmt: skip
                tallies.append(
                    {
                        "session_id": len(rows), "first_at": at, "last_at": at + 120 * MINUTE,
                        "peak": round(peak), "peak_at": at + 60 * MINUTE, "confirmed_at": at,
                        "confirmed_interval": INTERVAL, "suspect_at": 0, "suspect_interval": 0,
                        "suspect_broken": False, "broken": False, "area": 0, "covered": 0, "readings": 120,
                        "glitches": 0,
                    }
                )  # fmt: skip
        async with database.write() as connection:
            await connection.execute(sa.insert(tables.session), rows)
            await connection.execute(sa.insert(tables.tally), tallies)

    def tick(self, number: int) -> list[tuple[Watch, Told]]:
        """Return what the sources tell in one tick."""
        at = BEGIN + number * INTERVAL
        return [(one.watch, Told(answers=(self._answer(one, at, number),))) for one in self.live]

    def _answer(self, one: Live, at: int, number: int) -> Answer:
        chance = self._random
        if one.silent:
            one.silent -= 1
            if one.silent == 0:
                one.key, one.high, one.views = f"{one.watch.id}-{number}", 0, 0
            return Answer(at=at)
        if number > WARM_UP and chance.random() < self._setting.ending:
            one.silent = 7  # longer than the grace
            return Answer(at=at)
        figure = max(12, round(one.level * chance.gauss(1, 0.02)))
        if number >= WARM_UP and chance.random() < self._setting.rising:
            place = bisect_right(one.ladder, one.high)
            rung = one.ladder[place] if place < len(one.ladder) else one.high
            if rung < 4 * one.level:
                one.level = rung * 1.02
                figure = round(rung * 1.01) + 1
        one.high = max(one.high, figure)
        one.views += figure // 10
        return Answer(
            at=at,
            readings=(
                Reading(
                    session=one.key,
                    title=f"Session {one.key} of an evening",
                    hosts=(f"host {one.watch.id}",),
                    url=f"https://example.org/{one.key}",
                    concurrent=figure,
                    views=one.views if one.watch.platform == "youtube" else None,
                    started_at=BEGIN,
                ),
            ),
        )


class ByHand:
    """The same rows, written with the standard library."""

    def __init__(self, product: Path, copy: Path) -> None:
        self._product = sqlite3.connect(product, isolation_level=None)
        self._copy = sqlite3.connect(copy, isolation_level=None)
        self._product.backup(self._copy)
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "cache_size=-12000"):
            self._copy.execute(f"PRAGMA {pragma}")
        self._alerts = self._last("alert")
        self._deliveries = self._last("delivery")
        columns = [row[1] for row in self._copy.execute("PRAGMA table_info(tally)")]
        self._tally = ",".join(f"tally.{name}" for name in [*columns[1:], columns[0]])
        self._update = f"UPDATE tally SET {','.join(f'{name}=?' for name in columns[1:])} WHERE session_id=?"

    def _last(self, table: str) -> int:
        return int(self._product.execute(f"SELECT coalesce(max(id), 0) FROM {table}").fetchone()[0])

    def rows(self, at: int) -> dict[str, list[tuple[Any, ...]]]:
        """Return what the product wrote in the tick of this moment."""
        bucket, offset = divmod(at, BUCKET)
        select = self._product.execute
        found = {
            "sample": select("SELECT * FROM sample WHERE bucket=? AND offset=?", (bucket, offset)).fetchall(),
            "tally": select(
                f"SELECT {self._tally} FROM tally JOIN sample USING (session_id) WHERE bucket=? AND offset=?",
                (bucket, offset),
            ).fetchall(),
            "alert": select("SELECT * FROM alert WHERE id > ?", (self._alerts,)).fetchall(),
            "delivery": select("SELECT * FROM delivery WHERE id > ?", (self._deliveries,)).fetchall(),
        }
        self._alerts, self._deliveries = self._last("alert"), self._last("delivery")
        return found

    def follow_sessions(self) -> None:
        """Take over sessions that began; what is compared are the four kinds of rows, not these."""
        known = self._copy.execute("SELECT max(id) FROM session").fetchone()[0]
        for table, key in (("session", "id"), ("tally", "session_id")):
            rows = self._product.execute(f"SELECT * FROM {table} WHERE {key} > ?", (known,)).fetchall()
            self._many(table, rows)

    def write(self, rows: dict[str, list[tuple[Any, ...]]]) -> None:
        """Write a tick's rows in one transaction."""
        self._copy.execute("BEGIN IMMEDIATE")
        self._many("sample", rows["sample"])
        self._copy.executemany(self._update, rows["tally"])
        self._many("alert", rows["alert"])
        self._many("delivery", rows["delivery"])
        self._copy.execute("COMMIT")

    def _many(self, table: str, rows: Sequence[tuple[Any, ...]]) -> None:
        if rows:
            self._copy.executemany(f"INSERT INTO {table} VALUES ({','.join('?' * len(rows[0]))})", rows)

    def close(self) -> None:
        self._product.close()
        self._copy.close()


async def measure(settings: Sequence[Setting] = SETTINGS) -> list[Figure]:
    """Measure every setting."""
    figures = []
    for setting in settings:
        figures += await _measure(setting)
    return figures


async def _measure(setting: Setting) -> list[Figure]:
    with TemporaryDirectory(prefix="milepost-bench-") as folder:
        path = Path(folder, "product.db")
        database = Database(f"sqlite:///{path}")
        await database.open()
        try:
            world = World(setting)
            await world.make(database)
            return await _ticks(setting, world, Ingest(database), path)
        finally:
            await database.close()


async def _ticks(setting: Setting, world: World, ingest: Ingest, path: Path) -> list[Figure]:
    for number in range(WARM_UP):
        await ingest.take(world.tick(number), BEGIN + number * INTERVAL)
    hand = ByHand(path, path.with_name("hand.db"))
    ours: list[float] = []
    theirs: list[float] = []
    alerts = []
    for number in range(WARM_UP, WARM_UP + setting.measured):
        told, now = world.tick(number), BEGIN + number * INTERVAL
        ours.append(await _product(ingest, told, now, setting.batch or len(told)))
        rows = hand.rows(now)
        hand.follow_sessions()
        gc.collect()
        before = time.process_time()
        hand.write(rows)
        theirs.append(time.process_time() - before)
        alerts.append(len(rows["alert"]))
    hand.close()
    ours, theirs = ours[-MEASURED:], theirs[-MEASURED:]
    ratio = median(ours) / median(theirs)
    note = (
        f"{1000 * median(ours):.0f} ms CPU against {1000 * median(theirs):.0f}, {median(alerts):.0f} alerts a tick"
    )
    return [Figure.ratio(setting.name, ratio, goal=setting.goal, note=note)]


async def _product(ingest: Ingest, told: Sequence[tuple[Watch, Told]], now: int, batch: int) -> float:
    gc.collect()
    before = time.process_time()
    batches = [told[start : start + batch] for start in range(0, len(told), batch)]
    await asyncio.gather(*(ingest.take(one, now) for one in batches))
    return time.process_time() - before
