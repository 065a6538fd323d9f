"""What people are told in private, beside alerts: an admin what only an admin can mend, an operator likewise."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import structlog

from bot.ports.chat import Chat, SendError
from bot.ports.message import Message
from bot.texts import reader, warning
from bot.texts.words import Words
from storage import chats as chat_store
from storage import notices as store
from storage import watches as watch_store
from storage.database import Database
from storage.notices import Notice
from storage.sending import Owed
from storage.watches import Watch

log = structlog.get_logger(__name__)

WARN_SECONDS = 20


async def to_admin(
    database: Database, chat: Chat, owed: Owed, why: str, *, over: bool, partly: bool = False
) -> None:
    """Tell the admin who set alerts up that they cannot come, or not whole, and how to mend it.

    Raises:
        SendError: They could not be told.
    """
    async with database.read() as connection:
        kept = await chat_store.by_id(connection, owed.chat_id)
        subscription = await chat_store.subscription_by_id(connection, owed.subscription_id)
        names = {watch.id: name for name, watch in await watch_store.of_chat(connection, kept.id)}
    if subscription is None or subscription.made_by is None:
        return
    words = reader.of_chat(kept)
    name, place = names.get(owed.watch_id, ""), subscription.topic_title
    where = kept.title or kept.key
    if partly:
        told = warning.without(name, chat=where, place=place, why=why, words=words)
    else:
        told = warning.write(name, chat=where, place=place, why=why, over=over, words=words)
    await chat.tell(subscription.made_by, words.directed(told))


class Notices:
    """Tells in private what other stages have left word of, be it in another process.

    Args:
        chats: The platforms that this process sends to.
        operators: Those who run this bot, as ``platform:id``.
    """

    def __init__(self, database: Database, chats: Mapping[str, Chat], *, operators: Sequence[str]) -> None:
        self._database = database
        self._chats = chats
        self._operators = operators

    async def of_account(self, watch: Watch, why: str, *, now: int) -> None:
        """Leave word for everybody who set up a watch that its account is gone; /watches says it, too."""
        async with self._database.write() as connection:
            admins = await chat_store.admins_of(connection, watch.id)
            platforms = {one.chat.platform for one in admins}
            await store.add(connection, platforms, watch_id=watch.id, why=why, now=now)

    async def of_source(self, source: str, why: str, *, now: int) -> None:
        """Leave word for those who run this bot that a source refuses it; the log and /status say it, too."""
        platforms = {operator.partition(":")[0] for operator in self._operators}
        async with self._database.write() as connection:
            await store.add(connection, platforms, source=source, why=why, now=now)

    async def tick(self, _now: int) -> None:
        """Tell what is to be told on the platforms that this process sends to."""
        for chat in list(self._chats.values()):
            async with self._database.read() as connection:
                waiting = await store.waiting(connection, chat.platform)
            for one in waiting:
                if chat.platform not in self._chats:  # another process tells it
                    break
                await self._tell(chat, one)
                async with self._database.write() as connection:
                    await store.told(connection, one.id)

    async def _tell(self, chat: Chat, notice: Notice) -> None:
        if notice.watch_id is not None:
            async with self._database.read() as connection:
                admins = await chat_store.admins_of(connection, notice.watch_id)
            for one in admins:
                if one.chat.platform == chat.platform:
                    words = reader.of_chat(one.chat)
                    where = one.chat.title or one.chat.key
                    told = warning.account(one.watch, chat=where, why=notice.why, words=words)
                    await _privately(chat, one.user, words.directed(told), whom="an admin")
        elif notice.source is not None:
            told = warning.source(notice.source, why=notice.why, words=Words())
            for operator in self._operators:
                platform, _, user = operator.partition(":")
                if platform == chat.platform:
                    await _privately(chat, user, told, whom="an operator")


async def _privately(chat: Chat, user: str, message: Message, *, whom: str) -> None:
    """Write to one person; who cannot be told finds it elsewhere."""
    try:
        async with asyncio.timeout(WARN_SECONDS):
            await chat.tell(user, message)
    except (SendError, TimeoutError) as error:
        log.info("a person could not be told", whom=whom, platform=chat.platform, why=str(error) or "no answer")
