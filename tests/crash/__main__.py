"""``make crash``: kills the bot a thousand times and says what was lost and what came twice.

``python -m tests.crash --kills 1000 --runs random,points,real,...`` runs some only. Ends with 1 if a promise was
broken.
"""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path

from tests.crash.harness import Harness, Row
from tests.crash.runs import RUNS
from tests.crash.world import LARGE, SMALL, Size

#: Of all kills, so many are real starts; so large a part hits named points.
REAL, AT_POINTS = 50, 0.34
#: Kills of each run in which something else goes wrong, too.
TROUBLED = {"faults": 25, "lost": 20, "full": 8, "locked": 6, "clock": 16, "power": 30}

HEAD = (
    "run",
    "kills",
    "cycle ms",
    "facts true",
    "lost",
    "Telegram twice",
    "most a chat and kill",
    "Discord twice",
)


def plan(kills: int, runs: list[str]) -> dict[str, int]:
    """Return how often each run kills; where all run, the first three have so many kills together."""
    real = min(REAL, max(1, kills // 20))
    points = round(kills * AT_POINTS)
    found = {"real": real, "points": points, "random": kills - real - points}
    share = min(1.0, kills / 1000)
    found |= {name: max(1, round(count * share)) for name, count in TROUBLED.items()}
    if len(runs) == 1:
        return {runs[0]: kills}
    return {name: count for name, count in found.items() if name in runs}


def broken(row: Row) -> list[str]:
    """Return the promises that a run broke, in words."""
    found = list(row.wrong)
    if row.lost:
        found.append(f"{row.lost} lost")
    if row.name != "WAL cut off":
        if row.discord:
            found.append(f"{row.discord} twice on Discord")
        if row.most > 1:
            found.append(f"{row.most} copies in one Telegram chat after one kill")
    return found


def cells(row: Row) -> tuple[str, ...]:
    twice = f"{row.telegram} ({row.other} of lost answers)" if row.other else str(row.telegram)
    most = "-" if row.name == "WAL cut off" else str(row.most)
    figures = (row.kills, f"{row.median:.0f}", row.true, row.lost, twice, most, row.discord)
    return (row.name, *map(str, figures))


def table(rows: list[Row]) -> str:
    """Return the runs as a table, as Markdown writes it."""
    lines = [HEAD, tuple("---" for _ in HEAD), *map(cells, rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def crash(folder: Path, planned: dict[str, int], *, seed: int, size: Size = LARGE) -> list[Row]:
    """Do one run after another on one database, telling of each on standard error."""
    rows: list[Row] = []
    harness = Harness(folder, seed=seed, size=size)
    try:
        harness.set_up()
        print(f"lives last {harness.pace:.1f} times as long as usual", file=sys.stderr, flush=True)
        for name in RUNS:
            if name not in planned:
                continue
            began = time.monotonic()
            row = RUNS[name](harness, planned[name])
            rows.append(row)
            print(f"{name}: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
            for line in broken(row):
                print(f"  BROKEN: {line}", file=sys.stderr, flush=True)
            for line in row.remarks:
                print(f"  {line}", file=sys.stderr, flush=True)
    finally:
        harness.close()
    return rows


def main() -> int:
    """Run what is asked for; return 1 if a promise was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.crash")
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--runs", default=",".join(RUNS), help="some of: " + ", ".join(RUNS))
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--small", action="store_true", help="few watches and chats")
    given = parser.parse_args()
    runs = given.runs.split(",")
    if unknown := set(runs) - set(RUNS):
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    seed = random.randrange(2**32) if given.seed is None else given.seed
    print(f"seed {seed}", flush=True)
    folder = Path(tempfile.mkdtemp(prefix="milepost-crash-"))
    rows = crash(folder, plan(given.kills, runs), seed=seed, size=SMALL if given.small else LARGE)
    print(table(rows))
    print(f"{sum(row.kills for row in rows):,} kills in all")
    if any(map(broken, rows)):
        print(f"A promise was broken. The database and the log of all lives are in {folder}.")
        return 1
    shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
