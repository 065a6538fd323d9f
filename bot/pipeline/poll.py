"""Claims the watches that are due, reads them in batches, and hands what was told to ingest."""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace

import structlog

from bot.domain import DAY, SECOND
from bot.domain.heat import Heat
from bot.domain.reading import Answer, Failure, Trouble
from bot.domain.sentence import N_, Sentence
from bot.pipeline.backoff import REFUSED, Breaker, wait
from bot.pipeline.ingest import Ingest
from bot.pipeline.outages import OWN, Outages
from bot.pipeline.outcome import outcome
from bot.pipeline.rhythm import Rhythm, paced
from bot.ports.meter import SILENT, Meter
from bot.ports.source import Ask, Denied, Gathers, NotAllowed, RateLimited, Source, SourceError, Told
from bot.services import memory as purses
from bot.services.memory import Remembered
from storage import claims, watches
from storage.database import Connection, Database, is_away, reason
from storage.watches import Watch

log = structlog.get_logger(__name__)

#: No call to a source may take longer than this; its own time-outs are shorter.
LONGEST_READ_SECONDS = 30
#: Answers of one batch are stored together when they come within so long of each other.
PATIENCE_SECONDS = 0.25
#: After these nothing is asked again sooner than usual.
PATIENT = {*OWN, Trouble.RATE_LIMITED}
#: A source that asks to be left alone is left alone for this long at most.
LONGEST_PAUSE = DAY
#: So long a process that shares the database has to itself what it asks; longer than asking and storing take.
CLAIM = (LONGEST_READ_SECONDS + 15) * SECOND
#: Where several processes spend, each looks so often at what the others have spent.
LOOK_EVERY = 5 * SECOND


class NotStored(Exception):
    """What sources told of some watches is lost; the message says of which and why."""


#: Told of a watch whose account is gone, and why.
OnGone = Callable[[Watch, str], Awaitable[None]]
#: Told of a source that takes the bot's key no more, and why.
OnRefused = Callable[[str, str], Awaitable[None]]


class Poll:
    """The stage that asks.

    Args:
        memory: Where purses are kept.
        on_gone: Tells admins of accounts that are gone.
        on_refused: Tells operators of a source that refuses the bot as a whole.
        chance: Where the jitter of what is asked again comes from.
        holder: This process's key, where others share the database.
        asks: Tells of a source, by its name, whether it is this process's to ask now.
    """

    def __init__(
        self,
        database: Database,
        sources: Mapping[str, Source],
        ingest: Ingest,
        *,
        memory: Remembered | None = None,
        on_gone: OnGone | None = None,
        on_refused: OnRefused | None = None,
        chance: random.Random | None = None,
        meter: Meter = SILENT,
        holder: str | None = None,
        asks: Callable[[str], bool] = lambda _: True,
    ) -> None:
        self._holder = holder
        self._asks = asks
        self._database = database
        self._memory = memory
        self._on_gone = on_gone
        self._on_refused = on_refused
        self._meter = meter
        self._chance = chance or random.Random()  # noqa: S311 - no secret
        self._rhythm = Rhythm(sources)
        self._together = {one.platform: one.ids_a_call for one in sources.values() if isinstance(one, Gathers)}
        #: Watches whose account is gone, until they answer again: an outage between is no news.
        self._gone: set[int] = set()
        self._outages = Outages(self._together)
        #: One for each kind of call to a platform: limits are of single kinds, too.
        self._breakers: dict[tuple[str, str], Breaker] = defaultdict(Breaker)
        #: Sources that refuse the bot as a whole, of which operators know.
        self._refusing: set[str] = set()
        #: How often in a row each watch failed.
        self._failures: dict[int, int] = {}
        #: The purses, by the name that they are kept under: sources may share one.
        self._purses = {
            id(purse): (one.platform, purse)
            for one in reversed(list(sources.values()))
            if (purse := one.purse) is not None
        }.values()
        #: When it was last looked at what was spent before the start, and by others.
        self._looked_at: int | None = None
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
        await self.keep_purses(now)
        # What is claimed is locked, row by row: nobody need wait for that.
        async with self._database.write(turn=self._holder is None) as connection:
            due = await self._claim(connection, now)
            await self._note_orphans(connection, due, now)
            batches, later = self._batches(due, now)
            if later:
                await watches.due_again(connection, later)
                await self._done_with(connection, [id_ for id_, _ in later])
        for source, batch in batches:
            breaker = self._breaker(source, batch)
            if breaker is not None:
                breaker.called()
                calls = -(-len(batch) // self._together[source.platform])
                self._rhythm.called(source.platform, calls, now)
            self._asking.update(watch.id for watch in batch)
            task = asyncio.create_task(self._ask(source, batch, now), name=f"poll {source.platform}")
            self._tasks[task] = [watch.id for watch in batch], now
            task.add_done_callback(self._done)

    async def keep_purses(self, now: int) -> None:
        """Keep what was spent, by commands, too; and look at what was before the start, or by others."""
        if self._memory is None:
            return
        first = self._looked_at is None
        look = first or (self._holder is not None and abs(now - (self._looked_at or 0)) >= LOOK_EVERY)
        for name, purse in self._purses:
            if look:
                await purses.restore(self._memory, name, purse)
            await purses.keep(self._memory, name, purse)
        if look:
            self._looked_at = now

    async def _claim(self, connection: Connection, now: int) -> list[Watch]:
        """Return what is due, and forget of it what another process may have changed."""
        if self._holder is None:
            return await watches.claim(connection, now, together=self._together)
        due, moved = await claims.claim(
            connection,
            now,
            holder=self._holder,
            until=now + CLAIM,
            together=self._together,
            without=[name for name in self._sources if not self._asks(name)],
        )
        self._ingest.let_go(moved)
        return due

    async def _done_with(self, connection: Connection, ids: Sequence[int]) -> None:
        """Let other processes ask these watches when they are due."""
        if self._holder is not None:
            await claims.done(connection, ids, holder=self._holder)

    def _batches(
        self, due: Sequence[Watch], now: int
    ) -> tuple[list[tuple[Source, list[Watch]]], list[tuple[int, int]]]:
        """Cut what is due into calls of ``read``, those that share calls to the platform together.

        Returns:
            The batches; and the watches whose source is to be left alone, with when to come back to them.
        """
        groups: dict[tuple[str, str], list[Watch]] = defaultdict(list)
        for watch in due:
            if watch.id not in self._asking and watch.source in self._sources:
                groups[watch.source, watch.kind].append(watch)
        batches, later = [], []
        for (name, kind), group in groups.items():
            source = self._sources[name]
            parts = [group[start : start + source.batch] for start in range(0, len(group), source.batch)]
            if name in self._together:
                breaker = self._breakers[name, kind]
                free = 0 if not breaker.lets(now) else 1 if breaker.one_only else len(parts)
                later += [(watch.id, breaker.again_at(now)) for part in parts[free:] for watch in part]
                del parts[free:]
            batches += [(source, part) for part in parts]
        return batches, later

    def _breaker(self, source: Source, batch: Sequence[Watch]) -> Breaker | None:
        return self._breakers[source.platform, batch[0].kind] if source.platform in self._together else None

    async def begin_anew(self, now: int) -> None:
        """Ask at once, after a start, what was left alone before it: the operator may have mended it."""
        async with self._database.write() as connection:
            await watches.wake(connection, now)

    async def rearm(self, now: int) -> None:
        """Make everything due again that the clock, set back, would leave waiting."""
        for breaker in self._breakers.values():
            breaker.rearm(now)
        async with self._database.write() as connection:
            await watches.rearm(connection, now, longest=LONGEST_PAUSE)

    async def stop(self) -> None:
        """Give up what is being asked; it is due again at the next start."""
        tasks = dict(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        again = [(id_, at) for task, (ids, at) in tasks.items() if task.cancelled() for id_ in ids]

        async def give_back(connection: Connection) -> None:
            await watches.due_again(connection, again)
            await self._done_with(connection, [id_ for id_, _ in again])

        if again:
            await self._database.lastly(give_back)

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
            why = Sentence(N_("This bot is not set up for {platform}: addresses."), platform=watch.source)
            since = now if watch.trouble is None else watch.trouble_since
            troubles.append((watch.id, Failure(at=now, trouble=SourceError.trouble, detail=why).told, since))
            log.warning("a watch is not read", watch=watch.id, why=why)
        await watches.note_trouble(connection, troubles)
        self._orphans.update(watch.id for watch in orphans)

    async def _ask(self, source: Source, batch: Sequence[Watch], now: int) -> None:
        """Ask for a batch and store what is told; servers that have nothing to do with each other do not wait."""
        breaker = self._breaker(source, batch)
        parts = [batch] if breaker is not None else _by_server(batch)
        reading: dict[asyncio.Task[tuple[Sequence[Told], Exception | None]], Sequence[Watch]] = {}
        lost: NotStored | None = None
        try:
            await self._ingest.load([watch.id for watch in batch])
            began = asyncio.get_running_loop().time()
            reading.update((asyncio.create_task(self._read(source, part, now)), part) for part in parts)
            while reading:
                done, _ = await asyncio.wait(reading, timeout=PATIENCE_SECONDS)
                if not done:
                    done, _ = await asyncio.wait(reading, return_when=asyncio.FIRST_COMPLETED)
                asked: list[Watch] = []
                told: list[Told] = []
                errors: list[Exception | None] = []
                for task in done:
                    asked += reading.pop(task)
                    told += task.result()[0]
                    errors.append(task.result()[1])
                try:
                    await self._take_in(source, asked, told, errors[0] if all(errors) else None, now, began)
                except NotStored as error:
                    lost = error
                self._asking.difference_update(watch.id for watch in asked)
            if lost is not None:
                raise lost
        finally:
            for task in reading:
                task.cancel()
            await asyncio.gather(*reading, return_exceptions=True)
            if breaker is not None:
                breaker.broke_off()
            self._asking.difference_update(watch.id for watch in batch)

    async def _take_in(
        self,
        source: Source,
        batch: Sequence[Watch],
        told: Sequence[Told],
        error: Exception | None,
        now: int,
        began: float,
    ) -> None:
        """Store what was told of watches that were asked together, and what follows from it for the next question.

        Args:
            began: When they were asked, on the loop's clock.
        """
        breaker = self._breaker(source, batch)
        # What failed is left alone from the moment at which it failed.
        seconds = asyncio.get_running_loop().time() - began
        failed_at = now + round(seconds * SECOND)
        self._meter.asked(source.platform, outcome=outcome(told, error), seconds=seconds)
        whole = error is not None or _all_failed(told)
        again_at = None
        if breaker is not None and whole:
            usual = now + min(one.interval for one in batch)
            again_at = self._judge(breaker, error, failed_at, sent_at=now, usual=usual)
        elif breaker is not None:
            breaker.well()
        await self.keep_purses(now)
        pairs = list(zip(batch, told, strict=True))
        await self._store(self._in_rhythm(source, pairs, now, failed_at=failed_at, again_at=again_at), now)
        for watch, one in pairs:
            await self._note(watch, one, of_all=whole, refused=isinstance(error, Denied | NotAllowed))
        await self._note_refusal(source, error, whole=whole)

    def _judge(self, breaker: Breaker, error: Exception | None, now: int, *, sent_at: int, usual: int) -> int:
        """Note that a call to a platform came to nothing, and return when its watches are worth asking again.

        Args:
            sent_at: When the call went out.
            usual: When they would be asked next, had it come to something.
        """
        if isinstance(error, Denied | NotAllowed):
            breaker.rest(now + REFUSED)
            return breaker.until
        if isinstance(error, SourceError) and error.retry_after is not None:
            breaker.rest(now + min(max(error.retry_after, SECOND), LONGEST_PAUSE))
            return breaker.until
        again_at = breaker.failed(now, self._chance.random(), sent_at=sent_at)
        if isinstance(error, RateLimited):  # asked too often: not sooner than usual
            breaker.rest(max(again_at, usual))
            return breaker.until
        return again_at

    def _in_rhythm(
        self,
        source: Source,
        told: Sequence[tuple[Watch, Told]],
        now: int,
        *,
        failed_at: int,
        again_at: int | None,
    ) -> list[tuple[Watch, Told]]:
        """Return what was told with the interval that was in force, and with the moment of the next question.

        Args:
            failed_at: When it was known what failed.
            again_at: When to ask again for those that failed; None: each by itself.
        """
        stretch, draw = self._rhythm.stretch(source.platform, now), self._chance.random()
        in_a_hurry = stretch > 1 or self._rhythm.has_room(source.platform, now)
        kept = []
        for watch, one in told:
            last = one.answers[-1] if one.answers else None
            seen = self._rhythm.in_force(watch)
            if isinstance(last, Failure):  # the interval in force stays: the next reading joins the one before
                one = self._after(  # noqa: PLW2901
                    watch, one, last, now, failed_at=failed_at, again_at=again_at, draw=draw
                )
            else:
                self._failures.pop(watch.id, None)
                heat = self._ingest.heat(watch, one)
                interval = paced(watch.interval, heat if in_a_hurry else min(heat, Heat.LIVE), stretch=stretch)
                one = self._rhythm.again(watch, one, now, interval=interval)  # noqa: PLW2901
            kept.append((seen, one))
        return kept

    def _after(
        self,
        watch: Watch,
        told: Told,
        failure: Failure,
        now: int,
        *,
        failed_at: int,
        again_at: int | None,
        draw: float,
    ) -> Told:
        """Set when to ask again for a watch that failed, unless the source has set it."""
        failures = self._failures[watch.id] = self._failures.get(watch.id, 0) + 1
        if told.again_at is not None or told.over:
            return told
        if again_at is None and failure.retry_after is not None:
            again_at = now + min(max(failure.retry_after, watch.interval), LONGEST_PAUSE)
        if again_at is None:
            again_at = failed_at + wait(failures, draw)
            if failure.trouble in PATIENT:  # what was refused or asked too often is not asked sooner than usual
                again_at = max(again_at, now + watch.interval)
        return replace(told, again_at=again_at)

    async def _note(self, watch: Watch, told: Told, *, of_all: bool, refused: bool) -> None:
        """Log where an outage begins and ends; tell admins, once, of an account that is no longer there.

        Args:
            of_all: What went wrong concerns all that was asked.
            refused: It was a refusal of the whole source, of which operators are told.
        """
        last = told.answers[-1] if told.answers else None
        if isinstance(last, Answer):
            self._outages.answered(watch, last.at)
            self._gone.discard(watch.id)
        elif last is not None and not (refused and watch.source in self._together):
            self._outages.failed(watch, last, of_all=of_all)
        if self._on_gone is None or not isinstance(last, Failure) or last.trouble is not Trouble.GONE:
            return
        if watch.id not in self._gone and not (watch.trouble or "").startswith(Trouble.GONE):
            await self._on_gone(watch, last.detail)
        self._gone.add(watch.id)

    async def _note_refusal(self, source: Source, error: Exception | None, *, whole: bool) -> None:
        """Tell operators, once, of a source that takes the bot's key no more."""
        if source.platform not in self._together:
            return
        if not isinstance(error, Denied | NotAllowed):
            if not whole and source.platform in self._refusing:
                self._refusing.discard(source.platform)
                log.info("a source answers again", source=source.platform)
        elif source.platform not in self._refusing:
            self._refusing.add(source.platform)
            log.error("a source refuses this bot", source=source.platform, why=str(error))
            if self._on_refused is not None:
                await self._on_refused(source.platform, error.told)

    async def _store(self, told: Sequence[tuple[Watch, Told]], now: int) -> None:
        """Hand on what was told; if it cannot be stored, one by one, so that a bad watch costs no other.

        Raises:
            NotStored: Some of it could not be stored; it is in the log.
        """
        try:
            await self._ingest.take(told, now)
        except Exception as error:
            if is_away(error):
                log.warning("what sources told is lost, as the database could not be reached", watches=len(told))
                raise NotStored(f"The database could not be reached: {reason(error)}") from error
            # Of which watch it is, shows below.
        else:
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
                tell("what a source told could not be stored", watch=one[0].id, why=str(refusal or repr(error)))
                lost.append(f"What was told of {name} could not be stored: {refusal or error}")
        if lost:
            raise NotStored("\n".join(lost))

    async def _read(
        self, source: Source, batch: Sequence[Watch], now: int
    ) -> tuple[Sequence[Told], Exception | None]:
        """Return what a source tells of a batch, and the error that concerns all of it, if there was one."""
        asks = [
            Ask(
                reference=watch.reference,
                known=self._ingest.known(watch.id),
                since=watch.answered_at,
                started=watch.created_at,
                account=watch.account,
            )
            for watch in batch
        ]
        wrong: Exception
        try:
            async with asyncio.timeout(LONGEST_READ_SECONDS):
                return await source.read(asks, now), None
        except SourceError as error:
            failure, wrong = error.failure(now), error
        except TimeoutError as error:
            detail = Sentence(N_("no answer within {seconds} s"), seconds=LONGEST_READ_SECONDS)
            failure, wrong = Failure(at=now, trouble=SourceError.trouble, detail=detail), error
        except Exception as error:  # a fault of one source must not stop the others
            log.exception("a source failed in a way it should not", source=source.platform)
            detail = Sentence(N_("internal: {error}"), error=type(error).__name__)
            failure, wrong = Failure(at=now, trouble=SourceError.trouble, detail=detail), error
        again_at = None
        if failure.retry_after is not None:
            again_at = now + min(max(failure.retry_after, SECOND), LONGEST_PAUSE)
        return [Told(answers=(failure,), again_at=again_at)] * len(batch), wrong


def _all_failed(told: Sequence[Told]) -> bool:
    """Tell whether several watches were asked for and all failed for a reason that is not their own."""
    lasts = [one.answers[-1] for one in told if one.answers]
    return len(lasts) > 1 and all(isinstance(one, Failure) and one.trouble not in OWN for one in lasts)


def _by_server(batch: Sequence[Watch]) -> list[list[Watch]]:
    """Divide watches of addresses by the server that each leads to; what has no address stays together."""
    found: dict[str, list[Watch]] = defaultdict(list)
    for watch in batch:
        _, has_address, rest = watch.reference.partition("#")[0].partition("://")
        found[rest.partition("/")[0] if has_address else ""].append(watch)
    return list(found.values())
