"""What is to be told to admins or operators in private, until a process that has the chat has told it."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

import sqlalchemy as sa

from storage.database import Connection
from storage.tables import notice

#: So many are told at a time.
AT_ONCE = 50


class Notice(NamedTuple):
    """A notice; see the table. It is of a watch whose account is gone, or of a source that refuses the bot."""

    id: int
    platform: str
    watch_id: int | None
    source: str | None
    why: str


async def add(
    connection: Connection,
    platforms: Collection[str],
    *,
    why: str,
    now: int,
    watch_id: int | None = None,
    source: str | None = None,
) -> None:
    """Leave word with the chats of these platforms."""
    for platform in sorted(platforms):
        await connection.execute(
            sa.insert(notice).values(platform=platform, watch_id=watch_id, source=source, why=why, made_at=now)
        )


async def waiting(connection: Connection, platform: str) -> list[Notice]:
    """Return what a chat platform has to tell, oldest first."""
    columns = (notice.c[name] for name in Notice._fields)
    rows = await connection.execute(
        sa.select(*columns).where(notice.c.platform == platform).order_by(notice.c.id).limit(AT_ONCE)
    )
    return [Notice._make(row) for row in rows]


async def told(connection: Connection, id_: int) -> None:
    """Forget what was told."""
    await connection.execute(sa.delete(notice).where(notice.c.id == id_))
