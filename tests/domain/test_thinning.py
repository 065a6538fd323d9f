"""Thinned readings tell what all told: against a plain oracle that shares no code with the bot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from bot.domain import MINUTE, SECOND
from bot.domain.snapshot import Kept, Snapshot, confirmed
from bot.domain.thinning import SLOT, thin
from tests import oracle
from tests.fakes.clock import NOW

FIVE = 300_000
START = NOW - NOW % FIVE

figures = st.one_of(
    st.none(),
    st.integers(0, 3),
    st.integers(90, 110),
    st.sampled_from([600, 700, 5_000]),
)
#: From a reading to the next: mostly the interval in force, at times longer than lines and slots reach.
steps = st.sampled_from([10, 20, 60, 60, 60, 61, 120, 180, 181, 300, 301, 600, 899, 1_500]).map(
    lambda s: s * SECOND
)


@st.composite
def sessions(draw: st.DrawFn) -> list[Snapshot]:
    """Readings as they are kept, in order of time."""
    found: list[Snapshot] = []
    at, gone = START + draw(st.integers(0, FIVE - 1)), False
    for _ in range(draw(st.integers(1, 60))):
        interval = draw(st.sampled_from([20, 60, 60, 290, 900])) * SECOND
        if found and draw(st.integers(0, 9)) == 0:
            found.append(Snapshot(at, False, interval, None, None))
            gone = True
        else:
            total = draw(st.none() | st.integers(0, 9))
            found.append(Snapshot(at, True, interval, draw(figures), total, gone))
            gone = False
        at += draw(steps)
    return found


def left(snapshots: Sequence[Snapshot], stays: Mapping[int, Kept]) -> list[Snapshot]:
    """What is read back of the readings that stay."""
    found = []
    for one in snapshots:
        how = stays.get(one.at)
        if not one.live:
            found.append(one)
        elif how is Kept.ASIDE:
            found.append(replace(one, concurrent=None, broken=False, kept=how))
        elif how is not None:
            apart = how is Kept.APART
            found.append(replace(one, interval=max(one.interval, FIVE), broken=apart, kept=how))
    return found


def lines(counted: Sequence[tuple[int, float]], snapshots: Sequence[Snapshot]) -> set[tuple[int, int]]:
    """The pairs of neighbouring readings that count and are joined, by the rule of the design."""
    at = {one.at: one for one in snapshots}
    breaks = [one.at for one in snapshots if not one.live or one.broken]
    return {
        (a, b)
        for (a, _), (b, _) in pairwise(counted)
        if b - a <= 3 * max(at[a].interval, at[b].interval) and not any(a < x <= b for x in breaks)
    }


def count(snapshots: Sequence[Snapshot]) -> list[tuple[int, float]]:
    return oracle.confirmed(
        [(one.at, one.concurrent) for one in snapshots if one.live and one.concurrent is not None]
    )


def peak_of(snapshots: Sequence[Snapshot]) -> int | None:
    counted = count(snapshots)
    return min(counted, key=lambda one: (-one[1], one[0]))[0] if counted else None


@given(snapshots=sessions())
def test_the_highest_of_every_slot_stays_and_a_glitch_does_not_become_a_figure(snapshots: list[Snapshot]) -> None:
    stays = thin(snapshots, peak_at=peak_of(snapshots))
    counted = count(snapshots)
    slots: dict[int, tuple[int, float]] = {}
    for at, value in counted:
        if at // FIVE not in slots or value > slots[at // FIVE][1]:
            slots[at // FIVE] = (at, value)
    assert {at for at, _ in slots.values()} <= set(stays)
    assert confirmed(left(snapshots, stays)) == [(at, value) for at, value in counted if at in stays]
    assert peak_of(snapshots) in {None, *stays}


@given(snapshots=sessions())
def test_lines_break_where_they_broke_and_nowhere_else(snapshots: list[Snapshot]) -> None:
    stays = thin(snapshots, peak_at=None)
    counted = count(snapshots)
    before = lines(counted, snapshots)
    kept = [one for one in counted if one[0] in stays]
    whole = {
        (a, b)
        for (a, _), (b, _) in pairwise(kept)
        if all(pair in before for pair in pairwise([at for at, _ in counted if a <= at <= b]))
    }
    assert lines(kept, left(snapshots, stays)) == whole


@given(snapshots=sessions())
def test_no_more_stays_than_has_a_reason(snapshots: list[Snapshot]) -> None:
    stays = thin(snapshots, peak_at=None)
    counted = count(snapshots)
    joined = lines(counted, snapshots)
    edges = {
        at
        for pair in pairwise([at for at, _ in counted])
        if pair not in joined or pair[1] - pair[0] > FIVE
        for at in pair
    }
    slots = {one.at // FIVE for one in snapshots}
    assert (
        len(set(stays) - edges) <= len(slots) + 4
    )  # one a slot; the first and the last, of all and of those that count


@given(snapshots=sessions())
def test_the_first_and_the_last_reading_stay_and_others_where_nothing_else_is_known(
    snapshots: list[Snapshot],
) -> None:
    stays = thin(snapshots, peak_at=None)
    live = [one for one in snapshots if one.live]
    assert {live[0].at, live[-1].at} <= set(stays)
    known = {at // FIVE for at, _ in count(snapshots)}
    inner = [one for one in live[1:-1] if one.concurrent is None]
    for slot in {one.at // FIVE for one in inner} - known:
        last = max(one.at for one in inner if one.at // FIVE == slot)
        assert stays[last] is Kept.ASIDE


@given(snapshots=sessions())
def test_what_was_thinned_stays_as_it_is(snapshots: list[Snapshot]) -> None:
    peak_at = peak_of(snapshots)
    stays = thin(snapshots, peak_at=peak_at)
    assert thin(left(snapshots, stays), peak_at=peak_at) == stays


@given(snapshots=sessions(), data=st.data())
def test_stopped_between_two_marks_it_decides_the_same(snapshots: list[Snapshot], data: st.DataObject) -> None:
    peak_at = peak_of(snapshots)
    stays = thin(snapshots, peak_at=peak_at)
    marked = list(stays)[: data.draw(st.integers(0, len(stays)))]
    half = {one.at: one for one in left(snapshots, {at: stays[at] for at in marked})}
    assert thin([half.get(one.at, one) for one in snapshots], peak_at=peak_at) == stays


def test_the_figures_of_an_hour_by_hand() -> None:
    readings = [Snapshot(START + n * MINUTE, True, MINUTE, 100 + (n * 7) % 10, None) for n in range(60)]
    readings[33] = replace(readings[33], concurrent=9_000)  # a glitch
    stays = thin(readings, peak_at=None)
    assert SLOT == FIVE
    tops = {10 * n + top for n in range(6) for top in (4, 7)}
    assert {at - START for at in stays} == {n * MINUTE for n in {0, 59} | tops}
    assert set(stays.values()) == {Kept.JOINED}
