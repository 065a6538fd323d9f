"""Days and periods of a reader's calendar, as moments."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from bot.domain import SECOND

#: What is asked for, the shortest first; each began with a midnight in the reader's zone.
PERIODS = ("today", "week", "month", "year", "all")


def began(period: str, *, now: int, zone: str) -> int | None:
    """Return when a period began: today, this week (on Monday), this month or this year; None for all time."""
    today = datetime.fromtimestamp(now / SECOND, tz=zone_of(zone)).date()
    match period:
        case "today":
            first = today
        case "week":
            first = today - timedelta(days=today.weekday())
        case "month":
            first = today.replace(day=1)
        case "year":
            first = today.replace(month=1, day=1)
        case _:
            return None
    return _midnight(first, zone)


def day(text: str, *, zone: str) -> tuple[int, int] | None:
    """Return the first moment of a day (2026-05-03) and of the next; None if the text is no day."""
    try:
        found = date.fromisoformat(text) if len(text) == len("2026-05-03") else None
        return None if found is None else (_midnight(found, zone), _midnight(found + timedelta(days=1), zone))
    except (ValueError, OverflowError):
        return None


def _midnight(day_: date, zone: str) -> int:
    """Return when a day begins; where the clock leaves midnight out, that is when it goes on."""
    local = datetime.combine(day_, time(), tzinfo=zone_of(zone))
    return round(local.astimezone(UTC).timestamp()) * SECOND


def zone_of(name: str) -> tzinfo:
    """Return a zone of the tz database; UTC for what is none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC
