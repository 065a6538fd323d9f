"""What really goes over the wire to Telegram and Discord, where everything that can be hostile is."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bot.domain import SECOND
from tests.chats.walk import WRITES, Discord, Side, Telegram
from tests.hostile.corpus import CONTROLS, FORMATS, LARGE, MARKUP, MENTIONS, UNSEEN
from tests.hostile.looks import assert_entities
from tests.hostile.party import Party, party
from tests.hostile.rows import changes, rows_of
from tests.servers.telegram import Message as Shown
from tests.servers.telegram import TelegramServer, parse_html

#: So much faster than Telegram's own are the limits that the bot keeps to: much is asked here.
SPEED = 500
#: Titles as a recording may have them: half signs and NUL are refused in it.
TITLES = [
    one
    for one in (*MARKUP, *MENTIONS, *UNSEEN, *CONTROLS, *FORMATS, *(large[:5_000] for large in LARGE))
    if not any(0xD800 <= ord(sign) < 0xE000 or sign == "\0" for sign in one)
]
NAME = "<b>@everyone *x* <@&1>"
#: What a person may type on either platform.
TYPED = [*MARKUP[:4], *MENTIONS, UNSEEN[0], CONTROLS[4], *FORMATS[:3], "s1", "x" * 3_000]


@asynccontextmanager
async def on_telegram() -> AsyncIterator[Side]:
    async with TelegramServer(limits=None, speed=SPEED) as server:
        yield Telegram(server)


SIDES = {"telegram": on_telegram, "discord": Discord.open}


def assert_on_telegram(side: Any) -> None:
    """Assert that nobody was called, and that all markup is ours."""
    server = side.server
    assert not server.violations
    refused = [one for one in server.calls if one.method in WRITES and one.status == 400]
    assert not refused, refused[0]
    for call in server.calls:
        for name, most in (("text", 4096), ("caption", 1024)):
            if name in call.params and call.params.get("parse_mode") == "HTML":
                text, entities = parse_html(call.params[name])
                assert_entities(text, entities, most=most)
    for chat in server.world.chats.values():
        for message in chat.sent:
            kinds = {one["type"] for one in message.entities}
            assert not kinds & {"mention", "text_mention", "spoiler", "pre", "custom_emoji"}, message.text


def assert_on_discord(side: Any) -> None:
    """Assert that nobody was called; what is too long or wrong, the server has refused."""
    server = side.server
    assert not server.violations
    wrong = [one for one in server.calls if one.method != "GET" and one.status == 400]
    assert not wrong, wrong[0]
    for call in server.calls:
        body: Any = call.body if isinstance(call.body, dict) else {}
        body = body["data"] if isinstance(body.get("data"), dict) else body
        if body and "embeds" in body:
            assert body.get("content", "") in {"", None}
            if call.method == "POST":
                assert body["allowed_mentions"] == {"parse": []}, body
    for guild in server.world.guilds.values():
        for channel in guild.channels.values():
            for message in channel.posted:
                assert not message.pings, json.dumps(message.sent)[:500]


#: Fewer than a group may ask in a minute before it is told so.
QUESTIONS = 8


async def typed(side: Side, room: Any, who: str, command: str, text: str) -> Any:
    """Give a command on the platform, and return the answer."""
    person = side.people[who]  # type: ignore[attr-defined]
    server = side.server  # type: ignore[attr-defined]
    if side.platform == "telegram":
        # A group is answered so often in a minute (of the hurried clock), however fast this machine is.
        pace = side.chat.pace
        await server.until(lambda: pace.lately(room.chat) < QUESTIONS, seconds=30)
        asked = await server.say(room.place, person, f"/{command}@MilepostBot {text}")

        def answer() -> Shown | None:
            return next((one for one in room.place.sent if one.reply_to is asked), None)

        return await server.until(answer, seconds=30)
    names = {"stats": "name", "top": "measure", "compare": "a", "history": "name", "help": "command"}
    used = await server.interaction(room.place, person, command, {names[command]: text[:6_000]}, forced=True)
    return await used.message(30)


@pytest.mark.parametrize("platform", SIDES)
async def test_nothing_hostile_calls_anybody_or_is_refused(platform: str, tmp_path: Path) -> None:
    async with SIDES[platform]() as side, party(tmp_path, chats=[side.chat]) as made:
        room = side.room("alerts")
        await side.chat.start(made.parts.dispatcher)
        try:
            await side.connected()
            who = {"platform": platform, "chat": room.chat, "topic": room.topic, "chat_title": NAME}
            await made.set_up(f"/watch {made.recording('a.jsonl', title=TITLES)} as {NAME}", **who)
            await made.set_up(f"/watch {made.recording('b.jsonl', title=TITLES[::-1])} as Night Radio", **who)
            await made.set_up("/subscribe Night Radio start milestones records recap at 70 100 150 200", **who)
            for kind in ("start", "milestones", "records", "recap"):
                await made.set_up(
                    f"/settings words {kind} @everyone <@&1> <b>{{{{ name }}}}</b> [x](https://a.invalid) "
                    "<a href='tg://user?id=1001'>{{ title }}</a>",
                    **who,
                )
            await made.play(36)
            for text in TYPED:
                for command in ("stats", "history"):
                    await typed(side, room, "member", command, text)
        finally:
            await side.chat.close()
        assert_on_telegram(side) if platform == "telegram" else assert_on_discord(side)


async def two_groups(made: Party, side: Any) -> tuple[Any, Any]:
    """Make a group in which everything is set, and one of a person who is only a member of the first."""
    alpha, beta = side.room("alpha"), side.room("beta")
    world = side.server.world
    world.join(alpha.place, side.people["member"], "member")
    world.join(beta.place, side.people["member"], "creator")
    world.join(beta.place, side.people["admin"], "member")
    for room, name in ((alpha, "AlphaNight"), (beta, "BetaNight")):
        who = {"platform": side.platform, "chat": room.chat}
        await made.set_up(f"/watch {made.recording(f'{name}.jsonl', title=name)} as {name}", **who)
        await made.set_up("/settings timezone Berlin", **who)
    return alpha, beta


async def test_an_admin_of_one_group_reaches_no_other_over_the_wire(tmp_path: Path) -> None:
    async with on_telegram() as side, party(tmp_path, chats=[side.chat]) as made:
        await side.chat.start(made.parts.dispatcher)
        try:
            await side.connected()
            alpha, beta = await two_groups(made, side)
            alpha.place.username = "alphagroup"
            await made.play(8)
            before = await rows_of(made.parts.database, platform="telegram", key=alpha.chat)
            server: Any = side.server  # type: ignore[attr-defined]
            member = side.people["member"]  # type: ignore[attr-defined]
            for place in (
                f"in {alpha.chat}",
                "in @alphagroup",
                f"in https://t.me/c/{alpha.chat[4:]}",
                f"in {alpha.chat[4:]}",
            ):
                for line in (
                    "/settings timezone Karachi",
                    "/forget everything",
                    "/unwatch AlphaNight",
                    "/subscribe AlphaNight records",
                    "/mute AlphaNight 2h",
                    "/watches",
                    "/deliveries",
                    "/settings words start x",
                    "/record add 5 peak x on icecast",
                ):
                    made.clock.now += SECOND
                    name, _, text = line.partition(" ")
                    answer = await typed(side, beta, "member", name[1:], f"{text} {place}".strip())
                    said = answer.text.replace("AlphaNight", "") if "AlphaNight" in line else answer.text
                    assert "Alpha" not in said, answer.text
            assert not changes(before, await rows_of(made.parts.database, platform="telegram", key=alpha.chat))
            menus = [
                await typed(side, alpha, "admin", name, text)
                for name, text in (("settings", ""), ("settings", "timezone"), ("forget", ""), ("test", ""))
            ]
            before = await rows_of(made.parts.database, platform="telegram", key=alpha.chat)
            buttons = [
                (menu, one["callback_data"]) for menu in menus for one in menu.buttons if "callback_data" in one
            ]
            assert len(buttons) > 10
            for menu, data in buttons:
                press = await server.press(menu, member, data)
                await server.until(lambda press=press: press.answer is not None, seconds=30)
            assert not changes(before, await rows_of(made.parts.database, platform="telegram", key=alpha.chat))
        finally:
            await side.chat.close()
