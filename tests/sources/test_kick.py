"""Kick: slugs as people write them, batches, hidden counts, refusals cut in halves, and every wrong answer."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress

import pytest
from aiohttp import web

from bot.domain import DAY, HOUR, MINUTE, SECOND
from bot.domain.reading import Answer, Failure, Metric, Reading, State, Trouble
from bot.ports.source import (
    BadAddress,
    Denied,
    Description,
    Garbage,
    RateLimited,
    SourceError,
    Unavailable,
)
from bot.sources.follow import Listed
from bot.sources.kick import HIDDEN, Kick, channel_in, livestreams_in
from bot.sources.kit import Forgetful, Kit
from bot.sources.web import Web
from tests.mutate import mutations
from tests.servers.kick import SECRET, KickServer, channel, kick, stream
from tests.servers.pages import Behaviour, breaks_off, hangs_up, says
from tests.sources.accounts import MUTATIONS, NOW, STARTED, Bench, bench, items_of, page, sound_readings, under

CHANNELS, LIVESTREAMS = "/public/v1/channels", "/public/v1/users/livestreams"


At = Bench[KickServer]


@pytest.fixture
async def server() -> AsyncIterator[KickServer]:
    async with kick() as server:
        yield server


@pytest.fixture
async def at(server: KickServer) -> AsyncIterator[At]:
    async with bench(server) as one:
        yield one


# --- addresses --------------------------------------------------------------------------------------------

ADDRESSES = [
    "https://kick.com/some-one",
    "http://www.kick.com/Some-One/",
    "https://m.kick.com/some-one?ref=share",
    "HTTPS://KICK.COM/SOME-ONE",
    "kick.com/some-one",
    "www.kick.com/some-one/videos",
    "https://kick.com/some-one/clips/clip_01",
    "https://kick.com/some-one/videos/cb444237-1b03-4d37-a38c-e78d09b1dc09",
    "https://kick.com/popout/some-one/chat",
    "https://player.kick.com/some-one?muted=true",
]
#: Kick's, but of no account.
PAGES = [
    "https://kick.com/",
    "https://kick.com",
    "https://kick.com/browse",
    "https://kick.com/category/slots",
    "https://kick.com/video/cb444237-1b03-4d37-a38c-e78d09b1dc09",
    "https://docs.kick.com/apis",
    "https://kick.com/popout",
    "https://kick.com/%00",
]
FOREIGN = [
    "",
    "words",
    "some-one",
    "@some-one",
    "https://notkick.com/a",
    "https://sidekick.com/a",
    "https://kick.com.example/a",
]


@pytest.mark.parametrize("url", ADDRESSES)
async def test_addresses_that_people_paste(at: At, url: str) -> None:
    at.server.account("some-one")
    assert at.source.recognises(url) == "some-one"
    assert (await at.source.describe(url, NOW)).reference == "some-one"


@pytest.mark.parametrize("reference", ["some-one", "@some-one", "SOME-One", " some-one\n", "some_one"])
async def test_names_as_people_type_them(at: At, reference: str) -> None:
    at.server.account("some-one")
    assert (await at.source.describe(reference, NOW)).reference == "some-one"


async def test_a_name_that_really_has_an_underscore(at: At) -> None:
    at.server.account("some_one")
    assert (await at.source.describe("some_one", NOW)).reference == "some_one"
    assert len(at.server.calls(CHANNELS)) == 1


@pytest.mark.parametrize("url", PAGES)
async def test_pages_of_no_account_are_refused_with_an_example(at: At, url: str) -> None:
    assert at.source.recognises(url) == url
    with pytest.raises(BadAddress, match="like kick:xqc"):
        await at.source.describe(url, NOW)
    assert at.server.asked == []


@pytest.mark.parametrize("url", FOREIGN)
def test_other_addresses_are_left_to_others(url: str) -> None:
    assert Kick(Kit(web=Web())).recognises(url) is None


@pytest.mark.parametrize(
    "reference", ["", "@", "two words", "a" * 65, "naïve", "a.b", "\x00", "https://example.org/"]
)
async def test_what_is_no_name(at: At, reference: str) -> None:
    with pytest.raises(BadAddress, match="like kick:xqc"):
        await at.source.describe(reference, NOW)
    assert (await at.failure(reference)).trouble is Trouble.DENIED


# --- described --------------------------------------------------------------------------------------------


async def test_described(at: At) -> None:
    at.server.live("someone")
    assert await at.source.describe("@SomeOne", NOW) == Description(
        reference="someone",
        name="Someone",
        unit="viewers",
        metric=Metric.CONCURRENT,
        live_now=True,
        url="https://kick.com/someone",
        account="123",
    )
    assert [path for path, _ in at.server.asked] == [CHANNELS, LIVESTREAMS]


async def test_described_while_off(at: At) -> None:
    at.server.account("someone")
    described = await at.source.describe("someone", NOW)
    assert (described.name, described.live_now, described.note) == ("someone", False, None)


async def test_described_while_its_figure_is_hidden(at: At) -> None:
    at.server.live("shy", 0)
    described = await at.source.describe("shy", NOW)
    assert described.live_now is True
    assert described.note == "The streamer hides the number of viewers now, and then there is none to tell."


async def test_described_while_its_stream_is_faulty(at: At) -> None:
    at.server.live("someone", id=None, started_at=None)
    assert (await at.source.describe("someone", NOW)).live_now is None


@pytest.mark.parametrize("fails", [True, False], ids=["400", "empty"])
async def test_an_unknown_account_is_refused_with_the_likely_reason(at: At, fails: bool) -> None:
    at.server.unknown_fails = fails
    with pytest.raises(BadAddress) as caught:
        await at.source.describe("some1", NOW)
    assert str(caught.value) == (
        "Kick has no account some1: perhaps it is misspelled, was renamed, or is banned. Type it as in the "
        "address of its page, like kick:xqc"
    )


@pytest.mark.parametrize(
    "body",
    ["{}", '{"data": [{}]}', '{"data": [5]}', '{"data": null, "message": "OK"}', "[]", "null", '{"data": {}}'],
)
async def test_odd_answers_do_not_make_an_account_unknown(at: At, body: str) -> None:
    at.server.instead = says(body)
    with pytest.raises(Garbage):
        await at.source.describe("someone", NOW)
    assert (await at.failure("someone")).trouble is Trouble.GARBAGE


@pytest.mark.parametrize("status", [400, 404])
async def test_a_page_of_somebody_else_s_does_not_either(at: At, status: int) -> None:
    at.server.instead = says("<h1>nginx</h1>", status=status)
    with pytest.raises(Garbage):
        await at.source.describe("someone", NOW)


async def test_another_account_than_was_asked_for(at: At) -> None:
    at.server.instead = says(json.dumps({"data": [channel("9", "other")]}))
    with pytest.raises(Garbage, match="another account"):
        await at.source.describe("someone", NOW)


async def test_good_keys_are_fine_and_wrong_ones_not(at: At, server: KickServer) -> None:
    assert await at.source.check() is None
    client = Web()
    wrong = Kick(Kit(web=client, settings=server.settings | {"KICK_CLIENT_SECRET": "wrong"}))
    said = await wrong.check()
    assert said == "Kick does not take this bot's key: its operator checks KICK_CLIENT_ID and KICK_CLIENT_SECRET."
    await client.close()


# --- read -------------------------------------------------------------------------------------------------


async def test_read(at: At) -> None:
    id_ = at.server.live("someone", 812, title="hello \ud800 there\x00")
    assert await at.reading("someone") == Reading(
        session=f"01KB0Q2J8V6B0T6ZJ3M0Q4W{id_}",
        state=State.LIVE,
        title="hello there",
        hosts=("Someone",),
        url="https://kick.com/someone",
        concurrent=812,
        started_at=STARTED,
    )


@pytest.mark.parametrize(("count", "calls"), [(1, 1), (50, 1), (100, 1), (101, 2), (250, 3)])
async def test_a_hundred_a_call(at: At, count: int, calls: int) -> None:
    names = [f"name{n}" for n in range(count)]
    for n, name in enumerate(names):
        at.server.live(name, n + 1)
    for minute in range(2):
        assert await at.figures(*names, now=NOW + minute * MINUTE) == list(range(1, count + 1))
    assert len(at.server.calls(CHANNELS)) == count  # once each, whatever the minutes
    assert all(len(query) == 1 for query in at.server.calls(CHANNELS))
    assert len(at.server.calls(LIVESTREAMS)) == 2 * calls


async def test_an_account_that_several_ask_for_is_asked_for_once(at: At) -> None:
    at.server.live("a", 5)
    at.server.account("b")
    assert await at.figures("a", "@A", "b", "https://kick.com/a", "b") == [5, 5, "off", 5, "off"]
    assert at.server.calls(LIVESTREAMS) == [[("user_id", "123"), ("user_id", "124")]]


async def test_slugs_are_looked_up_once_whatever_restarts(server: KickServer) -> None:
    server.live("someone")
    memory = Forgetful()
    for _ in range(2):
        async with bench(server, memory) as one:
            await one.reading("someone")
    assert len(server.calls(CHANNELS)) == 1


@pytest.mark.parametrize("fails", [True, False], ids=["400", "empty"])
async def test_one_that_was_never_there_is_gone_and_seldom_asked_for(at: At, fails: bool) -> None:
    at.server.unknown_fails = fails
    at.server.live("good")
    told = await at.read("nobody", "good")
    (failed,) = told[0].answers
    assert isinstance(failed, Failure)
    assert failed.trouble is Trouble.GONE
    assert failed.detail == "Kick no longer has the account nobody: it was renamed, deleted or banned."
    assert told[0].again_at == NOW + HOUR
    assert isinstance(told[1].answers[0], Answer)


async def test_one_that_cannot_be_looked_up_now_fails_alone(at: At) -> None:
    at.server.live("good")
    await at.reading("good")

    async def no_channels(request: web.BaseRequest) -> web.StreamResponse:
        if request.path == CHANNELS:
            return await says("{}", status=503)(request)
        return at.server._livestreams(request)

    at.server.instead = no_channels
    assert await at.figures("new", "good") == ["unavailable", 42]


async def test_a_lost_account_is_found_out_within_a_day_and_asked_for_seldom(at: At) -> None:
    at.server.unknown_fails = False
    id_ = at.server.account("someone")
    at.server.account("other")
    await at.read("someone", "other")
    del at.server.names[id_]
    at.server.asked.clear()
    for hour in range(24):
        assert await at.figures("someone", "other", now=NOW + hour * HOUR) == ["off", "off"]
    assert not at.server.calls(CHANNELS)
    for minutes in range(5):
        assert await at.figures("someone", "other", now=NOW + DAY + minutes * MINUTE) == ["gone", "off"]
    assert at.server.calls(CHANNELS) == [[("broadcaster_user_id", "123")], [("broadcaster_user_id", "124")]]


async def test_a_lost_account_that_comes_back(at: At) -> None:
    at.server.unknown_fails = False
    id_ = at.server.account("someone")
    await at.one("someone")
    del at.server.names[id_]
    assert await at.figures("someone", now=NOW + DAY) == ["gone"]
    at.server.names[id_] = "someone"
    at.server.live("someone")
    assert await at.figures("someone", now=NOW + DAY + 6 * HOUR) == [42]
    at.server.streams.clear()
    assert await at.figures("someone", now=NOW + DAY + 6 * HOUR + MINUTE) == ["off"]


async def test_a_refusal_alone_does_not_make_an_account_that_is_off_a_lost_one(at: At) -> None:
    at.server.account("someone")
    await at.one("someone")
    at.server.names.clear()
    at.server.asked.clear()
    for minutes in range(30):
        assert await at.figures("someone", now=NOW + DAY + minutes * MINUTE) == ["off"]
    assert len(at.server.calls(CHANNELS)) == 1


# --- unknown is not zero ----------------------------------------------------------------------------------


@pytest.mark.parametrize("viewers", [0, "0", 0.0])
async def test_zero_while_live_is_hidden(at: At, viewers: object) -> None:
    at.server.live("shy", viewers)
    reading = await at.reading("shy")
    assert (reading.state, reading.concurrent, reading.reason) == (State.LIVE, None, HIDDEN)


@pytest.mark.parametrize(
    "viewers", [None, "many", "", "-5", "1e3", "4.5", -1, -1e300, 1e300, 2**53 + 1, 0.5, True, [], [7], {"n": 7}]
)
async def test_a_figure_that_is_none_is_unknown(at: At, viewers: object) -> None:
    at.server.live("someone", viewers)
    reading = await at.reading("someone")
    assert (reading.concurrent, reading.reason) == (None, "Kick gives no number of viewers.")


@pytest.mark.parametrize(("viewers", "figure"), [("42", 42), (42.0, 42), (1, 1), (2**53, 2**53)])
async def test_a_figure_in_another_spelling_is_one(at: At, viewers: object, figure: int) -> None:
    at.server.live("someone", viewers)
    assert (await at.reading("someone")).concurrent == figure


async def test_a_missing_figure_is_unknown(at: At) -> None:
    del at.server.streams[at.server.live("someone")]["viewer_count"]
    assert (await at.reading("someone")).reason


SHAPES: dict[str, dict[str, object]] = {
    "a number as text": {"broadcaster_user": {"id": "123", "username": "Someone"}},
    "user_id inside": {"broadcaster_user": {"user_id": 123, "username": "Someone"}},
    "the older shape": {"broadcaster_user": None, "broadcaster_user_id": 123, "slug": "someone", "channel": None},
    "user_id": {"broadcaster_user": None, "user_id": "123"},
    "the slug alone": {"broadcaster_user": None},
    "the slug alone, in the older shape": {"broadcaster_user": [], "channel": None, "slug": "SomeOne"},
    "no channel": {"channel": None},
    "no title": {"title": None},
    "a number for a title": {"title": 5},
    "no start": {"started_at": None},
    "the zero of a language": {"started_at": "0001-01-01T00:00:00Z"},
}


@pytest.mark.parametrize("fields", SHAPES.values(), ids=SHAPES)
async def test_the_same_in_other_shapes(at: At, fields: Mapping[str, object]) -> None:
    at.server.live("someone", **fields)
    reading = await at.reading("someone")
    assert reading.concurrent == 42
    assert reading.hosts
    assert reading.url == "https://kick.com/someone"


async def test_the_title_of_the_older_shape(at: At) -> None:
    at.server.live("someone", title=None, stream_title="older")
    assert (await at.reading("someone")).title == "older"


@pytest.mark.parametrize("id_", [None, "", [], "two words", -1, True])
async def test_without_an_id_the_start_makes_the_session(at: At, id_: object) -> None:
    at.server.live("someone", id=id_)
    assert (await at.reading("someone")).session == f"123@{STARTED // SECOND}"


@pytest.mark.parametrize("start", [None, "soon", "0001-01-01T00:00:00Z", 5, "2026-11-22", "9999-99-99T00:00:00Z"])
async def test_without_an_id_and_a_start_it_is_neither_live_nor_off(at: At, start: object) -> None:
    at.server.live("ill", id=None, started_at=start)
    at.server.live("well", 7)
    assert await at.figures("ill", "well") == ["garbage", 7]


@pytest.mark.parametrize(
    "item", [None, 5, "x", [], {}, stream("999", "stranger"), {"broadcaster_user": {"id": []}}]
)
async def test_a_stream_of_nobody_leaves_open_who_is_off(at: At, item: object) -> None:
    id_ = at.server.account("someone")
    at.server.account("off")
    await at.read("someone", "off")
    at.server.instead = says(json.dumps({"data": [stream(id_, "someone"), item]}))
    assert await at.figures("someone", "off") == [812, "garbage"]


async def test_one_stream_without_a_list_around_it(at: At) -> None:
    id_ = at.server.account("someone")
    await at.one("someone")
    at.server.instead = says(json.dumps({"data": stream(id_, "someone")}))
    assert (await at.reading("someone")).concurrent == 812


# --- refused questions ------------------------------------------------------------------------------------


def crowd(server: KickServer, count: int) -> list[str]:
    names = [f"name{n}" for n in range(count)]
    for n, name in enumerate(names):
        server.live(name, n + 1)
    return names


@pytest.mark.parametrize("culprits", [{0}, {99}, {41}, {0, 99}, {10, 11, 50}, set(range(0, 100, 25))])
async def test_the_accounts_at_fault_are_found_by_halves(at: At, culprits: set[int]) -> None:
    names = crowd(at.server, 100)
    await at.figures(*names)
    at.server.breaking = {str(123 + n) for n in culprits}
    at.server.asked.clear()
    figures = await at.figures(*names, now=NOW + MINUTE)
    assert figures == ["garbage" if n in culprits else n + 1 for n in range(100)]
    assert len(at.server.calls(LIVESTREAMS)) <= 1 + 14 * len(culprits)
    # They are left out for an hour, so that the others cost one call again.
    at.server.asked.clear()
    assert await at.figures(*names, now=NOW + 2 * MINUTE) == figures
    assert len(at.server.asked) == 1
    at.server.breaking.clear()
    assert await at.figures(*names, now=NOW + 2 * HOUR) == list(range(1, 101))


async def test_many_at_fault_are_found_over_some_readings_at_a_bounded_cost(at: At) -> None:
    names = crowd(at.server, 100)
    await at.figures(*names)
    culprits = set(range(0, 100, 4))
    at.server.breaking = {str(123 + n) for n in culprits}
    figures: list[float | str | None] = []
    for minute in range(10):
        at.server.asked.clear()
        figures = await at.figures(*names, now=NOW + minute * MINUTE)
        assert len(at.server.calls(LIVESTREAMS)) <= 63
        assert all(one in {"garbage", n + 1} for n, one in enumerate(figures))
    assert figures == ["garbage" if n in culprits else n + 1 for n in range(100)]


async def test_one_at_fault_because_it_is_no_more_is_gone(at: At) -> None:
    names = crowd(at.server, 3)
    await at.figures(*names)
    at.server.breaking = {"124"}
    del at.server.names["124"], at.server.streams["124"]
    assert await at.figures(*names) == [1, "gone", 3]
    at.server.asked.clear()
    assert await at.figures(*names, now=NOW + MINUTE) == [1, "gone", 3]
    assert len(at.server.asked) == 1


@pytest.mark.parametrize("count", [2, 100])
async def test_a_question_that_is_refused_for_all_is_nobody_s_fault(at: At, count: int) -> None:
    names = crowd(at.server, count)
    await at.figures(*names)
    at.server.instead = says('{"data": {}, "message": "Invalid request"}', status=400)
    at.server.asked.clear()
    with pytest.raises(Garbage, match="refuses the question"):
        await at.read(*names)
    assert len(at.server.asked) <= 63
    at.server.instead = None
    assert await at.figures(*names) == list(range(1, count + 1))


async def test_nor_is_one_that_is_refused_for_the_only_one(at: At) -> None:
    at.server.live("someone")
    await at.reading("someone")
    at.server.instead = says('{"data": {}, "message": "Invalid request"}', status=400)
    assert await at.figures("someone") == ["garbage"]
    at.server.instead = None
    assert await at.figures("someone", now=NOW + HOUR) == [42]


# --- errors -----------------------------------------------------------------------------------------------

WHOLE: dict[str, tuple[Behaviour, type[SourceError]]] = {
    "401": (says('{"data":{},"message":"Unauthorized"}', status=401), Denied),
    "403": (says("{}", status=403), Denied),
    "404": (says("<h1>404</h1>", status=404), Garbage),
    "404 as JSON": (says('{"message":"Not Found"}', status=404), Garbage),
    "429": (says("{}", status=429), RateLimited),
    "500": (says('{"data":{},"message":"Internal"}', status=500), Unavailable),
    "503": (says("<h1>503</h1>", status=503), Unavailable),
    "HTML": (says("<html>"), Garbage),
    "half": (says('{"data": [{"id": "1", "broad'), Garbage),
    "empty": (says(""), Garbage),
    "null": (says("null"), Garbage),
    "no data": (says('{"message": "OK"}'), Garbage),
    "data null": (says('{"data": null, "message": "OK"}'), Garbage),
    "data empty": (says('{"data": {}, "message": "OK"}'), Garbage),
    "hung up": (hangs_up, Unavailable),
    "broken off": (breaks_off, Garbage),
}


@pytest.mark.parametrize(("answer", "kind"), WHOLE.values(), ids=WHOLE)
async def test_what_concerns_all_is_raised(at: At, answer: Behaviour, kind: type[SourceError]) -> None:
    at.server.live("someone")
    await at.reading("someone")
    at.server.instead = answer
    with pytest.raises(kind) as caught:
        await at.read("someone", "someone")
    assert type(caught.value) is kind
    assert SECRET not in str(caught.value)
    at.server.instead = None
    await at.reading("someone")


@pytest.mark.parametrize(("headers", "wait"), [({}, None), ({"Retry_After": "30"}, 30 * SECOND)])
async def test_asked_to_wait(at: At, headers: dict[str, str], wait: int | None) -> None:
    at.server.live("someone")
    await at.reading("someone")
    at.server.instead = says("{}", status=429, **headers)
    with pytest.raises(RateLimited) as caught:
        await at.read("someone")
    assert caught.value.retry_after == wait


# --- mutated ----------------------------------------------------------------------------------------------

#: Each far from the others: a flipped bit makes none of one another.
OWNERS = {"141981764": "alpha", "90077": "bravo-", "2236650": "charlie", "55": "delta", "708": "echo"}
LIVE = list(OWNERS)[:3]
STREAMS = json.dumps({"data": [stream(id_, OWNERS[id_]) for id_ in LIVE], "message": "OK"}).encode()


def lists(item: object, id_: str) -> bool:
    """Tell whether an item still says that an account is live."""
    owner = str(under(item, "broadcaster_user", "id"))
    return owner == id_ or (owner not in OWNERS and under(item, "channel", "slug") == OWNERS[id_])


def assert_sound(listed: Listed, items: list[object]) -> None:
    for id_ in OWNERS:
        if sound_readings(listed, id_, items) == ():
            assert not any(lists(item, id_) for item in items)
            assert all(isinstance(item, dict) for item in items)


def test_ten_thousand_mutated_answers_make_no_false_figure_and_no_false_end() -> None:
    sound = 0
    for body in mutations(STREAMS, seed=20_261_122, count=MUTATIONS):
        started = time.process_time()
        try:
            listed = livestreams_in(page(body).json(), OWNERS)
        except SourceError:
            pass
        else:
            sound += 1
            assert_sound(listed, items_of(body))
        assert time.process_time() - started < 2
    assert sound > MUTATIONS / 4  # else the test shows nothing


@pytest.mark.parametrize(("key", "value"), [("slug", "alpha"), ("broadcaster_user_id", "141981764")])
def test_ten_thousand_mutated_channels(key: str, value: str) -> None:
    body = json.dumps({"data": [channel("141981764", "alpha")], "message": "OK"}).encode()
    right = 0
    for mutated in mutations(body, seed=20_261_123, count=MUTATIONS):
        try:
            found = channel_in(page(mutated).json(), key, value)
        except SourceError:
            continue
        if found is None:
            assert items_of(mutated) == []
        else:
            assert value in found
            right += 1
    assert right > MUTATIONS / 4


async def test_mutated_answers_over_http(at: At) -> None:
    for slug in OWNERS.values():
        at.server.account(slug)
    await at.read(*OWNERS.values())
    for body in mutations(STREAMS, seed=1, count=300):
        at.server.instead = says(body)
        with suppress(SourceError):
            told = await at.read(*OWNERS.values())
            assert all(len(one.answers) == 1 for one in told)
