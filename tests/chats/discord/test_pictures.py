"""Pictures and files on Discord: in one request with the text, without them where they are not taken."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.chats.discord import DiscordChat
from bot.chats.discord.edits import MOST, SECONDS, OldEdits
from bot.ports.chat import MessageGone, NotPermitted, Partly, Refused, TopicGone, TryLater, Unsure
from bot.ports.message import File, Message, Picture, Span, says
from tests.chats.discord.setting import QUICK, Heard, connected, post, soon, target
from tests.servers.discord import (
    MEMBERS,
    Channel,
    DiscordServer,
    Fault,
    Guild,
    Permission,
    busy,
    cut,
    status,
)

SEND = "POST /channels/{channel}/messages"
EDIT = "PATCH /channels/{channel}/messages/{message}"
DAY_MS = 86_400_000

pytestmark = pytest.mark.usefixtures("quick")


def png(shade: int = 0) -> Picture:
    return Picture(png=b"\x89PNG\r\n\x1a\n" + bytes([shade]), alt="At once, over the hour")


MESSAGE = Message(title=(Span("Night Radio ended"),), picture=png())


@pytest.fixture
async def server() -> AsyncIterator[DiscordServer]:
    async with DiscordServer(limits=replace(QUICK)) as running:
        running.world.guild()
        yield running


@pytest.fixture
async def guild(server: DiscordServer) -> Guild:
    return next(iter(server.world.guilds.values()))


@pytest.fixture
async def discord(server: DiscordServer) -> AsyncIterator[DiscordChat]:
    heard = Heard()
    async with connected(server, heard) as running:
        await soon(lambda: heard.calls)
        yield running


async def known(server: DiscordServer, channel: Channel) -> Channel:
    """Tell the bot of a channel."""
    await server.create_channel(channel)
    return channel


async def test_a_post_carries_its_picture_in_its_embed(
    server: DiscordServer, discord: DiscordChat, guild: Guild
) -> None:
    channel = guild.text()
    await discord.send(post(channel, 7, MESSAGE))
    (told,) = channel.messages
    (call,) = server.asked(SEND)
    assert [(one.index, one.filename) for one in call.files] == [(0, "chart.png")]
    assert told.sent["attachments"] == [
        {"id": 0, "filename": "chart.png", "description": "At once, over the hour"}
    ]
    assert told.embeds[0]["image"] == {"url": "attachment://chart.png"}
    assert told.attachments[0].data == png().png
    assert told.shown == []  # not a second time below it
    assert (told.nonce, told.sent["enforce_nonce"]) == ("0123456789-7", True)
    assert told.sent["allowed_mentions"] == {"parse": []}


async def test_a_resend_of_a_picture_is_no_second_post(
    server: DiscordServer, discord: DiscordChat, guild: Guild
) -> None:
    channel = guild.text()
    server.inject(cut(stored=True), "POST /channels/.*/messages")
    with pytest.raises(Unsure):
        await discord.send(post(channel, 7, MESSAGE))
    key = await discord.send(post(channel, 7, MESSAGE))
    assert [str(told.id) for told in channel.messages] == [key]


async def test_the_library_s_second_try_sends_the_whole_picture(
    server: DiscordServer, discord: DiscordChat, guild: Guild
) -> None:
    channel = guild.text()
    server.inject(status(502), "POST /channels/.*/messages")
    await discord.send(post(channel, 7, MESSAGE))
    assert [len(one.files[0].data) for one in server.asked(SEND) if one.files] == [len(png().png)]
    assert channel.messages[0].attachments[0].data == png().png


async def test_an_edit_replaces_the_picture_and_takes_it_away(discord: DiscordChat, guild: Guild) -> None:
    channel = guild.text()
    key = await discord.send(post(channel, 1, says("Night Radio: 90")))
    for picture in (png(1), png(2), None):
        message = replace(MESSAGE, picture=picture)
        assert await discord.send(post(channel, 2, message, replaces=key)) == key
        (told,) = channel.messages
        assert [one.data for one in told.attachments] == ([picture.png] if picture else [])
        assert ("image" in told.embeds[0]) is (picture is not None)


async def test_an_announcement_with_a_picture_is_published(
    server: DiscordServer, discord: DiscordChat, guild: Guild
) -> None:
    news = guild.announcement()
    server.world.channels[news.id] = news
    await known(server, news)
    await soon(lambda: (told := discord.room(str(guild.id), str(news.id))) is not None and told.name)
    await discord.send(post(news, 1, MESSAGE))
    await server.until(lambda: news.messages[0].crossposted)
    assert news.messages[0].attachments


# --- what is not taken


async def test_a_missing_permission_that_is_known_costs_no_request(
    server: DiscordServer, discord: DiscordChat, guild: Guild
) -> None:
    channel = guild.text("alerts")
    channel.overwrite(guild.everyone, deny=Permission.ATTACH_FILES)
    await known(server, channel)
    await soon(lambda: (told := discord.room(str(guild.id), str(channel.id))) is not None and told.name)
    with pytest.raises(Partly) as caught:
        await discord.send(post(channel, 1, MESSAGE))
    assert str(caught.value) == (
        "I may not send pictures and files in #alerts: "
        "allow me “Attach Files” there (channel settings > Permissions)"
    )
    assert caught.value.key == str(channel.messages[0].id)
    assert [len(one.files) for one in server.asked(SEND)] == [0]
    assert "attachments" not in channel.messages[0].sent


async def test_a_missing_permission_that_shows_costs_one_more_and_no_second_post(
    discord: DiscordChat, guild: Guild
) -> None:
    guild.everyone.permissions = MEMBERS & ~Permission.ATTACH_FILES  # of which the bot was not told
    channel = guild.text("alerts")
    key = None
    for replaces in (None, key):
        with pytest.raises(Partly, match="“Attach Files”") as caught:
            await discord.send(post(channel, 1, MESSAGE, replaces=replaces))
        key = caught.value.key
    (told,) = channel.messages
    assert (told.nonce, told.attachments, "image" in told.embeds[0]) == ("0123456789-1", [], False)


async def test_what_lacks_more_than_files_is_not_partly_there(discord: DiscordChat, guild: Guild) -> None:
    channel = guild.text("alerts")
    channel.overwrite(guild.everyone, deny=Permission.SEND_MESSAGES)
    with pytest.raises(NotPermitted):
        await discord.send(post(channel, 1, MESSAGE))
    assert not channel.messages


@pytest.mark.parametrize("fault", [status(413, error=40005), status(413), status(400, error=30015)])
async def test_a_picture_that_discord_does_not_take_is_left_out(
    server: DiscordServer, discord: DiscordChat, guild: Guild, fault: Fault
) -> None:
    channel = guild.text()
    server.inject(fault, "POST /channels/.*/messages")
    key = await discord.send(post(channel, 1, MESSAGE))
    (told,) = channel.messages
    assert (str(told.id), told.attachments) == (key, [])


async def test_other_refusals_are_the_post_s(server: DiscordServer, discord: DiscordChat, guild: Guild) -> None:
    server.inject(status(400, error=50035, message="Invalid Form Body"), "POST /channels/.*/messages")
    with pytest.raises(Refused):
        await discord.send(post(guild.text(), 1, MESSAGE))
    assert len(server.asked(SEND)) == 1


def made(folder: Path, size: int) -> File:
    path = folder / "made.tmp"
    with path.open("wb") as file:
        file.truncate(size)
    return File(path=path, name="history.zip")


@pytest.mark.parametrize(
    ("tier", "size", "taken"),
    [
        (0, 10 << 20, True),
        (0, (10 << 20) + 1, False),
        (1, 11 << 20, False),
        (2, 11 << 20, True),
        (3, 30 << 20, False),
    ],
)
async def test_how_large_a_file_may_be_is_its_server_s_and_the_request_s(
    tmp_path: Path, tier: int, size: int, taken: bool
) -> None:
    async with DiscordServer(limits=QUICK) as server:
        guild = server.world.guild()
        guild.premium_tier = tier
        channel = guild.text()
        heard = Heard()
        async with connected(server, heard) as discord:
            await soon(lambda: heard.calls)
            await discord.send(post(channel, 1, replace(MESSAGE, file=made(tmp_path, size))))
        (told,) = channel.messages
        assert [one.filename for one in told.attachments] == ["chart.png", *["history.zip"] * taken]
        assert told.attachments[0].description
    assert not await asyncio.to_thread(lambda: list(tmp_path.iterdir()))


# --- answers


async def answer(server: DiscordServer, guild: Guild, heard: Heard, message: Message) -> Any:
    heard.message = message
    used = await server.interaction(guild.text(), guild.member("ada").user, "stats", {}, forced=True)
    return await used.message()


async def test_an_answer_takes_the_place_of_the_thinking_with_its_files(
    server: DiscordServer, guild: Guild, tmp_path: Path
) -> None:
    heard = Heard()
    guild.everyone.permissions = MEMBERS & ~Permission.ATTACH_FILES  # answers may carry files all the same
    async with connected(server, heard):
        told = await answer(server, guild, heard, replace(MESSAGE, file=made(tmp_path, 4)))
        assert [one.filename for one in told.attachments] == ["chart.png", "history.zip"]
        assert [one.filename for one in told.shown] == ["history.zip"]
        assert told.attachments[0].description == "At once, over the hour"
        assert told.embeds[0]["title"] == "Night Radio ended"
        plain = await answer(server, guild, heard, says("Well."))
        assert "attachments" not in plain.edits[-1]


async def test_an_answer_says_what_of_it_is_missing(server: DiscordServer, guild: Guild, tmp_path: Path) -> None:
    heard = Heard()
    async with connected(server, heard):
        told = await answer(server, guild, heard, replace(MESSAGE, file=made(tmp_path, (10 << 20) + 1)))
        assert told.embeds[0]["description"] == "⚠️ The file is larger than Discord takes here: 10 MB"
        assert [one.filename for one in told.attachments] == ["chart.png"]
        server.inject(status(413, error=40005), "PATCH /webhooks/")
        told = await answer(server, guild, heard, MESSAGE)
        assert told.embeds[0]["description"] == "⚠️ Discord did not take the picture or file"
        assert told.attachments == []
    assert not await asyncio.to_thread(lambda: list(tmp_path.iterdir()))


# --- edits of old messages


def age(channel: Channel) -> str:
    """Let the last message be a day old, and return its key."""
    told = channel.messages[-1]
    told.id -= DAY_MS << 22
    return str(told.id)


async def test_old_messages_are_edited_only_as_often_as_discord_lets_them_and_hold_up_nothing(
    server: DiscordServer, discord: DiscordChat, guild: Guild
) -> None:
    server.limits.scale = 0.1
    channel = guild.text()
    await discord.send(post(channel, 1))
    key = age(channel)
    for n in range(MOST):
        await discord.send(post(channel, 2, says(f"It was {n}"), replaces=key))
    with pytest.raises(TryLater) as caught:
        await discord.send(post(channel, 2, says("It was 90"), replaces=key))
    assert caught.value.alone
    assert (SECONDS - 5) * 1000 < caught.value.retry_after <= SECONDS * 1000
    assert len(server.asked(EDIT)) == MOST
    new = await discord.send(post(channel, 3))
    await discord.send(post(channel, 4, says("It was 80"), replaces=new))
    assert discord.pace.wait(str(channel.id)) == 0
    assert not server.violations


async def test_a_limit_that_discord_names_for_old_messages_holds_up_no_others(
    server: DiscordServer, discord: DiscordChat, guild: Guild
) -> None:
    channel = guild.text()
    await discord.send(post(channel, 1))
    key = age(channel)
    fault = busy(20)
    assert isinstance(fault.body, dict)
    server.inject(replace(fault, body=fault.body | {"code": 30046}), "PATCH /channels/")
    for _ in range(2):
        with pytest.raises(TryLater) as caught:
            await discord.send(post(channel, 2, MESSAGE, replaces=key))
        assert (caught.value.alone, caught.value.everywhere) == (True, False)
        assert caught.value.retry_after > 15_000
    assert len(server.asked(EDIT)) == 1
    assert discord.pace.blocked() == {f"old messages of {channel.id}"}
    await discord.send(post(channel, 3))


def test_edits_are_counted_a_channel() -> None:
    now = 0.0
    edits = OldEdits(lambda: now)
    assert [edits.take(1) for _ in range(MOST + 1)] == [0] * MOST + [SECONDS]
    assert edits.take(2) == 0
    now = SECONDS - 1
    assert edits.take(1) == 1
    now = SECONDS
    assert [edits.take(1) for _ in range(MOST + 1)] == [0] * MOST + [SECONDS]
    now = 10 * SECONDS
    assert edits.take(3) == 0
    assert list(edits._made) == [3]


# --- deleting, and what comes after a post


async def test_a_post_is_deleted_and_what_is_gone_is_well(
    server: DiscordServer, discord: DiscordChat, guild: Guild
) -> None:
    channel = guild.text()
    key = await discord.send(post(channel, 1, MESSAGE))
    assert key is not None
    await discord.remove(target(channel), key)
    assert not channel.messages
    await discord.remove(target(channel), key)
    await discord.remove(target(channel), "x")
    await server.delete_channel(channel)
    with pytest.raises(TopicGone):
        await discord.remove(target(channel), key)
    with pytest.raises(TopicGone):
        await discord.send(post(channel, 1, MESSAGE, replaces=key))


async def test_a_new_session_knows_no_more_of_what_came_before_it(server: DiscordServer, guild: Guild) -> None:
    channel, ada = guild.text(), guild.member("ada").user
    heard = Heard()
    async with connected(server, heard) as discord:
        key = str(await discord.send(post(channel)))
        assert discord.buried(target(channel), key) == 0
        await server.say(channel, ada, "hello")
        await soon(lambda: discord.buried(target(channel), key) == 1)
        again = str(await discord.send(post(channel, 2)))
        assert discord.buried(target(channel), again) == 0
        server.gateway.forget()
        server.gateway.cut()
        await server.until(lambda: len(server.gateway.identifies) == 2 and server.gateway.connected, 10)
        await soon(lambda: discord.buried(target(channel), again) is None)
        assert discord.buried(target(channel), key) == 2
        await server.say(channel, ada, "hello again")
        await soon(lambda: discord.buried(target(channel), again) == 1)


async def test_messages_that_make_no_sense_are_let_pass(
    server: DiscordServer, discord: DiscordChat, guild: Guild
) -> None:
    channel, ada = guild.text(), guild.member("ada").user
    key = str(await discord.send(post(channel)))
    intents = {"MESSAGE_CREATE", "MESSAGE_UPDATE", "MESSAGE_DELETE", "MESSAGE_DELETE_BULK"}
    for event in intents:
        for data in (
            {},
            {"id": "x", "channel_id": None},
            {"member": {"roles": [{}]}, "id": [], "channel_id": "1"},
        ):
            await server.gateway.dispatch(event, json.loads(json.dumps(data)), guild_id=guild.id)
    await server.say(channel, ada, "hello")
    await soon(lambda: discord.buried(target(channel), key) == 1)
    assert len(server.gateway.identifies) == 1


async def test_what_is_said_in_private_counts_there(server: DiscordServer, discord: DiscordChat) -> None:
    guild = next(iter(server.world.guilds.values()))
    ada = guild.member("ada").user
    private = server.world.dm(ada)
    key = str(await discord.send(post(private)))
    await server.say(private, ada, "hello")
    await soon(lambda: discord.buried(target(private), key) == 1)
    with pytest.raises(MessageGone):
        await discord.send(post(private, 2, MESSAGE, replaces="1"))
