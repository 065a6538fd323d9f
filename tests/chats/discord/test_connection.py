from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import structlog.testing

from bot.chats.discord import DiscordChat, chat, identifies, pauses, traffic
from bot.ports.chat import TryLater
from tests.chats.discord.setting import QUICK, Heard, connected, post, soon
from tests.servers.discord import DiscordServer, Limits, Rate, cut, hang, html, status

pytestmark = pytest.mark.usefixtures("quick")


@pytest.fixture
async def server() -> AsyncIterator[DiscordServer]:
    async with DiscordServer(limits=QUICK) as running:
        running.world.guild().text()
        yield running


@pytest.fixture(autouse=True)
async def no_thread_is_left() -> AsyncIterator[None]:
    yield
    await soon(lambda: not any("keep-alive" in thread.name for thread in threading.enumerate()))


@pytest.fixture
def logs() -> Iterator[list[Any]]:
    with structlog.testing.capture_logs() as found:
        yield found


def told(logs: list[Any]) -> list[str]:
    """What was logged of connections, in order."""
    return [line["event"] for line in logs if "menu" not in line["event"]]


LOST = "the connection to Discord is lost; connecting again"
BACK = "Discord is connected again"


async def test_it_connects_where_it_is_pointed_with_no_privileged_intent(
    server: DiscordServer, logs: list[Any]
) -> None:
    async with connected(server):
        (identify,) = server.gateway.identifies
        assert identify["intents"] == sum(1 << bit for bit in (0, 7, 9, 12))
        assert len(server.asked("GET /gateway/bot")) == 1
    assert told(logs) == ["Discord is connected"]
    assert server.gateway.goodbyes == [1000]
    assert not server.rest.unknown


async def test_start_returns_at_once_and_stop_soon_though_nobody_answers(server: DiscordServer) -> None:
    server.inject(hang(), times=None)
    discord = DiscordChat(server.token, api_url=server.api_url)
    loop = asyncio.get_running_loop()
    start = loop.time()
    await discord.start(Heard())
    assert loop.time() - start < 0.2
    await asyncio.sleep(0.1)
    await discord.close()
    assert loop.time() - start < 3


async def test_stop_is_quick_with_answers_under_way(server: DiscordServer) -> None:
    heard = Heard(gate=asyncio.Event())
    guild = next(iter(server.world.guilds.values()))
    async with connected(server, heard) as discord:
        await server.interaction(guild.text(), guild.member("ada").user, "stats")
        await soon(lambda: heard.requests)
        start = asyncio.get_running_loop().time()
        await discord.close()
        assert asyncio.get_running_loop().time() - start < 3


async def test_stop_is_quick_when_the_gateway_says_no_goodbye(
    server: DiscordServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with connected(server) as discord:
        monkeypatch.setattr(server.gateway, "_take", lambda *_: asyncio.sleep(60))
        start = asyncio.get_running_loop().time()
        await discord.close()
        assert asyncio.get_running_loop().time() - start < 3


async def test_a_chat_that_never_started_stops(server: DiscordServer) -> None:
    await DiscordChat(server.token, api_url=server.api_url).close()


# Losing it


async def test_a_cut_connection_is_resumed_and_told_once(server: DiscordServer, logs: list[Any]) -> None:
    async with connected(server):
        server.gateway.cut()
        await server.until(lambda: server.gateway.resumes and server.gateway.connected)
        await _settled(logs, BACK)
    assert told(logs) == ["Discord is connected", LOST, BACK]
    assert len(server.gateway.identifies) == 1


async def test_a_request_to_reconnect_is_resumed(server: DiscordServer, logs: list[Any]) -> None:
    async with connected(server):
        await server.gateway.reconnect()
        await server.until(lambda: server.gateway.resumes and server.gateway.connected)
        await _settled(logs, BACK)
    assert len(server.gateway.identifies) == 1


async def test_an_invalid_session_is_begun_anew_at_the_right_gateway(
    server: DiscordServer, logs: list[Any]
) -> None:
    async with connected(server):
        await server.gateway.invalidate()
        await server.until(lambda: len(server.gateway.identifies) == 2 and server.gateway.connected)
        await _settled(logs, BACK)
    assert told(logs) == ["Discord is connected", LOST, BACK]
    assert not server.violations


async def test_events_missed_meanwhile_are_heard_after_a_resume(server: DiscordServer) -> None:
    heard = Heard()
    guild = next(iter(server.world.guilds.values()))
    channel, ada = guild.text("late"), guild.member("ada").user
    async with connected(server, heard):
        server.gateway.cut()
        used = await server.interaction(channel, ada, "stats")
        await used.message()
    assert heard.requests


async def test_a_gateway_that_refuses_is_tried_until_it_is_back_and_told_once(
    server: DiscordServer, logs: list[Any]
) -> None:
    async with connected(server):
        await server.gateway.refuse()
        server.gateway.cut()
        await asyncio.sleep(0.7)
        await server.gateway.accept()
        await server.until(lambda: server.gateway.connected, 10)
        await _settled(logs, BACK)
    assert told(logs) == ["Discord is connected", LOST, BACK]
    assert not server.violations


async def test_a_first_connect_that_is_refused_is_tried_again(server: DiscordServer, logs: list[Any]) -> None:
    await server.gateway.refuse()
    discord = DiscordChat(server.token, api_url=server.api_url)
    await discord.start(Heard())
    await asyncio.sleep(0.5)
    await server.gateway.accept()
    try:
        await server.until(lambda: server.gateway.connected, 10)
        await _settled(logs, BACK)
    finally:
        await discord.close()
    assert told(logs) == ["Discord cannot be reached; trying again", BACK]


@pytest.mark.parametrize("fault", [status(503), html(502), cut(), html(429)])
async def test_an_api_that_is_away_is_tried_again(
    server: DiscordServer, logs: list[Any], fault: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(traffic, "PAUSE_SECONDS", 0.2)
    server.inject(fault, "users/@me|gateway/bot", times=1)
    async with connected(server):
        assert told(logs)[-1] in {BACK, "Discord is connected"}
        assert len(told(logs)) <= 2


async def test_an_api_that_refuses_connections_is_tried_again(server: DiscordServer, logs: list[Any]) -> None:
    await server.listen(api=False)
    discord = DiscordChat(server.token, api_url=server.api_url)
    await discord.start(Heard())
    await _settled(logs, "Discord cannot be reached; trying again")
    await server.listen(api=True)
    try:
        await server.until(lambda: server.gateway.connected, 10)
    finally:
        await discord.close()
    assert server.token not in str(logs)


async def test_an_event_that_the_library_cannot_bear_is_survived(server: DiscordServer, logs: list[Any]) -> None:
    async with connected(server):
        await server.gateway.dispatch("GUILD_CREATE", {"id": "not a number"})
        await server.until(lambda: len(server.gateway.identifies) == 2 and server.gateway.connected, 10)
        await _settled(logs, BACK)


async def test_a_connection_that_will_not_hold_is_not_tried_for_ever_at_once(
    server: DiscordServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pauses, "FIRST_PAUSE_SECONDS", 0.5)
    async with connected(server):
        for _ in range(60):
            await server.gateway.close(4000)
            await asyncio.sleep(0.02)
        assert server.gateway.opened < 40


async def test_sessions_are_begun_within_the_days_number(
    server: DiscordServer, logs: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(identifies, "IDENTIFY_BURST", 2)
    async with connected(server):
        await server.gateway.invalidate()
        await server.until(lambda: len(server.gateway.identifies) == 2)
        await server.gateway.invalidate()
        await asyncio.sleep(1)
        assert len(server.gateway.identifies) == 2
    assert "sessions that Discord gives" in str(logs)


async def test_it_waits_when_discord_says_that_no_session_is_left(logs: list[Any]) -> None:
    limits = Limits(identifies=Rate(1000, 86_400))
    async with DiscordServer(limits=limits) as server:
        server.meter.take("identifies", limits.identifies, 995)
        discord = DiscordChat(server.token, api_url=server.api_url)
        await discord.start(Heard())
        await asyncio.sleep(0.5)
        assert not server.gateway.identifies
        await discord.close()
    assert "sessions that Discord gives" in str(logs)


# Refused for good


@pytest.mark.parametrize("token", ["wrong", "with space", "new\nline", "ключ"])
async def test_a_wrong_token_is_one_sentence_that_names_it(
    server: DiscordServer, logs: list[Any], token: str
) -> None:
    discord = DiscordChat(token, api_url=server.api_url)
    await discord.start(Heard())
    await asyncio.sleep(0.5)
    (line,) = logs
    assert line["log_level"] == "error"
    assert "DISCORD_TOKEN" in line["why"]
    assert "https://discord.com/developers/applications" in line["why"]
    assert token not in str(logs)
    assert len(server.calls) <= 1
    with pytest.raises(TryLater, match="DISCORD_TOKEN"):
        await discord.send(post("@1"))
    await discord.close()


@pytest.mark.parametrize(
    ("code", "names"), [(4004, "DISCORD_TOKEN"), (4014, "Guild Voice States"), (4013, "intents"), (4011, "2,500")]
)
async def test_a_fatal_close_is_one_sentence_and_ends_it(
    server: DiscordServer, logs: list[Any], code: int, names: str
) -> None:
    async with connected(server):
        await server.gateway.close(code)
        await asyncio.sleep(0.6)
        assert len(server.gateway.identifies) == 1
    errors = [line["why"] for line in logs if line["log_level"] == "error"]
    assert len(errors) == 1
    assert names in errors[0]
    assert server.token not in str(logs)


# Check


async def test_check_finds_nothing_wrong(server: DiscordServer) -> None:
    assert await DiscordChat(server.token, api_url=server.api_url).check() is None


@pytest.mark.parametrize("token", ["wrong", "", "a b"])
async def test_check_names_a_wrong_token(server: DiscordServer, token: str) -> None:
    wrong = await DiscordChat(token, api_url=server.api_url).check()
    assert "DISCORD_TOKEN" in (wrong or "")


@pytest.mark.parametrize("fault", [status(503), html(403)])
async def test_check_names_a_trouble(server: DiscordServer, fault: Any) -> None:
    server.inject(fault, times=None)
    wrong = await DiscordChat(server.token, api_url=server.api_url).check()
    assert str(fault.status) in (wrong or "")


async def test_check_names_a_host_that_cannot_be_reached(
    server: DiscordServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    await server.listen(api=False)
    wrong = await DiscordChat(server.token, api_url=server.api_url).check()
    assert "cannot be reached at 127.0.0.1" in (wrong or "")
    await server.listen(api=True)
    monkeypatch.setattr(chat, "CHECK_SECONDS", 0.2)
    server.inject(hang())
    wrong = await DiscordChat(server.token, api_url=server.api_url).check()
    assert "cannot be reached" in (wrong or "")
    assert await DiscordChat(server.token, api_url="::nonsense::").check() is not None


async def _settled(logs: list[Any], event: str) -> None:
    await soon(lambda: event in told(logs))
