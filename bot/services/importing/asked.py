"""What an import is asked to do, and what it tells of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import tzinfo

from storage.imports import Outcome

#: So many mistakes are told; more would not be read.
SHOWN = 20


class Refused(Exception):
    """Nothing was imported; the message says why."""


@dataclass(kw_only=True)
class Report:
    """What an import did, or would do.

    Attributes:
        watches: Those that are new; nobody follows them yet.
        sessions: How many came to what.
        alerts, samples: How many are new.
        wrong: Lines that are refused, the first ones; ``mistakes`` is how many there are.
        observed: Lines of old figures whose sessions were observed, and are left as they are.
        left_out: Columns of old figures that nobody knows.
    """

    watches: list[str] = field(default_factory=list)
    sessions: Counter[Outcome] = field(default_factory=Counter)
    alerts: int = 0
    samples: int = 0
    wrong: list[tuple[str, str]] = field(default_factory=list)
    mistakes: int = 0
    observed: list[int] = field(default_factory=list)
    left_out: tuple[str, ...] = ()

    @property
    def changes(self) -> bool:
        """Whether the store is not as it was."""
        moved = self.sessions[Outcome.NEW] + self.sessions[Outcome.CHANGED]
        return bool(self.watches or moved or self.alerts or self.samples)

    def refuse(self, where: str, why: str) -> None:
        """Note a line that is not taken."""
        self.mistakes += 1
        if len(self.wrong) < SHOWN:
            self.wrong.append((where, why))


@dataclass(frozen=True, slots=True, kw_only=True)
class How:
    """How a file is brought in.

    Attributes:
        now: The present moment.
        dry: Only tell what would happen.
        skip_bad: Leave out lines that are refused, instead of all.
        watch: The address (or name) of the watch that the figures belong to; of an export, in place of its own.
        zone: Of days and times in a table; None for the watch's own.
        source: Where the figures of a table are from.
    """

    now: int
    dry: bool = False
    skip_bad: bool = False
    watch: str | None = None
    zone: tzinfo | None = None
    source: str | None = None
