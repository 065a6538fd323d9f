"""What a chat watches, where its alerts go, and which of them it takes."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from bot.domain import MINUTE
from bot.domain.alerts import ASKED_FOR, KINDS, started
from bot.domain.outside import clean
from bot.domain.sentence import N_
from bot.ports.command import Request
from bot.ports.rooms import Bound
from bot.ports.source import Description, Gathers, NotAllowed, Source
from bot.services.context import Services
from storage import chats, sessions, ties, watches
from storage.chats import Chat, Subscription
from storage.database import Connection
from storage.watches import Watch

#: One chat may not use up everybody's budget.
MOST_WATCHES = 100
LONGEST_NAME = 60


class NoWatches(Exception):
    """The chat watches nothing yet."""


class UnknownName(Exception):
    """The chat watches nothing of this name; ``near`` are names that look like it."""

    def __init__(self, name: str, near: Sequence[str]) -> None:
        super().__init__(name)
        self.name = name
        self.near = tuple(near)


class WhichOne(Exception):
    """The chat watches several things, and none was named."""

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__(", ".join(names))
        self.names = tuple(names)


class TooMany(Exception):
    """The chat watches as much as one chat may."""


class NameTaken(Exception):
    """The chat already calls another watch so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """A watch as one chat has it."""

    name: str
    watch: Watch


@dataclass(frozen=True, slots=True, kw_only=True)
class Added:
    """What ``add`` did.

    Attributes:
        already: The chat watched it before; only the name may be new.
        joined: The chat watched it, but its alerts did not come here; from now on they do.
        renamed: The chat calls it otherwise from now on.
        address: As it is written in full.
        part_of: Other watches of the chat of which this one is a session, by name.
        parts: Other watches of the chat that are single sessions of this one, by name.
    """

    name: str
    watch: Watch
    description: Description
    already: bool
    joined: bool
    renamed: bool
    address: str
    part_of: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()


def values(*, source: str, description: Description, public: bool, interval: int, now: int) -> dict[str, Any]:
    """Return the columns of a new watch."""
    return {
        "source": source,
        "reference": description.reference,
        "platform": description.platform or source,
        "public": public,
        "name": clean(description.name, limit=LONGEST_NAME) or source,
        "unit": description.unit,
        "metric": description.metric.value,
        "daily": description.daily,
        "interval": description.interval or interval,
        "timezone": description.timezone or "UTC",
        "url": description.url,
        "account": description.account,
        "created_at": now,
    }


def kinds_of(watch: Watch) -> list[str]:
    """Return the kinds of alerts that a chat takes of a watch unless it says otherwise."""
    return [kind for kind in all_kinds_of(watch) if kind not in ASKED_FOR]


def all_kinds_of(watch: Watch) -> list[str]:
    """Return the kinds of alerts that there are of a watch.

    A calendar day begins every midnight: nobody needs to be told.
    """
    return [kind for kind in KINDS if not (watch.daily and kind == started.KIND)]


def free_name(name: str, taken: Collection[str]) -> str:
    """Return the name, with a number behind it if the chat already uses it."""
    name = clean(name, limit=LONGEST_NAME) or "watch"
    used = {one.casefold() for one in taken}
    candidate, number = name, 2
    while candidate.casefold() in used:
        candidate, number = f"{name} {number}", number + 1
    return candidate


async def chat_of(services: Services, request: Request, connection: Connection) -> Chat:
    """Return the chat that a request comes from, made if it is new."""
    return await chats.get_or_add(
        connection,
        platform=request.platform,
        key=request.chat,
        title=request.chat_title,
        now=services.clock(),
    )


async def add(services: Services, request: Request, address: str, *, name: str | None) -> Added:
    """Watch an address in a chat and subscribe it to all kinds of alerts.

    Raises:
        bot.ports.source.SourceError: The address cannot be watched; the message says why.
        TooMany, NameTaken: The chat's own list is in the way.
    """
    source, reference = services.registry.split(address)
    if source.for_operators and not request.is_operator:
        raise NotAllowed(N_("Only the bot's operators may watch {platform}: addresses."), platform=source.platform)
    if isinstance(source, Bound):
        if request.platform != source.of_chat:
            raise NotAllowed(
                N_("{platform}: addresses are watched in chats of {chats} only."),
                platform=source.platform,
                chats=source.of_chat.title(),
            )
        reference = f"{request.chat}/{reference}"
        source.admit(reference, user=request.user, roles=request.roles)
    now = services.clock()
    description = await source.describe(reference, now)
    async with services.database.write() as connection:
        chat = await chat_of(services, request, connection)
        listed = await watches.of_chat(connection, chat.id)
        watch = await _same(connection, source, description)
        before = next((one for one, known in listed if watch is not None and known.id == watch.id), None)
        taken = {one for one, _ in listed if one != before} | set(await ties.names(connection, chat.id))
        if name is not None and name.casefold() in {one.casefold() for one in taken}:
            raise NameTaken(name)
        if before is None and len(listed) >= MOST_WATCHES:
            raise TooMany
        if watch is None:
            watch = await watches.add(
                connection,
                due_at=now,
                values=values(
                    source=source.platform,
                    description=description,
                    public=source.public,
                    interval=services.interval,
                    now=now,
                )
                | {"kind": source.kind(description.reference) if isinstance(source, Gathers) else ""}
                | ({"timezone": chat.timezone} if chat.timezone and not description.timezone else {}),
            )
        called = name or before or free_name(description.name, taken)
        if before is None:
            await watches.follow(connection, chat_id=chat.id, watch_id=watch.id, name=called, now=now)
        elif called != before:
            await watches.rename(connection, chat_id=chat.id, watch_id=watch.id, name=called)
        part_of, parts = await _overlaps(connection, listed, source.platform, description)
        joined = before is not None and await _is_new_here(connection, request, chat, watch)
        if before is None or joined:
            await _subscribe(connection, request, chat, watch, kinds=kinds_of(watch), now=now)
    return Added(
        name=called,
        watch=watch,
        description=description,
        already=before is not None,
        joined=joined,
        renamed=before is not None and before != called,
        address=f"{source.platform}:{description.reference}",
        part_of=part_of,
        parts=parts,
    )


async def _overlaps(
    connection: Connection, listed: Sequence[tuple[str, Watch]], source: str, description: Description
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the chat's watches of which a new one is a session, and those that are sessions of it, by name."""
    others = {one.id: (name, one) for name, one in listed if one.source == source}
    if description.reference not in description.sessions:
        return (), tuple(name for name, one in others.values() if one.reference in description.sessions)
    keys = [(id_, key) for id_ in others for key in description.sessions]
    held = {one.watch_id for one in await sessions.by_keys(connection, keys)} if keys else set()
    return tuple(
        name for id_, (name, one) in others.items() if id_ in held and one.reference != description.reference
    ), ()


async def _same(connection: Connection, source: Source, description: Description) -> Watch | None:
    """Return the watch that follows the same already, by the account where there is one: names change hands.

    A watch whose name means someone else by now goes on with its account, and gives the name free.
    """
    named = await watches.by_reference(connection, source.platform, description.reference)
    if description.account is None or (named is not None and named.account in {None, description.account}):
        return named
    followed = await watches.by_account(connection, source.platform, description.account)
    if named is not None:
        await watches.set_reference(connection, named.id, f"{named.reference}~{named.account}")
    if followed is not None:
        await watches.set_reference(connection, followed.id, description.reference)
        followed = followed._replace(reference=description.reference)
    return followed


async def listed(services: Services, request: Request) -> list[Watched]:
    """Return what the chat watches, by name."""
    async with services.database.read() as connection:
        chat = await chats.find(connection, platform=request.platform, key=request.chat)
        if chat is None:
            return []
        return [Watched(name=name, watch=watch) for name, watch in await watches.of_chat(connection, chat.id)]


async def over(services: Services, found: Sequence[Watched]) -> frozenset[int]:
    """Return the ids of those watches of which nothing more can come: single sessions that have ended."""
    async with services.database.read() as connection:
        return await watches.not_asked(connection, [one.watch.id for one in found])


async def find(services: Services, request: Request, name: str) -> Watched:
    """Return the watch that a name means here; without a name the only one, or the only one on the air.

    Raises:
        NoWatches, UnknownName, WhichOne: There is no such watch, or more than one could be meant.
    """
    found = await listed(services, request)
    if not found:
        raise NoWatches
    if not name:
        if len(found) == 1:
            return found[0]
        async with services.database.read() as connection:
            live = await sessions.on_air(connection, [one.watch.id for one in found])
        on_air = {one.watch_id for one in live if one.is_live}
        chosen = [one for one in found if one.watch.id in on_air]
        if len(chosen) == 1:
            return chosen[0]
        raise WhichOne([one.name for one in found])
    return pick(found, name)


def pick(found: Sequence[Watched], name: str) -> Watched:
    """Return the watch of a name: exactly, else in any case, else by its only beginning.

    Raises:
        UnknownName: None is called so.
    """
    wanted = name.strip().strip('"“”').casefold()
    for one in found:
        if one.name.casefold() == wanted:
            return one
    for one in found:
        if f"{one.watch.source}:{one.watch.reference}".casefold() == wanted:
            return one
    begins = [one for one in found if one.name.casefold().startswith(wanted)]
    if len(begins) == 1:
        return begins[0]
    folded = {one.name.casefold(): one.name for one in found}
    near = get_close_matches(wanted, folded, n=3, cutoff=0.5)
    near += [key for key in folded if wanted in key and key not in near]
    raise UnknownName(name, [folded[key] for key in near[:3]])


async def remove(services: Services, request: Request, watched: Watched) -> None:
    """Take a watch off the chat's list; its history stays."""
    async with services.database.write() as connection:
        chat = await chat_of(services, request, connection)
        await watches.unfollow(connection, chat_id=chat.id, watch_id=watched.watch.id)


async def subscriptions(services: Services, request: Request) -> dict[int, list[Subscription]]:
    """Return the chat's subscriptions by watch."""
    found: dict[int, list[Subscription]] = {}
    async with services.database.read() as connection:
        chat = await chats.find(connection, platform=request.platform, key=request.chat)
        if chat is not None:
            for one in await chats.subscriptions(connection, chat.id):
                found.setdefault(one.watch_id, []).append(one)
    return found


def here(found: Sequence[Subscription], request: Request) -> Subscription | None:
    """Return the subscription of the topic that a request comes from; else the chat's first, if any."""
    topic = request.topic or ""
    return next((one for one in found if one.topic == topic), found[0] if found else None)


async def _is_new_here(connection: Connection, request: Request, chat: Chat, watch: Watch) -> bool:
    """Tell whether a watch's alerts do not come to this topic of a chat."""
    return not any(
        one.watch_id == watch.id and one.topic == (request.topic or "") and one.disabled_why is None
        for one in await chats.subscriptions(connection, chat.id)
    )


async def _subscribe(
    connection: Connection,
    request: Request,
    chat: Chat,
    watch: Watch,
    *,
    kinds: Sequence[str],
    now: int,
    **values: Any,
) -> None:
    if request.topic_title is not None:
        values["topic_title"] = clean(request.topic_title, limit=LONGEST_NAME)
    await chats.subscribe(
        connection,
        chat_id=chat.id,
        watch_id=watch.id,
        topic=request.topic or "",
        kinds=kinds,
        now=now,
        made_by=request.user,
        **values,
    )


async def subscribe(
    services: Services, request: Request, watched: Watched, kinds: Sequence[str], **values: Any
) -> Subscription:
    """Let these kinds of alerts come here, and return how they come.

    Args:
        values: ``ladder`` (None for the default), ``mention`` (None for nobody) and ``remind_before``
            (milliseconds), where they change.
    """
    if "ladder" in values:
        values["ladder"] = chats.ladder_text(values["ladder"])
    now = services.clock()
    async with services.database.write() as connection:
        chat = await chat_of(services, request, connection)
        await _subscribe(connection, request, chat, watched.watch, kinds=kinds, now=now, **values)
        topic = request.topic or ""
        return next(
            one
            for one in await chats.subscriptions(connection, chat.id)
            if one.watch_id == watched.watch.id and one.topic == topic
        )


async def unsubscribe(services: Services, request: Request, watched: Watched) -> bool:
    """Let no alerts of a watch come here; tells whether any did."""
    async with services.database.write() as connection:
        chat = await chat_of(services, request, connection)
        return await chats.unsubscribe(
            connection, chat_id=chat.id, watch_id=watched.watch.id, topic=request.topic or ""
        )


async def mute(services: Services, request: Request, watched: Watched, minutes: int) -> int | None:
    """Stop a watch's alerts here for some minutes (0: no longer); returns until when."""
    until = services.clock() + minutes * MINUTE if minutes else None
    await _change(services, request, watched, muted_until=until)
    return until


async def set_ladder(
    services: Services, request: Request, watched: Watched, ladder: Sequence[float] | None
) -> bool:
    """Set the ladder of a watch here, None for the default; tells whether its alerts come here at all."""
    return await _change(services, request, watched, ladder=chats.ladder_text(ladder)) > 0


async def _change(services: Services, request: Request, watched: Watched, **values: Any) -> int:
    """Set columns of this topic's subscription, or of all the chat's if this topic has none."""
    async with services.database.write() as connection:
        chat = await chat_of(services, request, connection)
        return await chats.change_subscriptions(
            connection, chat_id=chat.id, watch_id=watched.watch.id, topic=request.topic or "", **values
        )


async def set_roles(services: Services, request: Request, roles: Sequence[str]) -> None:
    """Set the roles whose members are admins of the chat, too."""
    async with services.database.write() as connection:
        chat = await chat_of(services, request, connection)
        await chats.set_roles(connection, chat.id, roles)


async def set_for_all(services: Services, request: Request, **values: Any) -> None:
    """Set how alerts come (``mention``, ``style``, ``resend``) for all that the chat watches, and will watch."""
    async with services.database.write() as connection:
        chat = await chat_of(services, request, connection)
        of_chat = {name: value for name, value in values.items() if name in {"mention", "style"}}
        await chats.change(connection, chat.id, **of_chat)
        await chats.change_all(connection, chat.id, **values)


async def set_for_chat(services: Services, request: Request, **values: Any) -> None:
    """Set columns of the chat: see ``storage.chats.Chat``."""
    async with services.database.write() as connection:
        chat = await chat_of(services, request, connection)
        await chats.change(connection, chat.id, **values)
