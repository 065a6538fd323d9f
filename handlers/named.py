"""A watch's name with arguments behind it, told apart by the names that the chat knows."""

from __future__ import annotations

from collections.abc import Callable

from bot.ports.command import Request
from bot.services import ties, watching
from bot.services.context import Services
from bot.services.ties import Thing
from bot.services.watching import Watched
from bot.texts.words import Words
from handlers.arguments import split_name
from handlers.command import Mistake


async def named(
    request: Request, services: Services, words: Words, *, text: str, belongs_behind: Callable[[str], bool]
) -> tuple[Watched, list[str]]:
    """Return the watch that a text begins with, and the words behind its name.

    A watch may be called "Radio 1" or "Records": the longest name that the chat knows wins.

    Args:
        belongs_behind: Tells whether a word can be an argument rather than part of a name.

    Raises:
        Mistake: Behind a known name stands what is no argument.
        watching.NoWatches, watching.UnknownName, watching.WhichOne: See ``watching.find``.
    """
    typed = text.split()
    name, behind = split_name(text, belongs_behind)
    known = {one.name.casefold(): one for one in await watching.listed(services, request)}
    first = len(typed) - len(behind)
    for end in range(len(typed), max(first, 1) - 1, -1):
        found = known.get(" ".join(typed[:end]).casefold())
        if found is not None:
            return found, typed[end:]
    try:
        return await watching.find(services, request, name), behind
    except watching.UnknownName:
        for end in range(first - 1, 0, -1):
            if " ".join(typed[:end]).casefold() in known:
                rest = " ".join(typed[end:])
                raise Mistake(words.say("I do not understand “{words}”.", words=rest[:60])) from None
        raise


async def named_or_tied(
    request: Request, services: Services, words: Words, *, text: str, belongs_behind: Callable[[str], bool]
) -> tuple[Thing, list[str]]:
    """Return the watch or tie that a text begins with, and the words behind its name; see ``named``."""
    typed = text.split()
    tied = {one.name.casefold(): one for one in await ties.tied(services, request)}
    for end in range(len(typed), 0, -1):
        found = tied.get(" ".join(typed[:end]).casefold())
        if found is not None and all(map(belongs_behind, typed[end:])):
            return found, typed[end:]
    try:
        return await named(request, services, words, text=text, belongs_behind=belongs_behind)
    except watching.UnknownName as unknown:
        name, behind = split_name(text, belongs_behind)
        if not tied or not name:
            raise
        try:
            return await ties.find(services, request, name), behind
        except watching.UnknownName as nearer:
            raise nearer from unknown
