"""Ties: which watches show one event, as a chat sees it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from storage.database import Connection
from storage.tables import chat_watch, tie, tie_watch


@dataclass(frozen=True, slots=True, kw_only=True)
class Tie:
    """Watches that are tied in a chat, in the order in which the chat began to watch them."""

    id: int
    name: str
    watch_ids: tuple[int, ...]


async def of_chat(connection: Connection, chat_id: int) -> list[Tie]:
    """Return a chat's ties by name, with what it still watches of each."""
    rows = await connection.execute(
        sa.select(tie.c.id, tie.c.name, chat_watch.c.watch_id)
        .join(tie_watch, tie_watch.c.tie_id == tie.c.id)
        .join(
            chat_watch,
            sa.and_(chat_watch.c.chat_id == tie.c.chat_id, chat_watch.c.watch_id == tie_watch.c.watch_id),
        )
        .where(tie.c.chat_id == chat_id)
        .order_by(tie.c.name, tie.c.id, chat_watch.c.created_at, chat_watch.c.watch_id)
    )
    found: dict[int, Tie] = {}
    for id_, name, watch_id in rows:
        before = found[id_].watch_ids if id_ in found else ()
        found[id_] = Tie(id=id_, name=name, watch_ids=(*before, watch_id))
    return list(found.values())


async def names(connection: Connection, chat_id: int) -> list[str]:
    """Return what a chat's ties are called, those too of which nothing is watched any more."""
    rows = await connection.execute(sa.select(tie.c.name).where(tie.c.chat_id == chat_id).order_by(tie.c.name))
    return list(rows.scalars())


async def add(connection: Connection, *, chat_id: int, name: str, watch_ids: Sequence[int], now: int) -> int:
    """Tie watches and return the tie's id."""
    made = sa.insert(tie).values(chat_id=chat_id, name=name, created_at=now).returning(tie.c.id)
    id_ = int((await connection.execute(made)).scalar_one())
    await connection.execute(
        sa.insert(tie_watch), [{"tie_id": id_, "watch_id": watch_id} for watch_id in watch_ids]
    )
    return id_


async def remove(connection: Connection, *, chat_id: int, name: str) -> bool:
    """Untie what a chat calls so; tells whether there was such a tie."""
    gone = await connection.execute(sa.delete(tie).where(tie.c.chat_id == chat_id, tie.c.name == name))
    return gone.rowcount > 0
