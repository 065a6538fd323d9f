"""Prometheus: every captured answer of a real server."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
from aiohttp import web

from bot.domain.reading import Answer, Failure, Metric, Reading, Trouble
from bot.ports.source import Ask, BadAddress
from bot.sources.prometheus import Prometheus
from bot.sources.web import Web
from tests.servers.pages import PAYLOADS, Behaviour, Pages, payload, says, serving

NOW = 1_795_360_546_000
QUERY = 'sum(live_viewers{channel=~"a|b"})'


@dataclass
class Place:
    pages: Pages
    source: Prometheus

    async def read(self, *tails: str, known: tuple[str, ...] = ()) -> list[Answer | Failure]:
        asks = [Ask(reference=f"{self.pages.url}#{tail}", known=known) for tail in tails]
        return [answer for told in await self.source.read(asks, NOW) for answer in told.answers]

    async def reading(self, tail: str = QUERY, known: tuple[str, ...] = ()) -> Reading:
        (answer,) = await self.read(tail, known=known)
        assert isinstance(answer, Answer), answer
        (reading,) = answer.readings
        return reading

    async def failure(self, tail: str = QUERY) -> Failure:
        (answer,) = await self.read(tail)
        assert isinstance(answer, Failure), answer
        return answer

    async def refusal(self, tail: str = QUERY) -> str:
        with pytest.raises(BadAddress) as caught:
            await self.source.describe(f"{self.pages.url}#{tail}", NOW)
        return str(caught.value)


def captured(name: str) -> Behaviour:
    """Answer with a captured body under the status that it was captured with."""
    status = int(name.split("_")[1]) if name.startswith("error") else 200
    return says(payload(f"prometheus/{name}.json"), status=status)


def by_query(**answers: str) -> Behaviour:
    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        return await captured(answers[request.query["query"]])(request)

    return answer


@asynccontextmanager
async def server(answer: str | Behaviour) -> AsyncIterator[Place]:
    async with serving(captured(answer) if isinstance(answer, str) else answer) as pages:
        client = Web(allowed=[pages.authority])
        try:
            yield Place(pages, Prometheus(client))
        finally:
            await client.close()


@pytest.mark.parametrize(
    ("name", "figure"),
    [
        ("vector_one", 42),
        ("vector_one_changed", 43),
        ("vector_one_series_dropped", 0),
        ("stale_value_while_down", 0),
        ("sum", 42),
        ("max_over_time", 42),
        ("scalar", 42),
        ("up", 1),
    ],
)
async def test_figures(name: str, figure: int) -> None:
    async with server(name) as place:
        reading = await place.reading()
        assert reading == Reading(session="day", concurrent=figure)
        assert isinstance(reading.concurrent, int)
        (request,) = place.pages.requests
        assert request.path == "/api/v1/query"
        assert dict(request.query) == {"query": QUERY}


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("vector_empty", "no series matches"),
        ("vector_exporter_down", "no series matches"),
        ("scalar_nan", "not finite"),
        ("scalar_inf", "not finite"),
    ],
)
async def test_unknown_is_live_without_a_figure(name: str, said: str) -> None:
    async with server(name) as place:
        reading = await place.reading()
        assert reading.concurrent is None
        assert said in (reading.reason or "")
        assert said in await place.refusal()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("vector_two_series", "gives 2 rows, and one is needed: aggregate them, as in sum(...)"),
        ("up_exporter_down", "2 rows"),
        ("matrix", "range of figures"),
        ("string", "gives a string, not a number"),
        ("error_400_bad_query", "1:14: parse error: unexpected end of input inside braces"),
        ("error_400_bad_time", "zzz"),
        ("error_400_bad_timeout", "0.000001s"),
        ("error_422_many_to_many", "many-to-one matching must be explicit"),
    ],
)
async def test_what_gives_no_one_number_is_refused(name: str, said: str) -> None:
    async with server(name) as place:
        failure = await place.failure()
        assert failure.trouble is Trouble.GARBAGE
        assert said in failure.detail
        assert said in await place.refusal()


@pytest.mark.parametrize(("value", "known"), [("-1", False), ("1e16", False), ("-Inf", False), ("4.25e+02", True)])
async def test_absurd_figures(value: str, known: bool) -> None:
    body = {"status": "success", "data": {"resultType": "scalar", "result": [1.5, value]}}
    async with server(says(json.dumps(body))) as place:
        assert ((await place.reading()).concurrent is not None) is known


async def test_a_native_histogram_is_refused_with_what_to_do() -> None:
    rows = [{"metric": {"__name__": "h"}, "histogram": [1.5, {"count": "3", "sum": "4"}]}]
    body = {"status": "success", "data": {"resultType": "vector", "result": rows}}
    async with server(says(json.dumps(body))) as place:
        assert "histogram_count" in await place.refusal()


async def test_starting_is_unavailable() -> None:
    async with server(says("Service Unavailable", status=503)) as place:
        assert (await place.failure()).trouble is Trouble.UNAVAILABLE


async def test_a_description() -> None:
    async with server("vector_one") as place:
        for tail in (
            "",
            "/",
            "/graph",
            "/query",
            "/graph?g0.expr=x",
            "/api/v1/query",
            "/api/v1/query?query=x",
        ):
            found = await place.source.describe(f"{place.pages.url}{tail}#  {QUERY} ", NOW)
            assert found.reference == f"{place.pages.url}#{QUERY}"
        assert (found.name, found.unit, found.metric) == (
            "live_viewers (127.0.0.1)",
            "count",
            Metric.CONCURRENT,
        )
        assert (found.daily, found.live_now) == (True, None)
        assert found.note


async def test_a_query_without_a_name_is_called_by_itself() -> None:
    async with server("sum") as place:
        assert (await place.source.describe(f"{place.pages.url}#{QUERY}", NOW)).name == f"{QUERY} (127.0.0.1)"


async def test_a_path_before_the_api() -> None:
    async with server("vector_one") as place:
        found = await place.source.describe(f"{place.pages.url}/metrics/prom/#{QUERY}", NOW)
        assert found.reference == f"{place.pages.url}/metrics/prom#{QUERY}"
        await place.source.read([Ask(reference=found.reference)], NOW)
        assert {request.path for request in place.pages.requests} == {"/metrics/prom/api/v1/query"}


# --- live-when --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "live"),
    [
        ("up", True),
        ("scalar", True),
        ("vector_one", True),
        ("vector_two_series", True),
        ("up_exporter_down", True),
        ("scalar_inf", True),
        ("vector_empty", False),
        ("vector_one_series_dropped", False),
    ],
)
async def test_live_when(name: str, live: bool) -> None:
    async with server(by_query(n="sum", up=name)) as place:
        found = await place.source.describe(f"{place.pages.url}#n  live-when  up", NOW)
        assert found.reference == f"{place.pages.url}#n live-when up"
        assert (found.daily, found.live_now) == (False, live)
        if live:
            assert await place.reading("n live-when up") == Reading(session=f"live-{NOW}", concurrent=42)
            assert (await place.reading("n live-when up", known=("live-1", "x"))).session == "live-1"
        else:
            assert await place.read("n live-when up") == [Answer(at=NOW)]


@pytest.mark.parametrize("name", ["scalar_nan", "string", "matrix", "error_422_many_to_many"])
async def test_a_live_when_that_fails_is_neither_live_nor_off(name: str) -> None:
    async with server(by_query(n="sum", up=name)) as place:
        assert (await place.failure("n live-when up")).trouble is Trouble.GARBAGE


async def test_off_the_air_no_figure_is_needed() -> None:
    async with server(by_query(n="vector_two_series", up="vector_empty")) as place:
        assert await place.read("n live-when up") == [Answer(at=NOW)]


async def test_live_without_a_figure_is_unknown() -> None:
    async with server(by_query(n="vector_empty", up="up")) as place:
        reading = await place.reading("n live-when up")
        assert reading.concurrent is None
        assert "no series" in await place.refusal("n live-when up")


# --- together ---------------------------------------------------------------------------------------------


async def test_each_different_query_is_run_once() -> None:
    async with server(by_query(a="sum", b="vector_one_changed", up="up")) as place:
        answers = await place.read("a", "b", "a", "a live-when up", "b live-when up")
        assert sorted(request.query["query"] for request in place.pages.requests) == ["a", "b", "up"]
        figures = [a.readings[0].concurrent for a in answers if isinstance(a, Answer)]
        assert figures == [42, 43, 42, 42, 43]


async def test_every_captured_answer_is_read_without_a_surprise() -> None:
    for path in sorted((PAYLOADS / "prometheus").glob("*.json")):
        async with server(path.stem) as place:
            (answer,) = await place.read(QUERY)
            if isinstance(answer, Failure):
                assert answer.trouble is Trouble.GARBAGE
            else:
                assert len(answer.readings) == 1
