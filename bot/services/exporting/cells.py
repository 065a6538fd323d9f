"""How a value is written in a file, and read again: in the cells of CSV, and in JSON.

Text that a spreadsheet would run as a formula gets an apostrophe in front (https://owasp.org/www-community/attacks/CSV_Injection);
text that begins with an apostrophe gets one more, so that nothing is lost. What is unknown is an empty cell, and a
text without letters is a lone apostrophe.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from math import inf
from typing import Any

from bot.domain import LARGEST_FIGURE, MINUTE, SECOND
from bot.domain.outside import whole
from bot.domain.reading import plain
from storage.sheets import Column, Kind

#: What turns a cell into a formula; and our own sign, which says that the rest is text.
GUARD = "'"
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", GUARD)
#: Counts are kept in 32 bits, moments in what counts in ones.
LARGEST_COUNT = 2**31 - 1
LARGEST_SPAN = 2**53

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


class Unfit(ValueError):
    """A value that its column cannot hold; the message says why."""


def moment_text(ms: int) -> str:
    """Write a moment: 2026-05-03T10:00:00.000Z."""
    minutes, rest = divmod(ms, MINUTE)
    return f"{_minute_text(minutes)}:{rest // SECOND:02}.{rest % SECOND:03}Z"


@lru_cache(maxsize=1024)
def _minute_text(minutes: int) -> str:
    """Write a minute; readings that lie together share it."""
    return datetime.fromtimestamp(minutes * 60, UTC).isoformat()[:16]


def moment_of(text: str) -> int:
    """Read a moment, which must say its distance from UTC.

    Raises:
        Unfit: It is none.
    """
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise Unfit(f"{text[:40]!r} is not a moment like 2026-05-03T10:00:00Z") from None
    if at.tzinfo is None:
        raise Unfit(f"{text[:40]!r} does not say its zone: end it with Z for UTC")
    return (at - _EPOCH) // _MILLISECOND


def cell_writer(kind: Kind) -> Callable[[Any], str]:
    """Return what writes values of a column into cells."""
    return {Kind.TEXT: _text_cell, Kind.TEXTS: _texts_cell, Kind.MOMENT: _moment_cell, Kind.FLAG: _flag_cell}.get(
        kind, _number_cell
    )


def _text_cell(value: Any) -> str:
    if value is None:
        return ""
    return GUARD + value if not value or value.startswith(FORMULA) else str(value)


def _texts_cell(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _moment_cell(value: Any) -> str:
    return "" if value is None else moment_text(value)


def _flag_cell(value: Any) -> str:
    return "true" if value else "false"


def _number_cell(value: Any) -> str:
    return "" if value is None else repr(value)


def json_value(kind: Kind, value: Any) -> Any:
    """Return what stands for a value in JSON."""
    return moment_text(value) if kind is Kind.MOMENT and value is not None else value


def cell_reader(column: Column) -> Callable[[str], Any]:
    """Return what reads the cells of a column; it raises ``Unfit`` where the column cannot hold one."""
    parse, read = _PARSERS.get(column.kind, _parsed), json_reader(column)

    def of_cell(text: str) -> Any:
        if not text:
            return read(None)
        try:
            value = parse(text)
        except (ValueError, RecursionError):
            raise Unfit(f"“{column.name}” is {text[:40]!r}") from None
        return read(value)

    return of_cell


def _parsed(text: str) -> Any:
    return int(text) if text.isascii() and text.isdigit() else json.loads(text)


def _unguarded(text: str) -> str:
    return text.removeprefix(GUARD)


def _flag_of(text: str) -> object:
    return {"true": True, "false": False}.get(text.lower(), text)


_PARSERS: dict[Kind, Callable[[str], Any]] = {Kind.TEXT: _unguarded, Kind.MOMENT: str, Kind.FLAG: _flag_of}


def json_reader(column: Column) -> Callable[[Any], Any]:
    """Return what reads the JSON values of a column; it raises ``Unfit`` where the column cannot hold one."""
    read, needed, name = _READERS[column.kind], column.needed, column.name

    def of_json(value: Any) -> Any:
        if value is None:
            if needed:
                raise Unfit(f"“{name}” is missing")
            return None
        try:
            return read(value)
        except Unfit as error:
            raise Unfit(f"“{name}”: {error}") from None

    return of_json


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise Unfit(f"{_shown(value)} is not text")
    return whole(value)


def _texts(value: Any) -> list[str]:
    if not isinstance(value, list):
        raise Unfit(f"{_shown(value)} is not a list of texts")
    return [_text(one) for one in value]


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < inf:
        raise Unfit(f"{_shown(value)} is not a number of 0 or more")
    return float(value)


def _figure(value: Any) -> float:
    number = _number(value)
    if number > LARGEST_FIGURE:
        raise Unfit(f"{_shown(value)} is more than people can be counted")
    return plain(number)


def _count(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= LARGEST_SPAN:
        raise Unfit(f"{_shown(value)} is not a whole number of 0 or more")
    return value


def _moment(value: Any) -> int:
    return moment_of(_text(value))


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise Unfit(f"{_shown(value)} is neither true nor false")
    return value


def _shown(value: Any) -> str:
    return repr(value)[:40]


_READERS: dict[Kind, Callable[[Any], Any]] = {
    Kind.TEXT: _text,
    Kind.TEXTS: _texts,
    Kind.NUMBER: _number,
    Kind.FIGURE: _figure,
    Kind.COUNT: _count,
    Kind.MOMENT: _moment,
    Kind.FLAG: _flag,
}
