"""What was on the air before: sessions of a watch, or events of a tie, newest first and page by page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bot.domain.measure import Measure
from bot.ports.command import Request
from bot.services import events
from bot.services.context import Services
from bot.services.events import Event, Measures
from bot.services.ties import Thing
from storage import chats, doubts

#: How many stand on a page.
PAGE = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page of what is over.

    Attributes:
        events: Newest first, each with its measures.
        disputed: For events of which some do not count in this chat, which: an event's, if one of its sessions'.
        live: What is on the air, on the first page.
        number, pages: Which page it is, of how many.
        total: How many are over.
    """

    events: tuple[tuple[Event, Measures], ...]
    live: Event | None
    number: int
    pages: int
    total: int
    disputed: Mapping[frozenset[int], frozenset[Measure]]


async def page(services: Services, request: Request, thing: Thing, number: int) -> Page:
    """Return a page, from 1; the last one for any number behind it."""
    async with services.database.read() as connection:
        total = await events.count(connection, thing)
        pages = max(1, -(-total // PAGE))
        number = min(max(1, number), pages)
        found = await events.newest(connection, thing, limit=PAGE, offset=(number - 1) * PAGE)
        chat = await chats.find(connection, platform=request.platform, key=request.chat)
        disputed = await doubts.of_sessions(
            connection, [id_ for one in found for id_ in one.ids], chat_id=None if chat is None else chat.id
        )
        return Page(
            events=tuple([(one, await events.measures(connection, one)) for one in found]),
            live=await events.live(connection, thing) if number == 1 else None,
            number=number,
            pages=pages,
            total=total,
            disputed={
                one.ids: frozenset(measure for id_ in one.ids for measure in disputed.get(id_, ()))
                for one in found
                if not one.ids.isdisjoint(disputed)
            },
        )
