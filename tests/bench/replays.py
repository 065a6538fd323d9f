"""How many recorded readings a second go through the whole pipeline."""

from __future__ import annotations

import asyncio
import io
import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from bot import play
from tests.bench.report import Figure

READINGS = 3_000
BEGIN = datetime(2022, 4, 20, 17, tzinfo=UTC)


def measure() -> list[Figure]:
    """Play one session that rises and falls, as ``milepost replay --json`` does."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "session.jsonl"
        lines = [{"replay": 1, "platform": "x", "watch": "bench", "interval": 30}]
        lines += [
            {
                "at": (BEGIN + timedelta(seconds=30 * n)).isoformat(),
                "session": "s",
                "state": "live",
                "concurrent": 1_000 + min(n, READINGS - n) * 10 + n % 7,
            }
            for n in range(READINGS)
        ]
        path.write_text("\n".join(map(json.dumps, lines)))
        began, cpu_began = time.perf_counter(), time.process_time()
        asyncio.run(play.replay([path], out=io.StringIO(), as_json=True))
        seconds, cpu = time.perf_counter() - began, time.process_time() - cpu_began
    return [
        Figure(
            name="readings replayed a second",
            value=round(READINGS / seconds),
            unit="readings/s",
            note=f"{cpu / READINGS * 1000:.2f} ms of CPU each",
        )
    ]
