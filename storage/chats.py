"""Chats and their subscriptions."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from bot.domain.reading import plain
from storage.database import Connection
from storage.tables import chat, subscription
from storage.watches import revise


@dataclass(frozen=True, slots=True, kw_only=True)
class Chat:
    """A chat as we know it; ``key`` is the platform's id."""

    id: int
    platform: str
    key: str
    title: str | None
    timezone: str | None
    language: str | None
    disabled_at: int | None
    disabled_why: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """Where in a chat the alerts of a watch go, and which.

    Attributes:
        topic: Of the chat; empty for the chat itself.
        ladder: Own thresholds, rising; None for the default ladder.
        metric: The figure that the ladder stands on; None for the watch's own.
    """

    id: int
    chat_id: int
    watch_id: int
    topic: str
    kinds: tuple[str, ...]
    ladder: tuple[float, ...] | None
    metric: str | None
    muted_until: int | None
    created_at: int


_CHAT = tuple(chat.c[name] for name in Chat.__dataclass_fields__)
_SUBSCRIPTION = tuple(subscription.c[name] for name in Subscription.__dataclass_fields__)


def kinds_text(kinds: Sequence[str]) -> str:
    """Write kinds so that one of them can be found with LIKE."""
    return f",{','.join(kinds)},"


def ladder_text(ladder: Sequence[float] | None) -> str | None:
    """Write a ladder; None is the default one."""
    return None if ladder is None else json.dumps(list(ladder))


def ladder_of(text: str | None) -> tuple[float, ...] | None:
    """Read a ladder that ``ladder_text`` wrote."""
    return None if text is None else tuple(json.loads(text))


async def get_or_add(connection: Connection, *, platform: str, key: str, title: str | None, now: int) -> Chat:
    """Return a chat, made if it is new."""
    found = await find(connection, platform=platform, key=key)
    if found is not None:
        return found
    row = (
        await connection.execute(
            sa.insert(chat).values(platform=platform, key=key, title=title, created_at=now).returning(*_CHAT)
        )
    ).one()
    return Chat(**row._mapping)  # noqa: SLF001


async def find(connection: Connection, *, platform: str, key: str) -> Chat | None:
    """Return a chat by its platform's id, or None."""
    row = (
        await connection.execute(sa.select(*_CHAT).where(chat.c.platform == platform, chat.c.key == key))
    ).one_or_none()
    return None if row is None else Chat(**row._mapping)  # noqa: SLF001


async def by_id(connection: Connection, id_: int) -> Chat:
    """Return a chat by our id."""
    row = (await connection.execute(sa.select(*_CHAT).where(chat.c.id == id_))).one()
    return Chat(**row._mapping)  # noqa: SLF001


async def change(connection: Connection, id_: int, **values: Any) -> None:
    """Set columns of a chat."""
    await connection.execute(sa.update(chat).where(chat.c.id == id_).values(values))


async def disable(connection: Connection, id_: int, *, now: int, why: str) -> None:
    """Stop sending to a chat that is gone; its settings stay."""
    await change(connection, id_, disabled_at=now, disabled_why=why)
    await revise(connection)


async def subscriptions(connection: Connection, chat_id: int) -> list[Subscription]:
    """Return a chat's subscriptions."""
    rows = await connection.execute(
        sa.select(*_SUBSCRIPTION).where(subscription.c.chat_id == chat_id).order_by(subscription.c.id)
    )
    return [_subscription(row) for row in rows]


async def subscription_by_id(connection: Connection, id_: int) -> Subscription | None:
    """Return one subscription, or None if it is gone."""
    row = (await connection.execute(sa.select(*_SUBSCRIPTION).where(subscription.c.id == id_))).one_or_none()
    return None if row is None else _subscription(row)


async def subscribe(
    connection: Connection, *, chat_id: int, watch_id: int, topic: str, kinds: Sequence[str], now: int
) -> None:
    """Subscribe a chat to a watch's alerts, or change which of them it takes."""
    values = {"kinds": kinds_text(kinds), "muted_until": None}
    changed = await connection.execute(
        sa.update(subscription)
        .where(
            subscription.c.chat_id == chat_id,
            subscription.c.watch_id == watch_id,
            subscription.c.topic == topic,
        )
        .values(values)
    )
    if changed.rowcount == 0:
        await connection.execute(
            sa.insert(subscription).values(
                chat_id=chat_id, watch_id=watch_id, topic=topic, created_at=now, **values
            )
        )
    await revise(connection)


async def change_subscriptions(connection: Connection, *, chat_id: int, watch_id: int, **values: Any) -> int:
    """Set columns of a chat's subscriptions to a watch; returns how many there are."""
    changed = await connection.execute(
        sa.update(subscription)
        .where(subscription.c.chat_id == chat_id, subscription.c.watch_id == watch_id)
        .values(values)
    )
    await revise(connection)
    return changed.rowcount


async def unsubscribe(connection: Connection, *, chat_id: int, watch_id: int, topic: str) -> bool:
    """End a subscription; tells whether there was one."""
    gone = await connection.execute(
        sa.delete(subscription).where(
            subscription.c.chat_id == chat_id,
            subscription.c.watch_id == watch_id,
            subscription.c.topic == topic,
        )
    )
    await revise(connection)
    return gone.rowcount > 0


def _subscription(row: Any) -> Subscription:
    values = dict(row._mapping)  # noqa: SLF001
    values["kinds"] = tuple(word for word in values["kinds"].split(",") if word)
    ladder = ladder_of(values["ladder"])
    values["ladder"] = None if ladder is None else tuple(plain(rung) for rung in ladder)
    return Subscription(**values)
