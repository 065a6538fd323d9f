"""Texts that sources keep: by subject and key."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import sqlalchemy as sa

from storage.database import Connection
from storage.tables import memory


async def get(connection: Connection, subject: str, keys: Iterable[str]) -> dict[str, str]:
    """Return what is known of these keys."""
    rows = await connection.execute(
        sa.select(memory.c.key, memory.c.value).where(memory.c.subject == subject, memory.c.key.in_(list(keys)))
    )
    return {row.key: row.value for row in rows}


async def put(connection: Connection, subject: str, items: Mapping[str, str]) -> None:
    """Keep these; what was known of the same keys gives way."""
    if not items:
        return
    await connection.execute(sa.delete(memory).where(memory.c.subject == subject, memory.c.key.in_(list(items))))
    await connection.execute(
        sa.insert(memory), [{"subject": subject, "key": key, "value": value} for key, value in items.items()]
    )
