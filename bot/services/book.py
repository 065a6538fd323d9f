"""Records as a chat sees them: its own sessions and the record book, measure by measure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from bot.domain.alerts.record import Rival, Scope
from bot.domain.measure import LIVE_RECORDED, RECORDED, Measure, measured
from bot.ports.command import Request
from bot.services.context import Services
from bot.services.watching import Watched, chat_of, listed
from storage import chats, records, sessions
from storage.records import Entry

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """All that is known of one measure on one platform, best first.

    Attributes:
        best: The best ended session of each watch here, as (what it is called here, session).
        so_far: What sessions that are live have reached, as (what it is called here, value), where that is above
            all the watch did before.
        booked: Entries of the record book.
    """

    platform: str
    measure: Measure
    best: tuple[tuple[str, Rival], ...]
    so_far: tuple[tuple[str, float], ...]
    booked: tuple[Entry, ...]


class NoSuchEntry(Exception):
    """The chat's record book has no entry of this number."""


class NotYours(Exception):
    """The entry is everybody's; only operators may change it."""


async def shelves(services: Services, request: Request, scope: Scope | None = None) -> list[Shelf]:
    """Return the records that this chat knows; of one scope only, if one is given."""
    found = await listed(services, request)
    by_platform: dict[str, list[Watched]] = {}
    for one in found:
        by_platform.setdefault(one.watch.platform, []).append(one)
    shelves_ = []
    async with services.database.read() as connection:
        chat = await chats.find(connection, platform=request.platform, key=request.chat)
        entries = await records.entries(connection, chat_id=chat.id if chat else None)
        live = await sessions.on_air(connection, [one.watch.id for one in found])
        if scope is not None:
            entries = [one for one in entries if one.scope == scope]
        for platform in sorted({*by_platform, *(one.platform for one in entries)}):
            names = {one.watch.id: one.name for one in by_platform.get(platform, [])}
            for measure in RECORDED:
                best = await records.best_sessions(connection, names, measure=measure)
                before = {id_: rival.value for id_, rival in best}
                so_far = tuple(
                    (names[one.watch_id], value)
                    for one in live
                    if one.watch_id in names and measure in LIVE_RECORDED and one.is_live
                    if (value := measured(one.tally, measure)) is not None and value > before.get(one.watch_id, 0)
                )
                booked = tuple(e for e in entries if e.platform == platform and e.measure == measure)
                if best or booked or so_far:
                    shelves_.append(
                        Shelf(
                            platform=platform,
                            measure=measure,
                            best=tuple((names[id_], rival) for id_, rival in best),
                            so_far=so_far,
                            booked=booked,
                        )
                    )
    return shelves_


async def add(services: Services, request: Request, entry: Entry, *, everywhere: bool) -> int:
    """Put an entry into the chat's book, or into everybody's, and return its number."""
    async with services.database.write() as connection:
        chat = await chat_of(services, request, connection)
        own = {name: getattr(entry, name) for name in Entry.__dataclass_fields__}
        own["chat_id"] = None if everywhere else chat.id
        id_ = await records.add(connection, Entry(**own), now=services.clock())
    log.info("a record was entered", entry=id_, chat=request.chat, platform=request.platform)
    return id_


async def dispute(services: Services, request: Request, number: int, reason: str | None) -> Entry:
    """Mark an entry as disputed, with a reason.

    Raises:
        NoSuchEntry, NotYours: It cannot be marked from here.
    """
    return await _change(services, request, number, disputed=True, note=reason)


async def remove(services: Services, request: Request, number: int) -> Entry:
    """Take an entry out of the book; it is kept as removed.

    Raises:
        NoSuchEntry, NotYours: It cannot be removed from here.
    """
    return await _change(services, request, number, removed_at=services.clock())


async def _change(services: Services, request: Request, number: int, **values: object) -> Entry:
    async with services.database.write() as connection:
        chat = await chat_of(services, request, connection)
        entries: Sequence[Entry] = await records.entries(connection, chat_id=chat.id)
        entry = next((one for one in entries if one.id == number), None)
        if entry is None:
            raise NoSuchEntry
        if entry.chat_id is None and not request.is_operator:
            raise NotYours
        await records.change(connection, number, **values)
    log.info("a record was changed", entry=number, chat=request.chat, what=", ".join(values))
    return entry
