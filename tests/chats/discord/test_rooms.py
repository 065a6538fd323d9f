"""Stage and voice channels as the gateway tells of them, read by the source ``stage:``: the real library."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import pytest

from bot.chats.discord import DiscordChat
from bot.domain.reading import Answer, Failure, Reading, Trouble
from bot.ports.rooms import Room, Rooms
from bot.ports.source import Ask, BadAddress, Denied, Unavailable
from bot.sources.kit import Kit
from bot.sources.stage import Stage
from bot.sources.web import Web
from tests.chats.discord.setting import Place, connected, soon
from tests.servers.discord import Channel, Permission, Role
from tests.talk import talk

pytestmark = pytest.mark.usefixtures("quick")


@dataclass
class Looking:
    """The source at a connected chat; each look is a millisecond later."""

    chat: DiscordChat
    source: Stage
    moments: count[int] = field(default_factory=lambda: count(1000))

    async def look(self, channel: Channel) -> Answer | Failure:
        assert channel.guild is not None
        (told,) = await self.source.read([Ask(reference=f"{channel.guild.id}/{channel.id}")], next(self.moments))
        (answer,) = told.answers
        return answer

    async def reading(self, channel: Channel) -> Reading:
        answer = await self.look(channel)
        assert isinstance(answer, Answer), answer
        (reading,) = answer.readings
        return reading

    def room(self, channel: Channel) -> Room | None:
        assert channel.guild is not None
        return self.chat.room(str(channel.guild.id), str(channel.id))

    def present(self, channel: Channel) -> int | None:
        found = self.room(channel)
        return found.present if found else None

    def is_known(self, channel: Channel) -> Callable[[], bool]:
        return lambda: self.present(channel) is not None


@asynccontextmanager
async def looking(place: Place, known: Channel) -> AsyncIterator[Looking]:
    async with connected(place.server) as chat:
        web = Web()
        try:
            one = Looking(chat, Stage(Kit(web=web, rooms={"discord": chat})))
            await soon(one.is_known(known))
            yield one
        finally:
            await web.close()


async def test_a_chat_of_discord_knows_its_rooms() -> None:
    chat = DiscordChat("token")
    assert isinstance(chat, Rooms)
    assert chat.room("1", "2") == Room(url="https://discord.com/channels/1/2")


async def test_people_come_to_a_voice_channel_and_go(place: Place) -> None:
    voice, other, ada = place.guild.voice(), place.guild.voice("Other"), place.guild.member("eve")
    many = [place.guild.member(f"user{n}") for n in range(11)]
    await place.server.move(many[0], voice)
    async with looking(place, voice) as one:
        first = await one.reading(voice)
        assert (first.session, first.started_at, first.concurrent) == ("voice:1000", 1000, 1)
        assert first.url == f"https://discord.com/channels/{place.guild.id}/{voice.id}"
        for member in [*many[1:], place.guild.me]:
            await place.server.move(member, voice)
        await soon(lambda: one.present(voice) == 12)  # none of them is a member that the library keeps
        assert (await one.reading(voice)).session == first.session
        await place.server.move(ada, other)
        for member in [*many, place.guild.me]:
            await place.server.move(member, other)
        await soon(lambda: one.present(other) == 13)
        assert await one.look(voice) == Answer(at=1002)
        await place.server.move(ada, voice)
        await soon(lambda: one.present(voice) == 1)
        assert (await one.reading(voice)).session == "voice:1003"


async def test_a_stage_starts_and_ends(place: Place) -> None:
    stage, ada = place.guild.stage(), place.guild.member("eve")
    await place.server.move(ada, stage)
    async with looking(place, stage) as one:
        assert await one.look(stage) == Answer(at=1000)  # somebody waits for it
        id_ = await place.server.start_stage(stage, "Night talk")
        await soon(lambda: getattr(one.room(stage), "session", None) == id_)
        reading = await one.reading(stage)
        assert (reading.session, reading.title, reading.concurrent) == (id_, "Night talk", 1)
        await place.server.move(ada, None)
        await soon(lambda: one.present(stage) == 0)
        assert (await one.reading(stage)).concurrent == 0
        description = await one.source.describe(f"{place.guild.id}/<#{stage.id}", 0)
        assert (description.name, description.live_now, description.unit) == ("Stage", True, "people")
        assert "bots" in str(description.note)
        await place.server.end_stage(stage)
        await soon(lambda: getattr(one.room(stage), "session", "") is None)
        assert await one.look(stage) == Answer(at=1003)


async def test_a_stage_that_began_before_the_bot_came_is_known(place: Place) -> None:
    stage = place.guild.stage()
    await place.server.move(place.guild.member("eve"), stage)
    id_ = await place.server.start_stage(stage)
    async with looking(place, stage) as one:
        reading = await one.reading(stage)
        assert (reading.session, reading.concurrent) == (id_, 1)


@pytest.mark.parametrize("forgotten", [False, True])
async def test_while_the_gateway_is_lost_nothing_is_known(place: Place, forgotten: bool) -> None:
    voice, ada, bob = place.guild.voice(), place.guild.member("eve"), place.guild.member("bob")
    await place.server.move(ada, voice)
    async with looking(place, voice) as one:
        before = await one.reading(voice)
        await place.server.gateway.refuse()
        place.server.gateway.cut()
        if forgotten:
            place.server.gateway.forget()
        await soon(lambda: one.present(voice) is None)
        lost = await one.look(voice)
        assert isinstance(lost, Failure)
        assert (lost.trouble, "Discord is not connected" in lost.detail) == (Trouble.UNAVAILABLE, True)
        with pytest.raises(Unavailable):
            await one.source.describe(f"{place.guild.id}/{voice.id}", 0)
        await place.server.move(ada, None)
        await place.server.move(bob, voice)
        await place.server.gateway.accept()
        await soon(one.is_known(voice), 10)
        after = await one.reading(voice)
        assert (after.session, after.concurrent) == (before.session, 1)


async def test_a_server_with_an_outage_is_not_known_and_then_as_it_is_now(place: Place) -> None:
    voice, stage = place.guild.voice(), place.guild.stage()
    ada, bob = place.guild.member("eve"), place.guild.member("bob")
    for member in (ada, bob):
        await place.server.move(member, voice)
    await place.server.start_stage(stage)
    async with looking(place, voice) as one:
        assert (await one.reading(voice)).concurrent == 2
        await place.server.outage(place.guild)
        await soon(lambda: one.present(voice) is None)
        assert isinstance(await one.look(voice), Failure)
        assert isinstance(await one.look(stage), Failure)
        place.guild.voices.pop(ada.user.id)  # nobody is told during an outage
        place.guild.stages.clear()
        await place.server.outage(place.guild, over=True)
        await soon(one.is_known(voice))
        assert (await one.reading(voice)).concurrent == 1
        assert await one.look(stage) == Answer(at=1004)


async def test_a_deleted_channel_and_a_server_that_was_left_are_gone(place: Place) -> None:
    stage, voice = place.guild.stage(), place.guild.voice()
    await place.server.move(place.guild.member("eve"), stage)
    await place.server.start_stage(stage)
    async with looking(place, stage) as one:
        await place.server.delete_channel(stage)
        await soon(lambda: one.room(stage) is None)
        gone = await one.look(stage)
        assert isinstance(gone, Failure)
        assert gone.trouble is Trouble.GONE
        with pytest.raises(BadAddress, match="no such channel"):
            await one.source.describe(f"{place.guild.id}/{stage.id}", 0)
        await place.server.leave(place.guild)
        await soon(lambda: one.room(voice) is None)
        left = await one.look(voice)
        assert isinstance(left, Failure)
        assert left.trouble is Trouble.GONE


async def test_a_channel_that_the_bot_may_not_see(place: Place) -> None:
    voice = place.guild.voice()
    await place.server.move(place.guild.member("eve"), voice)
    async with looking(place, voice) as one:
        voice.overwrite(place.server.world.bot, deny=Permission.VIEW_CHANNEL)
        await place.server.update_channel(voice)
        await soon(lambda: one.present(voice) is None)
        hidden = await one.look(voice)
        assert isinstance(hidden, Failure)
        assert (hidden.trouble, "“View Channel”" in hidden.detail) == (Trouble.DENIED, True)
        with pytest.raises(Denied, match="View Channel"):
            await one.source.describe(f"{place.guild.id}/{voice.id}", 0)


async def test_a_text_channel_has_no_audience(place: Place) -> None:
    voice, text = place.guild.voice(), place.guild.text("general")
    async with looking(place, voice) as one:
        with pytest.raises(BadAddress, match="#general is neither a stage nor a voice channel"):
            await one.source.describe(f"{place.guild.id}/{text.id}", 0)


async def test_only_the_server_that_asks_is_looked_into(place: Place, tmp_path: Path) -> None:
    other = place.server.world.guild("Other")
    mine, theirs = place.guild.voice("Mine"), other.voice("Theirs")
    async with (
        looking(place, theirs) as one,
        talk(tmp_path, now=1000, sources={"stage": one.source}) as bot,
    ):
        await soon(one.is_known(mine))

        async def watch(address: str, platform: str = "discord", chat: str = str(place.guild.id)) -> str:
            answer = await bot.ask(
                f"/watch {address}", platform=platform, chat=chat, user=str(place.server.world.owner.id)
            )
            return "".join(span.text for span in answer.title)

        link = f"https://discord.com/channels/{other.id}/{theirs.id}"
        for address in (link, f"stage:{link}", f"stage:{other.id}/{theirs.id}"):
            assert "in another server" in await watch(address)
        assert "no such channel" in await watch(f"stage:<#{theirs.id}>")
        for platform, chat in (("telegram", "-100"), ("console", "console"), ("telegram", str(place.guild.id))):
            assert "chats of Discord only" in await watch(f"stage:{mine.id}", platform, chat)
        assert "in its server only" in await watch(f"stage:{mine.id}", chat=f"@{mine.id}")
        assert await watch(f"stage:<#{mine.id}>") == "Now watching Mine"
        mine_link = f"https://ptb.discord.com/channels/{place.guild.id}/{mine.id}/?a=b"
        for address in (mine_link, f"stage:{mine.id}", f"stage:#{mine.id}", f"stage:{place.guild.id}/{mine.id}"):
            assert await watch(address) == "Mine is watched here already."
        assert await watch(link, chat=str(other.id)) == "Now watching Theirs"


async def test_only_who_sees_a_channel_may_watch_it_and_nobody_else_learns_of_it(
    place: Place, tmp_path: Path
) -> None:
    guild = place.guild
    bosses, staff = next(r for r in guild.roles.values() if r.name == "bosses"), guild.role("staff")
    admins = guild.role("admins", Permission.ADMINISTRATOR)
    hidden, text, shown = guild.stage("Secret"), guild.text("secrets"), guild.stage("Open")
    unseen = guild.voice("Not for bots")
    for channel in (hidden, text, unseen):
        channel.overwrite(guild.everyone, deny=Permission.VIEW_CHANNEL)
        channel.overwrite(staff, allow=Permission.VIEW_CHANNEL)
    for channel in (hidden, text):
        channel.overwrite(place.server.world.bot, allow=Permission.VIEW_CHANNEL)
    async with looking(place, shown) as one, talk(tmp_path, now=1000, sources={"stage": one.source}) as bot:

        async def watch(channel: Channel | int, user: str | None, *roles: Role) -> str:
            id_ = channel if isinstance(channel, int) else channel.id
            ids = tuple(str(role.id) for role in roles)
            request = {"platform": "discord", "chat": str(guild.id), "user": user, "roles": ids}
            return "".join(span.text for span in (await bot.ask(f"/watch stage:{id_}", **request)).title)

        boss, owner = str(place.boss.id), str(guild.owner.id)
        refused = await watch(12345, boss, bosses)
        assert "no such channel that you may see" in refused
        for channel in (hidden, text, unseen):
            assert await watch(channel, boss, bosses) == refused
        assert await watch(shown, None) == refused  # nobody has asked
        assert await watch(12345, owner) == refused
        assert await watch(shown, boss, bosses) == "Now watching Open"
        assert await watch(hidden, boss, bosses, staff) == "Now watching Secret"
        assert await watch(hidden, boss, bosses) == refused  # although it is watched here by now
        for user, roles in ((owner, ()), ("7", (admins,))):
            assert await watch(hidden, user, *roles) == "Secret is watched here already."
            assert "#secrets is neither a stage nor a voice channel" in await watch(text, user, *roles)
            assert "I may not see #Not for bots" in await watch(unseen, user, *roles)
        await place.server.gateway.refuse()
        place.server.gateway.cut()
        await soon(lambda: one.present(shown) is None)
        for any_of_them in (hidden, shown, 12345):
            assert "Discord is not connected" in await watch(any_of_them, boss, bosses)
