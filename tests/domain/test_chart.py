"""What a chart shows of the readings: the same line that the figures are made of, and round axes."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain import DAY, HOUR, MINUTE, SECOND
from bot.domain.chart import Point, Trace, clock_steps, growth, highest, length_steps, steps_up
from bot.domain.snapshot import Snapshot, confirmed
from bot.domain.statistics import Tally
from tests.fakes.clock import NOW

figures = st.one_of(st.none(), st.integers(0, 3), st.integers(90, 110), st.sampled_from([600, 5_000]))
steps = st.sampled_from([10, 60, 60, 60, 61, 120, 180, 181, 600]).map(lambda s: s * SECOND)


@st.composite
def sessions(draw: st.DrawFn) -> list[Snapshot]:
    found: list[Snapshot] = []
    at, gone = NOW, False
    for _ in range(draw(st.integers(1, 80))):
        interval = draw(st.sampled_from([20, 60, 60, 290])) * SECOND
        if found and draw(st.integers(0, 9)) == 0:
            found.append(Snapshot(at, False, interval, None, None))
            gone = True
        else:
            found.append(Snapshot(at, True, interval, draw(figures), None, gone))
            gone = False
        at += draw(steps)
    return found


def told(snapshots: list[Snapshot]) -> Tally:
    """The tally that the same readings make."""
    tally = Tally()
    for one in snapshots:
        if not one.live or one.broken:
            tally.break_line()
        if one.live:
            tally.see(one.at, interval=one.interval, concurrent=one.concurrent)
    return tally


def joined(points: tuple[Point, ...]) -> list[tuple[tuple[int, float], tuple[int, float]]]:
    """The straight lines of a drawing."""
    return [((a, x), (b, y)) for (a, x), (b, y) in pairwise(points) if x is not None and y is not None]


@given(sessions(), st.integers(1, 7))
def test_the_line_is_the_one_that_the_average_is_made_of(snapshots: list[Snapshot], page: int) -> None:
    trace = Trace(snapshots[0].at, snapshots[-1].at, columns=None)
    for start in range(0, len(snapshots), page):
        trace.follow(snapshots[start : start + page])
    points, tally = trace.points(), told(snapshots)
    assert [point for point in points if point[1] is not None] == confirmed(snapshots)
    assert sum(b - a for (a, _), (b, _) in joined(points)) == tally.covered
    area = sum((x + y) / 2 * (b - a) for (a, x), (b, y) in joined(points))
    assert area == pytest.approx(tally.area)


@given(st.lists(st.integers(0, 10_000), min_size=1, max_size=3_000), st.integers(1, 50))
def test_what_is_left_of_many_readings_has_every_columns_extremes(values: list[int], columns: int) -> None:
    last = (len(values) - 1) * MINUTE
    left = growth(
        ((n * MINUTE, value) for n, value in enumerate(values)),
        interval=MINUTE,
        first=0,
        last=last,
        columns=columns,
    )
    assert len(left) <= 4 * (columns + 1)
    kept = dict(left)
    by_column: dict[int, list[int]] = {}
    for n, value in enumerate(values):
        by_column.setdefault(n * MINUTE * columns // max(1, last), []).append(value)
    of_kept: dict[int, list[float]] = {}
    for at, figure in kept.items():
        assert figure == values[at // MINUTE]
        of_kept.setdefault(at * columns // max(1, last), []).append(figure)
    assert of_kept.keys() == by_column.keys()
    for column, all_ in by_column.items():
        assert (min(of_kept[column]), max(of_kept[column])) == (min(all_), max(all_))


def test_readings_too_far_apart_are_not_joined() -> None:
    trace = Trace(0, 20 * MINUTE)
    minutes = (0, 1, 2, 5, 9, 10)
    trace.follow(Snapshot(n * MINUTE, True, MINUTE, 100, None) for n in minutes)
    assert trace.points() == (
        *((n * MINUTE, 100) for n in (0, 1, 2, 5)),
        (9 * MINUTE, None),
        *((n * MINUTE, 100) for n in (9, 10)),
    )


def test_a_figure_that_only_adds_up_breaks_where_nothing_is_known() -> None:
    points = growth(
        [(0, 5), (MINUTE, None), (2 * MINUTE, 6), (9 * MINUTE, 8)], interval=MINUTE, first=0, last=9 * MINUTE
    )
    assert points == ((0, 5), (2 * MINUTE, 6), (9 * MINUTE, None), (9 * MINUTE, 8))


def test_the_highest_point_is_the_first_of_equals() -> None:
    assert highest([(1, 5), (2, None), (3, 7), (4, 7)]) == (3, 7)
    assert highest([(1, None)]) is None


@given(st.floats(0, 2**53))
def test_the_upright_axis_is_round_and_reaches_above_the_highest(value: float) -> None:
    found, top = steps_up(value)
    assert found[0] == 0
    assert 1 <= len(found) <= 7
    assert top > value
    assert found[-1] <= top
    assert all(b > a for a, b in pairwise(found))


def test_people_are_counted_in_whole_numbers() -> None:
    assert steps_up(1)[0] == [0, 1]
    assert steps_up(5)[0] == [0, 2, 4]
    assert steps_up(0.4)[0] == [0, 0.1, 0.2, 0.3, 0.4]
    assert steps_up(189_000)[0] == [0, 50_000, 100_000, 150_000, 200_000]
    assert steps_up(0) == ([0, 1], 1.0)


def at(text: str, zone: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp() * SECOND)


def clocks(moments: list[int], zone: str) -> list[str]:
    return [f"{datetime.fromtimestamp(one / SECOND, tz=ZoneInfo(zone)):%H:%M}" for one in moments]


def test_moments_are_round_on_the_readers_clock() -> None:
    begin = at("2022-04-20T17:07", "Asia/Kathmandu")  # UTC+5:45
    assert clocks(clock_steps(begin, begin + 3 * HOUR, ZoneInfo("Asia/Kathmandu")), "Asia/Kathmandu") == [
        "17:30", "18:00", "18:30", "19:00", "19:30", "20:00",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("zone", "begin", "shown"),
    [
        # Clocks go from 2:00 to 3:00, and from 3:00 back to 2:00.
        ("Europe/Berlin", "2026-03-28T20:00", ["00:00", "06:00", "12:00", "18:00"]),
        ("Europe/Berlin", "2026-10-24T20:00", ["00:00", "06:00", "12:00", "18:00"]),
        # By half an hour only.
        ("Australia/Lord_Howe", "2026-04-04T20:00", ["00:00", "06:00", "12:00", "18:00"]),
    ],
)
def test_moments_stay_round_when_the_clock_is_set(zone: str, begin: str, shown: list[str]) -> None:
    first = at(begin, zone)
    assert clocks(clock_steps(first, first + 26 * HOUR, ZoneInfo(zone), most=5), zone)[: len(shown)] == shown


def test_an_hour_that_comes_twice_is_named_once() -> None:
    first = at("2026-10-25T00:30", "Europe/Berlin")
    shown = clocks(clock_steps(first, first + 8 * HOUR, ZoneInfo("Europe/Berlin"), most=6), "Europe/Berlin")
    assert shown == ["02:00", "04:00", "06:00"]


def test_a_long_session_shows_days() -> None:
    found = clock_steps(0, 10 * DAY, UTC)
    assert found == [0, 2 * DAY, 4 * DAY, 6 * DAY, 8 * DAY, 10 * DAY]


@given(st.integers(0, 400 * DAY), st.integers(0, 400 * DAY))
def test_there_are_never_too_many_moments(first: int, length: int) -> None:
    assert len(clock_steps(first, first + length, ZoneInfo("America/New_York"))) <= 8
    assert 1 <= len(length_steps(length)) <= 7
