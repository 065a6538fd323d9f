"""Days as people type them among other words."""

from __future__ import annotations

from datetime import date

import pytest

from handlers.dates import NoSuchDay, WhichDay, take_day

TODAY = date(2026, 11, 22)


@pytest.mark.parametrize(
    ("typed", "day", "rest"),
    [
        ("44k Somebody on 1 May 2024", "2024-05-01", "44k Somebody"),
        ("1st of May, 2024 Somebody", "2024-05-01", "Somebody"),
        ("May 1, 2024 Somebody", "2024-05-01", "Somebody"),
        ("Sept. 3rd 2024", "2024-09-03", ""),
        ("2024-05-01", "2024-05-01", ""),
        ("2024/5/1", "2024-05-01", ""),
        ("1.5.2024", "2024-05-01", ""),
        ("Somebody 13/5/2024", "2024-05-13", "Somebody"),
        ("Somebody 5/13/2024", "2024-05-13", "Somebody"),
        ("5/5/2024", "2024-05-05", ""),
        ("in May 2024", "2024-05", ""),
        ("2024-05", "2024-05", ""),
        ("Somebody in 2022", "2022", "Somebody"),
        ("Somebody 2022", "2022", "Somebody"),
        ("yesterday Somebody", "2026-11-21", "Somebody"),
        ("am 1. Mai 2024", "2024-05-01", "am"),
        ("1 de mayo de 2024", "2024-05-01", ""),
        ("Space 2000 on 2 May 2024", "2024-05-02", "Space 2000"),
        ("12 May 2024 1,000", "2024-05-12", "1,000"),
    ],
)
def test_a_day_is_found_in_any_common_spelling_and_the_rest_is_left(typed: str, day: str, rest: str) -> None:
    found = take_day(typed.split(), language="en", today=TODAY)
    assert found is not None
    assert (found.day, " ".join(found.rest)) == (day, rest)


@pytest.mark.parametrize("typed", ["", "44,000 peak Somebody on x", "May Day Parade", "Room 12.5", "1 2 3"])
def test_where_there_is_none_none_is_made_up(typed: str) -> None:
    assert take_day(typed.split(), language="en", today=TODAY) is None


@pytest.mark.parametrize(
    "typed", ["31 February 2024", "2024-02-30", "32.1.2024", "2024-13-01", "1 May 2027", "in 2031"]
)
def test_a_day_that_cannot_be_is_refused(typed: str) -> None:
    with pytest.raises(NoSuchDay):
        take_day(typed.split(), language="en", today=TODAY)


def test_what_may_be_two_days_is_asked_back() -> None:
    with pytest.raises(WhichDay) as which:
        take_day(["1/5/2024"], language="en", today=TODAY)
    assert which.value.days == ("2024-05-01", "2024-01-05")
