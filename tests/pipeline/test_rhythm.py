"""Asked sooner where something is about to happen, later on a plateau, and never later than usual off the air."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from bot.domain import DAY, HOUR, MINUTE, SECOND
from bot.domain.heat import Heat
from bot.domain.reading import State
from bot.domain.statistics import Tally
from bot.pipeline.ingest import Ingest
from bot.pipeline.poll import Poll
from bot.pipeline.rhythm import paced
from bot.ports.purse import Purse
from bot.ports.source import Unavailable
from storage.database import Database
from tests.fakes.clock import NOW
from tests.fakes.rows import a_chat, a_session, a_watch, listens, rows
from tests.fakes.source import FakeSource, live, told


class Stage:
    """A poller with one watch, asked whenever it is due."""

    def __init__(
        self, database: Database, *, ladder: Sequence[float] | None = None, purse: Purse | None = None
    ) -> None:
        self.database, self.ladder = database, ladder
        self.source = FakeSource("fake")
        self.source.purse = purse
        self.ingest = Ingest(database)
        self.poll = Poll(database, {"fake": self.source}, self.ingest)
        self.now = NOW

    async def open(self, *, interval: int = MINUTE) -> None:
        async with self.database.write() as connection:
            watch = await a_watch(connection, "one", interval=interval)
            await listens(connection, await a_chat(connection), watch, ladder=self.ladder)

    async def due(self) -> int:
        async with self.database.read() as connection:
            due = dict(await rows(connection, "watch", "reference", "due_at"))
        return int(due["one"])

    async def ask(self, figure: float | None) -> int:
        """Tell a figure at the moment that the watch is due, and return how long until the next."""
        self.now = await self.due()
        self.source.says("one", told() if figure is None else told(live(self.now, figure)))
        await self.poll.tick(self.now)
        return await self.due() - self.now

    async def pass_minutes(self, minutes: float, figure: float) -> int:
        until, wait = self.now + minutes * MINUTE, 0
        while self.now < until:
            wait = await self.ask(figure)
        return wait


async def test_off_the_air_a_session_is_looked_for_every_interval(database: Database) -> None:
    at = Stage(database)
    await at.open()
    assert {await at.ask(None) for _ in range(20)} == {MINUTE}


async def test_the_first_minutes_are_read_twice_as_often_and_a_plateau_half_as_often(database: Database) -> None:
    at = Stage(database, ladder=[10_000])
    await at.open()
    assert await at.ask(500) == 30 * SECOND
    assert await at.pass_minutes(4, 500) == 30 * SECOND
    assert await at.pass_minutes(1.5, 500) == MINUTE
    assert await at.pass_minutes(11, 505) == 2 * MINUTE
    assert await at.ask(560) == MINUTE  # it moves again
    assert await at.ask(None) == MINUTE


async def test_near_a_rung_it_is_read_twice_as_often(database: Database) -> None:
    at = Stage(database, ladder=[1_000, 5_000])
    await at.open()
    await at.pass_minutes(6, 700)
    assert await at.ask(700) == MINUTE
    assert await at.ask(960) == 30 * SECOND  # 95 %
    assert await at.ask(800) == MINUTE
    assert await at.ask(910) == 30 * SECOND  # at this pace the next reading is beyond it
    assert await at.ask(1_001) == MINUTE
    assert await at.ask(990) == MINUTE  # it was passed before


async def test_near_a_record_it_is_read_twice_as_often(database: Database) -> None:
    at = Stage(database, ladder=[100_000])
    await at.open()
    async with database.write() as connection:
        watch = await a_watch(connection, "former", source="other", platform="x")
        await listens(connection, await a_chat(connection), watch)
        best = Tally(first_at=NOW - DAY, last_at=NOW - DAY + HOUR, peak=1_200, peak_at=NOW - DAY)
        await a_session(connection, watch, state=State.ENDED, tally=best, ended_at=NOW - DAY + HOUR)
    await at.pass_minutes(6, 700)
    assert await at.ask(701) == MINUTE
    assert await at.ask(1_150) == 30 * SECOND


async def test_an_error_keeps_the_interval_in_force_out_of_it(database: Database) -> None:
    at = Stage(database)
    await at.open()
    await at.ask(500)
    at.now = await at.due()
    at.source.says("one", Unavailable("down"))
    await at.poll.tick(at.now)
    assert await at.due() - at.now <= 5 * SECOND
    await at.ask(510)
    async with database.read() as connection:
        assert sorted(await rows(connection, "sample", "concurrent", "interval")) == [(500, 60), (510, 30)]


@pytest.mark.parametrize(
    ("interval", "fast", "slow"), [(10, 10, 20), (20, 15, 40), (60, 30, 120), (600, 300, 600)]
)
def test_no_interval_is_shorter_than_15_s_or_longer_than_5_min_for_this(
    interval: int, fast: int, slow: int
) -> None:
    assert paced(interval * SECOND, Heat.HOT) == fast * SECOND
    assert paced(interval * SECOND, Heat.LEVEL) == slow * SECOND
    assert paced(interval * SECOND, Heat.OFF) == interval * SECOND


def test_a_poor_purse_serves_what_is_close_first() -> None:
    waits = [paced(MINUTE, heat, stretch=16) for heat in (Heat.HOT, Heat.LIVE, Heat.LEVEL, Heat.OFF)]
    assert waits == [4 * MINUTE, 16 * MINUTE, 32 * MINUTE, 32 * MINUTE]


def day_of(now: int) -> tuple[int, int]:
    return now // DAY * DAY, now // DAY * DAY + DAY


async def test_a_days_budget_that_is_short_is_spent_on_what_is_close(database: Database) -> None:
    """Two watches, one close to its rung all day: both go on to the end, the close one far more often."""
    purse = Purse(unit="units", limit=300, day_of=day_of)
    at = Stage(database, ladder=[1_000], purse=purse)
    await at.open()
    async with database.write() as connection:
        quiet = await a_watch(connection, "quiet", interval=MINUTE)
        await listens(connection, await a_chat(connection), quiet, ladder=[1_000])
    begun = NOW // DAY * DAY + DAY
    asked: dict[str, list[int]] = {"one": [], "quiet": []}
    now = begun
    while now < begun + DAY - HOUR:
        async with database.read() as connection:
            due = dict(await rows(connection, "watch", "reference", "due_at"))
        now = max(now, min(due.values()))
        for name, figure in (("one", 990), ("quiet", 100)):
            if due[name] <= now:
                at.source.says(name, told(live(now, figure)))
                purse.charge(now, 1)
                asked[name].append(now)
        await at.poll.tick(now)
    assert purse.spent(now).amount <= 300
    assert min(times[-1] for times in asked.values()) > begun + 21 * HOUR
    assert len(asked["one"]) > 2 * len(asked["quiet"])
