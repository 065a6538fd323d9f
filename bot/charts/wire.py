"""What the bot and the drawing program say to each other: frames, each a length and so many bytes.

To the program: a chart as JSON. From it: a sign for what it is, then a PNG or a sentence on what is wrong.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from bot.domain import LARGEST_FIGURE
from bot.domain.chart import Chart, Curve, Kind, Mark, Point, Size, Tick

#: The length of what follows, in bytes.
LENGTH = struct.Struct(">I")
PNG, ERROR = b"P", b"E"

#: A request of all that may be in one takes half of this.
LARGEST_REQUEST = 4 * 2**20
LARGEST_ANSWER = 8 * 2**20
MOST_CURVES = 4
MOST_POINTS = 20_000
MOST_MARKS = 64
MOST_TICKS = 32
MOST_PARTS = 6
LONGEST_TEXT = 300

T = TypeVar("T")


class Malformed(ValueError):
    """A request is not a chart; the message says what is wrong with it."""


def frame(payload: bytes) -> bytes:
    """Return a frame."""
    return LENGTH.pack(len(payload)) + payload


def written(chart: Chart) -> bytes:
    """Return a chart as JSON."""
    said: dict[str, Any] = {
        "title": chart.title,
        "subtitle": chart.subtitle,
        "curves": [{"label": one.label, "faint": one.faint, "points": one.points} for one in chart.curves],
        "marks": [
            {"kind": one.kind, "value": one.value, "label": one.label, "at": one.at, "curve": one.curve}
            for one in chart.marks
        ],
        "across": [(one.at, one.label) for one in chart.across],
        "up": [(one.at, one.label) for one in chart.up],
    }
    said |= {
        name: getattr(chart, name) for name in ("first", "last", "top", "clock", "gap", "note", "dark", "size")
    }
    return json.dumps(said, separators=(",", ":"), ensure_ascii=False).encode(errors="replace")


def read(payload: bytes) -> Chart:
    """Return the chart that a request asks for.

    Raises:
        Malformed: It is none.
    """
    try:
        said = json.loads(payload)
    except (ValueError, RecursionError):
        raise Malformed("This is no JSON.") from None
    if not isinstance(said, dict):
        raise Malformed("A chart is an object.")
    chart = Chart(
        title=_text(said, "title"),
        subtitle=_several(said, "subtitle", lambda one: _text({"subtitle": one}, "subtitle"), most=MOST_PARTS),
        curves=_several(said, "curves", _curve, most=MOST_CURVES),
        marks=_several(said, "marks", _mark, most=MOST_MARKS),
        across=_several(said, "across", _tick, most=MOST_TICKS),
        up=_several(said, "up", _tick, most=MOST_TICKS),
        first=_moment(said.get("first"), "first"),
        last=_moment(said.get("last"), "last"),
        top=_figure(said.get("top"), "top"),
        clock=_text(said, "clock"),
        gap=_text(said, "gap"),
        note=_text(said, "note"),
        dark=_truth(said, "dark"),
        size=_one_of(Size, said.get("size"), "size"),
    )
    if not all(0 <= one.curve < max(1, len(chart.curves)) for one in chart.marks):
        raise Malformed("marks: each lies on one of the curves.")
    return chart


def _curve(said: Any) -> Curve:
    fields = _object(said, "curves")
    points = _several(fields, "points", _point, most=MOST_POINTS)
    return Curve(label=_text(fields, "label"), faint=_truth(fields, "faint"), points=points)


def _point(said: Any) -> Point:
    at, value = _pair(said, "points")
    return _moment(at, "points"), None if value is None else _figure(value, "points")


def _mark(said: Any) -> Mark:
    fields = _object(said, "marks")
    return Mark(
        kind=_one_of(Kind, fields.get("kind"), "kind"),
        value=_figure(fields.get("value"), "value"),
        label=_text(fields, "label"),
        at=None if fields.get("at") is None else _moment(fields["at"], "at"),
        curve=_moment(fields.get("curve"), "curve"),
    )


def _tick(said: Any) -> Tick:
    at, label = _pair(said, "ticks")
    return Tick(_figure(at, "ticks"), _text({"label": label}, "label"))


def _object(said: Any, name: str) -> Mapping[str, Any]:
    if not isinstance(said, dict):
        raise Malformed(f"{name}: each is an object.")
    return said


def _pair(said: Any, name: str) -> Sequence[Any]:
    if not isinstance(said, list) or len(said) != 2:
        raise Malformed(f"{name}: each is a pair.")
    return said


def _several(said: Mapping[str, Any], name: str, read_one: Callable[[Any], T], *, most: int) -> tuple[T, ...]:
    found = said.get(name)
    if not isinstance(found, list):
        raise Malformed(f"{name}: a list is needed.")
    if len(found) > most:
        raise Malformed(f"{name}: more than {most}.")
    return tuple(read_one(one) for one in found)


def _text(said: Mapping[str, Any], name: str) -> str:
    found = said.get(name)
    if not isinstance(found, str):
        raise Malformed(f"{name}: a text is needed.")
    if len(found) > LONGEST_TEXT:
        raise Malformed(f"{name}: longer than {LONGEST_TEXT} characters.")
    return found


def _truth(said: Mapping[str, Any], name: str) -> bool:
    found = said.get(name)
    if not isinstance(found, bool):
        raise Malformed(f"{name}: true or false.")
    return found


def _figure(found: Any, name: str) -> float:
    if isinstance(found, bool) or not isinstance(found, int | float):
        raise Malformed(f"{name}: a number is needed.")
    if not 0 <= found <= 2 * LARGEST_FIGURE:  # nor is what is no number
        raise Malformed(f"{name}: out of range.")
    return found


def _moment(found: Any, name: str) -> int:
    if isinstance(found, bool) or not isinstance(found, int):
        raise Malformed(f"{name}: a whole number is needed.")
    if abs(found) > LARGEST_FIGURE:
        raise Malformed(f"{name}: out of range.")
    return found


def _one_of(kind: Callable[[Any], T], found: Any, name: str) -> T:
    try:
        return kind(found)
    except ValueError:
        raise Malformed(f"{name}: {str(found)[:20]!r} is unknown.") from None
