"""Past sessions, newest first and page by page; the best ones, ranked."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from bot.domain import DAY, HOUR, MINUTE
from bot.domain.reading import State
from bot.domain.statistics import Tally
from bot.ports.message import Message, plain_text
from storage.tables import session
from storage.watches import Watch
from tests.fakes.rows import a_chat, a_session, a_watch, listens
from tests.fakes.stations import NOON, heard, recording
from tests.talk import Talk, talk


@pytest.fixture(name="bot")
async def _bot(tmp_path: Path) -> AsyncIterator[Talk]:
    async with talk(tmp_path, now=NOON) as bot:
        yield bot


async def an_evening(bot: Talk, watch: Watch, peak: float, *, begin: int, minutes: int = 60) -> int:
    """A session that is over, as it is kept."""
    length = minutes * MINUTE
    figures = Tally(
        first_at=begin,
        last_at=begin + length,
        peak=peak,
        peak_at=begin + length // 2,
        area=peak * length / 2,
        covered=length * 9 // 10,
    )
    async with bot.parts.database.write() as connection:
        made = await a_session(
            connection, watch, f"s{begin}", state=State.ENDED, tally=figures, ended_at=begin + length
        )
    return made.id


async def watched(bot: Talk, name: str, **how: object) -> Watch:
    async with bot.parts.database.write() as connection:
        chat = await a_chat(connection, "console", platform="console")
        watch = await a_watch(connection, name, **how)  # type: ignore[arg-type]
        await listens(connection, chat, watch)
    return watch


def lines(message: Message) -> list[str]:
    return [plain_text(line) for line in message.lines]


async def test_history_turns_its_pages_by_buttons(bot: Talk) -> None:
    watch = await watched(bot, "Radio 1")
    await watched(bot, "Radio")
    for n in range(23):
        await an_evening(bot, watch, 100 + n, begin=NOON - (30 - n) * DAY)
    first = await bot.ask("/history Radio 1")
    assert plain_text(first.title) == "Radio 1: 23 sessions"
    assert lines(first)[0] == "6 November 2023, 12:00 UTC: peak 122, average 67.8, 1 h, 90% covered"
    assert len(first.lines) == 10
    assert [button.command for button in first.buttons] == ["/history Radio 1 2"]
    second = await bot.ask(first.buttons[0].command or "")
    assert [button.command for button in second.buttons] == ["/history Radio 1 1", "/history Radio 1 3"]
    third = await bot.ask(second.buttons[1].command or "")
    assert len(third.lines) == 3
    assert [button.command for button in third.buttons] == ["/history Radio 1 2"]
    assert "Page 3 of 3" in plain_text(third.footer)
    assert lines(await bot.ask("/history Radio 1 99")) == lines(third)
    assert len({*lines(first), *lines(second), *lines(third)}) == 23
    assert "has had no session yet" in await bot.say("/history Radio")


async def test_what_is_imported_is_marked_and_what_is_unknown_is_not_zero(bot: Talk) -> None:
    watch = await watched(bot, "Radio")
    await an_evening(bot, watch, 900, begin=NOON - DAY)
    async with bot.parts.database.write() as connection:
        unknown = dict.fromkeys(("average", "airtime", "coverage", "peak_at"))
        await connection.execute(sa.update(session).values(origin="old.csv", **unknown))
    assert lines(await bot.ask("/history Radio")) == ["13 November 2023: peak 900, imported from old.csv"]
    assert "900 Radio, 13 November 2023, imported" in await bot.say("/top")
    await an_evening(bot, watch, 800, begin=NOON - 2 * DAY)
    shown = await bot.ask("/compare Radio")
    assert "imported" in lines(shown)[0]
    said = {field.label: plain_text(field.value) for field in shown.fields}
    assert said["Peak"] == "900 against 800: 100 (13%) ahead"
    assert said["Airtime"] == "unknown and 1 h"
    assert "an unknown part and 90%" in plain_text(shown.footer)


async def test_the_best_are_ranked_and_equals_share_a_rank(bot: Talk) -> None:
    one, two = await watched(bot, "One"), await watched(bot, "Two")
    for n, (watch, peak) in enumerate([(one, 50), (two, 70), (one, 70), (two, 60)]):
        await an_evening(bot, watch, peak, begin=NOON - (9 - n) * DAY, minutes=60 + n)
    shown = lines(await bot.ask("/top"))
    assert shown == [
        "X, viewers",
        "1. 70 Two, 6 November 2023",
        "1. 70 One, 7 November 2023",
        "3. 60 Two, 8 November 2023",
        "4. 50 One, 5 November 2023",
    ]
    assert lines(await bot.ask("/top One")) == ["1. 70 One, 7 November 2023", "2. 50 One, 5 November 2023"]
    assert lines(await bot.ask("/top airtime Two"))[0] == "1. 1 h 3 min Two, 8 November 2023"
    assert plain_text((await bot.ask("/top average One week")).title).endswith("this week, since 13 November 2023")


async def test_top_turns_its_pages(bot: Talk) -> None:
    watch = await watched(bot, "One")
    for n in range(12):
        await an_evening(bot, watch, n // 2, begin=NOON - (30 - n) * DAY)
    first = await bot.ask("/top peak One all")
    assert [button.command for button in first.buttons] == ["/top peak One all 2"]
    assert lines(first)[-1].startswith("9. 1 ")
    second = await bot.ask(first.buttons[0].command or "")
    assert [line[:4] for line in lines(second)] == ["11. ", "11. "]
    assert [button.command for button in second.buttons] == ["/top peak One all 1"]
    assert lines(await bot.ask("/top peak One all 99")) == ["There is no page 99."]


async def test_platforms_and_units_stand_apart_and_only_public_ones_count_for_all(bot: Talk) -> None:
    await an_evening(bot, await watched(bot, "One"), 50, begin=NOON - DAY)
    await an_evening(bot, await watched(bot, "Tube", platform="youtube"), 60, begin=NOON - DAY)
    async with bot.parts.database.write() as connection:
        stranger = await a_watch(connection, "Stranger")
        hidden = await a_watch(connection, "Hidden", public=False)
    await an_evening(bot, stranger, 70, begin=NOON - DAY)
    await an_evening(bot, hidden, 80, begin=NOON - DAY)
    assert lines(await bot.ask("/top")) == [
        "X, viewers",
        "1. 50 One, 13 November 2023",
        "",
        "YouTube, viewers",
        "1. 60 Tube, 13 November 2023",
    ]
    assert lines(await bot.ask("/top peak x")) == [
        "X, viewers",
        "1. 70 Stranger, 13 November 2023",
        "2. 50 One, 13 November 2023",
    ]
    assert len(lines(await bot.ask("/top platform"))) == 6
    await bot.say("/settings across on")
    assert lines(await bot.ask("/top")) == [
        "X and YouTube, viewers",
        "1. 60 Tube, 13 November 2023",
        "2. 50 One, 13 November 2023",
    ]


async def test_what_is_private_is_left_out_of_a_platform_and_that_is_said(bot: Talk) -> None:
    await an_evening(bot, await watched(bot, "One"), 50, begin=NOON - DAY)
    said = "Private watches are left out; they count in /top chat."
    assert said not in await bot.say("/top peak platform")
    await an_evening(bot, await watched(bot, "Hidden", platform="icecast", public=False), 80, begin=NOON - DAY)
    assert lines(await bot.ask("/top peak platform")) == ["X, viewers", "1. 50 One, 13 November 2023", "", said]
    assert lines(await bot.ask("/top peak icecast"))[1:] == [said]
    assert said not in await bot.say("/top peak x")
    assert said not in await bot.say("/top peak chat")


async def test_bare_numbers_are_ranked_each_by_itself(bot: Talk) -> None:
    await an_evening(bot, await watched(bot, "One"), 50, begin=NOON - DAY)
    for name, peak in (("Doors", 70), ("Chairs", 60)):
        bare = await watched(bot, name, unit="count")
        await an_evening(bot, bare, peak, begin=NOON - DAY)
        await an_evening(bot, bare, peak - 5, begin=NOON - 2 * DAY)
    own = [
        *("", "Chairs", "1. 60 Chairs, 13 November 2023", "2. 55 Chairs, 12 November 2023"),
        *("", "Doors", "1. 70 Doors, 13 November 2023", "2. 65 Doors, 12 November 2023"),
    ]
    assert lines(await bot.ask("/top")) == ["X, viewers", "1. 50 One, 13 November 2023", *own]
    assert lines(await bot.ask("/top peak platform")) == ["X, viewers", "1. 50 One, 13 November 2023", *own]
    assert lines(await bot.ask("/top Doors"))[0] == "1. 70 Doors, 13 November 2023"
    shown = [line.partition(":")[2].split(";")[0] for line in lines(await bot.ask("/records peak"))[1:]]
    assert shown == [
        " record of Doors in 2 sessions since 12 November 2023",
        " record of Chairs in 2 sessions since 12 November 2023",
        " record of One",
    ]
    said = await bot.say("/record add 90 peak Doors on x 2020-01-01")
    assert "Entered as #1" in said
    said = await bot.say("/records peak")
    assert "90 Doors, 1 January 2020: record of Doors; imported as #1" in said
    assert "70 Doors" not in said
    assert "record of Chairs" in said


async def test_what_is_disputed_is_marked(bot: Talk) -> None:
    watch = await watched(bot, "One")
    number = await an_evening(bot, watch, 900, begin=NOON - DAY)
    await an_evening(bot, watch, 800, begin=NOON - 2 * DAY)
    await bot.say(f"/record dispute s{number} peak bots")
    shown = lines(await bot.ask("/history One"))
    assert shown[0] == "13 November 2023, 12:00 UTC: peak 900 (disputed), average 500, 1 h, 90% covered"
    assert "disputed" not in shown[1]
    await bot.say(f"/record dispute s{number} average bots")
    assert "peak 900 (disputed), average 500 (disputed), 1 h" in await bot.say("/history One")
    await bot.say(f"/record restore s{number} peak")
    assert "peak 900, average 500 (disputed)" in await bot.say("/history One")


async def test_periods_begin_with_a_midnight_of_the_chats_zone(bot: Talk) -> None:
    watch = await watched(bot, "One")
    await an_evening(bot, watch, 50, begin=NOON - 8 * HOUR)  # 4 in the morning in UTC
    assert "50 One" in await bot.say("/top peak One today")
    await bot.say("/settings timezone Los Angeles")  # 20 o'clock, the evening before
    assert "No session" in await bot.say("/top peak One today")
    assert "50 One, 13 November 2023" in await bot.say("/top peak One week")


async def test_what_is_live_stands_below_with_the_rank_it_would_have(bot: Talk, tmp_path: Path) -> None:
    await heard(bot, recording(tmp_path, "Alpha", [[100, 120], [80, 90, 95], [110, 115]]), "Alpha")
    await bot.until(NOON + (2 + 7 + 3 + 7 + 1) * MINUTE)
    shown = lines(await bot.ask("/top Alpha"))
    assert shown[0].startswith("1. 120 Alpha")
    assert shown[2] == "🔴 115 Alpha, live now; that would be number 2"
    assert "🔴" not in await bot.say("/top average Alpha")
    assert lines(await bot.ask("/history Alpha"))[0] == "🔴 14 November 2023, 12:19 UTC: live, 1 min in"


async def test_mistakes_of_top_are_answered(bot: Talk) -> None:
    assert "Nothing is watched here yet" in await bot.say("/top")
    await watched(bot, "One")
    assert "No session with that figure yet" in await bot.say("/top tuned_in")
    assert "no measure, scope, period or name" in await bot.say("/top gossip")
    assert "Nothing here is called" in await bot.say("/top peak gossip girl")
    for odd in ("/top week week 3 3", "/top 0", "/top peak peak", "/top “", "/top peak One all 99999999999"):
        assert "went wrong" not in await bot.say(odd), odd
