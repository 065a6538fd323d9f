"""Taps on buttons: whose command they are, who may not, and what the tapper sees of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial
from typing import Literal

import pytest

from bot.chats.telegram import presses
from bot.chats.telegram.buttons import Taps
from bot.ports.message import Button, Field, Message, Span, Style, says
from tests.chats.telegram.support import Line, line, post, until
from tests.servers.telegram import Chat, refuse, slow
from tests.servers.telegram import Message as SentMessage


@pytest.fixture
async def wire() -> AsyncIterator[Line]:
    async with line() as wire:
        yield wire


async def shown(wire: Line, place: Chat, *buttons: Button, topic: int | None = None) -> SentMessage:
    """Post buttons in a chat, and return the message."""
    await wire.chat.send(post(place, Message(title=(Span("500"),), buttons=buttons), topic=topic))
    return place.last


async def test_a_tap_is_the_tapper_s_command(wire: Line) -> None:
    world = wire.server.world
    forum = world.supergroup(forum=True)
    topic = world.topic(forum, "Numbers")
    boss, member = world.user("Boss"), world.user("M", language_code="de")
    world.join(forum, boss, "creator")
    message = await shown(
        wire, forum, Button("Mute", command="/mute Ada 1h"), Button("Stats", command="/stats Ada"), topic=topic.id
    )
    cases = [(member, "Stats", ("stats", "Ada"), False), (boss, "Mute", ("mute", "Ada 1h"), True)]
    for count, (user, button, command, admin) in enumerate(cases, start=1):
        press = await wire.server.press(message, user, button)
        request = await wire.heard(count)
        assert press.answer is not None
        assert "text" not in press.answer
        await wire.settled()
        assert (request.command, request.text) == command
        assert (request.user, request.is_admin) == (str(user.id), admin)
        assert (request.topic, request.locale) == (str(topic.id), user.language_code)
    assert [m.topic for m in forum.sent] == [topic] * 3
    assert forum.last.reply_to is message


async def test_who_may_not_is_told_in_a_popup_that_nobody_else_sees(wire: Line) -> None:
    group = wire.server.world.supergroup()
    member = wire.server.world.user("M")
    refusal = Message(
        symbol="🔒", title=(Span("/mute is for admins of "), Span("x" * 300, Style.BOLD)), lines=((Span("more"),),)
    )
    wire.ears.reply = lambda request: says("done") if request.is_admin else refusal
    message = await shown(wire, group, Button("Mute", command="/mute Ada 1h"))
    press = await wire.server.press(message, member, "Mute")
    await wire.settled()
    assert press.answer is not None
    assert press.answer["show_alert"].lower() == "true"
    assert press.answer["text"].startswith("🔒 /mute is for admins of xxx")
    assert press.answer["text"].endswith("x…")
    assert len(press.answer["text"]) == 200
    assert [one.is_admin for one in wire.ears.heard] == [False]
    assert group.sent == [message]


async def test_a_tap_is_acknowledged_in_time_even_if_nobody_knows_who_may(
    wire: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(presses, "SOON", 0.1)
    group = wire.server.world.supergroup()
    boss, member = wire.server.world.user("Boss"), wire.server.world.user("M")
    wire.server.world.join(group, boss, "creator")
    wire.ears.reply = lambda request: says("done" if request.is_admin else "not for you")
    message = await shown(wire, group, Button("Mute", command="/mute Ada 1h"))
    for user, answer in ((boss, "done"), (member, "not for you")):
        wire.server.inject(slow(0.5), "getChatMember", group)
        press = await wire.server.press(message, user, "Mute")
        await until(partial(getattr, press, "answer"))
        assert answer not in [one.text for one in group.sent]
        await until(lambda: answer in [one.text for one in group.sent])  # noqa: B023 - awaited here
        assert press.answer is not None
        assert "text" not in press.answer


async def test_a_tap_is_acknowledged_while_the_chat_is_busy(wire: Line) -> None:
    group = wire.server.world.supergroup()
    ada = wire.server.world.user()
    message = await shown(wire, group, Button("Stats", command="stats"), Button("Mute", command="mute"))
    wire.ears.delay = 0.3
    await wire.server.say(group, ada, "/stats@MilepostBot")
    press = await wire.server.press(message, ada, "Stats")
    await wire.server.until(lambda: press.answer)
    assert group.sent == [message]
    await wire.server.until(lambda: len(group.sent) == 3)


async def test_a_button_may_name_a_place(wire: Line) -> None:
    world = wire.server.world
    channel, private = world.channel("News", username="news"), world.private()
    assert private.user is not None
    message = await shown(wire, private, Button("Mute", command="/mute Ada 1h in @news"))
    press = await wire.server.press(message, private.user, "Mute")
    await wire.server.until(lambda: press.answer)
    assert press.answer is not None
    assert press.answer["text"] == "🔒 Only administrators of @news can do that."
    other = world.private()
    assert other.user is not None
    world.join(channel, other.user, "administrator")
    message = await shown(wire, other, Button("Mute", command="/mute Ada 1h in @news"))
    await wire.server.press(message, other.user, "Mute")
    request = await wire.heard()
    assert (request.chat, request.text, request.elsewhere) == (str(channel.id), "Ada 1h", True)
    await wire.server.until(lambda: len(other.sent) == 2)
    assert not channel.sent


async def test_a_tap_in_a_channel_gives_nobody_the_channel_s_rights(wire: Line) -> None:
    channel = wire.server.world.channel()
    await wire.chat.send(post(channel, Message(title=(Span("5"),), buttons=(Button("Stats", command="stats"),))))
    await wire.server.press(channel.last, wire.server.world.user("Reader"), "Stats")
    assert not (await wire.heard()).is_admin


@pytest.mark.parametrize("status", ["member", "administrator"])
async def test_a_tap_in_a_channel_is_answered_by_a_popup_and_never_by_a_post(
    wire: Line, status: Literal["member", "administrator"]
) -> None:
    channel, ada = wire.server.world.channel(), wire.server.world.user()
    wire.server.world.join(channel, ada, status)
    wire.ears.reply = lambda request: Message(
        symbol="📊",
        title=(Span("Night Radio", Style.BOLD), Span(" so far")),
        lines=((Span("On the air for 2 h"),), ()),
        fields=(Field("Peak", (Span("1,234", Style.BOLD),)), Field("All", (Span("x" * 300),))),
        footer=(Span("small print"),),
    )
    message = await shown(wire, channel, Button("Stats", command="stats"), Button("Mute", command="mute"))
    for button in ("Stats", "Mute"):
        press = await wire.server.press(message, ada, button)
        await wire.settled()
        assert press.answer is not None
        assert press.answer["show_alert"].lower() == "true"
        text = press.answer["text"]
        assert text.startswith("📊 Night Radio so far\nOn the air for 2 h\nPeak: 1,234\nAll: xxx")
        assert (len(text), text[-2:]) == (200, "x…")
    assert [one.is_admin for one in wire.ears.heard] == [status == "administrator"] * 2
    assert channel.sent == [message]


async def test_a_slow_tap_in_a_channel_still_gets_its_popup(wire: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presses, "SOON", 0.1)
    channel = wire.server.world.channel()
    message = await shown(wire, channel, Button("Stats", command="stats"))
    wire.server.inject(slow(0.4), "getChatMember", channel)
    press = await wire.server.press(message, wire.server.world.user(), "Stats")
    await wire.settled()
    assert press.answer is not None
    assert press.answer["text"] == "stats:"
    assert channel.sent == [message]


async def test_a_refusal_s_popup_has_all_its_lines(wire: Line) -> None:
    group = wire.server.world.supergroup()
    wire.ears.reply = lambda request: Message(
        symbol="🔒", title=(Span("/mute is for admins of this chat."),), lines=((Span("Ask an administrator."),),)
    )
    message = await shown(wire, group, Button("Mute", command="/mute Ada 1h"))
    press = await wire.server.press(message, wire.server.world.user(), "Mute")
    await wire.settled()
    assert press.answer is not None
    assert press.answer["text"] == "🔒 /mute is for admins of this chat.\nAsk an administrator."


async def test_a_tap_too_late_or_on_a_deleted_message_is_still_answered(wire: Line) -> None:
    private = wire.server.world.private()
    assert private.user is not None
    await wire.chat.send(post(private, Message(title=(Span("5"),), buttons=(Button("Stats", command="stats"),))))
    private.last.deleted = True
    message = next(m for m in private.messages.values() if m.deleted)
    wire.server.inject(
        refuse(400, "Bad Request: query is too old and response timeout expired or query ID is invalid"),
        "answerCallbackQuery",
    )
    await wire.server.press(message, private.user, "Stats")
    await wire.heard()
    await wire.server.until(lambda: private.sent)


async def test_long_commands_outlive_the_button_s_64_bytes_but_not_a_restart(wire: Line) -> None:
    private = wire.server.world.private()
    assert private.user is not None
    long = "Übertragung " * 12
    buttons = (Button("Stats", command=f"/stats {long}"), Button("Mute", command=f"/mute {long}"))
    await wire.chat.send(post(private, Message(title=(Span("5"),), buttons=buttons)))
    shown = private.last
    await wire.server.press(shown, private.user, "Mute")
    request = await wire.heard()
    assert (request.command, request.text) == ("mute", long.strip())
    wire.chat._taps._long.clear()
    press = await wire.server.press(shown, private.user, "Mute")
    await wire.server.until(lambda: press.answer)
    assert press.answer is not None
    assert "/mute" in press.answer["text"]
    await wire.server.press(shown, private.user, "Stats")
    request = await wire.heard(2)
    assert (request.command, request.text) == ("stats", "")
    assert Taps().read("/").name == ""
