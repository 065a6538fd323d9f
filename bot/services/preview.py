"""What an alert would look like: a story made up of a watch's own figures, told to nobody else."""

from __future__ import annotations

from dataclasses import replace

from bot.domain import HOUR, MINUTE
from bot.domain.alerts import close, milestone, outage, record, reminder
from bot.domain.alerts.record import Rival, Scope, Standing
from bot.domain.measure import MARK_OF, Measure, measured
from bot.domain.reading import Metric, State, Trouble
from bot.domain.session import Session
from bot.domain.statistics import Tally
from bot.domain.story import BrokenRecord, Chase, Story
from bot.ports.command import Request
from bot.services.context import Services
from bot.services.watching import Watched, here, subscriptions
from storage import chats, sessions
from storage.chats import Subscription

#: Where nothing was ever read.
FIGURE = 1_250
#: How near the preview of a near record is.
NEAR = 0.93


async def preview(services: Services, request: Request, watched: Watched, kind: str) -> Story:
    """Return a story of this kind: of the watch's newest session, or of one that is made up."""
    now, watch = services.clock(), watched.watch
    own = here((await subscriptions(services, request)).get(watch.id, []), request)
    async with services.database.read() as connection:
        newest = await sessions.newest(connection, watch.id)
    metric = Metric(watch.metric)
    session = newest[0] if newest else _made_up(watch.id, now, metric)
    measure = MARK_OF[metric]
    value = measured(session.tally, measure) or FIGURE
    # What is over is told as of its best moment.
    at = now if session.is_live else session.tally.peak_at or session.tally.last_at or now
    story = Story(
        kind=kind,
        at=at,
        late=False,
        name=watched.name,
        watch=watch.name,
        platform=watch.platform,
        unit=watch.unit,
        interval=watch.interval,
        timezone=watch.timezone,
        session=session,
        url=session.url or watch.url,
    )
    if kind == reminder.KIND:
        return await _announced(services, story, own, now=now)
    if kind == outage.KIND:
        return await _unread(services, story, request, watched, now=now)
    return _marked(story, measure, value, own)


def invented(services: Services, kind: str, *, name: str) -> Story:
    """Return a story of this kind for a chat that watches nothing yet."""
    now = services.clock()
    story = Story(
        kind=kind,
        at=now,
        late=False,
        name=name,
        watch=name,
        platform="x",
        unit="listeners",
        interval=MINUTE,
        timezone="UTC",
        session=_made_up(0, now, Metric.CONCURRENT),
    )
    if kind == reminder.KIND:
        due = now + reminder.LEAD
        return replace(story, session=Session(0, ["preview"], State.SCHEDULED, started_at=due))
    if kind == outage.KIND:
        return replace(story, since=now - outage.PATIENCE, why=Trouble.UNAVAILABLE.value)
    return _marked(story, Measure.PEAK, FIGURE, None)


def _marked(story: Story, measure: Measure, value: float, own: Subscription | None) -> Story:
    """Return a story with what it tells of a mark, if its kind is about one."""
    if story.kind == milestone.KIND:
        return _rung(replace(story, measure=measure, value=value), own)
    if story.kind == record.KIND:
        return replace(story, measure=measure, value=value, records=(_broken(story, measure, value),))
    if story.kind == close.KIND:
        rival = Rival(value=max(value / NEAR // 1, value + 1), holder=story.name)
        chase = Chase(measure=measure, value=value, scope=Scope.WATCH, rival=rival)
        return replace(story, measure=measure, value=value, chase=chase)
    return story


async def _announced(services: Services, story: Story, own: Subscription | None, *, now: int) -> Story:
    """Return a reminder of what is announced next, as it will be told; or of what might be."""
    lead = own.remind_before if own is not None and own.remind_before is not None else reminder.LEAD
    async with services.database.read() as connection:
        on_air = await sessions.on_air(connection, [story.session.watch_id])
    coming = [one for one in on_air if not one.is_live and one.started_at is not None and one.started_at > now]
    session = min(coming, key=lambda one: one.started_at or 0, default=None)
    if session is None or session.started_at is None:
        due = now + lead
        session = Session(story.session.watch_id, ["preview"], State.SCHEDULED, started_at=due)
    else:
        due = session.started_at
    return replace(story, session=session, at=due - lead, url=session.url or story.url)


async def _unread(services: Services, story: Story, request: Request, watched: Watched, *, now: int) -> Story:
    """Return an outage that has just lasted longer than the chat's patience."""
    async with services.database.read() as connection:
        chat = await chats.find(connection, platform=request.platform, key=request.chat)
    patience = (chat.patience if chat is not None else None) or outage.PATIENCE
    why = watched.watch.trouble or Trouble.UNAVAILABLE.value
    return replace(story, at=now, since=now - patience, why=why)


def _rung(story: Story, own: Subscription | None) -> Story:
    assert story.value is not None
    ladder = own.ladder if own is not None else None
    reached = milestone.rung(ladder, before=None, after=story.value, best=None)
    if reached is None:  # the whole ladder lies above
        reached = milestone.next_rung(ladder, above=story.value) or story.value
    value = max(story.value, reached)
    return replace(story, value=value, threshold=reached, next_rung=milestone.next_rung(ladder, above=value))


def _broken(story: Story, measure: Measure, value: float) -> BrokenRecord:
    rival = Rival(value=max(value * 0.8, 1) // 1, holder=story.name)
    return BrokenRecord(
        measure=measure,
        value=value,
        standing=Standing(scope=Scope.WATCH, previous=rival, sessions=0, since=None),
    )


def _made_up(watch_id: int, now: int, metric: Metric) -> Session:
    first = now - HOUR
    tally = Tally(first_at=first, last_at=now, readings=60)
    if metric is Metric.CONCURRENT:
        tally.peak, tally.peak_at = FIGURE, now - 20 * MINUTE
        tally.area, tally.covered = FIGURE * 0.8 * HOUR, HOUR
    else:
        setattr(tally, metric.value, FIGURE)
    return Session(watch_id, ["preview"], State.LIVE, tally=tally)
