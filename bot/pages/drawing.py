"""A chart as SVG that stands in the page: no picture to fetch, sharp at any width, in the colours of the reader.

Places across are shares of the width, so that letters keep their size on a phone and on a screen; what has no room
on a phone is drawn where there is more (class ``wide``).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from bot.domain.chart import Chart, Curve, Kind, Mark, Point, highest

#: In pixels.
HEIGHT, ABOVE, BELOW = 310, 24, 30
#: The widths at which labels must have room.
PHONE, SCREEN = 330, 680
#: Of the lines, in units of their own across.
UNITS = 1000
LETTER, WIDE_LETTER, LINE = 6.9, 13, 17
#: A stretch without readings is named where it is that wide.
NAMED_GAP = 0.16
#: Turns a moment and a figure into a place.
Place = Callable[[int, float], tuple[float, float]]
_RTL_ISOLATE, _END = "\u2067", "\u2069"


@dataclass(frozen=True, slots=True)
class _Box:
    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: _Box) -> bool:
        return (
            self.left < other.right
            and other.left < self.right
            and self.top < other.bottom
            and other.top < self.bottom
        )


@dataclass(frozen=True, slots=True)
class _Label:
    """A text by a point: a share of the width and pixels from the top, moved by pixels."""

    text: str
    x: float
    y: float
    anchor: str
    dx: float = 0
    kind: str = ""

    def box(self, width: int) -> _Box:
        at = self.x * width + self.dx
        length = _length(self.text)
        left = at - {"start": 0, "middle": length / 2, "end": length}[self.anchor]
        return _Box(left, self.y - LINE + 4, left + length, self.y + 4)


class _Sheet:
    """Where labels are, on a phone and on a screen."""

    def __init__(self) -> None:
        self._taken: dict[int, list[_Box]] = {PHONE: [], SCREEN: []}
        self.put: list[tuple[_Label, bool]] = []

    def block(self, x: float, y: float, *, radius: float) -> None:
        """Let nothing be put on a point."""
        for width, taken in self._taken.items():
            at = x * width
            taken.append(_Box(at - radius, y - radius, at + radius, y + radius))

    def place(self, *choices: _Label) -> None:
        """Put a label where it fits on a phone, else where it fits on a screen, else nowhere."""
        for width in (PHONE, SCREEN):
            for one in choices:
                if self._fits(one, width):
                    self._take(one, everywhere=width == PHONE)
                    return

    def _fits(self, one: _Label, width: int) -> bool:
        widths = (PHONE, SCREEN) if width == PHONE else (SCREEN,)
        for each in widths:
            box = one.box(each)
            if box.left < 0 or box.right > each or any(box.meets(other) for other in self._taken[each]):
                return False
        return True

    def _take(self, one: _Label, *, everywhere: bool) -> None:
        for width in (PHONE, SCREEN) if everywhere else (SCREEN,):
            self._taken[width].append(one.box(width))
        self.put.append((one, everywhere))


def drawn(chart: Chart, *, alt: str, leftward: bool) -> Markup:
    """Return a chart as an SVG element.

    Args:
        alt: What it shows, for those who cannot see it.
        leftward: Its labels are read from right to left; time goes to the right all the same.
    """
    plane = _Plane(chart)
    sheet = _Sheet()
    own = chart.curves[0]
    for mark in chart.marks:
        if mark.kind is Kind.PEAK and mark.at is not None:
            sheet.block(plane.x(mark.at), plane.y(mark.value), radius=8)
    for mark in sorted(chart.marks, key=lambda one: (one.kind is not Kind.RECORD, one.kind is not Kind.PEAK)):
        sheet.place(*_choices(mark, plane))
    for tick in chart.up:
        if tick.at > 0 and plane.y(tick.at) >= ABOVE - 1:
            sheet.place(_Label(tick.label, 0, plane.y(tick.at) - 5, "start", 2, "tick"))
    for tick in chart.across:
        sheet.place(
            *(
                _Label(tick.label, plane.x(tick.at), HEIGHT - 9, anchor, 0, "tick")
                for anchor in ("middle", "start", "end")
            )
        )
    gaps = list(_gaps(own.points))
    for begin, end in gaps:
        if plane.x(end) - plane.x(begin) >= NAMED_GAP:
            middle = (plane.x(begin) + plane.x(end)) / 2
            sheet.place(_Label(chart.gap, middle, HEIGHT - BELOW - 10, "middle", 0, "gap-name"))
    parts = [
        Markup('<svg class="chart" height="{}" role="img" aria-label="{}" direction="ltr">').format(HEIGHT, alt),
        *_grid(chart, plane),
        *(_gap(begin, end, plane) for begin, end in gaps),
        *_lines(chart.curves, plane),
        *(part for mark in chart.marks for part in _mark(mark, plane)),
        *(_text(label, everywhere=everywhere, leftward=leftward) for label, everywhere in sheet.put),
        Markup("</svg>"),
    ]
    return Markup("").join(parts)


def small(points: Sequence[Point], *, first: int, last: int) -> Markup:
    """Return a line without words, as an SVG element; nothing where there is no line."""
    peak = highest(points)
    if peak is None or peak[1] <= 0 or sum(value is not None for _, value in points) < 2:
        return Markup("")
    height, length = 100, max(1, last - first)

    def place(at: int, value: float) -> tuple[float, float]:
        return (at - first) / length * UNITS, height - value / peak[1] * (height - 6)

    return Markup(
        '<svg class="small" viewBox="0 0 {} {}" preserveAspectRatio="none" aria-hidden="true">{}</svg>'
    ).format(UNITS, height, _path(points, place, bottom=height))


class _Plane:
    """Where moments and figures are."""

    def __init__(self, chart: Chart) -> None:
        self._first, self._length = chart.first, max(1, chart.last - chart.first)
        self._top = chart.top or 1

    def x(self, at: float) -> float:
        """Return a share of the width."""
        return min(1.0, max(0.0, (at - self._first) / self._length))

    def y(self, value: float) -> float:
        """Return pixels from the top."""
        return HEIGHT - BELOW - value / self._top * (HEIGHT - BELOW - ABOVE)

    def place(self, at: int, value: float) -> tuple[float, float]:
        """Return a point of a line, in units."""
        return self.x(at) * UNITS, self.y(value)


def _choices(mark: Mark, plane: _Plane) -> tuple[_Label, ...]:
    """Return where the label of a mark may stand, the best place first."""
    y = plane.y(mark.value)
    if mark.kind is Kind.RECORD:
        return tuple(
            _Label(mark.label, x, at, anchor, dx, "record-name")
            for at in (y - 7, y + LINE)
            for x, anchor, dx in ((1, "end", -2), (0, "start", 40), (0, "start", 2))
        )
    x = plane.x(mark.at if mark.at is not None else 0)
    if mark.kind is Kind.PEAK:
        return tuple(
            _Label(mark.label, x, y - up, anchor, dx, "peak-name")
            for up in (12, 28)
            for anchor, dx in (("middle", 0), ("end", -4), ("start", 4))
        )
    return (
        _Label(mark.label, x, y - 7, "end", -7, "rung-name"),
        _Label(mark.label, x, y + LINE, "start", 8, "rung-name"),
        _Label(mark.label, x, y - 7, "start", 8, "rung-name"),
    )


def _grid(chart: Chart, plane: _Plane) -> Iterable[Markup]:
    for tick in chart.up:
        y = round(plane.y(tick.at), 1)
        kind = "grid" if tick.at else "ground"
        yield Markup('<line class="{}" x1="0" x2="100%" y1="{}" y2="{}"/>').format(kind, y, y)


def _gaps(points: Sequence[Point]) -> Iterable[tuple[int, int]]:
    """Return where a line is broken."""
    for place, (_, value) in enumerate(points):
        if value is None and 0 < place < len(points) - 1:
            yield points[place - 1][0], points[place + 1][0]


def _gap(begin: int, end: int, plane: _Plane) -> Markup:
    left, right = plane.x(begin) * 100, plane.x(end) * 100
    return Markup('<rect class="gap" x="{}%" y="{}" width="{}%" height="{}"/>').format(
        _short(left), ABOVE, _short(right - left), HEIGHT - BELOW - ABOVE
    )


def _lines(curves: Sequence[Curve], plane: _Plane) -> Iterable[Markup]:
    yield Markup('<svg class="lines" viewBox="0 0 {} {}" preserveAspectRatio="none" height="{}">').format(
        UNITS, HEIGHT, HEIGHT
    )
    for curve in reversed(curves):
        if curve.faint:
            yield Markup('<path class="before" d="{}"/>').format(_strokes(curve.points, plane.place))
        else:
            yield _path(curve.points, plane.place, bottom=HEIGHT - BELOW)
    yield Markup("</svg>")


def _path(points: Sequence[Point], place: Place, *, bottom: float) -> Markup:
    """Return a line with the area below it."""
    areas = []
    for run in _runs(points):
        there = [place(at, value) for at, value in run]
        if len(there) > 1:
            middle = "L".join(f"{_short(x)} {_short(y)}" for x, y in there)
            areas.append(
                f"M{_short(there[0][0])} {_short(bottom)}L{middle}L{_short(there[-1][0])} {_short(bottom)}Z"
            )
    return Markup('<path class="area" d="{}"/><path class="line" d="{}"/>').format(
        "".join(areas), _strokes(points, place)
    )


def _strokes(points: Sequence[Point], place: Place) -> str:
    parts = []
    for run in _runs(points):
        there = [place(at, value) for at, value in run]
        if len(there) == 1:  # a reading alone is a dot
            there = [there[0], (there[0][0] + 0.1, there[0][1])]
        parts.append("M" + "L".join(f"{_short(x)} {_short(y)}" for x, y in there))
    return "".join(parts)


def _runs(points: Sequence[Point]) -> Iterable[list[tuple[int, float]]]:
    """Return the stretches of a line that are joined."""
    run: list[tuple[int, float]] = []
    for at, value in points:
        if value is None:
            if run:
                yield run
            run = []
        else:
            run.append((at, value))
    if run:
        yield run


def _mark(mark: Mark, plane: _Plane) -> Iterable[Markup]:
    y = _short(plane.y(mark.value))
    if mark.kind is Kind.RECORD:
        yield Markup('<line class="record" x1="0" x2="100%" y1="{}" y2="{}"/>').format(y, y)
    elif mark.at is not None:
        kind = "peak" if mark.kind is Kind.PEAK else "rung"
        yield Markup('<circle class="{}" cx="{}%" cy="{}" r="{}"><title>{}</title></circle>').format(
            kind, _short(plane.x(mark.at) * 100), y, 5 if kind == "peak" else 3.5, mark.label
        )


def _text(label: _Label, *, everywhere: bool, leftward: bool) -> Markup:
    written_leftward = leftward and any(unicodedata.bidirectional(sign) in {"R", "AL"} for sign in label.text)
    text = f"{_RTL_ISOLATE}{label.text}{_END}" if written_leftward else label.text
    return Markup('<text class="{}" x="{}%" y="{}" dx="{}" text-anchor="{}">{}</text>').format(
        label.kind if everywhere else f"{label.kind} wide",
        _short(label.x * 100),
        _short(label.y),
        _short(label.dx),
        label.anchor,
        text,
    )


def _short(figure: float) -> str:
    """Return a place in as few signs as are seen."""
    return f"{figure:.1f}".removesuffix(".0")


def _length(text: str) -> float:
    """Return about how wide a text is, in pixels."""
    width = 0.0
    for sign in text:
        if unicodedata.category(sign) in {"Mn", "Me", "Cf"}:
            continue
        width += WIDE_LETTER if unicodedata.east_asian_width(sign) in {"W", "F"} else LETTER
    return width
