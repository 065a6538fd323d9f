from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
import structlog

from bot.chats.discord import client, identifies, pauses
from tests.chats.discord.setting import QUICK, Place
from tests.servers.discord import DiscordServer, Permission


@pytest.fixture(autouse=True)
def plain_tracebacks() -> Iterator[None]:
    """Draw errors in the log as the program does: the usual way takes longer than Discord waits for an answer."""
    plain = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[structlog.processors.add_log_level, plain])
    yield
    structlog.reset_defaults()


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let little time pass between tries."""
    monkeypatch.setattr(identifies, "IDENTIFY_GAP_SECONDS", 0.2)
    monkeypatch.setattr(pauses, "FIRST_PAUSE_SECONDS", 0.05)
    monkeypatch.setattr(client, "SERVERS_SECONDS", 0.1)


@pytest.fixture
async def place() -> AsyncIterator[Place]:
    async with DiscordServer(limits=QUICK) as server:
        guild = server.world.guild()
        boss = guild.member("boss", guild.role("bosses", Permission.MANAGE_GUILD)).user
        yield Place(server, guild, boss, guild.member("ada").user)
