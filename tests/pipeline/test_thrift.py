"""A budget lasts the day: what is asked less often is never asked no more."""

from __future__ import annotations

from itertools import pairwise

import pytest

from bot.domain import DAY, HOUR, MINUTE, SECOND
from bot.pipeline.thrift import MOST, Thrift
from bot.ports.purse import Purse


def day_of(now: int) -> tuple[int, int]:
    begun = now // DAY * DAY
    return begun, begun + DAY


def a_day(limit: float, *, cost: float, interval: int = MINUTE, begin: int = 0) -> tuple[Purse, list[int]]:
    """Ask in the rhythm that thrift allows, from a moment of the day to its end; return when it was asked."""
    purse = Purse(unit="units", limit=limit, day_of=day_of)
    thrift = Thrift(purse)
    now, asked = DAY + begin, []
    while now < 2 * DAY:
        if purse.affords(now, cost):
            purse.charge(now, cost)
            asked.append(now)
        now += round(interval * thrift.look(now))
    return purse, asked


@pytest.mark.parametrize("limit", [200, 1000, 1300])
@pytest.mark.parametrize("begin", [0, 9 * HOUR])
def test_what_does_not_suffice_is_spread_over_the_day(limit: int, begin: int) -> None:
    cost = 1 if begin == 0 else 3
    purse, asked = a_day(limit, cost=cost, begin=begin)
    assert purse.spent(2 * DAY - 1).amount <= limit
    assert asked[-1] > 2 * DAY - HOUR  # to the end
    gaps = [later - earlier for earlier, later in pairwise(asked)]
    assert max(gaps) < 70 * MINUTE


def test_what_suffices_is_asked_in_full_rhythm() -> None:
    _, asked = a_day(10_000, cost=1)
    assert len(asked) == DAY // MINUTE


def test_an_empty_purse_is_looked_into_seldom_and_a_new_day_begins_in_full_rhythm() -> None:
    purse = Purse(unit="units", limit=10, day_of=day_of)
    thrift = Thrift(purse)
    thrift.look(DAY)
    purse.charge(DAY, 10)
    assert thrift.look(DAY + HOUR) == MOST
    assert thrift.look(2 * DAY + MINUTE) == 1


def test_without_a_limit_nothing_is_stretched() -> None:
    purse = Purse(unit="calls", limit=None, day_of=day_of)
    purse.charge(DAY, 1e9)
    assert Thrift(purse).look(DAY + HOUR) == 1


def test_a_burst_of_look_ups_is_not_the_rhythm_of_the_day() -> None:
    purse = Purse(unit="USD", limit=1, day_of=day_of)
    thrift = Thrift(purse)
    thrift.look(DAY)
    purse.charge(DAY + 10, 0.12)
    stretches = [thrift.look(DAY + n * MINUTE) for n in range(1, 120)]
    assert max(stretches) < 4
    assert stretches[-1] == 1


def test_a_new_day_begins_in_full_rhythm_though_something_was_spent_before_the_look() -> None:
    purse = Purse(unit="units", limit=10, day_of=day_of)
    thrift = Thrift(purse)
    thrift.look(DAY)
    purse.charge(DAY, 10)
    assert thrift.look(DAY + HOUR) == MOST
    purse.charge(2 * DAY, 1)
    assert thrift.look(2 * DAY + SECOND) == 1
