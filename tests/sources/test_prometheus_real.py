"""Prometheus, the real one: what it says while series and exporters come and go."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot.domain.reading import Answer, Failure, Reading, Trouble
from bot.ports.source import Ask, BadAddress
from bot.sources.prometheus import Prometheus
from bot.sources.web import Web
from tests.servers.prometheus import PrometheusServer, missing, prometheus

pytestmark = pytest.mark.skipif(missing() is not None, reason=missing() or "")

NOW = 1_795_360_546_000
ALPHA = 'live_viewers{channel="alpha"}'
BETA = 'live_viewers{channel="beta"}'


@dataclass
class Place:
    server: PrometheusServer
    source: Prometheus

    async def answer(self, tail: str) -> Answer | Failure:
        (told,) = await self.source.read([Ask(reference=f"{self.server.url}#{tail}")], NOW)
        (answer,) = told.answers
        return answer

    async def until(self, tail: str, condition: Callable[[Answer | Failure], bool]) -> list[Answer | Failure]:
        """Read until an answer is as awaited; return all answers on the way."""
        seen: list[Answer | Failure] = []
        deadline = asyncio.get_running_loop().time() + 15
        while not seen or not condition(seen[-1]):
            assert asyncio.get_running_loop().time() < deadline, seen[-3:]
            await asyncio.sleep(0.02)
            seen.append(await self.answer(tail))
        return seen

    async def refusal(self, tail: str) -> str:
        with pytest.raises(BadAddress) as caught:
            await self.source.describe(f"{self.server.url}#{tail}", NOW)
        return str(caught.value)


def shows(figure: float | None) -> Callable[[Answer | Failure], bool]:
    def condition(answer: Answer | Failure) -> bool:
        return isinstance(answer, Answer) and [one.concurrent for one in answer.readings] == [figure]

    return condition


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    async with prometheus(tmp_path) as server:
        client = Web(allowed=[server.authority])
        try:
            yield Place(server, Prometheus(client))
        finally:
            await client.close()


async def test_series_come_and_go(place: Place) -> None:
    server = place.server
    server.figures = {ALPHA: "42", BETA: "0"}

    # Starting, then without a sample: unknown, and never 0 or off the air.
    seen = await place.until(ALPHA, shows(42))
    for answer in seen[:-1]:
        if isinstance(answer, Failure):
            assert answer.trouble is Trouble.UNAVAILABLE
        else:
            assert shows(None)(answer)
    assert shows(0)(await place.answer(BETA))

    for query, figure in {
        "sum(live_viewers)": 42,
        'sum(live_viewers{channel=~"alpha|beta"}) + 8 % 5': 45,
        "max_over_time(live_viewers{channel='alpha'}[1m])": 42,
        "scalar(live_viewers{channel='alpha'})": 42,
        "1.5": 1.5,
    }.items():
        found = await place.source.describe(f"{server.url}/graph?g0.expr=x#{query}", NOW)
        assert found.reference == f"{server.url}#{query}"
        assert found.daily
        assert shows(figure)(await place.answer(query))
    assert (await place.source.describe(f"{server.url}#{ALPHA}", NOW)).name == "live_viewers (127.0.0.1)"

    assert "gives 2 rows" in await place.refusal("live_viewers")
    assert "no series matches" in await place.refusal("nosuch")
    assert "not finite" in await place.refusal("0 / 0")
    assert "not finite" in await place.refusal("1 / 0")
    assert "range of figures" in await place.refusal("live_viewers[1m]")
    assert "gives a string" in await place.refusal('"x"')
    assert "parse error" in await place.refusal("live_viewers{")
    assert "duplicate series" in await place.refusal("live_viewers + on(job) live_viewers")

    server.figures[ALPHA] = "43"
    await place.until(ALPHA, shows(43))

    # One series ends: that one is unknown, the other is not touched.
    del server.figures[ALPHA]
    seen = await place.until(ALPHA, shows(None))
    assert all(shows(43)(answer) for answer in seen[:-1])
    assert shows(0)(await place.answer(BETA))

    # With live-when it is a session as long as the exporter answers.
    tail = f"{BETA} live-when up == 1"
    answer = await place.answer(tail)
    assert answer == Answer(at=NOW, readings=(Reading(session=f"live-{NOW}", concurrent=0),))
    found = await place.source.describe(f"{server.url}#{tail}", NOW)
    assert (found.reference, found.daily, found.live_now) == (f"{server.url}#{tail}", False, True)

    # The exporter falls ill: all are unknown; a query over a range goes on with the last figure.
    server.ill = True
    await place.until(BETA, shows(None))
    assert shows(43)(await place.answer('last_over_time(live_viewers{channel="alpha"}[1m])'))
    await place.until(tail, lambda answer: answer == Answer(at=NOW))
    assert (await place.source.describe(f"{server.url}#{tail}", NOW)).live_now is False
