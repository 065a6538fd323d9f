"""Places named behind a command: found, proven, or refused in one sentence."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from bot.chats.telegram.places import split
from tests.chats.telegram.support import Line, answered, line
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
        "Made in @",
        "in @ab",
        "Ada in @news today",
        "Ada in 1001",
        "Ada in -2001",
        "Ada in https://x.com/news",
        "Ada in https://evil.example/t.me/news",
        "Ada in https://t.me/+invitation",
        "Ada in t.me/c/1234567890",
        "login@news",
        "Ada in @n\u00e9ws",
    ],
)
def test_what_is_no_place_is_text(text: str) -> None:
    assert split(text) == (text, None)


async def say(wire: Line, place: Chat, user: User, text: str, **how: bool) -> str:
    """Say something, and return what the bot answers there."""
    asked = await wire.server.say(place, user, text, **how)  # type: ignore[arg-type]
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


async def test_only_admins_commands_name_places(wire: Line) -> None:
    home, ada = await private(wire)
    await say(wire, home, ada, "/stats Ada in @news")
    request = await wire.heard()
    assert (request.chat, request.text, request.elsewhere) == (str(home.id), "Ada in @news", False)
    assert not wire.server.called("getChat")


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
