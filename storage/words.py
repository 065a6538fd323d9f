"""Words between processes that share a database (PostgreSQL's LISTEN and NOTIFY): none waits for its next tick."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, NoReturn

import sqlalchemy as sa

from storage.database import Database

CHANNEL = "milepost"
#: Seconds between tries to hear again.
AGAIN = 1.0
#: So long it may take to say something, in seconds: whoever was to hear it looks every two seconds anyhow.
PATIENCE = 3.0
#: A line that nobody has used for so long is tried, in seconds: its other end may have vanished.
TRY_EVERY = 20.0


async def say(database: Database, speaker: str) -> None:
    """Tell all others that deliveries are owed."""
    async with database.aside() as connection:
        await connection.execute(sa.select(sa.func.pg_notify(CHANNEL, speaker)))


async def hear(database: Database, speaker: str, heard: Callable[[], None]) -> NoReturn:
    """Call ``heard`` whenever another process has spoken, until this is cancelled.

    It is also called whenever the line is made anew: nobody knows what was said meanwhile.

    Raises:
        Exception: The line is gone; what it is, the database's driver says.
    """

    def on_word(_connection: Any, _process: int, _channel: str, said_by: str) -> None:
        if said_by != speaker:
            heard()

    async with database.line() as connection:
        raw = await connection.get_raw_connection()
        driver: Any = raw.driver_connection
        await driver.add_listener(CHANNEL, on_word)
        try:
            heard()
            while True:
                await asyncio.sleep(TRY_EVERY)
                await driver.execute("SELECT 1", timeout=PATIENCE)
        finally:
            driver.terminate()  # whatever the other end would say to that, nobody waits for it
