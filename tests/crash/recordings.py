"""Replay files that give much to tell: sessions that grow, beat each other, reconnect, and end."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path


def record(
    path: Path, *, seed: int, sessions: int, readings: int, apart: float, interval: float, offline: int
) -> Path:
    """Write a replay file.

    Args:
        path: Where to.
        seed: The same seed, the same file.
        sessions: How many, one after another.
        readings: How many each has.
        apart: Seconds between readings.
        interval: As the header says it.
        offline: How many readings without a session follow each.
    """
    chance = random.Random(seed)
    at = datetime(2026, 3, 1, tzinfo=UTC)
    header = {"replay": 1, "platform": "x", "watch": path.stem, "unit": "people", "interval": interval}
    lines: list[dict[str, object]] = [header]

    def add(**what: object) -> None:
        nonlocal at
        lines.append({"at": at.isoformat(timespec="milliseconds"), **what})
        at += timedelta(seconds=apart)

    best = 40.0
    for number in range(sessions):
        best *= chance.uniform(1.1, 2.5)
        total = 0
        for step in range(readings):
            figure = round(best * (step + 1) / readings * chance.uniform(0.9, 1.0))
            total += figure // 3
            if chance.random() < 0.05:
                add(error="unavailable")
            title = f"Friday {number}, {'first' if step < readings // 2 else 'second'} half"
            add(session=f"s{number}", state="live", title=title, concurrent=figure, tuned_in=total)
        add(session=f"s{number}", state="ended", tuned_in=total + 7)
        for _ in range(offline):
            add(state="offline")
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path
