"""What a process does of the bot's work, where several share a database."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum


class Role(StrEnum):
    """A part of the work.

    Attributes:
        POLL: Asks sources, stores what they tell, and looks after what is kept.
        DELIVER: Sends alerts, and keeps posts up to date.
        CHAT: Is connected to the chats, and answers people.
    """

    POLL = "poll"
    DELIVER = "deliver"
    CHAT = "chat"


ALL = frozenset(Role)


class RolesError(Exception):
    """No such role; the message names those there are."""


def parse(words: str) -> frozenset[Role]:
    """Read roles as people write them: with commas or spaces.

    Raises:
        RolesError: A word is none.
    """
    wanted = words.lower().replace(",", " ").split()
    unknown = [word for word in wanted if word not in set(Role)]
    if unknown or not wanted:
        named = f"{unknown[0]!r} is no role" if unknown else "No role is named"
        raise RolesError(f"--roles: {named}; write some of {', '.join(Role)}, for example --roles poll,deliver")
    return frozenset(map(Role, wanted))


def written(roles: Iterable[Role]) -> str:
    """Write roles as they are read."""
    return ",".join(role for role in Role if role in set(roles))
