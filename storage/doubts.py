"""Values of sessions that count no more: in one chat, or everywhere."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection

import sqlalchemy as sa

from bot.domain.measure import Measure
from bot.domain.rivals import Doubt
from storage.database import Connection
from storage.tables import doubt, session
from storage.watches import revise


def doubted(measure: Measure, *, chat_id: int | None) -> sa.Select[int]:
    """Return the query of the sessions whose value of a measure does not count in a chat; None: in none."""
    return sa.select(doubt.c.session_id).where(doubt.c.measure == measure.value, *_hold(chat_id))


async def of_sessions(
    connection: Connection, ids: Collection[int], *, chat_id: int | None
) -> dict[int, frozenset[Measure]]:
    """Return which values of these sessions do not count in a chat; None: in none."""
    rows = await connection.execute(
        sa.select(doubt.c.session_id, doubt.c.measure).where(doubt.c.session_id.in_(ids), *_hold(chat_id))
    )
    found: dict[int, set[Measure]] = defaultdict(set)
    for session_id, measure in rows:
        found[session_id].add(Measure(measure))
    return {id_: frozenset(measures) for id_, measures in found.items()}


async def standing(connection: Connection) -> frozenset[Doubt]:
    """Return all doubts that hold."""
    rows = await connection.execute(
        sa.select(
            doubt.c.chat_id,
            doubt.c.session_id,
            session.c.watch_id,
            session.c.platform,
            session.c.public,
            doubt.c.measure,
        )
        .join(session, session.c.id == doubt.c.session_id)
        .where(doubt.c.removed_at.is_(None))
    )
    return frozenset(Doubt(*row[:-1], Measure(row.measure)) for row in rows)


async def why(connection: Connection, session_id: int, *, chat_id: int) -> dict[Measure, str]:
    """Return which values of a session do not count in a chat, and why; its own doubts come before everybody's."""
    rows = await connection.execute(
        sa.select(doubt.c.measure, doubt.c.why)
        .where(
            doubt.c.session_id == session_id,
            doubt.c.removed_at.is_(None),
            sa.or_(doubt.c.chat_id.is_(None), doubt.c.chat_id == chat_id),
        )
        .order_by(doubt.c.chat_id.is_not(None), doubt.c.id)
    )
    return {Measure(row.measure): row.why for row in rows}


async def raise_(
    connection: Connection,
    session_id: int,
    measure: Measure,
    *,
    chat_id: int | None,
    why: str,
    made_by: str | None,
    now: int,
) -> bool:
    """Let a value of a session count no more; tells whether it did before, else only the reason is new."""
    changed = await connection.execute(
        sa.update(doubt).where(*_one(session_id, measure, chat_id)).values(why=why, made_by=made_by)
    )
    if changed.rowcount:
        return False
    await connection.execute(
        sa.insert(doubt).values(
            chat_id=chat_id,
            session_id=session_id,
            measure=measure.value,
            why=why,
            made_by=made_by,
            created_at=now,
        )
    )
    await revise(connection)
    return True


async def lift(
    connection: Connection, session_id: int, measure: Measure, *, chat_id: int | None, now: int, by: str | None
) -> bool:
    """Let a value of a session count again; tells whether it was doubted so."""
    changed = await connection.execute(
        sa.update(doubt).where(*_one(session_id, measure, chat_id)).values(removed_at=now, removed_by=by)
    )
    if changed.rowcount:
        await revise(connection)
    return changed.rowcount > 0


def _hold(chat_id: int | None) -> tuple[sa.ColumnElement[bool], ...]:
    everywhere = doubt.c.chat_id.is_(None)
    return (
        doubt.c.removed_at.is_(None),
        sa.or_(everywhere, doubt.c.chat_id == chat_id) if chat_id else everywhere,
    )


def _one(session_id: int, measure: Measure, chat_id: int | None) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        doubt.c.session_id == session_id,
        doubt.c.measure == measure.value,
        doubt.c.removed_at.is_(None),
        doubt.c.chat_id.is_(None) if chat_id is None else doubt.c.chat_id == chat_id,
    )
