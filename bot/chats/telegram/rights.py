"""Who is an admin of a chat, asked of Telegram and remembered for a minute."""

from __future__ import annotations

import time
from collections.abc import Callable

import structlog
from telegram import Bot, ChatMemberRestricted, Message
from telegram.constants import ChatMemberStatus, ChatType
from telegram.error import TelegramError

from bot.chats.telegram.errors import summary

log = structlog.get_logger(__name__)

#: Seconds that an answer is good for.
KEEP = 60.0
#: Answers remembered, of each kind.
MOST = 10_000
ADMINS = {ChatMemberStatus.OWNER, ChatMemberStatus.ADMINISTRATOR}


class Rights:
    """Tells admins from others."""

    def __init__(self, bot: Bot, clock: Callable[[], float] = time.monotonic) -> None:
        self._bot = bot
        self._clock = clock
        self._known: dict[tuple[int, int], tuple[float, bool]] = {}
        self._lists: dict[int, tuple[float, frozenset[int]]] = {}

    async def of_author(self, message: Message) -> bool:
        """Tell whether who wrote a message is an admin of its chat.

        In private one is one's own admin. Only admins can write as the chat itself: anonymously in a group, and
        whatever is posted in a channel. Who writes as some other chat is not known.
        """
        chat = message.chat
        if chat.type == ChatType.PRIVATE:
            return True
        if message.sender_chat is not None:
            return message.sender_chat.id == chat.id
        return message.from_user is not None and await self.of(chat.id, chat.type, message.from_user.id)

    async def of(self, chat: int, kind: str, user: int) -> bool:
        """Tell whether a person is an admin of a chat; whom Telegram does not tell of is none."""
        if kind == ChatType.PRIVATE:
            return chat == user
        now = self._clock()
        known = self._known.get((chat, user))
        if known is not None and now < known[0] + KEEP:
            return known[1]
        try:
            admin = (await self._bot.get_chat_member(chat, user)).status in ADMINS
        except TelegramError:  # of others it is only told for certain where the bot is an admin itself
            admins = await self._admins(chat)
            if admins is None:
                return False
            admin = user in admins
        if len(self._known) >= MOST:
            self._known.clear()
        self._known[chat, user] = (now, admin)
        return admin

    async def sees(self, chat: int, user: int) -> bool:
        """Tell whether a person is in a chat, so that its name is nothing new to them; asked anew each time."""
        try:
            member = await self._bot.get_chat_member(chat, user)
        except TelegramError:
            return False
        if isinstance(member, ChatMemberRestricted):
            return member.is_member
        return member.status in {*ADMINS, ChatMemberStatus.MEMBER}

    async def _admins(self, chat: int) -> frozenset[int] | None:
        """Return all admins of a chat, or None if Telegram does not tell."""
        now = self._clock()
        known = self._lists.get(chat)
        if known is not None and now < known[0] + KEEP:
            return known[1]
        try:
            admins = frozenset(one.user.id for one in await self._bot.get_chat_administrators(chat))
        except TelegramError as error:
            log.info("telegram does not say who is an admin", chat=chat, why=summary(error))
            return None
        if len(self._lists) >= MOST:
            self._lists.clear()
        self._lists[chat] = (now, admins)
        return admins
