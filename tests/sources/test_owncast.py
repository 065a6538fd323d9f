"""Owncast: nobody and hidden told apart, sessions by their start, addresses, answers gone wrong."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from bot.domain import MINUTE
from bot.domain.reading import Answer, Failure, Reading, Trouble
from bot.ports.source import Ask, BadAddress, Garbage, NotAllowed, SourceError
from bot.sources.owncast import Owncast, _NotOwncast, parse, status_of
from bot.sources.web import Page, Web
from tests.mutate import mutations
from tests.servers import owncast as servers
from tests.servers.pages import payload, says, serving

NOW = 1_795_372_260_000
STARTED = 1_795_370_414_000  # 2026-11-22T18:00:14Z


@dataclass
class Stand:
    server: servers.Owncast
    source: Owncast

    async def answer(self, *, known: tuple[str, ...] = (), now: int = NOW) -> Answer | Failure:
        (told,) = await self.source.read([Ask(reference=self.server.url, known=known)], now)
        (answer,) = told.answers
        return answer

    async def reading(self, *, known: tuple[str, ...] = (), now: int = NOW) -> Reading:
        answer = await self.answer(known=known, now=now)
        assert isinstance(answer, Answer), answer
        (reading,) = answer.readings
        return reading


@asynccontextmanager
async def stand() -> AsyncIterator[Stand]:
    async with servers.owncast() as server:
        client = Web(allowed=[server.pages.authority])
        try:
            yield Stand(server, Owncast(client))
        finally:
            await client.close()


async def test_a_stream() -> None:
    async with stand() as one:
        assert await one.answer() == Answer(at=NOW)
        one.server.connected_at, one.server.viewers = STARTED, 37
        assert await one.reading() == Reading(
            session="2026-11-22T18:00:14.123456789Z",
            title="hello",
            url=one.server.url,
            concurrent=37,
            started_at=STARTED + 123,
        )
        assert one.server.calls == {"/api/status": 2}  # the configuration is of no interest
        assert not one.source.public


@pytest.mark.parametrize(("name", "viewers"), [("status_live", 37), ("status_zero_or_hidden", None)])
def test_documented_streams(name: str, viewers: int | None) -> None:
    status = status_of(json.loads(payload(f"owncast/{name}.json")))
    assert status is not None
    assert (status.viewers and status.viewers.value) == viewers
    assert (status.title, status.connected) == ("hello", "2026-11-22T18:00:14Z")


def test_documented_offline() -> None:
    assert status_of(json.loads(payload("owncast/status_offline.json"))) is None


async def test_nobody_is_zero_and_hidden_is_unknown() -> None:
    async with stand() as one:
        one.server.connected_at = STARTED
        reading = await one.reading()
        assert (reading.concurrent, reading.reason) == (0, None)
        one.server.viewers, one.server.hides = 5, True
        later = await one.reading(now=NOW + 5 * MINUTE)
        assert (later.concurrent, later.reason) == (None, "The owner of the server hides how many watch.")


async def test_the_configuration_is_asked_seldom_and_whenever_the_figure_vanishes() -> None:
    async with stand() as one:
        one.server.connected_at = STARTED
        for minute in range(10):
            assert (await one.reading(now=NOW + minute * MINUTE)).concurrent == 0
        assert one.server.calls["/api/config"] == 2
        one.server.viewers = 9
        assert (await one.reading(now=NOW + 10 * MINUTE)).concurrent == 9
        one.server.hides = True  # now: no false 0, although it said a minute ago that it hides nothing
        assert (await one.reading(now=NOW + 11 * MINUTE)).concurrent is None
        assert one.server.calls["/api/config"] == 3


@pytest.mark.parametrize("config", ["[]", "{}", "<html>", '{"hideViewerCount": null}', '{"hideViewerCount": 0}'])
async def test_a_configuration_that_says_nothing_leaves_it_unknown(config: str) -> None:
    async with stand() as one:
        one.server.connected_at = STARTED
        one.server.broken["/api/config"] = says(config)
        reading = await one.reading()
        assert reading.concurrent is None
        assert "does not say" in (reading.reason or "")
        one.server.broken["/api/config"] = says("oops", status=500)
        assert (await one.reading(now=NOW + 5 * MINUTE)).concurrent is None


@pytest.mark.parametrize("viewers", [None, -1, 2**60, "many", "", True, [5], {}, 1e400, float("nan")])
def test_what_is_no_number_is_unknown(viewers: object) -> None:
    status = status_of({"online": True, "viewerCount": viewers})
    assert status is not None
    assert status.viewers is not None
    assert (status.viewers.value, bool(status.viewers.reason)) == (None, True)


async def test_a_stream_that_comes_back_is_a_new_session_to_owncast() -> None:
    async with stand() as one:
        one.server.connected_at = STARTED
        before = (await one.reading()).session
        one.server.connected_at = STARTED + MINUTE
        assert (await one.reading()).session != before


@pytest.mark.parametrize("stamp", ["null", '"soon"', "5", '"0001-01-01T00:00:00Z"', f'"{"1" * 70_000}"'])
async def test_a_stream_without_a_start_goes_on_under_its_id(stamp: str) -> None:
    async with stand() as one:
        one.server.broken["/api/status"] = says(
            f'{{"online": true, "viewerCount": 3, "lastConnectTime": {stamp}, "streamTitle": 5}}'
        )
        reading = await one.reading(known=("2026-11-22T18:00:14Z",))
        assert (reading.session, reading.started_at, reading.title) == ("2026-11-22T18:00:14Z", None, None)
        assert (await one.reading()).session == "live"


async def test_servers_are_asked_once_each() -> None:
    async with stand() as one:
        told = await one.source.read(
            [Ask(reference=one.server.url), Ask(reference=f"{one.server.url}/embed/video")] * 26, NOW
        )
        assert len(told) == 52
        assert one.server.calls == {"/api/status": 1}


async def test_describe() -> None:
    async with stand() as one:
        for tail in ("", "/", "/api/status", "/embed/video?x=y", "#chat"):
            found = await one.source.describe(one.server.url + tail, NOW)
            assert (found.reference, found.name, found.unit) == (one.server.url, "Friday Live", "viewers")
            assert (found.live_now, found.cost, found.daily) == (False, None, False)
        one.server.hides, one.server.connected_at = True, STARTED
        found = await one.source.describe(one.server.url, NOW)
        assert found.live_now
        assert "hides" in (found.note or "")
        one.server.broken["/api/config"] = says("oops", status=500)
        assert (await one.source.describe(one.server.url, NOW)).name == "127.0.0.1"


async def test_user_and_password_stay_in_the_reference_alone() -> None:
    async with stand() as one:
        found = await one.source.describe(f"http://ann:s3cret@{one.server.pages.authority}/", NOW)
        assert found.reference == f"http://ann:s3cret@{one.server.pages.authority}"
        assert "s3cret" not in f"{found.url} {found.name} {found.note}"
        assert all("Authorization" in request.headers for request in one.server.pages.requests)


async def test_what_is_not_owncast() -> None:
    async with stand() as one:
        for body in ("null", "[]", "{}", '{"online": null}', '{"online": "true"}', '{"online": 1}'):
            one.server.broken["/api/status"] = says(body)
            with pytest.raises(Garbage, match="no status of Owncast"):
                await one.source.describe(one.server.url, NOW)
            answer = await one.answer()
            assert isinstance(answer, Failure)
            assert answer.trouble is Trouble.GARBAGE


async def test_a_private_server_is_for_the_operator_to_allow() -> None:
    async with serving(says("{}")) as hidden, stand() as one:
        with pytest.raises(NotAllowed, match="ALLOWED_PRIVATE_HOSTS"):
            await one.source.describe(hidden.url, NOW)


def test_addresses() -> None:
    assert (
        str(parse("live.example.org"))
        == str(parse(" https://Live.Example.org:443/x?y#z "))
        == ("https://live.example.org")
    )
    assert str(parse("http://live.example.org:8080/")) == "http://live.example.org:8080"
    for odd in ("", "two words", "ftp://live.example.org", "\x00"):
        with pytest.raises(BadAddress):
            parse(odd)


@pytest.mark.parametrize(
    ("url", "ours"),
    [
        ("https://live.example.org/api/status", True),
        ("https://live.example.org/embed/video", True),
        ("https://live.example.org/", False),
        ("words", False),
    ],
)
def test_recognises_pages_that_only_owncast_has(url: str, ours: bool) -> None:
    assert Owncast(Web()).recognises(url) == (url if ours else None)


@pytest.mark.parametrize("name", ["status_live", "status_zero_or_hidden"])
def test_five_thousand_answers_gone_wrong(name: str) -> None:
    """Nothing is 0 or off the air that the answer does not call so."""
    for body in mutations(payload(f"owncast/{name}.json"), seed=4, count=5_000):
        try:
            data = Page(host="h", status=200, headers={}, body=body).json()
            status = status_of(data)
        except (SourceError, _NotOwncast):
            continue
        if status is None:
            assert data["online"] is False
            continue
        reading = status.reading(parse("live.example.org"), Ask(reference="live.example.org"))
        assert reading.concurrent is None or 0 <= reading.concurrent <= 2**53
        assert (reading.concurrent is None) == (reading.reason is not None)
        assert 0 < len(reading.session) <= 40
        if reading.concurrent == 0:
            assert float(data["viewerCount"]) == 0
