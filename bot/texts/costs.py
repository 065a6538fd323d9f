"""What asking costs, as people count it."""

from __future__ import annotations

from bot.texts.words import Words

_DOLLARS = "USD"


def amount(words: Words, value: float, unit: str) -> str:
    """Return an amount of money or of units: "$0.12", "1,440 units"."""
    if unit == _DOLLARS:
        return f"${value:,.2f}" if value >= 0.01 or not value else f"${value:.3f}"
    return words.text("{n} {unit}", n=words.exact(round(value)), unit=unit)
