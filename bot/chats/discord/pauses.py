"""How long to wait between tries while Discord cannot be reached: longer each time."""

from __future__ import annotations

import random

FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 120.0


class Pauses:
    """Counts the tries that failed."""

    def __init__(self) -> None:
        self._next = FIRST_PAUSE_SECONDS

    def again(self) -> None:
        """Begin anew: it had worked."""
        self._next = FIRST_PAUSE_SECONDS

    def next(self, *, at_least: float = 0.0) -> float:
        """Return in how many seconds to try again."""
        pause = max(self._next, at_least)
        self._next = min(pause * 2, LONGEST_PAUSE_SECONDS)
        return pause * random.uniform(0.8, 1.2)  # noqa: S311 - only so that bots do not come at once
