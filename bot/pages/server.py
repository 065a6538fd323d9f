"""Serves a list of routes at one address: bounded, with the headers of a careful site, and silent about itself."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import structlog
from aiohttp import web

log = structlog.get_logger(__name__)

#: A connection on which nothing is asked for so long is closed; so is one that asks slower, or does not read.
IDLE_SECONDS = 20
#: Of what is asked, in bytes.
LONGEST_LINE, LONGEST_HEADER, MOST_HEADERS = 2_048, 4_096, 64
#: Connections at once. Whoever asked longest ago gives way to who comes.
MOST_CONNECTIONS = 5_000
BACKLOG = 1_024
METHODS = ("GET", "HEAD")

#: On every answer. What is not named here, no page may load or do.
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=(), browsing-topics=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}
#: On answers that are no pages.
NOTHING = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


class ServeError(Exception):
    """The address cannot be listened at; the message says why and what to do."""


class Answer(web.Response):
    """An answer that does not say which program gives it."""

    async def _prepare_headers(self) -> None:
        await super()._prepare_headers()
        self.headers.popall("Server", None)


@dataclass(frozen=True, slots=True)
class Route:
    """What answers at addresses of a form.

    Attributes:
        path: The whole path, as a pattern.
        answer: Gets the request and what of the path matched.
    """

    path: re.Pattern[str]
    answer: Callable[[web.BaseRequest, re.Match[str]], Awaitable[web.StreamResponse]]


#: Answers what no route answers: with 404, 405, 500 or 503.
Trouble = Callable[[web.BaseRequest, int], Awaitable[web.StreamResponse]]


class _Connection(web.RequestHandler):
    """A connection; what is no HTTP is refused in one line."""

    __slots__ = ()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        if request.writer.output_size > 0:
            raise ConnectionError("The answer has begun already.")
        answer = plain("Bad request\n" if 400 <= status < 500 else "Something went wrong\n", status=status)
        answer.force_close()
        return answer


class _Door(web.Server):
    """Makes connections, and no more of them than there may be."""

    def __init__(
        self, handler: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]], *, idle_seconds: float
    ) -> None:
        super().__init__(handler)
        self._idle_seconds = idle_seconds
        self._seen: dict[web.RequestHandler, None] = {}

    def __call__(self) -> web.RequestHandler:
        if len(self._seen) >= MOST_CONNECTIONS:
            self._close_oldest()
        made = _Connection(
            self,
            loop=asyncio.get_running_loop(),
            access_log=None,  # type: ignore[arg-type]  # the library's own way to have none
            keepalive_timeout=self._idle_seconds,
            lingering_time=1.0,
            max_line_size=LONGEST_LINE,
            max_field_size=LONGEST_HEADER,
            max_headers=MOST_HEADERS,
        )
        self._seen[made] = None
        return made

    def note(self, connection: web.RequestHandler) -> None:
        """Note that a connection asked for something just now."""
        self._seen.pop(connection, None)
        self._seen[connection] = None

    def connection_lost(self, handler: web.RequestHandler, exc: BaseException | None = None) -> None:
        self._seen.pop(handler, None)
        super().connection_lost(handler, exc)

    def _close_oldest(self) -> None:
        oldest = next(iter(self._seen), None)
        if oldest is not None:
            del self._seen[oldest]
            oldest.force_close()


class Server:
    """Listens at an address.

    Args:
        host, port: Where; port 0 is a free one.
        routes: The first whose pattern fits answers.
        trouble: Answers what they do not.
        idle_seconds: A connection on which nothing is asked for so long is closed.
    """

    def __init__(
        self,
        *,
        host: str,
        port: int,
        routes: Sequence[Route],
        trouble: Trouble,
        idle_seconds: float = IDLE_SECONDS,
    ) -> None:
        self._idle_seconds = idle_seconds
        self._host, self._asked = host, port
        self._routes = tuple(routes)
        self._trouble = trouble
        self._runner: web.ServerRunner | None = None
        self._door: _Door | None = None
        self.port = port

    async def start(self) -> None:
        """Open the door.

        Raises:
            ServeError: It cannot be opened.
        """
        listening = self._listen()
        self.port = listening.getsockname()[1]
        self._door = _Door(self._answer, idle_seconds=self._idle_seconds)
        self._runner = web.ServerRunner(self._door)
        await self._runner.setup()
        await web.SockSite(self._runner, listening, backlog=BACKLOG).start()

    async def stop(self) -> None:
        """Close the door; who is being answered gets the answer."""
        if self._runner is not None:
            await self._runner.cleanup()

    def _listen(self) -> socket.socket:
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        try:
            listening = socket.create_server((self._host, self._asked), family=family, backlog=BACKLOG)
        except OSError as error:
            why = error.strerror or str(error)
            raise ServeError(
                f"HTTP_ADDRESS: nothing can be served at {self._host}, port {self._asked} ({why}). Choose an "
                "address of this machine and a port that no other program has, such as 127.0.0.1:8081."
            ) from error
        if hasattr(socket, "TCP_USER_TIMEOUT"):  # who does not read for so long is let go; connections inherit it
            listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, round(self._idle_seconds * 1000))
        return listening

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        assert self._door is not None
        self._door.note(request.protocol)
        try:
            return await self._routed(request)
        except TimeoutError:
            log.warning("a page took too long", path=request.path[:200])
            return await self._in_trouble(request, 503)
        except Exception:
            log.exception("a page failed", path=request.path[:200])
            return await self._in_trouble(request, 500)

    async def _routed(self, request: web.BaseRequest) -> web.StreamResponse:
        path = request.path
        for route in self._routes:
            found = route.path.fullmatch(path)
            if found is not None and request.method in METHODS:
                return await route.answer(request, found)
            if found is not None:
                return await self._trouble(request, 405)
        return await self._trouble(request, 404 if request.method in METHODS else 405)

    async def _in_trouble(self, request: web.BaseRequest, status: int) -> web.StreamResponse:
        try:
            return await self._trouble(request, status)
        except Exception:
            log.exception("a page of an error failed")
            return plain("Something went wrong\n", status=status)


def plain(text: str, *, status: int) -> Answer:
    """Return an answer of one line."""
    return Answer(
        text=text,
        status=status,
        headers={**HEADERS, "Content-Security-Policy": NOTHING, "Cache-Control": "no-store"},
    )
