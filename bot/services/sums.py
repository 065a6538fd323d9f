"""The figures of tied watches: the event that is on the air, or the last one."""

from __future__ import annotations

from dataclasses import dataclass

from bot.services import events
from bot.services.context import Services
from bot.services.events import Event, Measures
from bot.services.ties import Tied


@dataclass(frozen=True, slots=True, kw_only=True)
class Sum:
    """An event of a tie.

    Attributes:
        now, now_at: How many there are together, at the last moment that is known of all live ones.
        parts: The name, unit and peak of each session; peaks are of different moments.
    """

    event: Event
    measures: Measures
    now: float | None
    now_at: int | None
    parts: tuple[tuple[str, str, float | None], ...]


async def of(services: Services, thing: Tied) -> Sum | None:
    """Return the event that is live, else the last one; None if there was none yet."""
    async with services.database.read() as connection:
        event = await events.live(connection, thing)
        if event is None:
            event = next(iter(await events.newest(connection, thing, limit=1)), None)
        if event is None:
            return None
        now_at = events.now_of(event)
        names = {one.watch.id: one.name for one in thing.watches}
        return Sum(
            event=event,
            measures=await events.measures(connection, event),
            now=await events.figure(connection, event, now_at) if now_at is not None else None,
            now_at=now_at,
            parts=tuple((names[part.watch.id], part.watch.unit, part.peak) for part in event.parts),
        )
