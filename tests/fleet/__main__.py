"""``python -m tests.fleet --kills 60``: four processes on one PostgreSQL, killed again and again."""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
from pathlib import Path

from tests.fleet.fleet import RUNGS, world
from tests.servers import postgres

ALL = "poll,deliver,chat"


async def run(url: str, folder: Path, *, kills: int, seed: int) -> bool:
    """Kill one of the processes before each rung; tell whether every promise was kept."""
    chance = random.Random(seed)
    told = copies = 0
    took: list[float] = []
    for round_ in range(-(-kills // (len(RUNGS) - 1))):
        place = folder / str(round_)
        place.mkdir()
        async with world(url, place, [ALL] * 4, name=f"Alpha {round_}") as here:
            here.value = RUNGS[0]
            await here.heard(RUNGS[0])
            for rung in RUNGS[1 : 1 + kills - round_ * (len(RUNGS) - 1)]:
                here.value = rung
                await asyncio.sleep(chance.uniform(0, 1.5))
                number = here.holder("listen:telegram") if chance.random() < 0.5 else chance.randrange(4)
                await here.start(await here.kill(number))
                took.append(await here.heard(rung))
            found = here.copies()
            told += sum(map(len, here.told().values()))
            if found["d"] or found["t"] > kills * len(here.groups):
                print(f"told twice: {found}")
                return False
            copies += found["t"]
            await here.stop()
    took.sort()
    print(
        f"4 processes, {kills} kills: {told} posts, 0 lost, {copies} copies on Telegram, 0 on Discord; "
        f"told {took[len(took) // 2]:.1f} s after a kill (median), {took[-1]:.1f} s at most"
    )
    return True


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fleet")
    parser.add_argument("--kills", type=int, default=60)
    parser.add_argument("--seed", type=int, default=random.randrange(2**32))
    given = parser.parse_args()
    if postgres.server() is None:
        print(f"no PostgreSQL: {postgres.INSTALL}")
        return 1
    print(f"seed {given.seed}")
    with postgres.a_database() as url, tempfile.TemporaryDirectory() as folder:
        return 0 if asyncio.run(run(url, Path(folder), kills=given.kills, seed=given.seed)) else 1


if __name__ == "__main__":
    sys.exit(main())
