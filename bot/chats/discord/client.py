"""The library's client: one connection's life, and what is heard on it."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, Protocol

import aiohttp
import discord
import structlog

from bot.chats.discord import places
from bot.chats.discord.doubts import Doubts
from bot.chats.discord.listen import Ear
from bot.chats.discord.traffic import LONGEST_BUCKET_SECONDS
from bot.domain.sentence import N_

log = structlog.get_logger(__name__)

#: So long after the last server that Discord told of, all are taken to be told.
SERVERS_SECONDS = 2.0
CLOSE_SECONDS = 1.5
#: A connection that is lost so often in so short a time is not resumed but begun anew, with a pause.
MOST_LOSSES = 8
LOSSES_SECONDS = 30.0
#: Events that come with the intents for messages and are of no interest.
UNREAD = ("MESSAGE_UPDATE", "MESSAGE_DELETE", "MESSAGE_DELETE_BULK")


class Keeper(Protocol):
    """Who keeps a connection."""

    def came(self) -> None:
        """Note that there is a connection."""
        ...

    def begun(self) -> None:
        """Note a new session: what was told meanwhile is not told again."""
        ...

    def lost(self, why: str) -> None:
        """Note that there is no connection."""
        ...

    def renew(self) -> None:
        """End a session that has brought nonsense."""
        ...

    def heard(self, data: Any) -> None:
        """Note that there is a new message."""
        ...

    def work(self, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Do something that nobody waits for."""
        ...

    async def identify(self) -> None:
        """Wait until the bot may begin a new session."""
        ...


class Client(discord.Client):
    """One connection's life.

    Args:
        trace: What the library's HTTP tells of its requests.
        shard: Which of how many it is.
    """

    def __init__(
        self,
        keeper: Keeper,
        ear: Ear | None,
        *,
        trace: aiohttp.TraceConfig,
        shard: tuple[int, int] = (0, 1),
    ) -> None:
        number, count = shard
        # Who has one connection is not to say that it is the first of one.
        sharded: Any = {"shard_id": number, "shard_count": count} if count > 1 else {}
        super().__init__(
            intents=discord.Intents(guilds=True, voice_states=True, guild_messages=True, dm_messages=True),
            allowed_mentions=discord.AllowedMentions.none(),
            max_messages=None,
            member_cache_flags=discord.MemberCacheFlags.none(),
            chunk_guilds_at_startup=False,
            guild_ready_timeout=SERVERS_SECONDS,
            max_ratelimit_timeout=LONGEST_BUCKET_SECONDS,
            http_trace=trace,
            **sharded,
        )
        self._keeper = keeper
        self._ear = ear
        self._number = number
        self._losses: deque[float] = deque(maxlen=MOST_LOSSES)
        self.was_connected = False
        self.doubts = Doubts(keeper.renew)
        parsers = self._connection.parsers
        self.doubts.watch(parsers)
        # Messages are counted and nothing else: the library would make objects of all of them, and end at some.
        parsers |= {"MESSAGE_CREATE": keeper.heard} | dict.fromkeys(UNREAD, lambda _data: None)

    def dispatch(self, event: str, /, *args: Any, **kwargs: Any) -> None:
        """Tell of an event, unless all is over: the library would make a task without a loop."""
        if event == "guild_unavailable":  # at once: what comes next may be all that is true after it
            places.forget_rooms(args[0])
        if not self.is_closed():
            super().dispatch(event, *args, **kwargs)

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        """Keep within the IDENTIFYs of a day."""
        await self._keeper.identify()

    async def on_connect(self) -> None:
        self.was_connected = True
        self._keeper.begun()
        self._keeper.came()
        if self._ear is not None:
            self._ear.presence.begins([guild.id for guild in self.guilds], shard=self._number)

    async def on_ready(self) -> None:
        if self._ear is not None:
            self._keeper.work(self._ear.presence.roll_call(self.guilds, shard=self._number))

    async def on_resumed(self) -> None:
        self._keeper.came()

    async def on_disconnect(self) -> None:
        if self.is_closed():
            return
        self._keeper.lost("cut off")
        now = asyncio.get_running_loop().time()
        self._losses.append(now)
        if len(self._losses) == MOST_LOSSES and self._losses[0] > now - LOSSES_SECONDS:
            await self.close()

    async def on_interaction(self, interaction: discord.Interaction[Any]) -> None:
        if self._ear is not None:
            self._keeper.work(self._ear.hear(interaction))

    async def on_guild_join(self, guild: discord.Guild) -> None:
        if self._ear is not None:
            self._keeper.work(self._ear.presence.joined(guild))

    async def on_guild_remove(self, guild: discord.Guild) -> None:
        if self._ear is not None:
            self._keeper.work(self._ear.presence.left(guild))

    async def on_guild_channel_delete(self, channel: discord.abc.GuildChannel) -> None:
        if self._ear is not None:
            deleted = self._ear.presence.deleted
            self._keeper.work(deleted(channel.guild.id, channel.id, N_("the channel was deleted")))

    async def on_raw_thread_delete(self, thread: discord.RawThreadDeleteEvent) -> None:
        if self._ear is not None:
            deleted = self._ear.presence.deleted
            self._keeper.work(deleted(thread.guild_id, thread.thread_id, N_("the thread was deleted")))

    async def on_thread_update(self, before: discord.Thread, after: discord.Thread) -> None:
        if self._ear is not None:
            changed = self._ear.presence.thread
            self._keeper.work(changed(after.guild, after.id, after, was=before.locked))

    async def on_raw_thread_update(self, update: discord.RawThreadUpdateEvent) -> None:
        # One that was asleep: of the others ``on_thread_update`` knows what they were.
        if self._ear is not None and update.thread is None:
            guild = self.get_guild(update.guild_id)
            changed = self._ear.presence.thread
            self._keeper.work(changed(guild, update.thread_id, update.data, was=None))

    async def on_error(self, event_method: str, /, *args: Any, **kwargs: Any) -> None:
        log.exception("an event of Discord's failed", event=event_method)  # noqa: LOG004 - it is called in one


async def close(client: discord.Client) -> None:
    """Let go of a client, whether or not Discord says goodbye."""
    with suppress(Exception):
        async with asyncio.timeout(CLOSE_SECONDS):
            await client.close()
    # The library forgets a connection that was not yet made: its socket stays, and its thread would beat on.
    for thread in threading.enumerate():
        if not isinstance(thread, discord.gateway.KeepAliveHandler):
            continue
        if thread.ws._connection is client._connection:  # noqa: SLF001 - nothing else tells whose it is
            thread.stop()
            with suppress(Exception):
                async with asyncio.timeout(CLOSE_SECONDS / 3):
                    await thread.ws.socket.close()
    with suppress(Exception):
        await client.http.close()
