"""What there is to see: one chapter's messages on each platform, as the platform has stored them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Said:
    """A message, or what else shows in a conversation.

    Attributes:
        place: The chat or channel that it is in, by name.
        who: Who wrote it.
        at: When, in milliseconds.
        picture: A PNG that is shown with it.
        alt: What that shows, where the platform tells it to those who cannot see it.
        notice: It is the platform's own line, not a message.
        popup: It covers the screen until it is put away.
    """

    place: str
    who: str
    at: int
    picture: bytes | None = None
    alt: str = ""
    notice: bool = False
    popup: bool = False


@dataclass(frozen=True, kw_only=True)
class Bubble(Said):
    """A message on Telegram: plain text, the entities that Telegram read in it, buttons, what it answers."""

    text: str
    entities: Sequence[Json] = ()
    keyboard: Sequence[Sequence[Json]] = ()
    answers: tuple[str, str] | None = None


@dataclass(frozen=True, kw_only=True)
class Post(Said):
    """A message on Discord.

    Attributes:
        used: The command that it answers: who gave it, its name, and what was filled in.
        hidden: Only who asked sees it.
        names: What mentions in it are shown as.
    """

    content: str = ""
    embeds: Sequence[Json] = ()
    components: Sequence[Json] = ()
    used: tuple[str, str, Mapping[str, str]] | None = None
    hidden: bool = False
    names: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Chapter:
    """A part of the tour.

    Attributes:
        sentence: What it shows.
        raw: Somebody wrote markup of their own into it, which must stay visible as they wrote it.
    """

    name: str
    title: str
    sentence: str
    raw: bool = False
    telegram: list[Bubble] = field(default_factory=list)
    discord: list[Post] = field(default_factory=list)
