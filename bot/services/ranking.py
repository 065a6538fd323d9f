"""The best sessions of a measure: of one watch, of a chat's watches or a platform; in a period of the calendar."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot.domain.alerts.record import Scope
from bot.domain.measure import LIVE_RECORDED, Measure, measured
from bot.domain.rivals import BARE
from bot.ports.command import Request
from bot.services.context import Services
from bot.services.periods import began
from bot.services.watching import Watched, listed
from storage import chats, history, sessions, watches
from storage.database import Connection
from storage.history import Among, Ended
from storage.watches import Watch

#: How many stand on a page.
PAGE = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranked:
    """A session in its place; ``name`` is what the chat calls its watch, or what it is called."""

    rank: int
    name: str
    watch: Watch
    session: Ended


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A live session with what it has come to so far, and the rank that would give it."""

    rank: int
    name: str
    watch: Watch
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """Sessions that can be compared.

    Attributes:
        platforms: Where they were; more than one only for a chat that compares across platforms.
        alone: What the chat calls the watch, where it is ranked by itself: no other need count the same.
        more: Whether a page follows.
        running: Live sessions of the chat, best first.
    """

    platforms: tuple[str, ...]
    unit: str
    ranked: tuple[Ranked, ...]
    more: bool
    running: tuple[Running, ...]
    alone: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ranks:
    """What is ranked together.

    Attributes:
        ours: The chat's own watches among them.
        alone: See ``Ranking``.
    """

    platforms: tuple[str, ...]
    unit: str
    among: Among
    ours: Sequence[Watched]
    alone: str | None = None


async def top(
    services: Services,
    request: Request,
    *,
    measure: Measure,
    of: Watched | Scope | str,
    period: str,
    zone: str,
    page: int = 1,
) -> list[Ranking]:
    """Return the best sessions; unlike units apart, and unlike platforms unless the chat compares across them.

    Watches of a bare number are ranked each by itself.

    Args:
        of: One watch; the chat's watches; its platforms, or (as text) one platform, of which all public watches
            count.
        period: One of ``periods.PERIODS``.
        zone: In which days begin.
        page: From 1. Behind the last page there is nothing.
    """
    since = began(period, now=services.clock(), zone=zone)
    found = await listed(services, request)
    async with services.database.read() as connection:
        chat = await chats.find(connection, platform=request.platform, key=request.chat)
        chat_id = chat.id if chat is not None else None
        across = chat is not None and chat.across
        doubted = await history.doubted(connection, measure, chat_id=chat_id)
        rankings = []
        for ranks in await _groups(connection, found, of, across=across):
            among = replace(ranks.among, since=since, without=doubted)
            ranked = await history.top(connection, among, measure, limit=PAGE + 1, offset=(page - 1) * PAGE)
            running = await _running(connection, ranks.ours, among, measure) if page == 1 else ()
            if ranked or running:
                rankings.append(
                    Ranking(
                        platforms=ranks.platforms,
                        unit=ranks.unit,
                        ranked=await _named(connection, ranked[:PAGE], found),
                        more=len(ranked) > PAGE,
                        running=running,
                        alone=ranks.alone,
                    )
                )
        return rankings


async def _groups(
    connection: Connection, found: Sequence[Watched], of: Watched | Scope | str, *, across: bool
) -> list[_Ranks]:
    """Return what is ranked together."""
    if isinstance(of, Watched):
        return [_of_watches([of])]
    if of is not Scope.PLATFORM and isinstance(of, Scope):
        groups: dict[tuple[str, str], list[Watched]] = {}
        for one in found:
            if one.watch.unit != BARE:
                groups.setdefault(("" if across else one.watch.platform, one.watch.unit), []).append(one)
        return [*(_of_watches(ours) for _, ours in sorted(groups.items())), *_by_themselves(found)]
    together: list[_Ranks] = []
    for platform in sorted({one.watch.platform for one in found}) if isinstance(of, Scope) else [of]:
        public = [one for one in found if one.watch.platform == platform and one.watch.public]
        units = await history.units(connection, platform)
        together += [
            _Ranks(
                platforms=(platform,),
                unit=unit,
                among=Among(platform=platform, unit=unit if len(units) > 1 else None),
                ours=[one for one in public if one.watch.unit == unit],
            )
            for unit in units
            if unit != BARE
        ]
        together += _by_themselves(public)
    return together


def _of_watches(ours: Sequence[Watched], *, alone: str | None = None) -> _Ranks:
    return _Ranks(
        platforms=tuple(sorted({one.watch.platform for one in ours})),
        unit=ours[0].watch.unit,
        among=Among(watch_ids=tuple(one.watch.id for one in ours)),
        ours=ours,
        alone=alone,
    )


def _by_themselves(found: Sequence[Watched]) -> list[_Ranks]:
    """Return the watches of a bare number, each alone."""
    return [_of_watches([one], alone=one.name) for one in found if one.watch.unit == BARE]


async def _running(
    connection: Connection, ours: Sequence[Watched], among: Among, measure: Measure
) -> tuple[Running, ...]:
    if measure not in LIVE_RECORDED or not ours:
        return ()
    by_id = {one.watch.id: one for one in ours}
    found = []
    for one in await sessions.on_air(connection, list(by_id)):
        value = measured(one.tally, measure) if one.is_live else None
        if value is None:
            continue
        rank = await history.rank_of(connection, among, measure, value)
        watched = by_id[one.watch_id]
        found.append(Running(rank=rank, name=watched.name, watch=watched.watch, value=value))
    return tuple(sorted(found, key=lambda one: -one.value))


async def _named(
    connection: Connection, ranked: Sequence[tuple[int, Ended]], found: Sequence[Watched]
) -> tuple[Ranked, ...]:
    names = {one.watch.id: one.name for one in found}
    known = await watches.by_ids(connection, list({one.watch_id for _, one in ranked})) if ranked else {}
    return tuple(
        Ranked(
            rank=rank,
            name=names.get(one.watch_id, known[one.watch_id].name),
            watch=known[one.watch_id],
            session=one,
        )
        for rank, one in ranked
    )
