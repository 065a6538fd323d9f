"""Readings are kept small, once, and come back in order."""

from __future__ import annotations

import random
from pathlib import Path

import sqlalchemy as sa

from bot.domain import MINUTE, SECOND
from bot.domain.reading import Reading, State
from bot.domain.session import Sample, Session
from bot.domain.snapshot import Snapshot
from storage import samples
from storage.database import Database
from tests.fakes.clock import NOW
from tests.fakes.rows import INTERVAL, rows

SESSION = Session(1, ["a"], State.LIVE, id=7)
START = NOW - NOW % samples.BUCKET


def sample(at: int, figure: float | None, *, state: State = State.LIVE, session: Session = SESSION) -> Sample:
    return Sample(session, at, INTERVAL, Reading(session="a", state=state, concurrent=figure, tuned_in=3))


async def test_what_is_kept_comes_back_in_order(database: Database) -> None:
    kept = [
        sample(START + 2 * samples.BUCKET, 12.5),
        sample(START + 1, 10),
        sample(START + 2, None),
        Sample(SESSION, START + 3, INTERVAL, None),
        sample(START + samples.BUCKET, 2**53, state=State.ENDED),
    ]
    async with database.write() as connection:
        await samples.add(connection, kept)
        found = await samples.between(connection, SESSION.id, first=START, last=START + 3 * samples.BUCKET)
    assert found == [
        Snapshot(START + 1, True, INTERVAL, 10, 3),
        Snapshot(START + 2, True, INTERVAL, None, 3),
        Snapshot(START + 3, False, INTERVAL, None, None),
        Snapshot(START + samples.BUCKET, False, INTERVAL, 2**53, 3),
        Snapshot(START + 2 * samples.BUCKET, True, INTERVAL, 12.5, 3),
    ]
    assert isinstance(found[0].concurrent, int)


async def test_both_ends_of_a_stretch_belong_to_it_and_other_sessions_do_not(database: Database) -> None:
    moments = range(START - 2 * MINUTE, START + 3 * MINUTE, MINUTE)
    other = Session(1, ["b"], State.LIVE, id=8)
    async with database.write() as connection:
        await samples.add(connection, [sample(at, 1) for at in moments])
        await samples.add(connection, [sample(at, 2, session=other) for at in moments])
        found = await samples.between(connection, SESSION.id, first=START - MINUTE, last=START + MINUTE)
    assert [(one.at - START, one.concurrent) for one in found] == [(-MINUTE, 1), (0, 1), (MINUTE, 1)]


async def test_the_same_moment_of_the_same_session_is_kept_once(database: Database) -> None:
    async with database.write() as connection:
        await samples.add(connection, [sample(START, 5)])
        await samples.add(connection, [sample(START, 6), sample(START + 1, 7)])
        assert await rows(connection, "sample", "concurrent") == [(5.0,), (7.0,)]


async def test_all_figures_and_the_reason_are_kept(database: Database) -> None:
    reading = Reading(session="a", tuned_in=1, views=2.5, posts=3, reason="hidden by the host")
    async with database.write() as connection:
        await samples.add(connection, [Sample(SESSION, START, INTERVAL, reading)])
        columns = ("state", "interval", "concurrent", "tuned_in", "views", "posts", "reason")
        assert await rows(connection, "sample", *columns) == [(1, 30, None, 1, 2.5, 3, "hidden by the host")]


async def test_a_sample_takes_at_most_30_bytes_of_disk(tmp_path: Path) -> None:
    sessions, ticks = 2_000, 200
    chance = random.Random(1)
    live = [Session(1, ["a"], State.LIVE, id=1 + n) for n in range(sessions)]
    file = tmp_path / "big.db"
    database = Database(f"sqlite:///{file}", throwaway=True)
    await database.open()
    await database.close()
    empty = file.stat().st_size
    await database.open()
    try:
        readings = [Reading(session="a", concurrent=chance.randrange(200_000)) for _ in range(sessions)]
        for tick in range(ticks):
            at = NOW + tick * 30 * SECOND + chance.randrange(500)
            chance.shuffle(readings)
            async with database.write() as connection:
                await samples.add(
                    connection, [Sample(one, at, INTERVAL, readings[n]) for n, one in enumerate(live)]
                )
        async with database.read() as connection:
            text = sa.text("SELECT sql FROM sqlite_master WHERE name = 'sample'")
            assert "WITHOUT ROWID" in str((await connection.execute(text)).scalar())
    finally:
        await database.close()
    taken = (file.stat().st_size - empty) / (sessions * ticks)
    assert taken <= 30, f"{taken:.1f} bytes a sample"
