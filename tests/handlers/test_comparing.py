"""Sessions side by side, and this minute against the last, the best and the average."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from bot.domain import MINUTE
from bot.ports.command import Request
from bot.ports.message import Message, plain_text
from tests.fakes.stations import NOON, PAUSE, heard, recording
from tests.talk import Talk, talk

#: Three sessions: the middle one is the best, the last of them has no figure in its fourth minute.
EVENINGS: list[list[int | None]] = [
    [100, 120, 150, 140, 130],
    [200, 220, 260, 240, 200],
    [90, 95, 100, None, None, None, None, 110],
]


@pytest.fixture(name="bot")
async def _bot(tmp_path: Path) -> AsyncIterator[Talk]:
    async with talk(tmp_path, now=NOON) as bot:
        yield bot


async def live_now(bot: Talk, tmp_path: Path, now: Sequence[int]) -> None:
    """Let three sessions of Alpha pass, and the fourth come to its last reading."""
    await heard(bot, recording(tmp_path, "Alpha", [*EVENINGS, now]), "Alpha")
    minutes = sum(len(one) + PAUSE for one in EVENINGS) + len(now) - 1
    await bot.until(NOON + minutes * MINUTE)


async def test_this_minute_stands_against_the_best_the_last_and_the_average(bot: Talk, tmp_path: Path) -> None:
    await live_now(bot, tmp_path, [150, 160, 182])
    shown = await bot.say("/compare Alpha")
    assert "Alpha, 2 min in: 182" in shown
    assert "260 at the best session (14 November 2023): 78 (30%) behind" in shown
    assert "100 at the last session (14 November 2023): 82 (82%) ahead" in shown
    assert "170 at the average of the last 3 with a figure: 12 (7%) ahead" in shown  # of 150, 260, 100
    stats = await bot.say("/stats Alpha")
    assert "2 min in: 30% behind the best session (14 November 2023) and 82% ahead of the last session" in stats


async def test_a_gap_at_that_minute_is_unknown_and_said_so(bot: Talk, tmp_path: Path) -> None:
    await live_now(bot, tmp_path, [150, 160, 182, 190, 195])
    shown = await bot.say("/compare Alpha")
    assert "the last session (14 November 2023) has no figure of that minute" in shown
    assert "average of the last 2 with a figure" in shown
    await bot.until(bot.clock.now + MINUTE)
    shown = await bot.say("/stats Alpha")
    assert "0 at" not in shown


async def test_what_was_over_by_then_is_said_so(bot: Talk, tmp_path: Path) -> None:
    await live_now(bot, tmp_path, [150, 160, 182, 190, 195, 200, 200])
    assert "the best session (14 November 2023) was over by then" in await bot.say("/compare Alpha")


async def test_without_earlier_sessions_stats_compare_nothing(bot: Talk, tmp_path: Path) -> None:
    await heard(bot, recording(tmp_path, "Alpha", [[10, 12, 14]]), "Alpha")
    await bot.until(NOON + 2 * MINUTE)
    assert " min in" not in await bot.say("/stats Alpha")
    assert "only one session so far" in await bot.say("/compare Alpha")


async def two(bot: Talk, tmp_path: Path, *, platform: str = "twitch", unit: str = "viewers") -> None:
    await heard(bot, recording(tmp_path, "Alpha", [[100, 120, 140, 160], [300, 310, 320]]), "Alpha")
    other = recording(tmp_path, "Beta", [[50, 60, 80, 90]], platform=platform, unit=unit)
    await heard(bot, other, "Beta One")


def fields(message: Message) -> dict[str, str]:
    return {field.label: plain_text(field.value) for field in message.fields}


async def test_what_is_live_and_what_is_over_are_taken_at_the_same_minute(bot: Talk, tmp_path: Path) -> None:
    await two(bot, tmp_path)
    await bot.until(NOON + (4 + PAUSE + 1) * MINUTE)
    message = await bot.ask("/compare Alpha Beta One")
    assert fields(message) == {
        "1 min in": "310 against 60: 250 (417%) ahead",
        "Peak": "310 against 60: 250 (417%) ahead",
        "Average": "305 against 55: 250 (455%) ahead",
    }
    assert message.picture is not None
    assert message.picture.png.startswith(b"\x89PNG")
    assert "Beta One highest with 90 viewers after 3 min" in message.picture.alt


async def test_sessions_that_are_over_are_compared_as_a_whole(bot: Talk, tmp_path: Path) -> None:
    await two(bot, tmp_path)
    await bot.until(NOON + 40 * MINUTE)
    for line in (
        "/compare Alpha 2023-11-14 Beta One",
        '/compare "Beta One" vs Alpha',
        "/compare Beta One, Alpha",
        "/compare Alpha with Beta",
        "/compare Alp best Bet",
    ):
        assert (await bot.ask(line)).fields, line
    await bot.say("/settings timezone Karachi")
    message = await bot.ask("/compare Alpha best Beta One last")
    assert fields(message)["Peak"] == "320 against 90: 230 (256%) ahead"
    both = await bot.ask("/compare Alpha")
    assert plain_text(both.title) == "Two sessions of Alpha"
    assert fields(both)["Peak"] == "320 against 160: 160 (100%) ahead"
    assert fields(both)["Airtime"] == "2 min against 3 min: 1 min (33%) shorter"


async def test_a_day_is_one_of_the_readers_zone(bot: Talk, tmp_path: Path) -> None:
    await two(bot, tmp_path)
    await bot.until(NOON + 40 * MINUTE)
    assert "no session that began on 15 November 2023" in await bot.say("/compare Alpha 2023-11-15 Beta One")
    await bot.say("/settings timezone Kiritimati")  # 14 hours ahead: it is tomorrow there
    assert "no session that began on 14 November 2023" in await bot.say("/compare Alpha 2023-11-14 Beta One")
    assert "15 November 2023" in await bot.say("/compare Alpha 2023-11-15 Beta One")


async def test_unlike_units_stand_side_by_side_and_one_sentence_says_why(bot: Talk, tmp_path: Path) -> None:
    await two(bot, tmp_path, platform="icecast", unit="listeners")
    await bot.until(NOON + 40 * MINUTE)
    await bot.say("/settings across on")
    message = await bot.ask("/compare Alpha Beta One")
    said = [plain_text(line) for line in message.lines]
    assert said[-1] == (
        "One counts viewers on Twitch, the other listeners on Icecast: unlike things are not compared."
    )
    assert fields(message)["Peak"] == "320 and 90"
    assert fields(message)["Airtime"] == "2 min against 3 min: 1 min (33%) shorter"
    assert message.picture is None


async def test_platforms_are_compared_only_where_the_chat_says_so(bot: Talk, tmp_path: Path) -> None:
    await two(bot, tmp_path, platform="youtube")
    await bot.until(NOON + 40 * MINUTE)
    message = await bot.ask("/compare Alpha Beta One")
    assert "not compared, unless you say so: /settings across on" in plain_text(message.lines[-1])
    assert fields(message)["Peak"] == "320 and 90"
    assert message.picture is None
    assert "are compared" in await bot.say("/settings across on")
    message = await bot.ask("/compare Alpha Beta One")
    assert fields(message)["Peak"] == "320 against 90: 230 (256%) ahead"
    assert "are not compared" in await bot.say("/settings across off")
    assert "Say on or off" in await bot.say("/settings across perhaps")
    assert fields(await bot.ask("/compare Alpha Beta One"))["Peak"] == "320 and 90"


async def test_mistakes_are_answered_with_what_is_wrong(bot: Talk, tmp_path: Path) -> None:
    assert "Nothing is watched here yet" in await bot.say("/compare a b")
    await two(bot, tmp_path)
    assert "has no session yet" in await bot.say("/compare Alpha Beta One best")
    await bot.until(NOON + 40 * MINUTE)
    assert "Nothing here is called “Nothing”" in await bot.say("/compare Alpha Nothing")
    assert "Did you mean Beta One?" in await bot.say("/compare Alpha Beat One")
    assert "Did you mean Alpha?" in await bot.say("/compare Alhpa")
    assert "Both are the same session" in await bot.say("/compare Alpha last best")
    assert "two sessions at a time" in await bot.say("/compare Alpha Beta One Alpha")
    assert "two sessions at a time" in await bot.say("/compare Alpha last best 2023-11-14")
    assert "Which one?" in await bot.say("/compare")
    for odd in (
        "/compare “",
        "/compare last",
        "/compare vs",
        "/compare best best best",
        "/compare Alpha 2023-99-99",
    ):
        assert "went wrong" not in await bot.say(odd), odd


async def test_names_of_several_words_and_of_others_beginnings_are_told_apart(bot: Talk, tmp_path: Path) -> None:
    for name, values in (("Radio", [[20, 30]]), ("Radio 1", [[40, 50]]), ("Radio best", [[60, 70]])):
        await heard(bot, recording(tmp_path, name, values), name)
    await bot.until(NOON + 20 * MINUTE)
    assert fields(await bot.ask("/compare Radio Radio 1"))["Peak"].startswith("30 against 50")
    assert fields(await bot.ask("/compare Radio 1 Radio best"))["Peak"].startswith("50 against 70")
    assert fields(await bot.ask("/compare Radio best Radio"))["Peak"].startswith("70 against 30")


async def test_names_are_completed(bot: Talk, tmp_path: Path) -> None:
    await two(bot, tmp_path)
    await bot.say("/tie Alpha Beta One as Everything")
    suggest = bot.parts.dispatcher.suggest

    def asked(command: str) -> Request:
        return Request(platform="console", chat="console", command=command)

    for command, param in (
        ("compare", "a"),
        ("compare", "b"),
        ("stats", "name"),
        ("history", "name"),
        ("chart", "name"),
    ):
        assert await suggest(asked(command), param=param, typed="e") == ["Everything", "Beta One"], command
    assert await suggest(asked("untie"), param="name", typed="") == ["Everything"]
    assert await suggest(asked("mute"), param="name", typed="") == ["Alpha", "Beta One"]
    assert await suggest(asked("top"), param="scope", typed="") == [
        "watch",
        "chat",
        "platform",
        "Alpha",
        "Beta One",
    ]
