"""Days begin when they begin where the reader is, also on the day on which clocks are set."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain import DAY, HOUR, SECOND
from bot.services.periods import PERIODS, began, day


def ms(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * SECOND)


@pytest.mark.parametrize(
    ("text", "zone", "hours"),
    [
        ("2026-03-29", "Europe/Berlin", 23),
        ("2026-10-25", "Europe/Berlin", 25),
        ("2026-05-03", "Asia/Karachi", 24),
        ("2026-04-04", "Australia/Lord_Howe", 24),
        ("2026-04-05", "Australia/Lord_Howe", 24.5),
        ("2018-11-04", "America/Sao_Paulo", 23),  # where there was no midnight
    ],
)
def test_a_day_is_as_long_as_it_is(text: str, zone: str, hours: float) -> None:
    found = day(text, zone=zone)
    assert found is not None
    assert found[1] - found[0] == hours * HOUR
    assert datetime.fromtimestamp(found[0] / SECOND, tz=ZoneInfo(zone)).date().isoformat() == text


@pytest.mark.parametrize("text", ["", "2026-02-30", "2026-5-3", "20260503", "2026-05-03T10", "9999-12-31", "last"])
def test_what_is_no_day_is_none(text: str) -> None:
    assert day(text, zone="UTC") is None


@pytest.mark.parametrize(
    ("period", "expected"),
    [
        ("today", "2026-03-29T00:00:00+01:00"),
        ("week", "2026-03-23T00:00:00+01:00"),
        ("month", "2026-03-01T00:00:00+01:00"),
        ("year", "2026-01-01T00:00:00+01:00"),
        ("all", None),
    ],
)
def test_periods_begin_at_midnight(period: str, expected: str | None) -> None:
    now = ms("2026-03-29T12:00:00+02:00")  # clocks were set this morning
    assert began(period, now=now, zone="Europe/Berlin") == (None if expected is None else ms(expected))


@given(
    now=st.integers(ms("1990-01-01T00:00:00+00:00"), ms("2035-01-01T00:00:00+00:00")),
    zone=st.sampled_from(["UTC", "Asia/Karachi", "Europe/Berlin", "Pacific/Apia", "America/Sao_Paulo", "nowhere"]),
)
def test_longer_periods_begin_no_later_and_all_have_begun(now: int, zone: str) -> None:
    starts = {period: began(period, now=now, zone=zone) for period in PERIODS if period != "all"}
    found = [start for start in starts.values() if start is not None]
    assert len(found) == 4
    assert all(start <= now for start in found)
    assert starts["today"] == max(found)
    assert now - max(found) <= DAY + HOUR
    assert starts["year"] == min(starts["year"] or 0, starts["month"] or 0)
