"""A bot in more servers than one connection takes: real clients, each with its part of the servers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import structlog.testing

from bot.chats.discord import DiscordChat, identifies
from bot.chats.discord.identifies import Identifies, Later
from bot.ports.chat import Listener
from tests.chats.discord.setting import Heard, post, soon, target
from tests.servers.discord import Channel, DiscordServer, Guild, Limits, Rate, User

pytestmark = pytest.mark.usefixtures("quick")

SHARDS = 3


@pytest.fixture
async def server() -> AsyncIterator[DiscordServer]:
    async with DiscordServer(limits=Limits(identifying=Rate(1, 0.15))) as running:
        running.gateway.shards = SHARDS
        yield running


@pytest.fixture
def guilds(server: DiscordServer) -> list[Guild]:
    """One server for each shard."""
    made = [server.world.guild(f"Server {number}", shard=(number, SHARDS)) for number in range(SHARDS)]
    for guild in made:
        guild.member("ada")
        guild.text("general")
    return made


@pytest.fixture
def logs() -> Iterator[list[Any]]:
    with structlog.testing.capture_logs() as found:
        yield found


def told(logs: list[Any]) -> list[tuple[str, int | None]]:
    """What was logged of connections, and of which shard."""
    return [(line["event"], line.get("shard")) for line in logs if "menu" not in line["event"]]


@asynccontextmanager
async def sharded(
    server: DiscordServer, listener: Listener | None = None, *, count: int = SHARDS, **more: Any
) -> AsyncIterator[DiscordChat]:
    chat = DiscordChat(server.token, api_url=server.api_url, **more)
    await chat.start(listener or Heard())
    try:
        await whole(chat, server, count)
        await server.until(lambda: server.commands.syncs, 20)
        yield chat
    finally:
        await chat.close()


async def whole(chat: DiscordChat, server: DiscordServer, count: int = SHARDS) -> None:
    await server.until(lambda: server.gateway.shards_connected == list(range(count)), 20)
    await soon(lambda: chat.connected, 20)


def general(guild: Guild) -> Channel:
    return next(one for one in guild.channels.values() if one.name == "general")


def ada(guild: Guild) -> User:
    return next(one.user for one in guild.members.values() if one.user.name == "ada")


async def asked(server: DiscordServer, guild: Guild, heard: Heard) -> None:
    """Ask something in a server, and see it answered."""
    used = await server.interaction(general(guild), ada(guild), "stats", {})
    answer = await used.message()
    assert answer.embeds
    assert heard.requests[-1].chat == str(guild.id)


def numbers(server: DiscordServer) -> list[list[int]]:
    return [one["shard"] for one in server.gateway.identifies]


LOST = "the connection to Discord is lost; connecting again"
BACK = "Discord is connected again"


async def test_there_are_as_many_shards_as_discord_recommends_and_each_answers(
    server: DiscordServer, guilds: list[Guild], logs: list[Any]
) -> None:
    heard = Heard()
    async with sharded(server, heard) as chat:
        assert sorted(numbers(server)) == [[number, SHARDS] for number in range(SHARDS)]
        assert len(server.asked("GET /gateway/bot")) == 1
        for guild in guilds:
            await asked(server, guild, heard)
            await chat.send(post(general(guild)))
        person = server.world.users[guilds[0].owner.id]
        used = await server.interaction(server.world.dm(person), person, "stats", {})
        await used.message()
        assert heard.requests[-1].chat == f"@{server.world.dm(person).id}"
        typing = await server.autocomplete(general(guilds[2]), ada(guilds[2]), "stats", {"name": "N"}, "name")
        await typing.choices()
    assert told(logs) == [("Discord is connected", None)]
    assert next(line for line in logs if line["event"] == "Discord is connected")["shards"] == SHARDS
    assert server.gateway.goodbyes == [1000] * SHARDS
    assert not server.violations
    assert len(server.commands.syncs) == 1


async def test_all_servers_are_called_together_and_new_ones_are_greeted_on_every_shard(
    server: DiscordServer, guilds: list[Guild]
) -> None:
    heard = Heard()
    async with sharded(server, heard):
        await soon(lambda: heard.calls, 20)
        assert [sorted(call) for call in heard.calls] == [sorted(str(guild.id) for guild in guilds)]
        assert not heard.told
        for number in range(SHARDS):
            new = server.world.guild("New", present=False, shard=(number, SHARDS))
            hall = new.text()
            await server.join(new)
            await soon(lambda hall=hall: hall.messages, 20)  # type: ignore[misc]
            assert ("in", str(new.id), "", "New") in heard.told
            await server.leave(new)
            await soon(lambda new=new: ("out", str(new.id)) in [one[:2] for one in heard.told], 20)  # type: ignore[misc]
        # Of a shard that begins anew the others' servers are known.
        before = len(heard.calls)
        await server.gateway.invalidate(shard=1)
        await soon(lambda: len(heard.calls) > before, 20)
        assert sorted(heard.calls[-1]) == sorted(str(guild.id) for guild in guilds)


async def test_rooms_and_what_buries_a_post_are_told_by_the_shard_of_their_server(
    server: DiscordServer, guilds: list[Guild]
) -> None:
    rooms = [guild.voice() for guild in guilds]
    async with sharded(server) as chat:
        for number, (guild, room) in enumerate(zip(guilds, rooms, strict=True)):
            where = str(guild.id), str(room.id)
            for _ in range(number + 1):
                await server.move(guild.member(f"guest{_}"), room)
            await soon(lambda: (found := chat.room(*where)) is not None and found.present == number + 1, 20)  # noqa: B023
            key = str(await chat.send(post(general(guild))))
            await server.say(general(guild), guild.owner, "hello")
            await soon(lambda: chat.buried(target(general(guild)), key) == 1, 20)  # noqa: B023
        await server.gateway.invalidate(shard=1)
        await server.until(lambda: len(server.gateway.identifies) == SHARDS + 1, 20)
        await whole(chat, server)
        key = await chat.send(post(general(guilds[2]), 2)) or ""
        assert chat.buried(target(general(guilds[2])), key) == 0  # the others missed nothing


async def test_a_shard_that_loses_its_connection_resumes_alone(
    server: DiscordServer, guilds: list[Guild], logs: list[Any]
) -> None:
    heard = Heard()
    async with sharded(server, heard) as chat:
        opened = server.gateway.opened
        server.gateway.cut(shard=1)
        await server.until(lambda: server.gateway.resumes, 20)
        await whole(chat, server)
        for guild in guilds:
            await asked(server, guild, heard)
        assert server.gateway.opened == opened + 1
        assert len(server.gateway.identifies) == SHARDS
        assert len(server.gateway.resumes) == 1
    assert told(logs) == [("Discord is connected", None), (LOST, 1), (BACK, None)]
    assert server.gateway.goodbyes == [1000] * SHARDS


async def test_while_one_shard_cannot_be_reached_the_others_answer(
    server: DiscordServer, guilds: list[Guild], logs: list[Any]
) -> None:
    heard = Heard()
    async with sharded(server, heard) as chat:
        await server.gateway.refuse()
        server.gateway.cut(shard=0)
        await soon(lambda: (LOST, 0) in told(logs), 20)
        assert chat.connected is False
        for guild in guilds[1:]:
            await asked(server, guild, heard)
        await chat.send(post(general(guilds[0])))  # which needs no gateway
        assert chat.room(str(guilds[0].id), "1") is not None  # unknown, not gone
        await server.gateway.accept()
        await whole(chat, server)
        await asked(server, guilds[0], heard)
    assert numbers(server)[SHARDS:] in ([], [[0, SHARDS]])
    assert [line for line in told(logs) if line[0] == LOST] == [(LOST, 0)]


async def test_a_number_of_shards_that_is_given_counts(server: DiscordServer, guilds: list[Guild]) -> None:
    server.gateway.shards = 1
    heard = Heard()
    async with sharded(server, heard, count=2, shards=2):
        assert sorted(numbers(server)) == [[0, 2], [1, 2]]
        for guild in guilds:
            await asked(server, guild, heard)


async def test_a_bot_that_grows_gets_more_shards_by_itself(server: DiscordServer, logs: list[Any]) -> None:
    server.gateway.shards = 1
    server.limits.guilds_a_shard = 1
    heard = Heard()
    first, second = (server.world.guild(shard=(number, 2), present=not number) for number in range(2))
    for guild in (first, second):
        guild.member("ada")
        guild.text("general")
    async with sharded(server, heard, count=1) as chat:
        assert "shard" not in server.gateway.identifies[0]
        await server.join(second)
        await server.gateway.invalidate()
        await whole(chat, server, 2)
        assert 4011 in server.gateway.closed
        for guild in (first, second):
            await asked(server, guild, heard)
    assert not [line for line in logs if line["log_level"] == "error"]


async def test_too_few_shards_are_one_sentence_and_posts_go_on(
    server: DiscordServer, guilds: list[Guild], logs: list[Any]
) -> None:
    server.limits.guilds_a_shard = 1
    chat = DiscordChat(server.token, api_url=server.api_url, shards=1)
    await chat.start(Heard())
    await soon(lambda: any(line["log_level"] == "error" for line in logs), 20)
    await asyncio.sleep(0.3)
    assert chat.connected is False
    assert len(server.gateway.identifies) == 1
    await chat.send(post(general(guilds[0])))
    await chat.close()
    (line,) = (line for line in logs if line["log_level"] == "error")
    assert "leave --shards out" in line["why"]


async def test_as_many_begin_at_once_as_discord_lets(
    server: DiscordServer, guilds: list[Guild], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(identifies, "IDENTIFY_GAP_SECONDS", 60)
    server.limits.max_concurrency = SHARDS
    server.limits.identifying = Rate(1, 60)
    async with sharded(server):
        assert len(numbers(server)) == SHARDS == len(guilds)
    assert not server.violations


async def test_it_stops_and_starts_again_with_all_its_shards(server: DiscordServer, guilds: list[Guild]) -> None:
    heard = Heard()
    async with sharded(server, heard) as chat:
        await chat.stop()
        assert chat.connected is None
        await server.until(lambda: not server.gateway.connections, 20)
        await chat.send(post(general(guilds[1])))
        await chat.start(heard)
        await whole(chat, server)
        for guild in guilds:
            await asked(server, guild, heard)
    assert server.gateway.goodbyes == [1000] * 2 * SHARDS
    assert not server.violations


async def test_sessions_of_one_group_keep_their_distance_and_the_day_s_number_grows_with_the_bot(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(identifies, "IDENTIFY_GAP_SECONDS", 60.0)
    monkeypatch.setattr(identifies, "IDENTIFY_BURST", 3)
    count = Identifies()
    count.learn(total=2000, at_once=4)
    async with asyncio.timeout(10):
        for shard in range(4):
            await count.take(shard)
        waiting = [asyncio.create_task(count.take(shard)) for shard in (4, 5)]
        await asyncio.sleep(0.1)
        assert not any(one.done() for one in waiting)  # each is of a group that has begun one
        with pytest.raises(Later):
            await count.take(6)
        for one in waiting:
            one.cancel()
