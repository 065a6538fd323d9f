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
HEAD = "0001"


class TooNew(Exception):
    """The database was written by a newer Milepost."""


async def bring_up_to_date(connection: AsyncConnection) -> None:
    """Make the tables in an empty database, or migrate an older one.

    Raises:
        TooNew: The database knows a version that this program does not.
    """
    async with connection.begin():
        version = await connection.run_sync(_version)
        if version is None:
            await connection.run_sync(_create)
            return
    if version != HEAD:
        if version not in _known():
            raise TooNew(
                f"The database is at version {version}, newer than this program ({HEAD}). "
                "Run the newer Milepost, or restore a backup from before the upgrade."
            )
        await upgrade(connection)


async def upgrade(connection: AsyncConnection, to: str = "head") -> None:
    """Run the migrations that are due. Foreign keys are off meanwhile and checked afterwards."""
    sqlite = connection.dialect.name == "sqlite"
    if sqlite:
        await _pragma(connection, "foreign_keys=OFF")
    try:
        async with connection.begin():
            await connection.run_sync(_alembic, to)
            if sqlite:
                broken = (await connection.exec_driver_sql("PRAGMA foreign_key_check")).all()
                if broken:
                    raise RuntimeError(f"the migration would break {len(broken)} references; nothing was changed")
    finally:
        if sqlite:
            await _pragma(connection, "foreign_keys=ON")


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


def _known() -> set[str]:
    return {path.name.split("_")[0] for path in (HERE / "versions").glob("[0-9]*.py")}


def _alembic(connection: sa.Connection, to: str) -> None:
    from alembic import command  # noqa: PLC0415 - see the module's docstring
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(HERE))
    config.attributes["connection"] = connection
    command.upgrade(config, to)
