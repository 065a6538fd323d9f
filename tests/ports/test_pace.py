"""What leaves keeps within the limits, at nearly the speed that they allow, answers first."""

from __future__ import annotations

import asyncio
from bisect import bisect_left

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.ports.pace import PATIENCE, Limits, Pace
from tests.fakes.time import Virtual

TELEGRAM = Limits(a_second=30, a_second_a_lane=1, a_minute_a_group=20)
DISCORD = Limits(a_second=50, a_second_a_lane=1)


def most(moments: list[float], seconds: float) -> int:
    """Return how many of these moments lie within any such span."""
    ordered = sorted(moments)
    return max((bisect_left(ordered, at + seconds) - place for place, at in enumerate(ordered)), default=0)


@pytest.mark.parametrize("limits", [TELEGRAM, DISCORD])
async def test_a_thousand_lanes_take_no_longer_than_the_limit_lets_them(limits: Limits) -> None:
    time = Virtual()
    pace = Pace(limits, clock=time, sleep=time.sleep)
    left: list[float] = []

    async def post(lane: str) -> None:
        assert await pace.turn(lane) == 0
        left.append(time.now)

    async def all_of_them() -> None:
        waiting = [f"lane {number}" for number in range(1000)]
        while waiting:  # as the deliverer does: some at a time, so that none waits longer than it may
            now, waiting = waiting[:32], waiting[32:]
            await asyncio.gather(*map(post, now))

    await time.run(all_of_them())
    assert limits.a_second is not None
    assert len(left) == 1000
    assert time.now <= 1.1 * 1000 / limits.a_second
    assert most(left, 1.0) <= limits.a_second


@given(
    st.lists(
        st.tuples(st.sampled_from("abcdefgh"), st.booleans(), st.floats(0, 0.3, allow_nan=False)),
        min_size=1,
        max_size=250,
    )
)
@settings(max_examples=40, deadline=None)
def test_no_limit_is_ever_passed_whoever_sends_what(sends: list[tuple[str, bool, float]]) -> None:
    limits = Limits(a_second=5, a_second_a_lane=2, a_minute_a_group=8)
    left: list[tuple[str, float]] = []

    async def go() -> None:
        time = Virtual()
        pace = Pace(limits, clock=time, sleep=time.sleep)

        async def send(lane: str, is_answer: bool) -> None:
            if is_answer:
                await pace.answer(lane, group=True)
            else:
                while wait := await pace.turn(lane, group=True):
                    await time.sleep(wait)
            left.append((lane, time.now))

        async def everything() -> None:
            tasks = []
            for lane, is_answer, pause in sends:
                await time.sleep(pause)
                tasks.append(asyncio.create_task(send(lane, is_answer)))
            await asyncio.gather(*tasks)

        await time.run(everything())

    asyncio.run(go())
    assert len(left) == len(sends)
    assert most([at for _, at in left], 1.0) <= 5
    for lane in "abcdefgh":
        moments = [at for one, at in left if one == lane]
        assert most(moments, 0.5) <= 1
        assert most(moments, 60) <= 8


async def test_an_answer_does_not_queue_behind_posts() -> None:
    time = Virtual()
    pace = Pace(TELEGRAM, clock=time, sleep=time.sleep)
    answered: list[float] = []

    async def ask() -> None:
        for number in range(20):
            begun = time.now
            await pace.answer(f"asker {number}")
            answered.append(time.now - begun)
            await time.sleep(0.05)

    async def both() -> None:
        posts = [asyncio.create_task(pace.turn(f"lane {number}")) for number in range(60)]
        await time.sleep(0.5)
        await ask()
        assert sum(not post.done() for post in posts) > 10  # posts still wait
        await asyncio.gather(*posts)

    await time.run(both())
    assert max(answered) < 0.3


async def test_what_would_wait_long_is_told_so_instead() -> None:
    time = Virtual()
    pace = Pace(TELEGRAM, clock=time, sleep=time.sleep)
    for _ in range(20):
        pace.note("group", group=True)
    assert 59 < await pace.turn("group", group=True) < 61
    assert pace.blocked() == {"group"}
    time.now += 58
    assert pace.blocked() == set()
    assert await time.run(pace.turn("group", group=True)) == 0


async def test_a_person_may_be_written_to_twenty_times_a_minute() -> None:
    time = Virtual()
    pace = Pace(TELEGRAM, clock=time, sleep=time.sleep)
    for _ in range(25):
        assert await time.run(pace.turn("person")) == 0
    assert 24 < time.now < 27
    assert pace.blocked() == set()


@pytest.mark.parametrize("lane", [None, "a"])
async def test_a_pause_holds_until_its_end_whatever_else_ends_meanwhile(lane: str | None) -> None:
    time = Virtual()
    pace = Pace(TELEGRAM, clock=time, sleep=time.sleep)
    pace.hold(40, lane)
    pace.hold(2, lane)  # a shorter one does not lift it
    pace.hold(1, "b")
    assert await pace.turn("a") == 40
    assert pace.wait("a") == 40
    assert pace.held() == (40 if lane is None else 0)
    assert pace.wait("c") == (40 if lane is None else 0)
    time.now = 40 - PATIENCE / 2
    assert await time.run(pace.turn("a")) == 0
    assert time.now == 40


async def test_without_limits_nothing_waits() -> None:
    time = Virtual()
    pace = Pace(Limits(), clock=time, sleep=time.sleep)
    for _ in range(1000):
        assert await pace.turn("a", group=True) == 0
    assert time.now == 0


async def test_lanes_that_rest_are_forgotten() -> None:
    time = Virtual()
    pace = Pace(TELEGRAM, clock=time, sleep=time.sleep)
    for number in range(5000):
        time.now += 0.1
        pace.note(f"lane {number}", group=True)
    assert len(pace._sent) < 700
    assert len(pace._groups) < 700


# --- one token, several processes


@given(
    sends=st.lists(
        st.tuples(
            st.booleans(),
            st.sampled_from("abc"),
            st.booleans(),
            st.sampled_from((0, 0, 0.05, 0.4, 3)),
            st.booleans(),
        ),
        min_size=60,
        max_size=160,
    ),
    splits=st.lists(st.sampled_from((0.85, 0.5, 0.2, 0.75)), min_size=1, max_size=6),
)
@settings(max_examples=25, deadline=None)
def test_two_that_share_a_token_keep_within_its_limits_whatever_their_shares_become(
    sends: list[tuple[bool, str, bool, float, bool]], splits: list[float]
) -> None:
    limits = Limits(a_second=10, a_second_a_lane=50, a_minute_a_group=20)
    left: list[tuple[str, float]] = []

    async def go() -> None:
        time = Virtual()
        ours, theirs = (
            Pace(limits, clock=time, sleep=time.sleep, share=share) for share in (splits[0], 1 - splits[0])
        )

        async def send(pace: Pace, lane: str, is_answer: bool) -> None:
            if is_answer:
                await pace.answer(lane, group=True)
            else:
                while wait := await pace.turn(lane, group=True):
                    await time.sleep(wait)
            left.append((lane, time.now))

        async def everything() -> None:
            tasks = []
            for number, (is_ours, lane, is_answer, pause, shifts) in enumerate(sends):
                await time.sleep(pause)
                if shifts and number % 9 == 0:
                    ours.share = splits[number % len(splits)]
                    theirs.share = 1 - ours.share
                tasks.append(asyncio.create_task(send(ours if is_ours else theirs, lane, is_answer)))
            await asyncio.gather(*tasks)

        await time.run(everything())

    asyncio.run(go())
    assert len(left) == len(sends)
    assert most([at for _, at in left], 1.0) <= 10
    for lane in "abc":
        assert most([at for one, at in left if one == lane], 60) <= 20


@pytest.mark.parametrize("limits", [TELEGRAM, DISCORD])
async def test_posts_leave_at_nearly_the_speed_of_their_share(limits: Limits) -> None:
    time = Virtual()
    pace = Pace(limits, clock=time, sleep=time.sleep, share=0.85)
    for number in range(500):
        assert await time.run(pace.turn(f"lane {number}")) == 0
    assert limits.a_second is not None
    assert 500 / limits.a_second / 0.85 < time.now <= 1.12 * 500 / limits.a_second / 0.85


async def test_what_another_gave_up_is_there_when_its_time_has_passed() -> None:
    time = Virtual()
    pace = Pace(TELEGRAM, clock=time, sleep=time.sleep, share=0.15)

    async def burst(lane: str, count: int) -> int:
        sent = 0
        while sent < count and pace.wait(lane, group=True) == 0:
            pace.note(lane, group=True)
            sent += 1
            time.now += 1.07 if lane == "group" else 0
        return sent

    time.now = 100.0
    assert pace.share == 0.15
    assert await burst("group", 30) == 3
    pace.share = 1.0
    time.now += 5
    assert await burst("group", 30) == 0  # whoever had the rest may have filled it up within this minute
    time.now += 61
    assert await burst("group", 30) == 20
    pace.share = 0.5  # at once
    time.now += 42
    assert await burst("group", 30) == 0


@pytest.mark.parametrize("share", [0, -1, 1.1, 0.01])
def test_a_share_with_which_nothing_could_leave_is_refused(share: float) -> None:
    with pytest.raises(ValueError, match="share"):
        Pace(TELEGRAM, share=share)
    pace = Pace(TELEGRAM)
    with pytest.raises(ValueError, match="share"):
        pace.share = share
    assert pace.share == 1
