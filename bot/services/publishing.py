"""What a chat shows to anybody: which of its watches have a page, and where that is."""

from __future__ import annotations

from collections.abc import Sequence

from bot.ports.command import Request
from bot.services.context import Services
from bot.services.watching import Watched, listed
from storage import chats, published

#: The terminal of who runs the bot: there is nothing to tap.
CONSOLE = "console"


async def public(services: Services, request: Request) -> list[tuple[Watched, bool]]:
    """Return what the chat watches, and whether it has made each public."""
    found = await listed(services, request)
    async with services.database.read() as connection:
        chat = await chats.find(connection, platform=request.platform, key=request.chat)
        shown = frozenset[int]() if chat is None else await published.by_chat(connection, chat.id)
    return [(one, one.watch.id in shown) for one in found]


async def publish(services: Services, request: Request, watched: Sequence[Watched], *, public: bool) -> None:
    """Make watches of the chat public, with all their sessions, or private again."""
    async with services.database.write() as connection:
        chat = await chats.find(connection, platform=request.platform, key=request.chat)
        if chat is not None:
            at = services.clock() if public else None
            ids = [one.watch.id for one in watched]
            await published.publish(connection, chat_id=chat.id, watch_ids=ids, at=at)


async def page_of(services: Services, request: Request, watched: Watched, session_id: int) -> str | None:
    """Return the address of a session's page; None where the chat has not made it public, or none is known."""
    if not services.public_url or request.platform == CONSOLE:
        return None
    async with services.database.read() as connection:
        chat = await chats.find(connection, platform=request.platform, key=request.chat)
        shown = chat is not None and watched.watch.id in await published.by_chat(connection, chat.id)
    return session_address(services.public_url, session_id) if shown else None


def session_address(public_url: str, session_id: int) -> str:
    """Return where readers find a session."""
    return f"{public_url}/s/{session_id}"


def watch_address(public_url: str, watch_id: int) -> str:
    """Return where readers find all sessions of a watch."""
    return f"{public_url}/w/{watch_id}"
