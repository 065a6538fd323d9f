"""Rows from one engine to the other and back: every value equal, or nothing; and nobody else there meanwhile."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from storage import migrations, moving
from storage.copying import PAGE, Copied, CopyError
from storage.database import Database, DatabaseError
from storage.tables import metadata, session
from tests.fakes.clock import NOW
from tests.fakes.rows import a_chat, a_watch, everything
from tests.servers import postgres
from tests.storage import killed
from tests.storage.test_migrations import engine

#: Seconds in which a server hears that a client was killed.
HEARS = 30
_BITS = {sa.SmallInteger: 15, sa.Integer: 31, sa.BigInteger: 63}
#: What the tables allow in these columns.
_ALLOWED = {
    "session.state": ["scheduled", "live", "ended"],
    "delivery.state": ["pending", "sent", "held"],
}
_ONE_ROW = {"revision", "installation"}

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
figures = st.floats(allow_nan=False) | st.sampled_from([-0.0, 0.1, 2.0**53, 1e300, 5e-324])

Rows = dict[str, list[dict[str, Any]]]


def values(column: sa.Column[Any]) -> st.SearchStrategy[Any]:
    kind = column.type.impl if isinstance(column.type, sa.types.TypeDecorator) else column.type
    if isinstance(kind, sa.Boolean):
        return st.booleans()
    if isinstance(kind, sa.Float):
        return figures
    if isinstance(kind, sa.Integer):
        most = next(2**bits for of, bits in _BITS.items() if isinstance(kind, of) and type(kind) is of)
        return st.integers(-most, most - 1) | st.sampled_from([-most, most - 1])
    return texts


@st.composite
def installations(draw: st.DrawFn) -> Rows:
    """Two rows of every table, whose keys refer to each other as they must, and whose values are anything."""
    found: Rows = {}
    for table in metadata.sorted_tables:
        found[table.name] = []
        for number in range(1 if table.name in _ONE_ROW else 2):
            row = {}
            for column in table.columns:
                allowed = _ALLOWED.get(f"{table.name}.{column.name}")
                if table.name in _ONE_ROW and column.name == "id":
                    value: Any = 1
                elif column.foreign_keys or column.primary_key or _is_unique(table, column):
                    value = number + 1 if isinstance(column.type, sa.Integer) else f"{draw(texts)}{number}"
                elif allowed:
                    value = draw(st.sampled_from(allowed))
                else:
                    value = draw(values(column) | st.none() if column.nullable else values(column))
                row[column.name] = value
            found[table.name].append(row)
    return found


def _is_unique(table: sa.Table, column: sa.Column[Any]) -> bool:
    return any(column.name in one.columns for one in table.constraints if isinstance(one, sa.UniqueConstraint))


async def write(url: str, rows: Rows) -> None:
    database = Database(url)
    await database.open()
    try:
        async with database.write() as connection:
            for table in metadata.sorted_tables:
                if rows.get(table.name):
                    await connection.execute(sa.insert(table), rows[table.name])
    finally:
        await database.close()


async def held(url: str) -> dict[str, list[tuple[Any, ...]]]:
    database = Database(url)
    await database.open()
    try:
        return await everything(database)
    finally:
        await database.close()


async def to_server(source: str, target: str, *, replace: bool = True, mend: bool = False) -> Copied:
    async with moving.reading(source, idle=True) as connection:
        return await moving.into_postgres(connection, target, replace=replace, mend=mend, tell=lambda *_: None)


async def to_file(source: str, target: Path) -> Copied:
    async with moving.reading(source, idle=True) as connection:
        return await moving.into_file(connection, target, mend=False, tell=lambda *_: None)


@pytest.fixture(scope="module", name="server")
def _server() -> Iterator[str]:
    """A database that no other test has open: a move wants it to itself."""
    if postgres.server() is None:
        pytest.skip(postgres.INSTALL)
    with postgres.a_database() as url:
        yield url


@pytest.fixture(name="file")
def _file(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/a.db"


numbers = iter(range(1_000_000))


@settings(max_examples=4, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(rows=installations())
def test_there_and_back_again_every_value_is_what_it_was(server: str, tmp_path: Path, rows: Rows) -> None:
    async def run() -> None:
        folder = tmp_path / str(next(numbers))
        folder.mkdir()
        source, back = f"sqlite:///{folder}/a.db", folder / "back.db"
        await write(source, rows)
        before = await held(source)
        copied = await to_server(source, server)
        assert await held(server) == before
        assert copied.mended == 0
        assert copied.rows == {name: len(kept) for name, kept in before.items()}
        await to_file(server, back)
        assert await held(f"sqlite:///{back}") == before

    asyncio.run(run())


async def test_many_pages_come_over_and_new_rows_get_ids_behind_them(server: str, file: str) -> None:
    chats = [
        {"id": n * 3, "platform": "x", "key": f"{n}", "created_at": n, "across": bool(n % 2)}
        for n in range(1, PAGE + 10)
    ]
    await write(file, {"chat": chats})
    seen: list[tuple[str, int, int]] = []
    async with moving.reading(file) as connection:
        await moving.into_postgres(
            connection, server, replace=True, mend=False, tell=lambda *told: seen.append(told)
        )
    assert [told for told in seen if told[0] == "chat"] == [
        ("chat", done, PAGE + 9) for done in (0, PAGE, PAGE + 9)
    ]
    assert await held(server) == await held(file)
    database = Database(server)
    await database.open()
    try:
        async with database.write() as connection:
            assert (await a_chat(connection)).id == (PAGE + 9) * 3 + 1
            assert (await a_watch(connection)).id == 1
    finally:
        await database.close()


def a_row(table: str, **given: Any) -> dict[str, Any]:
    """The least that a row of a table must have."""
    plain: dict[type, Any] = {sa.Boolean: False, sa.Float: 1.0, sa.Text: "x"}
    columns = metadata.tables[table].columns
    needed = {column.name: plain.get(type(column.type), 1) for column in columns if not column.nullable}
    return {**needed, **given}


MISFITS: list[tuple[str, str, str]] = [
    ("UPDATE chat SET title = 'a' || char(0) || 'b' WHERE id = 7", "chat.title", "NUL"),
    ("UPDATE chat SET title = CAST(x'61ff62' AS TEXT) WHERE id = 7", "chat.title", "half a character"),
    ("UPDATE chat SET title = CAST(x'eda080' AS TEXT) WHERE id = 7", "chat.title", "half a character"),
    ("UPDATE chat SET patience = 3000000000 WHERE id = 7", "chat.patience", "3,000,000,000 is beyond the range"),
    ("UPDATE chat SET patience = 'soon' WHERE id = 7", "chat.patience", "'soon' is not a whole number"),
    ("UPDATE chat SET title = x'00' WHERE id = 7", "chat.title", "is not a text"),
    ("UPDATE chat SET across = 2 WHERE id = 7", "chat.across", "2 is neither yes nor no"),
]


async def test_what_the_target_does_not_take_is_named_with_its_place(server: str, file: str) -> None:
    before = await held(server)
    for statement, column, said in MISFITS:
        await write(file, {"chat": [a_row("chat", id=7)]})
        await write_raw(file, statement)
        with pytest.raises(CopyError, match=said) as caught:
            await to_server(file, server)
        assert f"{column}, in the row with id 7: " in str(caught.value)
        await write_raw(file, "DELETE FROM chat")
    assert await held(server) == before


async def write_raw(url: str, statement: str) -> None:
    made = engine(url)
    try:
        async with made.begin() as connection:
            await connection.exec_driver_sql(statement)
    finally:
        await made.dispose()


async def test_texts_are_mended_where_that_is_wanted(server: str, file: str) -> None:
    rows = [a_row("chat", id=id_, key=str(id_), title="ٹائٹل") for id_ in (5, 6, 7, 8)]
    await write(file, {"chat": rows})
    await write_raw(file, "UPDATE chat SET title = 'a' || char(0) || 'ب' WHERE id = 6")
    await write_raw(file, "UPDATE chat SET title = CAST(x'61ff62' AS TEXT) WHERE id = 7")
    assert (await to_server(file, server, mend=True)).mended == 2
    titles = [row[3] for row in (await held(server))["chat"]]
    assert titles == ["ٹائٹل", "a�ب", "a�b", "ٹائٹل"]


async def test_a_figure_that_is_no_number_does_not_become_an_unknown_one(server: str, file: str) -> None:
    await to_server_from(file, server, {"watch": [a_row("watch", id=1)]})
    await write(server, {"session": [a_row("session", id=3, state="live", peak=float("nan"))]})
    with pytest.raises(CopyError, match=r"session\.peak, in the row with id 3: .*NaN"):
        await to_file(server, Path(file.removeprefix("sqlite:///")).with_name("back.db"))


async def to_server_from(file: str, server: str, rows: Rows) -> None:
    await write(file, rows)
    await to_server(file, server)


async def test_rows_that_break_a_rule_of_the_tables_are_refused(server: str, file: str) -> None:
    await write(file, {})
    made = engine(file)
    try:
        async with made.connect() as connection:
            raw: Any = (await connection.get_raw_connection()).driver_connection
            await raw.execute("PRAGMA foreign_keys=OFF")
            async with connection.begin():
                await connection.execute(sa.insert(session), [a_row("session", id=3, watch_id=99, state="live")])
    finally:
        await made.dispose()
    with pytest.raises(CopyError, match=r"session: the target refuses rows of the source: .*foreign key"):
        await to_server(file, server)


async def test_nothing_is_written_where_something_is_and_where_a_bot_runs(server: str, file: str) -> None:
    await to_server_from(file, server, {"chat": [a_row("chat", id=7, title="dear")]})
    before = await held(server)
    with pytest.raises(CopyError, match="is not empty"):
        await to_server(file, server, replace=False)
    running = Database(server)
    await running.open()
    try:
        async with running.read() as connection:
            await connection.execute(sa.text("SELECT 1"))
            with pytest.raises(DatabaseError, match="Milepost runs on it"):
                await to_server(file, server)
        with pytest.raises(DatabaseError, match="Milepost runs on it"):
            await to_file(server, Path("never.db"))
        assert await everything(running) == before
    finally:
        await running.close()


async def test_a_database_on_which_a_program_was_only_started_is_empty(new_url: str, file: str) -> None:
    if new_url.startswith("sqlite"):
        return
    await write(new_url, {"installation": [{"id": 1, "key": "other"}]})
    await write(file, {"installation": [{"id": 1, "key": "ours"}], "chat": [a_row("chat", id=7)]})
    await to_server(file, new_url, replace=False)
    assert await held(new_url) == await held(file)


async def test_an_older_source_is_not_copied_and_an_older_target_is_replaced(server: str, file: str) -> None:
    await write(file, {"chat": [a_row("chat", id=7)]})
    await to_server(file, server)
    await drop_all(server)
    made = engine(server)
    try:
        async with made.connect() as connection:
            await migrations.upgrade(connection, "0003")
    finally:
        await made.dispose()
    with pytest.raises(DatabaseError, match=r"version 0003, this program at \d{4}: `milepost run`"):
        await to_file(server, Path("never.db"))
    await to_server(file, server)
    assert await held(server) == await held(file)


async def drop_all(url: str) -> None:
    made = engine(url)
    try:
        async with made.begin() as connection:
            await connection.run_sync(metadata.drop_all)
            await connection.exec_driver_sql("DROP TABLE IF EXISTS alembic_version")
    finally:
        await made.dispose()


async def test_addresses_that_are_none_are_told_without_their_passwords() -> None:
    for url in (
        "postgresql://ann:geheim@127.0.0.1:port/milepost",
        "postgresql://ann:geheim@127.0.0.1:1/milepost",
        "mysql://ann:geheim@127.0.0.1/milepost",
        "ann:geheim@127.0.0.1/milepost",
    ):
        with pytest.raises(DatabaseError) as caught:
            await moving.status(url)
        assert "geheim" not in str(caught.value)


async def eventually(url: str) -> dict[str, list[tuple[Any, ...]]]:
    """What a server holds once it has heard that a client was killed."""
    end = time.monotonic() + HEARS
    while True:
        try:
            async with moving.reading(url, idle=True):
                break
        except DatabaseError:
            assert time.monotonic() < end
            await asyncio.sleep(0.05)
    return await held(url)


def test_a_copy_that_is_killed_anywhere_leaves_what_was_there(server: str, tmp_path: Path) -> None:
    source = f"sqlite:///{tmp_path}/a.db"
    other = f"sqlite:///{tmp_path}/other.db"
    chats = [a_row("chat", id=n, key=str(n)) for n in range(1, PAGE + 10)]
    asyncio.run(to_server_from(other, server, {"chat": [a_row("chat", id=7, title="dear")]}))
    asyncio.run(write(source, {"chat": chats, "watch": [a_row("watch", id=1, reference="a", due_at=NOW)]}))
    before, new = asyncio.run(held(server)), asyncio.run(held(source))
    back = tmp_path / "back.db"
    last = len(metadata.tables) * 2  # each table is told twice or more, if it has rows
    for moment in (2, last // 2):
        assert killed.dies(killed.copy_to_server, source, server, moment)
        assert asyncio.run(eventually(server)) == before
        assert killed.dies(killed.copy_to_file, source, back, moment)
        assert not back.exists()
    assert not killed.dies(killed.copy_to_server, source, server, 10 * last)
    assert not killed.dies(killed.copy_to_file, source, back, 10 * last)
    assert asyncio.run(held(server)) == asyncio.run(held(f"sqlite:///{back}")) == new
    assert list(tmp_path.glob("back.db.part*")) == []
