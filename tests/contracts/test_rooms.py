"""What every chat that knows its rooms keeps to: who sees a room sees it by the platform's own rules."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Protocol

import pytest

from bot.chats.discord import DiscordChat, client
from bot.ports.rooms import Rooms
from tests.chats.discord.setting import QUICK, connected, soon
from tests.servers.discord import DiscordServer, Guild, Permission
from tests.servers.discord.world import Channel, Member, Role, User

#: Rooms and people that are set up at random, and the seed.
ROOMS, PEOPLE, SEED = 40, 25, 20_261_122


@dataclass(frozen=True)
class Person:
    """Somebody as a request names them."""

    user: str
    roles: tuple[str, ...] = ()


class House(Protocol):
    """A chat with rooms and people."""

    rooms: Rooms
    #: The ids of a chat, of rooms in it, of one that everybody sees, and of one in another chat.
    here: str
    all_rooms: list[str]
    open_room: str
    elsewhere: str
    people: list[Person]

    def sees(self, person: Person, room: str) -> bool:
        """Tell what the platform itself would say."""
        ...

    async def hide(self, room: str) -> None:
        """Take a room away from whoever does not run the chat."""
        ...

    async def lose(self) -> None:
        """Lose the connection."""
        ...


@dataclass(repr=False)  # what pytest would show of it is the whole world
class DiscordHouse:
    rooms: DiscordChat
    server: DiscordServer
    guild: Guild
    elsewhere: str
    made: list[Channel] = field(default_factory=list)
    members: list[Member] = field(default_factory=list)

    @property
    def here(self) -> str:
        return str(self.guild.id)

    @property
    def all_rooms(self) -> list[str]:
        return [str(one.id) for one in self.made]

    @property
    def open_room(self) -> str:
        return self.all_rooms[0]

    @property
    def people(self) -> list[Person]:
        return [Person(str(one.user.id), tuple(str(role.id) for role in one.roles)) for one in self.members]

    def sees(self, person: Person, room: str) -> bool:
        member = self.guild.members[int(person.user)]
        return bool(member.permissions(self.guild.channels[int(room)]) & Permission.VIEW_CHANNEL)

    async def hide(self, room: str) -> None:
        channel = self.guild.channels[int(room)]
        channel.overwrites.clear()
        channel.overwrite(self.guild.everyone, deny=Permission.VIEW_CHANNEL)
        await self.server.update_channel(channel)
        bare = Person(str(self.guild.member("newcomer").user.id))
        await soon(lambda: self.rooms.may_see(self.here, room, user=bare.user, roles=()) is False)

    async def lose(self) -> None:
        await self.server.gateway.refuse()
        self.server.gateway.cut()
        await soon(lambda: self.rooms.may_see(self.here, self.open_room, user="1", roles=()) is None)


def furnish(guild: Guild) -> tuple[list[Channel], list[Member]]:
    """Make rooms and people with rules at random; the first room has none."""
    chance = random.Random(SEED)
    kinds = (0, Permission.VIEW_CHANNEL, Permission.MANAGE_GUILD, Permission.ADMINISTRATOR)
    roles: list[Role] = [guild.role(f"role{n}", chance.choice(kinds)) for n in range(6)]
    members = [guild.members[guild.owner.id]]
    members += [guild.member(f"user{n}", *chance.sample(roles, chance.randrange(3))) for n in range(PEOPLE)]
    made = [guild.voice("Open")]
    for number in range(ROOMS):
        room = guild.stage(f"Stage {number}") if number % 2 else guild.voice(f"Voice {number}")
        made.append(room)
        targets: list[Role | User] = [guild.everyone, *roles, *(one.user for one in members)]
        for target in chance.sample(targets, chance.randrange(5)):
            rule = chance.choice(("allow", "deny"))
            room.overwrite(target, **{rule: Permission.VIEW_CHANNEL})
        if chance.random() < 0.5:
            room.overwrite(guild.everyone, deny=Permission.VIEW_CHANNEL)
    return made, members


@asynccontextmanager
async def discord_house() -> AsyncIterator[DiscordHouse]:
    with pytest.MonkeyPatch.context() as quick:
        quick.setattr(client, "SERVERS_SECONDS", 0.1)
        async with DiscordServer(limits=QUICK) as server:
            guild, other = server.world.guild(), server.world.guild("Other")
            made, members = furnish(guild)
            elsewhere = str(other.voice().id)
            async with connected(server) as rooms:
                house = DiscordHouse(rooms, server, guild, elsewhere, made, members)
                await soon(lambda: rooms.may_see(house.here, house.open_room, user="1", roles=()) is not None)
                yield house


@pytest.fixture(params=[pytest.param(discord_house, id="discord")])
async def house(request: pytest.FixtureRequest) -> AsyncIterator[House]:
    async with request.param() as house:
        yield house


def sees(house: House, person: Person, room: str) -> bool | None:
    return house.rooms.may_see(house.here, room, user=person.user, roles=person.roles)


async def test_everybody_sees_what_the_platform_shows_them(house: House) -> None:
    pairs = [(person, room) for person in house.people for room in house.all_rooms]
    truth = [house.sees(person, room) for person, room in pairs]
    assert len(pairs) / 5 < sum(truth) < len(pairs) * 4 / 5  # else the test shows nothing
    assert [sees(house, person, room) for person, room in pairs] == truth


async def test_who_runs_the_chat_sees_all_of_it(house: House) -> None:
    owner, *_ = house.people
    assert all(sees(house, owner, room) for room in house.all_rooms)
    await house.hide(house.open_room)
    assert sees(house, owner, house.open_room)


async def test_what_is_hidden_is_hidden_at_once(house: House) -> None:
    person = Person("1")
    assert sees(house, person, house.open_room)
    await house.hide(house.open_room)
    assert sees(house, person, house.open_room) is False


@pytest.mark.parametrize("room", ["1", "0", "", "x", "9" * 30, "²"])
async def test_what_does_not_exist_is_seen_by_nobody(house: House, room: str) -> None:
    owner, *_ = house.people
    assert sees(house, owner, room) is False
    assert house.rooms.room(house.here, room) is None


async def test_a_room_of_another_chat_is_none_of_this_one(house: House) -> None:
    owner, *_ = house.people
    assert sees(house, owner, house.elsewhere) is False
    assert house.rooms.room(house.here, house.elsewhere) is None


async def test_odd_people_see_nothing_more(house: House) -> None:
    await house.hide(house.open_room)
    for person in (Person(""), Person("x"), Person("0"), Person("5", ("x", "", "1")), Person("²")):
        assert sees(house, person, house.open_room) is False


async def test_without_a_connection_nobody_knows(house: House) -> None:
    await house.lose()
    owner, *_ = house.people
    for room in (house.open_room, "1"):
        assert sees(house, owner, room) is None
        found = house.rooms.room(house.here, room)
        assert found is not None
        assert found.present is None
