"""Numbers as people and spreadsheets write them: 1234, 1,234, 1.234,5, 44 000. What may be two things is refused.

"1.234" is a thousand or little more than one. Counts of people are whole, so there it is a thousand; else the rest
of the file tells, if one of its numbers leaves no doubt. Where it does not, nobody guesses.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from bot.services.exporting.cells import Unfit

#: How people write that they do not know.
UNKNOWN = frozenset({"", "-", "–", "—", "?", "n/a", "na", "nan", "null", "none", "unknown"})
_SPACES = re.compile(r"(?<=\d)[\s'’\u00a0\u2009\u202f](?=\d{3}(?!\d))")
_PLAIN = re.compile(r"\d+")
_ONE_SIGN = re.compile(r"(\d+)([.,])(\d+)")
#: Thousands, also as they are grouped in South Asia: 1,234,567 and 12,34,567.
_GROUPED = re.compile(r"\d{1,3}(?:([.,])\d{2,3})(?:\1\d{2,3})*\1\d{3}")
_BOTH = re.compile(r"(\d{1,3}(?:\.\d{2,3})*\.\d{3},\d+)|(\d{1,3}(?:,\d{2,3})*,\d{3}\.\d+)")


@dataclass(frozen=True, slots=True)
class Signs:
    """What the signs of a file's numbers mean, as far as its numbers leave no doubt."""

    decimal: frozenset[str] = frozenset()
    thousands: frozenset[str] = frozenset()


def is_unknown(text: str) -> bool:
    """Tell whether a cell says that its figure is not known."""
    return text.strip().casefold() in UNKNOWN


def signs_of(cells: Iterable[tuple[str, bool]]) -> Signs:
    """Return what the numbers of a file tell of its signs, as (cell, whether it counts people)."""
    decimal, thousands = set(), set()
    for text, whole in cells:
        written = _bare(text)
        if match := _ONE_SIGN.fullmatch(written):
            if not _like_thousands(match):
                decimal.add(match[2])
            elif whole:
                thousands.add(match[2])
        elif match := _GROUPED.fullmatch(written):
            thousands.add(match[1])
        elif match := _BOTH.fullmatch(written):
            point = "," if match[1] else "."
            decimal.add(point)
            thousands.add({",": ".", ".": ","}[point])
    return Signs(frozenset(decimal), frozenset(thousands))


def number(text: str, signs: Signs, *, whole: bool) -> float:
    """Read a number of 0 or more.

    Args:
        text: As it stands in a cell.
        signs: What the other numbers of the file tell.
        whole: It counts people.

    Raises:
        Unfit: It is none, or may be two.
    """
    written = _bare(text)
    if _PLAIN.fullmatch(written):
        return int(written)
    if match := _ONE_SIGN.fullmatch(written):
        sign = match[2]
        other = {".": ",", ",": "."}[sign]
        is_decimal = sign in signs.decimal or other in signs.thousands
        is_thousands = sign in signs.thousands or other in signs.decimal
        if _like_thousands(match):
            if is_decimal and is_thousands:
                raise Unfit(_doubtful(match))
            if is_thousands or (whole and not is_decimal):
                return int(match[1] + match[3])
            if not is_decimal or whole:
                raise Unfit(_doubtful(match))
        return float(f"{match[1]}.{match[3]}")
    if match := _GROUPED.fullmatch(written):
        return int(written.replace(match[1], ""))
    if match := _BOTH.fullmatch(written):
        point = "," if match[1] else "."
        return float(
            "".join("." if sign == point else sign for sign in written if sign.isdigit() or sign == point)
        )
    raise Unfit(f"{text.strip()[:40]!r} is not a number")


def _bare(text: str) -> str:
    return _SPACES.sub("", text.strip())


def _like_thousands(match: re.Match[str]) -> bool:
    return len(match[3]) == 3 and len(match[1]) <= 3 and not match[1].startswith("0")


def _doubtful(match: re.Match[str]) -> str:
    return (
        f"{match[0]!r} may be {match[1]}{match[3]} or {match[1]}.{match[3]}: "
        "write it without a sign between thousands"
    )
