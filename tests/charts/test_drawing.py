"""Pictures, looked at pixel by pixel where a person would look."""

from __future__ import annotations

import io
import warnings

import numpy as np
import pytest
from matplotlib import font_manager
from PIL import Image

from bot.charts.drawing import draw
from bot.charts.fonts import BASE, legible
from bot.charts.look import DARK, LIGHT, TYPES
from bot.domain import HOUR, MINUTE
from bot.domain.chart import Chart, Curve, Kind, Mark, Size
from tests.charts.charts import a_chart, hill

HAVE = {one.name for one in font_manager.fontManager.ttflist}


def needs(*names: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(not HAVE.issuperset(names), reason="apt-get install fonts-noto-core fonts-noto-cjk")


def pixels(png: bytes) -> np.ndarray:
    """A picture as rows of red, green and blue."""
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))


def has(png: bytes, colour: str) -> int:
    """How many pixels are of a colour."""
    wanted = [int(colour[n : n + 2], 16) for n in (1, 3, 5)]
    return int((pixels(png) == wanted).all(axis=2).sum())


@pytest.mark.parametrize("size", list(Size))
@pytest.mark.parametrize("dark", [False, True])
def test_both_themes_in_both_sizes(size: Size, dark: bool) -> None:
    png = draw(a_chart(size=size, dark=dark))
    colours = DARK if dark else LIGHT
    with Image.open(io.BytesIO(png)) as picture:
        assert (picture.format, picture.size) == ("PNG", (TYPES[size].width, TYPES[size].height))
    assert len(png) < 300_000
    assert has(png, colours.ground) > TYPES[size].width * TYPES[size].height / 4
    for drawn in (colours.lines[0], colours.faint, colours.record):
        assert has(png, drawn) > 300
    edges = pixels(png)
    ground = edges[0, 0]
    assert all((edge == ground).all() for edge in (edges[0], edges[-1], edges[:, 0], edges[:, -1]))


def test_the_same_chart_is_the_same_picture() -> None:
    assert draw(a_chart()) == draw(a_chart())


def test_a_gap_is_a_broken_line_and_a_hatched_band() -> None:
    points = tuple((n * MINUTE, 500) for n in range(300) if not 180 < n < 240)
    broken = tuple(sorted((*points, (4 * HOUR, None)), key=lambda point: (point[0], point[1] is not None)))
    plain = a_chart(curves=(Curve(label="", points=points),), marks=())
    gap = a_chart(curves=(Curve(label="", points=broken),), marks=())
    assert has(draw(plain), LIGHT.hatch) == 0
    assert has(draw(gap), LIGHT.hatch) > 300
    assert has(draw(gap), LIGHT.lines[0]) < has(draw(plain), LIGHT.lines[0]) - 300


def test_two_sessions_side_by_side_have_their_own_colours() -> None:
    curves = (Curve(label="A", points=hill()), Curve(label="B", points=hill(top=500)))
    png = draw(a_chart(curves=curves, marks=()))
    assert has(png, LIGHT.lines[0]) > 1_000
    assert has(png, LIGHT.lines[1]) > 1_000


@pytest.mark.parametrize(
    "chart",
    [
        a_chart(curves=(Curve(label="", points=((0, 5),)),), first=0, last=0, top=6, marks=()),
        a_chart(curves=(Curve(label="", points=((0, 0), (HOUR, 0))),), top=1, marks=()),
        a_chart(curves=(Curve(label="", points=tuple((n * MINUTE, 7) for n in range(300))),), top=8, marks=()),
        a_chart(curves=(Curve(label="", points=((0, 1e15), (HOUR, 2**53))),), top=2**53 * 1.2, marks=()),
        a_chart(curves=(Curve(label="", points=((0, 3), (HOUR, None), (HOUR, 4), (2 * HOUR, None))),), marks=()),
        a_chart(
            marks=tuple(Mark(kind=Kind.RUNG, value=n, at=n, label=f"{n:,} at 20:00") for n in range(0, 640, 10))
        ),
        a_chart(across=(), up=(), clock="", note="", title="", subtitle=()),
        a_chart(marks=(Mark(kind=Kind.RECORD, value=5_000, label="out of sight"),)),
    ],
    ids=["one point", "zeros", "all equal", "huge", "points alone", "many rungs", "bare", "above the top"],
)
def test_whatever_the_figures_are_there_is_a_picture(chart: Chart) -> None:
    assert has(draw(chart), LIGHT.lines[0]) > 50


@pytest.mark.parametrize("curves", [(), (Curve(label="", points=()),), (Curve(label="", points=((0, None),)),)])
def test_without_any_figure_there_is_none(curves: tuple[Curve, ...]) -> None:
    with pytest.raises(ValueError, match="nothing to draw"):
        draw(a_chart(curves=curves, marks=()))


def head(png: bytes) -> np.ndarray:
    """Where the title stands."""
    return pixels(png)[:75]


def titled(title: str) -> np.ndarray:
    """Where the title stands, without anything else."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # a missing letter is a warning, and a box
        return head(draw(a_chart(title=title, subtitle=(), curves=(Curve(label="", points=hill()),), marks=())))


def written(title: str) -> np.ndarray:
    """The columns of pixels in which something of a title stands."""
    drawn = titled(title)
    return np.flatnonzero((drawn != drawn[0, 0]).any(axis=(0, 2)))


def test_a_title_is_no_formula_and_brings_no_signs_that_are_not_seen() -> None:
    assert not (titled("$x^2$ and $5") == titled("x² and 5")).all()
    assert (titled("The\u202e Late\x07\n Show\u2066") == titled("The Late Show")).all()
    assert (titled("\\frac{1}{0}") != titled("")).any()


def test_a_long_title_stays_inside() -> None:
    png = pixels(draw(a_chart(title="Wide " * 60, subtitle=("Wide " * 60, "more"), note="Wide " * 60)))
    assert (png[:, -10:] == png[0, 0]).all()
    assert (png[:, :10] == png[0, 0]).all()


@pytest.mark.parametrize(
    ("title", "like"),
    [("🎙️ The Late 👩‍💻 Show 🇵🇰", "The Late Show"), ("🔥🔥", ""), ("\U000f0000 private", ""), ("\U0001f130", "")],
)
def test_what_no_font_has_is_left_out_and_never_a_box(title: str, like: str) -> None:
    assert (titled(title) == titled(like)).all()


@needs("Noto Nastaliq Urdu", "Noto Sans Devanagari", "Noto Sans CJK KR", "Noto Sans CJK JP", "Noto Sans CJK SC")
@pytest.mark.parametrize(
    ("title", "font"),
    [
        ("پاکستان تحریک انصاف کا جلسہ", "Noto Nastaliq Urdu"),
        ("रात की बातें", "Noto Sans Devanagari"),
        ("케이팝 가사 漢字", "Noto Sans CJK KR"),
        ("日本語の話", "Noto Sans CJK JP"),
        ("中文标题", "Noto Sans CJK SC"),
    ],
)
def test_titles_in_other_scripts_are_drawn_with_a_font_that_has_all_their_letters(title: str, font: str) -> None:
    found = legible(f"{title} Live")
    assert found is not None
    assert found.families == (font, BASE)
    assert (titled(title) != titled("")).any()


@needs("Noto Nastaliq Urdu")
def test_what_is_read_from_the_right_stands_at_the_right() -> None:
    assert written("پاکستان").min() > 600
    assert written("Pakistan").max() < 600


@needs("Noto Nastaliq Urdu", "Noto Sans Devanagari")
def test_letters_are_joined() -> None:
    """Letters of Urdu that stand apart are wider than the word that they make."""

    def width(title: str) -> int:
        return int(np.ptp(written(title)))

    assert width("پاکستان") < width("پ ا ک س ت ا ن") * 0.8
    assert width("क्षत्रिय") < width("क ् ष त ् र ि य") * 0.8


def test_words_do_not_overlap() -> None:
    """However many rungs there are, what is written of them can be read."""
    one = a_chart(marks=(Mark(kind=Kind.RUNG, value=600, at=HOUR, label="600 at 20:00"),))
    close = a_chart(
        marks=tuple(Mark(kind=Kind.RUNG, value=600 - n, at=HOUR, label=f"{600 - n} at 20:00") for n in range(30))
    )
    ink_of_one = has(draw(one), LIGHT.rung)
    places = 4
    assert has(draw(close), LIGHT.rung) < (places + 4) * ink_of_one
