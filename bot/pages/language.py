"""In which language a reader is spoken to: the one chosen by hand, else the first that the browser asks for."""

from __future__ import annotations

from functools import lru_cache

from babel import Locale

from bot.texts.catalog import ENGLISH, languages, served

#: What a browser sends is shorter.
_LONGEST = 500


def chosen(asked: str | None) -> str | None:
    """Return the language of ``?lang=``, or None for one that there is no catalog for."""
    return asked if asked in languages() else None


@lru_cache(maxsize=1_024)
def preferred(header: str) -> str:
    """Return the language that serves an ``Accept-Language`` best; English where none does."""
    wanted: list[tuple[float, int, str]] = []
    for place, part in enumerate(header[:_LONGEST].split(",")):
        tag, _, weight = part.partition(";")
        name = tag.strip()
        if name and name.replace("-", "").isalnum() and name.isascii():
            wanted.append((-_weight(weight), place, name))
    for rank, _, tag in sorted(wanted):
        if rank < 0 and (found := served(tag)) and (found != ENGLISH or tag.lower().split("-")[0] == ENGLISH):
            return found
    return ENGLISH


def _weight(text: str) -> float:
    name, _, value = text.strip().partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        return min(1.0, max(0.0, float(value)))
    except ValueError:
        return 0.0


@lru_cache(maxsize=1)
def own_names() -> tuple[tuple[str, str], ...]:
    """Return (tag, its name in itself) of all languages, English first."""
    found = []
    for tag in languages():
        name = Locale.parse(tag).get_display_name(tag) or tag
        found.append((tag, name[:1].upper() + name[1:]))
    return tuple(sorted(found, key=lambda one: (one[0] != ENGLISH, one[0])))
