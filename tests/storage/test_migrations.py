"""The sum of the migrations is what the tables say, and what is kept survives them."""

from __future__ import annotations

import asyncio
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from storage import backup, migrations
from storage.database import Database, DatabaseError, driver_url, set_up_sqlite
from storage.tables import metadata
from tests.fakes.rows import a_chat, a_session, a_watch, everything, listens
from tests.storage import killed

#: What the next version would be: made up, to see what a migration does to what is kept.
NEXT = """
import sqlalchemy as sa
from alembic import op

revision = "9999"
down_revision = "{head}"
branch_labels = None
depends_on = None


def upgrade() -> None:
{body}
"""


def engine(url: str) -> AsyncEngine:
    """Return an engine that is set up as the one that writes."""
    made = create_async_engine(driver_url(url), pool_size=1, max_overflow=0)
    if url.startswith("sqlite"):
        set_up_sqlite(made, begin="BEGIN IMMEDIATE", pragmas=())
    return made


def script() -> ScriptDirectory:
    config = Config()
    config.set_main_option("script_location", str(migrations.HERE))
    return ScriptDirectory.from_config(config)


def parts(sql: str) -> list[str]:
    """Split a table's text into its columns and constraints, whatever their spelling and order."""
    text = re.sub(r"\s+", " ", sql.replace('"', "")).strip()
    found, depth, start = [], 0, 0
    for place, sign in enumerate(text):
        depth += (sign == "(") - (sign == ")")
        if (depth == 1 and sign in "(,") or (depth == 0 and sign == ")"):
            found.append(text[start:place].strip())
            start = place + 1
    return [*sorted(found), text[start:].strip()]


async def schema(connection: AsyncConnection) -> dict[str, Any]:
    """Return all that the engine itself says of its tables."""
    if connection.dialect.name == "sqlite":
        found = (
            await connection.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")
        ).all()
        return {row.name: parts(row.sql) for row in found if row.name != "alembic_version"}
    described: dict[str, Any] = {}
    for query in (
        """SELECT table_name || '.' || column_name, data_type, is_nullable, column_default
           FROM information_schema.columns WHERE table_schema = 'public'""",
        """SELECT conrelid::regclass || '.' || conname, pg_get_constraintdef(oid), NULL, NULL
           FROM pg_constraint WHERE connamespace = 'public'::regnamespace""",
        "SELECT indexname, indexdef, NULL, NULL FROM pg_indexes WHERE schemaname = 'public'",
    ):
        for row in await connection.exec_driver_sql(query):
            described[row[0]] = tuple(row[1:])
    return {name: text for name, text in described.items() if "alembic" not in name}


def differences(connection: sa.Connection) -> list[Any]:
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    return list(compare_metadata(context, metadata))


async def test_the_sum_of_the_migrations_is_what_the_tables_say(new_url: str) -> None:
    made = engine(new_url)
    try:
        async with made.connect() as connection:
            await migrations.upgrade(connection)
            async with connection.begin():
                assert await connection.run_sync(differences) == []
                migrated = await schema(connection)
                await connection.run_sync(metadata.drop_all)
                await connection.run_sync(metadata.create_all)
                created = await schema(connection)
    finally:
        await made.dispose()
    assert len(created) >= len(metadata.tables)
    assert migrated == created


async def test_a_new_database_is_at_the_newest_version(new_url: str) -> None:
    database = Database(new_url)
    await database.open()
    try:
        async with database.read() as connection:
            text = "SELECT version_num FROM alembic_version"
            assert (await connection.exec_driver_sql(text)).scalars().all() == [script().get_current_head()]
    finally:
        await database.close()


def test_the_version_that_the_program_names_is_the_newest_file() -> None:
    files = sorted(path.name for path in (migrations.HERE / "versions").glob("[0-9]*.py"))
    assert migrations.HEAD == script().get_current_head() == files[-1].split("_")[0]
    assert script().get_heads() == [migrations.HEAD]
    assert [name.split("_")[0] for name in files] == [f"{n:04}" for n in range(1, len(files) + 1)]


async def test_a_database_of_a_newer_version_is_refused_in_plain_words_and_left_alone(new_url: str) -> None:
    database = Database(new_url)
    await database.open()
    async with database.write() as connection:
        await connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
        await a_chat(connection)
    await database.close()
    before = await raw(new_url)
    with pytest.raises(DatabaseError, match=r"version 9999, newer than this program \(\d{4}\)\. Run the newer"):
        await Database(new_url).open()
    with pytest.raises(DatabaseError):  # and not "in use": the first attempt let go of it
        await Database(new_url).open()
    assert await raw(new_url) == before


async def raw(url: str) -> list[Any]:
    made = engine(url)
    try:
        async with made.connect() as connection:
            return list(await connection.execute(sa.select(metadata.tables["chat"])))
    finally:
        await made.dispose()


async def fill(database: Database) -> None:
    async with database.write() as connection:
        watch = await a_watch(connection)
        await listens(connection, await a_chat(connection), watch)
        await a_session(connection, watch, title="Ünïcödé \U0001f3a7 'quoted'")


async def test_what_is_kept_is_there_when_it_is_opened_again(new_url: str) -> None:
    kept = []
    for opening in range(3):
        database = Database(new_url)
        await database.open()
        if opening == 0:
            await fill(database)
        kept.append(await everything(database))
        await database.close()
    assert kept[0] == kept[1] == kept[2]
    assert kept[0]["session"]


@pytest.fixture
def next_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Adds a migration to a copy of the folder, and lets the program know it."""

    def make(*lines: str) -> None:
        folder = tmp_path / "migrations"
        shutil.copytree(migrations.HERE, folder, ignore=shutil.ignore_patterns("__pycache__"))
        body = "\n".join(f"    {line}" for line in lines)
        (folder / "versions" / "9999_next.py").write_text(NEXT.format(head=migrations.HEAD, body=body))
        monkeypatch.setattr(migrations, "HERE", folder)
        monkeypatch.setattr(migrations, "HEAD", "9999")

    return make


async def test_making_a_parent_table_anew_keeps_its_children(new_url: str, next_version: Any) -> None:
    database = Database(new_url)
    await database.open()
    await fill(database)
    before = await everything(database)
    await database.close()
    next_version(
        'with op.batch_alter_table("chat", recreate="auto") as batch:',
        '    batch.add_column(sa.Column("mood", sa.Text))',
        '    batch.alter_column("title", type_=sa.String(200))',
    )
    database = Database(new_url)
    await database.open()
    try:
        assert await everything(database) == before
        async with database.write() as connection:
            await connection.exec_driver_sql("UPDATE chat SET mood = 'fine'")
            if new_url.startswith("sqlite"):
                assert (await connection.exec_driver_sql("PRAGMA foreign_keys")).scalar() == 1
    finally:
        await database.close()


async def test_who_took_all_alerts_takes_outages_too_and_who_chose_some_does_not(new_url: str) -> None:
    everything_then = ",ended,started,record,milestone,"
    chosen = [everything_then, ",ended,record,milestone,", ",ended,", ",milestone,record,"]
    made = engine(new_url)
    try:
        async with made.connect() as connection:
            await migrations.upgrade(connection, "0003")
            async with connection.begin():
                await connection.exec_driver_sql(
                    "INSERT INTO watch (id, source, reference, platform, public, name, unit, metric, daily,"
                    " interval, timezone, created_at)"
                    " VALUES (1, 'x', '@a', 'x', true, 'a', 'people', 'concurrent', false, 1, 'UTC', 0)"
                )
                await connection.exec_driver_sql(
                    "INSERT INTO chat (id, platform, key, created_at) VALUES (1, 'fake', 'ann', 0)"
                )
                for number, kinds in enumerate(chosen):
                    await connection.exec_driver_sql(
                        "INSERT INTO subscription (chat_id, watch_id, topic, kinds, created_at)"
                        f" VALUES (1, 1, '{number}', '{kinds}', 0)"
                    )
            await migrations.upgrade(connection)
            async with connection.begin():
                told = await connection.exec_driver_sql("SELECT kinds FROM subscription ORDER BY topic")
                kept = told.scalars().all()
    finally:
        await made.dispose()
    assert kept == [
        f"{everything_then}outage,",
        ",ended,record,milestone,outage,",
        ",ended,",
        ",milestone,record,",
    ]


async def test_a_migration_that_fails_changes_nothing(new_url: str, next_version: Any) -> None:
    database = Database(new_url)
    await database.open()
    await fill(database)
    before = await everything(database)
    await database.close()
    next_version(
        'op.add_column("chat", sa.Column("mood", sa.Text))',
        'op.execute("DELETE FROM subscription")',
        "raise ZeroDivisionError",
    )
    with pytest.raises(ZeroDivisionError):
        await Database(new_url).open()
    made = engine(new_url)
    try:
        async with made.connect() as connection:
            text = "SELECT version_num FROM alembic_version"
            assert (await connection.exec_driver_sql(text)).scalar() != "9999"
            columns = await connection.run_sync(
                lambda sync: [column["name"] for column in sa.inspect(sync).get_columns("chat")]
            )
            assert "mood" not in columns
            count = await connection.exec_driver_sql("SELECT count(*) FROM subscription")
            assert count.scalar() == len(before["subscription"]) == 1
    finally:
        await made.dispose()


async def test_a_migration_that_would_break_references_changes_nothing(tmp_path: Path, next_version: Any) -> None:
    url = f"sqlite:///{tmp_path}/a.db"  # the engine whose keys are off meanwhile
    database = Database(url)
    await database.open()
    await fill(database)
    await database.close()
    next_version('op.execute("DELETE FROM chat")')
    with pytest.raises(DatabaseError, match="2 references would break"):
        await Database(url).open()
    assert len(await raw(url)) == 1


async def test_processes_that_start_together_make_the_tables_once(postgres_url: str) -> None:
    made = engine(postgres_url)
    try:
        async with made.begin() as connection:
            await connection.run_sync(metadata.drop_all)
            await connection.exec_driver_sql("DROP TABLE IF EXISTS alembic_version")
    finally:
        await made.dispose()
    databases = [Database(postgres_url) for _ in range(4)]
    try:
        await asyncio.gather(*(database.open() for database in databases))
    finally:
        for database in databases:
            await database.close()


#: Of every table of the first version, a row.
FIRST_ROWS = (
    "INSERT INTO chat (id, platform, key, title, created_at) VALUES (1, 'fake', 'ann', 'Ünïcödé', 0)",
    (
        "INSERT INTO watch (id, source, reference, platform, public, name, unit, metric, daily, interval,"
        " timezone, created_at) VALUES (1, 'x', '@a', 'x', true, 'a', 'people', 'concurrent', false, 1, 'UTC', 0)"
    ),
    "INSERT INTO chat_watch (chat_id, watch_id, name, created_at) VALUES (1, 1, 'a', 0)",
    "INSERT INTO subscription (id, chat_id, watch_id, topic, kinds, created_at) VALUES (1, 1, 1, '', ',all,', 0)",
    (
        "INSERT INTO session (id, watch_id, platform, public, state, platform_ids, hosts, ends, daily)"
        " VALUES (1, 1, 'x', true, 'live', '[]', '[]', 0, false)"
    ),
    'INSERT INTO sample (bucket, session_id, "offset", state, interval, concurrent) VALUES (1, 1, 1, 1, 60, 5)',
    (
        "INSERT INTO alert (id, session_id, watch_id, kind, key, at, late, expires_at)"
        " VALUES (1, 1, 1, 'ended', 'ended:1', 0, false, 0)"
    ),
    (
        "INSERT INTO delivery (id, alert_id, subscription_id, session_id, chat_id, topic, kind, state, due_at,"
        " attempts) VALUES (1, 1, 1, 1, 1, '', 'ended', 'sent', 0, 1)"
    ),
)
FIRST_TABLES = ("chat", "watch", "chat_watch", "subscription", "session", "sample", "alert", "delivery")
#: Of the steps of all migrations, every so-many-th is one at which the process is killed; the last ones all.
EVERY, LAST = 13, 3


def an_old_one(path: Path) -> str:
    """Make a database of the first version."""

    async def make() -> None:
        made = engine(f"sqlite:///{path}")
        try:
            async with made.connect() as connection:
                await migrations.upgrade(connection, "0001")
                async with connection.begin():
                    for statement in FIRST_ROWS:
                        await connection.exec_driver_sql(statement)
        finally:
            await made.dispose()

    asyncio.run(make())
    return f"sqlite:///{path}"


def upgraded(url: str) -> dict[str, list[tuple[Any, ...]]]:
    async def look() -> dict[str, list[tuple[Any, ...]]]:
        database = Database(url)
        await database.open()
        try:
            async with database.read() as connection:
                assert await migrations.version(connection) == migrations.HEAD
            return await everything(database)
        finally:
            await database.close()

    return asyncio.run(look())


def test_a_migration_that_is_killed_at_any_step_leaves_a_database_that_starts(tmp_path: Path) -> None:
    file = tmp_path / "first.db"
    an_old_one(file)
    steps = tmp_path / "steps"
    whole = f"sqlite:///{shutil.copy(file, tmp_path / 'whole.db')}"
    assert not killed.dies(killed.upgrade, whole, 0, steps)
    wanted, count = upgraded(whole), int(steps.read_text())
    assert all(len(wanted[name]) == 1 for name in FIRST_TABLES)
    assert count > 40
    for moment in {*range(1, count, EVERY), *range(count - LAST, count + 1)}:
        folder = tmp_path / str(moment)
        folder.mkdir()
        url = f"sqlite:///{shutil.copy(file, folder)}"
        assert killed.dies(killed.upgrade, url, moment, steps), moment
        assert upgraded(url) == wanted, moment
        copy = folder / f"first.db.before-{migrations.HEAD}.bak"
        assert backup.inspect(copy).version == "0001"
        assert sorted(path.name for path in folder.iterdir()) == ["first.db", copy.name, "first.db.lock"]


def test_a_database_is_copied_once_before_it_is_migrated_and_not_without_room(tmp_path: Path) -> None:
    url = an_old_one(tmp_path / "a.db")
    copy = tmp_path / f"a.db.before-{migrations.HEAD}.bak"
    copy.mkdir()  # in whose place no file can come
    with pytest.raises(DatabaseError, match=r"version 0001 and has to be brought to \d{4}, but no copy of it"):
        upgraded(url)
    copy.rmdir()
    assert list(tmp_path.glob("*.bak*")) == []
    copy.write_text("of a try that came to nothing")
    kept = upgraded(url)
    assert backup.inspect(copy).version == "0001"
    before = copy.stat().st_mtime_ns
    assert upgraded(url) == kept  # there is nothing to migrate any more
    assert copy.stat().st_mtime_ns == before
    assert sorted(path.name for path in tmp_path.glob("*.bak*")) == [copy.name]
