"""Alarms and the page about them say what there is."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from bot.metrics import Metrics
from bot.ports.purse import Purse, utc_day
from storage.database import Database
from tests.fakes.clock import NOW, Clock
from tests.fakes.source import FakeSource
from tests.servers import prometheus

ROOT = Path(__file__).parent.parent
ALERTS = ROOT / "deploy" / "alerts.yml"
PAGE = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
NAME = re.compile(r"\bmilepost_[a-z_]+")
#: What Prometheus makes of one histogram.
PARTS = ("_bucket", "_count", "_sum")


async def names(folder: Path) -> set[str]:
    """Return the names of all metrics, as they are written in rules."""
    database = Database(f"sqlite:///{folder}/milepost.db", throwaway=True)
    await database.open()
    metrics, source = Metrics(clock=Clock(NOW)), FakeSource("x")
    source.purse = Purse(unit="USD", limit=2, day_of=utc_day)
    metrics.watch(database=database, sources={"x": source}, platforms=("fake",))
    try:
        told = (await metrics.text()).decode()
    finally:
        await metrics.close()
        await database.close()
    return {line.split()[2] for line in told.splitlines() if line.startswith("# TYPE milepost_")}


def whole(name: str) -> str:
    """Return the name of the histogram that a series is of."""
    return next((name.removesuffix(part) for part in PARTS if name.endswith(part)), name)


async def test_alarms_ask_for_metrics_that_there_are(tmp_path: Path) -> None:
    asked = {whole(name) for name in NAME.findall(ALERTS.read_text(encoding="utf-8"))}
    assert len(asked) > 10
    assert not asked - await names(tmp_path)


async def test_the_page_explains_every_metric_and_no_other(tmp_path: Path) -> None:
    explained = {whole(name) for name in re.findall(r"`(milepost_[a-z_]+)`", PAGE)}
    assert explained == await names(tmp_path)


def test_the_page_says_of_every_alarm_what_to_do() -> None:
    alarms = re.findall(r"- alert: (\w+)", ALERTS.read_text(encoding="utf-8"))
    assert len(alarms) == len(set(alarms)) > 10
    rows = [row.split("|") for row in PAGE.splitlines() if row.startswith("| Milepost")]
    assert [row[1].strip() for row in rows] == alarms
    assert all(cell.strip() for row in rows for cell in row[2:4])


def test_the_page_quotes_lines_of_the_log_that_there_are() -> None:
    lines = PAGE.partition("### Logs")[2].partition("\n## ")[0]
    quoted = [
        one for row in lines.splitlines() if row.startswith("| `") for one in row.split("|")[1].split("`")[1::2]
    ]
    assert len(quoted) > 15
    code = "\n".join(
        path.read_text(encoding="utf-8")
        for folder in ("bot", "handlers")
        for path in (ROOT / folder).rglob("*.py")
    )
    assert not [one for one in quoted if f'"{one}"' not in code]


@pytest.mark.skipif(prometheus.missing() is not None, reason=prometheus.INSTALL)
def test_prometheus_takes_the_rules() -> None:
    tool = shutil.which("promtool")
    assert tool is not None
    done = subprocess.run(
        [tool, "check", "rules", str(ALERTS)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
