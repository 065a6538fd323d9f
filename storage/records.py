"""Rivals: the best ended sessions and the record book, by scope."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from types import MappingProxyType
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from bot.domain import DAY, SECOND
from bot.domain.alerts.record import Field, Rival, Scope
from bot.domain.measure import MARK_OF, Measure
from bot.domain.reading import State, plain
from bot.domain.rivals import BARE, Best, Page, Past, booked_for
from storage.database import Connection
from storage.doubts import doubted
from storage.tables import book, chat_watch, session, watch
from storage.watches import Watch, revise

_DATE = re.compile(r"[0-9]{4}(-[0-9]{2}){0,2}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A record known from outside; without a chat it is everybody's. See ``storage.tables.book``."""

    platform: str
    measure: str
    scope: int
    value: float
    holder: str
    chat_id: int | None = None
    watch_id: int | None = None
    date: str | None = None
    link: str | None = None
    disputed: bool = False
    at_least: bool = False
    note: str | None = None
    made_by: str | None = None
    disputed_by: str | None = None
    id: int = 0


async def add(connection: Connection, entry: Entry, *, now: int) -> int:
    """Put an entry into the record book and return its id."""
    values = {name: getattr(entry, name) for name in Entry.__dataclass_fields__ if name != "id"}
    id_ = (
        await connection.execute(sa.insert(book).values(created_at=now, **values).returning(book.c.id))
    ).scalar_one()
    await revise(connection)
    return int(id_)


async def entries(connection: Connection, *, chat_id: int | None, removed: bool = False) -> list[Entry]:
    """Return the book as a chat sees it: everybody's entries and its own; removed ones only if so asked."""
    rows = await connection.execute(
        sa.select(*(book.c[name] for name in Entry.__dataclass_fields__))
        .where(
            sa.true() if removed else book.c.removed_at.is_(None),
            sa.or_(book.c.chat_id.is_(None), book.c.chat_id == chat_id),
        )
        .order_by(book.c.platform, book.c.measure, book.c.value.desc())
    )
    return [_entry(row) for row in rows]


async def is_removed(connection: Connection, id_: int) -> bool:
    """Tell whether an entry was taken out of the book."""
    row = await connection.execute(sa.select(book.c.removed_at).where(book.c.id == id_))
    return row.scalar() is not None


async def pages(connection: Connection) -> list[Page]:
    """Return the whole book, everybody's entries and those of all chats."""
    rows = await connection.execute(
        sa.select(*(book.c[name] for name in Entry.__dataclass_fields__))
        .where(book.c.removed_at.is_(None))
        .order_by(book.c.platform, book.c.measure, book.c.value.desc())
    )
    return [
        Page(
            platform=entry.platform,
            measure=Measure(entry.measure),
            scope=Scope(entry.scope),
            watch_id=entry.watch_id,
            chat_id=entry.chat_id,
            rival=_rival(entry),
        )
        for entry in map(_entry, rows)
    ]


async def change(connection: Connection, id_: int, **values: Any) -> None:
    """Set columns of an entry."""
    await connection.execute(sa.update(book).where(book.c.id == id_).values(values))
    await revise(connection)


def _entry(row: Any) -> Entry:
    values = dict(row._mapping)  # noqa: SLF001
    values["value"] = plain(values["value"])
    return Entry(**values)


async def fields(
    connection: Connection,
    watch_: Watch,
    *,
    chat_id: int,
    measure: Measure,
    apart_from: int,
    ended_before: int | None = None,
    dated_before: int | None = None,
) -> dict[Scope, Field]:
    """Return what each scope adds to the narrower ones, as one chat sees it.

    Args:
        watch_: The watch whose session is in question.
        chat_id: The chat that would be told.
        measure: What is compared.
        apart_from: The session itself, which is no rival of its own.
        ended_before: Only sessions that had ended by then; None for all.
        dated_before: Only entries of the book that are not dated later than this; None for all.
    """
    mine = sa.select(chat_watch.c.watch_id).where(chat_watch.c.chat_id == chat_id)
    conditions = {Scope.WATCH: session.c.watch_id == watch_.id}
    if watch_.unit != BARE:
        others = sa.and_(session.c.watch_id != watch_.id, session.c.watch_id.not_in(bare(watch_.platform)))
        conditions[Scope.CHAT] = sa.and_(others, session.c.watch_id.in_(mine))
        conditions[Scope.PLATFORM] = sa.and_(others, session.c.watch_id.not_in(mine), session.c.public)
    book_rows = [
        row
        for row in await entries(connection, chat_id=chat_id)
        if row.platform == watch_.platform
        and row.measure == measure
        and not (dated_before is not None and is_later(row.date, dated_before))
    ]
    lone = frozenset({watch_.id} if watch_.unit == BARE else ())
    of_others = {row.watch_id for row in book_rows if row.watch_id is not None and row.watch_id != watch_.id}
    if of_others and not lone:
        lone = await apart(connection, of_others)
    booked: dict[Scope | None, list[Rival]] = defaultdict(list)
    for row in book_rows:
        its = booked_for(
            Scope(row.scope), of=row.watch_id, own=row.chat_id is not None, watch_id=watch_.id, apart=lone
        )
        booked[its].append(_rival(row))
    found = {}
    for scope, condition in conditions.items():
        chosen = sa.and_(
            session.c.platform == watch_.platform,
            condition,
            session.c.state == State.ENDED,
            session.c.id != apart_from,
            session.c[measure].is_not(None),
            session.c.id.not_in(doubted(measure, chat_id=chat_id)),
        )
        if ended_before is not None:
            chosen = sa.and_(chosen, session.c.ended_at <= ended_before)
        field = await _field(connection, chosen, measure, booked[scope])
        if field is not None:
            found[scope] = field
    return found


def is_later(date: str | None, moment: int) -> bool:
    """Tell whether a date of the book (a day, month or year, or any text) is certainly later than a moment."""
    if date is None or not _DATE.fullmatch(date):
        return False
    latest = datetime.fromtimestamp((moment + DAY) / SECOND, tz=UTC).date().isoformat()  # in any zone
    return date > latest[: len(date)]


def bare(platform: str) -> sa.Select[int]:
    """Return the query of a platform's watches of a bare number: see ``bot.domain.rivals.BARE``."""
    return sa.select(watch.c.id).where(watch.c.platform == platform, watch.c.unit == BARE)


async def apart(connection: Connection, watch_ids: Collection[int] | None = None) -> frozenset[int]:
    """Return those of these watches, or of all, that are compared with nothing but themselves."""
    query = sa.select(watch.c.id).where(watch.c.unit == BARE)
    if watch_ids is not None:
        query = query.where(watch.c.id.in_(watch_ids))
    return frozenset((await connection.execute(query)).scalars())


#: What is kept in memory of ended sessions: the measures that have a high-water mark.
_KEPT = tuple(MARK_OF.values())


async def past(
    connection: Connection,
    watch_ids: Sequence[int] | None = None,
    *,
    without: Mapping[Measure, Collection[int]] = MappingProxyType({}),
) -> list[tuple[int, str, bool, dict[Measure, Past]]]:
    """Return the ended sessions of these watches, or of all, as (watch, platform, public, by measure).

    Args:
        without: Sessions whose value of a measure does not count.
    """
    columns: list[sa.ColumnElement[Any]] = []
    for measure in _KEPT:
        value: sa.ColumnElement[Any] = session.c[measure]
        if measure in without:
            value = sa.case((session.c.id.not_in(without[measure]), value))
        # Imported sessions are rivals, but not among those that were tracked here.
        known = sa.case((sa.and_(value.is_not(None), session.c.origin.is_(None)), session.c.first_at))
        columns += [sa.func.max(value), sa.func.count(known), sa.func.min(known)]
    query = (
        sa.select(session.c.watch_id, session.c.platform, session.c.public, *columns)
        .where(session.c.state == State.ENDED)
        .group_by(session.c.watch_id, session.c.platform, session.c.public)
    )
    if watch_ids is not None:
        query = query.where(session.c.watch_id.in_(watch_ids))
    return [
        (
            watch_id,
            platform,
            public,
            {
                measure: Past(plain(figures[3 * n]), figures[3 * n + 1], figures[3 * n + 2])
                for n, measure in enumerate(_KEPT)
                if figures[3 * n] is not None
            },
        )
        for watch_id, platform, public, *figures in await connection.execute(query)
    ]


class Holder(NamedTuple):
    """Who reached a value: the first to end comes first."""

    ended_at: int
    session_id: int
    rival: Rival


async def holders(connection: Connection, wanted: Collection[Best]) -> dict[Best, Holder]:
    """Return for each watch's best value the first session that ended with it."""
    found: dict[Best, Holder] = {}
    for measure, chat_id in {(one.measure, one.chat_id) for one in wanted}:
        pairs = [(one.watch_id, one.value) for one in wanted if (one.measure, one.chat_id) == (measure, chat_id)]
        rows = await connection.execute(
            _as_rivals(measure)
            .where(
                session.c.watch_id.in_([watch_id for watch_id, _ in pairs]),
                session.c.state == State.ENDED,
                session.c.id.not_in(doubted(measure, chat_id=chat_id)),
                sa.tuple_(session.c.watch_id, session.c[measure]).in_(pairs),
            )
            .order_by(session.c.ended_at.desc(), session.c.id.desc())
        )
        for row in rows:
            key = Best(row.watch_id, measure, plain(row.value), chat_id)
            found[key] = Holder(row.ended_at, row.id, _holder(row, measure))
    return found


async def rank(
    connection: Connection,
    watch_id: int,
    measure: Measure,
    value: float,
    *,
    apart_from: int,
    ended_before: int,
    chat_id: int | None = None,
) -> tuple[int, int]:
    """Return a value's place among a watch's sessions that had ended by then, and how many these are with it."""
    column = session.c[measure]
    row = await connection.execute(
        sa.select(sa.func.count(sa.case((column > value, 1))), sa.func.count(column)).where(
            session.c.watch_id == watch_id,
            session.c.state == State.ENDED,
            session.c.id != apart_from,
            session.c.ended_at <= ended_before,
            session.c.id.not_in(doubted(measure, chat_id=chat_id)),
        )
    )
    better, others = row.one()
    return better + 1, others + 1


async def _field(
    connection: Connection, condition: sa.ColumnElement[bool], measure: Measure, booked: Sequence[Rival]
) -> Field | None:
    value = session.c[measure]
    tracked = sa.case((session.c.origin.is_(None), session.c.first_at))
    known, count, since = (
        await connection.execute(
            sa.select(sa.func.count(), sa.func.count(tracked), sa.func.min(tracked)).where(condition)
        )
    ).one()
    rivals = list(booked)
    if known:
        query = _as_rivals(measure).where(condition).order_by(value.desc(), session.c.ended_at).limit(1)
        rivals.append(_holder((await connection.execute(query)).one(), measure))
    if not rivals:
        return None
    return Field(best=max(rivals, key=lambda rival: rival.value), sessions=count, since=since)


def _as_rivals(measure: Measure) -> sa.Select[Any]:
    """Return the query of sessions as rivals."""
    return sa.select(
        session.c.id,
        session.c.watch_id,
        session.c.ended_at,
        session.c[measure].label("value"),
        session.c.title,
        session.c.url,
        session.c.first_at,
        session.c.peak_at,
        session.c.origin,
        watch.c.name,
        watch.c.timezone,
    ).join(watch, watch.c.id == session.c.watch_id)


def _holder(row: Any, measure: Measure) -> Rival:
    moment = row.peak_at if measure is Measure.PEAK and row.peak_at is not None else row.first_at
    return Rival(
        value=plain(row.value),
        holder=row.name,
        title=row.title,
        link=row.url,
        date=_day(moment, row.timezone),
        session_id=row.id,
        origin=row.origin,
    )


def _rival(entry: Entry) -> Rival:
    return Rival(
        value=entry.value,
        holder=entry.holder,
        date=entry.date,
        link=entry.link,
        disputed=entry.disputed,
        at_least=entry.at_least,
        note=entry.note,
        entry_id=entry.id,
    )


def _day(at: int, timezone: str) -> str:
    zone: tzinfo = UTC if timezone == "UTC" else ZoneInfo(timezone)
    return datetime.fromtimestamp(at / SECOND, tz=zone).date().isoformat()
