"""What an alert would look like: a story made up of a watch's own figures, told to nobody else."""

from __future__ import annotations

from dataclasses import replace

from bot.domain import HOUR, MINUTE
from bot.domain.alerts import milestone, record
from bot.domain.alerts.record import Rival, Scope, Standing
from bot.domain.measure import MARK_OF, Measure, measured
from bot.domain.reading import Metric, State
from bot.domain.session import Session
from bot.domain.statistics import Tally
from bot.domain.story import BrokenRecord, Story
from bot.ports.command import Request
from bot.services.context import Services
from bot.services.watching import Watched, here, subscriptions
from storage import sessions
from storage.chats import Subscription

#: Where nothing was ever read.
FIGURE = 1_250


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
    if kind == milestone.KIND:
        return _rung(replace(story, measure=measure, value=value), own)
    if kind == record.KIND:
        return replace(story, measure=measure, value=value, records=(_broken(story, measure, value),))
    return story


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
