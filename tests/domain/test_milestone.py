"""Section 5, Alerts: rungs of ladders, and the order and worth of what is told."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain import HOUR, LARGEST_FIGURE, MINUTE
from bot.domain.alerts import KINDS, WORTH, ended, milestone, record, started
from bot.domain.alerts.milestone import DEFAULT_LADDER, next_rung, parse_ladder, rung
from bot.domain.measure import Measure
from bot.domain.reading import Answer, Metric, Reading
from bot.domain.session import Ended, Rose, Rules, Session, Started, Track, advance
from tests import oracle


def a_rise(metric: Metric = Metric.CONCURRENT, after: float = 120) -> Rose:
    track = Track(1)
    advance(track, Answer(at=0, readings=(Reading(session="a"),)), Rules(interval=MINUTE))
    return Rose(track.sessions[0], 7, metric, 90, after, late=True)


# --- The default ladder -------------------------------------------------------------------------------------


def test_the_default_ladder_is_10_25_50_100_250_500_1000_2500_and_so_on() -> None:
    assert DEFAULT_LADDER[:9] == (10, 25, 50, 100, 250, 500, 1000, 2500, 5000)
    assert all(high in (low * 2, low * 2.5) for low, high in pairwise(DEFAULT_LADDER))


def test_the_default_ladder_goes_on_for_as_long_as_people_can_be_counted() -> None:
    assert DEFAULT_LADDER[-1] <= LARGEST_FIGURE < DEFAULT_LADDER[-1] * 2
    assert list(DEFAULT_LADDER) == list(oracle.rungs(LARGEST_FIGURE))


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (90, 99, None),
        (90, 100, 100),  # reached: at least, not above
        (100, 100, None),
        (100, 101, None),
        (99.9, 100, 100),
        (99, 99.9, None),
        (9, 9.99, None),
        (24, 25, 25),
        (0, 10, 10),
    ],
)
def test_a_milestone_is_a_rung_reached_by_the_mark(before: float, after: float, told: float | None) -> None:
    assert rung(None, before=before, after=after, best=None) == told


def test_a_jump_over_several_rungs_tells_the_highest_only() -> None:
    assert rung(None, before=9, after=1200, best=None) == 1000


def test_the_first_mark_is_a_jump_from_nothing() -> None:
    assert rung(None, before=None, after=1200, best=None) == 1000
    assert rung((0, 5), before=None, after=0, best=None) == 0


def test_the_first_mark_below_the_ladder_tells_nothing() -> None:
    assert rung(None, before=None, after=9, best=None) is None


# --- What a chat hears --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("best", "told"), [(None, 100), (0, 100), (999, 100), (1000, 100), (1000.1, None), (1001, None)]
)
def test_a_chat_hears_what_is_at_least_a_tenth_of_the_watchs_best_earlier_peak(
    best: float | None, told: float | None
) -> None:
    assert rung(None, before=90, after=120, best=best) == told


@pytest.mark.parametrize("heard", DEFAULT_LADDER)
def test_exactly_a_tenth_is_heard_on_every_rung(heard: float) -> None:
    assert rung(None, before=None, after=heard, best=heard * 10) == heard


def test_a_jump_whose_highest_rung_is_heard_is_told_although_lower_ones_are_not() -> None:
    assert rung(None, before=None, after=600, best=5000) == 500


def test_a_ladder_of_the_chats_own_is_heard_whatever_the_best_was() -> None:
    assert rung((100, 200), before=90, after=120, best=1_000_000) == 100


def test_a_ladder_of_the_chats_own_replaces_the_default_one() -> None:
    assert rung((100, 200), before=9, after=60, best=None) is None
    assert rung((100, 200), before=9, after=99_999, best=None) == 200


def test_an_empty_ladder_tells_nothing() -> None:
    assert rung((), before=None, after=100, best=None) is None


# --- Any rise -----------------------------------------------------------------------------------------------

figures = st.one_of(st.integers(0, 3000), st.integers(0, LARGEST_FIGURE), st.floats(0, 5000))
marks = st.lists(figures, min_size=1, max_size=30)


@given(marks)
def test_no_rung_is_told_twice_in_a_session_and_they_only_rise(values: list[float]) -> None:
    told, mark = [], None
    for value in values:
        if mark is None or value > mark:
            found = rung(None, before=mark, after=value, best=None)
            told += [found] if found is not None else []
            mark = value
    assert told == sorted(set(told))


@given(st.one_of(st.none(), figures), figures, st.one_of(st.none(), figures))
def test_any_rise_tells_the_rung_that_the_design_names(
    before: float | None, after: float, best: float | None
) -> None:
    heard = [
        one for one in oracle.rungs(after) if one > (-1 if before is None else before) and one * 10 >= (best or 0)
    ]
    assert rung(None, before=before, after=after, best=best) == (heard[-1] if heard else None)


@given(marks)
def test_a_mark_that_rises_in_steps_passes_the_same_last_rung_as_in_one_jump(values: list[float]) -> None:
    told, mark = None, None
    for value in sorted(values):
        told = rung(None, before=mark, after=value, best=None) or told
        mark = value
    assert told == rung(None, before=None, after=max(values), best=None)


# --- The next rung, and ladders as people write them --------------------------------------------------------


def test_the_next_rung_is_the_first_one_above() -> None:
    assert next_rung(None, above=99) == 100
    assert next_rung(None, above=100) == 250
    assert next_rung((5, 7), above=7) is None


@pytest.mark.parametrize(
    ("words", "ladder"),
    [
        (["100", "250", "1,000", "5k", "1.5m"], (100, 250, 1000, 5000, 1_500_000)),
        (["500,", "100,", "500"], (100, 500)),
        (["2.5K;10k"], (2500, 10_000)),
        (["0.5"], (0.5,)),
        ([], ()),
    ],
)
def test_a_ladder_is_read_as_people_write_it(words: list[str], ladder: tuple[float, ...]) -> None:
    assert parse_ladder(words) == ladder


@pytest.mark.parametrize("word", ["many", "-5", "0", "k", "nan", "inf", "1e400", "5kk", "1.2.3"])
def test_a_word_that_is_no_threshold_is_refused_by_itself(word: str) -> None:
    with pytest.raises(ValueError) as refused:  # noqa: PT011
        parse_ladder(["100", word])
    assert str(refused.value) == word


# --- Facts --------------------------------------------------------------------------------------------------


def test_a_reading_tells_ends_before_starts_before_records_before_milestones() -> None:
    assert KINDS == ("ended", "started", "record", "close", "milestone", "outage", "reminder")


def test_a_milestone_is_worth_telling_for_an_hour() -> None:
    assert WORTH[milestone.KIND] == HOUR


def test_every_kind_has_a_worth() -> None:
    assert set(WORTH) >= set(KINDS)


@pytest.mark.parametrize(
    ("metric", "measure"),
    [
        (Metric.CONCURRENT, Measure.PEAK),
        (Metric.TUNED_IN, Measure.TUNED_IN),
        (Metric.VIEWS, Measure.VIEWS),
        (Metric.POSTS, Measure.POSTS),
    ],
)
def test_a_milestone_carries_the_measure_of_its_mark(metric: Metric, measure: Measure) -> None:
    fact = milestone.alert(a_rise(metric))
    assert (fact.kind, fact.measure, fact.before, fact.value, fact.at, fact.late) == (
        "milestone", measure, 90, 120, 7, True,
    )  # fmt: skip


def test_each_rise_of_each_mark_is_a_fact_of_its_own() -> None:
    rises = [a_rise(), a_rise(after=121), a_rise(after=120.5), a_rise(Metric.VIEWS), a_rise(after=LARGEST_FIGURE)]
    assert len({milestone.alert(rise).key for rise in rises}) == len(rises)


def test_the_same_rise_is_the_same_fact_whether_its_figure_is_whole_or_not() -> None:
    assert milestone.alert(a_rise(after=120)).key == milestone.alert(a_rise(after=120.0)).key


def test_a_start_is_one_fact_and_carries_no_figure() -> None:
    session = a_rise().session
    first, again = started.alert(Started(session, 1)), started.alert(Started(session, 2))
    assert first.key == again.key
    assert (first.measure, first.value) == (None, None)


def test_each_end_of_a_session_that_went_on_is_a_fact_of_its_own() -> None:
    session: Session = a_rise().session
    session.ends = 1
    first = ended.alert(Ended(session, 1))
    session.ends = 2
    assert ended.alert(Ended(session, 2)).key != first.key


def test_an_end_carries_the_peak() -> None:
    session = a_rise().session
    assert (ended.alert(Ended(session, 1)).measure, ended.alert(Ended(session, 1)).value) == (Measure.PEAK, None)
    session.tally.peak = 42
    assert ended.alert(Ended(session, 1)).value == 42


def test_kinds_never_share_a_key() -> None:
    session = a_rise().session
    facts = [
        milestone.alert(a_rise()),
        started.alert(Started(session, 7)),
        ended.alert(Ended(session, 7)),
        record.alert(session, at=7, measure=Measure.PEAK, value=120, late=False),
        record.alert(session, at=7, measure=Measure.TUNED_IN, value=120, late=False),
    ]
    assert len({fact.key for fact in facts}) == len(facts)
