"""Sessions side by side: measure by measure, and at the same minute of their airtime."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from bot.domain.measure import Measure
from bot.domain.rivals import BARE
from bot.ports.command import Request
from bot.services import events
from bot.services.context import Services
from bot.services.events import Event, Measures
from bot.services.periods import day
from bot.services.ties import Thing, units_of, watches_of
from storage import chats
from storage.database import Connection

#: What is set side by side, in this order.
COMPARED = (Measure.PEAK, Measure.AVERAGE, Measure.TUNED_IN, Measure.POSTS, Measure.AIRTIME)
#: Measures that count what the watch's unit says.
AT_ONCE = frozenset({Measure.PEAK, Measure.AVERAGE})
#: So many sessions make the average of a minute.
AVERAGED = 20


class Which(Enum):
    """Which session of a name is meant."""

    NEWEST = auto()  # the live one, else the last
    LAST = auto()
    BEST = auto()
    DAY = auto()


class Why(Enum):
    """Why figures are not compared."""

    UNITS = auto()
    PLATFORMS = auto()


class NoSession(Exception):
    """There is no such session; of a day where ``day`` says which."""

    def __init__(self, name: str, day_: str | None = None) -> None:
        super().__init__(name)
        self.name = name
        self.day = day_


class SameSession(Exception):
    """Both names mean one session."""


class OnlyOne(Exception):
    """There is nothing yet to compare with; ``name`` is whose."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A session as it was asked for; ``day`` as 2026-05-03."""

    thing: Thing
    which: Which = Which.NEWEST
    day: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One of two.

    Attributes:
        then: How many were there at the moment compared; None if not known.
        over: It was over by then.
    """

    event: Event
    measures: Measures
    then: float | None = None
    over: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two events side by side.

    Attributes:
        at: Milliseconds of airtime up to which both are taken, where one is live; None for the whole.
        why: Why what is at once is not compared, if it is not.
        across: Whether the chat compares across platforms.
    """

    left: Side
    right: Side
    at: int | None
    why: Why | None
    across: bool

    def comparable(self, measure: Measure) -> bool:
        """Tell whether a measure of both may be compared. Time and people tuned in are no units of a platform."""
        return self.why is None or (
            self.why is Why.UNITS and measure not in AT_ONCE and (self.across or _one_platform(self))
        )


class Against(Enum):
    """With what a minute is compared."""

    LAST = auto()
    BEST = auto()
    AVERAGE = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rival:
    """What was there at the same minute.

    Attributes:
        value: None where it is not known.
        event: Which session; None for an average.
        over: It was over by that minute.
        of: How many sessions an average is of.
        also_last: The best one is the last one, too.
    """

    against: Against
    value: float | None
    event: Event | None = None
    over: bool = False
    of: int = 0
    also_last: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Minute:
    """Where a live event stands among its own.

    Attributes:
        at: Milliseconds of airtime.
        value: How many are there.
    """

    event: Event
    at: int
    value: float
    rivals: tuple[Rival, ...]


async def compare(services: Services, request: Request, left: Wanted, right: Wanted, *, zone: str) -> Comparison:
    """Set two sessions side by side.

    Args:
        zone: In which days begin.

    Raises:
        NoSession, SameSession: There are no two of them.
    """
    async with services.database.read() as connection:
        chat = await chats.find(connection, platform=request.platform, key=request.chat)
        chat_id = chat.id if chat is not None else None
        one = await _wanted(connection, left, chat_id=chat_id, zone=zone)
        other = await _wanted(connection, right, chat_id=chat_id, zone=zone)
        if one.ids & other.ids:
            raise SameSession
        return await _compared(connection, one, other, across=chat is not None and chat.across)


async def with_its_best(services: Services, request: Request, thing: Thing) -> Comparison:
    """Set the last session of a name beside its best one; beside the next best, if it is that itself.

    Raises:
        NoSession, OnlyOne: There are no two of them.
    """
    async with services.database.read() as connection:
        chat = await chats.find(connection, platform=request.platform, key=request.chat)
        last = await _wanted(connection, Wanted(thing=thing), chat_id=None, zone="UTC")
        best = await events.best(
            connection, thing, chat_id=chat.id if chat is not None else None, apart_from=last.ids
        )
        if best is None:
            raise OnlyOne(thing.name)
        return await _compared(connection, last, best, across=False)


async def minute(services: Services, request: Request, thing: Thing, *, average: bool) -> Minute | None:
    """Return where what is on the air stands at this minute; None if nothing is, or its figure is not known.

    Args:
        average: Also against the average of its last sessions, which costs a look at each.
    """
    async with services.database.read() as connection:
        chat = await chats.find(connection, platform=request.platform, key=request.chat)
        event = await events.live(connection, thing)
        now = events.now_of(event) if event is not None else None
        if event is None or now is None:
            return None
        value = await events.figure(connection, event, now)
        if value is None:
            return None
        at = now - event.first_at
        rivals = []
        best = await events.best(connection, thing, chat_id=chat.id if chat else None, apart_from=event.ids)
        last = next(iter(await events.newest(connection, thing, limit=1)), None)
        if best is not None:
            also = last is not None and last.ids == best.ids
            rivals.append(await _rival(connection, best, at, Against.BEST, also_last=also))
            last = None if also else last
        if last is not None:
            rivals.append(await _rival(connection, last, at, Against.LAST))
        if average:
            rivals += await _average(connection, thing, at)
        return Minute(event=event, at=at, value=value, rivals=tuple(rivals))


async def _wanted(connection: Connection, wanted: Wanted, *, chat_id: int | None, zone: str) -> Event:
    thing, found = wanted.thing, None
    match wanted.which:
        case Which.BEST:
            found = await events.best(connection, thing, chat_id=chat_id)
        case Which.DAY:
            between = day(wanted.day or "", zone=zone)
            that_day = await events.newest(connection, thing, limit=1, between=between) if between else []
            found = next(iter(that_day), None)
            if found is None and between is not None:
                live = await events.live(connection, thing)
                found = live if live is not None and between[0] <= live.first_at < between[1] else None
        case _:
            found = await events.live(connection, thing) if wanted.which is Which.NEWEST else None
            if found is None:
                found = next(iter(await events.newest(connection, thing, limit=1)), None)
    if found is None:
        raise NoSession(thing.name, wanted.day)
    return found


async def _compared(connection: Connection, one: Event, other: Event, *, across: bool) -> Comparison:
    running = [now - event.first_at for event in (one, other) if (now := events.now_of(event)) is not None]
    at = min(running) if running else None
    return Comparison(
        left=await _side(connection, one, at),
        right=await _side(connection, other, at),
        at=at,
        why=why_not(one.of, other.of, across=across),
        across=across,
    )


async def _side(connection: Connection, event: Event, at: int | None) -> Side:
    if at is None:
        return Side(event=event, measures=await events.measures(connection, event))
    moment = event.first_at + at
    return Side(
        event=event,
        measures=await events.measures(connection, event, until=moment),
        then=await events.figure(connection, event, moment),
        over=not event.is_live and moment > event.last_at,
    )


def why_not(one: Thing, other: Thing, *, across: bool) -> Why | None:
    """Return why two are not compared; None if they are."""
    if {watch.id for watch in watches_of(one)} == {watch.id for watch in watches_of(other)}:
        return None
    ones, others = dict(units_of(one)), dict(units_of(other))
    if set(ones) != set(others) or BARE in ones:
        return Why.UNITS
    same = {platform for _, platform in units_of(one)} == {platform for _, platform in units_of(other)}
    return None if same or across else Why.PLATFORMS


def _one_platform(found: Comparison) -> bool:
    sides = [{platform for _, platform in units_of(side.event.of)} for side in (found.left, found.right)]
    return sides[0] == sides[1]


async def _rival(
    connection: Connection, event: Event, at: int, against: Against, *, also_last: bool = False
) -> Rival:
    moment = event.first_at + at
    return Rival(
        against=against,
        value=await events.figure(connection, event, moment),
        event=event,
        over=moment > event.last_at,
        also_last=also_last,
    )


async def _average(connection: Connection, thing: Thing, at: int) -> list[Rival]:
    """Return the average of the last sessions that were on the air at a minute and have a figure there."""
    known = []
    for event in await events.newest(connection, thing, limit=AVERAGED):
        value = await events.figure(connection, event, event.first_at + at)
        if value is not None:
            known.append(value)
    if len(known) < 2:  # that of one is the session itself
        return []
    return [Rival(against=Against.AVERAGE, value=sum(known) / len(known), of=len(known))]
