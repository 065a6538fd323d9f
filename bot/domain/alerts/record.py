"""The best value of one measure on one platform fell: like for like, in the widest scope broken."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import IntEnum
from typing import Any

from bot.domain import DAY
from bot.domain.alert import Alert, of_measure
from bot.domain.measure import Measure
from bot.domain.session import Session

KIND = "record"
WORTH = DAY


class Scope(IntEnum):
    """Among whom a record is the best; a wider scope holds all that a narrower one holds."""

    WATCH = 1
    CHAT = 2
    PLATFORM = 3

    @property
    def word(self) -> str:
        """The scope as people and files write it."""
        return self.name.lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rival:
    """A value to beat: of an ended session of ours, or imported into the record book.

    Attributes:
        holder: Whose it is: the watch's name, or as the book says.
        date: When it was set, as ``YYYY-MM-DD`` or as the book says.
        session_id, entry_id: Which of the two it is.
        title: What the session was called.
        origin: Where the figures of a session of ours come from, if they were imported.
    """

    value: float
    holder: str
    date: str | None = None
    title: str | None = None
    link: str | None = None
    disputed: bool = False
    at_least: bool = False
    note: str | None = None
    session_id: int | None = None
    entry_id: int | None = None
    origin: str | None = None

    @property
    def imported(self) -> bool:
        """Whether it comes from elsewhere rather than being observed by us."""
        return self.entry_id is not None or self.origin is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """The rivals that one scope adds to the narrower ones.

    Attributes:
        best: The highest of them.
        sessions: How many of them are sessions of ours.
        since: When the first of those was live.
    """

    best: Rival
    sessions: int = 0
    since: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A record as one chat sees it.

    Attributes:
        scope: The widest scope in which the value beats every rival.
        previous: The best of those rivals.
        sessions: How many sessions of ours are among them.
        since: When the first of those was live.
    """

    scope: Scope
    previous: Rival
    sessions: int
    since: int | None


def standing(value: float, fields: Mapping[Scope, Field]) -> Standing | None:
    """Return the widest scope in which a value is strictly above every rival, or None.

    Args:
        value: The figure in question.
        fields: What each scope adds; one that adds no rival of its own is not there, and does not count.
    """
    broken: Standing | None = None
    previous: Rival | None = None
    sessions, since = 0, None
    for scope in Scope:
        added = fields.get(scope)
        if added is None:
            continue
        if value <= added.best.value:
            break
        sessions += added.sessions
        since = min((one for one in (since, added.since) if one is not None), default=None)
        if previous is None or added.best.value > previous.value:
            previous = added.best
        broken = Standing(scope=scope, previous=previous, sessions=sessions, since=since)
    return broken


def standing_as_dict(one: Standing) -> dict[str, Any]:
    """Write a standing so that it can be kept with a delivery."""
    return {**asdict(one), "scope": int(one.scope)}


def standing_from_dict(kept: Mapping[str, Any]) -> Standing:
    """Read what ``standing_as_dict`` wrote."""
    return Standing(
        scope=Scope(kept["scope"]),
        previous=Rival(**kept["previous"]),
        sessions=kept["sessions"],
        since=kept["since"],
    )


def alert(session: Session, *, at: int, measure: Measure, value: float, late: bool) -> Alert:
    """Tell that a session's measure beats all rivals of some chat."""
    return of_measure(KIND, session, at=at, measure=measure, value=value, late=late)
