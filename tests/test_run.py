"""``milepost run`` as a process of its own, with chats that are real servers on loopback."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from bot.samples import SPACE
from tests.servers.discord import DiscordServer
from tests.servers.telegram import TelegramServer

READY_SECONDS = 30


@asynccontextmanager
async def running(folder: Path, **settings: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run the program with these settings; it must end well on SIGTERM, in under 5 seconds."""
    program = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bot",
        "run",
        stdin=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "DATABASE_URL": f"sqlite:///{folder}/milepost.db", **settings},
    )
    assert program.stderr is not None
    try:
        async with asyncio.timeout(READY_SECONDS):
            while b"milepost runs" not in await program.stderr.readline():
                assert program.returncode is None
        yield program
        program.send_signal(signal.SIGTERM)
        async with asyncio.timeout(5):
            _, errors = await program.communicate()
        assert program.returncode == 0, errors.decode()
    finally:
        if program.returncode is None:
            program.kill()
            await program.wait()


async def test_it_answers_and_alerts_on_telegram(tmp_path: Path) -> None:
    async with TelegramServer() as server:
        ann = server.world.user("Ann")
        chat = server.world.private(ann)
        async with running(
            tmp_path,
            TELEGRAM_TOKEN=server.token,
            TELEGRAM_API_URL=server.url,
            OPERATORS=f"telegram:{ann.id}",
            POLL_INTERVAL_SECONDS="1",
        ):
            await server.say(chat, ann, "/start")
            await server.until(lambda: any("Milepost" in one.text for one in chat.sent))
            await server.say(chat, ann, f"/watch replay:{SPACE}")
            await server.until(lambda: any("Now watching PTI Space" in one.text for one in chat.sent))


async def test_it_answers_on_discord(tmp_path: Path) -> None:
    async with DiscordServer() as server:
        guild = server.world.guild("Radio")
        channel = guild.text("general")
        ann = server.world.user("ann")
        guild.member(ann)
        async with running(tmp_path, DISCORD_TOKEN=server.token, DISCORD_API_URL=server.api_url):
            await server.until(lambda: "help" in server.commands.names())
            handle = await server.interaction(channel, ann, "help", {})
            message = await handle.message()
            assert "What I can do" in str(message.embeds)
