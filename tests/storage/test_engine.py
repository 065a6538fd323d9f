"""How the database is opened: one that writes, some that read, and nobody waits for nothing."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from contextlib import AsyncExitStack, closing
from pathlib import Path

import pytest
import sqlalchemy as sa

from storage import watches
from storage.database import Database, DatabaseError
from storage.lock import Held
from storage.tables import chat, revision, subscription
from tests.fakes.rows import a_chat

#: Seconds in which whoever need not wait is done, even on a busy machine.
AT_ONCE = 3


async def pragma(database: Database, name: str) -> object:
    async with database.write() as connection:
        return (await connection.exec_driver_sql(f"PRAGMA {name}")).scalar()


async def count(database: Database) -> int:
    async with database.read() as connection:
        return (await watches.revised(connection)).value


async def test_a_file_is_kept_in_a_write_ahead_log_that_reaches_the_disk(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/a.db")
    await database.open()
    try:
        assert await pragma(database, "journal_mode") == "wal"
        assert await pragma(database, "synchronous") == 2  # FULL
        assert await pragma(database, "foreign_keys") == 1
        assert await pragma(database, "busy_timeout") == 5_000
    finally:
        await database.close()


async def test_a_reference_to_nothing_is_refused(database: Database) -> None:
    with pytest.raises(sa.exc.IntegrityError):
        async with database.write() as connection:
            await connection.execute(
                sa.insert(subscription).values(chat_id=404, watch_id=404, kinds=",", created_at=0)
            )


async def test_a_transaction_that_may_write_takes_its_turn_from_its_beginning(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/a.db")
    await database.open()
    try:
        with closing(sqlite3.connect(tmp_path / "a.db", timeout=0)) as other:
            async with database.write():
                with pytest.raises(sqlite3.OperationalError, match="locked"):
                    other.execute("BEGIN IMMEDIATE")
    finally:
        await database.close()


async def test_two_writers_never_fail_with_locked(url: str) -> None:
    rounds, tasks = 15, 3
    async with AsyncExitStack() as stack:
        databases = [Database(url, throwaway=True) for _ in range(2)]
        for database in databases:
            await database.open()
            stack.push_async_callback(database.close)
        before = await count(databases[0])

        async def write(database: Database) -> None:
            for _ in range(rounds):
                async with database.write() as connection:
                    # Whoever read first and writes then is told "locked" at once after a plain BEGIN.
                    await connection.execute(sa.select(revision.c.value).with_for_update())
                    await asyncio.sleep(0)
                    await watches.revise(connection)

        async with databases[0].write() as connection:
            await watches.revise(connection)  # the row is there
        await asyncio.gather(*(write(database) for database in databases for _ in range(tasks)))
        assert await count(databases[1]) == before + 1 + 2 * tasks * rounds


async def test_a_reader_does_not_wait_for_a_writer(database: Database) -> None:
    async with database.write() as connection:
        await watches.revise(connection)
    before = await count(database)
    async with database.write() as connection:
        await watches.revise(connection)
        async with asyncio.timeout(AT_ONCE):
            assert await count(database) == before
    assert await count(database) == before + 1


async def test_a_writer_does_not_wait_for_a_reader_who_sees_one_moment_throughout(database: Database) -> None:
    async with database.read() as reader:
        before = (await watches.revised(reader)).value
        async with asyncio.timeout(AT_ONCE), database.write() as connection:
            await watches.revise(connection)
        assert (await watches.revised(reader)).value == before
    assert await count(database) == before + 1


async def test_what_is_for_reading_cannot_write(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/a.db", throwaway=True)
    await database.open()
    try:
        with pytest.raises(sa.exc.OperationalError, match="readonly"):
            async with database.read() as connection:
                await watches.revise(connection)
    finally:
        await database.close()


async def test_a_block_that_fails_leaves_nothing(database: Database) -> None:
    async def fail() -> None:
        async with database.write() as connection:
            await a_chat(connection)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    async with database.read() as connection:
        assert (await connection.execute(sa.select(sa.func.count()).select_from(chat))).scalar() == 0


async def test_a_block_that_is_cancelled_leaves_nothing_and_the_next_one_works(database: Database) -> None:
    inside = asyncio.Event()

    async def hang() -> None:
        async with database.write() as connection:
            await a_chat(connection)
            inside.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(hang())
    await inside.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with database.write() as connection:
        await a_chat(connection, "bob")
    async with database.read() as connection:
        assert list((await connection.execute(sa.select(chat.c.key))).scalars()) == ["bob"]


async def test_a_second_process_is_refused_and_told_who_is_there(tmp_path: Path) -> None:
    first, second = (Database(f"sqlite:///{tmp_path}/a.db") for _ in range(2))
    await first.open()
    try:
        with pytest.raises(Held, match=rf"Process {os.getpid()} already runs Milepost"):
            await second.open()
    finally:
        await first.close()
    await second.open()
    await second.close()


async def test_a_link_to_the_file_does_not_let_a_second_process_in(tmp_path: Path) -> None:
    (tmp_path / "link.db").symlink_to(tmp_path / "a.db")
    first, second = Database(f"sqlite:///{tmp_path}/a.db"), Database(f"sqlite:///{tmp_path}/link.db")
    await first.open()
    try:
        with pytest.raises(Held):
            await second.open()
    finally:
        await first.close()


async def test_the_folder_is_made_where_it_is_missing(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/new/folder/a.db")
    await database.open()
    await database.close()
    assert (tmp_path / "new/folder/a.db").exists()


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("no address", "DATABASE_URL is not an address"),
        ("mysql://root@localhost/a", "DATABASE_URL begins with 'mysql'"),
        ("sqlite:///:memory:", "in memory"),
        ("sqlite://", "in memory"),
        ("sqlite://data/a.db", "takes three"),
        ("sqlite:///{folder}/file/a.db", "cannot be made"),
        ("sqlite:///{folder}", "cannot be opened"),
        ("sqlite:///{folder}/locked.db", "cannot be opened"),
        ("sqlite:///{folder}/file", "not a database"),
        ("postgresql://ann:s3cret@127.0.0.1:1/a", "cannot be opened"),
    ],
)
async def test_what_cannot_be_opened_is_said_in_plain_words_without_a_password(
    tmp_path: Path, url: str, why: str
) -> None:
    (tmp_path / "file").write_text("no database, only words " * 100)
    (tmp_path / "locked.db.lock").mkdir()
    with pytest.raises(DatabaseError, match=why) as caught:
        await Database(url.format(folder=tmp_path)).open()
    assert "s3cret" not in str(caught.value)


def test_the_shown_address_hides_the_password() -> None:
    assert Database("postgresql://ann:s3cret@localhost/a").shown == "postgresql://ann:***@localhost/a"
