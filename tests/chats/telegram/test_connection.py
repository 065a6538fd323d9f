"""The connection: a wrong token, a host that cannot be reached, menus, the end."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from structlog.testing import capture_logs

from bot.chats.telegram import TelegramChat, menu, poll
from bot.chats.telegram import chat as adapter
from bot.ports.command import Who
from tests.chats.telegram.support import COMMANDS, Hearer, Line, line, line_on, post, until
from tests.servers.telegram import TelegramServer, flood, html, refuse

WRONG = "987654321:BBtestTESTtestTESTtestTESTtestTESTtes"


@pytest.fixture
def logs(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    monkeypatch.setattr(poll, "FIRST_WAIT", 0.05)
    monkeypatch.setattr(poll, "LONGEST_WAIT", 0.1)
    with capture_logs() as entries:
        yield entries
    assert "testTEST" not in repr(entries), "the token is in the log"


def said(logs: list[Any], level: str) -> list[str]:
    return [one["event"] for one in logs if one["log_level"] == level]


async def test_a_wrong_token_is_one_sentence(logs: list[Any], caplog: pytest.LogCaptureFixture) -> None:
    async with TelegramServer() as server:
        for token in (WRONG, "rubbish"):
            chat = TelegramChat(token, api_url=server.url)
            await chat.start(Hearer())
            await asyncio.wait_for(asyncio.gather(*chat._tasks), 5)
            assert "TELEGRAM_TOKEN" in (await chat.check() or "")
            await chat.close()
    assert len(logs) == 2
    assert said(logs, "error") == ["telegram refuses this bot"] * 2
    assert all("TELEGRAM_TOKEN is not accepted by 127.0.0.1" in one["why"] for one in logs)
    assert not caplog.records


async def test_a_token_revoked_later_is_one_sentence(logs: list[Any]) -> None:
    async with line() as wire:
        wire.server.revoked = True
        await wire.server.down()
        await wire.server.up()
        await until(lambda: said(logs, "error"))
        assert wire.chat._tasks[0].done()
    assert len(said(logs, "error")) == 1


async def test_an_unreachable_host_holds_nobody_up_and_is_told_once(logs: list[Any]) -> None:
    async with TelegramServer() as server:
        await server.down()
        chat = TelegramChat(server.token, api_url=server.url)
        began = time.monotonic()
        await chat.start(Hearer())
        assert time.monotonic() - began < 1
        await until(lambda: said(logs, "warning"))
        await asyncio.sleep(0.3)
        assert "cannot be reached" in (await chat.check() or "")
        await server.up()
        await until(lambda: "telegram listens" in said(logs, "info"))
        assert len(said(logs, "warning")) == 1
        assert said(logs, "info").count("telegram is back") == 1
        assert await chat.check() is None
        # it goes again, and comes back
        await server.down()
        await until(lambda: len(said(logs, "warning")) == 2)
        await asyncio.sleep(0.3)
        await server.up()
        await until(lambda: said(logs, "info").count("telegram is back") == 2)
        assert len(said(logs, "warning")) == 2
        private = server.world.private()
        assert private.user is not None
        await server.say(private, private.user, "/stats")
        await server.until(lambda: private.sent)
        await chat.close()


async def test_a_proxy_s_errors_and_floods_are_outlived(logs: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(poll, "SLACK", 0)
    async with TelegramServer(limits=None) as server:
        for fault in (html(502), refuse(500, "Internal Server Error"), flood(1, everywhere=True)):
            server.inject(fault, "getMe")
        server.inject(refuse(409, "Conflict: terminated by other getUpdates request"), "getUpdates")
        server.inject(refuse(404, "Not Found"), "getUpdates")
        async with line_on(server) as wire:
            private = wire.server.world.private()
            assert private.user is not None
            await wire.server.say(private, private.user, "/stats")
            await wire.heard()
    assert not said(logs, "error")


@pytest.mark.usefixtures("logs")
async def test_an_update_that_cannot_be_read_is_left_out() -> None:
    async with line() as wire:
        private = wire.server.world.private()
        assert private.user is not None
        await wire.server.push({"message": {"message_id": "what", "chat": 5, "date": "x"}})
        await wire.server.say(private, private.user, "/stats")
        await wire.heard()
    assert not wire.server.pending


async def test_what_is_not_telegram_is_a_lost_connection(logs: list[Any]) -> None:
    from aiohttp import web

    async def handle(_: web.Request) -> web.Response:
        return web.json_response({"hello": "world"})

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    chat = TelegramChat(WRONG, api_url=url)
    await chat.start(Hearer())
    await until(lambda: said(logs, "warning"))
    assert "cannot be reached" in (await chat.check() or "")
    await chat.close()
    await runner.cleanup()


# --- the end


@pytest.mark.usefixtures("logs")
async def test_the_end_is_quick_and_nothing_is_heard_twice() -> None:
    async with TelegramServer(limits=None) as server:
        private = server.world.private()
        assert private.user is not None
        async with line_on(server) as wire:
            await server.say(private, private.user, "/stats")
            await server.until(lambda: private.sent)
            began = time.monotonic()
        assert time.monotonic() - began < 2
        assert not server.pending
        await wire.chat.close()
        assert not [t for t in asyncio.all_tasks() if t.get_name().startswith("telegram")]


@pytest.mark.usefixtures("logs")
async def test_the_end_waits_for_no_lost_host() -> None:
    async with line() as wire:
        private = wire.server.world.private()
        assert private.user is not None
        wire.ears.delay = 60
        await wire.server.say(private, private.user, "/stats")
        await until(lambda: not wire.server.pending)
        await wire.server.down()
        began = time.monotonic()
        await wire.chat.close()
        assert time.monotonic() - began < 2
        await wire.server.up()


@pytest.mark.usefixtures("logs")
async def test_it_can_be_started_again() -> None:
    async with line() as wire:
        await wire.chat.close()
        await wire.chat.start(wire.ears)
        private = wire.server.world.private()
        await wire.chat.send(post(private))
        assert len(private.sent) == 1


async def test_stopping_what_never_began() -> None:
    chat = TelegramChat(WRONG)
    await chat.close()


# --- menus


async def menus(wire: Line) -> None:
    await until(lambda: all(task.done() for task in wire.chat._tasks[1:]) and len(wire.chat._tasks) > 1)


async def test_menus_show_each_what_he_may(monkeypatch: pytest.MonkeyPatch) -> None:
    spoken = {"en": None, "pt_BR": "Ajuda", "fil": "x"}
    monkeypatch.setattr(menu, "languages", lambda: tuple(spoken))

    class Spoken:
        def __init__(self, language: str) -> None:
            self.language = language

        def gettext(self, text: str) -> str:
            return text if self.language == "en" else "descrição " * 60

    monkeypatch.setattr(menu, "translations", Spoken)
    async with line() as wire:
        await menus(wire)
        world = wire.server.world
        group, private = world.supergroup(), world.private()
        boss, member = world.user("Boss"), world.user("M")
        world.join(group, boss, "creator")
        world.join(group, member)
        assert private.user is not None
        everyone = [one.name for one in COMMANDS if one.who is Who.EVERYONE]
        admins = [one.name for one in COMMANDS if one.who is not Who.OPERATORS]
        assert [one["command"] for one in world.menu(group, member)] == everyone
        assert [one["command"] for one in world.menu(group, boss)] == admins
        assert [one["command"] for one in world.menu(private, private.user)] == admins
        assert set(world.commands) == {
            (scope, language)
            for scope in ("all_private_chats", "all_group_chats", "all_chat_administrators")
            for language in ("", "pt")
        }
        member.language_code = "pt"
        assert all(one["description"].startswith("descrição") for one in world.menu(group, member))
        assert all(len(one["description"]) <= 256 for one in world.menu(group, member))


async def test_menus_are_set_only_where_they_changed() -> None:
    async with TelegramServer() as server:
        async with line_on(server) as wire:
            await menus(wire)
        first = len(server.called("setMyCommands"))
        async with line_on(server) as wire:
            await menus(wire)
        assert len(server.called("setMyCommands")) == first
        server.world.commands["all_group_chats", ""].pop()
        server.inject(flood(1, everywhere=True), "getMyCommands")
        async with line_on(server) as wire:
            await menus(wire)
        again = server.called("setMyCommands")[first:]
        assert [json.loads(call.params["scope"])["type"] for call in again] == ["all_group_chats"]


async def test_menus_that_are_refused_stop_nothing(logs: list[Any]) -> None:
    async with TelegramServer() as server:
        server.inject(refuse(400, "Bad Request: BOT_COMMAND_INVALID"), "setMyCommands", times=None)
        async with line_on(server) as wire:
            await menus(wire)
            private = server.world.private()
            assert private.user is not None
            await server.say(private, private.user, "/stats")
            await wire.heard()
    assert said(logs, "warning") == ["telegram did not take the menus"]


async def test_operators_menus_hold_their_commands_too() -> None:
    async with TelegramServer() as server:
        ada, stranger = server.world.private(), server.world.user()
        assert ada.user is not None
        with capture_logs() as entries:
            async with line_on(server, operators=["12345", "no number", str(ada.id)]) as wire:
                await menus(wire)
        assert [one["command"] for one in server.world.menu(ada, ada.user)] == [one.name for one in COMMANDS]
        other = server.world.private(stranger)
        assert "status" not in [one["command"] for one in server.world.menu(other, stranger)]
        # who never wrote to the bot has no chat with it: nothing to worry anybody
        (refused,) = [one for one in entries if "operator" in one["event"]]
        assert refused["log_level"] == "debug"
        assert not said(entries, "warning")


async def test_an_operator_who_presses_start_later_gets_the_menu_then() -> None:
    async with TelegramServer() as server:
        ada = server.world.user()
        async with line_on(server, operators=[str(ada.id)]) as wire:
            await menus(wire)
            private, stranger = server.world.private(ada), server.world.private()
            assert stranger.user is not None
            assert "status" not in [one["command"] for one in server.world.menu(private, ada)]
            await server.say(stranger, stranger.user, "/start")
            for count in (1, 2):
                await server.say(private, ada, "/start")
                await wire.heard(count + 1)
                await wire.settled()
                assert [one["command"] for one in server.world.menu(private, ada)] == [
                    one.name for one in COMMANDS
                ]
                asked = [call for call in server.called("getMyCommands") if str(ada.id) in call.params["scope"]]
                english = [call for call in asked if not call.params.get("language_code")]
                assert len(english) == 2  # at the beginning, and once at the first /start
        assert "status" not in [one["command"] for one in server.world.menu(stranger, stranger.user)]


def test_the_limits_are_telegram_s() -> None:
    limits = adapter.LIMITS
    assert (limits.a_second, limits.a_second_a_lane, limits.a_minute_a_group) == (30, 1, 20)
    chat = TelegramChat(WRONG)
    assert chat.pace.limits is limits
    assert not chat.by_topic
