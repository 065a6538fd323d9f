from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from bot.chats.discord import DiscordChat, chat, traffic
from bot.ports.chat import (
    ChatGone,
    MessageGone,
    NotPermitted,
    Refused,
    SendError,
    Target,
    TopicGone,
    TryLater,
    Unsure,
)
from bot.ports.message import Button, Message, Span, says
from tests.chats.discord.setting import QUICK, Heard, connected, post, soon
from tests.servers.discord import (
    MEMBERS,
    DiscordServer,
    Fault,
    Guild,
    Permission,
    Pings,
    busy,
    cut,
    hang,
    html,
    slow,
    status,
)

POST = "POST /channels/.*/messages"


@pytest.fixture
async def server() -> AsyncIterator[DiscordServer]:
    async with DiscordServer(limits=QUICK) as running:
        running.world.guild()
        yield running


@pytest.fixture
async def guild(server: DiscordServer) -> Guild:
    return next(iter(server.world.guilds.values()))


@pytest.fixture
async def discord(server: DiscordServer) -> AsyncIterator[DiscordChat]:
    async with connected(server) as running:
        yield running


async def test_a_post_is_an_embed_that_pings_nobody(discord: DiscordChat, guild: Guild) -> None:
    channel = guild.text()
    key = await discord.send(post(channel, 7))
    (told,) = channel.messages
    assert key == str(told.id)
    assert told.embeds[0]["title"] == "🎉 Night Radio reached 100"
    assert told.sent["allowed_mentions"] == {"parse": []}
    assert (told.nonce, told.sent["enforce_nonce"]) == ("milepost-7", True)
    assert told.pings == Pings()


async def test_every_kind_of_place_takes_posts(server: DiscordServer, discord: DiscordChat, guild: Guild) -> None:
    news, forum = guild.announcement(), guild.forum()
    places = [
        guild.text(),
        news,
        guild.thread(guild.text()),
        guild.thread(news),
        guild.thread(forum, "a post"),
        guild.voice(),
        guild.stage(),
        server.world.dm(guild.member("ada").user),
    ]
    for number, place in enumerate(places):
        await discord.send(post(place, number))
        assert len(place.messages) == 1
    with pytest.raises(Refused, match="forum"):
        await discord.send(post(forum, 99))


async def test_the_topic_is_the_place_if_there_is_one(discord: DiscordChat, guild: Guild) -> None:
    channel = guild.text()
    thread = guild.thread(channel)
    await discord.send(post(channel, target=Target(chat=str(channel.id), topic=str(thread.id))))
    assert (len(channel.messages), len(thread.messages)) == (0, 1)


async def test_what_comes_to_an_announcement_channel_is_published(server: DiscordServer, guild: Guild) -> None:
    news = guild.announcement()
    async with connected(server) as discord:
        await discord.send(post(news))
        await server.until(lambda: news.messages[0].crossposted)


async def test_publishing_ends_at_its_limit_and_holds_up_nothing(
    server: DiscordServer, guild: Guild, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chat, "PUBLISHED", 2)
    news = guild.announcement()
    server.inject(busy(20), "crosspost")
    async with connected(server) as discord:
        for number in range(3):
            await asyncio.wait_for(discord.send(post(news, number)), 2)
        await asyncio.sleep(0.1)
    assert len(news.messages) == 3
    assert len(server.asked("POST /channels/{channel}/messages/{message}/crosspost")) == 2


async def test_a_resend_is_no_second_post(server: DiscordServer, discord: DiscordChat, guild: Guild) -> None:
    channel = guild.text()
    server.inject(cut(stored=True), POST)
    with pytest.raises(Unsure):
        await discord.send(post(channel, 7))
    key = await discord.send(post(channel, 7))
    assert [str(told.id) for told in channel.messages] == [key]


async def test_a_post_that_replaces_another_edits_it_and_pings_nobody(discord: DiscordChat, guild: Guild) -> None:
    channel = guild.text()
    key = await discord.send(post(channel, 1, mention="here"))
    again = await discord.send(post(channel, 2, says("It was 90"), replaces=key, mention="here"))
    assert again == key
    (told,) = channel.messages
    assert told.embeds[0]["title"] == "It was 90"
    assert told.content == "@here"
    assert told.edits[0]["allowed_mentions"] == {"parse": []}


async def test_mentions_ping_exactly_whom_was_chosen(discord: DiscordChat, guild: Guild) -> None:
    guild.everyone.permissions |= Permission.MENTION_EVERYONE
    fans, others = guild.role("fans", mentionable=True), guild.role("others", mentionable=True)
    channel = guild.text()
    ada = guild.member("ada", fans).user
    hostile = says(f"@everyone @here {others.mention} {ada.mention}")
    await discord.send(post(channel, 1, hostile))
    await discord.send(post(channel, 2, hostile, mention=str(fans.id)))
    await discord.send(post(channel, 3, hostile, mention="here"))
    assert [told.pings for told in channel.messages] == [
        Pings(),
        Pings(roles=frozenset({fans.id})),
        Pings(everyone=True),
    ]


async def test_silent_posts_make_no_sound(discord: DiscordChat, guild: Guild) -> None:
    channel = guild.text()
    await discord.send(post(channel, silent=True))
    assert channel.messages[0].flags & (1 << 12)


async def test_buttons_are_below_the_post(discord: DiscordChat, guild: Guild) -> None:
    channel = guild.text()
    buttons = (Button("Open", url="https://x.example/1"), Button("Stats", command="/stats x"))
    await discord.send(post(channel, message=Message(title=(Span("x"),), buttons=buttons)))
    (row,) = channel.messages[0].components
    assert [(one["label"], one.get("url") or one["custom_id"]) for one in row["components"]] == [
        ("Open", "https://x.example/1"),
        ("Stats", "/stats x"),
    ]


# What goes wrong


@pytest.mark.parametrize(
    ("fault", "wanted", "says_so"),
    [
        (status(403, error=50001, message="Missing Access"), NotPermitted, "View Channel"),
        (status(403, error=50013, message="Missing Permissions"), NotPermitted, "Send Messages"),
        (status(403, error=160005, message="Thread is locked"), TopicGone, "locked"),
        (status(400, error=50083, message="Thread is archived"), TopicGone, "archived"),
        (status(403, error=50083, message="Thread is archived"), TopicGone, "archived"),
        (status(403, error=50007), ChatGone, "takes no messages"),
        (status(403, error=50278), ChatGone, "takes no messages"),
        (status(404, error=10003), ChatGone, "deleted"),
        (status(404, error=10004), ChatGone, "deleted"),
        (status(400, error=50035, message="Invalid Form Body"), Refused, "Invalid Form Body"),
        (status(400, error=200000, message="Blocked by AutoMod"), Refused, "AutoMod"),
        (status(413, error=40005), Refused, "40005"),
        (status(403, error=99999, message="Some new rule"), NotPermitted, "Some new rule"),
        (status(401), TryLater, "401"),
        (html(403), TryLater, "403"),
        (html(404), TryLater, "404"),
        (status(503), Unsure, "503"),
        (html(503), Unsure, "503"),
        (cut(), Unsure, "connection"),
        (cut(stored=True), Unsure, "connection"),
        (busy(2.2), TryLater, "wait"),
    ],
)
async def test_every_refusal_has_its_class(
    server: DiscordServer, discord: DiscordChat, guild: Guild, fault: Fault, wanted: type[SendError], says_so: str
) -> None:
    server.inject(fault, POST)
    with pytest.raises(wanted, match=says_so) as caught:
        await discord.send(post(guild.text()))
    assert type(caught.value) is wanted
    assert server.token not in str(caught.value)


@pytest.mark.parametrize("fault", [hang(), status(500), status(502, stored=True)])
async def test_no_answer_in_time_is_unsure(
    server: DiscordServer, discord: DiscordChat, guild: Guild, fault: Fault, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(traffic, "LONGEST_CALL_SECONDS", 0.3)
    server.inject(fault, POST, times=None)
    channel = guild.text()
    with pytest.raises(Unsure):
        await discord.send(post(channel))
    server.heal()
    await discord.send(post(channel))
    assert len(channel.messages) == 1


async def test_a_channel_that_is_asked_to_wait_holds_up_no_other(
    server: DiscordServer, discord: DiscordChat, guild: Guild
) -> None:
    one, other = guild.text("one"), guild.text("other")
    server.inject(busy(1.5), f"POST /channels/{one.id}/")
    with pytest.raises(TryLater) as caught:
        await asyncio.wait_for(discord.send(post(one, 1)), 1)
    assert 1500 <= caught.value.retry_after <= 2000
    assert not caught.value.everywhere
    await discord.send(post(other, 2))
    await asyncio.sleep(caught.value.retry_after / 1000)
    await discord.send(post(one, 1))
    assert not server.violations


async def test_a_global_wait_is_everybodys_and_nothing_is_asked_meanwhile(
    server: DiscordServer, discord: DiscordChat, guild: Guild
) -> None:
    one, other = guild.text("one"), guild.text("other")
    server.inject(busy(0.6, scope="global"), POST)
    for place in (one, other):
        with pytest.raises(TryLater) as caught:
            await asyncio.wait_for(discord.send(post(place)), 1)
        assert caught.value.everywhere
    await asyncio.sleep(caught.value.retry_after / 1000)
    await discord.send(post(one, 1))
    await discord.send(post(other, 2))
    assert not server.violations


async def test_a_long_global_wait_is_told_at_once(
    server: DiscordServer, discord: DiscordChat, guild: Guild
) -> None:
    server.inject(busy(300, scope="global"), POST)
    with pytest.raises(TryLater) as caught:
        await asyncio.wait_for(discord.send(post(guild.text())), 1)
    assert caught.value.everywhere
    assert caught.value.retry_after >= 300_000


async def test_a_ban_by_address_stops_everything(
    server: DiscordServer, discord: DiscordChat, guild: Guild
) -> None:
    server.inject(html(429), POST)
    for _ in range(2):
        with pytest.raises(TryLater) as caught:
            await discord.send(post(guild.text()))
        assert caught.value.everywhere
    assert len(server.asked("POST /channels/{channel}/messages")) == 1


async def test_far_too_many_invalid_answers_stop_everything(
    server: DiscordServer, discord: DiscordChat, guild: Guild, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(traffic, "MOST_INVALID", 3)
    server.inject(status(403, error=50013), POST, times=None)
    for number in range(3):
        with pytest.raises(NotPermitted):
            await discord.send(post(guild.text(), number))
    with pytest.raises(TryLater):
        await discord.send(post(guild.text(), 4))


@pytest.mark.parametrize(
    ("missing", "name"),
    [
        (Permission.VIEW_CHANNEL, "View Channel"),
        (Permission.SEND_MESSAGES, "Send Messages"),
        (Permission.EMBED_LINKS, "Embed Links"),
    ],
)
async def test_a_missing_permission_is_named(missing: Permission, name: str) -> None:
    async with DiscordServer(limits=QUICK) as server:
        guild = server.world.guild(everyone=MEMBERS & ~missing)
        channel = guild.text()
        async with connected(server) as discord:
            with pytest.raises(NotPermitted, match=name):
                await discord.send(post(channel))


async def test_locked_and_archived_threads(discord: DiscordChat, guild: Guild) -> None:
    thread = guild.thread(guild.text())
    key = await discord.send(post(thread, 1))
    thread.archived = True
    with pytest.raises(Refused, match="archived"):
        await discord.send(post(thread, 2, replaces=key))
    await discord.send(post(thread, 2))  # Discord opens it again
    thread.locked = True
    with pytest.raises(TopicGone):
        await discord.send(post(thread, 3))
    thread.archived = True
    with pytest.raises(TopicGone):
        await discord.send(post(thread, 4))


async def test_a_message_deleted_by_hand_is_not_posted_anew(
    server: DiscordServer, discord: DiscordChat, guild: Guild
) -> None:
    channel = guild.text()
    key = await discord.send(post(channel, 1))
    await server.delete_message(channel.messages[0])
    with pytest.raises(MessageGone):
        await discord.send(post(channel, 2, replaces=key))
    assert not channel.messages


async def test_deleted_channels_and_closed_direct_messages(
    server: DiscordServer, discord: DiscordChat, guild: Guild
) -> None:
    channel, ada = guild.text(), guild.member("ada").user
    await server.delete_channel(channel)
    with pytest.raises(ChatGone):
        await discord.send(post(channel))
    ada.takes_messages = False
    with pytest.raises(ChatGone):
        await discord.send(post(server.world.dm(ada), 2))


async def test_a_channel_that_is_none_is_refused_without_asking(discord: DiscordChat) -> None:
    with pytest.raises(Refused):
        await discord.send(post("console"))


async def test_nothing_is_sent_before_there_is_a_connection(server: DiscordServer, guild: Guild) -> None:
    discord = DiscordChat(server.token, api_url=server.api_url)
    with pytest.raises(TryLater) as caught:
        await discord.send(post(guild.text()))
    assert caught.value.retry_after == 2000


async def test_a_broadcast_within_the_limits_runs_into_none(
    server: DiscordServer, discord: DiscordChat, guild: Guild
) -> None:
    assert discord.limits.a_second is not None
    places = [guild.text(f"c{number}") for number in range(90)]
    loop = asyncio.get_running_loop()
    start, sends = loop.time(), []
    for number, place in enumerate(places):
        await asyncio.sleep(max(0, start + number / discord.limits.a_second - loop.time()))
        sends.append(asyncio.create_task(discord.send(post(place, number))))
    await asyncio.gather(*sends)
    assert all(len(place.messages) == 1 for place in places)
    assert not server.violations


async def test_a_slow_channel_does_not_hold_up_another(
    server: DiscordServer, discord: DiscordChat, guild: Guild
) -> None:
    one, other = guild.text("one"), guild.text("other")
    server.inject(slow(1), f"POST /channels/{one.id}/")
    waiting = asyncio.create_task(discord.send(post(one, 1)))
    await asyncio.wait_for(discord.send(post(other, 2)), 0.5)
    await waiting


async def test_a_send_that_is_given_up_leaves_nothing_behind(
    server: DiscordServer, discord: DiscordChat, guild: Guild
) -> None:
    server.inject(hang(), POST)
    sending = asyncio.create_task(discord.send(post(guild.text())))
    await soon(lambda: server.asked("POST /channels/{channel}/messages"))
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)
    assert sending.cancelled()


async def test_every_chat_is_a_group(discord: DiscordChat) -> None:
    assert discord.is_group("1")
    assert Heard().commands
