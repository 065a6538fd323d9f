"""YouTube: addresses, finding broadcasts for few units, what is hidden, over or gone, refusals, a day's budget."""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from zoneinfo import ZoneInfo

import pytest

from bot.domain import DAY, HOUR, MINUTE, SECOND
from bot.domain.reading import Answer, Failure, Reading, State, Trouble
from bot.domain.session import Rules, Track, advance
from bot.pipeline.poll import LONGEST_READ_SECONDS
from bot.ports.purse import Spent
from bot.ports.source import (
    Ask,
    BadAddress,
    Denied,
    Garbage,
    NotAllowed,
    RateLimited,
    SourceError,
    Told,
    Unavailable,
)
from bot.sources.kit import Forgetful, Kit
from bot.sources.web import DEFAULT_TIMEOUT, Page, Web
from bot.sources.youtube import YouTube
from bot.sources.youtube.addresses import Target, parse
from bot.sources.youtube.answers import Found, Video, channel_of, uploads_of, videos_of
from bot.sources.youtube.api import Api, KeyRefused, day_of, refusal
from bot.sources.youtube.rhythm import Seen
from bot.sources.youtube.turns import AT_ONCE, LOOKS_WITHIN, VIDEOS_WITHIN, NotAsked, Turns
from bot.sources.youtube.videos import MOST_KEPT, Videos
from tests.mutate import mutations
from tests.servers import youtube as servers
from tests.servers.pages import breaks_off, hangs_up, payload, says

#: 2026-11-22, 06:35 in California.
NOW = 1_795_358_100_000
MIDNIGHT = 1_795_420_800_000
A, B, C, D = ("a" * 11, "b" * 11, "c" * 11, "d" * 11)
UC = "UC" + "a" * 22


@dataclass
class Tube:
    """The platform, and the source that asks it."""

    server: servers.YouTube
    source: YouTube
    memory: Forgetful

    async def told(self, *asks: str | Ask, now: int = NOW) -> list[Told]:
        """Read watches, with ids that the pipeline knows of in an Ask."""
        made = [Ask(reference=one) if isinstance(one, str) else one for one in asks]
        return await self.source.read(made, now)

    async def answer(self, ask: str | Ask, now: int = NOW) -> Answer | Failure:
        (told,) = await self.told(ask, now=now)
        (answer,) = told.answers
        return answer

    async def reading(self, ask: str | Ask, now: int = NOW) -> Reading:
        answer = await self.answer(ask, now)
        assert isinstance(answer, Answer), answer
        (reading,) = answer.readings
        return reading

    async def failure(self, ask: str | Ask, now: int = NOW) -> Failure:
        answer = await self.answer(ask, now)
        assert isinstance(answer, Failure), answer
        return answer

    @property
    def spent(self) -> float:
        return sum(self.server.calls.values())

    def restart(self, clock: Callable[[], float] = time.monotonic, **settings: str) -> None:
        kit = Kit(web=self.source._kit.web, settings={**self.source._kit.settings, **settings}, memory=self.memory)
        self.source = YouTube(kit, clock=clock)


@asynccontextmanager
async def tube(settings: Mapping[str, str | None] | None = None) -> AsyncIterator[Tube]:
    async with servers.youtube() as server:
        web, memory = Web(), Forgetful()
        chosen = {"YOUTUBE_API_KEY": servers.KEY, "YOUTUBE_API_URL": server.api, **(settings or {})}
        kit = Kit(web=web, settings={k: v for k, v in chosen.items() if v is not None}, memory=memory)
        try:
            yield Tube(server, YouTube(kit), memory)
        finally:
            await web.close()
        assert server.calls["search"] == 0


@dataclass
class Follower:
    """One watch as the pipeline keeps it: it is asked when it is due, and knows what it was told of."""

    tube: Tube
    reference: str
    interval: int = MINUTE
    due: int = NOW
    over: bool = False
    track: Track = field(default_factory=lambda: Track(1))
    changes: list[str] = field(default_factory=list)
    troubles: list[Trouble] = field(default_factory=list)

    @property
    def ask(self) -> Ask:
        known = tuple(one.keys[-1] for one in self.track.sessions if one.ended_at is None)
        return Ask(reference=self.reference, known=known)

    def take(self, told: Told, now: int) -> None:
        self.due = told.again_at or now + self.interval
        self.over = told.over
        for answer in told.answers:
            if isinstance(answer, Failure):
                self.troubles.append(answer.trouble)
                continue
            changes, _ = advance(self.track, answer, Rules(interval=self.interval))
            self.changes += [type(one).__name__ for one in changes if type(one).__name__ != "Rose"]
            self.track.sessions = [one for one in self.track.sessions if one.state is not State.ENDED]

    async def follow(self, start: int, until: int) -> None:
        """Let time pass, a tick at a time."""
        for now in range(start, until, self.interval):
            if not self.over and self.due <= now:
                (told,) = await self.tube.told(self.ask, now=now)
                self.take(told, now)


# --- addresses --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        *((text, "handle", "nasa") for text in ("@NASA", "nasa", " @nasa ", "<@NASA>")),
        *(
            (f"https://{host}/{tail}", "handle", "nasa")
            for host in ("youtube.com", "www.youtube.com", "m.youtube.com", "WWW.YouTube.COM")
            for tail in ("@NASA", "@nasa/", "@nasa/live", "@NASA/streams?view=2", "@NASA#x")
        ),
        ("youtube.com/@NASA", "handle", "nasa"),
        ("http://youtube.com/@a.b-c_d·e", "handle", "a.b-c_d·e"),
        ("@कवि-सभा", "handle", "कवि-सभा"),
        ("https://www.youtube.com/@%E0%A4%95%E0%A4%B5%E0%A4%BF", "handle", "कवि"),
        (UC, "channel", UC),
        (f"https://www.youtube.com/channel/{UC}/live", "channel", UC),
        (f"https://studio.youtube.com/channel/{UC}/livestreaming", "channel", UC),
        (f"https://www.youtube.com/embed/live_stream?channel={UC}", "channel", UC),
        ("https://www.youtube.com/user/NASAtelevision", "user", "nasatelevision"),
        *(
            (f"https://{page}", "video", "dQw4w9WgXc_")
            for page in (
                "www.youtube.com/watch?v=dQw4w9WgXc_&t=42s&list=PLx",
                "m.youtube.com/watch?list=PLx&v=dQw4w9WgXc_",
                "music.youtube.com/watch?v=dQw4w9WgXc_",
                "youtu.be/dQw4w9WgXc_?si=abc",
                "youtube.com/live/dQw4w9WgXc_?feature=share",
                "www.youtube.com/shorts/dQw4w9WgXc_/",
                "www.youtube.com/embed/dQw4w9WgXc_",
                "www.youtube-nocookie.com/embed/dQw4w9WgXc_",
                "studio.youtube.com/video/dQw4w9WgXc_/livestreaming",
            )
        ),
        ("youtu.be/dQw4w9WgXc_", "video", "dQw4w9WgXc_"),
    ],
)
def test_ways_to_write_a_channel_or_a_video(text: str, kind: str, value: str) -> None:
    target = parse(text)
    assert (target.kind, target.value, target.bare) == (kind, value, False)


def test_eleven_letters_may_be_either() -> None:
    assert parse("dQw4w9WgXc_") == Target("video", "dQw4w9WgXc_", bare=True)


@pytest.mark.parametrize(
    ("text", "says_so"),
    [
        ("https://www.youtube.com/c/NASA", "old form of link"),
        ("https://www.youtube.com/NASA", "old form of link"),
        ("https://www.youtube.com/", "neither a channel nor a video"),
        ("https://www.youtube.com/playlist?list=PLx", "@handle"),
        ("https://www.youtube.com/watch?v=short", "neither a channel nor a video"),
        ("https://youtu.be/", "neither"),
        ("https://www.youtube.com/channel/NASA", "neither"),
        ("https://example.org/@NASA", "no channel or video of YouTube"),
        ("two words", "no channel or video of YouTube"),
        ("", "no channel or video of YouTube"),
        ("@", "no channel or video of YouTube"),
        ("\x00", "no channel or video of YouTube"),
    ],
)
async def test_addresses_that_are_refused_say_what_to_paste(text: str, says_so: str) -> None:
    with pytest.raises(BadAddress, match=says_so) as caught:
        parse(text)
    assert "https://www.youtube.com/@NASA" in str(caught.value)


@pytest.mark.parametrize(
    ("url", "ours"),
    [
        ("https://www.youtube.com/@NASA", True),
        ("youtu.be/dQw4w9WgXcQ", True),
        ("https://www.youtube.com/c/NASA", True),  # to be refused with what to paste instead
        ("https://youtube.com.example.org/@NASA", False),
        ("https://example.org/?u=https://www.youtube.com/@NASA", False),
        ("@NASA", False),
        ("words", False),
        ("http://[", False),
        ("", False),
    ],
)
async def test_recognises_pages_of_youtube(url: str, ours: bool) -> None:
    assert YouTube(Kit(web=Web())).recognises(url) == (url if ours else None)


# --- describe ---------------------------------------------------------------------------------------------


async def test_a_channel_is_the_same_however_it_is_written() -> None:
    async with tube() as one:
        nasa = one.server.channel("NASA", title="NASA TV", user="NASAtelevision")
        one.server.upload(nasa)
        ways = (
            "@NASA",
            "nasa",
            nasa.id,
            "https://www.youtube.com/@Nasa/live",
            f"https://m.youtube.com/channel/{nasa.id}",
            "https://www.youtube.com/user/NASAtelevision",
        )
        found = [await one.source.describe(way, NOW) for way in ways]
        assert {each.reference for each in found} == {"@nasa"}
        first = found[0]
        assert (first.name, first.unit, first.live_now) == ("NASA TV", "viewers", False)
        assert first.url == "https://www.youtube.com/@nasa"
        assert first.cost is not None
        assert (first.cost.unit, first.cost.limit) == ("units", 10_000)
        assert first.cost.amount == 1440 + 24
        assert "10 minutes" in (first.note or "")
        one.server.start(nasa, NOW)
        assert (await one.source.describe("@nasa", NOW)).live_now is True


async def test_a_video_that_is_live_or_announced_can_be_watched() -> None:
    async with tube({"POLL_INTERVAL_SECONDS": "30"}) as one:
        nasa = one.server.channel("NASA")
        live, soon = one.server.start(nasa, NOW), one.server.announce(nasa, NOW + HOUR)
        found = await one.source.describe(f"https://youtu.be/{live}", NOW)
        assert (found.reference, found.live_now, found.name) == (live, True, f"Video {live}")
        assert found.url == f"https://www.youtube.com/watch?v={live}"
        assert found.cost is not None
        assert found.cost.amount == 2880
        assert (await one.source.describe(soon, NOW)).live_now is False


async def test_a_video_that_is_over_is_refused_with_its_channel() -> None:
    async with tube() as one:
        nasa = one.server.channel("NASA")
        over = one.server.start(nasa, NOW - HOUR)
        one.server.end(over, NOW)
        with pytest.raises(BadAddress, match=f"is over.*youtube:{nasa.id}"):
            await one.source.describe(over, NOW)
        with pytest.raises(BadAddress, match="no broadcast"):
            await one.source.describe(one.server.upload(nasa), NOW)


async def test_eleven_letters_are_tried_as_a_video_and_then_as_a_handle() -> None:
    async with tube() as one:
        one.server.channel("LofiGirl_11")
        assert (await one.source.describe("LofiGirl_11", NOW)).reference == "@lofigirl_11"
        with pytest.raises(BadAddress, match="knows no channel @nobodyhere1"):
            await one.source.describe("nobodyhere1", NOW)
        with pytest.raises(BadAddress, match="no video nobodyhere1"):
            await one.source.describe("https://youtu.be/nobodyhere1", NOW)


@pytest.mark.parametrize("address", ["@nobody", UC, "https://www.youtube.com/user/nobody"])
async def test_a_channel_that_is_not_there(address: str) -> None:
    async with tube() as one:
        with pytest.raises(BadAddress, match=r"mistyped, renamed or deleted.*youtube\.com/@"):
            await one.source.describe(address, NOW)


async def test_a_channel_without_uploads_can_be_watched() -> None:
    async with tube() as one:
        one.server.channel("quiet")
        assert (await one.source.describe("@quiet", NOW)).live_now is False
        assert await one.answer("@quiet") == Answer(at=NOW)


async def test_a_handle_that_somebody_else_has_now_does_not_move_the_watch() -> None:
    async with tube() as one:
        old = one.server.channel("stage")
        reference = (await one.source.describe("@stage", NOW)).reference
        old.handle = "oldstage"
        new = one.server.channel("stage")
        old_live, new_live = one.server.start(old, NOW), one.server.start(new, NOW)
        other = (await one.source.describe("@stage", NOW)).reference
        assert (reference, other) == ("@stage", new.id)
        assert (await one.reading(reference)).session == old_live
        assert (await one.reading(other)).session == new_live


async def test_without_a_key() -> None:
    async with tube({"YOUTUBE_API_KEY": None}) as one:
        with pytest.raises(NotAllowed, match="YOUTUBE_API_KEY"):
            await one.source.describe("@nasa", NOW)
        with pytest.raises(NotAllowed, match="YOUTUBE_API_KEY"):
            await one.told("@nasa")
        assert await one.source.check() is None
        assert one.spent == 0


# --- what answers mean ------------------------------------------------------------------------------------


def test_the_documented_answer() -> None:
    videos = videos_of(json.loads(payload("youtube/videos_list.json")), [A, B, C, D])
    live = videos[A].reading
    assert live == Reading(
        session=A,
        title="Live now",
        hosts=("Chan",),
        url=f"https://www.youtube.com/watch?v={A}",
        concurrent=5321,
        views=48211,
        started_at=1_795_370_405_000,
    )
    hidden, over, soon = (videos[one].reading for one in (B, C, D))
    assert hidden is not None
    assert (hidden.state, hidden.concurrent, hidden.views) == (State.LIVE, None, 48211)
    assert "hides" in (hidden.reason or "")
    assert over is not None
    assert (over.state, over.concurrent, over.views) == (State.ENDED, None, 48211)
    assert videos[C].sure
    assert soon is not None
    assert (soon.state, soon.started_at) == (State.SCHEDULED, 1_795_456_800_000)


def test_the_documented_lists() -> None:
    assert uploads_of(json.loads(payload("youtube/playlistitems.json"))) == (A,)
    channel = channel_of(json.loads(payload("youtube/channels_by_handle.json")))
    assert channel is not None
    assert (channel.id, channel.uploads) == (UC, "UU" + "a" * 22)
    page = Page(host="h", status=403, headers={}, body=payload("youtube/403_quota.json"))
    assert isinstance(refusal(page, of_one=False), RateLimited)


@pytest.mark.parametrize(
    ("viewers", "figure"),
    [
        ("0", 0),
        ("1", 1),
        (7, 7),
        ("9007199254740992", 2**53),
        *((odd, None) for odd in ("9007199254740993", "1" * 5_000, "-1", "1.5", "1e3", "٣", "", " 5", "many")),
        *((odd, None) for odd in (-1, 1.5, True, [5], {"n": 5}, 2**60, float("nan"), float("inf"))),
    ],
)
def test_figures(viewers: object, figure: float | None) -> None:
    item = {
        "id": A,
        "snippet": {"liveBroadcastContent": "live"},
        "liveStreamingDetails": {"concurrentViewers": viewers},
    }
    reading = videos_of({"items": [item]}, [A])[A].reading
    assert reading is not None
    assert (reading.state, reading.concurrent) == (State.LIVE, figure)
    assert (reading.reason is None) == (figure is not None)


@pytest.mark.parametrize(
    ("says_live", "details", "found"),
    [
        ("live", {}, Found.LIVE),
        ("live", {"actualEndTime": None}, Found.LIVE),
        ("live", {"actualEndTime": 5}, Found.LIVE),
        ("live", {"actualEndTime": "soon"}, Found.LIVE),
        ("live", {"actualEndTime": "2026-11-22T14:10:00Z"}, Found.ENDED),
        ("none", {"actualStartTime": "2026-11-22T14:10:00Z"}, Found.ENDED),
        ("none", None, Found.ORDINARY),
        ("none", {"concurrentViewers": "5"}, Found.LIVE),
        ("upcoming", {}, Found.SCHEDULED),
        (None, {"actualStartTime": "2026-11-22T14:10:00Z"}, Found.LIVE),
        (None, {"scheduledStartTime": "2026-11-22T14:10:00Z"}, Found.SCHEDULED),
        ("LIVE!", {"concurrentViewers": "5"}, Found.LIVE),
    ],
)
def test_what_a_video_is(says_live: object, details: object, found: Found) -> None:
    item = {"id": A, "snippet": {"liveBroadcastContent": says_live}, "liveStreamingDetails": details}
    if details is None:
        del item["liveStreamingDetails"]
    assert videos_of({"items": [item]}, [A])[A].found is found


def test_what_cannot_be_told_is_left_open_for_that_video_alone() -> None:
    fine = {"id": A, "snippet": {"liveBroadcastContent": "live"}}
    odds: tuple[object, ...] = (None, 5, [], {}, {"id": 5}, {"id": B}, {"id": B, "snippet": []}, {"id": "x" * 11})
    for odd in odds:
        assert set(videos_of({"items": [odd, fine]}, [A, B])) == {A}
    assert videos_of({"items": [fine]}, [A, B])[B].found is Found.GONE
    assert videos_of({"pageInfo": {"totalResults": 0}}, [A]) == {A: Video(Found.GONE)}
    wrong: tuple[object, ...] = (None, [], {}, {"items": None}, {"items": {}}, {"pageInfo": {"totalResults": 1}})
    for garbage in wrong:
        with pytest.raises(Garbage):
            videos_of(garbage, [A])


# --- finding broadcasts -----------------------------------------------------------------------------------


async def test_a_broadcast_is_found_followed_and_ended() -> None:
    async with tube() as one:
        nasa = one.server.channel("NASA")
        for _ in range(20):
            one.server.upload(nasa)
        follower = Follower(one, (await one.source.describe("@NASA", NOW)).reference)
        before = one.spent
        await follower.follow(NOW, NOW + 2 * HOUR)
        assert follower.changes == []
        assert one.server.calls["channels"] == 1  # when it was described, and never again
        assert one.spent - before == 12  # a look every ten minutes; its ordinary videos were seen already

        started = NOW + 2 * HOUR + MINUTE
        live = one.server.start(nasa, started, 500)
        before, looks = one.spent, one.server.calls["playlistItems"]
        await follower.follow(started, started + HOUR)
        assert follower.changes == ["Started"]
        (session,) = follower.track.sessions
        assert (session.keys, session.started_at) == ([live], started)
        assert session.tally.first_at is not None
        assert session.tally.first_at - started <= 10 * MINUTE
        assert one.server.calls["playlistItems"] - looks == 1
        assert one.spent - before <= 61

        one.server.end(live, started + HOUR)
        await follower.follow(started + HOUR, started + HOUR + 10 * MINUTE)
        assert follower.changes == ["Started", "Ended"]
        before = one.spent
        await follower.follow(started + HOUR + 10 * MINUTE, started + 2 * HOUR)
        assert one.spent - before <= 6


async def test_back_within_the_grace_under_a_new_id_is_found_in_time() -> None:
    async with tube() as one:
        nasa = one.server.channel("NASA")
        first = one.server.start(nasa, NOW)
        follower = Follower(one, "@nasa")
        await follower.follow(NOW, NOW + 30 * MINUTE)
        one.server.end(first, NOW + 30 * MINUTE)
        await follower.follow(NOW + 30 * MINUTE, NOW + 32 * MINUTE)
        second = one.server.start(nasa, NOW + 32 * MINUTE)
        await follower.follow(NOW + 32 * MINUTE, NOW + 40 * MINUTE)
        assert follower.changes == ["Started"]
        assert [session.keys for session in follower.track.sessions] == [[first, second]]


async def test_a_channel_that_is_always_live_may_go_live_with_something_else() -> None:
    async with tube() as one:
        nasa = one.server.channel("NASA")
        one.server.start(nasa, NOW)
        follower = Follower(one, "@nasa")
        await follower.follow(NOW, NOW + 5 * MINUTE)
        one.server.start(nasa, NOW + 5 * MINUTE)
        await follower.follow(NOW + 5 * MINUTE, NOW + 2 * HOUR)
        assert len(follower.track.sessions) == 2
        # Only where units are to spare: by now less than this part of the day's are spent.
        assert one.server.calls["playlistItems"] <= 3


async def test_what_is_announced_is_known_beforehand_and_found_when_it_begins() -> None:
    async with tube() as one:
        nasa = one.server.channel("NASA")
        due = NOW + 30 * HOUR
        soon = one.server.announce(nasa, due)
        follower = Follower(one, "@nasa")
        await follower.follow(NOW, NOW + HOUR)
        (session,) = follower.track.sessions
        assert (session.state, session.started_at, session.keys) == (State.SCHEDULED, due, [soon])
        assert follower.changes == []
        before = one.server.calls["videos"]
        await follower.follow(NOW + HOUR, due - 6 * HOUR)
        assert one.server.calls["videos"] - before <= 24  # once an hour
        for _ in range(20):  # it is no longer among the newest
            one.server.upload(nasa)
        await follower.follow(due - 6 * HOUR, due)
        looks = one.server.calls["playlistItems"]
        one.server.start(nasa, due, video=soon)
        await follower.follow(due, due + 2 * MINUTE)
        assert follower.changes == ["Started"]
        assert one.server.calls["playlistItems"] == looks
        assert follower.track.sessions[0].tally.first_at == due


async def test_what_is_announced_may_be_taken_back() -> None:
    async with tube() as one:
        nasa = one.server.channel("NASA")
        soon = one.server.announce(nasa, NOW + HOUR)
        follower = Follower(one, "@nasa")
        await follower.follow(NOW, NOW + 5 * MINUTE)
        assert len(follower.track.sessions) == 1
        one.server.delete(soon)
        await follower.follow(NOW + 5 * MINUTE, NOW + 40 * MINUTE)
        assert follower.track.sessions == []
        assert follower.changes == []


@pytest.mark.parametrize(
    ("left", "at_most"),
    [(3 * MINUTE, MINUTE), (-10 * MINUTE, MINUTE), (2 * HOUR, 10 * MINUTE), (8 * MINUTE, 3 * MINUTE)],
)
async def test_the_nearer_its_time_the_sooner_it_is_asked_again(left: int, at_most: int) -> None:
    async with tube() as one:
        soon = one.server.announce(one.server.channel("NASA"), NOW + left)
        (told,) = await one.told(Ask(reference=soon, known=(soon,)))
        assert (told.again_at or NOW + MINUTE) - NOW <= at_most
        (told,) = await one.told(Ask(reference="@nasa", known=(soon,)))
        assert (told.again_at or NOW + MINUTE) - NOW <= at_most


async def test_nothing_is_told_where_nothing_was_asked() -> None:
    async with tube() as one:
        one.server.channel("NASA")
        await one.told("@nasa")
        before = one.spent
        (told,) = await one.told("@nasa", now=NOW + MINUTE)
        assert (told.answers, told.again_at, one.spent) == ((), NOW + 10 * MINUTE, before)


async def test_a_restart_costs_one_look_and_no_new_question_for_the_channel() -> None:
    async with tube() as one:
        nasa = one.server.channel("NASA")
        live = one.server.start(nasa, NOW)
        await one.told("@nasa")
        one.restart()
        assert (await one.reading(Ask(reference="@nasa", known=(live,)), NOW + MINUTE)).session == live
        assert one.server.calls == {"channels": 1, "playlistItems": 2, "videos": 2}


async def test_a_clock_that_is_set_back_delays_nothing() -> None:
    async with tube() as one:
        nasa = one.server.channel("NASA")
        soon = one.server.announce(nasa, NOW + 30 * HOUR)
        await one.told("@nasa", now=NOW + 5 * HOUR)
        live = one.server.start(nasa, NOW)
        answer = await one.answer(Ask(reference="@nasa", known=(soon,)))
        assert isinstance(answer, Answer)
        assert {reading.session for reading in answer.readings} == {soon, live}


async def test_a_renamed_channel_goes_on_by_its_id() -> None:
    async with tube() as one:
        nasa = one.server.channel("NASA")
        reference = (await one.source.describe("@nasa", NOW)).reference
        nasa.handle = "spaceagency"
        live = one.server.start(nasa, NOW)
        assert (await one.reading(reference)).session == live


# --- batches ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("count", "calls"), [(0, 0), (1, 1), (49, 1), (50, 1), (51, 2), (1_234, 25)])
async def test_fifty_videos_a_call(count: int, calls: int) -> None:
    async with tube() as one:
        nasa = one.server.channel("NASA")
        ids = [one.server.start(nasa, NOW, n) for n in range(count)]
        told = await one.told(*ids, *reversed(ids))
        assert one.server.calls["videos"] == calls == one.spent
        figures = [
            answer.readings[0].concurrent for t in told for answer in t.answers if isinstance(answer, Answer)
        ]
        assert figures == [*range(count), *reversed(range(count))]


async def test_channels_and_videos_share_calls_and_a_channel_is_looked_at_once() -> None:
    async with tube() as one:
        channels = [one.server.channel(f"c{n}") for n in range(10)]
        ids = [one.server.start(channel, NOW, n) for n, channel in enumerate(channels)]
        told = await one.told(*(f"@c{n}" for n in range(10)), *ids, *(channel.id for channel in channels))
        assert len(told) == 30
        assert all(isinstance(t.answers[0], Answer) and len(t.answers[0].readings) == 1 for t in told)
        assert one.server.calls["videos"] == 1
        assert one.server.calls["playlistItems"] == 10


async def test_a_call_that_fails_concerns_its_fifty_alone() -> None:
    async with tube() as one:
        nasa = one.server.channel("NASA")
        ids = [one.server.start(nasa, NOW) for _ in range(1_000)]
        one.server.broken[ids[570]] = says("oops", status=500)
        told = await one.told(*ids)
        kinds = [type(t.answers[0]) for t in told]
        assert kinds == [Answer] * 550 + [Failure] * 50 + [Answer] * 400


async def test_a_session_whose_call_failed_goes_on() -> None:
    async with tube() as one:
        others = [one.server.start(one.server.channel(f"x{n}"), NOW) for n in range(49)]
        nasa = one.server.channel("NASA")
        first, second = one.server.start(nasa, NOW), one.server.start(nasa, NOW)
        one.server.broken[second] = says("oops", status=503)
        told = await one.told(*others, Ask(reference="@nasa", known=(first, second)))
        (answer,) = told[-1].answers
        assert isinstance(answer, Answer)
        assert [reading.session for reading in answer.readings] == [first]
        assert answer.still == {second}


async def test_all_that_is_due_is_one_reading_with_one_call_that_is_not_full() -> None:
    async with tube() as one:
        channels = [one.server.channel(f"c{n}") for n in range(300)]
        for channel in channels:
            for figure in range(3):
                one.server.start(channel, NOW, figure)
        names = [f"@{channel.handle}" for channel in channels]
        assert len(names) <= one.source.batch
        assert {one.source.kind(name) for name in (*names, A, UC)} == {""}
        await one.told(*names)
        before = one.server.calls.copy()
        told = await one.told(*names, now=NOW + MINUTE)
        assert all(isinstance(t.answers[0], Answer) and len(t.answers[0].readings) == 3 for t in told)
        assert one.server.calls - before == {"videos": 900 // 50}


async def test_what_there_is_no_time_for_is_asked_with_the_next_tick() -> None:
    async with tube() as one:
        nasa = one.server.channel("NASA")
        ids = [one.server.start(nasa, NOW) for _ in range(300)]
        seconds = itertools.count(step=VIDEOS_WITHIN / 3)
        one.restart(lambda: next(seconds))  # it passes with each call
        told = await one.told(*ids)
        assert [type(t.answers[0]) for t in told[:100]] == [Answer] * 100
        assert told[100:] == [Told(answers=(), again_at=NOW + SECOND)] * 200
        assert one.server.calls["videos"] == 2
        one.restart()
        assert all(isinstance(t.answers[0], Answer) for t in await one.told(*ids[100:], now=NOW + SECOND))


async def test_looks_that_take_long_hold_up_nothing_that_is_live() -> None:
    async with tube() as one:
        live = one.server.start(one.server.channel("NASA"), NOW)
        channels = [one.server.channel(f"c{n}") for n in range(4)]
        for channel in channels:
            one.server.start(channel, NOW)
        names = [f"@{channel.handle}" for channel in channels]
        await one.told(*names)
        seconds = itertools.chain([0.0], itertools.repeat(LOOKS_WITHIN))
        one.restart(lambda: next(seconds))  # time for videos only
        known = Ask(reference=names[3], known=tuple(channels[3].uploads))
        told = await one.told(*names[:3], known, live, "@new", now=NOW + MINUTE)
        assert [t.again_at for t in told] == [*[NOW + MINUTE + SECOND] * 3, None, None, NOW + MINUTE + SECOND]
        assert [bool(t.answers) for t in told] == [False, False, False, True, True, False]
        assert all(isinstance(t.answers[0], Answer) and t.answers[0].readings for t in told[3:5])
        one.restart()
        told = await one.told(*names[:3], "@new", now=NOW + MINUTE + SECOND)
        assert [type(t.answers[0]) for t in told] == [Answer, Answer, Answer, Failure]


async def test_a_key_that_is_refused_or_a_wait_stops_the_calls_that_would_follow() -> None:
    async with tube() as one:
        nasa = one.server.channel("NASA")
        ids = [one.server.start(nasa, NOW) for _ in range(1_000)]
        for status, error in ((429, RateLimited), (401, Denied)):
            one.server.calls.clear()
            one.server.broken["videos"] = says("{}", status=status)
            with pytest.raises(error):
                await one.told(*ids)
            assert one.server.calls == {"videos": AT_ONCE}


def test_a_reading_ends_before_the_poller_gives_it_up() -> None:
    assert LOOKS_WITHIN + DEFAULT_TIMEOUT < VIDEOS_WITHIN
    assert VIDEOS_WITHIN + DEFAULT_TIMEOUT < LONGEST_READ_SECONDS


async def test_turns_are_taken_a_few_at_a_time_until_it_is_late_or_of_no_use() -> None:
    now, begun, gate = 0.0, 0, asyncio.Event()
    turns = Turns(lambda: now, until=10.0)

    async def question(number: int) -> int:
        nonlocal begun, now
        begun += 1
        await gate.wait()
        if number == 9:
            now = 10.0
        if number == 2:
            raise Unavailable("out of order")
        return number

    asked = [asyncio.create_task(turns.take(partial(question, number))) for number in range(20)]
    for _ in range(100):  # all that can begin has begun
        await asyncio.sleep(0)
    assert begun == AT_ONCE
    gate.set()
    results = await asyncio.gather(*asked, return_exceptions=True)
    assert [one for one in results[:10] if isinstance(one, int)] == [0, 1, 3, 4, 5, 6, 7, 8, 9]
    assert type(results[2]) is Unavailable  # its own affair
    assert isinstance(results[19], NotAsked)

    async def refused() -> None:
        raise KeyRefused("no")

    turns = Turns(lambda: now, until=11.0)
    for _ in range(2):
        with pytest.raises(KeyRefused):
            await turns.take(refused)
    with pytest.raises(KeyRefused):
        await turns.take(partial(question, 0))


def test_videos_that_looks_name_are_not_forgotten_before_others() -> None:
    videos = Videos(Api(Kit(web=Web())))
    ordinary = Seen(Video(Found.ORDINARY, sure=True), asked_at=NOW, since=NOW, was_live=False)
    videos.seen = {f"{number:011d}": ordinary for number in range(MOST_KEPT + 10)}
    videos.forget(listed=10)
    assert len(videos.seen) == MOST_KEPT + 10
    videos.forget(listed=8)
    assert len(videos.seen) == MOST_KEPT + 8
    assert next(iter(videos.seen)) == f"{2:011d}"


async def test_channels_that_nobody_asks_about_are_forgotten_after_a_day() -> None:
    async with tube() as one:
        for name in ("left", "kept"):
            one.server.channel(name)
        await one.told("@left", "@kept")
        await one.told("@kept", now=NOW + DAY + MINUTE)
        assert len(one.source._looks.of) == 1


# --- ends -------------------------------------------------------------------------------------------------


async def test_a_watch_of_a_video_is_over_when_its_session_is_closed() -> None:
    async with tube() as one:
        live = one.server.start(one.server.channel("NASA"), NOW)
        follower = Follower(one, live)
        await follower.follow(NOW, NOW + 10 * MINUTE)
        one.server.end(live, NOW + 10 * MINUTE)
        await follower.follow(NOW + 10 * MINUTE, NOW + 12 * MINUTE)
        assert not follower.over  # else nobody would ever tell the pipeline that the grace has passed
        before = one.spent
        await follower.follow(NOW + 12 * MINUTE, NOW + 30 * MINUTE)
        assert follower.changes == ["Started", "Ended"]
        assert follower.over
        assert one.spent == before  # an end is for good


async def test_an_end_is_told_with_its_views() -> None:
    async with tube() as one:
        live = one.server.start(one.server.channel("NASA"), NOW)
        one.server.end(live, NOW)
        for reference in ("@nasa", live):
            one.restart()
            reading = await one.reading(Ask(reference=reference, known=(live,)))
            assert (reading.state, reading.views) == (State.ENDED, 100)
        (told,) = await one.told(live)
        assert told.over


async def test_a_deleted_video_ends_its_session_and_then_its_watch() -> None:
    async with tube() as one:
        live = one.server.start(one.server.channel("NASA"), NOW)
        video, channel = Follower(one, live), Follower(one, "@nasa")
        for follower in (video, channel):
            await follower.follow(NOW, NOW + 10 * MINUTE)
        one.server.delete(live)
        for follower in (video, channel):
            await follower.follow(NOW + 10 * MINUTE, NOW + HOUR)
            assert follower.changes == ["Started", "Ended"]
        assert video.over
        assert set(video.troubles) == {Trouble.GONE}
        assert channel.troubles == []


async def test_an_answer_that_leaves_a_video_out_once_ends_nothing() -> None:
    async with tube() as one:
        live = one.server.start(one.server.channel("NASA"), NOW)
        for reference in (live, "@nasa"):
            follower = Follower(one, reference)
            await follower.follow(NOW, NOW + 5 * MINUTE)
            one.server.broken["videos"] = says('{"items": []}')
            await follower.follow(NOW + 5 * MINUTE, NOW + 7 * MINUTE)
            one.server.broken.clear()
            await follower.follow(NOW + 7 * MINUTE, NOW + HOUR)
            assert (follower.changes, follower.over) == (["Started"], False)


async def test_a_video_that_was_never_seen_is_gone() -> None:
    async with tube() as one:
        failed = await one.failure(A)
        assert failed.trouble is Trouble.GONE
        assert "deleted or made private" in failed.detail


async def test_a_deleted_channel_is_told_and_asked_about_seldom() -> None:
    async with tube() as one:
        nasa = one.server.channel("NASA")
        live = one.server.start(nasa, NOW)
        follower = Follower(one, (await one.source.describe("@nasa", NOW)).reference)
        await follower.follow(NOW, NOW + 10 * MINUTE)
        one.server.delete(live)
        del one.server.channels[nasa.id]
        await follower.follow(NOW + 10 * MINUTE, NOW + HOUR)
        assert follower.changes == ["Started", "Ended"]
        assert follower.troubles == [Trouble.GONE]
        before = one.spent
        for minute in range(60, 180):  # even if it is asked all the time
            failed = await one.failure("@nasa", NOW + minute * MINUTE)
            assert failed.trouble is Trouble.GONE
        assert one.spent - before <= 6


async def test_a_handle_that_is_not_remembered_and_not_there() -> None:
    async with tube() as one:
        (told,) = await one.told("@nobody")
        (failed,) = told.answers
        assert isinstance(failed, Failure)
        assert failed.trouble is Trouble.GONE
        assert told.again_at == NOW + HOUR
        await one.told("@nobody", now=NOW + MINUTE)
        assert one.spent == 1


# --- refusals ---------------------------------------------------------------------------------------------


async def test_used_up_units_stop_everything_until_midnight_in_california() -> None:
    async with tube() as one:
        live = one.server.start(one.server.channel("NASA"), NOW)
        one.server.units = 0
        for ask in (live, "@nasa"):
            with pytest.raises(RateLimited, match="midnight in California") as caught:
                await one.told(ask)
            assert caught.value.retry_after == MIDNIGHT - NOW
        assert one.spent == 1  # what YouTube said is believed
        assert one.source.purse is not None
        assert one.source.purse.left(NOW) == 0
        one.server.units = 10_000
        assert (await one.reading(live, MIDNIGHT)).session == live


async def test_our_own_purse_is_kept() -> None:
    async with tube({"YOUTUBE_DAILY_UNITS": "5"}) as one:
        live = one.server.start(one.server.channel("NASA"), NOW)
        for _ in range(5):
            await one.told(live)
        with pytest.raises(RateLimited, match="The 5 units"):
            await one.told(live)
        assert one.spent == 5
        spent = one.source._purse.spent(NOW)
        assert spent == Spent(MIDNIGHT - DAY, 5, 5)
        one.restart()
        one.source._purse.adopt(spent)
        with pytest.raises(RateLimited):
            await one.told(live)


async def test_when_units_run_out_halfway_what_was_answered_counts() -> None:
    async with tube({"YOUTUBE_DAILY_UNITS": "1"}) as one:
        nasa = one.server.channel("NASA")
        told = await one.told(*(one.server.start(nasa, NOW) for _ in range(60)))
        kinds = [type(t.answers[0]) for t in told]
        assert kinds == [Answer] * 50 + [Failure] * 10
        assert told[-1].again_at == MIDNIGHT


@pytest.mark.parametrize(
    ("status", "reason", "more"),
    [
        (400, "keyInvalid", {}),
        (400, "keyExpired", {}),
        (400, "badRequest", {"details": [{"reason": "API_KEY_INVALID"}]}),
        (401, "authError", {}),
        (403, "accessNotConfigured", {"status": "PERMISSION_DENIED"}),
        (403, "ipRefererBlocked", {}),
        (403, "forbidden", {}),
    ],
)
async def test_a_key_that_is_refused_names_its_setting(status: int, reason: str, more: dict[str, object]) -> None:
    async with tube() as one:
        body = json.dumps({"error": {"code": status, "errors": [{"reason": reason}], **more}})
        one.server.broken["videos"] = one.server.broken["channels"] = says(body, status=status)
        for question in (one.told(A), one.source.describe(A, NOW), one.source.describe("@nasa", NOW)):
            with pytest.raises(Denied, match="YOUTUBE_API_KEY"):
                await question
        assert "YOUTUBE_API_KEY" in (await one.source.check() or "")


async def test_a_wrong_key_is_found_by_the_doctor_and_never_shown(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    for key in ("AIza-s3cret", "AIza s3cret\nX: y", "schlüssel s3cret"):
        async with tube({"YOUTUBE_API_KEY": key}) as one:
            wrong = await one.source.check() or ""
            assert "YOUTUBE_API_KEY" in wrong
            with pytest.raises(Denied) as caught:
                await one.told(A)
            assert "s3cret" not in f"{wrong} {caught.value!r} {caplog.text}"


async def test_the_doctor() -> None:
    async with tube() as one:
        assert await one.source.check() is None
        assert one.server.calls == {"channels": 1}
        one.restart(YOUTUBE_DAILY_UNITS="plenty")
        assert "YOUTUBE_DAILY_UNITS" in (await one.source.check() or "")
        assert one.source._purse.limit == 10_000


@pytest.mark.parametrize(
    ("status", "reason", "headers", "wait"),
    [
        (429, "rateLimitExceeded", {"Retry_After": "90"}, 90 * SECOND),
        (429, "", {"Retry_After": "99999999"}, DAY),
        (429, "", {}, None),
        (403, "rateLimitExceeded", {}, None),
        (403, "userRateLimitExceeded", {"Retry_After": "5"}, 5 * SECOND),
        (429, "quotaExceeded", {}, MIDNIGHT - NOW),
        (403, "dailyLimitExceeded", {}, MIDNIGHT - NOW),
    ],
)
async def test_asked_to_wait(status: int, reason: str, headers: dict[str, str], wait: int | None) -> None:
    async with tube() as one:
        body = json.dumps({"error": {"errors": [{"reason": reason}]}})
        one.server.broken["videos"] = says(body, status=status, **headers)
        with pytest.raises(RateLimited) as caught:
            await one.told(A)
        assert caught.value.retry_after == wait


BROKEN = {
    "500": (says("<h1>oops</h1>", status=500), Trouble.UNAVAILABLE),
    "503": (says('{"error": {"code": 503}}', status=503), Trouble.UNAVAILABLE),
    "hung up": (hangs_up, Trouble.UNAVAILABLE),
    "broken off": (breaks_off, Trouble.GARBAGE),
    "HTML": (says("<!doctype html><title>Sorry</title>"), Trouble.GARBAGE),
    "HTML 404": (says("<title>Error 404</title>", status=404), Trouble.GARBAGE),
    "half": (says('{"items": [{"id": "aaa'), Trouble.GARBAGE),
    "empty": (says(""), Trouble.GARBAGE),
    "null": (says("null"), Trouble.GARBAGE),
    "no items": (says("{}"), Trouble.GARBAGE),
    "odd 400": (says('{"error": {"errors": [{"reason": "badRequest"}]}}', status=400), Trouble.GARBAGE),
    "odd error": (says('{"error": {"errors": {"a": 1}, "details": [5]}}', status=418), Trouble.GARBAGE),
}


@pytest.mark.parametrize(("answer", "trouble"), BROKEN.values(), ids=BROKEN)
@pytest.mark.parametrize("method", ["videos", "playlistItems", "channels"])
async def test_broken_answers_are_failures_and_end_nothing(answer: object, trouble: Trouble, method: str) -> None:
    async with tube() as one:
        live = one.server.start(one.server.channel("NASA"), NOW)
        one.server.broken[method] = answer  # type: ignore[assignment]
        failed = await one.failure(Ask(reference="@nasa", known=()))
        assert failed.trouble is trouble
        assert failed.detail.endswith(".")
        one.server.broken.clear()
        assert (await one.reading("@nasa")).session == live


async def test_a_failed_look_does_not_hide_what_is_live() -> None:
    async with tube() as one:
        nasa = one.server.channel("NASA")
        live = one.server.start(nasa, NOW)
        await one.source.describe("@nasa", NOW)
        one.server.broken["playlistItems"] = says("oops", status=500)
        assert (await one.reading(Ask(reference="@nasa", known=(live,)))).session == live


async def test_uploads_that_nobody_may_see_concern_that_channel_alone() -> None:
    async with tube() as one:
        live = one.server.start(one.server.channel("NASA"), NOW)
        closed = one.server.channel("closed")
        body = json.dumps({"error": {"code": 403, "errors": [{"reason": "forbidden"}]}})
        one.server.broken[closed.playlist] = says(body, status=403)
        told = await one.told("@closed", "@nasa")
        assert [type(t.answers[0]) for t in told] == [Failure, Answer]
        failed = await one.failure("@closed")
        assert failed.trouble is Trouble.DENIED
        assert isinstance((await one.told(live))[0].answers[0], Answer)


async def test_an_address_of_the_api_that_is_wrong() -> None:
    async with tube() as one:
        one.restart(YOUTUBE_API_URL=f"{one.server.pages.url}/elsewhere")
        with pytest.raises(Garbage):
            await one.source.describe("@nasa", NOW)
        one.restart(YOUTUBE_API_URL="http://nobody.invalid")
        with pytest.raises(Unavailable):
            await one.source.describe("@nasa", NOW)


# --- the day, and its budget ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("moment", "hours"), [("2026-11-01T12:00", 25), ("2026-11-22T12:00", 24), ("2027-03-14T00:30", 23)]
)
def test_a_day_of_units_goes_from_midnight_to_midnight_in_california(moment: str, hours: int) -> None:
    zone = ZoneInfo("America/Los_Angeles")
    at = round(datetime.fromisoformat(moment).replace(tzinfo=zone).timestamp() * SECOND)
    begun, until = day_of(at)
    assert begun <= at < until
    assert until - begun == hours * HOUR
    assert day_of(begun) == day_of(until - 1) == (begun, until)
    assert day_of(until)[0] == until
    for edge in (begun, until):
        assert datetime.fromtimestamp(edge / SECOND, tz=zone).strftime("%H:%M") == "00:00"


async def test_a_day_of_150_live_sessions_and_30_creators() -> None:
    """Ten of the creators go live for two hours, so that often more than three calls are due.

    Every watch is read in every interval, as if no moment to ask again had been told.
    """
    start = MIDNIGHT
    chance, go_live = random.Random(1), 10
    async with tube() as one:
        stage = one.server.channel("stage")
        ids = [one.server.start(stage, start, 100 + n) for n in range(150)]
        creators = [one.server.channel(f"creator{n}") for n in range(30)]
        for creator in creators:
            for _ in range(20):
                one.server.upload(creator)
        shows: dict[int, list[tuple[servers.Channel, int]]] = {}
        for creator in creators[:go_live]:
            begins = start + chance.randrange(20) * HOUR
            shows.setdefault(begins, []).append((creator, begins + 2 * HOUR))
        ends: dict[int, list[str]] = {}
        followers = [Follower(one, ref, due=start) for ref in (*ids, *(f"@{c.handle}" for c in creators))]
        for now in range(start, start + DAY, MINUTE):
            for creator, until in shows.get(now, []):
                ends.setdefault(until, []).append(one.server.start(creator, now))
            for id_ in ends.get(now, []):
                one.server.end(id_, now)
            told = await one.told(*(follower.ask for follower in followers), now=now)
            for follower, each in zip(followers, told, strict=True):
                follower.take(each, now)
                assert follower.troubles == []
        assert one.source._purse.spent(start).amount == one.spent <= 10_000
        assert [f.changes for f in followers[:150]] == [["Started"]] * 150
        assert [f.changes for f in followers[150 : 150 + go_live]] == [["Started", "Ended"]] * go_live
        assert all(f.changes == [] for f in followers[150 + go_live :])
        assert all(f.track.sessions[0].tally.readings == 1440 for f in followers[:150])


async def test_more_creators_than_units_are_looked_at_less_often() -> None:
    async with tube({"YOUTUBE_DAILY_UNITS": "1000"}) as one:
        names = [one.server.channel(f"creator{n}").handle for n in range(30)]
        for now in range(MIDNIGHT, MIDNIGHT + DAY, 5 * MINUTE):
            told = await one.told(*(f"@{name}" for name in names), now=now)
            assert not any(isinstance(answer, Failure) for t in told for answer in t.answers)
        assert 300 <= one.spent <= 1_000
        assert one.server.calls["playlistItems"] >= 300


# --- mutations --------------------------------------------------------------------------------------------


def page(body: bytes) -> Page:
    return Page(host="youtube", status=200, headers={}, body=body)


def test_ten_thousand_answers_gone_wrong() -> None:
    right = payload("youtube/videos_list.json")
    wrong = 0
    for body in mutations(right, seed=1, count=10_000):
        try:
            data = page(body).json()
            videos = videos_of(data, [A, B, C, D])
        except Garbage:
            wrong += 1
            continue
        listed = listed_as_live(data)
        for id_, video in videos.items():
            if video.reading is not None:
                check_reading(video.reading)
            if id_ in listed:
                assert video.found is Found.LIVE, body
            if video.found is Found.GONE:
                assert says_all(data), body
    assert 500 < wrong < 9_500


def check_reading(reading: Reading) -> None:
    for figure in (reading.concurrent, reading.views):
        assert figure is None or 0 <= figure <= 2**53
    if reading.state is State.LIVE:
        assert (reading.concurrent is None) == (reading.reason is not None)
    assert len(reading.title or "") <= 300


def says_all(data: object) -> bool:
    """Tell whether an answer counts no more videos than can be read in it."""
    assert isinstance(data, dict)
    items, info = data.get("items", []), data.get("pageInfo", {})
    total = info.get("totalResults", len(items) or -1) if isinstance(info, dict) else len(items) or -1
    named = all(isinstance(one, dict) and one.get("id") in {A, B, C, D} for one in items)
    return named and isinstance(total, int) and 0 <= total <= len(items)


def listed_as_live(data: object) -> set[str]:
    """Return the ids that an answer still calls live, read as plainly as can be."""
    live = set()
    assert isinstance(data, dict)
    for item in data.get("items", []):
        try:
            says_live = item["snippet"]["liveBroadcastContent"] == "live"
            ended = "actualEndTime" in item.get("liveStreamingDetails", {})
        except (TypeError, KeyError, AttributeError):
            continue
        if says_live and not ended and isinstance(item.get("id"), str):
            live.add(item["id"])
    return live


def test_no_zero_that_the_answer_does_not_hold() -> None:
    for body in mutations(payload("youtube/videos_list.json"), seed=2, count=2_000):
        try:
            data = page(body).json()
            videos = videos_of(data, [A, B, C, D])
        except SourceError:
            continue
        figures = {id_: v.reading.concurrent for id_, v in videos.items() if v.reading is not None}
        for item in data["items"]:
            if not isinstance(item, dict) or figures.get(str(item.get("id"))) != 0:
                continue
            given = {
                json.dumps(one["liveStreamingDetails"]["concurrentViewers"])
                for one in data["items"]
                if isinstance(one, dict) and one.get("id") == item["id"]
            }
            assert given & {'"0"', "0", "-0.0", "0.0"}, body


@pytest.mark.parametrize("name", ["channels_by_handle", "playlistitems", "403_quota"])
def test_other_answers_gone_wrong(name: str) -> None:
    for body in mutations(payload(f"youtube/{name}.json"), seed=3, count=3_000):
        try:
            data = page(body).json()
            channel_of(data)
            uploads_of(data)
        except SourceError:
            pass
        for status in (400, 403, 404, 429, 500):
            answer = Page(host="youtube", status=status, headers={}, body=body)
            assert isinstance(refusal(answer, of_one=True), SourceError)


async def test_reads_at_the_same_time_do_not_disturb_each_other() -> None:
    async with tube() as one:
        nasa = one.server.channel("NASA")
        ids = [one.server.start(nasa, NOW, n) for n in range(20)]
        told = await asyncio.gather(*(one.told(id_, "@nasa") for id_ in ids))
        assert all(isinstance(t.answers[0], Answer) for pair in told for t in pair)
