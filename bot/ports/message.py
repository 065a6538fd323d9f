"""What people read, before any chat's own markup: spans of text in lines, fields and buttons.

Text from outside (titles, names) is only ever a span's text, so no markup of a chat can come from it.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


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
    """A choice to tap: it types ``command`` for the reader, or opens ``url``."""

    label: str
    command: str | None = None
    url: str | None = None


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
        buttons: Choices below it.
        picture: Shown with it.
        file: Sent with it.
    """

    title: Line = ()
    lines: tuple[Line, ...] = ()
    fields: tuple[Field, ...] = ()
    footer: Line = ()
    symbol: str = ""
    buttons: tuple[Button, ...] = ()
    picture: Picture | None = None
    file: File | None = None


def plain_text(line: Line) -> str:
    """Return a line without its styles."""
    return "".join(span.text for span in line)


def says(text: str, *, symbol: str = "") -> Message:
    """Return a message of one plain sentence."""
    return Message(title=(Span(text),), symbol=symbol)


def discard(message: Message) -> None:
    """Delete the file of a message that was sent, or never will be."""
    if message.file is not None:
        with suppress(OSError):
            message.file.path.unlink()
