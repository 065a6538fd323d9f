"""A chat says which of its watches have a page, and is led there."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.samples import SPACE
from storage import chats, published
from tests.handlers.test_commands import NOON
from tests.talk import Talk, talk

URL = "https://live.example.org"
GROUP = {"platform": "telegram", "chat": "-7", "is_operator": True}


@pytest.fixture(name="bot")
async def _bot(tmp_path: Path) -> AsyncIterator[Talk]:
    async with talk(tmp_path, now=NOON, public_url=URL) as bot:
        for where in ({}, GROUP):
            await bot.ask(f"/watch replay:{SPACE} as Radio 1", **{"is_operator": True, **where})
        yield bot


async def shown(bot: Talk, key: str = "console", platform: str = "console") -> bool:
    async with bot.parts.database.read() as connection:
        chat = await chats.find(connection, platform=platform, key=key)
        assert chat is not None
        return bool(await published.by_chat(connection, chat.id))


async def test_nothing_is_public_until_an_admin_says_so(bot: Talk) -> None:
    assert "nothing of this chat is public" in await bot.say("/settings page")
    assert not await shown(bot)
    told = await bot.say("/settings page on")
    assert "all that is watched here is public" in told
    assert f"Radio 1: {URL}/w/1" in told
    assert "nothing else of this chat" in told
    assert await shown(bot)
    assert not await shown(bot, "-7", "telegram")
    assert "nothing of this chat is public" in await bot.say("/settings page off")
    assert not await shown(bot)


async def test_one_of_several_by_its_name(bot: Talk, tmp_path: Path) -> None:
    other = tmp_path / "other.jsonl"
    other.write_text(
        '{"replay": 1, "platform": "x", "watch": "Radio 2", "interval": 30}\n'
        '{"at": "2022-04-20T17:00:00Z", "session": "s", "state": "live", "concurrent": 5}\n'
    )
    await bot.say(f"/watch replay:{other} as Radio 2")
    assert "Pages: Radio 2 can be read by anybody." in await bot.say("/settings page Radio 2 on")
    assert "Radio 1 can be" not in await bot.say("/settings page")
    assert "nothing of this chat is public" in await bot.say("/settings page radio 2 off")


async def test_mistakes_name_what_works(bot: Talk) -> None:
    assert "Say on or off" in await bot.say("/settings page yes")
    told = await bot.say("/settings page Radio 9 on")
    assert "Nothing here is called “Radio 9”." in told
    assert "/settings page Radio 1 on" in told
    assert "admin" in await bot.say("/settings page on", admin=False, operator=False)
    assert not await shown(bot)


async def test_stats_lead_to_the_page_of_what_is_public(bot: Talk) -> None:
    async def links(**where: object) -> list[str | None]:
        answer = await bot.ask("/stats Radio 1", **where)
        return [one.url for one in answer.buttons if one.url]

    await bot.until(NOON + 5 * 3_600_000, step=30 * 60_000)
    assert await links(**GROUP) == []
    await bot.ask("/settings page on", **GROUP)
    (address,) = await links(**GROUP)
    assert address is not None
    assert address.startswith(f"{URL}/s/")
    await bot.say("/settings page on")
    assert await links() == [], "there is nothing to tap in a terminal"


async def test_where_no_pages_are_served_that_is_said(tmp_path: Path) -> None:
    async with talk(tmp_path, now=NOON) as bot:
        await bot.say(f"/watch replay:{SPACE} as Radio 1")
        assert "No pages are served yet" in await bot.say("/settings page on")
