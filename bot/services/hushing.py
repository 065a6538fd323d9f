"""Sets a chat's quiet hours, and the clocks on which they are."""

from __future__ import annotations

from bot.domain.quiet import Quiet
from bot.ports.command import Request
from bot.services.context import Services
from bot.services.watching import chat_of
from storage import chats, held


async def set_quiet(services: Services, request: Request, quiet: Quiet | None) -> None:
    """Set quiet hours, or none; what is held by the former ones is looked at again."""
    async with services.database.write() as connection:
        chat = await chat_of(services, request, connection)
        await chats.change(connection, chat.id, quiet=None if quiet is None else quiet.text())
        await held.look_again(connection, chat.id, services.clock())


async def set_timezone(services: Services, request: Request, timezone: str) -> None:
    """Set the chat's zone; what is held by its former clocks is looked at again."""
    async with services.database.write() as connection:
        chat = await chat_of(services, request, connection)
        await chats.change(connection, chat.id, timezone=timezone)
        await held.look_again(connection, chat.id, services.clock())
