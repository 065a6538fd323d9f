"""Watches that are due, shared by several processes: each is asked by one at a time, whoever comes first.

Only for PostgreSQL; where one process has the database to itself, ``storage.watches.claim`` is all it takes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType

import sqlalchemy as sa

from storage import leases
from storage.database import Connection
from storage.tables import watch
from storage.watches import Watch

#: So many are taken at once: what is left is for the other processes.
AT_ONCE = 2_000
_COLUMNS = tuple(watch.c[name] for name in Watch._fields)


async def claim(
    connection: Connection,
    now: int,
    *,
    holder: str,
    until: int,
    together: Mapping[str, int] = MappingProxyType({}),
    without: Collection[str] = (),
    at_most: int = AT_ONCE,
) -> tuple[list[Watch], set[int]]:
    """Return watches that are due, by id, and make each due again one interval later.

    What another process is asking is left to it until its claim runs out, or it is dead.

    Args:
        holder: The process that claims them, and until when it has them to itself.
        together: As in ``storage.watches.claim``.
        without: Sources that are not this process's to ask now.

    Returns:
        The watches, and the ids of those that another process had asked before.
    """
    free = sa.or_(
        watch.c.claimed_until.is_(None),
        watch.c.claimed_until <= now,
        watch.c.holder == holder,
        watch.c.holder.not_in(leases.alive),
    )
    ours = (watch.c.source.not_in(without), free)
    claimed = await _take(
        connection, now, holder=holder, until=until, limit=at_most, where=(watch.c.due_at <= now, *ours)
    )
    for (source, kind), due in Counter((one.source, one.kind) for one, _ in claimed).items():
        size = together.get(source, 1)
        if due % size == 0:
            continue
        soon = (
            watch.c.source == source,
            watch.c.kind == kind,
            watch.c.due_at > now,
            watch.c.due_at < sa.literal(now, sa.BigInteger) + watch.c.interval,
            watch.c.trouble.is_(None),
            *ours,
        )
        claimed += await _take(connection, now, holder=holder, until=until, limit=size - due % size, where=soon)
    moved = {one.id for one, before in claimed if before != holder}
    return sorted((one for one, _ in claimed), key=lambda one: one.id), moved


async def _take(
    connection: Connection,
    now: int,
    *,
    holder: str,
    until: int,
    limit: int,
    where: Sequence[sa.ColumnElement[bool]],
) -> list[tuple[Watch, str | None]]:
    """Claim what nobody else has locked, with who asked it last."""
    due = (
        sa.select(watch.c.id, watch.c.holder.label("before"))
        .where(*where)
        .order_by(watch.c.due_at, watch.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .cte("due")
    )
    rows = await connection.execute(
        sa.update(watch)
        .where(watch.c.id == due.c.id)
        .values(due_at=sa.literal(now, sa.BigInteger) + watch.c.interval, holder=holder, claimed_until=until)
        .returning(*_COLUMNS, due.c.before)
    )
    return [(Watch._make(row[:-1]), row[-1]) for row in rows]


async def lost(connection: Connection, ids: Collection[int], *, holder: str) -> set[int]:
    """Return which of these watches another process has claimed since; the others it cannot, until the end."""
    rows = await connection.execute(
        sa.select(watch.c.id, watch.c.holder).where(watch.c.id.in_(ids)).order_by(watch.c.id).with_for_update()
    )
    return {row.id for row in rows if row.holder is not None and row.holder != holder}


async def done(connection: Connection, ids: Collection[int], *, holder: str) -> None:
    """Let others ask these watches when they are due next."""
    await connection.execute(
        sa.update(watch).where(watch.c.id.in_(ids), watch.c.holder == holder).values(claimed_until=None)
    )
