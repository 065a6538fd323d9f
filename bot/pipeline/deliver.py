"""Sends what is owed: lease, render, send, settle.

A delivery is settled after it was sent, so a kill in between sends it again; platforms that can tell are given
the same delivery id, so theirs is no second post. One send a chat is under way at a time, which keeps their
order; a slow or dead chat holds up no other.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import structlog

from bot.domain import MINUTE, SECOND
from bot.ports.chat import Chat, ChatGone, NotPermitted, Post, Refused, SendError, TryLater
from storage import chats as chat_store
from storage import outbox
from storage.database import Database
from storage.outbox import Owed

log = structlog.get_logger(__name__)

#: How many sends a platform's bot has under way.
SENDS_AT_ONCE = 8
LONGEST_SEND_SECONDS = 20
#: Longer than a send may take: when it runs out, its holder is dead.
LEASE = MINUTE
FIRST_PAUSE = 5 * SECOND
LONGEST_PAUSE = 15 * MINUTE

Render = Callable[[Owed], Awaitable[Post | None]]
Clock = Callable[[], int]


class Deliver:
    """The stage that sends."""

    def __init__(self, database: Database, chats: Mapping[str, Chat], render: Render, *, clock: Clock) -> None:
        self._database = database
        self._chats = chats
        self._render = render
        self._clock = clock
        self._lock = asyncio.Lock()

    async def begin(self) -> None:
        """Take back what a process that died had leased: nobody else sends to these chats."""
        async with self._database.write() as connection:
            await outbox.release(connection, list(self._chats))

    async def tick(self, now: int) -> None:
        """Send all that is owed and due."""
        async with self._lock:
            while await self._some(now):
                now = max(now, self._clock())

    async def follow(self, owed: asyncio.Event) -> None:
        """Send at once whenever a transaction made deliveries; ends when it is cancelled."""
        while True:
            await owed.wait()
            owed.clear()
            try:
                await self.tick(self._clock())
            except Exception:  # the next tick tries again; the loop must live
                log.exception("delivering failed and will be tried again")

    async def _some(self, now: int) -> bool:
        """Send the oldest delivery of each chat; tell whether there was any."""
        async with self._database.write() as connection:
            await outbox.expire(connection, now)
            leased = await outbox.lease(
                connection, platforms=list(self._chats), now=now, until=now + LEASE, limit=SENDS_AT_ONCE
            )
        await asyncio.gather(*(self._one(owed, now) for owed in leased))
        return bool(leased)

    async def _one(self, owed: Owed, now: int) -> None:
        try:
            post = await self._render(owed)
        except Exception as error:  # one alert that cannot be written must not stop the rest
            log.exception("an alert could not be written", delivery=owed.id, kind=owed.kind)
            await self._settle(owed, "dead", now, error=f"not written: {type(error).__name__}")
            return
        if post is None:
            await self._settle(owed, "expired", now, error="nobody is subscribed any more")
            return
        try:
            async with asyncio.timeout(LONGEST_SEND_SECONDS):
                key = await self._chats[owed.chat_platform].send(post)
        except TryLater as error:
            await self._again(owed, now + error.retry_after, str(error))
        except ChatGone as error:
            await self._settle(owed, "dead", now, error=str(error))
            async with self._database.write() as connection:
                await chat_store.disable(connection, owed.chat_id, now=now, why=str(error))
            log.warning("a chat is gone", platform=owed.chat_platform, why=str(error))
        except (NotPermitted, Refused) as error:
            await self._settle(owed, "dead", now, error=str(error))
            log.warning("a post was not taken", platform=owed.chat_platform, why=str(error))
        except (
            SendError,
            TimeoutError,
        ) as error:  # unsure, or of a kind we do not know: it may be sent twice
            pause = min(FIRST_PAUSE * 2 ** (owed.attempts - 1), LONGEST_PAUSE)
            await self._again(owed, now + pause, str(error) or "no answer")
        else:
            await self._settle(owed, "sent", now, key=key)

    async def _settle(
        self, owed: Owed, state: str, now: int, *, key: str | None = None, error: str | None = None
    ) -> None:
        async with self._database.write() as connection:
            await outbox.settle(connection, owed.id, state=state, now=now, message_key=key, error=error)

    async def _again(self, owed: Owed, due_at: int, error: str) -> None:
        async with self._database.write() as connection:
            await outbox.put_back(connection, owed.id, due_at=due_at, error=error)
