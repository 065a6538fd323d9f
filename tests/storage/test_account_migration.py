"""Watches from before the ids of accounts were kept: the migration gives them whom their names first meant."""

from __future__ import annotations

import sqlalchemy as sa

from storage import memory, migrations
from tests.storage.test_migrations import engine

WATCH = """INSERT INTO watch (source, reference, platform, public, name, unit, metric, daily, "interval", timezone,
 created_at) VALUES (:source, :reference, :source, true, 'x', 'viewers', 'concurrent', false, 60000, 'UTC', 0)"""


async def test_a_watch_by_name_gets_whom_the_name_meant(new_url: str) -> None:
    made = engine(new_url)
    try:
        async with made.connect() as connection:
            await migrations.upgrade(connection, "0003")
            async with connection.begin():
                for source in ("twitch", "kick"):
                    await memory.put(connection, f"{source} account", {"met": f"{source} 5", "stranger": "6"})
                for source, reference in (("twitch", "met"), ("kick", "met"), ("twitch", "never"), ("x", "met")):
                    await connection.execute(sa.text(WATCH), {"source": source, "reference": reference})
            await migrations.upgrade(connection)
            rows = await connection.execute(sa.text("SELECT source, reference, account FROM watch ORDER BY id"))
            assert [tuple(row) for row in rows] == [
                ("twitch", "met", "twitch 5"),
                ("kick", "met", "kick 5"),
                ("twitch", "never", None),
                ("x", "met", None),
            ]
    finally:
        await made.dispose()
