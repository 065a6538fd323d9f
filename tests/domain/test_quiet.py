"""Quiet hours on the clocks of the chat, across daylight saving."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain import DAY, HOUR, MINUTE
from bot.domain.quiet import Mode, Quiet, read

ZONES = (
    "UTC",
    "Asia/Karachi",
    "Asia/Seoul",
    "Asia/Kathmandu",
    "Europe/Madrid",
    "America/New_York",
    "America/Sao_Paulo",
    "America/St_Johns",
    "Australia/Lord_Howe",
    "Africa/Casablanca",
    "Pacific/Auckland",
    "Atlantic/Azores",
)
YEAR = 1_767_225_600_000  # 2026-01-01
MOMENTS = st.integers(YEAR, YEAR + 365 * DAY - 1)
MINUTES = st.integers(0, 24 * 60 - 1)


def ms(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)


def shown(now: int, zone: ZoneInfo) -> int:
    """Return what clocks show, in minutes after midnight."""
    local = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=now)).astimezone(zone)
    return local.hour * 60 + local.minute


def offset(now: int, zone: ZoneInfo) -> timedelta | None:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=now)).astimezone(zone).utcoffset()


@given(now=MOMENTS, zone=st.sampled_from(ZONES), begins=MINUTES, ends=MINUTES)
def test_it_is_quiet_whenever_the_clocks_show_quiet_hours(now: int, zone: str, begins: int, ends: int) -> None:
    if begins == ends:
        return
    there, quiet = ZoneInfo(zone), Quiet(begins=begins, ends=ends)
    minute = shown(now, there)
    inside = begins <= minute < ends if begins < ends else minute >= begins or minute < ends
    until = quiet.until(now, there)
    if inside:
        assert until is not None
    if until is not None:
        # They end, never later than a day and the hour by which clocks are set; and then it is not quiet at once.
        assert now < until <= now + DAY + HOUR
        again = quiet.until(until, there)
        assert again is None or until < again < until + 2 * HOUR
    if not inside and until is not None:  # only an hour that comes twice makes it quiet outside of what is shown
        assert len({offset(now + days * DAY, there) for days in (-1, 0, 1)}) > 1


@pytest.mark.parametrize(
    ("now", "until"),
    [
        ("2026-03-28T22:59:00+01:00", None),
        ("2026-03-28T23:00:00+01:00", "2026-03-29T07:00:00+02:00"),  # a night of seven hours
        ("2026-03-29T06:59:00+02:00", "2026-03-29T07:00:00+02:00"),
        ("2026-03-29T07:00:00+02:00", None),
        ("2026-10-24T23:00:00+02:00", "2026-10-25T07:00:00+01:00"),  # one of nine
    ],
)
def test_a_night_in_madrid_when_clocks_change(now: str, until: str | None) -> None:
    quiet = Quiet(begins=23 * 60, ends=7 * 60)
    assert quiet.until(ms(now), ZoneInfo("Europe/Madrid")) == (None if until is None else ms(until))


@pytest.mark.parametrize(
    ("begins", "ends", "now", "until"),
    [
        # 02:00 to 03:00 is skipped on 29 March, and comes twice on 25 October.
        (22 * 60, 150, "2026-03-29T01:59:00+01:00", "2026-03-29T03:00:00+02:00"),
        (150, 8 * 60, "2026-03-29T03:00:00+02:00", "2026-03-29T08:00:00+02:00"),
        (150, 8 * 60, "2026-03-29T01:59:00+01:00", None),
        (22 * 60, 150, "2026-10-25T02:40:00+02:00", "2026-10-25T02:30:00+01:00"),
        (22 * 60, 150, "2026-10-25T02:30:00+01:00", None),
        (150, 8 * 60, "2026-10-25T02:10:00+01:00", "2026-10-25T08:00:00+01:00"),
    ],
)
def test_hours_that_are_skipped_or_come_twice(begins: int, ends: int, now: str, until: str | None) -> None:
    quiet = Quiet(begins=begins, ends=ends)
    assert quiet.until(ms(now), ZoneInfo("Europe/Madrid")) == (None if until is None else ms(until))


def test_modes_and_hours_are_kept_as_they_are() -> None:
    quiet = Quiet(begins=30, ends=450, usual=Mode.SILENT, modes={"record": Mode.SEND, "started": Mode.DROP})
    kept = read(quiet.text())
    assert kept == quiet
    assert kept is not None
    assert [kept.mode(kind) for kind in ("record", "started", "ended")] == [Mode.SEND, Mode.DROP, Mode.SILENT]
    assert read(None) is None
    assert quiet.until(YEAR + 450 * MINUTE, ZoneInfo("UTC")) is None
