"""Commands that count in another channel than where they are typed."""

from __future__ import annotations

from typing import Any

import pytest

from tests.chats.discord.setting import Heard, Place, connected, ephemeral
from tests.servers.discord import Channel, Permission, User

pytestmark = pytest.mark.usefixtures("quick")


async def refused(place: Place, user: User, channel: Channel, *, command: str = "live") -> str:
    """Choose a channel that cannot be, and return what the asker alone is told."""
    heard = Heard()
    here = place.guild.text("here")
    async with connected(place.server, heard):
        used = await place.server.interaction(here, user, command, {"channel": channel})
        answer = await used.message()
    assert ephemeral(used)
    assert not heard.requests
    assert heard.told == []
    return str(answer.embeds[0].get("description"))


async def test_the_channel_that_was_chosen_is_where_it_counts(place: Place) -> None:
    heard = Heard()
    here, other = place.guild.text("here"), place.guild.text("alerts")
    async with connected(place.server, heard):
        options: dict[str, Any] = {"name": "Night Radio", "kinds": "start", "channel": other}
        used = await place.server.interaction(here, place.boss, "subscribe", options)
        await used.message()
    (request,) = heard.requests
    assert (request.chat, request.topic, request.topic_title) == (
        str(place.guild.id),
        str(other.id),
        f"<#{other.id}>",
    )
    assert (request.elsewhere, request.text) == (True, "Night Radio start")
    assert heard.told == [
        ("in", str(place.guild.id), "", "Server"),
        ("in", str(place.guild.id), str(other.id), "Server"),
    ]


async def test_the_channel_where_it_is_typed_may_be_chosen(place: Place) -> None:
    heard = Heard()
    here = place.guild.text("here")
    async with connected(place.server, heard):
        await (await place.server.interaction(here, place.ada, "live", {"channel": here})).message()
    (request,) = heard.requests
    assert (request.topic, request.elsewhere) == (str(here.id), False)


async def test_every_kind_of_place_can_be_chosen(place: Place) -> None:
    heard = Heard()
    guild, here = place.guild, place.guild.text("here")
    news, forum = guild.announcement(), guild.forum()
    asleep = guild.thread(guild.text(), "asleep")
    asleep.archived = True
    crew = guild.private_thread(guild.text(), place.server.world.bot, place.ada)
    places = [news, guild.thread(news), guild.thread(forum), crew, asleep, guild.voice(), guild.stage()]
    async with connected(place.server, heard):
        for one in places:
            await (await place.server.interaction(here, place.ada, "live", {"channel": one})).message()
    assert [request.topic for request in heard.requests] == [str(one.id) for one in places]


@pytest.mark.parametrize(
    ("missing", "name"),
    [
        (Permission.VIEW_CHANNEL, "View Channel"),
        (Permission.SEND_MESSAGES, "Send Messages"),
        (Permission.EMBED_LINKS, "Embed Links"),
    ],
)
async def test_what_the_bot_lacks_there_is_named(place: Place, missing: Permission, name: str) -> None:
    channel = place.guild.text("alerts")
    channel.overwrite(place.server.world.bot, deny=missing)
    assert await refused(place, place.ada, channel) == (
        f"❔ **I may not post in <#{channel.id}>: allow me “{name}” there (channel settings > Permissions).**"
    )


@pytest.mark.parametrize("asleep", [False, True])
async def test_threads_need_a_permission_of_their_own(place: Place, asleep: bool) -> None:
    channel = place.guild.text("alerts")
    channel.overwrite(place.server.world.bot, deny=Permission.SEND_MESSAGES_IN_THREADS)
    thread = place.guild.thread(channel)
    thread.archived = asleep
    assert "“Send Messages in Threads”" in await refused(place, place.ada, thread)


@pytest.mark.parametrize("asleep", [False, True])
async def test_a_private_thread_without_the_bot_says_how_to_add_it(place: Place, asleep: bool) -> None:
    thread = place.guild.private_thread(place.guild.text(), place.ada)
    thread.archived = asleep
    assert "add me to it first" in await refused(place, place.ada, thread)


async def test_a_locked_thread_cannot_be_chosen(place: Place) -> None:
    thread = place.guild.thread(place.guild.text())
    thread.locked = True
    assert "locked" in await refused(place, place.ada, thread)


async def test_who_asks_must_see_the_channel_too(place: Place) -> None:
    channel = place.guild.text("secret")
    channel.overwrite(place.ada, deny=Permission.VIEW_CHANNEL)
    assert f"You may not see <#{channel.id}> yourself" in await refused(place, place.ada, channel)


async def test_a_channel_of_another_server_cannot_be_chosen(place: Place) -> None:
    other = place.server.world.guild("Other")
    other.member(place.ada)
    assert "another server" in await refused(place, place.ada, other.text())


async def test_in_private_there_is_no_channel_to_choose(place: Place) -> None:
    heard = Heard()
    channel = place.guild.text()
    async with connected(place.server, heard):
        dm = place.server.world.dm(place.ada)
        used = place.server.interactions.command(place.guild.text(), place.ada, "live", {"channel": channel})
        used.channel = dm
        answer = await (await place.server._tell(used)).message()
    assert "in a server only" in answer.embeds[0]["title"]
    assert not heard.requests


async def test_suggestions_are_of_the_channel_that_was_chosen_if_who_asks_sees_it(place: Place) -> None:
    heard = Heard(names=["Night Radio"])
    here, other, secret = (place.guild.text(name) for name in ("here", "other", "secret"))
    secret.overwrite(place.boss, deny=Permission.VIEW_CHANNEL)
    async with connected(place.server, heard):
        for channel in (other, secret):
            typing = await place.server.autocomplete(
                here, place.boss, "subscribe", {"name": "Ni", "channel": channel}, "name"
            )
            assert [one["value"] for one in await typing.choices()] == ["Night Radio"]
    assert [one.topic for one in heard.suggested] == [str(other.id), str(here.id)]
