"""Where the bot may write: chats that let it in and put it out, groups that move, topics that close."""

from __future__ import annotations

import structlog
from telegram import Chat, ChatMember, ChatMemberRestricted, ChatMemberUpdated
from telegram import Message as TelegramMessage
from telegram.constants import ChatMemberStatus, ChatType

from bot.chats.telegram.ids import GENERAL, PLATFORM, title_of, topic_of
from bot.chats.telegram.rights import ADMINS
from bot.chats.telegram.typed import Typed
from bot.domain.sentence import N_
from bot.ports.chat import ChatGone, Listener, Target, TopicGone

log = structlog.get_logger(__name__)

GROUPS = {ChatType.GROUP, ChatType.SUPERGROUP}
#: Topics remembered.
MOST = 10_000
CLOSED = N_("the topic is closed")


class Presence:
    """Tells the listener where the bot may write."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._followed: set[int] = set()
        #: Topics of which it was told in this run whether they are open.
        self._told: set[tuple[str, str]] = set()

    async def service(self, message: TelegramMessage) -> None:
        """Take in what Telegram itself says in a chat: that it moved, that a topic is closed or open again."""
        chat = message.chat
        if message.migrate_to_chat_id is not None:
            await self.moved(chat.id, message.migrate_to_chat_id, chat.title)
        elif message.migrate_from_chat_id is not None:
            await self.moved(message.migrate_from_chat_id, chat.id, chat.title)
        elif message.forum_topic_closed is not None:
            await self.gone(Target(chat=str(chat.id), topic=topic_of(message) or GENERAL), TopicGone(CLOSED))
        elif message.forum_topic_reopened is not None:
            await self._open(chat, topic_of(message) or GENERAL)

    async def typed(self, message: TelegramMessage, command: Typed) -> None:
        """Take in that somebody gave a command: who writes to us can be written to, and where they can."""
        chat, topic = message.chat, topic_of(message)
        if command.name == "start":
            await self._listener.let_in(platform=PLATFORM, chat=str(chat.id), title=title_of(chat))
        if topic is not None and (str(chat.id), topic) not in self._told:
            await self._open(chat, topic)

    async def proven(self, chat: str, title: str | None) -> None:
        """Take in that the bot may write in a chat that somebody named."""
        await self._listener.let_in(platform=PLATFORM, chat=chat, title=title)

    async def changed(self, change: ChatMemberUpdated) -> bool:
        """Take in that the bot's place in a chat changed; tell whether that chat is to be greeted."""
        chat, key = change.chat, str(change.chat.id)
        was, now = (_inside(chat, one) for one in (change.old_chat_member, change.new_chat_member))
        if not now:
            self._followed.discard(chat.id)  # if it lets the bot in again, that is no move
            await self._listener.put_out(platform=PLATFORM, chat=key, why=_why_out(chat, change.new_chat_member))
            return False
        await self._listener.let_in(platform=PLATFORM, chat=key, title=title_of(chat))
        return not was and chat.type in GROUPS and chat.id not in self._followed

    async def moved(self, old: int, new: int, title: str | None = None) -> None:
        """Take in that a group goes on under another number."""
        self._followed.add(new)
        await self._listener.moved(platform=PLATFORM, old=str(old), new=str(new))
        await self._listener.let_in(platform=PLATFORM, chat=str(new), title=title)

    async def gone(self, where: Target, error: ChatGone | TopicGone) -> None:
        """Take in that nothing can be written in a chat, or in a topic of it, any more."""
        topic = where.topic if isinstance(error, TopicGone) else None
        if topic is not None:
            self._note(where.chat, topic)
        elif isinstance(error, TopicGone):
            log.info("a telegram chat's General topic takes no answer", chat=where.chat, why=str(error))
            return  # the chat's other topics are not to be put out with it
        await self._listener.put_out(platform=PLATFORM, chat=where.chat, why=error.told, topic=topic)

    async def _open(self, chat: Chat, topic: str) -> None:
        self._note(str(chat.id), topic)
        await self._listener.let_in(platform=PLATFORM, chat=str(chat.id), title=title_of(chat), topic=topic)

    def _note(self, chat: str, topic: str) -> None:
        if len(self._told) >= MOST:
            self._told.clear()
        self._told.add((chat, topic))


def _inside(chat: Chat, member: ChatMember) -> bool:
    """Tell whether the bot is in a chat so that it may be allowed to write: in channels only admins are."""
    if chat.type == ChatType.CHANNEL:
        return member.status in ADMINS
    if isinstance(member, ChatMemberRestricted):
        return member.is_member
    return member.status in {*ADMINS, ChatMemberStatus.MEMBER}


def _why_out(chat: Chat, member: ChatMember) -> str:
    if chat.type == ChatType.PRIVATE:
        return N_("the person blocked me")
    if chat.type == ChatType.CHANNEL:
        return N_("I am no longer an administrator of the channel")
    if member.status == ChatMemberStatus.BANNED:
        return N_("I was banned from the group")
    return N_("I was removed from the group")
