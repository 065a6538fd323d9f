"""A clock that moves only when a test moves it."""

from __future__ import annotations

from dataclasses import dataclass

#: A moment like any other: 22 November 2026.
NOW = 1_795_360_500_000


@dataclass
class Clock:
    """Tells ``now``, as the pipeline's clock."""

    now: int = NOW

    def __call__(self) -> int:
        return self.now
