"""``/stats`` on a session with ten million samples against one with ten thousand."""

from __future__ import annotations

import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import sqlalchemy as sa

from bot.domain import MINUTE, SECOND
from bot.parts import Parts, build
from bot.ports.command import Request
from bot.services import watching
from bot.sources.replay import Replay
from storage import watches
from storage.database import Database
from storage.samples import BUCKET, LIVE
from storage.tables import tally
from tests.bench.report import Figure

SMALL, LARGE = 10_000, 10_000_000
INTERVAL = 30 * SECOND
BEGIN = 1_650_474_000_000
ROUNDS = 15
ASKED = 8
GOAL = 1.2


#: In the order of the table's key, so that each row is written behind the one before.
_SAMPLES = f"""
WITH RECURSIVE n (i) AS (SELECT ? UNION ALL SELECT i + 1 FROM n WHERE i < ?)
INSERT INTO sample (bucket, session_id, "offset", state, interval, concurrent)
SELECT at / {BUCKET}, ?, at % {BUCKET}, {LIVE}, {INTERVAL // SECOND}, 500 + i % 97
FROM (SELECT i, {BEGIN} + i * {INTERVAL} AS at FROM n)
"""
AT_ONCE = 1_000_000


async def measure(small: int = SMALL, large: int = LARGE, rounds: int = ROUNDS) -> list[Figure]:
    """Ask both by turns, through the product's own dispatcher."""
    with TemporaryDirectory() as folder:
        clock = [BEGIN]
        async with build(
            database=Database(f"sqlite:///{folder}/bench.db"),
            sources={"replay": Replay()},
            chats=[],
            clock=lambda: clock[0],
        ) as parts:
            for name, count in (("small", small), ("large", large)):
                await _fill(parts, Path(folder), name, count)
            clock[0] = BEGIN + large * INTERVAL
            cpu, wall = await _ask(parts, clock, rounds)
    ratios = {
        name: median(taken["large"]) / median(taken["small"]) for name, taken in (("CPU", cpu), ("time", wall))
    }
    return [
        Figure.ratio(
            f"/stats with {large:,} samples against {small:,}: {name}",
            ratio,
            goal=GOAL,
            note=f"{median(taken['large']) * 1000:.1f} ms against {median(taken['small']) * 1000:.1f} ms",
        )
        for (name, ratio), taken in zip(ratios.items(), (cpu, wall), strict=True)
    ]


async def _fill(parts: Parts, folder: Path, name: str, count: int) -> None:
    """Watch a session, let it begin, and give it its samples as the poller would have kept them."""
    path = folder / f"{name}.jsonl"
    path.write_text(
        f'{{"replay": 1, "platform": "x", "watch": "{name}", "interval": 30}}\n'
        + "".join(
            f'{{"at": "2022-04-20T17:00:{second}Z", "session": "{name}", "state": "live", "concurrent": 500}}\n'
            for second in ("00", "30")
        )
    )
    request = Request(platform="console", chat="console", command="watch", is_admin=True, is_operator=True)
    added = await watching.add(parts.dispatcher.services, request, f"replay:{path}", name=None)
    for moment in (BEGIN, BEGIN + INTERVAL):
        await parts.poll.tick(moment)
    async with parts.database.write() as connection:
        session_id = (await connection.execute(sa.select(sa.func.max(tally.c.session_id)))).scalar_one()
        for start in range(2, count, AT_ONCE):
            last = min(start + AT_ONCE, count) - 1
            await connection.exec_driver_sql(_SAMPLES, (start, last, session_id))
        last = BEGIN + (count - 1) * INTERVAL
        await connection.execute(
            sa.update(tally)
            .where(tally.c.session_id == session_id)
            .values(
                last_at=last, confirmed_at=last, readings=count, covered=last - BEGIN, area=500.0 * (last - BEGIN)
            )
        )
        await watches.revise(connection)
    assert added.name == name


async def _ask(
    parts: Parts, clock: list[int], rounds: int
) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """Return the CPU and the time that an answer took, by session."""
    cpu: dict[str, list[float]] = {"small": [], "large": []}
    wall: dict[str, list[float]] = {"small": [], "large": []}
    for turn in range(rounds + 1):
        for name in ("small", "large") if turn % 2 else ("large", "small"):
            request = Request(platform="console", chat="console", command="stats", text=name, is_admin=True)
            began, cpu_began = time.perf_counter(), time.process_time()
            clock[0] += MINUTE  # nobody may ask without a pause
            for _ in range(ASKED):
                message = await parts.dispatcher.answer(request)
                assert message.fields, message
            if turn:  # the first turn fills the caches
                cpu[name].append((time.process_time() - cpu_began) / ASKED)
                wall[name].append((time.perf_counter() - began) / ASKED)
    return cpu, wall
