"""The memory of sources, in the database."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict

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

    async def change(self, subject: str, key: str, change: Callable[[str | None], str]) -> str:
        """Replace what is known of a key by what ``change`` makes of it, with nobody between; return that."""
        async with self._database.write() as connection:
            value = change((await memory.get(connection, subject, [key])).get(key))
            await memory.put(connection, subject, {key: value})
        return value


async def restore(kept: Remembered, name: str, purse: Purse) -> None:
    """Tell a purse what is kept of it: what was spent before a restart, and by other processes."""
    found = (await kept.get(_PURSE, [name])).get(name)
    if found is not None:
        purse.adopt(_read(found))


async def keep(kept: Remembered, name: str, purse: Purse) -> None:
    """Add what a purse has spent to what is kept of it, and tell it what others have."""
    fresh = purse.take()
    if fresh is None:
        return

    def add(known: str | None) -> str:
        return json.dumps(asdict(fresh if known is None else _read(known).plus(fresh)))

    try:
        total = await kept.change(_PURSE, name, add)
    except BaseException:
        purse.give_back(fresh)
        raise
    purse.adopt(_read(total))


def _read(kept: str) -> Spent:
    return Spent(**json.loads(kept))
