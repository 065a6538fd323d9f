"""The figures of one session, kept as readings arrive.

The tally is the same after ten readings or ten million, so every question costs one row. It is folded
reading by reading: the same readings in other batches give the same tally.
"""

from __future__ import annotations

from dataclasses import dataclass

#: A reading more than this many times the confirmed one ...
SUSPECT_FACTOR = 5
#: ... and at least this far above it waits for the next one to agree.
SUSPECT_STEP = 50
#: So does a fall from this or more ...
CROWD = 10
#: ... to this or less: sources that lose their count say 0 or 1.
NOBODY = 1
#: Neighbouring readings further apart than this many poll intervals are not joined by a line.
JOINED_INTERVALS = 3


def soars(value: float, base: float) -> bool:
    """Tell whether ``value`` is too far above ``base`` to be believed at once."""
    return value > SUSPECT_FACTOR * base and value - base >= SUSPECT_STEP


def collapses(value: float, base: float) -> bool:
    """Tell whether ``value`` is so far below ``base`` that the source may have lost its count."""
    return base >= CROWD and value <= NOBODY


@dataclass(slots=True)
class Tally:
    """Running figures of a session's confirmed readings.

    Attributes:
        first_at, last_at: The first and last reading seen live, known or not.
        last: The last known at-once figure, confirmed or not; for showing only.
        confirmed, confirmed_at, confirmed_interval: The last confirmed reading.
        suspect, suspect_at, suspect_interval: A reading that waits for the next one to agree.
        suspect_broken: An offline answer came between the confirmed reading and the suspect one.
        broken: An offline answer came since the newest known reading.
        peak, peak_at: The highest confirmed reading.
        area: Sum of figure x milliseconds under the joined lines.
        covered: Milliseconds under joined lines.
        readings, glitches: How many known at-once figures came, and how many of them were left out.
    """

    first_at: int | None = None
    last_at: int | None = None
    last: float | None = None
    confirmed: float | None = None
    confirmed_at: int = 0
    confirmed_interval: int = 0
    suspect: float | None = None
    suspect_at: int = 0
    suspect_interval: int = 0
    suspect_broken: bool = False
    broken: bool = False
    peak: float | None = None
    peak_at: int | None = None
    area: float = 0
    covered: int = 0
    readings: int = 0
    glitches: int = 0
    tuned_in: float | None = None
    views: float | None = None
    posts: float | None = None
    tuned_in_high: float | None = None
    views_high: float | None = None
    posts_high: float | None = None
    source_peak: float | None = None

    @property
    def now(self) -> tuple[float, int] | None:
        """The newest figure worth showing, with its moment: a suspect one only where nothing else is known."""
        if self.confirmed is not None:
            return self.confirmed, self.confirmed_at
        return None if self.suspect is None else (self.suspect, self.suspect_at)

    @property
    def average(self) -> float | None:
        """People at once, weighted by time, gaps left out; unknown until two readings are joined."""
        return self.area / self.covered if self.covered else None

    @property
    def airtime(self) -> int:
        """Milliseconds from the first to the last reading seen live, gaps included."""
        return self.last_at - self.first_at if self.last_at is not None and self.first_at is not None else 0

    @property
    def coverage(self) -> float | None:
        """Joined time over airtime, from 0 to 1; unknown while the session has no length."""
        return self.covered / self.airtime if self.airtime else None

    def break_line(self) -> None:
        """Note an offline answer: what comes next is not joined to what came before."""
        self.broken = True

    def see(self, at: int, *, interval: int, concurrent: float | None, sure: bool = False) -> None:
        """Take in one live reading.

        Args:
            interval: The poll interval in force.
            sure: Readings that are no longer kept bore it out: it counts at once.
        """
        if self.first_at is None:
            self.first_at = at
        if self.last_at is None or at > self.last_at:  # a clock set back must not shorten the airtime
            self.last_at = at
        if concurrent is None:
            return
        self.readings += 1
        self.last = concurrent
        if self.suspect is not None:
            if self._agrees(concurrent):
                self._confirm(self.suspect, self.suspect_at, self.suspect_interval, self.suspect_broken)
            else:
                self.glitches += 1
                self.broken = self.broken or self.suspect_broken
            self.suspect = None
        base = self.confirmed
        if not sure and (base is None or soars(concurrent, base) or collapses(concurrent, base)):
            self.suspect = concurrent
            self.suspect_at = at
            self.suspect_interval = interval
            self.suspect_broken = self.broken
        else:
            self._confirm(concurrent, at, interval, self.broken)
        self.broken = False

    def drop_suspect(self) -> None:
        """Leave out what is still suspect: the session ended before anything could agree with it."""
        if self.suspect is not None:
            self.glitches += 1
            self.broken = self.broken or self.suspect_broken
            self.suspect = None

    def _agrees(self, concurrent: float) -> bool:
        """Tell whether the next known reading bears the suspect one out."""
        suspect = self.suspect
        assert suspect is not None
        if self.confirmed is None:
            return not (soars(concurrent, suspect) or soars(suspect, concurrent))
        if suspect > self.confirmed:
            return soars(concurrent, self.confirmed)
        return collapses(concurrent, self.confirmed)

    def _confirm(self, value: float, at: int, interval: int, broken: bool) -> None:  # noqa: FBT001
        before = self.confirmed
        if before is not None and not broken:
            gap = at - self.confirmed_at
            longest = max(self.confirmed_interval, interval)
            if 0 <= gap <= JOINED_INTERVALS * longest:
                self.area += (before + value) / 2 * gap
                self.covered += gap
        self.confirmed = value
        self.confirmed_at = at
        self.confirmed_interval = interval
        if self.peak is None or value > self.peak:
            self.peak = value
            self.peak_at = at
