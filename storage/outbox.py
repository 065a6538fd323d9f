"""Alerts, and the deliveries that are owed for them. Both are born in the transaction of their reading."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from bot.domain.alert import Alert
from bot.domain.alerts import WORTH
from bot.domain.reading import plain
from storage.bulk import Bulk, insert_or_ignore
from storage.database import Connection
from storage.tables import alert, chat, delivery, subscription


def _fan_out(*, ladder: bool, unless_record: bool) -> Bulk:
    """Return the statement that makes one alert's deliveries: one for each subscription that takes it.

    Args:
        ladder: Only for subscriptions with the given ladder (milestones, whose rung differs by ladder).
        unless_record: Not for those that are told a record of the same reading.
    """
    columns = ["alert_id", "session_id", "kind", "now", "watch_id", "like"]
    conditions = [
        subscription.c.watch_id == sa.bindparam("watch_id", type_=sa.BigInteger),
        subscription.c.kinds.like(sa.bindparam("like", type_=sa.Text)),
        sa.or_(
            subscription.c.muted_until.is_(None),
            subscription.c.muted_until <= sa.bindparam("now", type_=sa.BigInteger),
        ),
        chat.c.disabled_at.is_(None),
    ]
    threshold: sa.ColumnElement[Any] = sa.cast(sa.null(), sa.Float)
    if ladder:
        columns += ["threshold", "ladder", "metric"]
        threshold = sa.bindparam("threshold", type_=sa.Float)
        conditions += [
            subscription.c.ladder.is_not_distinct_from(sa.bindparam("ladder", type_=sa.Text)),
            subscription.c.metric.is_not_distinct_from(sa.bindparam("metric", type_=sa.Text)),
        ]
    if unless_record:
        columns.append("first_alert")
        told = sa.exists().where(
            delivery.c.session_id == sa.bindparam("session_id", type_=sa.BigInteger),
            delivery.c.kind == sa.literal_column("'record'"),
            delivery.c.alert_id >= sa.bindparam("first_alert", type_=sa.BigInteger),
            delivery.c.subscription_id == subscription.c.id,
        )
        conditions.append(~told)
    chosen = (
        sa.select(
            sa.bindparam("alert_id", type_=sa.BigInteger),
            subscription.c.id,
            sa.bindparam("session_id", type_=sa.BigInteger),
            subscription.c.chat_id,
            subscription.c.topic,
            sa.bindparam("kind", type_=sa.Text),
            threshold,
            sa.literal_column("'pending'"),
            sa.bindparam("now", type_=sa.BigInteger),
        )
        .join(chat, chat.c.id == subscription.c.chat_id)
        .where(*conditions)
        .order_by(subscription.c.id)
    )
    names = (
        "alert_id", "subscription_id", "session_id", "chat_id", "topic", "kind", "threshold", "state", "due_at"
    )  # fmt: skip
    return Bulk(sa.insert(delivery).from_select(names, chosen, include_defaults=False), columns)


_to_all = _fan_out(ladder=False, unless_record=False)
_to_ladder = _fan_out(ladder=True, unless_record=False)
_to_ladder_unless_record = _fan_out(ladder=True, unless_record=True)
_insert_deliveries = insert_or_ignore(
    delivery,
    (
        "alert_id", "subscription_id", "session_id", "chat_id", "topic", "kind",
        "scope", "detail", "state", "due_at",
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """A milestone for all subscriptions that share a ladder.

    Attributes:
        ladder, metric: As the subscriptions have them written.
        first_alert: If the reading brought a record: the id of its first alert, else None.
    """

    alert_id: int
    session_id: int
    watch_id: int
    threshold: float
    ladder: str | None
    metric: str | None
    first_alert: int | None


async def add_alerts(connection: Connection, alerts: Sequence[Alert]) -> list[int]:
    """Insert alerts and return their ids, in the same order."""
    if not alerts:
        return []
    result = await connection.execute(
        sa.insert(alert).returning(alert.c.id, sort_by_parameter_order=True),
        [
            {
                "session_id": one.session.id,
                "watch_id": one.session.watch_id,
                "kind": one.kind,
                "key": one.key,
                "at": one.at,
                "measure": one.measure,
                "before": one.before,
                "value": one.value,
                "late": one.late,
                "expires_at": one.at + WORTH[one.kind],
            }
            for one in alerts
        ],
    )
    return list(result.scalars())


async def deliver_to_all(connection: Connection, alerts: Iterable[tuple[int, Alert]], *, now: int) -> None:
    """Owe alerts, given with their ids, to every subscription that takes their kind."""
    await _to_all.run(
        connection,
        [(id_, one.session.id, one.kind, now, one.session.watch_id, f"%,{one.kind},%") for id_, one in alerts],
    )


async def deliver_rungs(connection: Connection, rungs: Iterable[Rung], *, now: int) -> None:
    """Owe milestones to the subscriptions whose ladder has the rung."""
    plain_rows, rows = [], []
    for one in rungs:
        row = (
            one.alert_id, one.session_id, "milestone", now, one.watch_id, "%,milestone,%",
            one.threshold, one.ladder, one.metric,
        )  # fmt: skip
        if one.first_alert is None:
            plain_rows.append(row)
        else:
            rows.append((*row, one.first_alert))
    await _to_ladder.run(connection, plain_rows)
    await _to_ladder_unless_record.run(connection, rows)


async def deliver_record(
    connection: Connection, id_: int, one: Alert, *, chat_id: int, scope: int, detail: str, now: int
) -> None:
    """Owe a record to one chat's subscriptions, with the scope and the rival that it is told of."""
    rows = await connection.execute(
        sa.select(subscription.c.id, subscription.c.topic).where(
            subscription.c.chat_id == chat_id,
            subscription.c.watch_id == one.session.watch_id,
            subscription.c.kinds.like("%,record,%"),
            sa.or_(subscription.c.muted_until.is_(None), subscription.c.muted_until <= now),
        )
    )
    await _insert_deliveries.run(
        connection,
        [
            (id_, sub, one.session.id, chat_id, topic, one.kind, scope, detail, "pending", now)
            for sub, topic in rows
        ],
    )


async def told_scopes(connection: Connection, session_id: int, measure: str) -> dict[int, int]:
    """Return the widest scope in which each chat was already told this session's record of a measure."""
    rows = await connection.execute(
        sa.select(delivery.c.chat_id, sa.func.max(delivery.c.scope))
        .join(alert, alert.c.id == delivery.c.alert_id)
        .where(
            delivery.c.session_id == session_id,
            delivery.c.kind == "record",
            alert.c.measure == measure,
        )
        .group_by(delivery.c.chat_id)
    )
    return {row[0]: row[1] for row in rows}


async def supersede(connection: Connection, session_ids: Sequence[int], *, before: int, now: int) -> None:
    """Drop milestones of these sessions that still wait for a chat which is owed a newer one.

    Args:
        before: The first alert id of the reading at hand: what is older gives way.
    """
    newer = delivery.alias("newer")
    has_newer = sa.exists().where(
        newer.c.session_id == delivery.c.session_id,
        newer.c.kind == "milestone",
        newer.c.alert_id >= before,
        newer.c.subscription_id == delivery.c.subscription_id,
    )
    await connection.execute(
        sa.update(delivery)
        .where(
            delivery.c.state == "pending",
            delivery.c.kind == "milestone",
            delivery.c.session_id.in_(session_ids),
            delivery.c.alert_id < before,
            has_newer,
        )
        .values(state="superseded", settled_at=now)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Owed:
    """A leased delivery with its alert; see the tables of both."""

    id: int
    alert_id: int
    subscription_id: int
    session_id: int
    watch_id: int
    chat_id: int
    chat_platform: str
    chat_key: str
    topic: str
    kind: str
    key: str
    at: int
    measure: str | None
    before: float | None
    value: float | None
    late: bool
    expires_at: int
    threshold: float | None
    scope: int | None
    detail: str | None
    attempts: int


async def expire(connection: Connection, now: int) -> None:
    """Give up deliveries whose alert is older than its worth."""
    old = sa.exists().where(alert.c.id == delivery.c.alert_id, alert.c.expires_at < now)
    await connection.execute(
        sa.update(delivery).where(delivery.c.state == "pending", old).values(state="expired", settled_at=now)
    )


async def lease(
    connection: Connection, *, platforms: Sequence[str], now: int, until: int, limit: int
) -> list[Owed]:
    """Lease the oldest delivery of each chat that has none under way, oldest first.

    A lease that ran out counts as not leased: its holder died between sending and settling.
    """
    heads = (
        sa.select(sa.func.min(delivery.c.id))
        .join(chat, chat.c.id == delivery.c.chat_id)
        .where(delivery.c.state.in_(("pending", "leased")), chat.c.platform.in_(platforms))
        .group_by(delivery.c.chat_id)
    )
    ready = (
        sa.select(delivery.c.id)
        .where(
            delivery.c.id.in_(heads),
            delivery.c.due_at <= now,
            sa.or_(delivery.c.state == "pending", delivery.c.leased_until <= now),
        )
        .order_by(delivery.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    leased = await connection.execute(
        sa.update(delivery)
        .where(delivery.c.id.in_(ready))
        .values(state="leased", leased_until=until, attempts=delivery.c.attempts + 1)
        .returning(delivery.c.id)
    )
    ids = sorted(leased.scalars())
    if not ids:
        return []
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
            delivery.c.kind,
            alert.c.key,
            alert.c.at,
            alert.c.measure,
            alert.c.before,
            alert.c.value,
            alert.c.late,
            alert.c.expires_at,
            delivery.c.threshold,
            delivery.c.scope,
            delivery.c.detail,
            delivery.c.attempts,
        )
        .join(alert, alert.c.id == delivery.c.alert_id)
        .join(chat, chat.c.id == delivery.c.chat_id)
        .where(delivery.c.id.in_(ids))
        .order_by(delivery.c.id)
    )
    return [_owed(row) for row in rows]


def _owed(row: Any) -> Owed:
    values = dict(row._mapping)  # noqa: SLF001
    for name in ("before", "value", "threshold"):
        if values[name] is not None:
            values[name] = plain(values[name])
    return Owed(**values)


async def settle(
    connection: Connection,
    id_: int,
    *,
    state: str,
    now: int,
    message_key: str | None = None,
    error: str | None = None,
) -> None:
    """Write down how a delivery ended."""
    await connection.execute(
        sa.update(delivery)
        .where(delivery.c.id == id_)
        .values(state=state, settled_at=now, leased_until=None, message_key=message_key, error=error)
    )


async def put_back(connection: Connection, id_: int, *, due_at: int, error: str) -> None:
    """Owe a delivery again, later."""
    await connection.execute(
        sa.update(delivery)
        .where(delivery.c.id == id_)
        .values(state="pending", leased_until=None, due_at=due_at, error=error)
    )


async def release(connection: Connection, platforms: Sequence[str]) -> None:
    """Let go of all leases of these chat platforms: nobody else holds them when a process starts."""
    chats = sa.select(chat.c.id).where(chat.c.platform.in_(platforms))
    await connection.execute(
        sa.update(delivery)
        .where(delivery.c.state == "leased", delivery.c.chat_id.in_(chats))
        .values(leased_until=0)
    )


async def told_before(
    connection: Connection, *, subscription_id: int, session_id: int, kind: str, before: int
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
                delivery.c.id < before,
                delivery.c.state == "sent",
            )
            .order_by(delivery.c.id.desc())
            .limit(1)
        )
    ).one_or_none()
    return None if row is None else (row[0], row[1], row[2])


async def backlog(connection: Connection) -> tuple[int, int | None]:
    """Return how many deliveries are owed, and since when the oldest is."""
    row = (
        await connection.execute(
            sa.select(sa.func.count(), sa.func.min(delivery.c.due_at)).where(
                delivery.c.state.in_(("pending", "leased"))
            )
        )
    ).one()
    return row[0], row[1]
