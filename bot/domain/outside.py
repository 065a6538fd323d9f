"""Text from outside (titles, names): made fit for one line. Escaping is the business of each chat."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Any

ELLIPSIS = "…"

#: What parts a piece of text that is written the other way from what is around it: its beginning and its end.
#: https://www.unicode.org/reports/tr9/#Explicit_Directional_Isolates
FIRST_STRONG, POP = "\u2068", "\u2069"

#: Signs that turn the direction of everything after them.
_DIRECTION = frozenset("\u061c\u200e\u200f" + "".join(map(chr, (*range(0x202A, 0x202F), *range(0x2066, 0x2070)))))
#: Invisible, and of no use in a line: byte order mark, zero-width space, annotations.
_INVISIBLE = frozenset("\ufeff\u200b\ufff9\ufffa\ufffb")
#: Letters and signs by name, yet nothing to see.
_BLANK = frozenset("\u115f\u1160\u3164\uffa0\u2800\u034f\u17b4\u17b5")
_JOINER = "\u200d"


def whole(text: str) -> str:
    """Return text without halves of characters and without NUL, which JSON may hold and databases do not take."""
    return text.replace("\0", "").encode(errors="replace").decode()


#: How JSON writes what ``whole`` takes out; of whole characters beyond the first plane, too, which it leaves.
_WRITTEN_BROKEN = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")


def may_be_broken(written: str) -> bool:
    """Tell whether JSON may hold what ``whole`` takes out."""
    return _WRITTEN_BROKEN.search(written) is not None


def whole_document(document: Any) -> Any:
    """Return what JSON holds without what ``whole`` takes out of its texts."""
    match document:
        case str():
            return document.replace("\0", "").encode(errors="ignore").decode()
        case list():
            return [whole_document(one) for one in document]
        case dict():
            return {whole_document(key): whole_document(one) for key, one in document.items()}
        case _:
            return document


def balanced(texts: Sequence[str]) -> list[str]:
    """Return pieces of one line without the isolates' beginnings and ends that have no partner in it."""
    open_at: list[tuple[int, int]] = []
    lone: set[tuple[int, int]] = set()
    for place, text in enumerate(texts):
        for at, sign in enumerate(text):
            if sign == FIRST_STRONG:
                open_at.append((place, at))
            elif sign == POP and open_at:
                open_at.pop()
            elif sign == POP:
                lone.add((place, at))
    lone.update(open_at)
    if not lone:
        return [*texts]
    return [
        "".join(sign for at, sign in enumerate(text) if (place, at) not in lone)
        for place, text in enumerate(texts)
    ]


_USER = re.compile(r"//[^/@\s]*@")
_QUERY = re.compile(r"\?[^#\s]*")


def without_secrets(address: str) -> str:
    """Return an address as others may see it: without user, password and query, where tokens stand."""
    return _QUERY.sub("?…", _USER.sub("//", address), count=1)


def clean(text: str, *, limit: int) -> str:
    """Return outside text as one line of at most ``limit`` characters, cut between whole signs with "…".

    Control characters and signs that turn the writing direction go, runs of white space become one space.
    Empty when nothing is left to see: what to say then is for the caller to choose.
    """
    kept = "".join(sign for sign in text if _keep(sign))
    line = " ".join(kept.split())
    if not any(map(_visible, line)):
        return ""
    return line if len(line) <= limit else _cut(line, limit)


def _keep(sign: str) -> bool:
    if sign.isspace():
        return True
    return unicodedata.category(sign) not in {"Cc", "Cs"} and sign not in _DIRECTION and sign not in _INVISIBLE


def _visible(sign: str) -> bool:
    return unicodedata.category(sign) not in {"Cf", "Mn", "Me", "Zs"} and sign not in _BLANK


def _cut(line: str, limit: int) -> str:
    end = max(limit - len(ELLIPSIS), 0)
    whole = end
    while whole and _joined(line, whole):
        whole -= 1
    # One sign longer than the limit is cut all the same.
    return line[: whole or end].rstrip() + ELLIPSIS


def _joined(line: str, at: int) -> bool:
    """Tell whether what readers see as one sign goes across ``at``."""
    before, after = line[at - 1], line[at]
    if _JOINER in {before, after} or _extends(after):
        return True
    if _is_flag(before) and _is_flag(after):
        run = at
        while run and _is_flag(line[run - 1]):
            run -= 1
        return (at - run) % 2 == 1
    return False


def _extends(sign: str) -> bool:
    """Tell whether a sign belongs to the one before: accents, vowel signs, skin tones, tags, jamo."""
    code = ord(sign)
    return (
        unicodedata.category(sign) in {"Mn", "Mc", "Me"}
        or 0x1F3FB <= code <= 0x1F3FF
        or 0xE0020 <= code <= 0xE007F
        or 0x1160 <= code <= 0x11FF
    )


def _is_flag(sign: str) -> bool:
    return 0x1F1E6 <= ord(sign) <= 0x1F1FF
