"""How long it takes from an answer of a source to the alert's way out, when there is nothing else to do.

The real program polls a document on loopback once a second. Each answer reaches the next rung of one chat of
Telegram and one of Discord, in turn, so that no chat's own limit holds an alert up. An answer is stamped when its
last byte has left, a message when its request has arrived in full: what is stated is a bound from above.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import quantiles
from tempfile import TemporaryDirectory
from typing import Any

from aiohttp import web

from bot.domain import SECOND
from bot.domain.alerts import milestone
from storage.database import Database
from tests.bench.program import running
from tests.bench.report import Figure
from tests.fakes.rows import a_chat, a_watch, listens
from tests.servers.discord import DiscordServer
from tests.servers.pages import serving
from tests.servers.telegram import TelegramServer

ALERTS = 200
#: Of each platform; each hears every so manieth answer.
CHATS = 4
FIRST, STEP = 1_000, 10
#: Answers that confirm the first figure and warm the program up, before those that reach rungs.
WARM_UP = 5
GOAL = 250
#: A second each where all goes well; so many for each before it is given up.
PATIENCE = 5


class Feed:
    """A document with one figure, which rises at each answer; and when each answer had left."""

    def __init__(self, alerts: int) -> None:
        self._asked = 0
        self._last = FIRST + alerts * STEP
        self.left: dict[int, float] = {}

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer with the next figure."""
        figure = min(FIRST + max(0, self._asked - WARM_UP) * STEP, self._last)
        self._asked += 1
        body = json.dumps({"audience": figure}).encode()
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        response.content_length = len(body)
        await response.prepare(request)
        await response.write(body)
        await response.write_eof()
        self.left.setdefault(figure, time.monotonic())
        return response


async def measure(alerts: int = ALERTS) -> list[Figure]:
    """Have single alerts told on both platforms, and state how long each took."""
    feed = Feed(alerts)
    with TemporaryDirectory(prefix="milepost-bench-") as name:
        async with serving(feed.answer) as source, TelegramServer() as telegram, DiscordServer() as discord:
            people = [telegram.world.private(telegram.world.user(f"Ann {one}")) for one in range(CHATS)]
            guild = discord.world.guild("Radio")
            channels = [guild.text(f"alerts-{one}") for one in range(CHATS)]
            await _fill(
                f"sqlite:///{name}/milepost.db",
                f"{source.url}/status#audience",
                alerts,
                [("telegram", str(one.id), "") for one in people]
                + [("discord", str(guild.id), str(one.id)) for one in channels],
            )
            apart = time.monotonic() - telegram.now()
            async with running(
                Path(name),
                TELEGRAM_TOKEN=telegram.token,
                TELEGRAM_API_URL=telegram.url,
                DISCORD_TOKEN=discord.token,
                DISCORD_API_URL=discord.api_url,
                ALLOWED_PRIVATE_HOSTS=source.authority,
                POLL_INTERVAL_SECONDS="1",
            ) as program:
                posted = "POST /channels/{channel}/messages"
                async with asyncio.timeout(PATIENCE * (alerts + WARM_UP) + PATIENCE):
                    while len(telegram.called("sendMessage")) < alerts or len(discord.asked(posted)) < alerts:
                        if program.process.returncode is not None:
                            raise RuntimeError("\n".join(program.log))
                        await asyncio.sleep(1)
            sent = {
                "Telegram": [
                    (call.params["chat_id"], call.params["text"], call.at + apart)
                    for call in telegram.called("sendMessage")
                ],
                "Discord": [
                    (call.ids["channel"], json.dumps(call.body), call.at) for call in discord.asked(posted)
                ],
            }
    return [figure for platform, messages in sent.items() for figure in _figures(platform, messages, feed.left)]


async def _fill(url: str, reference: str, alerts: int, places: Sequence[tuple[str, str, str]]) -> None:
    """Let every place follow the document, each with rungs of its own."""
    database = Database(url)
    await database.open()
    try:
        async with database.write() as connection:
            watch = await a_watch(
                connection, reference, source="json", platform="json", public=False, interval=SECOND, due_at=0
            )
            known: dict[str, Any] = {}
            for number, (platform, key, topic) in enumerate(places):
                if key not in known:
                    known[key] = await a_chat(connection, key, platform=platform)
                rungs = range(FIRST + (number % CHATS + 1) * STEP, FIRST + (alerts + CHATS) * STEP, CHATS * STEP)
                await listens(
                    connection, known[key], watch, topic=topic, kinds=[milestone.KIND], ladder=list(rungs)
                )
    finally:
        await database.close()


def _figures(platform: str, messages: Sequence[tuple[str, str, float]], left: dict[int, float]) -> list[Figure]:
    """Match each message, in its chat, with the answer that reached its rung."""
    waits = []
    for place in dict.fromkeys(place for place, _, _ in messages):
        told = [(text, at) for one, text, at in messages if one == place]
        first = next(figure for figure in sorted(left) if figure > FIRST and f"{figure:,}" in told[0][0])
        for number, (text, at) in enumerate(told):
            figure = first + number * CHATS * STEP
            if f"{figure:,}" not in text:
                raise RuntimeError(f"{platform} was told something else than {figure:,}: {text}")
            waits.append((at - left[figure]) * 1000)
    percents = quantiles(waits, n=100, method="inclusive")
    return [
        Figure(
            name=f"from reading to sending on {platform}, when idle: p99",
            value=round(percents[98]),
            unit="ms",
            goal=GOAL,
            note=f"{len(waits)} alerts: p50 {percents[49]:.0f} ms, at most {max(waits):.0f} ms",
        )
    ]
