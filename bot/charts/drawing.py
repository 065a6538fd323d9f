"""The picture of a chart.

Axes are drawn by hand: the library's own cost more than all else, and know nothing of phones.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from itertools import pairwise

import matplotlib as mpl
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import PathPatch
from matplotlib.path import Path
from matplotlib.transforms import IdentityTransform
from PIL import Image

from bot.charts.labels import APART, DPI, Box, Sheet, Words
from bot.charts.look import DARK, LIGHT, TYPES, Colours
from bot.domain.chart import Chart, Curve, Kind, Mark, Point, known

#: Quick to write, and small enough: one step more takes twice as long and saves a tenth.
PACKED = 4
#: A stretch without readings that is narrower is only a break in the line.
NARROWEST_GAP = 6
#: A line through more points than this is drawn thinner.
CROWDED = 1_500
#: How finely curves are felt for when words look for room, in pixels.
_FEELER = 4
_PIXELS = IdentityTransform()

mpl.rcdefaults()
mpl.rcParams["hatch.linewidth"] = 1.6


def draw(chart: Chart) -> bytes:
    """Return a chart as a PNG.

    Raises:
        ValueError: No figure is known.
    """
    if not any(known(one.points) for one in chart.curves):
        raise ValueError("There is nothing to draw.")
    return _Picture(chart).png()


class _Picture:
    """One picture in the making, from the edges inwards."""

    def __init__(self, chart: Chart) -> None:
        self.chart = chart
        self.type = TYPES[chart.size]
        self.colours = DARK if chart.dark else LIGHT
        self.figure = Figure(
            figsize=(self.type.width / DPI, self.type.height / DPI), dpi=DPI, facecolor=self.colours.ground
        )
        self.canvas = FigureCanvasAgg(self.figure)
        self.sheet = Sheet(self.figure, self.canvas.get_renderer())  # type: ignore[no-untyped-call]
        self.colour_of = _paint(chart.curves, self.colours)
        top = self._head()
        bottom = self._foot()
        ticks = [(tick, self._words(tick.label, self.type.axis, self.colours.muted)) for tick in chart.up]
        left = self.type.pad + max((one.width for _, one in ticks if one is not None), default=0) + APART
        self.plot = Box(left, bottom, self.type.width - self.type.pad, top)
        self.bands: list[tuple[float, float]] = []
        self.lines = [self._pieces(one.points) for one in chart.curves]
        self._gaps()
        self._upright(ticks)
        self._across()
        self._curves()
        self._marks()

    def png(self) -> bytes:
        self.canvas.draw()  # type: ignore[no-untyped-call]
        pixels = self.canvas.buffer_rgba()  # type: ignore[no-untyped-call]
        drawn = Image.fromarray(np.asarray(pixels)).convert("RGB")
        file = io.BytesIO()
        drawn.save(file, "PNG", compress_level=PACKED)
        return file.getvalue()

    # --- places

    def _x(self, at: float) -> float:
        return float(self._xs(np.array(at, dtype=float)))

    def _y(self, value: float) -> float:
        return float(self._ys(np.array(value, dtype=float)))

    def _xs(self, moments: np.ndarray) -> np.ndarray:
        length = self.chart.last - self.chart.first
        share = (moments - self.chart.first) / length if length > 0 else np.full_like(moments, 0.5)
        return self.plot.left + np.clip(share, 0, 1) * (self.plot.right - self.plot.left)

    def _ys(self, values: np.ndarray) -> np.ndarray:
        share = values / self.chart.top if self.chart.top > 0 else np.zeros_like(values)
        return self.plot.bottom + np.clip(share, 0, 1) * (self.plot.top - self.plot.bottom)

    def _pieces(self, points: Sequence[Point]) -> list[np.ndarray]:
        """Return the pieces of a line in pixels, each as rows of x and y."""
        moments = np.array([at for at, _ in points], dtype=float)
        values = np.array([np.nan if value is None else value for _, value in points], dtype=float)
        inside = (self.chart.first <= moments) & (moments <= self.chart.last)
        line = np.column_stack([self._xs(moments), self._ys(values)])[inside]
        breaks = np.flatnonzero(np.isnan(line[:, 1]))
        pieces = np.split(line, breaks)
        return [piece for one in pieces if len(piece := one[~np.isnan(one[:, 1])])]

    # --- the edges

    def _words(self, text: str, size: float, colour: str, *, within: float | None = None) -> Words | None:
        return self.sheet.words(text, size=size, colour=colour, within=within)

    def _head(self) -> float:
        """Write title, subtitle and legend; return how high the plot may reach."""
        kind, pad = self.type, self.type.pad
        width = kind.width - 2 * pad
        top = kind.height - pad * 0.7
        title = self.sheet.words(
            self.chart.title, size=kind.title, colour=self.colours.text, bold=True, within=width
        )
        if title is not None:
            top -= title.height
            self.sheet.put(title, kind.width - pad - title.width if title.leftward else pad, top)
            top -= kind.small * 0.3
        return self._subhead(top) - kind.small * 0.5

    def _subhead(self, top: float) -> float:
        """Write subtitle and legend, in one row where both fit; return where it ends."""
        small, pad = self.type.small, self.type.pad
        width = self.type.width - 2 * pad
        legend = self._legend()
        wide = sum(one.width + 2.9 * small for _, one in legend)
        parts = self._subtitle(width)
        length = parts[-1][0] + parts[-1][1].width if parts else 0
        row = max((one.height for _, one in legend), default=0)
        beside = bool(parts) and length + wide + APART <= width
        if parts:
            top -= max(*(one.height for _, one in parts), row if beside else 0)
            for left, one in parts:
                self.sheet.put(one, pad + left, top)
        if legend:
            if not beside:
                top -= row + small * 0.25
            self._put_legend(legend, self.type.width - pad - wide if beside else pad, top)
        return top

    def _subtitle(self, width: float) -> list[tuple[float, Words]]:
        """Return the parts of the subtitle that can be read and fit, each with its distance from the left."""
        found: list[tuple[float, Words]] = []
        left = 0.0
        for place, part in enumerate(self.chart.subtitle):
            within = width - left
            if place and within < width / 6:
                break
            words = self._words(part, self.type.small, self.colours.muted, within=within)
            if words is None:
                continue
            if found:
                dot = self._words("·", self.type.small, self.colours.muted)
                assert dot is not None
                found.append((left - (self.type.small + dot.width) / 2, dot))
            found.append((left, words))
            left += words.width + self.type.small
        return found

    def _legend(self) -> list[tuple[str, Words]]:
        """Return colour and name of each curve, where there are several."""
        if len(self.chart.curves) < 2:
            return []
        found = []
        for one, colour in zip(self.chart.curves, self.colour_of, strict=True):
            words = self._words(one.label, self.type.small, self.colours.text, within=self.type.width * 0.4)
            if words is not None:
                found.append((colour, words))
        return found

    def _put_legend(self, legend: Sequence[tuple[str, Words]], left: float, bottom: float) -> None:
        unit = self.type.small
        for colour, words in legend:
            middle = bottom + words.height * 0.5
            self._line([left, left + 1.4 * unit], [middle, middle], colour, self.type.line * 1.1)
            self.sheet.put(words, left + 1.8 * unit, bottom)
            left += words.width + 2.9 * unit

    def _foot(self) -> float:
        """Write the clock and the small print; return where the plot begins."""
        kind, pad = self.type, self.type.pad
        bottom = pad * 0.5
        width = kind.width - 2 * pad
        note = self._words(self.chart.note, kind.small, self.colours.muted, within=width)
        clock = self._words(self.chart.clock, kind.small, self.colours.muted, within=width)
        if note is not None:
            self.sheet.put(note, pad, bottom)
            if clock is not None and note.width + clock.width + 2 * APART > width:
                bottom += note.height
        if clock is not None:
            self.sheet.put(clock, kind.width - pad - clock.width, bottom)
        bottom += max((one.height for one in (note, clock) if one is not None), default=0)
        return bottom + kind.axis * 1.85

    def _upright(self, ticks: Sequence[tuple[object, Words | None]]) -> None:
        """Draw the lines at round figures, and their names where they have room."""
        named: list[Box] = []
        for tick, words in zip(self.chart.up, (one for _, one in ticks), strict=True):
            y = self._y(tick.at)
            self._line([self.plot.left, self.plot.right], [y, y], self.colours.grid, 2, below=True)
            if words is None:
                continue
            box = words.at(self.plot.left - APART - words.width, y - words.height / 2)
            if not any(box.meets(other) for other in named):
                named.append(self.sheet.put(words, box.left, box.bottom))

    def _across(self) -> None:
        """Name round moments, those that have room."""
        under = self.plot.bottom - self.type.axis * 0.45
        named: list[Box] = []
        self._line([self.plot.left, self.plot.right], [self.plot.bottom] * 2, self.colours.faint, 2)
        for tick in self.chart.across:
            x = self._x(tick.at)
            words = self._words(tick.label, self.type.axis, self.colours.muted)
            if words is None:
                continue
            left = min(
                max(x - words.width / 2, self.type.pad / 2), self.type.width - self.type.pad / 2 - words.width
            )
            box = words.at(left, under - words.height)
            near = Box(box.left - APART, box.bottom, box.right + APART, box.top)
            if any(near.meets(other) for other in named):
                continue
            named.append(box)
            self._line([x, x], [self.plot.bottom, self.plot.bottom - self.type.axis * 0.25], self.colours.faint, 2)
            self.sheet.put(words, box.left, box.bottom)

    # --- the curves

    def _gaps(self) -> None:
        """Hatch the stretches without readings, and name the widest."""
        bands = [
            (self._x(before), self._x(after))
            for one in self.chart.curves
            if not one.faint
            for before, after in _breaks(one.points)
        ]
        bands = [(left, right) for left, right in bands if right - left >= NARROWEST_GAP]
        if not bands or len([one for one in self.chart.curves if not one.faint]) > 1:
            return  # of two sessions, each gap belongs to one of them
        low, high = self.plot.bottom, self.plot.top
        corners = [
            Path([(left, low), (right, low), (right, high), (left, high), (left, low)], closed=True)
            for left, right in bands
        ]
        self.figure.add_artist(
            PathPatch(
                Path.make_compound_path(*corners),
                facecolor=self.colours.gap,
                edgecolor=self.colours.hatch,
                linewidth=0,
                hatch="/",
                zorder=0.5,
                transform=_PIXELS,
            )
        )
        self.bands = bands
        left, right = max(bands, key=lambda band: band[1] - band[0])
        words = self._words(self.chart.gap, self.type.small, self.colours.muted)
        if words is None or words.width + APART > right - left:
            words = self.sheet.words(self.chart.gap, size=self.type.small, colour=self.colours.muted, upright=True)
        if words is not None and words.width + APART <= right - left and words.height < (high - low) / 2:
            middle = (left + right - words.width) / 2
            self.sheet.put(words, middle, low + self.type.small * 0.5, ground=self.colours.gap)

    def _curves(self) -> None:
        """Draw faint curves behind the others, and fill what is below the first of these."""
        filled = False
        drawn = zip(self.chart.curves, self.colour_of, self.lines, strict=True)
        for one, colour, pieces in sorted(drawn, key=lambda each: not each[0].faint):
            if not pieces:
                continue
            if not one.faint and not filled:
                self._fill([piece for piece in pieces if len(piece) > 1], colour)
                filled = True
            crowded = sum(map(len, pieces)) > CROWDED
            width = self.type.line * (0.6 if one.faint or crowded else 1)
            self._broken_line(pieces, colour, width, order=3 if one.faint else 4)

    def _fill(self, pieces: Sequence[np.ndarray], colour: str) -> None:
        if not pieces:
            return
        floor = self.plot.bottom
        around = [
            Path(np.vstack([piece, (piece[-1][0], floor), (piece[0][0], floor), piece[0]]), closed=True)
            for piece in pieces
        ]
        self.figure.add_artist(
            PathPatch(
                Path.make_compound_path(*around),
                facecolor=colour,
                alpha=self.colours.area,
                linewidth=0,
                zorder=2,
                transform=_PIXELS,
            )
        )

    def _broken_line(self, pieces: Sequence[np.ndarray], colour: str, width: float, *, order: int) -> None:
        breath = np.array([[np.nan, np.nan]])
        joined = np.vstack([part for piece in pieces for part in (piece, breath)])
        self.figure.add_artist(
            Line2D(
                joined[:, 0],
                joined[:, 1],
                color=colour,
                linewidth=width * 72 / DPI,
                solid_capstyle="round",
                solid_joinstyle="round",
                zorder=order,
                transform=_PIXELS,
            )
        )
        for piece in pieces:
            if len(piece) == 1:
                self._dot(piece[0][0], piece[0][1], colour, width * 2.2)

    # --- the marks

    def _marks(self) -> None:
        """Draw what matters: the peak first, then records, then rungs from the highest, where words have room."""
        order = {Kind.PEAK: 0, Kind.RECORD: 1, Kind.RUNG: 2}
        shown = [one for one in self.chart.marks if one.value <= self.chart.top]
        curves = self._felt()
        across = np.arange(self.plot.left, self.plot.right, _FEELER)
        levels = [
            np.column_stack([across, np.full_like(across, self._y(one.value))])
            for one in shown
            if one.kind is Kind.RECORD
        ]
        avoid = np.vstack([curves, *levels])
        for mark in sorted(shown, key=lambda one: (order[one.kind], one.curve, -one.value)):
            if mark.kind is Kind.PEAK:
                self._peak(mark, avoid)
            else:
                self._level(mark, curves if mark.kind is Kind.RECORD else avoid)

    def _peak(self, mark: Mark, avoid: np.ndarray) -> None:
        if mark.at is None:
            return
        x, y = self._x(mark.at), self._y(mark.value)
        size = self.type.line * 2.6
        self._dot(x, y, self.colour_of[mark.curve], size, edge=self.colours.ground)
        self.sheet.taken.append(Box(x - size, y - size, x + size, y + size))
        alone = len(self.chart.curves) == 1 or any(one.faint for one in self.chart.curves)
        words = self.sheet.words(
            mark.label,
            size=self.type.text if alone else self.type.axis,
            colour=self.colours.text if alone else self.colour_of[mark.curve],
            bold=True,
            within=self.type.width * 0.7,
        )
        if words is None:
            return
        rise = size * 1.7
        left = min(max(x - words.width / 2, self.plot.left), self.plot.right - words.width)
        middle = y - words.height / 2
        places = [
            (left, y + rise),
            (max(self.plot.left, x + rise - words.width), y + rise),
            (left, self.plot.top - words.height),
            (x + rise, middle),
            (x - rise - words.width, middle),
            (x + rise, y + rise / 2),
            (x - rise - words.width, y + rise / 2),
            (left, y - rise - words.height),
        ]
        inside = Box(self.plot.left, self.plot.bottom, self.plot.right, self.plot.top + self.type.small * 0.4)
        place, covers = self.sheet.best(words, places, inside=inside, avoid=avoid)
        if place is not None:
            self.sheet.put(words, *place, ground=self._ground(words.at(*place), covers=covers))

    def _ground(self, box: Box, *, covers: bool) -> str | None:
        """Return what is painted below words: nothing, unless a curve or hatching would run through them."""
        hatched = any(left < box.right and box.left < right for left, right in self.bands)
        return self.colours.ground if covers or hatched else None

    def _level(self, mark: Mark, avoid: np.ndarray) -> None:
        """Draw the line of a rung or record, with its name where there is room, and where it was passed."""
        is_record = mark.kind is Kind.RECORD
        colour = self.colours.record if is_record else self.colours.rung
        y = self._y(mark.value)
        words = self._words(mark.label, self.type.small, colour, within=self.type.width * 0.6)
        place, covers = None, False
        if words is not None:
            above = y + self.type.small * 0.12
            lefts = [self.plot.left + APART / 2, self.plot.right - words.width - APART / 2]
            lefts += [
                self.plot.left + (self.plot.right - self.plot.left - words.width) * n / 6 for n in range(1, 6)
            ]
            places = [(left, above) for left in lefts]
            place, covers = self.sheet.best(words, places, inside=self.plot.grown(2), avoid=avoid)
        if place is None and not is_record:
            return  # rungs lie close at the bottom of a high session: better few that can be read
        style = (0, (6, 4)) if is_record else (0, (2.5, 3))
        stroke = colour if is_record else self.colours.faint
        line = self._line([self.plot.left, self.plot.right], [y, y], stroke, 3 if is_record else 2.4)
        line.set_linestyle(style)
        line.set_zorder(3.5)
        if mark.at is not None:
            if is_record:
                self._dot(self._x(mark.at), y, colour, self.type.line * 4.4, edge=self.colours.ground, sign="*")
            else:
                self._dot(self._x(mark.at), y, self.colour_of[0], self.type.line * 1.9, edge=self.colours.ground)
        if place is not None and words is not None:
            self.sheet.put(words, *place, ground=self._ground(words.at(*place), covers=covers))

    def _felt(self) -> np.ndarray:
        """Return pixels of the curves, so close that no word slips between."""
        found = [np.empty((0, 2))]
        for piece in (piece for pieces in self.lines for piece in pieces):
            places = np.arange(piece[0][0], piece[-1][0] + _FEELER, _FEELER)
            found.append(np.column_stack([places, np.interp(places, piece[:, 0], piece[:, 1])]))
        return np.vstack(found)

    # --- strokes

    def _line(
        self, xs: Sequence[float], ys: Sequence[float], colour: str, width: float, *, below: bool = False
    ) -> Line2D:
        line = Line2D(
            xs, ys, color=colour, linewidth=width * 72 / DPI, zorder=1 if below else 2.5, transform=_PIXELS
        )
        self.figure.add_artist(line)
        return line

    def _dot(
        self, x: float, y: float, colour: str, size: float, *, edge: str | None = None, sign: str = "o"
    ) -> None:
        self.figure.add_artist(
            Line2D(
                [x],
                [y],
                marker=sign,
                markersize=size * 72 / DPI,
                markerfacecolor=colour,
                markeredgecolor=edge or colour,
                markeredgewidth=2 if edge else 0,
                linestyle="none",
                zorder=6,
                transform=_PIXELS,
            )
        )


def _paint(curves: Sequence[Curve], colours: Colours) -> list[str]:
    """Return the colour of each curve."""
    lines = iter(colours.lines)
    return [colours.faint if one.faint else next(lines) for one in curves]


def _breaks(points: Sequence[Point]) -> list[tuple[int, int]]:
    """Return where a line breaks, from the last known moment to the next."""
    known_at = [at for at, value in points if value is not None]
    ends = {at for at, value in points if value is None}
    return [(before, after) for before, after in pairwise(known_at) if after in ends]
