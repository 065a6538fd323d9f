"""A process that only sends: what the gateway would have told is asked, or done without."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import structlog.testing

from bot.chats.discord import DiscordChat, lookup, rest
from bot.ports.chat import ChatGone, NotPermitted, Partly, TopicGone, TryLater
from bot.ports.message import Message, Picture, Span
from bot.ports.pace import Limits, Pace
from tests.chats.discord.setting import post, soon, target
from tests.servers.discord import Channel, DiscordServer, Guild, Permission, cut, hang, status
from tests.servers.discord import Limits as ServerLimits

pytestmark = pytest.mark.usefixtures("quick")

#: The smallest picture there is.
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c6360000000000500010d0a2db40000000049454e44ae426082"
)


@pytest.fixture
async def server() -> AsyncIterator[DiscordServer]:
    async with DiscordServer(limits=ServerLimits(routes={})) as running:
        yield running
        assert running.gateway.opened == 0
        assert not running.rest.unknown


@pytest.fixture
def guild(server: DiscordServer) -> Guild:
    return server.world.guild()


@pytest.fixture
async def chat(server: DiscordServer, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[DiscordChat]:
    monkeypatch.setattr(lookup, "KIND_GAP_SECONDS", 0.01)
    made = DiscordChat(server.token, api_url=server.api_url, pace=Pace(Limits()))
    await made.open()
    yield made
    await made.close()


async def refused(chat: DiscordChat, channel: Channel, kind: type[Exception], delivery: int = 1) -> str:
    with pytest.raises(kind) as caught:
        await chat.send(post(channel, delivery))
    return str(caught.value)


async def test_a_missing_permission_is_named_with_its_channel(guild: Guild, chat: DiscordChat) -> None:
    channel = guild.text("alerts")
    for denied, name in (
        (Permission.SEND_MESSAGES, "Send Messages"),
        (Permission.VIEW_CHANNEL, "View Channel"),
    ):
        channel.overwrites.clear()
        channel.overwrite(guild.everyone, deny=denied)
        said = await refused(chat, channel, NotPermitted)
        assert f"allow me “{name}”" in said
        assert "#alerts" in said or (f"<#{channel.id}>" in said and denied is Permission.VIEW_CHANNEL)
    thread = guild.thread(guild.text("radio"), name="tonight")
    assert thread.parent is not None
    thread.parent.overwrite(guild.everyone, deny=Permission.SEND_MESSAGES_IN_THREADS)
    said = await refused(chat, thread, NotPermitted)
    assert "in #tonight: allow me “Send Messages in Threads”" in said


async def test_what_is_gone_is_told_from_what_is_closed(
    server: DiscordServer, guild: Guild, chat: DiscordChat
) -> None:
    channel, deleted = guild.text("alerts"), guild.text("old")
    deleted.deleted = True
    del guild.channels[deleted.id]
    assert "deleted" in await refused(chat, deleted, TopicGone)
    guild.present = False
    assert "no longer in the server" in await refused(chat, channel, ChatGone)
    person = guild.owner
    person.takes_messages = False
    await refused(chat, server.world.dm(person), ChatGone)


async def test_where_nothing_can_be_learned_the_refusal_is_told_all_the_same(
    server: DiscordServer, guild: Guild, chat: DiscordChat, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lookup, "SPOT_SECONDS", 0.3)
    channel = guild.text("alerts")
    channel.overwrite(guild.everyone, deny=Permission.SEND_MESSAGES)
    for fault in (status(500), hang(), status(403, error=50013), cut()):
        server.inject(fault, "GET /(guilds|channels)", times=None)
        said = await refused(chat, channel, NotPermitted)
        assert f"<#{channel.id}>" in said
        server.heal()


async def test_announcements_are_published_and_each_channel_is_looked_at_once(
    server: DiscordServer, guild: Guild, chat: DiscordChat
) -> None:
    news, plain = guild.announcement(), guild.text()
    for number in range(3):
        await chat.send(post(news, number))
        await chat.send(post(plain, number))
    await soon(lambda: all(one.crossposted for one in news.messages) and not chat._following)
    assert len(news.messages) == 3
    assert len(server.asked("GET /channels/{channel}")) == 2


async def test_a_picture_that_may_not_be_sent_leaves_the_text(guild: Guild, chat: DiscordChat) -> None:
    channel = guild.text("alerts")
    channel.overwrite(guild.everyone, deny=Permission.ATTACH_FILES)
    message = Message(title=(Span("Night Radio reached 100"),), picture=Picture(png=PNG, alt="A chart"))
    with pytest.raises(Partly, match="Attach Files") as caught:
        await chat.send(post(channel, 1, message))
    (told,) = channel.messages
    assert str(told.id) == caught.value.key


async def test_it_edits_removes_and_tells(server: DiscordServer, guild: Guild, chat: DiscordChat) -> None:
    channel = guild.text()
    key = await chat.send(post(channel)) or ""
    later = Message(title=(Span("Night Radio reached 200"),))
    assert await chat.send(post(channel, 2, later, replaces=key)) == key
    assert chat.buried(target(channel), key) is None
    assert chat.is_group(str(guild.id))
    await chat.remove(target(channel), key)
    assert not channel.messages
    await chat.tell(str(guild.owner.id), later)
    assert server.world.dm(guild.owner).messages
    assert chat.room(str(guild.id), str(channel.id)) is not None


async def test_a_host_that_is_away_holds_nobody_up_and_is_told_once(
    server: DiscordServer, guild: Guild, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rest, "PATIENCE_SECONDS", 0.05)
    channel = guild.text()
    made = DiscordChat(server.token, api_url=server.api_url, pace=Pace(Limits()))
    with structlog.testing.capture_logs() as logs:
        with pytest.raises(TryLater):
            await made.send(post(channel))  # not open
        await server.listen(api=False)
        await made.open()
        await soon(lambda: logs)
        for _ in range(3):
            with pytest.raises(TryLater) as caught:
                await made.send(post(channel))
            assert caught.value.everywhere
            await asyncio.sleep(0.1)
        await server.listen(api=True)
        async with asyncio.timeout(20):
            while not channel.messages:
                try:
                    await made.send(post(channel))
                except TryLater:
                    await asyncio.sleep(0.05)
    await made.close()
    assert [line["event"] for line in logs] == ["Discord cannot be reached; trying again", "Discord is back"]
    with pytest.raises(TryLater):
        await made.send(post(channel))  # closed


async def test_a_login_that_hangs_is_let_go_of_at_the_end(
    server: DiscordServer, guild: Guild, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rest, "PATIENCE_SECONDS", 0.05)
    server.inject(hang(), times=None)
    made = DiscordChat(server.token, api_url=server.api_url)
    await made.open()
    with pytest.raises(TryLater):
        await made.send(post(guild.text()))
    async with asyncio.timeout(10):
        await made.close()


async def test_a_token_that_was_refused_is_tried_again_when_it_is_opened_again(
    server: DiscordServer, guild: Guild
) -> None:
    token, server.token = server.token, "another"
    made = DiscordChat(token, api_url=server.api_url, pace=Pace(Limits()))
    with structlog.testing.capture_logs() as logs:
        await made.open()
        for _ in range(2):
            with pytest.raises(TryLater, match="DISCORD_TOKEN"):
                await made.send(post(guild.text()))
        assert len(logs) == 1
        server.token = token
        await made.open()
        await made.send(post(channel := guild.text()))
        assert channel.messages
    await made.close()
