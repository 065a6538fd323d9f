"""``milepost backup``, ``restore`` and ``db`` as a person gives them, on both engines."""

from __future__ import annotations

import asyncio
import os
import re
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import typer

from bot import keep
from bot.__main__ import cli
from bot.domain import DAY, HOUR
from bot.keep import KeepError
from bot.pipeline.schedule import wall_clock
from storage import backup, migrations
from storage.database import Database, DatabaseError
from storage.lock import Held
from tests.crash import driver
from tests.fakes.histories import measured
from tests.fakes.rows import a_chat, a_session, a_watch, everything, listens, owed, past
from tests.servers import postgres
from tests.storage.test_migrations import engine

SAMPLE = Path(__file__).parent.parent / "bot" / "samples" / "space-2022-04-20.jsonl"
PATIENCE = 180
#: Of the sample: enough for several milestones.
READINGS = 40


def milepost(url: str, *arguments: str, largest: int | None = None) -> subprocess.CompletedProcess[str]:
    """Run the program; ``largest`` is how much a file may hold, as if the disk were full then."""

    def limit() -> None:
        if largest is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest))

    return subprocess.run(
        [sys.executable, "-m", "bot", *arguments],
        env={**os.environ, "DATABASE_URL": url, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
        preexec_fn=limit,
    )


@pytest.fixture(name="url")
def _url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/milepost.db"


@pytest.fixture(name="server")
def _server() -> Iterator[str]:
    if postgres.server() is None:
        pytest.skip(postgres.INSTALL)
    with postgres.a_database() as url:
        yield url


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


async def opened(url: str) -> Database:
    database = Database(url)
    await database.open()
    return database


async def held(url: str) -> dict[str, list[tuple[Any, ...]]]:
    database = await opened(url)
    try:
        return await everything(database, apart_from=["installation.key"])
    finally:
        await database.close()


async def filled(url: str) -> None:
    database = await opened(url)
    await measured(3).keep(database)
    await database.close()


def test_every_command_and_option_in_the_manual_is_there() -> None:
    manual = (SAMPLE.parent.parent.parent / "docs" / "operations.md").read_text()
    given = re.findall(r"(?:^|[`/ ])milepost ((?:db )?[a-z]+)((?: [^\s`]+)*)", manual, re.MULTILINE)
    root: Any = typer.main.get_command(cli)
    seen = set()
    for name, rest in given:
        first, _, second = name.partition(" ")
        command = root.commands.get(first)
        if command is None:
            continue  # the account of that name, and such
        command = command.commands[second] if second else command
        flags = {flag for parameter in command.params for flag in parameter.opts}
        assert {word.strip("[]`,.") for word in rest.split() if word.startswith("--")} <= flags, name
        seen.add(name)
    assert {"backup", "restore", "db copy", "db status", "run", "doctor"} <= seen


async def test_the_history_of_a_replay_goes_to_postgresql_and_back_beside_its_backup(
    tmp_path: Path, url: str, server: str
) -> None:
    lines = SAMPLE.read_text().splitlines()
    played = tmp_path / "played.jsonl"
    played.write_text("\n".join(lines[:READINGS]))
    await driver.drive(url, tmp_path / "printed", [played])
    before = await held(url)
    assert len(before["delivery"]) > 3
    said: list[str] = []
    back = f"sqlite:///{tmp_path}/back.db"
    with_password = server.replace("root@", "root:geheim@")
    await keep.copy(url, with_password, mend=False, show=said.append)
    assert await held(server) == before
    await keep.backup(with_password, f"{tmp_path}/", keep=1, show=said.append)
    await keep.copy(with_password, back, mend=False, show=said.append)
    assert await held(back) == before
    (kept,) = (name for name in names(tmp_path) if name.startswith("milepost_test_"))
    assert await held(f"sqlite:///{tmp_path}/{kept}") == before
    assert "geheim" not in " ".join(said)
    assert "root:***@" in " ".join(said)
    with pytest.raises(KeepError, match="already: name one that is not there"):
        await keep.copy(server, back, mend=False, show=said.append)


async def test_a_backup_is_made_beside_the_bot_and_a_restore_waits_until_it_has_stopped(
    tmp_path: Path, url: str
) -> None:
    database = await opened(url)
    await measured(3).keep(database)
    try:
        done = await asyncio.to_thread(milepost, url, "backup", "--keep", "1")
        assert done.returncode == 0, done.stderr
        (kept,) = (tmp_path / "backups").iterdir()
        assert re.fullmatch(r"milepost-\d{4}-\d\d-\d\dT\d{6}Z\.db", kept.name)
        assert f"{kept}: " in done.stdout
        assert "verified" in done.stdout
        refused = await asyncio.to_thread(milepost, url, "restore", str(kept))
        assert refused.returncode == 1
        assert f"Process {os.getpid()} already runs Milepost on this database. Stop it first" in refused.stderr
        with pytest.raises(Held):
            await keep.copy(url, f"sqlite:///{tmp_path}/copy.db", mend=False, show=print)
        before = await everything(database)
        async with database.write() as connection:
            await connection.exec_driver_sql("DELETE FROM watch")
    finally:
        await database.close()
    done = await asyncio.to_thread(milepost, url, "restore", str(kept))
    assert done.returncode == 0, done.stderr
    assert "The former database is kept as" in done.stdout
    assert await held(url) == {**before, "installation": []}


async def test_a_full_disk_leaves_nothing_of_a_backup_and_says_so(tmp_path: Path, url: str) -> None:
    await filled(url)
    done = await asyncio.to_thread(lambda: milepost(url, "backup", largest=100_000))
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "milepost.db cannot be backed up: " in done.stderr
    assert list((tmp_path / "backups").iterdir()) == []


async def test_status_copy_and_their_mistakes_as_the_program_says_them(tmp_path: Path, url: str) -> None:
    await filled(url)
    told = await asyncio.to_thread(milepost, url, "db", "status")
    assert told.returncode == 0, told.stderr
    assert re.search(rf"milepost\.db: SQLite 3\S+, [\d.]+ MB\nversion {migrations.HEAD}\n", told.stdout)
    assert "\nsession: 3 rows\n" in told.stdout
    copied = await asyncio.to_thread(milepost, "", "db", "copy", f"{url}.none", f"sqlite:///{tmp_path}/b.db")
    assert copied.returncode == 1
    assert copied.stderr == f"There is no database at {tmp_path}/milepost.db.none.\n"
    for mistake, words in (
        (keep.restore(url, tmp_path / "none.db", replace=False, mend=False, show=print), "There is no file"),
        (keep.backup(url, f"{tmp_path}/a.db", keep=2, show=print), "name a folder"),
        (keep.backup(f"{url}.none", None, keep=None, show=print), "There is no database at"),
    ):
        with pytest.raises(KeepError, match=words):
            await mistake
    assert set(names(tmp_path)) <= {"milepost.db", "milepost.db.lock", "backups"}


async def test_what_a_backup_still_owed_is_said_when_it_is_restored(tmp_path: Path, url: str) -> None:
    now = wall_clock()
    database = await opened(url)
    async with database.write() as connection:
        watch = await a_watch(connection)
        await listens(connection, await a_chat(connection), watch)
        session = await a_session(connection, watch)
        await owed(connection, session, kind="milestone", at=now - 5 * HOUR)  # worth nothing any more
        await owed(connection, session, kind="ended", at=now)
        await connection.exec_driver_sql("UPDATE watch SET asked_at = 0")
    await database.close()
    said: list[str] = []
    await keep.backup(url, f"{tmp_path}/kept.db", keep=None, show=said.append)
    await keep.restore(url, tmp_path / "kept.db", replace=False, mend=False, show=said.append)
    assert "It knows what happened until 1970-01-01 00:00 UTC" in " ".join(said)
    assert "1 alert was still owed then and worth telling yet" in " ".join(said)


async def test_a_backup_of_an_older_version_is_brought_up_and_one_of_a_newer_one_refused(
    tmp_path: Path, url: str, server: str
) -> None:
    older = tmp_path / "older.db"
    made = engine(f"sqlite:///{older}")
    try:
        async with made.connect() as connection:
            await migrations.upgrade(connection, "0003")
            async with connection.begin():
                await connection.exec_driver_sql(
                    "INSERT INTO chat (id, platform, key, created_at) VALUES (7, 'x', 'ann', 0)"
                )
    finally:
        await made.dispose()
    said: list[str] = []
    await keep.restore(server, older, replace=False, mend=False, show=said.append)
    await keep.restore(url, older, replace=False, mend=False, show=said.append)
    assert (await held(server))["chat"] == (await held(url))["chat"] != []
    made = engine(f"sqlite:///{older}")
    try:
        async with made.begin() as connection:
            await connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    finally:
        await made.dispose()
    before = await held(url)
    for target in (url, server):
        with pytest.raises(KeepError, match="version 9999, newer than this program"):
            await keep.restore(target, older, replace=True, mend=False, show=said.append)
        assert await held(target) == before


async def test_onto_a_server_it_replaces_only_what_it_was_told_to_after_a_backup_of_it(
    tmp_path: Path, url: str, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    await filled(url)
    file = tmp_path / "milepost.db"
    database = await opened(server)
    async with database.write() as connection:
        await past(connection, await a_watch(connection, "dear"), "s", 5, ended_at=wall_clock() - DAY)
    await database.close()
    former = await held(server)
    said: list[str] = []
    with pytest.raises(KeepError, match=r"is not empty\..*--replace"):
        await keep.restore(server, file, replace=False, mend=False, show=said.append)
    assert await held(server) == former
    running = await opened(server)
    try:
        with pytest.raises(DatabaseError, match="Milepost runs on it"):
            await keep.restore(server, file, replace=True, mend=False, show=said.append)
    finally:
        await running.close()
    for path in (tmp_path / "data" / "backups").iterdir():
        path.unlink()
    await keep.restore(server, file, replace=True, mend=False, show=said.append)
    assert await held(server) == await held(url)
    (kept,) = (tmp_path / "data" / "backups").iterdir()
    assert await held(f"sqlite:///{kept}") == former


def test_ctrl_c_breaks_a_backup_off_and_leaves_nothing_of_it(tmp_path: Path, url: str) -> None:
    asyncio.run(filled(url))
    program = (
        "import asyncio, os, signal, sys\n"
        "from pathlib import Path\n"
        "from bot import keep\n"
        "from storage import backup\n"
        "def work(stop):\n"
        "    def tell(*_):\n"
        "        os.kill(os.getpid(), signal.SIGINT)\n"
        "        while not stop():\n"
        "            pass\n"
        "    return backup.make(Path(sys.argv[1]), Path(sys.argv[2]), tell=tell, stop=stop)\n"
        "asyncio.run(keep._breakable(work))\n"
    )
    paths = [str(tmp_path / "milepost.db"), str(tmp_path / "kept.db")]
    done = subprocess.run(
        [sys.executable, "-c", program, *paths], capture_output=True, text=True, check=False, timeout=PATIENCE
    )
    assert done.returncode == -signal.SIGINT, done.stderr
    assert "KeyboardInterrupt" in done.stderr
    assert list(tmp_path.glob("kept*")) == []


async def test_the_copy_before_a_migration_is_a_backup_that_can_be_restored(tmp_path: Path, url: str) -> None:
    made = engine(url)
    try:
        async with made.connect() as connection:
            await migrations.upgrade(connection, "0003")
            async with connection.begin():
                await connection.execute(
                    sa.text("INSERT INTO chat (id, platform, key, created_at) VALUES (7, 'x', 'ann', 0)")
                )
    finally:
        await made.dispose()
    now = await held(url)
    copy = tmp_path / f"milepost.db.before-{migrations.HEAD}.bak"
    contents = backup.inspect(copy)
    assert (contents.version, contents.rows["chat"]) == ("0003", 1)
    await keep.restore(url, copy, replace=False, mend=False, show=print)
    assert await held(url) == now
