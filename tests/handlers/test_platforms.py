"""What commands say of platforms: what a watch costs, what is announced, what went wrong."""

from __future__ import annotations

import itertools
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from bot.domain import DAY, HOUR, MINUTE
from bot.domain.reading import Trouble
from bot.sources.hashtag import Hashtag
from bot.sources.kit import Forgetful, Kit
from bot.sources.twitch import Twitch
from bot.sources.web import Web
from bot.sources.x import X
from bot.sources.youtube import YouTube
from tests.servers.pages import says
from tests.servers.twitch import TwitchServer, twitch
from tests.servers.x import CREATORS, NOW, TOKEN, USERS, XServer, x_server
from tests.servers.x import stamp as stamp_of
from tests.servers.youtube import KEY, youtube
from tests.servers.youtube import YouTube as YouTubeServer
from tests.talk import Talk, talk


@dataclass
class Stand:
    """The bot and some platforms."""

    bot: Talk
    x: XServer
    tube: YouTubeServer
    twitch: TwitchServer
    settings: dict[str, str] = field(default_factory=dict)

    async def say(self, line: str) -> str:
        return " ".join((await self.bot.say(line)).split())

    async def play(self, minutes: int) -> str:
        """Let minutes pass, also for X."""
        told = ""
        for _ in range(minutes):
            self.x.now += MINUTE
            told += await self.bot.until(self.bot.clock.now + MINUTE, step=MINUTE)
        return " ".join(told.split())


@pytest.fixture(name="at")
async def _at(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Stand]:
    web = Web()
    try:
        async with x_server() as x, youtube() as tube, twitch() as streams:
            settings = {
                **streams.settings,
                "X_BEARER_TOKEN": TOKEN,
                "X_API_URL": x.url,
                "YOUTUBE_API_KEY": KEY,
                "YOUTUBE_API_URL": tube.api,
                **getattr(request, "param", {}),
            }
            kit = Kit(web=web, settings=settings, memory=Forgetful())
            sources = {
                one.platform: one
                for one in (
                    X(kit, clock=itertools.count(step=2).__next__),
                    Hashtag(kit),
                    YouTube(kit),
                    Twitch(kit),
                )
            }
            async with talk(tmp_path, now=NOW, sources=sources) as bot:
                yield Stand(bot, x, tube, streams, settings)
    finally:
        await web.close()


# --- /watch: what it costs --------------------------------------------------------------------------------


async def test_each_space_costs_and_a_name_once(at: Stand) -> None:
    at.x.user("ann")
    shown = await at.say("/watch x:@ann")
    assert "Each Space of it costs $0.005 a day of the $1.00 that this bot may spend there." in shown
    assert "Looking its name up has cost $0.01, once." in shown
    assert at.x.charged == pytest.approx(0.010)
    assert "looking" not in (await at.say("/watch x:@ann")).lower()


async def test_units_of_youtube_are_those_of_its_interval(at: Stand) -> None:
    at.tube.channel("nasa")
    assert "It costs up to 1,464 units a day of the 10,000 units that" in await at.say("/watch youtube:@nasa")


@pytest.mark.parametrize("at", [{"YOUTUBE_DAILY_UNITS": "500"}, {"POLL_INTERVAL_SECONDS": "2"}], indirect=True)
async def test_more_units_than_there_are_is_said_so(at: Stand) -> None:
    at.tube.channel("nasa")
    shown = await at.say("/watch youtube:@nasa")
    assert "it will be asked less often" in shown
    assert "It costs" not in shown


# --- /watch: whether it is on the air ---------------------------------------------------------------------


async def test_what_is_announced_is_said(at: Stand) -> None:
    ann = at.x.user("ann")
    at.x.space(ann, None, state="scheduled", scheduled_start=stamp_of(NOW + 5 * HOUR))
    shown = await at.say("/watch x:@ann")
    assert "It is not on the air right now; I will tell when it is." in shown
    assert "Announced for 22 November 2026, 20:15 UTC." in shown
    nasa = at.tube.channel("nasa")
    at.tube.announce(nasa, NOW + 2 * HOUR)
    assert "Announced for 22 November 2026, 17:15 UTC." in await at.say("/watch youtube:@nasa")


async def test_what_x_could_not_be_asked_is_not_known(at: Stand) -> None:
    at.x.user("ann")
    at.x.space()
    at.x.answers[CREATORS] = says('{"title": "Too Many Requests"}', status=429, x_rate_limit_reset="1795361400")
    shown = await at.say("/watch x:@ann")
    assert "Now watching Ann" in shown
    assert "Whether it is on the air could not be asked yet; I will tell when it is." in shown


async def test_a_hashtag_is_never_on_the_air(at: Stand) -> None:
    assert "on the air" not in await at.say("/watch hashtag:#dogs")


# --- /live ------------------------------------------------------------------------------------------------


async def test_in_an_outage_the_last_figure_is_no_present_one(at: Stand) -> None:
    ann = at.x.user("ann")
    at.x.space(ann, 55)
    await at.say("/watch x:@ann")
    await at.play(3)
    assert "Ann: 55 participants, 2 min in" in await at.say("/live")
    at.x.answers[CREATORS] = says("{}", status=503)
    await at.play(3)
    assert "Ann: 55 participants at 15:18 UTC, no figures since" in await at.say("/live")
    at.x.answers.clear()
    await at.play(3)
    assert "Ann: 55 participants, 8 min in" in await at.say("/live")


async def test_nor_is_one_that_is_older_than_three_intervals(at: Stand) -> None:
    at.x.space(at.x.user("ann"), 55)
    await at.say("/watch x:@ann")
    await at.play(1)
    at.bot.clock.now += 4 * MINUTE  # nothing asks: the poller stands still
    assert "Ann: 55 participants at 15:16 UTC, no figures since" in await at.say("/live")


async def test_a_hashtag_shows_its_posts(at: Stand) -> None:
    await at.say("/watch hashtag:#dogs")
    await at.play(2)
    minutes = 15 * 60 + 16  # a post a minute since 00:00 UTC, and the last minute is not over
    assert f"#dogs: {minutes:,} posts today" in await at.say("/live")


# --- /watch: what people paste ----------------------------------------------------------------------------


async def test_a_name_alone_asks_for_its_platform(at: Stand) -> None:
    for typed in ("@user1", "user1", "(@user1)", "@user1,"):
        asked = await at.bot.ask(f"/watch {typed}")
        assert [one.command for one in asked.buttons] == [
            f"/watch {one}" for one in ("x:@user1", "youtube:@user1", "twitch:user1")
        ]
    shown = await at.say("/watch @user1 as My Friend")
    assert "On which platform is @user1?" in shown
    assert "/watch twitch:user1 as My Friend" in shown
    assert "kick" not in shown


async def test_a_button_of_a_name_works(at: Stand) -> None:
    at.x.user("user1")
    asked = await at.bot.ask("/watch @user1")
    assert "Now watching User1" in await at.say(asked.buttons[0].command or "")


async def test_a_hashtag_alone_is_one_of_x(at: Stand) -> None:
    asked = await at.bot.ask("/watch #dogs")
    assert [one.command for one in asked.buttons] == ["/watch hashtag:#dogs"]


@pytest.mark.parametrize("at", [{"X_BEARER_TOKEN": "", "TWITCH_CLIENT_SECRET": ""}], indirect=True)
async def test_only_platforms_that_are_set_up_are_offered(at: Stand) -> None:
    asked = await at.bot.ask("/watch @user1")
    assert [one.command for one in asked.buttons] == ["/watch youtube:@user1"]
    assert "not an address" in await at.say("/watch #dogs")


@pytest.mark.parametrize("typed", ["radio.example.org", "two words", "::", "@", "#", "#1", "a" * 200, "no/where"])
async def test_what_is_no_name_is_not_taken_for_one(at: Stand, typed: str) -> None:
    assert "On which platform" not in await at.say(f"/watch {typed}")


@pytest.mark.parametrize(
    "typed",
    [
        "twitter:@user5",
        "Twitter:user5",
        "(https://x.com/user5)",
        "https://x.com/user5.",
        "x:@user5,",
        "<x.com/user5>",
        "“x:@user5”",
        "(x.com/user5).",
        "`x:user5`",
    ],
)
async def test_what_a_sentence_puts_around_an_address(at: Stand, typed: str) -> None:
    at.x.user("user5")
    assert "Now watching User5" in await at.say(f"/watch {typed}")


async def test_other_words_for_youtube(at: Stand) -> None:
    at.tube.channel("nasa", title="NASA")
    assert "Now watching NASA" in await at.say("/watch yt:@nasa")


async def test_a_playlist_is_no_channel(at: Stand) -> None:
    shown = await at.say("/watch https://www.youtube.com/playlist?list=PL123")
    assert "A playlist is never on the air, a channel is" in shown
    assert "https://www.youtube.com/@NASA" in shown


# --- what went wrong --------------------------------------------------------------------------------------


async def test_trouble_is_told_in_words_with_a_next_step(at: Stand) -> None:
    at.x.space(at.x.user("ann"), 55)
    await at.say("/watch x:@ann")
    await at.play(2)
    for status, said, step in (
        (503, "X is out of order (HTTP 503).", "see whether the page opens in a browser"),
        (429, "X asks us to wait", "there is nothing to do"),
        (403, "at console.x.com.", "ask those who run this bot"),
        (200, "X answered with something else than its API does.", "tell those who run this bot"),
    ):
        at.x.answers[CREATORS] = says("{}", status=status)
        at.bot.clock.now += HOUR
        await at.play(1)
        for command in ("/stats", "/watches", "/status"):
            shown = await at.say(command)
            assert said in shown, command
            assert not any(f"{kind}:" in shown for kind in Trouble), command
            assert command == "/status" or step in shown, command


async def test_units_that_youtube_says_are_used_up_were_not_spent_here(at: Stand) -> None:
    nasa = at.tube.channel("nasa")
    at.tube.start(nasa, NOW)
    await at.say("/watch youtube:@nasa")
    at.tube.units = at.tube.calls.total()
    await at.play(3)
    shown = await at.say("/status")
    spent = re.search(r"YouTube says that the day’s budget is used up \((\d+) units counted here\)", shown)
    assert spent is not None
    assert int(spent[1]) == at.tube.calls.total() < 10
    assert f"YouTube says that the day's units are used up (we counted {spent[1]})" in shown


@pytest.mark.parametrize(("status", "then"), [(503, "Try again in some minutes."), (401, "X_BEARER_TOKEN")])
async def test_what_cannot_be_watched_now_is_tried_again_later(at: Stand, status: int, then: str) -> None:
    at.x.answers[USERS] = says("{}", status=status)
    assert then in await at.say("/watch x:@ann")


async def test_a_space_that_is_over_for_good_shows_so(at: Stand) -> None:
    live = at.x.space(at.x.user("ann"), 55)
    await at.say(f"/watch x:{live}")
    await at.play(2)
    assert "participants, every 1 min" in await at.say("/watches")
    at.x.spaces.clear()
    assert "ended" in await at.play(15)
    shown = await at.say("/watches")
    assert "every 1 min" not in shown
    assert "over; its figures stay: /stats" in shown
    assert "55 participants" in await at.say("/stats")


# --- /watch: a creator and a session of it ----------------------------------------------------------------


async def test_a_creator_whose_session_is_watched_too(at: Stand) -> None:
    live = at.x.space(at.x.user("ann"), 55, title="Evening talk")
    await at.say(f"/watch x:{live}")
    shown = await at.say("/watch x:@ann")
    assert "Evening talk is watched here already, and is one of its sessions: both tell it." in shown


async def test_a_session_whose_creator_is_watched_too(at: Stand) -> None:
    live = at.x.space(at.x.user("ann"), 55, title="Evening talk")
    await at.say("/watch x:@ann")
    await at.play(2)
    shown = await at.say(f"/watch x:{live}")
    assert "Ann is watched here already, and this is one of its sessions: both tell it." in shown
    nasa = at.tube.channel("nasa", title="NASA")
    video = at.tube.start(nasa, NOW)
    await at.say("/watch youtube:@nasa")
    await at.play(2)
    assert "NASA is watched here already" in await at.say(f"/watch youtube:{video}")


async def test_two_creators_are_nothing_to_each_other(at: Stand) -> None:
    at.x.space(at.x.user("ann"), 55)
    at.x.space(at.x.user("bob"), 55)
    await at.say("/watch x:@ann")
    await at.play(2)
    assert "already" not in await at.say("/watch x:@bob")


# --- posts ------------------------------------------------------------------------------------------------


async def test_posts_are_shown_by_the_day_and_since_the_start(at: Stand) -> None:
    await at.say("/watch hashtag:#dogs")
    per_minute = {0: 1, 1: 3, 2: 2}
    today = NOW - NOW % DAY
    at.x.posts = lambda tag, moment: per_minute[(moment - today) // DAY]
    while at.bot.clock.now < today + 2 * DAY + 2 * HOUR:
        at.x.now += 15 * MINUTE
        await at.bot.until(at.bot.clock.now + 15 * MINUTE, step=15 * MINUTE)
    shown = await at.say("/stats")
    counted = re.search(r"All days ([\d,]+) posts since 22 November 2026", shown)
    assert counted is not None, shown
    so_far = int(counted[1].replace(",", "")) - 1_440 * (1 + 3)
    assert so_far == 2 * ((at.x.now - today - 2 * DAY) // MINUTE)
    assert f"{so_far:,} posts" in shown
    assert "4,320" in await at.say("/records")  # the best day


async def test_calls_that_are_free_are_counted(at: Stand) -> None:
    at.twitch.live("night", 500)
    await at.say("/watch twitch:night")
    await at.play(3)
    shown = await at.say("/status")
    calls = re.search(r"Twitch (\d+) calls today; by its own count (\d+) of 800 points were left", shown)
    assert calls is not None
    assert int(calls[1]) == len(at.twitch.asked)
    assert int(calls[2]) == at.twitch.points
