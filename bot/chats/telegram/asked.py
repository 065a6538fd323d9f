"""Requests of what people type and press: where they count, and what who asks may do there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from telegram import CallbackQuery, Chat, MaybeInaccessibleMessage, User
from telegram import Message as TelegramMessage

from bot.chats.telegram.buttons import Tapped
from bot.chats.telegram.ids import PLATFORM, title_of, topic_of
from bot.chats.telegram.names import Names
from bot.chats.telegram.places import POSTING, Named, No, Places, split, unread
from bot.chats.telegram.presence import Presence
from bot.chats.telegram.rights import Rights
from bot.chats.telegram.typed import Typed
from bot.ports.command import Request, Who
from bot.texts import reader
from bot.texts.words import Words


@dataclass(frozen=True, slots=True)
class Asked:
    """Makes requests.

    Attributes:
        who: The commands that there are, and who may give them.
    """

    who: Mapping[str, Who]
    rights: Rights
    places: Places
    presence: Presence
    names: Names

    async def typed(self, message: TelegramMessage, command: Typed) -> Request:
        """Return the request that was typed.

        Raises:
            No: It cannot count in the place that it names.
        """
        author, chat, topic = message.sender_chat, message.chat, topic_of(message)
        person = message.from_user if author is None else None
        text, named = self._split(command.name, command.text, person)
        if named is not None:
            written_as = chat.id if author is not None and author.id == chat.id else None
            place = (chat, topic, person)
            return await self._there(named, *place, command=command.name, text=text, written_as=written_as)
        is_admin = await self.rights.of_author(message)
        return self._here(chat, topic, person, command=command.name, text=text, is_admin=is_admin)

    async def tapped(self, query: CallbackQuery, message: MaybeInaccessibleMessage, tapped: Tapped) -> Request:
        """Return the request that was pressed, with the rights of who did: the message is the bot's own.

        Raises:
            No: It cannot count in the place that it names.
        """
        chat, person = message.chat, query.from_user
        topic = topic_of(message) if isinstance(message, TelegramMessage) else None
        text, named = self._split(tapped.name, tapped.text if tapped.whole else "", person)
        if named is not None:
            return await self._there(named, chat, topic, person, command=tapped.name, text=text)
        is_admin = await self.rights.of(chat.id, chat.type, person.id)
        return self._here(chat, topic, person, command=tapped.name, text=text, is_admin=is_admin)

    async def welcome(self, chat: Chat, person: User) -> Request:
        """Return the request that adding the bot to a chat is."""
        is_admin = await self.rights.of(chat.id, chat.type, person.id)
        return self._here(chat, None, person, command="start", text="", is_admin=is_admin)

    def _split(self, command: str, text: str, person: User | None) -> tuple[str, Named | None]:
        if self.who.get(command) not in {Who.EVERYONE, Who.ADMINS}:
            return text, None
        before, named = split(text)
        why_not = unread(text, _words(person)) if named is None else None
        if why_not is not None:
            raise No(why_not, "❔")
        return before, named

    def _here(
        self, chat: Chat, topic: str | None, person: User | None, *, command: str, text: str, is_admin: bool
    ) -> Request:
        return Request(
            platform=PLATFORM,
            chat=str(chat.id),
            topic=topic,
            chat_title=title_of(chat),
            topic_title=self.names.topic(str(chat.id), topic),
            command=command,
            text=text,
            user=str(person.id) if person else None,
            locale=person.language_code if person else None,
            is_admin=is_admin,
        )

    async def _there(
        self,
        named: Named,
        chat: Chat,
        topic: str | None,
        person: User | None,
        *,
        command: str,
        text: str,
        written_as: int | None = None,
    ) -> Request:
        """Return a request that counts in a place that it names; typed in that very place, it is one of there."""
        place = await self.places.find(
            named, person=person, written_as=written_as, posts=command in POSTING, words=_words(person)
        )
        if (place.chat, place.topic) == (chat.id, topic):
            return self._here(chat, topic, person, command=command, text=text, is_admin=True)
        if place.writable:
            await self.presence.proven(str(place.chat), place.title)
        return Request(
            platform=PLATFORM,
            chat=str(place.chat),
            topic=place.topic,
            chat_title=place.title,
            topic_title=place.called,
            elsewhere=True,
            command=command,
            text=text,
            user=str(person.id) if person else None,
            locale=person.language_code if person else None,
            is_admin=True,
        )


def _words(person: User | None) -> Words:
    return reader.of_person(person.language_code if person is not None else None)
