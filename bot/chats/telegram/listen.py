"""What people type and press, and where the bot is let in: updates in, requests and answers out."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from telegram import Bot, ChatMemberUpdated, Update, User
from telegram import Message as TelegramMessage
from telegram.constants import ChatType

from bot.chats.telegram import menu
from bot.chats.telegram.answers import Answers
from bot.chats.telegram.asked import Asked
from bot.chats.telegram.beside import Beside
from bot.chats.telegram.buttons import Taps
from bot.chats.telegram.flow import Flow
from bot.chats.telegram.ids import topic_of
from bot.chats.telegram.lanes import Lanes
from bot.chats.telegram.names import Names
from bot.chats.telegram.pen import Pen
from bot.chats.telegram.places import No, Places
from bot.chats.telegram.presence import Presence
from bot.chats.telegram.presses import Presses
from bot.chats.telegram.rights import Rights
from bot.chats.telegram.typed import Typed, typed
from bot.ports.chat import Listener, Target
from bot.ports.pace import Pace


class Ears:
    """Hears updates, and answers them chat by chat."""

    def __init__(
        self,
        bot: Bot,
        listener: Listener,
        *,
        me: User,
        pen: Pen,
        beside: Beside,
        flow: Flow,
        taps: Taps,
        pace: Pace,
        lanes: Lanes,
        names: Names,
        operators: Sequence[str] = (),
    ) -> None:
        self._bot = bot
        self._commands = listener.commands
        self._me = me
        #: Who runs this bot and has not pressed Start in this run.
        self._operators = set(operators)
        self._lanes = lanes
        self._names = names
        self._flow = flow
        rights = Rights(bot)
        self._presence = Presence(listener)
        self._asked = Asked(
            who={command.name: command.who for command in listener.commands},
            rights=rights,
            places=Places(bot, me=me, rights=rights, names=names),
            presence=self._presence,
            names=names,
        )
        self._answers = Answers(bot, listener, pen=pen, beside=beside, pace=pace, presence=self._presence)
        self._presses = Presses(bot, listener, asked=self._asked, answers=self._answers, taps=taps, lanes=lanes)

    def take(self, update: Update) -> None:
        """Take an update in."""
        message = update.message or update.channel_post
        if message is not None:
            self._flow.heard(message)
            self._lanes.put(message.migrate_from_chat_id or message.chat.id, partial(self._message, message))
        elif update.callback_query is not None:
            self._presses.take(update.callback_query)
        elif update.my_chat_member is not None:
            self._lanes.put(update.my_chat_member.chat.id, partial(self._place, update.my_chat_member))

    async def _message(self, message: TelegramMessage) -> None:
        self._names.hear(message)
        await self._presence.service(message)
        command = typed(message, self._me)
        if command is None or not (command.addressed or command.name in self._asked.who):
            return  # a bare command that we do not have is another bot's
        await self._presence.typed(message, command)
        self._menu_of_operator(message, command)
        where = Target(chat=str(message.chat.id), topic=topic_of(message))
        try:
            request = await self._asked.typed(message, command)
        except No as no:
            locale = message.from_user.language_code if message.from_user else None
            await self._answers.say(no.message, where, reply_to=message.message_id, locale=locale)
        else:
            await self._answers.give(request, where, reply_to=message.message_id)

    def _menu_of_operator(self, message: TelegramMessage, command: Typed) -> None:
        """Give who runs this bot the menu with all commands: there is none for who has not pressed Start."""
        key = str(message.chat.id)
        if command.name == "start" and message.chat.type == ChatType.PRIVATE and key in self._operators:
            self._operators.remove(key)
            self._lanes.put(("menu", key), partial(menu.show_operator, self._bot, self._commands, key))

    async def _place(self, change: ChatMemberUpdated) -> None:
        self._names.note(change.chat)
        if await self._presence.changed(change):
            request = await self._asked.welcome(change.chat, change.from_user)
            await self._answers.give(request, Target(chat=request.chat))
