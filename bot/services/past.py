"""What was on the air before: sessions of a watch, or events of a tie, newest first and page by page."""

from __future__ import annotations

from dataclasses import dataclass

from bot.services import events
from bot.services.context import Services
from bot.services.events import Event, Measures
from bot.services.ties import Thing

#: How many stand on a page.
PAGE = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page of what is over.

    Attributes:
        events: Newest first, each with its measures.
        live: What is on the air, on the first page.
        number, pages: Which page it is, of how many.
        total: How many are over.
    """

    events: tuple[tuple[Event, Measures], ...]
    live: Event | None
    number: int
    pages: int
    total: int


async def page(services: Services, thing: Thing, number: int) -> Page:
    """Return a page, from 1; the last one for any number behind it."""
    async with services.database.read() as connection:
        total = await events.count(connection, thing)
        pages = max(1, -(-total // PAGE))
        number = min(max(1, number), pages)
        found = await events.newest(connection, thing, limit=PAGE, offset=(number - 1) * PAGE)
        return Page(
            events=tuple([(one, await events.measures(connection, one)) for one in found]),
            live=await events.live(connection, thing) if number == 1 else None,
            number=number,
            pages=pages,
            total=total,
        )
