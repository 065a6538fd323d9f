"""The benches run and count what they say, at a size that measures nothing."""

from __future__ import annotations

import pytest

from tests.bench import disk, ingest, latency, rival, stats
from tests.bench.ingest import Setting
from tests.bench.report import Figure


def values(figures: list[Figure]) -> dict[str, float]:
    return {one.name: one.value for one in figures}


async def test_a_tick_and_its_rows_by_hand() -> None:
    (figure,) = await ingest.measure([Setting(name="small", sessions=40, measured=1, rising=0.5)])
    assert figure.value > 0


async def test_bytes_a_sample() -> None:
    level, rising = await disk.measure(sessions=20, ticks=6)
    assert level.note.startswith("120 samples of 20 sessions")
    assert rising.note.endswith("alerts for 120 samples")


async def test_stats_of_many_samples_and_few() -> None:
    figures = await stats.measure(100, 1_000, rounds=1)
    assert [one.name for one in figures] == [
        f"/stats with 1,000 samples against 100: {x}" for x in ("CPU", "time")
    ]


async def test_each_alert_is_matched_with_the_answer_that_made_it() -> None:
    figures = await latency.measure(alerts=2)
    assert len(figures) == 2
    for one in figures:
        assert one.value > 0
        assert one.note.startswith("2 alerts")


@pytest.mark.filterwarnings("default")  # processes that are killed leave their pipes open
async def test_milepost_and_a_rival_are_killed_midway_and_one_of_them_loses_nothing() -> None:
    found = values(await rival.measure(sessions=6, chats=4, interval=1, cycles=1, quiet=3))
    assert found["chats that never hear of it when Milepost is killed midway"] == 0
    assert found["chats that never hear of it when a rival is killed midway"] > 0
