"""Section 5, Truth: what counts of the figures that came, and what a session's figures are."""

from __future__ import annotations

from dataclasses import asdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain import MINUTE, SECOND
from bot.domain.measure import LIVE_RECORDED, RECORDED, Measure, measured
from bot.domain.snapshot import Snapshot
from bot.domain.snapshot import confirmed as kept_and_confirmed
from bot.domain.statistics import Tally
from tests import oracle

#: A known figure, a hidden one (None), or an offline answer ("gone").
Step = float | str | None


def fold(*steps: Step, every: int = MINUTE, interval: int = MINUTE) -> Tally:
    """Take in figures, one each ``every``."""
    tally = Tally()
    feed(tally, enumerate(steps), every=every, interval=interval)
    return tally


def feed(tally: Tally, steps: object, *, every: int = MINUTE, interval: int = MINUTE) -> None:
    for place, step in steps:  # type: ignore[attr-defined]
        if step == "gone":
            tally.break_line()
        else:
            tally.see(place * every, interval=interval, concurrent=step)


# --- Confirmed ----------------------------------------------------------------------------------------------


def test_a_hidden_figure_is_unknown_and_not_zero() -> None:
    tally = fold(100, 100, None, None)
    assert (tally.last, tally.confirmed, tally.readings, tally.glitches) == (100, 100, 2, 0)


def test_a_session_whose_figures_are_all_hidden_has_no_figures() -> None:
    tally = fold(None, None, None)
    assert (tally.peak, tally.peak_at, tally.average, tally.last) == (None, None, None, None)
    assert (tally.airtime, tally.coverage) == (2 * MINUTE, 0)


def test_zero_is_a_known_figure() -> None:
    tally = fold(0, 0)
    assert (tally.peak, tally.average, tally.coverage) == (0, 0, 1)


@pytest.mark.parametrize(
    ("confirmed", "next_", "suspect"),
    [
        (100, 500, False),  # five times is not more than five times
        (100, 501, True),
        (10, 59, False),  # more than five times, but not 50 above
        (10, 60, True),  # at least 50 above
        (0, 49, False),
        (0, 50, True),
        (12.5, 62.5, False),
        (12.5, 62.6, True),
    ],
)
def test_a_reading_is_suspect_above_five_times_the_confirmed_one_and_fifty_above_it(
    confirmed: float, next_: float, suspect: bool
) -> None:
    tally = fold(confirmed, confirmed, next_)
    assert (tally.suspect is not None) is suspect
    assert tally.peak == (confirmed if suspect else next_)


@pytest.mark.parametrize(
    ("confirmed", "next_", "suspect"),
    [(10, 1, True), (10, 0, True), (10, 2, False), (9, 0, False), (9, 1, False), (1_000_000, 2, False)],
)
def test_a_reading_is_suspect_that_falls_from_ten_or_more_to_nought_or_one(
    confirmed: float, next_: float, suspect: bool
) -> None:
    assert (fold(confirmed, confirmed, next_).suspect is not None) is suspect


def test_a_suspect_rise_counts_once_the_next_known_reading_lies_beyond_the_same_bound() -> None:
    tally = fold(10, 10, 100, 60)
    assert (tally.peak, tally.peak_at, tally.confirmed, tally.glitches) == (100, 2 * MINUTE, 60, 0)


def test_a_suspect_fall_counts_once_the_next_known_reading_lies_beyond_the_same_bound() -> None:
    tally = fold(10, 10, 0, 1)
    assert (tally.confirmed, tally.glitches) == (1, 0)
    assert tally.average == pytest.approx((10 + 5 + 0.5) / 3)


def test_a_suspect_reading_that_the_next_one_does_not_bear_out_is_left_out_of_every_figure() -> None:
    tally = fold(10, 10, 1000, 11)
    assert (tally.peak, tally.confirmed, tally.glitches) == (11, 11, 1)
    assert tally.average == pytest.approx((10 + 10.5 * 2) / 3)


def test_a_glitch_is_kept_and_counted() -> None:
    tally = fold(10, 10, 1000, 11)
    assert (tally.readings, tally.glitches) == (4, 1)


def test_a_hidden_figure_between_does_not_settle_a_suspect_reading() -> None:
    assert fold(10, 10, 100, None).suspect == 100
    assert fold(10, 10, 100, None, 100).peak == 100


def test_the_reading_that_refutes_a_rise_may_be_a_suspect_fall() -> None:
    tally = fold(10, 10, 1000, 0)
    assert (tally.peak, tally.suspect, tally.glitches) == (10, 0, 1)


def test_the_reading_that_bears_out_a_rise_may_itself_be_suspect_against_it() -> None:
    tally = fold(10, 10, 100, 5000)
    assert (tally.peak, tally.suspect) == (100, 5000)


def test_a_rise_refuted_by_a_lesser_one_is_left_out_even_if_that_one_is_above_all_before() -> None:
    assert fold(10, 10, 1000, 40).peak == 40


def test_the_first_known_reading_is_suspect_until_the_next_known_one() -> None:
    assert fold(500).peak is None
    assert fold(None, 500, None).peak is None
    assert fold(None, 500, None, 500).peak_at == MINUTE


@pytest.mark.parametrize(
    ("first", "second", "within"),
    [
        (100, 500, True),
        (100, 501, False),
        (500, 100, True),
        (501, 100, False),
        (10, 59, True),
        (59, 10, True),
        (10, 60, False),
        (60, 10, False),
        (0, 0, True),
        (12, 0, True),  # neither rule of the bound: 12 apart is less than 50
    ],
)
def test_the_first_reading_counts_once_the_next_one_is_within_the_bound_of_it_either_way(
    first: float, second: float, within: bool
) -> None:
    tally = fold(first, second)
    assert tally.glitches == (not within)
    assert (tally.peak is not None) is within


def test_a_first_reading_that_is_refuted_is_left_out_and_the_next_takes_its_place() -> None:
    tally = fold(1, 5000)
    assert (tally.peak, tally.suspect) == (None, 5000)
    tally = fold(1, 5000, 5000)
    assert (tally.peak, tally.peak_at, tally.average) == (5000, MINUTE, 5000)


def test_a_wild_start_is_left_out_until_two_readings_agree() -> None:
    tally = fold(1, 5000, 3, 900, 950)
    assert (tally.peak, tally.glitches, tally.covered) == (950, 3, MINUTE)


def test_what_is_still_suspect_when_a_session_ends_is_left_out() -> None:
    tally = fold(10, 10, 1000)
    tally.drop_suspect()
    assert (tally.peak, tally.suspect, tally.glitches) == (10, None, 1)
    tally.see(9 * MINUTE, interval=MINUTE, concurrent=1000)
    assert tally.peak == 10  # the dropped one bears nothing out


# --- Peak ---------------------------------------------------------------------------------------------------


def test_the_peak_is_the_highest_confirmed_reading_with_the_time_it_was_first_reached() -> None:
    tally = fold(10, 30, 20, 30, 5)
    assert (tally.peak, tally.peak_at) == (30, MINUTE)


def test_the_time_of_a_peak_that_was_suspect_is_its_own_and_not_of_the_reading_that_bore_it_out() -> None:
    tally = fold(10, 10, 100, 90)
    assert (tally.peak, tally.peak_at) == (100, 2 * MINUTE)


# --- Average, airtime, coverage -----------------------------------------------------------------------------


def test_the_average_follows_straight_lines_weighted_by_time() -> None:
    tally = Tally()
    for at, figure in ((0, 100), (1, 100), (3, 200)):
        tally.see(at * MINUTE, interval=MINUTE, concurrent=figure)
    assert tally.average == pytest.approx((100 * 1 + 150 * 2) / 3)


def test_neighbours_three_poll_intervals_apart_are_joined_and_further_ones_are_not() -> None:
    joined, apart = Tally(), Tally()
    for tally, at in ((joined, 3 * MINUTE), (apart, 3 * MINUTE + 1)):
        tally.see(0, interval=MINUTE, concurrent=10)
        tally.see(at, interval=MINUTE, concurrent=20)
    assert (joined.covered, joined.average, joined.coverage) == (3 * MINUTE, 15, 1)
    assert (apart.covered, apart.average, apart.coverage) == (0, None, 0)


def test_the_interval_in_force_is_that_of_the_sample() -> None:
    tally = Tally()
    tally.see(0, interval=30 * SECOND, concurrent=10)
    tally.see(30 * SECOND, interval=30 * SECOND, concurrent=10)
    tally.see(150 * SECOND, interval=30 * SECOND, concurrent=10)  # four intervals
    tally.see(270 * SECOND, interval=MINUTE, concurrent=10)  # two of the new interval
    assert tally.covered == 150 * SECOND


def test_hidden_figures_between_do_not_break_the_line() -> None:
    assert fold(10, 10, None, None, 20).covered == 4 * MINUTE


def test_hidden_figures_for_too_long_leave_a_gap() -> None:
    assert fold(10, 10, None, None, None, 20).covered == MINUTE


def test_a_glitch_between_does_not_break_the_line() -> None:
    tally = fold(10, 10, 1000, 12)
    assert tally.covered == 3 * MINUTE


def test_an_offline_answer_breaks_the_line() -> None:
    tally = fold(10, 10, "gone", 20, 20)
    assert (tally.covered, tally.airtime) == (2 * MINUTE, 4 * MINUTE)
    assert tally.average == 15


def test_an_offline_answer_before_a_glitch_breaks_the_line_after_it_too() -> None:
    assert fold(10, 10, "gone", 1000, 10).covered == MINUTE


def test_an_offline_answer_between_a_suspect_reading_and_its_confirmation_breaks_only_that_line() -> None:
    assert fold(10, 10, 100, "gone", 100).covered == 2 * MINUTE


def test_airtime_runs_from_the_first_to_the_last_reading_seen_live_gaps_included() -> None:
    assert fold(None, "gone", "gone", 10, None).airtime == 4 * MINUTE
    assert fold(10).airtime == 0
    assert Tally().airtime == 0


def test_coverage_is_joined_time_over_airtime() -> None:
    assert fold(10, 10, 10, "gone", 10).coverage == pytest.approx(2 / 4)


def test_a_single_reading_has_neither_average_nor_coverage() -> None:
    assert (fold(10).average, fold(10).coverage) == (None, None)


# --- Measures -----------------------------------------------------------------------------------------------


def test_airtime_is_measured_in_seconds() -> None:
    assert measured(fold(10, 10, 10), Measure.AIRTIME) == 120


def test_every_measure_of_a_session_without_readings_but_airtime_is_unknown() -> None:
    unknown = [measured(Tally(), measure) for measure in Measure if measure is not Measure.AIRTIME]
    assert unknown == [None] * 5


def test_peak_and_tuned_in_records_fall_live_and_average_and_airtime_stand_in_the_recap() -> None:
    assert LIVE_RECORDED[:2] == (Measure.PEAK, Measure.TUNED_IN)
    assert {Measure.AVERAGE, Measure.AIRTIME} <= set(RECORDED) - set(LIVE_RECORDED)


# --- Any stream ---------------------------------------------------------------------------------------------

figure = st.one_of(
    st.integers(0, 2), st.integers(8, 70), st.integers(0, 10_000), st.floats(0, 300, allow_subnormal=False)
)
step = st.one_of(figure, figure, st.none(), st.just("gone"))
streams = st.lists(st.tuples(st.sampled_from([1, 30_000, 60_000, 180_000, 180_001]), step), max_size=40)


def play(stream: list[tuple[int, Step]], tally: Tally, at: int = 0) -> int:
    for gap, one in stream:
        at += gap
        if one == "gone":
            tally.break_line()
        else:
            assert not isinstance(one, str)
            tally.see(at, interval=MINUTE, concurrent=one)
    return at


def snapshots(stream: list[tuple[int, Step]]) -> list[Snapshot]:
    at, found = 0, []
    for gap, one in stream:
        at += gap
        assert one == "gone" or not isinstance(one, str)
        found.append(Snapshot(at, one != "gone", MINUTE, None if one == "gone" else one, None))  # type: ignore[arg-type]
    return found


def samples(stream: list[tuple[int, Step]]) -> list[tuple[int, float]]:
    return [(one.at, one.concurrent) for one in snapshots(stream) if one.live and one.concurrent is not None]


@given(streams)
def test_the_peak_is_never_below_a_confirmed_reading_and_always_one_of_them(
    stream: list[tuple[int, Step]],
) -> None:
    tally = Tally()
    play(stream, tally)
    counted = oracle.confirmed(samples(stream))
    assert tally.peak == max((value for _, value in counted), default=None)
    assert tally.peak is None or (tally.peak_at, tally.peak) in counted


@given(streams)
def test_the_average_lies_between_the_lowest_and_the_highest_confirmed_reading(
    stream: list[tuple[int, Step]],
) -> None:
    tally = Tally()
    play(stream, tally)
    if tally.average is not None:
        values = [value for _, value in oracle.confirmed(samples(stream))]
        slack = 1e-9 * (1 + max(values))
        assert min(values) - slack <= tally.average <= max(values) + slack


@given(streams)
def test_coverage_lies_between_nought_and_one(stream: list[tuple[int, Step]]) -> None:
    tally = Tally()
    play(stream, tally)
    assert tally.coverage is None or 0 <= tally.coverage <= 1
    assert 0 <= tally.covered <= tally.airtime


@given(streams, st.integers(0, 40))
def test_the_fold_is_the_same_in_any_batching(stream: list[tuple[int, Step]], cut: int) -> None:
    whole, first = Tally(), Tally()
    play(stream, whole)
    at = play(stream[:cut], first)
    second = Tally(**asdict(first))  # as the store keeps it between two batches
    play(stream[cut:], second, at)
    assert second == whole


@given(streams)
def test_hidden_figures_change_nothing_but_the_time_on_the_air(stream: list[tuple[int, Step]]) -> None:
    shown: list[tuple[int, Step]] = []
    carried = 0
    for gap, one in stream:
        carried += gap
        if one is not None:
            shown.append((carried, one))
            carried = 0
    with_hidden, without = Tally(), Tally()
    play(stream, with_hidden)
    play(shown, without)
    for name in ("first_at", "last_at"):
        setattr(with_hidden, name, getattr(without, name))
    assert with_hidden == without


@given(st.integers(0, 1000), st.integers(0, 1_000_000), st.integers(1, 4))
def test_a_single_spike_or_collapse_among_steady_readings_never_moves_the_peak(
    steady: int, spike: int, before: int
) -> None:
    suspect = spike > 5 * steady and spike - steady >= 50
    if suspect or spike < steady:
        tally = fold(*[steady] * (before + 1), spike, steady, steady)
        assert tally.peak == steady


@given(streams)
def test_kept_readings_folded_again_give_what_counted_at_the_time(stream: list[tuple[int, Step]]) -> None:
    assert kept_and_confirmed(snapshots(stream)) == oracle.confirmed(samples(stream))


@given(streams)
def test_no_reading_counts_twice_and_none_is_lost(stream: list[tuple[int, Step]]) -> None:
    tally = Tally()
    play(stream, tally)
    known = samples(stream)
    counted = oracle.confirmed(known)
    assert tally.readings == len(known)
    assert len(counted) + tally.glitches + (tally.suspect is not None) == len(known)
