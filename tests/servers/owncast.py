"""An Owncast on loopback: its status and configuration, as its source (45c0856) writes them."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from bot.domain import SECOND
from tests.servers.pages import Behaviour, Pages, serving


@dataclass
class Owncast:
    """A server; ``viewers`` is what it counts, whether it shows it or not."""

    pages: Pages
    viewers: int = 0
    hides: bool = False
    connected_at: int | None = None
    title: str = "hello"
    name: str = "Friday Live"
    calls: Counter[str] = field(default_factory=Counter)
    broken: dict[str, Behaviour] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return self.pages.url

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        self.calls[request.path] += 1
        if request.path in self.broken:
            return await self.broken[request.path](request)
        match request.path:
            case "/api/status":
                return web.json_response(self._status())
            case "/api/config":
                return web.json_response({"name": self.name, "hideViewerCount": self.hides, "version": "0.2.4"})
            case _:
                return web.Response(status=404, text="404 page not found")

    def _status(self) -> dict[str, Any]:
        online = self.connected_at is not None
        status: dict[str, Any] = {
            "serverTime": "2026-11-22T18:31:00.123456789Z",
            "lastConnectTime": None,
            "lastDisconnectTime": None,
            "versionNumber": "0.2.4",
            "streamTitle": self.title,
            "online": online,
        }
        if self.connected_at is not None:
            moment = datetime.fromtimestamp(self.connected_at / SECOND, tz=UTC)
            status["lastConnectTime"] = moment.strftime("%Y-%m-%dT%H:%M:%S.123456789Z")
        if online and self.viewers and not self.hides:  # omitempty: a 0 is left out as a hidden count is
            status["viewerCount"] = self.viewers
        return status


@asynccontextmanager
async def owncast() -> AsyncIterator[Owncast]:
    async with serving() as pages:
        server = Owncast(pages)
        pages.answer = server.handle
        yield server
