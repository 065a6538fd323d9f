"""What people read, before any chat's own markup: spans of text in lines, fields and buttons.

Text from outside (titles, names) is only ever a span's text, so no markup of a chat can come from it.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path

from bot.domain.outside import FIRST_STRONG, POP, balanced


class Style(StrEnum):
    """How a span looks."""

    PLAIN = "plain"
    BOLD = "bold"
    CODE = "code"
    FAINT = "faint"
    #: The text is a channel or role as the platform writes it, and is shown by its name; it never calls anybody.
    REFERENCE = "reference"


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of a line; ``url`` makes it a link, ``at`` a moment that a chat may show in its own way."""

    text: str
    style: Style = Style.PLAIN
    url: str | None = None
    at: int | None = None


Line = tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Field:
    """A figure with its label, for chats that set them side by side."""

    label: str
    value: Line


@dataclass(frozen=True, slots=True)
class Button:
    """A choice to tap: it types ``command`` for the reader, or opens ``url``; ``chosen`` marks what is set."""

    label: str
    command: str | None = None
    url: str | None = None
    chosen: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One of the values of a select.

    Attributes:
        label: What it is called.
        command: What it types for the reader.
        chosen: It is what is set.
        about: A few words on it, for chats that have room for them.
    """

    label: str
    command: str
    chosen: bool = False
    about: str = ""


@dataclass(frozen=True, slots=True)
class Select:
    """A few values of which one is set: chats show them as a list to open, or as buttons, and mark what is set.

    Attributes:
        label: What is chosen with it.
    """

    label: str
    options: tuple[Option, ...]

    def within(self, most: int) -> tuple[Option, ...]:
        """Return at most so many of the options, the one that is set among them."""
        if len(self.options) <= most:
            return self.options
        first, left = self.options[: max(most, 0)], self.options[max(most, 0) :]
        chosen = next((one for one in left if one.chosen), None)
        return first if chosen is None or not first else (*first[:-1], chosen)


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A picture beside the text.

    Attributes:
        png: The file.
        alt: What it shows, for those who cannot see it.
    """

    png: bytes
    alt: str


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file beside the text.

    Attributes:
        path: Where it lies; whoever sends it deletes it afterwards.
        name: What readers will call it.
    """

    path: Path
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message.

    Attributes:
        title: The line that says it all.
        lines: What follows.
        fields: Figures with labels.
        footer: Where it comes from; small print.
        symbol: An emoji in front of the title.
        selects: Values to choose from, below it.
        buttons: Choices below that.
        menu: Where a button or value of a menu was tapped, an answer that is a menu, too, takes its place; any
            other is a message of its own. A menu has no picture and no file.
        picture: Shown with it.
        file: Sent with it.
        language: The one it is in, for what a chat has to add to it.
    """

    title: Line = ()
    lines: tuple[Line, ...] = ()
    fields: tuple[Field, ...] = ()
    footer: Line = ()
    symbol: str = ""
    selects: tuple[Select, ...] = ()
    buttons: tuple[Button, ...] = ()
    menu: bool = False
    picture: Picture | None = None
    file: File | None = None
    language: str | None = field(default=None, compare=False)


def plain_text(line: Line) -> str:
    """Return a line without its styles."""
    return "".join(span.text for span in line)


def settled(line: Line) -> Line:
    """Return a line whose isolates of direction all end within it, and begin in it."""
    texts = [span.text for span in line]
    if not any(FIRST_STRONG in text or POP in text for text in texts):
        return line
    return tuple(
        span if span.text == text else replace(span, text=text)
        for span, text in zip(line, balanced(texts), strict=True)
    )


def says(text: str, *, symbol: str = "") -> Message:
    """Return a message of one plain sentence."""
    return Message(title=(Span(text),), symbol=symbol)


def discard(message: Message) -> None:
    """Delete the file of a message that was sent, or never will be."""
    if message.file is not None:
        with suppress(OSError):
            message.file.path.unlink()
