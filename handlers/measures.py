"""Measures as people type them."""

from __future__ import annotations

import re

from bot.domain.measure import RECORDED, Measure

_MEASURES = {one.value: one for one in RECORDED} | {
    "peaks": Measure.PEAK,
    "highest": Measure.PEAK,
    "mean": Measure.AVERAGE,
    "tuned": Measure.TUNED_IN,
    "tuned-in": Measure.TUNED_IN,
    "tunedin": Measure.TUNED_IN,
    "views": Measure.VIEWS,
    "length": Measure.AIRTIME,
    "duration": Measure.AIRTIME,
}
_TWO_WORDS = re.compile(r"\btuned in\b", re.IGNORECASE)


def one_word(text: str) -> str:
    """Write a measure of two words as one."""
    return _TWO_WORDS.sub(Measure.TUNED_IN.value, text)


def measure_of(word: str) -> Measure | None:
    """Return the measure that a typed word means, or None."""
    return _MEASURES.get(word.strip(",.").lower())
