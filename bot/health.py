"""What an operator's machines ask: is it alive, is it ready, how does it do.

The same address may serve pages to the public through a proxy, so these are answered only to who comes directly:
see ``is_private``. Answers hold words of the program and numbers, and no titles, names, addresses or secrets.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from aiohttp import HttpVersion11, web

from bot.inquiry import Inquiry
from bot.metrics import CONTENT_TYPE, Metrics
from bot.pages.server import HEADERS, NOTHING, Answer, Route, plain
from bot.ports.chat import Chat
from bot.ports.meter import Meter
from bot.ports.source import Source
from bot.vitals import Vitals
from storage import backlog
from storage.database import Database

#: The database gets so many seconds to answer.
LONGEST_SECONDS = 2.0
#: What proxies add to what they pass on.
PASSED_ON = (
    "Forwarded",
    "X-Forwarded-For",
    "X-Forwarded-Host",
    "X-Forwarded-Proto",
    "X-Real-IP",
    "Via",
    "CF-Connecting-IP",
)

#: What is said of a chat's connection; where another process holds it, this one has not begun to listen.
LINKS = {True: "connected", False: "not connected", None: "standby"}

CONSOLE = "console"

Parts = dict[str, str]


def is_private(request: web.BaseRequest, *, public_host: str | None) -> bool:
    """Tell whether a question comes from an operator's own machines, and not from a reader through a proxy.

    A proxy shows itself by the headers that it adds, by the readers' host name that it passes on, or by speaking
    HTTP 1.0, as nginx does unless it is told otherwise.
    """
    if request.version < HttpVersion11 or any(name in request.headers for name in PASSED_ON):
        return False
    return public_host is None or _host(request.headers.get("Host", "")) != public_host


def _host(authority: str) -> str:
    """Return the name in ``name:port``, as names are compared."""
    try:
        name = urlsplit(f"//{authority}").hostname or ""
    except ValueError:
        name = ""
    return name.rstrip(".").lower()


class Health:
    """Answers for one process.

    Args:
        chats: Those that this process may connect to.
        public_url: Where readers find the pages; what is asked there is not answered.
    """

    def __init__(
        self, *, metrics: Metrics, database: Database, chats: Sequence[Chat], public_url: str = ""
    ) -> None:
        self._metrics = metrics
        self._vitals: Vitals = metrics.vitals
        self._database = database
        self._chats = chats
        self._public_host = _host(urlsplit(public_url).netloc) if public_url else None
        self._inquiry = Inquiry(self._ask, seconds=LONGEST_SECONDS)

    def routes(self) -> list[Route]:
        """Return the addresses."""
        return [
            Route(re.compile("/health/live"), self._private(self._live)),
            Route(re.compile("/health/ready"), self._private(self._ready)),
            Route(re.compile("/metrics"), self._private(self._text)),
        ]

    async def close(self) -> None:
        """Ask nothing more."""
        await self._inquiry.close()

    def _private(
        self, answer: Callable[[], Awaitable[Answer]]
    ) -> Callable[[web.BaseRequest, re.Match[str]], Awaitable[web.StreamResponse]]:
        async def answered(request: web.BaseRequest, _: re.Match[str]) -> web.StreamResponse:
            if not is_private(request, public_host=self._public_host):
                return plain("Not found\n", status=404)
            return await answer()

        return answered

    async def _live(self) -> Answer:
        parts, well = self._stages()
        return _told("alive" if well else "stands still", parts, well=well)

    async def _ready(self) -> Answer:
        parts, well = self._stages(fails=True)
        database = await self._asked()
        parts = {"database": database, **parts}
        for chat in self._chats:
            if chat.platform == CONSOLE:  # its connection is a terminal, which may rightly be nobody's
                continue
            parts[chat.platform] = LINKS[chat.connected]
            well = well and chat.connected is not False
        well = well and database == "ok"
        return _told("ready" if well else "not ready", parts, well=well)

    async def _text(self) -> Answer:
        return Answer(body=await self._metrics.text(), headers={**_HEADERS, "Content-Type": CONTENT_TYPE})

    def _stages(self, *, fails: bool = False) -> tuple[Parts, bool]:
        """Return how each stage does, and whether all do well.

        Args:
            fails: Whether ticks that fail again and again are no good: no restart mends them.
        """
        parts, well = {}, True
        for name, beat in self._vitals.beats.items():
            still = self._vitals.still(name)
            if still is not None:
                parts[name] = f"stands still: nothing for {still:.0f} s, expected every {beat.every:g} s"
            elif fails and self._vitals.fails(name):
                parts[name] = f"fails: {beat.failures} ticks one after another"
            else:
                parts[name] = "ticks"
            well = well and parts[name] == "ticks"
        return parts, well

    async def _asked(self) -> str:
        """Return how the database does, in bounded time."""
        try:
            await self._inquiry.answer()
        except TimeoutError:
            return f"no answer within {LONGEST_SECONDS:g} s"
        except Exception as error:  # noqa: BLE001 - whatever it is, the database does not answer
            return f"fails: {type(error).__name__}"
        return "ok"

    async def _ask(self) -> None:
        async with self._database.read() as connection:
            await backlog.answers(connection)


@asynccontextmanager
async def watched(
    meter: Meter, *, database: Database, sources: Mapping[str, Source], chats: Sequence[Chat], public_url: str
) -> AsyncIterator[list[Route]]:
    """Give the addresses of health and metrics while the block runs; none if nothing is kept for them."""
    if not isinstance(meter, Metrics):
        yield []
        return
    meter.watch(database=database, sources=sources, platforms=tuple(chat.platform for chat in chats))
    health = Health(metrics=meter, database=database, chats=chats, public_url=public_url)
    try:
        yield health.routes()
    finally:
        await health.close()
        await meter.close()


_HEADERS = {**HEADERS, "Content-Security-Policy": NOTHING, "Cache-Control": "no-store"}


def _told(status: str, parts: Parts, *, well: bool) -> Answer:
    text = json.dumps({"status": status, "parts": parts}, indent=1)
    return Answer(
        text=f"{text}\n",
        status=200 if well else 503,
        headers={**_HEADERS, "Content-Type": "application/json; charset=utf-8"},
    )
