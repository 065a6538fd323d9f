"""What the gateway would have told, asked by HTTP: for processes that send and do not listen.

It is asked for where a post was refused, and of what kind a channel is, once in a day; all else is done without.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

import aiohttp
import discord
import structlog

from bot.chats.discord import places
from bot.chats.discord.errors import Spot
from bot.chats.discord.pen import cause
from bot.chats.discord.traffic import Traffic
from bot.ports.chat import SendError, Target

T = TypeVar("T")

log = structlog.get_logger(__name__)

#: A channel may become one for announcements, and back.
KIND_SECONDS = 86_400.0
#: Seconds between questions of that kind: each is one post less that could be sent.
KIND_GAP_SECONDS = 0.25
MOST = 10_000
#: How long a refusal waits for what can be learned of its place.
SPOT_SECONDS = 4.0


class Lookup:
    """Asks.

    Args:
        clock: Seconds; only differences count.
        sleep: Waits so many seconds of that clock.
    """

    def __init__(
        self,
        traffic: Traffic,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._traffic = traffic
        self._clock = clock
        self._sleep = sleep
        self._line = asyncio.Lock()
        #: By channel: whether it is for announcements, and when that was asked.
        self._news: OrderedDict[int, tuple[bool, float]] = OrderedDict()

    async def is_news(self, client: discord.Client, channel: int) -> bool:
        """Tell whether a channel is one for announcements; nothing is to wait for that."""
        async with self._line:
            known = self._news.get(channel)
            if known is not None and known[1] + KIND_SECONDS > self._clock():
                return known[0]
            await self._sleep(KIND_GAP_SECONDS)
            return await self._learn(client, channel)

    async def _learn(self, client: discord.Client, channel: int) -> bool:
        told = await self._ask(client, lambda: client.http.get_channel(channel), lane=f"look at {channel}")
        if isinstance(told, Exception):
            return False
        found = told.get("type") == discord.ChannelType.news.value
        self._news[channel] = found, self._clock()
        self._news.move_to_end(channel)
        while len(self._news) > MOST:
            self._news.popitem(last=False)
        return found

    async def spot(self, client: discord.Client, target: Target) -> Spot:
        """Return what can be learned in a short time of a place where a post was refused."""
        try:
            async with asyncio.timeout(SPOT_SECONDS):
                return await self._spot(client, target)
        except TimeoutError:
            return places.unknown_spot(target)

    async def _spot(self, client: discord.Client, target: Target) -> Spot:
        channel, server = places.address(target), places.snowflake(target.chat)
        if target.topic is None or channel is None or server is None:
            return Spot()
        unknown = places.unknown_spot(target)
        guild = await self._ask(client, lambda: client.fetch_guild(server), lane=f"look at server {server}")
        if isinstance(guild, discord.Forbidden | discord.NotFound):
            return Spot(name=unknown.name, left=True)
        if isinstance(guild, Exception):
            return unknown
        found = await self._channel(client, guild, channel)
        if found is None or isinstance(found, discord.abc.PrivateChannel):
            return unknown
        return places.spot_of(found, await self._may(client, guild, found))

    async def _channel(self, client: discord.Client, guild: discord.Guild, channel: int) -> places.Channel | None:
        found = await self._ask(client, lambda: guild.fetch_channel(channel), lane=f"look at {channel}")
        return None if isinstance(found, Exception) else found

    async def _may(
        self, client: discord.Client, guild: discord.Guild, found: places.Channel
    ) -> discord.Permissions | None:
        """Return what the bot may in a channel; in a thread that is what it may in the channel above."""
        user = client.user
        above = await self._channel(client, guild, found.parent_id) if isinstance(found, discord.Thread) else found
        if user is None or above is None or isinstance(above, discord.Thread):
            return None
        me = await self._ask(client, lambda: guild.fetch_member(user.id), lane=f"look at myself in {guild.id}")
        return None if isinstance(me, Exception) else discord.abc.GuildChannel.permissions_for(above, me)

    async def _ask(
        self, client: discord.Client, request: Callable[[], Coroutine[Any, Any, T]], *, lane: str
    ) -> T | Exception:
        """Return the answer to a question, or why there is none: what is not known is done without."""
        try:
            return await self._traffic.aside(client, request, lane=lane)
        except (SendError, discord.DiscordException, aiohttp.ClientError, OSError) as error:
            log.debug("Discord did not tell of a place", lane=lane, why=cause(error))
            return error
