"""One alert for 100,000 subscriptions, against one bare INSERT ... SELECT of the same rows.

The product takes a reading through ``Ingest.take``: it starts a session, passes a rung, breaks a record. Bare
means the standard library's sqlite3 in a copy of the same database, with all its indexes, which fills the same
columns from the same subscriptions in one statement. Both run in this process, by turns. Then the reload after
somebody subscribed, leases with little and much waiting, memory, and how long people wait who ask meanwhile.
"""

from __future__ import annotations

import asyncio
import gc
import os
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import sqlalchemy as sa

from bot.domain import DAY, MINUTE
from bot.domain.alerts import USUAL
from bot.domain.reading import Answer, Reading
from bot.pipeline.ingest import Ingest
from bot.ports.source import Told
from storage import chats, sending, tables, watches
from storage.chats import kinds_text
from storage.database import Database
from storage.watches import Watch
from tests.bench.report import Figure

CHATS = 100_000
BEGIN = 1_650_474_000_000
ROUNDS = 5
GOAL = 2.0
#: Somebody asks or subscribes so often (seconds) while alerts are fanned out and leased.
ASK_EVERY = 0.02
LEASE = 32
#: What the longest answer may take beside it all, in milliseconds.
ANSWER_GOAL = 1000.0
PAGE = os.sysconf("SC_PAGE_SIZE")


async def measure() -> list[Figure]:
    """Measure at 100,000 chats."""
    return await measured(CHATS)


async def measured(count: int, *, rounds: int = ROUNDS) -> list[Figure]:
    """Measure with so many chats on one watch."""
    figures = []
    async with _opened(count) as (database, watch, path):
        before = _resident()
        ratios = {}
        for name in ("a start", "a milestone", "a record"):
            ratios[name] = await _compared(database, watch, path, name, rounds)
        reload = await _reload(database, watch)
        figures += [
            Figure.ratio(
                f"{name} for {count:,} subscriptions, against a bare INSERT ... SELECT",
                ours / theirs,
                goal=GOAL,
                note=f"{1000 * ours:.0f} ms CPU against {1000 * theirs:.0f}; kept after {1000 * wall:.0f} ms",
            )
            for name, (ours, theirs, wall) in ratios.items()
        ]
        figures.append(
            Figure(
                name="the reading after somebody subscribed",
                value=round(1000 * reload),
                unit="ms of CPU",
                goal=1000,
            )
        )
        figures += await _leases(database, count)
        figures += await _beside(database, watch, count)
        grown = (_resident() - before) / 2**20
        figures.append(Figure(name="memory grown over all of it", value=round(grown, 1), unit="MB", goal=64))
    return figures


@asynccontextmanager
async def _opened(count: int) -> AsyncIterator[tuple[Database, Watch, Path]]:
    with TemporaryDirectory(prefix="milepost-bench-") as folder:
        path = Path(folder, "product.db")
        database = Database(f"sqlite:///{path}")
        await database.open()
        try:
            await _fill(database, count)
            async with database.read() as connection:
                watch = (await watches.by_ids(connection, [1]))[1]
            yield database, watch, path
        finally:
            await database.close()


async def _fill(database: Database, count: int) -> None:
    made = {"created_at": BEGIN - DAY}
    ended = {
        "platform": "x", "public": True, "state": "ended", "platform_ids": '["a"]', "title": "An evening",
        "hosts": "[]", "started_at": BEGIN - DAY, "ended_at": BEGIN - DAY + MINUTE, "ends": 1, "daily": False,
        "first_at": BEGIN - DAY, "peak_at": BEGIN - DAY, "average": 9, "airtime": 60, "coverage": 1,
    }  # fmt: skip
    ids = range(1, count + 1)
    async with database.write() as connection:
        await connection.execute(
            sa.insert(tables.chat), [{"id": id_, "platform": "fake", "key": f"c{id_}", **made} for id_ in ids]
        )
        await connection.execute(
            sa.insert(tables.watch),
            [
                {
                    "id": id_, "source": "fake", "reference": f"@n{id_}", "platform": "x", "public": True,
                    "name": f"w{id_}", "unit": "participants", "metric": "concurrent", "daily": False,
                    "interval": MINUTE, "timezone": "UTC", "due_at": BEGIN, **made,
                }
                for id_ in (1, 2)
            ],
        )  # fmt: skip
        await connection.execute(
            sa.insert(tables.chat_watch), [{"chat_id": id_, "watch_id": 1, "name": "w", **made} for id_ in ids]
        )
        await connection.execute(
            sa.insert(tables.subscription),
            [{"chat_id": id_, "watch_id": 1, "topic": "", "kinds": kinds_text(USUAL), **made} for id_ in ids],
        )
        await connection.execute(
            sa.insert(tables.session),
            [{"id": id_, "watch_id": id_, "peak": peak, **ended} for id_, peak in ((1, 1000), (2, 1_000_000))],
        )
        await watches.revise(connection)


class _World:
    """What the one source tells, minute by minute."""

    def __init__(self, database: Database, watch: Watch, *, number: int = 0) -> None:
        self.ingest = Ingest(database)
        self._watch = watch
        self._minute = number * 1000

    async def tell(self, figure: float | None, session: str = "a") -> None:
        self._minute += 1
        at = BEGIN + self._minute * MINUTE
        readings = (
            () if figure is None else (Reading(session=session, title="Tonight", hosts=(), concurrent=figure),)
        )
        await self.ingest.take([(self._watch, Told(answers=(Answer(at=at, readings=readings),)))], at)


#: What is told first, and what then brings the alert; every round stands on its own.
_STEPS: dict[str, tuple[list[float | None], float]] = {
    "a start": ([None], 20.0),
    "a milestone": ([101.0, 102.0], 260.0),
    "a record": ([990.0, 991.0, 992.0], 1_001.0),
}


async def _compared(
    database: Database, watch: Watch, path: Path, name: str, rounds: int
) -> tuple[float, float, float]:
    """Return the CPU of ours and of the bare statement, and the wall time of ours; medians."""
    ours, theirs, walls = [], [], []
    number = list(_STEPS).index(name) * rounds
    for turn in range(rounds):
        await _forget(database)
        world = _World(database, watch, number=number + turn)
        first, then = _STEPS[name]
        session = f"{name} {turn}"
        for figure in first:
            await world.tell(figure, session)
        await _settle(database)
        async with database.read() as connection:
            last = (
                await connection.execute(sa.select(sa.func.coalesce(sa.func.max(tables.delivery.c.id), 0)))
            ).scalar_one()
        gc.collect()
        began, wall = time.process_time(), time.perf_counter()
        await world.tell(then, session)
        ours.append(time.process_time() - began)
        walls.append(time.perf_counter() - wall)
        theirs.append(await asyncio.to_thread(_bare, path, last))
    return median(ours), median(theirs), median(walls)


async def _forget(database: Database) -> None:
    """Begin anew: no live session, nothing told."""
    async with database.write() as connection:
        await connection.execute(sa.delete(tables.alert))
        await connection.execute(sa.delete(tables.session).where(tables.session.c.id > 2))


async def _settle(database: Database) -> None:
    """Let nothing wait that gives way to what is measured: that is no part of making it."""
    async with database.write() as connection:
        await connection.execute(sa.update(tables.delivery).values(state="sent", settled_at=BEGIN))


def _bare(path: Path, last: int) -> float:
    """Write the rows above an id again into a copy, from the subscriptions, in one statement; return its CPU."""
    copy = path.with_name("bare.db")
    source, target = sqlite3.connect(path), sqlite3.connect(copy, isolation_level=None)
    try:
        source.backup(target)
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "cache_size=-12000"):
            target.execute(f"PRAGMA {pragma}")
        alert, session, kind, threshold, scope, detail, due, count = target.execute(
            "SELECT alert_id, session_id, kind, threshold, scope, detail, due_at, count(*) FROM delivery"
            " WHERE id > ?",
            (last,),
        ).fetchone()
        target.execute("DELETE FROM delivery WHERE id > ?", (last,))
        target.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        gc.collect()
        began = time.thread_time()
        target.execute("BEGIN IMMEDIATE")
        made = target.execute(
            "INSERT INTO delivery (alert_id, subscription_id, session_id, chat_id, topic, kind, threshold, scope,"
            " detail, state, due_at, platform)"
            " SELECT ?, id, ?, chat_id, topic, ?, ?, ?, ?, 'pending', ?, 'fake' FROM subscription"
            " WHERE watch_id = 1",
            (alert, session, kind, threshold, scope, detail, due),
        ).rowcount
        target.execute("COMMIT")
        took = time.thread_time() - began
        assert made == count, (made, count)
        return took
    finally:
        source.close()
        target.close()
        for name in (copy, f"{copy}-wal", f"{copy}-shm"):
            Path(name).unlink(missing_ok=True)


async def _reload(database: Database, watch: Watch) -> float:
    """Return the CPU of the reading after a subscription, in a session above all that its watch did before."""
    await _forget(database)
    world = _World(database, watch, number=100)
    for figure in (1_001.0, 1_002.0, 1_003.0):
        await world.tell(figure)
    found = []
    for _ in range(3):
        async with database.write() as connection:
            await watches.revise(connection)
        gc.collect()
        began = time.process_time()
        await world.tell(1_003.0)
        found.append(time.process_time() - began)
    return median(found)


async def _leases(database: Database, count: int) -> list[Figure]:
    """Lease with 1,000 and with all pending."""
    took = {}
    pending = sa.update(tables.delivery).values(state="pending", leased_until=None)
    for waiting in (1_000, count):
        async with database.write() as connection:
            await connection.execute(sa.update(tables.delivery).values(state="sent"))
            some = sa.select(tables.delivery.c.id).order_by(tables.delivery.c.id).limit(waiting)
            await connection.execute(pending.where(tables.delivery.c.id.in_(some)))
        took[waiting] = await _leased(database)
    return [
        Figure.ratio(
            f"a lease of {LEASE} with {count:,} waiting against 1,000",
            took[count] / took[1_000],
            goal=2.0,
            note=f"{1000 * took[count]:.1f} ms CPU against {1000 * took[1_000]:.1f}",
        )
    ]


async def _leased(database: Database) -> float:
    found = []
    for turn in range(15):
        gc.collect()
        began = time.process_time()
        async with database.write() as connection:
            await sending.lease(
                connection,
                platform="fake",
                by_topic=False,
                now=BEGIN + DAY + turn,
                until=BEGIN + 2 * DAY,
                limit=LEASE,
            )
        found.append(time.process_time() - began)
    return median(found[5:])


async def _beside(database: Database, watch: Watch, count: int) -> list[Figure]:
    """Fan out a burst of ten rungs and lease what is owed, while somebody reads and somebody subscribes."""
    await _forget(database)
    world = _World(database, watch, number=200)
    done = asyncio.Event()
    reads: list[float] = []
    writes: list[float] = []

    async def reader() -> None:
        async with database.read() as connection:
            await watches.of_chat(connection, 1)

    async def writer() -> None:
        async with database.write() as connection:
            await chats.change_subscriptions(connection, chat_id=1, watch_id=1, mention=None)

    asking = [
        asyncio.create_task(_again_and_again(what, waits, done))
        for what, waits in ((reader, reads), (writer, writes))
    ]
    began = time.perf_counter()
    for figure in (20.0, 20.0, 26.0, 51.0, 101.0, 251.0, 501.0, 1_001.0, 2_501.0, 5_001.0, 10_001.0):
        await world.tell(figure)
        for turn in range(20):
            async with database.write() as connection:
                leased = await sending.lease(
                    connection,
                    platform="fake",
                    by_topic=False,
                    now=BEGIN + DAY + turn,
                    until=BEGIN + 2 * DAY,
                    limit=LEASE,
                )
                for one in leased:
                    await sending.settle(connection, one.id, state="sent", now=BEGIN + DAY)
    took = time.perf_counter() - began
    done.set()
    await asyncio.gather(*asking)
    async with database.read() as connection:
        backlog, _ = await sending.backlog(connection)
    assert backlog <= count * 4, backlog
    return [
        Figure(
            name=f"the longest {what} beside a burst of ten alerts for {count:,}",
            value=round(1000 * max(waits)),
            unit="ms",
            goal=ANSWER_GOAL,
            note=f"{len(waits)} asked in {took:.0f} s",
        )
        for what, waits in (("read", reads), ("change of a setting", writes))
    ]


async def _again_and_again(what: Callable[[], Awaitable[None]], waits: list[float], done: asyncio.Event) -> None:
    while not done.is_set():
        began = time.perf_counter()
        await what()
        waits.append(time.perf_counter() - began)
        await asyncio.sleep(ASK_EVERY)


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE
