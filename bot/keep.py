"""``milepost backup``, ``restore`` and ``db``: an installation kept, brought back, moved, looked at."""

from __future__ import annotations

import asyncio
import os
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from bot.domain import SECOND
from bot.pipeline.schedule import wall_clock
from storage import backup as files
from storage import migrations, moving
from storage.backup import BackupError, Contents, Owes
from storage.copying import Copied, CopyError

Say = Callable[[str], object]
T = TypeVar("T")

#: Where backups are kept, beside an SQLite file; those of PostgreSQL where an SQLite file would be.
FOLDER = "backups"
DATA = Path("data")
#: Seconds after which a signal is heard at the latest.
AWAKE = 0.5
#: Seconds between two lines that say how far it is.
QUIET = 2.0


class KeepError(Exception):
    """Nothing was done; the message says why."""


@dataclass
class _Progress:
    """Says how far something is, now and then."""

    show: Say
    what: str
    _last: float = field(default_factory=time.monotonic)

    def pages(self, done: int, total: int) -> None:
        self._tell(f"{self.what}: {done * 100 // max(total, 1)} % of {total:,} pages")

    def rows(self, table: str, done: int, total: int) -> None:
        self._tell(f"{self.what}: {table}, {done:,} of {total:,} rows")

    def _tell(self, line: str) -> None:
        now = time.monotonic()
        if now - self._last >= QUIET:
            self._last = now
            self.show(line)


async def _breakable(work: Callable[[files.Stop], T]) -> T:
    """Do what blocks in a thread, which breaks off when this is cancelled: Ctrl-C need not wait for gigabytes."""
    ended = threading.Event()
    done = asyncio.ensure_future(asyncio.to_thread(work, ended.is_set))
    try:
        while not done.done():  # a signal that comes just before the loop falls asleep does not wake it
            await asyncio.wait([done], timeout=AWAKE)
        return done.result()
    except BackupError as error:
        raise KeepError(str(error)) from error
    finally:
        ended.set()


async def backup(url: str, where: str | None, *, keep: int | None, show: Say) -> None:
    """Make a backup, beside a running bot, and let the oldest ones go.

    Args:
        where: A file, or a folder (it is there, or a slash ends it) in which the name is ours; None for the folder
            beside the database.
        keep: How many backups of our naming to keep in that folder; None for all.

    Raises:
        KeepError: It could not be made.
        storage.database.DatabaseError: The database cannot be read.
    """
    database, stem = moving.file_of(url), moving.stem(url)
    folder = _folder(database, where)
    if keep is not None and folder is None:
        raise KeepError("--keep counts backups in a folder: name a folder, or none, instead of a file.")
    target = Path(where or "") if folder is None else folder / files.name(stem, wall_clock())
    progress = _Progress(show, "backup")
    if database is not None:
        contents = await _breakable(lambda stop: files.make(database, target, tell=progress.pages, stop=stop))
    else:
        contents = await _backup_of_server(url, target, progress)
    show(f"{target}: {contents.total:,} rows, {_size(contents.size)}, version {contents.version}; verified.")
    if keep is not None and folder is not None:
        for path in await asyncio.to_thread(files.prune, folder, stem, keep):
            show(f"{path}: deleted (--keep {keep:,} keeps the newest).")


def _folder(database: Path | None, where: str | None) -> Path | None:
    """Return in which folder a backup gets a name of ours; None if it has another."""
    if where is None:
        return (DATA if database is None else database.parent) / FOLDER
    return Path(where) if where.endswith("/") or Path(where).is_dir() else None


async def _backup_of_server(url: str, target: Path, progress: _Progress) -> Contents:
    try:
        async with moving.reading(url) as source:
            await moving.into_file(source, target, mend=False, tell=progress.rows)
    except CopyError as error:
        raise KeepError(str(error)) from error
    return await _breakable(lambda stop: files.inspect(target, stop=stop))


async def restore(url: str, file: Path, *, replace: bool, mend: bool, show: Say) -> None:
    """Put a backup in the place of the database.

    Args:
        replace: On PostgreSQL: what is there gives way, after a backup of it. A file is always set aside.
        mend: See ``copy``.

    Raises:
        KeepError: The backup cannot be used, or what is there may not be replaced.
        storage.lock.Held: The bot runs on the same SQLite file.
        storage.database.DatabaseError: The database cannot be used.
    """
    database = moving.file_of(url)
    progress = _Progress(show, "restore")
    if database is None:
        await _restore_to_server(url, file, replace=replace, mend=mend, show=show)
        return
    async with moving.alone(url):
        restored = await _breakable(
            lambda stop: files.restore(file, database, now=wall_clock(), tell=progress.pages, stop=stop)
        )
        owes = await _breakable(lambda _: files.owes(database, wall_clock()))
    contents = restored.contents
    show(f"{database}: restored from {file}, {contents.total:,} rows, version {contents.version}; verified.")
    if restored.aside is not None:
        show(f"The former database is kept as {restored.aside}.")
    _say_what_it_means(owes, show)


async def _restore_to_server(url: str, file: Path, *, replace: bool, mend: bool, show: Say) -> None:
    where = moving.shown(url)
    progress = _Progress(show, "restore")
    # Beside the backup there is room for another; where /tmp lies in memory, there need not be.
    beside = file.parent if os.access(file.parent, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix=".milepost-restore-", dir=beside) as folder:
        part = Path(folder) / "backup.db"
        await _breakable(lambda stop: files.fetch(file, part, stop=stop))
        await moving.bring_up(part)
        if not await _is_empty(url):
            if not replace:
                raise KeepError(
                    f"{where} is not empty. Restore into an empty database, or say --replace: what is there is "
                    "written to a backup file first, then replaced."
                )
            await backup(url, None, keep=None, show=show)
        try:
            async with moving.reading(f"sqlite:///{part}") as source:
                copied = await moving.into_postgres(source, url, replace=replace, mend=mend, tell=progress.rows)
        except CopyError as error:
            raise KeepError(str(error)) from error
        owes = await _breakable(lambda _: files.owes(part, wall_clock()))
    show(f"{where}: restored from {file}, {sum(copied.rows.values()):,} rows; compared.")
    _say_mended(copied, show)
    _say_what_it_means(owes, show)


async def _is_empty(url: str) -> bool:
    async with moving.reading(url, current=False) as connection:
        return await moving.is_empty(connection)


def _say_what_it_means(owes: Owes, show: Say) -> None:
    if owes.until is not None:
        show(
            f"It knows what happened until {_moment(owes.until)}; docs/operations.md says what that means for "
            "alerts of later."
        )
    if owes.alerts:
        alerts = "1 alert was" if owes.alerts == 1 else f"{owes.alerts:,} alerts were"
        show(
            f"{alerts} still owed then and worth telling yet: the next start sends what the former bot may have "
            "sent already."
        )


async def copy(source: str, target: str, *, mend: bool, show: Say) -> None:
    """Copy an installation into an empty or absent database, of either engine.

    Args:
        mend: Write � for what the target does not take in a text.

    Raises:
        KeepError: What comes does not fit, or there is something at the target.
        storage.lock.Held: The bot runs on an SQLite file of the two.
        storage.database.DatabaseError: One cannot be used, is of another version, or processes run on it.
    """
    progress = _Progress(show, "copy")
    file = moving.file_of(target)
    if file is not None and file.exists():
        raise KeepError(f"There is a file {file} already: name one that is not there, or move it away.")
    try:
        async with moving.alone(source, there=True), moving.reading(source, idle=True) as there:
            if file is not None:
                async with moving.alone(target):
                    copied = await moving.into_file(there, file, mend=mend, tell=progress.rows)
            else:
                copied = await moving.into_postgres(there, target, replace=False, mend=mend, tell=progress.rows)
    except CopyError as error:
        raise KeepError(str(error)) from error
    for table, count in copied.rows.items():
        if count:
            show(f"{table}: {count:,} rows")
    _say_mended(copied, show)
    show(
        f"{moving.shown(target)} holds all {sum(copied.rows.values()):,} rows; every one was compared. Set "
        f"DATABASE_URL to it, and start nothing on {moving.shown(source)} any more: two bots would tell "
        "everything twice."
    )


def _say_mended(copied: Copied, show: Say) -> None:
    if copied.mended:
        show(f"� was written into {copied.mended:,} texts, for characters that the target does not take.")


async def status(url: str, show: Say) -> None:
    """Say what kind of database it is, of which version, how large, and how many rows each table has.

    Raises:
        storage.database.DatabaseError: It cannot be read.
    """
    found = await moving.status(url)
    show(f"{moving.shown(url)}: {found.engine}, {_size(found.size)}")
    if found.version is None:
        show("It is empty: `milepost run` makes the tables.")
        return
    newest = migrations.HEAD
    due = "" if found.version == newest else f"; this program is at {newest}: `milepost run` brings it up"
    if found.version not in migrations.known():
        due = f", newer than this program ({newest})"
    show(f"version {found.version}{due}")
    for table, count in found.rows.items():
        show(f"{table}: {count:,} rows")


def _moment(at: int) -> str:
    return f"{datetime.fromtimestamp(at // SECOND, UTC):%Y-%m-%d %H:%M} UTC"


def _size(count: int) -> str:
    return f"{count / 1_000_000:,.1f} MB" if count >= 100_000 else f"{count / 1_000:,.1f} kB"
