"""Discord's HTTP with the bot's token, without a gateway: whoever only sends needs no more."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import discord
import structlog

from bot.chats.discord.bulletin import Bulletin
from bot.chats.discord.fatal import TOKEN, looks_like_a_token
from bot.chats.discord.pauses import Pauses
from bot.chats.discord.pen import cause
from bot.chats.discord.traffic import LONGEST_BUCKET_SECONDS, Traffic
from bot.domain import SECOND
from bot.domain.sentence import N_
from bot.ports.chat import TryLater

log = structlog.get_logger(__name__)

LOGIN_SECONDS = 60
#: How long a post waits for the login before it is put back.
PATIENCE_SECONDS = 2.0
NOT_YET = 2 * SECOND
NEVER = 600 * SECOND


def bare_client(traffic: Traffic) -> discord.Client:
    """Return a client that is not logged in, and connects to no gateway."""
    return discord.Client(
        intents=discord.Intents.none(),
        allowed_mentions=discord.AllowedMentions.none(),
        max_messages=None,
        member_cache_flags=discord.MemberCacheFlags.none(),
        chunk_guilds_at_startup=False,
        max_ratelimit_timeout=LONGEST_BUCKET_SECONDS,
        http_trace=traffic.trace(),
    )


class Rest:
    """Keeps a client logged in from ``open`` to ``close``, however long the login takes.

    Args:
        reached: Called when it is logged in.
    """

    def __init__(
        self, token: str, traffic: Traffic, bulletin: Bulletin, *, reached: Callable[[], None] = lambda: None
    ) -> None:
        self._token = token
        self._reached = reached
        self._traffic = traffic
        self._bulletin = bulletin
        self._task: asyncio.Task[discord.Client | None] | None = None
        self._refused = False

    def open(self) -> None:
        """Begin to log in, unless that is done; a token that was refused is tried again."""
        if self._task is None or self._refused:
            self._refused = False
            self._task = asyncio.create_task(self._log_in(), name="discord login")

    async def close(self) -> None:
        """Let go of the client."""
        task, self._task, self._refused = self._task, None, False
        if task is None:
            return
        task.cancel()
        (client,) = await asyncio.gather(task, return_exceptions=True)
        if isinstance(client, discord.Client):
            await client.http.close()

    def refuse(self) -> None:
        """Note that the token is no good, and tell it once."""
        if not self._refused:
            self._refused = True
            self._bulletin.refused(TOKEN)

    async def client(self) -> discord.Client:
        """Return the client for a request that is made now.

        Raises:
            TryLater: It is not logged in.
        """
        task = self._task
        if task is not None and not task.done():
            await asyncio.wait({task}, timeout=PATIENCE_SECONDS)
        if self._refused:
            raise TryLater(TOKEN, retry_after=NEVER, everywhere=True)
        client = task.result() if task is not None and task.done() and not task.cancelled() else None
        if client is None:
            raise TryLater(N_("not connected to Discord"), retry_after=NOT_YET, everywhere=True)
        return client

    async def ready(self) -> discord.Client:
        """Wait for the client, however long that takes.

        Raises:
            discord.LoginFailure: There will be none.
        """
        client = await asyncio.shield(self._task) if self._task is not None else None
        if client is None or self._refused:
            raise discord.LoginFailure
        return client

    async def _log_in(self) -> discord.Client | None:
        pauses = Pauses()
        while looks_like_a_token(self._token):
            client = bare_client(self._traffic)
            try:
                self._traffic.logs_in()
                async with asyncio.timeout(LOGIN_SECONDS):
                    await client.login(self._token)
            except BaseException as error:
                await client.http.close()
                if isinstance(error, discord.LoginFailure):
                    break
                if not isinstance(error, Exception):
                    raise
                self._bulletin.away(cause(error))
            else:
                self._reached()
                return client
            await asyncio.sleep(pauses.next())
        self.refuse()
        return None
