"""Retention beside a tick: for how long a step holds the one right to write, and how fast it gets on."""

from __future__ import annotations

import time
from contextlib import aclosing
from dataclasses import dataclass, field
from statistics import median, quantiles
from tempfile import TemporaryDirectory
from typing import Any

import sqlalchemy as sa

from bot.domain import DAY, HOUR, MINUTE
from bot.domain.reading import Answer, Reading
from bot.pipeline.ingest import Ingest
from bot.pipeline.prune import ROWS, Prune, Rules
from bot.ports.source import Told
from storage import tables
from storage.database import Database
from storage.samples import BUCKET, LIVE
from storage.watches import Watch
from tests.bench.report import Figure
from tests.fakes.rows import a_watch

BEGIN = 1_650_474_000_000 // BUCKET * BUCKET
#: Short sessions are thinned in one step, long ones in several.
SHORT, LONG = 300, 30
SHORT_LENGTH, LONG_LENGTH = 3 * HOUR, 2 * DAY
TICKS = 9
GOAL = 1.0


@dataclass
class Held:
    """For how many seconds each transaction held the right to write."""

    seconds: list[float] = field(default_factory=list)
    since: float = 0.0

    def watch(self, database: Database) -> None:
        engine = database._write.sync_engine
        sa.event.listen(engine, "begin", self._begin)
        sa.event.listen(engine, "commit", self._commit)
        sa.event.listen(engine, "checkin", self._end)

    def _begin(self, _connection: Any) -> None:
        self.since = time.perf_counter()

    def _commit(self, _connection: Any) -> None:
        """Go on counting: the commit itself waits for the disk."""

    def _end(self, *_: Any) -> None:
        if self.since:
            self.seconds.append(time.perf_counter() - self.since)
            self.since = 0.0


async def measure() -> list[Figure]:
    """Fill a database, time ticks of as many rows as a step may write, then let everything be thinned."""
    with TemporaryDirectory(prefix="milepost-bench-") as folder:
        database = Database(f"sqlite:///{folder}/bench.db")
        await database.open()
        try:
            readings = await _fill(database)
            ticks = await _ticks(database)
            return await _prune(database, readings, ticks)
        finally:
            await database.close()


async def _fill(database: Database) -> int:
    """Keep sessions that ended long ago, one reading a minute, and return how many readings they have."""
    lengths = [SHORT_LENGTH] * SHORT + [LONG_LENGTH] * LONG
    count = 0
    async with database.write() as connection:
        watch = await a_watch(connection, "old")
        for id_, length in enumerate(lengths, start=1):
            session = {
                "id": id_, "watch_id": watch.id, "platform": "x", "public": True, "state": "ended",
                "platform_ids": f'["{id_}"]', "hosts": "[]", "ended_at": BEGIN + length, "ends": 1, "daily": False,
            }  # fmt: skip
            figures = {
                "session_id": id_, "first_at": BEGIN, "last_at": BEGIN + length, "peak_at": BEGIN,
                "confirmed_at": 0, "confirmed_interval": 0, "suspect_at": 0, "suspect_interval": 0,
                "suspect_broken": False, "broken": False, "area": 0, "covered": 0, "readings": 0, "glitches": 0,
            }  # fmt: skip
            await connection.execute(sa.insert(tables.session).values(session))
            await connection.execute(sa.insert(tables.tally).values(figures))
        for at in range(BEGIN, BEGIN + LONG_LENGTH, MINUTE):
            rows = [
                {
                    "bucket": at // BUCKET, "session_id": id_, "offset": at % BUCKET, "state": LIVE,
                    "interval": 60, "concurrent": 500 + (at // MINUTE * 7 + id_) % 97,
                }
                for id_, length in enumerate(lengths, start=1)
                if at < BEGIN + length
            ]  # fmt: skip
            await connection.execute(sa.insert(tables.sample), rows)
            count += len(rows)
    return count


async def _ticks(database: Database) -> list[float]:
    """Return for how long ticks of ``ROWS`` live sessions hold the right to write."""
    watches: list[Watch] = []
    async with database.write() as connection:
        for n in range(ROWS):
            watches.append(await a_watch(connection, f"live-{n}", interval=MINUTE))  # noqa: PERF401
    ingest, held = Ingest(database), Held()
    for tick in range(TICKS + 3):
        if tick == 3:  # sessions have begun
            held.watch(database)
        at = BEGIN + 60 * DAY + tick * MINUTE
        told = [
            (watch, Told(answers=[Answer(at=at, readings=(Reading(session="a", concurrent=100 + tick),))]))
            for watch in watches
        ]
        await ingest.take(told, at)
    return list(held.seconds)


async def _prune(database: Database, readings: int, ticks: list[float]) -> list[Figure]:
    held = Held()
    held.watch(database)
    began, cpu = time.perf_counter(), time.process_time()
    async with aclosing(Prune(database, Rules(raw=30 * DAY)).steps(BEGIN + 50 * DAY)) as steps:
        async for _ in steps:
            pass
    took, cpu = time.perf_counter() - began, time.process_time() - cpu
    nearly_all, tick = quantiles(held.seconds, n=100)[-1], median(ticks)
    return [
        Figure.ratio(
            f"a step of retention (99 of 100), against a tick of {ROWS:,} live sessions: time that writers wait",
            nearly_all / tick,
            goal=GOAL,
            note=f"{1000 * nearly_all:.0f} ms (median {1000 * median(held.seconds):.0f}, "
            f"longest {1000 * max(held.seconds):.0f}) against {1000 * tick:.0f} ms",
        ),
        Figure(
            name="readings thinned a second",
            value=round(readings / took),
            unit="readings",
            note=f"{readings:,} in {len(held.seconds):,} steps, {1_000_000 * cpu / readings:.0f} µs of CPU each",
        ),
    ]
