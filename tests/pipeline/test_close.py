"""Close to the record: told once, to who wants it, and not where the record falls."""

from __future__ import annotations

import pytest

from bot.domain import DAY
from bot.ports.message import plain_text
from storage import records, watches
from storage.database import Database
from storage.records import Entry
from tests.fakes.clockwork import NOW, Clockwork
from tests.fakes.rows import INTERVAL, a_watch, past, rows
from tests.fakes.source import live

KINDS = ["record", "close"]


@pytest.fixture(name="bot")
async def _bot(database: Database) -> Clockwork:
    return Clockwork(database)


async def before(bot: Clockwork, *peaks: float, reference: str = "one") -> None:
    async with bot.database.write() as connection:
        watch = await watches.by_reference(connection, "fake", reference)
        watch = watch or await a_watch(connection, reference)
        for n, peak in enumerate(peaks):
            await past(connection, watch, f"{reference} {n}", peak, ended_at=NOW - (n + 1) * DAY)


async def rises(bot: Clockwork, *figures: float, first: int = 0) -> None:
    """Let the figure rise, once an interval, and all that is owed be sent."""
    for n, figure in enumerate(figures, first):
        await bot.says(live(NOW + n * INTERVAL, figure))
        await bot.tick(NOW + n * INTERVAL)


async def test_it_is_told_once_from_nine_tenths_on(bot: Clockwork) -> None:
    await bot.watch("ann", kinds=KINDS)
    await before(bot, 1000, 400)
    await rises(bot, 850, 899, 900, 930, 920, 990, 1000)
    assert bot.heard("ann") == ["one is at 90% of the record of one"]
    (post,) = bot.chat.posts
    assert (
        plain_text(post.message.lines[0])
        == "900 viewers at once so far; the record is its own 1,000 (21 November 2026)."
    )
    await rises(bot, 1001, first=7)
    assert bot.heard("ann")[1:] == ["New record for one: 1,001 viewers at once"]


async def test_where_the_record_falls_in_the_same_reading_nothing_else_is_told(bot: Clockwork) -> None:
    await bot.watch("ann", kinds=KINDS)
    await before(bot, 1000)
    await rises(bot, 800, 850, 1100, 1200)
    assert bot.heard("ann") == ["New record for one: 1,100 viewers at once"]


async def test_only_who_has_chosen_it_is_told(bot: Clockwork) -> None:
    await bot.watch("ann", kinds=["close"])
    await bot.watch("bob", kinds=["record", "milestone"])
    await before(bot, 1000)
    await rises(bot, 940, 950, 960, 1100)
    assert bot.heard("ann") == ["one is at 95% of the record of one"]
    assert bot.heard("bob") == ["one reached 500 viewers", "New record for one: 1,100 viewers at once"]


async def test_it_is_the_record_of_the_widest_scope_that_counts(bot: Clockwork) -> None:
    await bot.watch("ann", kinds=KINDS)
    await before(bot, 100)
    await before(bot, 500, reference="two")
    async with bot.database.write() as connection:
        entry = Entry(platform="x", measure="peak", scope=3, value=1000, holder="Book", disputed=True)
        await records.add(connection, entry, now=NOW)
    await rises(bot, 95, 98, 460, 480, 950, 955)
    assert bot.heard("ann") == ["New record for one: 460 viewers at once", "one is at 95% of the record on X"]
    lines = [plain_text(line) for line in bot.chat.posts[-1].message.lines]
    assert lines[1] == "That figure is imported, not observed by us, and disputed."


async def test_restarts_repeat_nothing(bot: Clockwork) -> None:
    await bot.watch("ann", kinds=KINDS)
    await before(bot, 1000)
    for n, figure in enumerate((880, 910, 920, 960, 970)):
        bot.restart()
        await rises(bot, figure, first=n)
    assert bot.heard("ann") == ["one is at 91% of the record of one"]


async def test_what_is_over_or_broken_before_it_could_be_sent_is_not_told(bot: Clockwork) -> None:
    await bot.watch("ann", kinds=["close"])
    await before(bot, 1000)
    for n, figure in enumerate((950, 960, 1100)):
        await bot.says(live(NOW + n * INTERVAL, figure))
    await bot.tick(NOW + 3 * INTERVAL)
    assert bot.heard("ann") == []


async def test_who_has_not_chosen_it_costs_nothing(bot: Clockwork) -> None:
    await bot.watch("ann", kinds=["record"])
    await before(bot, 1000)
    await rises(bot, 850, 950, 990)
    async with bot.database.read() as connection:
        assert [kind for (kind,) in await rows(connection, "alert", "kind")] == ["started"]
