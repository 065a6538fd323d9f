"""Arguments as people type them: a name of one or more words, then what else a command takes."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable

_LENGTH = re.compile(r"(\d+)\s*(m|min|minutes?|h|hours?|d|days?)?", re.IGNORECASE)
_MINUTES = {"m": 1, "h": 60, "d": 24 * 60}


def split_name(text: str, belongs_behind: Callable[[str], bool]) -> tuple[str, list[str]]:
    """Split off the words at the end that are not part of a name.

    Args:
        text: All that was typed after the command.
        belongs_behind: Tells whether a word is an argument rather than part of the name.
    """
    words = text.split()
    end = len(words)
    while end and belongs_behind(words[end - 1]):
        end -= 1
    return " ".join(words[:end]), words[end:]


def quoted(text: str) -> list[str]:
    """Split at spaces, but not within quotes of any shape; a stray quote is just a sign."""
    straight = text.replace("“", '"').replace("”", '"').replace("„", '"')
    try:
        return shlex.split(straight)
    except ValueError:
        return straight.split()


def minutes(word: str) -> int | None:
    """Read a length of time: ``30``, ``30m``, ``2h``, ``1d``; None if it is none."""
    match = _LENGTH.fullmatch(word)
    if match is None:
        return None
    unit = (match[2] or "m")[0].lower()
    return int(match[1][:6]) * _MINUTES[unit]
