"""``milepost run`` as a process of its own, and what the system says that it used."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

READY = "milepost runs"
READY_SECONDS = 60
STOP_SECONDS = 10
PAGE = os.sysconf("SC_PAGE_SIZE")
TICK = os.sysconf("SC_CLK_TCK")


@dataclass
class Program:
    """A running program.

    Attributes:
        ready: Seconds from its start to the line that says that it runs.
        log: The last lines of its standard error.
    """

    process: asyncio.subprocess.Process
    ready: float = 0.0
    log: deque[str] = field(default_factory=lambda: deque(maxlen=50))

    @property
    def pid(self) -> int:
        return self.process.pid

    def cpu(self) -> float:
        """Return the CPU that it has used so far, in seconds."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICK

    def resident(self) -> int:
        """Return the memory that it holds, in bytes."""
        return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * PAGE

    def written(self) -> int:
        """Return how many bytes it has written to files so far."""
        lines = Path(f"/proc/{self.pid}/io").read_text().splitlines()
        return int(dict(line.split(": ") for line in lines)["wchar"])

    async def kill(self) -> None:
        """End it with SIGKILL."""
        with suppress(ProcessLookupError):
            self.process.kill()
        await self.process.wait()


@asynccontextmanager
async def running(
    folder: Path, *, command: Sequence[str] = ("-m", "bot", "run"), ready: str = READY, **settings: str
) -> AsyncIterator[Program]:
    """Run Python with this command until the block ends; it is ready when it writes so to standard error.

    Args:
        folder: Where it runs and its database is, unless the settings say otherwise: a .env of the operator's, and
            its tokens, are none of the bench's business.

    Raises:
        RuntimeError: It ended before it was ready, or was not in time.
    """
    began = time.monotonic()
    root = str(Path(__file__).parents[2])
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        cwd=folder,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": root,
            "DATABASE_URL": f"sqlite:///{folder}/milepost.db",
            **settings,
        },
    )
    program = Program(process)
    assert process.stderr is not None
    reader = asyncio.create_task(_follow(process.stderr, program.log))
    try:
        while not any(ready in line for line in program.log):
            if process.returncode is not None or time.monotonic() > began + READY_SECONDS:
                raise RuntimeError("the program was not ready:\n" + "\n".join(program.log))
            await asyncio.sleep(0.005)
        program.ready = time.monotonic() - began
        yield program
    finally:
        if process.returncode is None:
            process.terminate()
            with suppress(TimeoutError):
                async with asyncio.timeout(STOP_SECONDS):
                    await process.wait()
            await program.kill()
        await reader


async def _follow(stream: asyncio.StreamReader, log: deque[str]) -> None:
    async for line in stream:
        log.append(line.decode(errors="replace").rstrip())
