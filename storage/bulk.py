"""Many rows in one statement, at the driver's own speed.

SQLAlchemy writes the SQL once for each dialect; the rows then go to the driver as tuples. For ticks of 10,000
sessions this costs a third of passing dictionaries through SQLAlchemy.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from storage.database import Connection


class Bulk:
    """A statement whose parameters come as tuples, in the order of ``columns``."""

    def __init__(self, statement: sa.Executable | dict[str, sa.Executable], columns: Sequence[str]) -> None:
        self._statement = statement
        self._columns = tuple(columns)
        self._compiled: dict[str, tuple[str, list[int] | None]] = {}

    async def run(self, connection: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
        """Run it once for each row; nothing happens without rows."""
        if not rows:
            return
        text, order = self._for(connection.dialect)
        if order is not None:
            rows = [tuple([row[i] for i in order]) for row in rows]
        await connection.exec_driver_sql(text, list(rows))

    def _for(self, dialect: sa.Dialect) -> tuple[str, list[int] | None]:
        known = self._compiled.get(dialect.name)
        if known is None:
            statement = self._statement
            if isinstance(statement, dict):
                statement = statement[dialect.name]
            compiled = statement.compile(dialect=dialect)  # type: ignore[attr-defined]
            places = list(compiled.positiontup or ())
            order = [self._columns.index(name) for name in places]
            natural = order == list(range(len(self._columns)))
            known = (str(compiled), None if natural else order)
            self._compiled[dialect.name] = known
        return known


def insert(table: sa.Table, columns: Sequence[str]) -> Bulk:
    """Insert rows."""
    values = {name: sa.bindparam(name, type_=table.c[name].type) for name in columns}
    return Bulk(sa.insert(table).values(values), columns)


def insert_or_ignore(table: sa.Table, columns: Sequence[str], **found: sa.ColumnElement[Any]) -> Bulk:
    """Insert rows, and leave those alone whose key is there already; ``found`` are columns that SQL finds."""
    values: dict[str, Any] = {name: sa.bindparam(name, type_=table.c[name].type) for name in columns}
    values |= found
    return Bulk(
        {
            "sqlite": sqlite.insert(table).values(values).on_conflict_do_nothing(),
            "postgresql": postgresql.insert(table).values(values).on_conflict_do_nothing(),
        },
        columns,
    )


def update_by_id(table: sa.Table, key: str, columns: Sequence[str]) -> Bulk:
    """Set ``columns`` of the rows whose ``key`` is the last item of each tuple."""
    values = {name: sa.bindparam(f"new_{name}", type_=table.c[name].type) for name in columns}
    statement = (
        sa.update(table).where(table.c[key] == sa.bindparam("the_key", type_=table.c[key].type)).values(values)
    )
    return Bulk(statement, [*(f"new_{name}" for name in columns), "the_key"])


def update_many(table: sa.Table, key: str, columns: Sequence[str]) -> Bulk:
    """Set ``columns`` alike in all rows whose ``key`` is in the JSON list that is the last item of the tuple.

    One parameter for any number of ids: a list of them in the SQL is read anew each time, and may be too long.
    """
    values = {name: sa.bindparam(f"new_{name}", type_=table.c[name].type) for name in columns}
    return Bulk(
        {
            dialect: sa.update(table).where(table.c[key].in_(json_list(dialect, "the_keys"))).values(values)
            for dialect in ("sqlite", "postgresql")
        },
        [*(f"new_{name}" for name in columns), "the_keys"],
    )


def json_list(dialect: str, name: str) -> sa.Select[int]:
    """Return the query of the ids in a parameter that is a JSON list: one parameter for any number of them."""
    ids = sa.bindparam(name, type_=sa.Text)
    if dialect == "sqlite":
        return sa.select(sa.func.json_each(ids).table_valued("value").c.value)
    each = sa.func.json_array_elements_text(sa.cast(ids, sa.JSON)).column_valued("value")
    return sa.select(sa.cast(each, sa.BigInteger))
