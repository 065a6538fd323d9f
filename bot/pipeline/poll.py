"""Claims the watches that are due, reads them in batches, and hands what was told to ingest."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence

import structlog

from bot.domain import SECOND
from bot.domain.reading import Failure
from bot.pipeline.ingest import Ingest
from bot.ports.source import Ask, Source, SourceError, Told
from storage import watches
from storage.database import Database
from storage.watches import Watch

log = structlog.get_logger(__name__)

#: No call to a source may take longer than this; its own time-outs are shorter.
LONGEST_READ_SECONDS = 30


class Poll:
    """The stage that asks."""

    def __init__(self, database: Database, sources: Mapping[str, Source], ingest: Ingest) -> None:
        self._database = database
        self._sources = sources
        self._ingest = ingest
        self._asking: set[int] = set()
        #: What is being asked: the watches, and when they were due.
        self._tasks: dict[asyncio.Task[None], tuple[list[int], int]] = {}

    async def tick(self, now: int) -> None:
        """Ask all that is due, and wait until it is stored."""
        await self.begin(now)
        while self._tasks:
            await asyncio.gather(*self._tasks)

    async def begin(self, now: int) -> None:
        """Ask all that is due, each source by itself, so that a slow one delays no other."""
        async with self._database.write() as connection:
            due = await watches.claim(connection, now)
        groups: dict[str, list[Watch]] = defaultdict(list)
        for watch in due:
            if watch.id not in self._asking:
                groups[watch.source].append(watch)
        for name, group in groups.items():
            source = self._sources.get(name)
            if source is None:
                continue
            for start in range(0, len(group), source.batch):
                batch = group[start : start + source.batch]
                self._asking.update(watch.id for watch in batch)
                task = asyncio.create_task(self._ask(source, batch, now), name=f"poll {name}")
                self._tasks[task] = [watch.id for watch in batch], now
                task.add_done_callback(self._done)

    async def rearm(self, now: int) -> None:
        """Make everything due again that the clock, set back, would leave waiting."""
        async with self._database.write() as connection:
            await watches.rearm(connection, now)

    async def stop(self) -> None:
        """Give up what is being asked; it is due again at the next start."""
        tasks = dict(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        again = [(id_, at) for task, (ids, at) in tasks.items() if task.cancelled() for id_ in ids]
        if again:
            async with self._database.write() as connection:
                await watches.due_again(connection, again)

    def _done(self, task: asyncio.Task[None]) -> None:
        del self._tasks[task]
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("what a source told could not be stored", task=task.get_name(), why=repr(error))

    async def _ask(self, source: Source, batch: Sequence[Watch], now: int) -> None:
        try:
            told = await self._read(source, batch, now)
            await self._store(list(zip(batch, told, strict=True)), now)
        finally:
            self._asking.difference_update(watch.id for watch in batch)

    async def _store(self, told: Sequence[tuple[Watch, Told]], now: int) -> None:
        """Hand on what was told; if it cannot be stored, one by one, so that a bad watch costs no other."""
        try:
            await self._ingest.take(told, now)
        except Exception:
            if len(told) == 1:
                raise
            for one in told:
                try:
                    await self._ingest.take([one], now)
                except Exception as error:  # the others must go on
                    log.exception("what a source told could not be stored", watch=one[0].name, why=repr(error))

    async def _read(self, source: Source, batch: Sequence[Watch], now: int) -> Sequence[Told]:
        asks = [
            Ask(
                reference=watch.reference,
                known=self._ingest.known(watch.id),
                since=watch.asked_at,
                started=watch.created_at,
            )
            for watch in batch
        ]
        try:
            async with asyncio.timeout(LONGEST_READ_SECONDS):
                return await source.read(asks, now)
        except SourceError as error:
            failure = error.failure(now)
        except TimeoutError:
            failure = Failure(
                at=now,
                trouble=SourceError.trouble,
                detail=f"no answer within {LONGEST_READ_SECONDS} s",
            )
        except Exception as error:  # a fault of one source must not stop the others
            log.exception("a source failed in a way it should not", source=source.platform)
            failure = Failure(at=now, trouble=SourceError.trouble, detail=f"internal: {type(error).__name__}")
        again_at = None if failure.retry_after is None else now + max(failure.retry_after, SECOND)
        return [Told(answers=(failure,), again_at=again_at)] * len(batch)
