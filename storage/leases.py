"""What one process at a time may do, where several share a database: held for some seconds, renewed or lost.

Moments are the database's own: machines whose clocks differ agree on who holds what. On SQLite, which one process
has to itself, nobody asks.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from storage.database import Connection
from storage.tables import lease, process

#: The present moment, as the database has it.
_NOW = sa.cast(sa.func.extract("epoch", sa.func.clock_timestamp()) * 1000, sa.BigInteger)


class Holder(NamedTuple):
    """Who holds what: the lease's name, the process as people name it, and since when (milliseconds)."""

    name: str
    label: str
    since: int


async def renew(
    connection: Connection, *, holder: str, label: str, roles: str, wanted: Collection[str], length: int
) -> set[str]:
    """Say that a process lives, and take or keep the leases that it wants and nobody else has.

    It waits for nobody: what another process has locked, and be it one that stands still, it has for the moment.

    Args:
        holder: The process's key; ``label`` and ``roles`` are what people are told of it.
        length: For how long, in milliseconds.

    Returns:
        The names of those that it holds now.
    """
    alive = insert(process).values(key=holder, label=label, roles=roles, started_at=_NOW, seen_until=_NOW + length)
    await connection.execute(
        alive.on_conflict_do_update(index_elements=["key"], set_={"seen_until": alive.excluded.seen_until})
    )
    if not wanted:
        return set()
    names = sa.cast(sorted(wanted), sa.ARRAY(sa.Text))
    of_it = lease.c.name == sa.any_(names)
    # What is kept is changed only where that stands in the way of nobody who makes sure of it: see ``holds``.
    own = sa.select(lease.c.name).where(of_it, lease.c.holder == holder).order_by(lease.c.name)
    free = sa.select(lease.c.name).where(of_it, lease.c.holder != holder, lease.c.until <= _NOW)
    kept = await connection.execute(
        sa.update(lease)
        .where(lease.c.name.in_(own.with_for_update(key_share=True)))
        .values(until=_NOW + length)
        .returning(lease.c.name)
    )
    taken = await connection.execute(
        sa.update(lease)
        .where(lease.c.name.in_(free.with_for_update(skip_locked=True)), lease.c.holder != holder)
        .values(holder=holder, since=_NOW, until=_NOW + length)
        .returning(lease.c.name)
    )
    held = {*kept.scalars(), *taken.scalars()}
    known = await connection.execute(sa.select(lease.c.name).where(of_it))
    new = set(wanted) - set(known.scalars())
    if new:
        rows = [{"name": name, "holder": holder, "since": _NOW, "until": _NOW + length} for name in sorted(new)]
        made = insert(lease).values(rows).on_conflict_do_nothing().returning(lease.c.name)
        held.update((await connection.execute(made)).scalars())
    return held


async def release(connection: Connection, *, holder: str, names: Sequence[str] | None = None) -> None:
    """Let go of leases, so that another process need not wait; of all, and of the process, without names."""
    theirs = lease.c.holder == holder
    if names is not None:
        await connection.execute(sa.delete(lease).where(theirs, lease.c.name.in_(names)))
        return
    # In the order in which others lock them.
    await connection.execute(sa.select(lease.c.name).where(theirs).order_by(lease.c.name).with_for_update())
    await connection.execute(sa.delete(lease).where(theirs))
    await connection.execute(sa.delete(process).where(process.c.key == holder))


async def holds(connection: Connection, *, holder: str, name: str) -> bool:
    """Tell whether a process holds a lease; nobody can take it before this transaction ends."""
    found = await connection.execute(
        sa.select(lease.c.name)
        .where(lease.c.name == name, lease.c.holder == holder, lease.c.until > _NOW)
        .with_for_update(read=True, key_share=True)
    )
    return found.first() is not None


async def forget_dead(connection: Connection, *, after: int) -> None:
    """Forget processes that were not heard of for so long (milliseconds)."""
    await connection.execute(sa.delete(process).where(process.c.seen_until < _NOW - after))


async def holders(connection: Connection) -> list[Holder]:
    """Return who holds what, by name; nothing on a database that one process has to itself."""
    if connection.dialect.name != "postgresql":
        return []
    rows = await connection.execute(
        sa.select(lease.c.name, sa.func.coalesce(process.c.label, lease.c.holder), lease.c.since)
        .outerjoin(process, process.c.key == lease.c.holder)
        .where(lease.c.until > _NOW)
        .order_by(lease.c.name)
    )
    return [Holder._make(row) for row in rows]


#: The processes that are alive.
alive = sa.select(process.c.key).where(process.c.seen_until > _NOW)
