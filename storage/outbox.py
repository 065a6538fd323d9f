"""Alerts, and the deliveries that are owed for them. Both are born in the transaction of their reading.

What is owed is taken up by ``storage.sending``.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, NamedTuple

import sqlalchemy as sa

from bot.domain.alert import Alert
from bot.domain.alerts import ON_CARDS, WORTH, close, ended, record
from storage.audiences import Part
from storage.bulk import Bulk, insert, insert_or_ignore, json_list
from storage.database import Connection
from storage.tables import alert, card, chat, delivery, subscription

#: Written out, as the statement is compiled once.
_CARD: sa.ColumnElement[str] = sa.literal_column("'card'")
_ON_CARDS: list[sa.ColumnElement[str]] = [sa.literal_column(f"'{kind}'") for kind in sorted(ON_CARDS)]


class Chats(Enum):
    """For whose subscriptions a statement is."""

    ALL = auto()
    THESE = auto()
    OTHERS = auto()


def _fan_out(
    *,
    ladder: bool = False,
    unless_record: bool = False,
    scoped: bool = False,
    chats: Chats = Chats.ALL,
    unless_told: bool = False,
) -> Bulk:
    """Return the statement that makes one alert's deliveries: one for each subscription that takes it.

    Args:
        ladder: Only for subscriptions with the given ladder (milestones, whose rung differs by ladder).
        unless_record: Not for those that are told a record of the same reading.
        scoped: With the scope and the rival that is told of.
        chats: Only for the chats of a JSON list, or for all but them.
        unless_told: Not for chats that were told this kind of this measure in the session, in the same scope.
    """
    return Bulk(
        {
            dialect: _fanning(
                dialect,
                ladder=ladder,
                unless_record=unless_record,
                scoped=scoped,
                chats=chats,
                unless_told=unless_told,
            )
            for dialect in ("sqlite", "postgresql")
        },
        [
            *("alert_id", "session_id", "kind", "now", "watch_id", "taken"),
            *(("threshold", "ladder", "metric") if ladder else ()),
            *(("first_alert",) if unless_record else ()),
            *(("scope", "detail") if scoped else ()),
            *(("chats",) if chats is not Chats.ALL else ()),
            *(("measure", "widest") if unless_told else ()),
        ],
    )


def _fanning(
    dialect: str, *, ladder: bool, unless_record: bool, scoped: bool, chats: Chats, unless_told: bool
) -> sa.Insert:
    holds = sa.func.instr if dialect == "sqlite" else sa.func.strpos
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
        # Not LIKE: for a pattern that is a parameter SQLite plans the statement anew for each row.
        holds(subscription.c.kinds, sa.bindparam("taken", type_=sa.Text)) > sa.literal_column("0"),
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
        threshold = sa.bindparam("threshold", type_=sa.Float)
        conditions += [
            subscription.c.ladder.is_not_distinct_from(sa.bindparam("ladder", type_=sa.Text)),
            subscription.c.metric.is_not_distinct_from(sa.bindparam("metric", type_=sa.Text)),
        ]
    if scoped:
        scope = sa.bindparam("scope", type_=sa.SmallInteger)
        detail = sa.bindparam("detail", type_=sa.Text)
    if chats is not Chats.ALL:
        listed = subscription.c.chat_id.in_(json_list(dialect, "chats"))
        conditions.append(listed if chats is Chats.THESE else ~listed)
    told = delivery.alias("told")
    if unless_record:
        conditions.append(
            ~sa.exists().where(
                told.c.session_id == sa.bindparam("session_id", type_=sa.BigInteger),
                told.c.kind == sa.literal_column("'record'"),
                told.c.chat_id == subscription.c.chat_id,
                told.c.alert_id >= sa.bindparam("first_alert", type_=sa.BigInteger),
                told.c.subscription_id == subscription.c.id,
            )
        )
    if unless_told:
        its = alert.alias("its")
        conditions.append(
            ~sa.exists().where(
                told.c.session_id == sa.bindparam("session_id", type_=sa.BigInteger),
                told.c.kind == sa.bindparam("kind", type_=sa.Text),
                told.c.chat_id == subscription.c.chat_id,
                sa.func.coalesce(told.c.scope, sa.literal_column("0"))
                >= sa.bindparam("widest", type_=sa.SmallInteger),
                its.c.id == told.c.alert_id,
                its.c.measure == sa.bindparam("measure", type_=sa.Text),
            )
        )
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
            chat.c.platform,
        )
        .join(chat, chat.c.id == subscription.c.chat_id)
        .where(*conditions)
    )
    names = (
        "alert_id", "subscription_id", "session_id", "chat_id", "topic", "kind",
        "threshold", "scope", "detail", "state", "due_at", "platform",
    )  # fmt: skip
    return sa.insert(delivery).from_select(names, chosen, include_defaults=False)


_ALERT = ("session_id", "watch_id", "kind", "key", "at", "measure", "before", "value", "late", "expires_at")
_insert_alerts = insert(alert, _ALERT)
_insert_new_alerts = insert_or_ignore(alert, _ALERT)
_DELIVERY = ("alert_id", "subscription_id", "session_id", "chat_id", "topic", "kind", "state", "due_at")
_its_platform = (
    sa.select(chat.c.platform).where(chat.c.id == sa.bindparam("chat_id", type_=sa.BigInteger)).scalar_subquery()
)
_insert_new_deliveries = insert_or_ignore(delivery, _DELIVERY, platform=_its_platform)
_to_all = _fan_out()
_to_ladder = _fan_out(ladder=True)
_to_ladder_unless_record = _fan_out(ladder=True, unless_record=True)
#: By whose chats, and by whether something of the kind was told before.
_to_some = {
    (chats, told): _fan_out(scoped=True, chats=chats, unless_told=told)
    for chats in Chats
    for told in (False, True)
}


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
class Fell:
    """A record, or that one is close, for the chats that see it alike.

    Attributes:
        kind: Of the alert.
        part: The chats.
        scope: The widest in which it fell, as these chats see it; none where it is only close.
        detail: What they are told of the rivals, as JSON.
        again: Some chat was told this kind of this measure in the session before: not again in the same scope.
    """

    session_id: int
    watch_id: int
    kind: str
    measure: str
    part: Part
    scope: int | None = None
    detail: str | None = None
    again: bool = False


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
        [(id_, one.session.id, one.kind, now, one.session.watch_id, f",{one.kind},") for id_, one in alerts],
    )


async def deliver_rungs(connection: Connection, rungs: Iterable[Rung], *, now: int) -> None:
    """Owe milestones to the subscriptions whose ladder has the rung."""
    plain_rows, rows = [], []
    for one in rungs:
        row = (
            one.alert_id, one.session_id, "milestone", now, one.watch_id, ",milestone,",
            one.threshold, one.ladder, one.metric,
        )  # fmt: skip
        if one.first_alert is None:
            plain_rows.append(row)
        else:
            rows.append((*row, one.first_alert))
    await _to_ladder.run(connection, plain_rows)
    await _to_ladder_unless_record.run(connection, rows)


async def deliver_fallen(connection: Connection, fallen: Iterable[tuple[int, Fell]], *, now: int) -> None:
    """Owe records and what is close to one, given with their alerts' ids: a statement for all who see it alike."""
    rows: dict[tuple[Chats, bool], list[tuple[Any, ...]]] = defaultdict(list)
    for alert_id, one in fallen:
        chats = _chats(one.part)
        rows[chats, one.again].append(
            (
                alert_id, one.session_id, one.kind, now, one.watch_id, f",{one.kind},", one.scope, one.detail,
                *((json.dumps(sorted(one.part.ids)),) if chats is not Chats.ALL else ()),
                *((one.measure, one.scope or 0) if one.again else ()),
            )
        )  # fmt: skip
    for which, theirs in rows.items():
        await _to_some[which].run(connection, theirs)


def _chats(part: Part) -> Chats:
    return Chats.THESE if not part.others else Chats.OTHERS if part.ids else Chats.ALL


async def is_left(connection: Connection, one: Fell, *, now: int) -> bool:
    """Tell whether some chat of these was not told this kind of this measure in this scope, in the session."""
    told, its = delivery.alias("told"), alert.alias("its")
    conditions = [*takes(one.kind, now=now), subscription.c.watch_id == one.watch_id]
    chats = _chats(one.part)
    if chats is not Chats.ALL:
        listed = subscription.c.chat_id.in_(json_list(connection.dialect.name, "chats"))
        conditions.append(listed if chats is Chats.THESE else ~listed)
    was_told = (
        sa.exists()
        .where(
            told.c.session_id == one.session_id,
            told.c.kind == one.kind,
            told.c.chat_id == subscription.c.chat_id,
            sa.func.coalesce(told.c.scope, sa.literal_column("0")) >= (one.scope or 0),
            its.c.id == told.c.alert_id,
            its.c.measure == one.measure,
        )
        .correlate(subscription)
    )
    left = (
        sa.select(subscription.c.id)
        .join(chat, chat.c.id == subscription.c.chat_id)
        .where(*conditions, ~was_told)
        .limit(1)
    )
    values = {} if chats is Chats.ALL else {"chats": json.dumps(sorted(one.part.ids))}
    return (await connection.execute(left, values)).first() is not None


async def told_kinds(connection: Connection, session_ids: Sequence[int]) -> set[tuple[int, str, str]]:
    """Return which records fell in these sessions, or were close, as (session, kind, measure)."""
    rows = await connection.execute(
        sa.select(alert.c.session_id, alert.c.kind, alert.c.measure)
        .where(alert.c.session_id.in_(session_ids), alert.c.kind.in_((record.KIND, close.KIND)))
        .distinct()
    )
    return {(session_id, kind, measure) for session_id, kind, measure in rows}


async def supersede(connection: Connection, *, before: int, now: int) -> int:
    """Drop milestones that still wait for a chat which is owed a newer one of the same session.

    One that is to tell a morning's digest stays: others come with it.

    Args:
        before: The first alert id of the reading at hand: what is older gives way.

    Returns:
        How many were dropped.
    """
    newer, older = delivery.alias("newer"), delivery.alias("older")
    # From the newer ones on: what is looked at is what their chats are owed, not all that the session ever told.
    given_way = (
        sa.select(older.c.id)
        .select_from(newer)
        .join(
            older,
            sa.and_(
                older.c.session_id == newer.c.session_id,
                older.c.kind == "milestone",
                older.c.chat_id == newer.c.chat_id,
                older.c.subscription_id == newer.c.subscription_id,
                older.c.state == "pending",
                older.c.digest_id.is_(None),
                older.c.alert_id + 0 < before,  # not a way to find it: that would be all that was ever told
            ),
        )
        .where(newer.c.alert_id >= before, newer.c.kind == "milestone")
    )
    dropped = await connection.execute(
        sa.update(delivery).where(delivery.c.id.in_(given_way)).values(state="superseded", settled_at=now)
    )
    return dropped.rowcount
