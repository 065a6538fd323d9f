"""Reads a table of old figures: one session a line, in columns that people call by many names.

A line needs a day or a start, and a figure or a length. What is not known stays unknown; what may be read in two
ways is refused, and so is what cannot be true.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time, tzinfo
from typing import NamedTuple
from urllib.parse import urlsplit

from bot.domain import DAY, HOUR, LARGEST_FIGURE, MINUTE, SECOND
from bot.domain.outside import clean
from bot.services.exporting.cells import Unfit
from bot.services.importing import dates
from bot.services.importing.dates import Order, moment, order_of
from bot.services.importing.numbers import Signs, is_unknown, number, signs_of

#: What people call the columns, written as ``_named`` writes it.
NAMES: Mapping[str, tuple[str, ...]] = {
    "date": ("date", "day", "datum", "session_date", "stream_date"),
    "start": ("start", "started", "started_at", "start_time", "begin", "began", "from", "start_date"),
    "end": ("end", "ended", "ended_at", "end_time", "finish", "until", "to"),
    "duration": ("duration", "length", "airtime", "stream_length", "duration_h_m_s"),
    "peak": (
        "peak", "max", "maximum", "peak_viewers", "peak_listeners", "peak_participants", "max_viewers",
        "max_listeners", "peak_concurrent", "peak_concurrent_viewers", "concurrent_peak", "ccv_peak", "peak_ccv",
    ),
    "average": (
        "average", "avg", "mean", "average_viewers", "avg_viewers", "average_listeners", "avg_listeners",
        "average_concurrent", "average_concurrent_viewers", "avg_concurrent", "acv",
    ),
    "tuned_in": ("tuned_in", "tunedin", "total_tuned_in", "people_tuned_in"),
    "views": ("views", "total_views", "view_count"),
    "posts": ("posts", "post_count", "tweets"),
    "title": ("title", "name", "session", "session_title", "stream_title", "space", "topic"),
    "link": ("link", "url", "source_link", "source_url", "href"),
}  # fmt: skip
#: Columns of lengths that name their unit.
_UNITS = {
    "duration_seconds": SECOND, "duration_s": SECOND, "duration_sec": SECOND, "airtime_seconds": SECOND,
    "length_seconds": SECOND, "duration_minutes": MINUTE, "duration_min": MINUTE, "duration_mins": MINUTE,
    "length_minutes": MINUTE, "airtime_minutes": MINUTE, "minutes": MINUTE, "minutes_streamed": MINUTE,
    "duration_hours": HOUR, "duration_h": HOUR, "length_hours": HOUR, "hours": HOUR, "hours_streamed": HOUR,
}  # fmt: skip
_COLUMN = {spelling: column for column, spellings in NAMES.items() for spelling in spellings} | dict.fromkeys(
    _UNITS, "duration"
)
#: Figures, and whether they count people one by one: an average may have a fraction.
FIGURES = {"peak": True, "average": False, "tuned_in": True, "views": True, "posts": True}
_MOMENTS = ("date", "start", "end")
_DELIMITERS = (",", ";", "\t")
LONGEST = 31 * DAY
LONGEST_TITLE = 300
LONGEST_LINK = 2_000
#: Of a session of which only the day is known: noon is the same day nearly everywhere.
NOON = time(12)


class NotATable(Exception):
    """The file is no table of sessions; the message says what is missing."""


class Wrong(NamedTuple):
    """A line that was refused, and why."""

    line: int
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Old:
    """A session as a line tells it.

    Attributes:
        day: Its calendar day, where no time of day is known.
        first_at: When it began; noon of its day, where no time is known.
        length: In milliseconds.
    """

    line: int
    day: date | None
    first_at: int
    length: int | None
    peak: float | None = None
    average: float | None = None
    tuned_in: float | None = None
    views: float | None = None
    posts: float | None = None
    title: str | None = None
    link: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """What a file tells.

    Attributes:
        left_out: Columns of whose names nobody knows what they mean.
    """

    sessions: tuple[Old, ...]
    wrong: tuple[Wrong, ...]
    left_out: tuple[str, ...]


def decoded(raw: bytes) -> str:
    """Return the text of a file: UTF-8, or what Excel calls Unicode text.

    Raises:
        NotATable: It is neither.
    """
    encoding = "utf-16" if raw.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError:
        raise NotATable('The file is not UTF-8. In Excel choose "CSV UTF-8" when you save it.') from None


def read(text: str, *, zone: tzinfo, now: int) -> Table:
    """Read a table of old figures.

    Args:
        zone: Of its days and times.
        now: What lies after it has not happened.

    Raises:
        NotATable: There is no header with a day or a start and with a figure.
    """
    delimiter, header = _header(text)
    columns = [_column(cell) for cell in header]
    twice = [name for name, times in Counter(one for one in columns if one).items() if times > 1]
    if twice:
        raise NotATable(f"Several columns say {twice[0]}: leave one of them.")
    rows = _rows(text, delimiter, columns)
    cells = [row for _, row in rows if isinstance(row, dict)]
    order = order_of(row[name] for row in cells for name in _MOMENTS if name in row)
    signs = signs_of((row[name], whole) for row in cells for name, whole in FIGURES.items() if name in row)
    unit = next((_UNITS[_named(cell)] for cell in header if _named(cell) in _UNITS), None)
    reading = _Reading(zone=zone, now=now, order=order, signs=signs, unit=unit)
    found: list[Old] = []
    wrong: list[Wrong] = []
    lines: dict[str, int] = {}
    for line, row in rows:
        try:
            if isinstance(row, str):
                raise Unfit(row)  # noqa: TRY301 - all that is wrong with a line ends below
            one = reading.session(line, row)
            before = lines.setdefault(key_of(one), line)
            if before != line:
                raise Unfit(f"it is the session of line {before}: give each a title or a time of day")  # noqa: TRY301
            found.append(one)
        except Unfit as error:
            wrong.append(Wrong(line, str(error)))
    left_out = tuple(
        cell.strip() for cell, column in zip(header, columns, strict=True) if column is None and cell.strip()
    )
    return Table(sessions=tuple(found), wrong=tuple(wrong), left_out=left_out)


def key_of(one: Old) -> str:
    """Return by what a session is known again, when its line comes again with other figures."""
    when = one.day.isoformat() if one.day is not None else str(one.first_at)
    return f"import:{when}:{one.title or one.link or ''}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reading:
    """How the cells of one file are read."""

    zone: tzinfo
    now: int
    order: Order
    signs: Signs
    unit: int | None

    def session(self, line: int, row: Mapping[str, str]) -> Old:
        day, first_at, length = self._when(row)
        figures = {name: self._figure(name, row.get(name, "")) for name in FIGURES}
        if length is None and all(value is None for value in figures.values()):
            raise Unfit("it tells no figure and no length")
        _check_figures(figures)
        title = clean(row.get("title", ""), limit=LONGEST_TITLE) or None
        return Old(
            line=line,
            day=day,
            first_at=first_at,
            length=length,
            title=title,
            link=_link(row.get("link", "")),
            **figures,
        )

    def _figure(self, name: str, text: str) -> float | None:
        if is_unknown(text):
            return None
        try:
            value = number(text, self.signs, whole=FIGURES[name])
        except Unfit as error:
            raise Unfit(f"{name}: {error}") from None
        if value > LARGEST_FIGURE:
            raise Unfit(f"{name}: {text.strip()[:40]!r} is more than people can be counted")
        return value

    def _when(self, row: Mapping[str, str]) -> tuple[date | None, int, int | None]:
        """Return the day (if no time is known), the start, and the length."""
        told = {
            name: dates.when(row[name], self.order)
            for name in _MOMENTS
            if name in row and not is_unknown(row[name])
        }
        start = told.get("start") or told.get("date")
        on = told.get("date")
        if start is None:
            raise Unfit("it has neither a date nor a start")
        day = start.day or (on.day if on is not None else None)
        if day is None:
            raise Unfit("it has a time of day, and no day")
        if on is not None and on.day is not None and on.day != day:
            raise Unfit(f"its date is {on.day}, its start {day}")
        clock = start.clock or (on.clock if on is not None else None)
        zone = start.zone or self.zone
        first_at = moment(day, clock or NOON, zone)
        length = self._length(row, told.get("end"), day, first_at if clock is not None else None)
        if (first_at if clock is not None else moment(day, time(0), zone)) > self.now:
            raise Unfit(f"{day} has not come yet")
        return (None if clock is not None else day), first_at, length

    def _length(
        self, row: Mapping[str, str], end: dates.When | None, day: date, first_at: int | None
    ) -> int | None:
        told = row.get("duration", "")
        length = None if is_unknown(told) else dates.length(told, self.unit)
        if end is not None:
            if first_at is None:
                raise Unfit("it has an end, and no time at which it began")
            if end.clock is None:
                raise Unfit("its end has no time of day")
            at = moment(end.day or day, end.clock, end.zone or self.zone)
            if at < first_at and end.day is None:
                at += DAY  # it went on past midnight
            if at < first_at:
                raise Unfit("it ends before it begins")
            if length is not None and abs(at - first_at - length) > MINUTE:
                raise Unfit("its duration is not the time from its start to its end")
            length = at - first_at
        if length is not None and not 0 < length <= LONGEST:
            raise Unfit("its length is nothing, or more than a month")
        return length


def _check_figures(figures: Mapping[str, float | None]) -> None:
    peak, average, tuned_in = figures["peak"], figures["average"], figures["tuned_in"]
    if peak is not None and average is not None and average > peak:
        raise Unfit(f"its average of {average:g} is above its peak of {peak:g}")
    if peak is not None and tuned_in is not None and tuned_in < peak:
        raise Unfit(f"fewer tuned in over all of it ({tuned_in:g}) than were there at once ({peak:g})")


def _link(text: str) -> str | None:
    written = text.strip()
    if is_unknown(written):
        return None
    try:
        parts = urlsplit(written)
        fit = parts.scheme in {"http", "https"} and bool(parts.hostname)
    except ValueError:
        fit = False
    if not fit or len(written) > LONGEST_LINK or any(sign.isspace() for sign in written):
        raise Unfit(f"{written[:40]!r} is not a link like https://example.org/report")
    return written


def _header(text: str) -> tuple[str, list[str]]:
    """Return the sign between cells, and the header: the reading that knows most columns."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    readings = [(one, next(csv.reader([first], delimiter=one), [])) for one in _DELIMITERS]
    delimiter, header = max(readings, key=lambda pair: sum(_column(cell) is not None for cell in pair[1]))
    known = {_column(cell) for cell in header}
    if not known & {"date", "start"}:
        raise NotATable("The first line must name the columns: among them date or start.")
    if not known & {*FIGURES, "duration", "end"}:
        raise NotATable(f"No column is a figure: call one {', '.join(FIGURES)} or duration.")
    return delimiter, header


def _column(cell: str) -> str | None:
    return _COLUMN.get(_named(cell))


def _named(cell: str) -> str:
    """Write a column's name as ``NAMES`` does: "Peak (viewers)" as peak_viewers."""
    return re.sub(r"[^\w]+", "_", cell.strip().casefold()).strip("_")


def _rows(text: str, delimiter: str, columns: Sequence[str | None]) -> list[tuple[int, dict[str, str] | str]]:
    """Return (line, cells by column) of all lines with anything in them; or (line, what is wrong)."""
    found: list[tuple[int, dict[str, str] | str]] = []
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    header = True
    while True:
        try:
            row = next(lines, None)
        except csv.Error as error:
            found.append((lines.line_num, f"it cannot be read: {error}"))
            return found
        if row is None:
            return found
        if not any(cell.strip() for cell in row):
            continue
        if header:
            header = False
        elif len(row) > len(columns) and any(cell.strip() for cell in row[len(columns) :]):
            found.append((lines.line_num, f"it has {len(row)} cells, the header {len(columns)}"))
        else:
            pairs = zip(columns, row, strict=False)
            found.append((lines.line_num, {column: cell for column, cell in pairs if column is not None}))
