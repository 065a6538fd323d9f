"""Places that people name behind a command ("in @news"), and what they and the bot may do there."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from telegram import Bot, ChatFullInfo, ChatMember, ChatMemberAdministrator, ChatMemberRestricted, User
from telegram.constants import ChatMemberStatus, ChatType
from telegram.error import BadRequest, Forbidden, TelegramError

from bot.chats.telegram.ids import GENERAL, title_of
from bot.chats.telegram.names import Names
from bot.chats.telegram.rights import ADMINS, Rights
from bot.domain.outside import clean
from bot.ports.message import Line, Message
from bot.texts.words import Words, code

#: Names are those of https://core.telegram.org/bots/api#sendmessage ; links those that Telegram's apps copy.
_BEHIND = re.compile(
    r"""(?:^|\s) in \s+
    (?: @(?P<name>[a-z]\w{3,31})
      | (?P<id>-100\d{5,15})
      | (?:https?://)?(?:t|telegram)\.me/
        (?: c/(?P<inner>\d{5,15})/(?P<topic>\d{1,15}) | (?P<public>[a-z]\w{3,31})(?:/(?P<number>\d{1,15}))? )
        (?:/\d*)?  # a message of it
        (?:\?\S*)?
    )$""",
    re.VERBOSE | re.ASCII | re.IGNORECASE,
)
_IN = re.compile(r"(?:^|\s)in\s+", re.IGNORECASE)
#: How what is meant as a place begins, also if it cannot be read.
_MEANT = re.compile(r"@|-100|(?:https?://)?(?:t|telegram)\.me/", re.IGNORECASE)
_INVITES = re.compile(r"(?:https?://)?(?:t|telegram)\.me/(?:\+|joinchat/)", re.IGNORECASE)

#: Commands after which the bot posts in the place that they name, so that it must be allowed to: for all others it
#: is enough that the person is an administrator there. ``/test`` is no such command: its preview stays here.
POSTING = frozenset({"watch", "subscribe"})
#: Characters of a chat's title, and of what was typed, in a sentence.
_SHOWN = 60


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
        writable: Whether the bot may write there.
    """

    chat: int
    title: str | None
    topic: str | None
    called: str | None
    writable: bool


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


def unread(text: str, words: Words) -> Line | None:
    """Return why what is meant as a place at the end of a text is none; None if nothing there is meant as one."""
    *_, last = [None, *_IN.finditer(text)]
    behind = text[last.end() :] if last is not None else ""
    if not _MEANT.match(behind):
        return None
    if _INVITES.match(behind):
        return words.say(
            "I cannot read an invite link: write {example}, or give the command in the chat itself.",
            example=code("in @name"),
        )
    return words.say(
        "I cannot read “{place}” as a place: write for example {name} or {link}.",
        place=clean(behind, limit=_SHOWN),
        name=code("in @name"),
        link=code("in https://t.me/c/1234567890/42"),
    )


class Places:
    """Finds places, and proves that they are the person's to set up."""

    def __init__(self, bot: Bot, *, me: User, rights: Rights, names: Names) -> None:
        self._bot = bot
        self._me = me
        self._rights = rights
        self._names = names

    async def find(
        self, named: Named, *, person: User | None, written_as: int | None, posts: bool, words: Words
    ) -> Place:
        """Return a place that was named.

        Args:
            person: Who named it, unless that is hidden.
            written_as: The chat as which it was written, which only admins of that chat can.
            posts: Whether the bot must be allowed to write there.

        Raises:
            No: It cannot count there.
        """
        typed, named = named, _by_title(named, self._names.chat(named.shown))
        chat = await self._chat(named, posts=posts, words=words)
        named = _by_title(named, title_of(chat))
        why_not = None
        if chat.type == ChatType.PRIVATE:
            if person is None or chat.id != person.id:
                raise No(words.say("{place} is a person: name a channel or a group.", place=named.shown))
        else:
            me = await self._mine(chat, named, posts=posts, words=words)
            if chat.id != written_as:
                await self._prove(chat, person, typed, named, words)
            why_not = _why_not(chat, me, named, words)
            if posts and why_not is not None:
                raise No(why_not)
        self._names.note(chat)
        topic = named.topic if chat.is_forum and named.topic != GENERAL else None
        title = title_of(chat)
        called = self._called(str(chat.id), title or named.shown, topic, words)
        return Place(chat.id, title, topic, called, writable=why_not is None)

    async def _chat(self, named: Named, *, posts: bool, words: Words) -> ChatFullInfo:
        try:
            return await self._bot.get_chat(named.address)
        except Forbidden:
            raise No(_outside(named, None, posts=posts, words=words)) from None
        except BadRequest:
            line = words.say(
                "I cannot find {place}: check how it is written, and if it is private, add me there first.",
                place=named.shown,
            )
            raise No(line, "❔") from None
        except TelegramError:
            raise _no_answer(words) from None

    async def _mine(self, chat: ChatFullInfo, named: Named, *, posts: bool, words: Words) -> ChatMember:
        """Return the bot's own place in a chat."""
        try:
            me = await self._bot.get_chat_member(chat.id, self._me.id)
        except (BadRequest, Forbidden):  # said of chats in which it is not
            raise No(_outside(named, chat.type, posts=posts, words=words)) from None
        except TelegramError:
            raise _no_answer(words) from None
        gone = me.status in {ChatMemberStatus.LEFT, ChatMemberStatus.BANNED}
        if gone or (isinstance(me, ChatMemberRestricted) and not me.is_member):
            raise No(_outside(named, chat.type, posts=posts, words=words))
        return me

    async def _prove(
        self, chat: ChatFullInfo, person: User | None, typed: Named, named: Named, words: Words
    ) -> None:
        """Make sure that a person is an admin of a chat; its title is only for those who are in it."""
        if person is None:
            raise No(
                words.say(
                    "I cannot see who you are, so not whether you are an administrator of {place}: "
                    "write this under your own name, for example to me in private.",
                    place=typed.shown,
                )
            )
        if not await self._rights.of(chat.id, chat.type, person.id):
            known = named if await self._rights.sees(chat.id, person.id) else typed
            raise No(words.say("Only administrators of {place} can do that.", place=known.shown))

    def _called(self, chat: str, title: str, topic: str | None, words: Words) -> str:
        if topic is None:
            return title
        # Translators: a group and its topic, by name or number: Friends, topic Numbers
        return words.text("{chat}, topic {topic}", chat=title, topic=self._names.topic(chat, topic) or topic)


def _by_title(named: Named, title: str | None) -> Named:
    """Return a place to be called by its title, if it was named by a bare number and the title is known."""
    shown = clean(title or "", limit=_SHOWN)
    return named if isinstance(named.address, str) or not shown else replace(named, shown=f"“{shown}”")


def _why_not(chat: ChatFullInfo, me: ChatMember, named: Named, words: Words) -> Line | None:
    """Return why the bot may not write in a chat in which it is; None if it may."""
    if chat.type == ChatType.CHANNEL:
        if isinstance(me, ChatMemberAdministrator) and me.can_post_messages:
            return None
        return words.say(
            "I may not write in {place}: make me an administrator who may post messages.", place=named.shown
        )
    muted = isinstance(me, ChatMemberRestricted) and not me.can_send_messages
    silent = chat.permissions is not None and not chat.permissions.can_send_messages
    if muted or (silent and me.status not in ADMINS):
        return words.say("I may not write in {place}: allow me to send messages.", place=named.shown)
    return None


def _outside(named: Named, kind: str | None, *, posts: bool, words: Words) -> Line:
    """Return what to do where the bot is not: nobody's rights can be proven there."""
    if not posts:
        return words.say(
            "I am not in {place} any more, so I cannot see whether you are its administrator: "
            "add me again, even for a moment.",
            place=named.shown,
        )
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
