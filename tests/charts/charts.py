"""Charts to draw in tests."""

from __future__ import annotations

from dataclasses import replace
from math import exp
from typing import Any

from bot.domain import HOUR, MINUTE
from bot.domain.chart import Chart, Curve, Kind, Mark, Point, Tick

HEIGHT = 1_000


def hill(count: int = 300, *, top: float = HEIGHT) -> tuple[Point, ...]:
    """A session of five hours that swells and goes."""
    return tuple(
        (n * 5 * HOUR // count, round(top * exp(-(((n / count - 0.4) / 0.2) ** 2)))) for n in range(count)
    )


def a_chart(**changes: Any) -> Chart:
    """A chart with something of everything."""
    chart = Chart(
        title="The Late Show",
        subtitle=("Night Radio", "20 April 2022", "up to 1,000 listeners at once"),
        curves=(Curve(label="20 Apr", points=hill()), Curve(label="17 Apr", points=hill(top=600), faint=True)),
        marks=(
            Mark(kind=Kind.PEAK, value=HEIGHT, at=2 * HOUR, label="1,000 at 21:00"),
            Mark(kind=Kind.RECORD, value=800, at=90 * MINUTE, label="Record until 20:30: 800"),
            Mark(kind=Kind.RUNG, value=500, at=70 * MINUTE, label="500 at 20:10"),
        ),
        first=0,
        last=5 * HOUR,
        top=1_200,
        across=tuple(Tick(hour * HOUR, f"{19 + hour}:00") for hour in range(5)),
        up=tuple(Tick(value, f"{value:,}") for value in (0, 500, 1_000)),
        clock="Time in Europe/Berlin",
        gap="no readings",
        note="1 reading left out as a glitch",
    )
    return replace(chart, **changes)
