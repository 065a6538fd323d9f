"""Section 5, Truth and Alerts: when a value is a record, and among whom."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.alerts.record import Field, Rival, Scope, Standing, standing
from bot.domain.measure import RECORDED, Measure


def rival(value: float, *, booked: bool = False, disputed: bool = False, at_least: bool = False) -> Rival:
    return Rival(
        value=value,
        holder="somebody",
        disputed=disputed,
        at_least=at_least,
        session_id=None if booked else 1,
        entry_id=1 if booked else None,
    )


def field(value: float, *, sessions: int = 1, since: int | None = 5, booked: bool = False) -> Field:
    return Field(best=rival(value, booked=booked), sessions=sessions, since=since)


def scope(found: Standing | None) -> Scope | None:
    return found.scope if found else None


# --- Truth: records -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("value", "is_one"), [(99, False), (100, False), (100.5, True), (101, True)])
def test_a_record_lies_strictly_above_every_rival(value: float, is_one: bool) -> None:
    assert (standing(value, {Scope.WATCH: field(100)}) is not None) is is_one


def test_where_nothing_is_known_a_session_sets_the_baseline() -> None:
    assert standing(1_000_000, {}) is None


def test_a_rival_of_nought_is_known() -> None:
    assert standing(0, {Scope.WATCH: field(0)}) is None
    assert scope(standing(1, {Scope.WATCH: field(0)})) is Scope.WATCH


def test_a_disputed_book_entry_is_a_rival() -> None:
    disputed = Field(best=rival(100, booked=True, disputed=True))
    assert standing(100, {Scope.PLATFORM: disputed}) is None
    found = standing(101, {Scope.PLATFORM: disputed})
    assert found is not None
    assert found.previous.disputed


def test_an_at_least_book_entry_is_a_rival_and_is_named_so() -> None:
    found = standing(101, {Scope.PLATFORM: Field(best=rival(100, booked=True, at_least=True))})
    assert found is not None
    assert found.previous.at_least


def test_with_one_watch_and_an_empty_book_there_is_only_your_best() -> None:
    assert scope(standing(101, {Scope.WATCH: field(100)})) is Scope.WATCH


def test_a_wider_scope_without_a_rival_outside_the_narrower_one_does_not_count() -> None:
    fields = {Scope.WATCH: field(100), Scope.PLATFORM: field(50)}
    assert scope(standing(101, fields)) is Scope.PLATFORM  # and never "among this chat's watches"
    assert scope(standing(101, {Scope.WATCH: field(100), Scope.CHAT: field(50)})) is Scope.CHAT


def test_a_book_entry_alone_makes_a_record_without_any_session_of_ours() -> None:
    found = standing(101, {Scope.PLATFORM: field(100, sessions=0, since=None, booked=True)})
    assert found is not None
    assert (found.scope, found.sessions, found.since) == (Scope.PLATFORM, 0, None)
    assert found.previous.imported


def test_a_record_stands_in_the_widest_scope_broken() -> None:
    fields = {Scope.WATCH: field(100), Scope.CHAT: field(200), Scope.PLATFORM: field(300)}
    assert [scope(standing(value, fields)) for value in (100, 101, 200, 201, 300, 301)] == [
        None, Scope.WATCH, Scope.WATCH, Scope.CHAT, Scope.CHAT, Scope.PLATFORM,
    ]  # fmt: skip


def test_a_wider_scope_holds_all_that_a_narrower_one_holds() -> None:
    # Above everybody else's best, and below its own: no record at all.
    fields = {Scope.WATCH: field(300), Scope.CHAT: field(200), Scope.PLATFORM: field(100)}
    assert standing(250, fields) is None
    fields = {Scope.WATCH: field(100), Scope.CHAT: field(300), Scope.PLATFORM: field(200)}
    assert scope(standing(250, fields)) is Scope.WATCH


def test_the_previous_record_is_the_best_of_all_rivals_of_the_scope() -> None:
    found = standing(500, {Scope.WATCH: field(400), Scope.CHAT: field(200), Scope.PLATFORM: field(300)})
    assert found is not None
    assert found.previous.value == 400
    found = standing(250, {Scope.WATCH: field(100), Scope.CHAT: field(200), Scope.PLATFORM: field(300)})
    assert found is not None
    assert found.previous.value == 200


def test_a_record_reads_of_all_the_sessions_tracked_in_its_scope_since_the_first_of_them() -> None:
    fields = {
        Scope.WATCH: field(100, sessions=3, since=50),
        Scope.CHAT: field(90, sessions=4, since=20),
        Scope.PLATFORM: field(300, sessions=30, since=1),
    }
    found = standing(101, fields)
    assert found is not None
    assert (found.scope, found.sessions, found.since) == (Scope.CHAT, 7, 20)


@pytest.mark.parametrize(("first", "second"), [(None, 20), (20, None), (20, 50), (50, 20)])
def test_a_field_of_book_entries_only_does_not_hide_since_when_sessions_were_tracked(
    first: int | None, second: int | None
) -> None:
    found = standing(9, {Scope.WATCH: field(1, since=first), Scope.CHAT: field(1, since=second)})
    assert found is not None
    assert found.since == 20


def test_a_rival_is_imported_or_a_session_of_ours() -> None:
    assert rival(1, booked=True).imported
    assert not rival(1).imported


def test_records_are_told_peak_first_and_tuned_in_next() -> None:
    assert RECORDED[:2] == (Measure.PEAK, Measure.TUNED_IN)


def test_scopes_widen_from_the_watch_over_the_chat_to_the_platform() -> None:
    assert [one.word for one in sorted(Scope)] == ["watch", "chat", "platform"]


# --- Any rivals ---------------------------------------------------------------------------------------------

values = st.lists(st.integers(0, 30), max_size=4)


@given(st.integers(0, 30), st.fixed_dictionaries(dict.fromkeys(Scope, values)))
def test_any_value_among_any_rivals_is_the_record_that_the_design_names(
    value: int, added: dict[Scope, list[int]]
) -> None:
    fields = {
        one: Field(best=rival(max(rivals)), sessions=len(rivals), since=1 + min(rivals))
        for one, rivals in added.items()
        if rivals
    }
    expected: tuple[Scope, int, int, int] | None = None
    everybody: list[int] = []
    for one in Scope:
        everybody = everybody + added[one]
        if added[one] and value > max(everybody):
            expected = (one, max(everybody), len(everybody), 1 + min(everybody))
    found = standing(value, fields)
    assert (found and (found.scope, found.previous.value, found.sessions, found.since)) == expected


@given(st.lists(st.integers(0, 30), max_size=20), st.fixed_dictionaries(dict.fromkeys(Scope, values)))
def test_as_a_mark_rises_the_scope_only_widens(marks: list[int], added: dict[Scope, list[int]]) -> None:
    fields = {one: field(max(rivals)) for one, rivals in added.items() if rivals}
    scopes = [scope(standing(mark, fields)) or 0 for mark in sorted(marks)]
    assert scopes == sorted(scopes)
