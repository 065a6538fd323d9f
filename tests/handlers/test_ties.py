"""Simulcasts of one event, tied: summed moment by moment, asked for by one name."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from bot.domain import MINUTE
from bot.ports.message import Message, plain_text
from storage.tables import session
from tests.fakes.stations import NOON, PAUSE, heard, recording
from tests.talk import Talk, talk


@pytest.fixture(name="bot")
async def _bot(tmp_path: Path) -> AsyncIterator[Talk]:
    async with talk(tmp_path, now=NOON) as bot:
        yield bot


async def simulcast(bot: Talk, folder: Path, *, unit: str = "viewers") -> None:
    """Alpha is on the air twice, for six minutes; Beta joins after two, and ends before."""
    await heard(bot, recording(folder, "Alpha", [[100, 110, 200, 120, 130, 140], [10, 20, 30]]), "Alpha")
    beta = recording(folder, "Beta", [[50, 70, 60], [], [5, 6]], platform="youtube", unit=unit, after=2)
    await heard(bot, beta, "Beta")


def fields(message: Message) -> dict[str, str]:
    return {field.label: plain_text(field.value) for field in message.fields}


async def test_a_tie_is_summed_moment_by_moment_and_never_peak_by_peak(bot: Talk, tmp_path: Path) -> None:
    await simulcast(bot, tmp_path)
    shown = await bot.say("/tie Alpha Beta as Both")
    assert "viewers on Twitch + viewers on YouTube, added moment by moment" in shown
    await bot.until(NOON + 3 * MINUTE)
    live = await bot.ask("/stats Both")
    # 100, 110, 200 + 50, 120 + 70: the peaks are 200 and 70, but they were not there together
    assert fields(live)["Now"] == "190 together, at 12:03 UTC"
    assert fields(live)["Peak"] == "250 at 12:02 UTC"
    assert "Alpha alone: peak 200 viewers" in [plain_text(line) for line in live.lines]
    assert "Beta alone: peak 70 viewers" in [plain_text(line) for line in live.lines]
    picture = (await bot.ask("/chart Both")).picture
    assert picture is not None
    assert "highest with 250 viewers on Twitch + viewers on YouTube" in picture.alt
    await bot.until(NOON + (6 + PAUSE) * MINUTE - MINUTE)
    over = await bot.ask("/stats Both")
    assert "is not live" in plain_text(over.title)
    # by hand: 105, 155 to the second minute, 220, 190, 185 while Beta is there until the fourth, then 135
    average = ((100 + 110) / 2 + (110 + 200) / 2 + (250 + 190) / 2 + (190 + 190) / 2 + (130 + 140) / 2) / 5
    assert fields(over)["Average"] == f"{round(average)} at once"
    assert fields(over)["Airtime"] == "5 min"


async def test_a_tie_has_a_history_and_is_compared(bot: Talk, tmp_path: Path) -> None:
    await simulcast(bot, tmp_path)
    await bot.say("/tie Alpha Beta as Both")
    assert "has not been live yet" in await bot.say("/stats Both")
    assert "has not been live yet" in await bot.say("/chart Both")
    await bot.until(NOON + 60 * MINUTE)
    history = await bot.ask("/history Both")
    assert plain_text(history.title) == "Both: 3 sessions"
    assert [plain_text(line).partition(": ")[2].partition(",")[0] for line in history.lines] == [
        "peak 6",
        "peak 30",
        "peak 250",
    ]
    assert fields(await bot.ask("/compare Both"))["Peak"] == "6 against 250: 244 (98%) behind"
    assert fields(await bot.ask("/compare Both best Beta"))["Peak"] == "250 and 6"
    assert "Both are the same session" in await bot.say("/compare Both best Alpha best")


async def test_a_tie_stands_at_this_minute_against_its_best(bot: Talk, tmp_path: Path) -> None:
    await heard(bot, recording(tmp_path, "Alpha", [[100, 110, 120], [60, 70, 80]]), "Alpha")
    await heard(bot, recording(tmp_path, "Beta", [[10, 20, 30], [40, 50, 60]], platform="youtube"), "Beta")
    await bot.say("/tie Alpha Beta as Both")
    await bot.until(NOON + (3 + PAUSE + 1) * MINUTE)
    assert "1 min in: 8% behind the last and best session" in await bot.say("/stats Both")  # 120 against 130
    shown = await bot.ask("/compare Both")
    assert "Both, 1 min in: 120" in plain_text(shown.title)
    assert shown.picture is not None


async def test_a_gap_in_one_makes_the_sum_unknown(bot: Talk, tmp_path: Path) -> None:
    await heard(bot, recording(tmp_path, "Alpha", [[100] * 8]), "Alpha")
    await heard(bot, recording(tmp_path, "Beta", [[10, 10, None, None, None, None, None, 10]]), "Beta")
    await bot.say("/tie Alpha Beta as Both")
    await bot.until(NOON + 30 * MINUTE)
    shown = await bot.ask("/stats Both")
    assert fields(shown)["Peak"].startswith("110 at 12:00")
    assert "14% of the airtime covered" in plain_text(shown.footer)


async def test_unlike_units_are_added_only_if_one_says_so(bot: Talk, tmp_path: Path) -> None:
    await simulcast(bot, tmp_path, unit="listeners")
    shown = await bot.say("/tie Alpha Beta as Both")
    assert "unlike things (viewers and listeners)" in shown
    assert "/tie Alpha Beta as Both anyway" in shown
    assert "Nothing is tied here" in await bot.say("/untie Both")
    shown = await bot.say("/tie Alpha Beta as Both anyway")
    assert "viewers on Twitch + listeners on YouTube" in shown


async def test_bare_numbers_are_added_only_if_one_says_that_they_count_the_same(bot: Talk, tmp_path: Path) -> None:
    await heard(bot, recording(tmp_path, "Alpha", [[10, 20]], platform="json", unit="count"), "Alpha")
    await heard(bot, recording(tmp_path, "Beta", [[1, 2]], platform="json", unit="count"), "Beta")
    shown = await bot.say("/tie Alpha Beta as Both")
    assert "Alpha is a bare number: it is not known whether the others count the same" in shown
    assert "/tie Alpha Beta as Both anyway" in shown
    assert "Nothing is tied here" in await bot.say("/untie Both")
    assert "Tied as Both" in await bot.say("/tie Alpha Beta as Both anyway")


async def test_what_is_disputed_does_not_lead(bot: Talk, tmp_path: Path) -> None:
    await simulcast(bot, tmp_path)
    await bot.say("/tie Alpha Beta as Both")
    await bot.until(NOON + 60 * MINUTE)
    assert fields(await bot.ask("/compare Both"))["Peak"].startswith("6 against 250")
    async with bot.parts.database.read() as connection:
        (number,) = await connection.scalars(sa.select(session.c.id).where(session.c.peak == 200))
    assert "counts no more here" in await bot.say(f"/record dispute s{number} bots")
    assert fields(await bot.ask("/compare Both"))["Peak"].startswith("6 against 30")
    peaks = [plain_text(line).partition(": ")[2] for line in (await bot.ask("/history Both")).lines]
    assert [peak.startswith("peak 250 (disputed), average") for peak in peaks] == [False, False, True]
    assert "disputed" not in "".join(peaks[:2])


async def test_names_of_ties_are_their_own(bot: Talk, tmp_path: Path) -> None:
    await simulcast(bot, tmp_path)
    assert "already called" in await bot.say("/tie Alpha Beta as alpha")
    assert "Tied as Alpha + Beta" in await bot.say("/tie Alpha + Beta")
    assert "Tied as Both Of Them" in await bot.say('/tie Alpha and Beta as "Both Of Them"')
    assert "already called" in await bot.say("/tie Alpha Beta as both of them")
    gamma = recording(tmp_path, "Gamma", [[1]])
    assert "already called" in await bot.say(f"/watch replay:{gamma} as Both of them")
    assert "Both Of Them: Alpha and Beta" in await bot.say("/tie")
    assert "Nothing here is called" in await bot.say("/mute Both Of Them")
    assert "has not been live yet" in await bot.say("/stats both of")
    assert "Untie which one" in await bot.say("/untie")
    assert "Nothing is tied here as “Both”" in await bot.say("/untie Both")
    assert "is taken apart" in await bot.say("/untie both of them")
    assert "Nothing here is called" in await bot.say("/stats both of them")


async def test_mistakes_of_tie_are_answered(bot: Talk, tmp_path: Path) -> None:
    assert "Nothing is watched here yet" in await bot.say("/tie a b")
    await simulcast(bot, tmp_path)
    assert "two names or more" in await bot.say("/tie Alpha")
    assert "two names or more" in await bot.say("/tie Alpha Alpha")
    assert "two names or more" in await bot.say("/tie Alpha best Beta")
    assert "Nothing here is called “Gamma”" in await bot.say("/tie Alpha Gamma")
    assert "at most 60" in await bot.say(f"/tie Alpha Beta as {'x' * 61}")
    assert "nothing to see" in await bot.say("/tie Alpha Beta as \u200b")
    assert "for admins" in await bot.say("/tie Alpha Beta", admin=False, operator=False)
    assert "for admins" in await bot.say("/untie Alpha", admin=False, operator=False)
    for number in range(20):
        assert "Tied as" in await bot.say(f"/tie Alpha Beta as T{number}")
    assert "20 ties already" in await bot.say("/tie Alpha Beta as T20")
