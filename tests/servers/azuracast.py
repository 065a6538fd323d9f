"""An AzuraCast on loopback: what it says is playing now, and its own 404 (source 4923bde)."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from bot.domain import SECOND
from tests.servers.pages import Behaviour, Pages, serving


@dataclass
class Station:
    number: int
    shortcode: str
    name: str
    total: int = 0
    unique: int = 0
    online: bool = True
    public: bool = True
    dj: str | None = None
    since: int | None = None

    def row(self) -> dict[str, Any]:
        listeners = {"total": self.total, "unique": self.unique, "current": self.total}
        return {
            "station": {"id": self.number, "name": self.name, "shortcode": self.shortcode, "mounts": []},
            "listeners": listeners,
            "live": {
                "is_live": self.dj is not None,
                "streamer_name": self.dj or "",
                "broadcast_start": None if self.since is None else self.since // SECOND,
                "art": None,
            },
            "now_playing": {"song": {"text": "Artist - Song"}},
            "song_history": [],
            "is_online": self.online,
            "cache": "station",
        }


@dataclass
class AzuraCast:
    pages: Pages
    stations: list[Station] = field(default_factory=list)
    calls: Counter[str] = field(default_factory=Counter)
    broken: dict[str, Behaviour] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return self.pages.url

    def station(self, shortcode: str = "friday", **values: Any) -> Station:
        one = Station(len(self.stations) + 1, shortcode, f"Radio {shortcode}", **values)
        self.stations.append(one)
        return one

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        self.calls[request.path] += 1
        if request.path in self.broken:
            return await self.broken[request.path](request)
        shown = [one for one in self.stations if one.public]
        head, _, name = request.path.rpartition("/")
        if request.path == "/api/nowplaying":
            return web.json_response([one.row() for one in shown])
        if head == "/api/nowplaying":
            for one in shown:
                if name.lower() in {one.shortcode.lower(), str(one.number)}:
                    return web.json_response(one.row(), headers={"Cache-Control": "max-age=15"})
        error = {"code": 404, "type": "NotFoundException", "message": "Record not found!", "success": False}
        return web.json_response(error, status=404)


@asynccontextmanager
async def azuracast() -> AsyncIterator[AzuraCast]:
    async with serving() as pages:
        server = AzuraCast(pages)
        pages.answer = server.handle
        yield server
