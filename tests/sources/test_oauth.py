"""The token of an application: fetched when needed, kept, looked at, fetched anew; never twice at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from bot.domain import SECOND
from bot.domain.reading import Trouble
from bot.ports.source import Denied, Garbage, NotAllowed, RateLimited, SourceError, Unavailable
from bot.sources.kit import Kit
from bot.sources.oauth import Application
from bot.sources.twitch import PLATFORM
from bot.sources.web import Page, Web
from tests.servers.pages import Behaviour, breaks_off, floods, free_port, hangs, hangs_up, moves_to, says
from tests.servers.twitch import SECRET, TwitchServer, error, twitch

HOUR_SECONDS = 3_600


@dataclass
class Desk:
    server: TwitchServer
    application: Application
    seconds: float = 0.0

    async def ask(self) -> Page:
        return await self.application.get("/users", [("id", "1")])


@asynccontextmanager
async def desk(
    server: TwitchServer, settings: Mapping[str, str] | None = None, *, timeout_seconds: float = 10
) -> AsyncIterator[Desk]:
    client = Web(timeout_seconds=timeout_seconds, largest_body=65_536)
    kit = Kit(web=client, settings=server.settings | dict(settings or {}))
    one = Desk(server, Application(kit, PLATFORM, clock=lambda: one.seconds))
    try:
        yield one
    finally:
        await client.close()


@pytest.fixture
async def server() -> AsyncIterator[TwitchServer]:
    async with twitch() as server:
        yield server


@pytest.fixture
async def at_desk(server: TwitchServer) -> AsyncIterator[Desk]:
    async with desk(server) as one:
        yield one


async def test_one_token_serves_many_calls(at_desk: Desk) -> None:
    for _ in range(3):
        assert (await at_desk.ask()).status == 200
    assert at_desk.server.tokens == 1


async def test_many_calls_at_once_fetch_one_token(at_desk: Desk) -> None:
    await asyncio.gather(*(at_desk.ask() for _ in range(20)))
    assert at_desk.server.tokens == 1


async def test_it_is_fetched_anew_before_it_runs_out(at_desk: Desk) -> None:
    at_desk.server.lifetime = 600
    await at_desk.ask()
    at_desk.seconds = 539
    await at_desk.ask()
    assert at_desk.server.tokens == 1
    at_desk.seconds = 541
    await at_desk.ask()
    assert at_desk.server.tokens == 2


@pytest.mark.parametrize(
    ("life", "holds"), [('"600"', 539), ("null", 3_539), ('"soon"', 3_539), ("-5", 3_539), ("true", 3_539)]
)
async def test_how_long_it_lives_may_be_told_in_any_way(at_desk: Desk, life: str, holds: int) -> None:
    at_desk.server.valid.add("good")
    at_desk.server.grants = says(f'{{"access_token": "good", "expires_in": {life}}}')
    for at_desk.seconds, tokens in ((0, 1), (holds, 1), (holds + 2, 2)):
        await at_desk.ask()
        assert at_desk.server.tokens == tokens


@pytest.mark.parametrize("life", ["0", "1", "59"])
async def test_one_that_hardly_lives_still_serves_its_call(at_desk: Desk, life: str) -> None:
    at_desk.server.valid.add("good")
    at_desk.server.grants = says(f'{{"access_token": "good", "expires_in": {life}}}')
    assert (await at_desk.ask()).status == 200


async def test_one_that_is_refused_is_fetched_anew_once(at_desk: Desk) -> None:
    await at_desk.ask()
    at_desk.server.valid.clear()
    assert (await at_desk.ask()).status == 200
    assert at_desk.server.tokens == 2


async def test_many_refused_at_once_fetch_one_token(at_desk: Desk) -> None:
    await at_desk.ask()
    at_desk.server.valid.clear()
    pages = await asyncio.gather(*(at_desk.ask() for _ in range(20)))
    assert {page.status for page in pages} == {200}
    assert at_desk.server.tokens == 2


async def test_what_is_refused_with_a_new_token_too_is_denied(at_desk: Desk) -> None:
    at_desk.server.instead = says("{}", status=401)
    for asked in (1, 2):
        with pytest.raises(Denied, match="TWITCH_CLIENT_ID and TWITCH_CLIENT_SECRET"):
            await at_desk.ask()
        assert len(at_desk.server.asked) == 2 * asked
        assert at_desk.server.tokens == 1 + asked


async def test_another_client_id_than_the_token_is_of(server: TwitchServer) -> None:
    async with desk(server, {"TWITCH_CLIENT_ID": "another"}) as one:
        with pytest.raises(Denied):
            await one.ask()
        assert await one.application.check()


async def test_who_waited_for_a_fetch_that_failed_hears_of_it_without_another(at_desk: Desk) -> None:
    at_desk.server.grants = says("down", status=503)
    errors = await asyncio.gather(*(at_desk.ask() for _ in range(20)), return_exceptions=True)
    assert {type(one) for one in errors} == {Unavailable}
    assert at_desk.server.tokens == 1
    at_desk.server.grants = None
    assert (await at_desk.ask()).status == 200


async def test_who_gives_up_waiting_leaves_the_others_to_it(server: TwitchServer) -> None:
    async with desk(server) as one:
        server.grants = hangs
        first = asyncio.create_task(one.ask())
        while not server.tokens:  # noqa: ASYNC110 - the server has no event to wait for
            await asyncio.sleep(0.01)
        second = asyncio.create_task(one.ask())
        await asyncio.sleep(0.05)
        server.grants = None
        first.cancel()
        assert (await second).status == 200
        assert server.tokens == 2


GRANTS: dict[str, tuple[Behaviour, type[SourceError]]] = {
    "wrong id": (says('{"status":400,"message":"invalid client"}', status=400), Denied),
    "wrong secret": (says('{"status":403,"message":"invalid client secret"}', status=403), Denied),
    "Kick's refusal": (says('{"error":"invalid_client"}', status=401), Denied),
    "404": (says("<h1>Not Found</h1>", status=404), Garbage),
    "500": (says("{}", status=500), Unavailable),
    "HTML": (says("<html>"), Garbage),
    "half": (says('{"access_token": "a'), Garbage),
    "a list": (says("[]"), Garbage),
    "no token": (says('{"expires_in": 5}'), Garbage),
    "an empty token": (says('{"access_token": ""}'), Garbage),
    "a number": (says('{"access_token": 5}'), Garbage),
    "a line break": (says('{"access_token": "a\\r\\nX-Evil: 1"}'), Garbage),
    "a long token": (says('{"access_token": "' + "a" * 5_000 + '"}'), Garbage),
    "not ASCII": (says('{"access_token": "жетон"}'), Garbage),
    "moved": (moves_to("https://example.invalid/token"), Garbage),
    "hung up": (hangs_up, Unavailable),
    "broken off": (breaks_off, Garbage),
    "flooding": (floods, Garbage),
}


@pytest.mark.parametrize(("grant", "kind"), GRANTS.values(), ids=GRANTS)
async def test_no_token_to_be_had(at_desk: Desk, grant: Behaviour, kind: type[SourceError]) -> None:
    at_desk.server.grants = grant
    with pytest.raises(kind) as caught:
        await at_desk.ask()
    message = str(caught.value)
    assert message.endswith(".")
    assert SECRET not in message
    assert at_desk.server.asked == []
    assert await at_desk.application.check() == message


async def test_tokens_are_rationed(at_desk: Desk) -> None:
    at_desk.server.grants = says("{}", status=429, Retry_After="120")
    with pytest.raises(RateLimited) as caught:
        await at_desk.ask()
    assert caught.value.retry_after == 120 * SECOND


async def test_an_endless_fetch_is_given_up(server: TwitchServer) -> None:
    async with desk(server, timeout_seconds=0.3) as one:
        server.grants = hangs
        with pytest.raises(Unavailable, match=r"did not answer within 0\.3 seconds"):
            await one.ask()


async def test_nobody_gives_tokens(server: TwitchServer) -> None:
    async with desk(server, {"TWITCH_AUTH_URL": f"http://127.0.0.1:{free_port()}/oauth2"}) as one:
        with pytest.raises(Unavailable, match="does not take connections"):
            await one.ask()


# --- looked at each hour ----------------------------------------------------------------------------------


async def test_it_is_looked_at_each_hour(at_desk: Desk) -> None:
    for at_desk.seconds, looks in ((0, 0), (HOUR_SECONDS - 1, 0), (HOUR_SECONDS, 1), (HOUR_SECONDS + 9, 1)):
        await at_desk.ask()
        assert at_desk.server.looks == looks
    at_desk.seconds = 2 * HOUR_SECONDS + 1
    await asyncio.gather(*(at_desk.ask() for _ in range(10)))
    assert (at_desk.server.looks, at_desk.server.tokens) == (2, 1)


async def test_one_that_does_not_hold_any_more_is_fetched_anew(at_desk: Desk) -> None:
    await at_desk.ask()
    at_desk.server.valid.clear()
    at_desk.seconds = HOUR_SECONDS
    await at_desk.ask()
    assert (at_desk.server.looks, at_desk.server.tokens, len(at_desk.server.asked)) == (1, 2, 2)


@pytest.mark.parametrize("answer", [breaks_off, says("{}", status=503), says("<html>")])
async def test_one_that_cannot_be_looked_at_is_used_on(at_desk: Desk, answer: Behaviour) -> None:
    await at_desk.ask()
    at_desk.server.validity = answer
    for at_desk.seconds in (HOUR_SECONDS, HOUR_SECONDS + 60):
        assert (await at_desk.ask()).status == 200
    assert (at_desk.server.looks, at_desk.server.tokens) == (1, 1)


# --- keys and statuses ------------------------------------------------------------------------------------


@pytest.mark.parametrize("absent", ["TWITCH_CLIENT_ID", "TWITCH_CLIENT_SECRET"])
async def test_half_of_the_keys_is_none(server: TwitchServer, absent: str) -> None:
    async with desk(server, {absent: ""}) as one:
        said = await one.application.check()
        assert said is not None
        assert said.startswith(f"Twitch needs {absent} beside TWITCH_CLIENT_")
        with pytest.raises(NotAllowed, match=absent):
            await one.ask()
        assert server.tokens == 0


async def test_without_keys_it_is_not_used() -> None:
    client = Web()
    application = Application(Kit(web=client), PLATFORM)
    assert await application.check() is None
    with pytest.raises(NotAllowed, match="TWITCH_CLIENT_ID and TWITCH_CLIENT_SECRET") as caught:
        await application.get("/users", [])
    assert caught.value.trouble is Trouble.DENIED
    await client.close()


async def test_good_keys_are_fine(at_desk: Desk) -> None:
    assert await at_desk.application.check() is None


@pytest.mark.parametrize(
    ("status", "kind"), [(403, Denied), (429, RateLimited), (500, Unavailable), (503, Unavailable)]
)
async def test_what_a_status_means(at_desk: Desk, status: int, kind: type[SourceError]) -> None:
    at_desk.server.instead = says("<h1>no</h1>", status=status)
    with pytest.raises(kind, match=r"^Twitch .*\.$"):
        await at_desk.ask()


@pytest.mark.parametrize("status", [200, 400, 404])
async def test_other_statuses_are_the_source_s_business(at_desk: Desk, status: int) -> None:
    at_desk.server.instead = says("{}", status=status)
    assert (await at_desk.ask()).status == status


async def test_keys_do_not_follow_to_another_host(server: TwitchServer, at_desk: Desk) -> None:
    async with twitch() as other:
        heard: list[str | None] = []

        async def listen(request: object) -> object:
            heard.append(getattr(request, "headers", {}).get("Authorization"))
            return error(404, "Not Found")

        other.instead = listen  # type: ignore[assignment]
        server.instead = moves_to(f"{other.root}/helix/users")
        with pytest.raises(NotAllowed):  # nor does anything follow to one that is private
            await at_desk.ask()
        assert heard == []
        allowed = Web(allowed=[other.root.removeprefix("http://")])
        try:
            page = await allowed.get(f"{server.root}/helix/users", headers={"Authorization": "k"}, guard=False)
        finally:
            await allowed.close()
        assert (page.status, heard) == (404, [None])
