"""What people enter, dispute, take back: entries of the record book, and values of sessions.

Whatever makes a record false that was told owes its correction in the same transaction.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import structlog

from bot.domain.alerts.correction import LOOKS_BACK
from bot.domain.alerts.record import Scope
from bot.domain.measure import MARK_OF, Measure
from bot.domain.reading import Metric
from bot.domain.session import Session
from bot.ports.command import Request
from bot.services.context import Services
from bot.services.watching import Watched, chat_of
from storage import corrections, doubts, holdings, records, sessions, watches
from storage.corrections import Told
from storage.database import Connection
from storage.holdings import Doubted, Page
from storage.records import Entry
from storage.watches import Watch

log = structlog.get_logger(__name__)

#: How many changes the log shows.
LOGGED = 12


class NoSuchEntry(Exception):
    """The chat's record book has no entry of this number."""


class NoSuchSession(Exception):
    """The chat knows no session of this number, or it has no such value."""


class NotYours(Exception):
    """It is everybody's; only operators may change it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """What was changed.

    Attributes:
        posts: How many posts that told of records are corrected.
    """

    entry: Entry
    posts: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A session of which a value was doubted, or counts again.

    Attributes:
        changed: False if that was so already; only the reason may be new.
        posts: How many posts that told of records are corrected.
    """

    name: str
    session: Session
    measure: Measure
    changed: bool
    posts: int


async def add(services: Services, request: Request, entry: Entry, *, everywhere: bool) -> Changed:
    """Put an entry into the chat's book, or into everybody's."""
    now = services.clock()
    async with services.database.write() as connection:
        chat = await chat_of(services, request, connection)
        entry = replace(entry, chat_id=None if everywhere else chat.id, made_by=request.user)
        entry = replace(entry, id=await records.add(connection, entry, now=now))
        posts = await _owe(connection, await _beaten_by(connection, entry, now), now)
    log.info("a record was entered", entry=entry.id, chat=request.chat, platform=request.platform, by=request.user)
    return Changed(entry=entry, posts=posts)


async def dispute(services: Services, request: Request, number: int, reason: str | None) -> Changed:
    """Mark an entry as disputed, with a reason.

    Raises:
        NoSuchEntry, NotYours: It cannot be marked from here.
    """
    async with services.database.write() as connection:
        entry = await _entry(connection, services, request, number)
        await records.change(connection, number, disputed=True, note=reason, disputed_by=request.user)
    log.info("a record was disputed", entry=number, chat=request.chat, by=request.user)
    return Changed(entry=entry)


async def remove(services: Services, request: Request, number: int) -> Changed:
    """Take an entry out of the book; it is kept as removed. Records that it had made false stand again.

    Raises:
        NoSuchEntry, NotYours: It cannot be removed from here.
    """
    now = services.clock()
    async with services.database.write() as connection:
        entry = await _entry(connection, services, request, number)
        await records.change(connection, number, removed_at=now, removed_by=request.user)
        told = await corrections.corrected(
            connection,
            platform=entry.platform,
            measure=Measure(entry.measure),
            after=now - 2 * LOOKS_BACK,
            chat_id=entry.chat_id,
        )
        posts = await _owe(connection, told, now)
    log.info("a record was removed", entry=number, chat=request.chat, by=request.user)
    return Changed(entry=entry, posts=posts)


async def restore(services: Services, request: Request, number: int) -> Changed:
    """Put a removed entry back, or take a dispute off one that is there.

    Raises:
        NoSuchEntry, NotYours: It cannot be changed from here.
    """
    now = services.clock()
    async with services.database.write() as connection:
        entry = await _entry(connection, services, request, number, removed=True)
        was_removed = await records.is_removed(connection, number)
        if was_removed:
            await records.change(connection, number, removed_at=None, removed_by=None)
            posts = await _owe(connection, await _beaten_by(connection, entry, now), now)
        else:
            await records.change(connection, number, disputed=False, note=None, disputed_by=None)
            posts = 0
    log.info("a record was restored", entry=number, chat=request.chat, by=request.user)
    return Changed(entry=entry, posts=posts)


async def doubt(
    services: Services, request: Request, number: int, measure: Measure | None, why: str, *, everywhere: bool
) -> Judged:
    """Let a value of a session count no more: in this chat, or everywhere.

    Args:
        measure: None for the one that the watch's milestones stand on.

    Raises:
        NoSuchSession: The chat does not know it.
    """
    now = services.clock()
    async with services.database.write() as connection:
        chat = await chat_of(services, request, connection)
        name, watch, session = await _session(connection, chat.id, number)
        measure = measure or MARK_OF[Metric(watch.metric)]
        chat_id = None if everywhere else chat.id
        changed = await doubts.raise_(
            connection, number, measure, chat_id=chat_id, why=why, made_by=request.user, now=now
        )
        posts = 0
        if changed:
            told = await corrections.of_session(connection, number, measure, chat_id=chat_id)
            posts = await _owe(connection, told, now)
    log.info("a session's value was disputed", session=number, measure=measure, chat=request.chat, by=request.user)
    return Judged(name=name, session=session, measure=measure, changed=changed, posts=posts)


async def trust(
    services: Services, request: Request, number: int, measure: Measure | None, *, everywhere: bool
) -> Judged:
    """Let a session's value count again; what was told without it may be false.

    Raises:
        NoSuchSession: The chat does not know it, or nothing of it is doubted so.
    """
    now = services.clock()
    async with services.database.write() as connection:
        chat = await chat_of(services, request, connection)
        name, watch, session = await _session(connection, chat.id, number)
        measure = measure or MARK_OF[Metric(watch.metric)]
        chat_id = None if everywhere else chat.id
        if not await doubts.lift(connection, number, measure, chat_id=chat_id, now=now, by=request.user):
            raise NoSuchSession
        told = await corrections.of_session(connection, number, measure, chat_id=chat_id)
        told += await corrections.beaten_by_session(
            connection, number, after=now - LOOKS_BACK, only=measure, chat_id=chat_id
        )
        posts = await _owe(connection, told, now)
    log.info("a session's value counts again", session=number, measure=measure, chat=request.chat, by=request.user)
    return Judged(name=name, session=session, measure=measure, changed=True, posts=posts)


async def newest(services: Services, request: Request, watched: Watched, measure: Measure | None) -> int | None:
    """Return the session that a watch's name means: the one that last told of a record here, else the newest."""
    async with services.database.write() as connection:
        chat = await chat_of(services, request, connection)
        told = await corrections.last_told(
            connection, watched.watch.id, measure or MARK_OF[Metric(watched.watch.metric)], chat_id=chat.id
        )
        if told is not None:
            return told
        found = await sessions.newest(connection, watched.watch.id)
        return found[0].id if found else None


async def history(services: Services, request: Request) -> tuple[list[Page], list[Doubted]]:
    """Return the last changes: entries of the book, and doubts, those that were lifted too."""
    async with services.database.write() as connection:
        chat = await chat_of(services, request, connection)
        pages = await holdings.pages(connection, chat_id=chat.id, limit=LOGGED)
        doubted = await holdings.doubts(connection, chat_id=chat.id, lifted=True, limit=LOGGED)
        names = {one.id: name for name, one in await watches.of_chat(connection, chat.id)}
        return pages, [one._replace(name=names.get(one.watch_id, one.name)) for one in doubted]


async def _entry(
    connection: Connection, services: Services, request: Request, number: int, *, removed: bool = False
) -> Entry:
    chat = await chat_of(services, request, connection)
    entries = await records.entries(connection, chat_id=chat.id, removed=removed)
    entry = next((one for one in entries if one.id == number), None)
    if entry is None:
        raise NoSuchEntry
    if entry.chat_id is None and not request.is_operator:
        raise NotYours
    return entry


async def _session(connection: Connection, chat_id: int, number: int) -> tuple[str, Watch, Session]:
    """Return a session that the chat knows: of its watches, or a public one that may be its rival."""
    session = await sessions.by_id(connection, number)
    if session is None:
        raise NoSuchSession
    names = {one.id: name for name, one in await watches.of_chat(connection, chat_id)}
    watch = (await watches.by_ids(connection, [session.watch_id]))[session.watch_id]
    if watch.id not in names and not watch.public:
        raise NoSuchSession
    return names.get(watch.id, watch.name), watch, session


async def _beaten_by(connection: Connection, entry: Entry, now: int) -> list[Told]:
    """Return what was told lately as a record, and was none by this entry."""
    told = await corrections.beaten(
        connection,
        platform=entry.platform,
        measure=Measure(entry.measure),
        value=entry.value,
        after=now - LOOKS_BACK,
        scope=Scope(entry.scope),
        chat_id=entry.chat_id,
    )
    return [one for one in told if not records.is_later(entry.date, one.at)]


async def _owe(connection: Connection, told: list[Told], now: int) -> int:
    """Owe corrections, and return of how many posts that told of records."""
    await corrections.owe(connection, told, at=now, now=now)
    return len({(one.alert_id, one.taker) for one in told if one.kind == "record"})
