"""Changes messages: a text, what stands below a picture, the picture itself."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any

from telegram import Bot, InlineKeyboardMarkup, InputMediaPhoto, LinkPreviewOptions
from telegram.constants import ParseMode
from telegram.error import BadRequest

from bot.chats.telegram import render
from bot.chats.telegram.errors import NO_TEXT, says
from bot.chats.telegram.ids import address
from bot.chats.telegram.pieces import CHART, Pictures, Shown, Written, digest, fitting
from bot.chats.telegram.tries import Left, Tries
from bot.domain.sentence import N_
from bot.ports.chat import MessageGone, Target
from bot.ports.message import File, Message, Picture

_NO_PREVIEW = LinkPreviewOptions(is_disabled=True)


class Edits:
    """Changes messages of the bot's own."""

    def __init__(self, bot: Bot, *, tries: Tries, pictures: Pictures) -> None:
        self._bot = bot
        self._tries = tries
        self._pictures = pictures

    async def rewrite(
        self, target: Target, key: str, message: Message, *, markup: InlineKeyboardMarkup | None
    ) -> Written:
        """Edit a message; that it reads so already is well.

        A text becomes a picture's caption where there is room, and stays one: a picture cannot be taken away.

        Raises:
            SendError: It was not edited, or perhaps was.
        """
        if not (key.isascii() and key.isdecimal()):
            raise MessageGone(N_("{key} is no message of Telegram"), key=repr(key))
        edit = _Edit(address(target.chat), int(key), markup)
        fit, _ = await fitting(message)
        picture = next((one for one in fit if isinstance(one, Picture)), None)
        files = tuple(one for one in fit if isinstance(one, File))
        shown = self._pictures.of(target.chat, key)
        is_picture = shown is not None and shown.key == int(key)
        if picture is None or (is_picture and shown == Shown(int(key), digest(picture))):
            await self._reworded(target, edit, message, is_picture=is_picture)
            return Written(key=key, beside=files)
        if not is_picture and not render.fits_caption(message):
            is_picture = await self._reworded(target, edit, message, only_text=True)
            if not is_picture:
                return Written(key=key, beside=(picture, *files))
        try:
            await self._repictured(target, edit, message, picture)
        except Left as left:
            is_picture = await self._reworded(target, edit, message, is_picture=is_picture)
            follows = left.unknown and not is_picture  # a server that knows no way from a text to a picture
            return Written(key=key, lacks=left.why, beside=(picture, *files) if follows else files)
        self._pictures.note(target.chat, key, int(key), picture)
        return Written(key=key, beside=files)

    async def _reworded(
        self,
        target: Target,
        edit: _Edit,
        message: Message,
        *,
        is_picture: bool = False,
        only_text: bool = False,
    ) -> bool:
        """Change what is said, of a text or below a picture; tell whether it is below a picture.

        Args:
            is_picture: It is known to be.
            only_text: Below a picture it is left as it is.
        """

        async def text(shown: str, mode: ParseMode | None) -> Any:
            return await self._bot.edit_message_text(
                shown,
                chat_id=edit.chat,
                message_id=edit.key,
                parse_mode=mode,
                link_preview_options=_NO_PREVIEW,
                reply_markup=edit.markup,
            )

        async def caption(shown: str, mode: ParseMode | None) -> Any:
            return await self._bot.edit_message_caption(
                chat_id=edit.chat, message_id=edit.key, caption=shown, parse_mode=mode, reply_markup=edit.markup
            )

        async def either() -> bool:
            if is_picture:
                await self._tries.marked(edit.chat, message, caption, below_picture=True)
                return True
            try:
                await self._tries.marked(edit.chat, message, text)
            except BadRequest as error:
                if not says(error, NO_TEXT):
                    raise
                if only_text:
                    return True
                self._tries.again(target.chat)
                await self._tries.marked(edit.chat, message, caption, below_picture=True)
                return True
            return False

        found = await self._tries.attempt(target.chat, either, editing=True)
        return is_picture or bool(found)

    async def _repictured(self, target: Target, edit: _Edit, message: Message, picture: Picture) -> None:
        """Change picture and caption, or make a picture of a text.

        https://core.telegram.org/bots/api#editmessagemedia

        Raises:
            Left: The picture is not taken; the rest may be.
        """

        async def media(shown: str, mode: ParseMode | None) -> Any:
            made = InputMediaPhoto(picture.png, caption=shown, parse_mode=mode, filename=CHART)
            return await self._bot.edit_message_media(made, edit.chat, edit.key, reply_markup=edit.markup)

        def change() -> Awaitable[Any]:
            return self._tries.marked(edit.chat, message, media, below_picture=True)

        try:
            await self._tries.attempt(target.chat, change, editing=True, carries=True)
        except Left:
            self._tries.again(target.chat)
            raise


@dataclass(frozen=True, slots=True)
class _Edit:
    """What is changed."""

    chat: int | str
    key: int
    markup: InlineKeyboardMarkup | None
