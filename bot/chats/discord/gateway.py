"""Who listens on Discord: as many connections as the bot needs, each with its part of the servers.

A client asks neither for the gateway's address nor for what it may: so every run begins with ``GET /gateway/bot``,
which also says how many shards Discord recommends.

https://docs.discord.com/developers/events/gateway#sharding
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import discord
import structlog
import yarl

from bot.chats.discord import places
from bot.chats.discord.bulletin import Bulletin
from bot.chats.discord.client import Client
from bot.chats.discord.fatal import FATAL, TOO_FEW_SHARDS
from bot.chats.discord.identifies import IDENTIFIES_LEFT, Identifies, Later
from bot.chats.discord.listen import Ear
from bot.chats.discord.pauses import Pauses
from bot.chats.discord.pen import cause
from bot.chats.discord.rest import Rest
from bot.chats.discord.shard import Shard
from bot.chats.discord.traffic import Traffic

log = structlog.get_logger(__name__)


class Gateway:
    """Keeps the shards, from ``start`` to ``stop``.

    Args:
        token: The bot's.
        rest: Asks what may be.
        identifies: Counts sessions, over all that is started in this process.
        came: Called when there is a connection.
        shards: How many; None for as many as Discord recommends.
    """

    def __init__(
        self,
        token: str,
        ear: Ear,
        *,
        rest: Rest,
        traffic: Traffic,
        identifies: Identifies,
        bulletin: Bulletin,
        came: Callable[[], None],
        shards: int | None = None,
    ) -> None:
        self.token = token
        self.identifies = identifies
        self._ear = ear
        self._rest = rest
        self._traffic = traffic
        self._bulletin = bulletin
        self._came = came
        self._wanted = shards
        self._shards: list[Shard] = []
        #: Done with the code for which Discord refused.
        self._end: asyncio.Future[int] | None = None
        self._task: asyncio.Task[None] | None = None
        #: Work that nobody waits for, until the end.
        self._work: set[asyncio.Task[Any]] = set()

    def start(self) -> None:
        """Begin to connect."""
        self._task = asyncio.create_task(self._run(), name="discord")

    async def stop(self) -> None:
        """Let go of all connections."""
        tasks = [*self._work, *([self._task] if self._task else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._shards = []

    @property
    def connected(self) -> bool:
        """Whether every shard is connected."""
        return bool(self._shards) and all(shard.connected for shard in self._shards)

    def shard(self, chat: str) -> Shard | None:
        """Return the shard that tells of a chat, if there are any."""
        if not self._shards:
            return None
        guild = 0 if chat.startswith(places.PRIVATE) else places.snowflake(chat) or 0
        return self._shards[places.shard_of(guild, len(self._shards))]

    # Keeping them

    async def _run(self) -> None:
        pauses, least = Pauses(), 1
        while True:
            wait = 0.0
            try:
                recommended = await self.plan()
            except discord.LoginFailure:
                return self._rest.refuse()
            except Later as error:
                wait = error.seconds
                self._bulletin.away(str(error))
                log.warning("the sessions that Discord gives a bot in a day are used up", wait=f"{wait:.0f} s")
            except Exception as error:  # noqa: BLE001 - it is tried again
                self._bulletin.away(cause(error))
            else:
                count = self._wanted or recommended
                if count < least:
                    return self._bulletin.refused(FATAL[TOO_FEW_SHARDS])
                code = await self._hold(count)
                if code == 4004:
                    return self._rest.refuse()
                if code != TOO_FEW_SHARDS or self._wanted is not None:
                    return self._bulletin.refused(FATAL[code])
                least = count + 1  # the bot came to more servers: Discord recommends more shards then
            await asyncio.sleep(pauses.next(at_least=wait))

    async def plan(self) -> int:
        """Learn where the gateway is, and whether sessions may begin; return how many shards Discord recommends.

        Raises:
            Later: No session may begin now.
            discord.LoginFailure: The token is no good.
        """
        client = await self._rest.ready()
        try:
            self._traffic.again("gateway")
            shards, url, limit = await client.http.get_bot_gateway()
        except discord.GatewayNotFound as error:
            if isinstance(error.__cause__, discord.HTTPException) and error.__cause__.status == 401:
                raise discord.LoginFailure from None
            raise
        discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(url)
        self.identifies.learn(total=limit["total"], at_once=limit["max_concurrency"])
        if limit["remaining"] < min(IDENTIFIES_LEFT, limit["total"]):
            raise Later(limit["reset_after"] / 1000)
        return max(shards, 1)

    async def _hold(self, count: int) -> int:
        """Keep so many shards connected until Discord refuses, and return the code with which it does."""
        self._end = asyncio.get_running_loop().create_future()
        self._ear.presence.divide(count)
        self._shards = [Shard(self, number) for number in range(count)]
        tasks = [asyncio.create_task(one.run(), name=f"discord shard {one.number}") for one in self._shards]
        try:
            return await self._end
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for shard in self._shards:
                shard.connected = False

    def make(self, shard: Shard) -> Client:
        """Return a new client for a shard."""
        of = shard.number, len(self._shards)
        self._traffic.logs_in()
        return Client(shard, self._ear, trace=self._traffic.trace(), shard=of)

    # What shards tell

    def is_fatal(self, code: int) -> bool:
        """Tell whether a connection that was closed so is of no use again."""
        return code in FATAL

    def refuse(self, code: int) -> None:
        """End all shards: Discord refuses for good."""
        if self._end is not None and not self._end.done():
            self._end.set_result(code)

    def came(self, bot: str | None) -> None:
        """Note that a shard is connected, and what the bot is called."""
        if self.connected:
            many = {"shards": len(self._shards)} if len(self._shards) > 1 else {}
            self._bulletin.up(bot=bot, **many)
        self._came()

    def lost(self, shard: Shard, why: str, *, was: bool | None) -> None:
        """Note that a shard is not connected."""
        which = {"shard": shard.number} if len(self._shards) > 1 else {}
        if was:
            self._bulletin.lost(why, **which)
        else:
            self._bulletin.away(why)

    def work(self, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Do something that nobody waits for."""
        task = asyncio.create_task(coroutine)
        self._work.add(task)
        task.add_done_callback(self._work.discard)
        return task
