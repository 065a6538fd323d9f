"""The lines of events, for charts: of a session, or of the sum of tied ones."""

from __future__ import annotations

from bot.domain.chart import Trace
from bot.domain.curve import summed
from bot.domain.plot import Course, Plot
from bot.domain.reading import Metric, State
from bot.domain.session import Session
from bot.domain.statistics import Tally
from bot.services import charting, events
from bot.services.context import Services
from bot.services.events import Event
from bot.services.ties import Tied
from storage import sessions


async def latest(services: Services, thing: Tied) -> Plot | None:
    """Return what is drawn of the live event of a tie, or of the last one; None if there was none yet."""
    async with services.database.read() as connection:
        event = await events.live(connection, thing)
        if event is None:
            event = next(iter(await events.newest(connection, thing, limit=1)), None)
    if event is None:
        return None
    course = await of(services, event)
    return Plot(course=course, until=course.last)


async def of(services: Services, event: Event) -> Course:
    """Return the line of an event, under the name of what it is of."""
    first = event.parts[0]
    if len(event.parts) == 1:
        async with services.database.read() as connection:
            session = (await sessions.by_ids(connection, [first.id]))[first.id]
        return await charting.course(services.database, name=event.of.name, watch=first.watch, session=session)
    async with services.database.read() as connection:
        points = summed(await events.curves(connection, event))
    trace = Trace(event.first_at, event.last_at)
    joined = False
    for at, value in points:
        if value is not None:
            trace.add(at, value, joined=joined)
        joined = value is not None
    state = State.LIVE if event.is_live else State.ENDED
    tally = Tally(first_at=event.first_at, last_at=event.last_at)
    return Course(
        name=event.of.name,
        platform=first.watch.platform,
        unit=first.watch.unit,
        metric=Metric.CONCURRENT,
        session=Session(first.watch.id, [], state, tally=tally),
        first=event.first_at,
        last=event.last_at,
        points=trace.points(),
    )
