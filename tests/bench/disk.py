"""Bytes on disk that a reading costs, all told: what the database grows by through the product's ingest.

Counted are samples, aggregates, sessions, their keys and all indexes, after a checkpoint; then the same with the
alerts and deliveries of audiences that rise: of the former each has two, its start and its first rung.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

from bot.pipeline.ingest import Ingest
from storage.database import Database
from tests.bench.ingest import BEGIN, INTERVAL, Setting, World
from tests.bench.report import Figure

#: As the layouts of the table were compared when it was chosen.
SESSIONS, TICKS = 2_000, 500
GOAL = 30
#: One reading in 25 reaches a rung.
RISING = 0.04


async def measure(sessions: int = SESSIONS, ticks: int = TICKS) -> list[Figure]:
    """Keep the readings of sessions that stay level, then of sessions that rise."""
    level = await _grown(Setting(name="level", sessions=sessions, rising=0), ticks)
    rising = await _grown(Setting(name="rising", sessions=sessions, rising=RISING), ticks)
    return [
        Figure(
            name="bytes a sample on disk, with aggregates, sessions and all indexes",
            value=round(level.bytes / level.samples, 1),
            unit="B",
            goal=GOAL,
            note=f"{level.samples:,} samples of {sessions:,} sessions in {level.bytes / 2**20:.1f} MB",
        ),
        Figure(
            name="the same, with the alerts and deliveries of sessions that rise",
            value=round(rising.bytes / rising.samples, 1),
            unit="B",
            note=f"{rising.alerts:,} alerts for {rising.samples:,} samples",
        ),
    ]


class _Grown:
    """What a database has grown by, and what is in it."""

    def __init__(self, path: Path, before: int) -> None:
        self.bytes = _size(path) - before
        with closing(sqlite3.connect(path)) as connection:
            self.samples, self.alerts = (
                int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])
                for table in ("sample", "alert")
            )


async def _grown(setting: Setting, ticks: int) -> _Grown:
    with TemporaryDirectory(prefix="milepost-bench-") as folder:
        path = Path(folder, "milepost.db")
        database = Database(f"sqlite:///{path}")
        await database.open()
        try:
            world = World(setting)
            await world.make(database)
            before = _size(path)
            ingest = Ingest(database)
            for number in range(ticks):
                await ingest.take(world.tick(number), BEGIN + number * INTERVAL)
        finally:
            await database.close()
        return _Grown(path, before)


def _size(path: Path) -> int:
    """Return the size of a database, with nothing left in its log."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return path.stat().st_size
