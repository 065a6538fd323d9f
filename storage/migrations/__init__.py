"""The schema's versions. They only ever move forward and keep data.

Alembic is imported only when there is something to migrate: it costs more time at start than all else.
"""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.tables import metadata

HERE = Path(__file__).parent
#: The newest version; a test holds it to the files in ``versions/``.
HEAD = "0007"
#: Any number, as long as it is the same in all versions.
ADVISORY_LOCK = 0x4D494C45


class Unusable(Exception):
    """The database cannot be used as it is; the message says why."""


async def bring_up_to_date(connection: AsyncConnection) -> None:
    """Make the tables in an empty database, or migrate an older one.

    Raises:
        Unusable: The database knows a version that this program does not, or cannot be migrated.
    """
    async with connection.begin():
        await _alone(connection)
        found = await version(connection)
        if found is None:
            await create(connection)
            return
    if found != HEAD:
        if found not in known():
            raise Unusable(
                f"The database is at version {found}, newer than this program ({HEAD}). "
                "Run the newer Milepost, or restore a backup from before the upgrade."
            )
        await upgrade(connection)


async def version(connection: AsyncConnection) -> str | None:
    """Return at which version a database is; None for an empty one."""
    return await connection.run_sync(_version)


async def create(connection: AsyncConnection) -> None:
    """Make the tables in an empty database."""
    await connection.run_sync(_create)


async def check(connection: AsyncConnection) -> None:
    """Check that a database is of this program's version, and change nothing.

    Raises:
        Unusable: It is not.
    """
    found = await version(connection)
    if found != HEAD:
        raise Unusable(f"The database is at version {found}, this program at {HEAD}: `milepost run` brings it up.")


async def upgrade(connection: AsyncConnection, to: str = "head") -> None:
    """Run the migrations that are due. Foreign keys are off meanwhile and checked afterwards."""
    sqlite = connection.dialect.name == "sqlite"
    if sqlite:
        await _pragma(connection, "foreign_keys=OFF")
    try:
        async with connection.begin():
            await _alone(connection)
            await connection.run_sync(_alembic, to)
            if sqlite:
                broken = (await connection.exec_driver_sql("PRAGMA foreign_key_check")).all()
                if broken:
                    raise Unusable(
                        f"The database cannot be migrated: {len(broken)} references would break. "
                        "Nothing was changed."
                    )
    finally:
        if sqlite:
            await _pragma(connection, "foreign_keys=ON")


async def _alone(connection: AsyncConnection) -> None:
    """Let processes that start together wait for each other; on SQLite they do so already."""
    if connection.dialect.name == "postgresql":
        await connection.execute(sa.select(sa.func.pg_advisory_xact_lock(ADVISORY_LOCK)))


async def _pragma(connection: AsyncConnection, pragma: str) -> None:
    """Set a pragma outside any transaction: within one, SQLite ignores it."""
    raw = await connection.get_raw_connection()
    assert raw.driver_connection is not None
    await raw.driver_connection.execute(f"PRAGMA {pragma}")


def _version(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()


def _create(connection: sa.Connection) -> None:
    metadata.create_all(connection)
    connection.execute(sa.text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)"))
    connection.execute(sa.text("INSERT INTO alembic_version VALUES (:head)"), {"head": HEAD})


def known() -> set[str]:
    """Return all versions that this program knows."""
    return {path.name.split("_")[0] for path in (HERE / "versions").glob("[0-9]*.py")}


def _alembic(connection: sa.Connection, to: str) -> None:
    from alembic import command  # noqa: PLC0415 - see the module's docstring
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(HERE))
    config.attributes["connection"] = connection
    command.upgrade(config, to)
