"""Kill -9 at any moment, start again: nothing lost, nothing doubled but the one line in flight."""

from __future__ import annotations

import asyncio
import multiprocessing
import multiprocessing.connection
import os
import random
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import IO, Any

import pytest

from bot.pipeline.ingest import Ingest
from bot.ports.source import Told
from bot.sources.replay import load
from storage.database import Database
from tests.crash import driver
from tests.crash.recordings import record
from tests.fakes.clock import NOW
from tests.fakes.rows import a_chat, a_watch, everything, listens, rows

KILLS = 20
#: Of them, so many must hit a process that was at work.
AT_WORK = 15
#: Seconds that a stop may take, and that anything else may.
STOP = 5
PATIENCE = 30
#: How often the program itself is ended.
ENDS = 3
#: What a later or a second try writes down otherwise: attempts and leases, and the moments of sending.
ABOUT_TRYING = (
    "installation.key",
    "delivery.attempts",
    "delivery.leased_until",
    "delivery.due_at",
    "delivery.settled_at",
)

# --- the product's parts under a fast clock ---------------------------------------------------------------

#: Forks each driver off a process that has imported everything: a start is as cheap as a kill.
forks = multiprocessing.get_context("forkserver")


@dataclass
class Played:
    """What was printed, and what lies in the database.

    Attributes:
        fresh: How many posts stood there whenever a process had been killed.
        at_work: How many kills hit a process that had not finished.
    """

    folder: Path
    files: list[Path]
    fresh: list[int] = field(default_factory=list)
    at_work: int = 0

    @property
    def url(self) -> str:
        return f"sqlite:///{self.folder}/milepost.db"

    @property
    def posts(self) -> list[str]:
        out = self.folder / "out.txt"
        return posts(out.read_text(encoding="utf-8")) if out.exists() else []

    def start(self) -> Any:
        process = forks.Process(target=driver.main, args=(self.url, self.folder / "out.txt", self.files))
        process.start()
        return process

    def finish(self) -> None:
        process = self.start()
        process.join(PATIENCE)
        try:
            assert process.exitcode == 0
        finally:
            process.kill()
            process.join()

    def kill(self, *, after: int, pause: float) -> None:
        """Start it, and kill it so many seconds after it printed so many posts, or some part of the next one."""
        out = self.folder / "out.txt"
        before = len(self.posts)
        process = self.start()
        end = time.monotonic() + PATIENCE
        while len(self.posts) < before + after and process.is_alive() and time.monotonic() < end:
            multiprocessing.connection.wait([process.sentinel], timeout=0.002)
        multiprocessing.connection.wait([process.sentinel], timeout=pause)
        process.kill()
        process.join()
        assert not out.exists() or out.read_text(encoding="utf-8")[-1:] in {"", "\n"}
        self.at_work += process.exitcode == -signal.SIGKILL
        self.fresh.append(len(self.posts))

    async def rows(self) -> dict[str, list[tuple[Any, ...]]]:
        database = Database(self.url)
        await database.open()
        try:
            return await everything(database, apart_from=ABOUT_TRYING)
        finally:
            await database.close()


def posts(text: str) -> list[str]:
    """Split what was printed: a post begins at the margin, its further lines are indented."""
    return re.findall(r"^\S.*\n(?:[ ].*\n)*", text, re.MULTILINE)


def once_each(played: Played, expected: list[str]) -> None:
    """Hold what was printed to what should have been, with one repeat a kill: the first post after it."""
    at = 0
    for place, post in enumerate(played.posts):
        if at < len(expected) and post == expected[at]:
            at += 1
        else:
            assert place in played.fresh, f"post {place} was printed out of turn:\n{post}"
            assert post == expected[at - 1], f"post {place} is not the one in flight:\n{post}"
    assert at == len(expected), f"{len(expected) - at} posts were lost, the first:\n{expected[at]}"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("recordings")
    forks.set_forkserver_preload(["tests.crash.driver"])
    return [
        record(
            folder / f"{name}.jsonl",
            seed=seed,
            sessions=4,
            readings=8,
            apart=driver.APART,
            interval=driver.INTERVAL,
            offline=3,
        )
        for seed, name in enumerate(("ann", "bob", "cleo"))
    ]


@pytest.fixture(scope="module")
def unkilled(files: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Played:
    """A run that nobody kills."""
    played = Played(tmp_path_factory.mktemp("unkilled"), files)
    played.finish()
    return played


async def test_killed_at_random_moments_it_tells_all_and_nothing_twice(
    unkilled: Played, files: list[Path], tmp_path: Path
) -> None:
    expected = unkilled
    assert len(expected.posts) > 60
    seed = random.randrange(2**32)
    print(f"seed {seed}")  # shown by pytest if it fails
    chance = random.Random(seed)
    played = Played(tmp_path, files)
    for left in range(KILLS, 0, -1):
        most = 2 * (len(expected.posts) - len(played.posts)) // (left + 2)
        # In the midst of telling, or in its start.
        if chance.random() < 0.7:
            played.kill(after=chance.randint(1, max(most, 1)), pause=chance.uniform(0, 0.08))
        else:
            played.kill(after=0, pause=chance.uniform(0, 0.2))
    played.finish()
    assert played.at_work >= AT_WORK
    once_each(played, expected.posts)
    assert await played.rows() == await expected.rows()


# --- the program itself -----------------------------------------------------------------------------------


@dataclass
class Program:
    """``milepost run`` on a database file, its standard input a pipe."""

    process: subprocess.Popen[str]
    log: Path

    def type(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()

    def wait_for(self, words: str, where: Path) -> None:
        end = time.monotonic() + PATIENCE
        while words not in where.read_text(encoding="utf-8"):
            assert time.monotonic() < end, f"{words!r} never came:\n{self.log.read_text(encoding='utf-8')}"
            assert self.process.poll() is None, self.log.read_text(encoding="utf-8")
            time.sleep(0.01)

    def stop(self) -> float:
        """Stop it as a service manager does; returns how many seconds it took."""
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(PATIENCE)
        return time.monotonic() - began


@contextmanager
def milepost(folder: Path, out: IO[str]) -> Iterator[Program]:
    """Run the program until the block ends."""
    number = len(list(folder.glob("log*")))
    log = folder / f"log{number}.txt"
    environment = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG"}}
    with log.open("w", encoding="utf-8") as written:
        process = subprocess.Popen(
            [Path(sys.executable).with_name("milepost"), "run"],
            stdin=subprocess.PIPE,
            stdout=out,
            stderr=written,
            cwd=folder,
            env=environment | {"DATABASE_URL": f"sqlite:///{folder}/milepost.db", "SESSION_GRACE_SECONDS": "0"},
            text=True,
        )
        program = Program(process, log)
        try:
            program.wait_for("milepost runs", log)
            yield program
        finally:
            process.kill()
            process.communicate()


def test_it_stops_on_sigterm_in_time_and_says_that_all_is_well(tmp_path: Path) -> None:
    with (tmp_path / "out.txt").open("w") as out, milepost(tmp_path, out) as program:
        assert program.stop() < STOP
        assert program.process.returncode == 0
        assert "milepost stops" in program.log.read_text()
        assert "error" not in program.log.read_text().lower()


def test_it_goes_on_when_its_standard_input_ends(tmp_path: Path) -> None:
    with (tmp_path / "out.txt").open("w") as out, milepost(tmp_path, out) as program:
        program.type("/help")
        assert program.process.stdin is not None
        program.process.stdin.close()
        program.process.stdin = None
        program.wait_for("/stats", tmp_path / "out.txt")
        time.sleep(0.2)
        assert program.process.poll() is None


def test_a_second_process_on_the_same_file_is_refused_and_told_who_is_there(tmp_path: Path) -> None:
    with (tmp_path / "out.txt").open("w") as out, milepost(tmp_path, out) as program:
        second = subprocess.run(
            [Path(sys.executable).with_name("milepost"), "run"],
            check=False,
            env=os.environ | {"DATABASE_URL": f"sqlite:///{tmp_path}/milepost.db"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            cwd=tmp_path,
        )
        assert second.returncode == 1
        assert f"Process {program.process.pid} already runs Milepost" in second.stderr
        assert "Traceback" not in second.stderr
        assert program.process.poll() is None


@dataclass
class Kept:
    """What the program's database holds, looked at from outside while it runs.

    Attributes:
        facts: Each alert's kind, measure and value.
        deliveries: Each delivery's state and attempts.
        over: Whether there is nothing more to read or to tell.
    """

    facts: list[tuple[Any, ...]]
    deliveries: list[tuple[str, int]]
    over: bool


def look(file: Path) -> Kept:
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
        facts = connection.execute("SELECT kind, measure, value FROM alert ORDER BY id").fetchall()
        deliveries = connection.execute("SELECT state, attempts FROM delivery ORDER BY id").fetchall()
        (due,) = connection.execute("SELECT count(*) FROM watch WHERE due_at IS NOT NULL").fetchone()
    waiting = sum(state in {"pending", "leased"} for state, _ in deliveries)
    return Kept(facts, deliveries, over=not due and not waiting)


async def facts_of(file: Path, database: Path) -> list[tuple[Any, ...]]:
    """What is to be told of a file, read at one go by the pipeline."""
    kept = Database(f"sqlite:///{database}", throwaway=True)
    await kept.open()
    try:
        async with kept.write() as connection:
            watch = await a_watch(connection, str(file), source="replay", interval=20)
            await listens(connection, await a_chat(connection), watch)
        await Ingest(kept, grace=0).take([(watch, Told(answers=load(file).answers))], NOW)
        async with kept.read() as connection:
            return await rows(connection, "alert", "kind", "measure", "value")
    finally:
        await kept.close()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL], ids=["stopped", "killed"])
async def test_the_program_ended_in_the_midst_of_telling_goes_on_where_it_was(
    tmp_path: Path, how: signal.Signals
) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")  # shown by pytest if it fails
    chance = random.Random(seed)
    file = record(tmp_path / "fast.jsonl", seed=3, sessions=12, readings=20, apart=0.02, interval=0.02, offline=0)
    out = tmp_path / "out.txt"

    def told() -> list[str]:
        return [post for post in posts(out.read_text(encoding="utf-8")) if re.match(r"\d\d:\d\d  ", post)]

    def enough(posts: int) -> Callable[[], bool]:
        return lambda: len(told()) >= posts or look(tmp_path / "milepost.db").over

    with out.open("a", encoding="utf-8") as printed:
        for life in range(ENDS):
            with milepost(tmp_path, printed) as program:
                if life == 0:
                    program.type(f"/watch replay:{file}")
                    await wait_until(lambda: "Now watching" in out.read_text(encoding="utf-8"))
                await wait_until(enough(len(told()) + chance.randint(1, 8)))
                program.process.send_signal(how)
                assert await asyncio.to_thread(program.process.wait, STOP) == (
                    0 if how is signal.SIGTERM else -how
                )
        with milepost(tmp_path, printed) as program:
            await wait_until(lambda: look(tmp_path / "milepost.db").over)
            assert program.stop() < STOP
    kept = look(tmp_path / "milepost.db")
    assert kept.facts == await facts_of(file, tmp_path / "expected.db")
    sent = [attempts for state, attempts in kept.deliveries if state == "sent"]
    # Where several readings come at once, a newer milestone takes the place of one that was not told yet.
    assert {state for state, _ in kept.deliveries} <= {"sent", "superseded"}
    alone = [post for post, _ in groupby(told())]
    assert len(alone) == len(sent)
    assert len(told()) - len(alone) <= (ENDS if how is signal.SIGKILL else 0)
    assert how is signal.SIGKILL or set(sent) == {1}


async def wait_until(question: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not question():  # noqa: ASYNC110 - what another process does sets no event here
            await asyncio.sleep(0.005)
