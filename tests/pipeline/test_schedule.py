"""When the stages tick: in rhythm, late rather than never, and in spite of clocks."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta

import pytest
from structlog.testing import capture_logs

from bot.domain import HOUR, SECOND
from bot.pipeline.schedule import Schedule, wall_clock
from tests.fakes.clock import NOW, Clock

#: Seconds in which whatever is due has come, even on a busy machine.
PATIENCE = 10


class Ticks:
    """A stage that counts its ticks.

    Attributes:
        moments: What each tick was told.
        most: How many ran at once, at most.
        gate: Where it is set, a tick waits for it.
    """

    def __init__(self) -> None:
        self.moments: list[int] = []
        self.running = self.most = self.ended = 0
        self.gate: asyncio.Event | None = None
        self.fails: list[Exception] = []
        self._came = asyncio.Condition()

    async def __call__(self, now: int) -> None:
        self.running += 1
        self.most = max(self.most, self.running)
        async with self._came:
            self.moments.append(now)
            self._came.notify_all()
        try:
            if self.gate is not None:
                await self.gate.wait()
            if self.fails:
                raise self.fails.pop()
        finally:
            self.running -= 1
        self.ended += 1

    async def reach(self, count: int) -> None:
        async with asyncio.timeout(PATIENCE), self._came:
            await self._came.wait_for(lambda: len(self.moments) >= count)


class Wall:
    """The wall clock of a machine that somebody sets back."""

    def __init__(self) -> None:
        self.back = 0

    def __call__(self) -> int:
        return wall_clock() - self.back


@pytest.fixture
def wall() -> Wall:
    return Wall()


@pytest.fixture
async def schedule(wall: Wall) -> AsyncIterator[Schedule]:
    made = Schedule(wall)
    yield made
    await made.stop()


async def test_a_stage_ticks_at_once_and_then_in_its_rhythm_with_the_moment_of_the_clock() -> None:
    clock, ticks = Clock(), Ticks()
    schedule = Schedule(clock)
    schedule.every(0.05, ticks, name="stage")
    schedule.start()
    await ticks.reach(1)
    clock.now += 7
    await ticks.reach(4)
    await schedule.stop()
    assert ticks.moments[0] == NOW
    assert ticks.moments[-1] == NOW + 7


async def test_a_tick_that_fails_is_told_and_the_next_one_comes(schedule: Schedule) -> None:
    ticks = Ticks()
    ticks.fails = [ZeroDivisionError("oops")]
    with capture_logs() as lines:
        schedule.every(0.05, ticks, name="stage")
        schedule.start()
        await ticks.reach(3)
    assert [(line["event"], line["stage"]) for line in lines] == [
        ("a tick failed and will be tried again", "stage")
    ]


async def test_a_tick_that_takes_long_is_not_run_twice_at_once_and_holds_up_no_other_stage(
    schedule: Schedule,
) -> None:
    slow, quick = Ticks(), Ticks()
    slow.gate = asyncio.Event()
    schedule.every(0.02, slow, name="slow")
    schedule.every(0.02, quick, name="quick")
    schedule.start()
    await quick.reach(10)
    assert (len(slow.moments), slow.most) == (1, 1)
    slow.gate.set()
    await slow.reach(3)
    assert slow.most == 1


async def test_a_tick_that_is_very_late_is_run_once_all_the_same(schedule: Schedule) -> None:
    ticks = Ticks()
    schedule.every(600, ticks, name="stage")
    schedule.start()
    await ticks.reach(1)
    # As after a night's sleep of the machine.
    schedule._scheduler.modify_job("stage", next_run_time=datetime.now(UTC) - timedelta(hours=8))
    await ticks.reach(2)
    await asyncio.sleep(0.05)
    assert len(ticks.moments) == 2


async def test_after_the_clock_was_set_back_all_stages_tick_and_what_waits_is_made_due(
    schedule: Schedule, wall: Wall
) -> None:
    ticks, rearmed = Ticks(), Ticks()
    schedule.every(0.02, ticks, name="stage")
    schedule.watch_clock(rearmed)
    schedule.start()
    await ticks.reach(2)
    # What a clock that is an hour behind leaves: the next tick is an hour ahead.
    schedule._scheduler.modify_job("stage", next_run_time=datetime.now(UTC) + timedelta(hours=1))
    count = len(ticks.moments)
    wall.back += HOUR
    await ticks.reach(count + 3)
    await rearmed.reach(1)
    assert len(rearmed.moments) == 1
    assert abs(rearmed.moments[0] - wall()) < HOUR / 2


async def test_a_clock_that_is_put_right_by_a_little_is_let_be(schedule: Schedule, wall: Wall) -> None:
    rearmed = Ticks()
    schedule.watch_clock(rearmed)
    schedule.start()
    wall.back += SECOND
    await asyncio.sleep(1.2)
    assert rearmed.moments == []


async def test_the_watch_over_the_clock_outlives_a_failure(schedule: Schedule, wall: Wall) -> None:
    rearmed = Ticks()
    rearmed.fails = [OSError("disk full")]
    schedule.watch_clock(rearmed)
    schedule.start()
    with capture_logs() as lines:
        wall.back += HOUR
        await rearmed.reach(1)
        wall.back += HOUR
        await rearmed.reach(2)
    assert "what waits for the clock could not be made due again" in [line["event"] for line in lines]


async def test_a_tick_under_way_may_end_when_all_is_stopped(schedule: Schedule) -> None:
    ticks = Ticks()
    ticks.gate = asyncio.Event()
    schedule.every(600, ticks, name="stage")
    schedule.start()
    await ticks.reach(1)
    asyncio.get_running_loop().call_later(0.1, ticks.gate.set)
    await schedule.stop()
    assert ticks.ended == 1


async def test_a_tick_that_hangs_is_broken_off_without_noise_when_all_is_stopped(
    schedule: Schedule, caplog: pytest.LogCaptureFixture
) -> None:
    ticks = Ticks()
    ticks.gate = asyncio.Event()
    schedule.every(600, ticks, name="stage")
    schedule.start()
    await ticks.reach(1)
    with capture_logs() as lines:
        await schedule.stop()
    assert (ticks.running, ticks.ended) == (0, 0)
    assert lines == []
    assert caplog.records == []


async def test_nothing_ticks_after_a_stop_and_a_second_stop_is_fine(schedule: Schedule) -> None:
    ticks = Ticks()
    schedule.every(0.02, ticks, name="stage")
    schedule.start()
    await ticks.reach(2)
    await schedule.stop()
    count = len(ticks.moments)
    await asyncio.sleep(0.1)
    await schedule.stop()
    assert len(ticks.moments) == count


async def test_one_that_never_started_can_be_stopped() -> None:
    await Schedule(Clock()).stop()


def test_the_wall_clock_tells_milliseconds_since_1970() -> None:
    read: Callable[[], int] = wall_clock
    assert abs(read() - time.time() * 1_000) < PATIENCE * SECOND
