"""Kills the bot and starts it again, on one database, beside a world that goes on.

The harness itself has no event loop and no threads: so it can fork a life of the bot, with all that was imported,
in a few milliseconds, and so the world is another process, which it asks through a pipe.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import sqlite3
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from bot.pipeline.schedule import wall_clock
from tests.crash import life as lives
from tests.crash import world
from tests.crash.life import Life
from tests.crash.points import Point
from tests.crash.world import LARGE, Size

#: Seconds in which what must come has come, even on a busy machine; and in which a process stops when asked to.
PATIENCE = 300
STOP = 30
#: Seconds after which a life that never came to its point is killed all the same.
POINT_PATIENCE = 10.0
#: Seconds after which a fresh life usually speaks to Telegram; a machine on which it takes longer gets so much
#: longer lives, up to a limit.
USUAL_START = 0.25
SLOWEST = 2.0


@dataclass
class Row:
    """What one run came to; a row of the table.

    Attributes:
        cycles: How long each life lasted, in seconds.
        most: Copies a chat and kill on Telegram, at most.
        missed: Lives that never came to their point.
        other: Copies on Telegram of what was answered with a fault.
    """

    name: str
    kills: int = 0
    cycles: list[float] = field(default_factory=list)
    true: int = 0
    lost: int = 0
    telegram: int = 0
    most: int = 0
    other: int = 0
    discord: int = 0
    missed: int = 0
    wrong: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    @property
    def median(self) -> float:
        return statistics.median(self.cycles) * 1000 if self.cycles else 0.0


class Broken(Exception):
    """The harness itself cannot go on; the message says why."""


class Harness:
    """One database, one world, and life after life.

    Args:
        seed: The same seed, the same draws; when a kill hits is up to the machine all the same.
    """

    def __init__(self, folder: Path, *, seed: int, size: Size = LARGE) -> None:
        self.folder = folder
        self.chance = random.Random(seed)
        self.database = folder / "milepost.db"
        self.log = folder / "lives.log"
        self.number = 0
        self.pace = 1.0
        self.alive: Alive | None = None
        self._pipe, theirs = Pipe()
        self._log_of_world = folder / "world.log"
        self._world = _fork(self._run_world(theirs, seed, size), close=(self._pipe,))
        theirs.close()
        lives.warm()
        self._settings: dict[str, str] = self.ask("settings")

    def ask(self, name: str, **values: Any) -> Any:
        """Ask the world something."""
        try:
            self._pipe.send((name, values))
            if self._pipe.poll(PATIENCE):
                return self._pipe.recv()
        except (EOFError, OSError) as error:
            raise Broken(f"the world has ended: {error!r}") from error
        raise Broken(f"the world does not answer: {name}")

    def _run_world(self, pipe: Connection, seed: int, size: Size) -> Callable[[], None]:
        def run() -> None:
            log = os.open(self._log_of_world, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            os.dup2(log, 1)
            os.dup2(log, 2)
            world.main(pipe, seed, size)

        return run

    def close(self) -> None:
        """End the world, and the life that goes on, if there is one."""
        if self.alive is not None:
            with suppress(Broken):
                self.alive.kill()
        self._pipe.close()
        with suppress(ProcessLookupError):
            os.kill(self._world, signal.SIGKILL)
        with suppress(ChildProcessError):
            os.waitpid(self._world, 0)

    # --- lives

    def settings(self, number: int) -> dict[str, str]:
        """Return the environment of a life."""
        found = {name: value.replace("{life}", str(number)) for name, value in self._settings.items()}
        return found | {"DATABASE_URL": f"sqlite:///{self.database}", "LOG_LEVEL": "warning"}

    def fork(
        self,
        *,
        point: Point | None = None,
        at_pass: int = 1,
        clock: Callable[[], int] = wall_clock,
        pages: int | None = None,
    ) -> Alive:
        """Start a life that is forked off this process."""
        self.number += 1
        number = self.number
        life = Life(
            settings=self.settings(number), log=self.log, point=point, at_pass=at_pass, clock=clock, pages=pages
        )
        ready, go = os.pipe()
        pid = _fork(lambda: lives.live(life, ready), close=(self._pipe,))
        os.close(ready)
        self.ask("life", number=number, pid=pid, point=point, at_pass=at_pass)
        self.alive = alive = Alive(self, number, pid)
        os.write(go, b"!")
        os.close(go)
        return alive

    def start(self) -> Alive:
        """Start a life as a person does: ``milepost run``."""
        self.number += 1
        number = self.number
        passed_on = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG"}}
        with self.log.open("a", encoding="utf-8") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "bot", "run"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=passed_on | {"PYTHONPATH": os.pathsep.join(sys.path)} | self.settings(number),
            )
        process.returncode = 0  # it is waited for here, by its number
        self.ask("life", number=number, pid=process.pid, point=None, at_pass=1)
        self.alive = Alive(self, number, process.pid)
        return self.alive

    def until(
        self, condition: Callable[[dict[str, Any]], object], alive: Alive, *, seconds: float = PATIENCE
    ) -> bool:
        """Wait until the world is in a state, while a life goes on; tell whether it came to that."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            status = self.ask("status")
            if status["failed"]:
                raise Broken(status["failed"])
            if condition(status):
                return True
            if alive.over:
                return False
            time.sleep(0.02)
        return False

    def set_up(self) -> None:
        """Have all chats watch everything, by commands; find out how fast this machine is."""
        alive = self.fork()
        self.until(lambda status: status["heard"], alive)
        self.pace = min(max((time.monotonic() - alive.began) / USUAL_START, 1.0), SLOWEST)
        self.ask("set_up")
        if not self.until(lambda status: status["ready"], alive):
            raise Broken(f"it was never set up: {self.ask('status')}\n{self.tail()}")
        alive.stop()

    def drain(self, row: Row, *, seconds: float = PATIENCE) -> None:
        """Let what is owed arrive, in a life that nobody ends, and reckon up."""
        self.ask("freeze")
        end = time.monotonic() + seconds
        done = False
        while not done and time.monotonic() < end:
            alive = self.fork()
            left = end - time.monotonic()
            done = self.until(lambda status: not status["owed"] and not status["wild"], alive, seconds=left)
            how = alive.stop()
            if how != "stopped":
                row.remarks.append(f"a life that was to end well {how}")
        told = self.ask("reckon")
        row.true += told["true"]
        row.lost += told["lost"]
        row.telegram += told["copies"].get("telegram", 0)
        row.discord += told["copies"].get("discord", 0)
        row.most = max(row.most, told["most"])
        row.other += told["by_loss"]
        row.wrong += told["wrong"]
        if told["missing"]:
            row.remarks.append("missing: " + "; ".join(told["missing"]))
        if told["faulted"]:
            row.remarks.append(f"{told['faulted']} requests went wrong")
        if (found := self.integrity()) != "ok":
            row.wrong.append(f"integrity_check: {found}")

    def integrity_of_copy(self) -> str:
        """Check the database with its log as they lie there, and leave them so."""
        copy = self.folder / "copy.db"
        for end in ("", "-wal"):
            copy.with_name(copy.name + end).unlink(missing_ok=True)
            file = self.database.with_name(self.database.name + end)
            if file.exists():
                shutil.copy(file, copy.with_name(copy.name + end))
        return self.integrity(copy)

    def integrity(self, file: Path | None = None) -> str:
        """Return what SQLite finds wrong with the database, or "ok"."""
        with closing(sqlite3.connect(file or self.database)) as connection:
            found: str = connection.execute("PRAGMA integrity_check").fetchone()[0]
            return found

    def tail(self, lines: int = 60) -> str:
        """Return the end of what the lives wrote."""
        if not self.log.exists():
            return ""
        return "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])


class Alive:
    """A life that goes on."""

    def __init__(self, harness: Harness, number: int, pid: int) -> None:
        self._harness = harness
        self.number = number
        self.pid = pid
        self.began = time.monotonic()
        self.lasted = 0.0
        self.how = ""

    @property
    def over(self) -> bool:
        """Whether it has ended by itself, or by a kill that has come."""
        return bool(self.how) or self._reap(os.WNOHANG)

    def wait(self, seconds: float) -> bool:
        """Wait until it ends; tell whether it did."""
        end = time.monotonic() + seconds
        while not self.over:
            if time.monotonic() >= end:
                return False
            time.sleep(0.001)
        return True

    def kill(self) -> str:
        """Kill it; return how it ended."""
        if not self.how:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
            self._reap(0)
        return self.how

    def stop(self) -> str:
        """Ask it to end; return how it did."""
        if not self.over:
            os.kill(self.pid, signal.SIGTERM)
            if not self.wait(STOP):
                self.kill()
                self.how = "hung"
        return self.how

    def _reap(self, how: int) -> bool:
        pid, status = os.waitpid(self.pid, how)
        if pid == 0:
            return False
        self.lasted = time.monotonic() - self.began
        if os.WIFSIGNALED(status):
            self.how = (
                "killed" if os.WTERMSIG(status) == signal.SIGKILL else f"died of signal {os.WTERMSIG(status)}"
            )
        else:
            self.how = "stopped" if os.WEXITSTATUS(status) == 0 else f"failed with {os.WEXITSTATUS(status)}"
        self._harness.ask("ended", number=self.number, how=self.how)
        return True


def _fork(work: Callable[[], None], *, close: Sequence[Connection]) -> int:
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid:
        return pid
    try:
        for one in close:
            one.close()
        work()
    finally:
        os._exit(1)
