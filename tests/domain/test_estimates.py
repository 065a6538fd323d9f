"""When a figure would be reached at the present pace, and when nothing is said."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain import MINUTE, SECOND
from bot.domain.pace import REACH, estimate, fit, slope


def line(
    rise: float, *, minutes: int = 10, start: float = 100, step: int = 30 * SECOND
) -> list[tuple[int, float]]:
    """Readings on a straight line that rises by so much a minute."""
    return [(at, start + rise * at / MINUTE) for at in range(0, minutes * MINUTE + 1, step)]


def test_the_slope_is_that_of_the_least_squares() -> None:
    assert slope([(0, 1), (1, 3), (2, 2), (3, 5)]) == pytest.approx(1.1)
    found = fit([(0, 1), (1, 3), (2, 2), (3, 5)])
    assert found is not None
    assert found.error == pytest.approx(0.5196152423)
    assert slope([(5, 1)]) is None
    assert slope([(5, 1), (5, 2)]) is None


def test_a_steady_rise_gives_a_range_about_the_true_time() -> None:
    guess = estimate(line(10), 250)
    assert guess is not None
    assert guess.soonest < 5 * MINUTE < guess.latest < 7 * MINUTE


def test_a_rise_that_slackens_is_not_taken_as_straight() -> None:
    """A session that fills up: each half minute a twentieth of those who are still to come."""
    points = [(at * 30 * SECOND, 1000 * (1 - 0.95**at)) for at in range(21)]
    first = next(at for at in range(100) if 1000 * (1 - 0.95**at) >= 750)
    true = first * 30 * SECOND - points[-1][0]
    pace = slope(points[-11:])
    assert pace is not None
    assert (750 - points[-1][1]) / pace < 0.8 * true  # the last five minutes promise too much
    guess = estimate(points, 750)
    assert guess is not None
    assert guess.soonest <= true <= guess.latest
    assert estimate(points, 1001) is None  # it will never come to that


@pytest.mark.parametrize(
    ("points", "target"),
    [
        pytest.param(line(10, minutes=2), 121, id="too short"),
        pytest.param(line(10, step=5 * MINUTE), 210, id="too few readings"),
        pytest.param(line(-5), 110, id="falling"),
        pytest.param(line(0), 101, id="level"),
        pytest.param(line(10), 200, id="reached"),
        pytest.param(line(10), 400, id="too far ahead"),
        pytest.param(
            [*line(10, minutes=5), *((at + 5 * MINUTE, 150.0) for at in (30_000, 60_000, 90_000, 120_000))],
            155,
            id="it has stopped",
        ),
        pytest.param([], 10, id="nothing"),
    ],
)
def test_where_the_pace_does_not_carry_it_nothing_is_said(points: list[tuple[int, float]], target: float) -> None:
    assert estimate(points, target) is None


@given(
    seed=st.integers(0, 10_000), rise=st.floats(0.1, 1_000), noise=st.floats(0, 100), ahead=st.floats(0.1, 5_000)
)
def test_a_range_is_in_order_to_come_and_within_reach(seed: int, rise: float, noise: float, ahead: float) -> None:
    chance = random.Random(seed)
    points = [(at, value + chance.uniform(-noise, noise)) for at, value in line(rise)]
    guess = estimate(points, points[-1][1] + ahead)
    if guess is not None:
        assert 0 <= guess.soonest <= guess.latest <= REACH * points[-1][0]


@given(seed=st.integers(0, 1_000))
def test_the_more_it_wavers_the_wider_the_range(seed: int) -> None:
    chance = random.Random(seed)
    shaken = [(at, value + chance.choice((-8, 8)), value) for at, value in line(10, step=60 * SECOND)]
    rough = estimate([*[(at, wild) for at, wild, _ in shaken[:-1]], (shaken[-1][0], shaken[-1][2])], 215)
    calm = estimate([(at, value) for at, _, value in shaken], 215)
    assert calm is not None
    assert rough is None or rough.latest - rough.soonest > calm.latest - calm.soonest
