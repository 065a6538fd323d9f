"""Icecast, the real one: what it says while sources and listeners come and go."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot.domain.reading import Answer, Failure, Reading, Trouble
from bot.ports.source import Ask, BadAddress
from bot.sources.icecast import Icecast
from bot.sources.web import Web
from tests.servers.icecast import IcecastServer, icecast, missing

pytestmark = pytest.mark.skipif(missing() is not None, reason=missing() or "")

NOW = 1_795_360_546_000
Condition = Callable[[Answer | Failure], bool]


@dataclass
class Air:
    server: IcecastServer
    source: Icecast

    async def answers(self, *mounts: str) -> list[Answer | Failure]:
        told = await self.source.read([Ask(reference=f"{self.server.url}{one}") for one in mounts], NOW)
        return [answer for one in told for answer in one.answers]

    async def until(self, mount: str, condition: Condition, *, seconds: float = 15) -> list[Answer | Failure]:
        """Read a mount until an answer is as awaited; return all answers on the way."""
        seen: list[Answer | Failure] = []
        deadline = asyncio.get_running_loop().time() + seconds
        while not seen or not condition(seen[-1]):
            assert asyncio.get_running_loop().time() < deadline, seen[-3:]
            await asyncio.sleep(0.02)
            seen += await self.answers(mount)
        return seen

    async def reading(self, mount: str, condition: Callable[[Reading], bool] = bool) -> Reading:
        """Return the first reading that is as awaited."""
        seen = await self.until(mount, lambda answer: live(answer) and condition(one(answer)))
        return one(seen[-1])


def live(answer: Answer | Failure) -> bool:
    return isinstance(answer, Answer) and answer.readings != ()


def off(answer: Answer | Failure) -> bool:
    return isinstance(answer, Answer) and answer.readings == ()


def one(answer: Answer | Failure) -> Reading:
    assert isinstance(answer, Answer)
    (reading,) = answer.readings
    return reading


def titled(title: str) -> Condition:
    return lambda answer: live(answer) and one(answer).title == title


@asynccontextmanager
async def on_air(folder: Path) -> AsyncIterator[Air]:
    async with icecast(folder) as server:
        client = Web(allowed=[server.authority])
        try:
            yield Air(server, Icecast(client))
        finally:
            await client.close()


@pytest.fixture
async def air(tmp_path: Path) -> AsyncIterator[Air]:
    async with on_air(tmp_path) as air:
        yield air


async def test_nothing_on_the_air(air: Air) -> None:
    assert await air.answers("/live", "/other") == [Answer(at=NOW)] * 2
    with pytest.raises(BadAddress, match="nothing on the air now"):
        await air.source.describe(air.server.url, NOW)
    assert (await air.source.describe(f"{air.server.url}/live", NOW)).live_now is False


async def test_listeners_come_and_go(air: Air) -> None:
    await air.server.send("/live", name="Friday Talk")
    first = await air.reading("/live")
    assert (first.concurrent, first.source_peak, first.title) == (0, 0, "Friday Talk")
    assert first.started_at is not None
    await air.server.listen("/live", 5)
    assert (await air.reading("/live", lambda r: r.concurrent == 5)).session == first.session
    air.server.leave(3)
    left = await air.reading("/live", lambda r: r.concurrent == 2)
    assert (left.source_peak, left.session) == (5, first.session)

    for address in (air.server.url, air.server.authority, f"{air.server.url}/live.m3u", f"{air.server.url}/live"):
        found = await air.source.describe(address, NOW)
        assert found.reference == f"{air.server.url}/live"
        assert (found.name, found.unit, found.live_now) == ("Friday Talk", "listeners", True)


async def test_many_mounts(air: Air) -> None:
    mounts = ["/a", "/b.ogg", "/my radio"]
    await air.server.send("/a")
    await air.server.send("/b.ogg", ogg=True)
    await air.server.send("/my%20radio", name="Spaced")
    for mount in mounts:
        await air.reading(mount)
    await air.server.listen("/a", 1)
    await air.server.listen("/b.ogg", 2)
    await air.reading("/b.ogg", lambda r: r.concurrent == 2)
    answers = await air.answers("/b.ogg", "/none", "/my radio", "/a")
    assert [[r.concurrent for r in a.readings] for a in answers if isinstance(a, Answer)] == [[2], [], [0], [1]]
    assert (await air.source.describe(f"{air.server.url}/a", NOW)).name == "127.0.0.1/a"
    assert (await air.source.describe(f"{air.server.url}/my radio", NOW)).name == "Spaced"
    with pytest.raises(BadAddress) as caught:
        await air.source.describe(air.server.url, NOW)
    for mount in ("/a", "/b.ogg", "/my%20radio"):
        assert f"icecast:{air.server.url}{mount}" in str(caught.value)


async def test_a_source_that_drops_and_comes_back(air: Air) -> None:
    encoder = await air.server.send("/live")
    await air.reading("/live")
    await air.server.listen("/live", 3)
    before = await air.reading("/live", lambda r: r.concurrent == 3)

    await encoder.stop()
    seen = await air.until("/live", off)
    # The mount vanishes with its last figure: it never counts down to 0.
    assert all(live(answer) and one(answer).concurrent == 3 for answer in seen[:-1])

    # Starts are stamped in whole seconds: wait for the next one.
    after = None
    while after is None or after.session == before.session:
        encoder = await air.server.send("/live")
        after = await air.reading("/live")
        if after.session == before.session:
            await encoder.stop()
            await air.until("/live", off)
    assert (after.concurrent, after.source_peak) == (0, 0)
    assert after.started_at is not None
    assert before.started_at is not None
    assert after.started_at > before.started_at


async def test_a_frozen_source_keeps_its_figures_and_then_vanishes(air: Air) -> None:
    encoder = await air.server.send("/live")
    await air.reading("/live")
    await air.server.listen("/live", 2)
    await air.reading("/live", lambda r: r.concurrent == 2)
    encoder.freeze()
    seen = await air.until("/live", off)
    assert len(seen) > 10
    assert all(live(answer) and one(answer).concurrent == 2 for answer in seen[:-1])


async def test_titles_in_all_scripts(air: Air) -> None:
    urdu = "آزادی اور عوام"
    await air.server.send("/live.ogg", ogg=True, title=urdu)
    await air.server.send("/live", name="Radio Türkçe")
    assert (await air.reading("/live.ogg", lambda r: r.title is not None)).title == urdu
    assert (await air.reading("/live")).title == "Radio Türkçe"
    # What Icecast takes for Latin-1, for numbers, for truth, and what breaks its JSON.
    for song in (urdu, "-", "007"):
        await air.server.name_song("/live", song)
        seen = await air.until("/live", titled(song))
        assert all(live(answer) for answer in seen)
    await air.server.name_song("/live", urdu, charset="UTF-8")
    await air.until("/live", titled(urdu))
    # Another mount's odd title does not break this one's figures.
    await air.server.name_song("/live", "-")
    await air.until("/live", titled("-"))
    answers = await air.answers("/live.ogg", "/live")
    assert [one(answer).title for answer in answers] == [urdu, "-"]


async def test_a_server_that_ends_is_unknown(tmp_path: Path) -> None:
    async with on_air(tmp_path) as air:
        assert off(*await air.answers("/live"))
        url = air.server.url
    client = Web(allowed=[air.server.authority])
    (told,) = await Icecast(client).read([Ask(reference=f"{url}/live")], NOW)
    await client.close()
    (answer,) = told.answers
    assert isinstance(answer, Failure)
    assert answer.trouble is Trouble.UNAVAILABLE
