"""Calendar days of a watch, added up."""

from __future__ import annotations

from typing import NamedTuple

import sqlalchemy as sa

from storage.database import Connection
from storage.tables import session, tally


class Posts(NamedTuple):
    """The posts of a watch since its first day.

    Attributes:
        total: Of the days that are known.
        days: How many these are.
        first_at, last_at: A moment of the first and of the last of them.
    """

    total: float
    days: int
    first_at: int
    last_at: int


async def posts(connection: Connection, watch_id: int) -> Posts | None:
    """Return the posts of all days of a watch; None if no day is known."""
    row = (
        await connection.execute(
            sa.select(
                sa.func.sum(tally.c.posts),
                sa.func.count(tally.c.posts),
                sa.func.min(tally.c.first_at),
                sa.func.max(tally.c.last_at),
            )
            .select_from(session.join(tally, tally.c.session_id == session.c.id))
            .where(session.c.watch_id == watch_id, tally.c.posts.is_not(None), tally.c.first_at.is_not(None))
        )
    ).one()
    return Posts(float(row[0]), row[1], row[2], row[3]) if row[1] else None
