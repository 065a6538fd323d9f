"""What a setting is: how it is shown, and how it is changed. Each lies in a file of its own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from bot.ports.command import Request
from bot.ports.message import Line
from bot.services.context import Services
from bot.texts.words import Words
from storage.chats import Chat


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request for a setting, with the chat as it is kept.

    Attributes:
        chat: None where nothing is kept of it yet: all is as it comes.
    """

    request: Request
    services: Services
    words: Words
    chat: Chat | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A value that can be tapped.

    Attributes:
        label: What it is called, in the reader's language.
        value: As it is typed after the setting's name.
        chosen: It is what is set.
        about: A few words on it, in the reader's language, where its label does not say enough.
    """

    label: str
    value: str
    chosen: bool = False
    about: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One setting of a chat.

    Attributes:
        key: Its name as it is typed.
        label: A word or two for menus: a message id of the catalogs.
        about: One short sentence on what it does: a message id of the catalogs.
        example: A line that works.
        shown: Returns the sentence that says what is set.
        change: Sets what was typed, and returns the sentence that says what is set now. Raises ``Mistake``.
        choices: Returns the values worth tapping; empty where it has to be typed.
        lines: Returns what else its own page says, such as a preview.
        looks: Tells whether what is typed only asks to see more of it.
        other_names: What people type instead of ``key``.
        only_on: The chat platform that has it; None for all.
    """

    key: str
    label: str
    about: str
    example: str
    shown: Callable[[Asked], Awaitable[Line]]
    change: Callable[[Asked, str], Awaitable[Line]]
    choices: Callable[[Asked], Awaitable[tuple[Choice, ...]]] | None = None
    lines: Callable[[Asked], Awaitable[tuple[Line, ...]]] | None = None
    looks: Callable[[str], bool] = lambda typed: False
    other_names: tuple[str, ...] = ()
    only_on: str | None = None
