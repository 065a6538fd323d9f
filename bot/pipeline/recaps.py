"""Recaps that follow what goes on growing after the end: a replay's views, for some days.

They are edited, marked "as of", never posted anew, and tell nothing else again. That one was edited is noted after
the edit; after a kill the same edit is made again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace

import structlog

from bot.domain import MINUTE, SECOND
from bot.ports.chat import Chat, Partly, Post, SendError, Target, TryLater, lane
from storage import recaps
from storage.database import Database
from storage.sending import Owed

log = structlog.get_logger(__name__)

#: A recap is edited no more often than this, and so many in a tick.
BETWEEN = 10 * MINUTE
AT_ONCE = 10
LONGEST_SEND_SECONDS = 20

#: Writes a recap as it stands; None if nobody wants it any more.
Write = Callable[[Owed], Awaitable[Post | None]]


class Recaps:
    """The stage that keeps recaps true."""

    def __init__(self, database: Database, chats: Mapping[str, Chat], write: Write) -> None:
        self._database = database
        self._chats = chats
        self._write = write

    async def tick(self, now: int) -> None:
        """Edit the recaps whose figures have grown."""
        for chat in list(self._chats.values()):
            if chat.pace.held() > 0:
                continue
            async with self._database.read() as connection:
                due = await recaps.stale(
                    connection, chat.platform, now, edited_before=now - BETWEEN, limit=AT_ONCE
                )
            for one, key in due:
                await self._edit(chat, one, key, now=now)

    async def _edit(self, chat: Chat, one: Owed, key: str, *, now: int) -> None:
        """Edit a recap, unless the platform's limits are in the way: the next tick tries again."""
        post = await self._write(replace(one, late=False))
        if post is not None:
            target = Target(chat=one.chat_key, topic=one.topic or None)
            place = lane(chat, target)
            wait = await chat.pace.turn(place, group=chat.is_group(target.chat))
            if wait or chat.platform not in self._chats:
                return
            try:
                async with asyncio.timeout(LONGEST_SEND_SECONDS):
                    await chat.send(replace(post, replaces=key, mention=None, silent=True))
            except TryLater as error:
                if not error.alone:
                    chat.pace.hold(error.retry_after / SECOND, None if error.everywhere else place)
                return
            except Partly:
                pass
            except (SendError, TimeoutError) as error:
                log.info("a recap could not be edited", platform=chat.platform, why=str(error) or "no answer")
        async with self._database.write() as connection:
            await recaps.note(connection, one.id, now=now)
