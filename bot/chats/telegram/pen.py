"""Writes messages: one request each, no waiting and no second try."""

from __future__ import annotations

from collections.abc import Collection

from telegram import Bot, LinkPreviewOptions, ReplyParameters
from telegram.constants import ParseMode
from telegram.error import BadRequest, TelegramError

from bot.chats.telegram import render
from bot.chats.telegram.buttons import Taps
from bot.chats.telegram.errors import NO_TEXT, NOT_MODIFIED, bare, port_error
from bot.chats.telegram.pace import Pace
from bot.ports.chat import ChatGone, MessageGone, SendError, Target, TopicGone, Unsure
from bot.ports.message import Message

#: The topic that is named by naming none.
_GENERAL = "1"
#: What the library raises for an answer that has not Telegram's shape.
_NOT_TELEGRAM = (KeyError, TypeError, AttributeError)
_NO_PREVIEW = LinkPreviewOptions(is_disabled=True)


class Pen:
    """Writes to chats.

    Attributes:
        commands: The commands that buttons may give; None while nobody listens.
    """

    def __init__(self, bot: Bot, *, taps: Taps, pace: Pace) -> None:
        self._bot = bot
        self._taps = taps
        self._pace = pace
        self.commands: Collection[str] | None = None

    async def write(
        self, target: Target, message: Message, *, silent: bool = False, reply_to: int | None = None
    ) -> str:
        """Send a message and return its id; one that answers another goes out even when that is gone.

        Raises:
            SendError: It did not arrive, or perhaps did.
        """
        address, thread, shown = _address(target.chat), _thread(target.topic), render.text(message)
        markup = self._taps.keyboard(message.buttons, commands=self.commands)
        self._pace.note(target.chat)
        try:
            sent = await self._bot.send_message(
                address,
                shown,
                parse_mode=ParseMode.HTML,
                link_preview_options=_NO_PREVIEW,
                disable_notification=silent,
                message_thread_id=thread,
                reply_parameters=_reply(reply_to),
                reply_markup=markup,
            )
        except TelegramError as error:
            raise self._meaning(error, target.chat) from bare(error)
        except _NOT_TELEGRAM as error:
            raise Unsure(f"what answered is not Telegram ({type(error).__name__})") from None
        return str(sent.message_id)

    async def rewrite(self, target: Target, key: str, message: Message) -> str:
        """Edit a message and return its id; that it reads so already is well.

        Raises:
            SendError: It was not edited, or perhaps was.
        """
        if not key.isdecimal():
            raise MessageGone(f"{key!r} is no message of Telegram")
        self._pace.note(target.chat)
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
        address, markup = _address(chat), self._taps.keyboard(message.buttons, commands=self.commands)
        try:
            await self._bot.edit_message_text(
                render.text(message),
                chat_id=address,
                message_id=key,
                parse_mode=ParseMode.HTML,
                link_preview_options=_NO_PREVIEW,
                reply_markup=markup,
            )
        except BadRequest as error:
            if NO_TEXT not in error.message.lower():
                raise
            await self._bot.edit_message_caption(
                chat_id=address,
                message_id=key,
                caption=render.caption(message),
                parse_mode=ParseMode.HTML,
                reply_markup=markup,
            )

    def _meaning(self, error: TelegramError, chat: str) -> SendError:
        return port_error(error, everywhere=lambda seconds: self._pace.refused(chat, seconds))


def _address(chat: str) -> int | str:
    """Return a chat as Telegram is asked for it: its number, or its @name."""
    if chat.removeprefix("-").isdecimal():
        return int(chat)
    if chat.startswith("@"):
        return chat
    raise ChatGone(f"{chat!r} is no chat of Telegram")


def _thread(topic: str | None) -> int | None:
    if topic is None or topic == _GENERAL:
        return None
    if not topic.isdecimal():
        raise TopicGone(f"{topic!r} is no topic of Telegram")
    return int(topic)


def _reply(to: int | None) -> ReplyParameters | None:
    return None if to is None else ReplyParameters(to, allow_sending_without_reply=True)
