"""Topics of forums: answers stay in them, they have names, they close and open again."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from bot.chats.telegram import names
from tests.chats.telegram.support import Line, answered, line
from tests.servers.telegram import refuse


@pytest.fixture
async def wire() -> AsyncIterator[Line]:
    async with line() as wire:
        yield wire


async def test_answers_stay_in_their_topic(wire: Line) -> None:
    forum = wire.server.world.supergroup(forum=True)
    ada = wire.server.world.user()
    topic = wire.server.world.topic(forum, "Numbers")
    asked = await wire.server.say(forum, ada, "/stats@MilepostBot", topic=topic)
    answer = await answered(wire.server, asked)
    assert answer.topic is topic
    assert wire.ears.heard[-1].topic == str(topic.id) == "2"
    # A reply in a group without topics has a thread of its own: that is no topic.
    plain = wire.server.world.supergroup()
    await wire.server.say(plain, ada, "/stats@MilepostBot", reply_to=await wire.server.say(plain, ada, "hi"))
    request = await wire.heard(2)
    assert (request.topic, request.topic_title) == (None, None)


async def test_a_topic_s_name_is_what_its_messages_and_changes_tell(wire: Line) -> None:
    forum = wire.server.world.supergroup(forum=True)
    boss = wire.server.world.user()
    topic = wire.server.world.topic(forum, "Numbers")  # before the bot came: told by the topic's own messages
    await wire.server.say(forum, boss, "/stats@MilepostBot", topic=topic)
    assert (await wire.heard(1)).topic_title == "Numbers"
    await wire.server.rename_topic(forum, topic, "Figures", by=boss)
    await wire.server.say(forum, boss, "/stats@MilepostBot", topic=topic)
    assert (await wire.heard(2)).topic_title == "Figures"
    other = await wire.server.open_topic(forum, "Talk", by=boss)
    hello = await wire.server.say(forum, boss, "hello", topic=other)
    await wire.server.say(forum, boss, "/stats@MilepostBot", topic=other, reply_to=hello)
    assert (await wire.heard(3)).topic_title == "Talk"
    await wire.server.say(forum, boss, "/stats@MilepostBot")
    request = await wire.heard(4)
    assert (request.topic, request.topic_title) == (None, None)


async def test_a_name_that_nobody_told_is_not_known(wire: Line) -> None:
    forum = wire.server.world.supergroup(forum=True)
    ada = wire.server.world.user()
    topic = wire.server.world.topic(forum, "Numbers")
    hello = await wire.server.say(forum, ada, "hello", topic=topic)
    await wire.server.say(forum, ada, "/stats@MilepostBot", topic=topic, reply_to=hello)
    request = await wire.heard()
    assert (request.topic, request.topic_title) == ("2", None)


async def test_names_are_not_remembered_without_end(wire: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(names, "MOST", 2)
    forum = wire.server.world.supergroup(forum=True)
    for name in ("a", "b", "c"):
        await wire.server.open_topic(forum, name, by=wire.server.world.user())
    await wire.settled()
    assert [wire.chat._names.topic(str(forum.id), topic) for topic in ("2", "3", "4")] == [None, "b", "c"]


async def test_topics_that_close_and_open_are_told(wire: Line) -> None:
    forum = wire.server.world.supergroup("Everybody", forum=True)
    boss = wire.server.world.user()
    topic = await wire.server.open_topic(forum, "Numbers", by=boss)
    await wire.server.close_topic(forum, topic, by=boss)
    await wire.settled()
    key = f"{forum.id}/{topic.id}"
    assert wire.ears.told == [("out", key, "the topic is closed")]
    await wire.server.reopen_topic(forum, topic, by=boss)
    await wire.settled()
    assert wire.ears.told[1:] == [("in", key, "Everybody")]


async def test_the_general_topic_is_its_own(wire: Line) -> None:
    forum = wire.server.world.supergroup("Everybody", forum=True)
    boss = wire.server.world.user()
    await wire.server.close_general(forum, by=boss)
    await wire.server.reopen_general(forum, by=boss)
    await wire.server.hide_general(forum, by=boss)
    await wire.settled()
    key = f"{forum.id}/1"  # never the chat, whose other topics go on
    assert wire.ears.told == [("out", key, "the topic is closed"), ("in", key, "Everybody")]
    await wire.server.say(forum, boss, "/stats@MilepostBot")
    await wire.heard()
    await wire.settled()
    assert len(wire.ears.told) == 2


async def test_a_command_in_a_topic_shows_that_it_is_open_once_a_run(wire: Line) -> None:
    forum = wire.server.world.supergroup("Everybody", forum=True)
    ada = wire.server.world.user()
    topics = [wire.server.world.topic(forum, name) for name in ("Numbers", "Talk")]
    for topic in (*topics, *topics):
        await wire.server.say(forum, ada, "/stats@MilepostBot", topic=topic)
    await wire.heard(4)
    assert wire.ears.told == [("in", f"{forum.id}/{topic.id}", "Everybody") for topic in topics]


async def test_who_may_write_in_a_closed_topic_does_not_open_it(wire: Line) -> None:
    forum = wire.server.world.supergroup("Everybody", forum=True)
    boss = wire.server.world.user()
    topic = wire.server.world.topic(forum, "Numbers")
    key = f"{forum.id}/{topic.id}"
    topic.closed = True  # while the bot was away
    await wire.server.say(forum, boss, "/stats@MilepostBot", topic=topic)
    await wire.server.say(forum, boss, "/stats@MilepostBot", topic=topic)
    await wire.heard(2)
    await wire.settled()
    assert wire.ears.told[:2] == [("in", key, "Everybody"), ("out", key, "the topic is closed")]
    assert {one[0] for one in wire.ears.told[2:]} == {"out"}
    await wire.server.reopen_topic(forum, topic, by=boss)
    await wire.settled()
    assert wire.ears.told[-1] == ("in", key, "Everybody")


async def test_a_closed_general_topic_puts_the_bot_out_of_nothing_else(wire: Line) -> None:
    forum = wire.server.world.supergroup(forum=True)
    wire.server.inject(refuse(400, "Bad Request: TOPIC_CLOSED"), "sendMessage", forum)
    await wire.server.say(forum, wire.server.world.user(), "/stats@MilepostBot")
    await wire.heard()
    await wire.settled()
    assert wire.ears.told == []
