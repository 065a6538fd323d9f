"""Which fonts have the letters of a text. A letter without one never becomes a box: see ``legible``."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from matplotlib import font_manager
from matplotlib.font_manager import FontEntry
from matplotlib.ft2font import FT2Font

from bot.domain.outside import clean

#: Comes with the drawing library, so that pictures look the same wherever they are drawn.
BASE = "DejaVu Sans"
#: Scripts that the base font has in full.
_OF_BASE = frozenset({"LATIN", "GREEK", "CYRILLIC"})
#: Letters of Urdu that Arabic and Persian do without. It is read in a script style of its own.
_URDU = frozenset("ٹڈڑںےہھۓۂ")
_ARABIC = ("Noto Sans Arabic", "Noto Naskh Arabic", "Noto Kufi Arabic")
#: Where fonts are called otherwise than their script; the first that has all the letters is taken.
_CALLED = {
    "ARABIC": _ARABIC,
    "HANGUL": ("Noto Sans CJK KR", "Noto Sans KR"),
    "HIRAGANA": ("Noto Sans CJK JP", "Noto Sans JP"),
    "KATAKANA": ("Noto Sans CJK JP", "Noto Sans JP"),
    "CJK": ("Noto Sans CJK SC", "Noto Sans SC", "Noto Sans CJK TC", "Noto Sans CJK JP"),
}
#: Chinese signs look as the other script of the text wants it.
_BESIDE_CJK = ("HANGUL", "HIRAGANA", "KATAKANA")
_RIGHT_TO_LEFT = frozenset({"R", "AL"})
#: Named like letters of no script, and in every font or none.
_INVISIBLE = frozenset({"Cf", "Zs"})
_VARIANT = "VARIATION SELECTOR"
#: Fonts that have a box for everything.
_NO_LETTERS = ("Last Resort", "Adobe Blank")


@dataclass(frozen=True, slots=True)
class Legible:
    """A text that can be drawn.

    Attributes:
        families: The fonts to draw it with, by turns.
        leftward: It is read from right to left.
    """

    text: str
    families: tuple[str, ...]
    leftward: bool


@lru_cache(maxsize=512)
def legible(text: str) -> Legible | None:
    """Return a text with the fonts that have all its letters, without its emoji; None if there are none."""
    line = _without_pictures(text)
    if not line:
        return None
    letters = _by_script(line)
    families: list[str] = []
    for script, signs in letters.items():
        if script in _OF_BASE and not _missing(signs, BASE):
            continue
        found = _family(script, signs, beside=letters)
        if found is None and _missing(signs, BASE):
            return None
        if found is not None and found not in families:
            families.append(found)
    return Legible(line, (*families, BASE), _leftward(line))


def _without_pictures(text: str) -> str:
    """Return a text as one line without emoji, and without what held their parts together."""
    kept = "".join(sign for sign in text if not _is_picture(sign))
    words = [word for word in kept.split() if any(unicodedata.category(sign) != "Cf" for sign in word)]
    return clean(" ".join(words), limit=max(1, len(text)))


def _is_picture(sign: str) -> bool:
    """Tell whether a sign is an emoji or belongs to one: fonts of one colour have few of them."""
    code = ord(sign)
    return (
        (unicodedata.category(sign) == "So" and sign not in _letters(BASE))
        or 0x1F000 <= code <= 0x1FAFF
        or 0xE0020 <= code <= 0xE007F
        or code == 0x20E3
        or unicodedata.name(sign, "").startswith(_VARIANT)
    )


def _leftward(line: str) -> bool:
    for sign in line:
        direction = unicodedata.bidirectional(sign)
        if direction == "L":
            return False
        if direction in _RIGHT_TO_LEFT:
            return True
    return False


def _by_script(line: str) -> dict[str, str]:
    """Return the letters of a line by the first word of their names, which is their script."""
    found: dict[str, set[str]] = {}
    for sign in line:
        if unicodedata.category(sign)[0] in "LM":
            found.setdefault(unicodedata.name(sign, "NAMELESS").split()[0], set()).add(sign)
        elif sign not in _letters(BASE):
            found.setdefault("SIGN", set()).add(sign)
    accents = found.pop("COMBINING", set())
    if accents and found:
        found[next(iter(found))] |= accents
    elif accents:
        found["COMBINING"] = accents
    return {script: "".join(sorted(signs)) for script, signs in found.items()}


def _family(script: str, signs: str, *, beside: Iterable[str]) -> str | None:
    """Return a font that has all of these signs of a script, the likeliest first."""
    for name in _likely(script, signs, beside=beside):
        if name in _entries() and not _missing(signs, name):
            return name
    return next((name for name in _others() if not _missing(signs, name)), None)


def _likely(script: str, signs: str, *, beside: Iterable[str]) -> Iterator[str]:
    if script == "ARABIC" and not _URDU.isdisjoint(signs):
        yield "Noto Nastaliq Urdu"
    if script == "CJK":
        for other in _BESIDE_CJK:
            if other in beside:
                yield from _CALLED[other]
    yield from _CALLED.get(script, ())
    yield f"Noto Sans {script.title()}"
    yield f"Noto Serif {script.title()}"


def _others() -> list[str]:
    """Return all families, plain ones first."""
    return sorted(_entries(), key=lambda name: ("Sans" not in name, "Mono" in name, len(name), name))


@lru_cache(maxsize=1)
def _entries() -> dict[str, FontEntry]:
    """Return the upright font of each family, those installed since the library last looked among them."""
    manager = font_manager.fontManager
    known = {str(Path(one.fname)) for one in manager.ttflist}
    for path in font_manager.findSystemFonts():
        if str(Path(path)) not in known:
            try:
                manager.addfont(path)
            except (OSError, RuntimeError, ValueError):
                continue  # a file that the library cannot read is no font for us
    found: dict[str, FontEntry] = {}
    for one in manager.ttflist:
        if (
            one.style == "normal"
            and not one.name.startswith(_NO_LETTERS)
            and (one.name not in found or one.weight in {400, "normal", "regular"})
        ):
            found[one.name] = one
    return found


def _missing(signs: str, family: str) -> set[str]:
    letters = _letters(family)
    return {sign for sign in signs if sign not in letters and unicodedata.category(sign) not in _INVISIBLE}


@lru_cache(maxsize=512)
def _letters(family: str) -> frozenset[str]:
    """Return what a font has; nothing if it cannot be read."""
    path, index = str(font_manager.findfont(BASE)), 0
    if family != BASE:  # most texts need no other, and it takes a while to look for them all
        entry = _entries().get(family)
        if entry is None:
            return frozenset()
        path, index = str(entry.fname), entry.index
    try:
        font = FT2Font(path, face_index=index)
        return frozenset(map(chr, font.get_charmap()))
    except (OSError, RuntimeError, ValueError):
        return frozenset()
