"""Copies of an SQLite database: of one moment, verified, and there as a whole or not at all.

A copy is written under another name, verified, put on the disk, and only then given its own: a kill at any moment
leaves what was there. While it is made, writers go on: the reader that holds its moment is in nobody's way, as
the database has a write-ahead log, and pages are taken from that moment, so that no write makes it begin anew.
"""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

from bot.domain import SECOND
from storage import migrations

#: Pages that are copied in one step: 4 MB or so.
STEP = 1_000
#: How long to wait for a lock that is held for a moment only.
BUSY_SECONDS = 5.0
#: Instructions of SQLite's between two questions whether to go on.
ASK_EVERY = 1_000_000
#: What was begun so long ago and never came to its end (seconds) was killed.
DEAD = 6 * 3600

PART = ".part"
_RESTORING = ".restoring"
_DATE = "%Y-%m-%dT%H%M%SZ"
#: Files that SQLite has beside a database which is open, or was when its process was killed.
_BESIDE = ("-wal", "-journal")

#: Hears how much is done of how much, in any unit.
Tell = Callable[[int, int], object]
#: Tells whether to break off.
Stop = Callable[[], bool]


class BackupError(Exception):
    """Nothing was done, and what was there is as it was; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What a database file holds.

    Attributes:
        version: Of its schema.
        rows: How many each table has.
        size: In bytes.
    """

    version: str
    rows: dict[str, int]
    size: int

    @property
    def total(self) -> int:
        """All rows."""
        return sum(self.rows.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What became of a restore.

    Attributes:
        aside: Where the former database is; None if there was none.
    """

    contents: Contents
    aside: Path | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Owes:
    """Where a database stands.

    Attributes:
        until: When a source was last asked; None if never.
        alerts: How many deliveries it still owes that are worth telling.
    """

    until: int | None
    alerts: int


def never() -> bool:
    """Go on to the end."""
    return False


def name(stem: str, now: int) -> str:
    """Return what a backup of this moment is called."""
    return f"{stem}-{_dated(now)}.db"


def _dated(now: int) -> str:
    return datetime.fromtimestamp(now // SECOND, UTC).strftime(_DATE)


def make(
    source: Path, target: Path, *, replace: bool = False, tell: Tell | None = None, stop: Stop = never
) -> Contents:
    """Copy a database, also one that a running process writes to.

    Args:
        replace: What has the target's name already gives way to the finished copy; else it is refused.

    Raises:
        BackupError: It could not be made, or is not what the database was.
    """
    with _put_at(target, replace=replace) as part, explained(f"{source} cannot be backed up"):
        with closing(_open(source)) as connection:
            connection.execute("BEGIN")
            _copy_pages(connection, part, tell=tell, stop=stop)
            there = _contents(connection, source)
            connection.execute("COMMIT")
        made = verify(part, of=source, stop=stop)
        if (made.version, made.rows) != (there.version, there.rows):
            raise BackupError(f"The copy of {source} is not what the database was: nothing was kept of it.")
        return made


@contextmanager
def _put_at(target: Path, *, replace: bool) -> Iterator[Path]:
    """Yield where to write a file that gets its name at the end of the block, and not if that raises."""
    part = target.with_name(target.name + PART)
    try:
        if not target.parent.exists():
            target.parent.mkdir(parents=True)
            belongs_to(target.parent, target.parent.parent)
        _may_be(target, replace=replace)
        _begin(part)
        belongs_to(part, target.parent)
    except OSError as error:
        raise BackupError(f"{target} cannot be written: {error}.") from error
    try:
        yield part
        try:
            _sync(part)
            _may_be(target, replace=replace)
            part.replace(target)
            _sync(target.parent)
        except OSError as error:
            raise BackupError(f"{target} cannot be written: {error}.") from error
    except BaseException:
        _remove(part)
        raise


def _may_be(target: Path, *, replace: bool) -> None:
    if target.exists() and not replace:
        raise BackupError(f"There is a file {target} already: a backup overwrites nothing. Give it another name.")


@contextmanager
def being_made(target: Path) -> Iterator[Path]:
    """Yield the path of an empty file for a database that gets the target's name when it is complete and verified.

    Raises:
        BackupError: It cannot be written, or is damaged.
    """
    with _put_at(target, replace=False) as part:
        yield part
        verify(part)


def verify(path: Path, *, of: Path | None = None, stop: Stop = never) -> Contents:
    """Read a whole database file, and return what it holds; one that can be carried about is made of it.

    Args:
        of: What it is a copy of, page for page: is one damaged, so is the other.

    Raises:
        BackupError: It is damaged, or none of Milepost's.
    """
    with explained(f"{of or path} cannot be used"), closing(_open(path)) as connection:
        connection.set_progress_handler(stop, ASK_EVERY)
        connection.execute("PRAGMA journal_mode=DELETE")  # so that it is one file, wherever it is taken
        return _verified(connection, of or path, stop)


def inspect(path: Path, *, stop: Stop = never) -> Contents:
    """Verify a file that is not ours to change, such as a backup that somebody keeps.

    Raises:
        BackupError: It is damaged, or none of Milepost's.
    """
    if not path.is_file():
        raise BackupError(f"There is no file {path}.")
    with explained(f"{path} cannot be used"), closing(_open(path, "ro")) as connection:
        connection.set_progress_handler(stop, ASK_EVERY)
        return _verified(connection, path, stop)


def _verified(connection: sqlite3.Connection, what: Path, stop: Stop) -> Contents:
    found = [str(row[0]) for row in connection.execute("PRAGMA integrity_check(3)")]
    if found != ["ok"]:
        raise BackupError(f"{what} is damaged: {'; '.join(found)}.")
    broken = len(connection.execute("PRAGMA foreign_key_check").fetchall())
    if broken:
        raise BackupError(f"{what} is damaged: {broken:,} rows refer to others that are not there.")
    contents = _contents(connection, what)
    if stop():  # while a database is small, nobody asks
        raise BackupError(f"{what}: interrupted.")
    return contents


def _contents(connection: sqlite3.Connection, what: Path) -> Contents:
    tables = {str(row[0]) for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    version = None
    if "alembic_version" in tables:
        version = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    if version is None:
        raise BackupError(f"{what} is no database of Milepost's.")
    rows = {
        table: int(connection.execute(f'SELECT count(*) FROM "{table}"').fetchone()[0])  # noqa: S608 - its own name
        for table in sorted(tables)
        if table != "alembic_version" and not table.startswith("sqlite_")
    }
    pages, size = (int(connection.execute(f"PRAGMA {one}").fetchone()[0]) for one in ("page_count", "page_size"))
    return Contents(version=str(version[0]), rows=rows, size=pages * size)


def _copy_pages(
    connection: sqlite3.Connection, part: Path, *, tell: Tell | None = None, stop: Stop = never
) -> None:
    """Copy all pages as a connection sees them, whose transaction keeps them as they are meanwhile."""
    connection.execute("SELECT count(*) FROM sqlite_master").fetchone()  # from here on it sees this moment

    def on_step(_status: int, left: int, total: int) -> None:
        if stop():
            raise sqlite3.OperationalError("interrupted")
        if tell is not None:
            tell(total - left, total)

    with closing(_open(part)) as target:
        target.execute("PRAGMA synchronous=OFF")  # it is put on the disk once, at its end
        connection.backup(target, pages=STEP, progress=on_step)


def _open(path: Path, mode: str = "rw") -> sqlite3.Connection:
    if not path.exists():
        raise BackupError(f"There is no database at {path}.")
    address = f"file:{quote(str(path.resolve()))}?mode={mode}"
    return sqlite3.connect(address, uri=True, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)


@contextmanager
def explained(what: str) -> Iterator[None]:
    """Say in a sentence what SQLite or the disk refuses."""
    try:
        yield
    except sqlite3.Error as error:
        raise BackupError(f"{what}: {error}.") from error
    except OSError as error:
        raise BackupError(f"{what}: {error}.") from error


def prune(folder: Path, stem: str, keep: int) -> list[Path]:
    """Delete the oldest backups of this name but ``keep``, and what killed ones left; returns the former.

    Only files that are called as ``name`` calls them are looked at.
    """
    own = re.compile(rf"{re.escape(stem)}-\d{{4}}-\d\d-\d\dT\d{{6}}Z\.db")
    found = sorted(path for path in folder.iterdir() if own.fullmatch(path.name))
    gone = found[: max(0, len(found) - keep)]
    for path in gone:
        path.unlink(missing_ok=True)
    newest = max((path.stat().st_mtime for path in found if path not in gone), default=0.0)
    for path in folder.iterdir():
        unfinished = path.name.endswith(PART) and own.fullmatch(path.name.removesuffix(PART))
        if unfinished and path.stat().st_mtime < newest - DEAD:
            _remove(path)
    return gone


def restore(file: Path, target: Path, *, now: int, tell: Tell | None = None, stop: Stop = never) -> Restored:
    """Put a verified copy of a backup where the database is, and the former database aside, under a dated name.

    Nobody else may have the target open.

    Raises:
        BackupError: The backup cannot be used, or there is no room; the target is as it was.
    """
    target = target.resolve()
    if target.exists() and file.exists() and file.samefile(target):
        raise BackupError(f"{file} is the database itself: name a backup of it.")
    part = target.with_name(target.name + _RESTORING)
    aside = target.with_name(f"{target.stem}.before-restore-{_dated(now)}{target.suffix}")
    if aside.exists():
        raise BackupError(f"There is a file {aside} already: try again in a second.")
    try:
        contents = _bring(file, part, tell=tell, stop=stop)
        with explained(f"{target} cannot be replaced"):
            there = target.exists()
            belongs_to(part, target if there else target.parent)
            if there:
                part.chmod(target.stat().st_mode & 0o777)
            _sync(part)
            if there:
                _set_aside(target, aside)
            part.replace(target)
            _sync(target.parent)
    except BaseException:
        _remove(part)
        raise
    return Restored(contents=contents, aside=aside if there else None)


def fetch(file: Path, part: Path, *, stop: Stop = never) -> Contents:
    """Copy a backup to a file of our own that may be changed, and verify both.

    Raises:
        BackupError: The backup cannot be used.
    """
    return _bring(file, part, tell=None, stop=stop)


def _bring(file: Path, part: Path, *, tell: Tell | None, stop: Stop) -> Contents:
    """Copy a backup, and let its deliveries be told apart from those that were made after it."""
    usable(inspect(file, stop=stop))
    with explained(f"{part} cannot be written"):
        _begin(part)
        with closing(_open(file, "ro")) as source:
            source.execute("BEGIN")
            _copy_pages(source, part, tell=tell, stop=stop)
    contents = verify(part, of=file, stop=stop)
    with explained(f"{part} cannot be written"), closing(_open(part)) as connection:
        if "installation" in contents.rows:
            connection.execute("DELETE FROM installation")
    return contents


def owes(path: Path, now: int) -> Owes:
    """Return what the bot of this database would send if it were started now."""
    with explained(f"{path} cannot be used"), closing(_open(path, "ro")) as connection:
        asked = connection.execute("SELECT max(asked_at) FROM watch").fetchone()[0]
        query = (
            "SELECT count(*) FROM delivery JOIN alert ON alert.id = delivery.alert_id"
            " WHERE delivery.state IN ('pending', 'leased', 'held') AND alert.expires_at >= ?"
        )
        return Owes(until=asked, alerts=int(connection.execute(query, (now,)).fetchone()[0]))


def usable(contents: Contents) -> None:
    """Check that this program can take up what a backup holds.

    Raises:
        BackupError: It is from a newer one.
    """
    if contents.version not in migrations.known():
        raise BackupError(
            f"The backup is at version {contents.version}, newer than this program ({migrations.HEAD}). "
            "Restore it with the newer Milepost."
        )


def _set_aside(target: Path, aside: Path) -> None:
    """Give a database a second name, of which alone it will soon be known."""
    for path in target.parent.glob(f"{target.stem}.before-restore-*{target.suffix}"):
        if path.samefile(target):  # a restore was killed between this and its next step
            path.unlink()
    try:
        with closing(_open(target, "ro")) as connection:  # which deletes no log, whatever it finds
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        with closing(_open(target)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            connection.execute("PRAGMA journal_mode=DELETE")
    except sqlite3.Error:
        pass  # it is damaged: that may be why another is wanted; its log goes with it
    try:
        aside.hardlink_to(target)
    except OSError:  # not every file system has that
        part = aside.with_name(aside.name + PART)
        shutil.copy2(target, part)
        _sync(part)
        part.replace(aside)
    for suffix in _BESIDE:
        log = target.with_name(target.name + suffix)
        if log.exists():
            log.replace(aside.with_name(aside.name + suffix))
    _remove(target.with_name(target.name + "-shm"))


def belongs_to(path: Path, like: Path) -> None:
    """Give a new file to whom the other one belongs, where the system's administrator made it."""
    if os.geteuid() == 0:
        owner = like.stat()
        os.chown(path, owner.st_uid, owner.st_gid)


def _begin(path: Path) -> None:
    """Make an empty file that only its owner reads; what a killed try left gives way."""
    _remove(path)
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))


def _remove(path: Path) -> None:
    for one in (path, *(path.with_name(path.name + suffix) for suffix in (*_BESIDE, "-shm"))):
        one.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    """Have a file, or the names in a folder, on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
