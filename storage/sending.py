"""What is owed, taken up: leased, sent, settled, or put back. Only what sends uses it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from bot.domain import DAY
from bot.domain.reading import plain
from storage.database import Connection
from storage.tables import alert, chat, delivery, subscription

#: Written out, as SQLite does not find an index on a part of a table for a condition with parameters.
OWED = sa.text("delivery.state IN ('pending', 'leased')")
HELD = sa.text("delivery.state = 'held'")
#: What was held is worth telling for so much longer than it would have been.
AFTER_QUIET = 2 * DAY
#: After so many tries a retry waits as long as any.
TRIES = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Owed:
    """A leased delivery with its alert; see the tables of both.

    Attributes:
        problem: Why posts of its subscription were not taken so far.
        digest_id: It was held in quiet hours and is told with others, in the post of the delivery of this id.
        quiet: The chat's quiet hours: see ``bot.domain.quiet``.
        timezone: The chat's; None where it chose none.
    """

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
    problem: str | None
    digest_id: int | None
    quiet: str | None
    timezone: str | None


async def expire(connection: Connection, now: int, *, since: int | None = None) -> dict[str, int]:
    """Give up deliveries whose alert is older than its worth, and which nobody is sending.

    What was held in quiet hours, of a day at most, has a day more after them: a chat that comes back after weeks
    is not told of a night that nobody remembers.

    Args:
        since: Only those whose worth was not over by then, as earlier ones were given up before: what is looked
            through is what grew too old, not all that waits. None looks through everything.

    Returns:
        How many were given up, by chat platform.
    """
    idle = sa.or_(
        delivery.c.state == "pending", sa.and_(delivery.c.state == "leased", delivery.c.leased_until <= now)
    )
    found: Counter[str] = Counter()
    for which, of_it, age in (
        (OWED, sa.and_(idle, delivery.c.digest_id.is_(None)), 0),
        (OWED, sa.and_(idle, delivery.c.digest_id.is_not(None)), AFTER_QUIET),
        (HELD, delivery.c.digest_id.is_not(None), AFTER_QUIET),
    ):
        given_up = await connection.execute(
            sa.update(delivery)
            .where(which, of_it, _too_old(now - age, None if since is None else since - age))
            .values(state="expired", settled_at=now, leased_until=None, digest_id=None)
            .returning(delivery.c.platform)
        )
        found.update(given_up.scalars())
    return dict(found)


def _too_old(until: int, since: int | None) -> sa.ColumnElement[bool]:
    """Return the condition that a delivery's alert was worth telling up to a moment before ``until``."""
    if since is None:
        return sa.exists().where(alert.c.id == delivery.c.alert_id, alert.c.expires_at < until)
    return delivery.c.alert_id.in_(
        sa.select(alert.c.id).where(alert.c.expires_at >= since, alert.c.expires_at < until)
    )


def _lane(which: sa.FromClause, *, by_topic: bool) -> sa.ColumnElement[str]:
    """Return what ``bot.ports.chat.lane`` is, in SQL."""
    if by_topic:
        return sa.case((which.c.topic != "", which.c.topic), else_=chat.c.key)
    return chat.c.key


async def lease(
    connection: Connection,
    *,
    platform: str,
    by_topic: bool,
    now: int,
    until: int,
    limit: int,
    busy: Collection[str] = (),
) -> list[Owed]:
    """Lease the oldest delivery of each lane that has none under way, those first that are due for longest.

    A lease that ran out counts as not leased: its holder died between sending and settling. What a disabled
    chat is owed waits until the chat is back, or its worth is over. What is due is walked in its order, so the
    cost is that of what is leased, however much waits behind it.

    Args:
        by_topic: Whether each topic of a chat is a lane of its own; see ``bot.ports.chat.lane``.
        busy: Lanes to which nothing shall be sent now, whatever the clock says of their leases.
    """
    ahead = delivery.alias("ahead")
    lane = _lane(delivery, by_topic=by_topic)
    stands_behind = (
        sa.exists()
        .where(
            ahead.c.chat_id == delivery.c.chat_id,
            ahead.c.state.in_(("pending", "leased")),
            ahead.c.id < delivery.c.id,
            _lane(ahead, by_topic=True) == lane if by_topic else sa.true(),
        )
        .correlate(delivery, chat)
    )
    ready = (
        sa.select(delivery.c.id)
        .join(chat, chat.c.id == delivery.c.chat_id)
        .where(
            OWED,
            delivery.c.platform == platform,
            delivery.c.due_at <= now,
            sa.or_(delivery.c.state == "pending", delivery.c.leased_until <= now),
            chat.c.disabled_at.is_(None),
            lane.not_in(busy),
            ~stands_behind,
        )
        .order_by(delivery.c.due_at, delivery.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True, of=delivery)
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
    return await of_ids(connection, ids)


async def of_ids(connection: Connection, ids: Sequence[int]) -> list[Owed]:
    """Return deliveries as they stand, in the order of their ids."""
    rows = await connection.execute(owed_with().where(delivery.c.id.in_(ids)).order_by(delivery.c.id))
    return [owed(row) for row in rows]


def owed_with(*columns: sa.ColumnElement[Any]) -> sa.Select[Any]:
    """Return the statement that reads deliveries with their alerts, and further columns behind them."""
    return (
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
            subscription.c.problem,
            delivery.c.digest_id,
            chat.c.quiet,
            chat.c.timezone,
            *columns,
        )
        .select_from(delivery)
        .join(alert, alert.c.id == delivery.c.alert_id)
        .join(chat, chat.c.id == delivery.c.chat_id)
        .outerjoin(subscription, subscription.c.id == delivery.c.subscription_id)
    )


def owed(row: Any) -> Owed:
    """Return the delivery of a row of ``owed_with``."""
    values = dict(zip(Owed.__dataclass_fields__, row, strict=False))
    for name in ("before", "value", "threshold"):
        if values[name] is not None:
            values[name] = plain(values[name])
    return Owed(**values)


async def is_ours(connection: Connection, one: Owed) -> bool:
    """Tell whether a delivery is still as it was taken up, and make sure that it is until the transaction ends.

    Another process may have taken it over: what became of it there is not to be undone.
    """
    found = await connection.execute(
        sa.select(delivery.c.id)
        .where(delivery.c.id == one.id, delivery.c.state == "leased", delivery.c.attempts == one.attempts)
        .with_for_update()
    )
    return found.first() is not None


async def settle(
    connection: Connection,
    id_: int,
    *,
    state: str,
    now: int,
    message_key: str | None = None,
    error: str | None = None,
    mention: str | None = None,
) -> None:
    """Write down how a delivery ended; ``mention`` is whom its post called."""
    await connection.execute(
        sa.update(delivery)
        .where(delivery.c.id == id_)
        .values(
            state=state,
            settled_at=now,
            leased_until=None,
            message_key=message_key,
            error=error,
            mention=mention,
        )
    )


async def give_up(connection: Connection, ids: Collection[int], *, now: int, error: str) -> None:
    """Write down of deliveries why nobody is told them any more."""
    await connection.execute(
        sa.update(delivery)
        .where(delivery.c.id.in_(ids))
        .values(state="expired", settled_at=now, leased_until=None, error=error)
    )


async def put_back(connection: Connection, id_: int, *, due_at: int, error: str) -> None:
    """Owe a delivery again, later."""
    await connection.execute(
        sa.update(delivery)
        .where(delivery.c.id == id_)
        .values(state="pending", leased_until=None, due_at=due_at, error=error)
    )


async def give_back(connection: Connection, ids: Collection[int]) -> None:
    """Owe deliveries again that were leased and not even tried."""
    await connection.execute(
        sa.update(delivery)
        .where(delivery.c.id.in_(ids), delivery.c.state == "leased")
        .values(state="pending", leased_until=None, attempts=delivery.c.attempts - 1)
    )


async def release(connection: Connection, platforms: Sequence[str]) -> None:
    """Let go of all leases of these chat platforms: nobody else holds them when a process starts."""
    await connection.execute(
        sa.update(delivery)
        .where(OWED, delivery.c.state == "leased", delivery.c.platform.in_(platforms))
        .values(leased_until=0)
    )


async def rearm(
    connection: Connection, platforms: Sequence[str], *, now: int, lease: int, first: int, pause: int
) -> None:
    """After the clock was set back: let nothing wait longer than it would have.

    Args:
        lease: How long a lease holds at most.
        first: How long the first retry waits; each further one waits twice as long.
        pause: How long a retry waits at most.
    """
    ours = sa.and_(OWED, delivery.c.platform.in_(platforms))
    waits = sa.and_(ours, delivery.c.state == "pending")
    untried = sa.and_(waits, delivery.c.attempts == 0, delivery.c.due_at > now)
    await connection.execute(sa.update(delivery).where(untried).values(due_at=now))
    until = sa.case(
        *((delivery.c.attempts <= tries, now + min(first * 2 ** (tries - 1), pause)) for tries in range(1, TRIES)),
        else_=now + pause,
    )
    await connection.execute(sa.update(delivery).where(waits, delivery.c.due_at > until).values(due_at=until))
    # Who died with it had found it due.
    early = sa.and_(ours, delivery.c.state == "leased", delivery.c.due_at > now)
    await connection.execute(sa.update(delivery).where(early).values(due_at=now))
    held = sa.and_(ours, delivery.c.state == "leased", delivery.c.leased_until > now + lease)
    await connection.execute(sa.update(delivery).where(held).values(leased_until=now + lease))


async def drop(connection: Connection, *, subscription_ids: Sequence[int], now: int, error: str) -> None:
    """Give up what waits for subscriptions whose place is gone."""
    chats = sa.select(subscription.c.chat_id).where(subscription.c.id.in_(subscription_ids))
    await connection.execute(
        sa.update(delivery)
        .where(
            delivery.c.chat_id.in_(chats),
            delivery.c.state == "pending",
            delivery.c.subscription_id.in_(subscription_ids),
        )
        .values(state="dead", settled_at=now, error=error)
    )


async def backlog(connection: Connection) -> tuple[int, int | None]:
    """Return how many deliveries are owed, and since when the oldest is."""
    row = (await connection.execute(sa.select(sa.func.count(), sa.func.min(delivery.c.due_at)).where(OWED))).one()
    return row[0], row[1]
