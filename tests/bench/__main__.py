"""``make bench``: measures side by side, prints one table, writes ``bench.json``.

``python -m tests.bench NAME ...`` measures some subjects only; the names are those below, one file each.
"""

from __future__ import annotations

import asyncio
import inspect
import sys
import time
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from tests.bench.report import Figure, show, write

#: In the order of the table. Each is a module of this package with ``measure()``, plain or a coroutine.
SUBJECTS = (
    "ingest",
    "polling",
    "fan_out",
    "broadcast",
    "stats",
    "latency",
    "disk",
    "process",
    "takeover",
    "rival",
    "history",
    "prune",
    "pages",
    "charts",
    "replays",
    "estimates",
)
#: Takes longer than all others together: only by its name.
LONG = ("export",)


def measured(names: Sequence[str]) -> list[Figure]:
    """Measure one subject after another, and say on standard error what each took."""
    figures: list[Figure] = []
    for name in names:
        began = time.monotonic()
        measure = import_module(f"tests.bench.{name}").measure
        figures += asyncio.run(measure()) if inspect.iscoroutinefunction(measure) else measure()
        print(f"{name}: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    return figures


def main() -> None:
    """Measure what is named, or everything."""
    named = sys.argv[1:]
    unknown = set(named) - {*SUBJECTS, *LONG}
    if unknown:
        sys.exit(f"Unknown: {', '.join(sorted(unknown))}. There are: {', '.join((*SUBJECTS, *LONG))}")
    figures = measured(named or SUBJECTS)
    show(figures)
    if not named:
        write(figures, Path("bench.json"))


if __name__ == "__main__":
    main()
