"""Fills readings of an import in between those that were observed here. What was observed stands.

The figures of the session are then made anew of all its readings, as if these had come one after the other. That
can only be done where the figures that stand come from readings which are all still kept: where some were thinned
out or let go, others in their place would be counted twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.domain.reading import State
from bot.domain.session import CUMULATIVE, Session
from bot.domain.snapshot import Snapshot
from bot.domain.statistics import Tally
from storage import samples, sessions
from storage.database import Connection

#: What readings alone tell.
_MADE = (
    "first_at",
    "last_at",
    "confirmed",
    "confirmed_at",
    "peak",
    "peak_at",
    "area",
    "covered",
    "readings",
    "glitches",
)


@dataclass(slots=True, kw_only=True)
class Filling:
    """What an import has of a session that was observed here.

    Attributes:
        keys: The platform's ids.
        totals: Cumulative figures as they stood last, and their high-water marks; by column of the tally.
        moments: From when until when its readings reach, those that the store had too among them.
    """

    keys: tuple[str, ...]
    totals: Mapping[str, float | None]
    moments: tuple[int, int] | None = field(default=None)

    def reach(self, at: int) -> None:
        """Note a reading."""
        self.moments = (at, at) if self.moments is None else (min(self.moments[0], at), max(self.moments[1], at))


async def can_be_filled(connection: Connection, session_id: int) -> bool:
    """Tell whether the figures of a session can be made anew: its readings tell what stands."""
    one = await sessions.by_id(connection, session_id)
    if one is None or one.tally.first_at is None or one.tally.last_at is None:
        return False
    kept = await samples.between(connection, session_id, first=one.tally.first_at, last=one.tally.last_at)
    made = _folded(kept, one)
    return all(getattr(made, name) == getattr(one.tally, name) for name in _MADE)


async def settle(connection: Connection, session_id: int, filling: Filling) -> bool:
    """Make the figures of a session anew after readings came in; tells whether any of them changed."""
    one = await sessions.by_id(connection, session_id)
    if one is None or filling.moments is None:
        return False
    before = one.tally
    assert before.first_at is not None
    assert before.last_at is not None
    first, last = min(before.first_at, filling.moments[0]), max(before.last_at, filling.moments[1])
    made = _folded(await samples.between(connection, session_id, first=first, last=last), one)
    if all(getattr(made, name) == getattr(before, name) for name in _MADE):
        return False
    longer = made.last_at is not None and made.last_at > before.last_at
    for metric in CUMULATIVE:
        high = f"{metric}_high"
        marks = [mark for mark in (getattr(before, high), filling.totals[high]) if mark is not None]
        setattr(made, high, max(marks, default=None))
        own, told = getattr(before, metric), filling.totals[metric]
        setattr(made, metric, told if own is None or (longer and told is not None) else own)
    made.source_peak = before.source_peak
    one.tally = made
    one.keys += [key for key in filling.keys if key not in one.keys]
    await sessions.save(connection, [one])
    await sessions.save_tallies(connection, [one])
    return True


def filling_of(row: Mapping[str, Any], prefix: str) -> Filling:
    """Return what a row of the sheet of sessions has to fill in; its tally's columns begin with a prefix."""
    names = [name for metric in CUMULATIVE for name in (metric.value, f"{metric}_high")]
    return Filling(keys=tuple(row["platform_ids"]), totals={name: row[f"{prefix}{name}"] for name in names})


def _folded(kept: Iterable[Snapshot], one: Session) -> Tally:
    """Return the figures at once that readings make."""
    made = Tally()
    for reading in kept:
        if reading.broken or not reading.live:
            made.break_line()
        if reading.live:
            made.see(reading.at, interval=reading.interval, concurrent=reading.concurrent, sure=reading.sure)
    if one.state is State.ENDED:
        made.drop_suspect()
    return made
