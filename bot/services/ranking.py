"""The best sessions of a measure: of one watch, of a chat's watches or a platform; in a period of the calendar."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.domain.alerts.record import Scope
from bot.domain.measure import LIVE_RECORDED, Measure, measured
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
        more: Whether a page follows.
        running: Live sessions of the chat, best first.
    """

    platforms: tuple[str, ...]
    unit: str
    ranked: tuple[Ranked, ...]
    more: bool
    running: tuple[Running, ...]


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
        for platforms, unit, among in await _groups(connection, found, of, across=across):
            among_ = Among(
                watch_ids=among.watch_ids,
                platform=among.platform,
                unit=among.unit,
                since=since,
                without=doubted,
            )
            ranked = await history.top(connection, among_, measure, limit=PAGE + 1, offset=(page - 1) * PAGE)
            ours = [one for one in found if among.watch_ids is None or one.watch.id in among.watch_ids]
            ours = [one for one in ours if one.watch.platform in platforms]
            running = await _running(connection, ours, among_, measure) if page == 1 else ()
            if ranked or running:
                rankings.append(
                    Ranking(
                        platforms=platforms,
                        unit=unit,
                        ranked=await _named(connection, ranked[:PAGE], found),
                        more=len(ranked) > PAGE,
                        running=running,
                    )
                )
        return rankings


async def _groups(
    connection: Connection, found: Sequence[Watched], of: Watched | Scope | str, *, across: bool
) -> list[tuple[tuple[str, ...], str, Among]]:
    """Return what is ranked together as (platforms, unit, which sessions)."""
    if isinstance(of, Watched):
        return [((of.watch.platform,), of.watch.unit, Among(watch_ids=(of.watch.id,)))]
    if of is Scope.PLATFORM or not isinstance(of, Scope):
        named = sorted({one.watch.platform for one in found}) if isinstance(of, Scope) else [of]
        together: list[tuple[tuple[str, ...], str, Among]] = []
        for platform in named:
            units = await history.units(connection, platform)
            together += [
                ((platform,), unit, Among(platform=platform, unit=unit if len(units) > 1 else None))
                for unit in units
            ]
        return together
    groups: dict[tuple[str, str], list[Watched]] = {}
    for one in found:
        groups.setdefault(("" if across else one.watch.platform, one.watch.unit), []).append(one)
    return [
        (
            tuple(sorted({one.watch.platform for one in ours})),
            unit,
            Among(watch_ids=tuple(one.watch.id for one in ours)),
        )
        for (_, unit), ours in sorted(groups.items())
    ]


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
