"""What people are told in private, beside alerts: an admin what only an admin can mend, an operator likewise."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import structlog

from bot.ports.chat import Chat, SendError
from bot.ports.message import Message
from bot.texts import reader, warning
from storage import chats as chat_store
from storage import watches as watch_store
from storage.database import Database
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


async def of_account(database: Database, chats: Mapping[str, Chat], watch: Watch, why: str) -> None:
    """Tell everybody who set up a watch that its account is gone; who cannot be told finds it in /watches."""
    async with database.read() as connection:
        admins = await chat_store.admins_of(connection, watch.id)
    for one in admins:
        chat = chats.get(one.chat.platform)
        if chat is None:
            continue
        words = reader.of_chat(one.chat)
        told = warning.account(one.watch, chat=one.chat.title or one.chat.key, why=why, words=words)
        try:
            async with asyncio.timeout(WARN_SECONDS):
                await chat.tell(one.user, words.directed(told))
        except (SendError, TimeoutError) as error:
            log.info("an admin could not be told", platform=one.chat.platform, why=str(error) or "no answer")


async def to_operators(chats: Mapping[str, Chat], operators: Sequence[str], message: Message) -> None:
    """Tell those who run this bot what they have to mend; it stands in the log and in /status, too."""
    for operator in operators:
        platform, _, user = operator.partition(":")
        chat = chats.get(platform)
        if chat is None:
            continue
        try:
            async with asyncio.timeout(WARN_SECONDS):
                await chat.tell(user, message)
        except (SendError, TimeoutError) as error:
            log.info("an operator could not be told", platform=platform, why=str(error) or "no answer")
