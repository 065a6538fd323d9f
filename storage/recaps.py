"""Recaps of sessions whose figures went on growing after the end."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from bot.domain import DAY
from bot.domain.alerts.ended import KIND
from storage.database import Connection
from storage.tables import alert, chat, delivery, session, subscription

#: For so long after its end a recap follows what still grows.
FOLLOWED = 3 * DAY
#: Figures of the whole session.
TOTALS = ("tuned_in", "views", "posts")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recap:
    """A recap that was told, with what its readers saw last of the figures that grow."""

    id: int
    alert_id: int
    subscription_id: int
    session_id: int
    watch_id: int
    chat_id: int
    chat_platform: str
    chat_key: str
    topic: str
    key: str
    at: int
    message_key: str
    detail: str | None
    grown_at: int


async def stale(connection: Connection, platform: str, now: int, *, limit: int = 500) -> list[Recap]:
    """Return recaps of a chat platform whose figures may have grown since they were told, the oldest first."""
    rows = await connection.execute(
        sa.select(
            delivery.c.id,
            delivery.c.alert_id,
            delivery.c.subscription_id,
            delivery.c.session_id,
            alert.c.watch_id,
            delivery.c.chat_id,
            chat.c.platform.label("chat_platform"),
            chat.c.key.label("chat_key"),
            delivery.c.topic,
            alert.c.key,
            alert.c.at,
            delivery.c.message_key,
            delivery.c.detail,
            session.c.grown_at,
        )
        .join(alert, alert.c.id == delivery.c.alert_id)
        .join(session, session.c.id == delivery.c.session_id)
        .join(chat, chat.c.id == delivery.c.chat_id)
        .join(subscription, subscription.c.id == delivery.c.subscription_id)
        .where(
            session.c.grown_at > now - FOLLOWED,
            session.c.ended_at > now - FOLLOWED,
            session.c.state == "ended",
            delivery.c.kind == KIND,
            delivery.c.state == "sent",
            delivery.c.message_key.is_not(None),
            chat.c.platform == platform,
            chat.c.disabled_at.is_(None),
            subscription.c.disabled_at.is_(None),
        )
        .order_by(delivery.c.id)
        .limit(limit)
    )
    return [Recap(**row._mapping) for row in rows]  # noqa: SLF001


async def note(connection: Connection, recap_id: int, detail: str) -> None:
    """Note what a recap shows."""
    await connection.execute(sa.update(delivery).where(delivery.c.id == recap_id).values(detail=detail))
