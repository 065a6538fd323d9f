"""A chat's own words, kind by kind."""

from __future__ import annotations

from typing import cast

import sqlalchemy as sa

from storage.database import Connection
from storage.tables import delivery, wording


async def of_chat(connection: Connection, chat_id: int) -> dict[str, str]:
    """Return the texts that a chat has written, by kind."""
    rows = await connection.execute(
        sa.select(wording.c.kind, wording.c.text).where(wording.c.chat_id == chat_id).order_by(wording.c.kind)
    )
    return {row.kind: row.text for row in rows}


async def of_kind(connection: Connection, chat_id: int, kind: str) -> str | None:
    """Return what a chat has written for a kind, None if it has not."""
    found = await connection.execute(
        sa.select(wording.c.text).where(wording.c.chat_id == chat_id, wording.c.kind == kind)
    )
    return cast("str | None", found.scalar_one_or_none())


async def put(
    connection: Connection, *, chat_id: int, kind: str, text: str, made_by: str | None, now: int
) -> None:
    """Keep a chat's text for a kind, in the place of an earlier one.

    Args:
        made_by: The platform's id of the admin who wrote it.
    """
    values = {"text": text, "made_by": made_by, "made_at": now}
    changed = await connection.execute(
        sa.update(wording).where(wording.c.chat_id == chat_id, wording.c.kind == kind).values(values)
    )
    if not changed.rowcount:
        await connection.execute(sa.insert(wording).values(chat_id=chat_id, kind=kind, **values))


async def remove(connection: Connection, *, chat_id: int, kind: str) -> bool:
    """Forget a chat's text for a kind; tells whether there was one."""
    gone = await connection.execute(sa.delete(wording).where(wording.c.chat_id == chat_id, wording.c.kind == kind))
    return gone.rowcount > 0


async def last_told(connection: Connection, *, chat_id: int, kind: str) -> int | None:
    """Return the delivery of the last alert of a kind that a chat was told, or None."""
    found = await connection.execute(
        sa.select(delivery.c.id)
        .where(delivery.c.chat_id == chat_id, delivery.c.kind == kind, delivery.c.state == "sent")
        .order_by(delivery.c.id.desc())
        .limit(1)
    )
    return cast("int | None", found.scalar_one_or_none())
