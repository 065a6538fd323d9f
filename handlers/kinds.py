"""What people call the kinds of alerts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bot.domain.alerts import (
    ASKED_FOR,
    KINDS,
    card,
    close,
    correction,
    ended,
    milestone,
    outage,
    record,
    reminder,
    started,
)
from bot.texts.words import N_, Words

_NAMES = {
    reminder.KIND: N_("reminder"),
    started.KIND: N_("start"),
    milestone.KIND: N_("milestones"),
    record.KIND: N_("records"),
    close.KIND: N_("close to a record"),
    ended.KIND: N_("recap"),
    outage.KIND: N_("outages"),
    card.KIND: N_("card"),
    correction.KIND: N_("correction"),
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
    "reminders": reminder.KIND,
    "outages": outage.KIND,
    "near": close.KIND,
} | {kind: kind for kind in KINDS}
#: What menus offer.
TYPED = ("start", "milestones", "records", "recap", "outages", "reminder", "close")
#: Typed in front of a kind: with the others, or without it.
MORE, LESS = "+", "-"
EVERYTHING = "all"
#: In front of kinds: these and no others.
ONLY = "only"
_AND = "and"


def names(kinds: Iterable[str], words: Words) -> list[str]:
    """Return kinds as people call them, in the order in which they come in a session."""
    chosen = set(kinds)
    return [words.text(name) for kind, name in _NAMES.items() if kind in chosen]


def kind_of(word: str) -> str | None:
    """Return the kind that a typed word means, with or without a sign, or None."""
    return _TYPED.get(word.strip(",").lower().removeprefix(MORE).removeprefix(LESS))


def chosen(typed: Sequence[str], *, usual: Iterable[str], there_are: Sequence[str]) -> list[str]:
    """Return the kinds that typed words choose, in the order of alerts.

    ``records recap`` are these two; ``+reminder -records`` change what is usual; ``all`` is all that there are.
    Who names nothing but kinds that come only if they are asked for wants them as well; ``only reminder`` wants
    nothing else.

    Args:
        usual: What comes unless kinds are named without a sign.
        there_are: All kinds of the watch.
    """
    named, said = _named(typed, there_are), _said(typed)
    wanted = set(usual) | named if not named or _are_more(named, typed) else named
    wanted |= {kind for sign, kind in said if sign == MORE}
    wanted -= {kind for sign, kind in said if sign == LESS}
    return [kind for kind in KINDS if kind in wanted]


def changes(typed: Sequence[str]) -> bool:
    """Tell whether typed words change what comes, rather than name all of it."""
    return any(word[0] in {MORE, LESS} for word in typed) or _are_more(_named(typed, KINDS), typed)


def _said(typed: Sequence[str]) -> list[tuple[str, str]]:
    return [(word[0], kind) for word in typed if (kind := kind_of(word)) is not None]


def _named(typed: Sequence[str], there_are: Sequence[str]) -> set[str]:
    """Return the kinds that are named without a sign."""
    named = {kind for sign, kind in _said(typed) if sign not in {MORE, LESS}}
    return named | set(there_are) if any(word.strip(",").lower() == EVERYTHING for word in typed) else named


def _are_more(named: set[str], typed: Sequence[str]) -> bool:
    """Tell whether kinds are meant beside the others: all of them come only if they are asked for."""
    return bool(named) and named <= ASKED_FOR and not any(word.strip(",").lower() == ONLY for word in typed)


def is_kind(word: str) -> bool:
    """Tell whether a typed word means a kind, or several of them."""
    return kind_of(word) is not None or word.strip(",").lower() in {EVERYTHING, ONLY, _AND}
