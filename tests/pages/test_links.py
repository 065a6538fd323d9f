"""Recaps and cards lead to the page of a session, in the chats that have made it public."""

from __future__ import annotations

from typing import Any

from bot.domain import MINUTE, SECOND
from bot.pipeline.cards import Cards
from bot.pipeline.deliver import Deliver
from bot.writer import Writer
from storage import chats, history, published
from storage.database import Database
from tests.fakes.clockwork import Clockwork
from tests.fakes.source import live, over
from tests.pages.stand import URL


async def told(
    database: Database, *, url: str, style: str | None = None
) -> dict[str, list[tuple[str, str | None]]]:
    """Let two chats hear of a session, one of which has made it public; return their buttons, by chat."""
    bot = Clockwork(database)
    writer = Writer(database, bot.clock, installation="", public_url=url)
    bot.deliver = Deliver(database, {"fake": bot.chat}, writer.post, clock=bot.clock)
    bot.cards = Cards(database, {"fake": bot.chat}, writer.card, owed=bot.owed)
    more: dict[str, Any] = {} if style is None else {"style": style}
    await bot.watch("ann", "ben", kinds=["started", "ended"], **more)
    async with database.write() as connection:
        ann = await chats.find(connection, platform="fake", key="ann")
        assert ann is not None
        await published.publish(connection, chat_id=ann.id, watch_ids=[(await bot.watched()).id], at=bot.clock.now)
    for figure in (100, 120, 110):
        await bot.says(live(bot.clock.now, figure))
        await bot.tick(bot.clock.now + MINUTE)
    for _ in range(2):
        await bot.says(over(bot.clock.now))
        for _ in range(40):
            await bot.tick(bot.clock.now + 10 * SECOND)
    found: dict[str, list[tuple[str, str | None]]] = {"ann": [], "ben": []}
    for post in bot.chat.posts:
        found[post.target.chat] += [
            (post.message.symbol, one.url) for one in post.message.buttons if one.label == "Page"
        ]
    return found


async def test_a_recap_leads_to_the_page_where_the_chat_made_it_public(database: Database) -> None:
    assert await told(database, url=URL) == {"ann": [("🏁", f"{URL}/s/{await _session(database)}")], "ben": []}


async def test_a_card_leads_there_all_the_time(database: Database) -> None:
    found = await told(database, url=URL, style="card")
    assert {symbol for symbol, _ in found["ann"]} == {"🔴", "🏁"}
    assert {address for _, address in found["ann"]} == {f"{URL}/s/{await _session(database)}"}
    assert found["ben"] == []


async def test_without_an_address_for_readers_there_is_no_link(database: Database) -> None:
    assert await told(database, url="") == {"ann": [], "ben": []}


async def _session(database: Database) -> int:
    async with database.read() as connection:
        known = await published.everything(connection)
        (one,) = await history.newest(connection, list(known), limit=5)
    return one.id
