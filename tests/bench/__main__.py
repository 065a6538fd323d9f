"""``make bench``: measures side by side, prints one table, writes ``bench.json``."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.bench import broadcast, ingest, polling, process, replays, stats
from tests.bench.report import Figure, show, write


def main() -> None:
    """Measure everything, one subject after another."""
    figures: list[Figure] = []
    for subject in (ingest.measure, polling.measure, stats.measure, broadcast.measure):
        figures += asyncio.run(subject())
    figures += process.measure()
    figures += replays.measure()
    show(figures)
    write(figures, Path("bench.json"))


if __name__ == "__main__":
    main()
