"""Keeps no more than is due: thins old readings, and lets go what a platform's terms say.

The work is done in steps. A step reads what it needs first, then writes at most ``ROWS`` rows in a transaction of
its own, which also notes how far it came; so a tick of the poller waits for one step at most, and a kill costs
nothing. Everything here may be done twice.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field

import structlog

from bot.domain import DAY, HOUR, MINUTE
from bot.domain.thinning import thin
from storage import memory, retention, samples
from storage.database import Connection, Database
from storage.retention import Aged

log = structlog.get_logger(__name__)

#: So many rows are written in one transaction at most.
ROWS = 1_000
#: So many sessions are looked up at once.
SESSIONS = 200
#: So many steps make a tick at most; the next one goes on.
STEPS = 200
#: What is looked for in vain is not looked for again before.
REST = 10 * MINUTE
#: Sessions are cut at the first midnight after a day on the air: none has readings from longer before its end.
LONGEST_SESSION = 2 * DAY
#: Developer policies III.E.4.d, and the policies on derived metrics: https://developers.google.com/youtube/terms/
YOUTUBE_DAYS = 30
#: Readings of a session lie between its first and its last, but for a clock that was set back.
MARGIN = HOUR
#: What a delivery was told of rivals has served its turn when the session is over and the delivery settled.
SERVED = DAY

_SUBJECT = "prune"
_START = (-1, -1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How long what a source told may be kept after a session's end, in milliseconds; None is for ever.

    Attributes:
        readings: Readings, thinned or not.
        words: Titles and hosts.
        figures: The session itself, with its peak, average and totals, and what was told of it.
    """

    readings: int | None
    words: int | None
    figures: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What is kept, and how long.

    Attributes:
        raw: Readings are thinned so many milliseconds after a session's end; None is never.
        sources: The terms of those sources that have some.
    """

    raw: int | None = 30 * DAY
    sources: Mapping[str, Terms] = field(default_factory=dict)


def rules(*, days: int, youtube_days: int, youtube_figures_days: int, x_days: int) -> Rules:
    """Return the rules that an operator set, in days; 0 is for ever.

    YouTube counts from the moment at which a figure was read, so its sessions go earlier by as much as one lasts.
    It lets figures be kept for longer where it gives leave, titles and names never.
    """
    youtube_words = min(youtube_days or YOUTUBE_DAYS, YOUTUBE_DAYS)
    return Rules(
        raw=_age(days),
        sources={
            "x": Terms(readings=_age(x_days), words=_age(x_days), figures=None),
            "youtube": Terms(
                readings=_age(youtube_days, less=LONGEST_SESSION),
                words=_age(youtube_words, less=LONGEST_SESSION),
                figures=_age(youtube_figures_days, less=LONGEST_SESSION),
            ),
        },
    )


def _age(days: int, *, less: int = 0) -> int | None:
    return max(days * DAY - less, 0) if days else None


class Prune:
    """The stage that lets go."""

    def __init__(
        self, database: Database, rules: Rules, *, on_deleted: Callable[[], Awaitable[None]] | None = None
    ) -> None:
        """Make the stage; ``on_deleted`` is called after sessions were deleted, for who has them in memory."""
        self._database = database
        self._rules = rules
        self._on_deleted = on_deleted
        self._rested: dict[str, int] = {}
        self._deleted = False

    async def tick(self, now: int) -> None:
        """Do what is due, as far as the steps of a tick go."""
        done = 0
        try:
            async with aclosing(self.steps(now)) as steps:
                async for _ in steps:
                    done += 1
                    if done >= STEPS:
                        break
                    await asyncio.sleep(0)
        finally:
            if self._deleted and self._on_deleted is not None:
                await self._on_deleted()
            self._deleted = False
        if done:
            log.debug("old readings were let go", steps=done)

    async def steps(self, now: int) -> AsyncGenerator[None, None]:
        """Do what is due, one short transaction before each yield; it may be left after any of them."""
        for source, terms in self._rules.sources.items():
            for work in (
                self._unsay(source, now),
                self._forget_rivals(source, now),
                self._withdraw(source, terms.readings, now),
                self._forget_words(source, terms.words, now),
                self._expire(source, terms.figures, now),
            ):
                async with aclosing(work) as steps:
                    async for _ in steps:
                        yield
        async with aclosing(self._thin(now)) as steps:
            async for _ in steps:
                yield

    async def _unsay(self, source: str, now: int) -> AsyncGenerator[None, None]:
        """Forget what was announced, and never came or was taken back."""
        while self._awake(task := f"{source} given up", now):
            async with self._database.read() as connection:
                found = await retention.given_up(connection, source, limit=SESSIONS)
            self._rest(task, found, now)
            if not found:
                return
            async with self._database.write() as connection:
                await retention.forget_words(connection, found)
            yield

    async def _forget_rivals(self, source: str, now: int) -> AsyncGenerator[None, None]:
        """Forget what posts said of other sessions, whose own time may be over by now."""
        task = f"{source} told"
        async for one in self._ended(task, source, SERVED, now):
            count = ROWS
            while count >= ROWS:
                async with self._database.write() as connection:
                    count = await retention.forget_rivals(connection, one.id, limit=ROWS)
                    if count < ROWS:
                        await _pass(connection, task, one)
                yield

    async def _withdraw(self, source: str, age: int | None, now: int) -> AsyncGenerator[None, None]:
        """Delete readings."""
        task = f"{source} readings"
        async for one in self._ended(task, source, age, now):
            async for _ in self._drop_samples(one, now):
                yield
            async with self._database.write() as connection:
                await _pass(connection, task, one)
            yield

    async def _forget_words(self, source: str, age: int | None, now: int) -> AsyncGenerator[None, None]:
        """Forget titles and hosts; figures stay."""
        task = f"{source} words"
        async for one in self._ended(task, source, age, now):
            async with self._database.write() as connection:
                await retention.forget_words(connection, [one.id])
                await _pass(connection, task, one)
            yield

    async def _expire(self, source: str, age: int | None, now: int) -> AsyncGenerator[None, None]:
        """Delete sessions with all that is known of them."""
        task = f"{source} figures"
        while age is not None and self._awake(task, now):
            async with self._database.read() as connection:
                found = await retention.expired(connection, source, until=now - age, limit=SESSIONS)
            self._rest(task, found, now)
            for one in found:
                async for _ in self._drop_samples(one, now):
                    yield
                count = ROWS
                while count >= ROWS:
                    async with self._database.write() as connection:
                        count = await retention.drop_deliveries(connection, one.id, limit=ROWS)
                        if count < ROWS:
                            await retention.drop_session(connection, one.id)
                            self._deleted = True
                    yield

    async def _drop_samples(self, one: Aged, now: int) -> AsyncGenerator[None, None]:
        """Delete a session's readings, those after its end too."""
        found = [0] * ROWS
        while len(found) >= ROWS:
            async with self._database.read() as connection:
                found = await samples.moments(
                    connection, one.id, first=_begin(one), last=_end(one, now), limit=ROWS
                )
            if found:
                async with self._database.write() as connection:
                    await samples.drop(connection, one.id, found)
                yield

    async def _thin(self, now: int) -> AsyncGenerator[None, None]:
        """Thin readings: mark those that stay, the last ones first, then delete the rest.

        The marks come first, because what stays is decided by readings that go: stopped between, it finds them all
        again and decides the same.
        """
        if self._rules.raw is None:
            return
        async for _ in self._sweep():  # left from before
            yield
        task = "thin"
        async for one in self._ended(task, None, self._rules.raw, now):
            first, last = _begin(one), max(one.last_at or 0, one.ended_at) + MARGIN
            async with self._database.read() as connection:
                kept = await samples.between(connection, one.id, first=first, last=last)
            stays = thin(kept, peak_at=one.peak_at)
            marked = {snapshot.at: snapshot.kept for snapshot in kept}
            marks = [(at, how) for at, how in stays.items() if marked[at] is not how]
            goes = [snapshot.at for snapshot in kept if snapshot.live and snapshot.at not in stays]
            if len(kept) <= ROWS:
                async with self._database.write() as connection:
                    await samples.mark(connection, one.id, marks)
                    await samples.drop(connection, one.id, goes)
                    await _pass(connection, task, one)
                yield
                continue
            for start in range(0, max(len(marks), 1), ROWS):
                async with self._database.write() as connection:
                    await samples.mark(connection, one.id, marks[start : start + ROWS])
                    if start + ROWS >= len(marks):
                        await _pass(connection, task, one)
                        await memory.put(connection, _SUBJECT, {"sweep": json.dumps([one.id, first, last])})
                yield
            async for _ in self._sweep():
                yield

    async def _sweep(self) -> AsyncGenerator[None, None]:
        """Delete the readings that are not marked to stay, of the session of which all others are."""
        while True:
            async with self._database.read() as connection:
                noted = (await memory.get(connection, _SUBJECT, ["sweep"])).get("sweep") or "null"
                place = json.loads(noted)
                if place is None:
                    return
                session_id, first, last = place
                goes = await samples.moments(
                    connection, session_id, first=first, last=last, limit=ROWS, marked=False
                )
            async with self._database.write() as connection:
                await samples.drop(connection, session_id, goes)
                if len(goes) < ROWS:
                    await memory.put(connection, _SUBJECT, {"sweep": "null"})
            yield

    async def _ended(self, task: str, source: str | None, age: int | None, now: int) -> AsyncGenerator[Aged, None]:
        """Yield sessions that ended so long ago and were not passed yet; each must be passed before the next."""
        while age is not None and self._awake(task, now):
            async with self._database.read() as connection:
                passed = (await memory.get(connection, _SUBJECT, [task])).get(task)
                after = _START if passed is None else tuple(json.loads(passed))
                found = await retention.ended(
                    connection, source=source, after=after, until=now - age, limit=SESSIONS
                )
            self._rest(task, found, now)
            for one in found:
                yield one

    def _awake(self, task: str, now: int) -> bool:
        return not 0 <= now - self._rested.get(task, now + 1) < REST

    def _rest(self, task: str, found: list[Aged] | list[int], now: int) -> None:
        """Let a task rest if this is all that there is to do."""
        if not found:
            self._rested[task] = now


async def _pass(connection: Connection, task: str, one: Aged) -> None:
    """Note that a task is done with a session, and with all that ended before."""
    await memory.put(connection, _SUBJECT, {task: json.dumps([one.ended_at, one.id])})


def _begin(one: Aged) -> int:
    return (one.ended_at if one.first_at is None else one.first_at) - MARGIN


def _end(one: Aged, now: int) -> int:
    """Return until when a session may have readings: what still grew after its end is read for a time."""
    return min(now, one.ended_at + 30 * DAY)
