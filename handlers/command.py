"""What a command is: its declaration, from which menus and help are made, and what it does."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum

from bot.ports.command import Param, Request, Who
from bot.ports.message import Button, Line, Message
from bot.services.context import Services
from bot.texts.words import N_, Words

Run = Callable[[Request, Services, Words], Awaitable[Message]]


class Group(Enum):
    """Where ``/help`` lists a command."""

    ASK = N_("Ask")
    WATCH = N_("Watch (admins)")
    SET_UP = N_("Set up (admins)")
    RUN = N_("Run")


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One command.

    Attributes:
        about: One short sentence on it, in English: a message id of the catalogs.
        params: Its arguments in the order in which they are typed.
        example: A line that works, shown with every mistake.
        run: Answers a request whose sender may give the command.
    """

    name: str
    about: str
    group: Group
    run: Run
    example: str
    who: Who = Who.EVERYONE
    params: tuple[Param, ...] = ()


class Mistake(Exception):
    """What was typed cannot be done; ``line`` says what is wrong.

    Attributes:
        example: A line that works; None for the command's own.
        more: What else there is to say, such as where the mistake is.
        buttons: What may have been meant.
    """

    def __init__(
        self,
        line: Line,
        *,
        example: str | None = None,
        more: tuple[Line, ...] = (),
        buttons: tuple[Button, ...] = (),
    ) -> None:
        super().__init__("".join(span.text for span in line))
        self.line = line
        self.example = example
        self.more = more
        self.buttons = buttons
