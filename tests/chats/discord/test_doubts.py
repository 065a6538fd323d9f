"""Events of Discord's gateway gone wrong: no false figure, no false end, no channel falsely gone."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Collection, Coroutine, Sequence
from typing import Any

import discord
import pytest

from bot.chats.discord import places
from bot.chats.discord.client import Client
from bot.chats.discord.traffic import Traffic
from bot.domain.reading import Answer, Failure, Trouble
from bot.ports.pace import Limits, Pace
from bot.ports.rooms import Room
from bot.ports.source import Ask
from bot.sources.kit import Kit
from bot.sources.stage import Stage
from bot.sources.web import Web
from tests.chats.discord.setting import Place, connected, soon
from tests.mutate import mutations
from tests.servers.discord import Channel, Guild
from tests.servers.discord.errors import Json
from tests.servers.discord.world import World

MUTATIONS = 10_000
#: So many of them go through a real connection as well.
CONNECTED = 150
PEOPLE = 5
ELSEWHERE = "77"
#: What is no JSON ends the connection, as every error there does.
UNREADABLE = (ValueError, RecursionError)


class Still(World):
    """A world that is the same each time."""

    def snowflake(self) -> int:
        self._ids += 1
        return (1 << 60) + self._ids


class Nobody:
    """Keeps no connection."""

    def came(self) -> None: ...

    def begun(self) -> None: ...

    def lost(self, why: str) -> None: ...

    def renew(self) -> None: ...

    def heard(self, data: Any) -> None: ...

    def work(self, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        return asyncio.create_task(coroutine)

    async def identify(self) -> None: ...


class Scene:
    """A server with a stage where people are, and all that may be told of it."""

    def __init__(self) -> None:
        self.world = Still()
        self.guild: Guild = self.world.guild()
        self.stage: Channel = self.guild.stage()
        self.other: Channel = self.guild.voice()
        people = [self.guild.member(f"user{n}") for n in range(PEOPLE)]
        self.guild.voices |= {one.user.id: self.stage for one in people}
        self.guild.voices[self.guild.member("bob").user.id] = self.other
        self.id = str(self.world.snowflake())
        self.instance: Json = {
            "id": self.id,
            "guild_id": str(self.guild.id),
            "channel_id": str(self.stage.id),
            "topic": "Talk",
            "privacy_level": 2,
        }
        self.guild.stages[self.stage.id] = self.instance
        comer = self.guild.member("comer")
        for member in self.guild.members.values():
            member.joined_at = "2026-11-22T15:00:00+00:00"
        self.created: Json = json.loads(json.dumps(self.guild.event() | {"unavailable": False}))
        whose = {"guild_id": str(self.guild.id)}
        some, *_ = people
        self.changes: list[tuple[str, Json]] = [
            (
                "VOICE_STATE_UPDATE",
                whose | self.guild.voice_state(comer, self.stage) | {"member": comer.payload()},
            ),
            ("VOICE_STATE_UPDATE", whose | self.guild.voice_state(some, None)),
            ("VOICE_STATE_UPDATE", whose | self.guild.voice_state(some, self.other)),
            ("CHANNEL_CREATE", whose | self.guild.voice("New").payload()),
            ("CHANNEL_UPDATE", whose | self.stage.payload()),
            ("CHANNEL_DELETE", whose | self.other.payload()),
            ("STAGE_INSTANCE_CREATE", self.instance),
            ("STAGE_INSTANCE_UPDATE", self.instance | {"topic": "Another"}),
            ("STAGE_INSTANCE_DELETE", self.instance | {"id": ELSEWHERE}),
        ]
        self.reference = f"{self.guild.id}/{self.stage.id}"

    def client(self) -> Client:
        """Return a client that has been told nothing but who it is."""
        client = Client(Nobody(), None, trace=Traffic(Pace(Limits())).trace())
        told: Any = self.world.bot.payload()
        client._connection.user = discord.ClientUser(state=client._connection, data=told)
        return client


class Gate:
    """What a client knows, without a connection."""

    def __init__(self, client: Client) -> None:
        self.client = client

    def room(self, chat: str, channel: str) -> Room | None:
        if self.client.doubts.about(chat):
            return places.unknown_room(chat, channel)
        return places.room(self.client, chat, channel)

    def may_see(self, chat: str, channel: str, *, user: str, roles: Collection[str]) -> bool | None:
        return places.may_see(self.client, chat, channel, user=user, roles=roles)


def listed(data: Any, name: str) -> list[Any]:
    told = data.get(name) if isinstance(data, dict) else None
    return told if isinstance(told, list) else []


def about(items: Sequence[Any], key: str, id_: int) -> list[Json]:
    """Return the items that are about an id, however it is spelled."""
    return [one for one in items if isinstance(one, dict) and str(one.get(key)).strip() == str(id_)]


async def look(source: Stage, scene: Scene) -> Answer | Failure:
    (told,) = await source.read([Ask(reference=scene.reference)], 1000)
    (answer,) = told.answers
    return answer


def parsed(raw: bytes) -> Any:
    """Return what the library would read; raises one of UNREADABLE."""
    return discord.utils._from_json(raw.decode())


def quiet(client: Client) -> None:
    """Let a client tell nobody: there is nobody."""
    client._connection.dispatch = lambda *_: None
    client.doubts._renew = lambda: None


@pytest.fixture
async def scene() -> Scene:
    return Scene()


async def test_ten_thousand_mutated_servers_make_no_false_figure_and_no_false_end(scene: Scene) -> None:
    body = json.dumps(scene.created).encode()
    web = Web()
    figures = unknown = 0
    for raw in mutations(body, seed=20_261_122, count=MUTATIONS):
        try:
            data = parsed(raw)
        except UNREADABLE:
            continue
        client = scene.client()
        quiet(client)
        # READY names it, so that it is never a server that the bot is not in.
        client._connection._add_guild_from_data({"id": str(scene.guild.id), "unavailable": True})  # type: ignore[typeddict-item]
        client._connection.parsers["GUILD_CREATE"](data)
        answer = await look(Stage(Kit(web=web, rooms={"discord": Gate(client)})), scene)
        if isinstance(answer, Failure):
            unknown += 1
            assert answer.detail
            if answer.trouble is Trouble.GONE:
                assert not about(listed(data, "channels"), "id", scene.stage.id), raw
                assert all(isinstance(one, dict) for one in listed(data, "channels"))
            continue
        if not answer.readings:
            assert not about(listed(data, "stage_instances"), "channel_id", scene.stage.id), raw
            assert "stage_instances" in data
            continue
        (reading,) = answer.readings
        there = about(listed(data, "voice_states"), "channel_id", scene.stage.id)
        assert reading.concurrent == len({str(one["user_id"]) for one in there}), raw
        assert "voice_states" in data
        figures += 1
    await web.close()
    assert figures > MUTATIONS / 20  # else the test shows nothing
    assert unknown > MUTATIONS / 20


async def test_ten_thousand_mutated_changes(scene: Scene) -> None:
    """After each, the figure is what was there, changed by one at most and as the event says, or unknown."""
    web = Web()
    chance = random.Random(20_261_123)
    each = MUTATIONS // len(scene.changes) + 1
    known = unknown = 0
    for number, (event, right) in enumerate(scene.changes):
        for raw in mutations(json.dumps(right).encode(), seed=number, count=each):
            try:
                data = parsed(raw)
            except UNREADABLE:
                continue
            client = scene.client()
            quiet(client)
            client._connection.parsers["GUILD_CREATE"](scene.created)
            source = Stage(Kit(web=web, rooms={"discord": Gate(client)}))
            client._connection.parsers[event](data)
            if chance.random() < 0.1:  # told twice
                client._connection.parsers[event](data)
            answer = await look(source, scene)
            if isinstance(answer, Failure):
                assert answer.trouble is Trouble.UNAVAILABLE, (event, raw, answer)
                unknown += 1
                continue
            if not answer.readings:  # it says that the stage's session is elsewhere
                assert event.startswith("STAGE"), (event, raw)
                assert str(data["channel_id"]) != str(scene.stage.id), (event, raw)
                continue
            (reading,) = answer.readings
            assert reading.session in {scene.id, str(data.get("id"))}, (event, raw)
            assert reading.concurrent in allowed(event, data, scene), (event, raw)
            known += 1
    await web.close()
    assert known > MUTATIONS / 5
    assert unknown > MUTATIONS / 5


def allowed(event: str, data: Json, scene: Scene) -> set[int]:
    """Return the figures that an event can leave behind if it is taken at its word."""
    if event != "VOICE_STATE_UPDATE" or str(data["guild_id"]) != str(scene.guild.id):
        return {PEOPLE}
    was_here = scene.guild.voices.get(int(data["user_id"])) is scene.stage
    is_here = str(data["channel_id"]) == str(scene.stage.id)
    return {PEOPLE - was_here + is_here}


MISSING = ("channels", "voice_states", "stage_instances")


@pytest.mark.parametrize("name", MISSING)
async def test_a_list_that_is_missing_is_not_an_empty_one(scene: Scene, name: str) -> None:
    web = Web()
    client = scene.client()
    quiet(client)
    source = Stage(Kit(web=web, rooms={"discord": Gate(client)}))
    client._connection.parsers["GUILD_CREATE"]({key: one for key, one in scene.created.items() if key != name})
    answer = await look(source, scene)
    assert isinstance(answer, Failure)
    assert answer.trouble is Trouble.UNAVAILABLE
    client._connection.parsers["GUILD_CREATE"](scene.created)
    answer = await look(source, scene)
    assert isinstance(answer, Answer)
    assert answer.readings[0].concurrent == PEOPLE
    await web.close()


@pytest.mark.usefixtures("quick")
async def test_nonsense_about_one_server_leaves_the_others_and_is_over_with_a_new_session(place: Place) -> None:
    other = place.server.world.guild("Other")
    mine, theirs = place.guild.voice(), other.voice()
    for guild, voice in ((place.guild, mine), (other, theirs)):
        await place.server.move(guild.member("eve"), voice)
    async with connected(place.server) as chat:

        def present(voice: Channel) -> int | None:
            assert voice.guild is not None
            found = chat.room(str(voice.guild.id), str(voice.id))
            return found.present if found else None

        await soon(lambda: present(mine) == present(theirs) == 1)
        odd = {"guild_id": str(place.guild.id), "user_id": "5", "session_id": "x"}  # in which channel?
        sessions = place.server.gateway.identifies
        await place.server.gateway.dispatch("VOICE_STATE_UPDATE", odd)
        await soon(lambda: len(sessions) == 2)
        await soon(lambda: present(mine) == present(theirs) == 1)
        await place.server.gateway.dispatch("VOICE_STATE_UPDATE", odd)
        await soon(lambda: present(mine) is None)
        assert present(theirs) == 1
        await place.server.join(place.guild)  # told anew, for whatever reason
        await soon(lambda: present(mine) == 1)
        assert len(sessions) == 2  # another would have been too soon


@pytest.mark.usefixtures("quick")
async def test_mutated_events_through_a_real_connection(place: Place) -> None:
    """Whatever comes, the bot stays or comes back, and then knows the truth again."""
    voice = place.guild.voice()
    await place.server.move(place.guild.member("eve"), voice)
    right = {"guild_id": str(place.guild.id)} | place.guild.voice_state(place.guild.member("bob"), voice)
    async with connected(place.server) as chat:
        await soon(lambda: getattr(chat.room(str(place.guild.id), str(voice.id)), "present", None) == 1)
        for raw in mutations(json.dumps(right).encode(), seed=1, count=CONNECTED):
            try:
                data = parsed(raw)
            except UNREADABLE:
                continue
            await place.server.gateway.dispatch("VOICE_STATE_UPDATE", data)
        await place.server.gateway.invalidate()
        await soon(lambda: getattr(chat.room(str(place.guild.id), str(voice.id)), "present", None) == 1, 20)
