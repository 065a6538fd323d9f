"""Several processes on PostgreSQL keep the promises of one: killed, cut off, or each with a part of the work."""

from __future__ import annotations

import asyncio
import random
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fleet.fleet import RUNGS, world
from tests.fleet.proxy import through
from tests.servers import postgres

#: Kills in the short form.
KILLS = 4
#: Seconds for which the database is away: longer than every lease.
AWAY = 10
ALL = "poll,deliver,chat"


@pytest.fixture
def database() -> Iterator[str]:
    if postgres.server() is None:
        pytest.skip(postgres.INSTALL)
    with postgres.a_database() as url:
        yield url


async def test_each_does_its_part_and_every_chat_is_told_once(database: str, tmp_path: Path) -> None:
    async with world(database, tmp_path, ["poll", "poll", "deliver", "chat"]) as here:
        for rung in RUNGS[:3]:
            here.value = rung
            await here.heard(rung)
        assert here.copies() == {"t": 0, "d": 0}
        status = await here.ask("/status")
        assert len(re.findall(r"\S+:\d+ answers, \S+:\d+ sends", status)) == 2, status
        assert await here.stop() == [0, 0, 0, 0]


async def test_when_the_holder_dies_another_takes_over_and_nothing_is_lost(database: str, tmp_path: Path) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    async with world(database, tmp_path, [ALL] * 4) as here:
        here.value = RUNGS[0]
        await here.heard(RUNGS[0])
        for kills, rung in enumerate(RUNGS[1 : KILLS + 1]):
            # The one that is connected, or any.
            number = here.holder("listen:telegram") if kills % 2 == 0 else chance.randrange(4)
            here.value = rung
            await asyncio.sleep(chance.uniform(0, 1.5))
            await here.start(await here.kill(number))
            await here.heard(rung)
        assert "Alpha" in await here.ask("/live")
        copies = here.copies()
        assert copies["d"] == 0
        assert copies["t"] <= KILLS * len(here.groups)
        # The one that was started last may not have come so far as to end in good order.
        assert set(await here.stop()) <= {0, -signal.SIGTERM}


async def test_while_the_database_is_away_nothing_is_lost_nor_told_twice(database: str, tmp_path: Path) -> None:
    async with through(database) as (proxy, url), world(url, tmp_path, [ALL, ALL]) as here:
        here.value = RUNGS[0]
        await here.heard(RUNGS[0])
        here.value = RUNGS[1]
        await proxy.cut()
        await asyncio.sleep(AWAY)
        here.value = RUNGS[2]
        assert all(process.returncode is None for process, _ in here.processes)
        await proxy.open()
        await here.heard(RUNGS[2])
        here.value = RUNGS[3]
        await here.heard(RUNGS[3])
        assert here.copies() == {"t": 0, "d": 0}
        assert set(await here.stop()) == {0}
