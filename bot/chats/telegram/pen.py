"""Writes messages: one request each, no waiting and no second try. Who writes has taken a turn of the pace."""

from __future__ import annotations

from collections.abc import Collection

from telegram import Bot, LinkPreviewOptions, ReplyParameters
from telegram.constants import ParseMode
from telegram.error import BadRequest, RetryAfter, TelegramError

from bot.chats.telegram import render
from bot.chats.telegram.buttons import Taps
from bot.chats.telegram.errors import NO_TEXT, NOT_MODIFIED, bare, in_seconds, port_error
from bot.chats.telegram.floods import Floods
from bot.chats.telegram.ids import address, thread
from bot.chats.telegram.names import Names
from bot.domain.outside import clean
from bot.ports.chat import MessageGone, SendError, Target, Unsure
from bot.ports.message import Message

#: What the library raises for an answer that has not Telegram's shape.
_NOT_TELEGRAM = (KeyError, TypeError, AttributeError)
_NO_PREVIEW = LinkPreviewOptions(is_disabled=True)
#: Characters of a chat's title in a sentence.
_TITLE = 60


class Pen:
    """Writes to chats.

    Attributes:
        commands: The commands that buttons may give; None while nobody listens.
    """

    def __init__(self, bot: Bot, *, taps: Taps, floods: Floods, names: Names) -> None:
        self._bot = bot
        self._taps = taps
        self._floods = floods
        self._names = names
        self.commands: Collection[str] | None = None

    async def write(
        self, target: Target, message: Message, *, silent: bool = False, reply_to: int | None = None
    ) -> str:
        """Send a message and return its id; one that answers another goes out even when that is gone.

        Raises:
            SendError: It did not arrive, or perhaps did.
        """
        chat, topic, shown = address(target.chat), thread(target.topic), render.text(message)
        markup = self._taps.keyboard(message.buttons, commands=self.commands)
        try:
            sent = await self._bot.send_message(
                chat,
                shown,
                parse_mode=ParseMode.HTML,
                link_preview_options=_NO_PREVIEW,
                disable_notification=silent,
                message_thread_id=topic,
                reply_parameters=_reply(reply_to),
                reply_markup=markup,
            )
        except TelegramError as error:
            raise self._meaning(error, target.chat) from bare(error)
        except _NOT_TELEGRAM as error:
            raise Unsure(f"what answered is not Telegram ({type(error).__name__})") from None
        self._names.note(sent.chat)
        return str(sent.message_id)

    async def rewrite(self, target: Target, key: str, message: Message) -> str:
        """Edit a message and return its id; that it reads so already is well.

        Raises:
            SendError: It was not edited, or perhaps was.
        """
        if not key.isdecimal():
            raise MessageGone(f"{key!r} is no message of Telegram")
        try:
            await self._edit(target.chat, int(key), message)
        except BadRequest as error:
            if NOT_MODIFIED not in error.message.lower():
                raise self._meaning(error, target.chat) from bare(error)
        except TelegramError as error:
            raise self._meaning(error, target.chat) from bare(error)
        except _NOT_TELEGRAM as error:
            raise Unsure(f"what answered is not Telegram ({type(error).__name__})") from None
        return key

    async def _edit(self, chat: str, key: int, message: Message) -> None:
        number, markup = address(chat), self._taps.keyboard(message.buttons, commands=self.commands)
        try:
            await self._bot.edit_message_text(
                render.text(message),
                chat_id=number,
                message_id=key,
                parse_mode=ParseMode.HTML,
                link_preview_options=_NO_PREVIEW,
                reply_markup=markup,
            )
        except BadRequest as error:
            if NO_TEXT not in error.message.lower():
                raise
            await self._bot.edit_message_caption(
                chat_id=number,
                message_id=key,
                caption=render.caption(message),
                parse_mode=ParseMode.HTML,
                reply_markup=markup,
            )

    def _meaning(self, error: TelegramError, chat: str) -> SendError:
        everywhere = isinstance(error, RetryAfter) and self._floods.heard(chat, in_seconds(error))
        return port_error(error, everywhere=everywhere, where=self._called(chat))

    def _called(self, chat: str) -> str:
        """Return what people call a chat, for a sentence."""
        title = clean(self._names.chat(chat) or "", limit=_TITLE)
        return f"“{title}”" if title else chat if chat.startswith("@") else f"the chat {chat}"


def _reply(to: int | None) -> ReplyParameters | None:
    return None if to is None else ReplyParameters(to, allow_sending_without_reply=True)
