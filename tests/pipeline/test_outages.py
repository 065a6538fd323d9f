"""A platform that is down is left alone, told of once, and read by all as soon as it is back."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import pytest
from structlog.testing import capture_logs

from bot.domain import DAY, HOUR, MINUTE, SECOND
from bot.pipeline.backoff import REFUSED, TRIES
from bot.pipeline.ingest import Ingest
from bot.pipeline.poll import Poll
from bot.ports.source import AccountGone, Denied, Garbage, NotAllowed, RateLimited, SourceError, Unavailable
from storage import watches
from storage.database import Database
from storage.tables import watch as table
from tests.fakes.clock import NOW
from tests.fakes.rows import INTERVAL, a_chat, a_watch, listens, rows
from tests.fakes.source import FakeSource, GatheringSource, live, told


@dataclass
class Stage:
    """A poller with a platform that is asked for two watches a call, and one whose watches stand alone."""

    database: Database
    platform: GatheringSource = field(default_factory=lambda: GatheringSource("platform", batch=2, ids_a_call=2))
    alone: FakeSource = field(default_factory=lambda: FakeSource("alone"))
    refused: list[tuple[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.start()

    def start(self) -> None:
        async def on_refused(platform: str, why: str) -> None:
            self.refused.append((platform, why))

        sources = {"platform": self.platform, "alone": self.alone}
        self.ingest = Ingest(self.database)
        self.poll = Poll(self.database, sources, self.ingest, on_refused=on_refused, chance=random.Random(7))

    async def watch(self, *names: str, source: str = "platform") -> None:
        async with self.database.write() as connection:
            ann = await a_chat(connection)
            for name in names:
                watch = await a_watch(connection, name, source=source)
                if source == "platform":
                    kind = self.platform.kind(name)
                    await connection.execute(table.update().where(table.c.id == watch.id).values(kind=kind))
                await listens(connection, ann, watch)

    async def due(self) -> dict[str, int]:
        async with self.database.read() as connection:
            return dict(await rows(connection, "watch", "reference", "due_at"))

    async def fails(self, error: Exception, times: int, *, now: int = NOW) -> int:
        """Let the platform fail at each of the next questions; returns when it is due again."""
        for _ in range(times):
            for name in "abcdef":
                self.platform._scripts[name].clear()
                self.platform.says(name, *[error] * 2)
            calls = len(self.platform.asked)
            while len(self.platform.asked) == calls:
                now = max(now, min((await self.due()).values()))
                await self.poll.tick(now)
        for name in "abcdef":
            self.platform._scripts[name].clear()
        return max((await self.due()).values())


async def test_watches_of_different_kinds_share_no_call(database: Database) -> None:
    at = Stage(database)
    await at.watch("a", "#1", "b", "#2")
    await at.poll.tick(NOW)
    assert sorted([ask.reference for ask in call] for call in at.platform.asked) == [["#1", "#2"], ["a", "b"]]


async def test_a_platform_that_is_down_is_asked_by_one_call_until_it_answers(database: Database) -> None:
    at = Stage(database)
    await at.watch(*"abcdef")
    await at.fails(Unavailable("HTTP 503"), TRIES)
    assert len(at.platform.asked) == 3 * TRIES  # all went on together, and now it is down
    for _ in range(4):
        before = len(at.platform.asked)
        await at.fails(Unavailable("HTTP 503"), 1)
        assert len(at.platform.asked) == before + 1
    now = min((await at.due()).values())
    await at.poll.tick(now)
    now = max((await at.due()).values())
    at.platform.asked.clear()
    await at.poll.tick(now)
    await at.poll.tick(now + INTERVAL)
    assert {ask.reference for call in at.platform.asked for ask in call} == set("abcdef")


async def test_an_outage_of_a_platform_is_logged_once_however_many_watches_wait(database: Database) -> None:
    at = Stage(database)
    await at.watch(*"abcdef")
    with capture_logs() as lines:
        now = await at.fails(Garbage("a web page"), TRIES + 3)
        for _ in range(3):
            await at.poll.tick(now)
            for name in "abcdef":
                at.platform.says(name, told(live(now, 5)))
            now += MINUTE
    told_of = [(line["event"], line.get("source")) for line in lines]
    assert told_of == [("a source cannot be read", "platform"), ("a source answers again", "platform")]


async def test_an_outage_that_outlives_a_restart_is_not_logged_twice(database: Database) -> None:
    at = Stage(database)
    await at.watch("a", "b")
    await at.fails(Unavailable("down"), 1)
    at.start()
    with capture_logs() as lines:
        now = await at.fails(Unavailable("down"), 1)
        at.platform.says("a", told(live(now, 5)))
        at.platform.says("b", told(live(now, 5)))
        await at.poll.tick(now)
    assert [line["event"] for line in lines] == ["a source answers again"]


async def test_watches_that_stand_alone_wait_and_are_logged_each_by_itself(database: Database) -> None:
    at = Stage(database)
    await at.watch("p", "q", source="alone")
    waits = []
    with capture_logs() as lines:
        for _ in range(8):
            now = (await at.due())["p"]
            at.alone.says("p", told(Unavailable("down"), at=now))
            at.alone.says("q", told(live(now, 5)))
            await at.poll.tick(now)
            waits.append((await at.due())["p"] - now)
    assert all(wait <= 5 * SECOND * 2**n for n, wait in enumerate(waits))
    assert max(waits) > MINUTE
    assert [(line["event"], "watch" in line) for line in lines] == [("a source cannot be read", True)]


@pytest.mark.parametrize("error", [Denied("X does not take the bot's key."), NotAllowed("This bot has no key.")])
async def test_a_refused_key_stops_the_source_and_operators_hear_of_it_once(
    database: Database, error: SourceError
) -> None:
    at = Stage(database)
    await at.watch(*"ab")
    with capture_logs() as lines:
        await at.fails(error, 1)
        assert set((await at.due()).values()) == {NOW + REFUSED}
        for n in range(1, 15):
            await at.poll.tick(NOW + n * MINUTE)
        assert len(at.platform.asked) == 1
        await at.fails(error, 2)
    assert at.refused == [("platform", str(error))]
    assert [line["event"] for line in lines] == ["a source refuses this bot"]
    now = max((await at.due()).values())
    await at.poll.tick(now)  # it was mended
    await at.fails(error, 1, now=now + HOUR)
    assert len(at.refused) == 2


async def test_what_one_watch_may_not_see_stops_no_other(database: Database) -> None:
    at = Stage(database)
    await at.watch(*"abcd")
    for n in range(5):
        now = NOW + n * INTERVAL
        at.platform.says("a", told(Denied("private"), at=now))
        at.platform.says("c", told(AccountGone("renamed"), at=now))
        for name in "bd":
            at.platform.says(name, told(live(now, 5)))
        await at.poll.tick(now)
    assert at.refused == []
    async with database.read() as connection:
        assert len(await rows(connection, "sample")) >= 8


async def test_a_platform_that_asks_to_wait_is_asked_for_nothing_meanwhile(database: Database) -> None:
    at = Stage(database)
    await at.watch("a", "b")
    await at.fails(RateLimited("Too often.", retry_after=10 * MINUTE), 1)
    await at.watch("c", "d")  # new ones wait with the others
    for n in range(1, 10):
        await at.poll.tick(NOW + n * MINUTE)
    assert len(at.platform.asked) == 1
    await at.poll.tick(NOW + 10 * MINUTE)
    assert {ask.reference for call in at.platform.asked[1:] for ask in call} == set("abcd")


async def test_an_outage_ends_though_a_watch_that_waited_on_it_is_watched_no_more(database: Database) -> None:
    at = Stage(database)
    await at.watch("a", "b")
    await at.fails(Unavailable("down"), 1)
    async with database.write() as connection:
        ann, b = await a_chat(connection), await watches.by_reference(connection, "platform", "b")
        assert b is not None
        await watches.unfollow(connection, chat_id=ann.id, watch_id=b.id)
    with capture_logs() as lines:
        now = NOW + DAY
        at.platform.says("a", told(live(now, 5)))
        await at.poll.tick(now)
    assert [line["event"] for line in lines] == ["a source answers again"]


async def test_a_start_asks_at_once_what_was_left_alone_before_it(database: Database) -> None:
    at = Stage(database)
    await at.watch("a")
    await at.fails(Denied("The key is wrong."), 1)
    at.start()
    await at.poll.begin_anew(NOW + MINUTE)
    at.platform.says("a", told(live(NOW + MINUTE, 5)))
    await at.poll.tick(NOW + MINUTE)
    async with database.read() as connection:
        assert len(await rows(connection, "sample")) == 1


async def test_a_probe_that_never_left_leaves_the_breaker_free(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = Stage(database)
    await at.watch("a", "b", "c")
    now = await at.fails(Unavailable("down"), TRIES)
    with monkeypatch.context() as patch:

        async def full(*_: object, **__: object) -> None:
            raise OSError("disk full")

        patch.setattr(watches, "due_again", full)  # within the transaction that claims
        with pytest.raises(OSError, match="disk full"):
            await at.poll.begin(now)
    calls = len(at.platform.asked)
    await at.poll.tick(now)
    assert len(at.platform.asked) == calls + 1


async def test_a_platform_that_says_too_often_without_a_time_is_not_asked_sooner_than_usual(
    database: Database,
) -> None:
    at = Stage(database)
    await at.watch("a")
    await at.fails(RateLimited("Too often."), 1)
    assert (await at.due())["a"] >= NOW + INTERVAL


async def test_one_odd_watch_is_no_outage_of_its_platform(database: Database) -> None:
    at = Stage(database)
    await at.watch("odd", "b")
    with capture_logs() as lines:
        for n in range(3):
            now = NOW + n * INTERVAL
            at.platform.says("odd", told(Garbage("HTTP 400"), at=now))
            at.platform.says("b", told(live(now, 5)))
            await at.poll.tick(now)
        begun = len(lines)
        await at.fails(Unavailable("HTTP 503"), 1, now=now + INTERVAL)
    assert [(line["event"], "watch" in line) for line in lines[:begun]] == [("a source cannot be read", True)]
    assert [(line["event"], "watch" in line) for line in lines[begun:]] == [("a source cannot be read", False)]
