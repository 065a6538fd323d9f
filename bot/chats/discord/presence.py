"""Where the bot is: servers that let it in and put it out, channels that are deleted, threads that are locked.

The listener hears of it in the order in which it happened. What happened while the bot was not connected shows
when Discord tells which servers it is in: all of them are called then.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Any

import discord
import structlog

from bot.chats.discord import places
from bot.chats.discord.ask import answered
from bot.domain.sentence import N_
from bot.ports.chat import Listener
from bot.ports.command import Request
from bot.ports.message import Message

log = structlog.get_logger(__name__)

PLATFORM = "discord"
#: So long it is known of a place that it is open.
MET_SECONDS = 600.0

Greet = Callable[[discord.TextChannel, Message], Awaitable[None]]


class Presence:
    """Tells the listener where the bot may post.

    Args:
        greet: Posts the first message in a server.
        clock: Seconds; only differences count.
    """

    def __init__(self, listener: Listener, greet: Greet, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._listener = listener
        self._greet = greet
        self._order = asyncio.Lock()
        self._clock = clock
        #: Chats and topics of which the listener was told that they are open, and when.
        self._open: dict[tuple[str, str | None], float] = {}
        self._shards = 1
        #: The servers that the bot was in when a shard was last connected; none of a shard before that.
        self._guilds: dict[int, set[int]] = {}
        #: The shards that have told of all their servers.
        self._whole: set[int] = set()
        #: Threads that were put out in this run because they were locked.
        self._locked: set[int] = set()

    # Servers

    def divide(self, shards: int) -> None:
        """Note over how many shards the servers are spread from now on."""
        if shards != self._shards:
            known = {guild for guilds in self._guilds.values() for guild in guilds}
            self._shards, self._guilds = shards, {}
            for guild in known:
                self._guilds.setdefault(places.shard_of(guild, shards), set()).add(guild)
            self._whole.clear()

    def begins(self, guilds: Collection[int], *, shard: int = 0) -> None:
        """Note the servers of a session: those that come to them later are new."""
        self._guilds.setdefault(shard, set(guilds))

    async def roll_call(self, guilds: Sequence[discord.Guild], *, shard: int = 0) -> None:
        """Tell which servers the bot is in, whether or not they are available; greet those that are new.

        The listener is told of all at once, when every shard has told of its own.
        """
        known = self._guilds.get(shard)
        new = [guild for guild in guilds if known is not None and guild.id not in known]
        self._guilds[shard] = {guild.id for guild in guilds}
        self._whole.add(shard)
        if len(self._whole) == self._shards:
            chats = [str(guild) for number in sorted(self._guilds) for guild in sorted(self._guilds[number])]
            here = frozenset(chats)
            self._open = {
                one: at for one, at in self._open.items() if one[0].startswith(places.PRIVATE) or one[0] in here
            }
            await self._tell("a roll call failed", self._listener.roll_call, chats=chats)
        for guild in new:
            await self._welcome(guild)

    async def joined(self, guild: discord.Guild) -> None:
        """Let a server in, and greet it."""
        known = self._guilds.setdefault(places.shard_of(guild.id, self._shards), set())
        if guild.id in known:
            return
        known.add(guild.id)
        await self._welcome(guild)

    async def left(self, guild: discord.Guild) -> None:
        """Put a server out that the bot was removed from."""
        self._guilds.get(places.shard_of(guild.id, self._shards), set()).discard(guild.id)
        await self._put_out(str(guild.id), N_("the bot was removed from the server"))

    async def _welcome(self, guild: discord.Guild) -> None:
        chat, name = str(guild.id), places.title(guild.name) if guild.name else None
        await self.let_in(chat, name)
        hall = places.hall(guild)
        if hall is None:
            return
        request = Request(
            platform=PLATFORM,
            chat=chat,
            topic=str(hall.id),
            chat_title=name,
            topic_title=places.reference(hall.id),
            command="start",
            locale=guild.preferred_locale.value,
            suggested=places.language(guild),
            is_admin=True,
        )
        await self._greet(hall, await answered(self._listener, request))

    # Channels and threads

    async def deleted(self, guild: int, channel: int, why: str) -> None:
        """Put out a channel or thread that was deleted."""
        self._locked.discard(channel)
        await self._put_out(str(guild), why, topic=str(channel))

    async def thread(self, guild: discord.Guild | None, thread: int, data: Any, *, was: bool | None) -> None:
        """Put out a thread that was locked, let in one that was unlocked.

        Args:
            data: The thread as it is by now, or what Discord tells of one that was asleep.
            was: Whether it was locked; None if that is not known.
        """
        if guild is None:
            return
        above: discord.abc.GuildChannel | None
        if isinstance(data, discord.Thread):
            locked, above = data.locked, data.parent
        else:
            locked = bool(data.get("thread_metadata", {}).get("locked"))
            above = guild.get_channel(int(data.get("parent_id") or 0))
        if locked == (thread in self._locked or was):
            return
        may = places.permissions(above) if above is not None else None
        if not locked:
            self._locked.discard(thread)
            name = places.title(guild.name) if guild.name else None
            await self.let_in(str(guild.id), name, topic=str(thread))
        elif may is None or not may.manage_threads:  # with it the bot goes on posting, which may be the point
            self._locked.add(thread)
            await self._put_out(str(guild.id), N_("the thread is locked"), topic=str(thread))

    # Telling the listener

    async def met(self, request: Request, *, may_post: bool) -> None:
        """Let in where somebody asks, once in a while: another process may have found the place gone meanwhile."""
        for topic in (None, request.topic) if may_post else (None,):
            told_at = self._open.get((request.chat, topic))
            if told_at is None or told_at + MET_SECONDS < self._clock():
                await self.let_in(request.chat, request.chat_title, topic=topic)

    async def let_in(self, chat: str, title: str | None, *, topic: str | None = None) -> None:
        """Note that the bot may post in a chat, or in a topic of it."""
        self._open[chat, topic] = self._clock()
        told = {"chat": chat, "title": title, "topic": topic}
        if not await self._tell("a chat could not be let in", self._listener.let_in, **told):
            self._open.pop((chat, topic), None)

    async def _put_out(self, chat: str, why: str, *, topic: str | None = None) -> None:
        self.forget(chat, topic)
        told = {"chat": chat, "topic": topic, "why": why}
        await self._tell("a chat could not be put out", self._listener.put_out, **told)

    def forget(self, chat: str, topic: str | None = None) -> None:
        """Note that a chat, or a topic of it, was found gone: the next question from there lets it in again."""
        self._open = {
            one: at for one, at in self._open.items() if one[0] != chat or (topic is not None and one[1] != topic)
        }

    async def _tell(self, failed: str, tell: Callable[..., Awaitable[None]], **what: Any) -> bool:
        async with self._order:
            try:
                await tell(platform=PLATFORM, **what)
            except Exception:
                log.exception(failed, platform=PLATFORM)
                return False
        return True
