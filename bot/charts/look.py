"""Colours and sizes: made for a phone, where a picture is shown at a third of its width."""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain.chart import Size


@dataclass(frozen=True, slots=True, kw_only=True)
class Colours:
    """One theme.

    Attributes:
        lines: Of the curves, in order.
        area: How strongly a curve's colour fills what is below it.
    """

    ground: str
    text: str
    muted: str
    grid: str
    lines: tuple[str, ...]
    faint: str
    area: float
    rung: str
    record: str
    gap: str
    hatch: str


LIGHT = Colours(
    ground="#ffffff",
    text="#17212b",
    muted="#5a6a7a",
    grid="#e4e9ee",
    lines=("#1f6fd1", "#d2541b", "#2c8a4b", "#8a4fbf"),
    faint="#97a5b3",
    area=0.16,
    rung="#48586a",
    record="#9a6700",
    gap="#f1f4f7",
    hatch="#d3dbe3",
)
DARK = Colours(
    ground="#17212b",
    text="#f2f6fa",
    muted="#a3b4c4",
    grid="#2b3946",
    lines=("#62b0ff", "#ff9a5c", "#6fd08c", "#c79bff"),
    faint="#7489a0",
    area=0.20,
    rung="#b6c6d6",
    record="#f4c449",
    gap="#1f2b37",
    hatch="#38495a",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Type:
    """Sizes in pixels."""

    width: int
    height: int
    pad: int
    title: int
    text: int
    axis: int
    small: int
    line: float


TYPES = {
    Size.WIDE: Type(width=1200, height=675, pad=30, title=46, text=36, axis=34, small=29, line=5),
    Size.TALL: Type(width=1080, height=1200, pad=36, title=54, text=42, axis=40, small=34, line=6),
}
