"""How Telegram names places: numbers of chats, public names, numbers of topics."""

from __future__ import annotations

from telegram import Chat, ChatFullInfo
from telegram import Message as TelegramMessage

from bot.domain.sentence import N_
from bot.ports.chat import ChatGone, TopicGone

PLATFORM = "telegram"
#: The topic of a forum that messages are in which name none; and so it is asked for: its own number is not found.
GENERAL = "1"


def is_group(chat: str) -> bool:
    """Tell whether a chat is one of several people: negative numbers and public names are."""
    return chat.startswith(("-", "@"))


def address(chat: str) -> int | str:
    """Return a chat as Telegram is asked for it: its number, or its @name."""
    if chat.isascii() and chat.removeprefix("-").isdecimal():
        return int(chat)
    if chat.startswith("@"):
        return chat
    raise ChatGone(N_("{chat} is no chat of Telegram"), chat=repr(chat[:40]))


def thread(topic: str | None) -> int | None:
    """Return a topic as Telegram is asked for it."""
    if topic is None or topic == GENERAL:
        return None
    if not (topic.isascii() and topic.isdecimal()):
        raise TopicGone(N_("{topic} is no topic of Telegram"), topic=repr(topic[:40]))
    return int(topic)


def topic_of(message: TelegramMessage) -> str | None:
    """Return the topic that a message is in; replies in a chat without topics have a thread, which is none."""
    return str(message.message_thread_id) if message.is_topic_message and message.message_thread_id else None


def title_of(chat: Chat | ChatFullInfo) -> str | None:
    """Return what people call a chat: its title, or the person's name."""
    return chat.effective_name or None
