from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.charts import wire
from bot.domain.chart import Chart
from tests.charts.charts import a_chart


def test_a_chart_comes_out_as_it_went_in() -> None:
    chart = a_chart()
    assert wire.read(wire.written(chart)) == chart


def changed(**fields: Any) -> bytes:
    return json.dumps({**json.loads(wire.written(a_chart())), **fields}).encode()


@pytest.mark.parametrize(
    ("payload", "says"),
    [
        (b"", "no JSON"),
        (b"\xff\xfe", "no JSON"),
        (b"[" * 100_000, "no JSON"),
        (b"[]", "object"),
        (b"{}", "title"),
        (changed(title=None), "title"),
        (changed(title="x" * 301), "longer"),
        (changed(subtitle="x"), "subtitle"),
        (changed(curves=[{"label": "", "faint": False, "points": [[0, -1]]}]), "range"),
        (changed(curves=[{"label": "", "faint": False, "points": [[0.5, 1]]}]), "whole number"),
        (changed(curves=[{"label": "", "faint": False, "points": [[0]]}]), "pair"),
        (changed(curves=[{"label": "", "faint": False, "points": [[0, 1]] * 20_001}]), "more than"),
        (changed(curves=[{}] * 5), "more than"),
        (changed(curves=[7]), "object"),
        (changed(marks=[{"kind": "moon", "value": 1, "label": "", "at": None, "curve": 0}]), "moon"),
        (changed(marks=[{"kind": "peak", "value": 1, "label": "", "at": None, "curve": 2}]), "curves"),
        (changed(top=True), "number"),
        (changed(last="9"), "whole number"),
        (changed(dark=1), "true or false"),
        (changed(size="poster"), "poster"),
        (b'{"top": NaN}', "title"),
        (changed(top=float("inf")), "range"),
        (changed(top=float("nan")), "range"),
        (changed(top=10**400), "range"),
    ],
)
def test_what_is_no_chart_is_refused_with_the_reason(payload: bytes, says: str) -> None:
    with pytest.raises(wire.Malformed, match=says):
        wire.read(payload)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=12,
)


@given(st.sampled_from(sorted(json.loads(wire.written(a_chart())))), anything)
def test_nothing_but_a_refusal_comes_of_nonsense(name: str, value: Any) -> None:
    with suppress(wire.Malformed):  # anything else would be a fault
        assert isinstance(wire.read(changed(**{name: value})), Chart)


def test_a_request_of_all_that_may_be_in_one_is_not_too_large() -> None:
    points = tuple((2**53 - n, 12345.678901) for n in range(wire.MOST_POINTS))
    curve = a_chart().curves[0]
    full = a_chart(curves=(type(curve)(label="ż" * 300, points=points),) * wire.MOST_CURVES)
    assert len(wire.written(full)) < wire.LARGEST_REQUEST
