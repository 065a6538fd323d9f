"""Names behind one another, told apart by those that the chat knows: ``PTI Space best Night Radio last``."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bot.ports.command import Request
from bot.services import ties, watching
from bot.services.comparing import Wanted, Which
from bot.services.context import Services
from bot.services.ties import Thing, Tied
from bot.services.watching import UnknownName, Watched
from bot.texts.words import Words, code
from handlers.arguments import quoted
from handlers.command import Mistake

#: Words of a text in which names are looked for: ten names of thirty words. Who types more means none of them.
MOST_WORDS = 300
#: What may stand between two names.
_BETWEEN = frozenset({"vs", "vs.", "against", "with", "and", "&", "+", ","})
_WHICH = {"last": Which.LAST, "best": Which.BEST, "live": Which.NEWEST, "now": Which.NEWEST}
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


@dataclass(frozen=True, slots=True)
class Known:
    """What has a name in a chat."""

    watches: Sequence[Watched]
    ties: Sequence[Tied]

    @property
    def by_name(self) -> dict[str, Thing]:
        """Names and addresses, in small letters; a tie's own name counts before an address."""
        found: dict[str, Thing] = {
            f"{one.watch.source}:{one.watch.reference}".casefold(): one for one in self.watches
        }
        found |= {one.name.casefold(): one for one in self.ties}
        return found | {one.name.casefold(): one for one in self.watches}


async def known(request: Request, services: Services, *, tied: bool = True) -> Known:
    """Return what has a name here.

    Raises:
        NoWatches: Nothing has.
    """
    watches = await watching.listed(services, request)
    if not watches:
        raise watching.NoWatches
    return Known(watches, await ties.tied(services, request) if tied else ())


def sides(text: str, here: Known, words: Words) -> list[tuple[Thing, list[str]]]:
    """Return the names in a text, each with the words behind it that say which session is meant.

    Names count as they are written in full; if they do not fill the text, by their beginnings.

    Raises:
        Mistake, UnknownName: There is something in it that is neither.
    """
    typed = quoted(text)
    if len(typed) > MOST_WORDS:
        raise UnknownName(text, ())
    for one in (typed, _apart(typed)):
        found = _exactly(one, here.by_name)
        if found is not None:
            return found
    for end in range(1, len(typed)):
        left, right = _about(typed[:end], here), _about(typed[end:], here)
        if left is not None and right is not None:
            return [left, right]
    single = _about(typed, here)
    if single is not None:
        return [single]
    raise _not_found(typed, here, words)


def _apart(typed: Sequence[str]) -> list[str]:
    """Return words with the commas behind them as words of their own: ``A, B`` are two names."""
    return [
        part for word in typed for part in ([word[:-1], ","] if len(word) > 1 and word.endswith(",") else [word])
    ]


def wanted(thing: Thing, word: str | None) -> Wanted:
    """Return the session that a word behind a name means."""
    if word is None:
        return Wanted(thing=thing)
    which = _WHICH.get(word.casefold())
    return Wanted(thing=thing, which=which) if which else Wanted(thing=thing, which=Which.DAY, day=word)


def _tells_which(word: str) -> bool:
    return word.casefold() in _WHICH or _DAY.fullmatch(word) is not None


def _exactly(typed: Sequence[str], names: Mapping[str, Thing]) -> list[tuple[Thing, list[str]]] | None:
    """Return what a text is made of if it is nothing but names in full: the longest first.

    From the end to the beginning, each word once: of names that are words of ours, as "and" or "best", a search
    that goes back would try more ways than anybody can wait for.
    """
    longest = max((len(name.split()) for name in names), default=0)
    behind = [0] * (len(typed) + 1)  # how many words that say which session stand from there on
    made: list[list[tuple[Thing, list[str]]] | None] = [None] * len(typed) + [[]]
    for start in range(len(typed) - 1, -1, -1):
        behind[start] = behind[start + 1] + 1 if _tells_which(typed[start]) else 0
        for end in range(min(len(typed), start + longest), start, -1):
            thing = names.get(" ".join(typed[start:end]).casefold())
            found = None if thing is None else _goes_on(typed, made, end, end + behind[end])
            if thing is not None and found is not None:
                stop, rest = found
                made[start] = [(thing, list(typed[end:stop])), *rest]
                break
    return made[0] or None


def _goes_on(
    typed: Sequence[str], made: Sequence[list[tuple[Thing, list[str]]] | None], end: int, last: int
) -> tuple[int, list[tuple[Thing, list[str]]]] | None:
    """Return how far the words behind a name go, as far as can be, and what comes after them."""
    for stop in range(last, end - 1, -1):
        rest = made[stop]
        if rest is not None:
            return stop, rest
        if stop + 1 < len(typed) and typed[stop].casefold() in _BETWEEN:
            rest = made[stop + 1]
            if rest is not None:
                return stop, rest
    return None


def _about(typed: Sequence[str], here: Known) -> tuple[Thing, list[str]] | None:
    """Return the one name whose beginning a text is, and what stands behind it."""
    words = [word for place, word in enumerate(typed) if place or word.casefold() not in _BETWEEN]
    if words and words[-1].casefold() in _BETWEEN:
        words.pop()
    end = len(words)
    while end > 1 and _tells_which(words[end - 1]):
        end -= 1
    if not words:
        return None
    try:
        return ties.pick(here.watches, here.ties, " ".join(words[:end])), words[end:]
    except UnknownName:
        return None


def _not_found(typed: Sequence[str], here: Known, words: Words) -> Exception:
    """Return what to say of a text in which something has no name here."""
    names = here.by_name
    for end in range(len(typed) - 1, 0, -1):
        before = names.get(" ".join(typed[:end]).casefold())
        if before is None:
            continue
        rest = " ".join(word for word in typed[end:] if not _tells_which(word)) or " ".join(typed[end:])
        try:
            ties.pick(here.watches, here.ties, rest)
        except UnknownName as unknown:
            line = words.say("Nothing here is called “{name}”.", name=rest[:60])
            if not unknown.near:
                return Mistake(line)
            near = words.say("{line} Did you mean {names}?", line=line, names=words.either(unknown.near))
            return Mistake(near)
    try:
        ties.pick(here.watches, here.ties, " ".join(typed))
    except UnknownName as unknown:
        return unknown
    return Mistake(words.say("I do not understand “{words}”.", words=code(" ".join(typed)[:60])))
