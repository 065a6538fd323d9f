"""Deliveries that wait for the end of a chat's quiet hours, and the digest in which they come."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import NamedTuple

import sqlalchemy as sa

from bot.domain.digest import comes_alone
from storage.bulk import Bulk, json_list, update_by_id
from storage.database import Connection
from storage.sending import HELD, Owed, owed, owed_with
from storage.tables import alert, chat, delivery

_join = update_by_id(delivery, "id", ("digest_id",))
_owe = update_by_id(delivery, "id", ("state", "digest_id", "due_at"))
_keep = Bulk(
    sa.update(delivery)
    .where(
        delivery.c.chat_id == sa.bindparam("chat", type_=sa.BigInteger),
        delivery.c.state == sa.literal_column("'held'"),
        delivery.c.topic == sa.bindparam("place", type_=sa.Text),
        delivery.c.digest_id.is_(None),
        delivery.c.due_at <= sa.bindparam("now", type_=sa.BigInteger),
    )
    .values(due_at=sa.bindparam("until", type_=sa.BigInteger)),
    ("until", "chat", "place", "now"),
)


class Place(NamedTuple):
    """A chat or topic for which something is held.

    Attributes:
        quiet, timezone: Of the chat.
    """

    chat_id: int
    topic: str
    quiet: str | None
    timezone: str | None


async def hold(connection: Connection, ids: Collection[int], *, until: int) -> None:
    """Keep deliveries until a moment; one that was to tell a digest takes what it tells back with it."""
    await connection.execute(
        sa.update(delivery)
        .where(sa.or_(delivery.c.id.in_(ids), sa.and_(HELD, delivery.c.digest_id.in_(ids))))
        .values(state="held", due_at=until, leased_until=None, digest_id=None)
    )


async def over(connection: Connection, now: int, *, limit: int = 1000) -> list[Place]:
    """Return the places whose quiet hours were to be over by now, for which something is held."""
    rows = await connection.execute(
        sa.select(delivery.c.chat_id, delivery.c.topic, chat.c.quiet, chat.c.timezone)
        .join(chat, chat.c.id == delivery.c.chat_id)
        .where(HELD, delivery.c.digest_id.is_(None), delivery.c.due_at <= now)
        .distinct()
        .limit(limit)
    )
    return [Place(*row) for row in rows]


async def orphaned(connection: Connection) -> list[int]:
    """Return what was to come with a digest whose own delivery is gone or was settled without it."""
    head = delivery.alias("head")
    lives = sa.exists().where(head.c.id == delivery.c.digest_id, head.c.state.in_(("pending", "leased")))
    rows = await connection.execute(
        sa.select(delivery.c.id).where(HELD, delivery.c.digest_id.is_not(None), ~lives)
    )
    return list(rows.scalars())


async def take_back(connection: Connection, ids: Collection[int], now: int) -> None:
    """Hold deliveries by themselves again: they come with the next digest."""
    await connection.execute(
        sa.update(delivery).where(HELD, delivery.c.id.in_(ids)).values(digest_id=None, due_at=now)
    )


async def still(connection: Connection, places: Collection[Place], *, now: int, until: int) -> None:
    """Keep what is held for places until a later moment."""
    await _keep.run(connection, [(until, one.chat_id, one.topic, now) for one in places])


async def release(connection: Connection, places: Collection[Place], now: int) -> None:
    """Owe what was held for places: as one digest a place, whose first delivery tells the others, too.

    What comes alone (cards, corrections, ends of outages) is a digest of itself.
    """
    waiting = await connection.execute(
        sa.select(delivery.c.id, delivery.c.chat_id, delivery.c.topic, delivery.c.kind, alert.c.key)
        .join(alert, alert.c.id == delivery.c.alert_id)
        .where(
            delivery.c.state == "held",
            delivery.c.digest_id.is_(None),
            delivery.c.due_at <= now,
            delivery.c.chat_id.in_(json_list(connection.dialect.name, "chats")),
        )
        .order_by(delivery.c.id),
        {"chats": json.dumps(sorted({one.chat_id for one in places}))},
    )
    wanted = {(one.chat_id, one.topic) for one in places}
    heads: dict[tuple[int, str], int] = {}
    owed_now: list[int] = []
    told_with: list[tuple[int, int]] = []
    for id_, chat_id, topic, kind, key in waiting:
        place = (chat_id, topic)
        if place not in wanted:
            continue
        if comes_alone(kind, key) or place not in heads:
            owed_now.append(id_)
            if not comes_alone(kind, key):
                heads[place] = id_
        else:
            told_with.append((heads[place], id_))
    await _join.run(connection, told_with)
    await _owe.run(connection, [("pending", id_, now, id_) for id_ in owed_now])


async def look_again(connection: Connection, chat_id: int, now: int) -> None:
    """Look again at what is held for a chat, as its quiet hours were changed."""
    theirs = sa.and_(delivery.c.chat_id == chat_id, delivery.c.state == "held")
    await connection.execute(sa.update(delivery).where(theirs).values(due_at=now))


async def rearm(connection: Connection, now: int, *, longest: int) -> None:
    """After the clock was set back: look again at what would wait longer than quiet hours can be."""
    await connection.execute(sa.update(delivery).where(HELD, delivery.c.due_at > now + longest).values(due_at=now))


async def told_by(connection: Connection, digest_id: int) -> list[Owed]:
    """Return what a digest tells, its own delivery included, in the order of their ids."""
    rows = await connection.execute(
        owed_with()
        .where(
            sa.or_(delivery.c.id == digest_id, sa.and_(HELD, delivery.c.digest_id == digest_id)),
        )
        .order_by(delivery.c.id)
    )
    return [owed(row) for row in rows]


async def give_up(connection: Connection, digest_id: int, *, now: int) -> None:
    """Write down that what a digest was to tell will not be told, but for its own delivery."""
    await connection.execute(
        sa.update(delivery)
        .where(HELD, delivery.c.digest_id == digest_id)
        .values(state="superseded", settled_at=now, digest_id=None)
    )


async def settle(
    connection: Connection, digest_id: int, told: Collection[int], *, now: int, message_key: str | None
) -> None:
    """Write down which deliveries a digest has told; the others of it had become stale.

    One that was told alone stands as any post does.
    """
    of_it = sa.or_(delivery.c.id == digest_id, sa.and_(HELD, delivery.c.digest_id == digest_id))
    await connection.execute(
        sa.update(delivery)
        .where(of_it, delivery.c.id.not_in(told))
        .values(state="superseded", settled_at=now, leased_until=None, digest_id=None)
    )
    alone = {"digest_id": None} if len(told) == 1 else {}
    await connection.execute(
        sa.update(delivery)
        .where(delivery.c.id.in_(told))
        .values(state="sent", settled_at=now, leased_until=None, message_key=message_key, error=None, **alone)
    )
