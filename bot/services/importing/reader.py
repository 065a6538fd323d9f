"""Reads an export row by row, in either form: see ``bot.services.exporting.files``."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections import Counter
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import IO, Any, NamedTuple
from zipfile import BadZipFile, ZipFile

from bot.services.exporting.cells import Unfit, cell_reader, json_reader
from bot.services.exporting.files import ABOUT, LINES
from storage.sheets import SHEETS, VERSION, Sheet

_ZIP, _GZIP = b"PK\x03\x04", b"\x1f\x8b"
_BY_NAME = {one.name: one for one in SHEETS}
_JSON = {one.name: [(column.name, json_reader(column)) for column in one.columns] for one in SHEETS}
#: A line of ours is far shorter; what is longer is something else.
LONGEST_LINE = 10_000_000


class Unreadable(Exception):
    """The file is not an export, or is cut off; the message says what is wrong."""


class Entry(NamedTuple):
    """One row of an export, or why it is none.

    Attributes:
        where: Its place in the file, for people.
        values: In the order of the sheet's columns.
        wrong: What is wrong with it; then there are no values.
    """

    where: str
    sheet: Sheet
    values: tuple[Any, ...]
    wrong: str | None = None


def is_export(path: Path) -> bool:
    """Tell whether a file looks like an export rather than a table of old figures.

    Raises:
        OSError: It cannot be read.
    """
    with path.open("rb") as file:
        begin = file.read(256)
    return begin.startswith((_ZIP, _GZIP)) or b'"row":"milepost"' in begin.replace(b" ", b"")


def entries(path: Path) -> Generator[Entry, None, None]:
    """Yield the rows of an export, each sheet before those that name its rows.

    Raises:
        Unreadable: It is none, is of a newer version, or is cut off.
        OSError: It cannot be read.
    """
    try:
        with path.open("rb") as file:
            begin = file.read(4)
            file.seek(0)
            if begin.startswith(_ZIP):
                yield from _zip(file)
            elif begin.startswith(_GZIP):
                with gzip.GzipFile(fileobj=file) as unpacked:
                    yield from _lines(unpacked)
            else:
                yield from _lines(file)
    except (BadZipFile, EOFError, gzip.BadGzipFile) as error:
        raise Unreadable(f"{path.name} is damaged or cut off: {error}.") from error
    except UnicodeDecodeError as error:
        raise Unreadable(f"{path.name} is not UTF-8.") from error


def _zip(file: IO[bytes]) -> Iterator[Entry]:
    with ZipFile(file) as packed:
        names = set(packed.namelist())
        if LINES in names:
            with packed.open(LINES) as lines:
                yield from _lines(lines)
            return
        if ABOUT not in names or not {"watches.csv", "sessions.csv"} <= names:
            raise Unreadable("This zip is no export: it holds no about.txt, watches.csv and sessions.csv.")
        with packed.open(ABOUT) as about:
            _check_version(about.readline().decode(errors="replace"))
        for sheet in SHEETS:
            name = f"{sheet.file}.csv"
            if name in names:
                with packed.open(name) as entry:
                    yield from _csv(name, sheet, entry)


def _check_version(line: str) -> None:
    word = line.partition("version ")[2].partition(",")[0].strip()
    if not word.isdigit():
        raise Unreadable(f"{ABOUT} does not say which version of the export this is.")
    _known(int(word))


def _known(version: object) -> None:
    if not isinstance(version, int) or version < 1:
        raise Unreadable("The file does not say which version of the export it is.")
    if version > VERSION:
        raise Unreadable(f"The file is of version {version}; this program reads up to {VERSION}. Use a newer one.")


def _csv(name: str, sheet: Sheet, entry: IO[bytes]) -> Iterator[Entry]:
    lines = csv.reader(io.TextIOWrapper(entry, encoding="utf-8-sig", newline=""))
    header = next(lines, None)
    if header is None:
        raise Unreadable(f"{name} has no header.")
    missing = [column.name for column in sheet.columns if column.needed and column.name not in header]
    if missing:
        raise Unreadable(f"{name} lacks {', '.join(missing)}.")
    width = len(header)
    header = [*header, *(column.name for column in sheet.columns if column.name not in header)]
    places = [(cell_reader(column), header.index(column.name)) for column in sheet.columns]
    while True:
        try:
            row = next(lines, None)
        except csv.Error as error:
            raise Unreadable(f"{name}, line {lines.line_num}: {error}.") from error
        if row is None:
            return
        where = f"{name}, line {lines.line_num}"
        if len(row) != width:
            yield Entry(where, sheet, (), f"it has {len(row)} cells, the header {width}")
            continue
        row += [""] * (len(header) - width)
        try:
            values = tuple([read(row[place]) for read, place in places])
        except Unfit as error:
            yield Entry(where, sheet, (), str(error))
        else:
            yield Entry(where, sheet, values)


def _lines(file: IO[bytes] | gzip.GzipFile) -> Iterator[Entry]:
    counts: Counter[str] = Counter()
    number = 0
    whole = False
    while line := file.readline(LONGEST_LINE):
        number += 1
        if not line.strip():
            continue
        try:
            told = json.loads(line)
        except (ValueError, RecursionError):
            told = None
        if not isinstance(told, dict):
            raise Unreadable(f"Line {number} is not a JSON object: the file is damaged or cut off.")
        kind = told.get("row")
        if number == 1:
            if kind != "milepost":
                raise Unreadable('The first line is not {"row": "milepost", "version": 1, ...}.')
            _known(told.get("version"))
        elif kind == "end":
            whole = True
            for sheet in SHEETS:
                if told.get(sheet.name, 0) != counts[sheet.name]:
                    raise Unreadable(
                        f"The file should have {told.get(sheet.name, 0)} rows of {sheet.file}, "
                        f"and has {counts[sheet.name]}: something of it is lost."
                    )
        elif isinstance(kind, str) and (found := _BY_NAME.get(kind)) is not None:
            counts[kind] += 1
            yield _entry(f"line {number}", found, told)
    if not whole:
        raise Unreadable('The file is cut off: its last line should begin with {"row":"end".')


def _entry(where: str, sheet: Sheet, told: dict[str, Any]) -> Entry:
    try:
        return Entry(where, sheet, tuple([read(told.get(name)) for name, read in _JSON[sheet.name]]))
    except Unfit as error:
        return Entry(where, sheet, (), str(error))
