"""``/stats`` on a session with a million samples against one with a thousand."""

from __future__ import annotations

import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import sqlalchemy as sa

from bot.app import Parts, build
from bot.domain import SECOND
from bot.ports.command import Request
from bot.services import watching
from bot.sources.replay import Replay
from storage import watches
from storage.database import Database
from storage.samples import BUCKET, LIVE
from storage.tables import sample, tally
from tests.bench.report import Figure

SMALL, LARGE = 1_000, 1_000_000
INTERVAL = 30 * SECOND
BEGIN = 1_650_474_000_000
ROUNDS = 15
ASKED = 8
GOAL = 1.2


async def measure() -> list[Figure]:
    """Ask both by turns, through the product's own dispatcher."""
    with TemporaryDirectory() as folder:
        clock = [BEGIN]
        async with build(
            database=Database(f"sqlite:///{folder}/bench.db"),
            sources={"replay": Replay()},
            chats=[],
            clock=lambda: clock[0],
        ) as parts:
            for name, count in (("small", SMALL), ("large", LARGE)):
                await _fill(parts, Path(folder), name, count)
            clock[0] = BEGIN + LARGE * INTERVAL
            return await _ask(parts)


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
        rows = [
            {
                "bucket": at // BUCKET,
                "session_id": session_id,
                "offset": at % BUCKET,
                "state": LIVE,
                "interval": 30,
                "concurrent": 500 + n % 97,
            }
            for n in range(2, count)
            for at in (BEGIN + n * INTERVAL,)
        ]
        for start in range(0, len(rows), 100_000):
            await connection.execute(sa.insert(sample), rows[start : start + 100_000])
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


async def _ask(parts: Parts) -> list[Figure]:
    cpu: dict[str, list[float]] = {"small": [], "large": []}
    wall: dict[str, list[float]] = {"small": [], "large": []}
    for turn in range(ROUNDS + 1):
        for name in ("small", "large") if turn % 2 else ("large", "small"):
            request = Request(platform="console", chat="console", command="stats", text=name, is_admin=True)
            began, cpu_began = time.perf_counter(), time.process_time()
            for _ in range(ASKED):
                message = await parts.dispatcher.answer(request)
                assert message.fields, message
            if turn:  # the first turn fills the caches
                cpu[name].append((time.process_time() - cpu_began) / ASKED)
                wall[name].append((time.perf_counter() - began) / ASKED)
    small, large = median(cpu["small"]), median(cpu["large"])
    return [
        Figure.ratio(
            "/stats with 1,000,000 samples against 1,000: CPU",
            large / small,
            goal=GOAL,
            note=f"{large * 1000:.1f} ms against {small * 1000:.1f} ms",
        ),
        Figure.ratio(
            "the same: time",
            median(wall["large"]) / median(wall["small"]),
            goal=GOAL,
            note=f"{median(wall['large']) * 1000:.1f} ms against {median(wall['small']) * 1000:.1f} ms",
        ),
    ]
