"""A way to the database that can be cut: for clients, a server that went away and came back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import sqlalchemy as sa


class Proxy:
    """Passes bytes on between clients and one server, swallows them, or refuses everybody."""

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None
        self.port = 0
        self._silences = 0

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._pass_on, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    def silence(self) -> None:
        """Let nothing pass any more where there is a connection, and tell nobody; new ones are well."""
        self._silences += 1

    async def cut(self) -> None:
        """Break every connection, and take no more."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in self._writers:
            writer.transport.abort()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there, back = await asyncio.open_connection(self._host, self._port)
        except OSError:
            writer.transport.abort()
            return
        self._writers |= {writer, back}
        made = self._silences
        try:
            await asyncio.gather(
                *(
                    _pour(here, on, passes=lambda: self._silences == made)
                    for here, on in ((reader, back), (there, writer))
                )
            )
        finally:
            self._writers -= {writer, back}
            writer.transport.abort()
            back.transport.abort()


async def _pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, passes: Callable[[], bool]) -> None:
    with suppress(OSError):
        while data := await reader.read(65_536):
            if not passes():
                continue
            writer.write(data)
            await writer.drain()
    writer.transport.abort()


@asynccontextmanager
async def through(url: str) -> AsyncIterator[tuple[Proxy, str]]:
    """Yield a proxy to a PostgreSQL database, and the database's address through it."""
    there = sa.make_url(url)
    proxy = Proxy(there.host or "127.0.0.1", there.port or 5432)
    await proxy.open()
    try:
        address = there.set(host="127.0.0.1", port=proxy.port)
        yield proxy, address.render_as_string(hide_password=False)
    finally:
        await proxy.cut()
