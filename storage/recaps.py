"""Recaps of sessions whose figures went on growing after the end."""

from __future__ import annotations

import sqlalchemy as sa

from bot.domain import DAY
from bot.domain.alerts.ended import KIND
from storage.database import Connection
from storage.sending import Owed, owed, owed_with
from storage.tables import alert, chat, delivery, session, subscription

#: For so long after its end a recap follows what still grows.
FOLLOWED = 3 * DAY


async def stale(
    connection: Connection, platform: str, now: int, *, edited_before: int, limit: int
) -> list[tuple[Owed, str]]:
    """Return recaps of a chat platform whose figures have grown since they were told, with the ids of their posts.

    Args:
        edited_before: Only those that were not edited since; those edited longest ago come first.
    """
    edited_at = sa.func.coalesce(delivery.c.edited_at, 0)
    rows = await connection.execute(
        owed_with(delivery.c.message_key)
        .join(session, session.c.id == delivery.c.session_id)
        .where(
            session.c.grown_at > now - FOLLOWED,
            session.c.grown_at > sa.func.coalesce(delivery.c.edited_at, alert.c.at),
            session.c.ended_at > now - FOLLOWED,
            session.c.state == "ended",
            delivery.c.kind == KIND,
            delivery.c.state == "sent",
            delivery.c.message_key.is_not(None),
            delivery.c.digest_id.is_(None),
            edited_at <= edited_before,
            chat.c.platform == platform,
            chat.c.disabled_at.is_(None),
            subscription.c.disabled_at.is_(None),
        )
        .order_by(edited_at, delivery.c.id)
        .limit(limit)
    )
    return [(owed(row), row.message_key) for row in rows]


async def note(connection: Connection, delivery_id: int, *, now: int) -> None:
    """Note that a recap shows how things stand now."""
    await connection.execute(sa.update(delivery).where(delivery.c.id == delivery_id).values(edited_at=now))
