"""A source of accounts on the bench, with its platform on loopback."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Generic, TypeVar

from bot.domain.reading import Answer, Failure, Reading, State
from bot.ports.memory import Memory
from bot.ports.source import Ask, Source, SourceError, Told
from bot.sources.follow import Listed
from bot.sources.kick import Kick
from bot.sources.kit import Forgetful, Kit
from bot.sources.twitch import Twitch
from bot.sources.web import Page, Web
from tests.servers.accounts import AccountServer
from tests.servers.twitch import TwitchServer

NOW = 1_795_360_546_000
STARTED = 1_795_356_014_000  # 2026-11-22T14:00:14Z
MUTATIONS = 10_000

Server = TypeVar("Server", bound=AccountServer)


@dataclass
class Bench(Generic[Server]):
    """A source and its platform."""

    server: Server
    source: Source

    async def ask(self, *asks: Ask, now: int = NOW) -> list[Told]:
        told = await self.source.read(asks, now)
        assert len(told) == len(asks)
        return told

    async def read(self, *references: str, now: int = NOW) -> list[Told]:
        return await self.ask(*(Ask(reference=one) for one in references), now=now)

    async def one(self, reference: str, now: int = NOW) -> Answer | Failure:
        (told,) = await self.read(reference, now=now)
        (answer,) = told.answers
        return answer

    async def reading(self, reference: str, now: int = NOW) -> Reading:
        answer = await self.one(reference, now)
        assert isinstance(answer, Answer), answer
        (reading,) = answer.readings
        return reading

    async def failure(self, reference: str, now: int = NOW) -> Failure:
        answer = await self.one(reference, now)
        assert isinstance(answer, Failure), answer
        return answer

    async def figures(self, *asks: Ask | str, now: int = NOW) -> list[float | str | None]:
        """Return what is told of each: the figure, "off", or the trouble."""
        wanted = [Ask(reference=one) if isinstance(one, str) else one for one in asks]
        shown: list[float | str | None] = []
        for told in await self.ask(*wanted, now=now):
            (answer,) = told.answers
            if isinstance(answer, Failure):
                shown.append(answer.trouble.value)
            else:
                shown.append(answer.readings[0].concurrent if answer.readings else "off")
        return shown


@asynccontextmanager
async def bench(server: Server, memory: Memory | None = None) -> AsyncIterator[Bench[Server]]:
    """Give the source of a platform that runs."""
    client = Web()
    kit = Kit(web=client, settings=server.settings, memory=memory or Forgetful())
    try:
        yield Bench(server, Twitch(kit) if isinstance(server, TwitchServer) else Kick(kit))
    finally:
        await client.close()


# --- mutated answers --------------------------------------------------------------------------------------


def page(body: bytes) -> Page:
    return Page(host="api.example", status=200, headers={}, body=body)


def items_of(body: bytes) -> list[object]:
    answer = page(body).json()
    data = answer.get("data") if isinstance(answer, dict) else None
    return data if isinstance(data, list) else []


def under(item: object, *keys: str) -> object:
    for key in keys:
        item = item.get(key) if isinstance(item, dict) else None
    return item


def figures_in(items: list[object]) -> set[float]:
    """Return the figures that an answer shows, however they are spelled."""
    shown: set[float] = set()
    for item in items:
        value = under(item, "viewer_count")
        if isinstance(value, str | int | float) and not isinstance(value, bool):
            with suppress(ValueError, OverflowError):
                shown.add(float(value))
    return shown


def sound_readings(listed: Listed, account: str, items: list[object]) -> tuple[Reading, ...] | None:
    """Return what is told of an account, None if that cannot be told; its figures are held against the answer."""
    try:
        readings = listed.told(account)
    except SourceError:
        return None
    for reading in readings:
        assert reading.session
        assert reading.state is State.LIVE
        assert (reading.concurrent is None) == bool(reading.reason)
        if reading.concurrent is not None:
            assert 0 <= reading.concurrent <= 2**53
            assert not items or reading.concurrent in figures_in(items)
    return readings
