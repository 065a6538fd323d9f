"""What a chart is made of: a session's line, the one before it, what was passed. Values only, no text."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace

from bot.domain import MINUTE
from bot.domain.alerts.milestone import passed
from bot.domain.alerts.record import Field, Scope, standing
from bot.domain.chart import COLUMNS, Trace, cut, growth, highest, known, shifted
from bot.domain.measure import MARK_OF
from bot.domain.plot import Course, Line, Plot
from bot.domain.reading import Metric
from bot.domain.session import Session
from bot.ports.command import Request
from bot.services.context import Services
from bot.services.watching import Watched, here, subscriptions
from storage import chats, records, samples, sessions, told
from storage.database import Connection, Database
from storage.watches import Watch

#: Readings that are fetched and followed at a time: what that takes, others wait for.
_PAGE = 2_000
_SHORTEST_PAGE = 15 * MINUTE
#: Among so many newest sessions the one before is looked for.
_NEWEST = 12
#: A live chart goes on to the right by this part of its length, where there is an earlier session to look ahead.
AHEAD = 3
#: The session before is drawn up to so many times the height of the one in question.
_HIGHER = 3
#: A record further above than this is not drawn: the line would lie flat at the bottom.
_IN_SIGHT = 1.5


async def latest(services: Services, request: Request, watched: Watched) -> Plot | None:
    """Return what is drawn of a watch's live or last session; None if it has not been live yet."""
    async with services.database.read() as connection:
        newest = await sessions.newest(connection, watched.watch.id)
        chat = await chats.find(connection, platform=request.platform, key=request.chat)
    if not newest:
        return None
    own = here((await subscriptions(services, request)).get(watched.watch.id, []), request)
    return await plot(
        services.database,
        name=watched.name,
        watch=watched.watch,
        session=newest[0],
        chat_id=chat.id if chat is not None else None,
        ladder=own.ladder if own is not None else None,
    )


async def plot(
    database: Database,
    *,
    name: str,
    watch: Watch,
    session: Session,
    chat_id: int | None,
    ladder: tuple[float, ...] | None = None,
    columns: int = COLUMNS,
) -> Plot:
    """Gather what is drawn of a session.

    Args:
        name: What the chat calls the watch.
        chat_id: Whose rungs and records are marked.
        ladder: The chat's own, for rungs of which no post told.
        columns: How many of pixels there are for the line.
    """
    one = await course(database, name=name, watch=watch, session=session, columns=columns)
    async with database.read() as connection:
        earlier = _before(session, await sessions.newest(connection, watch.id, _NEWEST))
        rungs = () if chat_id is None else tuple(await told.rungs(connection, session.id, chat_id=chat_id))
        line = None if chat_id is None else await _record(connection, one, watch, chat_id=chat_id)
        best = (await sessions.best(connection, [watch.id])).get(watch.id, {}).get(MARK_OF[one.metric])
    if not rungs and chat_id is not None:
        rungs = passed(
            [(at, value) for at, value in one.points if value is not None],
            ladder,
            best=best if session.is_live else None,
        )
    before, until = None, one.last
    if earlier is not None and one.enough:
        before = await course(database, name=name, watch=watch, session=earlier, columns=columns)
        until = _until(one, before)
        before = _beside(one, before, until)
    return Plot(course=one, before=before, until=until, rungs=rungs, record=line)


async def course(
    database: Database, *, name: str, watch: Watch, session: Session, columns: int = COLUMNS
) -> Course:
    """Follow all readings of a session, a page at a time."""
    tally = session.tally
    first, last = tally.first_at or 0, tally.last_at or 0
    metric = Metric(watch.metric)
    if metric is Metric.CONCURRENT:
        trace = Trace(first, last, columns)
        async for connection, begin, end in _pages(database, first, last, interval=watch.interval):
            trace.follow(await samples.between(connection, session.id, first=begin, last=end))
        points = trace.points()
    else:
        figures: list[tuple[int, float]] = []
        async for connection, begin, end in _pages(database, first, last, interval=watch.interval):
            figures += await told.totals(connection, session.id, metric, first=begin, last=end)
        points = growth(figures, interval=watch.interval, columns=columns, first=first, last=last)
    return Course(
        name=name,
        platform=watch.platform,
        unit=watch.unit,
        metric=metric,
        session=session,
        first=first,
        last=last,
        points=points,
    )


async def _pages(
    database: Database, first: int, last: int, *, interval: int
) -> AsyncIterator[tuple[Connection, int, int]]:
    """Yield a stretch of time in portions, each with a connection; others have their turn between."""
    length = max(_SHORTEST_PAGE, _PAGE * interval)
    for begin in range(first, last + 1, length):
        async with database.read() as connection:
            yield connection, begin, min(begin + length - 1, last)
        await asyncio.sleep(0)


def _before(session: Session, newest: list[Session]) -> Session | None:
    """Return the last session that began before this one."""
    earlier = [
        one
        for one in newest
        if one.id != session.id
        and (one.tally.first_at or 0) < (session.tally.first_at or 0)
        and one.tally.readings
    ]
    return max(earlier, key=lambda one: one.tally.first_at or 0, default=None)


def _until(one: Course, before: Course) -> int:
    """Return where a chart ends: while live, it looks ahead as far as the session before went."""
    if not one.session.is_live:
        return one.last
    return max(one.last, min(one.first + before.last - before.first, one.last + (one.last - one.first) // AHEAD))


def _beside(one: Course, before: Course, until: int) -> Course | None:
    """Return the session before as a line that starts with this one and leaves the picture where it must."""
    peak = highest(one.points)
    assert peak is not None
    moved = cut(shifted(before.points, one.first - before.first), last=until)
    points = tuple((at, None if value is None or value > _HIGHER * peak[1] else value) for at, value in moved)
    if known(points) < 2:
        return None
    return replace(before, first=one.first, last=until, points=points)


async def _record(connection: Connection, one: Course, watch: Watch, *, chat_id: int) -> Line | None:
    rivals = await records.fields(
        connection,
        watch,
        chat_id=chat_id,
        measure=MARK_OF[one.metric],
        apart_from=one.session.id,
        ended_before=one.session.ended_at,
    )
    return record(one, rivals)


def record(one: Course, rivals: Mapping[Scope, Field]) -> Line | None:
    """Return the record that a session broke, else the lowest that stands above it and within sight."""
    peak = highest(one.points)
    if peak is None:
        return None
    held = standing(peak[1], rivals)
    if held is not None:
        former = held.previous.value
        at = next(at for at, value in one.points if value is not None and value > former)
        return Line(value=former, scope=held.scope, at=at)
    ahead = [(rivals[scope].best.value, scope) for scope in rivals if rivals[scope].best.value >= peak[1]]
    if not ahead:
        return None
    value, scope = min(ahead)
    return Line(value=value, scope=scope) if value <= _IN_SIGHT * peak[1] else None
