"""``make bench``: measures side by side, prints one table, writes ``bench.json``."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.bench import (
    broadcast,
    charts,
    estimates,
    export,
    history,
    ingest,
    pages,
    polling,
    process,
    prune,
    replays,
    stats,
)
from tests.bench.report import Figure, show, write


def main() -> None:
    """Measure everything, one subject after another."""
    figures: list[Figure] = []
    subjects = (
        ingest.measure,
        polling.measure,
        stats.measure,
        history.measure,
        prune.measure,
        broadcast.measure,
    )
    for subject in subjects:
        figures += asyncio.run(subject())
    figures += process.measure()
    figures += pages.measure()
    figures += charts.measure()
    figures += export.measure()
    figures += replays.measure()
    figures += estimates.measure()
    show(figures)
    write(figures, Path("bench.json"))


if __name__ == "__main__":
    main()
