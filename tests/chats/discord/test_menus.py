"""Menus on Discord: lists of values, and which kind of answer a tap is given."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.chats.discord import menus, render
from bot.ports.command import Request
from bot.ports.message import Button, Message, Option, Select, Span, says
from tests.chats.discord.setting import Heard, Place, connected, ephemeral, post, soon
from tests.servers.discord import Channel, checks, cut, status
from tests.servers.discord import Message as Sent
from tests.servers.discord.interactions import DEFERRED_REPLY, DEFERRED_UPDATE, UPDATE, Interaction

pytestmark = pytest.mark.usefixtures("quick")

VALUES = ("5m", "15m", "30m", "1h", "3h")


def menu(chosen: str = "15m") -> Message:
    options = tuple(Option(label=one, command=f"/settings patience {one}", chosen=one == chosen) for one in VALUES)
    back = Button("Back", command="/settings")
    return Message(
        title=(Span(f"After {chosen}"),), selects=(Select("Patience", options),), buttons=(back,), menu=True
    )


@dataclass
class Obeying(Heard):
    """A listener that keeps what admins choose."""

    chosen: str = "15m"
    makes: Callable[[Request], Message] | None = None

    async def answer(self, request: Request) -> Message:
        await super().answer(request)
        if self.makes is not None:
            return self.makes(request)
        if not request.is_admin:
            return says("That is for admins.", symbol="🔒")
        self.chosen = request.text.removeprefix("patience").strip() or self.chosen
        return menu(self.chosen)


async def choose(place: Place, message: Sent, value: str, **more: Any) -> Interaction:
    return await place.server.press(message, "=?0", more.get("user", place.boss), [f"/settings patience {value}"])


def set_in(message: Sent) -> list[str]:
    return [one["label"] for one in message.components[0]["components"][0]["options"] if one.get("default")]


@pytest.fixture(name="channel")
def _channel(place: Place) -> Channel:
    return place.guild.text("radio")


async def test_a_list_is_a_real_one_and_its_answer_is_one_update(place: Place, channel: Channel) -> None:
    heard = Obeying()
    async with connected(place.server, heard) as discord:
        await discord.send(post(channel, message=menu()))
        (message,) = channel.messages
        (row, keys) = message.components
        (shown,) = row["components"]
        assert (shown["type"], shown["placeholder"], len(shown["options"])) == (3, "Patience", len(VALUES))
        assert [one["label"] for one in keys["components"]] == ["Back"]
        used = await choose(place, message, "30m")
        assert (await used.response())["type"] == UPDATE
    assert (message.embeds[0]["title"], set_in(message)) == ("After 30m", ["30m"])
    assert used.answered_after is not None
    assert used.answered_after < 1
    assert channel.messages == [message]
    assert not message.pings
    assert [(one.command, one.text, one.topic) for one in heard.requests] == [
        ("settings", "patience 30m", str(channel.id))
    ]


async def test_work_that_takes_long_is_acknowledged_first(
    place: Place, channel: Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(menus, "WORK_SECONDS", 0.05)
    heard = Obeying(gate=asyncio.Event())
    async with connected(place.server, heard) as discord:
        await discord.send(post(channel, message=menu()))
        (message,) = channel.messages
        used = await choose(place, message, "30m")
        assert (await used.response())["type"] == DEFERRED_UPDATE
        assert set_in(message) == ["15m"]
        assert heard.gate is not None
        heard.gate.set()
        assert await used.message() is message
    assert set_in(message) == ["30m"]
    assert channel.messages == [message]


async def test_who_may_not_is_told_alone_also_where_it_takes_long(
    place: Place, channel: Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard = Obeying(gate=asyncio.Event())
    assert heard.gate is not None
    heard.gate.set()
    async with connected(place.server, heard) as discord:
        await discord.send(post(channel, message=menu()))
        (message,) = channel.messages
        used = await choose(place, message, "3h", user=place.ada)
        assert (await used.response())["type"] == DEFERRED_REPLY
        assert ephemeral(used)
        assert (await used.message()).embeds[0]["title"] == "🔒 That is for admins."
        monkeypatch.setattr(menus, "WORK_SECONDS", 0.05)
        heard.gate.clear()
        used = await choose(place, message, "3h", user=place.ada)
        assert (await used.response())["type"] == DEFERRED_UPDATE
        heard.gate.set()
        told = await used.followup()
    assert told.ephemeral
    assert told.embeds[0]["title"] == "🔒 That is for admins."
    assert (set_in(message), message.edits) == (["15m"], [])


async def test_taps_on_one_menu_are_carried_out_one_after_the_other(place: Place, channel: Channel) -> None:
    heard = Obeying()
    async with connected(place.server, heard) as discord:
        await discord.send(post(channel, message=menu()))
        (message,) = channel.messages
        taps = await asyncio.gather(*(choose(place, message, value) for value in VALUES))
        await soon(lambda: all(one.callback for one in taps))
        assert len(message.edits) == len(VALUES)
    assert set_in(message) == [heard.chosen]


async def test_a_menu_outlives_a_restart(place: Place, channel: Channel) -> None:
    async with connected(place.server, Obeying()) as discord:
        await discord.send(post(channel, message=menu()))
    (message,) = channel.messages
    async with connected(place.server, Obeying()):
        await (await choose(place, message, "3h")).message()
    assert set_in(message) == ["3h"]


async def test_a_menu_that_only_one_sees_is_turned_for_them(place: Place, channel: Channel) -> None:
    async with connected(place.server, Obeying(makes=lambda request: menu("3h" if request.text else "15m"))):
        used = await place.server.interaction(channel, place.boss, "settings", {"setting": "timezone"})
        shown = await used.message()
        assert ephemeral(used)
        await (await choose(place, shown, "3h")).message()
    assert set_in(shown) == ["3h"]
    assert not channel.messages


@pytest.mark.parametrize("fault", [cut(), status(404, error=10062), status(500)])
async def test_a_tap_that_is_lost_ends_nothing(place: Place, channel: Channel, fault: Any) -> None:
    heard = Obeying()
    async with connected(place.server, heard) as discord:
        await discord.send(post(channel, message=menu()))
        (message,) = channel.messages
        place.server.inject(fault, "callback")
        await choose(place, message, "30m")
        await soon(lambda: heard.requests)
        await (await choose(place, message, "3h")).message()
    assert set_in(message) == ["3h"]


async def test_values_of_no_list_are_no_command(place: Place, channel: Channel) -> None:
    heard = Obeying(makes=lambda request: says(f"There is no /{request.command}."))
    async with connected(place.server, heard) as discord:
        await discord.send(post(channel, message=menu()))
        (message,) = channel.messages
        used = await place.server.press(message, "=?0", place.boss, [])
        await used.message()
    assert [one.command for one in heard.requests] == ["?0"]


hostile = st.one_of(
    st.sampled_from(
        ["x", "x" * 200, "👩\u200d👩\u200d👧\u200d👦" * 30, "\u202e", "", " ", "a\ud83d", "@everyone", "`*_"]
    ),
    st.text(),
)
commands = st.one_of(hostile, st.integers(0, 99).map(lambda number: f"/settings {number}"))
options = st.builds(Option, label=hostile, command=commands, chosen=st.booleans(), about=hostile)
anything = st.builds(
    Message,
    selects=st.lists(st.builds(Select, hostile, st.lists(options, max_size=40).map(tuple)), max_size=7).map(tuple),
    buttons=st.lists(st.builds(Button, hostile, command=commands, chosen=st.booleans()), max_size=30).map(tuple),
    menu=st.booleans(),
)


@settings(deadline=None, max_examples=60)
@given(anything)
def test_nothing_that_can_be_tapped_is_over_any_limit(message: Message) -> None:
    body = render.payload(post("1", message=message))
    checks.message(body)
    rows = body["components"]
    lists = [row for row in rows if row["components"][0]["type"] == checks.STRING_SELECT]
    assert all(len(row["components"]) == 1 for row in lists)


async def test_several_that_are_set_are_marked_in_their_labels(place: Place, channel: Channel) -> None:
    options = tuple(Option(label=one, command=f"/settings x {one}", chosen=one in "ace") for one in "abcde")
    async with connected(place.server, Obeying()) as discord:
        await discord.send(post(channel, message=replace(menu(), selects=(Select("Which", options),))))
    (shown,) = channel.messages[0].components[0]["components"]
    assert [one["label"] for one in shown["options"]] == ["✓ a", "b", "✓ c", "d", "✓ e"]
    assert not any(one.get("default") for one in shown["options"])


async def test_descriptions_are_shown_and_make_a_list_of_a_few_values(place: Place, channel: Channel) -> None:
    options = tuple(Option(label=one, command=f"/settings x {one}", about=f"About {one}") for one in ("a", "b"))
    async with connected(place.server, Obeying()) as discord:
        await discord.send(post(channel, message=replace(menu(), selects=(Select("Which", options),))))
    (shown,) = channel.messages[0].components[0]["components"]
    assert [one["description"] for one in shown["options"]] == ["About a", "About b"]
