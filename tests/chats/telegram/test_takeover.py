"""One process takes over from another that was killed: conflicts, and updates that come again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from structlog.testing import capture_logs

from bot.chats.telegram import TelegramChat, poll, rival
from bot.chats.telegram.rival import ALARM, LONGEST_POLL, Rival
from tests.chats.telegram.support import Hearer, line_on, unhurried, until
from tests.servers.telegram import TelegramServer


@pytest.fixture
def logs(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    monkeypatch.setattr(rival, "SOON", 0.05)
    monkeypatch.setattr(poll, "SOON", 0.05)
    with capture_logs() as entries:
        yield entries


def alarms(logs: list[Any]) -> list[str]:
    return [one["event"] for one in logs if one["log_level"] in {"warning", "error"}]


@asynccontextmanager
async def killed(server: TelegramServer) -> AsyncIterator[None]:
    """Leave behind the poll of a process that was killed."""
    server.polls_linger = True
    chat = TelegramChat(server.token, api_url=server.url, pace=unhurried())
    await chat.start(Hearer())
    await server.until(lambda: server.polls)
    for task in chat._tasks:
        task.cancel()
    await asyncio.gather(*chat._tasks, return_exceptions=True)
    assert server.polls
    yield
    await chat.close()


@pytest.mark.parametrize("refused", [True, False])
async def test_who_takes_over_from_the_dead_goes_on_trying_without_a_word(logs: list[Any], refused: bool) -> None:
    async with TelegramServer(limits=None, speed=20) as server, killed(server):
        server.newer_is_refused = refused
        private = server.world.private()
        assert private.user is not None
        async with line_on(server) as wire:
            if refused:
                await until(lambda: sum(call.status == 409 for call in server.calls) > 3)
                assert wire.chat.connected is False
            await until(lambda: wire.chat.connected)
            await server.say(private, private.user, "/stats")
            await server.until(lambda: private.sent)
    assert not alarms(logs)
    assert len(private.sent) == 1


@pytest.mark.usefixtures("logs")
async def test_what_the_dead_had_read_and_not_confirmed_is_answered_twice_at_most() -> None:
    async with TelegramServer(limits=None) as server:
        private = server.world.private()
        assert private.user is not None
        first = TelegramChat(server.token, api_url=server.url, pace=unhurried())
        await first.start(Hearer())
        await server.until(lambda: server.polls)
        # Killed when it has answered, and before its next poll told what it had read.
        server.confirms = False
        for number in range(3):
            await server.say(private, private.user, f"/stats {number}")
        await server.until(lambda: len(private.sent) == 3)
        for task in first._tasks:
            task.cancel()
        await asyncio.gather(*first._tasks, return_exceptions=True)
        server.confirms = True
        async with line_on(server) as wire:
            await wire.settled()
            await until(lambda: len(private.sent) >= 6)
            await server.say(private, private.user, "/stats 3")
            await server.until(lambda: len(private.sent) == 7)
        await first.close()
    told = [one.text for one in private.sent]
    assert sorted(told) == sorted([f"stats: {number}" for number in (0, 0, 1, 1, 2, 2, 3)])


class Seconds:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_conflict_is_told_of_once_and_only_when_it_outlasts_a_long_poll() -> None:
    clock = Seconds()
    other = Rival(clock)
    for _ in range(int(LONGEST_POLL)):
        assert not other.met()
        clock.now += 1
    assert not other.lasts
    clock.now += 1
    assert other.met()
    assert other.lasts
    for _ in range(100):
        clock.now += 1
        assert not other.met()
        assert not other.gone()  # each takes turns with the other
    clock.now += LONGEST_POLL + 1
    assert other.gone()
    assert not other.lasts
    assert not other.gone()
    assert not other.met()  # another one, from the beginning


def test_conflicts_far_apart_are_none() -> None:
    clock = Seconds()
    other = Rival(clock)
    for _ in range(10):
        assert not other.met()
        assert not other.gone()
        clock.now += LONGEST_POLL + 1


async def test_two_that_live_are_told_who_the_other_may_be(
    logs: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rival, "LONGEST_POLL", 0.5)
    monkeypatch.setattr(poll, "FIRST_WAIT", 0.05)
    async with TelegramServer(limits=None) as server, line_on(server) as one:
        async with line_on(server):
            await until(lambda: ALARM in alarms(logs), seconds=20)
            await until(lambda: one.chat.connected is False, seconds=20)
        await asyncio.sleep(0.6)
        await server.down()
        await server.up()
        await until(lambda: one.chat.connected, seconds=20)
    assert 1 <= alarms(logs).count(ALARM) <= 2  # each its own
    assert all("TELEGRAM_TOKEN" in one["why"] for one in logs if one["event"] == ALARM)
