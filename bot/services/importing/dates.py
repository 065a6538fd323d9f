"""Days, times and lengths as people and spreadsheets write them. What may be two things is refused."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo

from bot.domain import HOUR, MINUTE, SECOND
from bot.services.exporting.cells import Unfit

_MONTHS = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip
_ALSO = {9: ("sept",)}
_YEAR_FIRST = re.compile(r"(\d{4})([-/.])(\d{1,2})\2(\d{1,2})")
_DOTTED = re.compile(r"(\d{1,2})\.\s?(\d{1,2})\.\s?(\d{4})")
#: Day and month in whichever order.
_EITHER = re.compile(r"(\d{1,2})([/-])(\d{1,2})\2(\d{4})")
_DAY_FIRST = re.compile(r"(\d{1,2})(?:st|nd|rd|th|\.)?[\s-]([a-z]+)\.?,?[\s-](\d{4})")
_MONTH_FIRST = re.compile(r"([a-z]+)\.?\s(\d{1,2})(?:st|nd|rd|th)?,?\s(\d{4})")
_CLOCK = re.compile(
    r"(?:(?P<day>.*?)[\sT,]+)??(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,]\d+)?)?"
    r"\s*(?P<half>[ap]\.?m\.?)?\s*(?P<zone>Z|UTC|GMT|[+-]\d{2}:?\d{2})?",
    re.IGNORECASE,
)
_ZONE = re.compile(r"([+-])(\d{2}):?(\d{2})")
_PARTS = re.compile(
    r"(?:(\d+)\s*(?:h|hrs?|hours?))?\s*(?:(\d+)\s*(?:m|mins?|minutes?))?\s*(?:(\d+)\s*(?:s|secs?|seconds?))?"
)
_LONG_CLOCK = re.compile(r"(\d{1,3}):(\d{2}):(\d{2})(?:[.,]\d+)?")
_SHORT_CLOCK = re.compile(r"\d{1,3}:\d{2}")


@dataclass(frozen=True, slots=True)
class When:
    """What a cell says of a moment.

    Attributes:
        day, clock: None where it says nothing of it.
        zone: The one that it names itself.
    """

    day: date | None
    clock: time | None
    zone: tzinfo | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """Whether days stand before months in a file, as far as its dates leave no doubt."""

    day_first: bool = False
    month_first: bool = False


def order_of(cells: Iterable[str]) -> Order:
    """Return what the dates of a file tell of their order."""
    day_first = month_first = False
    for text in cells:
        if match := _EITHER.match(text.strip()):
            day_first = day_first or int(match[1]) > 12
            month_first = month_first or int(match[3]) > 12
    return Order(day_first, month_first)


def when(text: str, order: Order) -> When:
    """Read a day, a time of day, or both.

    Raises:
        Unfit: It is neither, or may be two days.
    """
    written = " ".join(text.split())
    if match := _CLOCK.fullmatch(written):
        day = None if match["day"] is None else _day(match["day"], order)
        return When(day, _clock(match, text), _zone(match["zone"]))
    return When(_day(written, order), None)


def moment(day: date, clock: time, zone: tzinfo) -> int:
    """Return a moment of a zone in milliseconds; of two that a clock shows, the first.

    Raises:
        Unfit: The clock never showed it, as it was put forward.
    """
    local = datetime.combine(day, clock, tzinfo=zone)
    at = round(local.timestamp() * SECOND)
    if datetime.fromtimestamp(at / SECOND, zone).replace(tzinfo=None) != local.replace(tzinfo=None):
        raise Unfit(f"{day} {clock:%H:%M} did not exist there: clocks were put forward")
    return at


def length(text: str, unit: int | None) -> int:
    """Read a length of time in milliseconds: 2:30:00, 2h 30m, 150 min, or a number where its column has a unit.

    Raises:
        Unfit: It is none, or may be two.
    """
    written = text.strip().casefold()
    if match := _LONG_CLOCK.fullmatch(written):
        return int(match[1]) * HOUR + int(match[2]) * MINUTE + int(match[3]) * SECOND
    if _SHORT_CLOCK.fullmatch(written):
        raise Unfit(f"{text.strip()!r} may be hours and minutes, or minutes and seconds: write {text.strip()}:00")
    if (match := _PARTS.fullmatch(written)) and any(match.groups()):
        hours, minutes, seconds = (int(part or 0) for part in match.groups())
        return hours * HOUR + minutes * MINUTE + seconds * SECOND
    try:
        value = float(written.replace(",", "."))
    except ValueError:
        raise Unfit(f"{text.strip()[:40]!r} is not a length of time like 2:30:00 or 150 min") from None
    if unit is None:
        raise Unfit(
            f"{text.strip()[:40]!r} has no unit: write for example 150 min, or call the column duration_minutes"
        )
    if not 0 <= value < 1e9:
        raise Unfit(f"{text.strip()[:40]!r} is not a length of time")
    return round(value * unit)


def _day(text: str, order: Order) -> date:
    written = text.strip().casefold().removesuffix(",")
    if match := _YEAR_FIRST.fullmatch(written):
        return _made(text, match[1], match[3], match[4])
    if match := _DOTTED.fullmatch(written):
        return _made(text, match[3], match[2], match[1])
    if match := _EITHER.fullmatch(written):
        first, second = int(match[1]), int(match[3])
        if first <= 12 and second <= 12 and first != second and order.day_first == order.month_first:
            raise Unfit(
                f"{text!r} may be two days: write {match[4]}-{match[1]:0>2}-{match[3]:0>2} or the other way round"
            )
        day_first = first > 12 or (second <= 12 and order.day_first)
        day, month = (match[1], match[3]) if day_first else (match[3], match[1])
        return _made(text, match[4], month, day)
    if match := _DAY_FIRST.fullmatch(written):
        return _made(text, match[3], _month(text, match[2]), match[1])
    if match := _MONTH_FIRST.fullmatch(written):
        return _made(text, match[3], _month(text, match[1]), match[2])
    raise Unfit(f"{text[:40]!r} is not a day like 2022-04-20")


def _month(text: str, name: str) -> int:
    known = next((n for n, one in enumerate(_MONTHS, 1) if name in {one[:3], one, *_ALSO.get(n, ())}), None)
    if known is None:
        raise Unfit(f"{text[:40]!r}: there is no month {name!r}")
    return known


def _made(text: str, year: str | int, month: str | int, day: str | int) -> date:
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        raise Unfit(f"{text[:40]!r} is not in the calendar") from None


def _clock(match: re.Match[str], text: str) -> time:
    hour, minute, second = int(match["hour"]), int(match["minute"]), int(match["second"] or 0)
    half = (match["half"] or "").casefold()[:1]
    if half:
        if not 1 <= hour <= 12:
            raise Unfit(f"{text[:40]!r} is not a time of day")
        hour = hour % 12 + (12 if half == "p" else 0)
    try:
        return time(hour, minute, second)
    except ValueError:
        raise Unfit(f"{text[:40]!r} is not a time of day") from None


def _zone(text: str | None) -> tzinfo | None:
    if text is None:
        return None
    match = _ZONE.fullmatch(text)
    if match is None:
        return UTC
    distance = timedelta(hours=int(match[2]), minutes=int(match[3]))
    if distance >= timedelta(days=1):
        raise Unfit(f"{text!r} is no distance from UTC")
    return timezone(distance if match[1] == "+" else -distance)
