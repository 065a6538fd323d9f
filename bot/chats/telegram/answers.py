"""Answers: asked of the listener, written where they belong, ahead of all posts that wait."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import structlog
from telegram import Bot
from telegram.constants import ChatAction
from telegram.error import RetryAfter, TelegramError

from bot.chats.telegram.beside import Beside
from bot.chats.telegram.errors import in_seconds, summary
from bot.chats.telegram.ids import address, is_group, thread
from bot.chats.telegram.pen import Pen
from bot.chats.telegram.pieces import Written
from bot.chats.telegram.presence import Presence
from bot.domain import SECOND
from bot.ports.chat import ChatGone, ChatMoved, Listener, MessageGone, SendError, Target, TopicGone, TryLater
from bot.ports.command import Request
from bot.ports.message import Message, discard
from bot.ports.pace import MINUTE, Pace
from bot.texts import reader

log = structlog.get_logger(__name__)

#: An answer that takes longer is announced by "typing", which Telegram shows for 5 seconds, in seconds.
PATIENCE = 0.7
TYPING = 4.5
#: A wait for the limit that is longer is shown as "typing", too, in seconds.
LONG_WAIT = 1.0
#: Of the messages that a group may get in a minute, so many are left to alerts and to saying that it is too much.
FOR_ALERTS = 5
#: It is said if that can be soon, in seconds.
SOON = 3.0
#: How often an answer is tried, and the longest pause before it is given up, in seconds.
TRIES = 3
LONGEST_PAUSE = 60.0


class Answers:
    """Gives answers; what cannot be written is logged, as nobody is there to be told."""

    def __init__(
        self,
        bot: Bot,
        listener: Listener,
        *,
        pen: Pen,
        beside: Beside,
        pace: Pace,
        presence: Presence,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._bot = bot
        self._listener = listener
        self._pen = pen
        self._beside = beside
        self._pace = pace
        self._presence = presence
        self._clock = clock
        #: When a chat was told last that it asks too much.
        self._told: dict[str, float] = {}

    async def give(
        self, request: Request, where: Target, *, reply_to: int | None = None, menu: int | None = None
    ) -> None:
        """Answer a request where it was made, which need not be where it counts.

        Where too much is asked it is not even carried out: nothing changes of which nobody is told.

        Args:
            menu: The menu in which it was tapped: an answer that is one, too, takes its place.
        """
        if self.crowded(where.chat):
            await self._too_many(where, reply_to=reply_to, locale=request.locale)
            return
        async with self._typing(where):
            message = await self._listener.answer(request)
        await self._write(message, where, reply_to=reply_to, menu=menu)

    async def say(
        self,
        message: Message,
        where: Target,
        *,
        reply_to: int | None = None,
        menu: int | None = None,
        locale: str | None = None,
    ) -> None:
        """Write a message, after whatever pause it takes, unless too much is asked there."""
        if self.crowded(where.chat):
            await self._too_many(where, reply_to=reply_to, locale=locale)
            return
        await self._write(message, where, reply_to=reply_to, menu=menu)

    def crowded(self, chat: str, *, waiting: int = 0) -> bool:
        """Tell whether one more answer, after those that wait already, would take from a group's alerts."""
        most = self._pace.limits.a_minute_a_group
        if most is None or not is_group(chat):
            return False
        return self._pace.lately(chat) + waiting >= most - FOR_ALERTS

    async def _too_many(self, where: Target, *, reply_to: int | None, locale: str | None) -> None:
        """Say that too much is asked, once a minute."""
        now = self._clock()
        self._told = {chat: at for chat, at in self._told.items() if at > now - MINUTE}
        log.info("an answer was left out", chat=where.chat, why="too many questions")
        if where.chat in self._told or self._pace.wait(where.chat, group=True) > SOON:
            return
        self._told[where.chat] = now
        await self._write(too_many(locale), where, reply_to=reply_to)

    async def _write(
        self, message: Message, where: Target, *, reply_to: int | None, menu: int | None = None
    ) -> None:
        try:
            await self._try(message, where, reply_to=reply_to, replaces=menu if message.menu else None)
        finally:
            discard(message)

    async def _try(
        self, message: Message, where: Target, *, reply_to: int | None, replaces: int | None = None
    ) -> None:
        for _ in range(TRIES):
            group = is_group(where.chat)
            wait = self._pace.wait(where.chat, group=group)
            if wait > LONGEST_PAUSE:
                log.warning("an answer was given up", chat=where.chat, why="Telegram asks to wait")
                return
            try:
                if (
                    wait > LONG_WAIT and not self._pace.held()
                ):  # where nothing at all may leave, no sign of it either
                    async with self._typing(where, after=0):
                        await self._pace.answer(where.chat, group=group)
                else:
                    await self._pace.answer(where.chat, group=group)
                written = await self._put(message, where, reply_to=reply_to, replaces=replaces)
            except TryLater as error:
                pause = error.retry_after / SECOND
                if pause > LONGEST_PAUSE:
                    log.warning("an answer was given up", chat=where.chat, why=str(error))
                    return
                await asyncio.sleep(pause)
            except ChatMoved as moved:
                await self._presence.moved(int(where.chat), int(moved.key))
                where, reply_to, replaces = replace(where, chat=moved.key), None, None
            except (ChatGone, TopicGone) as gone:
                await self._presence.gone(where, gone)
                return
            except SendError as error:
                log.warning("an answer was not taken", chat=where.chat, why=str(error))
                return
            else:
                await self._beside.follow(where, written)
                return
        log.warning("an answer was given up", chat=where.chat, why="too many tries")

    async def _put(
        self, message: Message, where: Target, *, reply_to: int | None, replaces: int | None
    ) -> Written:
        """Write a message, in the place of another if that is still there."""
        if replaces is not None:
            try:
                return await self._pen.rewrite(where, str(replaces), message)
            except MessageGone:  # deleted, or too old to be changed
                await self._pace.answer(where.chat, group=is_group(where.chat))
        return await self._pen.write(where, message, reply_to=reply_to, asked=True)

    @asynccontextmanager
    async def _typing(self, where: Target, *, after: float | None = None) -> AsyncIterator[None]:
        """Show that an answer is under way, if it takes a while."""
        after = PATIENCE if after is None else after
        task = asyncio.create_task(self._type(where, after), name="telegram typing")
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _type(self, where: Target, after: float) -> None:
        await asyncio.sleep(after)
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


def too_many(locale: str | None) -> Message:
    """Return what is said where more is asked than may be answered."""
    words = reader.of_person(locale)
    return Message(
        symbol="⏳", title=words.say("Too many questions here at once; alerts go first. Ask me in private.")
    )
