"""Days among other words: ``on 1 May 2024``, ``May 1st, 2024``, ``1.5.2024``, ``2024-05-01``, ``in 2022``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

from babel import Locale, UnknownLocaleError

#: The most words that a day has: 1 de mayo de 2024.
_LONGEST = 5
_LEADS = {"on", "in", "at", "from", "of", "since"}
_NUMBERS = re.compile(r"(\d{4})[-/.](\d{1,2})(?:[-/.](\d{1,2}))?")
_DAY_LAST = re.compile(r"(\d{1,2})([-/.])(\d{1,2})\2(\d{4})\.?")
_DAY_FIRST = re.compile(r"(\d{1,2})(?:st|nd|rd|th|\.|er|º)?(?: of| de)? ([^\W\d_]+)\.?(?: de)? (\d{4})")
_MONTH_FIRST = re.compile(r"([^\W\d_]+)\.? (\d{1,2})(?:st|nd|rd|th)? (\d{4})")
_MONTH_ONLY = re.compile(r"([^\W\d_]+)\.? (\d{4})")
_YEAR = re.compile(r"(?:19|20)\d{2}")
#: People type in more languages than the bot speaks.
_OTHERS = ("de", "fr", "es", "pt", "it", "nl", "pl", "tr", "id", "ru", "ar", "hi", "ur")
_DAYS_AGO = {"today": 0, "yesterday": 1}


class NoSuchDay(Exception):
    """There is no such day, or it is still to come."""


class WhichDay(Exception):
    """It may be two days; ``days`` are these."""

    def __init__(self, days: Sequence[str]) -> None:
        super().__init__(" / ".join(days))
        self.days = tuple(days)


@dataclass(frozen=True, slots=True)
class Found:
    """A day among words.

    Attributes:
        day: ``2024-05-01``, or ``2024-05`` or ``2024`` where no more was said.
        rest: The other words.
    """

    day: str
    rest: list[str]


def take_day(typed: Sequence[str], *, language: str, today: date) -> Found | None:
    """Take the day out of what was typed; a bare year only behind "in", or where there is nothing better.

    Args:
        language: Whose names of months count before those of others.

    Raises:
        NoSuchDay, WhichDay: It cannot be meant, or may be two.
    """
    for length in range(_LONGEST, 0, -1):
        for start in range(len(typed) - length + 1):
            text = " ".join(word.strip(",") for word in typed[start : start + length]).casefold()
            day = _read(text, language=language, today=today)
            if day is not None:
                return Found(day, _without(typed, start, start + length))
    year = next((n for n, word in enumerate(typed) if _YEAR.fullmatch(word) and n and typed[n - 1] == "in"), None)
    if year is None:
        year = next((n for n in range(len(typed) - 1, -1, -1) if _YEAR.fullmatch(typed[n])), None)
    if year is None:
        return None
    if int(typed[year]) > today.year:
        raise NoSuchDay(typed[year])
    return Found(typed[year], _without(typed, year, year + 1))


def _without(typed: Sequence[str], start: int, end: int) -> list[str]:
    """Return the other words, without the "on" in front of the day."""
    if start and typed[start - 1].casefold() in _LEADS:
        start -= 1
    return [*typed[:start], *typed[end:]]


def _read(text: str, *, language: str, today: date) -> str | None:
    if text in _DAYS_AGO:
        return (today - timedelta(days=_DAYS_AGO[text])).isoformat()
    months = _months(language)
    if match := _NUMBERS.fullmatch(text):
        return _day(match[1], match[2], match[3], text=text, today=today)
    if match := _DAY_LAST.fullmatch(text):
        return _either(match[1], match[3], match[4], dotted=match[2] == ".", text=text, today=today)
    if (match := _DAY_FIRST.fullmatch(text)) and match[2] in months:
        return _day(match[3], months[match[2]], match[1], text=text, today=today)
    if (match := _MONTH_FIRST.fullmatch(text)) and match[1] in months:
        return _day(match[3], months[match[1]], match[2], text=text, today=today)
    if (match := _MONTH_ONLY.fullmatch(text)) and match[1] in months:
        return _day(match[2], months[match[1]], None, text=text, today=today)
    return None


def _either(one: str, other: str, year: str, *, dotted: bool, text: str, today: date) -> str:
    """Read 13/5/2024 or 5/13/2024; with dots the day always comes first."""
    if dotted or int(one) > 12 or one == other:
        return _day(year, other, one, text=text, today=today)
    if int(other) > 12:
        return _day(year, one, other, text=text, today=today)
    raise WhichDay([f"{year}-{int(other):02}-{int(one):02}", f"{year}-{int(one):02}-{int(other):02}"])


def _day(year: str, month: str | int, day: str | None, *, text: str, today: date) -> str:
    try:
        first = date(int(year), int(month), int(day or 1))
    except ValueError:
        raise NoSuchDay(text) from None
    if first > today + timedelta(days=1):  # somewhere it is tomorrow already
        raise NoSuchDay(text)
    return first.isoformat() if day else first.isoformat()[: len("2024-05")]


@lru_cache(maxsize=32)
def _months(language: str) -> dict[str, int]:
    """Return the months by their names: a reader's own come first, as the same letters may be two months."""
    found: dict[str, int] = {}
    for name in ("en", language, *_OTHERS):
        try:
            locale = Locale.parse(name.replace("-", "_"))
        except (ValueError, UnknownLocaleError):
            continue
        for form in ("format", "stand-alone"):
            for width in ("wide", "abbreviated"):
                for number, month in locale.months[form][width].items():
                    found.setdefault(month.rstrip(".").casefold(), number)
    found.setdefault("sept", 9)
    return found
