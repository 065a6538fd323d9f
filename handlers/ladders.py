"""Ladders as people type them: ``100 250 1k 5k``, or ``default``."""

from __future__ import annotations

from collections.abc import Sequence

from bot.domain.alerts.milestone import parse_ladder
from bot.texts.words import Words
from handlers.command import Mistake

MOST_RUNGS = 50
_DEFAULT = {"default", "standard"}


def is_rung(word: str) -> bool:
    """Tell whether a word is meant as a rung, if only a mistaken one."""
    if word.lower() in _DEFAULT:
        return True
    try:
        parse_ladder([word])
    except ValueError:
        return word[:1].isdigit() or word[:1] == "-"
    return True


def read_ladder(typed: Sequence[str], words: Words) -> tuple[float, ...] | None:
    """Return a ladder; None for the default one.

    Raises:
        Mistake: It is none.
    """
    if any(word.lower() in _DEFAULT for word in typed):
        return None
    try:
        ladder = parse_ladder(typed)
    except ValueError as error:
        raise Mistake(words.say("“{word}” is not a number of people.", word=str(error)[:40])) from None
    if len(ladder) > MOST_RUNGS:
        raise Mistake(words.say("That is more than {n} milestones.", n=str(MOST_RUNGS)))
    return ladder
