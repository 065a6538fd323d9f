"""Answers: asked of the listener, written where they belong, ahead of all posts that wait."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import structlog
from telegram import Bot
from telegram.constants import ChatAction
from telegram.error import RetryAfter, TelegramError

from bot.chats.telegram.errors import in_seconds, summary
from bot.chats.telegram.ids import address, is_group, thread
from bot.chats.telegram.pen import Pen
from bot.chats.telegram.presence import Presence
from bot.domain import SECOND
from bot.ports.chat import ChatGone, ChatMoved, Listener, SendError, Target, TopicGone, TryLater
from bot.ports.command import Request
from bot.ports.message import Message
from bot.ports.pace import Pace

log = structlog.get_logger(__name__)

#: An answer that takes longer is announced by "typing", which Telegram shows for 5 seconds, in seconds.
PATIENCE = 0.7
TYPING = 4.5
#: How often an answer is tried, and the longest pause before it is given up, in seconds.
TRIES = 3
LONGEST_PAUSE = 60.0


class Answers:
    """Gives answers; what cannot be written is logged, as nobody is there to be told."""

    def __init__(self, bot: Bot, listener: Listener, *, pen: Pen, pace: Pace, presence: Presence) -> None:
        self._bot = bot
        self._listener = listener
        self._pen = pen
        self._pace = pace
        self._presence = presence

    async def give(self, request: Request, where: Target, *, reply_to: int | None = None) -> None:
        """Answer a request where it was made, which need not be where it counts."""
        async with self._typing(where):
            message = await self._listener.answer(request)
        await self.say(message, where, reply_to=reply_to)

    async def say(self, message: Message, where: Target, *, reply_to: int | None = None) -> None:
        """Write a message, after whatever pause it takes."""
        for _ in range(TRIES):
            group = is_group(where.chat)
            if self._pace.wait(where.chat, group=group) > LONGEST_PAUSE:
                log.warning("an answer was given up", chat=where.chat, why="Telegram asks to wait")
                return
            try:
                await self._pace.answer(where.chat, group=group)
                await self._pen.write(where, message, reply_to=reply_to)
            except TryLater as error:
                pause = error.retry_after / SECOND
                if pause > LONGEST_PAUSE:
                    log.warning("an answer was given up", chat=where.chat, why=str(error))
                    return
                await asyncio.sleep(pause)
            except ChatMoved as moved:
                await self._presence.moved(int(where.chat), int(moved.key))
                where, reply_to = replace(where, chat=moved.key), None
            except (ChatGone, TopicGone) as gone:
                await self._presence.gone(where, gone)
                return
            except SendError as error:
                log.warning("an answer was not taken", chat=where.chat, why=str(error))
                return
            else:
                return
        log.warning("an answer was given up", chat=where.chat, why="too many tries")

    @asynccontextmanager
    async def _typing(self, where: Target) -> AsyncIterator[None]:
        """Show that an answer is under way, if it takes a while."""
        task = asyncio.create_task(self._type(where), name="telegram typing")
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _type(self, where: Target) -> None:
        await asyncio.sleep(PATIENCE)
        try:
            while True:
                await self._bot.send_chat_action(
                    address(where.chat), ChatAction.TYPING, message_thread_id=thread(where.topic)
                )
                await asyncio.sleep(TYPING)
        except RetryAfter as error:
            self._pace.hold(in_seconds(error), where.chat)
        except TelegramError as error:
            log.debug("telegram did not take a sign of typing", why=summary(error))
