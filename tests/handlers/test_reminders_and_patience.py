"""How a chat chooses what the clock tells: reminders, outages, and when."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.domain import DAY, HOUR, MINUTE
from bot.samples import SPACE
from storage import chats
from storage.chats import Subscription
from tests.handlers.test_commands import NOON
from tests.talk import Talk, talk

USUAL = "start, milestones, records, recap and outages"


@pytest.fixture(name="bot")
async def _bot(tmp_path: Path) -> AsyncIterator[Talk]:
    async with talk(tmp_path, now=NOON) as bot:
        await bot.say(f"/watch replay:{SPACE} as Night Radio")
        yield bot


async def subscription(bot: Talk) -> Subscription:
    async with bot.parts.database.read() as connection:
        chat = await chats.find(connection, platform="console", key="console")
        assert chat is not None
        (found,) = await chats.subscriptions(connection, chat.id)
    return found


async def test_reminders_come_only_if_they_are_asked_for(bot: Talk) -> None:
    assert set((await subscription(bot)).kinds) == {"started", "milestone", "record", "ended", "outage"}
    assert f"You will be told: {USUAL}." in await bot.say("/subscribe Night Radio")
    shown = await bot.say("/subscribe Night Radio +reminder")
    assert "You will be told: reminder, start, milestones, records, recap and outages." in shown
    assert "Reminders come 15 min before an announced start." in shown


@pytest.mark.parametrize(
    ("typed", "kinds"),
    [
        ("+reminder", {"started", "milestone", "record", "ended", "outage", "reminder"}),
        ("reminder", {"started", "milestone", "record", "ended", "outage", "reminder"}),
        ("reminder and close", {"started", "milestone", "record", "close", "ended", "outage", "reminder"}),
        ("reminder -records", {"started", "milestone", "ended", "outage", "reminder"}),
        ("only reminder", {"reminder"}),
        ("reminder only", {"reminder"}),
        ("only close, reminder", {"close", "reminder"}),
        ("only recap", {"ended"}),
        ("reminder recap", {"reminder", "ended"}),
        ("records +reminder", {"record", "reminder"}),
        ("-outages", {"started", "milestone", "record", "ended"}),
        ("-outage, -records +reminders", {"started", "milestone", "ended", "reminder"}),
        ("all", {"started", "milestone", "record", "close", "ended", "outage", "reminder"}),
        ("all -start", {"milestone", "record", "close", "ended", "outage", "reminder"}),
        ("+close", {"started", "milestone", "record", "close", "ended", "outage"}),
        ("", {"started", "milestone", "record", "ended", "outage"}),
    ],
)
async def test_kinds_are_named_or_changed(bot: Talk, typed: str, kinds: set[str]) -> None:
    await bot.say(f"/subscribe Night Radio {typed}")
    assert set((await subscription(bot)).kinds) == kinds


async def test_what_comes_already_is_changed_and_not_what_is_usual(bot: Talk) -> None:
    await bot.say("/subscribe Night Radio recap")
    await bot.say("/subscribe Night Radio +reminder")
    assert set((await subscription(bot)).kinds) == {"ended", "reminder"}
    assert "/unsubscribe" in await bot.say("/subscribe Night Radio -reminder -recap")
    assert set((await subscription(bot)).kinds) == {"ended", "reminder"}


async def test_what_is_asked_for_alone_is_told_beside_what_comes(bot: Talk) -> None:
    await bot.say("/subscribe Night Radio recap")
    assert "You will be told: reminder and recap." in await bot.say("/subscribe Night Radio reminder 1h")
    assert "You will be told: reminder." in await bot.say("/subscribe Night Radio only reminder")


async def test_a_reminder_comes_as_long_before_as_is_said_and_that_stays(bot: Talk) -> None:
    shown = await bot.say("/subscribe Night Radio +reminder 1h")
    assert "Reminders come 1 h before" in shown
    await bot.say("/subscribe Night Radio reminder 2h milestones at 50k")
    one = await subscription(bot)
    assert (one.remind_before, set(one.kinds), one.ladder) == (2 * HOUR, {"reminder", "milestone"}, (50_000,))
    await bot.say("/subscribe Night Radio +records")
    assert (await subscription(bot)).remind_before == 2 * HOUR


@pytest.mark.parametrize(
    ("typed", "wanted"),
    [
        ("records 1h", "“1h” belongs behind reminder"),
        ("2h", "“2h” belongs behind reminder"),
        ("reminder 1h 2h", "“2h” belongs behind reminder"),
        ("reminder 0m", "1 min to 7 d before"),
        ("reminder 30d", "1 min to 7 d before"),
    ],
)
async def test_a_length_that_cannot_be_meant_is_answered_with_an_example(
    bot: Talk, typed: str, wanted: str
) -> None:
    shown = await bot.say(f"/subscribe Night Radio {typed}")
    assert wanted in shown
    assert "/subscribe Night Radio +reminder 1h" in shown
    assert (await subscription(bot)).remind_before is None


async def test_the_preview_of_a_reminder_is_as_long_before_as_it_will_come(bot: Talk) -> None:
    shown = await bot.say("/test Night Radio reminder")
    assert "In 15 min: Night Radio, at 17:15 PKT" in shown  # the sample's own zone
    assert "It would not go to this chat" in shown
    await bot.say("/subscribe Night Radio +reminder 2h")
    shown = await bot.say("/test Night Radio reminder")
    assert "In 2 h: Night Radio" in shown
    assert "It would go to this chat." in shown


async def test_the_preview_of_an_outage_is_as_old_as_the_chats_patience(bot: Talk) -> None:
    assert "No figures of Night Radio since 16:45 PKT" in await bot.say("/test Night Radio outages")
    await bot.say("/settings patience 1h")
    assert "since 16:00 PKT" in await bot.say("/test Night Radio outages")


@pytest.mark.parametrize(
    ("typed", "shown", "patience"),
    [
        ("30m", "told after 30 min", 30 * MINUTE),
        ("2h", "told after 2 h", 2 * HOUR),
        ("1d", "told after 1 d", DAY),
        ("off", "are not told", 0),
        ("0", "are not told", 0),
        ("default", "told after 15 min", None),
    ],
)
async def test_a_chat_says_how_long_it_waits_for_figures(
    bot: Talk, typed: str, shown: str, patience: int | None
) -> None:
    assert "Missing figures of live sessions are told after 15 min." in await bot.say("/settings")
    assert shown in await bot.say(f"/settings patience {typed}")
    assert shown in await bot.say("/settings")
    async with bot.parts.database.read() as connection:
        chat = await chats.find(connection, platform="console", key="console")
    assert chat is not None
    assert chat.patience == patience


@pytest.mark.parametrize("typed", ["long", "2d", "-5", "99999999999d"])
async def test_a_patience_that_is_none_is_answered_with_an_example(bot: Talk, typed: str) -> None:
    shown = await bot.say(f"/settings patience {typed}")
    assert "up to 1 d, or off" in shown
    assert "/settings patience 30m" in shown
    assert "after 15 min" in await bot.say("/settings")
