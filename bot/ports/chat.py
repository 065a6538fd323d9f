"""Where people are.

A chat platform listens for commands and sends posts. Errors of sending, each with its own remedy::

    SendError
    +-- TryLater        wait (``retry_after``, milliseconds), then send again; not sent
    +-- Unsure          it may have arrived: a time-out, a cut connection
    +-- ChatGone        nobody is there any more: disable the chat, keep its settings
    +-- ChatMoved       the chat has another id now (``key``): follow it, then send again
    +-- TopicGone       the topic or thread is closed or deleted: end what was sent there
    +-- NotPermitted    a permission is missing: name it, keep the subscription
    +-- MessageGone     the message to edit was deleted by hand: do not post it anew
    +-- Partly          it arrived (``key``), without a picture or file that a permission is missing for: name it
    +-- Refused         the platform will never take this message
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from bot.domain.sentence import ToldError
from bot.ports.command import Declaration, Request
from bot.ports.message import Message
from bot.ports.pace import Pace


class SendError(ToldError):
    """A post was not delivered: why is a sentence that an admin is told in their own language."""


class TryLater(SendError):
    """The platform asks to wait ``retry_after`` ms: this chat, ``everywhere``, or this post ``alone``."""

    def __init__(
        self,
        msgid: str,
        /,
        *,
        retry_after: int,
        everywhere: bool = False,
        alone: bool = False,
        **fields: str | float | None,
    ) -> None:
        super().__init__(msgid, **fields)
        self.retry_after = retry_after
        self.everywhere = everywhere
        self.alone = alone


class Unsure(SendError):
    """The answer was lost: the post may have arrived."""


class ChatGone(SendError):
    """The chat is gone, or the bot is no longer let in."""


class ChatMoved(SendError):
    """The chat goes on under another id of the platform, ``key``."""

    def __init__(self, msgid: str, /, *, key: str, **fields: str | float | None) -> None:
        super().__init__(msgid, **fields)
        self.key = key


class TopicGone(SendError):
    """The topic or thread is closed or deleted."""


class MessageGone(SendError):
    """The message to edit is no longer there."""


class NotPermitted(SendError):
    """The bot lacks a permission there."""


class Partly(SendError):
    """The post arrived as ``key``, but for a picture or file that the bot may not send there."""

    def __init__(self, msgid: str, /, *, key: str, **fields: str | float | None) -> None:
        super().__init__(msgid, **fields)
        self.key = key


class Refused(SendError):
    """The platform will never take this message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A place to post to: a chat, and a topic, channel or thread of it."""

    chat: str
    topic: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """One alert for one chat.

    Attributes:
        delivery: The delivery's id; the same again on a resend, so a platform can drop the second.
        installation: What tells this bot's deliveries from those of a database that it had before.
        fact: What it tells, the same on a resend. A database that was set back (a backup, a disk that lost what
            it had promised to keep) gives the id of a delivery to another fact: that is another post.
        stamp: The moment of the alert as the chat writes it, for chats that show none of their own.
        replaces: The platform's id of the post that this one takes the place of, if any.
        answers: That of the post that it answers, if any; it goes out even where that one is gone.
        facts: The alert in figures, for programs (``replay --json``).
        mention: Whom to call, as the chat's admin chose it: ``here`` or the platform's id of a role.
        silent: Without a sound.
        tells: Ids of the deliveries that it tells, where they may be others than its own: a digest.
    """

    delivery: int
    target: Target
    message: Message
    stamp: str
    replaces: str | None
    facts: Mapping[str, object]
    installation: str = ""
    fact: str = ""
    mention: str | None = None
    silent: bool = False
    answers: str | None = None
    tells: tuple[int, ...] = ()


class Listener(Protocol):
    """Who hears what happens in chats.

    Attributes:
        commands: What people may ask, in the order of menus.
    """

    @property
    def commands(self) -> Sequence[Declaration]: ...

    async def answer(self, request: Request) -> Message:
        """Return the answer to a command; it never raises for what a person can do."""
        ...

    async def suggest(self, request: Request, *, param: str, typed: str) -> list[str]:
        """Return what an argument may be, given what was typed of it so far; the likeliest first."""
        ...

    async def let_in(self, *, platform: str, chat: str, title: str | None, topic: str | None = None) -> None:
        """Note that the bot may post in a chat, or in a topic of it, newly or again."""
        ...

    async def put_out(self, *, platform: str, chat: str, why: str, topic: str | None = None) -> None:
        """Note that the bot may no longer post in a chat, or in a topic of it that is closed or gone."""
        ...

    async def roll_call(self, *, platform: str, chats: Collection[str]) -> None:
        """Note that these are all the chats of several people in which the bot is; for platforms that know."""
        ...

    async def moved(self, *, platform: str, old: str, new: str) -> None:
        """Note that a chat goes on under another id."""
        ...


class Chat(Protocol):
    """A chat platform. Adapters neither retry nor wait in ``send``: the deliverer does.

    To send it must be open, to hear people it must be started, each as often as wanted. Of the processes with the
    same bot's token one listens at a time; the others may send all the while.

    Attributes:
        platform: ``console``, ``telegram``, ``discord``.
        by_topic: Whether each topic of a chat takes posts at its own pace, and is listened to on its own.
        pace: What was sent lately and may be sent now. The deliverer takes a post's turn of it before it calls
            ``send``; adapters note there whatever else they send, and how long the platform asks to wait.
    """

    platform: str
    by_topic: bool
    pace: Pace

    def is_group(self, chat: str) -> bool:
        """Tell whether a chat, by its platform's id, is one of several people."""
        ...

    @property
    def connected(self) -> bool | None:
        """Whether it hears people now; None while it is not started."""
        ...

    async def open(self) -> None:
        """Make ready to send, and return at once; what is open already stays so."""
        ...

    async def start(self, listener: Listener) -> None:
        """Open, connect and begin to listen. What goes wrong later is the adapter's to log and to mend."""
        ...

    async def send(self, post: Post) -> str | None:
        """Post a message, or edit the one that it replaces, and return the platform's id of it.

        A picture or file that a platform does not take never keeps the text back. The message's file is deleted at
        the end, however that was: who tries again writes it anew.

        Raises:
            SendError: It did not arrive, or perhaps did; the class says what to do.
        """
        ...

    async def remove(self, target: Target, key: str) -> None:
        """Delete a post of the bot's own, in its place in the pace; that it is gone already is well.

        Raises:
            SendError: It was not deleted, or perhaps was.
        """
        ...

    def buried(self, target: Target, key: str) -> int | None:
        """Return how many messages have come to a place after a post, as far as known: at least so many.

        None where that is not known: the post is older than what the bot has heard there, and nothing came since;
        or the platform does not let it hear everything.
        """
        ...

    async def tell(self, user: str, message: Message) -> None:
        """Write to a person in private, by the platform's id of them; never to a chat.

        Raises:
            SendError: It did not arrive, or perhaps did; many people take no messages from bots.
        """
        ...

    async def check(self) -> str | None:
        """Return what is wrong with the set-up and how to mend it, or None; for ``doctor``."""
        ...

    async def stop(self) -> None:
        """Stop listening, so that another process may; sending goes on."""
        ...

    async def close(self) -> None:
        """Stop, and let go of all connections; it may be opened again."""
        ...


def lane(chat: Chat, target: Target) -> str:
    """Return a target's lane: posts of the same lane go one after another, and share a limit."""
    return target.topic or target.chat if chat.by_topic else target.chat
