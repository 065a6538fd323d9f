"""Twitch: names as people write them, batches, renamed and lost accounts, and every way an answer can be wrong."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress

import pytest

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
from bot.sources.kit import Forgetful, Kit
from bot.sources.twitch import Twitch, reset_of, streams_in, users_in
from bot.sources.web import Web
from tests.mutate import mutations
from tests.servers.pages import Behaviour, breaks_off, hangs_up, says
from tests.servers.twitch import SECRET, TwitchServer, stream, twitch, user
from tests.sources.accounts import MUTATIONS, NOW, STARTED, Bench, bench, items_of, page, sound_readings

At = Bench[TwitchServer]


@pytest.fixture
async def server() -> AsyncIterator[TwitchServer]:
    async with twitch() as server:
        yield server


@pytest.fixture
async def at(server: TwitchServer) -> AsyncIterator[At]:
    async with bench(server) as one:
        yield one


def ids_of(query: list[tuple[str, str]]) -> list[str]:
    return [value for key, value in query if key == "user_id"]


# --- addresses --------------------------------------------------------------------------------------------

ADDRESSES = [
    "https://www.twitch.tv/Some_Login",
    "http://twitch.tv/some_login/",
    "https://m.twitch.tv/some_login?desktop-redirect=true",
    "https://go.twitch.tv/some_login",
    "HTTPS://WWW.TWITCH.TV/SOME_LOGIN",
    "twitch.tv/some_login",
    "www.twitch.tv/some_login/videos?filter=all#x",
    "https://www.twitch.tv/some_login/about",
    "https://www.twitch.tv/some_login/clip/AbcDef-123",
    "https://www.twitch.tv/popout/some_login/chat?popout=",
    "https://www.twitch.tv/moderator/some_login",
    "https://player.twitch.tv/?channel=some_login&parent=example.org",
    "https://dashboard.twitch.tv/u/some_login/home",
]
#: Twitch's, but of no account.
PAGES = [
    "https://www.twitch.tv/",
    "https://www.twitch.tv",
    "https://www.twitch.tv/videos/123456",
    "https://www.twitch.tv/directory/category/chess",
    "https://clips.twitch.tv/AbcDef",
    "https://www.twitch.tv/popout",
    "https://player.twitch.tv/?video=v1",
    "https://www.twitch.tv/%00",
]
FOREIGN = [
    "",
    "words",
    "some_login",
    "@some_login",
    "https://nottwitch.tv/some_login",
    "https://twitch.tv.example/a",
]


@pytest.mark.parametrize("url", ADDRESSES)
async def test_addresses_that_people_paste(at: At, url: str) -> None:
    at.server.account("some_login")
    assert at.source.recognises(url) == "some_login"
    assert (await at.source.describe(url, NOW)).reference == "some_login"


@pytest.mark.parametrize("reference", ["some_login", "@some_login", "SOME_Login", " some_login\n"])
async def test_names_as_people_type_them(at: At, reference: str) -> None:
    at.server.account("some_login")
    assert (await at.source.describe(reference, NOW)).reference == "some_login"


@pytest.mark.parametrize("url", PAGES)
async def test_pages_of_no_account_are_refused_with_an_example(at: At, url: str) -> None:
    assert at.source.recognises(url) == url
    with pytest.raises(BadAddress, match="like twitch:monstercat"):
        await at.source.describe(url, NOW)
    assert at.server.asked == []


@pytest.mark.parametrize("url", FOREIGN)
def test_other_addresses_are_left_to_others(url: str) -> None:
    assert Twitch(Kit(web=Web())).recognises(url) is None


@pytest.mark.parametrize(
    "reference", ["", "@", "two words", "a" * 26, "naïve", "a-b", "\x00", "https://example.org/"]
)
async def test_what_is_no_name(at: At, reference: str) -> None:
    with pytest.raises(BadAddress, match="like twitch:monstercat"):
        await at.source.describe(reference, NOW)
    assert (await at.failure(reference)).trouble is Trouble.DENIED


# --- described --------------------------------------------------------------------------------------------


async def test_described(at: At) -> None:
    at.server.live("some_login")
    assert await at.source.describe("@Some_Login", NOW) == Description(
        reference="some_login",
        name="Some_Login",
        unit="viewers",
        metric=Metric.CONCURRENT,
        live_now=True,
        url="https://www.twitch.tv/some_login",
        account="140000000",
    )
    assert [path for path, _ in at.server.asked] == ["/helix/users", "/helix/streams"]


async def test_described_while_off(at: At) -> None:
    at.server.account("some_login")
    assert (await at.source.describe("some_login", NOW)).live_now is False


async def test_described_while_its_stream_is_faulty(at: At) -> None:
    at.server.live("some_login", type="")
    assert (await at.source.describe("some_login", NOW)).live_now is None


async def test_an_unknown_account_is_refused_with_the_likely_reason(at: At) -> None:
    with pytest.raises(BadAddress) as caught:
        await at.source.describe("some_logn", NOW)
    assert str(caught.value) == (
        "Twitch has no account some_logn: perhaps it is misspelled, was renamed, or is suspended. Type it as in "
        "the address of its page, like twitch:monstercat"
    )


@pytest.mark.parametrize("body", ["{}", '{"data": [{}]}', '{"data": [5]}', '{"data": {"id": "1"}}', "[]", "null"])
async def test_odd_answers_do_not_make_an_account_unknown(at: At, body: str) -> None:
    at.server.instead = says(body)
    with pytest.raises(Garbage):
        await at.source.describe("some_login", NOW)
    assert (await at.failure("some_login")).trouble is Trouble.GARBAGE


async def test_good_keys_are_fine(at: At) -> None:
    assert await at.source.check() is None


# --- read -------------------------------------------------------------------------------------------------


async def test_read(at: At) -> None:
    id_ = at.server.live("some_login", 1_490, title="hi \ud800 there\x00")
    assert await at.reading("some_login") == Reading(
        session=f"4095{id_}",
        state=State.LIVE,
        title="hi there",
        hosts=("Some_Login",),
        url="https://www.twitch.tv/some_login",
        concurrent=1_490,
        started_at=STARTED,
    )


@pytest.mark.parametrize(("count", "calls"), [(1, 1), (20, 1), (21, 1), (100, 1), (101, 2), (250, 3)])
async def test_a_hundred_a_call(at: At, count: int, calls: int) -> None:
    names = [f"name{n}" for n in range(count)]
    for n, name in enumerate(names):
        at.server.live(name, n)
    for minute in range(2):
        told = await at.read(*names, now=NOW + minute * MINUTE)
        answers = [one.answers[0] for one in told]
        assert [one.readings[0].concurrent for one in answers if isinstance(one, Answer)] == list(range(count))
    assert len(at.server.calls("/helix/users")) == calls  # once, whatever the minutes
    streams = at.server.calls("/helix/streams")
    assert len(streams) == 2 * calls
    assert all(("first", "100") in query and len(ids_of(query)) <= 100 for query in streams)


async def test_an_account_that_several_ask_for_is_asked_for_once(at: At) -> None:
    at.server.live("a", 5)
    at.server.account("b")
    told = await at.read("a", "@A", "b", "https://twitch.tv/a", "b")
    shapes = [len(one.answers[0].readings) if isinstance(one.answers[0], Answer) else None for one in told]
    assert shapes == [1, 1, 0, 1, 0]
    (query,) = at.server.calls("/helix/streams")
    assert len(ids_of(query)) == 2


async def test_names_are_looked_up_once_whatever_restarts(server: TwitchServer) -> None:
    server.live("some_login")
    memory = Forgetful()
    for _ in range(2):
        async with bench(server, memory) as one:
            await one.reading("some_login")
    assert len(server.calls("/helix/users")) == 1


async def test_one_that_was_never_there_is_gone_and_seldom_asked_for(at: At) -> None:
    at.server.live("good")
    told = await at.read("nobody", "good")
    (failed,) = told[0].answers
    assert isinstance(failed, Failure)
    assert failed.trouble is Trouble.GONE
    assert failed.detail == "Twitch no longer has the account nobody: it was renamed, deleted or suspended."
    assert told[0].again_at == NOW + HOUR
    assert isinstance(told[1].answers[0], Answer)


async def test_a_lost_account_is_found_out_within_a_day_for_one_call(at: At) -> None:
    id_ = at.server.account("some_login")
    at.server.account("other")
    await at.read("some_login", "other")
    del at.server.names[id_]
    for minute in range(0, DAY // MINUTE, 60):
        assert await at.one("some_login", NOW + minute * MINUTE) == Answer(at=NOW + minute * MINUTE)
    assert len(at.server.calls("/helix/users")) == 1
    for minutes in (0, 1, 2):
        now = NOW + DAY + minutes * MINUTE
        told = await at.read("some_login", "other", now=now)
        (failed,) = told[0].answers
        assert isinstance(failed, Failure)
        assert failed.trouble is Trouble.GONE
        assert told[1].answers == (Answer(at=now),)
    assert at.server.calls("/helix/users")[1:] == [[("id", "140000000"), ("id", "140000001")]]


async def test_a_lost_account_that_comes_back(at: At) -> None:
    id_ = at.server.account("some_login")
    await at.one("some_login")
    del at.server.names[id_]
    assert (await at.failure("some_login", NOW + DAY)).trouble is Trouble.GONE
    at.server.names[id_] = "some_login"
    at.server.live("some_login")
    assert (await at.reading("some_login", NOW + DAY + MINUTE)).concurrent == 42
    at.server.streams.clear()
    assert isinstance(await at.one("some_login", NOW + DAY + 2 * MINUTE), Answer)


async def test_a_lost_account_that_comes_back_without_a_stream(at: At) -> None:
    id_ = at.server.account("some_login")
    await at.one("some_login")
    del at.server.names[id_]
    await at.failure("some_login", NOW + DAY)
    at.server.names[id_] = "some_login"
    assert isinstance(await at.one("some_login", NOW + 2 * DAY), Answer)


async def test_a_look_that_fails_costs_no_call_a_poll_and_says_nothing(at: At) -> None:
    at.server.account("some_login")
    await at.one("some_login")

    async def no_users(request: object) -> object:
        return await (says("{}", status=500) if "users" in str(request) else says('{"data": []}'))(request)  # type: ignore[arg-type]

    at.server.instead = no_users  # type: ignore[assignment]
    for minutes in range(30):
        assert isinstance(await at.one("some_login", NOW + DAY + minutes * MINUTE), Answer)
    assert len(at.server.calls("/helix/users")) == 2
    assert isinstance(await at.one("some_login", NOW + DAY + HOUR), Answer)
    assert len(at.server.calls("/helix/users")) == 3


# --- unknown is not zero ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "viewers", [None, "many", "", "-5", "1e3", "4.5", -1, -1e300, 1e300, 2**53 + 1, 0.5, True, [], [7], {"n": 7}]
)
async def test_a_figure_that_is_none_is_unknown(at: At, viewers: object) -> None:
    at.server.live("some_login", viewers)
    reading = await at.reading("some_login")
    assert (reading.concurrent, reading.reason) == (None, "Twitch gives no number of viewers.")


@pytest.mark.parametrize(("viewers", "figure"), [(0, 0), ("0", 0), ("42", 42), (42.0, 42), (2**53, 2**53)])
async def test_a_figure_in_another_spelling_is_one(at: At, viewers: object, figure: int) -> None:
    at.server.live("some_login", viewers)
    reading = await at.reading("some_login")
    assert (reading.concurrent, reading.reason) == (figure, None)


async def test_a_missing_figure_is_unknown(at: At) -> None:
    del at.server.streams[at.server.live("some_login")]["viewer_count"]
    assert (await at.reading("some_login")).reason


@pytest.mark.parametrize("fields", [{"type": ""}, {"type": "rerun"}, {"type": None}, {"id": None}, {"id": "a b"}])
async def test_a_stream_with_an_error_is_neither_live_nor_off(at: At, fields: Mapping[str, object]) -> None:
    at.server.live("ill", **fields)
    at.server.live("well", 7)
    assert (await at.failure("ill")).trouble is Trouble.GARBAGE
    told = await at.read("ill", "well", "ill")
    answer = told[1].answers[0]
    assert isinstance(answer, Answer)
    assert answer.readings[0].concurrent == 7


@pytest.mark.parametrize("fields", [{"title": None}, {"title": 5}, {"user_name": []}, {"started_at": "soon"}])
async def test_what_goes_without_saying(at: At, fields: Mapping[str, object]) -> None:
    at.server.live("some_login", **fields)
    assert (await at.reading("some_login")).concurrent == 42


@pytest.mark.parametrize(
    "item", [None, 5, "x", [], {}, stream("999", "stranger"), {"user_id": None, "type": "live"}]
)
async def test_a_stream_of_nobody_leaves_open_who_is_off(at: At, item: object) -> None:
    id_ = at.server.account("some_login")
    at.server.account("off")
    await at.read("some_login", "off")
    at.server.instead = says(json.dumps({"data": [stream(id_, "some_login"), item]}))
    assert (await at.reading("some_login")).concurrent == 1_490
    assert (await at.failure("off")).trouble is Trouble.GARBAGE


async def test_the_same_stream_twice_is_one(at: At) -> None:
    id_ = at.server.account("some_login")
    await at.one("some_login")
    one = stream(id_, "some_login")
    at.server.instead = says(json.dumps({"data": [one, one, one | {"id": "77"}]}))
    answer = await at.one("some_login")
    assert isinstance(answer, Answer)
    assert [reading.session for reading in answer.readings] == [one["id"], "77"]


# --- errors -----------------------------------------------------------------------------------------------

WHOLE: dict[str, tuple[Behaviour, type[SourceError]]] = {
    "400": (says('{"error":"Bad Request","status":400}', status=400), Garbage),
    "401": (says('{"error":"Unauthorized","status":401,"message":"Invalid OAuth token"}', status=401), Denied),
    "403": (says("{}", status=403), Denied),
    "404": (says("<h1>404</h1>", status=404), Garbage),
    "429": (says("{}", status=429), RateLimited),
    "500": (says("{}", status=500), Unavailable),
    "503": (says("<h1>503</h1>", status=503), Unavailable),
    "HTML": (says("<html>"), Garbage),
    "half": (says('{"data": [{"id": "1", "user'), Garbage),
    "empty": (says(""), Garbage),
    "null": (says("null"), Garbage),
    "no data": (says('{"pagination": {}}'), Garbage),
    "data null": (says('{"data": null}'), Garbage),
    "data an object": (says('{"data": {}}'), Garbage),
    "hung up": (hangs_up, Unavailable),
    "broken off": (breaks_off, Garbage),
}


@pytest.mark.parametrize(("answer", "kind"), WHOLE.values(), ids=WHOLE)
async def test_what_concerns_all_is_raised(at: At, answer: Behaviour, kind: type[SourceError]) -> None:
    at.server.live("some_login")
    await at.reading("some_login")
    at.server.instead = answer
    with pytest.raises(kind) as caught:
        await at.read("some_login", "some_login")
    assert type(caught.value) is kind
    assert SECRET not in str(caught.value)
    at.server.instead = None
    await at.reading("some_login")


async def test_an_empty_bucket_says_when_it_fills(at: At) -> None:
    at.server.live("some_login")
    await at.reading("some_login")
    at.server.points, at.server.refill_at = 0, int(time.time()) + 47
    with pytest.raises(RateLimited) as caught:
        await at.read("some_login")
    assert caught.value.retry_after is not None
    assert 45 * SECOND <= caught.value.retry_after <= 48 * SECOND


DATE = "Sun, 22 Nov 2026 15:15:46 GMT"  # NOW


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"Ratelimit-Reset": "1795361460", "Date": DATE}, 914 * SECOND),
        ({"Ratelimit-Reset": "1795360546", "Date": DATE}, SECOND),
        ({"Ratelimit-Reset": "0", "Date": DATE}, SECOND),
        ({"Ratelimit-Reset": "999999999999", "Date": DATE}, DAY),
        ({"Ratelimit-Reset": "soon", "Date": DATE}, None),
        ({"Ratelimit-Reset": "-5"}, None),
        ({"Retry-After": "30"}, 30 * SECOND),
        ({"Ratelimit-Reset": "٣", "Retry-After": "30"}, 30 * SECOND),
        ({}, None),
    ],
)
def test_how_long_to_wait(headers: dict[str, str], wait: int | None) -> None:
    assert reset_of(headers) == wait


@pytest.mark.parametrize("date", [{}, {"Date": "yesterday"}, {"Date": ""}])
def test_by_our_own_clock_where_twitch_tells_no_time(date: dict[str, str]) -> None:
    wait = reset_of({"Ratelimit-Reset": str(int(time.time()) + 60)} | date)
    assert wait is not None
    assert 58 * SECOND <= wait <= 60 * SECOND


# --- mutated ----------------------------------------------------------------------------------------------

#: Each far from the others: a flipped bit makes none of one another.
OWNERS = {"141981764": "alpha", "90077": "bravo_", "2236650": "charlie", "55": "delta", "708": "echo"}
LIVE = list(OWNERS)[:3]
STREAMS = json.dumps({"data": [stream(id_, OWNERS[id_]) for id_ in LIVE], "pagination": {}}).encode()
USERS = json.dumps({"data": [user(id_, login) for id_, login in OWNERS.items()]}).encode()


def lists(item: object, id_: str) -> bool:
    """Tell whether an item still says that an account is live."""
    if not isinstance(item, dict):
        return False
    owner = item.get("user_id")
    return owner == id_ or (owner not in [*OWNERS] and item.get("user_login") == OWNERS[id_])


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
            listed = streams_in(page(body).json(), OWNERS)
        except SourceError:
            pass
        else:
            sound += 1
            assert_sound(listed, items_of(body))
        assert time.process_time() - started < 2
    assert sound > MUTATIONS / 4  # else the test shows nothing


def test_ten_thousand_mutated_accounts() -> None:
    for body in mutations(USERS, seed=20_261_123, count=MUTATIONS):
        try:
            users, complete = users_in(page(body).json())
        except SourceError:
            continue
        assert len(users) == len(items_of(body)) or not complete
        for one in users:
            assert one.id
            assert one.login
            assert one.name


async def test_mutated_answers_over_http(at: At) -> None:
    for login in OWNERS.values():
        at.server.account(login)
    await at.read(*OWNERS.values())
    for body in mutations(STREAMS, seed=1, count=300):
        at.server.instead = says(body)
        with suppress(SourceError):
            told = await at.read(*OWNERS.values())
            assert all(len(one.answers) == 1 for one in told)
