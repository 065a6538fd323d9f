"""The program as a whole: how soon it is ready, and what it takes while nothing is live."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from tests.bench.report import Figure

RUNS = 5
IDLE_SECONDS = 20
SETTLE_SECONDS = 3
IDLE_GOAL = 1.0
#: The libraries that the program cannot do without, imported and nothing else.
BARE = "import aiohttp, aiosqlite, apscheduler.schedulers.asyncio, babel, pydantic_settings, rich.console, \
sqlalchemy.ext.asyncio, structlog, typer, os; \
print(open('/proc/self/statm').read().split()[1], flush=True)"
PAGE = os.sysconf("SC_PAGE_SIZE")
TICK = os.sysconf("SC_CLK_TCK")


def measure() -> list[Figure]:
    """Start it on a fresh database and on the bare libraries by turns; then leave it idle."""
    ready, bare, memory, bare_memory = [], [], [], []
    for _ in range(RUNS):
        seconds, resident = _bare()
        bare.append(seconds)
        bare_memory.append(resident)
        with TemporaryDirectory() as folder:
            program, seconds = _start(Path(folder))
            ready.append(seconds)
            memory.append(_resident(program.pid))
            _stop(program)
    with TemporaryDirectory() as folder:
        program, _ = _start(Path(folder))
        time.sleep(SETTLE_SECONDS)
        before, began = _cpu_seconds(program.pid), time.monotonic()
        time.sleep(IDLE_SECONDS)
        idle = (_cpu_seconds(program.pid) - before) / (time.monotonic() - began) * 100
        settled = _resident(program.pid)
        _stop(program)
    megabyte = 1024 * 1024
    return [
        Figure(name="start to ready", value=round(median(ready), 2), unit="s"),
        Figure.ratio(
            "start to ready against importing the libraries",
            median(ready) / median(bare),
            note=f"{median(ready):.2f} s against {median(bare):.2f} s",
        ),
        Figure(name="memory, idle", value=round(settled / megabyte, 1), unit="MB"),
        Figure.ratio(
            "memory, idle, against importing the libraries",
            settled / median(bare_memory),
            note=f"{settled / megabyte:.0f} MB against {median(bare_memory) / megabyte:.0f} MB",
        ),
        Figure(name="CPU with nothing live", value=round(idle, 2), unit="% of a core", goal=IDLE_GOAL),
    ]


def _bare() -> tuple[float, int]:
    began = time.monotonic()
    run = subprocess.run([sys.executable, "-c", BARE], capture_output=True, text=True, check=True)
    return time.monotonic() - began, int(run.stdout) * PAGE


def _start(folder: Path) -> tuple[subprocess.Popen[str], float]:
    """Start the program, with no settings but its database, and wait until it says that it runs."""
    began = time.monotonic()
    program = subprocess.Popen(
        [sys.executable, "-m", "bot", "run"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,  # a .env and its tokens are none of the bench's business
        env={"PATH": os.environ["PATH"], "DATABASE_URL": f"sqlite:///{folder}/milepost.db"},
    )
    assert program.stderr is not None
    for line in program.stderr:
        if "milepost runs" in line:
            return program, time.monotonic() - began
    raise RuntimeError(f"the program ended with status {program.wait()} before it was ready")


def _stop(program: subprocess.Popen[str]) -> None:
    program.terminate()
    program.communicate(timeout=10)


def _resident(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK
