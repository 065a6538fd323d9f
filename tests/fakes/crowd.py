"""Many chats on one watch, and what the database does for them: statements, plans and steps."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import sqlalchemy as sa

from bot.domain.alerts import USUAL
from storage import tables, watches
from storage.chats import kinds_text
from storage.database import Connection, Database
from storage.watches import Watch
from tests.fakes.clock import NOW


async def a_crowd(
    connection: Connection, watch: Watch, count: int, *, kinds: Iterable[str] = USUAL, platform: str = "fake"
) -> list[int]:
    """Let so many new chats follow a watch, and return their ids."""
    before = (await connection.execute(sa.select(sa.func.coalesce(sa.func.max(tables.chat.c.id), 0)))).scalar_one()
    made = {"created_at": NOW}
    await connection.execute(
        sa.insert(tables.chat),
        [{"platform": platform, "key": f"crowd-{before + n}", **made} for n in range(count)],
    )
    ids = list(
        (await connection.execute(sa.select(tables.chat.c.id).where(tables.chat.c.id > before))).scalars().all()
    )
    await connection.execute(
        sa.insert(tables.chat_watch),
        [{"chat_id": id_, "watch_id": watch.id, "name": watch.name, **made} for id_ in ids],
    )
    text = kinds_text(tuple(kinds))
    await connection.execute(
        sa.insert(tables.subscription),
        [{"chat_id": id_, "watch_id": watch.id, "topic": "", "kinds": text, **made} for id_ in ids],
    )
    await watches.revise(connection)
    return sorted(ids)


@contextmanager
def statements(connection: Connection) -> Iterator[list[tuple[str, Any]]]:
    """Collect what is sent to the database, as (statement, parameters), by whoever uses the same engine."""
    engine = connection.engine.sync_engine
    found: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: bool) -> None:
        found.append((statement, parameters))

    sa.event.listen(engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        sa.event.remove(engine, "before_cursor_execute", note)


async def plan(connection: Connection, statement: str, parameters: Any) -> list[str]:
    """Return how SQLite would go about a statement."""
    one = parameters[0] if isinstance(parameters, list) else parameters
    rows = await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", one)
    return [str(tuple(row)[3]) for row in rows]


class Steps:
    """Steps of SQLite's machine, in hundreds."""

    count = 0

    def __call__(self) -> int:
        self.count += 1
        return 0


@asynccontextmanager
async def steps(database: Database) -> AsyncIterator[tuple[Connection, Steps]]:
    """A transaction of which SQLite's own steps are counted: how much it does, on whatever machine."""
    counted = Steps()
    async with database.write() as connection:
        driver: Any = (await connection.get_raw_connection()).driver_connection
        await driver.set_progress_handler(counted, 100)
        try:
            yield connection, counted
        finally:
            await driver.set_progress_handler(None, 100)
