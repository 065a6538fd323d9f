"""Words in a picture: measured, cut to what fits, put where nothing else is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import Bbox, IdentityTransform

from bot.charts.fonts import legible

DPI = 100
ELLIPSIS = "…"
#: Between two words side by side, in pixels.
APART = 14
_PIXELS = IdentityTransform()


class Box(NamedTuple):
    """A rectangle in pixels, from the lower left."""

    left: float
    bottom: float
    right: float
    top: float

    def grown(self, by: float) -> Box:
        return Box(self.left - by, self.bottom - by, self.right + by, self.top + by)

    def meets(self, other: Box) -> bool:
        return (
            self.left < other.right
            and other.left < self.right
            and self.bottom < other.top
            and other.bottom < self.top
        )

    def holds(self, other: Box) -> bool:
        return (
            self.left <= other.left
            and other.right <= self.right
            and self.bottom <= other.bottom
            and other.top <= self.top
        )


class Words(NamedTuple):
    """A text with its size, not yet anywhere.

    Attributes:
        anchor: From its lower left corner to the point by which it is hung up.
    """

    artist: Text
    width: float
    height: float
    anchor: tuple[float, float]
    leftward: bool

    def at(self, left: float, bottom: float) -> Box:
        """Return where it would be."""
        return Box(left, bottom, left + self.width, bottom + self.height)


class Sheet:
    """What words are written on, and where there are any."""

    def __init__(self, figure: Figure, renderer: RendererAgg) -> None:
        self._figure = figure
        self._renderer = renderer
        self.taken: list[Box] = []

    def words(
        self,
        text: str,
        *,
        size: float,
        colour: str,
        bold: bool = False,
        within: float | None = None,
        upright: bool = False,
    ) -> Words | None:
        """Return a text as it can be drawn, shortened to a width; None where no font has its letters.

        Args:
            upright: It is read from below.
        """
        found = legible(text)
        if found is None:
            return None
        artist = Text(
            text=found.text,
            color=colour,
            fontsize=size * 72 / DPI,
            fontfamily=list(found.families),
            fontweight="bold" if bold else "normal",
            parse_math=False,  # a text with two dollars is no formula
            usetex=False,
            va="baseline",
            ha="left",
            rotation=90 if upright else 0,
        )
        artist.set_figure(self._figure)
        artist.set_transform(_PIXELS)
        one = self._measured(artist, leftward=found.leftward)
        if within is not None and one.width > within:
            one = self._cut(one, found.text, within)
        return one

    def put(self, one: Words, left: float, bottom: float, *, ground: str | None = None, alone: bool = True) -> Box:
        """Write words, their lower left corner there.

        Args:
            ground: Paint this colour below them.
            alone: Nothing else may be put there.
        """
        box = one.at(left, bottom)
        one.artist.set_position((left + one.anchor[0], bottom + one.anchor[1]))
        one.artist.set_zorder(9)
        if ground is not None:
            one.artist.set_bbox(
                {"boxstyle": "square,pad=0.12", "facecolor": ground, "alpha": 0.72, "linewidth": 0}
            )
        self._figure.add_artist(one.artist)
        if alone:
            self.taken.append(box)
        return box

    def best(
        self, one: Words, places: Iterable[tuple[float, float]], *, inside: Box, avoid: np.ndarray
    ) -> tuple[tuple[float, float] | None, bool]:
        """Return the first of the places that is free, one where it covers nothing before the others.

        Args:
            inside: It may not leave this.
            avoid: Pixels that it had better not cover, as rows of x and y.

        Returns:
            Its lower left corner, if there is room; whether it covers something there.
        """
        hidden: list[tuple[int, tuple[float, float]]] = []
        for left, bottom in places:
            box = one.at(left, bottom)
            if not inside.holds(box) or any(box.grown(4).meets(other) for other in self.taken):
                continue
            x, y = avoid[:, 0], avoid[:, 1]
            covers = np.count_nonzero((box.left <= x) & (x <= box.right) & (box.bottom <= y) & (y <= box.top))
            if not covers:
                return (left, bottom), False
            hidden.append((int(covers), (left, bottom)))
        return min(hidden, default=(0, None), key=lambda pair: pair[0])[1], True

    def _measured(self, artist: Text, *, leftward: bool) -> Words:
        box = self._extent(artist)
        return Words(artist, box.width, box.height, (-box.x0, -box.y0), leftward)

    def _extent(self, artist: Text) -> Bbox:
        """Return where it would be with its anchor in the corner of the picture."""
        artist.set_position((0, 0))
        return artist.get_window_extent(self._renderer)

    def _cut(self, one: Words, text: str, within: float) -> Words:
        """Shorten a text by halves until it fits."""
        low, high = 0, len(text)
        while low < high:
            middle = (low + high + 1) // 2
            one.artist.set_text(text[:middle].rstrip() + ELLIPSIS)
            if self._extent(one.artist).width <= within:
                low = middle
            else:
                high = middle - 1
        one.artist.set_text(text[:low].rstrip() + ELLIPSIS)
        return self._measured(one.artist, leftward=one.leftward)
