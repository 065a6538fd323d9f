"""The pages: what is live, sessions and records, for anybody with a browser.

Only what a chat has made public stands there (``bot.services.public``). A page is HTML that needs nothing but
itself; where scripts run, ``live.js`` keeps it up to date::

    server    listens: bounded, careful headers, a list of routes (anything else that is served is one more)
    site      the addresses of the pages; languages, packing, what has not changed
    kept      each page is written once in some seconds, however many read it
    views     what stands on a page, as values and sentences for its template (``templates/``)
    drawing   the chart, as SVG that stands in the page
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bot.pages.server import IDLE_SECONDS, Route, ServeError, Server
from bot.pages.site import Site
from bot.pages.views import Writer
from storage.database import Database


class Pages:
    """The pages at their address.

    Args:
        host, port: Where they are served; port 0 is a free one.
        public_url: Where readers find them, if that is known.
        more: Other routes at the same address.
        idle_seconds: How long a connection is held on which nothing is asked.
    """

    def __init__(
        self,
        database: Database,
        *,
        clock: Callable[[], int],
        host: str,
        port: int,
        public_url: str = "",
        more: Sequence[Route] = (),
        idle_seconds: float = IDLE_SECONDS,
    ) -> None:
        self._site = Site(Writer(database, clock, public_url), clock)
        self._server = Server(
            host=host,
            port=port,
            routes=[*more, *self._site.routes()],
            trouble=self._site.trouble,
            idle_seconds=idle_seconds,
        )

    @property
    def port(self) -> int:
        """The port at which they are served."""
        return self._server.port

    async def start(self) -> None:
        """Serve.

        Raises:
            ServeError: The address cannot be listened at.
        """
        await self._server.start()

    async def stop(self) -> None:
        """Serve no more."""
        await self._server.stop()
        await self._site.close()


__all__ = ["Pages", "Route", "ServeError"]
