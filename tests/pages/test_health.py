"""Health, readiness and metrics at their address, and to whom they answer."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yarl

from bot.health import watched
from bot.metrics import Metrics
from bot.pages import Pages
from bot.vitals import AT_LEAST, FAILURES, TIMES, Vitals
from storage.database import READERS, Database
from tests.fakes.chat import FakeChat
from tests.fakes.clock import NOW, Clock
from tests.pages.stand import URL
from tests.pages.test_run import free_port
from tests.servers import prometheus
from tests.servers.prometheus import prometheus as scraping
from tests.servers.telegram import TelegramServer
from tests.test_run import running

SENT = re.compile(r'milepost_deliveries_settled_total\{platform="telegram",state="sent"\} [1-9]')
PATHS = ("/health/live", "/health/ready", "/metrics")


class Wire(FakeChat):
    """A chat whose connection is as a test says."""

    link: bool | None = True

    @property
    def connected(self) -> bool | None:
        return self.link


@dataclass
class Stand:
    """A process as its operators see it; its seconds pass when a test says so."""

    pages: Pages
    reader: aiohttp.ClientSession
    vitals: Vitals
    chat: Wire
    passed: float = 0.0

    def address(self, path: str) -> str:
        return f"http://127.0.0.1:{self.pages.port}{path}"

    async def get(self, path: str, **more: Any) -> tuple[int, str]:
        async with self.reader.get(self.address(path), **more) as answer:
            return answer.status, await answer.text()

    async def asks(self, path: str) -> tuple[int, str, dict[str, str]]:
        status, text = await self.get(path)
        told = json.loads(text)
        return status, told["status"], told["parts"]


@asynccontextmanager
async def standing(database: Database, *, public_url: str = URL) -> AsyncIterator[Stand]:
    vitals, chat = Vitals(), Wire("fake")
    metrics = Metrics(clock=Clock(NOW), vitals=vitals)
    async with (
        watched(metrics, database=database, sources={}, chats=[chat], public_url=public_url) as more,
        aiohttp.ClientSession() as reader,
    ):
        pages = Pages(database, clock=Clock(NOW), host="127.0.0.1", port=0, public_url=public_url, more=more)
        await pages.start()
        try:
            stand = Stand(pages, reader, vitals, chat)
            vitals.clock = lambda: stand.passed
            for name, every in (("poll", 1.0), ("recaps", 60.0)):
                metrics.stage(name, every=every)
            yield stand
        finally:
            await pages.stop()


@pytest.fixture
async def opened(tmp_path: Path) -> AsyncIterator[Database]:
    """A database where the engine makes no difference."""
    one = Database(f"sqlite:///{tmp_path}/milepost.db", throwaway=True)
    await one.open()
    yield one
    await one.close()


async def test_what_ticks_is_alive_and_ready(database: Database) -> None:
    async with standing(database) as stand:
        parts = {"poll": "ticks", "recaps": "ticks"}
        assert await stand.asks("/health/live") == (200, "alive", parts)
        assert await stand.asks("/health/ready") == (
            200,
            "ready",
            {"database": "ok", **parts, "fake": "connected"},
        )


async def test_a_stage_stands_still_when_nothing_is_heard_of_it_for_many_times_its_rhythm(
    database: Database,
) -> None:
    async with standing(database) as stand:
        stand.passed = AT_LEAST
        assert (await stand.asks("/health/live"))[0] == 200
        stand.passed += 1
        status, word, parts = await stand.asks("/health/live")
        assert (status, word) == (503, "stands still")
        assert parts == {"poll": "stands still: nothing for 181 s, expected every 1 s", "recaps": "ticks"}
        assert (await stand.asks("/health/ready"))[0] == 503
        stand.vitals.comes_forward("poll")
        assert (await stand.asks("/health/live"))[0] == 200
        stand.vitals.ticked("poll", ok=True)
        stand.passed = TIMES * 60
        stand.vitals.ticked("poll", ok=True)
        assert (await stand.asks("/health/live"))[0] == 200


async def test_ticks_that_fail_again_and_again_are_not_ready_but_alive(database: Database) -> None:
    async with standing(database) as stand:
        for _ in range(FAILURES):
            assert (await stand.asks("/health/ready"))[0] == 200
            stand.vitals.ticked("poll", ok=False)
        status, _, parts = await stand.asks("/health/ready")
        assert (status, parts["poll"]) == (503, f"fails: {FAILURES} ticks one after another")
        assert (await stand.asks("/health/live"))[0] == 200
        stand.vitals.ticked("poll", ok=True)
        assert (await stand.asks("/health/ready"))[0] == 200


async def test_a_chat_that_is_not_connected_is_not_ready_unless_it_stands_by(database: Database) -> None:
    async with standing(database) as stand:
        for link, status, word in (
            (False, 503, "not connected"),
            (None, 200, "standby"),
            (True, 200, "connected"),
        ):
            stand.chat.link = link
            found = await stand.asks("/health/ready")
            assert (found[0], found[2]["fake"]) == (status, word)
            assert (await stand.asks("/health/live"))[0] == 200


async def test_a_database_that_hangs_is_told_soon_and_asked_once(database: Database) -> None:
    async with standing(database) as stand:
        async with AsyncExitStack() as busy:
            for _ in range(READERS):  # nobody else gets a connection
                await busy.enter_async_context(database.read())
            async with asyncio.timeout(25):  # it would hang for 30 s
                status, _, parts = await stand.asks("/health/ready")
                assert (status, parts["database"]) == (503, "no answer within 2 s")
                assert (await stand.asks("/health/live"))[0] == 200
                found, text = await stand.get("/metrics")
            assert found == 200
            assert "milepost_database_up 0.0" in text
            assert "milepost_backlog" not in text
        assert (await stand.asks("/health/ready"))[0] == 200


async def direct(stand: Stand, path: str) -> int:
    return (await stand.get(path))[0]


def with_headers(**headers: str) -> Callable[[Stand, str], Awaitable[int]]:
    async def asked(stand: Stand, path: str) -> int:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return (await stand.get(path, headers=named))[0]

    return asked


async def as_nginx_does(stand: Stand, path: str) -> int:
    """Pass a question on as nginx does where nothing but ``proxy_pass`` is written: in HTTP 1.0, as its own."""
    reader, writer = await asyncio.open_connection("127.0.0.1", stand.pages.port)
    writer.write(
        f"GET {path} HTTP/1.0\r\nHost: 127.0.0.1:{stand.pages.port}\r\nConnection: close\r\n\r\n".encode()
    )
    line = await reader.readline()
    writer.close()
    await writer.wait_closed()
    return int(line.split()[1])


@pytest.mark.parametrize(
    ("ask", "status"),
    [
        (direct, 200),
        (with_headers(Host="milepost:8080"), 200),
        (with_headers(Host=yarl.URL(URL).authority), 404),
        (with_headers(Host=f"{yarl.URL(URL).authority.upper()}.:443"), 404),
        (with_headers(X_Forwarded_For="192.0.2.7"), 404),
        (with_headers(Forwarded="for=192.0.2.7"), 404),
        (with_headers(Via="1.1 proxy"), 404),
        (as_nginx_does, 404),
    ],
)
async def test_only_who_comes_directly_is_answered(
    opened: Database, ask: Callable[[Stand, str], Awaitable[int]], status: int
) -> None:
    async with standing(opened) as stand:
        assert {path: await ask(stand, path) for path in PATHS} == dict.fromkeys(PATHS, status)
        for method in ("POST", "DELETE"):
            async with stand.reader.request(method, stand.address("/metrics")) as answer:
                assert answer.status == 405


def recording(folder: Path) -> Path:
    """Write down a session that is live from its first second on."""
    lines = ['{"replay": 1, "platform": "x", "watch": "Zebra Radio", "interval": 1, "timezone": "UTC"}']
    lines += [
        f'{{"at": "2024-05-01T10:00:{second:02}Z", "session": "s", "state": "live", "title": "Zebra",'
        ' "concurrent": 5}'
        for second in range(60)
    ]
    path = folder / "zebra.jsonl"
    path.write_text("\n".join(lines))
    return path


async def test_the_program_is_ready_once_telegram_is_there_and_tells_nobody_who_is_watched(tmp_path: Path) -> None:
    address = f"127.0.0.1:{free_port()}"
    async with TelegramServer() as server:
        ann = server.world.user("Ann")
        chat = server.world.private(ann)
        await server.down()
        async with (
            running(
                tmp_path,
                OPERATORS=f"telegram:{ann.id}",
                POLL_INTERVAL_SECONDS="1",
                HTTP_ADDRESS=address,
                TELEGRAM_TOKEN=server.token,
                TELEGRAM_API_URL=server.url,
                DISCORD_TOKEN="",
            ),
            aiohttp.ClientSession() as reader,
        ):

            async def asks(path: str) -> tuple[int, str]:
                async with reader.get(f"http://{address}{path}") as answer:
                    return answer.status, await answer.text()

            status, text = await asks("/health/ready")
            assert (status, json.loads(text)["parts"]["telegram"]) == (503, "not connected")
            assert (await asks("/health/live"))[0] == 200
            await server.up()
            async with asyncio.timeout(60):
                while True:
                    if (await asks("/health/ready"))[0] == 200:
                        break
                    await asyncio.sleep(0.2)
            await server.say(chat, ann, f"/watch replay:{recording(tmp_path)}")
            async with asyncio.timeout(60):
                while True:
                    _, text = await asks("/metrics")
                    if SENT.search(text):
                        break
                    await asyncio.sleep(0.2)
            assert 'milepost_delivery_lag_seconds_count{platform="telegram"} 0.0' not in text
            assert 'milepost_source_calls_total{outcome="ok",source="replay"}' in text
            said = [await asks(path) for path in PATHS]
            assert [status for status, _ in said] == [200, 200, 200]
            assert json.loads(said[1][1])["parts"]["database"] == "ok"
            together = "".join(text for _, text in said)
            for secret in (server.token, str(tmp_path), "Zebra"):
                assert secret not in together


async def test_nothing_of_it_is_loaded_where_no_address_is_set(tmp_path: Path) -> None:
    told = tmp_path / "loaded"
    program = f"""
import atexit, pathlib, sys
from bot.__main__ import main

def tell():
    found = [one for one in ("prometheus_client", "bot.metrics", "bot.health", "bot.pages") if one in sys.modules]
    pathlib.Path({str(told)!r}).write_text(" ".join(found))

atexit.register(tell)
main()
"""
    async with running(
        tmp_path, program=("-c", program), HTTP_ADDRESS="", PUBLIC_URL="", TELEGRAM_TOKEN="", DISCORD_TOKEN=""
    ):
        pass
    assert told.read_text() == ""


@pytest.mark.skipif(prometheus.missing() is not None, reason=prometheus.INSTALL)
async def test_a_real_prometheus_scrapes_it(opened: Database, tmp_path: Path) -> None:
    async with standing(opened) as stand, scraping(tmp_path, target=f"127.0.0.1:{stand.pages.port}") as server:
        asked = f"{server.url}/api/v1/query"
        async with asyncio.timeout(60):
            while True:
                try:
                    async with stand.reader.get(asked, params={"query": "milepost_database_up"}) as answer:
                        found = (await answer.json())["data"]["result"]
                except (aiohttp.ClientError, KeyError):
                    found = []
                if found:
                    break
                await asyncio.sleep(0.1)
    assert found[0]["value"][1] == "1"
