"""A site with something on it: real readings through the real ingest, served on loopback."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp

from bot.domain import MINUTE
from bot.domain.reading import Answer, Reading
from bot.pages import Pages
from bot.pipeline.ingest import Ingest
from storage import chats, published, sessions, watches
from storage.database import Database
from storage.watches import Watch
from tests.fakes.clock import NOW, Clock
from tests.fakes.rows import a_chat
from tests.fakes.source import told

URL = "https://live.example.org"


@dataclass
class Site:
    """What is kept, and the pages of it."""

    database: Database
    clock: Clock
    pages: Pages
    ingest: Ingest
    reader: aiohttp.ClientSession

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.pages.port}"

    async def watch(
        self,
        reference: str,
        *,
        chat: str = "ann",
        name: str | None = None,
        public: bool = True,
        shown: bool = True,
        **values: Any,
    ) -> Watch:
        """Let a chat follow something, and make it public unless it shall not be ``shown``."""
        async with self.database.write() as connection:
            its = await a_chat(connection, chat)
            made = await watches.by_reference(connection, "fake", reference)
            if made is None:
                made = await watches.add(
                    connection,
                    due_at=NOW,
                    values={
                        "source": "fake",
                        "reference": reference,
                        "platform": "x",
                        "public": public,
                        "name": reference,
                        "unit": "listeners",
                        "metric": "concurrent",
                        "daily": False,
                        "interval": MINUTE,
                        "timezone": "Europe/Berlin",
                        "created_at": NOW,
                        **values,
                    },
                )
            await watches.follow(
                connection, chat_id=its.id, watch_id=made.id, name=name or reference, now=self.clock.now
            )
            if shown:
                await published.publish(connection, chat_id=its.id, watch_ids=[made.id], at=self.clock.now)
        return made

    async def show(self, watch: Watch, *, chat: str = "ann", public: bool = True) -> None:
        """Let a chat make a watch public, or private again."""
        async with self.database.write() as connection:
            its = await chats.find(connection, platform="fake", key=chat)
            assert its is not None
            at = self.clock.now if public else None
            await published.publish(connection, chat_id=its.id, watch_ids=[watch.id], at=at)

    async def reads(self, watch: Watch, at: int, figure: float | None, **more: Any) -> None:
        """Let one session of a watch be read."""
        self.clock.now = max(self.clock.now, at)
        reading = Reading(**{"session": "a", "concurrent": figure, **more})
        await self.ingest.take([(watch, told(Answer(at=at, readings=(reading,))))], at)

    async def goes(
        self,
        watch: Watch,
        figures: Sequence[float | None],
        *,
        start: int,
        ends: bool = True,
        without: range = range(0),
        **more: Any,
    ) -> int:
        """Let a session have these figures a minute apart, and end; returns its id.

        Args:
            without: Minutes in which nothing is read.
        """
        key = more.pop("session", f"s{start}")
        for minute, figure in enumerate(figures):
            if minute not in without:
                await self.reads(watch, start + minute * MINUTE, figure, session=key, **more)
        last = start + len(figures) * MINUTE
        if ends:
            for at in (last, last + 6 * MINUTE):
                self.clock.now = max(self.clock.now, at)
                await self.ingest.take([(watch, told(Answer(at=at)))], at)
        async with self.database.read() as connection:
            (found,) = await sessions.by_keys(connection, [(watch.id, key)])
        return found.id

    async def get(self, path: str, *, status: int = 200, fresh: bool = True, **more: Any) -> str:
        """Read a page as a browser would; ``fresh``: after a while, so that nothing kept is served."""
        answer, text = await self.answer(path, fresh=fresh, **more)
        assert answer.status == status, (answer.status, text[:300])
        return text

    async def answer(
        self, path: str, *, fresh: bool = True, method: str = "GET", **more: Any
    ) -> tuple[aiohttp.ClientResponse, str]:
        if fresh:
            self.clock.now += 6_000
        async with self.reader.request(method, self.url + path, **more) as answer:
            return answer, await answer.text()


def hill(count: int, top: float, *, foot: float = 40) -> list[float]:
    """Figures that rise to the middle and fall again."""
    middle = count // 2
    return [round(foot + (top - foot) * (1 - abs(n - middle) / middle) ** 1.6) for n in range(count)]


@asynccontextmanager
async def site(database: Database, *, public_url: str = URL, now: int = NOW) -> AsyncIterator[Site]:
    """Serve the pages of a store at a free port."""
    clock = Clock(now)
    pages = Pages(database, clock=clock, host="127.0.0.1", port=0, public_url=public_url)
    await pages.start()
    try:
        async with aiohttp.ClientSession() as reader:
            yield Site(database, clock, pages, Ingest(database), reader)
    finally:
        await pages.stop()
