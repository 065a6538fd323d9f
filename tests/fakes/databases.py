"""Databases for tests: each test that asks for ``database`` runs on SQLite and on a real PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from storage.database import Database
from storage.tables import metadata
from tests.servers import postgres

ENGINES = ("sqlite", "postgresql")


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """The address of one PostgreSQL database for all tests that do not need one of their own."""
    if postgres.server() is None:
        pytest.skip(postgres.INSTALL)
    with postgres.a_database() as url:
        yield url


@pytest.fixture(params=ENGINES)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a database: a new file, or the PostgreSQL that all tests share."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/milepost.db"
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    """An open database without rows."""
    database = Database(url, throwaway=True)
    await database.open()
    try:
        if url.startswith("postgresql"):
            async with database.write() as connection:
                for table in reversed(metadata.sorted_tables):
                    await connection.execute(table.delete())
        yield database
    finally:
        await database.close()


@pytest.fixture(params=ENGINES)
def new_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a database that nobody has opened yet."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/new.db"
        return
    if postgres.server() is None:
        pytest.skip(postgres.INSTALL)
    with postgres.a_database() as address:
        yield address
