"""What follows a message in reply to it: pictures and files for which there was no room in it.

The message has arrived, so nothing of this is an error to who sent it: what cannot follow is logged.
"""

from __future__ import annotations

import asyncio

import structlog

from bot.chats.telegram.ids import is_group
from bot.chats.telegram.pen import Pen
from bot.chats.telegram.pieces import Written
from bot.domain import SECOND
from bot.domain.sentence import N_
from bot.ports.chat import NotPermitted, SendError, Target, TryLater
from bot.ports.pace import Pace

log = structlog.get_logger(__name__)

#: How often each is tried, and the longest pause before it is given up, in seconds.
TRIES = 3
LONGEST_PAUSE = 60.0
#: Chats of which it is remembered what may not be sent there.
MOST = 10_000


class Beside:
    """Sends it, in its place in the pace."""

    def __init__(self, pen: Pen, pace: Pace) -> None:
        self._pen = pen
        self._pace = pace
        self._lacks: dict[str, str] = {}

    def lacks(self, chat: str) -> str | None:
        """Return why nothing could follow in a chat the last time, if a permission was missing."""
        return self._lacks.get(chat)

    async def follow(self, where: Target, written: Written) -> None:
        """Send all that is to follow a message."""
        for piece in written.beside:
            for _ in range(TRIES):
                wait = self._pace.wait(where.chat, group=is_group(where.chat))
                try:
                    if wait > LONGEST_PAUSE:
                        raise TryLater(N_("Telegram asks to wait"), retry_after=round(wait * SECOND))  # noqa: TRY301
                    await self._pace.answer(where.chat, group=is_group(where.chat))
                    await self._pen.beside(where, written.key, piece)
                except TryLater as error:
                    if error.retry_after > LONGEST_PAUSE * SECOND:
                        log.warning("a picture or file could not follow its text", chat=where.chat, why=str(error))
                        return
                    await asyncio.sleep(error.retry_after / SECOND)
                except SendError as error:
                    log.warning("a picture or file could not follow its text", chat=where.chat, why=str(error))
                    if isinstance(error, NotPermitted) and len(self._lacks) < MOST:
                        self._lacks[where.chat] = error.told
                    return
                else:
                    self._lacks.pop(where.chat, None)
                    break
