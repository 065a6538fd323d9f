"""Posts under a hashtag: every minute counted once, days that add up, whatever is missed between questions."""

from __future__ import annotations

import json
import re
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest

from bot.domain import DAY, HOUR, MINUTE
from bot.domain.reading import Answer, Failure, Metric, Trouble
from bot.domain.session import Rules, Session, Track, advance
from bot.pipeline.ingest import Ingest
from bot.pipeline.poll import Poll
from bot.ports.source import Ask, BadAddress, Denied, NotAllowed, RateLimited, SourceError, Told
from bot.services.watching import values
from bot.sources.hashtag import INTERVAL, Hashtag, answers, begin, minutes_in, whole
from bot.sources.kit import Kit
from bot.sources.web import Page, Web
from storage import sessions, watches
from storage.database import Database
from tests.mutate import mutations
from tests.servers.pages import Behaviour, breaks_off, hangs_up, says
from tests.servers.x import COUNTS, NOW, TOKEN, XServer, stamp, x_server

TODAY = NOW - NOW % DAY
MUTATED = 10_000


def posts(tag: str, at: int) -> int:
    """So many posts there are in the minute that begins at a moment."""
    return at // MINUTE * 7919 % 50 + (tag == "#other")


def truly(first: int, last: int) -> int:
    """So many there are from one moment to another, both whole minutes."""
    return sum(posts("#tag", at) for at in range(first, last, MINUTE))


@dataclass
class Desk:
    server: XServer
    web: Web
    settings: dict[str, str]

    def source(self, **settings: str) -> Hashtag:
        return Hashtag(Kit(web=self.web, settings=self.settings | settings))

    async def read(self, *asks: Ask, source: Hashtag | None = None) -> list[Told]:
        return await (source or self.source()).read(asks, self.server.now)

    async def answers(self, since: int | None, tag: str = "#tag", source: Hashtag | None = None) -> list[Answer]:
        (told,) = await self.read(Ask(reference=tag, since=since), source=source)
        assert told.again_at is None
        got = [one for one in told.answers if isinstance(one, Answer)]
        assert len(got) == len(told.answers), told.answers
        return got

    async def failure(self, since: int | None = None) -> Failure:
        (told,) = await self.read(Ask(reference="#tag", since=since))
        (failure,) = told.answers
        assert isinstance(failure, Failure), failure
        return failure


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    async with x_server() as server:
        server.posts = posts
        web = Web()
        try:
            yield Desk(server, web, {"X_BEARER_TOKEN": TOKEN, "X_API_URL": server.url, "X_DAILY_BUDGET_USD": "9"})
        finally:
            await web.close()


def figures(told: Sequence[Answer]) -> list[tuple[int, float | None]]:
    return [(one.at, one.readings[0].posts) for one in told]


def counted_until(at: int) -> int:
    """The end of the last whole minute that is told when it is this late: the one after it may be half counted."""
    newest = at - 30_000
    return (newest - 1) // MINUTE * MINUTE


# --- counting ---------------------------------------------------------------------------------------------


async def test_the_first_answer_is_the_day_so_far(desk: Desk) -> None:
    end = counted_until(NOW)
    assert figures(await desk.answers(None)) == [(end - 1, truly(TODAY, end))]
    assert desk.server.asked == [
        (COUNTS, {"query": "#tag", "granularity": "minute", "start_time": "2026-11-22T00:00:00Z"})
    ]


async def test_then_every_minute_in_order_of_time(desk: Desk) -> None:
    (first,) = await desk.answers(None)
    desk.server.now += INTERVAL
    told = figures(await desk.answers(first.at))
    begun = first.at + 1
    assert told == [(at + MINUTE - 1, truly(TODAY, at + MINUTE)) for at in range(begun, begun + INTERVAL, MINUTE)]


async def test_nothing_new_is_nothing_told(desk: Desk) -> None:
    (first,) = await desk.answers(None)
    desk.server.now += 1
    assert await desk.answers(first.at) == []


@pytest.mark.parametrize("gap", [INTERVAL, 37 * MINUTE, 5 * HOUR, 30 * HOUR, 6 * DAY - HOUR])
@pytest.mark.parametrize("page_of", [None, 3_000])
async def test_each_day_is_the_sum_of_its_minutes_whatever_was_missed(
    desk: Desk, gap: int, page_of: int | None
) -> None:
    """The pipeline's own folding, over midnights and restarts, against the minutes as they were."""
    desk.server.page_of = page_of
    begun, desk.server.now = TODAY, TODAY + 22 * HOUR
    track, rules, days = Track(1), Rules(interval=INTERVAL, zone=UTC, daily=True), defaultdict[int, float](float)
    sessions: dict[int, Session] = {}
    since: int | None = None
    for _ in range(5 if gap < DAY else 2):
        for answer in await desk.answers(since):  # the source is made anew each time: it remembers nothing
            advance(track, answer, rules)
            sessions |= {id(one): one for one in track.sessions}
            days[answer.at // DAY] = answer.readings[0].posts or 0
            since = answer.at
        desk.server.now += gap
    assert since is not None
    end = since + 1
    expected = {
        day // DAY: truly(day, min(day + DAY, end)) for day in range(begun, end, DAY) if min(day + DAY, end) > day
    }
    assert dict(days) == expected
    assert [one.tally.posts for one in sessions.values()] == list(expected.values())
    assert [one.tally.posts_high for one in sessions.values()] == list(expected.values())


async def test_the_last_minute_of_a_day_belongs_to_it(desk: Desk) -> None:
    desk.server.now = TODAY + DAY + 10 * MINUTE
    told = figures(await desk.answers(TODAY + DAY - 3 * MINUTE - 1))
    assert told[2] == (TODAY + DAY - 1, truly(TODAY, TODAY + DAY))
    assert told[3] == (TODAY + DAY + MINUTE - 1, truly(TODAY + DAY, TODAY + DAY + MINUTE))


@pytest.mark.parametrize("after", [0, 1, 20_000, 30_000, 61_000, 91_000, 121_000, 181_000])
async def test_just_after_midnight(desk: Desk, after: int) -> None:
    desk.server.now = TODAY + DAY + after
    for since in (None, TODAY + DAY - 1, TODAY + DAY - 5 * MINUTE - 1):
        for answer in await desk.answers(since):
            day = answer.at // DAY * DAY
            assert answer.readings[0].posts == truly(day, answer.at + 1)


async def test_what_x_corrects_is_corrected(desk: Desk) -> None:
    (first,) = await desk.answers(None)
    desk.server.posts = lambda tag, at: 1
    desk.server.now += INTERVAL
    told = await desk.answers(first.at)
    assert told[-1].readings[0].posts == (told[-1].at + 1 - TODAY) // MINUTE


async def test_a_hashtag_without_posts_has_none(desk: Desk) -> None:
    desk.server.posts = lambda tag, at: 0
    (answer,) = await desk.answers(None)
    assert answer.readings[0].posts == 0


async def test_pages_are_followed(desk: Desk) -> None:
    desk.server.page_of = 300
    end = counted_until(NOW)
    assert figures(await desk.answers(None)) == [(end - 1, truly(TODAY, end))]
    assert len(desk.server.asked) == 4
    desk.server.page_of = 10
    assert (await desk.failure()).trouble is Trouble.GARBAGE
    assert len(desk.server.asked) == 12  # it gives up before it costs a fortune


async def test_after_more_than_a_week_it_begins_with_a_whole_day(desk: Desk) -> None:
    told = figures(await desk.answers(NOW - 20 * DAY))
    assert told[0] == (TODAY - 5 * DAY - 1, truly(TODAY - 6 * DAY, TODAY - 5 * DAY))
    assert len(told) == 7


async def test_each_hashtag_is_asked_for_once(desk: Desk) -> None:
    end = counted_until(NOW)
    asks = [Ask(reference=one) for one in ("#Tag", "tag", "https://x.com/hashtag/TAG?src=hash", "#other")]
    late = Ask(reference="#tag", since=end - 2 * MINUTE - 1)
    told = await desk.read(*asks, late)
    assert [len(one.answers) for one in told] == [1, 1, 1, 1, 2]
    assert told[0] == told[1] == told[2] != told[3]
    assert len(desk.server.asked) == 2
    assert await desk.read() == []


@pytest.mark.parametrize("count", [20, 21])
async def test_batches_to_the_edge(desk: Desk, count: int) -> None:
    told = await desk.read(*(Ask(reference=f"#tag{i}") for i in range(count)))
    assert len(told) == len(desk.server.asked) == count


def test_no_question_goes_further_back_than_x_allows() -> None:
    for hour in range(48):
        now = TODAY + hour * HOUR + 17
        for since in (None, 0, now - 7 * DAY, now - DAY, now - 1, now, now + HOUR):
            start = begin(since, now)
            assert now - 7 * DAY < start <= now - MINUTE
            assert start % DAY == 0


# --- describing -------------------------------------------------------------------------------------------


async def test_described(desk: Desk) -> None:
    described = await desk.source().describe("#Tag", NOW)
    assert (described.reference, described.name, described.unit) == ("#tag", "#Tag", "posts")
    assert (described.metric, described.daily, described.timezone) == (Metric.POSTS, True, "UTC")
    assert (described.interval, described.live_now) == (15 * MINUTE, None)
    assert described.url == "https://x.com/hashtag/tag"
    assert described.cost is not None
    assert described.cost.amount == pytest.approx(0.48)
    assert (described.cost.unit, described.cost.limit) == ("USD", 9)
    note = described.note or ""
    assert "posts, not people, and reposts" in note
    assert "$0.48 a day" in note
    assert re.search(r"In the last seven days there were 24\d,\d\d\d\.", note)
    assert (await desk.source().describe(described.reference, NOW)).reference == described.reference


@pytest.mark.parametrize(
    ("text", "tag"),
    [
        ("tag", "#tag"),
        (" #TAG ", "#tag"),
        ("https://x.com/hashtag/Tag", "#tag"),
        ("https://twitter.com/hashtag/tag?src=hashtag_click&f=live", "#tag"),
        ("https://mobile.twitter.com/hashtag/tag/", "#tag"),
        ("https://x.com/search?q=%23tag&src=typed_query", "#tag"),
        ("x.com/hashtag/tag", "#tag"),
        ("https://x.com/hashtag/%D8%B9%D9%85%D8%B1%D8%A7%D9%86", "#عمران"),
        ("#हिन्दी", "#हिन्दी"),
        ("#한국어_1", "#한국어_1"),
    ],
)
async def test_addresses(desk: Desk, text: str, tag: str) -> None:
    source = desk.source()
    assert (await source.describe(source.recognises(text) or text, NOW)).reference == tag


@pytest.mark.parametrize(
    "text", ["", "#", "two words", "#2026", "a-b", "#a OR #b", "x" * 101, "\x00 no", "https://x.com/ann", "#a\nb"]
)
async def test_what_is_no_hashtag(desk: Desk, text: str) -> None:
    source = desk.source()
    with pytest.raises(BadAddress, match="#tag"):
        await source.describe(text, NOW)
    good, bad = await desk.read(Ask(reference="#tag"), Ask(reference=text))
    assert isinstance(good.answers[0], Answer)
    assert isinstance(bad.answers[0], Failure)
    assert bad.answers[0].trouble is Trouble.DENIED


@pytest.mark.parametrize(
    "url",
    ["https://x.com/ann", "https://x.com/search?q=ann", "https://example.org/hashtag/a", "words", "", "http://["],
)
def test_others_addresses(url: str) -> None:
    assert Hashtag(Kit(web=Web())).recognises(url) is None


async def test_x_does_not_take_the_hashtag(desk: Desk) -> None:
    desk.server.answers[COUNTS] = says('{"title": "Invalid Request"}', status=400)
    with pytest.raises(BadAddress, match="X does not count posts with #tag"):
        await desk.source().describe("#tag", NOW)


# --- money and errors -------------------------------------------------------------------------------------


async def test_every_question_costs(desk: Desk) -> None:
    source = desk.source()
    await desk.answers(None, source=source)
    await desk.answers(None, source=source)
    assert source.purse is not None
    spent = source.purse.spent(NOW)
    assert spent.amount == spent.at_most == pytest.approx(0.010) == pytest.approx(desk.server.charged)


@pytest.mark.parametrize("body", ["<html>", '{"data": [{"start":', "{}", '{"data": []}', '{"data": [5]}'])
async def test_an_answer_that_cannot_be_read_costs_too_and_is_not_asked_again_at_once(
    desk: Desk, body: str
) -> None:
    source = desk.source()
    desk.server.answers[COUNTS] = says(body)
    (told,) = await desk.read(Ask(reference="#tag"), source=source)
    assert isinstance(told.answers[0], Failure)
    assert told.again_at == NOW + INTERVAL
    assert source.purse is not None
    assert source.purse.spent(NOW).amount == pytest.approx(0.005)


async def test_what_x_refuses_costs_nothing_and_is_asked_again_as_usual(desk: Desk) -> None:
    source = desk.source()
    desk.server.answers[COUNTS] = says("{}", status=503)
    (told,) = await desk.read(Ask(reference="#tag"), source=source)
    assert told.again_at is None
    assert source.purse is not None
    assert source.purse.spent(NOW).amount == 0


async def test_the_budget_is_not_overdrawn_by_questions_at_once(desk: Desk) -> None:
    source = desk.source(X_DAILY_BUDGET_USD="0.012")
    told = await desk.read(*(Ask(reference=f"#tag{i}") for i in range(5)), source=source)
    refused = [one.answers[0] for one in told if isinstance(one.answers[0], Failure)]
    assert len(refused) == 3
    assert {one.trouble for one in refused} == {Trouble.RATE_LIMITED}
    assert told[-1].again_at == TODAY + DAY
    assert desk.server.charged == pytest.approx(0.010)
    with pytest.raises(RateLimited, match="X_DAILY_BUDGET_USD"):
        await source.describe("#tag", NOW)


async def test_what_failed_is_told_later(desk: Desk) -> None:
    (first,) = await desk.answers(None)
    desk.server.now += INTERVAL
    desk.server.answers[COUNTS] = says("{}", status=503)
    assert (await desk.failure(first.at)).trouble is Trouble.UNAVAILABLE
    desk.server.now += INTERVAL
    desk.server.answers.clear()
    told = await desk.answers(first.at)
    assert told[-1].readings[0].posts == truly(TODAY, told[-1].at + 1)
    assert len(told) == 30


async def test_without_a_key_it_says_what_to_set(desk: Desk) -> None:
    source = Hashtag(Kit(web=desk.web))
    assert await source.check() is None
    for trial in (source.describe("#tag", NOW), source.read([Ask(reference="#tag")], NOW)):
        with pytest.raises(NotAllowed, match="X_BEARER_TOKEN"):
            await trial


async def test_a_bad_key(desk: Desk) -> None:
    source = desk.source(X_BEARER_TOKEN="wrong")
    with pytest.raises(Denied, match="X_BEARER_TOKEN"):
        await source.describe("#tag", NOW)
    (told,) = await desk.read(Ask(reference="#tag"), source=source)
    assert isinstance(told.answers[0], Failure)
    assert told.answers[0].trouble is Trouble.DENIED


async def test_a_limit_is_waited_for(desk: Desk) -> None:
    desk.server.calls[COUNTS] = 300
    source = desk.source()
    (told,) = await desk.read(Ask(reference="#tag"), source=source)
    assert isinstance(told.answers[0], Failure)
    assert told.answers[0].retry_after == 854_000
    assert told.again_at == NOW + 854_000
    await desk.read(Ask(reference="#other"), source=source)
    assert len(desk.server.asked) == 1


def bucket(start: int, figure: object) -> dict[str, Any]:
    return {"start": stamp(start), "end": stamp(start + MINUTE), "tweet_count": figure}


WRONG: dict[str, Any] = {
    "nothing": {}, "null": None, "list": [],
    "no data": {"data": None, "meta": {}}, "empty": {"data": [], "meta": {}},
    "hole": {"data": [bucket(TODAY, 1), bucket(TODAY + 2 * MINUTE, 1), bucket(TODAY + 3 * MINUTE, 1)]},
    "late": {"data": [bucket(TODAY + MINUTE, 1), bucket(TODAY + 2 * MINUTE, 1)]},
    "hidden": {"data": [bucket(TODAY, None), bucket(TODAY + MINUTE, 1)]},
    "negative": {"data": [bucket(TODAY, -1), bucket(TODAY + MINUTE, 1)]},
    "absurd": {"data": [bucket(TODAY, 10**300), bucket(TODAY + MINUTE, 1)]},
    "words": {"data": [bucket(TODAY, "many"), bucket(TODAY + MINUTE, 1)]},
    "two opinions": {"data": [bucket(TODAY, 1), bucket(TODAY, 2), bucket(TODAY + MINUTE, 1)]},
    "no time": {"data": [{"tweet_count": 1}, bucket(TODAY, 1)]},
    "odd": {"data": [5, bucket(TODAY, 1), bucket(TODAY + MINUTE, 1)]},
}  # fmt: skip


@pytest.mark.parametrize("body", WRONG.values(), ids=WRONG)
async def test_a_sum_that_cannot_be_true_is_not_told(desk: Desk, body: Any) -> None:
    desk.server.answers[COUNTS] = says(json.dumps(body))
    assert (await desk.failure()).trouble is Trouble.GARBAGE


#: Pages in place of counts: of a proxy, of a quota, cut short.
PAGES = {
    "HTML": (says("<!doctype html><title>Sorry</title>"), Trouble.GARBAGE),
    "HTML 404": (says("<title>Error 404</title>", status=404), Trouble.GARBAGE),
    "half": (says('{"data": [{"start": "2026-11-22T00:00:00.000Z", "tweet_count": 4'), Trouble.GARBAGE),
    "broken off": (breaks_off, Trouble.GARBAGE),
    "hung up": (hangs_up, Trouble.UNAVAILABLE),
    "503": (says("<h1>oops</h1>", status=503), Trouble.UNAVAILABLE),
    "quota": (says('{"title": "UsageCapExceeded"}', status=429), Trouble.RATE_LIMITED),
    "no credits": (says('{"title": "CreditsDepleted"}', status=402), Trouble.DENIED),
    "errors alone": (says('{"errors": [{"title": "Invalid"}]}'), Trouble.GARBAGE),
}


@pytest.mark.parametrize(("answer", "trouble"), PAGES.values(), ids=PAGES)
async def test_another_page_is_a_failure(desk: Desk, answer: Behaviour, trouble: Trouble) -> None:
    desk.server.answers[COUNTS] = answer
    failed = await desk.failure()
    assert failed.trouble is trouble
    assert failed.detail
    with pytest.raises(SourceError):
        await desk.source().describe("#tag", NOW)


async def test_counts_in_other_words(desk: Desk) -> None:
    data = [bucket(TODAY + i * MINUTE, figure) for i, figure in enumerate(("7", 5.0, "0", 1))]
    desk.server.answers[COUNTS] = says(json.dumps({"data": data}))
    (answer,) = await desk.answers(None)
    assert answer.readings[0].posts == 12


async def test_a_sum_beyond_counting_is_unknown(desk: Desk) -> None:
    data = [bucket(TODAY + i * MINUTE, 2**53) for i in range(3)]
    desk.server.answers[COUNTS] = says(json.dumps({"data": data}))
    (answer,) = await desk.answers(None)
    assert (answer.readings[0].posts, bool(answer.readings[0].reason)) == (None, True)


def test_mutated_answers() -> None:
    data = [bucket(TODAY + i * MINUTE, 40 + i) for i in range(6)]
    body = json.dumps({"data": data, "meta": {"total_tweet_count": 255}}).encode()
    began = time.monotonic()
    taken = 0
    for raw in mutations(body, seed=7, count=MUTATED):
        try:
            page = Page(host="api.x.com", status=200, headers={}, body=raw).json()
            minutes, _ = minutes_in(page)
            told = answers(whole(minutes, TODAY, NOW), None)
        except SourceError:
            continue
        taken += 1
        zeros = sum(str(one.get("tweet_count")) in {"0", "-0.0"} for one in page["data"] if isinstance(one, dict))
        for answer in told:
            (reading,) = answer.readings
            assert reading.posts is not None or reading.reason
            assert reading.posts is None or reading.posts > 0 or zeros, raw
            assert TODAY <= answer.at < NOW + HOUR
    assert 100 < taken < MUTATED
    assert time.monotonic() - began < 60


async def test_mutated_answers_over_http(desk: Desk) -> None:
    data = [bucket(TODAY + i * MINUTE, 40 + i) for i in range(6)]
    body = json.dumps({"data": data, "meta": {"total_tweet_count": 255}}).encode()
    source = desk.source(X_DAILY_BUDGET_USD="900")
    described = read = 0
    for raw in mutations(body, seed=8, count=300):
        desk.server.answers[COUNTS] = says(raw)
        with suppress(SourceError):
            note = (await source.describe("#tag", NOW)).note or ""
            described += 1
            assert " 0." not in note.rpartition("there were")[2] or b" 0" in raw, raw
        (told,) = await desk.read(Ask(reference="#tag"), source=source)
        if all(isinstance(one, Answer) for one in told.answers):
            read += 1
        else:
            (failed,) = told.answers
            assert isinstance(failed, Failure)
            assert failed.detail
    assert described > 50
    assert read > 10


async def test_through_the_pipeline_days_add_up_whatever_is_killed(desk: Desk, tmp_path: Path) -> None:
    """Two days, a process of its own for each few questions, an outage, and a midnight."""
    database = Database(f"sqlite:///{tmp_path}/milepost.db", throwaway=True)
    await database.open()
    try:
        begun = desk.server.now = TODAY + 20 * HOUR + 17
        described = await desk.source().describe("#tag", begun)
        async with database.write() as connection:
            columns = values(source="hashtag", description=described, public=True, interval=1, now=begun)
            watch = await watches.add(connection, due_at=begun, values=columns)
        assert watch.interval == INTERVAL
        for number in range(30 * 4):
            if number % 7 == 0:
                poll = Poll(database, {"hashtag": desk.source()}, Ingest(database))
            out = number in range(10, 14)
            desk.server.answers = {COUNTS: says("{}", status=503)} if out else {}
            await poll.tick(desk.server.now)
            desk.server.now += INTERVAL
        async with database.read() as connection:
            kept = await sessions.newest(connection, watch.id, 9)
            read = (await watches.by_ids(connection, [watch.id]))[watch.id]
    finally:
        await database.close()
    assert read.answered_at is not None
    end = read.answered_at + 1
    assert end == counted_until(desk.server.now - INTERVAL)
    days = [TODAY + 2 * DAY, TODAY + DAY, TODAY]
    assert [one.tally.posts for one in kept] == [truly(day, min(day + DAY, end)) for day in days]
    assert [one.tally.posts_high for one in kept] == [one.tally.posts for one in kept]
