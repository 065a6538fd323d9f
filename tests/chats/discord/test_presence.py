"""Where the bot is: let in, put out, and what happened while it was away."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import dataclass

import pytest

from bot.chats.discord import DiscordChat
from bot.ports.chat import ChatGone
from bot.ports.message import Button, Message, says
from bot.ports.pace import Limits, Pace
from tests.chats.discord.setting import Heard, Place, connected, post, soon
from tests.servers.discord import MEMBERS, Channel, Permission, User, status

pytestmark = pytest.mark.usefixtures("quick")


async def ask(place: Place, channel: Channel, user: User) -> None:
    await (await place.server.interaction(channel, user, "start")).message()


# Asking lets in


async def test_where_somebody_asks_is_let_in_once_and_a_channel_only_if_the_bot_may_post_there(
    place: Place,
) -> None:
    heard = Heard()
    open_, shut = place.guild.text("open"), place.guild.text("shut")
    shut.overwrite(place.guild.everyone, deny=Permission.SEND_MESSAGES)
    guild = str(place.guild.id)
    async with connected(place.server, heard):
        for channel in (shut, open_, open_, shut, place.guild.thread(shut)):
            await ask(place, channel, place.ada)
    thread = str(heard.requests[-1].topic)
    assert heard.told == [
        ("in", guild, "", "Server"),
        ("in", guild, str(open_.id), "Server"),
        ("in", guild, thread, "Server"),
    ]


async def test_a_conversation_in_private_is_let_in(place: Place) -> None:
    heard = Heard()
    dm = place.server.world.dm(place.ada)
    async with connected(place.server, heard):
        await ask(place, dm, place.ada)
        await ask(place, dm, place.ada)
    assert heard.told == [("in", f"@{dm.id}", "", "@ada")]


async def test_a_chat_found_gone_is_let_in_again_when_it_asks(place: Place) -> None:
    heard = Heard()
    channel = place.server.world.dm(place.ada)
    async with connected(place.server, heard) as discord:
        await ask(place, channel, place.ada)
        place.ada.takes_messages = False
        with pytest.raises(ChatGone):
            await discord.send(post(channel))
        place.ada.takes_messages = True
        await ask(place, channel, place.ada)
    assert [told[0] for told in heard.told] == ["in", "in"]


async def test_a_topic_found_gone_is_let_in_again_when_it_asks_and_no_other(place: Place) -> None:
    heard = Heard()
    one, other = place.guild.text("one"), place.guild.text("other")
    async with connected(place.server, heard) as discord:
        for channel in (one, other):
            await ask(place, channel, place.ada)
        heard.told.clear()
        place.server.inject(status(403, error=160005), "POST /channels")
        with pytest.raises(Exception, match="locked"):
            await discord.send(post(one))
        for channel in (one, other):
            await ask(place, channel, place.ada)
    assert heard.told == [("in", str(place.guild.id), str(one.id), "Server")]


@dataclass
class Failing(Heard):
    """A listener that cannot be told."""

    failing: bool = True

    async def let_in(self, *, platform: str, chat: str, title: str | None, topic: str | None = None) -> None:
        if self.failing:
            raise RuntimeError
        await super().let_in(platform=platform, chat=chat, title=title, topic=topic)

    async def roll_call(self, *, platform: str, chats: Collection[str]) -> None:
        await super().roll_call(platform=platform, chats=chats)
        raise RuntimeError


async def test_what_could_not_be_told_is_told_at_the_next_question(place: Place) -> None:
    heard = Failing()
    channel = place.guild.text()
    async with connected(place.server, heard):
        await ask(place, channel, place.ada)
        await soon(lambda: heard.calls)
        heard.failing = False
        await ask(place, channel, place.ada)
    assert len(heard.told) == 2


# Roll calls


async def test_all_servers_are_called_when_they_are_known_the_unavailable_too(place: Place) -> None:
    heard = Heard()
    guilds = [place.guild, *(place.server.world.guild(name) for name in ("Two", "Three"))]
    place.server.world.guild("Elsewhere", present=False)
    guilds[2].available = False
    async with connected(place.server, heard):
        await soon(lambda: heard.calls)
    (called,) = heard.calls
    assert sorted(called) == sorted(str(guild.id) for guild in guilds)
    assert not heard.told
    assert not heard.requests


async def test_what_happened_while_it_was_away_shows_at_the_next_session(place: Place) -> None:
    heard = Heard()
    lost, new = place.server.world.guild("Lost"), place.server.world.guild("New", present=False)
    hall = new.text("hall")
    async with connected(place.server, heard):
        await soon(lambda: heard.calls)
        await ask(place, lost.text(), lost.owner)
        heard.told.clear()
        await place.server.gateway.refuse()
        place.server.gateway.forget()
        place.server.gateway.cut()
        lost.present, new.present = False, True
        await place.server.gateway.accept()
        await soon(lambda: len(heard.calls) == 2 and hall.messages, 10)
        assert sorted(heard.calls[1]) == sorted([str(place.guild.id), str(new.id)])
        assert heard.told == [("in", str(new.id), "", "New")]
        lost.present = True
        await place.server.join(lost)
        await soon(lambda: ("in", str(lost.id), "", "Lost") in heard.told)


async def test_a_resumed_connection_calls_nobody_again(place: Place) -> None:
    heard = Heard()
    async with connected(place.server, heard):
        await soon(lambda: heard.calls)
        place.server.gateway.cut()
        await place.server.until(lambda: place.server.gateway.resumes and place.server.gateway.connected)
        await asyncio.sleep(0.3)
    assert len(heard.calls) == 1


async def test_a_server_that_lets_the_bot_in_before_all_are_known_is_greeted(place: Place) -> None:
    heard = Heard()
    new = place.server.world.guild("New", present=False)
    hall = new.text()
    async with connected(place.server, heard):
        assert not heard.calls
        await place.server.join(new)
        await soon(lambda: hall.messages)
    assert heard.calls == [[str(place.guild.id), str(new.id)]]
    assert heard.told == [("in", str(new.id), "", "New")]


# Servers come and go


async def test_a_server_that_puts_the_bot_out_and_lets_it_in_again(place: Place) -> None:
    heard = Heard()
    channel = place.guild.text("radio")
    guild = str(place.guild.id)
    async with connected(place.server, heard):
        await soon(lambda: heard.calls)
        await ask(place, channel, place.ada)
        heard.told.clear()
        await place.server.leave(place.guild)
        await soon(lambda: heard.told)
        await place.server.join(place.guild)
        await soon(lambda: len(heard.told) == 2)
        await ask(place, channel, place.ada)
    assert heard.told == [
        ("out", guild, "", "the bot was removed from the server"),
        ("in", guild, "", "Server"),
        ("in", guild, str(channel.id), "Server"),
    ]


async def test_an_outage_of_a_server_puts_nobody_out(place: Place) -> None:
    heard = Heard()
    place.guild.text()
    async with connected(place.server, heard):
        await soon(lambda: heard.calls)
        await place.server.outage(place.guild)
        await place.server.outage(place.guild, over=True)
        await asyncio.sleep(0.2)
    assert not heard.told
    assert not heard.requests


async def test_a_new_server_is_greeted_where_it_greets_people_itself(place: Place) -> None:
    heard = Heard(message=Message(title=says("Hello").title, buttons=(Button("Help", command="/start"),)))
    new = place.server.world.guild("New", present=False, locale="pt-BR")
    general, hall = new.text("general"), new.text("hall")
    new.system_channel = hall
    pace = Pace(Limits(a_second=50, a_second_a_lane=1))
    async with connected(place.server, heard, pace=pace):
        await soon(lambda: heard.calls)
        await place.server.join(new)
        await soon(lambda: hall.messages)
        assert pace.lately(str(hall.id)) == 1
        await (await place.server.press(hall.messages[0], "Help", new.owner)).message()
    assert not general.messages
    assert hall.messages[0].embeds[0]["title"] == "Hello"
    assert hall.messages[0].sent["allowed_mentions"] == {"parse": []}
    request, pressed = heard.requests
    assert (request.command, request.is_admin, request.locale) == ("start", True, "pt-BR")
    assert (request.chat, request.topic, request.chat_title) == (str(new.id), str(hall.id), "New")
    assert (pressed.chat, pressed.topic) == (request.chat, request.topic)


async def test_else_it_is_greeted_in_the_first_channel_that_takes_posts(place: Place) -> None:
    heard = Heard()
    new = place.server.world.guild("New", present=False)
    new.system_channel, news, shut, fit = (
        new.text("rules"),
        new.announcement(),
        new.text("shut"),
        new.text("fit"),
    )
    for channel in (new.system_channel, shut):
        channel.overwrite(new.everyone, deny=Permission.SEND_MESSAGES)
    async with connected(place.server, heard):
        await soon(lambda: heard.calls)
        await place.server.join(new)
        await soon(lambda: fit.messages)
    assert not news.messages


async def test_a_server_where_the_bot_may_say_nothing_is_let_in_without_a_word(place: Place) -> None:
    heard = Heard()
    new = place.server.world.guild("New", present=False, everyone=MEMBERS & ~Permission.SEND_MESSAGES)
    new.text()
    async with connected(place.server, heard):
        await soon(lambda: heard.calls)
        await place.server.join(new)
        await soon(lambda: heard.told)
    assert heard.told == [("in", str(new.id), "", "New")]
    assert not heard.requests
    assert not place.server.asked("POST /channels/{channel}/messages")


# Channels and threads


async def test_deleted_channels_and_threads_are_put_out(place: Place) -> None:
    heard = Heard()
    channel, parent = place.guild.text(), place.guild.text("other")
    thread, inner = place.guild.thread(parent), place.guild.thread(channel)
    guild = str(place.guild.id)
    async with connected(place.server, heard):
        await soon(lambda: heard.calls)
        await place.server.delete_channel(thread)
        await place.server.delete_channel(channel)
        await soon(lambda: len(heard.told) == 3)
    assert heard.told == [
        ("out", guild, str(thread.id), "the thread was deleted"),
        ("out", guild, str(channel.id), "the channel was deleted"),
        ("out", guild, str(inner.id), "the thread was deleted"),
    ]


@pytest.mark.parametrize("asleep", [False, True])
async def test_a_locked_thread_is_put_out_and_let_in_when_it_is_unlocked(place: Place, asleep: bool) -> None:
    heard = Heard()
    thread = place.guild.thread(place.guild.text())
    guild = str(place.guild.id)
    async with connected(place.server, heard):
        await soon(lambda: heard.calls)
        await place.server.update_channel(thread, name="another")
        await place.server.update_channel(thread, locked=True, archived=asleep)
        await soon(lambda: heard.told)
        await place.server.update_channel(thread, locked=False, archived=False)
        await soon(lambda: len(heard.told) == 2)
    assert heard.told == [
        ("out", guild, str(thread.id), "the thread is locked"),
        ("in", guild, str(thread.id), "Server"),
    ]


async def test_a_locked_thread_in_which_the_bot_may_go_on_posting_is_not_put_out(place: Place) -> None:
    heard = Heard()
    channel = place.guild.text()
    channel.overwrite(place.server.world.bot, allow=Permission.MANAGE_THREADS)
    thread = place.guild.thread(channel)
    async with connected(place.server, heard) as discord:
        await soon(lambda: heard.calls)
        await place.server.update_channel(thread, locked=True)
        await discord.send(post(thread))
        await asyncio.sleep(0.1)
    assert thread.messages
    assert not heard.told


async def test_a_chat_that_never_connected_stops(place: Place) -> None:
    discord = DiscordChat(place.server.token, api_url=place.server.api_url)
    await discord.start(Heard())
    await discord.close()
