"""Recaps that follow what goes on growing after the end: a replay's views, for some days.

They are edited, marked "as of", never posted anew, and tell nothing else again. What a recap shows is noted with
its delivery after the edit; after a kill the same edit is made again.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, replace

import structlog

from bot.domain import DAY, MINUTE, SECOND
from bot.domain.alerts.ended import KIND
from bot.ports.chat import Chat, Partly, Post, SendError, Target, TryLater, lane
from storage import recaps
from storage.database import Database
from storage.outbox import Owed
from storage.recaps import TOTALS, Recap

log = structlog.get_logger(__name__)

#: A recap is edited no more often than this, and so many in a tick.
BETWEEN = 10 * MINUTE
AT_ONCE = 10
LONGEST_SEND_SECONDS = 20

#: Writes a recap as it stands: its totals, and the post; None if nobody wants it any more.
Write = Callable[[Owed], Awaitable[tuple[Mapping[str, float | None], Post] | None]]


class Recaps:
    """The stage that keeps recaps true."""

    def __init__(self, database: Database, chats: Mapping[str, Chat], write: Write) -> None:
        self._database = database
        self._chats = chats
        self._write = write

    async def tick(self, now: int) -> None:
        """Edit the recaps whose figures have grown."""
        for chat in self._chats.values():
            if chat.pace.held() > 0:
                continue
            async with self._database.read() as connection:
                found = await recaps.stale(connection, chat.platform, now)
            due = [one for one in found if _shown(one)[1] < one.grown_at and now - _shown(one)[1] >= BETWEEN]
            for one in due[:AT_ONCE]:
                await self._edit(chat, one, now)

    async def _edit(self, chat: Chat, one: Recap, now: int) -> None:
        written = await self._write(_as_owed(one, now))
        if written is None:
            return
        totals, post = written
        shown = {name: totals.get(name) for name in TOTALS}
        target = Target(chat=one.chat_key, topic=one.topic or None)
        if shown != _shown(one)[0]:
            place = lane(chat, target)
            if await chat.pace.turn(place, group=chat.is_group(target.chat)):
                return
            try:
                async with asyncio.timeout(LONGEST_SEND_SECONDS):
                    await chat.send(replace(post, replaces=one.message_key, mention=None, silent=True))
            except TryLater as error:
                if not error.alone:
                    chat.pace.hold(error.retry_after / SECOND, None if error.everywhere else place)
                return
            except Partly:
                pass
            except (SendError, TimeoutError) as error:
                log.info("a recap could not be edited", platform=chat.platform, why=str(error) or "no answer")
        async with self._database.write() as connection:
            await recaps.note(connection, one.id, json.dumps({"totals": shown, "at": now}))


def _shown(one: Recap) -> tuple[Mapping[str, float | None], int]:
    """Return what a recap shows of the totals, and since when."""
    if one.detail is None:
        return {}, 0
    kept = json.loads(one.detail)
    return kept["totals"], kept["at"]


def _as_owed(one: Recap, now: int) -> Owed:
    """Return a recap as if it were owed now, which is how its words are found."""
    values = asdict(one)
    del values["message_key"], values["grown_at"]
    return Owed(
        **values | {"detail": None},
        kind=KIND,
        measure=None,
        before=None,
        value=None,
        late=False,
        expires_at=now + DAY,
        threshold=None,
        scope=None,
        attempts=0,
        problem=None,
    )
