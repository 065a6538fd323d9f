"""What chats and topics are called, as far as Telegram told it in this run: it cannot be asked for a topic."""

from __future__ import annotations

from collections import OrderedDict
from typing import TypeVar

from telegram import Chat, ChatFullInfo
from telegram import Message as TelegramMessage

from bot.chats.telegram.ids import title_of, topic_of

T = TypeVar("T")

#: Names remembered, of each kind.
MOST = 10_000


class Names:
    """Names, the latest heard of last."""

    def __init__(self) -> None:
        self._chats: OrderedDict[str, str] = OrderedDict()
        self._topics: OrderedDict[tuple[str, str], str] = OrderedDict()

    def chat(self, chat: str) -> str | None:
        """Return what a chat is called."""
        return self._chats.get(chat)

    def topic(self, chat: str, topic: str | None) -> str | None:
        """Return what a topic is called."""
        return None if topic is None else self._topics.get((chat, topic))

    def note(self, chat: Chat | ChatFullInfo) -> None:
        """Note what a chat is called now."""
        title = title_of(chat)
        if title:
            _keep(self._chats, str(chat.id), title)

    def hear(self, message: TelegramMessage) -> None:
        """Note what a message tells of its chat and its topic."""
        self.note(message.chat)
        topic = topic_of(message)
        if topic is None:
            return
        key = (str(message.chat.id), topic)
        told = message.forum_topic_created or message.forum_topic_edited
        if told is None and key not in self._topics and message.reply_to_message is not None:
            # Each message in a topic names the one that opened it, with the topic's first name.
            told = message.reply_to_message.forum_topic_created
        if told is not None and told.name:
            _keep(self._topics, key, told.name)


def _keep(names: OrderedDict[T, str], key: T, name: str) -> None:
    names[key] = name
    names.move_to_end(key)
    while len(names) > MOST:
        names.popitem(last=False)
