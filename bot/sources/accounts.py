"""What sources of accounts share: fields of an answer read with care, and what is remembered of accounts."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bot.domain import DAY, HOUR, SECOND
from bot.domain.outside import clean
from bot.domain.reading import is_figure
from bot.ports.memory import Memory
from bot.ports.source import SourceError

#: Characters of a title or name that are kept.
LONGEST_WORDS = 300
IDENTITY = re.compile(r"[A-Za-z0-9_.:-]{1,64}")
DIGITS = re.compile(r"\d{1,20}", re.ASCII)


def figure(value: object) -> int | None:
    """Read a count of people, as a number or spelled as one; None where it is none, or absurd."""
    if isinstance(value, str) and DIGITS.fullmatch(value):
        value = int(value)
    return int(value) if is_figure(value) and value == int(value) else None


def words(value: object) -> str | None:
    """Read a text for people; None where there is nothing to see."""
    return clean(value, limit=LONGEST_WORDS) or None if isinstance(value, str) else None


def identity(value: object) -> str | None:
    """Read a platform's id, as a text or a number."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 10**20:
        return str(value)
    return value if isinstance(value, str) and IDENTITY.fullmatch(value) else None


def moment(value: object) -> int | None:
    """Read an RFC 3339 stamp as milliseconds; None where it is none, or the zero of a language, year 1."""
    try:
        stamp = datetime.fromisoformat(value) if isinstance(value, str) else None
        at = round(stamp.timestamp() * SECOND) if stamp is not None and stamp.tzinfo else 0
    except (ValueError, OverflowError):
        return None
    return at if at > 0 else None


class State(StrEnum):
    """How an account stood when it was last looked at."""

    KNOWN = "known"
    GONE = "gone"
    #: A question that names it is refused as a whole.
    BARRED = "barred"


#: Milliseconds after which an account is looked at again.
TERMS = {State.KNOWN: DAY, State.GONE: 6 * HOUR, State.BARRED: HOUR}
#: After a look that failed.
SOON = HOUR


@dataclass(frozen=True, slots=True)
class Standing:
    """How an account stood, and when it is worth looking again (milliseconds)."""

    state: State
    again_at: int

    def is_due(self, now: int) -> bool:
        """Tell whether to look again; also where the clock has been set back since."""
        return now >= self.again_at or self.again_at > now + 2 * DAY


#: Of an account that nothing is known of yet.
NEVER_SEEN = Standing(State.KNOWN, 0)


class Accounts:
    """What is remembered of a platform's accounts: the ids of names, and how each stands."""

    def __init__(self, memory: Memory, platform: str) -> None:
        self._memory = memory
        self._ids, self._standings = f"{platform} account", f"{platform} standing"

    async def ids(self, names: Iterable[str]) -> dict[str, str]:
        """Return the ids that names had when they were first met; names change, ids do not."""
        kept = await self._memory.get(self._ids, names)
        return {name: id_ for name, id_ in kept.items() if IDENTITY.fullmatch(id_)}

    async def met(self, ids: Mapping[str, str], now: int) -> None:
        """Remember the ids of names that the platform has just told.

        A name stays with whom it meant first: a watch that was made by it follows no other because the name does.
        """
        if not ids:
            return
        known = await self.ids(ids)
        new = {name: id_ for name, id_ in ids.items() if name not in known}
        if new:
            await self._memory.put(self._ids, new)
        await self.note(dict.fromkeys(ids.values(), State.KNOWN), now)

    async def found(
        self,
        names: Sequence[str],
        look_up: Callable[[Sequence[str]], Awaitable[Mapping[str, str | SourceError]]],
        now: int,
    ) -> dict[str, str | SourceError]:
        """Return the id of each name: from memory where it can be had, else it is looked up and remembered."""
        ids: dict[str, str | SourceError] = dict(await self.ids(names))
        missing = [name for name in names if name not in ids]
        if missing:
            looked = await look_up(missing)
            await self.met({name: id_ for name, id_ in looked.items() if isinstance(id_, str)}, now)
            ids |= looked
        return ids

    async def standings(self, ids: Iterable[str]) -> dict[str, Standing]:
        """Return how each of these stood."""
        wanted = list(ids)
        kept = await self._memory.get(self._standings, wanted) if wanted else {}
        return {id_: _standing(kept.get(id_)) for id_ in wanted}

    async def seen(self, ids: Iterable[str], standings: Mapping[str, Standing], now: int) -> None:
        """Remember that these are there, where that is news."""
        back = [id_ for id_ in ids if standings[id_].state is not State.KNOWN]
        await self.note(dict.fromkeys(back, State.KNOWN), now)

    async def note(self, states: Mapping[str, State], now: int, *, term: int | None = None) -> None:
        """Remember how these stand, and for how long that will do (milliseconds; the usual term of the state)."""
        if states:
            kept = {id_: f"{state} {now + (term or TERMS[state])}" for id_, state in states.items()}
            await self._memory.put(self._standings, kept)


def _standing(text: str | None) -> Standing:
    state, _, again_at = (text or "").partition(" ")
    if state in {*State} and DIGITS.fullmatch(again_at):
        return Standing(State(state), int(again_at))
    return NEVER_SEEN
