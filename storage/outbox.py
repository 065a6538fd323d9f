"""Alerts, and the deliveries that are owed for them. Both are born in the transaction of their reading.

What is owed is taken up by ``storage.sending``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import sqlalchemy as sa

from bot.domain.alert import Alert
from bot.domain.alerts import ON_CARDS, WORTH, ended
from storage.bulk import Bulk, insert, insert_or_ignore
from storage.database import Connection
from storage.sending import OWED
from storage.tables import alert, card, chat, delivery, subscription

#: Written out, as the statement is compiled once.
_CARD: sa.ColumnElement[str] = sa.literal_column("'card'")
_ON_CARDS: list[sa.ColumnElement[str]] = [sa.literal_column(f"'{kind}'") for kind in sorted(ON_CARDS)]


def _fan_out(*, ladder: bool = False, unless_record: bool = False, record: bool = False) -> Bulk:
    """Return the statement that makes one alert's deliveries: one for each subscription that takes it.

    Args:
        ladder: Only for subscriptions with the given ladder (milestones, whose rung differs by ladder).
        unless_record: Not for those that are told a record of the same reading.
        record: Only for the given chat, with the scope and the rival that it is told of.
    """
    columns = ["alert_id", "session_id", "kind", "now", "watch_id", "like"]
    has_card = (
        sa.exists()
        .where(
            card.c.subscription_id == subscription.c.id,
            card.c.session_id == sa.bindparam("session_id", type_=sa.BigInteger),
        )
        .correlate(subscription)
    )
    conditions = [
        subscription.c.watch_id == sa.bindparam("watch_id", type_=sa.BigInteger),
        subscription.c.kinds.like(sa.bindparam("like", type_=sa.Text)),
        sa.or_(
            subscription.c.muted_until.is_(None),
            subscription.c.muted_until <= sa.bindparam("now", type_=sa.BigInteger),
        ),
        chat.c.disabled_at.is_(None),
        subscription.c.disabled_at.is_(None),
        sa.or_(
            subscription.c.style.is_distinct_from(_CARD),
            sa.bindparam("kind", type_=sa.Text).not_in(_ON_CARDS),
            # A session that came to no card is told at its end.
            sa.and_(sa.bindparam("kind", type_=sa.Text) == sa.literal_column(f"'{ended.KIND}'"), ~has_card),
        ),
    ]
    threshold: sa.ColumnElement[Any] = sa.cast(sa.null(), sa.Float)
    scope: sa.ColumnElement[Any] = sa.cast(sa.null(), sa.SmallInteger)
    detail: sa.ColumnElement[Any] = sa.cast(sa.null(), sa.Text)
    if ladder:
        columns += ["threshold", "ladder", "metric"]
        threshold = sa.bindparam("threshold", type_=sa.Float)
        conditions += [
            subscription.c.ladder.is_not_distinct_from(sa.bindparam("ladder", type_=sa.Text)),
            subscription.c.metric.is_not_distinct_from(sa.bindparam("metric", type_=sa.Text)),
        ]
    if record:
        columns += ["chat_id", "scope", "detail"]
        scope = sa.bindparam("scope", type_=sa.SmallInteger)
        detail = sa.bindparam("detail", type_=sa.Text)
        conditions.append(subscription.c.chat_id == sa.bindparam("chat_id", type_=sa.BigInteger))
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
            scope,
            detail,
            sa.literal_column("'pending'"),
            sa.bindparam("now", type_=sa.BigInteger),
        )
        .join(chat, chat.c.id == subscription.c.chat_id)
        .where(*conditions)
    )
    names = (
        "alert_id", "subscription_id", "session_id", "chat_id", "topic", "kind",
        "threshold", "scope", "detail", "state", "due_at",
    )  # fmt: skip
    return Bulk(sa.insert(delivery).from_select(names, chosen, include_defaults=False), columns)


_ALERT = ("session_id", "watch_id", "kind", "key", "at", "measure", "before", "value", "late", "expires_at")
_insert_alerts = insert(alert, _ALERT)
_insert_new_alerts = insert_or_ignore(alert, _ALERT)
_insert_new_deliveries = insert_or_ignore(
    delivery, ("alert_id", "subscription_id", "session_id", "chat_id", "topic", "kind", "state", "due_at")
)
_to_all = _fan_out()
_to_ladder = _fan_out(ladder=True)
_to_ladder_unless_record = _fan_out(ladder=True, unless_record=True)
_to_chat = _fan_out(record=True)


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """A record for one chat.

    Attributes:
        scope: The widest in which it fell, as this chat sees it.
        detail: What the chat is told of the rivals, as JSON.
    """

    alert_id: int
    session_id: int
    watch_id: int
    chat_id: int
    scope: int
    detail: str


async def add_alerts(connection: Connection, alerts: Sequence[Alert]) -> list[int]:
    """Insert alerts and return their ids, in the same order."""
    if not alerts:
        return []
    # Inserting in bulk and asking for the ids costs a tenth of letting SQLAlchemy return them.
    before = (await connection.execute(sa.select(sa.func.coalesce(sa.func.max(alert.c.id), 0)))).scalar_one()
    await _insert_alerts.run(connection, [_alert_row(one) for one in alerts])
    rows = await connection.execute(
        sa.select(alert.c.session_id, alert.c.key, alert.c.id).where(alert.c.id > before)
    )
    ids = {(session_id, key): id_ for session_id, key, id_ in rows}
    return [ids[one.session.id, one.key] for one in alerts]


def _alert_row(one: Alert) -> tuple[Any, ...]:
    expires_at = one.at + WORTH[one.kind] if one.expires_at is None else one.expires_at
    return (
        one.session.id, one.session.watch_id, one.kind, one.key, one.at, one.measure, one.before,
        one.value, one.late, expires_at,
    )  # fmt: skip


class Taker(NamedTuple):
    """A subscription that an alert is owed to."""

    subscription_id: int
    chat_id: int
    topic: str


#: The columns of a ``Taker``.
TAKER = (subscription.c.id, subscription.c.chat_id, subscription.c.topic)


def takes(kind: str, *, now: int) -> tuple[sa.ColumnElement[bool], ...]:
    """Return the conditions under which a subscription, joined with its chat, takes alerts of a kind now."""
    return (
        subscription.c.kinds.like(f"%,{kind},%"),
        sa.or_(subscription.c.muted_until.is_(None), subscription.c.muted_until <= now),
        subscription.c.disabled_at.is_(None),
        chat.c.disabled_at.is_(None),
    )


def is_owed(
    kind: str,
    *,
    session_id: sa.ColumnElement[int],
    key: sa.ColumnElement[str],
    subscription_id: sa.ColumnElement[int],
) -> sa.ColumnElement[bool]:
    """Return the condition that a subscription is or was owed the alert of a key."""
    theirs, its = delivery.alias("theirs"), alert.alias("its")
    return (
        sa.exists()
        .where(
            theirs.c.session_id == session_id,
            theirs.c.kind == kind,
            theirs.c.subscription_id == subscription_id,
            its.c.id == theirs.c.alert_id,
            its.c.key == key,
        )
        .correlate_except(theirs, its)
    )


async def owe(connection: Connection, owed: Sequence[tuple[Alert, Taker]], *, now: int) -> None:
    """Owe alerts to single subscriptions, each once: neither an alert nor a delivery is made a second time."""
    alerts = {(one.session.id, one.key): one for one, _ in owed}
    if not alerts:
        return
    await _insert_new_alerts.run(connection, [_alert_row(one) for one in alerts.values()])
    rows = await connection.execute(
        sa.select(alert.c.session_id, alert.c.key, alert.c.id).where(
            sa.tuple_(alert.c.session_id, alert.c.key).in_(list(alerts))
        )
    )
    ids = {(session_id, key): id_ for session_id, key, id_ in rows}
    await _insert_new_deliveries.run(
        connection,
        [
            (
                ids[one.session.id, one.key], to.subscription_id, one.session.id, to.chat_id, to.topic, one.kind,
                "pending", now,
            )
            for one, to in owed
        ],
    )  # fmt: skip


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


async def deliver_records(connection: Connection, broken: Iterable[Broken], *, now: int) -> None:
    """Owe records to the chats in which they fell, with the scope and the rival that each is told of."""
    await _to_chat.run(
        connection,
        [
            (
                one.alert_id, one.session_id, "record", now, one.watch_id, "%,record,%",
                one.chat_id, one.scope, one.detail,
            )
            for one in broken
        ],
    )  # fmt: skip


async def deliver_to_chats(connection: Connection, alerts: Iterable[tuple[int, Alert, int]], *, now: int) -> None:
    """Owe alerts, given with their ids and a chat, to the subscriptions of that chat that take their kind."""
    await _to_chat.run(
        connection,
        [
            (
                id_, one.session.id, one.kind, now, one.session.watch_id, f"%,{one.kind},%",
                chat_id, None, None,
            )
            for id_, one, chat_id in alerts
        ],
    )  # fmt: skip


async def told_chats(connection: Connection, session_ids: Sequence[int], kind: str) -> set[tuple[int, str, int]]:
    """Return which chats were told alerts of a kind, as (session, measure, chat)."""
    rows = await connection.execute(
        sa.select(delivery.c.session_id, alert.c.measure, delivery.c.chat_id)
        .join(alert, alert.c.id == delivery.c.alert_id)
        .where(delivery.c.session_id.in_(session_ids), delivery.c.kind == kind)
        .distinct()
    )
    return {(session_id, measure, chat_id) for session_id, measure, chat_id in rows}


async def told_scopes(connection: Connection, session_ids: Sequence[int]) -> dict[tuple[int, str, int], int]:
    """Return the widest scope of which each chat was told already, by session, measure and chat."""
    rows = await connection.execute(
        sa.select(delivery.c.session_id, alert.c.measure, delivery.c.chat_id, sa.func.max(delivery.c.scope))
        .join(alert, alert.c.id == delivery.c.alert_id)
        .where(delivery.c.session_id.in_(session_ids), delivery.c.kind == "record")
        .group_by(delivery.c.session_id, alert.c.measure, delivery.c.chat_id)
    )
    return {(session_id, measure, chat_id): scope for session_id, measure, chat_id, scope in rows}


async def supersede(connection: Connection, session_ids: Sequence[int], *, before: int, now: int) -> int:
    """Drop milestones of these sessions that still wait for a chat which is owed a newer one.

    One that is to tell a morning's digest stays: others come with it.

    Args:
        before: The first alert id of the reading at hand: what is older gives way.

    Returns:
        How many were dropped.
    """
    newer = delivery.alias("newer")
    has_newer = sa.exists().where(
        newer.c.session_id == delivery.c.session_id,
        newer.c.kind == "milestone",
        newer.c.alert_id >= before,
        newer.c.subscription_id == delivery.c.subscription_id,
    )
    dropped = await connection.execute(
        sa.update(delivery)
        .where(
            OWED,
            delivery.c.state == "pending",
            delivery.c.digest_id.is_(None),
            delivery.c.kind == "milestone",
            delivery.c.session_id.in_(session_ids),
            delivery.c.alert_id < before,
            has_newer,
        )
        .values(state="superseded", settled_at=now)
    )
    return dropped.rowcount
