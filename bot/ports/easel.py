"""Where charts become pictures."""

from __future__ import annotations

from typing import Protocol

from bot.domain.chart import Chart


class DrawError(Exception):
    """A chart did not become a picture; the message says why, for the log."""


class Busy(DrawError):
    """Too many charts wait already."""


class Refused(DrawError):
    """It cannot be drawn, however often it is tried."""


class Broken(DrawError):
    """What draws did not answer, or in no sense; the next chart may succeed."""


class Easel(Protocol):
    """Draws charts."""

    async def draw(self, chart: Chart) -> bytes:
        """Return a chart as a PNG.

        Raises:
            DrawError: One of its kinds.
        """
        ...

    async def close(self) -> None:
        """Let go of everything; what is being drawn fails."""
        ...
