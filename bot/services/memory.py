"""The memory of sources, in the database."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict

from bot.ports.memory import Memory
from bot.ports.purse import Purse, Spent
from storage import memory
from storage.database import Database

_PURSE = "purse"


class Remembered:
    """Fills ``bot.ports.memory.Memory``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, subject: str, keys: Iterable[str]) -> dict[str, str]:
        """Return what is known of these keys."""
        async with self._database.read() as connection:
            return await memory.get(connection, subject, keys)

    async def put(self, subject: str, items: Mapping[str, str]) -> None:
        """Keep these; what was known of the same keys gives way."""
        async with self._database.write() as connection:
            await memory.put(connection, subject, items)


async def restore(kept: Memory, platform: str, purse: Purse) -> None:
    """Tell a purse what was spent before a restart."""
    found = (await kept.get(_PURSE, [platform])).get(platform)
    if found is not None:
        purse.restore(Spent(**json.loads(found)))


async def keep(kept: Memory, platform: str, purse: Purse, now: int) -> None:
    """Keep what a purse has spent, if that changed."""
    if not purse.changed:
        return
    purse.changed = False
    spent = purse.spent(now)
    as_text = json.dumps(asdict(spent))
    await kept.put(_PURSE, {platform: as_text})
