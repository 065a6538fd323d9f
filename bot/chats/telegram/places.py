"""Places that people name behind a command ("in @news"), and what they and the bot may do there."""

from __future__ import annotations

import re
from dataclasses import dataclass

from telegram import Bot, ChatFullInfo, ChatMember, ChatMemberAdministrator, ChatMemberRestricted, User
from telegram.constants import ChatMemberStatus, ChatType
from telegram.error import BadRequest, Forbidden, TelegramError

from bot.chats.telegram.ids import GENERAL, title_of
from bot.chats.telegram.names import Names
from bot.chats.telegram.rights import ADMINS, Rights
from bot.ports.message import Line, Message
from bot.texts.words import Words

#: Names are those of https://core.telegram.org/bots/api#sendmessage ; links those that Telegram's apps copy.
_BEHIND = re.compile(
    r"""(?:^|\s) in \s+
    (?: @(?P<name>[a-z]\w{3,31})
      | (?P<id>-100\d{5,15})
      | (?:https?://)?t\.me/
        (?: c/(?P<inner>\d{5,15})/(?P<topic>\d{1,15}) | (?P<public>[a-z]\w{3,31})(?:/(?P<number>\d{1,15}))? )
        (?:/\d*)?  # a message of it
    )$""",
    re.VERBOSE | re.ASCII | re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Named:
    """A place as it was named.

    Attributes:
        shown: How to call it before it is known: as it was typed.
    """

    address: int | str
    shown: str
    topic: str | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """A chat, or a topic of it, where a person may have settings and the bot may write.

    Attributes:
        called: What people call it, with its topic.
    """

    chat: int
    title: str | None
    topic: str | None
    called: str | None


class No(Exception):
    """A place where a command cannot count; ``message`` says why."""

    def __init__(self, title: Line, symbol: str = "🔒") -> None:
        super().__init__()
        self.message = Message(symbol=symbol, title=title)


def split(text: str) -> tuple[str, Named | None]:
    """Part what was typed from the place named at its end, if there is one."""
    match = _BEHIND.search(text)
    if match is None:
        return text, None
    before = text[: match.start()].rstrip()
    name = match["name"] or match["public"]
    if name:
        return before, Named(f"@{name}", f"@{name}", match["number"])
    chat = match["id"] or f"-100{match['inner']}"
    return before, Named(int(chat), chat, match["topic"])


class Places:
    """Finds places, and proves that they are the person's to set up."""

    def __init__(self, bot: Bot, *, me: User, rights: Rights, names: Names) -> None:
        self._bot = bot
        self._me = me
        self._rights = rights
        self._names = names

    async def find(self, named: Named, *, person: User | None, written_as: int | None, words: Words) -> Place:
        """Return a place that was named.

        Args:
            person: Who named it, unless that is hidden.
            written_as: The chat as which it was written, which only admins of that chat can.

        Raises:
            No: It cannot count there.
        """
        chat = await self._chat(named, words)
        if chat.type == ChatType.PRIVATE:
            if person is None or chat.id != person.id:
                raise No(words.say("{place} is a person: name a channel or a group.", place=named.shown))
        else:
            me = await self._mine(chat, named, words)
            if chat.id != written_as:
                await self._prove(chat, person, named, words)
            _check(chat, me, named, words)
        self._names.note(chat)
        topic = named.topic if chat.is_forum and named.topic != GENERAL else None
        title = title_of(chat)
        return Place(chat.id, title, topic, self._called(str(chat.id), title or named.shown, topic, words))

    async def _chat(self, named: Named, words: Words) -> ChatFullInfo:
        try:
            return await self._bot.get_chat(named.address)
        except Forbidden:
            raise No(_outside(named, None, words)) from None
        except BadRequest:
            line = words.say(
                "I cannot find {place}: check how it is written, and if it is private, add me there first.",
                place=named.shown,
            )
            raise No(line, "❔") from None
        except TelegramError:
            raise _no_answer(words) from None

    async def _mine(self, chat: ChatFullInfo, named: Named, words: Words) -> ChatMember:
        """Return the bot's own place in a chat."""
        try:
            me = await self._bot.get_chat_member(chat.id, self._me.id)
        except (BadRequest, Forbidden):  # said of chats in which it is not
            raise No(_outside(named, chat.type, words)) from None
        except TelegramError:
            raise _no_answer(words) from None
        gone = me.status in {ChatMemberStatus.LEFT, ChatMemberStatus.BANNED}
        if gone or (isinstance(me, ChatMemberRestricted) and not me.is_member):
            raise No(_outside(named, chat.type, words))
        return me

    async def _prove(self, chat: ChatFullInfo, person: User | None, named: Named, words: Words) -> None:
        if person is None:
            raise No(
                words.say(
                    "I cannot see who you are, so not whether you are an administrator of {place}: "
                    "write this under your own name, for example to me in private.",
                    place=named.shown,
                )
            )
        if not await self._rights.of(chat.id, chat.type, person.id):
            raise No(words.say("Only administrators of {place} can do that.", place=named.shown))

    def _called(self, chat: str, title: str, topic: str | None, words: Words) -> str:
        if topic is None:
            return title
        # Translators: a group and its topic, by name or number: Friends, topic Numbers
        return words.text("{chat}, topic {topic}", chat=title, topic=self._names.topic(chat, topic) or topic)


def _check(chat: ChatFullInfo, me: ChatMember, named: Named, words: Words) -> None:
    """Make sure that the bot may write in a chat in which it is."""
    if chat.type == ChatType.CHANNEL:
        if not (isinstance(me, ChatMemberAdministrator) and me.can_post_messages):
            raise No(
                words.say(
                    "I may not write in {place}: make me an administrator who may post messages.",
                    place=named.shown,
                )
            )
        return
    muted = isinstance(me, ChatMemberRestricted) and not me.can_send_messages
    silent = chat.permissions is not None and not chat.permissions.can_send_messages
    if muted or (silent and me.status not in ADMINS):
        raise No(words.say("I may not write in {place}: allow me to send messages.", place=named.shown))


def _outside(named: Named, kind: str | None, words: Words) -> Line:
    if kind == ChatType.CHANNEL:
        return words.say(
            "I am not in {place}: add me there as an administrator who may post messages.", place=named.shown
        )
    if kind is None:
        return words.say(
            "I am not in {place}: add me there, to a channel as an administrator who may post messages.",
            place=named.shown,
        )
    return words.say("I am not in {place}: add me there.", place=named.shown)


def _no_answer(words: Words) -> No:
    return No(words.say("Telegram does not answer just now: please say it again in a minute."), "⏳")
