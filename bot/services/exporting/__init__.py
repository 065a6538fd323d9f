"""Writes what the store holds into a file: see ``storage.sheets`` for what stands in it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from bot.services.exporting.files import CsvZip, JsonLines, Writer
from storage import exports
from storage.database import Connection, Database
from storage.exports import Chosen
from storage.sheets import ALERTS, SAMPLES, SESSIONS, TOLD, WATCHES, Sheet

_ADDRESS, _NAME = WATCHES.names.index("address"), WATCHES.names.index("name")
_SESSIONS_WATCH = SESSIONS.names.index("watch")


class Form(StrEnum):
    """The form of a file."""

    CSV = "csv"
    JSON = "json"


class TooLarge(Exception):
    """The file would be larger than it may be; nothing is left of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What readers of a file may see, where that is not all.

    Attributes:
        names: What they call each watch, by id.
        address: Makes an address fit for them.
        alerts_of: The chat whose alerts are told, as it was told them; None for no alerts.
    """

    names: Mapping[int, str]
    address: Callable[[str], str]
    alerts_of: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What a file holds."""

    watches: int
    sessions: int
    alerts: int
    samples: int
    size: int


async def write(
    database: Database,
    path: Path,
    *,
    form: Form,
    chosen: Chosen,
    now: int,
    view: View | None = None,
    limit: int | None = None,
) -> Written:
    """Write a file, as of one moment, while others go on writing to the database.

    Args:
        path: It ends with ``.zip`` for CSV; for JSON its end says how it is packed.
        view: What is left out for its readers; None for nothing.
        limit: The most bytes that it may have.

    Raises:
        TooLarge: It would have more.
        OSError: The disk did not take it.
    """
    make = CsvZip if form is Form.CSV else JsonLines
    writer: Writer = await asyncio.to_thread(make, path, at=now)
    counts: Counter[str] = Counter()
    try:
        async with database.read() as connection:
            for sheet, pages in _sheets(connection, chosen, view):
                await asyncio.to_thread(writer.begin, sheet)
                async for rows in pages:
                    size = await asyncio.to_thread(writer.add, rows)
                    counts[sheet.name] += len(rows)
                    _check(size, limit)
        size = await asyncio.to_thread(writer.close, counts)
        _check(size, limit)
    except BaseException:
        with suppress(OSError):
            writer.abandon()
        raise
    return Written(
        watches=counts["watch"],
        sessions=counts["session"],
        alerts=counts["alert"],
        samples=counts["sample"],
        size=size,
    )


def _check(size: int, limit: int | None) -> None:
    if limit is not None and size > limit:
        raise TooLarge


def _sheets(
    connection: Connection, chosen: Chosen, view: View | None
) -> list[tuple[Sheet, AsyncIterator[Sequence[tuple[Any, ...]]]]]:
    found = [(WATCHES, _watches(connection, chosen, view)), (SESSIONS, _sessions(connection, chosen, view))]
    if view is None:
        found.append((ALERTS, exports.alerts(connection, chosen)))
    elif view.alerts_of is not None:
        found.append((TOLD, exports.told(connection, chosen, chat_id=view.alerts_of)))
    return [*found, (SAMPLES, exports.samples(connection, chosen))]


async def _watches(
    connection: Connection, chosen: Chosen, view: View | None
) -> AsyncIterator[Sequence[tuple[Any, ...]]]:
    rows = []
    for id_, row in await exports.watches(connection, chosen):
        shown = list(row)
        if view is not None:
            shown[_ADDRESS] = view.address(row[_ADDRESS])
            shown[_NAME] = view.names.get(id_, row[_NAME])
        rows.append(tuple(shown))
    yield rows


async def _sessions(
    connection: Connection, chosen: Chosen, view: View | None
) -> AsyncIterator[Sequence[tuple[Any, ...]]]:
    async for rows in exports.sessions(connection, chosen):
        if view is None:
            yield [row for _, row in rows]
            continue
        page = []
        for _, row in rows:
            shown = list(row)
            shown[_SESSIONS_WATCH] = view.address(row[_SESSIONS_WATCH])
            page.append(tuple(shown))
        yield page
