"""Names that change hands: a watch stays with its account, whoever is called so by now."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path

import pytest
import sqlalchemy as sa

from bot.domain import DAY, HOUR, MINUTE
from bot.sources.kick import Kick
from bot.sources.kit import Kit
from bot.sources.twitch import Twitch
from bot.sources.web import Web
from storage import tables, watches
from storage.watches import Watch
from tests.fakes.clock import NOW
from tests.servers.accounts import AccountServer
from tests.servers.kick import KickServer, kick
from tests.servers.twitch import TwitchServer, twitch
from tests.talk import Talk, talk

Serve = Callable[[], AbstractAsyncContextManager[AccountServer]]


@dataclass
class Stand:
    """The bot and a platform of accounts."""

    bot: Talk
    server: AccountServer
    platform: str

    async def watch(self, name: str) -> str:
        return await self.bot.say(f"/watch {self.platform}:{name}")

    async def play(self, minutes: int = 3) -> None:
        await self.bot.until(self.bot.clock.now + minutes * MINUTE)

    async def watches(self) -> dict[str, Watch]:
        async with self.bot.parts.database.read() as connection:
            return {one.reference: one for one in await watches.polled(connection)}


@pytest.fixture(name="at", params=[twitch, kick])
async def _at(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Stand]:
    serve: Serve = request.param
    client = Web()
    try:
        async with serve() as server:
            kit = Kit(web=client, settings=server.settings)
            source = Twitch(kit) if isinstance(server, TwitchServer) else Kick(kit)
            async with talk(tmp_path, now=NOW, sources={source.platform: source}) as bot:
                yield Stand(bot, server, source.platform)
    finally:
        await client.close()


async def test_a_name_that_somebody_else_takes(at: Stand) -> None:
    first = at.server.live("night", 500)
    assert "Now watching" in await at.watch("night")
    await at.play()
    at.server.rename(first, "day")
    second = at.server.live("night", 7_000)
    await at.play()
    assert "500" in await at.bot.say("/stats")

    # Who asks for the name now means who has it now; who was followed is followed on.
    assert "Now watching" in await at.watch("night")
    await at.play()
    found = await at.watches()
    assert {name: one.account for name, one in found.items()} == {f"night~{first}": first, "night": second}
    shown = await at.bot.say("/watches")
    assert "2 watches here" in shown
    assert "Night 2" in shown or "night 2" in shown
    assert "7,000" in await at.bot.say("/stats night 2")
    assert "500" in await at.bot.say("/stats night")
    assert "7,000" not in await at.bot.say("/stats night")

    # The present name of the first leads to its watch, and takes the number off its address.
    assert "already" in await at.watch("day")
    assert {name: one.account for name, one in (await at.watches()).items()} == {"day": first, "night": second}


async def test_a_renamed_account_is_followed_and_is_one_watch_under_both_names(at: Stand) -> None:
    id_ = at.server.live("old", 500)
    await at.watch("old")
    await at.play()
    at.server.rename(id_, "new")
    told = await at.bot.until(at.bot.clock.now + 10 * MINUTE)
    assert "ended" not in told.lower()
    assert "500" in await at.bot.say("/stats")
    assert "already" in await at.watch("new")
    assert "already" in await at.watch("old")
    assert "1 watch here" in await at.bot.say("/watches")
    (watch,) = (await at.watches()).values()
    assert (watch.reference, watch.account) == ("new", id_)


async def test_a_name_that_goes_back_and_forth(at: Stand) -> None:
    first, second = at.server.live("name", 500), at.server.live("other", 7_000)
    await at.watch("name")
    await at.watch("other")
    for hour in range(3):
        at.server.rename(first, f"free{hour}")
        at.server.rename(second, "name")
        at.server.rename(first, "other")
        assert "already" in await at.watch("name")
        await at.play()
        first, second = second, first
    assert "2 watches here" in await at.bot.say("/watches")
    assert {one.account for one in (await at.watches()).values()} == {first, second}


async def test_a_watch_from_before_ids_were_kept_gets_its_own(at: Stand) -> None:
    id_ = at.server.live("old", 500)
    await at.watch("old")
    async with at.bot.parts.database.write() as connection:
        await connection.execute(sa.update(tables.watch).values(account=None))
    await at.play()
    (watch,) = (await at.watches()).values()
    assert watch.account == id_
    at.server.rename(id_, "new")
    at.server.live("old", 7_000)
    await at.play()
    assert "500" in await at.bot.say("/stats")


async def test_an_account_that_is_gone_while_another_has_its_name(at: Stand) -> None:
    first = at.server.account("night")
    await at.watch("night")
    await at.play()
    if isinstance(at.server, KickServer):
        at.server.unknown_fails = False
    del at.server.names[first]
    second = at.server.live("night", 7_000)
    await at.bot.until(at.bot.clock.now + DAY + HOUR, step=10 * MINUTE)
    assert "no longer has the account night" in await at.bot.say("/watches")
    await at.watch("night")
    await at.play()
    found = await at.watches()
    assert {name: one.account for name, one in found.items()} == {f"night~{first}": first, "night": second}
