"""Whole installations from one engine to the other: both sides opened, the target filled in one transaction.

Whoever moves has both sides to itself: on SQLite by the lock of the file, on PostgreSQL as no process is connected
and none can start, since it would wait for the lock under which tables are made.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine.interfaces import IsolationLevel
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from storage import migrations
from storage.backup import BackupError, being_made
from storage.copying import Copied, CopyError, Tell, copy, count
from storage.database import (
    Connection,
    DatabaseError,
    driver_url,
    must_be,
    postgres_engine,
    prepared,
    set_up_sqlite,
    without_password,
)
from storage.lock import FileLock
from storage.tables import book, chat, installation, metadata, session, watch

#: Seconds that a server takes to hear that a process has ended.
LEAVES = 1.0
#: A database without any of these is empty, even where a program was started on it before.
_PEOPLES = (chat, watch, session, book)


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """What kind of database it is, and what it holds.

    Attributes:
        version: Of its schema; None if it is empty.
        rows: How many each table has; of those that are there.
        size: In bytes, as the engine counts it.
    """

    engine: str
    version: str | None
    rows: dict[str, int]
    size: int


def file_of(url: str) -> Path | None:
    """Return the file of an SQLite address; None for another engine.

    Raises:
        DatabaseError: It is no address.
    """
    parsed = _parsed(url)
    return Path(str(parsed.database)) if parsed.get_backend_name() == "sqlite" else None


def stem(url: str) -> str:
    """Return what backups of a database are named after."""
    file = file_of(url)
    return file.stem if file is not None else _parsed(url).database or "milepost"


def _parsed(url: str) -> sa.URL:
    try:
        return driver_url(url)
    except ValueError as error:  # such as a port that is no number; the message may hold a password
        raise DatabaseError(
            "The address of the database cannot be read: write postgresql://user@host:5432/name"
        ) from error


@asynccontextmanager
async def alone(url: str, *, there: bool = False) -> AsyncIterator[None]:
    """Have an SQLite file to oneself while the block runs; PostgreSQL is had so by who reads or fills it.

    Args:
        there: Refuse a file that is not there; else its folder is made.

    Raises:
        DatabaseError: The file is not there, or cannot be.
        storage.lock.Held: A process runs on it.
    """
    file = file_of(url)
    if file is None:
        yield
        return
    if there:
        must_be(file)
    lock = FileLock(prepared(file))
    try:
        lock.take()
    except OSError as error:
        raise DatabaseError(f"The database at {shown(url)} cannot be opened: {error}") from error
    try:
        yield
    finally:
        lock.release()


@asynccontextmanager
async def reading(url: str, *, idle: bool = False, current: bool = True) -> AsyncIterator[Connection]:
    """Yield a connection that sees one moment of a database, and changes nothing.

    Args:
        idle: Refuse while processes run on it.
        current: Refuse what is not of this program's version.

    Raises:
        DatabaseError: It cannot be read, or is not as it has to be.
    """
    file = file_of(url)
    if file is None:
        if idle:  # before the moment that is read: what a process writes while it ends is in it
            async with _connected(_server(url), url) as connection:
                await _be_alone(connection, url)
        engine = _server(url, isolation="REPEATABLE READ")
    else:
        must_be(file)
        engine = create_async_engine(_parsed(url), pool_size=1, max_overflow=0)
        set_up_sqlite(engine, begin="BEGIN", pragmas=("query_only=ON",))
        _as_written(engine)
    async with _connected(engine, url) as connection:
        if idle and file is None:
            await _be_alone(connection, url)
        if current:
            await migrations.check(connection)
        yield connection


def _server(url: str, *, isolation: IsolationLevel = "READ COMMITTED") -> AsyncEngine:
    """Return an engine for PostgreSQL whose connections are told apart from those of the bot."""
    return postgres_engine(
        _parsed(url),
        connections=1,
        isolation=isolation,
        idle_in_transaction_session_timeout="0",  # between two statements the other side may be read for long
        lock_timeout="20000",  # milliseconds: who else looks into it may take that long
        application_name="milepost-keep",  # the bot's own are called "milepost"
    )


def _as_written(engine: AsyncEngine) -> None:
    """Let texts that are none (no UTF-8) be read all the same, so that they can be named and mended."""

    @sa.event.listens_for(engine.sync_engine, "connect")
    def on_connect(connection: Any, _record: Any) -> None:
        connection.driver_connection.text_factory = _text


def _text(data: bytes) -> str:
    return data.decode(errors="surrogateescape")


@asynccontextmanager
async def _connected(engine: AsyncEngine, url: str) -> AsyncIterator[Connection]:
    """Yield a connection in a transaction; say in a sentence what is wrong with the database or the way to it."""
    try:
        async with engine.begin() as connection:
            yield connection
    except migrations.Unusable as error:
        raise DatabaseError(f"{shown(url)}: {error}") from error
    except (sa.exc.SQLAlchemyError, OSError, TimeoutError) as error:
        why = str(getattr(error, "orig", None) or error) or "no answer"
        raise DatabaseError(f"{shown(url)}: {why}") from error
    except Exception as error:
        if type(error).__module__.partition(".")[0] != "asyncpg":  # which says so itself when it cannot connect
            raise
        raise DatabaseError(f"{shown(url)}: {error}") from error
    finally:
        await engine.dispose()


async def _be_alone(connection: Connection, url: str) -> None:
    """Have a PostgreSQL database to oneself until the transaction ends: a process that starts waits for it."""
    lock = sa.select(sa.func.pg_try_advisory_xact_lock(migrations.ADVISORY_LOCK))
    if not (await connection.execute(lock)).scalar():
        raise DatabaseError(
            f"{shown(url)}: another process is just making or copying its tables. Try again later."
        )
    query = sa.text(
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name = 'milepost'"
    )
    end = time.monotonic() + LEAVES
    while (await connection.execute(query)).scalar():
        if time.monotonic() > end:
            raise DatabaseError(f"{shown(url)}: Milepost runs on it. Stop all its processes first.")
        await asyncio.sleep(LEAVES / 10)
        await connection.execute(sa.select(sa.func.pg_stat_clear_snapshot()))


async def into_postgres(
    source: Connection, url: str, *, replace: bool, mend: bool, tell: Tell, anew: bool = False
) -> Copied:
    """Fill a PostgreSQL database, in one transaction.

    Args:
        source: See ``reading``.
        replace: Delete what is there; else it has to be empty.
        anew: It is another installation from here on: see ``storage.installation``.

    Raises:
        CopyError: What is there is not empty, or what comes does not fit.
        DatabaseError: It cannot be written, or processes run on it.
    """
    engine = _server(url)
    async with _connected(engine, url) as target:
        await _be_alone(target, url)
        await _emptied(target, url, replace=replace)
        copied = await copy(source, target, mend=mend, tell=tell)
        if anew:
            await target.execute(sa.delete(installation))
        return copied


async def is_empty(connection: Connection) -> bool:
    """Tell whether a database holds nothing that anybody would miss."""
    if await migrations.version(connection) is None:
        return True
    there = await connection.run_sync(lambda sync: set(sa.inspect(sync).get_table_names()))
    for table in _PEOPLES:
        if (
            table.name in there
            and (await connection.execute(sa.select(sa.exists(sa.select(table.c.id))))).scalar()
        ):
            return False
    return True


async def _emptied(target: Connection, url: str, *, replace: bool) -> None:
    """Leave empty tables of this program's version, whatever was there."""
    version = await migrations.version(target)
    if version is not None:
        if not replace and not await is_empty(target):
            raise CopyError(f"{shown(url)} is not empty: name a database without chats, watches and sessions.")
        if version == migrations.HEAD:  # so that rights on the tables, which others may have given, stay
            tables = ", ".join(f'"{table.name}"' for table in metadata.sorted_tables)
            await target.exec_driver_sql(f"TRUNCATE {tables}")
            return
        if version not in migrations.known():
            raise CopyError(f"{shown(url)} is at version {version}, newer than this program ({migrations.HEAD}).")
        await target.run_sync(metadata.drop_all)
        await target.exec_driver_sql("DROP TABLE alembic_version")
    await migrations.create(target)


async def into_file(source: Connection, file: Path, *, mend: bool, tell: Tell) -> Copied:
    """Make an SQLite file, which gets its name when it is complete and verified.

    Raises:
        CopyError: There is a file already, or it cannot be written, or what comes does not fit.
    """
    try:
        with being_made(file) as part:
            engine = create_async_engine(driver_url(f"sqlite:///{part}"), pool_size=1, max_overflow=0)
            _set_up_scratch(engine)
            async with _connected(engine, f"sqlite:///{part}") as target:
                await migrations.create(target)
                return await copy(source, target, mend=mend, tell=tell)
    except BackupError as error:
        raise CopyError(str(error)) from error


def _set_up_scratch(engine: AsyncEngine) -> None:
    """Write without a journal: a file that does not come to its end is thrown away."""

    @sa.event.listens_for(engine.sync_engine, "connect")
    def on_connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in ("journal_mode=OFF", "synchronous=OFF", "foreign_keys=OFF", "cache_size=-12000"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @sa.event.listens_for(engine.sync_engine, "begin")
    def on_begin(connection: sa.Connection) -> None:
        connection.exec_driver_sql("BEGIN")


async def bring_up(file: Path) -> None:
    """Bring an SQLite file that nobody else uses to this program's version.

    Raises:
        DatabaseError: It cannot be.
    """
    engine = create_async_engine(driver_url(f"sqlite:///{file}"), pool_size=1, max_overflow=0)
    set_up_sqlite(engine, begin="BEGIN IMMEDIATE", pragmas=())
    try:
        async with engine.connect() as connection:
            await migrations.bring_up_to_date(connection)
    except migrations.Unusable as error:
        raise DatabaseError(str(error)) from error
    finally:
        await engine.dispose()


async def status(url: str) -> Status:
    """Look into a database of any version, also while processes run on it.

    Raises:
        DatabaseError: It cannot be read.
    """
    async with reading(url, current=False) as connection:
        there = await connection.run_sync(lambda sync: set(sa.inspect(sync).get_table_names()))
        rows = {
            table.name: await count(connection, table) for table in metadata.sorted_tables if table.name in there
        }
        version = await migrations.version(connection)
        if connection.dialect.name == "postgresql":
            number = (await connection.exec_driver_sql("SHOW server_version")).scalar()
            size = (await connection.exec_driver_sql("SELECT pg_database_size(current_database())")).scalar()
            return Status(engine=f"PostgreSQL {number}", version=version, rows=rows, size=int(size or 0))
        number = (await connection.exec_driver_sql("SELECT sqlite_version()")).scalar()
    file = file_of(url)
    assert file is not None
    return Status(engine=f"SQLite {number}", version=version, rows=rows, size=await asyncio.to_thread(_size, file))


def _size(file: Path) -> int:
    found = (file, file.with_name(file.name + "-wal"))
    return sum(one.stat().st_size for one in found if one.is_file())


def shown(url: str) -> str:
    """Return an address without its password.

    Raises:
        DatabaseError: It is no address.
    """
    _parsed(url)
    return without_password(url)
