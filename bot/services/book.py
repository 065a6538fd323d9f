"""Records as a chat sees them: its own sessions, those of its platforms, and the record book, by measure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, replace

from bot.domain.alerts.record import Scope
from bot.domain.measure import LIVE_RECORDED, RECORDED, Measure, measured
from bot.domain.rivals import BARE
from bot.domain.session import Session
from bot.ports.command import Request
from bot.services.context import Services
from bot.services.watching import Watched, listed
from storage import chats, holdings, records, sessions
from storage.database import Connection
from storage.holdings import Doubted, Holding
from storage.records import Entry


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A value that holds the records of some scopes, or stands in the book beside them.

    Attributes:
        scopes: Those whose record it is, the widest first; none for an entry that holds none.
        name: What the chat calls its watch, or what it is called; for an entry, its holder.
        seen: How it was measured, for one of ours.
        entry: The entry of the book, for one from there.
        live: It is what a live session has come to so far.
        sessions, since: Of how many sessions it is the best in the widest scope, and since when they were tracked.
    """

    value: float
    name: str
    scopes: tuple[Scope, ...] = ()
    seen: Holding | None = None
    entry: Entry | None = None
    live: bool = False
    sessions: int = 0
    since: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """All that is known of one measure on one platform, the highest first.

    Attributes:
        doubted: Values that do not count, with what the chat calls the watch.
    """

    platform: str
    measure: Measure
    held: tuple[Held, ...]
    doubted: tuple[tuple[str, Doubted], ...]


async def shelves(
    services: Services,
    request: Request,
    *,
    scope: Scope | None = None,
    measures: Collection[Measure] = RECORDED,
    of: Watched | None = None,
) -> list[Shelf]:
    """Return the records that this chat knows.

    Args:
        scope: Only those of one scope.
        of: Only those of one watch.
    """
    found = await listed(services, request)
    by_platform: dict[str, list[Watched]] = {}
    for one in found if of is None else [of]:
        by_platform.setdefault(one.watch.platform, []).append(one)
    async with services.database.read() as connection:
        chat = await chats.find(connection, platform=request.platform, key=request.chat)
        chat_id = chat.id if chat is not None else None
        entries = await records.entries(connection, chat_id=chat_id) if of is None else []
        lone = {one.watch.id for one in found if one.watch.unit == BARE}
        lone |= await records.apart(connection, {one.watch_id for one in entries if one.watch_id is not None})
        doubts = await holdings.doubts(connection, chat_id=chat_id)
        live = await sessions.on_air(connection, [one.watch.id for one in found])
        made = []
        for platform in sorted({*by_platform, *(one.platform for one in entries)}):
            ours = by_platform.get(platform, [])
            names = {one.watch.id: one.name for one in ours}
            for measure in [one for one in RECORDED if one in measures]:
                booked = [one for one in entries if one.platform == platform and one.measure == measure]
                held = await _held(
                    connection,
                    platform,
                    measure,
                    names,
                    booked,
                    chat_id=chat_id,
                    alone=of is not None,
                    lone=lone,
                )
                if measure in LIVE_RECORDED:
                    unsure = {one.session_id for one in doubts if one.measure is measure}
                    held += _so_far([one for one in live if one.id not in unsure], names, measure, held)
                if scope is not None:
                    held = [one for one in held if scope in one.scopes or _is_of(one, scope)]
                doubted = tuple(
                    (names.get(one.watch_id, one.name), one)
                    for one in doubts
                    if one.platform == platform
                    and one.measure is measure
                    and (one.watch_id in names or (one.everywhere and of is None))
                )
                if held or (doubted and scope is None):
                    held.sort(key=lambda one: (-one.value, one.live))
                    made.append(Shelf(platform=platform, measure=measure, held=tuple(held), doubted=doubted))
        return made


def _is_of(one: Held, scope: Scope) -> bool:
    """Tell whether something that holds no record belongs to a scope all the same."""
    if one.entry is not None:
        return not one.scopes and one.entry.scope == scope
    return one.live and scope is Scope.WATCH


async def _held(
    connection: Connection,
    platform: str,
    measure: Measure,
    names: dict[int, str],
    booked: list[Entry],
    *,
    chat_id: int | None,
    alone: bool,
    lone: Collection[int],
) -> list[Held]:
    """Return who holds the record of each scope, and the other entries; a wider scope only if it adds a rival.

    Args:
        names: The chat's watches on the platform, by id.
        alone: Of one watch only.
        lone: Watches that are compared with nothing but themselves, and what is booked of them.
    """
    own = await holdings.of_watches(connection, list(names), measure, chat_id=chat_id)
    outside = None
    if not alone:
        outside = await holdings.elsewhere(connection, platform, measure, apart_from=names, chat_id=chat_id)
    made = [
        Held(
            value=one.value,
            name=names[one.watch_id],
            scopes=(Scope.WATCH,),
            seen=one,
            sessions=one.sessions,
            since=one.since,
        )
        for one in own
    ]
    made += [Held(value=one.value, name=one.holder, entry=one) for one in booked]
    if alone:
        return made
    apart = [one for one in made if _watch_of(one) in lone]
    made = [one for one in made if _watch_of(one) not in lone]
    in_chat = [one for one in made if one.entry is None or one.entry.scope <= Scope.CHAT]
    sessions_, since = sum(one.sessions for one in in_chat), _first([one.since for one in in_chat])
    if len(in_chat) > 1:
        made = _crown(made, in_chat, Scope.CHAT, sessions_, since)
    if outside is not None:
        made.append(Held(value=outside.value, name=outside.name, seen=outside))
        sessions_, since = sessions_ + outside.sessions, _first([since, outside.since])
    if outside is not None or any(one.scope == Scope.PLATFORM for one in booked):
        made = _crown(made, made, Scope.PLATFORM, sessions_, since)
    return [one for one in (*made, *_by_themselves(apart)) if one.scopes or one.entry is not None]


def _watch_of(one: Held) -> int | None:
    """Return the watch whose session or entry it is; None for an entry of no watch in particular."""
    return one.seen.watch_id if one.seen is not None else one.entry.watch_id if one.entry is not None else None


def _by_themselves(apart: list[Held]) -> list[Held]:
    """Give each of these watches its own record: to its best session, or to what is booked of it above that."""
    by_watch: dict[int | None, list[Held]] = defaultdict(list)
    for one in apart:
        by_watch[_watch_of(one)].append(replace(one, scopes=()))
    return [
        crowned
        for own in by_watch.values()
        for crowned in _crown(
            own, own, Scope.WATCH, sum(one.sessions for one in own), _first([one.since for one in own])
        )
    ]


def _crown(made: list[Held], among: list[Held], scope: Scope, sessions_: int, since: int | None) -> list[Held]:
    """Give the record of a scope to the highest; equal ones share it."""
    best = max(one.value for one in among)
    crowned = []
    for one in made:
        wins = one.value == best and (one in among or one.scopes)
        if wins:
            one = replace(one, scopes=(scope, *one.scopes), sessions=sessions_, since=since)  # noqa: PLW2901
        crowned.append(one)
    return crowned


def _first(moments: list[int | None]) -> int | None:
    return min((one for one in moments if one is not None), default=None)


def _so_far(live: list[Session], names: dict[int, str], measure: Measure, held: list[Held]) -> list[Held]:
    """Return what live sessions have come to, where that is above all that their watch did before."""
    before = {one.seen.watch_id: one.value for one in held if one.seen is not None}
    return [
        Held(value=value, name=names[one.watch_id], live=True)
        for one in live
        if one.watch_id in names and one.is_live
        if (value := measured(one.tally, measure)) is not None and value > before.get(one.watch_id, 0)
    ]
