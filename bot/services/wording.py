"""A chat's own words for its alerts: what it has, and an alert to try them on."""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain.story import Story
from bot.ports.command import Request
from bot.services import story as stories
from bot.services import watching
from bot.services.context import Services
from bot.services.preview import invented, preview
from storage import chats, sending, wordings


@dataclass(frozen=True, slots=True)
class Example:
    """An alert to try words on; ``told`` if the chat was really told it."""

    story: Story
    told: bool = False


async def of_chat(services: Services, request: Request) -> dict[str, str]:
    """Return the texts that the chat has written, by kind."""
    async with services.database.read() as connection:
        chat = await chats.find(connection, platform=request.platform, key=request.chat)
        return {} if chat is None else await wordings.of_chat(connection, chat.id)


async def put(services: Services, request: Request, kind: str, text: str) -> None:
    """Let a chat be told a kind in these words."""
    now = services.clock()
    async with services.database.write() as connection:
        chat = await watching.chat_of(services, request, connection)
        await wordings.put(connection, chat_id=chat.id, kind=kind, text=text, made_by=request.user, now=now)


async def remove(services: Services, request: Request, kind: str) -> None:
    """Let a chat be told a kind in the bot's words again."""
    async with services.database.write() as connection:
        chat = await chats.find(connection, platform=request.platform, key=request.chat)
        if chat is not None:
            await wordings.remove(connection, chat_id=chat.id, kind=kind)


async def example(services: Services, request: Request, kind: str, *, name: str) -> Example:
    """Return the last alert of a kind that the chat was told; else what one would be.

    Args:
        name: Of what is watched, for a chat that watches nothing.
    """
    told = await _last(services, request, kind)
    if told is not None:
        return Example(told, told=True)
    watched = await watching.listed(services, request)
    if watched:
        return Example(await preview(services, request, watched[0], kind))
    return Example(invented(services, kind, name=name))


async def _last(services: Services, request: Request, kind: str) -> Story | None:
    async with services.database.read() as connection:
        chat = await chats.find(connection, platform=request.platform, key=request.chat)
        id_ = None if chat is None else await wordings.last_told(connection, chat_id=chat.id, kind=kind)
        owed = [] if id_ is None else await sending.of_ids(connection, [id_])
    return await stories.tell(services.database, owed[0], now=services.clock()) if owed else None
