"""What has been kept for long enough: which sessions are old, and how what is known of them goes.

Every query here touches a bounded number of rows, for it runs beside the ticks of the poller.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import sqlalchemy as sa

from bot.domain.reading import State
from storage.database import Connection
from storage.tables import delivery, session, tally, watch

_NOBODY = "[]"
_SETTLED = delivery.c.state.not_in(("pending", "leased"))


class Aged(NamedTuple):
    """A session that is over; its first and last reading seen live, if there was one."""

    id: int
    ended_at: int
    first_at: int | None
    last_at: int | None
    peak_at: int | None


_AGED = sa.select(session.c.id, session.c.ended_at, tally.c.first_at, tally.c.last_at, tally.c.peak_at).join(
    tally, tally.c.session_id == session.c.id
)


async def ended(
    connection: Connection, *, source: str | None, after: tuple[int, int], until: int, limit: int
) -> list[Aged]:
    """Return sessions in the order of their ends.

    Args:
        source: Only those whose watch has this source; None for all.
        after: The end and the id after which to go on.
        until: The last end that counts, in milliseconds.
        limit: At most so many.
    """
    at, id_ = after
    query = _AGED.where(
        session.c.state == State.ENDED,
        session.c.ended_at <= until,
        tally.c.first_at.is_not(None),
        sa.or_(session.c.ended_at > at, sa.and_(session.c.ended_at == at, session.c.id > id_)),
    ).order_by(session.c.ended_at, session.c.id)
    rows = await connection.execute(_of(query, source).limit(limit))
    return [Aged._make(row) for row in rows]


async def expired(connection: Connection, source: str, *, until: int, limit: int) -> list[Aged]:
    """Return a source's sessions that ended by then, or were given up by then without having been live."""
    end = sa.func.coalesce(session.c.ended_at, session.c.gone_at)
    query = _of(_AGED, source).where(session.c.state == State.ENDED, end <= until).order_by(session.c.id)
    rows = await connection.execute(
        query.with_only_columns(session.c.id, end, tally.c.first_at, tally.c.last_at, tally.c.peak_at).limit(limit)
    )
    return [Aged._make(row) for row in rows]


async def given_up(connection: Connection, source: str, *, limit: int) -> list[int]:
    """Return a source's sessions that were announced, never came, and still have words."""
    query = _of(sa.select(session.c.id).join(tally, tally.c.session_id == session.c.id), source).where(
        session.c.state == State.ENDED,
        tally.c.first_at.is_(None),
        sa.or_(session.c.title.is_not(None), session.c.hosts != _NOBODY),
    )
    return list((await connection.execute(query.order_by(session.c.id).limit(limit))).scalars())


async def forget_words(connection: Connection, ids: list[int]) -> None:
    """Forget what sessions that are over were called, and who hosted them; ids, links and figures stay."""
    await connection.execute(
        sa.update(session)
        .where(session.c.id.in_(ids), session.c.state == State.ENDED)
        .values(title=None, hosts=_NOBODY)
    )


async def forget_rivals(connection: Connection, session_id: int, *, limit: int) -> int:
    """Forget what settled deliveries of a session were told of its rivals; return of how many."""
    some = (
        sa.select(delivery.c.id)
        .where(delivery.c.session_id == session_id, delivery.c.detail.is_not(None), _SETTLED)
        .limit(limit)
    )
    done = await connection.execute(sa.update(delivery).where(delivery.c.id.in_(some)).values(detail=None))
    return done.rowcount


async def drop_deliveries(connection: Connection, session_id: int, *, limit: int) -> int:
    """Delete deliveries of a session, and return how many."""
    some = sa.select(delivery.c.id).where(delivery.c.session_id == session_id).limit(limit)
    return (await connection.execute(sa.delete(delivery).where(delivery.c.id.in_(some)))).rowcount


async def drop_session(connection: Connection, session_id: int) -> None:
    """Delete a session with its aggregates, alerts and ids; its readings and deliveries are gone before."""
    await connection.execute(sa.delete(session).where(session.c.id == session_id, session.c.state == State.ENDED))


def _of(query: sa.Select[Any], source: str | None) -> sa.Select[Any]:
    query = query.where(session.c.origin.is_(None))  # figures that people brought along are no platform's
    if source is None:
        return query
    return query.join(watch, watch.c.id == session.c.watch_id).where(watch.c.source == source)
