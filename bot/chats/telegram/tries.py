"""One request of Telegram, and what came of it: as the port knows it, and with markup or without."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from telegram import Message as TelegramMessage
from telegram.constants import ParseMode
from telegram.error import BadRequest, RetryAfter, TelegramError

from bot.chats.telegram import render
from bot.chats.telegram.errors import (
    NO_MEDIA,
    NOT_MODIFIED,
    UNPARSED,
    bare,
    in_seconds,
    of_the_file,
    port_error,
    says,
    summary,
)
from bot.chats.telegram.floods import Floods
from bot.chats.telegram.names import Names
from bot.domain.outside import clean
from bot.domain.sentence import N_
from bot.ports.chat import NotPermitted, SendError, Unsure
from bot.ports.message import Message

log = structlog.get_logger(__name__)

#: What the library raises for an answer that has not Telegram's shape.
_NOT_TELEGRAM = (KeyError, TypeError, AttributeError)
#: Characters of a chat's title in a sentence.
_TITLE = 60

Write = Callable[[str, ParseMode | None], Awaitable[TelegramMessage]]


class Left(Exception):
    """A picture or file was not taken.

    Attributes:
        why: The permission that is missing, in a sentence; None if that is not it.
        unknown: The server knows no such edit.
    """

    def __init__(self, why: str | None, *, unknown: bool = False) -> None:
        super().__init__(why)
        self.why = why
        self.unknown = unknown


class Tries:
    """Makes requests.

    Args:
        again: Told of every request beyond the first that a message takes.
    """

    def __init__(self, *, floods: Floods, names: Names, again: Callable[[str], None]) -> None:
        self._floods = floods
        self._names = names
        self.again = again

    async def marked(
        self, chat: int | str, message: Message, write: Write, *, below_picture: bool = False
    ) -> TelegramMessage:
        """Write a message with its markup, or without any where Telegram cannot read that."""
        shown = render.caption(message) if below_picture else render.text(message)
        try:
            return await write(shown, ParseMode.HTML)
        except BadRequest as error:
            if not says(error, UNPARSED):
                raise
            log.error("telegram cannot read our markup", why=summary(error))  # noqa: TRY400 - the frames hold the token
        self.again(str(chat))
        return await write(render.unmarked(message, below_picture=below_picture), None)

    async def attempt(
        self,
        chat: str,
        action: Callable[[], Awaitable[Any]],
        *,
        editing: bool = False,
        carries: bool = False,
    ) -> Any:
        """Do something, with what goes wrong as the port knows it.

        Args:
            editing: That nothing would change is well.
            carries: A picture or file goes with it, which may be what is wrong.

        Raises:
            Left: It is.
        """
        try:
            return await action()
        except TelegramError as error:
            if editing and says(error, NOT_MODIFIED):
                return None
            wrong = self.meaning(error, chat)
            if carries and (says(error, NO_MEDIA) or of_the_file(error)):
                log.info("telegram did not take a picture or file", chat=chat, why=summary(error))
                why = wrong.told if isinstance(wrong, NotPermitted) else None
                raise Left(why, unknown=says(error, NO_MEDIA)) from None
            raise wrong from bare(error)
        except _NOT_TELEGRAM as error:
            raise Unsure(N_("what answered is not Telegram ({name})"), name=type(error).__name__) from None

    def meaning(self, error: TelegramError, chat: str) -> SendError:
        """Return what an error means; a pause that it asks for is held."""
        everywhere = isinstance(error, RetryAfter) and self._floods.heard(chat, in_seconds(error))
        return port_error(error, everywhere=everywhere, where=self._called(chat))

    def _called(self, chat: str) -> str:
        """Return what people call a chat, for a sentence."""
        title = clean(self._names.chat(chat) or "", limit=_TITLE)
        return f"“{title}”" if title else chat if chat.startswith("@") else f"the chat {chat}"
