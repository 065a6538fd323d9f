"""In which chats the bot is: let in, put out, moved. Leaving deletes nothing."""

from __future__ import annotations

from bot.services.context import Services
from storage import chats


async def let_in(services: Services, *, platform: str, key: str, title: str | None) -> None:
    """Note that the bot may post in a chat, newly or again."""
    async with services.database.write() as connection:
        chat = await chats.get_or_add(connection, platform=platform, key=key, title=title, now=services.clock())
        await chats.change(connection, chat.id, title=title or chat.title, disabled_at=None, disabled_why=None)


async def put_out(services: Services, *, platform: str, key: str, why: str) -> None:
    """Note that the bot may no longer post in a chat; its settings stay."""
    async with services.database.write() as connection:
        chat = await chats.find(connection, platform=platform, key=key)
        if chat is not None and chat.disabled_at is None:
            await chats.disable(connection, chat.id, now=services.clock(), why=why)


async def moved(services: Services, *, platform: str, old: str, new: str) -> None:
    """Note that a chat goes on under another id of its platform, with all its settings."""
    async with services.database.write() as connection:
        chat = await chats.find(connection, platform=platform, key=old)
        if chat is not None and await chats.find(connection, platform=platform, key=new) is None:
            await chats.change(connection, chat.id, key=new)
