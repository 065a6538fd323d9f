"""``milepost run`` as a process of its own, with chats that are real servers on loopback."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from bot.samples import SPACE
from tests.servers.discord import DiscordServer
from tests.servers.telegram import TelegramServer

READY_SECONDS = 30


@asynccontextmanager
async def running(
    folder: Path, *, program: Sequence[str] = ("-m", "bot"), **settings: str
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run the program with these settings; it must end well on SIGTERM, in under 5 seconds."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *program,
        "run",
        stdin=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "DATABASE_URL": f"sqlite:///{folder}/milepost.db", **settings},
    )
    assert process.stderr is not None
    try:
        async with asyncio.timeout(READY_SECONDS):
            while b"milepost runs" not in await process.stderr.readline():
                assert process.returncode is None
        yield process
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(5):
            _, errors = await process.communicate()
        assert process.returncode == 0, errors.decode()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


#: The program beside a worker thread that never ends, as a name server that is silent leaves one.
WITH_A_THREAD_THAT_HANGS = """
import threading
from concurrent.futures import ThreadPoolExecutor
from bot.__main__ import main

ThreadPoolExecutor().submit(threading.Event().wait)
main()
"""


async def test_a_thread_that_hangs_does_not_keep_it_from_ending(tmp_path: Path) -> None:
    async with running(tmp_path, program=("-c", WITH_A_THREAD_THAT_HANGS)):
        pass
    # It ended in good order but for that thread: nobody holds the database any more.
    async with running(tmp_path):
        pass


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
