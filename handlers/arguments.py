"""Arguments as people type them: a name of one or more words, then what else a command takes."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping

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


def clauses(text: str, leads: Mapping[str, Callable[[str], bool]]) -> tuple[str, dict[str, str]]:
    """Split off ``lead value`` at the end of a text, in any order: ``Radio 1 at 100 250 mention @here``.

    Args:
        leads: Each lead word with what tells whether a text can be its value; else it belongs to what stands
            before, as in a name.
    """
    found: dict[str, str] = {}
    words = text.split()
    end = len(words)
    place = end - 1
    while place >= 0:
        lead = words[place].lower()
        value = " ".join(words[place + 1 : end])
        if lead in leads and lead not in found and value and leads[lead](value):
            found[lead] = value
            end = place
        place -= 1
    return " ".join(words[:end]), found
