"""What was posted: which message told what, and how a chat's last deliveries ended."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from storage.database import Connection
from storage.tables import alert, chat_watch, delivery, subscription, watch


async def before(
    connection: Connection, *, subscription_id: int, session_id: int, kind: str, until: int
) -> tuple[int, float | None, str | None] | None:
    """Return the (moment, threshold, message) of the last such alert sent earlier, or None."""
    row = (
        await connection.execute(
            sa.select(alert.c.at, delivery.c.threshold, delivery.c.message_key)
            .join(alert, alert.c.id == delivery.c.alert_id)
            .where(
                delivery.c.session_id == session_id,
                delivery.c.kind == kind,
                delivery.c.subscription_id == subscription_id,
                delivery.c.id < until,
                delivery.c.state == "sent",
                delivery.c.digest_id.is_(None),
            )
            .order_by(delivery.c.id.desc())
            .limit(1)
        )
    ).one_or_none()
    return None if row is None else (row[0], row[1], row[2])


async def message_of(
    connection: Connection, *, subscription_id: int, session_id: int, key: str
) -> tuple[str, bool] | None:
    """Return the platform's id of the post that told a subscription an alert, and whether it told others, too."""
    row = (
        await connection.execute(
            sa.select(delivery.c.message_key, delivery.c.digest_id)
            .join(alert, alert.c.id == delivery.c.alert_id)
            .where(
                alert.c.session_id == session_id,
                alert.c.key == key,
                delivery.c.subscription_id == subscription_id,
                delivery.c.state == "sent",
                delivery.c.message_key.is_not(None),
            )
        )
    ).first()
    return None if row is None else (row.message_key, row.digest_id is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """How a delivery stands, for the chat's admins."""

    watch: str
    topic_title: str | None
    kind: str
    at: int
    measure: str | None
    value: float | None
    unit: str
    threshold: float | None
    state: str
    settled_at: int | None
    attempts: int
    error: str | None


async def latest(connection: Connection, *, chat_id: int, limit: int) -> list[Past]:
    """Return a chat's last deliveries, the latest first."""
    name = sa.func.coalesce(chat_watch.c.name, watch.c.name).label("watch")
    rows = await connection.execute(
        sa.select(
            name,
            subscription.c.topic_title,
            delivery.c.kind,
            alert.c.at,
            alert.c.measure,
            alert.c.value,
            watch.c.unit,
            delivery.c.threshold,
            delivery.c.state,
            delivery.c.settled_at,
            delivery.c.attempts,
            delivery.c.error,
        )
        .join(alert, alert.c.id == delivery.c.alert_id)
        .join(watch, watch.c.id == alert.c.watch_id)
        .outerjoin(
            chat_watch, sa.and_(chat_watch.c.chat_id == delivery.c.chat_id, chat_watch.c.watch_id == watch.c.id)
        )
        .outerjoin(subscription, subscription.c.id == delivery.c.subscription_id)
        .where(delivery.c.chat_id == chat_id)
        .order_by(delivery.c.id.desc())
        .limit(limit)
    )
    return [Past(**row._mapping) for row in rows]  # noqa: SLF001
