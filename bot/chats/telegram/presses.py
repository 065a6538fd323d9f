"""Taps on buttons: answered within a few seconds, as the tapper's own command, refused where only they see it."""

from __future__ import annotations

import asyncio
from functools import partial

import structlog
from telegram import Bot, CallbackQuery, MaybeInaccessibleMessage
from telegram import Message as TelegramMessage
from telegram.constants import ChatType
from telegram.error import TelegramError

from bot.chats.telegram.answers import Answers, too_many
from bot.chats.telegram.asked import Asked
from bot.chats.telegram.buttons import Tapped, Taps
from bot.chats.telegram.errors import summary
from bot.chats.telegram.ids import topic_of
from bot.chats.telegram.lanes import Lanes
from bot.chats.telegram.places import No
from bot.domain.outside import clean
from bot.ports.chat import Listener, Target
from bot.ports.command import Request, Who
from bot.ports.message import Message, discard, plain_text
from bot.texts import reader

log = structlog.get_logger(__name__)

#: Seconds until a tap is acknowledged, whatever is not known yet: until then the button shows that it works.
SOON = 3.0
#: Characters of a popup: https://core.telegram.org/bots/api#answercallbackquery
POPUP = 200


class Presses:
    """Takes taps in."""

    def __init__(
        self, bot: Bot, listener: Listener, *, asked: Asked, answers: Answers, taps: Taps, lanes: Lanes
    ) -> None:
        self._bot = bot
        self._listener = listener
        self._asked = asked
        self._answers = answers
        self._taps = taps
        self._lanes = lanes

    def take(self, query: CallbackQuery) -> None:
        """Take a tap in: it waits for the same person's taps only, and its answer for its chat's other answers."""
        self._lanes.put(("tapper", query.from_user.id), partial(self._press, query))

    async def _press(self, query: CallbackQuery) -> None:
        tapped, message = self._taps.read(query.data or ""), query.message
        # A command whose arguments are forgotten is only given bare if it cannot change anything.
        if not tapped.whole and self._asked.who.get(tapped.name) is not Who.EVERYONE:
            words = reader.of_person(query.from_user.language_code)
            told = words.text("This button is too old. Please type /{command} yourself.", command=tapped.name)
            await self._close(query, told)
            return
        if message is None or not tapped.name:
            await self._close(query)
            return
        if message.chat.type == ChatType.CHANNEL:
            await self._unposted(query, message, tapped)
            return
        asking = asyncio.create_task(self._ask(query, message, tapped), name="telegram tap")
        try:
            await asyncio.wait({asking}, timeout=SOON)
            late = not asking.done()
            if late:
                await self._close(query)
            made = await asking
        finally:
            asking.cancel()
        if not late:
            waiting = self._lanes.waiting(message.chat.id)
            if isinstance(made, Request) and self._answers.crowded(str(message.chat.id), waiting=waiting):
                made = too_many(made.locale)
            await self._close(query, None if isinstance(made, Request) else _popup(made))
        where = Target(
            chat=str(message.chat.id), topic=topic_of(message) if isinstance(message, TelegramMessage) else None
        )
        if isinstance(made, Request):
            menu = message.message_id if tapped.menu else None
            give = partial(self._answers.give, made, where, reply_to=message.message_id, menu=menu)
            self._lanes.put(message.chat.id, give)
        elif late:  # a tap can be answered once only
            say = partial(
                self._answers.say,
                made,
                where,
                reply_to=message.message_id,
                locale=query.from_user.language_code,
            )
            self._lanes.put(message.chat.id, say)

    async def _ask(
        self, query: CallbackQuery, message: MaybeInaccessibleMessage, tapped: Tapped
    ) -> Request | Message:
        """Return what was pressed, or why it is refused."""
        try:
            request = await self._asked.tapped(query, message, tapped)
        except No as no:
            return no.message
        if self._asked.who.get(request.command) is Who.ADMINS and not request.is_admin:
            return await self._listener.answer(request)
        return request

    async def _unposted(self, query: CallbackQuery, message: MaybeInaccessibleMessage, tapped: Tapped) -> None:
        """Answer a tap in a channel by a popup: any reader may tap, and all of them would read a post.

        A menu is turned there by who may change the channel, and by nobody else.
        """
        made = await self._ask(query, message, tapped)
        answer = await self._listener.answer(made) if isinstance(made, Request) else made
        if tapped.menu and answer.menu and isinstance(made, Request) and made.is_admin:
            await self._close(query)
            where = Target(chat=str(message.chat.id))
            self._lanes.put(message.chat.id, partial(self._answers.say, answer, where, menu=message.message_id))
            return
        discard(answer)  # a popup is text
        await self._close(query, _popup(answer))

    async def _close(self, query: CallbackQuery, told: str | None = None) -> None:
        """Answer a tap itself, with a popup where something is told."""
        shown = _cut(told or "") or None
        try:
            await self._bot.answer_callback_query(query.id, text=shown, show_alert=shown is not None)
        except TelegramError as error:  # too late for it: the answer to the command is not
            log.debug("telegram did not take the answer to a tap", why=summary(error))


def _cut(text: str) -> str:
    """Return as many lines as a popup holds, the last of them cut."""
    kept: list[str] = []
    room = POPUP
    for line in text.splitlines():
        shown = clean(line, limit=room) if room > 1 else ""
        if shown:
            kept.append(shown)
            room -= len(shown) + 1
    return "\n".join(kept)


def _popup(message: Message) -> str:
    """Return a message as a popup shows it."""
    title = " ".join(part for part in (message.symbol, plain_text(message.title)) if part)
    fields = [f"{field.label}: {plain_text(field.value)}" for field in message.fields]
    return "\n".join(line for line in (title, *map(plain_text, message.lines), *fields) if line)
