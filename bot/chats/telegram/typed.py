"""Commands as people type them."""

from __future__ import annotations

from dataclasses import dataclass

from telegram import Message as TelegramMessage
from telegram import User
from telegram.constants import ChatType, MessageEntityType

from bot.chats.telegram.render import JOINER


@dataclass(frozen=True, slots=True)
class Typed:
    """A command as it was typed.

    Attributes:
        addressed: Whether it can only be meant for this bot.
    """

    name: str
    text: str
    addressed: bool


def typed(message: TelegramMessage, me: User) -> Typed | None:
    """Return the command that a message is; None if it is none, is another bot's or was typed elsewhere."""
    text = message.text
    if not text or message.forward_origin is not None or message.is_automatic_forward:
        return None
    entity = next((one for one in message.entities if one.type == MessageEntityType.BOT_COMMAND), None)
    if entity is None or entity.offset:
        return None
    name, at, whose = text[1 : entity.length].partition("@")  # a command is plain ASCII
    if at and whose.casefold() != (me.username or "").casefold():
        return None
    replied = message.reply_to_message
    to_me = replied is not None and replied.from_user is not None and replied.from_user.id == me.id
    addressed = bool(at) or message.chat.type == ChatType.PRIVATE or to_me
    return Typed(name.lower(), text[entity.length :].replace(JOINER, "").strip(), addressed)
