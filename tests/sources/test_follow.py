"""Twitch and Kick follow accounts, not names: takeovers, renamed accounts, watches from before ids were kept."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager

import pytest

from bot.domain import DAY, HOUR, MINUTE
from bot.domain.reading import Answer, Failure, Reading
from bot.ports.source import Ask, BadAddress, Garbage, Gathers, NotAllowed
from bot.sources.follow import Listed, by_name, parts_of
from bot.sources.kick import Kick
from bot.sources.kit import Forgetful, Kit
from bot.sources.twitch import Twitch
from bot.sources.web import Web
from tests.servers.accounts import AccountServer
from tests.servers.kick import KickServer, kick
from tests.servers.twitch import twitch
from tests.sources.accounts import NOW, Bench, bench

At = Bench[AccountServer]
Serve = Callable[[], AbstractAsyncContextManager[AccountServer]]
#: Where names and ids are looked up.
LOOKS = {"/helix/users", "/public/v1/channels", "/public/v1/users"}


@pytest.fixture(params=[twitch, kick])
async def server(request: pytest.FixtureRequest) -> AsyncIterator[AccountServer]:
    serve: Serve = request.param
    async with serve() as server:
        yield server


@pytest.fixture
async def at(server: AccountServer) -> AsyncIterator[At]:
    async with bench(server) as one:
        yield one


def looks(server: AccountServer) -> list[list[tuple[str, str]]]:
    return [query for path, query in server.asked if path in LOOKS]


# --- whom a watch means -----------------------------------------------------------------------------------


async def test_who_is_followed_is_told_when_it_is_described_and_when_it_is_read(at: At) -> None:
    id_ = at.server.live("some_one")
    off = at.server.account("off")
    assert (await at.source.describe("some_one", NOW)).account == id_
    told = await at.read("some_one", "off", "nobody", "no name")
    assert [one.account for one in told] == [id_, off, None, None]


async def test_a_name_that_changed_hands_moves_no_watch(at: At) -> None:
    before = at.server.live("old", 5)
    watch = Ask(reference="old", account=before)
    assert await at.figures(watch) == [5]
    at.server.rename(before, "new")
    after = at.server.live("old", 7)
    described = await at.source.describe("old", NOW)
    assert (described.reference, described.account) == ("old", after)
    both = [Ask(reference=f"old~{before}", account=before), Ask(reference="old", account=after)]
    assert await at.figures(*both, watch, now=NOW + MINUTE) == [5, 7, 5]
    assert [one.account for one in await at.ask(*both)] == [before, after]
    # The one that had the name first goes, the one that has it now stays.
    del at.server.streams[before]
    assert await at.figures(*both, now=NOW + 2 * MINUTE) == ["off", 7]


async def test_a_watch_from_before_ids_were_kept_stays_with_whom_its_name_meant_first(at: At) -> None:
    before = at.server.live("old", 5)
    assert await at.figures("old") == [5]
    at.server.rename(before, "new")
    after = at.server.live("old", 7)
    assert (await at.source.describe("old", NOW)).account == after
    (told,) = await at.read("old", now=NOW + MINUTE)
    assert told.account == before
    assert await at.figures("old", now=NOW + 2 * MINUTE) == [5]


async def test_the_id_in_a_reference_says_who_is_meant_where_none_is_kept(at: At) -> None:
    before = at.server.live("old", 5)
    at.server.rename(before, "new")
    at.server.live("old", 7)
    assert await at.figures(f"old~{before}", "old") == [5, 7]


async def test_a_reference_with_an_id_is_described_as_whom_it_means(at: At) -> None:
    before = at.server.live("old")
    at.server.rename(before, "new")
    at.server.live("old")
    described = await at.source.describe(f"old~{before}", NOW)
    assert (described.reference, described.account) == ("new", before)
    assert (await at.source.describe(f"@Old~{before}", NOW)).reference == "new"


@pytest.mark.parametrize("reference", ["old~", "old~x", "old~1 2", "~5", "old~5~6", "old~" + "9" * 21, "old~٣"])
async def test_what_is_no_name_with_an_id(at: At, reference: str) -> None:
    with pytest.raises(BadAddress, match="That is no account on"):
        await at.source.describe(reference, NOW)
    assert await at.figures(reference) == ["denied"]
    assert at.server.asked == []


async def test_an_id_that_nobody_has(at: At) -> None:
    at.server.live("old")
    with pytest.raises(BadAddress, match="has no account old"):
        await at.source.describe("old~987654321", NOW)


async def test_a_former_name_leads_to_the_present_one(at: At) -> None:
    id_ = at.server.live("old")
    await at.source.describe("old", NOW)
    at.server.rename(id_, "new")
    for name in ("old", "new"):
        described = await at.source.describe(name, NOW)
        assert (described.reference, described.account) == ("new", id_)


@pytest.mark.parametrize("kept", [True, False], ids=["with its id", "from before ids were kept"])
async def test_a_renamed_account_is_read_on(at: At, kept: bool) -> None:
    id_ = at.server.live("old")
    watch = Ask(reference="old", account=id_ if kept else None)
    seen: list[Reading] = []
    for now in (NOW, NOW + 2 * DAY):
        (told,) = await at.ask(watch, now=now)
        (answer,) = told.answers
        assert isinstance(answer, Answer)
        seen += answer.readings
        at.server.rename(id_, "new")
    before, after = seen
    assert before.session == after.session
    assert [(one.url or "").rpartition("/")[2] for one in seen] == ["old", "new"]


async def test_an_account_that_is_gone_is_not_who_took_its_name(at: At) -> None:
    before = at.server.live("old")
    watch = Ask(reference="old", account=before)
    await at.figures(watch)
    del at.server.names[before], at.server.streams[before]
    if isinstance(at.server, KickServer):
        at.server.unknown_fails = False
    at.server.live("old", 7)
    (told,) = await at.ask(watch, now=NOW + 2 * DAY)
    (failure,) = told.answers
    assert isinstance(failure, Failure)
    assert "no longer has the account old: it was deleted or " in failure.detail
    assert await at.figures(watch, "old", now=NOW + 2 * DAY) == ["gone", 7]


async def test_one_account_under_several_references_is_asked_for_once(at: At) -> None:
    id_ = at.server.live("a", 5)
    asks = [Ask(reference="a"), Ask(reference=f"b~{id_}"), Ask(reference="c", account=id_), Ask(reference="@A")]
    assert await at.figures(*asks) == [5, 5, 5, 5]
    (query,) = [query for path, query in at.server.asked if "streams" in path]
    assert [value for key, value in query if key == "user_id"] == [id_]


# --- what it costs ----------------------------------------------------------------------------------------


async def test_whose_id_is_kept_is_never_looked_up_by_name(at: At) -> None:
    ids = {name: at.server.live(name) for name in ("a", "b", "c")}
    for minute in range(3):
        await at.figures(
            *(Ask(reference=name, account=id_) for name, id_ in ids.items()), now=NOW + minute * MINUTE
        )
    assert looks(at.server) == []
    assert len([path for path, _ in at.server.asked if "streams" in path]) == 3


async def test_names_are_looked_up_once_whatever_restarts(server: AccountServer) -> None:
    server.live("some_one")
    memory = Forgetful()
    for _ in range(2):
        async with bench(server, memory) as one:
            await one.reading("some_one")
    assert len(looks(server)) == 1


async def test_nothing_asked_costs_nothing(at: At) -> None:
    assert await at.source.read([], NOW) == []
    assert (at.server.tokens, at.server.asked) == (0, [])


async def test_an_expired_token_is_replaced_on_the_way(at: At) -> None:
    at.server.live("some_one")
    await at.reading("some_one")
    at.server.valid.clear()
    await at.reading("some_one")
    assert at.server.tokens == 2


async def test_off(at: At) -> None:
    at.server.account("some_one")
    assert await at.one("some_one") == Answer(at=NOW)


async def test_a_name_that_nobody_has_is_asked_for_each_hour(at: At) -> None:
    (told,) = await at.read("nobody")
    assert told.again_at == NOW + HOUR
    (failure,) = told.answers
    assert isinstance(failure, Failure)
    assert "no longer has the account nobody: it was renamed, deleted or " in failure.detail


@pytest.mark.parametrize("source", [Twitch(Kit(web=Web())), Kick(Kit(web=Web()))], ids=["twitch", "kick"])
async def test_without_keys_it_says_who_sets_them(source: Twitch | Kick) -> None:
    assert await source.check() is None
    assert await source.read([], NOW) == []
    prefix = source.platform.upper()
    for asking in (source.describe("some_one", NOW), source.read([Ask(reference="some_one")], NOW)):
        with pytest.raises(NotAllowed, match=f"{prefix}_CLIENT_ID and {prefix}_CLIENT_SECRET"):
            await asking


@pytest.mark.parametrize("source", [Twitch(Kit(web=Web())), Kick(Kit(web=Web()))], ids=["twitch", "kick"])
def test_all_accounts_share_calls(source: Twitch | Kick) -> None:
    assert isinstance(source, Gathers)
    assert {source.kind(one) for one in ("a", "b~5", "@c")} == {""}


# --- what an answer says ----------------------------------------------------------------------------------


def test_what_is_listed_of_several_parts() -> None:
    here, there = Reading(session="1"), Reading(session="2")
    listed = Listed("Twitch", {"a": {"1": here}})
    listed.add(Listed("Twitch", {"b": {"2": there}}, {"c": "It is ill."}))
    assert (listed.told("a"), listed.told("b"), listed.told("d")) == ((here,), (there,), ())
    assert listed.named == {"a", "b", "c"}
    with pytest.raises(Garbage, match="It is ill"):
        listed.told("c")
    listed.add(Listed("Twitch", complete=False))
    assert listed.told("a") == (here,)
    with pytest.raises(Garbage, match="a stream of nobody"):
        listed.told("d")


def test_a_name_that_two_have_had_says_nothing() -> None:
    assert by_name({"1": "old", "2": "old", "3": "other"}) == {"other": "3"}


@pytest.mark.parametrize(("count", "sizes"), [(0, []), (1, [1]), (3, [3]), (4, [3, 1]), (7, [3, 3, 1])])
def test_parts(count: int, sizes: list[int]) -> None:
    parts = parts_of(map(str, range(count)), 3)
    assert [len(part) for part in parts] == sizes
    assert [one for part in parts for one in part] == [str(n) for n in range(count)]
