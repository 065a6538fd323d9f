"""``/top``, ``/compare`` and ``/history`` over 10,000 sessions and 10 million samples against 100 sessions."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import partial
from statistics import median
from tempfile import TemporaryDirectory

import sqlalchemy as sa

from bot.domain import HOUR, SECOND
from bot.domain.chart import Chart
from bot.domain.reading import State
from bot.domain.session import Session
from bot.domain.statistics import Tally
from bot.parts import Parts, build
from bot.ports.command import Request
from bot.sources.replay import Replay
from storage import sessions, watches
from storage.chats import get_or_add
from storage.database import Connection, Database
from storage.samples import BUCKET, LIVE
from storage.watches import Watch
from tests.bench.report import Figure

SMALL, LARGE = 100, 10_000
SAMPLES = 1_000  # of each session
INTERVAL = 30 * SECOND
BEGIN = 1_400_000_000_000 // HOUR * HOUR
#: From one session's beginning to the next one's: they follow each other.
APART = 10 * HOUR
WATCHES = 4
ROUNDS = 9
ASKED = 4
GOAL = 1.5
#: What is asked: of one watch, of a chat's, of all public ones; of sessions that are over and of a live one.
QUESTIONS = {
    "/top, one watch": ("top", "peak Watch 1"),
    "/top, a chat's watches": ("top", "average chat"),
    "/top, a platform": ("top", "peak platform"),
    "/compare of two watches": ("compare", "Watch 1 best Watch 2 last"),
    "/compare at this minute": ("compare", "Watch 3"),
    "/history": ("history", "Watch 1"),
}


class NoEasel:
    """Draws nothing: what a chart costs is measured by itself."""

    async def draw(self, chart: Chart) -> bytes:
        return b"\x89PNG"

    async def close(self) -> None:
        """Nothing is open."""


async def measure() -> list[Figure]:
    """Ask both by turns, through the product's own dispatcher."""
    with TemporaryDirectory() as folder:
        async with AsyncExitStack() as stack:
            parts: dict[int, Parts] = {}
            built = 0.0
            for count in (SMALL, LARGE):
                now = BEGIN + count * APART + HOUR
                made = await stack.enter_async_context(
                    build(
                        database=Database(f"sqlite:///{folder}/{count}.db", throwaway=True),
                        sources={"replay": Replay()},
                        chats=[],
                        clock=partial(int, now),
                    )
                )
                made.dispatcher.services = replace(made.dispatcher.services, easel=NoEasel())
                began = time.perf_counter()
                await fill(made.database, count)
                built = time.perf_counter() - began
                parts[count] = made
            figures = [await _ask(name, question, parts) for name, question in QUESTIONS.items()]
    note = f"{LARGE:,} sessions, {LARGE * SAMPLES:,} samples"
    return [*figures, Figure(name="to fill the large store", value=round(built, 1), unit="s", note=note)]


async def fill(database: Database, count: int) -> None:
    """Keep so many sessions of a few watches, one after the other, each with its samples; and one that is live."""
    async with database.write() as connection:
        chat = await get_or_add(connection, platform="console", key="console", title=None, now=BEGIN)
        followed = []
        for number in range(1, WATCHES + 1):
            watch = await _watch(connection, number)
            followed.append(watch)
            await watches.follow(connection, chat_id=chat.id, watch_id=watch.id, name=watch.name, now=BEGIN)
        for start in range(0, count, 1_000):
            chosen = range(start, min(start + 1_000, count))
            made = [(_session(number, followed), "x", True) for number in chosen]
            await sessions.add(connection, made)
        live = Session(followed[2].id, ["live"], State.LIVE, tally=_tally(count, 120))
        await sessions.add(connection, [(live, "x", True)])
        for start, many in _portions(count * SAMPLES + 120):
            await connection.exec_driver_sql(_SAMPLES, (start, start + many - 1))
        await connection.execute(sa.text("ANALYZE"))


#: In the order of the table's key, so that each row is written behind the one before.
_SAMPLES = f"""
WITH RECURSIVE n (i) AS (SELECT ? UNION ALL SELECT i + 1 FROM n WHERE i < ?)
INSERT INTO sample (bucket, session_id, "offset", state, interval, concurrent)
SELECT at / {BUCKET}, i / {SAMPLES} + 1, at % {BUCKET}, {LIVE}, {INTERVAL // SECOND},
       400 + (i / {SAMPLES} * 7919) % 1009 + i * 31 % 97
FROM (SELECT i, {BEGIN} + i / {SAMPLES} * {APART} + i % {SAMPLES} * {INTERVAL} AS at FROM n)
"""


def _portions(rows: int) -> Iterator[tuple[int, int]]:
    for start in range(0, rows, 1_000_000):
        yield start, min(1_000_000, rows - start)


async def _watch(connection: Connection, number: int) -> Watch:
    return await watches.add(
        connection,
        due_at=BEGIN,
        values={
            "source": "replay",
            "reference": f"{number}.jsonl",
            "platform": "x",
            "public": True,
            "name": f"Watch {number}",
            "unit": "participants",
            "metric": "concurrent",
            "daily": False,
            "interval": INTERVAL,
            "timezone": "UTC",
            "created_at": BEGIN,
        },
    )


def _session(number: int, followed: list[Watch]) -> Session:
    tally = _tally(number, SAMPLES)
    watch = followed[number % len(followed)]
    return Session(watch.id, [str(number)], State.ENDED, ended_at=tally.last_at, ends=1, tally=tally)


def _tally(number: int, samples: int) -> Tally:
    """Return what the poller would have kept of a session, near enough for what is asked."""
    first, value = BEGIN + number * APART, 400 + number * 7919 % 1009
    last = first + (samples - 1) * INTERVAL
    return Tally(
        first_at=first,
        last_at=last,
        last=value,
        confirmed=value,
        confirmed_at=last,
        confirmed_interval=INTERVAL,
        peak=value + 96,
        peak_at=first + 90 * INTERVAL,
        area=float((value + 48) * (last - first)),
        covered=last - first,
        readings=samples,
    )


async def _ask(name: str, question: tuple[str, str], parts: dict[int, Parts]) -> Figure:
    cpu: dict[int, list[float]] = {count: [] for count in parts}
    request = Request(platform="console", chat="console", command=question[0], text=question[1], is_operator=True)
    for turn in range(ROUNDS + 1):
        for count in parts if turn % 2 else reversed(parts):
            began = time.process_time()
            for _ in range(ASKED):
                message = await parts[count].dispatcher.answer(request)
                assert message.lines, message
                assert message.symbol in {"🏅", "⚖️", "🔴", "🗂"}, message
            if turn:  # the first turn fills the caches
                cpu[count].append((time.process_time() - began) / ASKED)
    small, large = (median(cpu[count]) for count in (SMALL, LARGE))
    return Figure.ratio(
        f"{name}, {LARGE:,} sessions against {SMALL}: CPU",
        large / small,
        goal=GOAL,
        note=f"{large * 1000:.1f} ms against {small * 1000:.1f} ms",
    )
