"""/records and /record: what is known, how it was measured, and what people may say against it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.domain import HOUR
from tests.handlers.test_commands import NOON, recording
from tests.talk import Talk, talk

ADD = '/record add 44k peak "K-POP Space" on twitch on 15 March 2022 https://example.org/r at least'


@pytest.fixture(name="bot")
async def _bot(tmp_path: Path) -> AsyncIterator[Talk]:
    """Two watches with a session each, which are over."""
    async with talk(tmp_path, now=NOON) as bot:
        await bot.say(f"/watch replay:{recording(tmp_path, 'a', [100, 120, 140])} as Tuesday")
        await bot.say(f"/watch replay:{recording(tmp_path, 'b', [100, 300, 200])} as Friday")
        await bot.until(NOON + 2 * HOUR)
        yield bot


async def test_a_record_is_shown_with_its_holder_scopes_and_how_it_was_measured(bot: Talk) -> None:
    shown = await bot.say("/records twitch peak", admin=False, operator=False)
    assert (
        "300 Friday, 14 November 2023: record in this chat and of Friday in 2 sessions since 14 November 2023; "
        "observed by us every 1 min, 100% covered\n"
    ) in shown
    assert "140 Tuesday, 14 November 2023: record of Tuesday; observed by us every 1 min, 100% covered" in shown
    assert "on Twitch" not in shown  # nothing is known of anybody else there


async def test_admins_see_the_numbers_of_sessions(bot: Talk) -> None:
    assert re.search(r"300 Friday, .*; s\d\n", await bot.say("/records"))


async def test_scopes_measures_and_names_narrow_it_down(bot: Talk) -> None:
    await bot.say(ADD)
    platform = await bot.say("/records platform peak")
    assert "K-POP Space" in platform
    assert "record on Twitch; imported as #1" in platform  # it is older than what was tracked here
    assert "Friday" not in platform
    chat = await bot.say("/records chat")
    assert "300 Friday" in chat
    assert "K-POP" not in chat
    only = await bot.say("/records friday")
    assert "300 Friday" in only
    assert "Tuesday" not in only
    assert "average" not in await bot.say("/records peak")
    assert "none of them" in await bot.say("/records galaxy")


@pytest.mark.parametrize(
    "typed", ["peak tuned_in", "compare peak and tuned in", "peak vs tuned-in", "platform peak tuned"]
)
async def test_unlike_measures_are_not_compared_and_that_is_explained(bot: Talk, typed: str) -> None:
    assert await bot.say(f"/records {typed}") == (
        "⚖️ Peak at once and tuned in cannot be compared: one is how many were there at one moment, the other "
        "how many came at any time, all together."
    )


async def test_nor_are_platforms(bot: Talk) -> None:
    assert "Records on X and Twitch cannot be compared" in await bot.say("/records x vs twitch")


async def test_a_long_list_has_pages(bot: Talk) -> None:
    for n in range(20):
        await bot.say(f"/record add {1000 + n} peak Holder{n} on twitch")
    first = await bot.ask("/records peak")
    shown = await bot.say("/records peak")
    assert "Page 1 of 3." in shown
    assert "1,019 Holder19" in shown
    assert "Holder2," not in shown
    (button,) = first.buttons
    assert button.command == "/records peak 2"
    last = await bot.ask("/records peak 3")
    assert [one.command for one in last.buttons] == ["/records peak 2"]
    assert "Twitch, peak at once" in await bot.say("/records peak 3")
    assert "Page 3 of 3" in await bot.say("/records peak 99")


@pytest.mark.parametrize(
    ("typed", "entered", "date"),
    [
        (ADD.removeprefix("/record add "), "44,000 peak at once on Twitch by K-POP Space", "15 March 2022"),
        ("peak 44k by Some Body on 1 May 2023", "44,000 peak at once on Twitch by Some Body", "1 May 2023"),
        ("3h airtime Somebody in 2022", "3 h airtime on Twitch by Somebody", "2022"),
        ("5,000 tuned in Somebody yesterday on x", "5,000 tuned in on X by Somebody", "13 November 2023"),
    ],
)
async def test_an_entry_is_typed_in_any_order(bot: Talk, typed: str, entered: str, date: str) -> None:
    shown = await bot.say(f"/record add {typed}")
    assert f"Entered as #1: {entered}." in shown
    assert f"It was set: {date}." in shown


@pytest.mark.parametrize(
    ("typed", "wanted"),
    [
        ("5 peak X on x 1/5/2023", "two days: write 2023-05-01 / 2023-01-05"),
        ("5 peak X on x 31 February 2023", "no day"),
        ("5 peak X on x 1 May 2030", "still to come"),
        ("5 views X on x", "which measure"),
    ],
)
async def test_what_cannot_be_meant_is_answered_with_an_example(bot: Talk, typed: str, wanted: str) -> None:
    shown = await bot.say(f"/record add {typed}")
    assert wanted in shown
    assert "For example" in shown


@pytest.mark.parametrize("which", ["s2", "S2 peak", "Friday", "friday peak"])
async def test_a_sessions_figure_is_disputed_and_counts_no_more_until_it_is_restored(
    bot: Talk, which: str
) -> None:
    shown = await bot.say(f"/record dispute {which} A raid of bots")
    assert "300 peak at once of Friday counts no more here." in shown
    assert "/record restore s2 peak" in shown
    shown = await bot.say("/records peak")
    assert "140 Tuesday, 14 November 2023: record of Tuesday" in shown
    assert "300 Friday: does not count, disputed: A raid of bots (s2)" in shown
    assert "300 peak at once of Friday counts again." in await bot.say("/record restore s2 peak")
    assert "300 Friday, 14 November 2023: record in this chat" in await bot.say("/records peak")
    assert "Nothing of that is disputed" in await bot.say("/record restore s2 peak")


async def test_other_measures_of_it_still_count(bot: Talk) -> None:
    await bot.say("/record dispute s2 peak Bots")
    shown = await bot.say("/records average")
    assert "Friday, 14 November 2023: record in this chat" in shown


@pytest.mark.parametrize(
    ("typed", "wanted"),
    [
        ("dispute s2", "Say why"),
        ("dispute s99 Bots", "no session s99"),
        ("dispute Nobody Bots", "number that /records shows"),
        ("dispute s2 views Bots", "which measure"),
        ("restore 7", "no record #7"),
        ("remove s2", "cannot be removed"),
    ],
)
async def test_a_mistaken_dispute_is_answered_with_an_example(bot: Talk, typed: str, wanted: str) -> None:
    shown = await bot.say(f"/record {typed}")
    assert wanted in shown
    assert "For example" in shown


async def test_only_operators_judge_for_everybody(bot: Talk) -> None:
    shown = await bot.say("/record dispute s2 everywhere Bots", operator=False)
    assert "Only those who run this bot" in shown
    shown = await bot.say("/record dispute s2 everywhere Bots")
    assert "counts no more anywhere" in shown
    await bot.say(ADD + " everywhere")
    assert "everybody’s" in await bot.say("/record remove 1", operator=False)


async def test_what_is_removed_can_be_restored_and_a_dispute_taken_back(bot: Talk) -> None:
    await bot.say(ADD)
    await bot.say("/record dispute 1 Others say 57,000")
    await bot.say("/record remove 1")
    assert "K-POP" not in await bot.say("/records")
    await bot.say("/record restore 1")
    assert "imported as #1; disputed: Others say 57,000" in await bot.say("/records")
    await bot.say("/record restore 1")
    shown = await bot.say("/records")
    assert "imported as #1\n" in shown
    assert "disputed" not in shown


async def test_the_log_says_who_did_what(bot: Talk) -> None:
    assert "Nothing was entered" in await bot.say("/record log")
    await bot.ask(ADD, user="11")
    await bot.ask("/record dispute 1 Others say 57,000", user="12")
    await bot.ask("/record remove 1", user="13")
    await bot.ask("/record dispute Friday peak Bots", user="14")
    await bot.ask("/record restore Friday peak", user="15")
    shown = await bot.say("/record log")
    day = "14 November 2023"
    assert (
        f"#1 44,000 peak at once, K-POP Space: entered {day} by 11; disputed by 12; removed {day} by 13"
    ) in shown
    assert f"s2 peak at once, Friday: disputed {day} by 14: Bots; restored {day} by 15" in shown
    assert "for admins" in await bot.say("/record log", admin=False, operator=False)
