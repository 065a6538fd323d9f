"""Chats and their subscriptions."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from bot.domain.reading import plain
from storage.database import Connection
from storage.tables import book, chat, chat_watch, delivery, subscription, tie, wording
from storage.watches import chat_changed, forget_private, revise


@dataclass(frozen=True, slots=True, kw_only=True)
class Chat:
    """A chat as we know it; ``key`` is the platform's id, ``roles`` those whose members are admins, too.

    Attributes:
        patience: How long figures of a live session may be missing before the chat is told, in milliseconds; None
            for the default. With 0 it is never told.
        across: Whether figures of different platforms are compared there.
        language: The one that was chosen; None while none was.
        locale: The language that its platform or who set it up suggests until then.
        counting: ``lakh`` or ``million``; None for what the language does.
        quiet: Its quiet hours: see ``bot.domain.quiet``.
        theme: Of its charts: ``dark``; None for light.
        mention, style: What new subscriptions begin with: see ``Subscription``.
    """

    id: int
    platform: str
    key: str
    title: str | None
    timezone: str | None
    language: str | None
    disabled_at: int | None
    disabled_why: str | None
    roles: tuple[str, ...]
    patience: int | None
    across: bool
    locale: str | None
    counting: str | None
    quiet: str | None
    theme: str | None
    mention: str | None
    style: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """Where in a chat the alerts of a watch go, and which.

    Attributes:
        topic: Of the chat; empty for the chat itself.
        ladder: Own thresholds, rising; None for the default ladder.
        metric: The figure that the ladder stands on; None for the watch's own.
        topic_title: What the platform calls the topic.
        mention: Whom to call: ``here`` or the platform's id of a role.
        made_by: The platform's id of the admin who made it.
        disabled_why: Its topic is closed or gone, and how; None while it is well.
        problem: Why posts are not taken there, if they are not.
        remind_before: How long before an announced start it is reminded, in milliseconds; None for the default.
        style: ``card`` or ``both``; None for posts.
        resend: A card that was buried comes anew.
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
    topic_title: str | None
    mention: str | None
    mentioned_at: int | None
    made_by: str | None
    disabled_why: str | None
    problem: str | None
    remind_before: int | None
    style: str | None
    resend: bool


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
    return _chat(row)


async def find(connection: Connection, *, platform: str, key: str) -> Chat | None:
    """Return a chat by its platform's id, or None."""
    row = (
        await connection.execute(sa.select(*_CHAT).where(chat.c.platform == platform, chat.c.key == key))
    ).one_or_none()
    return None if row is None else _chat(row)


async def by_id(connection: Connection, id_: int) -> Chat:
    """Return a chat by our id."""
    return _chat((await connection.execute(sa.select(*_CHAT).where(chat.c.id == id_))).one())


async def of_platform(connection: Connection, platform: str) -> list[Chat]:
    """Return all chats of a platform."""
    rows = await connection.execute(sa.select(*_CHAT).where(chat.c.platform == platform))
    return [_chat(row) for row in rows]


async def change(connection: Connection, id_: int, **values: Any) -> None:
    """Set columns of a chat."""
    await connection.execute(sa.update(chat).where(chat.c.id == id_).values(values))


async def set_roles(connection: Connection, id_: int, roles: Sequence[str]) -> None:
    """Set the roles whose members are admins of a chat, too."""
    await change(connection, id_, roles=json.dumps(list(roles)) if roles else None)


async def disable(connection: Connection, id_: int, *, now: int, why: str) -> None:
    """Stop sending to a chat that is gone, and reading what only it follows; its settings stay."""
    await change(connection, id_, disabled_at=now, disabled_why=why)
    await chat_changed(connection, id_, now=now)


async def enable(connection: Connection, id_: int, *, now: int) -> None:
    """Send to a chat again that was gone."""
    await change(connection, id_, disabled_at=None, disabled_why=None)
    await chat_changed(connection, id_, now=now)


async def move(connection: Connection, *, platform: str, old: str, new: str, now: int) -> None:
    """Let a chat go on under another id, with all its settings and all it is owed.

    A chat that is known under the new id already is merged into it; where both have the same, the new one's stays.
    """
    moved = await find(connection, platform=platform, key=old)
    if moved is None:
        return
    there = await find(connection, platform=platform, key=new)
    if there is not None:
        await _merge(connection, there, into=moved)
    await change(connection, moved.id, key=new)
    await enable(connection, moved.id, now=now)


async def _merge(connection: Connection, newer: Chat, *, into: Chat) -> None:
    """Take all that a chat has over into another one, and delete it."""
    kept = {
        name: getattr(newer, name)
        for name in ("timezone", "language", "title", "locale", "counting", "quiet", "theme", "mention", "style")
    }
    changed: dict[str, Any] = {name: value for name, value in kept.items() if value}
    if newer.patience is not None:
        changed["patience"] = newer.patience
    if newer.across:
        changed["across"] = True
    if changed:
        await change(connection, into.id, **changed)
    taken = sa.select(subscription.c.watch_id).where(subscription.c.chat_id == newer.id)
    await connection.execute(
        sa.delete(subscription).where(subscription.c.chat_id == into.id, subscription.c.watch_id.in_(taken))
    )
    listed = sa.select(chat_watch.c.watch_id).where(chat_watch.c.chat_id == newer.id)
    named = sa.select(chat_watch.c.name).where(chat_watch.c.chat_id == newer.id)
    await connection.execute(
        sa.delete(chat_watch).where(chat_watch.c.chat_id == into.id, chat_watch.c.watch_id.in_(listed))
    )
    await connection.execute(
        sa.update(chat_watch)
        .where(chat_watch.c.chat_id == into.id, chat_watch.c.name.in_(named))
        .values(name=chat_watch.c.name + " (2)")
    )
    tied = sa.select(tie.c.name).where(tie.c.chat_id == newer.id)
    await connection.execute(sa.delete(tie).where(tie.c.chat_id == into.id, tie.c.name.in_(tied)))
    written = sa.select(wording.c.kind).where(wording.c.chat_id == newer.id)
    await connection.execute(sa.delete(wording).where(wording.c.chat_id == into.id, wording.c.kind.in_(written)))
    for table in (subscription, chat_watch, delivery, book, tie, wording):
        await connection.execute(sa.update(table).where(table.c.chat_id == newer.id).values(chat_id=into.id))
    await connection.execute(sa.delete(chat).where(chat.c.id == newer.id))


async def forget(connection: Connection, id_: int) -> None:
    """Delete a chat with all that is kept for it, and what was watched for nobody else in private."""
    followed = (
        await connection.execute(sa.select(chat_watch.c.watch_id).where(chat_watch.c.chat_id == id_))
    ).scalars()
    ids = list(followed)
    await connection.execute(sa.delete(chat).where(chat.c.id == id_))
    await forget_private(connection, ids)


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


async def called_at(connection: Connection, one: Subscription) -> int | None:
    """Return when those whom a subscription calls were last called in its topic, by any of what comes there."""
    latest = await connection.execute(
        sa.select(sa.func.max(subscription.c.mentioned_at)).where(
            subscription.c.chat_id == one.chat_id,
            subscription.c.topic == one.topic,
            subscription.c.mention == one.mention,
        )
    )
    at: int | None = latest.scalar()
    return at


async def subscribe(
    connection: Connection,
    *,
    chat_id: int,
    watch_id: int,
    topic: str,
    kinds: Sequence[str],
    now: int,
    **values: Any,
) -> None:
    """Subscribe a chat to a watch's alerts, or change what it is told and how.

    Args:
        values: Further columns; see ``Subscription``.
    """
    values |= {"kinds": kinds_text(kinds), "muted_until": None, "disabled_at": None, "disabled_why": None}
    values["problem"] = None
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
        of_chat = await connection.execute(sa.select(chat.c.mention, chat.c.style).where(chat.c.id == chat_id))
        values = {**of_chat.one()._mapping, **values}  # noqa: SLF001
        await connection.execute(
            sa.insert(subscription).values(
                chat_id=chat_id, watch_id=watch_id, topic=topic, created_at=now, **values
            )
        )
    await revise(connection)


async def change_subscriptions(
    connection: Connection, *, chat_id: int, watch_id: int, topic: str = "", **values: Any
) -> int:
    """Set columns of a topic's subscription to a watch, or of all the chat's if the topic has none.

    Returns:
        How many subscriptions there are.
    """
    of_watch = (subscription.c.chat_id == chat_id, subscription.c.watch_id == watch_id)
    for where in ((*of_watch, subscription.c.topic == topic), of_watch):
        changed = await connection.execute(sa.update(subscription).where(*where).values(values))
        if changed.rowcount:
            break
    await revise(connection)
    return changed.rowcount


async def change_all(connection: Connection, chat_id: int, **values: Any) -> None:
    """Set columns of all subscriptions of a chat."""
    await connection.execute(sa.update(subscription).where(subscription.c.chat_id == chat_id).values(values))
    await revise(connection)


async def change_subscription(connection: Connection, id_: int, **values: Any) -> None:
    """Set columns of one subscription."""
    await connection.execute(sa.update(subscription).where(subscription.c.id == id_).values(values))


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


async def disable_topic(connection: Connection, chat_id: int, topic: str, *, now: int, why: str) -> list[int]:
    """End what comes to a topic that is closed or gone; return the subscriptions that this ends."""
    ended = await connection.execute(
        sa.update(subscription)
        .where(
            subscription.c.chat_id == chat_id,
            subscription.c.topic == topic,
            subscription.c.disabled_at.is_(None),
        )
        .values(disabled_at=now, disabled_why=why)
        .returning(subscription.c.id)
    )
    ids = list(ended.scalars())
    if ids:
        await revise(connection)
    return ids


async def enable_topic(connection: Connection, chat_id: int, topic: str) -> None:
    """Let come to a topic again what came before it was closed."""
    changed = await connection.execute(
        sa.update(subscription)
        .where(
            subscription.c.chat_id == chat_id,
            subscription.c.topic == topic,
            subscription.c.disabled_at.is_not(None),
        )
        .values(disabled_at=None, disabled_why=None)
    )
    if changed.rowcount:
        await revise(connection)


@dataclass(frozen=True, slots=True, kw_only=True)
class Admin:
    """Who set up a watch in a chat: ``user`` is the platform's id, ``watch`` what the chat calls it."""

    chat: Chat
    user: str
    watch: str


async def admins_of(connection: Connection, watch_id: int) -> list[Admin]:
    """Return who set up the alerts of a watch, chat by chat, each once."""
    rows = await connection.execute(
        sa.select(
            *_CHAT,
            subscription.c.made_by.label("user"),
            chat_watch.c.name.label("watch"),
        )
        .join(chat, chat.c.id == subscription.c.chat_id)
        .join(
            chat_watch,
            sa.and_(chat_watch.c.chat_id == chat.c.id, chat_watch.c.watch_id == subscription.c.watch_id),
        )
        .where(
            subscription.c.watch_id == watch_id, subscription.c.made_by.is_not(None), chat.c.disabled_at.is_(None)
        )
        .distinct()
    )
    return [Admin(chat=_chat(row), user=row.user, watch=row.watch) for row in rows]


def _chat(row: Any) -> Chat:
    values = {column.name: row._mapping[column] for column in _CHAT}  # noqa: SLF001
    values["roles"] = tuple(json.loads(values["roles"] or "[]"))
    return Chat(**values)


def _subscription(row: Any) -> Subscription:
    values = dict(row._mapping)  # noqa: SLF001
    values["kinds"] = tuple(word for word in values["kinds"].split(",") if word)
    ladder = ladder_of(values["ladder"])
    values["ladder"] = None if ladder is None else tuple(plain(rung) for rung in ladder)
    return Subscription(**values)
