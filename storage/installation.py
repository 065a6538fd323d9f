"""What tells this installation from every other one."""

from __future__ import annotations

import secrets

import sqlalchemy as sa

from storage.database import Connection
from storage.tables import installation


async def key(connection: Connection) -> str:
    """Return what tells this database's deliveries from another one's; made at the first call."""
    found = (await connection.execute(sa.select(installation.c.key))).scalar()
    if found is None:
        found = secrets.token_hex(4)
        await connection.execute(sa.insert(installation).values(id=1, key=found))
    return found
