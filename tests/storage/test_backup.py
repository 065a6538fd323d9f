"""Copies of an SQLite database: whole, verified, or not there; and put back without losing what was there."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from storage import backup, migrations
from storage.backup import BackupError
from storage.database import Database
from tests.fakes.clock import NOW
from tests.fakes.histories import measured
from tests.fakes.rows import everything
from tests.storage import killed

#: So many chats whose titles fill several steps of a copy.
MANY, LONG = 2_000, 8_000


def url(path: Path) -> str:
    return f"sqlite:///{path}"


def connected(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, isolation_level=None, timeout=0)


def filled(path: Path, sessions: int = 3) -> Path:
    """Make a database as the bot leaves it."""

    async def fill() -> None:
        database = Database(url(path))
        await database.open()
        await measured(sessions).keep(database)
        async with database.write() as connection:
            await connection.exec_driver_sql("INSERT INTO revision (id, value) VALUES (1, 0)")
        await database.close()

    asyncio.run(fill())
    return path


def held(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """Return all that a database holds for a bot that starts on it."""

    async def look() -> dict[str, list[tuple[object, ...]]]:
        database = Database(url(path))
        await database.open()
        try:
            return await everything(database, apart_from=["installation.key"])
        finally:
            await database.close()

    return asyncio.run(look())


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return filled(tmp_path / "milepost.db")


@pytest.fixture
def kept(tmp_path: Path, database: Path) -> Path:
    """A backup of the database, which has gone on since."""
    target = tmp_path / "kept.db"
    backup.make(database, target)
    with closing(connected(database)) as connection:
        connection.execute("UPDATE watch SET name = 'gone on'")
    return target


def test_a_backup_beside_a_writer_that_never_stops_is_of_one_moment_and_holds_nobody_up(
    tmp_path: Path, database: Path
) -> None:
    with closing(connected(database)) as writer:

        def write(count: int = 1) -> None:
            """Write what belongs together; a lock would raise at once."""
            writer.execute("BEGIN IMMEDIATE")
            writer.executemany(
                "INSERT INTO chat (platform, key, title, created_at) SELECT 'x', count(*), ?, 0 FROM chat",
                [("x" * LONG,)] * count,
            )
            writer.execute("UPDATE revision SET value = value + ?", (count,))
            writer.execute("COMMIT")

        write(MANY)
        steps: list[int] = []

        def on_step(_done: int, total: int) -> None:
            steps.append(total)
            write()

        made = backup.make(database, tmp_path / "kept.db", tell=on_step)
    assert len(steps) > 2
    assert len(set(steps)) == 1  # it never began anew
    assert made.rows["chat"] == MANY
    with closing(connected(tmp_path / "kept.db")) as copy:
        assert copy.execute("SELECT value, (SELECT count(*) FROM chat) FROM revision").fetchone() == (MANY, MANY)
        assert copy.execute("PRAGMA journal_mode").fetchone() == ("delete",)
    with closing(connected(database)) as source:
        assert source.execute("SELECT value FROM revision").fetchone() == (MANY + len(steps),)
    assert sorted(path.name for path in tmp_path.glob("kept*")) == ["kept.db"]


def test_a_backup_is_what_the_database_was_and_only_its_owner_reads_it(database: Path, tmp_path: Path) -> None:
    target = tmp_path / "new folder" / "kept.db"
    made = backup.make(database, target)
    assert target.stat().st_mode & 0o777 == 0o600
    assert made == backup.inspect(target)
    assert made.version == migrations.HEAD
    assert made.rows["session"] == 3
    assert made.size == target.stat().st_size
    assert held(target) == held(database)


def test_what_is_there_already_is_not_overwritten(database: Path, tmp_path: Path) -> None:
    target = tmp_path / "kept.db"
    target.write_text("dear to somebody")
    with pytest.raises(BackupError, match="overwrites nothing"):
        backup.make(database, target)
    assert target.read_text() == "dear to somebody"
    assert list(tmp_path.glob("*.part*")) == []


def test_of_a_broken_off_backup_nothing_is_left(database: Path, tmp_path: Path) -> None:
    with pytest.raises(BackupError, match="interrupted"):
        backup.make(database, tmp_path / "kept.db", stop=lambda: True)
    assert list(tmp_path.glob("kept*")) == []


def damaged(path: Path) -> Iterator[tuple[str, str]]:
    """Yield, for a backup that was damaged in some way, what is said of it."""
    whole = path.read_bytes()
    page = 4096

    def written(data: bytes) -> None:
        path.write_bytes(data)

    written(whole[: len(whole) // 2])
    yield "cut in half", "damaged|malformed"
    written(whole[: 5 * page] + bytes(page) + whole[6 * page :])
    yield "a page of nothing", "damaged|malformed"
    written(whole[:page] + os.urandom(page) * (len(whole) // page - 1))
    yield "noise", "damaged|malformed"
    written(b"not a database at all" * 1000)
    yield "no database", "not a database"
    written(b"")
    yield "empty", "no database of Milepost's"
    path.unlink()
    with closing(connected(path)) as connection:
        connection.execute("CREATE TABLE other (x)")
    yield "somebody else's", "no database of Milepost's"
    written(whole)
    with closing(connected(path)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    yield "newer", r"version 9999, newer than this program \(\d{4}\)"
    written(whole)
    with closing(connected(path)) as connection:
        connection.execute("DELETE FROM watch")
    yield "an orphan", "refer to others that are not there"
    path.unlink()
    yield "absent", "There is no file"


def test_a_damaged_or_foreign_backup_is_refused_and_nothing_is_touched(database: Path, kept: Path) -> None:
    before = held(database)
    for what, said in damaged(kept):
        with pytest.raises(BackupError, match=said):
            backup.restore(kept, database, now=NOW)
        assert held(database) == before, what
        assert {path.name for path in database.parent.iterdir()} - {kept.name} == {
            "milepost.db",
            "milepost.db.lock",
        }, what


def test_a_damaged_database_is_not_backed_up_as_if_it_were_whole(database: Path, tmp_path: Path) -> None:
    data = database.read_bytes()
    database.write_bytes(data[: 5 * 4096] + bytes(4096) + data[6 * 4096 :])
    with pytest.raises(BackupError, match=r"milepost\.db.*(damaged|malformed)"):
        backup.make(database, tmp_path / "kept.db")
    assert list(tmp_path.glob("kept*")) == []


def test_a_restore_sets_the_former_database_aside_whole(database: Path, kept: Path) -> None:
    before, then = held(database), held(kept)
    assert before != then
    restored = backup.restore(kept, database, now=NOW)
    assert restored.aside is not None
    assert restored.aside.name.startswith("milepost.before-restore-20")
    assert held(database) == then
    assert held(restored.aside) == before
    again = backup.restore(restored.aside, database, now=NOW + 1000)
    assert again.aside is not None
    assert held(database) == before


def test_what_a_killed_bot_left_in_the_log_is_set_aside_too(database: Path, kept: Path, tmp_path: Path) -> None:
    crashed = tmp_path / "crashed"
    crashed.mkdir()
    with closing(connected(database)) as connection:
        connection.execute("UPDATE watch SET name = 'only in the log'")
        for path in (database, database.with_name("milepost.db-wal")):
            shutil.copy(path, crashed)
    restored = backup.restore(kept, crashed / "milepost.db", now=NOW)
    assert restored.aside is not None
    assert [row for row in held(restored.aside)["watch"] if "only in the log" in row]
    assert not (crashed / "milepost.db-wal").exists()
    assert held(crashed / "milepost.db") == held(kept)


def test_a_database_that_is_past_reading_is_replaced_and_kept_byte_for_byte(database: Path, kept: Path) -> None:
    database.write_bytes(b"past reading" * 1000)
    log = database.with_name("milepost.db-wal")
    log.write_bytes(b"and its log")
    restored = backup.restore(kept, database, now=NOW)
    assert restored.aside is not None
    assert restored.aside.read_bytes() == b"past reading" * 1000
    assert restored.aside.with_name(restored.aside.name + "-wal").read_bytes() == b"and its log"
    assert not log.exists()
    assert held(database) == held(kept)


def test_the_database_is_no_backup_of_itself(database: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.db"
    link.symlink_to(database)
    with pytest.raises(BackupError, match="is the database itself"):
        backup.restore(link, database, now=NOW)


def test_restored_deliveries_are_told_apart_from_those_of_the_former_bot(database: Path, tmp_path: Path) -> None:
    async def key() -> str:
        from storage import installation

        one = Database(url(database))
        await one.open()
        try:
            async with one.write() as connection:
                return await installation.key(connection)
        finally:
            await one.close()

    former = asyncio.run(key())
    backup.make(database, tmp_path / "kept.db")
    backup.restore(tmp_path / "kept.db", database, now=NOW)
    assert asyncio.run(key()) != former
    with closing(connected(tmp_path / "kept.db")) as connection:  # what somebody keeps is not changed
        assert connection.execute("SELECT key FROM installation").fetchone() == (former,)


def test_the_oldest_of_its_own_backups_go_and_nothing_else(tmp_path: Path) -> None:
    for day in range(5):
        (tmp_path / backup.name("milepost", NOW + day * 86_400_000)).touch()
    others = ["milepost.db", "other-2020-01-01T000000Z.db", "milepost-2020.db", "notes.txt"]
    unfinished = tmp_path / (backup.name("milepost", 0) + backup.PART)
    for name in [*others, unfinished.name]:
        (tmp_path / name).touch()
    own = sorted(tmp_path.glob("milepost-20??-??-??T*.db"))
    os.utime(unfinished, (0, 0))
    assert backup.prune(tmp_path, "milepost", 2) == own[:3]
    assert {path.name for path in tmp_path.iterdir()} == {*others, *(path.name for path in own[3:])}


def test_a_backup_that_is_killed_anywhere_leaves_no_half_of_one(database: Path, tmp_path: Path) -> None:
    before = held(database)
    target, moment = tmp_path / "kept.db", 0
    while True:
        moment += 1
        target.unlink(missing_ok=True)
        if not killed.dies(killed.make_backup, database, target, moment):
            break
        if target.exists():
            assert backup.inspect(target).rows["session"] == 3
    assert moment > 5
    assert sorted(path.name for path in tmp_path.glob("kept*")) == ["kept.db"]
    assert held(target) == held(database) == before


def test_a_restore_that_is_killed_anywhere_leaves_the_one_or_the_other(
    database: Path, kept: Path, tmp_path: Path
) -> None:
    before, then = held(database), held(kept)
    found, moment = set(), 0
    while True:
        moment += 1
        folder = tmp_path / str(moment)
        folder.mkdir()
        target = Path(shutil.copy(database, folder))
        was_killed = killed.dies(killed.restore_backup, kept, target, NOW, moment)
        there = held(target)
        assert there in (before, then), moment
        found.add(there == then)
        if there == then:  # what was there is not lost
            (aside,) = folder.glob("milepost.before-restore-*.db")
            assert held(aside) == before
        if not was_killed:
            break
        restored = backup.restore(kept, target, now=NOW + 1000)  # and it can be done again
        assert held(target) == then
        assert restored.aside is not None
        assert held(restored.aside) == there
    assert moment > 8
    assert found == {True, False}
