"""Menus on Telegram: values as buttons, and the message that is changed."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from bot.chats.telegram.buttons import CHOSEN, DATA, Taps
from bot.ports.command import Request
from bot.ports.message import Button, Message, Option, Select, Span, says
from tests.chats.telegram.support import Line, hurried, line, line_on, post
from tests.servers.telegram import Message as SentMessage
from tests.servers.telegram import TelegramServer, flood, refuse

VALUES = ("5m", "15m", "30m", "1h", "3h")


@pytest.fixture
async def wire() -> AsyncIterator[Line]:
    async with line() as wire:
        wire.ears.reply = obeying
        yield wire


def menu(chosen: str = "15m") -> Message:
    options = tuple(Option(label=one, command=f"/mute {one}", chosen=one == chosen) for one in VALUES)
    return Message(
        title=(Span(f"After {chosen}"),),
        selects=(Select("Patience", options),),
        buttons=(Button("Back", command="/mute"),),
        menu=True,
    )


def obeying(request: Request) -> Message:
    if not request.is_admin:
        return says("That is for admins.", symbol="🔒")
    return menu(request.text or "15m")


def rows(message: SentMessage) -> list[list[str]]:
    return [[one["text"] for one in row] for row in message.markup["inline_keyboard"]]  # type: ignore[index]


async def test_values_stand_above_the_buttons_and_what_is_set_is_marked(wire: Line) -> None:
    private = wire.server.world.private()
    await wire.chat.send(post(private, menu()))
    assert rows(private.last) == [["5m", "✓ 15m", "30m", "1h"], ["3h"], ["Back"]]


async def test_who_taps_twice_changes_nothing_and_nobody_is_told_of_an_error(wire: Line) -> None:
    private = wire.server.world.private()
    assert private.user is not None
    await wire.chat.send(post(private, menu()))
    for label in ("30m", f"{CHOSEN} 30m"):
        press = await wire.server.press(private.last, private.user, label)
        await wire.settled()
        assert press.answer is not None
        assert "text" not in press.answer
    assert private.sent == [private.last]
    assert rows(private.last)[0][2] == "✓ 30m"


async def test_a_menu_in_a_channel_is_turned_by_its_admins_and_by_nobody_else(wire: Line) -> None:
    channel, boss, reader = wire.server.world.channel(), wire.server.world.user(), wire.server.world.user()
    wire.server.world.join(channel, boss, "administrator")
    await wire.chat.send(post(channel, menu()))
    press = await wire.server.press(channel.last, reader, "3h")
    await wire.settled()
    assert press.answer is not None
    assert press.answer["text"] == "🔒 That is for admins."
    assert rows(channel.last)[0][1] == "✓ 15m"
    press = await wire.server.press(channel.last, boss, "3h")
    await wire.settled()
    assert "text" not in (press.answer or {})
    assert rows(channel.last)[1] == ["✓ 3h"]
    assert channel.sent == [channel.last]


async def test_a_menu_outlives_a_restart_but_for_long_commands_which_say_so() -> None:
    long = "x" * 80
    options = (Option(label="Long", command=f"/mute {long}"), Option(label="Short", command="/mute 3h"))
    shown = Message(title=(Span("x"),), selects=(Select("x", options),), menu=True)
    async with TelegramServer(limits=None) as server:
        private = server.world.private()
        assert private.user is not None
        async with line_on(server) as wire:
            wire.ears.reply = lambda request: shown
            await wire.chat.send(post(private, shown))
            await server.press(private.last, private.user, "Long")
            assert (await wire.heard()).text == long
            await wire.settled()
        async with line_on(server) as wire:
            wire.ears.reply = obeying
            press = await server.press(private.last, private.user, "Long")
            await server.until(lambda: press.answer)
            assert "too old" in (press.answer or {})["text"]
            assert not wire.ears.heard
            await server.press(private.last, private.user, "Short")
            await wire.heard()
            await wire.settled()
        assert private.last.text == "After 3h"
        assert len(private.sent) == 1


async def test_a_flood_pause_delays_the_menu_and_nothing_more(wire: Line) -> None:
    private = wire.server.world.private()
    assert private.user is not None
    await wire.chat.send(post(private, menu()))
    wire.server.inject(flood(1), "editMessageText")
    await wire.server.press(private.last, private.user, "3h")
    await wire.heard()
    await wire.server.until(lambda: private.last.text == "After 3h", seconds=10)
    assert len(private.sent) == 1


async def test_a_menu_that_can_no_longer_be_changed_comes_anew(wire: Line) -> None:
    private = wire.server.world.private()
    assert private.user is not None
    await wire.chat.send(post(private, menu()))
    wire.server.inject(refuse(400, "Bad Request: message can't be edited"), "editMessageText")
    await wire.server.press(private.last, private.user, "3h")
    await wire.heard()
    await wire.settled()
    assert [one.text for one in private.sent] == ["After 15m", "After 3h"]


async def test_a_menu_of_another_place_stays_one_of_that_place(wire: Line) -> None:
    world = wire.server.world
    channel, private = world.channel("News", username="news"), world.private()
    assert private.user is not None
    world.join(channel, private.user, "administrator")

    def there(request: Request) -> Message:
        value = Option(label=request.text or "none", command=f"/mute 3h in {request.chat}")
        return Message(title=(Span(f"{request.chat_title}"),), selects=(Select("x", (value,)),), menu=True)

    wire.ears.reply = there
    await wire.server.say(private, private.user, "/mute in @news")
    await wire.heard()
    await wire.settled()
    await wire.server.press(private.last, private.user, "none")
    request = await wire.heard(2)
    await wire.settled()
    assert (request.chat, request.text, request.elsewhere, request.is_admin) == (str(channel.id), "3h", True, True)
    assert not channel.sent
    assert rows([one for one in private.sent if one.outgoing][-1]) == [["3h"]]


async def test_where_too_much_is_asked_a_tap_changes_nothing() -> None:
    async with TelegramServer(speed=20) as server, line_on(server, pace=hurried(server)) as wire:
        group, boss = server.world.supergroup(), server.world.user("Boss")
        server.world.join(group, boss, "creator")
        wire.ears.reply = obeying
        await wire.chat.send(post(group, menu()))
        for _ in range(16):
            wire.chat.pace.note(str(group.id), group=True)
        press = await server.press(group.last, boss, "3h")
        await server.until(lambda: press.answer)
        assert "Too many questions" in (press.answer or {})["text"]
        assert not wire.ears.heard


def test_what_a_menu_s_button_sends_back_fits_and_is_known_by_its_mark() -> None:
    taps = Taps()
    for length in range(1, 120):
        command = f"/mute {'x' * length}"
        data = taps.pack(command, menu=True)
        assert len(data.encode()) <= DATA
        tapped = taps.read(data)
        assert (tapped.name, tapped.text, tapped.whole, tapped.menu) == ("mute", "x" * length, True, True)
        assert not taps.read(taps.pack(command)).menu
    assert Taps().read("=").name == ""
