"""One connection to the gateway, and the supervisor that makes it again.

A ``discord.Client`` ends for good when a connection cannot be made. Short losses are resumed by the library; after
long ones a new client is made, ever more slowly.

Each shard has a client of its own. The library's ``AutoShardedClient`` makes connections again one after another:
while one shard cannot be reached, none of the others is resumed, and what ends one of them ends all.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

import discord
import structlog

from bot.chats.discord.client import Client, close
from bot.chats.discord.identifies import Later, Turn
from bot.chats.discord.pauses import Pauses
from bot.chats.discord.pen import cause
from bot.ports.since import Since

if TYPE_CHECKING:
    from bot.chats.discord.gateway import Gateway

log = structlog.get_logger(__name__)

LOGIN_SECONDS = 60
#: A session that has brought nonsense is begun anew, at most so often.
RENEWAL_SECONDS = 3600.0


class Shard:
    """Keeps one connection; fills ``client.Keeper``.

    Attributes:
        number: Which of the gateway's shards it is.
        connected: Whether there is a connection; None while there was none yet.
    """

    def __init__(self, gateway: Gateway, number: int) -> None:
        self.number = number
        self.connected: bool | None = None
        self._gateway = gateway
        self._client: Client | None = None
        self._since = Since()
        self._hears = False
        self._turn: Turn | None = None
        self._renewed_at: float | None = None
        self._renewal: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Be connected until cancelled, or until Discord refuses for good."""
        pauses = Pauses()
        first = True
        while True:
            client = self._gateway.make(self)
            reason, wait = "", 0.0
            try:
                self._turn = await self._gateway.identifies.turn(self.number)
                if not first:
                    await self._gateway.plan()
                first = False
                await self._connect(client)
            except discord.LoginFailure:
                return self._gateway.refuse(4004)
            except discord.ConnectionClosed as error:
                if self._gateway.is_fatal(error.code):
                    return self._gateway.refuse(error.code)
                reason = f"closed with {error.code}"
            except discord.PrivilegedIntentsRequired:
                return self._gateway.refuse(4014)
            except Later as error:
                wait, reason = error.seconds, str(error)
                log.warning("the sessions that Discord gives a bot in a day are used up", wait=f"{wait:.0f} s")
            except Exception as error:  # noqa: BLE001 - what the library cannot bear must not end the platform
                reason = cause(error)
            finally:
                self._client = None
                self._over()
                await close(client)
            self.lost(reason or "closed")
            if client.was_connected:
                pauses.again()
            await asyncio.sleep(pauses.next(at_least=wait))

    async def _connect(self, client: Client) -> None:
        """Be connected until that ends."""
        async with asyncio.timeout(LOGIN_SECONDS):
            await client.login(self._gateway.token)
        self._client = client
        await client.connect(reconnect=False)

    def _over(self) -> None:
        if self._turn is not None:
            self._turn.over()

    def knowing(self, server: int | None) -> Client | None:
        """Return the client if it knows a server as it is now, or that the bot is not in it."""
        client = self._client
        if client is None or not self.connected:
            return None
        return client if client.is_ready() or (server is not None and client.get_guild(server)) else None

    def after(self, channel: int, message: int) -> int | None:
        """Return how many messages are known to have come after one."""
        return self._since.after(channel, message, everything=self._hears)

    def wrote(self, channel: int, message: int) -> None:
        """Note a message of the bot's own."""
        self._since.wrote(channel, message)

    # What the client tells

    def came(self) -> None:
        """Note that there is a connection."""
        self.connected = True
        user = self._client.user if self._client is not None else None
        self._gateway.came(user.name if user is not None else None)

    def begun(self) -> None:
        """Note a new session: what was told meanwhile is not told again."""
        self._hears = True
        self._since.gap()

    def lost(self, why: str) -> None:
        """Note that there is no connection."""
        was, self.connected = self.connected, False
        self._gateway.lost(self, why, was=was)

    def renew(self) -> None:
        """End a session that has brought nonsense, now or as soon as one may: the next tells everything anew."""
        if self._renewal is None or self._renewal.done():
            self._renewal = self.work(self._end())

    async def _end(self) -> None:
        loop = asyncio.get_running_loop()
        if self._renewed_at is not None:
            await asyncio.sleep(self._renewed_at + RENEWAL_SECONDS - loop.time())
        if self._client is not None and self._client.doubts:
            self._renewed_at = loop.time()
            await self._client.close()

    def heard(self, data: Any) -> None:
        """Note that there is a new message; what it says is not looked at."""
        try:
            self._since.heard(int(data["channel_id"]), int(data["id"]))
        except (KeyError, TypeError, ValueError):
            log.debug("Discord told of a message that it does not name")

    def work(self, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Do something that nobody waits for."""
        return self._gateway.work(coroutine)

    async def identify(self) -> None:
        """Wait until the bot may begin a new session."""
        await self._gateway.identifies.take(self.number)
        self._over()
