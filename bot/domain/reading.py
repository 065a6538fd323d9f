"""What a source answered: readings of sessions at one moment, or why there are none."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeGuard

from bot.domain import LARGEST_FIGURE
from bot.domain.sentence import Sentence


class State(StrEnum):
    """Where a session stands."""

    SCHEDULED = "scheduled"
    LIVE = "live"
    ENDED = "ended"


class Metric(StrEnum):
    """A figure as a source gives it: the first is a gauge, the others only add up."""

    CONCURRENT = "concurrent"
    TUNED_IN = "tuned_in"
    VIEWS = "views"
    POSTS = "posts"


class Trouble(StrEnum):
    """Why a source gave no answer. None of them says anything about the session."""

    UNAVAILABLE = "unavailable"
    RATE_LIMITED = "rate_limited"
    DENIED = "denied"
    GARBAGE = "garbage"
    #: The account was renamed, deleted or made private.
    GONE = "gone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a source said of one session.

    Attributes:
        session: The platform's id of the session.
        concurrent: People there at once, in the platform's unit.
        source_peak: The highest figure that the source itself claims; shown apart, never compared.
        reason: Why ``concurrent`` is unknown, where the source tells.
        started_at: When the session began, or is due to begin, as the source claims.
    """

    session: str
    state: State = State.LIVE
    title: str | None = None
    hosts: tuple[str, ...] = ()
    url: str | None = None
    concurrent: float | None = None
    tuned_in: float | None = None
    views: float | None = None
    posts: float | None = None
    source_peak: float | None = None
    reason: str | None = None
    started_at: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """All that a source knew of one watch at one moment: empty means that nothing is live.

    Attributes:
        at: When it was true.
        readings: One for each session that the source named.
        still: Ids that go on although this answer holds no reading of them (sources that tell of one
            session at a time).
    """

    at: int
    readings: tuple[Reading, ...] = ()
    still: frozenset[str] = frozenset()


#: How a failure is kept with its watch.
TROUBLE = "{kind}: {why}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A source could not be asked: neither offline nor zero."""

    at: int
    trouble: Trouble
    detail: str = ""
    retry_after: int | None = None

    @property
    def told(self) -> str:
        """The kind, and behind a colon what the source says: a sentence, where that is one."""
        if not self.detail:
            return self.trouble.value
        return Sentence(TROUBLE, kind=self.trouble.value, why=self.detail)


def is_figure(value: object) -> TypeGuard[int | float]:
    """Tell whether a value can be an audience figure: a number, not negative, finite, countable."""
    if isinstance(value, bool):
        return False
    if isinstance(value, int | float):
        return 0 <= value <= LARGEST_FIGURE  # false for NaN too
    return False


def plain(value: float) -> float:
    """Write a whole number without its point: 42.0 becomes 42."""
    return int(value) if isinstance(value, float) and value.is_integer() else value
