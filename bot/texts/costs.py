"""What asking costs, as people count it."""

from __future__ import annotations

from bot.texts.words import Words

_DOLLARS = "USD"


def amount(words: Words, value: float, unit: str) -> str:
    """Return an amount of money or of units: "$0.12", "$0.015", "1,440 units"."""
    if unit == _DOLLARS:
        cents = round(value * 100, 3)
        return f"${value:,.2f}" if cents == round(cents) else f"${value:,.3f}"
    return words.text("{n} {unit}", n=words.exact(round(value)), unit=unit)
