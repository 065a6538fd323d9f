from __future__ import annotations

import pytest

from bot.ports import since as module
from bot.ports.since import MOST, Since


def test_what_came_after_a_post_is_counted_once_in_its_place() -> None:
    since = Since()
    since.wrote("a", 10)
    assert since.after("a", 10) == 0
    for number in (11, 12, 12, 11, 9):
        since.heard("a", number)
    since.heard("b", 13)
    assert since.after("a", 10) == 2
    assert since.after("a", 11) == 1
    assert since.after("a", 12) == 0
    assert since.latest("a") == 12


def test_nothing_is_known_of_what_was_before_it_began() -> None:
    since = Since()
    assert since.latest("a") is None
    assert since.after("a", 5) is None  # which begins it
    since.heard("a", 20)
    assert since.after("a", 5) == 1  # at least
    assert since.after("a", 20) == 0
    assert since.after("a", 30) == 0
    since.wrote("b", 10)
    assert since.after("b", 9) == 1


def test_where_not_all_is_heard_none_is_unknown() -> None:
    since = Since()
    since.wrote("a", 10)
    assert since.after("a", 10, everything=False) is None
    since.heard("a", 11)
    assert since.after("a", 10, everything=False) == 1


def test_after_a_gap_none_is_unknown_until_something_new_is_written() -> None:
    since = Since()
    since.wrote("a", 10)
    since.gap()
    assert since.after("a", 10) is None
    since.heard("a", 15)
    assert since.after("a", 10) == 1
    assert since.after("a", 15) == 0


def test_it_keeps_no_more_than_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_PLACES", 2)
    since = Since()
    for number in range(3 * MOST):
        since.wrote("a", number)
    assert since.after("a", 0) == MOST
    since.wrote("b", 1)
    since.wrote("c", 1)
    assert since.latest("a") is None
    assert since.latest("b") == 1
