"""Where a command counts, and where alerts go."""

from __future__ import annotations

from bot.domain.outside import clean
from bot.ports.command import Param, Request, Takes
from bot.ports.message import Line, Span, Style
from bot.texts.words import N_, Words

#: Read by the chat's adapter: what comes to a handler is a request of that place.
IN = Param("in", N_("a channel, thread or other chat, if not here"), Takes.PLACE, lead="in")
LONGEST = 80
#: Where a place is typed behind a command; on Discord it is an option, which buttons do not have.
_TYPED_PLACES = "telegram"


def place_of(request: Request) -> Span | None:
    """Return what people call the place that a request was pointed at; None if it is where it was typed."""
    return place(request.topic_title or request.chat_title) if request.elsewhere else None


def lacking(request: Request, words: Words) -> tuple[Line, ...]:
    """Return the line that says why posts cannot come to where a request counts, if that is known."""
    if request.lacks is None:
        return ()
    return (
        words.say("⚠️ But I may not post here: allow me “{permission}” in this channel.", permission=request.lacks),
    )


def again(request: Request) -> str | None:
    """Return what makes a command that is typed or tapped count in the same place; None if nothing does."""
    if not request.elsewhere:
        return ""
    return f" in {request.chat}" if request.platform == _TYPED_PLACES else None


def place(title: str | None) -> Span | None:
    """Return a topic or chat as its platform shows it."""
    shown = clean(title, limit=LONGEST) if title else ""
    return Span(shown, Style.REFERENCE) if shown else None
