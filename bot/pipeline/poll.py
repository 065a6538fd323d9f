"""Claims the watches that are due, reads them in batches, and hands what was told to ingest."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

import structlog

from bot.domain import DAY, SECOND
from bot.domain.reading import Answer, Failure, Trouble
from bot.pipeline.ingest import Ingest
from bot.pipeline.thrift import Thrift
from bot.ports.memory import Memory
from bot.ports.source import Ask, Gathers, Source, SourceError, Told
from bot.services import memory as purses
from storage import watches
from storage.database import Connection, Database
from storage.watches import Watch

log = structlog.get_logger(__name__)

#: No call to a source may take longer than this; its own time-outs are shorter.
LONGEST_READ_SECONDS = 30
#: A source that asks to be left alone is left alone for this long at most.
LONGEST_PAUSE = DAY


class NotStored(Exception):
    """What sources told of some watches is lost; the message says of which and why."""


#: Told of a watch whose account is gone, and why.
OnGone = Callable[[Watch, str], Awaitable[None]]


class Poll:
    """The stage that asks.

    Args:
        memory: Where purses are kept.
        on_gone: Tells admins of accounts that are gone.
    """

    def __init__(
        self,
        database: Database,
        sources: Mapping[str, Source],
        ingest: Ingest,
        *,
        memory: Memory | None = None,
        on_gone: OnGone | None = None,
    ) -> None:
        self._database = database
        self._memory = memory
        self._on_gone = on_gone
        # Two sources may share a purse.
        thrift = {id(one.purse): Thrift(one.purse) for one in sources.values() if one.purse is not None}
        self._thrift = {one.platform: thrift[id(one.purse)] for one in sources.values() if one.purse is not None}
        self._together = {one.platform: one.ids_a_call for one in sources.values() if isinstance(one, Gathers)}
        #: Watches whose account is gone, until they answer again: an outage between is no news.
        self._gone: set[int] = set()
        #: Watches that are asked less often than they want, and the interval in force.
        self._stretched: dict[int, int] = {}
        #: Sources whose purses know what was spent before the start.
        self._restored: set[str] = set()
        self._sources = sources
        self._ingest = ingest
        self._asking: set[int] = set()
        #: Watches whose source is not set up here, noted as such.
        self._orphans: set[int] = set()
        #: What is being asked: the watches, and when they were due.
        self._tasks: dict[asyncio.Task[None], tuple[list[int], int]] = {}

    async def tick(self, now: int) -> None:
        """Ask all that is due, and wait until it is stored.

        Raises:
            NotStored: Something of it could not be stored; the rest was.
        """
        await self.begin(now)
        wrong: list[Exception] = []
        while self._tasks:
            results = await asyncio.gather(*self._tasks, return_exceptions=True)
            wrong += [one for one in results if isinstance(one, Exception)]
        if wrong:
            raise wrong[0]

    async def begin(self, now: int) -> None:
        """Ask all that is due, each source by itself, so that a slow one delays no other."""
        for source in self._sources.values():  # commands spend, too
            await self._restore(source)
            await self._keep(source, now)
        async with self._database.write() as connection:
            due = await watches.claim(connection, now, together=self._together)
            await self._note_orphans(connection, due, now)
        groups: dict[str, list[Watch]] = defaultdict(list)
        for watch in due:
            if watch.id not in self._asking and watch.source in self._sources:
                groups[watch.source].append(watch)
        for name, group in groups.items():
            source = self._sources[name]
            for start in range(0, len(group), source.batch):
                batch = group[start : start + source.batch]
                self._asking.update(watch.id for watch in batch)
                task = asyncio.create_task(self._ask(source, batch, now), name=f"poll {name}")
                self._tasks[task] = [watch.id for watch in batch], now
                task.add_done_callback(self._done)

    async def rearm(self, now: int) -> None:
        """Make everything due again that the clock, set back, would leave waiting."""
        async with self._database.write() as connection:
            await watches.rearm(connection, now, longest=LONGEST_PAUSE)

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
        if task.cancelled() or isinstance(error := task.exception(), NotStored):  # which is in the log already
            return
        if error is not None:
            log.error("a question to a source broke off", task=task.get_name(), why=repr(error))

    async def _note_orphans(self, connection: Connection, due: Sequence[Watch], now: int) -> None:
        """Say once of each watch whose source is not set up here that nobody asks it.

        It stays due in its rhythm, so that it goes on by itself where the source is set up again.
        """
        orphans = [one for one in due if one.source not in self._sources and one.id not in self._orphans]
        if not orphans:
            return
        troubles = []
        for watch in orphans:
            why = f"This bot is not set up for {watch.source}: addresses."
            since = now if watch.trouble is None else watch.trouble_since
            troubles.append((watch.id, f"{SourceError.trouble}: {why}", since))
            log.warning("a watch is not read", watch=watch.name, why=why)
        await watches.note_trouble(connection, troubles)
        self._orphans.update(watch.id for watch in orphans)

    async def _ask(self, source: Source, batch: Sequence[Watch], now: int) -> None:
        try:
            told = await self._read(source, batch, now)
            await self._keep(source, now)
            await self._store(self._in_rhythm(source, list(zip(batch, told, strict=True)), now), now)
            for watch, one in zip(batch, told, strict=True):
                await self._note_gone(watch, one)
        finally:
            self._asking.difference_update(watch.id for watch in batch)

    async def _keep(self, source: Source, now: int) -> None:
        """Keep what a source has spent."""
        if self._memory is not None and source.purse is not None:
            await purses.keep(self._memory, source.platform, source.purse, now)

    def _in_rhythm(self, source: Source, told: list[tuple[Watch, Told]], now: int) -> list[tuple[Watch, Told]]:
        """Return what was told with the interval that was in force, and with the next one."""
        stretch = self._thrift[source.platform].look(now) if source.platform in self._thrift else 1.0
        kept = []
        for watch, one in told:
            in_force = self._stretched.pop(watch.id, watch.interval)
            one = _patient(watch, one, now)  # noqa: PLW2901
            if stretch > 1 and one.again_at is None and not one.over:
                interval = round(watch.interval * stretch)
                self._stretched[watch.id] = interval
                one = replace(one, again_at=now + interval)  # noqa: PLW2901
            kept.append((watch if in_force == watch.interval else watch._replace(interval=in_force), one))
        return kept

    async def _note_gone(self, watch: Watch, told: Told) -> None:
        """Tell the chats' admins, once, of an account that is no longer there."""
        last = told.answers[-1] if told.answers else None
        if isinstance(last, Answer):
            self._gone.discard(watch.id)
        if self._on_gone is None or not isinstance(last, Failure) or last.trouble is not Trouble.GONE:
            return
        if watch.id not in self._gone and not (watch.trouble or "").startswith(Trouble.GONE):
            await self._on_gone(watch, last.detail)
        self._gone.add(watch.id)

    async def _restore(self, source: Source) -> None:
        """Tell a source's purse, before its first question, what was spent before the start."""
        if self._memory is None or source.purse is None or source.platform in self._restored:
            return
        await purses.restore(self._memory, source.platform, source.purse)
        self._restored.add(source.platform)

    async def _store(self, told: Sequence[tuple[Watch, Told]], now: int) -> None:
        """Hand on what was told; if it cannot be stored, one by one, so that a bad watch costs no other.

        Raises:
            NotStored: Some of it could not be stored; it is in the log.
        """
        with suppress(Exception):  # of which watch it is, shows below
            await self._ingest.take(told, now)
            return
        lost: list[str] = []
        for one in told:
            name = one[0].name
            try:
                await self._ingest.take([one], now)
            except Exception as error:  # noqa: BLE001 - the others must go on
                refusal = getattr(error, "orig", None)  # the database's own word, without its library's advice
                # What a database refuses is no fault of a line of ours: its word says more than a traceback.
                tell = log.exception if refusal is None else log.error
                tell("what a source told could not be stored", watch=name, why=str(refusal or repr(error)))
                lost.append(f"What was told of {name} could not be stored: {refusal or error}")
        if lost:
            raise NotStored("\n".join(lost))

    async def _read(self, source: Source, batch: Sequence[Watch], now: int) -> Sequence[Told]:
        asks = [
            Ask(
                reference=watch.reference,
                known=self._ingest.known(watch.id),
                since=watch.answered_at,
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
        again_at = None
        if failure.retry_after is not None:
            again_at = now + min(max(failure.retry_after, SECOND), LONGEST_PAUSE)
        return [Told(answers=(failure,), again_at=again_at)] * len(batch)


def _patient(watch: Watch, told: Told, now: int) -> Told:
    """Let a source that asks for it alone rest as long as it asks."""
    last = told.answers[-1] if told.answers else None
    if told.again_at is not None or not isinstance(last, Failure) or last.retry_after is None:
        return told
    return replace(told, again_at=now + min(max(last.retry_after, watch.interval), LONGEST_PAUSE))
