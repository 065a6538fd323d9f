"""What people do: they write, press, add, promote, kick and block, and the bot is told as Telegram tells it."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from dataclasses import replace

from tests.servers.telegram.entities import Json, settled
from tests.servers.telegram.methods import Api
from tests.servers.telegram.world import (
    ANONYMOUS,
    CHANNEL_BOT,
    Chat,
    Content,
    Message,
    Press,
    Status,
    Topic,
    User,
    World,
)


class Inbound(ABC):
    """The side of the people. Whatever is done is told to the bot, if Telegram would tell it."""

    world: World
    api: Api

    @abstractmethod
    async def push(self, update: Json) -> int | None:
        """Put an update into the bot's queue and return its number; None if the bot did not ask for its kind."""

    # --- writing

    async def say(
        self,
        chat: Chat,
        user: User,
        text: str,
        *,
        topic: Topic | None = None,
        reply_to: Message | None = None,
        language_code: str | None = None,
        anonymous: bool = False,
        sender_chat: Chat | None = None,
    ) -> Message:
        """Write a message; ``update_id`` of what comes back says whether the bot was told.

        ``anonymous`` writes as the group itself, ``sender_chat`` as a channel of one's own.
        """
        if language_code is not None:
            user.language_code = language_code
        assert not chat.blocked, "who blocked the bot cannot write to it"
        chat.started = True
        if chat.group and not anonymous and sender_chat is None and not chat.member(user).inside:
            self.world.join(chat, user)
        message = chat.add(
            _content(text),
            sender=ANONYMOUS if anonymous else CHANNEL_BOT if sender_chat else user,
            sender_chat=chat if anonymous else sender_chat,
            topic=topic,
            reply_to=reply_to or (topic and topic.root),
        )
        if user.is_bot:
            chat.last_writer = user.id
        if self.sees(message):
            message.update_id = await self.push({"message": message.json()})
        return message

    async def post(self, channel: Chat, text: str) -> Message:
        """Post in a channel; nobody is named as the sender."""
        message = channel.add(_content(text), sender_chat=channel)
        if channel.bot.inside:
            message.update_id = await self.push({"channel_post": message.json()})
        return message

    async def edit(self, message: Message, text: str) -> None:
        message.edit(_content(text))
        kind = "edited_channel_post" if message.chat.type == "channel" else "edited_message"
        if message.chat.type == "channel" or self.sees(message):
            await self.push({kind: message.json()})

    async def press(self, message: Message, user: User, button: str) -> Press:
        """Press a button, named by its text or its data."""
        data = next(
            (str(b["callback_data"]) for b in message.buttons if button in {b["text"], b.get("callback_data")}),
            None,
        )
        assert data is not None, f"there is no button {button!r} to press"
        number = f"{self.world.bot.id}{self.world.number('press'):06}"
        press = self.world.presses[number] = Press(number, user, message, data)
        gone: Json = {"chat": message.chat.json(), "message_id": message.id, "date": 0}
        query = {
            "id": press.id,
            "from": user.json(),
            "message": gone if message.deleted else message.json(),
            "chat_instance": f"instance{message.chat.id}",
            "data": data,
        }
        await self.push({"callback_query": query})
        return press

    def sees(self, message: Message) -> bool:
        """Say whether the bot is told of a message: privacy mode, as documented."""
        chat, bot = message.chat, self.world.bot
        if chat.type == "private":
            return True
        writer = message.sender
        if not chat.bot.inside or (writer and writer.is_bot and writer not in {ANONYMOUS, CHANNEL_BOT}):
            return False
        if not self.world.privacy or chat.bot.admin or message.service:
            return True
        if message.reply_to is not None and message.reply_to.outgoing:
            return True
        raw = message.text.encode("utf-16-le")
        commands = [
            raw[2 * e["offset"] : 2 * (e["offset"] + e["length"])].decode("utf-16-le").lower()
            for e in message.entities
            if e["type"] == "bot_command"
        ]
        mine = f"@{bot.username}".lower()
        return any(c.endswith(mine) or ("@" not in c and chat.last_writer == bot.id) for c in commands)

    async def _service(self, chat: Chat, by: User, topic: Topic | None = None, **service: object) -> Message:
        message = chat.add(sender=by, service=dict(service), topic=topic)
        if chat.bot.inside or "left_chat_member" in service:
            message.update_id = await self.push({"message": message.json()})
        return message

    # --- the bot's place

    async def set_bot(self, chat: Chat, status: Status, *, by: User, rights: frozenset[str] | None = None) -> None:
        """Add, promote, demote, kick or remove the bot."""
        was_inside = chat.bot.inside
        await self.push(self.api.moved(chat, self.world.me(status, rights), by))
        if chat.group and was_inside != chat.bot.inside:
            bot = self.world.bot.json()
            change: Json = {"new_chat_members": [bot]} if chat.bot.inside else {"left_chat_member": bot}
            await self._service(chat, by, **change)

    async def block(self, user: User) -> None:
        """Stop the bot in private."""
        await self.set_bot(self.world.chats[user.id], "kicked", by=user)

    async def unblock(self, user: User) -> None:
        await self.set_bot(self.world.chats[user.id], "member", by=user)

    # --- other members, topics, migration

    async def set_member(
        self, chat: Chat, user: User, status: Status, *, by: User, anonymous: bool = False
    ) -> None:
        """Change somebody's place; bots that are admins are told, if they asked for ``chat_member``."""
        old = replace(chat.member(user))
        new = self.world.join(chat, user, status, anonymous=anonymous)
        if chat.bot.admin:
            change = {"chat": chat.json(), "from": by.json(), "date": int(time.time())}
            await self.push(
                {"chat_member": change | {"old_chat_member": old.json(), "new_chat_member": new.json()}}
            )

    async def open_topic(self, chat: Chat, name: str, *, by: User) -> Topic:
        topic = self.world.topic(chat, name, by=by)
        topic.root.update_id = await self.push({"message": topic.root.json()})
        return topic

    async def close_topic(self, chat: Chat, topic: Topic, *, by: User) -> None:
        topic.closed = True
        await self._service(chat, by, topic, forum_topic_closed={})

    async def reopen_topic(self, chat: Chat, topic: Topic, *, by: User) -> None:
        topic.closed = False
        await self._service(chat, by, topic, forum_topic_reopened={})

    async def rename_topic(self, chat: Chat, topic: Topic, name: str, *, by: User) -> None:
        """Rename a topic; the message that opened it keeps its first name."""
        topic.name = name
        await self._service(chat, by, topic, forum_topic_edited={"name": name})

    async def close_general(self, chat: Chat, *, by: User) -> None:
        chat.closed = True
        await self._service(chat, by, forum_topic_closed={})

    async def reopen_general(self, chat: Chat, *, by: User) -> None:
        chat.closed = False
        await self._service(chat, by, forum_topic_reopened={})

    async def hide_general(self, chat: Chat, *, by: User) -> None:
        """Hide General, which closes it, too."""
        chat.closed = True
        await self._service(chat, by, general_forum_topic_hidden={})

    async def delete_topic(self, chat: Chat, topic: Topic) -> None:
        """Delete a topic with all that is in it; nobody is told."""
        topic.deleted = True
        for message in chat.messages.values():
            message.deleted |= message.topic is topic

    async def migrate(self, chat: Chat, *, by: User) -> Chat:
        """Turn a basic group into a supergroup; both say so."""
        assert chat.type == "group", "only basic groups migrate"
        new = self.world.migrated(chat)
        await self._service(chat, by, migrate_to_chat_id=new.id)
        await self._service(new, by, migrate_from_chat_id=chat.id)
        return new


def _content(text: str) -> Content:
    plain, entities = settled(text, [])
    return Content(plain, tuple(entities))
