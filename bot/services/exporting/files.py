"""The files of an export: a zip of CSV, or one JSON object a line. Written row by row, never held whole.

CSV as RFC 4180 has it (https://www.rfc-editor.org/rfc/rfc4180): a header, commas, CRLF, quotes where they are
needed; UTF-8, without a mark in front. These write to the disk, so they belong into a thread.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import IO, Any, Protocol
from zipfile import ZIP_DEFLATED, ZipFile

from bot.services.exporting.cells import cell_writer, json_value, moment_text
from storage.sheets import VERSION, Kind, Sheet

#: What stands in a zip beside the sheets, or is its only entry.
ABOUT, LINES = "about.txt", "milepost.jsonl"
#: What the first line of either form begins with.
MARK = f"Milepost export, version {VERSION}"
#: 9 takes three times as long, for 3 % less.
LEVEL = 6

Rows = Iterable[tuple[Any, ...]]


class Writer(Protocol):
    """A file that is being written."""

    def begin(self, sheet: Sheet) -> None:
        """Begin a sheet; the one before is whole."""

    def add(self, rows: Rows) -> int:
        """Add rows to the sheet, and return how many bytes the file has by now."""

    def close(self, counts: Mapping[str, int]) -> int:
        """Write what stands at the end, close, and return how many bytes the file has."""

    def abandon(self) -> None:
        """Close a file that will not be whole, and delete it."""


class CsvZip:
    """A zip with a CSV file for each sheet, and a note on what they are."""

    def __init__(self, path: Path, *, at: int) -> None:
        self._path = path
        self._file = path.open("wb")
        self._zip = ZipFile(self._file, "w", ZIP_DEFLATED, compresslevel=LEVEL)
        self._zip.writestr(ABOUT, _about(at))
        self._entry: IO[bytes] | None = None
        self._writers: list[Any] = []

    def begin(self, sheet: Sheet) -> None:
        """Begin a file of the zip."""
        self._end_entry()
        self._entry = self._zip.open(f"{sheet.file}.csv", "w", force_zip64=True)
        self._writers = [cell_writer(column.kind) for column in sheet.columns]
        self._write([sheet.names])

    def add(self, rows: Rows) -> int:
        """Add rows."""
        writers = self._writers
        self._write([[write(value) for write, value in zip(writers, row, strict=True)] for row in rows])
        return self._file.tell()

    def close(self, counts: Mapping[str, int]) -> int:
        """Close the zip, which has its own sums."""
        self._end_entry()
        self._zip.close()
        return _closed(self._file)

    def abandon(self) -> None:
        """Close it as it is, and delete it."""
        try:
            self._end_entry()
            self._zip.close()
        finally:
            self._file.close()
            self._path.unlink(missing_ok=True)

    def _write(self, rows: Iterable[Iterable[str]]) -> None:
        assert self._entry is not None
        text = io.StringIO(newline="")
        csv.writer(text, lineterminator="\r\n").writerows(rows)
        self._entry.write(text.getvalue().encode())

    def _end_entry(self) -> None:
        if self._entry is not None:
            self._entry.close()
            self._entry = None


class JsonLines:
    """One JSON object a line: a header, the rows of all sheets, and their numbers at the end.

    In a file as it is, compressed where the name ends with ``.gz``, in a zip where it ends with ``.zip``.
    """

    def __init__(self, path: Path, *, at: int) -> None:
        self._path = path
        self._file = path.open("wb")
        self._zip: ZipFile | None = None
        self._out: IO[bytes] | gzip.GzipFile = self._file
        if path.suffix == ".zip":
            self._zip = ZipFile(self._file, "w", ZIP_DEFLATED, compresslevel=LEVEL)
            self._out = self._zip.open(LINES, "w", force_zip64=True)
        elif path.suffix == ".gz":
            self._out = gzip.GzipFile(path.stem, "wb", LEVEL, self._file)
        self._names: list[tuple[str, Kind]] = []
        self._row = ""
        self._line({"row": "milepost", "version": VERSION, "at": moment_text(at)})

    def begin(self, sheet: Sheet) -> None:
        """Begin with the rows of a sheet."""
        self._row = sheet.name
        self._names = [(column.name, column.kind) for column in sheet.columns]

    def add(self, rows: Rows) -> int:
        """Add rows; what is unknown is left out."""
        lines = []
        for row in rows:
            told: dict[str, Any] = {"row": self._row}
            for (name, kind), value in zip(self._names, row, strict=True):
                if value is not None:
                    told[name] = json_value(kind, value)
            lines.append(json.dumps(told, ensure_ascii=False, separators=(",", ":")))
        if lines:
            self._out.write(("\n".join(lines) + "\n").encode())
        return self._file.tell()

    def close(self, counts: Mapping[str, int]) -> int:
        """Write how many rows there are: a file that was cut off is known by that."""
        self._line({"row": "end", **counts})
        self._end()
        return _closed(self._file)

    def abandon(self) -> None:
        """Close it as it is, and delete it."""
        try:
            self._end()
        finally:
            self._file.close()
            self._path.unlink(missing_ok=True)

    def _end(self) -> None:
        if self._out is not self._file:
            self._out.close()
        if self._zip is not None:
            self._zip.close()

    def _line(self, told: Mapping[str, Any]) -> None:
        self._out.write((json.dumps(told, ensure_ascii=False, separators=(",", ":")) + "\n").encode())


def _closed(file: IO[bytes]) -> int:
    size = file.tell()
    file.close()
    return size


def _about(at: int) -> str:
    lines = (
        f"{MARK}, made {moment_text(at)}",
        "",
        "watches.csv   what is watched, and in which unit its figures are",
        "sessions.csv  each broadcast with its peak, average and totals; the columns tally_... are what",
        "              milepost import needs",
        "alerts.csv    what was told, where you may see that",
        "samples.csv   every reading that is kept; its column session is that of sessions.csv",
        "",
        "Times are in UTC. An empty cell is unknown, which is not 0. Text that begins with = + - @ or ' has a '",
        "in front, so that no spreadsheet takes it for a formula.",
    )
    return "".join(f"{line}\r\n" for line in lines)
