"""Where people of a chat platform are together with their voices, and how many they are.

Some platforms show that to the bot that is connected, and to nobody who asks. So a source of such figures asks the
chat that runs in this process.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """A channel as it is now.

    Attributes:
        kind: What it is; None while that is not known.
        present: How many are in it, bots among them; None while that is not known.
        session: The platform's id of what goes on in it, where the platform opens and closes that.
        topic: What that is about.
        url: A link for people of the chat.
        lacks: The permission to see it that the bot lacks, as the platform calls it.
    """

    url: str
    name: str = ""
    kind: Literal["stage", "voice", "other"] | None = None
    present: int | None = None
    session: str | None = None
    topic: str | None = None
    lacks: str | None = None


@runtime_checkable
class Rooms(Protocol):
    """A chat platform that knows who is in its rooms."""

    def room(self, chat: str, channel: str) -> Room | None:
        """Return a channel of a chat by their ids, None if there certainly is none; it raises nothing."""
        ...

    def may_see(self, chat: str, channel: str, *, user: str, roles: Collection[str]) -> bool | None:
        """Tell whether a person sees a channel of a chat by the platform's own rules; it raises nothing.

        Args:
            roles: The ids of those that the person has in the chat.

        Returns:
            None while it is not known; False also where there certainly is no such channel.
        """
        ...


@runtime_checkable
class Bound(Protocol):
    """A source whose watches belong to the chat in which they are made.

    Its references are given to it with the chat's id and ``/`` in front, so that no chat reaches into another.

    Attributes:
        of_chat: The platform of such chats.
    """

    of_chat: str

    def admit(self, reference: str, *, user: str | None, roles: Collection[str]) -> None:
        """Refuse who may not see what they want to watch, in the same words as what does not exist.

        Args:
            user: The id of who asks; None where nobody can be named.
            roles: The ids of the roles that they have in the chat.

        Raises:
            bot.ports.source.SourceError: They may not, or it is not known whether they may.
        """
        ...
