"""Spaces on X: accounts and Spaces, money, limits, and answers as documents have them or no document would."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from bot.domain import DAY, SECOND
from bot.domain.reading import Answer, Failure, Reading, State, Trouble
from bot.pipeline.ingest import Ingest
from bot.pipeline.poll import Poll
from bot.ports.source import (
    Ask,
    BadAddress,
    Denied,
    Description,
    Garbage,
    NotAllowed,
    RateLimited,
    SourceError,
    Told,
    Unavailable,
)
from bot.services.watching import values
from bot.sources.hashtag import Hashtag
from bot.sources.kit import Forgetful, Kit
from bot.sources.web import Page, Web
from bot.sources.x import X
from bot.sources.x.answers import Seen, hosted_in, spaces_in, users_in
from storage import sessions, watches
from storage.database import Database
from tests.mutate import mutations
from tests.servers.pages import Behaviour, breaks_off, hangs_up, says, trickles
from tests.servers.x import COUNTS, CREATORS, NOW, SPACES, TOKEN, USERS, XServer, x_server

STARTED = 1_795_359_641_000  # 2026-11-22T15:00:41Z
MIDNIGHT = 1_795_392_000_000  # 2026-11-23T00:00Z
ANN = "1500000000000000001"
MUTATED = 10_000


def seconds_apart() -> Callable[[], float]:
    """A clock that is two seconds further each time."""
    return itertools.count(step=2).__next__


@dataclass
class Desk:
    server: XServer
    web: Web
    settings: dict[str, str]
    memory: Forgetful = field(default_factory=Forgetful)
    x: X = field(init=False)

    def __post_init__(self) -> None:
        self.restart()

    def restart(self, clock: Callable[[], float] | None = None, **settings: str) -> None:
        """Make the source anew: all it holds is forgotten, what it keeps is not."""
        kit = Kit(web=self.web, settings=self.settings | settings, memory=self.memory)
        self.x = X(kit, clock=clock or seconds_apart())

    async def read(self, *references: str, known: Iterable[str] = (), now: int = NOW) -> list[Told]:
        asks = [Ask(reference=one, known=tuple(known), started=NOW) for one in references]
        told = await self.x.read(asks, now)
        assert len(told) == len(asks)
        return told

    async def answer(self, reference: str, known: Iterable[str] = (), now: int = NOW) -> Answer:
        (told,) = await self.read(reference, known=known, now=now)
        (answer,) = told.answers
        assert isinstance(answer, Answer), answer
        return answer

    async def reading(self, reference: str, now: int = NOW) -> Reading:
        (one,) = (await self.answer(reference, now=now)).readings
        return one

    async def failure(self, reference: str, now: int = NOW) -> Failure:
        (told,) = await self.read(reference, now=now)
        (failure,) = told.answers
        assert isinstance(failure, Failure), failure
        return failure

    async def describe(self, reference: str) -> Description:
        return await self.x.describe(reference, NOW)

    @property
    def spent(self) -> tuple[float, float]:
        assert self.x.purse is not None
        spent = self.x.purse.spent(NOW)
        return round(spent.amount, 6), round(spent.at_most, 6)


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    async with at_a_desk() as desk:
        yield desk


@asynccontextmanager
async def at_a_desk(**settings: str) -> AsyncIterator[Desk]:
    async with x_server() as server:
        web = Web()
        try:
            yield Desk(server, web, {"X_BEARER_TOKEN": TOKEN, "X_API_URL": f"{server.url}/"} | settings)
        finally:
            await web.close()


# --- accounts and Spaces ----------------------------------------------------------------------------------


async def test_what_an_account_hosts_live_and_announced(desk: Desk) -> None:
    ann = desk.server.user("Ann", "Ann of the Radio")
    live = desk.server.space(ann, 1284, title=" Evening talk ")
    due = desk.server.space(ann, None, state="scheduled", scheduled_start="2026-11-23T18:00:00.000Z")
    answer = await desk.answer("@Ann")
    assert answer.readings == (
        Reading(
            session=live,
            title="Evening talk",
            hosts=("Ann of the Radio",),
            url=f"https://x.com/i/spaces/{live}",
            concurrent=1284,
            started_at=STARTED,
        ),
        Reading(
            session=due,
            state=State.SCHEDULED,
            title="Talk 1",
            hosts=("Ann of the Radio",),
            url=f"https://x.com/i/spaces/{due}",
            started_at=1_795_456_800_000,
        ),
    )


async def test_an_account_that_hosts_nothing(desk: Desk) -> None:
    desk.server.user("ann")
    assert await desk.answer("ann") == Answer(at=NOW)


async def test_a_handle_is_paid_for_once_and_for_ever(desk: Desk) -> None:
    desk.server.user("ann")
    await desk.answer("@ann")
    desk.restart()
    desk.server.users.clear()  # renamed: the id is what counts
    live = desk.server.space(ANN)
    assert (await desk.reading("@ann")).session == live
    assert desk.server.paths().count(USERS) == 1


async def test_one_space_by_its_id(desk: Desk) -> None:
    live = desk.server.space(figure=7)
    assert (await desk.reading(live)).concurrent == 7
    assert desk.server.paths() == [SPACES]


async def test_a_batch_is_one_call_each_for_users_creators_and_spaces(desk: Desk) -> None:
    handles = [f"user{i}" for i in range(50)]
    for handle in handles:
        desk.server.space(desk.server.user(handle), 10)
    single = [desk.server.space("9", i) for i in range(50)]
    told = await desk.read(*handles, *single, "@USER1", handles[0])
    assert all(isinstance(one, Answer) and one.readings for told_ in told for one in told_.answers)
    assert sorted(desk.server.paths()) == sorted([USERS, CREATORS, SPACES])
    asked = dict(desk.server.asked)
    assert len(asked[USERS]["usernames"].split(",")) == 50
    assert "participant_count" in asked[CREATORS]["space.fields"]


@pytest.mark.parametrize(("count", "calls"), [(1, 1), (100, 1), (101, 2), (350, 4)])
async def test_batches_of_spaces_to_the_edge(desk: Desk, count: int, calls: int) -> None:
    ids = [desk.server.space(figure=i) for i in range(count)]
    desk.restart(X_DAILY_BUDGET_USD="5")
    told = await desk.read(*ids)
    assert [one.answers[0].readings[0].concurrent for one in told if isinstance(one.answers[0], Answer)] == list(
        range(count)
    )
    assert len(desk.server.asked) == calls


def test_creators_and_single_spaces_take_calls_of_their_own() -> None:
    source = X(Kit(web=Web()))
    assert {source.kind(one) for one in ("@ann", "ann", "https://x.com/ann", "@1vOGwAbcdEFGB", "no address")} == {
        ""
    }
    assert {source.kind(one) for one in ("1vOGwAbcdEFGB", "https://x.com/i/spaces/1vOGwAbcdEFGB")} == {"space"}


async def test_more_than_a_hundred_creators_wait_for_their_second(desk: Desk) -> None:
    for i in range(101):
        desk.server.user(f"user{i}")
    desk.server.paced = True
    desk.restart(time.monotonic, X_DAILY_BUDGET_USD="5")
    told = await desk.read(*(f"user{i}" for i in range(101)))
    assert all(one.answers == (Answer(at=NOW),) for one in told[:100])
    assert told[100].answers == ()
    assert told[100].again_at is not None
    assert NOW < told[100].again_at <= NOW + 1_100
    (again,) = await desk.read("user5")  # another batch in the same second: a moment of its own
    assert again.again_at is not None
    assert again.again_at > told[100].again_at
    assert desk.server.paths().count(CREATORS) == 1


async def test_nothing_asked(desk: Desk) -> None:
    assert await desk.x.read([], NOW) == []
    assert desk.server.asked == []


async def test_a_space_that_is_gone_is_over_once_its_session_has_ended(desk: Desk) -> None:
    live = desk.server.space()
    await desk.reading(live)
    del desk.server.spaces[live]
    first, grace, last = [
        (await desk.read(live, known=known))[0] for known in ((), (live,), ())
    ]  # first: after a restart the pipeline does not know it yet
    assert [one.over for one in (first, grace, last)] == [False, False, True]
    assert all(one.answers == (Answer(at=NOW),) for one in (first, grace, last))


async def test_a_space_that_says_it_ended(desk: Desk) -> None:
    ended = desk.server.space(state="ended")
    (told,) = await desk.read(ended)
    (answer,) = told.answers
    assert isinstance(answer, Answer)
    assert [one.state for one in answer.readings] == [State.ENDED]
    (told,) = await desk.read(ended)
    assert told.over


async def test_a_space_that_is_private_fails_alone(desk: Desk) -> None:
    live, shut = desk.server.space(figure=7), desk.server.space()
    desk.server.shut = {shut}
    good, bad = await desk.read(live, shut)
    assert isinstance(good.answers[0], Answer)
    assert isinstance(bad.answers[0], Failure)
    assert bad.answers[0].trouble is Trouble.DENIED
    assert (await desk.failure(shut)).trouble is Trouble.DENIED


async def test_an_account_that_is_no_more(desk: Desk) -> None:
    desk.server.user("ann")
    good, bad = await desk.read("ann", "nobody")
    assert good.answers == (Answer(at=NOW),)
    assert isinstance(bad.answers[0], Failure)
    assert bad.answers[0].trouble is Trouble.GONE
    problem = {
        "parameter": "user_ids",
        "resource_id": ANN,
        "type": "https://api.x.com/2/problems/resource-not-found",
    }
    desk.server.answers[CREATORS] = says(json.dumps({"errors": [problem]}))
    assert (await desk.failure("ann")).trouble is Trouble.GONE


# --- addresses and descriptions ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "https://x.com/i/spaces/1vOGwAbcdEFGB",
        "https://x.com/i/spaces/1vOGwAbcdEFGB/peek",
        "https://x.com/i/spaces/1vOGwAbcdEFGB?s=20&t=abc",
        "https://twitter.com/i/spaces/1vOGwAbcdEFGB/",
        "http://mobile.twitter.com/i/spaces/1vOGwAbcdEFGB",
        "x.com/i/spaces/1vOGwAbcdEFGB",
        "1vOGwAbcdEFGB",
    ],
)
async def test_addresses_of_a_space(desk: Desk, url: str) -> None:
    desk.server.spaces["1vOGwAbcdEFGB"] = desk.server.spaces[desk.server.space()] | {"id": "1vOGwAbcdEFGB"}
    assert (await desk.describe(desk.x.recognises(url) or url)).reference == "1vOGwAbcdEFGB"
    assert desk.x.recognises(url) is not None or "/" not in url


@pytest.mark.parametrize(
    "url",
    [
        "@Ann_1", "ann_1", " @ANN_1 ", "https://x.com/ann_1", "https://www.x.com/Ann_1/", "https://x.com/ann_1?s=21",
        "https://twitter.com/ann_1", "https://mobile.twitter.com/ann_1", "https://x.com/ann_1/status/5",
        "https://x.com/@ann_1", "twitter.com/ann_1",
    ],
)  # fmt: skip
async def test_addresses_of_an_account(desk: Desk, url: str) -> None:
    desk.server.user("Ann_1")
    assert (await desk.describe(desk.x.recognises(url) or url)).reference == "@ann_1"


async def test_a_handle_that_looks_like_a_space_needs_its_sign(desk: Desk) -> None:
    desk.server.user("1234567890123")
    described = await desk.describe("@1234567890123")
    assert described.reference == "@1234567890123"
    assert (await desk.describe(described.reference)).reference == described.reference


@pytest.mark.parametrize(
    "text",
    [
        "", "@", "two words", "@much_too_long_a_handle", "https://x.com/", "https://x.com/home", "https://t.co/abc",
        "https://x.com/i/broadcasts/1vOGwAbcdEFGB", "https://x.com/i/spaces/", "https://example.org/ann", "\x00",
    ],
)  # fmt: skip
async def test_what_is_no_address(desk: Desk, text: str) -> None:
    with pytest.raises(BadAddress):
        await desk.describe(text)
    assert (await desk.failure(text)).trouble is Trouble.DENIED
    assert desk.server.asked == []


@pytest.mark.parametrize(
    "url", ["https://x.com/hashtag/a", "https://x.com/search?q=%23a", "https://example.org/x.com"]
)
def test_others_addresses(url: str) -> None:
    assert X(Kit(web=Web())).recognises(url) is None


async def test_an_account_described(desk: Desk) -> None:
    ann = desk.server.user("Ann", "Ann of the Radio")
    before = await desk.describe("ann")
    assert (before.name, before.unit, before.live_now) == ("Ann of the Radio", "participants", False)
    assert before.url == "https://x.com/Ann"
    assert before.cost is not None
    assert (before.cost.amount, before.cost.unit, before.cost.limit) == (0.005, "USD", 1.0)
    assert (before.cost.each, before.cost.once) == ("Space", 0.010)
    assert "hosts and speakers included" in (before.note or "")
    assert "tuned in" in (before.note or "")
    live = desk.server.space(ann)
    now = await desk.describe("ann")
    assert (now.live_now, now.url) == (True, f"https://x.com/i/spaces/{live}")


@pytest.mark.parametrize(("reference", "says_"), [("nobody", "@nobody"), ("1AAAAAAAAAAAA", "is over")])
async def test_who_is_not_there_cannot_be_watched(desk: Desk, reference: str, says_: str) -> None:
    with pytest.raises(BadAddress, match=says_):
        await desk.describe(reference)


async def test_a_space_that_ended_cannot_be_watched(desk: Desk) -> None:
    ended = desk.server.space(state="ended")
    with pytest.raises(BadAddress, match="is over"):
        await desk.describe(ended)


# --- what the documents disagree on -----------------------------------------------------------------------


async def test_fields_that_x_refuses_are_left_out_and_that_is_remembered(desk: Desk) -> None:
    ann, bob = desk.server.user("ann", "Ann"), desk.server.user("bob")
    desk.server.space(ann, 3)
    desk.server.space(bob, 4)
    desk.server.only_spec = True
    told = await desk.read("ann", "bob")
    assert [one.answers for one in told] == [(), ()]  # in a second again: not twice within one
    assert all(one.again_at == NOW + 1_100 for one in told)
    assert [(await desk.reading(one)).concurrent for one in ("ann", "bob")] == [3, 4]
    ways = [query["space.fields"] for path, query in desk.server.asked if path == CREATORS]
    assert ["creator_id" in one for one in ways] == [True, False, False]


async def test_nor_expansions(desk: Desk) -> None:
    desk.server.user("ann")
    space = desk.server.space(figure=3)
    desk.server.only_spec = desk.server.no_expansions = True
    assert (await desk.reading(space)).concurrent == 3  # three ways, at once: Spaces by id have no pace
    assert (await desk.reading("ann")).concurrent == 3  # the only one asked: whose it is, is clear
    assert "expansions" not in desk.server.asked[-1][1]


async def test_without_creators_whose_it_is_shows_by_what_is_known(desk: Desk) -> None:
    desk.server.user("ann")
    desk.server.user("bob")
    space = desk.server.space()
    desk.server.only_spec = desk.server.no_expansions = True
    await desk.reading(space)
    (ann, bob) = await desk.x.read([Ask(reference="ann", known=(space,)), Ask(reference="bob")], NOW)
    assert isinstance(ann.answers[0], Answer)
    assert bob.answers == (Answer(at=NOW),)
    ann, bob = await desk.read("ann", "bob")
    assert all(isinstance(one.answers[0], Failure) for one in (ann, bob))  # and nobody is offline


async def test_x_leaves_creators_out_without_a_word(desk: Desk) -> None:
    desk.server.user("ann")
    desk.server.user("bob")
    body = {"data": [{"id": "1vOGwAbcdEFGB", "state": "live"}], "meta": {"result_count": 1}}
    desk.server.answers[CREATORS] = says(json.dumps(body))
    told = await desk.read("ann", "bob")
    assert all(isinstance(one.answers[0], Failure) for one in told)
    desk.server.answers.clear()
    await desk.answer("ann")
    assert desk.server.asked[-1][1]["expansions"] == "creator_id"


async def test_another_mistake_in_a_question_is_no_matter_of_fields(desk: Desk) -> None:
    problem = {"title": "Invalid Request", "errors": [{"message": "The `ids` query parameter is wrong"}]}
    desk.server.answers[SPACES] = says(json.dumps(problem), status=400)
    with pytest.raises(Garbage):
        await desk.read("1vOGwAbcdEFGB")
    assert len(desk.server.asked) == 1


# --- money ------------------------------------------------------------------------------------------------


async def test_a_space_is_paid_for_once_a_day_and_at_most_each_time(desk: Desk) -> None:
    desk.server.user("ann")
    desk.server.space(ANN)
    for _ in range(4):
        await desk.answer("ann")
    assert desk.spent == (0.015, 0.030)
    assert desk.spent == (round(desk.server.charged, 6), round(desk.server.charged_at_most, 6))
    desk.restart()
    await desk.answer("ann")
    assert desk.spent == (0.0, 0.005)  # what was paid for is remembered; the sum is for the pipeline to restore
    desk.server.now += DAY
    await desk.answer("ann", now=NOW + DAY)
    assert desk.x.purse is not None
    assert desk.x.purse.spent(NOW + DAY).amount == pytest.approx(0.005)


async def test_no_live_space_costs_nothing(desk: Desk) -> None:
    desk.server.user("ann")
    await desk.answer("ann")
    before = desk.spent
    await desk.answer("ann")
    assert desk.spent == before == (0.010, 0.010)


async def test_the_budget_is_not_overdrawn(desk: Desk) -> None:
    desk.restart(X_DAILY_BUDGET_USD="0.0149")
    one, two, three = (desk.server.space() for _ in range(3))
    told = await desk.read(one, two, three)
    assert [type(each.answers[0]) for each in told] == [Answer, Answer, Failure]
    refused = told[2].answers[0]
    assert isinstance(refused, Failure)
    assert (refused.trouble, refused.retry_after) == (Trouble.RATE_LIMITED, MIDNIGHT - NOW)
    assert told[2].again_at == MIDNIGHT
    assert desk.server.charged == pytest.approx(0.010)
    assert isinstance((await desk.read(two))[0].answers[0], Answer)  # paid for today
    with pytest.raises(RateLimited):
        await desk.describe(three)
    assert desk.spent[0] <= 0.0149
    desk.server.now = MIDNIGHT
    assert (await desk.reading(three, now=MIDNIGHT)).concurrent == 1284


async def test_without_money_what_is_paid_for_goes_on_and_nothing_new_is_looked_for(desk: Desk) -> None:
    for handle in ("ann", "bob"):
        desk.server.user(handle)
    await desk.read("ann", "bob")
    live = desk.server.space(ANN, 5)
    desk.restart(X_DAILY_BUDGET_USD="0.0075")
    assert (await desk.reading("ann")).concurrent == 5
    desk.server.asked.clear()
    ann, bob = await desk.x.read([Ask(reference="ann", known=(live,)), Ask(reference="bob")], NOW)
    (answer,) = ann.answers
    assert isinstance(answer, Answer)
    assert answer.readings[0].concurrent == 5
    assert isinstance(bob.answers[0], Failure)
    assert bob.answers[0].trouble is Trouble.RATE_LIMITED
    assert desk.server.paths() == [SPACES]
    assert desk.spent[0] == 0.005


async def test_with_little_money_not_always_the_same_are_asked(desk: Desk) -> None:
    handles = [f"user{i}" for i in range(4)]
    for handle in handles:
        desk.server.user(handle)
    await desk.read(*handles)
    desk.restart(X_DAILY_BUDGET_USD="0.0101")
    asked: set[str] = set()
    for _ in range(4):
        told = await desk.read(*handles)
        assert sum(isinstance(one.answers[0], Answer) for one in told) == 2
        asked.update(desk.server.asked[-1][1]["user_ids"].split(","))
    assert len(asked) == 4


UNREADABLE = {"a page": says("<html>"), "half": says('{"data": [{"id": "1vOG'), "broken off": breaks_off,
              "nothing": says("{}"), "null": says('{"data": null}')}  # fmt: skip


@pytest.mark.parametrize("answer", UNREADABLE.values(), ids=UNREADABLE)
async def test_an_answer_that_cannot_be_read_costs_the_most_that_it_may(desk: Desk, answer: Behaviour) -> None:
    desk.server.user("ann")
    desk.server.user("bob")
    await desk.read("ann", "bob")
    assert desk.spent == (0.020, 0.020)
    desk.server.answers[CREATORS] = answer
    for _ in range(2):  # the same Spaces again, if X takes them together; else as many once more
        with pytest.raises(Garbage):
            await desk.read("ann", "bob")
    assert desk.spent == (0.030, 0.040)
    desk.server.answers[SPACES] = answer
    for _ in range(2):
        with suppress(Garbage):
            await desk.read("1vOGwAbcdEFGB")
    assert desk.spent[0] == pytest.approx(0.035 if answer is not UNREADABLE["nothing"] else 0.030)


async def test_a_name_is_paid_for_though_the_answer_cannot_be_read(desk: Desk) -> None:
    desk.server.answers[USERS] = says("<html>")
    with pytest.raises(Garbage):
        await desk.describe("ann")
    assert desk.spent == (0.010, 0.010)


async def test_what_x_refuses_costs_nothing(desk: Desk) -> None:
    desk.server.user("ann")
    await desk.read("ann")
    before = desk.spent
    for status in (400, 401, 403, 404, 429, 500, 503):
        desk.server.answers[CREATORS] = says("{}", status=status)
        with suppress(SourceError):
            await desk.read("ann")
    desk.server.answers[CREATORS] = hangs_up
    with pytest.raises(Unavailable):
        await desk.read("ann")
    assert desk.spent == before


async def test_a_question_without_an_answer_in_time_may_have_cost(desk: Desk) -> None:
    desk.server.user("ann")
    await desk.read("ann")
    impatient = Web(timeout_seconds=0.2)
    kit = Kit(web=impatient, settings=desk.settings, memory=desk.memory)
    desk.server.answers[CREATORS] = trickles
    x = X(kit, clock=seconds_apart())
    try:
        with pytest.raises(Unavailable):
            await x.read([Ask(reference="ann", started=NOW)], NOW)
    finally:
        await impatient.close()
    assert x.purse is not None
    assert x.purse.spent(NOW).amount == pytest.approx(0.005)


async def test_handles_cost_too(desk: Desk) -> None:
    desk.server.user("ann")
    desk.restart(X_DAILY_BUDGET_USD="0.005")
    assert (await desk.failure("ann")).trouble is Trouble.RATE_LIMITED
    assert desk.server.asked == []


async def test_hashtags_spend_from_the_same_purse(desk: Desk) -> None:
    kit = Kit(web=desk.web, settings=desk.settings)
    assert X(kit).purse is not X(Kit(web=desk.web, settings=desk.settings | {"X_BEARER_TOKEN": "other"})).purse
    x, hashtag = X(kit), Hashtag(kit)
    assert x.purse is hashtag.purse
    desk.server.space()
    await x.read([Ask(reference="1000000000000")], NOW)
    await hashtag.read([Ask(reference="#a")], NOW)
    assert x.purse is not None
    assert x.purse.spent(NOW).amount == pytest.approx(0.010)
    assert COUNTS in desk.server.paths()


# --- errors -----------------------------------------------------------------------------------------------


async def test_without_a_key_it_says_what_to_set(desk: Desk) -> None:
    source = X(Kit(web=desk.web))
    assert await source.check() is None
    for trial in (source.describe("@ann", NOW), source.read([Ask(reference="@ann")], NOW)):
        with pytest.raises(NotAllowed, match="X_BEARER_TOKEN"):
            await trial
    with pytest.raises(BadAddress):
        await source.describe("\x00", NOW)


async def test_checking_asks_for_nothing_that_costs(desk: Desk) -> None:
    assert await desk.x.check() is None
    assert desk.server.charged == 0
    desk.restart(X_BEARER_TOKEN="wrong")
    assert "X_BEARER_TOKEN" in (await desk.x.check() or "")
    desk.restart(X_DAILY_BUDGET_USD="lots")
    assert "X_DAILY_BUDGET_USD" in (await desk.x.check() or "")


FORBIDDEN = '{"title": "Client Forbidden", "type": "https://api.x.com/2/problems/client-forbidden"}'
DOCUMENTED: dict[str, tuple[int, str, type[SourceError]]] = {
    "401": (401, '{"title": "Unauthorized", "type": "about:blank", "status": 401}', Denied),
    "402": (402, '{"title": "CreditsDepleted"}', Denied),
    "404": (404, "<h1>not found</h1>", Garbage),
    "204": (204, "", Garbage),
    "400": (400, "no", Garbage),
    "429": (429, '{"title": "Too Many Requests"}', RateLimited),
    "429 other shape": (429, '{"errors": [{"code": 88, "message": "Rate limit exceeded"}]}', RateLimited),
    "500": (500, "<h1>oops</h1>", Unavailable),
    "503": (503, '{"title": "Service Unavailable"}', Unavailable),
    "HTML": (200, "<!doctype html>", Garbage),
    "half": (200, '{"data": [{"id": "1vOG', Garbage),
    "no answer": (200, "[]", Garbage),
    "nested": (200, "[" * 60_000, Garbage),
    "null": (200, '{"data": null}', Garbage),
}


@pytest.mark.parametrize(("status", "body", "kind"), DOCUMENTED.values(), ids=DOCUMENTED)
@pytest.mark.parametrize("reference", ["ann", "1vOGwAbcdEFGB"])
async def test_errors_of_a_whole_question_are_raised(
    desk: Desk, reference: str, status: int, body: str, kind: type[SourceError]
) -> None:
    desk.server.user("ann")
    await desk.answer("ann")
    desk.server.answers |= dict.fromkeys((CREATORS, SPACES), says(body, status=status))
    with pytest.raises(kind) as caught:
        await desk.read(reference, reference)
    assert TOKEN not in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.retry_after is None


@pytest.mark.parametrize(("behaviour", "kind"), [(hangs_up, Unavailable), (breaks_off, Garbage)])
async def test_broken_connections(desk: Desk, behaviour: Any, kind: type[SourceError]) -> None:
    desk.server.answers[SPACES] = behaviour
    with pytest.raises(kind):
        await desk.read("1vOGwAbcdEFGB")


async def test_an_error_of_one_question_leaves_the_other_alone(desk: Desk) -> None:
    desk.server.user("ann")
    live = desk.server.space(ANN)
    desk.server.answers[CREATORS] = says("{}", status=503)
    account, space = await desk.read("ann", live)
    assert isinstance(account.answers[0], Failure)
    assert isinstance(space.answers[0], Answer)


async def test_a_limit_is_waited_for_by_the_clock_of_x(desk: Desk) -> None:
    live = desk.server.space()
    desk.server.calls[SPACES] = 300
    (told,) = await desk.read(live)
    (limit,) = told.answers
    assert isinstance(limit, Failure)
    assert (limit.trouble, limit.retry_after) == (Trouble.RATE_LIMITED, 854 * SECOND)  # from 15:15:46 to 15:30:00
    assert told.again_at == NOW + 854 * SECOND
    asked = len(desk.server.asked)
    limit = await desk.failure(live)
    assert limit.retry_after is not None
    assert 800 * SECOND < limit.retry_after < 854 * SECOND
    assert len(desk.server.asked) == asked  # it is not asked in vain
    desk.server.user("ann")
    assert (await desk.reading("ann")).session == live  # each question has its own limit


async def test_the_last_call_of_a_window_is_not_followed_by_another(desk: Desk) -> None:
    live = desk.server.space()
    desk.server.calls[SPACES] = 299
    await desk.reading(live)
    assert (await desk.failure(live)).trouble is Trouble.RATE_LIMITED
    assert len(desk.server.asked) == 1


@pytest.mark.parametrize("body", [FORBIDDEN, "{}"])
async def test_what_x_refuses_of_one_kind_is_no_matter_of_the_others(desk: Desk, body: str) -> None:
    desk.server.user("ann")
    live = desk.server.space(ANN)
    desk.server.answers[CREATORS] = says(body, status=403)
    failed = await desk.failure("ann")
    assert failed.trouble is Trouble.DENIED
    assert "console.x.com" in failed.detail
    assert "\n" not in failed.detail
    assert (await desk.reading(live)).concurrent == 1284


async def test_a_usage_cap_holds_until_the_next_day(desk: Desk) -> None:
    body = '{"title": "UsageCapExceeded", "type": "https://api.x.com/2/problems/usage-capped"}'
    desk.server.answers[SPACES] = says(body, status=429, x_rate_limit_reset="1795361400")
    with pytest.raises(RateLimited) as caught:
        await desk.read("1vOGwAbcdEFGB")
    assert caught.value.retry_after == MIDNIGHT - NOW


@pytest.mark.parametrize("reset", ["", "soon", "-5", "99999999999999999999"])
async def test_a_limit_that_does_not_say_how_long(desk: Desk, reset: str) -> None:
    desk.server.answers[SPACES] = says("{}", status=429, x_rate_limit_reset=reset)
    with pytest.raises(RateLimited) as caught:
        await desk.read("1vOGwAbcdEFGB")
    assert caught.value.retry_after is None


# --- unknown is not zero ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "figure",
    [None, -1, "many", "", "1,284", True, [], {}, 1e300, 2**53 + 2, 0.5, "9" * 5_000, "١٢"],
)
@pytest.mark.parametrize("by_id", [True, False])
async def test_a_count_that_is_none_is_unknown(desk: Desk, figure: object, by_id: bool) -> None:
    desk.server.user("ann")
    space = desk.server.space(ANN, figure)
    one = await desk.reading(space if by_id else "ann")
    assert (one.concurrent, one.reason) == (None, "X gives no number of participants.")
    assert one.state is State.LIVE


@pytest.mark.parametrize(("figure", "read"), [("1284", 1284), (5.0, 5), (0, 0), (2**53, 2**53)])
async def test_counts_in_other_words(desk: Desk, figure: object, read: int) -> None:
    assert (await desk.reading(desk.server.space(ANN, figure))).concurrent == read


BAD_SPACES: list[Any] = [
    None, 5, [], {}, {"id": 5, "state": "live"}, {"id": "1vOGwAbcdEFGB"},
    {"id": "1vOGwAbcdEFGB", "state": "on"}, {"id": "1vOGwAbcdEFGB", "state": ["live"], "creator_id": ANN},
    {"id": "1vOGwAbcdEFGB", "state": "live", "creator_id": "7"},
]  # fmt: skip


@pytest.mark.parametrize("space", BAD_SPACES, ids=str)
async def test_half_a_space_never_ends_anything(desk: Desk, space: Any) -> None:
    desk.server.user("ann")
    desk.server.user("bob")
    desk.server.answers[CREATORS] = says(json.dumps({"data": [space], "meta": {"result_count": 1}}))
    ann, _ = await desk.read("ann", "bob")
    assert isinstance(ann.answers[0], Failure)
    assert ann.answers[0].trouble is Trouble.GARBAGE
    desk.server.answers[SPACES] = says(json.dumps({"data": [space]}))
    try:
        (told,) = await desk.read("1vOGwAbcdEFGB")
    except Garbage:
        return
    if isinstance(told.answers[0], Answer):
        assert [one.concurrent for one in told.answers[0].readings] == [None]


async def test_a_known_session_goes_on_beside_one_that_cannot_be_read(desk: Desk) -> None:
    desk.server.user("ann")
    desk.server.space(ANN, 5)
    desk.server.space(ANN, 5, state="?")
    (told,) = await desk.read("ann", known=["1000000000001"])
    (answer,) = told.answers
    assert isinstance(answer, Answer)
    assert answer.still == {"1000000000001"}
    assert [one.session for one in answer.readings] == ["1000000000000"]


async def test_fewer_than_x_counted_itself(desk: Desk) -> None:
    desk.server.user("ann")
    desk.server.answers[CREATORS] = says('{"meta": {"result_count": 1}}')
    assert (await desk.failure("ann")).trouble is Trouble.GARBAGE


#: Answers to a question for what two accounts host that do not say that either hosts nothing.
NO_ANSWERS = {
    "nothing": {},
    "a problem in place of data": {"title": "Service Unavailable", "status": 503, "type": "about:blank"},
    "no count": {"data": []},
    "null for a count": {"meta": {"result_count": None}},
    "a count of another form": {"meta": {"count": 0}},
    "an empty list beside a count": {"data": [], "meta": {"result_count": 2}},
    "one that X knows no more, and not a word of the other": {"errors": [
        {"resource_id": "1500000000000000002", "type": "https://api.x.com/2/problems/resource-not-found"}]},
}  # fmt: skip


@pytest.mark.parametrize("body", NO_ANSWERS.values(), ids=NO_ANSWERS)
async def test_what_does_not_say_that_nothing_is_hosted_ends_nothing(desk: Desk, body: Any) -> None:
    desk.server.user("ann")
    desk.server.user("bob")
    live = desk.server.space(ANN, 50)
    await desk.read("ann", "bob")
    desk.server.answers[CREATORS] = says(json.dumps(body))
    try:
        ann, _ = await desk.read("ann", "bob", known=[live])
    except Garbage:
        return
    assert isinstance(ann.answers[0], Failure)
    assert ann.answers[0].trouble is Trouble.GARBAGE


async def test_a_count_of_nothing_ends_what_was_hosted(desk: Desk) -> None:
    desk.server.user("ann")
    desk.server.answers[CREATORS] = says('{"meta": {"result_count": 0}}')
    assert await desk.answer("ann", known=["1000000000000"]) == Answer(at=NOW)


async def test_a_space_of_which_x_says_nothing_is_not_gone(desk: Desk) -> None:
    desk.server.answers[SPACES] = says("{}")
    assert (await desk.failure("1vOGwAbcdEFGB")).trouble is Trouble.GARBAGE


# --- mutated answers --------------------------------------------------------------------------------------


def decoded(body: bytes) -> Any:
    return Page(host="api.x.com", status=200, headers={}, body=body).json()


def listed_live(body: Any, key: str, value: str) -> bool:
    """Tell whether an answer plainly lists something as live."""
    data = body.get("data") if isinstance(body, dict) else None
    return any(
        one.get(key) == value and one.get("state") == "live" and isinstance(one.get("id"), str)
        for one in (data if isinstance(data, list) else [])
        if isinstance(one, dict)
    )


def says_that_it_hosts_nothing(body: Any, creator: str) -> bool:
    """Tell whether an answer for creators counts its Spaces as documents show, and none is the creator's."""
    data, counted = body.get("data", []), body.get("meta", {}).get("result_count")
    return (
        not isinstance(counted, bool)
        and str(counted).strip().removesuffix(".0").lstrip("-") in map(str, range(len(data) + 1))
        and all(str(one["creator_id"]) != creator for one in data)
    )


def figures_of(body: Any) -> Iterator[object]:
    for one in body.get("data") or []:
        if isinstance(one, dict):
            yield one.get("participant_count")


def check_readings(readings: Iterable[Reading], body: Any) -> None:
    for one in readings:
        if one.concurrent is None:
            assert one.reason or one.state is not State.LIVE
        else:
            assert 0 <= one.concurrent <= 2**53
            if one.concurrent == 0:
                assert any(str(figure).strip() in {"0", "-0.0", "0.0"} for figure in figures_of(body))


def test_mutated_answers_of_creators() -> None:
    other = "1500000000000000009"
    live = {"id": "1vOGwAbcdEFGB", "state": "live", "creator_id": ANN, "participant_count": 1284, "title": "Talk"}
    due = {"id": "1schedAbcdefG", "state": "scheduled", "creator_id": other, "scheduled_start": "2026-11-23"}
    body = json.dumps({"data": [live, due], "meta": {"result_count": 2}}).encode()
    began = time.monotonic()
    for raw in mutations(body, seed=4, count=MUTATED // 2):
        try:
            answer = decoded(raw)
            found = hosted_in(answer, {ANN: frozenset({"1vOGwAbcdEFGB"}), other: frozenset()}, {ANN: "Ann"})
        except SourceError:
            continue
        seen = found[ANN]
        readings = getattr(seen, "readings", ())
        check_readings(readings, answer)
        if listed_live(answer, "creator_id", ANN):
            assert getattr(seen, "doubt", True) or any(one.state is State.LIVE for one in readings), raw
        if isinstance(seen, Seen) and not seen.doubt and not readings:
            assert says_that_it_hosts_nothing(answer, ANN), raw
    assert time.monotonic() - began < 60


def test_mutated_answers_of_spaces_and_users() -> None:
    body = json.dumps(
        {
            "data": [{"id": "1vOGwAbcdEFGB", "state": "live", "participant_count": 1284, "host_ids": [ANN]}],
            "includes": {"users": [{"id": ANN, "name": "Host", "username": "host_handle"}]},
            "errors": [
                {"resource_id": "1ended0000000", "type": "https://api.x.com/2/problems/resource-not-found"}
            ],
        }
    ).encode()
    for raw in mutations(body, seed=5, count=MUTATED // 4):
        try:
            answer = decoded(raw)
            seen = spaces_in(answer, ["1vOGwAbcdEFGB", "1ended0000000"])["1vOGwAbcdEFGB"]
        except SourceError:
            continue
        readings = getattr(seen, "readings", ())
        check_readings(readings, answer)
        if listed_live(answer, "id", "1vOGwAbcdEFGB"):
            assert [one.state for one in readings] == [State.LIVE], raw
    users = json.dumps({"data": [{"id": ANN, "name": "Host", "username": "Ann"}]}).encode()
    for raw in mutations(users, seed=6, count=MUTATED // 4):
        try:
            users_in(decoded(raw), ["ann"])
        except SourceError:
            continue


# --- through the pipeline ---------------------------------------------------------------------------------


async def test_a_watched_space_ends_after_its_grace_also_after_a_restart(desk: Desk, tmp_path: Path) -> None:
    space = desk.server.space(figure=50)
    database = Database(f"sqlite:///{tmp_path}/milepost.db", throwaway=True)
    await database.open()
    try:
        described = await desk.describe(space)
        async with database.write() as connection:
            columns = values(source="x", description=described, public=True, interval=60 * SECOND, now=NOW)
            watch = await watches.add(connection, due_at=NOW, values=columns)
        for minute in range(12):
            if minute in {3, 5}:
                desk.restart()
            if minute in {0, 3, 5}:  # made anew: nothing is known of what is stored
                poll = Poll(database, {"x": desk.x}, Ingest(database))
            if minute == 3:
                desk.server.spaces.clear()
            await poll.tick(NOW + minute * 60 * SECOND)
        async with database.read() as connection:
            (session,) = await sessions.newest(connection, watch.id, 5)
            polled = await watches.polled(connection)
    finally:
        await database.close()
    assert (session.state, session.ended_at) == (State.ENDED, NOW + 8 * 60 * SECOND)
    assert session.tally.peak == 50
    assert polled == []
    assert desk.server.paths().count(SPACES) == 1 + 10  # described, and read until it was told to be over
