"""Takes in what an export holds, sheet by sheet."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import groupby, islice
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from bot.domain.reading import Metric, State
from bot.services.exporting.cells import LARGEST_COUNT
from bot.services.importing import reader
from bot.services.importing.asked import How, Refused, Report
from bot.services.importing.find import find
from bot.services.importing.reader import Entry
from storage.imports import Import, Outcome, Place, Taken
from storage.sheets import ALERTS, SAMPLE_STATES, SAMPLES, SESSIONS, TALLY_PREFIX, WATCHES
from storage.watches import Watch

#: So many rows are read and written at once.
PAGE = 2_000
#: What stands in an address whose secrets were left out: see ``bot.domain.outside.without_secrets``.
SHORTENED = "?…"
_STATES = frozenset(SAMPLE_STATES)
_STATE, _INTERVAL = SAMPLES.names.index("state"), SAMPLES.names.index("interval_seconds")
#: Counts of the tally that the store keeps in 32 bits.
_COUNTS = ("confirmed_interval", "suspect_interval", "readings", "glitches")


async def take(work: Import, path: Path, how: How, report: Report) -> None:
    """Take an export in.

    Raises:
        Refused, reader.Unreadable: It is not to be used.
        OSError: It cannot be read.
    """
    alerts, samples = await work.counts()
    taking = _Export(work=work, how=how, report=report)
    with closing(reader.entries(path)) as rows:
        while page := await asyncio.to_thread(lambda: list(islice(rows, PAGE))):
            for _, entries in groupby(page, key=lambda entry: entry.sheet.name):
                await taking.take(list(entries))
    report.sessions.update(await work.settle())
    after = await work.counts()
    report.alerts, report.samples = after[0] - alerts, after[1] - samples


@dataclass(kw_only=True)
class _Export:
    """An export that is being taken in; what its rows name is looked up here."""

    work: Import
    how: How
    report: Report
    places: dict[str, Place] = field(default_factory=dict)
    sessions: dict[int, Taken] = field(default_factory=dict)

    async def take(self, entries: Sequence[Entry]) -> None:
        """Take in rows of one sheet."""
        good = []
        for entry in entries:
            wrong = entry.wrong or _wrong(entry)
            if wrong is None:
                good.append(entry)
            else:
                self.report.refuse(entry.where, wrong)
        sheet = entries[0].sheet
        if sheet is WATCHES:
            for entry in good:
                await self._watch(entry)
        elif sheet is SESSIONS:
            await self._sessions(good)
        elif sheet is ALERTS:
            rows = [(dict(zip(ALERTS.names, entry.values, strict=True)), entry) for entry in good]
            known = [(self._session(row["session"], entry), row) for row, entry in rows]
            await self.work.alerts([(one, row) for one, row in known if one is not None])
        else:
            told = [(self._session(entry.values[0], entry), entry.values) for entry in good]
            await self.work.samples([(one.id, values) for one, values in told if one is not None])

    async def _watch(self, entry: Entry) -> None:
        row = dict(zip(WATCHES.names, entry.values, strict=True))
        address = row["address"]
        if address in self.places:
            self.report.refuse(entry.where, f"{address} is there twice")
            return
        if self.how.watch is not None:
            if self.places:
                raise Refused("The file holds several watches: import it without --watch.")
            self.places[address] = _place(await find(self.work.connection, self.how.watch))
            return
        if SHORTENED in address:
            self.report.refuse(
                entry.where, f"of the address {address} a part was left out: say which it is with --watch ADDRESS"
            )
            return
        self.places[address], new = await self.work.watch(row)
        if new:
            self.report.watches.append(address)

    async def _sessions(self, entries: Sequence[Entry]) -> None:
        rows, numbers = [], []
        for entry in entries:
            row = dict(zip(SESSIONS.names, entry.values, strict=True))
            place = self.places.get(row["watch"])
            if place is None:
                self.report.refuse(entry.where, f"no line before it describes the watch {row['watch'][:80]}")
            elif row["session"] in self.sessions or row["session"] in numbers:
                self.report.refuse(entry.where, f"session {row['session']} is there twice")
            else:
                rows.append((place.id, row))
                numbers.append(row["session"])
        taken = await self.work.sessions(rows)
        self.report.sessions.update(one.outcome for one in taken if one.id not in self.work.filling)
        self.sessions.update(zip(numbers, taken, strict=True))

    def _session(self, number: int, entry: Entry) -> Taken | None:
        """Return the session that a row is of; None if it is not to be taken."""
        found = self.sessions.get(number)
        if found is None:
            self.report.refuse(entry.where, f"no line before it describes session {number}")
            return None
        return None if found.outcome is Outcome.LEFT else found


def _wrong(entry: Entry) -> str | None:
    """Return what a row says that cannot be, beyond the kinds of its cells."""
    if entry.sheet is SAMPLES:
        if entry.values[_STATE] not in _STATES:
            return f"there is no state {entry.values[_STATE]!r}"
        return None if entry.values[_INTERVAL] <= LARGEST_COUNT else "its interval is too long"
    row = dict(zip(entry.sheet.names, entry.values, strict=True))
    if entry.sheet is WATCHES:
        return _wrong_watch(row)
    if entry.sheet is SESSIONS:
        if row["state"] not in list(State):
            return f"there is no state {row['state']!r}"
        if not row["platform_ids"]:
            return "it has no id of its platform"
        counts = ("ends", *(f"{TALLY_PREFIX}{name}" for name in _COUNTS))
        if any(row[name] > LARGEST_COUNT for name in counts):
            return "one of its counts is too large"
    return None


def _wrong_watch(row: Mapping[str, Any]) -> str | None:
    source, colon, reference = row["address"].partition(":")
    if not (source and colon and reference):
        return f"{row['address'][:80]!r} is not an address"
    if row["metric"] not in list(Metric):
        return f"there is no figure {row['metric']!r}"
    if not 0 < row["interval_ms"] <= LARGEST_COUNT:
        return "its interval is nothing, or too long"
    try:
        ZoneInfo(row["timezone"])
    except (OSError, ValueError):
        return f"there is no time zone {row['timezone'][:40]!r}"
    return None


def _place(watch: Watch) -> Place:
    return Place(watch.id, watch.platform, watch.public)
