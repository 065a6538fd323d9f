"""Announced sessions: each chat is reminded once, as long before as it chose, and never of what is not so."""

from __future__ import annotations

import asyncio

import pytest

from bot.domain import DAY, HOUR, MINUTE, SECOND
from bot.domain.alerts import reminder
from bot.domain.reading import Answer
from bot.pipeline.remind import Remind
from bot.ports.chat import TryLater
from bot.ports.message import plain_text
from storage import outbox, reminders, sessions
from storage.database import Database
from tests.fakes.clockwork import NOW, Clockwork, announced
from tests.fakes.rows import a_session, a_watch
from tests.fakes.source import live

DUE = NOW + HOUR
KINDS = ["reminder"]


@pytest.fixture(name="bot")
async def _bot(database: Database) -> Clockwork:
    return Clockwork(database)


async def test_a_session_is_told_a_quarter_of_an_hour_before_it_is_due_and_once(bot: Clockwork) -> None:
    await bot.watch("ann", kinds=KINDS)
    await bot.says(announced(NOW, DUE))
    await bot.tick(DUE - 15 * MINUTE - 1)
    assert bot.heard("ann") == []
    for later in range(0, 20 * MINUTE, MINUTE):
        await bot.tick(DUE - 15 * MINUTE + later)
    assert bot.heard("ann") == ["In 15 min: The big one – one, at 16:15 UTC"]
    (post,) = bot.chat.posts
    assert [plain_text(line) for line in post.message.lines] == ["With Ali"]
    assert [(one.label, one.url or one.command) for one in post.message.buttons] == [
        ("Open", "https://x.example/s"),
        ("Mute", "/mute one 8h"),
    ]


async def test_only_who_asked_for_reminders_is_reminded(bot: Clockwork) -> None:
    await bot.watch("ann", kinds=["started", "milestone", "record", "ended", "outage"])
    await bot.says(announced(NOW, DUE))
    await bot.tick(DUE - MINUTE)
    assert bot.chat.posts == []


async def test_each_chat_is_told_as_long_before_as_it_chose(bot: Clockwork) -> None:
    await bot.watch("ann", kinds=KINDS)
    await bot.watch("bob", kinds=KINDS, remind_before=HOUR)
    await bot.watch("cleo", kinds=KINDS, remind_before=DAY)
    due = NOW + 3 * HOUR
    await bot.says(announced(NOW, due))
    heard = []
    for before in (2 * HOUR, HOUR, 15 * MINUTE):
        await bot.tick(due - before)
        heard.append([len(bot.heard(chat)) for chat in ("ann", "bob", "cleo")])
    assert heard == [[0, 0, 1], [0, 1, 1], [1, 1, 1]]
    assert bot.heard("bob") == ["In 1 h: The big one – one, at 18:15 UTC"]
    assert await bot.count("alert") == 1


async def test_a_start_on_another_day_is_told_with_its_day(bot: Clockwork) -> None:
    await bot.watch("ann", kinds=KINDS, remind_before=DAY)
    await bot.says(announced(NOW, NOW + DAY, title=None))
    await bot.tick(NOW)
    assert bot.heard("ann") == ["In 1 d: one, at 15:15 UTC on 23 November 2026"]


async def test_what_is_moved_is_told_anew_and_no_longer_for_its_former_time(bot: Clockwork) -> None:
    await bot.watch("ann", kinds=KINDS)
    await bot.says(announced(NOW, DUE))
    await bot.tick(DUE - 15 * MINUTE)
    await bot.says(announced(DUE - 10 * MINUTE, DUE + HOUR))
    await bot.tick(DUE - 5 * MINUTE)
    assert len(bot.heard("ann")) == 1
    await bot.tick(DUE + 45 * MINUTE)
    assert bot.heard("ann")[1:] == ["In 15 min: The big one – one, at 17:15 UTC"]


async def test_what_is_moved_begins_or_is_given_up_before_it_is_sent_is_not_told(bot: Clockwork) -> None:
    soon = DUE - 15 * MINUTE
    for n, then in enumerate(
        (announced(soon + MINUTE, DUE + HOUR), live(soon + MINUTE, 5, key="s"), Answer(at=soon + MINUTE))
    ):
        bot = Clockwork(bot.database)
        async with bot.database.write() as connection:
            for table in ("subscription", "session", "delivery"):
                await connection.exec_driver_sql(f"DELETE FROM {table}")
        await bot.watch("ann", kinds=KINDS)
        await bot.says(announced(NOW + n, DUE))
        bot.chat.fails("ann", TryLater("wait", retry_after=2 * MINUTE))
        await bot.tick(soon)
        await bot.says(then)
        await bot.tick(soon + 5 * MINUTE)
        assert await bot.count("delivery") == 1, then
        assert bot.heard("ann") == [], then


@pytest.mark.parametrize("then", [live(DUE - HOUR // 2, 5, key="s"), Answer(at=DUE - HOUR // 2)])
async def test_what_is_live_already_or_not_announced_any_more_is_not_told(bot: Clockwork, then: Answer) -> None:
    await bot.watch("ann", kinds=KINDS)
    await bot.says(announced(NOW, DUE))
    await bot.says(then)
    for before in range(20, -5, -5):
        await bot.tick(DUE - before * MINUTE)
    assert await bot.count("delivery") == 0


async def test_an_announcement_without_a_time_reminds_nobody(bot: Clockwork) -> None:
    await bot.watch("ann", kinds=KINDS)
    await bot.says(announced(NOW, None))
    await bot.tick(NOW + DAY)
    assert bot.chat.posts == []


async def test_who_was_down_tells_late_as_long_as_it_is_to_come(bot: Clockwork) -> None:
    await bot.watch("ann", kinds=KINDS)
    await bot.says(announced(NOW, DUE))
    bot.restart()
    await bot.tick(DUE - 4 * MINUTE - 10 * SECOND)
    assert bot.heard("ann") == ["In 4 min: The big one – one, at 16:15 UTC"]


@pytest.mark.parametrize("late", [0, 1, HOUR])
async def test_from_the_start_on_nobody_is_reminded(bot: Clockwork, late: int) -> None:
    await bot.watch("ann", kinds=KINDS)
    await bot.says(announced(NOW, DUE))
    await bot.tick(DUE + late)
    assert await bot.count("delivery") == 0


async def test_what_could_not_be_sent_in_time_is_not_sent_after_the_start(bot: Clockwork) -> None:
    await bot.watch("ann", kinds=KINDS)
    await bot.says(announced(NOW, DUE))
    bot.chat.fails("ann", TryLater("wait", retry_after=15 * MINUTE))
    await bot.tick(DUE - 15 * MINUTE)
    await bot.tick(DUE)
    assert bot.heard("ann") == []


async def test_who_is_muted_is_told_when_that_is_over(bot: Clockwork) -> None:
    await bot.watch("ann", kinds=KINDS, muted_until=DUE - 5 * MINUTE)
    await bot.says(announced(NOW, DUE))
    await bot.tick(DUE - 15 * MINUTE)
    assert bot.heard("ann") == []
    await bot.tick(DUE - 5 * MINUTE)
    assert bot.heard("ann") == ["In 5 min: The big one – one, at 16:15 UTC"]


async def test_a_kill_before_the_end_of_the_transaction_loses_nothing_and_repeats_nothing(bot: Clockwork) -> None:
    await bot.watch("ann", "bob", kinds=KINDS)
    await bot.says(announced(NOW, DUE))
    soon = DUE - 10 * MINUTE
    async with bot.database.read() as connection:
        due = await reminders.due(connection, soon, limit=10)
        known = await sessions.by_ids(connection, [session_id for session_id, _ in due])
    owed = [(reminder.alert(known[session_id], at=soon), taker) for session_id, taker in due]

    async def killed() -> None:
        async with bot.database.write() as connection:
            await outbox.owe(connection, owed, now=soon)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await killed()
    assert (await bot.count("alert"), await bot.count("delivery")) == (0, 0)
    for _ in range(3):
        bot.restart()
        await bot.tick(soon)
    assert len(bot.heard("ann")) == len(bot.heard("bob")) == 1


async def test_two_that_look_at_the_same_time_make_one_reminder(bot: Clockwork) -> None:
    await bot.watch("ann", "bob", kinds=KINDS)
    await bot.says(announced(NOW, DUE))
    stages = [Remind(bot.database, bot.owed) for _ in range(8)]
    await asyncio.gather(*(stage.tick(DUE - MINUTE) for stage in stages))
    assert (await bot.count("alert"), await bot.count("delivery")) == (1, 2)


async def test_who_sends_is_woken_only_if_there_is_something(bot: Clockwork) -> None:
    await bot.watch("ann", kinds=KINDS)
    await bot.says(announced(NOW, DUE))
    await bot.remind.tick(NOW)
    assert not bot.owed.is_set()
    await bot.remind.tick(DUE - MINUTE)
    assert bot.owed.is_set()


async def test_while_nothing_is_due_a_tick_is_one_look_at_an_index(bot: Clockwork) -> None:
    async with bot.database.write() as connection:
        watch = await a_watch(connection, "other")
        for n in range(50):
            await a_session(connection, watch, str(n))
    (plan,) = await bot.plans(bot.remind.tick(NOW))
    if bot.database.url.startswith("sqlite"):
        assert "ix_session_scheduled" in plan
        assert "SCAN" not in plan
