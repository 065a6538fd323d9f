"""Sends what is owed: lease, render, send, settle.

A delivery is settled after it was sent, so a kill in between sends it again; platforms that can tell are given
the same delivery id, so theirs is no second post. One send a chat is under way at a time, which keeps their
order. Every send is a task of its own, and nobody waits for one that hangs: a slow or dead chat holds up no
other.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import structlog

from bot.domain import MINUTE, SECOND
from bot.ports.chat import (
    Chat,
    ChatGone,
    ChatMoved,
    MessageGone,
    NotPermitted,
    Post,
    Refused,
    SendError,
    TopicGone,
    TryLater,
)
from storage import chats as chat_store
from storage import outbox
from storage.database import Database
from storage.outbox import Owed

log = structlog.get_logger(__name__)

#: How many sends a platform's bot has under way.
SENDS_AT_ONCE = 8
LONGEST_SEND_SECONDS = 20
#: A round of sends is waited for so long before the next deliveries of the other chats are taken.
PATIENCE_SECONDS = 0.25
#: At the end, sends under way get so long to arrive and be settled: what is cut off is sent again.
LAST_SECONDS = 2
#: Longer than a send may take: when it runs out, its holder is dead.
LEASE = MINUTE
SHORTEST_PAUSE = SECOND
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
        #: Sends under way, each with its chat.
        self._sending: dict[asyncio.Task[None], int] = {}
        #: Platforms that asked the whole bot to wait, and until when.
        self._held: dict[str, int] = {}

    async def begin(self) -> None:
        """Take back what a process that died had leased: nobody else sends to these chats."""
        async with self._database.write() as connection:
            await outbox.release(connection, list(self._chats))

    async def tick(self, now: int) -> None:
        """Send all that is owed and due, and wait until it is settled.

        Raises:
            Exception: A chat failed in a way it should not, or the database did; the others were sent.
        """
        wrong: list[BaseException] = []
        while await self._start(now):
            done, _ = await asyncio.wait(self._sending, timeout=PATIENCE_SECONDS)
            wrong += [error for task in done if not task.cancelled() and (error := task.exception()) is not None]
            now = max(now, self._clock())
        if wrong:
            raise wrong[0]

    async def rearm(self, now: int) -> None:
        """Let nothing wait for the clock to catch up after it was set back."""
        async with self._database.write() as connection:
            await outbox.rearm(connection, list(self._chats), now=now, lease=LEASE, pause=LONGEST_PAUSE)
        self._held = {name: min(until, now + LONGEST_PAUSE) for name, until in self._held.items()}

    async def follow(self, owed: asyncio.Event) -> None:
        """Send at once whenever a transaction made deliveries; ends when it is cancelled."""
        try:
            while True:
                await owed.wait()
                owed.clear()
                try:
                    await self.tick(self._clock())
                except Exception:  # the next tick tries again; the loop must live
                    log.exception("delivering failed and will be tried again")
        finally:
            await self.finish()

    async def finish(self) -> None:
        """Let sends under way arrive and be settled, so that nothing is sent twice after a clean stop."""
        if self._sending:
            _, hanging = await asyncio.wait(self._sending, timeout=LAST_SECONDS)
            for task in hanging:
                task.cancel()
            await asyncio.gather(*hanging, return_exceptions=True)

    async def _start(self, now: int) -> bool:
        """Begin to send the oldest delivery of each chat; tell whether anything is under way."""
        async with self._lock:
            free = SENDS_AT_ONCE - len(self._sending)
            if free > 0:
                async with self._database.write() as connection:
                    await outbox.expire(connection, now)
                    leased = await outbox.lease(
                        connection,
                        platforms=[one for one in self._chats if self._held.get(one, 0) <= now],
                        now=now,
                        until=now + LEASE,
                        limit=free,
                        busy=set(self._sending.values()),
                    )
                for owed in leased:
                    task = asyncio.create_task(self._one(owed, now), name=f"deliver {owed.id}")
                    self._sending[task] = owed.chat_id
                    task.add_done_callback(self._sent)
        return bool(self._sending)

    def _sent(self, task: asyncio.Task[None]) -> None:
        del self._sending[task]
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a delivery failed and will be tried again", why=repr(error))

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
            if error.everywhere:
                self._held[owed.chat_platform] = self._clock() + error.retry_after
            await self._again(owed, error.retry_after, str(error))
        except ChatMoved as error:
            async with self._database.write() as connection:
                await chat_store.change(connection, owed.chat_id, key=error.key)
            await self._again(owed, 0, str(error))
        except ChatGone as error:
            await self._settle(owed, "dead", now, error=str(error))
            async with self._database.write() as connection:
                await chat_store.disable(connection, owed.chat_id, now=now, why=str(error))
            log.warning("a chat is gone", platform=owed.chat_platform, why=str(error))
        except (NotPermitted, TopicGone, MessageGone, Refused) as error:
            await self._settle(owed, "dead", now, error=str(error))
            log.warning("a post was not taken", platform=owed.chat_platform, why=str(error))
        except (SendError, TimeoutError) as error:  # unsure: it may be sent twice
            await self._again(owed, _pause(owed), str(error) or "no answer")
        except Exception as error:  # of a kind that no chat should raise; the others must go on
            await self._again(owed, _pause(owed), f"internal: {error!r}")
            raise
        else:
            await self._settle(owed, "sent", now, key=key)

    async def _settle(
        self, owed: Owed, state: str, now: int, *, key: str | None = None, error: str | None = None
    ) -> None:
        async with self._database.write() as connection:
            await outbox.settle(connection, owed.id, state=state, now=now, message_key=key, error=error)

    async def _again(self, owed: Owed, pause: int, error: str) -> None:
        """Owe it again after a pause, which counts from now: the send itself may have taken long."""
        due_at = self._clock() + max(pause, SHORTEST_PAUSE)
        async with self._database.write() as connection:
            await outbox.put_back(connection, owed.id, due_at=due_at, error=error)


def _pause(owed: Owed) -> int:
    """Return how long to wait before the next try: twice as long each time."""
    pause: int = FIRST_PAUSE * 2 ** (owed.attempts - 1)
    return min(pause, LONGEST_PAUSE)
