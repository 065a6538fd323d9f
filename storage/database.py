"""Opens the database: one engine that writes, one that reads.

On SQLite the write engine has a single connection and begins every transaction with ``BEGIN IMMEDIATE``: with
a plain BEGIN most transactions of two writers fail at once in spite of the busy time-out. Readers have an
engine of their own, so that they never wait for that hook.

PostgreSQL may be shared by several processes. Their transactions take turns by an advisory lock, so that what one
of them has looked at stays true until it ends, as on SQLite; those that touch only rows which they have locked do
without.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import make_url
from sqlalchemy.engine.interfaces import IsolationLevel
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from bot.ports.meter import SILENT, Meter
from storage import backup, migrations
from storage.lock import FileLock

#: How long a writer waits for another one.
BUSY_TIMEOUT_MS = 5_000
READERS = 4
#: Connections to a shared database for what must not wait for anything: leases, and words to other processes.
ASIDE = 3
#: The advisory lock of transactions that take turns: any number that is no other lock's.
TURN = 0x4D494C46
#: Seconds: to connect to PostgreSQL, and for the answer to one statement.
CONNECT, ANSWER = 5, 120
#: A process that stands still in a transaction, or is cut off, loses it after so long: others wait for it. Sooner
#: where leases are kept, which are renewed every two seconds.
IDLE_IN_TRANSACTION_MS, IDLE_ASIDE_MS = 8_000, 3_000
#: Seconds after which what has to be written down is tried again while the database is away.
AGAIN, LONGEST_AGAIN = 0.2, 2.0

#: Seconds that what is written at the end may take.
LASTLY = 3.0

Connection = AsyncConnection


class DatabaseError(Exception):
    """The database cannot be opened; the message says why and what to do."""


def is_away(error: BaseException) -> bool:
    """Tell whether an error says that the database cannot be reached or written to for now, whatever was asked."""
    if isinstance(error, sa.exc.DBAPIError):
        refusals = (sa.exc.IntegrityError, sa.exc.DataError, sa.exc.ProgrammingError, sa.exc.NotSupportedError)
        return not isinstance(error, refusals)
    # What goes wrong while connecting comes as the driver's own.
    drivers_own = type(error).__module__.partition(".")[0] == "asyncpg"
    return drivers_own or isinstance(error, sa.exc.TimeoutError | OSError | TimeoutError)


def reason(error: BaseException) -> str:
    """Return in a line what went wrong with the database, without the library's own advice."""
    told = str(getattr(error, "orig", None) or error).partition("\n")[0]
    return told or ("no answer" if isinstance(error, TimeoutError) else type(error).__name__)


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
    _aside: AsyncEngine | None = field(default=None, init=False)
    _lock: FileLock | None = None
    #: The connections of writers and readers to a shared database, as its driver has them, and when each was made.
    _lines: dict[Any, float] = field(default_factory=dict, init=False)
    #: Writers in the order in which they came: the pool gives its one connection to whoever asks again first, and
    #: one that writes without a pause would keep all others waiting.
    _line: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)

    async def open(self) -> None:
        """Connect, and bring the tables up to date.

        Raises:
            DatabaseError: The address, the file or its version is not usable.
            storage.lock.Held: Another process has it open.
        """
        url = driver_url(self.url)
        sqlite = url.get_backend_name() == "sqlite"
        if sqlite and not self.throwaway:
            assert url.database is not None
            self._lock = FileLock(prepared(Path(url.database)))
            try:
                self._lock.take()
            except OSError as error:
                raise DatabaseError(
                    f"The database at {without_password(self.url)} cannot be opened: {error}"
                ) from error
        if sqlite:
            self._write = create_async_engine(url, pool_size=1, max_overflow=0)
            self._read = create_async_engine(url, pool_size=READERS, max_overflow=0)
            synchronous = "OFF" if self.throwaway else "FULL"
            set_up_sqlite(self._write, begin="BEGIN IMMEDIATE", pragmas=(f"synchronous={synchronous}",))
            set_up_sqlite(self._read, begin="BEGIN", pragmas=("query_only=ON",))
        else:
            self._write = postgres_engine(
                url, connections=1, idle_in_transaction_session_timeout=str(IDLE_IN_TRANSACTION_MS)
            )
            # A reader sees one moment only if its transaction asks for that; on SQLite it always does.
            self._read = postgres_engine(url, connections=READERS, isolation="REPEATABLE READ")
            for engine in (self._write, self._read):
                sa.event.listen(engine.sync_engine, "connect", self._note_line)
            self._aside = postgres_engine(
                url, connections=ASIDE, idle_in_transaction_session_timeout=str(IDLE_ASIDE_MS)
            )
        try:
            async with self._write.connect() as connection:
                if sqlite and not self.throwaway:
                    await _copy_before_migration(connection, Path(str(url.database)))
                await migrations.bring_up_to_date(connection)
        except BaseException as error:
            await self.close()
            if isinstance(error, migrations.Unusable):
                raise DatabaseError(str(error)) from error
            if isinstance(error, sa.exc.SQLAlchemyError) or is_away(error):
                raise _unusable(self.url, error) from error
            raise

    async def open_to_read(self) -> None:
        """Connect to read only: without a lock, so also beside the process that has the database open.

        Raises:
            DatabaseError: The address or the file is not usable, or not of this program's version.
        """
        url = driver_url(self.url)
        if url.get_backend_name() == "sqlite":
            assert url.database is not None
            must_be(Path(url.database))
            self._read = create_async_engine(url, pool_size=READERS, max_overflow=0)
            set_up_sqlite(self._read, begin="BEGIN", pragmas=("query_only=ON",))
        else:
            self._read = postgres_engine(url, connections=READERS, isolation="REPEATABLE READ")
        self._write = self._read
        try:
            async with self.read() as connection:
                await migrations.check(connection)
        except BaseException as error:
            await self.close()
            if isinstance(error, migrations.Unusable):
                raise DatabaseError(str(error)) from error
            if isinstance(error, sa.exc.SQLAlchemyError) or is_away(error):
                raise _unusable(self.url, error) from error
            raise

    @property
    def shown(self) -> str:
        """The address without its password."""
        return without_password(self.url)

    @property
    def shared(self) -> bool:
        """Whether other processes may have the same database open."""
        return self.url.startswith("postgres")

    @asynccontextmanager
    async def write(self, *, turn: bool = True) -> AsyncIterator[Connection]:
        """A transaction that may write; rolled back if the block raises.

        Args:
            turn: Wait for those of other processes that take turns. False: for what touches only rows that it
                has locked.
        """
        began = monotonic()
        async with self._line, self._write.begin() as connection:
            if turn and self.shared:
                await connection.execute(_wait_for_turn)
            yield connection
        self.commits += 1
        self.meter.wrote(monotonic() - began)

    async def surely(self, do: Callable[[Connection], Awaitable[None]], *, turn: bool = True) -> None:
        """Write down what has happened, however long the database is away: tried until it is, or is cancelled.

        ``do`` may be run again after it had come to its end, as a commit's answer can be lost.
        """
        pause = AGAIN
        while True:
            try:
                async with self.write(turn=turn) as connection:
                    await do(connection)
            except Exception as error:
                if not is_away(error):
                    raise
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_AGAIN)
            else:
                return

    async def lastly(self, do: Callable[[Connection], Awaitable[None]]) -> None:
        """Write down at the end what others would find out by themselves, unless the database is away."""
        try:
            async with asyncio.timeout(LASTLY), self.write() as connection:
                await do(connection)
        except Exception as error:
            if not is_away(error):
                raise

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Connection]:
        """A snapshot to read from, which never waits for writers."""
        async with self._read.begin() as connection:
            yield connection

    @asynccontextmanager
    async def aside(self) -> AsyncIterator[Connection]:
        """A transaction beside all others of this process, on a database that is shared."""
        assert self._aside is not None
        async with self._aside.begin() as connection:
            yield connection

    @asynccontextmanager
    async def line(self) -> AsyncIterator[Connection]:
        """A connection without a transaction to a database that is shared, for as long as the block runs."""
        assert self._aside is not None
        async with self._aside.connect() as connection:
            yield connection

    def _note_line(self, connection: Any, _record: Any) -> None:
        self._lines = {line: made for line, made in self._lines.items() if not line.is_closed()}
        self._lines[connection.driver_connection] = monotonic()

    async def break_off(self, connection: Connection, *, before: float) -> bool:
        """End connections of writers and readers on which the other end fell silent without a word.

        They would be waited for until ``ANSWER`` is over. The database does not know them, or does nothing there.

        Args:
            connection: One that is well.
            before: Only what was made before this moment of the monotonic clock.

        Returns:
            Whether there are some left, which are to be looked at later.
        """
        old = [line for line, made in self._lines.items() if made < before and not line.is_closed()]
        at_work = await connection.execute(_at_work, {"pids": [line.get_server_pid() for line in old]})
        busy = set(at_work.scalars())
        for line in old:
            if line.get_server_pid() not in busy:
                line.terminate()
        return bool(busy)

    async def close(self) -> None:
        """Close all connections; an unclosed one would hang the process at its exit."""
        if self._aside is None:
            await self._write.dispose()
            await self._read.dispose()
        else:
            with suppress(TimeoutError):
                async with asyncio.timeout(LASTLY):  # what fell silent is not waited for
                    await asyncio.gather(*(one.dispose() for one in (self._aside, self._read, self._write)))
        if self._lock is not None:
            self._lock.release()


def driver_url(url: str) -> sa.URL:
    """Return an address as the library's engines take it.

    Raises:
        DatabaseError: It is none, or of an engine that is not spoken here.
    """
    try:
        parsed = make_url(url)
    except (sa.exc.ArgumentError, ValueError) as error:  # the library's text may repeat the password
        raise DatabaseError(
            "DATABASE_URL is not an address: write sqlite:///data/milepost.db or postgresql://..."
        ) from error
    drivers = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg"}
    backend = parsed.get_backend_name()
    if backend not in drivers:
        raise DatabaseError(f"DATABASE_URL begins with {backend!r}: write sqlite:///... or postgresql://...")
    if backend == "sqlite" and parsed.host:  # two slashes begin the name of a machine
        raise DatabaseError(
            "DATABASE_URL has two slashes behind sqlite: and takes three, as in sqlite:///data/milepost.db; "
            "four before an absolute path, as in sqlite:////var/lib/milepost/milepost.db"
        )
    if backend == "sqlite" and (parsed.database or ":memory:") == ":memory:":
        raise DatabaseError(
            "DATABASE_URL names a database in memory, which would forget everything: write sqlite:///data/milepost.db"
        )
    if backend == "postgresql" and "sslmode" in parsed.query:  # as libpq and every provider write it
        mode = parsed.query["sslmode"]
        parsed = parsed.difference_update_query(["sslmode"]).update_query_dict({"ssl": mode})
    return parsed.set(drivername=drivers[backend])


_at_work = sa.text(
    "SELECT pid FROM pg_stat_activity WHERE pid = ANY(:pids) AND datname = current_database() AND state <> 'idle'"
)
_wait_for_turn = sa.select(sa.func.pg_advisory_xact_lock(TURN))


def postgres_engine(
    url: sa.URL, *, connections: int, isolation: IsolationLevel = "READ COMMITTED", **settings: str
) -> AsyncEngine:
    """Return an engine with so many connections at most, which end if their other end vanishes."""
    return create_async_engine(
        url,
        isolation_level=isolation,
        pool_size=connections,
        max_overflow=0,
        pool_pre_ping=True,  # the server may have been started anew since
        connect_args={
            "timeout": CONNECT,
            "command_timeout": ANSWER,
            # A machine that vanished lets go of its locks within half a minute.
            "server_settings": {
                "application_name": "milepost",
                "tcp_keepalives_idle": "10",
                "tcp_keepalives_interval": "5",
                "tcp_keepalives_count": "3",
                **settings,
            },
        },
    )


def without_password(url: str) -> str:
    """Return an address as it may be read by anybody."""
    return make_url(url).render_as_string(hide_password=True)


def _unusable(url: str, error: BaseException) -> DatabaseError:
    """Return what to tell of a database that cannot be opened, with what to look at."""
    if url.startswith("postgres"):
        then = "see that PostgreSQL runs there, and that DATABASE_URL has the right user, password and name"
    else:
        then = "see that disk and file are well and the file is Milepost's; `milepost restore` replaces it"
    return DatabaseError(f"The database at {without_password(url)} cannot be opened: {reason(error)} ({then}).")


def must_be(path: Path) -> None:
    """Refuse a file that is not there.

    Raises:
        DatabaseError: It is not.
    """
    if not path.is_file():
        raise DatabaseError(f"There is no database at {path}.")


def prepared(path: Path) -> Path:
    """Make the folder of a database file; return the file's one path, whatever links lead to it."""
    if not path.name or path.is_dir():
        raise DatabaseError(f"The database at {path} cannot be opened: it is a folder. Name a file in it.")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DatabaseError(f"The folder {path.parent} for the database cannot be made: {error}") from error
    return path.resolve()


async def _copy_before_migration(connection: Connection, path: Path) -> None:
    """Keep a verified copy of a database that is about to be migrated; that of an earlier try gives way to it."""
    async with connection.begin():
        version = await migrations.version(connection)
    if version in {None, migrations.HEAD} or version not in migrations.known():
        return
    copy = path.with_name(f"{path.name}.before-{migrations.HEAD}.bak")
    try:
        await asyncio.to_thread(backup.make, path, copy, replace=True)
    except backup.BackupError as error:
        raise DatabaseError(
            f"The database is at version {version} and has to be brought to {migrations.HEAD}, but no copy of it "
            f"can be kept before that: {error} Nothing was changed."
        ) from error


def set_up_sqlite(engine: AsyncEngine, *, begin: str, pragmas: tuple[str, ...]) -> None:
    """Let an engine begin its transactions so, and set these pragmas besides the usual ones."""

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
