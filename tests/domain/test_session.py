"""Section 5, Sessions: which session an answer speaks of, when it starts and when it ends."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain import HOUR, MINUTE, SECOND
from bot.domain.reading import Answer, Metric, Reading, State
from bot.domain.session import (
    DEFAULT_GRACE,
    Change,
    Ended,
    Rose,
    Rules,
    Sample,
    Session,
    Started,
    Track,
    advance,
)

NOON = round(datetime(2026, 3, 1, 12, tzinfo=UTC).timestamp() * SECOND)


class Stage:
    """A watch that is fed answer by answer; collects what changed."""

    def __init__(
        self, *, interval: int = MINUTE, grace: int = DEFAULT_GRACE, zone: tzinfo = UTC, daily: bool = False
    ) -> None:
        self.track = Track(1)
        self.rules = Rules(interval=interval, grace=grace, zone=zone, daily=daily)
        self.changes: list[Change] = []
        self.samples: list[Sample] = []

    def hear(self, at: float, *readings: Reading, still: frozenset[str] = frozenset()) -> Stage:
        """Answer ``at`` so many minutes after noon."""
        answer = Answer(at=round(NOON + at * MINUTE), readings=readings, still=still)
        changes, samples = advance(self.track, answer, self.rules)
        self.changes += changes
        self.samples += samples
        return self

    def live(self, at: float, *keys: str, concurrent: float | None = 100) -> Stage:
        return self.hear(at, *(Reading(session=key, concurrent=concurrent) for key in keys))

    def offline(self, *ats: float) -> Stage:
        for at in ats:
            self.hear(at)
        return self

    @property
    def story(self) -> list[str]:
        """Starts and ends as ``start a 0``: what, first id, minute."""
        return [
            f"{'start' if isinstance(c, Started) else 'end'} {c.session.keys[0]} {(c.at - NOON) / MINUTE:g}"
            for c in self.changes
            if not isinstance(c, Rose)
        ]

    @property
    def sessions(self) -> list[list[str]]:
        return [session.keys for session in self.track.sessions]

    def session(self, key: str) -> Session:
        found = self.track.find(key)
        assert found is not None
        return found

    def rises(self, metric: Metric) -> list[tuple[float | None, float]]:
        return [(c.before, c.after) for c in self.changes if isinstance(c, Rose) and c.metric is metric]


def said(key: str, state: State, **figures: float) -> Reading:
    return Reading(session=key, state=state, **figures)  # type: ignore[arg-type]


# --- Starts -------------------------------------------------------------------------------------------------


def test_a_session_starts_when_it_is_first_seen_live() -> None:
    assert Stage().offline(0).live(1, "a").live(2, "a").story == ["start a 1"]


def test_a_session_starts_although_its_figure_is_hidden() -> None:
    assert Stage().live(0, "a", concurrent=None).story == ["start a 0"]


def test_a_scheduled_session_starts_only_when_it_is_live() -> None:
    stage = Stage().hear(0, said("a", State.SCHEDULED, concurrent=50))
    assert stage.story == []
    assert stage.session("a").tally.first_at is None
    assert stage.live(1, "a").story == ["start a 1"]


def test_a_scheduled_session_that_was_left_out_for_long_still_starts() -> None:
    stage = Stage().hear(0, said("a", State.SCHEDULED)).offline(1, 10).live(11, "a")
    assert stage.story == ["start a 11"]


def test_a_scheduled_session_that_never_comes_tells_no_end() -> None:
    assert Stage().hear(0, said("a", State.SCHEDULED)).offline(1, 10, 20).story == []


def test_a_session_first_heard_of_when_it_is_over_tells_nothing() -> None:
    stage = Stage().hear(0, said("a", State.ENDED, tuned_in=5000)).offline(10)
    assert (stage.story, stage.sessions, stage.rises(Metric.TUNED_IN)) == ([], [], [])


# --- Grace --------------------------------------------------------------------------------------------------


def test_the_grace_is_five_minutes_by_default() -> None:
    assert Rules(interval=MINUTE).grace == 5 * MINUTE


@pytest.mark.parametrize(
    "gone", [(), (said("a", State.ENDED),), (said("b", State.SCHEDULED),), (said("a", State.SCHEDULED),)]
)
def test_what_the_source_says_is_gone_or_ended_starts_the_grace(gone: tuple[Reading, ...]) -> None:
    stage = Stage().live(0, "a").hear(1, *gone)
    assert stage.session("a").gone_at == NOON + MINUTE
    assert stage.session("a").is_live
    assert stage.story == ["start a 0"]


def test_an_end_is_told_by_the_first_absent_answer_when_the_grace_is_over() -> None:
    assert Stage().live(0, "a").offline(1, 3, 5.9, 6.0).story == ["start a 0", "end a 6"]
    assert Stage().live(0, "a").offline(1, 5.9, 30).story == ["start a 0", "end a 30"]


def test_the_grace_counts_from_the_first_answer_without_the_session_and_not_from_its_last_reading() -> None:
    assert Stage().live(0, "a").offline(20, 24).story == ["start a 0"]


def test_a_session_ends_once() -> None:
    assert Stage().live(0, "a").offline(1, 6, 7, 60).story == ["start a 0", "end a 6"]


def test_an_ended_answer_that_is_repeated_does_not_start_the_grace_anew() -> None:
    stage = Stage().live(0, "a")
    for at in range(1, 8):
        stage.hear(at, said("a", State.ENDED))
    assert stage.story == ["start a 0", "end a 6"]


def test_errors_never_start_the_grace_and_never_end_anything() -> None:
    # A failure is no answer, so nothing reaches the track: half an hour later all is as it was.
    assert Stage().live(0, "a").live(30, "a").story == ["start a 0"]
    assert Stage().live(0, "a").hear(30, said("b", State.LIVE)).sessions == [["a", "b"]]


def test_errors_within_the_grace_do_not_prolong_it() -> None:
    assert Stage().live(0, "a").offline(1).offline(6).story == ["start a 0", "end a 6"]


def test_a_hidden_figure_is_neither_gone_nor_ended() -> None:
    stage = Stage().live(0, "a")
    for at in range(1, 20):
        stage.live(at, "a", concurrent=None)
    assert stage.story == ["start a 0"]


@pytest.mark.parametrize("back", [2.0, 5.9, 6.0])
def test_back_within_the_grace_it_is_the_same_session(back: float) -> None:
    stage = Stage().live(0, "a").offline(1).live(back, "a")
    assert (stage.story, stage.sessions) == (["start a 0"], [["a"]])
    assert stage.session("a").gone_at is None


@pytest.mark.parametrize("back", [1.0, 2.0, 5.9, 6.0])
def test_back_within_the_grace_under_a_new_id_it_is_the_same_session(back: float) -> None:
    stage = Stage().live(0, "a")
    if back > 1:
        stage.offline(1)
    assert stage.live(back, "b").live(back + 1, "b").story == ["start a 0"]
    assert stage.sessions == [["a", "b"]]


def test_back_within_the_grace_it_has_a_gap() -> None:
    stage = Stage().live(0, "a").live(1, "a").offline(1.5).live(2, "b").live(3, "b")
    tally = stage.session("b").tally
    assert (tally.covered, tally.airtime) == (2 * MINUTE, 3 * MINUTE)


def test_the_grace_starts_anew_after_a_return() -> None:
    stage = Stage().live(0, "a").offline(1, 5).live(6, "a").offline(7, 11)
    assert stage.story == ["start a 0"]
    assert stage.offline(12).story == ["start a 0", "end a 12"]


def test_a_new_id_beside_a_former_one_that_still_answers_is_a_session_of_its_own() -> None:
    stage = Stage().live(0, "a").live(1, "a", "b")
    assert (stage.story, stage.sessions) == (["start a 0", "start b 1"], [["a"], ["b"]])


def test_a_new_id_beside_one_that_goes_on_unnamed_is_a_session_of_its_own() -> None:
    stage = Stage().live(0, "a").hear(1, said("b", State.LIVE), still=frozenset("a"))
    assert stage.sessions == [["a"], ["b"]]
    assert stage.session("a").gone_at is None


def test_of_two_new_ids_one_takes_the_place_of_the_one_that_is_gone() -> None:
    assert Stage().live(0, "a").live(1, "b", "c").sessions == [["a", "b"], ["c"]]


def test_a_new_id_takes_the_place_of_the_one_that_is_gone_and_not_of_the_one_that_answers() -> None:
    assert Stage().live(0, "a", "b").live(1, "b", "c").sessions == [["a", "c"], ["b"]]


def test_of_two_that_went_at_once_the_older_one_goes_on_whatever_their_order_in_memory() -> None:
    taken = []
    for turned in (False, True):  # as they are kept between ticks, and as a session that came back is put first
        stage = Stage().live(0, "a", "b")
        for id_, session in enumerate(stage.track.sessions, 1):
            session.id = id_
        if turned:
            stage.track.sessions.reverse()
        taken.append(stage.live(1, "c").session("c").keys[0])
    assert taken == ["a", "a"]


def test_a_scheduled_session_never_takes_the_place_of_another() -> None:
    stage = Stage().live(0, "a").hear(0.5, said("a", State.LIVE), said("b", State.SCHEDULED)).live(1, "b")
    assert stage.story == ["start a 0", "start b 1"]


def test_after_the_grace_a_new_id_is_a_new_session() -> None:
    stage = Stage().live(0, "a").offline(1).live(6.1, "b")
    assert stage.story == ["start a 0", "end a 6.1", "start b 6.1"]


def test_the_end_of_one_is_told_before_the_start_of_the_next() -> None:
    stage = Stage().live(0, "a").offline(1).live(7, "b")
    assert [type(change) for change in stage.changes[-2:]] == [Ended, Started]


def test_after_the_grace_the_former_id_itself_continues_its_session() -> None:
    stage = Stage().live(0, "a").offline(1, 6).live(30, "a").live(31, "a")
    assert (stage.story, stage.sessions) == (["start a 0", "end a 6"], [["a"]])
    assert stage.session("a").is_live
    assert stage.session("a").tally.airtime == 31 * MINUTE


def test_any_former_id_of_a_session_continues_it() -> None:
    stage = Stage().live(0, "a").live(1, "b").offline(2, 7).live(30, "a")
    assert (stage.story, stage.sessions) == (["start a 0", "end a 7"], [["a", "b"]])


def test_a_session_that_went_on_is_ended_again_at_its_new_end() -> None:
    stage = Stage().live(0, "a").offline(1, 6).live(30, "a").offline(31, 36)
    assert stage.story == ["start a 0", "end a 6", "end a 36"]
    assert stage.session("a").ends == 2


def test_a_session_that_went_on_has_a_gap() -> None:
    stage = Stage(interval=10 * MINUTE).live(0, "a").live(1, "a").offline(2, 7).live(8, "a").live(9, "a")
    assert stage.session("a").tally.covered == 2 * MINUTE


def test_the_marks_that_a_session_reached_before_it_went_on_do_not_rise_again() -> None:
    stage = Stage().live(0, "a").live(1, "a").offline(2, 7).live(30, "a").live(31, "a")
    assert stage.rises(Metric.CONCURRENT) == [(None, 100)]


def test_two_ids_of_one_session_that_answer_at_once_are_one_audience() -> None:
    stage = Stage().live(0, "a").live(1, "b").live(2, "b")
    both = Reading(session="a", concurrent=90), Reading(session="b", concurrent=120)
    stage.hear(3, *both).hear(4, *both[::-1])
    assert stage.session("a").tally.readings == 5
    assert stage.session("a").tally.peak == 120


# --- Silence ------------------------------------------------------------------------------------------------


def test_after_more_than_an_hour_without_answer_a_new_id_is_a_new_session() -> None:
    stage = Stage().live(0, "a").live(60.1, "b")
    assert stage.story == ["start a 0", "end a 60.1", "start b 60.1"]


def test_after_an_hour_without_answer_a_new_id_is_still_the_same_session() -> None:
    assert Stage().live(0, "a").live(60, "b").story == ["start a 0"]


def test_after_more_than_an_hour_without_answer_an_absent_session_is_over() -> None:
    assert Stage().live(0, "a").offline(61).story == ["start a 0", "end a 61"]


def test_after_any_time_without_answer_the_own_id_goes_on() -> None:
    assert Stage().live(0, "a").live(600, "a").story == ["start a 0"]


def test_a_source_that_answers_offline_is_not_silent() -> None:
    stage = Stage().offline(0).live(50, "a").offline(100)
    assert stage.session("a").gone_at == NOON + 100 * MINUTE


# --- Days ---------------------------------------------------------------------------------------------------

KARACHI = ZoneInfo("Asia/Karachi")  # midnight there is 19:00 in UTC, 420 minutes after noon


def test_a_number_has_one_session_a_calendar_day_in_the_zone_of_its_watch() -> None:
    stage = Stage(daily=True, zone=KARACHI).live(0, "n").live(419, "n").live(420, "n").live(421, "n")
    assert stage.story == ["start n 0", "end n 420", "start n 420"]
    assert [session.tally.airtime for session in stage.track.sessions] == [419 * MINUTE, MINUTE]


def test_the_day_in_utc_does_not_matter_elsewhere() -> None:
    stage = Stage(daily=True, zone=KARACHI).live(700, "n").live(719, "n").live(720, "n")
    assert stage.story == ["start n 700"]


def test_a_day_of_a_number_ends_without_grace_at_the_first_answer_of_the_next_day() -> None:
    stage = Stage(daily=True).live(0, "n").live(3000, "n")
    assert stage.story == ["start n 0", "end n 3000", "start n 3000"]


def test_a_new_day_starts_with_figures_of_its_own() -> None:
    stage = Stage(daily=True)
    for at, figure in ((0, 100), (1, 100), (720, 5), (721, 5)):
        stage.live(at, "n", concurrent=figure)
    assert stage.rises(Metric.CONCURRENT) == [(None, 100), (None, 5)]
    assert [session.tally.peak for session in stage.track.sessions] == [100, 5]


def test_what_is_suspect_when_its_day_ends_is_left_out() -> None:
    stage = Stage(daily=True)
    for at, figure in ((0, 100), (1, 100), (2, 9000), (720, 9000), (721, 9000)):
        stage.live(at, "n", concurrent=figure)
    assert [session.tally.peak for session in stage.track.sessions] == [100, 9000]


def test_a_number_that_changes_its_id_within_a_day_stays_that_days_session() -> None:
    assert Stage(daily=True).live(0, "n").live(1, "m").sessions == [["n", "m"]]


def test_a_number_that_is_told_under_two_ids_at_once_is_one_session_of_the_day() -> None:
    assert Stage(daily=True).live(0, "n", "m").live(1, "n", "m").story == ["start n 0"]


def test_a_number_that_changes_its_id_within_a_day_has_no_gap() -> None:
    stage = Stage(daily=True).live(0, "n").live(1, "m").live(2, "m")
    assert stage.session("m").tally.covered == 2 * MINUTE


def test_a_number_that_changes_its_id_over_midnight_gets_a_session_of_the_new_day() -> None:
    stage = Stage(daily=True).live(719, "n").live(720, "m").live(721, "m")
    assert stage.story == ["start n 719", "end n 720", "start m 720"]


def test_a_broadcast_over_midnight_stays_one_session() -> None:
    stage = Stage()
    for hour in range(24):
        stage.live(hour * 60, "a")
    assert stage.story == ["start a 0"]


def test_a_broadcast_of_26_hours_that_ends_before_the_next_midnight_stays_one_session() -> None:
    stage = Stage()
    for hour in range(27):
        stage.live(hour * 60, "a")
    assert stage.story == ["start a 0"]


def test_a_stream_is_cut_at_the_first_midnight_after_24_hours_on_the_air_and_then_at_each() -> None:
    stage = Stage(interval=HOUR)
    for hour in range(90):
        stage.live(hour * 60, "a")
    assert stage.story == [
        "start a 0",
        f"end a {36 * 60}",
        f"start a {36 * 60}",
        f"end a {60 * 60}",
        f"start a {60 * 60}",
        f"end a {84 * 60}",
        f"start a {84 * 60}",
    ]


def test_a_midnight_that_comes_before_24_hours_does_not_cut_even_if_it_is_seen_after_them() -> None:
    # On the air since 00:10; the next midnight is 10 minutes short of 24 hours, and nobody could look.
    stage = Stage().live(-710, "a").live(715, "a").live(735, "a")
    assert stage.story == ["start a -710"]


def test_a_cut_does_not_need_the_answer_of_midnight_itself() -> None:
    stage = Stage(interval=HOUR)
    for hour in (*range(36), 37, 38):
        stage.live(hour * 60, "a")
    assert stage.story == ["start a 0", f"end a {37 * 60}", f"start a {37 * 60}"]


def test_a_stream_that_is_gone_at_midnight_is_not_cut_but_has_its_grace() -> None:
    stage = Stage(interval=HOUR)
    for hour in range(36):
        stage.live(hour * 60, "a")
    minute = 36 * 60
    assert stage.offline(minute, minute + 4).story == ["start a 0"]
    assert stage.offline(minute + 5).story == ["start a 0", f"end a {minute + 5}"]


def test_a_stream_over_a_day_that_reconnects_under_a_new_id_after_midnight_is_cut_too() -> None:
    stage = Stage(interval=HOUR)
    for hour in range(36):
        stage.live(hour * 60, "a")
    minute = 36 * 60
    stage.live(minute, "b").live(minute + 1, "b")
    assert stage.story == ["start a 0", f"end a {minute}", f"start b {minute}"]


def test_an_id_that_the_session_of_a_later_day_took_over_says_nothing_of_the_former_day() -> None:
    stage = Stage(interval=HOUR).live(0, "old").live(60, "new")
    for hour in range(2, 38):
        stage.live(hour * 60, "new")  # cut at the second midnight, hour 36
    stage.live(38 * 60, "old", "new").live(39 * 60, "old", "new")
    assert stage.story == ["start old 0", "end old 2160", "start new 2160"]
    assert stage.session("old").tally.last_at == NOON + 39 * HOUR


@pytest.mark.parametrize(
    ("zone", "night"),
    [
        ("Europe/Berlin", datetime(2026, 3, 29, 22, tzinfo=UTC)),
        ("Europe/Berlin", datetime(2026, 10, 25, 23, tzinfo=UTC)),
    ],
)
def test_days_follow_the_clock_of_the_zone_where_it_is_put_forward_and_back(zone: str, night: datetime) -> None:
    midnight = (round(night.timestamp() * SECOND) - NOON) / MINUTE
    stage = Stage(daily=True, zone=ZoneInfo(zone)).live(midnight - 60, "n").live(midnight - 1, "n")
    assert len(stage.story) == 1
    stage.live(midnight, "n")
    assert len(stage.story) == 3


# --- Cumulative figures -------------------------------------------------------------------------------------


@pytest.mark.parametrize("metric", ["tuned_in", "views", "posts"])
def test_a_cumulative_figure_is_its_last_known_value(metric: str) -> None:
    stage = Stage().hear(0, said("a", State.LIVE, **{metric: 5})).hear(1, said("a", State.LIVE, **{metric: 9}))
    stage.live(2, "a")
    assert getattr(stage.session("a").tally, metric) == 9


@pytest.mark.parametrize("metric", ["tuned_in", "views", "posts"])
def test_a_fall_of_a_cumulative_figure_is_kept_and_never_taken_as_a_new_start(metric: str) -> None:
    stage = Stage()
    for at, figure in enumerate((100, 40, 60, 110)):
        stage.hear(at, said("a", State.LIVE, **{metric: figure}))
    assert getattr(stage.session("a").tally, metric) == 110
    assert stage.rises(Metric(metric)) == [(None, 100), (100, 110)]
    assert stage.story == ["start a 0"]
    stage.hear(9, said("a", State.LIVE, **{metric: 3}))
    assert getattr(stage.session("a").tally, metric) == 3


def test_cumulative_figures_are_not_held_against_the_bounds_of_at_once_figures() -> None:
    stage = Stage().hear(0, said("a", State.LIVE, tuned_in=1)).hear(1, said("a", State.LIVE, tuned_in=90_000))
    assert stage.rises(Metric.TUNED_IN) == [(None, 1), (1, 90_000)]


def test_what_still_grows_after_the_end_is_stored_and_never_fires() -> None:
    stage = Stage().hear(0, said("a", State.LIVE, tuned_in=10)).offline(1, 6)
    rises = stage.rises(Metric.TUNED_IN)
    stage.hear(7, said("a", State.ENDED, tuned_in=5000, concurrent=7000))
    assert stage.session("a").tally.tuned_in == 5000
    assert stage.rises(Metric.TUNED_IN) == rises
    assert stage.session("a").tally.peak is None
    assert stage.story == ["start a 0", "end a 6"]


def test_the_figures_of_an_ended_answer_are_not_on_the_air() -> None:
    stage = Stage().live(0, "a").live(1, "a").hear(2, said("a", State.ENDED, concurrent=9))
    assert (stage.session("a").tally.airtime, stage.session("a").tally.readings) == (MINUTE, 2)


def test_a_sources_own_peak_is_kept_apart_and_never_in_the_mark() -> None:
    stage = Stage()
    for at in (0, 1):
        stage.hear(at, Reading(session="a", concurrent=10, source_peak=5000))
    assert (stage.session("a").tally.source_peak, stage.session("a").tally.peak) == (5000, 10)
    assert stage.rises(Metric.CONCURRENT) == [(None, 10)]


# --- Marks --------------------------------------------------------------------------------------------------


def test_a_mark_rises_with_confirmed_readings_only() -> None:
    stage = Stage()
    for at, figure in enumerate((100, 100, 9000, 100, 120)):
        stage.live(at, "a", concurrent=figure)
    assert stage.rises(Metric.CONCURRENT) == [(None, 100), (100, 120)]


def test_a_mark_that_was_suspect_rises_with_the_reading_that_bears_it_out() -> None:
    stage = Stage()
    for at, figure in enumerate((10, 10, 100, 90)):
        stage.live(at, "a", concurrent=figure)
    (rise,) = [c for c in stage.changes if isinstance(c, Rose) and c.before == 10]
    assert (rise.after, rise.at) == (100, NOON + 3 * MINUTE)


def test_a_mark_that_is_seen_after_a_silence_is_late() -> None:
    stage = Stage().live(0, "a").live(1, "a").live(4, "a", concurrent=200).live(8, "a", concurrent=300)
    assert [c.late for c in stage.changes if isinstance(c, Rose)] == [False, False, True]


# --- Rows ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "second",
    [
        (said("b", State.LIVE, concurrent=7),),  # a reconnect under a new id
        (said("a", State.ENDED, tuned_in=7),),
        (said("a", State.ENDED, tuned_in=7), said("b", State.LIVE, concurrent=7)),
    ],
)
def test_every_reading_is_kept_for_there_is_one_row_a_session_and_moment(
    second: tuple[Reading, ...],
) -> None:
    # Rows are keyed by session and moment, and a second one of the same is dropped by the store.
    stage = Stage().live(0, "a").hear(1, *second)
    rows = [(id(sample.session), sample.at) for sample in stage.samples]
    assert len(rows) == len(set(rows))
    assert stage.samples[-1].reading is second[-1]


def test_the_moment_that_a_session_was_gone_is_kept() -> None:
    stage = Stage().live(0, "a").offline(1)
    assert [(sample.at - NOON, sample.reading is None) for sample in stage.samples] == [
        (0, False),
        (MINUTE, True),
    ]


# --- Any stream of answers ----------------------------------------------------------------------------------

answers = st.lists(
    st.tuples(
        st.sampled_from([0.5, 1, 1, 1, 2, 5, 5.1, 61, 800]),
        st.lists(
            st.builds(
                Reading,
                session=st.sampled_from("abc"),
                state=st.sampled_from([State.LIVE] * 6 + [State.ENDED, State.SCHEDULED]),
                concurrent=st.one_of(st.none(), st.integers(0, 2000)),
                tuned_in=st.one_of(st.none(), st.integers(0, 2000)),
            ),
            max_size=3,
            unique_by=lambda reading: reading.session,
        ),
    ),
    max_size=40,
)


def heard(readings: list[Reading], *, daily: bool) -> list[Reading]:
    """Leave what can be said of a number: one reading, and always live."""
    return [one for one in readings if one.state is State.LIVE][:1] if daily else readings


@given(answers, st.booleans())
def test_whatever_comes_a_session_starts_once_and_ends_only_while_it_is_on(
    stream: list[tuple[float, list[Reading]]], daily: bool
) -> None:
    stage, at = Stage(daily=daily), 0.0
    for gap, readings in stream:
        at += gap
        stage.hear(at, *heard(readings, daily=daily))
    for session in stage.track.sessions:
        own = [c for c in stage.changes if c.session is session]
        starts = [c for c in own if isinstance(c, Started)]
        assert len(starts) == (session.tally.first_at is not None)
        assert not own or isinstance(own[0], Started)
        assert sum(isinstance(c, Ended) for c in own) == session.ends
        assert session.is_live or session.tally.first_at is None or session.ends


@given(answers, st.booleans())
def test_whatever_comes_marks_only_rise(stream: list[tuple[float, list[Reading]]], daily: bool) -> None:
    stage, at = Stage(daily=daily), 0.0
    for gap, readings in stream:
        at += gap
        stage.hear(at, *heard(readings, daily=daily))
    for session in stage.track.sessions:
        for metric in Metric:
            rises = [
                c for c in stage.changes if isinstance(c, Rose) and (c.session, c.metric) == (session, metric)
            ]
            after = [rise.after for rise in rises]
            assert [rise.before for rise in rises] == [None, *after][: len(after)]
            assert after == sorted(set(after))


@given(answers, st.booleans())
def test_whatever_comes_every_live_reading_belongs_to_one_session_that_is_on(
    stream: list[tuple[float, list[Reading]]], daily: bool
) -> None:
    stage, at = Stage(daily=daily), 0.0
    for gap, readings in stream:
        at += gap
        stage.hear(at, *heard(readings, daily=daily))
        for reading in heard(readings, daily=daily):
            if reading.state is State.LIVE:
                session = stage.session(reading.session)
                assert session.is_live
                assert session.gone_at is None
                assert session.tally.last_at == round(NOON + at * MINUTE)
        ids = [key for session in stage.track.sessions if session.is_live for key in session.keys]
        assert len(ids) == len(set(ids))


@given(answers)
def test_whatever_comes_nobody_is_gone_longer_than_the_grace_and_a_poll(
    stream: list[tuple[float, list[Reading]]],
) -> None:
    stage, at = Stage(), 0.0
    for gap, readings in stream:
        at += gap
        stage.hear(at, *readings)
        for session in stage.track.sessions:
            if session.gone_at is not None and session.state is not State.ENDED:
                assert NOON + at * MINUTE - session.gone_at < DEFAULT_GRACE


def test_when_it_is_due_is_not_when_it_began() -> None:
    track, rules = Track(1), Rules(interval=60_000, grace=300_000, zone=ZoneInfo("UTC"))
    announced = Reading(session="a", state=State.SCHEDULED, started_at=1_000_000)
    advance(track, Answer(at=0, readings=(announced,)), rules)
    assert track.sessions[0].started_at == 1_000_000
    advance(track, Answer(at=60_000, readings=(replace(announced, started_at=2_000_000),)), rules)
    assert track.sessions[0].started_at == 2_000_000
    advance(track, Answer(at=120_000, readings=(Reading(session="a", concurrent=5),)), rules)
    assert track.sessions[0].started_at is None
    advance(track, Answer(at=180_000, readings=(Reading(session="a", concurrent=5, started_at=110_000),)), rules)
    assert track.sessions[0].started_at is None  # it is not told again
