"""The product's own commands over Telegram, end to end."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.chats.telegram import TelegramChat
from bot.ports.command import Declaration
from handlers import COMMANDS
from tests.chats.telegram.support import answered, line
from tests.servers.telegram import TelegramServer
from tests.talk import talk

NOW = 1_700_000_000_000


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[TelegramServer]:
    async with TelegramServer() as server, talk(tmp_path, now=NOW) as talking:
        chat = TelegramChat(server.token, api_url=server.url)
        await chat.start(talking.parts.dispatcher)
        await server.until(lambda: len(server.called("setMyCommands")) >= 3)
        yield server
        await chat.close()


async def test_a_group_is_walked_through(server: TelegramServer) -> None:
    group = server.world.supergroup(forum=True)
    ada = server.world.user("Ada")
    topic = server.world.topic(group, "Numbers")
    for place in (None, topic):
        told = {}
        for typed in ("/start", "/watch replay:x.jsonl", "/stats", "/help"):
            asked = await server.say(
                group, ada, f"{typed.partition(' ')[0]}@MilepostBot {typed.partition(' ')[2]}", topic=place
            )
            answer = await answered(server, asked)
            assert answer.topic is place
            told[typed.split()[0]] = answer.text
        assert "Hello, I am Milepost." in told["/start"]
        assert "/watch is for admins" in told["/watch"]
        assert "Nothing is watched here yet" in told["/stats"]
        assert "/records" in told["/help"]
    assert not server.violations


async def test_an_admin_who_does_not_run_the_bot_may_not_watch_files(server: TelegramServer) -> None:
    group = server.world.supergroup()
    boss = server.world.user("Boss")
    server.world.join(group, boss, "creator")
    asked = await server.say(group, boss, "/watch@milepostbot replay:x.jsonl")
    assert "operators" in (await answered(server, asked)).text


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
async def test_every_command_is_bound(command: Declaration) -> None:
    async with line(commands=COMMANDS) as wire:
        private = wire.server.world.private()
        assert private.user is not None
        asked = await wire.server.say(private, private.user, command.example)
        request = await wire.heard()
        name, _, text = command.example.removeprefix("/").partition(" ")
        assert (request.command, request.text) == (name, text.strip())
        assert (request.platform, request.chat) == ("telegram", str(private.id))
        assert request.user == str(private.user.id)
        assert (request.is_admin, request.is_operator, request.topic) == (True, False, None)
        assert request.chat_title == private.user.first_name
        assert (await answered(wire.server, asked)).text
