"""Places named behind a command: found, proven, or refused in one sentence."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from bot.chats.telegram.places import POSTING, split, unread
from bot.ports.message import plain_text
from bot.texts.words import Words
from handlers import COMMANDS as REAL
from tests.chats.telegram.support import COMMANDS, Line, answered, line
from tests.servers.telegram import Chat, Member, User, refuse


@pytest.fixture
async def wire() -> AsyncIterator[Line]:
    async with line() as wire:
        yield wire


@pytest.mark.parametrize(
    ("text", "before", "address", "topic"),
    [
        ("x:@handle in @news", "x:@handle", "@news", None),
        ("x:@handle  IN  @News_1", "x:@handle", "@News_1", None),
        ("in @news", "", "@news", None),
        ("Ada in -1001234567890", "Ada", -1001234567890, None),
        ("Ada in https://t.me/news", "Ada", "@news", None),
        ("Ada in t.me/news/", "Ada", "@news", None),
        ("Ada in http://t.me/friends/17", "Ada", "@friends", "17"),
        ("Ada in https://t.me/friends/17/1234", "Ada", "@friends", "17"),
        ("Ada in https://t.me/c/1234567890/17", "Ada", -1001234567890, "17"),
        ("Ada in @news in @other", "Ada in @news", "@other", None),
        ("Ada in https://t.me/friends/17/1234?single", "Ada", "@friends", "17"),
        ("Ada in https://t.me/c/1234567890/17?thread=3&single", "Ada", -1001234567890, "17"),
        ("Ada in t.me/news?boost", "Ada", "@news", None),
        ("Ada in https://telegram.me/news/5", "Ada", "@news", "5"),
    ],
)
def test_places_as_people_name_them(text: str, before: str, address: int | str, topic: str | None) -> None:
    left, named = split(text)
    assert named is not None
    assert (left, named.address, named.topic) == (before, address, topic)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "in",
        "@news",
        "Live in Paris",
        "Ada in 1001",
        "Ada in @news in the morning",
        "Ada in -2001",
        "Ada in https://x.com/news",
        "Ada in https://evil.example/t.me/news",
        "login@news",
        "login@news and main@other",
    ],
)
def test_what_is_no_place_is_text(text: str) -> None:
    assert split(text) == (text, None)
    assert unread(text, Words()) is None


@pytest.mark.parametrize(
    "place",
    [
        "@",
        "@ab",
        "@news today",
        "@n\u00e9ws",
        "t.me/c/1234567890",
        "https://t.me/addstickers/Some/thing",
        "HTTPS://telegram.me/c/x",
        "-100",
        "-100123x",
    ],
)
def test_what_is_meant_as_a_place_is_not_taken_for_text(place: str) -> None:
    assert split(f"Ada in {place}")[1] is None
    assert plain_text(unread(f"Ada in {place}", Words()) or ()) == (
        f"I cannot read “{place}” as a place: write for example in @name or in https://t.me/c/1234567890/42."
    )


@pytest.mark.parametrize("link", ["https://t.me/+AbC", "t.me/joinchat/AbC?x", "https://telegram.me/+AbC"])
async def test_an_invite_link_is_no_place(wire: Line, link: str) -> None:
    home, ada = await private(wire)
    for command in ("watch x", "stats Ada"):
        answer = "❔ I cannot read an invite link: write in @name, or give the command in the chat itself."
        assert await say(wire, home, ada, f"/{command} in {link}") == answer
    assert not wire.ears.heard


async def say(wire: Line, place: Chat, user: User, text: str, **how: Any) -> str:
    """Say something, and return what the bot answers there."""
    asked = await wire.server.say(place, user, text, **how)
    return (await answered(wire.server, asked)).text.replace("\u2060", "")


async def private(wire: Line) -> tuple[Chat, User]:
    chat = wire.server.world.private()
    assert chat.user is not None
    return chat, chat.user


@pytest.mark.parametrize("how", ["@news", "https://t.me/NEWS", "t.me/news/12", "{id}", "t.me/c/{inner}/12"])
async def test_a_channel_is_set_up_from_a_private_chat(wire: Line, how: str) -> None:
    home, ada = await private(wire)
    channel = wire.server.world.channel("The News", username="news")
    wire.server.world.join(channel, ada, "administrator")
    place = how.format(id=channel.id, inner=str(channel.id).removeprefix("-100"))
    assert await say(wire, home, ada, f"/watch x:@handle in {place}") == "watch: x:@handle"
    request = await wire.heard()
    assert (request.chat, request.chat_title, request.topic) == (str(channel.id), "The News", None)
    assert (request.elsewhere, request.topic_title) == (True, "The News")
    assert (request.is_admin, request.user, request.text) == (True, str(ada.id), "x:@handle")
    assert wire.ears.told == [("in", str(channel.id), "The News")]
    assert not channel.sent


async def test_a_member_of_one_group_is_an_admin_of_another(wire: Line) -> None:
    world = wire.server.world
    here, there, ada = world.supergroup("Here"), world.supergroup("There"), world.user()
    world.join(there, ada, "creator")
    await say(wire, here, ada, f"/mute@MilepostBot Ada 1h in {there.id}")
    request = await wire.heard()
    assert (request.chat, request.is_admin, request.elsewhere) == (str(there.id), True, True)
    await say(wire, here, ada, "/mute@MilepostBot Ada 1h")
    assert not (await wire.heard(2)).is_admin


async def test_a_topic_of_a_forum(wire: Line) -> None:
    world = wire.server.world
    home, ada = await private(wire)
    forum = world.supergroup("Friends", forum=True, username="friends")
    world.join(forum, ada, "administrator")
    topic = world.topic(forum, "Numbers")
    inner = str(forum.id).removeprefix("-100")
    cases = [
        (f"https://t.me/c/{inner}/{topic.id}", "2", "Friends, topic 2"),
        (f"t.me/friends/{topic.id}/5", "2", "Friends, topic 2"),
        ("t.me/friends/1", None, "Friends"),  # General
        ("@friends", None, "Friends"),
    ]
    for count, (place, number, called) in enumerate(cases, start=1):
        await say(wire, home, ada, f"/watch x:@a in {place}")
        request = await wire.heard(count)
        assert (request.chat, request.topic, request.topic_title) == (str(forum.id), number, called)
    await wire.server.rename_topic(forum, topic, "Figures", by=ada)
    await wire.settled()
    await say(wire, home, ada, f"/watch x:@a in t.me/friends/{topic.id}")
    assert (await wire.heard(5)).topic_title == "Friends, topic Figures"


async def test_the_place_itself_is_not_elsewhere(wire: Line) -> None:
    world = wire.server.world
    forum = world.supergroup("Friends", forum=True, username="friends")
    boss = world.user()
    world.join(forum, boss, "creator")
    topic = world.topic(forum, "Numbers")
    asked = await wire.server.say(forum, boss, "/watch@MilepostBot x in t.me/friends/2", topic=topic)
    await answered(wire.server, asked)
    request = await wire.heard()
    assert (request.elsewhere, request.topic, request.topic_title, request.text) == (False, "2", "Numbers", "x")
    await say(wire, forum, boss, "/watch@MilepostBot x in t.me/friends/2")
    assert (await wire.heard(2)).elsewhere


async def test_operators_commands_name_no_places(wire: Line) -> None:
    home, ada = await private(wire)
    await say(wire, home, ada, "/status Ada in @news")
    request = await wire.heard()
    assert (request.chat, request.text, request.elsewhere) == (str(home.id), "Ada in @news", False)
    assert not wire.server.called("getChat")


async def test_commands_of_everyone_name_places_of_one_s_own(wire: Line) -> None:
    world = wire.server.world
    home, ada = await private(wire)
    channel = world.channel("The News", username="newsch")
    answer = await say(wire, home, ada, "/stats R in @newsch")
    assert answer == "🔒 Only administrators of @newsch can do that."
    other, boss = await private(wire)
    world.join(channel, boss, "creator")
    await say(wire, other, boss, "/stats R in @newsch")
    request = await wire.heard()
    assert (request.chat, request.text, request.elsewhere) == (str(channel.id), "R", True)
    assert not channel.sent


async def test_where_the_bot_need_not_write_it_may_be_muted(wire: Line) -> None:
    world = wire.server.world
    news = world.channel("News", username="news_1")
    news.bot = world.me("administrator", frozenset({"can_edit_messages"}))
    silent = world.supergroup("Silent", username="silent", denied={"can_send_messages"})
    muted = world.supergroup("Muted", username="muted")
    muted.bot = Member(world.bot, "restricted", denied=frozenset({"can_send_messages"}))
    heard = 0
    for chat in (news, silent, muted):
        home, ada = await private(wire)
        answer = await say(wire, home, ada, f"/mute x in @{chat.username}")
        assert answer == f"🔒 Only administrators of @{chat.username} can do that."
        boss_home, boss = await private(wire)
        world.join(chat, boss, "creator")
        for command in ("mute x", "stats"):
            await say(wire, boss_home, boss, f"/{command} in @{chat.username}")
            heard += 1
            assert (await wire.heard(heard)).chat == str(chat.id)
        for command in POSTING & {one.name for one in COMMANDS}:
            assert "I may not write in" in await say(wire, boss_home, boss, f"/{command} x in @{chat.username}")
    assert len(wire.ears.heard) == heard
    assert not wire.ears.told, "that it may write there"


async def test_where_the_bot_was_removed_nothing_can_be_proven(wire: Line) -> None:
    world = wire.server.world
    home, ada = await private(wire)
    boss = world.user()
    gone = world.supergroup("Secret Friends")
    kicked = world.channel("Hidden News")
    public = world.supergroup("Known", username="known_1")
    for chat in (gone, kicked, public):
        world.join(chat, ada, "creator")
        await wire.server.set_bot(chat, "left" if chat is not kicked else "kicked", by=boss)
    await wire.settled()
    inner = str(gone.id).removeprefix("-100")
    for place, called in (
        (f"t.me/c/{inner}/5", "“Secret Friends”"),
        (str(kicked.id), "“Hidden News”"),
        ("@known_1", "@known_1"),
    ):
        assert await say(wire, home, ada, f"/mute x in {place}") == (
            f"🔒 I am not in {called} any more, so I cannot see whether you are its administrator: "
            "add me again, even for a moment."
        )
        assert f"I am not in {called}: add me there" in await say(wire, home, ada, f"/watch x in {place}")
    assert not wire.ears.heard


async def test_refusals_call_a_chat_by_its_title(wire: Line) -> None:
    world = wire.server.world
    home, ada = await private(wire)
    channel = world.channel("The News")
    answer = await say(wire, home, ada, f"/mute x in {channel.id}")
    assert answer == f"🔒 Only administrators of {channel.id} can do that.", "its name is none of hers"
    world.join(channel, ada)
    answer = await say(wire, home, ada, f"/mute x in {channel.id}")
    assert answer == "🔒 Only administrators of “The News” can do that."
    other, boss = await private(wire)
    world.join(channel, boss, "creator")
    channel.bot = world.me("administrator", frozenset())
    assert "I may not write in “The News”: " in await say(wire, other, boss, f"/watch x in {channel.id}")


def test_commands_after_which_the_bot_posts_there_are_commands() -> None:
    assert {one.name for one in REAL} >= POSTING


# --- refusals


async def test_where_the_bot_is_not(wire: Line) -> None:
    world = wire.server.world
    home, ada = await private(wire)
    world.channel(username="news", status="left")
    hidden = world.channel(status="left")
    world.supergroup(username="friends", status="left")
    world.channel(username="banned", status="kicked")
    told = {
        "@news": "I am not in @news: add me there as an administrator who may post messages.",
        "t.me/friends": "I am not in @friends: add me there.",
        "@banned": "I am not in @banned: add me there, to a channel as an administrator who may post messages.",
        str(
            hidden.id
        ): f"I am not in {hidden.id}: add me there, to a channel as an administrator who may post messages.",
        "@nobody_here": "I cannot find @nobody_here: "
        "check how it is written, and if it is private, add me there first.",
    }
    for place, answer in told.items():
        assert (await say(wire, home, ada, f"/watch x in {place}"))[2:].strip() == answer
    assert not wire.ears.heard
    assert not wire.ears.told


async def test_where_the_bot_may_not_write(wire: Line) -> None:
    world = wire.server.world
    home, ada = await private(wire)
    news = world.channel(username="news")
    news.bot = world.me("administrator", frozenset({"can_edit_messages"}))
    silent = world.supergroup(username="silent", denied={"can_send_messages"})
    muted = world.supergroup(username="muted")
    muted.bot = Member(world.bot, "restricted", denied=frozenset({"can_send_messages"}))
    told = {
        "@news": "I may not write in @news: make me an administrator who may post messages.",
        "@silent": "I may not write in @silent: allow me to send messages.",
        "@muted": "I may not write in @muted: allow me to send messages.",
    }
    for chat, (place, answer) in zip((news, silent, muted), told.items(), strict=True):
        # who has no say there does not hear what the bot lacks
        assert f"Only administrators of {place} can do that." in await say(wire, home, ada, f"/watch x in {place}")
        other, boss = await private(wire)
        world.join(chat, boss, "creator")
        assert answer in await say(wire, other, boss, f"/watch x in {place}")
    silent.bot = world.me("administrator")
    muted.bot = Member(world.bot, "restricted", denied=frozenset({"can_send_photos"}))
    for chat in (silent, muted):
        other, boss = await private(wire)
        world.join(chat, boss, "creator")
        await say(wire, other, boss, f"/watch x in @{chat.username}")
    assert len(wire.ears.heard) == 2


async def test_who_is_no_admin_there(wire: Line) -> None:
    world = wire.server.world
    home, ada = await private(wire)
    channel = world.channel(username="news")
    world.join(channel, ada)
    assert "Only administrators of @news can do that." in await say(wire, home, ada, "/watch x in t.me/news")
    assert not wire.ears.heard
    assert not wire.ears.told


async def test_nobody_is_proven_who_hides(wire: Line) -> None:
    world = wire.server.world
    group, channel, boss = (
        world.supergroup("Group", username="group_1"),
        world.channel(username="news"),
        world.user(),
    )
    for chat in (group, channel):
        world.join(chat, boss, "creator", anonymous=True)
    answer = await say(wire, group, boss, "/watch@MilepostBot x in @news", anonymous=True)
    assert "I cannot see who you are, so not whether you are an administrator of @news" in answer
    await wire.server.post(channel, "/watch x in @group_1")
    await wire.server.until(lambda: channel.sent)
    assert "I cannot see who you are" in channel.last.text
    assert not wire.ears.heard
    # Only its admins write as a chat itself.
    await say(wire, group, boss, "/watch@MilepostBot x in @group_1", anonymous=True)
    assert (await wire.heard()).is_admin


async def test_other_persons_chats_are_nobody_s_to_set_up(wire: Line) -> None:
    world = wire.server.world
    home, ada = await private(wire)
    other, someone = await private(wire)
    other.username = someone.username = "someone"
    assert "@someone is a person: name a channel or a group." in await say(wire, home, ada, "/watch x in @someone")
    assert not wire.ears.heard
    group = world.supergroup()
    home.username = ada.username = "ada_l"
    await say(wire, group, ada, "/watch@MilepostBot x in @ada_l")
    request = await wire.heard()
    assert (request.chat, request.elsewhere, request.is_admin) == (str(home.id), True, True)


async def test_a_telegram_that_does_not_answer_is_said(wire: Line) -> None:
    world = wire.server.world
    home, ada = await private(wire)
    channel = world.channel(username="news")
    world.join(channel, ada, "creator")
    for method in ("getChat", "getChatMember"):
        wire.server.inject(refuse(500, "Internal Server Error"), method, channel)
        assert "Telegram does not answer just now" in await say(wire, home, ada, "/watch x in @news")
    await say(wire, home, ada, "/watch x in @news")
    await wire.heard()


async def test_refusals_go_to_where_it_was_typed(wire: Line) -> None:
    forum = wire.server.world.supergroup(forum=True)
    ada = wire.server.world.user(language_code=None)
    topic = wire.server.world.topic(forum, "Talk")
    asked = await wire.server.say(forum, ada, "/watch@MilepostBot x in @nobody_here", topic=topic)
    assert (await answered(wire.server, asked)).topic is topic
