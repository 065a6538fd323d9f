"""A radio station that exists only here: its status page, in Icecast's own words, moves with the clock."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from bot.domain import MINUTE, SECOND
from bot.ports.source import Unavailable
from bot.sources.web import Page, Web
from tests.talk import Clock

HOST = "radio.example.org"


@dataclass(frozen=True)
class Broadcast:
    """One time on the air: listeners at some minutes of it, with straight lines between."""

    mount: str
    start: int
    curve: Sequence[tuple[float, float]]
    title: str
    name: str = "Night Radio"

    def listeners(self, now: int) -> int | None:
        """Return how many listen, or None when it is not on the air."""
        minute = (now - self.start) / MINUTE
        if not self.curve[0][0] <= minute < self.curve[-1][0]:
            return None
        after = bisect_right(self.curve, minute, key=lambda point: point[0])
        (left, low), (right, high) = self.curve[after - 1], self.curve[after]
        return round(low + (high - low) * (minute - left) / (right - left))

    def source(self, now: int) -> dict[str, Any] | None:
        """Return what Icecast shows of it."""
        listeners = self.listeners(now)
        if listeners is None:
            return None
        return {
            "listeners": listeners,
            "listenurl": f"http://{HOST}:8000{self.mount}",
            "server_name": self.name,
            "server_type": "audio/mpeg",
            "stream_start_iso8601": datetime.fromtimestamp(self.start / SECOND, UTC).strftime("%FT%T%z"),
            "title": self.title,
        }


@dataclass
class Station(Web):
    """The only host that there is."""

    clock: Clock
    broadcasts: list[Broadcast] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    async def get(self, url: str, **more: Any) -> Page:
        host = url.partition("://")[2].partition("/")[0]
        if host != HOST:
            raise Unavailable(f"{host} cannot be found.")
        wanted = dict(more.get("params") or {}).get("mount")
        sources = [one.source(self.clock.now) for one in self.broadcasts if wanted in {None, one.mount}]
        stats = {"icestats": {"server_id": "Icecast 2.4.4", "source": [one for one in sources if one]}}
        return Page(host=host, status=200, headers={}, body=json.dumps(stats).encode())
