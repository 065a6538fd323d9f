"""/status: what waits, what is held, how late posts come, how big the database is."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from bot.domain import DAY, HOUR, MINUTE, SECOND
from bot.ports.message import plain_text
from bot.texts.words import Words
from handlers.status import MB, _size
from storage.tables import delivery
from tests.fakes.rows import a_chat, a_session, a_watch, listens, owed
from tests.talk import Talk, talk

NOON = 1_700_000_000_000 // DAY * DAY + 12 * HOUR


@pytest.fixture(name="bot")
async def _bot(tmp_path: Path) -> AsyncIterator[Talk]:
    async with talk(tmp_path, now=NOON) as bot:
        yield bot


async def owe(bot: Talk, **chats: int) -> None:
    """Owe so many alerts, of a reading an hour ago, to a chat of each platform."""
    async with bot.parts.database.write() as connection:
        for platform, count in chats.items():
            watch = await a_watch(connection, platform)
            await listens(connection, await a_chat(connection, platform, platform=platform), watch)
            await owed(connection, await a_session(connection, watch), count=count, at=NOON - HOUR)


async def settle(bot: Talk, **values: object) -> None:
    async with bot.parts.database.write() as connection:
        await connection.execute(sa.update(delivery).values(**values))


def words_of(shown: str) -> str:
    return " ".join(shown.split())


async def test_what_waits_is_told_by_platform_where_there_are_several(bot: Talk) -> None:
    await owe(bot, telegram=3)
    shown = words_of(await bot.say("/status"))
    assert "Alerts waiting 3 The oldest waits for 1 h" in shown
    await owe(bot, discord=5)
    shown = words_of(await bot.say("/status"))
    assert "Alerts waiting 8: Discord 5" in shown
    assert re.search(r"Discord 5\W+(and )?Telegram 3", shown)


async def test_what_is_held_for_quiet_hours_is_told_apart(bot: Talk) -> None:
    await owe(bot, telegram=2)
    await settle(bot, state="held")
    shown = words_of(await bot.say("/status"))
    assert "Alerts waiting 0" in shown
    assert "Held until quiet hours are over 2" in shown
    assert "The oldest" not in shown


async def test_the_lag_of_the_last_hour_is_told_by_its_middle_and_its_worst(bot: Talk) -> None:
    assert "From reading to post" not in await bot.say("/status")
    await owe(bot, telegram=1)
    await settle(bot, state="sent", settled_at=NOON - HOUR + 1200)
    bot.clock.now -= SECOND
    assert "From reading to post 1.2 s, at worst 1.2 s in the last hour" in words_of(await bot.say("/status"))
    await settle(bot, settled_at=NOON - HOUR + 2 * MINUTE)
    assert "From reading to post 2 min, at worst 2 min" in words_of(await bot.say("/status"))
    bot.clock.now += HOUR
    assert "From reading to post" not in await bot.say("/status")


def test_the_size_of_the_database_is_told_roughly() -> None:
    told = [plain_text(_size(size, Words())) for size in (MB, 12_600_000, 1_234 * MB)]
    assert told == ["1 MB", "12 MB", "1.2 GB"]
