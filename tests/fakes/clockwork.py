"""What the clock tells, with all that it takes: readings go in, and posts come out in a chat that remembers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from typing import Any

import sqlalchemy as sa

from bot.domain.reading import Answer, Failure, Reading, State, Trouble
from bot.pipeline.cards import Cards
from bot.pipeline.deliver import Deliver
from bot.pipeline.ingest import Ingest
from bot.pipeline.outage import Outage
from bot.pipeline.quiet import Morning
from bot.pipeline.recaps import Recaps
from bot.pipeline.remind import Remind
from bot.ports.message import plain_text
from bot.writer import Writer
from storage import chats, watches
from storage.database import Database
from storage.watches import Watch
from tests.fakes.chat import FakeChat
from tests.fakes.clock import NOW, Clock
from tests.fakes.rows import a_chat, a_watch, listens, rows
from tests.fakes.source import told


class Clockwork:
    """The stages that tell by the clock, between an ingest and a deliverer."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.clock = Clock()
        self.chat = FakeChat(clock=self.clock)
        self.owed = asyncio.Event()
        self.writer = Writer(database, self.clock, installation="")
        self.deliver = Deliver(database, {"fake": self.chat}, self.writer.post, clock=self.clock)
        self.restart()

    def restart(self) -> None:
        """Forget all that is not in the database."""
        self.ingest = Ingest(self.database)
        self.remind = Remind(self.database, self.owed)
        self.outage = Outage(self.database, self.owed)
        self.recaps = Recaps(self.database, {"fake": self.chat}, self.writer.recap)
        self.morning = Morning(self.database, self.owed)
        self.cards = Cards(self.database, {"fake": self.chat}, self.writer.card, owed=self.owed)

    async def watch(self, *keys: str, kinds: Sequence[str], patience: int | None = None, **values: Any) -> None:
        """Let chats follow a watch, with these columns of their subscriptions."""
        async with self.database.write() as connection:
            watch = await watches.by_reference(connection, "fake", "one") or await a_watch(connection)
            for key in keys:
                chat = await a_chat(connection, key)
                await chats.change(connection, chat.id, patience=patience)
                await listens(connection, chat, watch, kinds=kinds)
                if values:
                    await chats.change_subscriptions(connection, chat_id=chat.id, watch_id=watch.id, **values)

    async def watched(self) -> Watch:
        async with self.database.read() as connection:
            found = await watches.by_reference(connection, "fake", "one")
        assert found is not None
        return found

    async def says(self, answer: Answer | Failure) -> None:
        """Let the source say something, at the moment that it tells."""
        self.clock.now = max(self.clock.now, answer.at)
        await self.ingest.take([(await self.watched(), told(answer))], self.clock.now)

    async def fails(self, at: int, why: str = "No answer.", trouble: Trouble = Trouble.UNAVAILABLE) -> None:
        await self.says(Failure(at=at, trouble=trouble, detail=why))

    async def tick(self, at: int) -> None:
        """Let all stages look at the clock, and send what is owed."""
        self.clock.now = at
        await self.remind.tick(at)
        await self.outage.tick(at)
        await self.cards.tick(at)
        await self.morning.tick(at)
        await self.deliver.tick(at)

    @property
    def sent_at(self) -> list[int]:
        """When each post arrived."""
        return self.chat.arrived_at

    def heard(self, key: str) -> list[str]:
        """What a chat was told: titles, an edit with an arrow before it."""
        return [
            ("→ " if post.replaces is not None else "") + plain_text(post.message.title)
            for post in self.chat.posts
            if post.target.chat == key
        ]

    async def count(self, table: str) -> int:
        async with self.database.read() as connection:
            return len(await rows(connection, table))

    async def plans(self, tick: Awaitable[object]) -> list[str]:
        """Return for each statement of a tick how SQLite goes about it; for another engine, the statement."""
        asked: list[tuple[str, Any]] = []

        def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
            if statement.startswith(("SELECT", "INSERT", "UPDATE")):
                asked.append((statement, parameters))

        engines = [self.database._read.sync_engine, self.database._write.sync_engine]
        for engine in engines:
            sa.event.listen(engine, "before_cursor_execute", note)
        await tick
        for engine in engines:
            sa.event.remove(engine, "before_cursor_execute", note)
        if not self.database.url.startswith("sqlite"):
            return [statement for statement, _ in asked]
        async with self.database.read() as connection:
            plans = [
                await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
                for statement, parameters in asked
            ]
        return ["\n".join(row.detail for row in plan) for plan in plans]


def announced(at: int, due: int | None, *, key: str = "s", title: str | None = "The big one") -> Answer:
    """An answer that names a session to come."""
    reading = Reading(
        session=key, state=State.SCHEDULED, title=title, hosts=("Ali",), started_at=due, url="https://x.example/s"
    )
    return Answer(at=at, readings=(reading,))


__all__ = ["NOW", "Clockwork", "announced"]
