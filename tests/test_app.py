"""The parts together."""

from __future__ import annotations

from pathlib import Path

from bot.domain import HOUR
from tests.fakes.clock import NOW
from tests.fakes.rows import a_chat, a_session, a_watch, listens, owed, rows
from tests.talk import talk


async def test_after_the_clock_was_set_back_neither_watches_nor_deliveries_wait_for_it(tmp_path: Path) -> None:
    async with talk(tmp_path, now=NOW) as chat:
        database = chat.parts.database
        async with database.write() as connection:
            watch = await a_watch(connection, due_at=NOW + HOUR)
            await listens(connection, await a_chat(connection, "console", platform="console"), watch)
            await owed(connection, await a_session(connection, watch), at=NOW + HOUR)
        await chat.parts.rearm(NOW)
        async with database.read() as connection:
            assert await rows(connection, "watch", "due_at") == [(NOW,)]
            assert await rows(connection, "delivery", "due_at") == [(NOW,)]
