"""How the bot itself is: sources, queue, database."""

from __future__ import annotations

from dataclasses import dataclass

from bot.services.context import Services
from storage import outbox, watches


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """What ``/status`` shows.

    Attributes:
        uptime: Milliseconds since this process began.
        watched: How many watches are polled.
        live: How many sessions are on the air.
        troubled: Those that cannot be read, as (name, why, since).
        backlog: Deliveries owed.
        oldest: Since when the oldest of them is owed.
    """

    uptime: int
    watched: int
    live: int
    troubled: tuple[tuple[str, str, int], ...]
    backlog: int
    oldest: int | None


async def status(services: Services) -> Status:
    """Return how the bot is now."""
    async with services.database.read() as connection:
        watched, live = await watches.counts(connection)
        troubled = await watches.troubled(connection)
        backlog, oldest = await outbox.backlog(connection)
    return Status(
        uptime=services.clock() - services.started_at,
        watched=watched,
        live=live,
        troubled=tuple(troubled),
        backlog=backlog,
        oldest=oldest,
    )
