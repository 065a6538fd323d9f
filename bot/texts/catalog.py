"""Sentences by language: gettext catalogs, whose keys are the English sentences themselves.

``make catalogs`` collects the sentences from the code into ``catalogs/milepost.pot``, brings every
``catalogs/<language>/LC_MESSAGES/milepost.po`` up to date and compiles it. A language is its catalog: the
folder alone makes it known here.
"""

from __future__ import annotations

from functools import lru_cache
from gettext import GNUTranslations, NullTranslations
from pathlib import Path

DOMAIN = "milepost"
CATALOGS = Path(__file__).parent / "catalogs"
#: What is spoken where no other language is known.
ENGLISH = "en"


def compiled(language: str, directory: Path = CATALOGS) -> Path:
    """Return where the compiled catalog of a language lies."""
    return directory / language / "LC_MESSAGES" / f"{DOMAIN}.mo"


@lru_cache(maxsize=16)
def languages(directory: Path = CATALOGS) -> tuple[str, ...]:
    """Return the languages that there is a catalog for."""
    return tuple(sorted(path.parent.parent.name for path in directory.glob(f"*/LC_MESSAGES/{DOMAIN}.mo")))


@lru_cache(maxsize=256)
def served(language: str, directory: Path = CATALOGS) -> str:
    """Return the catalog that serves a language tag: ``es`` serves ``es-MX``, English what is unknown."""
    known = {name.lower(): name for name in languages(directory)}
    tag = language.replace("-", "_").lower()
    while tag:
        if tag in known:
            return known[tag]
        tag = tag.rpartition("_")[0]
    return ENGLISH


@lru_cache(maxsize=256)
def translations(language: str, directory: Path = CATALOGS) -> NullTranslations:
    """Return the sentences of a language; those that it lacks are answered in English."""
    return _load(served(language, directory), directory)


@lru_cache(maxsize=64)
def _load(name: str, directory: Path) -> NullTranslations:
    path = compiled(name, directory)
    if not path.is_file():
        return NullTranslations()
    with path.open("rb") as file:
        found = GNUTranslations(file)
    if name != ENGLISH:
        found.add_fallback(_load(ENGLISH, directory))
    return found
