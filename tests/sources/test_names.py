"""Names that nobody answers for hold up no others."""

from __future__ import annotations

import asyncio
import socket
import threading
from typing import Any

import pytest

from bot.sources import names
from bot.sources.names import Names

#: Seconds in which whatever need not wait is done, even on a busy machine.
PATIENCE = 20


class Servers:
    """Name servers: of names with a number they know nothing at first; later they are silent, until let go."""

    def __init__(self) -> None:
        self.silent = False
        self.let_go = threading.Event()
        self.waiting = threading.Semaphore(0)

    def look_up(self, host: str, port: int, *_: Any) -> list[tuple[Any, ...]]:
        if host[-1].isdigit():
            if not self.silent:
                raise socket.gaierror(socket.EAI_NONAME, "not known")
            self.waiting.release()
            self.let_go.wait()
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.1", port))]


async def test_a_name_has_its_addresses() -> None:
    found = await Names().resolve("localhost", 80)
    assert {one["host"] for one in found} == {"127.0.0.1"}
    assert {one["port"] for one in found} == {80}
    by_six = await Names(lambda *_: [(socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("fe80::1", 80, 0, 3))]).resolve(
        "six.example", 80, socket.AF_INET6
    )
    assert by_six[0]["host"] == "fe80::1%3"


async def test_an_unknown_name_is_an_error_of_its_own() -> None:
    resolver = Names(Servers().look_up)
    with pytest.raises(OSError, match="not known"):
        await resolver.resolve("one.example1", 80)
    assert (await resolver.resolve("good.example", 80))[0]["host"] == "192.0.2.1"


async def test_names_that_hang_leave_the_places_of_all_others_free() -> None:
    servers = Servers()
    resolver = Names(servers.look_up)
    silent = [f"silent.example{n}" for n in range(names.PLACES + names.PLACES_OF_DOUBTFUL)]
    await asyncio.gather(*(resolver.resolve(name, 80) for name in silent), return_exceptions=True)
    servers.silent = True
    try:
        async with asyncio.timeout(PATIENCE):
            asked = [asyncio.create_task(resolver.resolve(name, 80)) for name in silent]
            for _ in range(names.PLACES_OF_DOUBTFUL):
                await asyncio.to_thread(servers.waiting.acquire, timeout=PATIENCE)
            good = (resolver.resolve(f"good{n}.example", 80) for n in range(names.PLACES + 1))
            assert len(await asyncio.gather(*good)) == names.PLACES + 1
            assert not servers.waiting.acquire(blocking=False)  # no more of them were begun
            servers.let_go.set()
            assert len(await asyncio.gather(*asked)) == len(silent)  # they are well again
    finally:
        servers.let_go.set()
