"""How a chat is spoken to: the one place that makes ``Words`` of what is known of it and of who asks."""

from __future__ import annotations

from bot.ports.command import Request
from bot.texts.catalog import ENGLISH
from bot.texts.words import Words
from storage.chats import Chat

UTC = "UTC"
#: How a chat whose charts are dark is kept.
DARK = "dark"


def of_chat(chat: Chat | None, *, timezone: str | None = None) -> Words:
    """Return how alerts are written for a chat: in its language, else in the one that was suggested for it.

    Args:
        timezone: That of what is told about, for a chat that chose none.
    """
    suggested = chat.locale if chat is not None else None
    return _words(chat, suggested, timezone=timezone)


def of_request(request: Request, chat: Chat | None) -> Words:
    """Return how a request is answered: a chat of several people in its language, a person in private in theirs.

    What was chosen there comes first in any case, and English last.
    """
    suggested = (chat.locale if chat is not None else None) or request.suggested
    known = (request.locale, suggested) if request.in_private else (suggested, request.locale)
    return _words(chat, *known)


def of_person(locale: str | None) -> Words:
    """Return how somebody is spoken to of whom only the platform's language is known."""
    return Words(language=locale or ENGLISH)


def _words(chat: Chat | None, *languages: str | None, timezone: str | None = None) -> Words:
    chosen = chat.timezone if chat is not None else None
    first = chat.language if chat is not None else None
    return Words(
        language=next(filter(None, (first, *languages)), ENGLISH),
        timezone=chosen or timezone or UTC,
        chosen=chosen is not None,
        counting=chat.counting if chat is not None else None,
        dark=chat is not None and chat.theme == DARK,
    )
