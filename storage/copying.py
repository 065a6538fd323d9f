"""Rows from one database into another, whatever the engine of each: every value as it is, and compared at the end.

Rows go in pages, so that ten million take as much memory as ten. Each side is summed up by a checksum over all its
rows, in any order, as the engines do not sort texts alike; the target is read back for that.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

import sqlalchemy as sa

from storage.database import Connection
from storage.tables import metadata

#: Rows that are in memory at once.
PAGE = 5_000
#: What stands for a character that the target does not take.
REPLACEMENT = "\ufffd"
_CHECKSUM_BYTES = 16
_CHECKSUMS = 1 << (8 * _CHECKSUM_BYTES)
_BITS = {"SMALLINT": 16, "INTEGER": 32}

Row = tuple[Any, ...]
#: Hears of a table: its name, and how many of how many rows are done.
Tell = Callable[[str, int, int], object]


class CopyError(Exception):
    """Nothing was copied; the message says why."""


@dataclass
class Copied:
    """What was copied.

    Attributes:
        rows: How many of each table.
        mended: How many texts had characters that the target does not take.
    """

    rows: dict[str, int] = field(default_factory=dict)
    mended: int = 0


@dataclass
class _Sum:
    """What a table holds: two tables with the same rows have the same one, in whatever order they come."""

    rows: int = 0
    checksum: int = 0

    def take(self, rows: Sequence[Row]) -> None:
        self.rows += len(rows)
        for row in rows:
            digest = blake2b(repr(row).encode(), digest_size=_CHECKSUM_BYTES).digest()
            self.checksum += int.from_bytes(digest, "big")
        self.checksum %= _CHECKSUMS


class _Misfit(Exception):
    """A value that cannot be copied as it is: its place in the page, and why."""

    def __init__(self, place: int, why: str) -> None:
        super().__init__(why)
        self.place, self.why = place, why


async def copy(source: Connection, target: Connection, *, mend: bool, tell: Tell) -> Copied:
    """Copy all rows of all tables into empty ones, in the transactions that both connections are in.

    Args:
        mend: Write � for a character that the target does not take, instead of refusing it.

    Raises:
        CopyError: A value does not fit, or the target does not hold in the end what the source does.
    """
    copied = Copied()
    sums: dict[str, _Sum] = {}
    for table in metadata.sorted_tables:
        sums[table.name] = await _copy_table(source, target, table, copied, mend=mend, tell=tell)
        copied.rows[table.name] = sums[table.name].rows
    for table in metadata.sorted_tables:
        found = await _sum(target, table)
        if found != sums[table.name]:
            raise CopyError(
                f"The table {table.name} does not hold in the target what it holds in the source: {found.rows:,} "
                f"rows against {sums[table.name].rows:,}, or other values. Nothing was kept of the copy."
            )
        if target.dialect.name == "postgresql":
            await _set_sequence(target, table)
    return copied


async def count(connection: Connection, table: sa.Table) -> int:
    """Return how many rows a table has."""
    return int((await connection.execute(sa.select(sa.func.count()).select_from(table))).scalar_one())


async def _copy_table(
    source: Connection, target: Connection, table: sa.Table, copied: Copied, *, mend: bool, tell: Tell
) -> _Sum:
    total, made = await count(source, table), _Sum()
    tell(table.name, 0, total)
    fitting = [_Fitting(column, target.dialect.name, mend=mend) for column in table.columns]
    async for page in _pages(source, table):
        rows = _fitted(table, page, fitting)
        await _insert(target, table, rows)
        made.take(rows)
        tell(table.name, made.rows, total)
    copied.mended += sum(one.mended for one in fitting)
    return made


async def _sum(connection: Connection, table: sa.Table) -> _Sum:
    found = _Sum()
    fitting = [_Fitting(column, "", mend=False) for column in table.columns]
    async for page in _pages(connection, table):
        found.take(_fitted(table, page, fitting))
    return found


async def _pages(connection: Connection, table: sa.Table) -> AsyncIterator[Sequence[Row]]:
    """Yield all rows in pages, with the values that the driver has: no type of ours changes any."""
    raw = sa.table(table.name, *(sa.column(column.name) for column in table.columns))
    query = sa.select(*raw.c).order_by(*(raw.c[column.name] for column in table.primary_key.columns))
    try:
        async with connection.stream(query, execution_options={"yield_per": PAGE}) as result:
            async for page in result.partitions():
                yield [tuple(row) for row in page]
    except sa.exc.SQLAlchemyError as error:
        raise CopyError(
            f"The table {table.name} cannot be read: {getattr(error, 'orig', None) or error}"
        ) from error


def _fitted(table: sa.Table, page: Sequence[Row], fitting: Sequence[_Fitting]) -> list[Row]:
    """Return rows as the target takes them."""
    columns = list(zip(*page, strict=True))
    made = []
    for one, values in zip(fitting, columns, strict=True):
        try:
            made.append(one.fit(values))
        except _Misfit as error:
            keys = [column.name for column in table.primary_key.columns]
            names = [column.name for column in table.columns]
            row = ", ".join(f"{key} {page[error.place][names.index(key)]!r}" for key in keys)
            raise CopyError(f"{table.name}.{one.name}, in the row with {row}: {error.why}.") from None
    return list(zip(*made, strict=True))


class _Fitting:
    """Makes the values of one column fit for a target.

    Attributes:
        mended: How many texts were changed.
    """

    def __init__(self, column: sa.Column[Any], engine: str, *, mend: bool) -> None:
        self.name = column.name
        self.mended = 0
        self._mend = mend
        self._nul = engine != "postgresql"
        kind = column.type.impl if isinstance(column.type, sa.types.TypeDecorator) else column.type
        self.fit: Callable[[Sequence[Any]], Sequence[Any]]
        if isinstance(kind, sa.Boolean):
            self.fit = self._flags
        elif isinstance(kind, sa.Float):
            self.fit = self._figures
        elif isinstance(kind, sa.Integer):
            self._most = 1 << (_BITS.get(kind.__visit_name__.upper(), 64) if engine == "postgresql" else 64) - 1
            self.fit = self._integers
        else:
            self.fit = self._texts

    def _flags(self, values: Sequence[Any]) -> Sequence[Any]:
        self._only(values, {bool, int}, "yes or no")
        for place, value in enumerate(values):
            if value is not None and value not in {0, 1}:
                raise _Misfit(place, f"{value!r} is neither yes nor no")
        return [None if value is None else bool(value) for value in values]

    def _integers(self, values: Sequence[Any]) -> Sequence[Any]:
        self._only(values, {int}, "a whole number")
        some = [value for value in values if value is not None]
        if some and not -self._most <= min(some) <= max(some) < self._most:
            for place, value in enumerate(values):
                if value is not None and not -self._most <= value < self._most:
                    raise _Misfit(place, f"{value:,} is beyond the range of the column in the target")
        return values

    def _figures(self, values: Sequence[Any]) -> Sequence[Any]:
        self._only(values, {int, float}, "a number")
        # Adding nothing makes one zero of both, as SQLite knows no other.
        made = [None if value is None else value + 0.0 for value in values]
        for place, value in enumerate(made):
            if value is not None and value != value:  # noqa: PLR0124 - so NaN is told
                raise _Misfit(place, "it is not a number (NaN), which SQLite does not keep")
        return made

    def _texts(self, values: Sequence[Any]) -> Sequence[Any]:
        self._only(values, {str}, "a text")
        joined = "".join([value for value in values if value is not None])
        if (self._nul or "\0" not in joined) and (joined.isascii() or _is_whole(joined)):
            return values
        made = list(values)
        for place, value in enumerate(values):
            if value is None or ((self._nul or "\0" not in value) and _is_whole(value)):
                continue
            if not self._mend:
                what = "half a character" if not _is_whole(value) else "a NUL character"
                raise _Misfit(
                    place,
                    f"the text {_short(value)} has {what}, which the target does not take; --mend writes � for it",
                )
            self.mended += 1
            made[place] = "".join(
                REPLACEMENT if (sign == "\0" and not self._nul) or not _is_whole(sign) else sign for sign in value
            )
        return made

    @staticmethod
    def _only(values: Sequence[Any], types: set[type], what: str) -> None:
        if {*map(type, values)} <= {*types, type(None)}:
            return
        for place, value in enumerate(values):
            if value is not None and type(value) not in types:
                raise _Misfit(place, f"{_short(value)} is not {what}")


def _is_whole(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _short(value: Any) -> str:
    return ascii(value if not isinstance(value, str | bytes) else value[:40])


async def _insert(target: Connection, table: sa.Table, rows: list[Row]) -> None:
    names = [column.name for column in table.columns]
    if target.dialect.name == "postgresql":
        from asyncpg.exceptions import (  # type: ignore[import-untyped] # noqa: PLC0415 - not for who has SQLite
            IntegrityConstraintViolationError,
        )

        raw: Any = (await target.get_raw_connection()).driver_connection
        try:
            await raw.copy_records_to_table(table.name, records=rows, columns=names)
        except IntegrityConstraintViolationError as error:
            raise CopyError(f"{table.name}: the target refuses rows of the source: {error}") from error
        return
    columns, places = ", ".join(f'"{name}"' for name in names), ", ".join("?" for _ in names)
    await target.exec_driver_sql(f'INSERT INTO "{table.name}" ({columns}) VALUES ({places})', rows)  # noqa: S608


async def _set_sequence(target: Connection, table: sa.Table) -> None:
    """Let new rows have ids behind those that were copied."""
    column = table.autoincrement_column
    if column is None:
        return
    sequence = (await target.execute(sa.select(sa.func.pg_get_serial_sequence(table.name, column.name)))).scalar()
    if sequence is not None:
        next_id = (await target.execute(sa.select(sa.func.coalesce(sa.func.max(column), 0) + 1))).scalar_one()
        await target.execute(sa.select(sa.func.setval(sequence, next_id, sa.false())))
