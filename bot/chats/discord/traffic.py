"""Asks Discord through the library's HTTP, and sees what it is answered: who has to wait, and for how long.

The library keeps within the buckets that Discord tells it. After a 429 it would sleep inside the call, and a call
that is given up while it sleeps on a global one leaves all later calls waiting for ever; so a call ends with the
first 429, and the waiting is the deliverer's. What Discord asks to wait is held in the bot's pace.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from contextvars import ContextVar
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, TypeVar

import aiohttp
import discord

from bot.domain import SECOND
from bot.domain.sentence import N_
from bot.ports.chat import TryLater, Unsure
from bot.ports.pace import PATIENCE, Pace

T = TypeVar("T")

LONGEST_CALL_SECONDS = 15
#: The least that discord.py takes.
LONGEST_BUCKET_SECONDS = 30
#: Where a 429 does not say how long (Cloudflare's).
PAUSE_SECONDS = 60
#: The address is banned at 10,000 in 10 minutes, and other programs may share it.
#: https://docs.discord.com/developers/topics/rate-limits#invalid-request-limit-aka-cloudflare-bans
MOST_INVALID = 5_000
INVALID_SECONDS = 600
_INVALID = {401, 403, 429}
#: Who the bot is, and which application.
REQUESTS_OF_A_LOGIN = 2


def _future() -> asyncio.Future[tuple[float, bool]]:
    return asyncio.get_running_loop().create_future()


@dataclass(eq=False)
class _Call:
    """What one call has come to.

    Attributes:
        lane: What has to wait if it is asked to, and no more.
        asked: A request has left: what it asked for may be done.
        limited: Done with the first 429: seconds to wait, and whether everything must.
    """

    lane: str
    asked: bool = False
    limited: asyncio.Future[tuple[float, bool]] = field(default_factory=_future)


_CALL: ContextVar[_Call | None] = ContextVar("discord call", default=None)


class Traffic:
    """Everything that is asked of Discord with the bot's token.

    Args:
        pace: Of posts, whose turn the deliverer takes, and of all else, whose turn is taken here.
    """

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._invalid: deque[float] = deque()

    def trace(self) -> aiohttp.TraceConfig:
        """Return what lets a client tell of its requests."""
        config = aiohttp.TraceConfig()
        config.on_request_start.append(self._asked)
        config.on_request_end.append(self._answered)
        return config

    async def aside(
        self, client: discord.Client, request: Callable[[], Coroutine[Any, Any, T]], *, lane: str
    ) -> T:
        """Ask for what is not the deliverer's, in its place in the pace: ahead of posts that wait.

        Raises:
            TryLater: It would have to wait for too long, or as ``ask``.
        """
        if (wait := self._pace.wait(lane)) > PATIENCE:
            raise TryLater(N_("Discord asks to wait"), retry_after=_ms(wait), everywhere=self._pace.held() > 0)
        await self._pace.answer(lane)
        return await self.ask(client, request, lane=lane)

    def again(self, lane: str) -> None:
        """Note that a post takes one more request than the turn that the deliverer took for it."""
        self._pace.note(lane)

    def logs_in(self) -> None:
        """Note the requests with which the library logs in, as they count like all others."""
        for _ in range(REQUESTS_OF_A_LOGIN):
            self._pace.note("log in")

    async def ask(self, client: discord.Client, request: Callable[[], Coroutine[Any, Any, T]], *, lane: str) -> T:
        """Return the answer to a request, or say why there is none.

        Args:
            lane: What waits, if Discord asks to wait but not everywhere.

        Raises:
            TryLater: It was not done, and must wait.
            Unsure: No answer came in time.
            discord.HTTPException: It was refused.
            aiohttp.ClientError, OSError: The connection was lost.
        """
        if (wait := self._pace.held()) > 0:
            raise TryLater(N_("Discord asks the whole bot to wait"), retry_after=_ms(wait), everywhere=True)
        call = _Call(lane)
        task = asyncio.create_task(_run(call, request))
        try:
            either: set[asyncio.Future[Any]] = {task, call.limited}
            await asyncio.wait(either, timeout=LONGEST_CALL_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        finally:
            if not task.done():
                task.cancel()
                await asyncio.wait({task})
        if call.limited.done():
            self._let_go(client)
            wait, everywhere = call.limited.result()
            _forget(task)
            raise TryLater(
                N_("Discord asks to wait for {seconds} s"),
                seconds=wait,
                retry_after=_ms(wait),
                everywhere=everywhere,
            )
        if task.cancelled():
            if call.asked:
                raise Unsure(N_("Discord did not answer within {seconds} s"), seconds=LONGEST_CALL_SECONDS)
            raise TryLater(N_("too much is asked in this channel at once"), retry_after=SECOND)
        try:
            return task.result()
        except discord.RateLimited as error:
            self._pace.hold(error.retry_after, lane)
            raise TryLater(str(error), retry_after=_ms(error.retry_after)) from None

    def _let_go(self, client: discord.Client) -> None:
        """Let no call wait for the one that was given up: until the time is over, ``ask`` lets none begin."""
        client.http._global_over.set()  # noqa: SLF001 - see above; the library has no other way

    async def _asked(
        self, session: aiohttp.ClientSession, context: SimpleNamespace, params: aiohttp.TraceRequestStartParams
    ) -> None:
        if (call := _CALL.get()) is not None:
            call.asked = True

    async def _answered(
        self, session: aiohttp.ClientSession, context: SimpleNamespace, params: aiohttp.TraceRequestEndParams
    ) -> None:
        status, headers = params.response.status, params.response.headers
        scope = headers.get("X-RateLimit-Scope")
        now = asyncio.get_running_loop().time()
        if status in _INVALID and scope != "shared":
            self._count(now)
        if status != 429:
            return
        banned = "Via" not in headers
        everywhere = banned or scope == "global" or headers.get("X-RateLimit-Global") == "true"
        wait = _seconds(headers.get("Retry-After"))
        call = _CALL.get()
        if everywhere:
            self._pace.hold(wait)
        elif call is not None:
            self._pace.hold(wait, call.lane)
        if call is not None and not call.limited.done():
            call.limited.set_result((wait, everywhere))

    def _count(self, now: float) -> None:
        self._invalid.append(now)
        while self._invalid[0] < now - INVALID_SECONDS:
            self._invalid.popleft()
        if len(self._invalid) >= MOST_INVALID:
            self._pace.hold(PAUSE_SECONDS)


async def _run(call: _Call, request: Callable[[], Coroutine[Any, Any, T]]) -> T:
    _CALL.set(call)
    return await request()


def _forget(task: asyncio.Task[Any]) -> None:
    """Take the error of a task that nobody asks any more."""
    if not task.cancelled():
        task.exception()


def _seconds(text: str | None) -> float:
    try:
        return max(float(text or PAUSE_SECONDS), 0)
    except ValueError:
        return PAUSE_SECONDS


def _ms(seconds: float) -> int:
    return max(round(seconds * SECOND), 1)
