"""What people call the kinds of alerts."""

from __future__ import annotations

from collections.abc import Iterable

from bot.domain.alerts import KINDS, ended, milestone, record, started
from bot.texts.words import N_, Words

_NAMES = {
    started.KIND: N_("start"),
    milestone.KIND: N_("milestones"),
    record.KIND: N_("records"),
    ended.KIND: N_("recap"),
}
#: What people type for a kind, beside its own name.
_TYPED = {
    "start": started.KIND,
    "starts": started.KIND,
    "live": started.KIND,
    "milestones": milestone.KIND,
    "records": record.KIND,
    "recap": ended.KIND,
    "recaps": ended.KIND,
    "end": ended.KIND,
} | {kind: kind for kind in KINDS}
#: What menus offer.
TYPED = ("start", "milestones", "records", "recap")


def names(kinds: Iterable[str], words: Words) -> list[str]:
    """Return kinds as people call them, in the order in which they come in a session."""
    chosen = set(kinds)
    return [words.text(name) for kind, name in _NAMES.items() if kind in chosen]


def kind_of(word: str) -> str | None:
    """Return the kind that a typed word means, or None."""
    return _TYPED.get(word.strip(",").lower())


def is_kind(word: str) -> bool:
    """Tell whether a typed word means a kind, or all of them."""
    return kind_of(word) is not None or word.strip(",").lower() in {"all", "and"}
