"""The program as a whole, connected to both chats: how soon it is ready, and what it takes while nothing is live.

What it is held against is a Python that imports the same third-party modules, and nothing else: the program
itself writes down which it has loaded by the time it runs.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from tests.bench.program import PAGE, running
from tests.bench.report import Figure
from tests.servers.discord import DiscordServer
from tests.servers.telegram import TelegramServer

RUNS = 5
#: How long it has been idle when its memory is read, and over how long its CPU is.
SETTLE_SECONDS, IDLE_SECONDS = 10, 20
GOAL = 1.25
IDLE_GOAL = 1.0
#: Seconds in which the program writes that file.
SOON = 1.0
MEGABYTE = 1024 * 1024
#: The program, which writes the modules that it has loaded to a file whenever it gets a signal.
LISTED = """
import json, signal, sys
def listed(*_):
    with open("modules.json", "w") as file:
        json.dump([name for name, one in sys.modules.items()
                   if "site-packages" in (getattr(one, "__file__", None) or "")], file)
signal.signal(signal.SIGUSR1, listed)
sys.argv[1:] = ["run"]
from bot.__main__ import main
main()
"""
BARE = """
import importlib, json, sys
for name in json.load(open("modules.json")):
    importlib.import_module(name)
print(open("/proc/self/statm").read().split()[1], flush=True)
"""


async def measure(runs: int = RUNS, settle: float = SETTLE_SECONDS, idle: float = IDLE_SECONDS) -> list[Figure]:
    """Start it on a database that is there, and the bare libraries, by turns; then leave it idle."""
    ready, bare, bare_memory = [], [], []
    async with _servers() as settings:
        with TemporaryDirectory(prefix="milepost-bench-") as name:
            folder = Path(name)
            async with running(folder, **settings):
                pass  # the first start makes the database, with a library that no later one needs
            modules = await _modules(folder, settings)
            for _ in range(runs):
                seconds, resident = await asyncio.to_thread(_bare, folder)
                bare.append(seconds)
                bare_memory.append(resident)
                async with running(folder, **settings) as program:
                    ready.append(program.ready)
            async with running(folder, **settings) as program:
                await asyncio.sleep(settle)
                before, began = program.cpu(), time.monotonic()
                await asyncio.sleep(idle)
                used = (program.cpu() - before) / (time.monotonic() - began) * 100
                settled = program.resident()
    libraries = median(bare_memory)
    return [
        Figure.ratio(
            "memory, idle with both chats, against importing the same libraries",
            settled / libraries,
            goal=GOAL,
            note=f"{settled / MEGABYTE:.0f} MB against {libraries / MEGABYTE:.0f} MB for {modules:,} modules",
        ),
        Figure.ratio(
            "start to ready with both chats, against importing the same libraries",
            median(ready) / median(bare),
            goal=GOAL,
            note=f"{median(ready):.2f} s against {median(bare):.2f} s",
        ),
        Figure(name="CPU with nothing live", value=round(used, 2), unit="% of a core", goal=IDLE_GOAL),
    ]


@asynccontextmanager
async def _servers() -> AsyncIterator[dict[str, str]]:
    """Open both chats; yields the settings that lead to them."""
    async with TelegramServer() as telegram, DiscordServer() as discord:
        discord.world.guild("Radio").text("general")
        yield {
            "TELEGRAM_TOKEN": telegram.token,
            "TELEGRAM_API_URL": telegram.url,
            "DISCORD_TOKEN": discord.token,
            "DISCORD_API_URL": discord.api_url,
        }


async def _modules(folder: Path, settings: dict[str, str]) -> int:
    """Have the running program write down what it has loaded of others; returns how many modules that is."""
    async with running(folder, command=("-c", LISTED), **settings) as program:
        program.process.send_signal(signal.SIGUSR1)
        await asyncio.sleep(SOON)
    return len(json.loads((folder / "modules.json").read_text()))


def _bare(folder: Path) -> tuple[float, int]:
    began = time.monotonic()
    run = subprocess.run(
        [sys.executable, "-c", BARE],
        capture_output=True,
        text=True,
        check=True,
        cwd=folder,
        env={"PATH": os.environ["PATH"]},
    )
    return time.monotonic() - began, int(run.stdout) * PAGE
