"""Looks up host names, so that names which nobody answers for hold up no others.

The event loop looks names up in a few threads that it shares with much else, and a look-up whose name server is
silent keeps its thread for half a minute: a handful of such names would stop all. Here every look-up has a thread
of its own, which ends with the program; and those of names that were slow or unknown the last time have few
places, so that a thousand of them leave the places of all others free.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable
from typing import Any

from aiohttp.abc import AbstractResolver, ResolveResult

#: Look-ups at a time: of names that were well or are new, and of those that were not.
PLACES, PLACES_OF_DOUBTFUL = 256, 32
#: From so many seconds on a look-up is slow.
SLOW_SECONDS = 2.0
#: Doubtful names that are remembered; beyond, the oldest are new again.
MOST_DOUBTFUL = 10_000

#: As ``socket.getaddrinfo``.
LookUp = Callable[..., list[tuple[Any, ...]]]


class Names(AbstractResolver):
    """The resolver of the one HTTP client.

    Args:
        look_up: Waits for the answer; runs in a thread.
    """

    def __init__(self, look_up: LookUp = socket.getaddrinfo) -> None:
        self._look_up = look_up
        self._places = asyncio.Semaphore(PLACES)
        self._places_of_doubtful = asyncio.Semaphore(PLACES_OF_DOUBTFUL)
        self._doubtful: dict[str, None] = {}

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return the addresses of a name.

        Raises:
            OSError: It has none.
        """
        places = self._places_of_doubtful if host in self._doubtful else self._places
        await places.acquire()
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[list[tuple[Any, ...]]] = loop.create_future()
        began = loop.time()

        def done(found: list[tuple[Any, ...]] | None, error: Exception | None) -> None:
            places.release()  # only now: who gave up waiting has not ended the thread
            self._judge(host, well=error is None and loop.time() - began < SLOW_SECONDS)
            if answer.done():
                return
            if found is not None:
                answer.set_result(found)
            else:
                answer.set_exception(error or OSError("no answer"))

        def look_up() -> None:
            found: list[tuple[Any, ...]] | None = None
            wrong: Exception | None = None
            try:
                found = self._look_up(host, port, family, socket.SOCK_STREAM, 0, socket.AI_ADDRCONFIG)
            except Exception as error:  # noqa: BLE001 - it is raised where it is waited for
                wrong = error
            if not loop.is_closed():
                try:
                    loop.call_soon_threadsafe(done, found, wrong)
                except RuntimeError:  # closed just now: nobody waits any more
                    return

        threading.Thread(target=look_up, name=f"look up {host}", daemon=True).start()
        try:
            found = await answer
        except asyncio.CancelledError:
            self._judge(host, well=False)
            raise
        return [self._result(host, port, one) for one in found if one[0] in {socket.AF_INET, socket.AF_INET6}]

    async def close(self) -> None:
        """Hold nothing open: threads that still wait end with the program."""

    def _judge(self, host: str, *, well: bool) -> None:
        self._doubtful.pop(host, None)
        if not well:
            self._doubtful[host] = None
            if len(self._doubtful) > MOST_DOUBTFUL:
                del self._doubtful[next(iter(self._doubtful))]

    @staticmethod
    def _result(host: str, port: int, found: tuple[Any, ...]) -> ResolveResult:
        family, _, protocol, _, address = found
        ip = str(address[0])
        if family == socket.AF_INET6 and address[3] and "%" not in ip:
            ip = f"{ip}%{address[3]}"  # a link-local address means nothing without its link
        return ResolveResult(
            hostname=host,
            host=ip,
            port=address[1] or port,
            family=family,
            proto=protocol,
            flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
        )
