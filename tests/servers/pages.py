"""A web server on loopback that answers as a test tells it to, however badly."""

from __future__ import annotations

import asyncio
import random
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import web

Behaviour = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]

PAYLOADS = Path(__file__).parent.parent / "payloads"


@dataclass
class Pages:
    """A running server; ``answer`` is what every request gets.

    Attributes:
        requests: What was asked: path and query, decoded.
    """

    port: int = 0
    answer: Behaviour | None = None
    requests: list[web.BaseRequest] = field(default_factory=list)

    @property
    def authority(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"http://{self.authority}"

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        self.requests.append(request)
        assert self.answer is not None
        return await self.answer(request)


@asynccontextmanager
async def serving(answer: Behaviour | None = None, host: str = "127.0.0.1") -> AsyncIterator[Pages]:
    pages = Pages(answer=answer)
    runner = web.ServerRunner(
        web.Server(pages.handle, handler_cancellation=True, access_log=None),
        handle_signals=False,
        shutdown_timeout=0.1,
    )
    await runner.setup()
    site = web.TCPSite(runner, host, 0)
    await site.start()
    pages.port = runner.addresses[0][1]
    try:
        yield pages
    finally:
        await runner.cleanup()


def free_port() -> int:
    """Find a port that nobody has, below those that the system hands out to whoever asks for any."""
    while True:
        port = random.randrange(15_000, 30_000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def payload(name: str) -> bytes:
    return (PAYLOADS / name).read_bytes()


def says(body: str | bytes, *, status: int = 200, **headers: str) -> Behaviour:
    """Answer with a body; ``Retry_After`` in headers stands for Retry-After."""
    raw = body.encode() if isinstance(body, str) else body
    named = {"Content-Type": "application/json"} | {k.replace("_", "-"): v for k, v in headers.items()}

    async def answer(_: web.BaseRequest) -> web.StreamResponse:
        return web.Response(body=raw, status=status, headers=named)

    return answer


def moves_to(url: str, status: int = 302) -> Behaviour:
    return says(b"", status=status, Location=url)


async def moves_in_circles(request: web.BaseRequest) -> web.StreamResponse:
    return web.Response(status=302, headers={"Location": str(request.rel_url)})


async def hangs(_: web.BaseRequest) -> web.StreamResponse:
    await asyncio.Event().wait()
    raise AssertionError


async def trickles(request: web.BaseRequest) -> web.StreamResponse:
    """Send a byte at a time, for ever: no single read is slow."""
    response = web.StreamResponse()
    await response.prepare(request)
    while True:
        await response.write(b" ")
        await asyncio.sleep(0.01)


async def floods(request: web.BaseRequest) -> web.StreamResponse:
    """Send as much as is taken, for ever."""
    response = web.StreamResponse()
    await response.prepare(request)
    while True:
        await response.write(b" " * 16_384)


async def breaks_off(request: web.BaseRequest) -> web.StreamResponse:
    """Promise a thousand bytes and hang up after ten."""
    response = web.StreamResponse(headers={"Content-Length": "1000"})
    await response.prepare(request)
    await response.write(b'{"status":')
    assert request.transport is not None
    request.transport.close()
    return response


async def hangs_up(request: web.BaseRequest) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def until(condition: Callable[[], bool], *, seconds: float = 10) -> None:
    """Wait for what will come true, and fail if it has not in time."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not condition():
        assert asyncio.get_running_loop().time() < deadline, "it never came true"
        await asyncio.sleep(0.01)
