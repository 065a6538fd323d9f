from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from bot.chats.discord import DiscordChat, pen, traffic
from bot.ports.chat import (
    ChatGone,
    MessageGone,
    NotPermitted,
    Refused,
    SendError,
    TopicGone,
    TryLater,
    Unsure,
    lane,
)
from bot.ports.message import Button, Message, Span, says
from bot.ports.pace import Limits, Pace
from tests.chats.discord.setting import QUICK, Heard, connected, post, soon, target
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
PUBLISH = "POST /channels/{channel}/messages/{message}/crosspost"


class Counted(Pace):
    """A pace without limits that remembers what was noted."""

    def __init__(self) -> None:
        super().__init__(Limits())
        self.noted: list[str] = []

    def note(self, lane: str, *, group: bool = False) -> None:
        self.noted.append(lane)
        super().note(lane, group=group)


pytestmark = pytest.mark.usefixtures("quick")


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
    assert (told.nonce, told.sent["enforce_nonce"]) == ("0123456789-7", True)
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


async def test_the_topic_is_the_place(discord: DiscordChat, guild: Guild) -> None:
    channel = guild.text()
    thread = guild.thread(channel)
    await discord.send(post(thread))
    assert (len(channel.messages), len(thread.messages)) == (0, 1)


@pytest.mark.parametrize("chat", ["server", "1", "console", "@", "@x", "@²"])
async def test_a_server_without_a_channel_and_what_is_none_are_refused_without_asking(
    server: DiscordServer, discord: DiscordChat, guild: Guild, chat: str
) -> None:
    with pytest.raises(Refused, match="channel"):
        await discord.send(post(str(guild.id) if chat == "server" else chat))
    with pytest.raises(Refused, match="channel"):
        await discord.send(post(guild.text(), replaces="x"))
    assert not server.asked("POST /channels/{channel}/messages")


async def test_servers_are_groups_and_conversations_in_private_are_not(discord: DiscordChat) -> None:
    assert discord.by_topic
    assert discord.is_group("1")
    assert not discord.is_group("@1")


async def test_what_comes_to_an_announcement_channel_is_published_and_noted(
    server: DiscordServer, guild: Guild
) -> None:
    news = guild.announcement()
    pace = Counted()
    async with connected(server, pace=pace) as discord:
        noted = len(pace.noted)
        await discord.send(post(news))
        await server.until(lambda: news.messages[0].crossposted)
        assert pace.noted[noted:] == [f"publish {news.id}"]


async def test_threads_of_announcement_channels_are_not_published(server: DiscordServer, guild: Guild) -> None:
    thread = guild.thread(guild.announcement())
    async with connected(server) as discord:
        await discord.send(post(thread))
        await asyncio.sleep(0.1)
    assert thread.messages
    assert not server.asked(PUBLISH)


async def test_publishing_ends_at_its_limit_and_holds_up_nothing(
    server: DiscordServer, guild: Guild, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pen, "PUBLISHED", 2)
    news = guild.announcement()
    async with connected(server, pace=Pace(Limits())) as discord:
        for number in range(3):
            await asyncio.wait_for(discord.send(post(news, number)), 2)
        await asyncio.sleep(0.1)
    assert [told.crossposted for told in news.messages] == [True, True, False]
    assert len(server.asked(PUBLISH)) == 2


async def test_publishing_that_is_asked_to_wait_is_left_and_holds_up_no_post(
    server: DiscordServer, guild: Guild
) -> None:
    news = guild.announcement()
    server.inject(busy(20), "crosspost")
    async with connected(server, pace=Pace(Limits())) as discord:
        await discord.send(post(news, 1))
        await server.until(lambda: server.asked(PUBLISH))
        await soon(lambda: discord.pace.blocked() == {f"publish {news.id}"})
        await discord.send(post(news, 2))
        await asyncio.sleep(0.1)
    assert len(news.messages) == 2
    assert len(server.asked(PUBLISH)) == 1
    assert not server.violations


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


async def test_an_answer_to_a_post_that_the_bot_may_not_give_goes_out_by_itself(
    discord: DiscordChat, guild: Guild
) -> None:
    channel = guild.text()
    key = await discord.send(post(channel, 1))
    guild.everyone.permissions = MEMBERS & ~Permission.READ_MESSAGE_HISTORY
    await discord.send(post(channel, 2, says("It was 90"), answers=key))
    told = channel.messages[-1]
    assert (told.embeds[0]["title"], told.reference, told.nonce) == ("It was 90", None, "0123456789-2")


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
        (status(403, error=50001, message="Missing Access"), NotPermitted, "in <#[0-9]+>: .*“View Channel”"),
        (status(403, error=50013, message="Missing Permissions"), NotPermitted, "in <#[0-9]+>: .*“Send Messages”"),
        (status(403, error=160005, message="Thread is locked"), TopicGone, "locked"),
        (status(400, error=50083, message="Thread is archived"), TopicGone, "archived"),
        (status(403, error=50083, message="Thread is archived"), TopicGone, "archived"),
        (status(403, error=50007), ChatGone, "takes no messages"),
        (status(403, error=50278), ChatGone, "takes no messages"),
        (status(404, error=10003), TopicGone, "the channel or thread was deleted"),
        (status(404, error=10004), ChatGone, "the server was deleted"),
        (status(400, error=50035, message="Invalid Form Body"), Refused, "Invalid Form Body"),
        (status(400, error=200000, message="Blocked by AutoMod"), Refused, "AutoMod"),
        (status(413, error=40005), Refused, "40005"),
        (
            status(403, error=99999, message="Some new rule"),
            NotPermitted,
            "in <#[0-9]+>: Discord says: Some new rule",
        ),
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
    assert 1 < discord.pace.wait(str(one.id)) <= 2
    assert discord.pace.wait(str(other.id)) == 0
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
        assert 0 < discord.pace.held() <= 1
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
async def test_a_missing_permission_is_named_with_its_channel_and_how_to_give_it(
    missing: Permission, name: str
) -> None:
    async with DiscordServer(limits=QUICK) as server:
        guild = server.world.guild(everyone=MEMBERS & ~missing)
        places = [guild.text("alerts"), guild.thread(guild.text(), "alerts")]
        async with connected(server) as discord:
            for place in places if missing is Permission.EMBED_LINKS else places[:1]:
                with pytest.raises(NotPermitted) as caught:
                    await discord.send(post(place))
                assert str(caught.value) == (
                    f"I may not post in #alerts: allow me “{name}” there (channel settings > Permissions)"
                )


async def test_threads_have_a_permission_of_their_own() -> None:
    async with DiscordServer(limits=QUICK) as server:
        guild = server.world.guild(everyone=MEMBERS & ~Permission.SEND_MESSAGES_IN_THREADS)
        thread = guild.thread(guild.text())
        async with connected(server) as discord:
            with pytest.raises(NotPermitted, match="Send Messages in Threads"):
                await discord.send(post(thread))


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


async def test_a_private_thread_that_the_bot_is_not_in_names_how_to_add_it(
    server: DiscordServer, guild: Guild
) -> None:
    channel = guild.text("radio")
    thread = guild.private_thread(channel, server.world.bot, name="crew")
    async with connected(server) as discord:
        await discord.send(post(thread, 1))
        thread.invited.clear()
        with pytest.raises(NotPermitted, match="private thread #crew: add me to it"):
            await discord.send(post(thread, 2))


async def test_a_deleted_channel_ends_its_topic_and_closed_direct_messages_their_chat(
    server: DiscordServer, discord: DiscordChat, guild: Guild
) -> None:
    channel, ada = guild.text(), guild.member("ada").user
    await server.delete_channel(channel)
    with pytest.raises(TopicGone, match="deleted"):
        await discord.send(post(channel))
    ada.takes_messages = False
    with pytest.raises(ChatGone, match="takes no messages"):
        await discord.send(post(server.world.dm(ada), 2))
    server.inject(status(404, error=10003), POST)
    with pytest.raises(ChatGone, match="no such conversation"):
        await discord.send(post("@1", 3))


async def test_a_server_without_the_bot_is_gone_but_one_where_it_sees_nothing_is_not(
    server: DiscordServer, guild: Guild
) -> None:
    channel, secret = guild.text("radio"), guild.text("secret")
    secret.overwrite(guild.everyone, deny=Permission.VIEW_CHANNEL)
    heard = Heard()
    async with connected(server, heard) as discord:
        with pytest.raises(NotPermitted, match="#secret: allow me “View Channel”"):  # not yet ready
            await discord.send(post(secret, 1))
        await soon(lambda: heard.calls)
        with pytest.raises(NotPermitted, match="#secret: allow me “View Channel”"):
            await discord.send(post(secret, 1))
        await server.outage(guild)
        guild.present = False  # which shows only by its answers
        with pytest.raises(NotPermitted):
            await discord.send(post(channel, 2))
        guild.present = True
        await server.leave(guild)
        await soon(lambda: heard.told)
        with pytest.raises(ChatGone, match="no longer in the server"):
            await discord.send(post(channel, 2))


# In private


async def test_a_person_is_told_in_private(server: DiscordServer, guild: Guild) -> None:
    ada = guild.member("ada").user
    pace = Counted()
    async with connected(server, pace=pace) as discord:
        noted = len(pace.noted)
        await discord.tell(str(ada.id), says("@everyone Hello"))
        (told,) = server.world.dm(ada).messages
        assert pace.noted[noted:] == ["open a conversation", f"@{told.channel.id}"]
    assert told.embeds[0]["title"] == "\\@everyone Hello"
    assert told.sent["allowed_mentions"] == {"parse": []}
    assert "nonce" not in told.sent


async def test_a_person_who_cannot_be_told_is_said_so(
    server: DiscordServer, discord: DiscordChat, guild: Guild
) -> None:
    ada = guild.member("ada").user
    ada.takes_messages = False
    with pytest.raises(ChatGone, match="takes no messages"):
        await discord.tell(str(ada.id), says("x"))
    with pytest.raises(Refused, match="Recipient"):
        await discord.tell("1", says("x"))
    with pytest.raises(Refused, match="nobody"):
        await discord.tell("ada", says("x"))
    server.inject(
        status(400, error=40003, message="You are opening direct messages too fast"), "users/@me/channels"
    )
    discord.pace.hold(0)
    with pytest.raises(TryLater, match="too fast"):
        await discord.tell(str(ada.id), says("x"))


async def test_nobody_is_told_while_the_whole_bot_has_to_wait(discord: DiscordChat, guild: Guild) -> None:
    discord.pace.hold(60)
    with pytest.raises(TryLater) as caught:
        await discord.tell(str(guild.owner.id), says("x"))
    assert caught.value.everywhere


async def test_nothing_is_sent_before_there_is_a_connection(server: DiscordServer, guild: Guild) -> None:
    discord = DiscordChat(server.token, api_url=server.api_url)
    with pytest.raises(TryLater) as caught:
        await discord.send(post(guild.text()))
    assert caught.value.retry_after == 2000


async def test_a_broadcast_in_turns_runs_into_no_limit(
    server: DiscordServer, discord: DiscordChat, guild: Guild
) -> None:
    places = [guild.text(f"c{number}") for number in range(90)]

    async def send(number: int) -> None:
        one = post(places[number], number)
        assert await discord.pace.turn(lane(discord, one.target)) == 0
        await discord.send(one)

    await asyncio.gather(*map(send, range(len(places))))
    assert all(len(place.messages) == 1 for place in places)
    assert not server.violations


async def test_posts_to_one_channel_in_turns_run_into_no_limit(
    server: DiscordServer, discord: DiscordChat, guild: Guild
) -> None:
    server.limits.scale = 0.1
    discord.pace = Pace(Limits(a_second=500, a_second_a_lane=10))
    channel = guild.text()
    for number in range(12):
        assert await discord.pace.turn(lane(discord, target(channel))) == 0
        await discord.send(post(channel, number))
    assert len(channel.messages) == 12
    assert not server.violations


async def test_sending_takes_no_turn_of_its_own(server: DiscordServer, guild: Guild) -> None:
    pace = Counted()
    channel = guild.text()
    async with connected(server, pace=pace) as discord:
        noted = list(pace.noted)
        await discord.send(post(channel))
        assert pace.noted == noted
    assert [one for one in noted if one not in {"log in", "gateway"}] == ["commands", "set commands"]


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
