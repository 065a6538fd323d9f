"""The figures of sessions, as commands ask for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.domain.alerts import milestone
from bot.domain.measure import LIVE_RECORDED, MARK_OF, Measure
from bot.domain.pace import WINDOW, Estimate, estimate
from bot.domain.reading import Metric
from bot.domain.session import Session
from bot.domain.snapshot import confirmed
from bot.domain.story import BrokenRecord
from bot.ports.command import Request
from bot.services.context import Services
from bot.services.story import as_called, broken_records
from bot.services.watching import Watched, here, listed, subscriptions
from storage import chats, days, samples, sessions, watches
from storage.days import Posts
from storage.watches import Watch


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A session with the watch that it belongs to, as one chat knows it."""

    name: str
    watch: Watch
    session: Session


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What ``/stats`` shows.

    Attributes:
        session: The live one, else the last; None if none was seen yet.
        next_rung: The next one on the chat's ladder, while live.
        estimate: When that would be reached, if the pace carries it.
        records: Those that the session holds.
        posts: Of a watch that counts posts by days, all since its first day.
    """

    watched: Watched
    session: Session | None
    next_rung: float | None = None
    estimate: Estimate | None = None
    records: tuple[BrokenRecord, ...] = ()
    posts: Posts | None = None


async def on_air(services: Services, request: Request) -> list[Shown] | None:
    """Return the live and announced sessions of what the chat watches; None if it watches nothing."""
    found = await listed(services, request)
    if not found:
        return None
    by_id = {one.watch.id: one for one in found}
    async with services.database.read() as connection:
        live = await sessions.on_air(connection, list(by_id))
    return [
        Shown(name=by_id[one.watch_id].name, watch=by_id[one.watch_id].watch, session=one)
        for one in sorted(live, key=lambda one: (not one.is_live, -(one.tally.confirmed or 0)))
    ]


async def of(services: Services, request: Request, watched: Watched) -> Figures:
    """Return the figures of a watch's live or last session."""
    watch = watched.watch
    own = here((await subscriptions(services, request)).get(watch.id, []), request)
    async with services.database.read() as connection:
        newest = await sessions.newest(connection, watch.id)
        if not newest:
            return Figures(watched=watched, session=None)
        session = newest[0]
        chat = await chats.find(connection, platform=request.platform, key=request.chat)
        records: tuple[BrokenRecord, ...] = ()
        if chat is not None:
            records = await broken_records(connection, watch, session, chat_id=chat.id)
            names = {one.id: name for name, one in await watches.of_chat(connection, chat.id)}
            records = await as_called(connection, names, records)
            if session.is_live:  # the others stand when it is over
                records = tuple(one for one in records if one.measure in LIVE_RECORDED)
        rung = guess = None
        ladder = own.ladder if own else None
        if session.is_live and session.tally.peak is not None and Metric(watch.metric) is Metric.CONCURRENT:
            rung = milestone.next_rung(ladder, above=session.tally.peak)
            last = session.tally.last_at or 0
            points = confirmed(await samples.between(connection, session.id, first=last - WINDOW, last=last))
            guess = estimate(points, rung) if rung is not None and session.gone_at is None else None
        counts_posts = watch.daily and Metric(watch.metric) is Metric.POSTS
        in_all = await days.posts(connection, watch.id) if counts_posts else None
    return Figures(watched=watched, session=session, next_rung=rung, estimate=guess, records=records, posts=in_all)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a ladder would have told of a past session, as (moment, threshold)."""

    session: Session
    rungs: tuple[tuple[int, float], ...]


async def would_have_told(
    services: Services, watched: Watched, ladder: Sequence[float] | None, *, limit: int = 3
) -> list[Told]:
    """Return what a ladder would have told of a watch's last sessions, newest first."""
    found = []
    metric = Metric(watched.watch.metric)
    async with services.database.read() as connection:
        newest = await sessions.newest(connection, watched.watch.id, limit + 20)
        for place, session in enumerate(newest[:limit]):
            tally = session.tally
            assert tally.first_at is not None
            assert tally.last_at is not None
            kept = await samples.between(connection, session.id, first=tally.first_at, last=tally.last_at)
            points = (
                confirmed(kept)
                if metric is Metric.CONCURRENT
                else [(one.at, one.tuned_in) for one in kept if one.tuned_in is not None]
            )
            earlier = [value for one in newest[place + 1 :] if (value := _mark(one, MARK_OF[metric])) is not None]
            best = max(earlier, default=None)
            found.append(Told(session=session, rungs=milestone.passed(points, ladder, best=best)))
    return found


def _mark(session: Session, measure: Measure) -> float | None:
    return session.tally.peak if measure is Measure.PEAK else getattr(session.tally, measure.value)
