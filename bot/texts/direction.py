"""The way in which a line runs: left to right or right to left, also around what runs the other way.

Chats lay a paragraph out by its first letter, and what is around a piece of the other direction (signs, figures,
stops) may change sides with it. So such a piece is isolated, and a line that would begin with one gets a mark.
https://www.unicode.org/reports/tr9/
"""

from __future__ import annotations

import re
import unicodedata

from bot.domain.outside import FIRST_STRONG, POP
from bot.ports.message import Line, Span, Style, plain_text

#: Invisible letters of either direction.
LEFT_TO_RIGHT, RIGHT_TO_LEFT = "\u200e", "\u200f"

_ISOLATE = re.compile(f"{FIRST_STRONG}[^{FIRST_STRONG}{POP}]*{POP}")
#: A figure with a sign, which would change sides.
_SIGNED = re.compile(r"[0-9]\s?%|[-+−<>≥≤~±#/][0-9]")
_RIGHT = {"R", "AL"}


def isolated(line: Line, *, rtl: bool) -> Line:
    """Return what fills a placeholder, isolated where it holds letters of the other direction.

    Args:
        rtl: Whether the sentence around it runs from right to left.
    """
    text = plain_text(line)
    if not text or (not rtl and text.isascii()):
        return line
    bare = _without_isolates(text)
    if rtl:
        other = any(_bidi(sign) == "L" for sign in bare) or _SIGNED.search(bare) is not None
    else:
        other = any(_bidi(sign) in _RIGHT for sign in bare)
    if not other or not bare.strip():
        return line
    return (Span(FIRST_STRONG + _lead(bare, rtl=rtl)), *line, Span(POP))


def _lead(bare: str, *, rtl: bool) -> str:
    """Return what makes a phrase of the language run its way although it begins with a Latin name."""
    kinds = [kind for kind in map(_bidi, bare) if kind == "L" or kind in _RIGHT]
    own = sum(kind in _RIGHT for kind in kinds)
    return RIGHT_TO_LEFT if rtl and kinds[:1] == ["L"] and own > len(kinds) - own else ""


def headed(line: Line, *, rtl: bool) -> Line:
    """Return a line that runs the way of its language, whatever stands first in it.

    A line that is nothing but something to type, or has no letter of the language, such as a sentence that is not
    translated yet, runs its own way.
    """
    text = plain_text(line)
    if not text or (not rtl and text.isascii()):
        return line
    first = next((kind for kind in map(_bidi, text) if kind == "L" or kind in _RIGHT), None)
    if not rtl:
        return (Span(LEFT_TO_RIGHT), *line) if first in _RIGHT else line
    if first in _RIGHT or text.startswith(RIGHT_TO_LEFT) or all(span.style is Style.CODE for span in line):
        return line
    bare = [_bidi(sign) for sign in _without_isolates(text)]
    if "L" in bare and not any(kind in _RIGHT for kind in bare):
        return line
    return (Span(RIGHT_TO_LEFT), *line)


def joined(text: str) -> str:
    """Return a text as one piece: nothing in it is isolated from the rest."""
    return text.replace(FIRST_STRONG, "").replace(POP, "")


def _without_isolates(text: str) -> str:
    while FIRST_STRONG in text:
        shorter = _ISOLATE.sub("", text)
        if shorter == text:
            break
        text = shorter
    return text


def _bidi(sign: str) -> str:
    return unicodedata.bidirectional(sign)
