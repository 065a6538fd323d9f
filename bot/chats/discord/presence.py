"""Where the bot is: servers that let it in and put it out, channels that are deleted, threads that are locked.

The listener hears of it in the order in which it happened. What happened while the bot was not connected shows
when Discord tells which servers it is in: all of them are called then.
"""

from __future__ import annotations

import asyncio
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

Greet = Callable[[discord.TextChannel, Message], Awaitable[None]]


class Presence:
    """Tells the listener where the bot may post.

    Args:
        greet: Posts the first message in a server.
    """

    def __init__(self, listener: Listener, greet: Greet) -> None:
        self._listener = listener
        self._greet = greet
        self._order = asyncio.Lock()
        #: Chats and topics of which the listener knows in this run that they are open.
        self._open: set[tuple[str, str | None]] = set()
        #: The servers that the bot was in when it was last connected; None before that.
        self._guilds: set[int] | None = None
        #: Threads that were put out in this run because they were locked.
        self._locked: set[int] = set()

    # Servers

    def begins(self, guilds: Collection[int]) -> None:
        """Note the servers of a session: those that come to them later are new."""
        if self._guilds is None:
            self._guilds = set(guilds)

    async def roll_call(self, guilds: Sequence[discord.Guild]) -> None:
        """Tell which servers the bot is in, whether or not they are available; greet those that are new."""
        chats = [str(guild.id) for guild in guilds]
        new = [guild for guild in guilds if self._guilds is not None and guild.id not in self._guilds]
        self._guilds = {guild.id for guild in guilds}
        self._open = {one for one in self._open if one[0].startswith(places.PRIVATE) or one[0] in chats}
        await self._tell("a roll call failed", self._listener.roll_call, chats=chats)
        for guild in new:
            await self._welcome(guild)

    async def joined(self, guild: discord.Guild) -> None:
        """Let a server in, and greet it."""
        if self._guilds is not None and guild.id in self._guilds:
            return
        self._guilds = {*(self._guilds or ()), guild.id}
        await self._welcome(guild)

    async def left(self, guild: discord.Guild) -> None:
        """Put a server out that the bot was removed from."""
        self._guilds = (self._guilds or set()) - {guild.id}
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
        """Let in where somebody asks, once in a run."""
        for topic in (None, request.topic) if may_post else (None,):
            if (request.chat, topic) not in self._open:
                await self.let_in(request.chat, request.chat_title, topic=topic)

    async def let_in(self, chat: str, title: str | None, *, topic: str | None = None) -> None:
        """Note that the bot may post in a chat, or in a topic of it."""
        self._open.add((chat, topic))
        told = {"chat": chat, "title": title, "topic": topic}
        if not await self._tell("a chat could not be let in", self._listener.let_in, **told):
            self._open.discard((chat, topic))

    async def _put_out(self, chat: str, why: str, *, topic: str | None = None) -> None:
        self.forget(chat, topic)
        told = {"chat": chat, "topic": topic, "why": why}
        await self._tell("a chat could not be put out", self._listener.put_out, **told)

    def forget(self, chat: str, topic: str | None = None) -> None:
        """Note that a chat, or a topic of it, was found gone: the next question from there lets it in again."""
        self._open = {one for one in self._open if one[0] != chat or (topic is not None and one[1] != topic)}

    async def _tell(self, failed: str, tell: Callable[..., Awaitable[None]], **what: Any) -> bool:
        async with self._order:
            try:
                await tell(platform=PLATFORM, **what)
            except Exception:
                log.exception(failed, platform=PLATFORM)
                return False
        return True
