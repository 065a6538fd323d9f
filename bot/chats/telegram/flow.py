"""What has come after a message of the bot's.

Numbers of messages grow: in a supergroup or channel by one with each message of it, elsewhere with each that the
bot is told of in any chat (observed; https://core.telegram.org/bots/api#message says only that they are unique in
a chat). So where the bot hears of little, as in most groups, the last number that it knows tells the rest; not in
a forum, whose topics share the numbers.
"""

from __future__ import annotations

from telegram import Chat
from telegram import Message as TelegramMessage

from bot.chats.telegram.ids import GENERAL, is_group, topic_of
from bot.ports.chat import Target
from bot.ports.since import Since

#: What the numbers of supergroups and channels begin with.
_LARGE = ("-100", "@")


class Flow:
    """Counts messages.

    Attributes:
        listens: It is told of messages now.
        hears_all: Telegram tells the bot of all messages in groups (``/setprivacy`` at BotFather is off).
    """

    def __init__(self) -> None:
        self.listens = False
        self.hears_all = False
        self._since = Since()
        self._forums: set[str] = set()

    def begins(self) -> None:
        """Note that messages are told from now on; another process may have been told those before."""
        self.listens = True
        self._since.gap()

    def wrote(self, target: Target, key: int, chat: Chat) -> None:
        """Note a message of the bot's own; ``chat`` is where it went, as Telegram describes it."""
        if chat.is_forum:
            self._forums.add(target.chat)
        self._since.wrote(_place(target.chat, target.topic), key)

    def heard(self, message: TelegramMessage) -> None:
        """Note a message of anybody."""
        chat = message.chat
        for name in (str(chat.id), f"@{chat.username}" if chat.username else None):
            if name is None:
                continue
            if chat.is_forum:
                self._forums.add(name)
            self._since.heard(_place(name, topic_of(message)), message.message_id)

    def after(self, target: Target, key: str) -> int | None:
        """Return how many messages came after one, if anything is known of that."""
        if not (key.isascii() and key.isdecimal()):
            return None
        place = _place(target.chat, target.topic)
        everything = self.listens and (self.hears_all or not is_group(target.chat))
        count = self._since.after(place, int(key), everything=everything)
        last = self._since.latest(place)
        by_one = target.chat.startswith(_LARGE) and target.topic is None and target.chat not in self._forums
        if by_one and last is not None and last > int(key):
            return max(count or 0, last - int(key))
        return count


def _place(chat: str, topic: str | None) -> tuple[str, str | None]:
    return chat, None if topic == GENERAL else topic
