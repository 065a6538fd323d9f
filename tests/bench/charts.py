"""Charts: against a bare line of the drawing library, from a cold start, and what memory they cost the bot."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from math import exp
from pathlib import Path
from statistics import median
from typing import Any

from bot.charts import Workshop, wire
from bot.domain import DAY, SECOND
from bot.domain.alerts.record import Scope
from bot.domain.chart import Chart, Trace
from bot.domain.plot import Course, Line, Plot
from bot.domain.reading import Metric, State
from bot.domain.session import Session
from bot.domain.snapshot import Snapshot
from bot.texts import charting
from bot.texts.words import Words
from tests.bench.report import Figure

BEGIN = 1_650_474_000_000
#: Five hours, read every 30 seconds; and 28 hours, read every second.
USUAL, MANY = (600, 30 * SECOND), (100_000, SECOND)
ROUNDS = 15
CHARTS = 50
GOAL = 1.5
PLAIN_TITLE, URDU_TITLE = "The Late Show with Night Radio", "پاکستان تحریک انصاف کا جلسہ"


def measure() -> list[Figure]:
    """Measure in programs of their own, as the drawing library has its own in the product."""
    drawn, kept = _run("draw"), _run("keep")
    figures = [
        Figure.ratio(
            f"a chart of {name}, warm, against a bare matplotlib line of the same points: CPU",
            ours / bare,
            goal=GOAL,
            note=f"{ours:.0f} ms against {bare:.0f} ms",
        )
        for name, (ours, bare) in drawn["against"].items()
    ]
    return [
        *figures,
        Figure(name="following 100,000 readings to the line that is drawn", value=drawn["follow"], unit="ms"),
        Figure(name="the first chart, from no program to the picture", value=kept["cold"], unit="ms"),
        Figure(name="a chart, warm, from the bot to the picture", value=kept["warm"], unit="ms"),
        Figure(
            name=f"memory of the bot's own process that {CHARTS} charts leave",
            value=kept["left"],
            unit="MB",
            goal=1.0,
            note=f"the drawing program has {kept['program']:.0f} MB while it runs",
        ),
    ]


def _run(what: str) -> Any:
    ran = subprocess.run(
        [sys.executable, "-m", "tests.bench.charts", what], capture_output=True, text=True, check=True
    )
    return json.loads(ran.stdout.splitlines()[-1])


def _course(count: int, interval: int, *, begin: int = BEGIN, title: str = PLAIN_TITLE) -> Course:
    """A session with a gap, a glitch and some noise."""
    noise = random.Random(count)
    last = begin + (count - 1) * interval
    trace = Trace(begin, last)
    trace.follow(_readings(count, interval, begin, noise))
    return Course(
        name="Night Radio",
        platform="x",
        unit="participants",
        metric=Metric.CONCURRENT,
        session=Session(1, ["a"], State.ENDED, title=title, tally=trace.tally),
        first=begin,
        last=last,
        points=trace.points(),
    )


def _readings(count: int, interval: int, begin: int, noise: random.Random) -> list[Snapshot]:
    found = []
    for n in range(count):
        if 0.6 < n / count < 0.65:
            continue
        value = (
            0
            if n == count // 3
            else round(189_000 * exp(-(((n / count - 0.4) / 0.2) ** 2)) + 900 * noise.random())
        )
        found.append(Snapshot(begin + n * interval, True, interval, value, None))
    return found


def _chart(one: Course) -> Chart:
    """All that a chart can have."""
    before = _course(*USUAL, begin=one.first)
    passed = {
        rung: next(at for at, value in one.points if value is not None and value >= rung)
        for rung in (25_000, 50_000, 100_000, 150_000)
    }
    plot = Plot(
        course=one,
        before=before,
        until=one.last,
        rungs=tuple((at, rung) for rung, at in passed.items() if rung < 150_000),
        record=Line(value=150_000, scope=Scope.PLATFORM, at=passed[150_000]),
    )
    return charting.chart(plot, Words(timezone="Asia/Karachi"))


def _draw() -> dict[str, Any]:
    """Draw ours and the bare line by turns."""
    import io

    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure as Canvas

    from bot.charts.drawing import draw

    def bare(points: list[Any]) -> None:
        figure = Canvas(figsize=(12, 6.75), dpi=100)
        FigureCanvasAgg(figure)
        figure.add_subplot().plot([at for at, _ in points], [value for _, value in points])
        figure.savefig(io.BytesIO(), format="png")

    def ours(chart: Chart) -> None:
        draw(wire.read(wire.written(chart)))

    against = {}
    for name, shape, title in (
        ("600 readings with all marks", USUAL, PLAIN_TITLE),
        ("600 readings with a title in Urdu", USUAL, URDU_TITLE),
        ("100,000 readings", MANY, PLAIN_TITLE),
    ):
        one = _course(*shape, title=title)
        chart = _chart(one)
        whole = Trace(one.first, one.last, columns=None)
        whole.follow(_readings(*shape, BEGIN, random.Random(shape[0])))
        all_points = list(whole.points())
        against[name] = _by_turns(partial(ours, chart), partial(bare, all_points))
    readings = _readings(*MANY, BEGIN, random.Random(1))
    began = time.process_time()
    Trace(BEGIN, BEGIN + 2 * DAY).follow(readings)
    return {"against": against, "follow": round((time.process_time() - began) * 1000)}


def _by_turns(*jobs: Callable[[], None]) -> list[float]:
    """Return the median CPU of each in milliseconds; the first turn fills the caches."""
    taken: list[list[float]] = [[] for _ in jobs]
    for turn in range(ROUNDS + 1):
        for job, times in zip(jobs, taken, strict=True):
            began = time.process_time()
            job()
            if turn:
                times.append((time.process_time() - began) * 1000)
    return [median(times) for times in taken]


async def _keep() -> dict[str, float]:
    """Draw from the bot's side, all its parts loaded."""
    import bot.app  # noqa: F401 - what is measured is the growth of a whole bot

    chart = _chart(_course(*USUAL))
    easel = Workshop()
    began = time.perf_counter()
    await easel.draw(chart)
    cold = time.perf_counter() - began
    for _ in range(5):
        await easel.draw(chart)
    before = _resident("self")
    times = []
    for _ in range(CHARTS):
        began = time.perf_counter()
        await easel.draw(chart)
        times.append(time.perf_counter() - began)
    left = (_resident("self") - before) / 2**20
    program = _resident(str(easel.pid)) / 2**20
    await easel.close()
    return {
        "cold": round(cold * 1000),
        "warm": round(median(times) * 1000),
        "left": round(max(0.0, left), 2),
        "program": round(program),
    }


def _resident(pid: str) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    import asyncio

    print(json.dumps(_draw() if sys.argv[1] == "draw" else asyncio.run(_keep())))
