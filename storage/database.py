"""Opens the database: one engine that writes, one that reads.

On SQLite the write engine has a single connection and begins every transaction with ``BEGIN IMMEDIATE``: with
a plain BEGIN most transactions of two writers fail at once in spite of the busy time-out. Readers have an
engine of their own, so that they never wait for that hook.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from bot.ports.meter import SILENT, Meter
from storage import migrations
from storage.lock import FileLock

#: How long a writer waits for another one.
BUSY_TIMEOUT_MS = 5_000
READERS = 4

Connection = AsyncConnection


class DatabaseError(Exception):
    """The database cannot be opened; the message says why and what to do."""


@dataclass
class Database:
    """The open database.

    Attributes:
        url: As in ``DATABASE_URL``.
        throwaway: It lives no longer than this process: no waiting for the disk, no lock.
        meter: Is told how long transactions that write take.
        commits: How often this process has written something.
    """

    url: str
    throwaway: bool = False
    meter: Meter = SILENT
    commits: int = field(default=0, init=False)
    _write: AsyncEngine = field(init=False)
    _read: AsyncEngine = field(init=False)
    _lock: FileLock | None = None

    async def open(self) -> None:
        """Connect, and bring the tables up to date.

        Raises:
            DatabaseError: The address, the file or its version is not usable.
            storage.lock.Held: Another process has it open.
        """
        url = _driver_url(self.url)
        sqlite = url.get_backend_name() == "sqlite"
        if sqlite and not self.throwaway:
            assert url.database is not None
            self._lock = FileLock(_prepared(Path(url.database)))
            try:
                self._lock.take()
            except OSError as error:
                raise DatabaseError(f"The database at {_shown(self.url)} cannot be opened: {error}") from error
        self._write = create_async_engine(url, pool_size=1, max_overflow=0)
        # On PostgreSQL a reader sees one moment only if its transaction asks for that; on SQLite it always does.
        one_moment = {} if sqlite else {"isolation_level": "REPEATABLE READ"}
        self._read = create_async_engine(url, pool_size=READERS, max_overflow=0, **one_moment)
        if sqlite:
            synchronous = "OFF" if self.throwaway else "FULL"
            _set_up_sqlite(self._write, begin="BEGIN IMMEDIATE", pragmas=(f"synchronous={synchronous}",))
            _set_up_sqlite(self._read, begin="BEGIN", pragmas=("query_only=ON",))
        try:
            async with self._write.connect() as connection:
                await migrations.bring_up_to_date(connection)
        except BaseException as error:
            await self.close()
            if isinstance(error, migrations.Unusable):
                raise DatabaseError(str(error)) from error
            if isinstance(error, sa.exc.SQLAlchemyError | OSError):
                why = getattr(error, "orig", None) or error  # without the library's own advice
                raise DatabaseError(f"The database at {_shown(self.url)} cannot be opened: {why}") from error
            raise

    async def open_to_read(self) -> None:
        """Connect to read only: without a lock, so also beside the process that has the database open.

        Raises:
            DatabaseError: The address or the file is not usable, or not of this program's version.
        """
        url = _driver_url(self.url)
        if url.get_backend_name() == "sqlite":
            assert url.database is not None
            _must_be(Path(url.database))
        self._read = create_async_engine(url, pool_size=READERS, max_overflow=0)
        self._write = self._read
        if url.get_backend_name() == "sqlite":
            _set_up_sqlite(self._read, begin="BEGIN", pragmas=("query_only=ON",))
        try:
            async with self.read() as connection:
                await migrations.check(connection)
        except BaseException as error:
            await self.close()
            if isinstance(error, migrations.Unusable):
                raise DatabaseError(str(error)) from error
            if isinstance(error, sa.exc.SQLAlchemyError | OSError):
                raise DatabaseError(f"The database at {_shown(self.url)} cannot be opened: {error}") from error
            raise

    @property
    def shown(self) -> str:
        """The address without its password."""
        return _shown(self.url)

    @asynccontextmanager
    async def write(self) -> AsyncIterator[Connection]:
        """A transaction that may write; rolled back if the block raises."""
        began = monotonic()
        async with self._write.begin() as connection:
            yield connection
        self.commits += 1
        self.meter.wrote(monotonic() - began)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Connection]:
        """A snapshot to read from, which never waits for writers."""
        async with self._read.begin() as connection:
            yield connection

    async def close(self) -> None:
        """Close all connections; an unclosed one would hang the process at its exit."""
        await self._write.dispose()
        await self._read.dispose()
        if self._lock is not None:
            self._lock.release()


def _driver_url(url: str) -> sa.URL:
    try:
        parsed = make_url(url)
    except sa.exc.ArgumentError as error:
        raise DatabaseError(
            f"DATABASE_URL is not an address: write sqlite:///data/milepost.db or postgresql://... ({error})"
        ) from error
    drivers = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg"}
    backend = parsed.get_backend_name()
    if backend not in drivers:
        raise DatabaseError(f"DATABASE_URL begins with {backend!r}: write sqlite:///... or postgresql://...")
    if backend == "sqlite" and (parsed.database or ":memory:") == ":memory:":
        raise DatabaseError(
            "DATABASE_URL names a database in memory, which would forget everything: write sqlite:///data/milepost.db"
        )
    return parsed.set(drivername=drivers[backend])


def _shown(url: str) -> str:
    return make_url(url).render_as_string(hide_password=True)


def _must_be(path: Path) -> None:
    if not path.is_file():
        raise DatabaseError(f"There is no database at {path}.")


def _prepared(path: Path) -> Path:
    """Make the folder of a database file; return the file's one path, whatever links lead to it."""
    if not path.name or path.is_dir():
        raise DatabaseError(f"The database at {path} cannot be opened: it is a folder. Name a file in it.")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DatabaseError(f"The folder {path.parent} for the database cannot be made: {error}") from error
    return path.resolve()


def _set_up_sqlite(engine: AsyncEngine, *, begin: str, pragmas: tuple[str, ...]) -> None:
    @sa.event.listens_for(engine.sync_engine, "connect")
    def on_connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the driver begins nothing by itself
        try:
            cursor = connection.cursor()
            for pragma in (
                f"busy_timeout={BUSY_TIMEOUT_MS}",
                "journal_mode=WAL",
                "foreign_keys=ON",
                "cache_size=-12000",
                *pragmas,
            ):
                cursor.execute(f"PRAGMA {pragma}")
            cursor.close()
        except BaseException:
            connection.close()  # its thread would stay
            raise

    @sa.event.listens_for(engine.sync_engine, "begin")
    def on_begin(connection: sa.Connection) -> None:
        connection.exec_driver_sql(begin)
