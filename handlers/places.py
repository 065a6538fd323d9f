"""Where a command counts, and where alerts go."""

from __future__ import annotations

from bot.domain.outside import clean
from bot.ports.command import Param, Request, Takes
from bot.ports.message import Span, Style
from bot.texts.words import N_

#: Read by the chat's adapter: what comes to a handler is a request of that place.
IN = Param("in", N_("a channel, thread or other chat, if not here"), Takes.PLACE, lead="in")
LONGEST = 80


def place_of(request: Request) -> Span | None:
    """Return what people call the place that a request was pointed at; None if it is where it was typed."""
    return place(request.topic_title or request.chat_title) if request.elsewhere else None


def place(title: str | None) -> Span | None:
    """Return a topic or chat as its platform shows it."""
    shown = clean(title, limit=LONGEST) if title else ""
    return Span(shown, Style.REFERENCE) if shown else None
