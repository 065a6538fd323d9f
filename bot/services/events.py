"""Events: a session of a watch, or those sessions of tied watches that were on the air together."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from bot.domain import SECOND
from bot.domain.curve import Curve, Stand, curve, stand, together
from bot.domain.measure import Measure, measured
from bot.domain.session import Session
from bot.domain.statistics import JOINED_INTERVALS
from bot.domain.thinning import SLOT
from bot.services.ties import Thing, Tied, watches_of
from bot.services.watching import Watched
from storage import history, samples, sessions
from storage.database import Connection
from storage.history import Among, Ended
from storage.watches import Watch


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A session within an event: one that is over, or one that is live."""

    watch: Watch
    ended: Ended | None = None
    live: Session | None = None

    @property
    def id(self) -> int:
        """The session's id."""
        one = self.ended or self.live
        assert one is not None
        return one.id

    @property
    def first_at(self) -> int:
        """When it was first seen live."""
        if self.ended is not None:
            return self.ended.first_at
        assert self.live is not None
        assert self.live.tally.first_at is not None
        return self.live.tally.first_at

    @property
    def last_at(self) -> int:
        """When it was last seen live."""
        if self.ended is not None:
            return self.ended.last_at
        assert self.live is not None
        assert self.live.tally.last_at is not None
        return self.live.tally.last_at

    @property
    def peak(self) -> float | None:
        """Its highest figure so far."""
        if self.ended is not None:
            return self.ended.peak
        return self.live.tally.peak if self.live is not None else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One event; its parts in the order in which they began."""

    of: Thing
    parts: tuple[Part, ...]

    @property
    def first_at(self) -> int:
        """When the first of its sessions was first seen live."""
        return min(part.first_at for part in self.parts)

    @property
    def last_at(self) -> int:
        """When the last of its sessions was last seen live."""
        return max(part.last_at for part in self.parts)

    @property
    def is_live(self) -> bool:
        """Whether one of its sessions is on the air."""
        return any(part.live is not None for part in self.parts)

    @property
    def origin(self) -> str | None:
        """Where its figures come from, if some were imported."""
        return next((part.ended.origin for part in self.parts if part.ended and part.ended.origin), None)

    @property
    def has_clock(self) -> bool:
        """Whether it is known at what time of day it began: of old figures often only the day is."""
        ended = [part.ended for part in self.parts]
        return not all(one is not None and one.origin is not None and one.started_at is None for one in ended)

    @property
    def ids(self) -> frozenset[int]:
        """The ids of its sessions."""
        return frozenset(part.id for part in self.parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measures:
    """What is known of an event, by measure; airtime in seconds."""

    values: dict[Measure, float]
    peak_at: int | None
    coverage: float | None


async def live(connection: Connection, thing: Thing) -> Event | None:
    """Return the event that is on the air; of several, the one that began last."""
    if isinstance(thing, Tied):
        found = [one for one in await _groups(connection, thing) if any(id_ in one.live for id_ in one.ids)]
        return next(iter(await _events(connection, thing, found[:1])), None)
    on_air = [one for one in await sessions.on_air(connection, [thing.watch.id]) if _is_seen(one)]
    if not on_air:
        return None
    newest_ = max(on_air, key=lambda one: (one.tally.first_at or 0, one.id))
    return Event(of=thing, parts=(Part(watch=thing.watch, live=newest_),))


async def newest(
    connection: Connection,
    thing: Thing,
    *,
    limit: int,
    offset: int = 0,
    between: tuple[int, int] | None = None,
) -> list[Event]:
    """Return events that are over, newest first; those that began ``between`` two moments, if given."""
    if isinstance(thing, Tied):
        over = [one for one in await _groups(connection, thing) if not any(id_ in one.live for id_ in one.ids)]
        if between is not None:
            over = [one for one in over if between[0] <= one.first_at < between[1]]
        return await _events(connection, thing, over[offset : offset + limit])
    rows = await history.newest(connection, [thing.watch.id], limit=limit, offset=offset, between=between)
    return [Event(of=thing, parts=(Part(watch=thing.watch, ended=one),)) for one in rows]


async def count(connection: Connection, thing: Thing) -> int:
    """Return how many events are over."""
    if isinstance(thing, Tied):
        groups = await _groups(connection, thing)
        return sum(not any(id_ in one.live for id_ in one.ids) for one in groups)
    return await history.count(connection, [thing.watch.id])


async def best(
    connection: Connection, thing: Thing, *, chat_id: int | None, apart_from: Collection[int] = ()
) -> Event | None:
    """Return the event that is over with the highest peak, without those of some sessions.

    One of which a peak is disputed does not lead. A sum is never higher than the sum of its parts' peaks: events
    are looked at in that order, until none that is left can be higher.
    """
    without = {*await history.doubted(connection, Measure.PEAK, chat_id=chat_id), *apart_from}
    if isinstance(thing, Watched):
        among = Among(watch_ids=(thing.watch.id,), without=tuple(sorted(without)))
        ranked = await history.top(connection, among, Measure.PEAK, limit=1)
        found = next((one for _, one in ranked), None)
        return None if found is None else Event(of=thing, parts=(Part(watch=thing.watch, ended=found),))
    groups = [
        one
        for one in await _groups(connection, thing)
        if not any(id_ in one.live or id_ in without for id_ in one.ids)
    ]
    highest: tuple[float, Event] | None = None
    for group in sorted(groups, key=lambda one: -one.bound):
        if highest is not None and group.bound <= highest[0]:
            break
        event = (await _events(connection, thing, [group]))[0]
        peak = stand(await curves(connection, event)).peak
        if peak is not None and (highest is None or peak > highest[0]):
            highest = (peak, event)
    return None if highest is None else highest[1]


async def curves(
    connection: Connection, event: Event, *, since: int | None = None, until: int | None = None
) -> list[Curve]:
    """Return the curves of an event's sessions, right from ``since`` to ``until``, if these are given."""
    found = []
    for part in event.parts:
        margin = 2 * JOINED_INTERVALS * max(part.watch.interval, SLOT)
        first = part.first_at if since is None else max(part.first_at, since - margin)
        last = part.last_at if until is None else min(part.last_at, until + margin)
        kept = await samples.between(connection, part.id, first=first, last=last) if first <= last else []
        found.append(curve(kept, first_at=part.first_at, last_at=part.last_at))
    return found


async def figure(connection: Connection, event: Event, at: int) -> float | None:
    """Return how many were there at a moment; None where that is not known, or it was not on the air."""
    return together(await curves(connection, event, since=at, until=at), at)


async def measures(connection: Connection, event: Event, *, until: int | None = None) -> Measures:
    """Return what is known of an event, until a moment if one is given.

    Of a sum that is what is at once, and the airtime: who tuned in on two platforms would be counted twice.
    """
    if until is None and len(event.parts) == 1:
        return _kept(event.parts[0])
    found = stand(await curves(connection, event, until=until), until=until)
    values = _values(found)
    if len(event.parts) == 1 and until is not None:
        part = event.parts[0]
        for measure in (Measure.TUNED_IN, Measure.POSTS):
            grown = await history.grown(connection, part.id, measure, since=part.first_at, until=until)
            if grown is not None:
                values[measure] = grown
    return Measures(values=values, peak_at=found.peak_at, coverage=found.coverage)


def now_of(event: Event) -> int | None:
    """Return the last moment at which all live sessions of an event had a figure that counts."""
    known = [part.live.tally for part in event.parts if part.live is not None]
    if not known or any(tally.confirmed is None for tally in known):
        return None
    return min(tally.confirmed_at for tally in known)


def _kept(part: Part) -> Measures:
    """Return the measures that are kept with a session."""
    if part.ended is not None:
        one = part.ended
        values = {measure: value for measure in Measure if (value := one.measure(measure)) is not None}
        return Measures(values=values, peak_at=one.peak_at, coverage=one.coverage)
    assert part.live is not None
    tally = part.live.tally
    values = {
        measure: value
        for measure in Measure
        if measure is not Measure.VIEWS and (value := measured(tally, measure)) is not None
    }
    return Measures(values=values, peak_at=tally.peak_at, coverage=tally.coverage)


def _values(found: Stand) -> dict[Measure, float]:
    values = {Measure.PEAK: found.peak, Measure.AVERAGE: found.average, Measure.AIRTIME: found.airtime / SECOND}
    return {measure: value for measure, value in values.items() if value is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Group:
    """Sessions that were on the air together.

    Attributes:
        live: Those of them that still are.
        bound: What their sum cannot exceed.
    """

    ids: tuple[int, ...]
    live: dict[int, Session]
    first_at: int
    bound: float


async def _groups(connection: Connection, thing: Tied) -> list[_Group]:
    """Return the sessions of tied watches as events, newest first."""
    ids = [one.id for one in watches_of(thing)]
    on_air = {one.id: one for one in await sessions.on_air(connection, ids) if _is_seen(one)}
    spans = await history.spans(connection, ids)
    spans += [(one.id, one.tally.first_at or 0, one.tally.last_at or 0, one.tally.peak) for one in on_air.values()]
    spans.sort(key=lambda span: (span[1], span[0]))
    groups: list[list[tuple[int, int, int, float | None]]] = []
    end = -1
    for span in spans:
        if not groups or span[1] > end:
            groups.append([])
            end = span[2]
        groups[-1].append(span)
        end = max(end, span[2])
    return [
        _Group(
            ids=tuple(span[0] for span in group),
            live={span[0]: on_air[span[0]] for span in group if span[0] in on_air},
            first_at=group[0][1],
            bound=sum(span[3] or 0 for span in group),
        )
        for group in reversed(groups)
    ]


async def _events(connection: Connection, thing: Tied, groups: Sequence[_Group]) -> list[Event]:
    watches = {one.id: one for one in watches_of(thing)}
    wanted = [id_ for group in groups for id_ in group.ids if id_ not in group.live]
    ended = await history.by_ids(connection, wanted)
    return [
        Event(
            of=thing,
            parts=tuple(
                Part(watch=watches[group.live[id_].watch_id], live=group.live[id_])
                if id_ in group.live
                else Part(watch=watches[ended[id_].watch_id], ended=ended[id_])
                for id_ in group.ids
            ),
        )
        for group in groups
    ]


def _is_seen(one: Session) -> bool:
    return one.is_live and one.tally.first_at is not None and one.tally.last_at is not None
