"""The runs of the harness: each kills, or has something go wrong, in its own way, and reckons up at its end."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from bot.domain import HOUR, MINUTE
from bot.pipeline.schedule import Clock, wall_clock
from tests.crash.harness import POINT_PATIENCE, Alive, Harness, Row
from tests.crash.points import POINTS, Point

#: Seconds that a life lasts which is killed at a random moment: from its first line of code to the midst of work.
SHORTEST, LONGEST = 0.02, 0.75
#: The same for a process that has to import everything first, and for one that needs time to see what is wrong.
LONGEST_START = 4.0
LONGEST_TROUBLE = 4.0
#: Points that are passed once a step of a session, and not at every tick; they are tried so much less often.
RARE, SELDOM = {"session", "alert", "delivery"}, 3
#: The part of requests that goes wrong, where requests do.
SHARE = 0.1
#: Steps of the session that outlasts a run of power losses.
LONG = 14
#: By how much the clock is wrong: it jumps from one to the other. What is an hour old by its clock is let go by
#: rule, so it is a minute less.
JUMPS = (0, HOUR - MINUTE)
#: Bytes that are left beside the database on a disk that gets full at times; its log needs some.
ROOM = 24 << 20


def at_random(harness: Harness, kills: int) -> Row:
    """Kill it at random moments."""
    row = Row("random moments")
    harness.ask("go")
    for _ in range(kills):
        alive = harness.fork()
        alive.wait(harness.chance.uniform(SHORTEST, LONGEST) * harness.pace)
        _note(row, alive)
    harness.drain(row)
    return row


def at_points(harness: Harness, kills: int) -> Row:
    """Kill it at named points between poll, store, detect, enqueue, send and settle."""
    row = Row("named points")
    hits: dict[Point, int] = dict.fromkeys(POINTS, 0)
    harness.ask("go")
    for point in _points(harness, kills):
        alive = harness.fork(point=point, at_pass=harness.chance.randint(1, 1 if point.place in RARE else 3))
        if alive.wait(POINT_PATIENCE * harness.pace):
            hits[point] += 1
        else:
            row.missed += 1
        _note(row, alive)
    harness.drain(row)
    never = [str(point) for point, count in hits.items() if not count]
    if never and kills >= len(POINTS) * SELDOM:
        row.remarks.append(f"never came to: {', '.join(never)}")
        if len(never) > 2:  # a new session is rare; more than that is a statement that is another by now
            row.wrong.append(f"{len(never)} points were never come to")
    row.remarks.append(f"{sum(map(bool, hits.values()))} of {len(POINTS)} points hit")
    return row


def _points(harness: Harness, kills: int) -> list[Point]:
    """Return so many points, each as often as the others but for the rare ones, in any order."""
    usual = [point for point in POINTS if point.place not in RARE]
    rare = [point for point in POINTS if point.place in RARE]
    cycle = usual * SELDOM + rare
    chosen = (
        (cycle * (kills // len(cycle) + 1))[:kills]
        if kills >= len(cycle)
        else harness.chance.sample(POINTS, kills)
    )
    harness.chance.shuffle(chosen)
    return chosen


def real_starts(harness: Harness, kills: int) -> Row:
    """Kill ``milepost run`` as a person starts it, with charts."""
    row = Row("real starts")
    harness.ask("go")
    for _ in range(kills):
        alive = harness.start()
        alive.wait(harness.chance.uniform(SHORTEST, LONGEST_START) * harness.pace)
        _note(row, alive)
    harness.drain(row)
    return row


def faults(harness: Harness, kills: int) -> Row:
    """Kill it while a tenth of what sources and chats are asked goes wrong."""
    return _troubled(harness, Row("10 % faults"), kills, faults=SHARE)


def lost_answers(harness: Harness, kills: int) -> Row:
    """Kill it while a tenth of the answers is lost of what was done."""
    return _troubled(harness, Row("10 % lost answers"), kills, losses=SHARE)


def _troubled(harness: Harness, row: Row, kills: int, **what: float) -> Row:
    harness.ask("go", **what)
    for _ in range(kills):
        alive = harness.fork()
        alive.wait(harness.chance.uniform(SHORTEST, LONGEST_TROUBLE))
        _note(row, alive)
    harness.drain(row)
    return row


def disk_full(harness: Harness, kills: int) -> Row:
    """Let the disk be full for a while in each life, then kill it, or let it go on with room again."""
    row = Row("disk full")
    harness.ask("go")
    with _small_disk(harness) as disk:
        for _ in range(kills):
            if disk is None:
                row.remarks[:] = ["by max_page_count: no right to mount a disk"]
                alive = harness.fork(pages=_pages(harness) + harness.chance.randint(0, 3))
                _endure(harness, row, alive)
            else:
                alive = harness.fork()
                alive.wait(harness.chance.uniform(0, 1.5))
                with _filled(disk):
                    _endure(harness, row, alive)
                if harness.chance.random() < 0.5:
                    alive.wait(1)
            _note(row, alive)
        harness.drain(row)
    return row


def locked(harness: Harness, kills: int) -> Row:
    """Let another process hold the database for seconds in each life, longer than a writer waits for it."""
    row = Row("database locked")
    harness.ask("go")
    for _ in range(kills):
        alive = harness.fork()
        alive.wait(harness.chance.uniform(0.2, 1.5))
        with closing(sqlite3.connect(harness.database, isolation_level=None, timeout=STUBBORN)) as other:
            other.execute("BEGIN IMMEDIATE")
            alive.wait(harness.chance.uniform(1, 8))
            _expect_alive(row, alive)
            other.execute("ROLLBACK")
        if harness.chance.random() < 0.5:
            alive.wait(1)
        _note(row, alive)
    harness.drain(row)
    return row


def clock_jumps(harness: Harness, kills: int) -> Row:
    """Let the wall clock jump by an hour, while it runs and while it is down."""
    row = Row("clock jumps an hour")
    harness.ask("go")
    for _ in range(kills):
        before, after = harness.chance.choice(JUMPS), harness.chance.choice(JUMPS)
        alive = harness.fork(clock=_jumping(before, after, at=harness.chance.uniform(0, 2)))
        alive.wait(harness.chance.uniform(SHORTEST, LONGEST_TROUBLE))
        _note(row, alive)
    harness.drain(row)
    return row


def power_loss(harness: Harness, kills: int) -> Row:
    """Cut off a random part of what was committed last after each kill, as a disk that lies does."""
    row = Row("WAL cut off")
    harness.ask("go", long=LONG)
    alive = harness.fork()
    harness.until(lambda status: status["long"], alive)
    alive.stop()
    harness.drain(row)
    harness.ask("go", long=LONG, lenient=True)
    cut = 0
    for _ in range(kills):
        alive = harness.fork()
        alive.wait(harness.chance.uniform(LONGEST / 3, 2 * LONGEST) * harness.pace)
        _note(row, alive)
        cut += _cut_off(harness)
        if (found := harness.integrity_of_copy()) != "ok":
            row.wrong.append(f"integrity_check: {found}")
    harness.drain(row)
    row.remarks.append(f"{cut >> 10} KiB cut off; what comes twice is counted, not promised")
    return row


#: In the order in which they run; the last leaves a database that has forgotten things.
RUNS: dict[str, Callable[[Harness, int], Row]] = {
    "random": at_random,
    "points": at_points,
    "real": real_starts,
    "faults": faults,
    "lost": lost_answers,
    "full": disk_full,
    "locked": locked,
    "clock": clock_jumps,
    "power": power_loss,
}
STUBBORN = 60


def _note(row: Row, alive: Alive) -> None:
    how = alive.kill()
    row.cycles.append(alive.lasted)
    if how == "killed":
        row.kills += 1
    else:
        row.wrong.append(f"life {alive.number} {how}")


def _expect_alive(row: Row, alive: Alive) -> None:
    if alive.over:
        row.wrong.append(f"life {alive.number} did not outlast it: {alive.how}")


def _endure(harness: Harness, row: Row, alive: Alive) -> None:
    alive.wait(harness.chance.uniform(0.5, 3))
    _expect_alive(row, alive)


def _jumping(before: int, after: int, *, at: float) -> Clock:
    """Return a wall clock that is wrong by one span, and after some seconds by another."""
    jumps = time.monotonic() + at
    return lambda: wall_clock() + (before if time.monotonic() < jumps else after)


def _cut_off(harness: Harness) -> int:
    """Cut the log of what was written last to a random length; return how much was cut off."""
    log = harness.database.with_name(harness.database.name + "-wal")
    harness.database.with_name(harness.database.name + "-shm").unlink(missing_ok=True)
    if not log.exists():
        return 0
    size = log.stat().st_size
    left = harness.chance.randint(0, size)
    os.truncate(log, left)
    return size - left


def _pages(harness: Harness) -> int:
    with closing(sqlite3.connect(harness.database)) as connection:
        pages: int = connection.execute("PRAGMA page_count").fetchone()[0]
        return pages


@contextmanager
def _small_disk(harness: Harness) -> Iterator[Path | None]:
    """Move the database to a disk of its own with little room, and back at the end; None without the right to."""
    usual, disk = harness.database, harness.folder / "disk"
    disk.mkdir(exist_ok=True)
    size = usual.stat().st_size + ROOM
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(disk)], check=False, capture_output=True
    )
    if made.returncode:
        yield None
        return
    try:
        _copy(usual, disk / usual.name)
        harness.database = disk / usual.name
        yield disk
        _copy(harness.database, usual)
    finally:
        harness.database = usual
        subprocess.run(["umount", "--lazy", str(disk)], check=False)


def _copy(database: Path, to: Path) -> None:
    """Copy a database that nobody has open."""
    with closing(sqlite3.connect(database)) as source, closing(sqlite3.connect(to)) as target:
        source.backup(target)


@contextmanager
def _filled(disk: Path) -> Iterator[None]:
    """Leave no room on a disk."""
    ballast = disk / "ballast"
    descriptor = os.open(ballast, os.O_WRONLY | os.O_CREAT)
    try:
        for size in (1 << 16, 1 << 12, 1):
            try:
                while True:
                    os.write(descriptor, b"\0" * size)
            except OSError:
                continue
        yield
    finally:
        os.close(descriptor)
        ballast.unlink()
