"""Whether this process does its work: which stages tick, and how it goes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic

#: A stage stands still if nothing of it was heard for so many times its rhythm,
TIMES = 20
#: and for so many seconds at least: a disk or a network may be slow for a while.
AT_LEAST = 180.0
#: So many ticks that fail one after another are no chance.
FAILURES = 3


@dataclass(slots=True)
class Beat:
    """One stage.

    Attributes:
        every: Its rhythm, in seconds.
        heard_at: When something of it was heard last, on the vitals' clock.
        failures: How many ticks have failed since one went well.
    """

    every: float
    heard_at: float
    failures: int = 0

    @property
    def patience(self) -> float:
        """After how many silent seconds it stands still."""
        return max(TIMES * self.every, AT_LEAST)


@dataclass(slots=True)
class Vitals:
    """What was heard of the stages of this process.

    Attributes:
        clock: Seconds that nobody sets.
    """

    clock: Callable[[], float] = monotonic
    beats: dict[str, Beat] = field(default_factory=dict)

    def stage(self, name: str, *, every: float) -> None:
        """Expect a stage to be heard of in its rhythm."""
        self.beats[name] = Beat(every, self.clock())

    def ticked(self, name: str, *, ok: bool) -> None:
        """Note that a tick of a stage has ended."""
        beat = self.beats.get(name)
        if beat is not None:
            beat.heard_at = self.clock()
            beat.failures = 0 if ok else beat.failures + 1

    def comes_forward(self, name: str) -> None:
        """Note that a stage works on a tick that takes long."""
        beat = self.beats.get(name)
        if beat is not None:
            beat.heard_at = self.clock()

    def still(self, name: str) -> float | None:
        """Return for how many seconds a stage stands still, or None if it does not."""
        beat = self.beats[name]
        silent = self.clock() - beat.heard_at
        return silent if silent > beat.patience else None

    def fails(self, name: str) -> bool:
        """Tell whether the ticks of a stage fail, again and again."""
        return self.beats[name].failures >= FAILURES
