"""What people ask: a command's declaration, and one request for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class Who(StrEnum):
    """Who may give a command."""

    EVERYONE = "everyone"
    ADMINS = "admins"
    OPERATORS = "operators"


class Takes(StrEnum):
    """What an argument is."""

    WORD = "word"
    NAME = "name"  # of a watch of this chat: completed as one types
    TIE = "tie"  # the name of a tie of this chat: completed, too
    REST = "rest"  # everything that follows
    #: A channel, thread or other chat where it shall count instead of here. The chat's adapter reads it, asks
    #: whether the bot and the person may do that there, and leaves it out of ``Request.text``.
    PLACE = "place"
    MENTION = "mention"  # whom a chat may call: ``nobody``, ``here``, or a role as the platform writes it


@dataclass(frozen=True, slots=True)
class Param:
    """An argument of a command.

    Attributes:
        about: A few words on it, in English; a message id of the catalogs.
        choices: The only words it may be, if they are few.
        several: Words of which it may be several.
        lead: The word that is typed in front of it, where its place alone does not tell what it is.
        ties: The name may be that of a tie, too.
        also: Words that it may be instead of a name.
    """

    name: str
    about: str
    takes: Takes = Takes.WORD
    required: bool = False
    choices: tuple[str, ...] = ()
    several: tuple[str, ...] = ()
    lead: str = ""
    ties: bool = False
    also: tuple[str, ...] = ()


class Declaration(Protocol):
    """What chats must know of a command for their menus.

    Attributes:
        about: One short sentence on it, in English: a message id of the catalogs.
        params: Its arguments in the order in which they are typed.
        example: A line that works.
    """

    @property
    def name(self) -> str: ...
    @property
    def about(self) -> str: ...
    @property
    def who(self) -> Who: ...
    @property
    def params(self) -> Sequence[Param]: ...
    @property
    def example(self) -> str: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One command as somebody gave it.

    Attributes:
        platform, chat, topic: Where it counts.
        chat_title: What people call the chat.
        topic_title: What people call the topic or channel; a reference that the platform shows by its name.
        elsewhere: It was typed in another place than where it counts.
        lacks: The permission to post there that the bot lacks, as the platform calls it, if that is known.
        command: Its name, without the slash.
        text: All that was typed after it.
        user: The platform's id of who gave it, if it is a person.
        locale: The language that the platform knows them by.
        suggested: The language that the platform knows the chat by, where it does.
        in_private: The chat is one of one person with the bot.
        roles: Ids of the roles that who gave it has there.
        is_admin: May change this chat's settings.
        by_role: An admin only by a role that the chat's admins allowed.
        is_operator: Runs this bot.
    """

    platform: str
    chat: str
    topic: str | None = None
    chat_title: str | None = None
    topic_title: str | None = None
    elsewhere: bool = False
    lacks: str | None = None
    command: str
    text: str = ""
    user: str | None = None
    locale: str | None = None
    suggested: str | None = None
    in_private: bool = False
    roles: tuple[str, ...] = ()
    is_admin: bool = False
    by_role: bool = False
    is_operator: bool = False
