"""What was posted: which message told what, and how a chat's last deliveries ended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, NamedTuple

import sqlalchemy as sa

from storage.database import Connection
from storage.tables import alert, chat_watch, delivery, subscription, watch


async def before(
    connection: Connection, *, subscription_id: int, session_id: int, kind: str, until: int
) -> tuple[int, float | None, str | None] | None:
    """Return the (moment, threshold, message) of the last such alert sent before a delivery, or None."""
    its = delivery.alias("its")  # of its chat, so that the deliveries to all others are not looked through
    row = (
        await connection.execute(
            sa.select(alert.c.at, delivery.c.threshold, delivery.c.message_key)
            .join(alert, alert.c.id == delivery.c.alert_id)
            .where(
                its.c.id == until,
                delivery.c.session_id == session_id,
                delivery.c.kind == kind,
                delivery.c.chat_id == its.c.chat_id,
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
    """How a delivery stands, for the chat's admins.

    Attributes:
        due_at: When it is tried next, or when the quiet hours end in which it is held.
        in_digest: It is told, or is to be told, in one post with others.
        subscribed: Its subscription is there still.
    """

    watch: str
    topic: str
    topic_title: str | None
    kind: str
    at: int
    measure: str | None
    value: float | None
    unit: str
    threshold: float | None
    state: str
    due_at: int
    settled_at: int | None
    attempts: int
    error: str | None
    in_digest: bool
    subscribed: bool
    muted_until: int | None


class Counts(NamedTuple):
    """How many deliveries of a chat stand how."""

    sent: int
    waiting: int
    held: int
    left_out: int
    failed: int


def _did_not_arrive(wanted_so: Collection[str]) -> sa.ColumnElement[bool]:
    """Return the condition that a delivery was given up, but for the reasons that the chat itself has given."""
    return sa.or_(
        delivery.c.state == "dead",
        sa.and_(
            delivery.c.state == "expired", sa.or_(delivery.c.error.is_(None), delivery.c.error.not_in(wanted_so))
        ),
    )


async def counts(
    connection: Connection, *, chat_id: int, since: int, wanted_so: Collection[str], watch_id: int | None = None
) -> Counts:
    """Count a chat's deliveries of alerts since a moment.

    Args:
        wanted_so: Reasons for which what expired was left out because the chat wanted it so.
        watch_id: Only those of this watch.
    """
    how = sa.case(
        (delivery.c.state == "sent", 0),
        (delivery.c.state.in_(("pending", "leased")), 1),
        (delivery.c.state == "held", 2),
        (_did_not_arrive(wanted_so), 4),
        else_=3,
    ).label("how")
    rows = await connection.execute(
        sa.select(how, sa.func.count())
        .join(alert, alert.c.id == delivery.c.alert_id)
        .where(
            delivery.c.chat_id == chat_id,
            alert.c.at >= since,
            *((alert.c.watch_id == watch_id,) if watch_id is not None else ()),
        )
        .group_by("how")
    )
    found: Counter[int] = Counter()
    for number, count in rows:
        found[number] = count
    return Counts(*(found[number] for number in range(len(Counts._fields))))


async def latest(
    connection: Connection,
    *,
    chat_id: int,
    limit: int,
    offset: int = 0,
    watch_id: int | None = None,
    first: str | None = None,
    failed: Collection[str] | None = None,
) -> list[Past]:
    """Return a chat's last deliveries, the latest first.

    Args:
        watch_id: Only those of this watch.
        first: Those to this topic come before all others.
        failed: Only what did not arrive, or not yet although it was tried, or not as a whole; but for what expired
            for one of these reasons.
    """
    name = sa.func.coalesce(chat_watch.c.name, watch.c.name).label("watch")
    conditions: list[sa.ColumnElement[bool]] = [delivery.c.chat_id == chat_id]
    if watch_id is not None:
        conditions.append(watch.c.id == watch_id)
    if failed is not None:
        troubled = sa.and_(delivery.c.state.in_(("pending", "leased", "sent")), delivery.c.error.is_not(None))
        conditions.append(sa.or_(_did_not_arrive(failed), troubled))
    order: list[sa.ColumnElement[Any]] = [delivery.c.id.desc()]
    if first is not None:
        order.insert(0, sa.case((delivery.c.topic == first, 0), else_=1))
    rows = await connection.execute(
        sa.select(
            name,
            delivery.c.topic,
            subscription.c.topic_title,
            delivery.c.kind,
            alert.c.at,
            alert.c.measure,
            alert.c.value,
            watch.c.unit,
            delivery.c.threshold,
            delivery.c.state,
            delivery.c.due_at,
            delivery.c.settled_at,
            delivery.c.attempts,
            delivery.c.error,
            delivery.c.digest_id.is_not(None).label("in_digest"),
            subscription.c.id.is_not(None).label("subscribed"),
            subscription.c.muted_until,
        )
        .join(alert, alert.c.id == delivery.c.alert_id)
        .join(watch, watch.c.id == alert.c.watch_id)
        .outerjoin(
            chat_watch, sa.and_(chat_watch.c.chat_id == delivery.c.chat_id, chat_watch.c.watch_id == watch.c.id)
        )
        .outerjoin(subscription, subscription.c.id == delivery.c.subscription_id)
        .where(*conditions)
        .order_by(*order)
        .limit(limit)
        .offset(offset)
    )
    return [Past(**row._mapping) for row in rows]  # noqa: SLF001
