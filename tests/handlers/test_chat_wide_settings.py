"""Settings that count for all that a chat watches: style, mentions, the look of charts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from storage import chats
from storage.chats import Chat, Subscription
from tests.fakes.clock import NOW
from tests.fakes.source import FakeSource
from tests.talk import Talk, talk

ROLE = "123456789012345678"
DISCORD = {"platform": "discord", "chat": "77"}


@pytest.fixture(name="bot")
async def _bot(tmp_path: Path) -> AsyncIterator[Talk]:
    async with talk(tmp_path, now=NOW, sources={"fake": FakeSource("fake")}) as bot:
        yield bot


async def kept(bot: Talk) -> tuple[Chat, list[Subscription]]:
    async with bot.parts.database.read() as connection:
        chat = await chats.find(connection, platform=DISCORD["platform"], key=DISCORD["chat"])
        assert chat is not None
        return chat, await chats.subscriptions(connection, chat.id)


async def test_style_and_mentions_count_for_what_is_watched_and_what_will_be(bot: Talk) -> None:
    await bot.ask("/watch fake:one", **DISCORD)
    await bot.ask("/settings style card on top", **DISCORD)
    await bot.ask(f"/settings mentions <@&{ROLE}>", **DISCORD)
    await bot.ask("/watch fake:two", **DISCORD)
    chat, subscriptions = await kept(bot)
    assert (chat.style, chat.mention) == ("card", ROLE)
    assert [(one.style, one.mention) for one in subscriptions] == [("card", ROLE)] * 2
    assert subscriptions[0].resend
    await bot.ask("/settings style posts", **DISCORD)
    await bot.ask("/settings mentions nobody", **DISCORD)
    _, subscriptions = await kept(bot)
    assert [(one.style, one.mention, one.resend) for one in subscriptions] == [(None, None, False)] * 2


async def test_one_watch_can_differ(bot: Talk) -> None:
    await bot.ask("/watch fake:one", **DISCORD)
    await bot.ask("/settings style card", **DISCORD)
    await bot.ask("/subscribe one as posts", **DISCORD)
    chat, (subscription,) = await kept(bot)
    assert (chat.style, subscription.style) == ("card", None)


@pytest.mark.parametrize("line", ["/settings style pigeon", "/settings mentions everyone", "/settings theme pink"])
async def test_what_there_is_not_is_answered_with_an_example(bot: Talk, line: str) -> None:
    await bot.ask("/watch fake:one", **DISCORD)
    before = await kept(bot)
    answer = await bot.ask(line, **DISCORD)
    assert answer.symbol == "❔"
    assert await kept(bot) == before


async def test_charts_are_dark_where_the_chat_wants_it(bot: Talk) -> None:
    assert "light" in await bot.say("/settings theme")
    assert "dark" in await bot.say("/settings theme dark")
    async with bot.parts.database.read() as connection:
        chat = await chats.find(connection, platform="console", key="console")
    assert chat is not None
    assert chat.theme == "dark"
    assert "light" in await bot.say("/settings theme light")


async def test_a_terminal_has_no_cards(bot: Talk) -> None:
    assert "cannot be edited" in await bot.say("/settings style card")
