"""A reading kept. Kept readings are folded again where a picture or a pace is drawn from them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, auto

from bot.domain.statistics import Tally


class Kept(Enum):
    """How a live reading stays when others are thinned out: see ``bot.domain.thinning``."""

    #: Its at-once figure counts, and is joined to the one before.
    JOINED = auto()
    #: It counts; the line breaks before it.
    APART = auto()
    #: Its at-once figure is hidden or a glitch; it stays for what else it tells.
    ASIDE = auto()


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A kept reading.

    Attributes:
        live: False where the session was gone, or already over.
        interval: The poll interval in force, in milliseconds.
        broken: The line breaks before it: the session was gone since the reading before, or (where readings were
            thinned) that one lay too far back.
        kept: How it stayed when readings were thinned out; None where they were not.
    """

    at: int
    live: bool
    interval: int
    concurrent: float | None
    tuned_in: float | None
    broken: bool = False
    kept: Kept | None = None

    @property
    def sure(self) -> bool:
        """Whether its figure counts at once: readings that are gone now bore it out."""
        return self.kept is Kept.JOINED or self.kept is Kept.APART


def confirmed(snapshots: Iterable[Snapshot]) -> list[tuple[int, float]]:
    """Return the (moment, figure) of the readings that count, in order of time: glitches are left out."""
    tally = Tally()
    found: list[tuple[int, float]] = []
    for one in snapshots:
        if not one.live:
            tally.break_line()
            continue
        if one.broken:
            tally.break_line()
        waiting = (tally.suspect_at, tally.suspect)
        glitches = tally.glitches
        tally.see(one.at, interval=one.interval, concurrent=one.concurrent, sure=one.sure)
        if one.concurrent is None:
            continue
        if waiting[1] is not None and tally.glitches == glitches:
            found.append((waiting[0], waiting[1]))
        if tally.suspect is None:
            found.append((one.at, one.concurrent))
    return found
