"""What asking costs, as people count it."""

from __future__ import annotations

from bot.ports.message import plain_text
from bot.texts.words import N_, Words

_DOLLARS = "USD"
#: What else platforms count, in singular and plural.
_COUNTED = {
    # Translators: units of YouTube's daily quota
    "units": N_("{n} unit", "{n} units"),
    # Translators: questions that a platform was asked
    "calls": N_("{n} call", "{n} calls"),
}


def amount(words: Words, value: float, unit: str) -> str:
    """Return an amount of money or of units: "$0.12", "$0.015", "1,440 units"."""
    if unit == _DOLLARS:
        return words.dollars(value)
    if unit in _COUNTED:
        return plain_text(words.plural(*_COUNTED[unit], round(value), n=words.exact(round(value))))
    return words.text("{n} {unit}", n=words.exact(round(value)), unit=unit)
