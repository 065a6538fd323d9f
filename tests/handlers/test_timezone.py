"""/settings timezone: a city, a country or a zone, in any script; what could be several is asked."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.ports.message import plain_text
from tests.handlers.test_commands import NOON
from tests.talk import Talk, talk


@pytest.fixture(name="bot")
async def _bot(tmp_path: Path) -> AsyncIterator[Talk]:
    async with talk(tmp_path, now=NOON) as bot:
        yield bot


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("Lahore", "Lahore, Pakistan (Asia/Karachi), where it is 17:00 PKT."),
        ("لاہور", "Lahore, Pakistan (Asia/Karachi)"),
        ("부산", "Busan, South Korea (Asia/Seoul), where it is 21:00 KST."),
        ("münchen", "Munich, Germany (Europe/Berlin)"),
        ("Barcelona", "Barcelona, Spain (Europe/Madrid)"),
        ("Mumbai", "Mumbai, India (Asia/Kolkata), where it is 17:30 IST."),
        ("Hyderabad, Pakistan", "Hyderabad, Pakistan (Asia/Karachi)"),
        ("Hyderabad PK", "Hyderabad, Pakistan (Asia/Karachi)"),
        ("hyderabad pakistan", "Hyderabad, Pakistan (Asia/Karachi)"),
        ("San Jose Costa Rica", "San José, Costa Rica (America/Costa_Rica)"),
        ("Sevilla, España", "Sevilla, Spain (Europe/Madrid)"),
        ("Korea", "Seoul, South Korea (Asia/Seoul)"),
        ("대한민국", "Seoul, South Korea (Asia/Seoul)"),
        ("پاکستان", "Lahore, Pakistan (Asia/Karachi)"),
        ("Spain", "Madrid, Spain (Europe/Madrid)"),
        ("UK", "London, United Kingdom (Europe/London)"),
        ("Singapore", "shown as in Singapore (Asia/Singapore), where it is 20:00 UTC+8."),
        ("asia/karachi", "shown in Asia/Karachi, where it is 17:00 PKT."),
        ("America/New York", "shown in America/New_York"),
        ("Kiritimati", "shown in Pacific/Kiritimati, where it is 02:00 UTC+14."),
        ("gmt", "shown in UTC, where it is 12:00 UTC."),
    ],
)
async def test_a_place_is_found_as_people_write_it(bot: Talk, typed: str, told: str) -> None:
    assert told in await bot.say(f"/settings timezone {typed}")


async def test_places_of_one_name_are_asked_about_with_the_time_there(bot: Talk) -> None:
    asked = await bot.ask("/settings timezone Springfield")
    assert "which one is near you?" in plain_text(asked.title)
    assert [(one.label, one.command) for one in asked.buttons] == [
        ("Springfield, United States (06:00 CST)", "/settings timezone America/Chicago"),
        ("Springfield, United States (07:00 EST)", "/settings timezone America/New_York"),
        ("Springfield, United States (04:00 PST)", "/settings timezone America/Los_Angeles"),
    ]
    assert "Time zone: UTC" in await bot.say("/settings timezone")
    command = asked.buttons[1].command
    assert command is not None
    assert "America/New_York" in await bot.say(command)
    for typed in ("Portland, Maine", "USA", "Valencia"):
        shown = await bot.say(f"/settings timezone {typed}")
        assert "which one is near you?" in shown
    assert "Time zone: America/New_York" in await bot.say("/settings timezone")


async def test_the_biggest_by_far_is_taken_and_the_others_are_named(bot: Talk) -> None:
    shown = await bot.say("/settings timezone Hyderabad")
    assert "Hyderabad, India (Asia/Kolkata)" in shown
    assert "Or is it Hyderabad, Pakistan (17:00 PKT)? /settings timezone Asia/Karachi" in shown
    assert "Or is it" not in await bot.say("/settings timezone Lahore")
    assert "Las Palmas de Gran Canaria, Spain (12:00 WET)? /settings timezone Atlantic/Canary" in await bot.say(
        "/settings timezone Spain"
    )


@pytest.mark.parametrize("typed", ["UTC+5", "utc+05:30", "GMT-3", "+5", "-03:00", "Etc/GMT+5", "UTC +5"])
async def test_an_offset_is_refused_with_the_reason(bot: Talk, typed: str) -> None:
    shown = await bot.say(f"/settings timezone {typed}")
    assert "knows no summer time: write the nearest big city." in shown
    assert "/settings timezone Karachi" in shown
    assert "Time zone: UTC" in await bot.say("/settings timezone")


@pytest.mark.parametrize("typed", ["PST", "cet", "IST", "PKT"])
async def test_letters_that_mean_several_zones_are_refused_with_the_reason(bot: Talk, typed: str) -> None:
    assert f"“{typed}” can mean several zones" in await bot.say(f"/settings timezone {typed}")


async def test_a_slip_of_the_pen_is_guessed_and_can_be_tapped(bot: Talk) -> None:
    asked = await bot.ask("/settings timezone Karatchi")
    assert "Did you mean Karachi" in plain_text(asked.title)
    assert asked.buttons[0].command == "/settings timezone Asia/Karachi"
    assert "I know no zone “Nowhereville”" in await bot.say("/settings timezone Nowhereville")


async def test_a_place_alone_is_taken_for_the_time_zone(bot: Talk) -> None:
    for typed, zone in (("Lahore", "Asia/Karachi"), ("Spain", "Europe/Madrid"), ("부산", "Asia/Seoul")):
        assert zone in await bot.say(f"/settings {typed}")
    assert "There is no setting “colour”" in await bot.say("/settings colour blue")


async def test_pointed_at_another_chat_the_buttons_stay_with_it(bot: Talk) -> None:
    where = {"platform": "telegram", "chat": "-100", "elsewhere": True}
    asked = await bot.ask("/settings timezone Springfield", **where)
    assert asked.buttons[0].command == "/settings timezone America/Chicago in -100"
    unreachable = await bot.ask("/settings timezone Springfield", **{**where, "platform": "discord"})
    assert unreachable.buttons == ()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(typed=st.text(max_size=60))
async def test_nothing_that_is_typed_goes_wrong(bot: Talk, typed: str) -> None:
    assert "went wrong" not in await bot.say(f"/settings timezone {typed}")
