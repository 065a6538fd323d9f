"""Why a source gives no figures, and what can be done: in sentences, from what the poller has noted."""

from __future__ import annotations

from bot.domain.reading import Trouble
from bot.domain.sentence import Sentence
from bot.texts.words import N_, Words

#: Where the source gives no reason of its own.
_REASONS = {
    Trouble.UNAVAILABLE: N_("The source does not answer."),
    Trouble.RATE_LIMITED: N_("The source wants to be asked less often."),
    Trouble.DENIED: N_("The source refuses this bot."),
    Trouble.GARBAGE: N_("What the source answers cannot be read."),
    Trouble.GONE: N_("What is watched is no longer there."),
}
_STEPS = {
    Trouble.UNAVAILABLE: N_("I go on trying; if it lasts, see whether the page opens in a browser."),
    Trouble.RATE_LIMITED: N_("I go on as soon as I may; there is nothing to do."),
    Trouble.DENIED: N_("I go on trying; if it is not mended, ask those who run this bot."),
    Trouble.GARBAGE: N_("I go on trying; if it lasts, tell those who run this bot."),
    Trouble.GONE: N_("Watch its new name, or /unwatch it."),
}


def reason(trouble: str | None, words: Words) -> str:
    """Return what the source says is wrong, else what its kind of trouble means; "" where neither is known.

    Args:
        trouble: As it is kept with a watch: the kind, and behind a colon what the source said.
    """
    kind, _, detail = (trouble or "").partition(": ")
    if isinstance(trouble, Sentence) and isinstance(why := trouble.fields.get("why"), str):
        detail = why  # which may be a sentence of its own
    if detail:
        return begun(words.told(detail))
    return words.text(_REASONS[Trouble(kind)]) if kind in set(Trouble) else ""


def begun(text: str) -> str:
    """Return a text with a capital at its beginning, as a sentence has it."""
    return text[:1].upper() + text[1:]


def step(trouble: str | None, words: Words) -> str:
    """Return what to do about it; "" where that is not known."""
    kind = (trouble or "").partition(": ")[0]
    return words.text(_STEPS[Trouble(kind)]) if kind in set(Trouble) else ""


def sentence(text: str) -> str:
    """Return a text with the stop of a sentence at its end."""
    return text if text.endswith((".", "!", "?", "…", "。", "۔")) or not text else f"{text}."
