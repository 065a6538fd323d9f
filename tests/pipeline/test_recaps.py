"""What goes on growing after the end is told by editing the recap, and by nothing else."""

from __future__ import annotations

import pytest

from bot.domain import DAY, HOUR, MINUTE
from bot.domain.reading import Answer, Reading, State
from bot.ports.chat import Unsure
from bot.ports.message import plain_text
from storage.database import Database
from tests.fakes.clockwork import Clockwork

ALL = ["started", "milestone", "record", "ended"]


@pytest.fixture(name="bot")
async def _bot(database: Database) -> Clockwork:
    return Clockwork(database)


async def says(bot: Clockwork, state: State, *, views: float, figure: float | None = None) -> None:
    reading = Reading(session="a", state=state, concurrent=figure, views=views)
    await bot.says(Answer(at=bot.clock.now, readings=(reading,)))
    await bot.tick(bot.clock.now)
    await bot.recaps.tick(bot.clock.now)


async def a_day(bot: Clockwork) -> None:
    """A session of ten minutes that ends with 1,000 views."""
    for n in range(10):
        await says(bot, State.LIVE, views=100.0 * n, figure=50 + n)
        bot.clock.now += MINUTE
    for _ in range(7):
        await says(bot, State.ENDED, views=1_000)
        bot.clock.now += MINUTE


async def test_a_recap_follows_what_grows_after_the_end(bot: Clockwork) -> None:
    await bot.watch("ann", kinds=ALL)
    await a_day(bot)
    posts = len(bot.chat.posts)
    recap = bot.chat.posts[-1]
    assert recap.message.symbol == "🏁"
    bot.clock.now += HOUR
    await says(bot, State.ENDED, views=2_500)
    (edit,) = bot.chat.posts[posts:]
    assert (edit.replaces, edit.silent, edit.mention) == (f"post-{recap.delivery}", True, None)
    assert "2,500" in " ".join(plain_text(one.value) for one in edit.message.fields)
    assert "as of" in plain_text(edit.message.footer)
    await bot.recaps.tick(bot.clock.now + HOUR)
    assert len(bot.chat.posts) == posts + 1  # nothing new, nothing said


async def test_it_is_edited_no_more_often_than_every_ten_minutes_and_for_some_days(bot: Clockwork) -> None:
    await bot.watch("ann", kinds=ALL)
    await a_day(bot)
    posts = len(bot.chat.posts)
    for n in range(30):
        await says(bot, State.ENDED, views=2_000 + n)
        bot.clock.now += MINUTE
    assert len(bot.chat.posts) == posts + 3
    bot.clock.now += 4 * DAY
    await says(bot, State.ENDED, views=9_000)
    assert len(bot.chat.posts) == posts + 3


async def test_an_edit_that_fails_costs_nothing_else(bot: Clockwork) -> None:
    await bot.watch("ann", "bob", kinds=ALL)
    await a_day(bot)
    bot.clock.now += HOUR
    bot.chat.fails("ann", Unsure("cut off"))
    before = len(bot.chat.posts)
    await says(bot, State.ENDED, views=2_500)
    assert [post.target.chat for post in bot.chat.posts[before:]] == ["bob"]


async def test_a_card_that_is_the_recap_follows_too(bot: Clockwork) -> None:
    await bot.watch("ann", kinds=ALL, style="card")
    await a_day(bot)
    for _ in range(20):
        bot.clock.now += MINUTE
        await bot.tick(bot.clock.now)
    before = len(bot.chat.posts)
    await says(bot, State.ENDED, views=2_500)
    for _ in range(12):
        bot.clock.now += MINUTE
        await bot.tick(bot.clock.now)
    (edit,) = bot.chat.posts[before:]
    assert "as of" in plain_text(edit.message.footer)
    assert "2,500" in " ".join(plain_text(one.value) for one in edit.message.fields)


async def test_a_card_follows_what_grows_all_the_time(bot: Clockwork) -> None:
    await bot.watch("ann", kinds=ALL, style="card")
    await a_day(bot)
    for n in range(60):
        await says(bot, State.ENDED, views=2_000 + 100 * n)
        for _ in range(4):
            bot.clock.now += MINUTE // 4
            await bot.tick(bot.clock.now)
    shown = " ".join(plain_text(one.value) for one in bot.chat.posts[-1].message.fields)
    assert int("".join(filter(str.isdigit, shown.split(" views")[0].split()[-1]))) > 6_500
