"""Ten million readings into a file and into a store again: how long, how large, and in how much memory."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from bot.domain import MINUTE
from storage.database import Database
from storage.samples import BUCKET
from tests.bench.report import Figure
from tests.fakes.clock import NOW
from tests.fakes.rows import a_watch

FEW, MANY = 10_000, 10_000_000
#: Readings of a session, one a minute; a session begins every minute.
LENGTH = 1_000
WATCHES = 10
#: Caches, which are bounded, are full with many; rows would be a hundred times as much.
GOAL = 1.5


@dataclass(frozen=True, slots=True)
class Run:
    """What one process took."""

    seconds: float
    megabytes: float


def measure() -> list[Figure]:
    """Export and import few readings and many, each in a process of its own."""
    with TemporaryDirectory(prefix="milepost-bench-") as name:
        folder = Path(name)
        few, _ = _runs(folder, FEW)
        many, size = _runs(folder, MANY)
    return [
        Figure.ratio(
            f"peak of memory of `milepost {command}` of {MANY:,} readings, against {FEW:,}",
            many[command].megabytes / few[command].megabytes,
            goal=GOAL,
            note=f"{many[command].megabytes:.0f} MB against {few[command].megabytes:.0f} MB; "
            f"{many[command].seconds:.0f} s for a zip of {size:.0f} MB",
        )
        for command in many
    ]


def _runs(folder: Path, readings: int) -> tuple[dict[str, Run], float]:
    """Return what export and import took, and the megabytes of the file."""
    full, empty = (f"sqlite:///{folder}/{name}-{readings}.db" for name in ("full", "empty"))
    asyncio.run(_filled(full, readings))
    file = folder / f"{readings}.zip"
    found = {"export": _run(full, "export", str(file)), "import": _run(empty, "import", str(file))}
    size = file.stat().st_size / 1_000_000
    for path in folder.iterdir():
        path.unlink()
    return found, size


async def _filled(url: str, readings: int) -> None:
    database = Database(url, throwaway=True)
    await database.open()
    try:
        await fill(database, readings)
    finally:
        await database.close()


async def fill(database: Database, readings: int) -> None:
    """Keep sessions that are over, their readings in the order in which time would have kept them."""
    async with database.write() as connection:
        for n in range(WATCHES):
            await a_watch(connection, f"@{n}")
        for statement in _statements(readings // LENGTH):
            await connection.exec_driver_sql(statement)


def _statements(sessions: int) -> tuple[str, ...]:
    last = (LENGTH - 1) * MINUTE
    return (
        f"""
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {sessions})
        INSERT INTO session (id, watch_id, platform, public, state, platform_ids, hosts, ended_at, ends, daily,
                             first_at, peak, peak_at)
        SELECT i, 1 + i % {WATCHES}, 'x', 1, 'ended', '["' || i || '"]', '[]', {NOW + last} + i * {MINUTE}, 1, 0,
               {NOW} + i * {MINUTE}, 50000, {NOW} + i * {MINUTE} FROM n
        """,
        "INSERT INTO session_key (watch_id, key, session_id) SELECT watch_id, CAST(id AS TEXT), id FROM session",
        f"""
        INSERT INTO tally (session_id, first_at, last_at, confirmed_at, confirmed_interval, suspect_at,
                           suspect_interval, suspect_broken, broken, area, covered, readings, glitches)
        SELECT id, first_at, ended_at, 0, 0, 0, 0, 0, 0, 0, 0, {LENGTH}, 0 FROM session
        """,
        f"""
        WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < {LENGTH - 1})
        INSERT INTO sample (bucket, session_id, "offset", state, interval, concurrent)
        SELECT (first_at + i * {MINUTE}) / {BUCKET} AS b, id, (first_at + i * {MINUTE}) % {BUCKET} AS o, 1, 60,
               (i * 7919 + id * 31) % 50000 FROM session, n ORDER BY b, id, o
        """,
    )  # fmt: skip


def _run(url: str, *arguments: str) -> Run:
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "bot", *arguments],
        env={**os.environ, "DATABASE_URL": url},
        stdout=subprocess.DEVNULL,
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return Run(time.perf_counter() - began, usage.ru_maxrss / 1_000)
