from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.domain import DAY, HOUR, MINUTE
from bot.samples import SPACE
from handlers import COMMANDS
from tests.talk import Talk, talk

#: Noon of some day: replays begin when they are watched.
NOON = 1_700_000_000_000 // DAY * DAY + 12 * HOUR


@pytest.fixture(name="bot")
async def _bot(tmp_path: Path) -> AsyncIterator[Talk]:
    async with talk(tmp_path, now=NOON) as bot:
        yield bot


async def watching(bot: Talk, name: str = "Night Radio") -> None:
    assert f"Now watching {name}" in await bot.say(f"/watch replay:{SPACE} as {name}")


def recording(folder: Path, name: str, values: list[int], *, day: int = 1) -> Path:
    lines = [f'{{"replay": 1, "platform": "twitch", "watch": "{name}", "interval": 60}}']
    lines += [
        f'{{"at": "2024-05-{day:02}T10:{minute:02}:00Z", "session": "{name}{day}", "state": "live",'
        f' "concurrent": {value}}}'
        for minute, value in enumerate(values)
    ]
    lines += [f'{{"at": "2024-05-{day:02}T11:{minute:02}:00Z", "state": "offline"}}' for minute in range(7)]
    path = folder / f"{name}-{day}.jsonl"
    path.write_text("\n".join(lines))
    return path


async def test_every_command_answers_and_shows_an_example_that_works(bot: Talk) -> None:
    await watching(bot)
    await bot.until(NOON + 20 * MINUTE)
    for command in COMMANDS:
        if command.name in {"watch", "unwatch", "record"}:
            continue
        answer = await bot.say(command.example)
        assert answer
        assert "went wrong" not in answer
        assert "no command" not in answer


async def test_help_lists_every_command_to_an_operator_and_only_questions_to_others(bot: Talk) -> None:
    shown = await bot.say("/help")
    assert all(f"/{command.name}" in shown for command in COMMANDS if command.name not in {"start", "help"})
    shown = await bot.say("/help", admin=False, operator=False)
    assert "/stats" in shown
    assert "/watch" not in shown
    assert "/status" not in shown


async def test_help_explains_one_command_with_an_example(bot: Talk) -> None:
    shown = await bot.say("/help /milestones")
    assert "/milestones Night Radio 100 250 1k 5k" in shown


async def test_a_near_miss_on_a_command_offers_the_near_ones(bot: Talk) -> None:
    assert "/stats" in await bot.say("/stast")


async def test_a_chat_that_watches_nothing_is_told_what_to_do(bot: Talk) -> None:
    for command in ("/stats", "/live", "/records", "/watches", "/unwatch x", "/milestones"):
        shown = await bot.say(command)
        assert "Nothing is watched here yet" in shown
        assert "/watch " in shown


@pytest.mark.parametrize("command", ["/watch x", "/unwatch x", "/mute x", "/milestones", "/settings", "/record"])
async def test_only_admins_change_a_chat(bot: Talk, command: str) -> None:
    assert "for admins" in await bot.say(command, admin=False, operator=False)


async def test_only_operators_see_the_status_and_watch_files(bot: Talk) -> None:
    assert "those who run this bot" in await bot.say("/status", operator=False)
    assert "operators" in await bot.say(f"/watch replay:{SPACE}", operator=False)


@pytest.mark.parametrize("address", ["", "nonsense", "ftp://example.org/x", "x", "replay:", "x" * 7_900])
async def test_a_wrong_address_is_answered_with_examples(bot: Talk, address: str) -> None:
    shown = await bot.say(f"/watch {address}")
    assert "replay:" in shown
    assert len(shown) < 1_000


async def test_a_missing_file_is_named(bot: Talk) -> None:
    assert "nowhere.jsonl cannot be read" in await bot.say("/watch replay:/tmp/nowhere.jsonl")


async def test_watching_twice_is_one_watch(bot: Talk) -> None:
    await watching(bot)
    assert "already" in await bot.say(f"/watch replay:{SPACE}")
    assert "1 watch here" in await bot.say("/watches")


async def test_two_watches_cannot_share_a_name_given_by_hand(bot: Talk, tmp_path: Path) -> None:
    await watching(bot)
    other = recording(tmp_path, "b", [10, 20])
    assert "already called" in await bot.say(f"/watch replay:{other} as night radio")
    assert "Now watching b" in await bot.say(f"/watch replay:{other}")


async def test_names_are_found_in_any_case_by_their_beginning_and_near_misses_are_offered(bot: Talk) -> None:
    await watching(bot)
    assert "Night Radio" in await bot.say("/stats NIGHT radio")
    assert "Night Radio" in await bot.say("/stats night")
    shown = await bot.say("/stats Nigth Radoi")
    assert "Did you mean Night Radio" in shown
    assert "/stats Night Radio" in shown


async def test_among_several_the_one_on_the_air_is_meant(bot: Talk, tmp_path: Path) -> None:
    await watching(bot)
    await bot.say(f"/watch replay:{recording(tmp_path, 'short', [10, 20])}")
    assert "Which one" in await bot.say("/stats")
    await bot.until(NOON + 70 * MINUTE)
    assert "Night Radio has been live" in await bot.say("/stats")


async def test_stats_live_show_now_peak_average_and_how_it_was_measured(bot: Talk) -> None:
    await watching(bot)
    await bot.until(NOON + 30 * MINUTE)
    shown = await bot.say("/stats")
    for part in (
        "has been live for",
        "Now",
        "Peak",
        "Average",
        "tuned in over the whole session",
        "Read every 30 s",
    ):
        assert part in shown
    assert re.search(r"Now +[\d,]+ participants, at \d\d:\d\d", shown)
    assert re.search(r"Peak +[\d,]+ at \d\d:\d\d", shown)
    assert "Airtime" not in shown


async def test_stats_never_show_a_glitch(bot: Talk) -> None:
    await watching(bot)
    # The spike lies 84 minutes after the start, which comes 90 seconds into the file.
    await bot.until(NOON + 84 * MINUTE + 90_000)
    assert "4,120,077" not in await bot.say("/stats")
    assert "4,120,077" not in await bot.say("/live")


async def test_stats_after_the_end_show_the_last_session(bot: Talk) -> None:
    await watching(bot)
    told = await bot.until(NOON + 3 * HOUR)
    assert "ended after 2 h 31 min" in told
    shown = await bot.say("/stats")
    assert "is not live; last on" in shown
    assert "446,000" in shown


async def test_unsubscribing_stops_alerts_and_keeps_figures(bot: Talk) -> None:
    await watching(bot)
    assert "no longer come here" in await bot.say("/unsubscribe")
    assert await bot.until(NOON + 30 * MINUTE) == ""
    assert "has been live" in await bot.say("/stats")
    assert "You will be told: milestones and records" in await bot.say("/subscribe Night Radio milestones records")


async def test_a_muted_watch_is_silent_until_the_mute_ends(bot: Talk) -> None:
    await watching(bot)
    assert "is muted until 12:10" in await bot.say("/mute Night Radio 10m")
    assert await bot.until(NOON + 9 * MINUTE) == ""
    assert "100,000 participants" in await bot.until(NOON + 20 * MINUTE)


async def test_muting_takes_lengths_as_people_write_them(bot: Talk) -> None:
    await watching(bot)
    assert "14:00" in await bot.say("/mute night 2h")
    assert "no longer muted" in await bot.say("/mute off")
    assert "longer than a year" in await bot.say("/mute night 999d")


async def test_an_unwatched_watch_keeps_its_history(bot: Talk) -> None:
    await watching(bot)
    await bot.until(NOON + 20 * MINUTE)
    assert "no longer watched" in await bot.say("/unwatch Night Radio")
    assert await bot.until(NOON + 30 * MINUTE) == ""
    await watching(bot)
    assert "Peak" in await bot.say("/stats")


async def test_a_ladder_of_its_own_is_told_and_tried_on_past_sessions(bot: Talk) -> None:
    await watching(bot)
    shown = await bot.say("/milestones Night Radio 60k 120,000")
    assert "You hear of 60,000 and 120,000" in shown
    told = await bot.until(NOON + 3 * HOUR)
    assert re.findall(r"reached ([\d,]+)", told) == ["60,000", "120,000"]
    shown = await bot.say("/milestones Night Radio 30k 90k")
    assert re.search(r"it would have told 30,000 at 17:\d\d and 90,000 at 17:\d\d PKT", shown)
    assert "from a tenth of its best session" in await bot.say("/milestones Night Radio default")


@pytest.mark.parametrize("wrong", ["-5", "0", "1e400", "12x"])
async def test_a_wrong_threshold_is_named(bot: Talk, wrong: str) -> None:
    await watching(bot)
    shown = await bot.say(f"/milestones Night Radio 100 {wrong}")
    assert f"“{wrong}” is not a number" in shown
    assert "For example" in shown


async def test_milestones_without_a_subscription_say_what_is_missing(bot: Talk) -> None:
    await watching(bot)
    await bot.say("/unsubscribe")
    assert "/subscribe Night Radio" in await bot.say("/milestones Night Radio 100")


async def test_the_time_zone_is_found_by_its_city(bot: Talk) -> None:
    assert "Asia/Karachi" in await bot.say("/settings timezone karachi")
    assert "17:00 PKT" in await bot.say("/settings")
    assert "America/New_York" in await bot.say("/settings timezone new york")
    assert "Did you mean Karachi" in await bot.say("/settings timezone karatchi")
    assert "no zone" in await bot.say("/settings timezone Nowhereville")
    assert "there are: language" in await bot.say("/settings colour blue")


async def test_a_record_is_entered_shown_disputed_and_removed(bot: Talk) -> None:
    await watching(bot)
    entered = await bot.say(
        '/record add 44,000 peak "K-POP Lyrical Space" on x 2022-03-15 https://example.org/r at-least'
    )
    assert "Entered as #1: 44,000 peak at once on X by K-POP Lyrical Space" in entered
    shown = await bot.say("/records")
    assert "at least 44,000 K-POP Lyrical Space" in shown
    assert "15 March 2022" in shown
    assert "imported" in shown
    assert "disputed" in await bot.say("/record dispute 1 Other reports say 57,000")
    assert "disputed: Other reports say 57,000" in await bot.say("/records")
    assert "no longer counts" in await bot.say("/record remove #1")
    assert "44,000" not in await bot.say("/records")


async def test_an_entered_record_is_a_rival_at_once(bot: Talk) -> None:
    await watching(bot)
    await bot.say('/record add 150k peak "Somebody" on x')
    told = await bot.until(NOON + 3 * HOUR)
    assert told.count("New record on X") == 1
    assert "beats 150,000 by Somebody" in told


@pytest.mark.parametrize(
    ("typed", "wanted"),
    [
        ("/record", "add, dispute, remove, restore or log"),
        ("/record add", "value, the measure and the holder"),
        ("/record add many peak X on x", "not a figure"),
        ("/record add 5 height X on x", "which measure"),
        ("/record add 5 peak on x", "whose record"),
        ("/record add 5 peak X", "on which platform"),
        ("/record add 5 peak X on x 2022-02-31", "no day"),
        ("/record dispute nine", "number that /records shows"),
        ("/record remove 77", "no record #77"),
    ],
)
async def test_a_wrong_record_is_answered_with_what_was_wrong_and_an_example(
    bot: Talk, typed: str, wanted: str
) -> None:
    shown = await bot.say(typed)
    assert wanted in shown
    assert "For example" in shown


async def test_records_of_two_sessions_hold_the_better_one(bot: Talk, tmp_path: Path) -> None:
    await bot.say(f"/watch replay:{recording(tmp_path, 'a', [100, 120, 140])} as Tuesday")
    await bot.say(f"/watch replay:{recording(tmp_path, 'b', [100, 300, 200])} as Friday")
    await bot.until(NOON + 2 * HOUR)
    shown = await bot.say("/records watch")
    assert shown.index("300 Friday") < shown.index("140 Tuesday")
    assert "observed by us every 1 min, 100% covered" in shown
    assert "twitch, peak at once".casefold() in shown.casefold()
    assert "Scopes are" in await bot.say("/records galaxy")


async def test_who_starts_again_is_told_what_goes_on(bot: Talk) -> None:
    assert "tell me what to watch" in await bot.say("/start")
    await watching(bot)
    shown = await bot.say("/start")
    assert "1 watch goes on here" in shown
    assert "tell me what to watch" not in shown


async def test_records_show_what_a_live_session_has_reached(bot: Talk) -> None:
    await watching(bot)
    await bot.until(NOON + 20 * MINUTE)
    assert re.search(r"[\d,]+ Night Radio, live now, so far", await bot.say("/records"))


async def test_live_says_what_is_announced_and_when(bot: Talk, tmp_path: Path) -> None:
    lines = [
        '{"replay": 1, "platform": "twitch", "watch": "Show", "interval": 60, "timezone": "Asia/Karachi"}',
        '{"at": "2024-05-01T10:00:00Z", "session": "s", "state": "scheduled", "title": "The big one"}',
        '{"at": "2024-05-01T11:00:00Z", "session": "s", "state": "live", "concurrent": 5}',
    ]
    path = tmp_path / "show.jsonl"
    path.write_text("\n".join(lines))
    await bot.say(f"/watch replay:{path} as Show")
    await bot.until(NOON + 2 * MINUTE)
    assert "Show, “The big one”: announced" in await bot.say("/live")


async def test_status_names_what_runs_and_what_waits(bot: Talk) -> None:
    await watching(bot)
    await bot.until(NOON + 10 * MINUTE)
    shown = await bot.say("/status")
    assert re.search(r"Watches polled\s+1", shown)
    assert re.search(r"Live sessions\s+1", shown)
    assert re.search(r"Alerts waiting\s+0", shown)


@pytest.mark.parametrize(
    "hostile", ["[bold]x[/bold]", "{0}", "%s", "\x1b[31mred", "\u202eevil", "😀" * 70, "a\nb"]
)
async def test_a_hostile_name_is_shown_as_plain_text(bot: Talk, hostile: str) -> None:
    shown = await bot.say(f"/watch replay:{SPACE} as {hostile}")
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert "went wrong" not in shown + await bot.say("/stats") + await bot.say("/watches")


async def test_a_record_on_a_platform_that_nobody_knows_is_refused(bot: Talk) -> None:
    shown = await bot.say("/record add 5k peak Somebody on twich")
    assert "no platform “twich”" in shown
    assert "twitch" in shown or "x" in shown
