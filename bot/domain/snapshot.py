"""A reading kept. Kept readings are folded again where a picture or a pace is drawn from them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from bot.domain.statistics import Tally


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A kept reading.

    Attributes:
        live: False where the session was gone, or already over.
        interval: The poll interval in force, in milliseconds.
        broken: The session was gone since the reading before.
    """

    at: int
    live: bool
    interval: int
    concurrent: float | None
    tuned_in: float | None
    broken: bool = False


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
        tally.see(one.at, interval=one.interval, concurrent=one.concurrent)
        if one.concurrent is None:
            continue
        if waiting[1] is not None and tally.glitches == glitches:
            found.append((waiting[0], waiting[1]))
        if tally.suspect is None:
            found.append((one.at, one.concurrent))
    return found
