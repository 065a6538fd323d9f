"""What chats have made public, and what anybody may know of it. Nothing else of any chat stands on a page."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NamedTuple

import sqlalchemy as sa

from bot.domain.measure import Measure
from bot.domain.reading import State
from storage import history
from storage.database import Connection
from storage.history import Ended
from storage.tables import chat, chat_watch, doubt, session, watch
from storage.watches import Watch

#: So many watches are public at most; whose chats came first. An index has no room for more.
MOST = 2_000
_WATCH = tuple(watch.c[name] for name in Watch._fields)


class Published(NamedTuple):
    """A watch that anybody may read about.

    Attributes:
        name: What the chat calls it that made it public first, of those that still do.
        timezone: The zone that this chat chose, if it did.
        chat_id: That chat.
    """

    watch: Watch
    name: str
    timezone: str | None
    chat_id: int


async def everything(connection: Connection) -> dict[int, Published]:
    """Return all watches that are public, by id."""
    return await _published(connection)


async def marks(connection: Connection) -> frozenset[tuple[int, int, int]]:
    """Return what tells whether anything was made public or taken back: (watch, chat, since when) of all."""
    rows = await connection.execute(
        sa.select(chat_watch.c.watch_id, chat_watch.c.chat_id, chat_watch.c.published_at)
        .join(chat, chat.c.id == chat_watch.c.chat_id)
        .where(chat_watch.c.published_at.is_not(None), chat.c.disabled_at.is_(None))
    )
    return frozenset((row.watch_id, row.chat_id, row.published_at) for row in rows)


async def of_watch(connection: Connection, watch_id: int) -> Published | None:
    """Return a watch as it is public, or None."""
    return (await _published(connection, chat_watch.c.watch_id == watch_id)).get(watch_id)


async def of_session(connection: Connection, session_id: int) -> tuple[Published, bool] | None:
    """Return the public watch of a session, and whether we observed its figures; None if it has no page."""
    row = (
        await connection.execute(sa.select(session.c.watch_id, session.c.origin).where(session.c.id == session_id))
    ).one_or_none()
    found = None if row is None else await of_watch(connection, row.watch_id)
    return None if row is None or found is None else (found, row.origin is None)


async def by_chat(connection: Connection, chat_id: int) -> frozenset[int]:
    """Return the watches that a chat has made public."""
    rows = await connection.execute(
        sa.select(chat_watch.c.watch_id).where(
            chat_watch.c.chat_id == chat_id, chat_watch.c.published_at.is_not(None)
        )
    )
    return frozenset(rows.scalars())


async def publish(connection: Connection, *, chat_id: int, watch_ids: Collection[int], at: int | None) -> None:
    """Make watches of a chat public since a moment, or (without one) private again."""
    where = [chat_watch.c.chat_id == chat_id, chat_watch.c.watch_id.in_(watch_ids)]
    if at is not None:  # what is public stays so since when it is
        where.append(chat_watch.c.published_at.is_(None))
    await connection.execute(sa.update(chat_watch).where(*where).values(published_at=at))


class Best(NamedTuple):
    """The best ended session of a watch, or of several together.

    Attributes:
        sessions, since: How many of them we observed, and when the first of these was live.
    """

    session: Ended
    sessions: int
    since: int | None


async def best(
    connection: Connection,
    measure: Measure,
    watch_ids: Collection[int],
    *,
    each: bool,
    apart_from: int | None = None,
) -> list[Best]:
    """Return the best session of public watches, the highest first; what is disputed is left out.

    Args:
        each: Of each of them; else of all together.
        apart_from: Not this session.
    """
    if not watch_ids:
        return []
    value = session.c[measure]
    group: dict[str, Any] = {"partition_by": session.c.watch_id} if each else {}
    tracked = sa.case((session.c.origin.is_(None), session.c.first_at))
    ranked = (
        sa.select(
            session.c.id,
            value.label("value"),
            sa.func.count(tracked).over(**group).label("sessions"),
            sa.func.min(tracked).over(**group).label("since"),
            sa.func.row_number()
            .over(**group, order_by=(value.desc(), session.c.ended_at, session.c.id))
            .label("place"),
        )
        .where(
            session.c.watch_id.in_(watch_ids),
            session.c.state == State.ENDED,
            session.c.first_at.is_not(None),
            value.is_not(None),
            session.c.id.not_in(_doubted(measure)),
            session.c.id != apart_from if apart_from is not None else sa.true(),
        )
        .subquery()
    )
    rows = (
        await connection.execute(
            sa.select(ranked.c.id, ranked.c.sessions, ranked.c.since)
            .where(ranked.c.place == 1)
            .order_by(ranked.c.value.desc(), ranked.c.id)
        )
    ).all()
    found = await history.by_ids(connection, [row.id for row in rows])
    return [Best(found[row.id], row.sessions, row.since) for row in rows]


async def rank(
    connection: Connection, measure: Measure, value: float, *, watch_id: int, apart_from: int
) -> tuple[int, int]:
    """Return a value's place among the ended sessions of a public watch, and how many these are with it."""
    column = session.c[measure]
    row = await connection.execute(
        sa.select(sa.func.count(sa.case((column > value, 1))), sa.func.count(column)).where(
            session.c.watch_id == watch_id,
            session.c.state == State.ENDED,
            session.c.id != apart_from,
            session.c.id.not_in(_doubted(measure)),
        )
    )
    better, others = row.one()
    return better + 1, others + 1


async def doubted(connection: Connection, session_ids: Collection[int]) -> dict[int, frozenset[Measure]]:
    """Return which values of sessions of public watches are disputed: why, is for the chats that said it."""
    rows = await connection.execute(
        sa.select(doubt.c.session_id, doubt.c.measure)
        .join(session, session.c.id == doubt.c.session_id)
        .where(doubt.c.session_id.in_(session_ids), *_holds(session.c.watch_id))
    )
    found: dict[int, set[Measure]] = {}
    for session_id, measure in rows:
        found.setdefault(session_id, set()).add(Measure(measure))
    return {id_: frozenset(measures) for id_, measures in found.items()}


def _doubted(measure: Measure) -> sa.Select[int]:
    """Return the query of the sessions whose value does not count on the pages."""
    its = session.alias()
    return (
        sa.select(doubt.c.session_id)
        .join(its, its.c.id == doubt.c.session_id)
        .where(doubt.c.measure == measure.value, *_holds(its.c.watch_id))
    )


def _holds(watch_id: sa.ColumnElement[int]) -> tuple[sa.ColumnElement[bool], ...]:
    """Return what makes a doubt one of the pages: an operator's, or one of a chat that made the watch public."""
    its = (
        sa.exists()
        .where(chat_watch.c.watch_id == watch_id, chat_watch.c.chat_id == doubt.c.chat_id)
        .where(chat_watch.c.published_at.is_not(None))
        .correlate(doubt, watch_id.table)
    )
    return doubt.c.removed_at.is_(None), sa.or_(doubt.c.chat_id.is_(None), its)


async def _published(connection: Connection, *where: sa.ColumnElement[bool]) -> dict[int, Published]:
    rows = await connection.execute(
        sa.select(chat_watch.c.name.label("called"), chat.c.timezone.label("zone"), chat_watch.c.chat_id, *_WATCH)
        .join(chat, chat.c.id == chat_watch.c.chat_id)
        .join(watch, watch.c.id == chat_watch.c.watch_id)
        .where(chat_watch.c.published_at.is_not(None), chat.c.disabled_at.is_(None), *where)
        .order_by(chat_watch.c.published_at, chat_watch.c.chat_id)
        .limit(MOST)
    )
    found: dict[int, Published] = {}
    for called, zone, chat_id, *values in rows:
        its = Watch._make(values)
        found.setdefault(its.id, Published(its, called, zone, chat_id))
    return found
