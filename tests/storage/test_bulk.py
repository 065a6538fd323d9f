"""Many rows in one statement."""

from __future__ import annotations

import sqlalchemy as sa

from storage.bulk import Bulk, insert_or_ignore, update_by_id
from storage.database import Database
from storage.tables import book, sample
from tests.fakes.rows import rows

KEY = ("bucket", "session_id", "offset")


async def test_columns_may_come_in_any_order(database: Database) -> None:
    bulk = insert_or_ignore(sample, ("interval", "concurrent", *reversed(KEY), "state", "reason"))
    async with database.write() as connection:
        await bulk.run(connection, [(30, 7.5, n, 2, 1, 1, f"reason {n}") for n in range(3)])
        kept = await rows(connection, "sample", *KEY, "state", "interval", "concurrent", "reason")
    assert kept == [(1, 2, n, 1, 30, 7.5, f"reason {n}") for n in range(3)]


async def test_a_row_whose_key_is_there_is_left_alone(database: Database) -> None:
    bulk = insert_or_ignore(sample, (*KEY, "state", "interval", "concurrent"))
    async with database.write() as connection:
        await bulk.run(connection, [(1, 1, 1, 1, 30, 5.0)])
        await bulk.run(connection, [(1, 1, 1, 1, 30, 6.0), (1, 1, 2, 1, 30, 7.0), (1, 1, 2, 1, 30, 8.0)])
        assert await rows(connection, "sample", "offset", "concurrent") == [(1, 5.0), (2, 7.0)]


async def test_rows_are_changed_by_their_key(database: Database) -> None:
    columns = ("platform", "measure", "scope", "value", "holder", "disputed", "at_least", "created_at")
    async with database.write() as connection:
        await insert_or_ignore(book, columns).run(
            connection, [("x", "peak", 3, n, f"holder {n}", False, False, 0) for n in (1, 2, 3)]
        )
        ids = [row[0] for row in await rows(connection, "book", "id")]
        change = update_by_id(book, "id", ("holder", "disputed", "note"))
        await change.run(connection, [("first", True, None, ids[0]), ("third", False, "why", ids[2])])
        assert await rows(connection, "book", "holder", "disputed", "note") == [
            ("first", True, None),
            ("holder 2", False, None),
            ("third", False, "why"),
        ]


async def test_a_parameter_may_stand_twice_in_a_statement(database: Database) -> None:
    bound = sa.bindparam("figure", type_=sa.Float)
    statement = (
        sa.update(sample)
        .where(sample.c.offset == sa.bindparam("key", type_=sa.Integer), sample.c.concurrent < bound)
        .values(concurrent=bound)
    )
    async with database.write() as connection:
        await insert_or_ignore(sample, (*KEY, "state", "interval", "concurrent")).run(
            connection, [(1, 1, n, 1, 30, 5.0) for n in (1, 2)]
        )
        await Bulk(statement, ("figure", "key")).run(connection, [(4.0, 1), (6.0, 2)])
        assert await rows(connection, "sample", "concurrent") == [(5.0,), (6.0,)]


async def test_nothing_happens_without_rows(database: Database) -> None:
    async with database.read() as connection:  # which could not write
        await insert_or_ignore(sample, (*KEY, "state", "interval")).run(connection, [])
