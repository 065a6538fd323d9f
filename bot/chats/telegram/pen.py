"""Writes messages: no waiting, no second try of what may have arrived. Who writes has taken a turn of the pace.

A picture or file goes with the text in one request where that has room below it: 1,024 characters, of which long
names may be cut, but no figure. Else the text is a message of its own, and what goes with it is handed back, to
follow in reply. What Telegram does not take never keeps the text back, nor does markup that it cannot read.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from typing import Any

from telegram import Bot, InlineKeyboardMarkup, InputFile, InputMediaPhoto, LinkPreviewOptions, ReplyParameters
from telegram import Chat as TelegramPlace
from telegram import Message as TelegramMessage
from telegram.constants import ParseMode
from telegram.error import TelegramError

from bot.chats.telegram import render
from bot.chats.telegram.buttons import Taps
from bot.chats.telegram.edits import Edits
from bot.chats.telegram.errors import NOTHING_TO_DELETE, bare, says
from bot.chats.telegram.floods import Floods
from bot.chats.telegram.ids import address, thread
from bot.chats.telegram.names import Names
from bot.chats.telegram.pieces import CHART, Pictures, Piece, Written, digest, filename, fitting, noted
from bot.chats.telegram.tries import Left, Tries
from bot.domain.sentence import N_
from bot.ports.chat import MessageGone, Refused, Target
from bot.ports.message import Message, Picture

_NO_PREVIEW = LinkPreviewOptions(is_disabled=True)
#: How long a file may be under way, in seconds.
_FILE_SECONDS = 120.0


class Pen:
    """Writes to chats.

    Attributes:
        commands: The commands that buttons may give; None while nobody listens.
    """

    def __init__(
        self,
        bot: Bot,
        *,
        taps: Taps,
        floods: Floods,
        names: Names,
        again: Callable[[str], None] = lambda chat: None,
        wrote: Callable[[Target, int, TelegramPlace], None] = lambda target, key, chat: None,
    ) -> None:
        """Make a pen.

        Args:
            again: Told of every request beyond the first that a message takes.
            wrote: Told of every new message.
        """
        self._bot = bot
        self._taps = taps
        self._names = names
        self._wrote = wrote
        self._tries = Tries(floods=floods, names=names, again=again)
        self._pictures = Pictures()
        self._edits = Edits(bot, tries=self._tries, pictures=self._pictures)
        self.commands: Collection[str] | None = None

    async def write(
        self,
        target: Target,
        message: Message,
        *,
        silent: bool = False,
        reply_to: int | None = None,
        asked: bool = False,
    ) -> Written:
        """Send a message; one that answers another goes out even when that is gone.

        Args:
            asked: Somebody asked for it, and is told in it why a picture or file is missing.

        Raises:
            SendError: It did not arrive, or perhaps did.
        """
        place = _Place(address(target.chat), thread(target.topic), silent, reply_to, self._markup(message))
        fit, why = await fitting(message)
        lacks: str | None = None
        if fit and render.fits_caption(message):
            try:
                sent = await self._carrying(target, place, fit[0], noted(message, why, asked=asked))
            except Left as left:
                fit, lacks = [], left.why
                why = why or left.why
            else:
                return self._written(target, sent, fit[0], beside=tuple(fit[1:]))
        told = noted(message, why, asked=asked)
        sent = await self._tries.attempt(target.chat, lambda: self._text(place, told))
        self._note(target, sent)
        return Written(key=str(sent.message_id), lacks=lacks, beside=tuple(fit))

    async def beside(self, target: Target, key: str, piece: Piece) -> None:
        """Send what goes with a message in reply to it, without a sound; a picture takes the place of an earlier.

        Raises:
            SendError: It did not arrive, or perhaps did.
        """
        place = _Place(address(target.chat), thread(target.topic), True, int(key), None)
        known = self._pictures.of(target.chat, key)
        if isinstance(piece, Picture) and known is not None and known.key != int(key):
            if known.digest != digest(piece):
                media = InputMediaPhoto(piece.png, filename=CHART)
                await self._tries.attempt(
                    target.chat, lambda: self._bot.edit_message_media(media, place.chat, known.key), editing=True
                )
                self._pictures.note(target.chat, key, known.key, piece)
            return
        try:
            sent = await self._tries.attempt(target.chat, lambda: self._send(place, piece, "", None))
        except Left:
            raise Refused(N_("the file is no longer there")) from None
        self._note(target, sent)
        if isinstance(piece, Picture):
            self._pictures.note(target.chat, key, sent.message_id, piece)

    async def rewrite(self, target: Target, key: str, message: Message) -> Written:
        """Edit a message; that it reads so already is well.

        Raises:
            SendError: It was not edited, or perhaps was.
        """
        return await self._edits.rewrite(target, key, message, markup=self._markup(message))

    async def remove(self, target: Target, key: str) -> None:
        """Delete a message, and the picture that stands in reply to it; that it is gone already is well.

        Raises:
            SendError: It was not deleted, or perhaps was.
        """
        if not (key.isascii() and key.isdecimal()):
            return
        chat, shown = address(target.chat), self._pictures.forget(target.chat, key)
        for number in dict.fromkeys((int(key), shown.key if shown else int(key))):
            if number != int(key):
                self._tries.again(target.chat)
            try:
                await self._bot.delete_message(chat, number)
            except TelegramError as error:
                wrong = self._tries.meaning(error, target.chat)
                if not (says(error, NOTHING_TO_DELETE) or isinstance(wrong, MessageGone)):
                    raise wrong from bare(error)

    # New messages

    async def _carrying(self, target: Target, place: _Place, piece: Piece, message: Message) -> TelegramMessage:
        """Send a message below what goes with it.

        Raises:
            Left: That is not taken; the rest may be.
        """

        def send() -> Awaitable[TelegramMessage]:
            return self._tries.marked(
                place.chat, message, lambda text, mode: self._send(place, piece, text, mode), below_picture=True
            )

        try:
            sent: TelegramMessage = await self._tries.attempt(target.chat, send, carries=True)
        except Left:
            self._tries.again(target.chat)
            raise
        return sent

    async def _text(self, place: _Place, message: Message) -> TelegramMessage:
        async def send(text: str, mode: ParseMode | None) -> TelegramMessage:
            return await self._bot.send_message(
                place.chat,
                text,
                parse_mode=mode,
                link_preview_options=_NO_PREVIEW,
                disable_notification=place.silent,
                message_thread_id=place.topic,
                reply_parameters=_reply(place.reply_to),
                reply_markup=place.markup,
            )

        return await self._tries.marked(place.chat, message, send)

    async def _send(self, place: _Place, piece: Piece, caption: str, mode: ParseMode | None) -> TelegramMessage:
        common: dict[str, Any] = {
            "caption": caption or None,
            "parse_mode": mode,
            "disable_notification": place.silent,
            "message_thread_id": place.topic,
            "reply_parameters": _reply(place.reply_to),
            "reply_markup": place.markup,
        }
        if isinstance(piece, Picture):
            return await self._bot.send_photo(place.chat, piece.png, filename=CHART, **common)
        try:
            handle = await asyncio.to_thread(piece.path.open, "rb")
        except OSError:
            raise Left(None) from None
        try:
            # The handle is read while it is sent: a file need not be held whole.
            file = InputFile(handle, filename=filename(piece), read_file_handle=False)
            return await self._bot.send_document(
                place.chat, file, read_timeout=_FILE_SECONDS, write_timeout=_FILE_SECONDS, **common
            )
        finally:
            handle.close()

    def _written(
        self, target: Target, sent: TelegramMessage, piece: Piece, *, beside: tuple[Piece, ...]
    ) -> Written:
        self._note(target, sent)
        key = str(sent.message_id)
        if isinstance(piece, Picture):
            self._pictures.note(target.chat, key, sent.message_id, piece)
        return Written(key=key, beside=beside)

    def _note(self, target: Target, sent: TelegramMessage) -> None:
        self._names.note(sent.chat)
        self._wrote(target, sent.message_id, sent.chat)

    def _markup(self, message: Message) -> InlineKeyboardMarkup | None:
        return self._taps.keyboard(message, commands=self.commands)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a new message goes, and how."""

    chat: int | str
    topic: int | None
    silent: bool
    reply_to: int | None
    markup: InlineKeyboardMarkup | None


def _reply(to: int | None) -> ReplyParameters | None:
    return None if to is None else ReplyParameters(to, allow_sending_without_reply=True)
