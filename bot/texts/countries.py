"""Countries as readers call them: in their own language, in English, or in another that Milepost speaks."""

from __future__ import annotations

from collections import defaultdict
from functools import lru_cache

from babel import Locale, UnknownLocaleError

from bot.domain.naming import folded
from bot.texts.catalog import ENGLISH, languages, served
from bot.texts.words import Words

#: What people write that is not a country's name in the lists.
_ALSO = {
    "usa": "US",
    "america": "US",
    "uk": "GB",
    "england": "GB",
    "scotland": "GB",
    "wales": "GB",
    "uae": "AE",
    "emirates": "AE",
    "holland": "NL",
    "한국": "KR",
}
#: Names of which several countries have a part: all of them are meant.
_SEVERAL = {"korea": ("KR", "KP"), "congo": ("CD", "CG")}


def country_name(code: str, words: Words) -> str:
    """Return what a country is called in the reader's language."""
    for language in (served(words.language), ENGLISH):
        name = _territories(language).get(code)
        if name:
            return name
    return code


def countries_called(name: str, *, by_code: bool = False) -> tuple[str, ...]:
    """Return the codes of the countries that a name means.

    Args:
        by_code: A code means itself.
    """
    key = folded(name)
    if by_code and key.upper() in _territories(ENGLISH):
        return (key.upper(),)
    if key in _SEVERAL:
        return _SEVERAL[key]
    if key in _ALSO:
        return (_ALSO[key],)
    return tuple(sorted(_names().get(key, ())))


@lru_cache(maxsize=1)
def _names() -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for language in languages():
        for code, name in _territories(language).items():
            found[folded(name)].add(code)
    return dict(found)


@lru_cache(maxsize=16)
def _territories(language: str) -> dict[str, str]:
    try:
        names = Locale.parse(language).territories
    except (UnknownLocaleError, ValueError):
        return {}
    return {code: str(name) for code, name in names.items() if len(code) == 2 and code.isalpha()}
