"""Where people are.

A chat platform listens for commands and sends posts. Errors of sending, each with its own remedy::

    SendError
    +-- TryLater        wait (``retry_after``, milliseconds), then send again; not sent
    +-- Unsure          it may have arrived: a time-out, a cut connection
    +-- ChatGone        nobody is there any more: disable the chat, keep its settings
    +-- NotPermitted    a permission is missing: name it, keep the subscription
    +-- Refused         the platform will never take this message
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from bot.ports.command import Request
from bot.ports.message import Message


class SendError(Exception):
    """A post was not delivered."""


class TryLater(SendError):
    """The platform asks to wait; ``retry_after`` in milliseconds."""

    def __init__(self, message: str, *, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Unsure(SendError):
    """The answer was lost: the post may have arrived."""


class ChatGone(SendError):
    """The chat is gone, or the bot is no longer let in."""


class NotPermitted(SendError):
    """The bot lacks a permission there."""


class Refused(SendError):
    """The platform will never take this message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A place to post to: a chat, and a topic or thread of it."""

    chat: str
    topic: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """One alert for one chat.

    Attributes:
        delivery: The delivery's id; the same again on a resend, so a platform can drop the second.
        stamp: The moment of the alert as the chat writes it, for chats that show none of their own.
        replaces: The platform's id of the post that this one takes the place of, if any.
        facts: The alert in figures, for programs (``replay --json``).
    """

    delivery: int
    target: Target
    message: Message
    stamp: str
    replaces: str | None
    facts: Mapping[str, object]


Answerer = Callable[[Request], Awaitable[Message]]


class Chat(Protocol):
    """A chat platform. Adapters neither retry nor sleep in ``send``: the deliverer does.

    Attributes:
        platform: ``console``, ``telegram``, ``discord``.
    """

    platform: str

    async def start(self, answer: Answerer) -> None:
        """Connect and begin to listen; each request is passed to ``answer``."""
        ...

    async def send(self, post: Post) -> str | None:
        """Post a message and return the platform's id of it.

        Raises:
            SendError: It did not arrive, or perhaps did; the class says what to do.
        """
        ...

    async def check(self) -> str | None:
        """Return what is wrong with the set-up and how to mend it, or None; for ``doctor``."""
        ...

    async def stop(self) -> None:
        """Stop listening and let go of connections."""
        ...
