"""Watches that show one event: tied in a chat, they are asked for by one name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.domain.reading import Metric
from bot.domain.rivals import BARE
from bot.ports.command import Request
from bot.services import watching
from bot.services.context import Services
from bot.services.watching import NameTaken, UnknownName, Watched, chat_of, listed
from storage import chats, ties
from storage.watches import Watch

#: One chat's ties, and what may be tied together.
MOST_TIES = 20
MOST_TIED = 10


class NotTied(Exception):
    """The chat has no tie of this name; ``names`` are those that it has."""

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__(", ".join(names))
        self.names = tuple(names)


class TooManyTies(Exception):
    """The chat has as many ties as one chat may have."""


class NotAtOnce(Exception):
    """A watch counts nobody at once, so that there is nothing to sum moment by moment."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class UnlikeUnits(Exception):
    """The watches count unlike things; ``units`` are what they count."""

    def __init__(self, units: Sequence[str]) -> None:
        super().__init__(", ".join(units))
        self.units = tuple(units)


class BareNumber(Exception):
    """Nobody but the watch's name says what it counts; ``name`` is that of the first such watch."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


@dataclass(frozen=True, slots=True, kw_only=True)
class Tied:
    """Watches that are one event as a chat sees it; never empty."""

    name: str
    watches: tuple[Watched, ...]


#: What a name may mean.
Thing = Watched | Tied


def watches_of(thing: Thing) -> tuple[Watch, ...]:
    """Return the watches that a name stands for."""
    return (thing.watch,) if isinstance(thing, Watched) else tuple(one.watch for one in thing.watches)


def units_of(thing: Thing) -> list[tuple[str, str]]:
    """Return what is counted, as (unit, platform), each once."""
    return list(dict.fromkeys((one.unit, one.platform) for one in watches_of(thing)))


async def tied(services: Services, request: Request) -> list[Tied]:
    """Return the chat's ties by name."""
    async with services.database.read() as connection:
        chat = await chats.find(connection, platform=request.platform, key=request.chat)
        if chat is None:
            return []
        found = await ties.of_chat(connection, chat.id)
    if not found:
        return []
    watched = {one.watch.id: one for one in await listed(services, request)}
    return [
        Tied(name=one.name, watches=tuple(watched[id_] for id_ in one.watch_ids if id_ in watched))
        for one in found
        if any(id_ in watched for id_ in one.watch_ids)
    ]


async def find(services: Services, request: Request, name: str) -> Thing:
    """Return the watch or tie that a name means here; without a name as ``watching.find``.

    Raises:
        NoWatches, UnknownName, WhichOne: See ``watching.find``.
    """
    if not name:
        return await watching.find(services, request, name)
    return pick(await listed(services, request), await tied(services, request), name)


def pick(found: Sequence[Watched], tied_: Sequence[Tied], name: str) -> Thing:
    """Return the watch or tie of a name: exactly, else in any case, else by its only beginning.

    Raises:
        NoWatches: There is nothing to be meant.
        UnknownName: None is called so.
    """
    if not found:
        raise watching.NoWatches
    wanted = name.strip().strip('"“”').casefold()
    exact = next((one for one in tied_ if one.name.casefold() == wanted), None)
    if exact is not None:
        return exact
    begins = [one for one in tied_ if one.name.casefold().startswith(wanted)]
    try:
        watch = watching.pick(found, name)
    except UnknownName as unknown:
        if len(begins) == 1 and not any(one.name.casefold().startswith(wanted) for one in found):
            return begins[0]
        within = [one.name for one in tied_ if wanted in one.name.casefold()]
        raise UnknownName(unknown.name, [*within, *unknown.near][:3]) from None
    if begins and watch.name.casefold() != wanted and ":" not in wanted:  # the beginning of two names
        raise UnknownName(name, [watch.name, *(one.name for one in begins)][:3])
    return watch


async def add(
    services: Services, request: Request, watches: Sequence[Watched], *, name: str | None, anyway: bool
) -> Tied:
    """Tie watches in a chat.

    Args:
        watches: Two or more, each once.
        name: What to call them; None for their names with a plus between.
        anyway: Sum them although they count unlike things, or what may be unlike.

    Raises:
        NotAtOnce, BareNumber, UnlikeUnits, NameTaken, TooManyTies: They cannot be tied.
    """
    for one in watches:
        if Metric(one.watch.metric) is not Metric.CONCURRENT:
            raise NotAtOnce(one.name)
        if one.watch.unit == BARE and not anyway:
            raise BareNumber(one.name)
    units = list(dict.fromkeys(one.watch.unit for one in watches))
    if len(units) > 1 and not anyway:
        raise UnlikeUnits(units)
    taken = [one.name for one in await listed(services, request)]
    async with services.database.write() as connection:
        chat = await chat_of(services, request, connection)
        taken += (known := await ties.names(connection, chat.id))
        if len(known) >= MOST_TIES:
            raise TooManyTies
        if name is not None and name.casefold() in {one.casefold() for one in taken}:
            raise NameTaken(name)
        called = name or watching.free_name(" + ".join(one.name for one in watches), taken)
        await ties.add(
            connection,
            chat_id=chat.id,
            name=called,
            watch_ids=[one.watch.id for one in watches],
            now=services.clock(),
        )
    return Tied(name=called, watches=tuple(watches))


async def remove(services: Services, request: Request, name: str) -> str:
    """Untie watches, and return what the tie was called; their history stays.

    Raises:
        NotTied: There is no such tie.
    """
    wanted = name.strip().strip('"“”').casefold()
    async with services.database.write() as connection:
        chat = await chat_of(services, request, connection)
        known = await ties.names(connection, chat.id)
        found = next((one for one in known if one.casefold() == wanted), None)
        if found is None:
            raise NotTied(known)
        await ties.remove(connection, chat_id=chat.id, name=found)
    return found
