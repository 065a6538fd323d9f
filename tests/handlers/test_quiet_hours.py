"""/settings quiet: hours as people type them, and what becomes of each kind."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.domain import HOUR, MINUTE
from bot.domain.quiet import Mode, Quiet, read
from bot.samples import SPACE
from storage import chats
from tests.fakes.clock import NOW
from tests.fakes.source import FakeSource
from tests.talk import Talk, talk


@pytest.fixture(name="bot")
async def _bot(tmp_path: Path) -> AsyncIterator[Talk]:
    async with talk(tmp_path, now=NOW) as bot:
        yield bot


async def kept(bot: Talk) -> Quiet | None:
    async with bot.parts.database.read() as connection:
        chat = await chats.find(connection, platform="console", key="console")
    return None if chat is None else read(chat.quiet)


@pytest.mark.parametrize(
    ("typed", "begins", "ends"),
    [
        ("23:00-07:00", 23 * 60, 7 * 60),
        ("23-7", 23 * 60, 7 * 60),
        ("23.30 – 7.15", 23 * 60 + 30, 7 * 60 + 15),
        ("from 22h to 6h30", 22 * 60, 6 * 60 + 30),
        ("11pm-7am", 23 * 60, 7 * 60),
        ("12am to 6:45am", 0, 6 * 60 + 45),
        ("12pm-3pm", 12 * 60, 15 * 60),
        ("22:00-24:00", 22 * 60, 0),
    ],
)
async def test_hours_as_people_type_them(bot: Talk, typed: str, begins: int, ends: int) -> None:
    answer = await bot.say(f"/settings quiet {typed}")
    assert await kept(bot) == Quiet(begins=begins, ends=ends)
    assert f"{begins // 60:02}:{begins % 60:02}-{ends // 60:02}:{ends % 60:02}" in answer
    assert "UTC" in answer
    assert "/settings timezone" in answer  # it has none yet


@pytest.mark.parametrize(
    "typed",
    [
        "25-7",
        "22:61-7",
        "13pm-7am",
        "night",
        "23:00",
        "23:00-",
        "7-7",
        "record",
        "record loudly",
        "24:30-7",
        "23-7x",
        "23-7 record",
    ],
)
async def test_what_is_no_hours_is_answered_with_an_example_and_changes_nothing(bot: Talk, typed: str) -> None:
    await bot.say("/settings quiet 22-6")
    answer = await bot.say(f"/settings quiet {typed}")
    assert "/settings quiet 23:00-07:00" in answer
    assert await kept(bot) == Quiet(begins=22 * 60, ends=6 * 60)


@pytest.mark.parametrize(
    "typed", ["23:00-07:00 silent", '"23:00-07:00 silent"', "23-7, silent", "11pm-7am all silent"]
)
async def test_the_hours_and_what_becomes_of_alerts_are_typed_together(bot: Talk, typed: str) -> None:
    await bot.say("/settings quiet 22-6")
    await bot.say("/settings quiet records send")
    answer = await bot.say(f"/settings quiet {typed}")
    assert "23:00-07:00" in answer
    assert "All: at once, without a sound" in answer
    assert await kept(bot) == Quiet(begins=23 * 60, ends=7 * 60, usual=Mode.SILENT)


async def test_a_kind_may_stand_behind_the_hours_and_the_others_keep_their_way(bot: Talk) -> None:
    await bot.say("/settings quiet 22-6 records send")
    await bot.say("/settings quiet 23-7 recap drop")
    expected = {"record": Mode.SEND, "ended": Mode.DROP}
    assert await kept(bot) == Quiet(begins=23 * 60, ends=7 * 60, modes=expected)


async def test_who_is_not_understood_is_told_the_kinds_and_what_becomes_of_them(bot: Talk) -> None:
    answer = await bot.say("/settings quiet 23:00-07:00 loudly")
    assert (
        "The kinds are: start, milestones, records, recap, outages, reminder, close, card and correction."
        in answer
    )
    assert "What becomes of them: hold, silent, drop or send." in answer
    assert await kept(bot) is None


async def test_each_kind_has_its_way(bot: Talk) -> None:
    assert "no quiet hours yet" in await bot.say("/settings quiet records send")
    await bot.say("/settings timezone Karachi")
    await bot.say("/settings quiet 23-7")
    await bot.say("/settings quiet records send")
    await bot.say("/settings quiet recap silent")
    answer = await bot.say("/settings quiet card drop")
    assert await kept(bot) == Quiet(
        begins=23 * 60,
        ends=7 * 60,
        modes={"record": Mode.SEND, "ended": Mode.SILENT, "card": Mode.DROP},
    )
    for said in ("records: as ever", "recap: at once, without a sound", "card: left out", "Everything else: held"):
        assert said in answer
    assert "Asia/Karachi" in answer
    assert "cannot be left out" in await bot.say("/settings quiet correction drop")
    assert "/settings quiet milestone drop" in await bot.say("/settings quiet milestonne drop")
    await bot.say("/settings quiet all silent")
    assert await kept(bot) == Quiet(begins=23 * 60, ends=7 * 60, usual=Mode.SILENT)


async def test_they_are_seen_changed_and_ended(bot: Talk) -> None:
    assert "No quiet hours" in await bot.say("/settings quiet")
    await bot.say("/settings quiet 23-7")
    await bot.say("/settings quiet records send")
    await bot.say("/settings quiet 22-6")
    found = await kept(bot)
    assert found == Quiet(begins=22 * 60, ends=6 * 60, modes={"record": Mode.SEND})  # modes stay
    assert "22:00-06:00" in await bot.say("/settings")
    assert "No quiet hours" in await bot.say("/settings quiet off")
    assert await kept(bot) is None


async def test_a_preview_says_what_would_become_of_it_now(tmp_path: Path) -> None:
    async with talk(tmp_path, now=NOW, sources={"fake": FakeSource("fake")}) as bot:
        await bot.say("/watch fake:one")
        assert "quiet" not in await bot.say("/test one records")
        await bot.say("/settings quiet 0-24")
        await bot.say("/settings quiet 00:00-23:59")
        for mode, said in (("hold", "would wait until"), ("silent", "no sound"), ("drop", "left out")):
            await bot.say(f"/settings quiet records {mode}")
            assert said in await bot.say("/test one records")
        await bot.say("/settings quiet records send")
        assert "quiet here" not in await bot.say("/test one records")


async def test_only_admins_set_them(bot: Talk) -> None:
    assert "for admins" in await bot.say("/settings quiet 23-7", admin=False)
    assert await kept(bot) is None


async def test_a_zone_that_is_changed_at_night_moves_what_is_held(bot: Talk) -> None:
    await bot.say(f"/watch replay:{SPACE} as Night Radio")
    await bot.say("/settings timezone UTC")
    hour = NOW // HOUR % 24
    await bot.say(f"/settings quiet {hour}:00-{(hour + 3) % 24}:00")
    assert await bot.until(NOW + 20 * MINUTE) == ""
    await bot.say("/settings timezone Asia/Tokyo")  # where the night is over
    await bot.parts.morning.tick(bot.clock.now)
    assert "Night Radio" in await bot.until(bot.clock.now + MINUTE)
