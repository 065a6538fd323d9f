"""Processes that kill themselves at a given step of what they do, as a power cut would."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from storage import backup, moving
from storage.database import Database

#: Forks each process off one that has imported everything.
forks = multiprocessing.get_context("forkserver")
forks.set_forkserver_preload(["tests.storage.killed", "asyncpg", "alembic.command", "alembic.config"])
#: Seconds that a process may take before it hangs.
PATIENCE = 180

#: What Python tells before it does it: each of these changes files.
_STEPS = {"os.rename", "os.link", "os.remove", "os.chmod", "os.mkdir", "sqlite3.connect", "open"}


class Countdown:
    """Kills this process at the n-th step; of those that files see, only steps in one folder count."""

    def __init__(self, at: int, folder: Path = Path()) -> None:
        self.left = at
        self._folder = str(folder)

    def step(self, *_: Any) -> None:
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def on_audit(self, event: str, arguments: Any) -> None:
        if event in _STEPS and self._folder in str(arguments[0]):
            self.step()


def dies(work: Callable[..., None], *arguments: Any) -> bool:
    """Run something in a process of its own; tell whether it was killed, and not at its end before that."""
    process = forks.Process(target=work, args=arguments)
    process.start()
    process.join(PATIENCE)
    assert process.exitcode in {0, -signal.SIGKILL}, process.exitcode
    return process.exitcode != 0


def make_backup(source: Path, target: Path, at: int) -> None:
    sys.addaudithook(Countdown(at, target.parent).on_audit)
    backup.make(source, target)


def restore_backup(file: Path, target: Path, now: int, at: int) -> None:
    sys.addaudithook(Countdown(at, target.parent).on_audit)
    backup.restore(file, target, now=now)


def copy_to_server(source: str, target: str, at: int) -> None:
    async def run() -> None:
        async with moving.reading(source) as connection:
            await moving.into_postgres(connection, target, replace=True, mend=False, tell=Countdown(at).step)

    asyncio.run(run())


def copy_to_file(source: str, target: Path, at: int) -> None:
    async def run() -> None:
        async with moving.reading(source) as connection:
            await moving.into_file(connection, target, mend=False, tell=Countdown(at).step)

    asyncio.run(run())


def upgrade(url: str, at: int, steps: Path) -> None:
    """Open a database that has to be migrated; the steps, whose number is written down, are what it says to it."""
    countdown = Countdown(at)
    for event in ("before_cursor_execute", "commit"):
        sa.event.listen(sa.engine.Engine, event, countdown.step)

    async def run() -> None:
        database = Database(url)
        await database.open()
        await database.close()

    asyncio.run(run())
    steps.write_text(str(at - countdown.left))
