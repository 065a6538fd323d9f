"""Who holds which record as a chat sees it, and how it was measured."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NamedTuple

import sqlalchemy as sa

from bot.domain.measure import MARK_OF, Measure
from bot.domain.reading import State, plain
from storage.database import Connection
from storage.doubts import doubted
from storage.records import bare
from storage.tables import book, doubt, session, tally, watch

MARKS = tuple(MARK_OF.values())


class Holding(NamedTuple):
    """The best ended session of a watch, or of a platform.

    Attributes:
        moment: When its peak was, for that measure; else when it began.
        interval: Milliseconds between readings.
        origin: Where its figures come from, if they were imported.
        sessions, since: How many sessions were tracked here, and when the first of these was live; it is the best
            of them, and of what was imported.
    """

    session_id: int
    watch_id: int
    name: str
    value: float
    moment: int
    timezone: str
    url: str | None
    interval: int
    coverage: float | None
    origin: str | None
    sessions: int
    since: int | None


async def of_watches(
    connection: Connection, watch_ids: Collection[int], measure: Measure, *, chat_id: int | None
) -> list[Holding]:
    """Return the best session of each of these watches, the highest first."""
    return await _best(connection, measure, session.c.watch_id, session.c.watch_id.in_(watch_ids), chat_id=chat_id)


async def elsewhere(
    connection: Connection, platform: str, measure: Measure, *, apart_from: Collection[int], chat_id: int | None
) -> Holding | None:
    """Return the best public session of a platform, of watches that are neither the chat's nor bare numbers."""
    others = sa.and_(
        session.c.platform == platform,
        session.c.public,
        session.c.watch_id.not_in(apart_from),
        session.c.watch_id.not_in(bare(platform)),
    )
    found = await _best(connection, measure, session.c.platform, others, chat_id=chat_id)
    return found[0] if found else None


async def _best(
    connection: Connection,
    measure: Measure,
    group: sa.ColumnElement[Any],
    condition: sa.ColumnElement[bool],
    *,
    chat_id: int | None,
) -> list[Holding]:
    value = session.c[measure]
    moment: sa.ColumnElement[Any] = session.c.first_at
    if measure is Measure.PEAK:
        moment = sa.func.coalesce(session.c.peak_at, session.c.first_at)
    tracked = sa.case((session.c.origin.is_(None), session.c.first_at))
    ranked = (
        sa.select(
            session.c.id,
            session.c.watch_id,
            value.label("value"),
            moment.label("moment"),
            session.c.url,
            session.c.coverage,
            session.c.origin,
            sa.func.count(tracked).over(partition_by=group).label("sessions"),
            sa.func.min(tracked).over(partition_by=group).label("since"),
            sa.func.row_number()
            .over(partition_by=group, order_by=(value.desc(), session.c.ended_at, session.c.id))
            .label("place"),
        )
        .where(
            condition,
            session.c.state == State.ENDED,
            value.is_not(None),
            session.c.id.not_in(doubted(measure, chat_id=chat_id)),
        )
        .subquery()
    )
    rows = await connection.execute(
        sa.select(ranked, watch.c.name, watch.c.timezone, watch.c.interval)
        .join(watch, watch.c.id == ranked.c.watch_id)
        .where(ranked.c.place == 1)
        .order_by(ranked.c.value.desc(), ranked.c.id)
    )
    return [
        Holding(
            session_id=row.id,
            watch_id=row.watch_id,
            name=row.name,
            value=plain(row.value),
            moment=row.moment,
            timezone=row.timezone,
            url=row.url,
            interval=row.interval,
            coverage=row.coverage,
            origin=row.origin,
            sessions=row.sessions,
            since=row.since,
        )
        for row in rows
    ]


class Doubted(NamedTuple):
    """A value of a session that does not count in a chat.

    Attributes:
        everywhere: It counts nowhere, as an operator has said.
        moment: When the session began, if it did.
    """

    session_id: int
    watch_id: int
    platform: str
    name: str
    measure: Measure
    value: float | None
    moment: int | None
    timezone: str
    why: str
    everywhere: bool
    made_by: str | None
    created_at: int
    removed_by: str | None
    removed_at: int | None


async def doubts(
    connection: Connection, *, chat_id: int | None, lifted: bool = False, limit: int = 100
) -> list[Doubted]:
    """Return the doubts of a chat and everybody's, the newest first; those that were lifted only if so asked."""
    # While a session is live, what it has come to stands in its tally.
    values = sa.case(
        *(
            (
                doubt.c.measure == one.value,
                sa.func.coalesce(session.c[one], tally.c[one]) if one in MARKS else session.c[one],
            )
            for one in Measure
        )
    )
    rows = await connection.execute(
        sa.select(
            doubt.c.session_id,
            session.c.watch_id,
            session.c.platform,
            watch.c.name,
            doubt.c.measure,
            values.label("value"),
            tally.c.first_at,
            watch.c.timezone,
            doubt.c.why,
            doubt.c.chat_id,
            doubt.c.made_by,
            doubt.c.created_at,
            doubt.c.removed_by,
            doubt.c.removed_at,
        )
        .join(session, session.c.id == doubt.c.session_id)
        .join(tally, tally.c.session_id == session.c.id)
        .join(watch, watch.c.id == session.c.watch_id)
        .where(
            sa.or_(doubt.c.chat_id.is_(None), doubt.c.chat_id == chat_id),
            sa.true() if lifted else doubt.c.removed_at.is_(None),
        )
        .order_by(doubt.c.id.desc())
        .limit(limit)
    )
    return [
        Doubted(
            session_id=row.session_id,
            watch_id=row.watch_id,
            platform=row.platform,
            name=row.name,
            measure=Measure(row.measure),
            value=None if row.value is None else plain(row.value),
            moment=row.first_at,
            timezone=row.timezone,
            why=row.why,
            everywhere=row.chat_id is None,
            made_by=row.made_by,
            created_at=row.created_at,
            removed_by=row.removed_by,
            removed_at=row.removed_at,
        )
        for row in rows
    ]


class Page(NamedTuple):
    """An entry of the book with who did what to it; see ``storage.tables.book``."""

    id: int
    everywhere: bool
    measure: Measure
    value: float
    holder: str
    made_by: str | None
    created_at: int
    disputed_by: str | None
    note: str | None
    removed_by: str | None
    removed_at: int | None


async def pages(connection: Connection, *, chat_id: int, limit: int) -> list[Page]:
    """Return the entries of a chat and everybody's, removed ones too, those that changed last first."""
    rows = await connection.execute(
        sa.select(book)
        .where(sa.or_(book.c.chat_id.is_(None), book.c.chat_id == chat_id))
        .order_by(sa.func.coalesce(book.c.removed_at, book.c.created_at).desc(), book.c.id.desc())
        .limit(limit)
    )
    return [
        Page(
            id=row.id,
            everywhere=row.chat_id is None,
            measure=Measure(row.measure),
            value=plain(row.value),
            holder=row.holder,
            made_by=row.made_by,
            created_at=row.created_at,
            disputed_by=row.disputed_by,
            note=row.note,
            removed_by=row.removed_by,
            removed_at=row.removed_at,
        )
        for row in rows
    ]
