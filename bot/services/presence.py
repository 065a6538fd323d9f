"""In which chats the bot is: let in, put out, moved, forgotten. Leaving deletes nothing."""

from __future__ import annotations

from collections.abc import Callable, Collection

from bot.domain.sentence import N_
from bot.ports.command import Request
from bot.services.context import Services
from storage import chats, sending
from storage.chats import Chat
from storage.database import Connection

#: Why a chat is left alone that the platform did not name among those in which the bot is.
NOT_NAMED = N_("the bot is no longer in it")


async def let_in(services: Services, *, platform: str, key: str, title: str | None, topic: str | None) -> None:
    """Note that the bot may post in a chat, or in a topic of it, newly or again."""
    now = services.clock()
    async with services.database.write() as connection:
        chat = await chats.get_or_add(connection, platform=platform, key=key, title=title, now=now)
        if title and title != chat.title:
            await chats.change(connection, chat.id, title=title)
        if chat.disabled_at is not None:
            await chats.enable(connection, chat.id, now=now)
        if topic is not None:
            await chats.enable_topic(connection, chat.id, topic)


async def put_out(services: Services, *, platform: str, key: str, why: str, topic: str | None) -> None:
    """Note that the bot may no longer post in a chat, or in a topic of it; all settings stay."""
    now = services.clock()
    async with services.database.write() as connection:
        chat = await chats.find(connection, platform=platform, key=key)
        if chat is None:
            return
        if topic is None:
            await _put_out(connection, chat, now=now, why=why)
            return
        ended = await chats.disable_topic(connection, chat.id, topic, now=now, why=why)
        await sending.drop(connection, subscription_ids=ended, now=now, error=why)


async def roll_call(
    services: Services, *, platform: str, keys: Collection[str], is_group: Callable[[str], bool]
) -> None:
    """Note in which chats of several people the bot is, as the platform names them all.

    Where it names none, nothing is concluded: a send that is refused will tell.
    """
    if not keys:
        return
    now = services.clock()
    async with services.database.write() as connection:
        for chat in await chats.of_platform(connection, platform):
            if chat.key in keys and chat.disabled_at is not None:
                await chats.enable(connection, chat.id, now=now)
            elif chat.key not in keys and is_group(chat.key):
                await _put_out(connection, chat, now=now, why=NOT_NAMED)


async def moved(services: Services, *, platform: str, old: str, new: str) -> None:
    """Note that a chat goes on under another id of its platform, with all its settings."""
    async with services.database.write() as connection:
        await chats.move(connection, platform=platform, old=old, new=new, now=services.clock())


async def forget(services: Services, request: Request) -> bool:
    """Delete all that is kept for a chat; tells whether there was anything."""
    async with services.database.write() as connection:
        chat = await chats.find(connection, platform=request.platform, key=request.chat)
        if chat is None:
            return False
        await chats.forget(connection, chat.id)
        return True


async def _put_out(connection: Connection, chat: Chat, *, now: int, why: str) -> None:
    if chat.disabled_at is None:
        await chats.disable(connection, chat.id, now=now, why=why)
