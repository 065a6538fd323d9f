"""Stores what sources told, and has it told what is worth telling, in one transaction a tick.

Snapshots, aggregates, alerts and the deliveries that are owed for them are written together, so that a kill
at any moment neither loses a fact nor repeats one. What is known of sessions stays in memory between ticks; if
a transaction fails, it is forgotten and read again.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, takewhile
from operator import attrgetter
from zoneinfo import ZoneInfo

import structlog

from bot.domain.alerts import ended, started
from bot.domain.heat import FIRST_MINUTES, Heat, Plateau, is_near
from bot.domain.reading import Answer, Failure, Metric, Reading, State
from bot.domain.session import (
    DEFAULT_GRACE,
    Ended,
    Rose,
    Rules,
    Session,
    Started,
    Track,
    advance,
)
from bot.pipeline.detect import Detect, Turn
from bot.ports.meter import SILENT, Meter
from bot.ports.source import Told
from storage import claims, samples, sessions, watches
from storage.database import Connection, Database
from storage.watches import Watch

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class _Waiting:
    """What one caller was told, and wants to have stored."""

    told: Sequence[tuple[Watch, Told]]
    now: int


class Ingest:
    """The stage that stores and decides.

    Args:
        grace: How long a session may be gone and still come back, in milliseconds.
        holder: This process's key, where others share the database.

    Attributes:
        owed: Set when a transaction made deliveries, so that nobody waits for the next tick.
    """

    def __init__(
        self, database: Database, *, meter: Meter = SILENT, grace: int = DEFAULT_GRACE, holder: str | None = None
    ) -> None:
        self.owed = asyncio.Event()
        self._meter = meter
        self._holder = holder
        self._deletions: int | None = None
        self._database = database
        self._grace = grace
        self._lock = asyncio.Lock()
        self._waiting: list[_Waiting] = []
        self._forget()

    async def load(self, ids: Sequence[int]) -> None:
        """Read what is not in memory of these watches: a source is to be told what is known."""
        if all(id_ in self._tracks for id_ in ids):
            return
        async with self._lock:
            new = [id_ for id_ in ids if id_ not in self._tracks]
            if new:
                async with self._database.read() as connection:
                    self._tracks.update(await sessions.tracks(connection, new))

    def known(self, watch_id: int) -> tuple[str, ...]:
        """Return the platform's ids of a watch's live and announced sessions."""
        track = self._tracks.get(watch_id)
        return tuple(s.keys[-1] for s in track.sessions if s.state is not State.ENDED) if track else ()

    def heat(self, watch: Watch, told: Told) -> Heat:
        """Return how much is to be missed of a watch after what it has just told, which need not be stored yet."""
        answer = told.answers[-1] if told.answers else None
        track = self._tracks.get(watch.id)
        if not isinstance(answer, Answer):  # an error says nothing of the session
            return Heat.LIVE if track is not None and any(one.is_live for one in track.sessions) else Heat.OFF
        hottest = Heat.OFF
        for reading in answer.readings:
            if reading.state is State.LIVE:
                session = None if track is None else track.find(reading.session)
                hottest = max(hottest, self._heat_of(watch, session, reading, answer.at))
        if hottest is Heat.OFF:
            self._plateaus.pop(watch.id, None)
        return hottest

    def _heat_of(self, watch: Watch, session: Session | None, reading: Reading, at: int) -> Heat:
        if session is None or session.tally.first_at is None or at - session.tally.first_at < FIRST_MINUTES:
            return Heat.LIVE if watch.daily else Heat.HOT
        gauge = watch.metric == Metric.CONCURRENT
        value = getattr(reading, watch.metric)
        if value is None:
            return Heat.LIVE
        last = session.tally.confirmed if gauge else getattr(session.tally, watch.metric)
        if is_near(value, last=last, ahead=self._detect.ahead(watch, session)):
            self._plateaus.pop(watch.id, None)
            return Heat.HOT
        plateau = self._plateaus.setdefault(watch.id, Plateau(value, at))
        return Heat.LEVEL if plateau.lasts(value, at) else Heat.LIVE

    async def take(self, told: Sequence[tuple[Watch, Told]], now: int) -> None:
        """Store what was told of watches, and owe the alerts that follow from it.

        What comes while a transaction runs goes into the next one together: sources answer in batches of a
        hundred watches or of one, and a transaction costs as much for one watch as for hundreds.
        """
        mine = _Waiting(told, now)
        self._waiting.append(mine)
        try:
            async with self._lock:
                if mine in self._waiting:  # else an earlier caller's transaction has stored it
                    await self._store_waiting(mine)
        finally:
            if mine in self._waiting:
                self._waiting.remove(mine)

    async def _store_waiting(self, mine: _Waiting) -> None:
        together = list(self._waiting)
        try:
            await self._store([pair for one in together for pair in one.told], max(one.now for one in together))
        except Exception:
            if together == [mine]:
                raise
            # Something that was told cannot be stored: whoever told it must not cost the others theirs.
            together = [mine]
            await self._store(mine.told, mine.now)
        self._waiting = [one for one in self._waiting if one not in together]

    async def _store(self, told: Sequence[tuple[Watch, Told]], now: int) -> None:
        """Store what was told in one transaction."""
        owed = False
        try:
            async with self._database.write() as connection:
                told = await self._still_ours(connection, told)
                ids = [watch.id for watch, _ in told]
                await self._refresh(connection, ids)
                for answers in _turns(told):
                    owed = await self._take_answers(connection, answers, now) or owed
                await self._note(connection, told, now)
                if self._holder is not None:
                    await claims.done(connection, ids, holder=self._holder)
        except BaseException:
            self._forget()
            raise
        if owed:
            self.owed.set()

    async def recall(self) -> None:
        """Read everything again at the next answers: sessions were deleted that may be in memory, or be rivals."""
        async with self._lock:
            self._forget()
        if self._holder is not None:
            async with self._database.write() as connection:
                await watches.note_deletions(connection)

    def let_go(self, ids: Collection[int]) -> None:
        """Read these watches again at their next answers: another process has asked them since."""
        for id_ in ids:
            self._tracks.pop(id_, None)
            self._plateaus.pop(id_, None)
        self._moved.update(ids)

    async def _still_ours(
        self, connection: Connection, told: Sequence[tuple[Watch, Told]]
    ) -> Sequence[tuple[Watch, Told]]:
        """Return what was told of watches that no other process has claimed since: its answers are newer."""
        if self._holder is None:
            return told
        lost = await claims.lost(connection, [watch.id for watch, _ in told], holder=self._holder)
        if lost:
            log.info("another process asks what this one was slow to ask", watches=len(lost))
            self.let_go(lost)
        return [(watch, one) for watch, one in told if watch.id not in lost]

    def _forget(self) -> None:
        #: Watches that another process asked last.
        self._moved: set[int] = set()
        self._tracks: dict[int, Track] = {}
        self._rules: dict[int, Rules] = {}
        self._plateaus: dict[int, Plateau] = {}
        self._detect = Detect(meter=self._meter)

    async def _refresh(self, connection: Connection, ids: Sequence[int]) -> None:
        """Load what is not in memory, or has aged."""
        if self._holder is not None:
            deletions = (await watches.revised(connection)).deletions
            if deletions != self._deletions:
                self._forget()
                self._deletions = deletions
        await self._detect.refresh(connection, ids)
        new = [id_ for id_ in ids if id_ not in self._tracks]
        if new:
            self._tracks.update(await sessions.tracks(connection, new))
        moved = self._moved.intersection(ids)
        if moved:
            await self._detect.take_over(
                connection, [one.id for id_ in moved for one in self._tracks[id_].sessions]
            )
            self._moved -= moved

    async def _take_answers(
        self, connection: Connection, answers: Sequence[tuple[Watch, Answer]], now: int
    ) -> bool:
        """Fold one answer of each watch, write what came of it, and tell whether deliveries are owed."""
        ended = await self._recall(connection, answers)
        turn = Turn()
        for watch, answer in answers:
            self._fold(watch, answer, turn)
        turn.aged.update(one.watch_id for one in ended if one.ended_at is None)
        new = [one for one in turn.touched.values() if one.id == 0]
        places = {watch.id: (watch.platform, watch.public) for watch, _ in answers} if new or turn.aged else {}
        await sessions.add(connection, [(one, *places[one.watch_id]) for one in new])
        fresh = {id(one) for one in new}
        old = [one for key, one in turn.touched.items() if key not in fresh]
        changed = [one for one in old if one.changed]
        await sessions.save(connection, changed)
        await sessions.save_tallies(connection, old)
        await samples.add(connection, turn.samples)
        for one in (*new, *changed):
            one.changed = False
        await self._detect.note_ends(connection, {id_: self._tracks[id_].sessions for id_ in turn.aged}, places)
        if turn.aged and self._holder is not None:
            self._detect.told_of_ends(await watches.note_ends(connection, turn.aged))
        return await self._detect.tell(connection, turn, now)

    async def _recall(self, connection: Connection, answers: Sequence[tuple[Watch, Answer]]) -> list[Session]:
        """Bring back sessions of old that an answer names again; forget those that no answer names.

        Returns:
            Those that had ended, and may go on now.
        """
        unknown, ended = [], []
        for watch, answer in answers:
            track = self._tracks[watch.id]
            if track.is_told_alone(answer):  # as in nearly all
                continue
            for one in track.sessions:
                if one.ended_at is not None:
                    ended += _drop_unnamed(track, answer)
                    break
            unknown += [
                (watch.id, reading.session) for reading in answer.readings if track.find(reading.session) is None
            ]
        for one in await sessions.by_keys(connection, unknown):
            track = self._tracks[one.watch_id]
            track.sessions.append(one)
            track.sessions.sort(key=attrgetter("id"))  # as they are read after a restart
            if one.ended_at is not None:
                ended.append(one)
        return ended

    def _fold(self, watch: Watch, answer: Answer, turn: Turn) -> None:
        track = self._tracks[watch.id]
        rules = self._rules.get(watch.id)
        if rules is None or rules.interval != watch.interval:
            rules = Rules(
                interval=watch.interval,
                grace=self._grace,
                zone=ZoneInfo(watch.timezone),
                daily=watch.daily,
            )
            self._rules[watch.id] = rules
        changes, kept = advance(track, answer, rules)
        for one in track.sessions:
            if one.changed:
                turn.touched[id(one)] = one
                if one.state is State.ENDED:  # just now, or it grew since
                    turn.aged.add(watch.id)
        for sample in kept:
            turn.samples.append(sample)
            key = id(sample.session)
            turn.touched[key] = sample.session
            if sample.reading is not None and sample.reading.state is State.LIVE:
                turn.seen.setdefault(key, (watch, sample))
        for change in changes:
            match change:
                case Started():
                    turn.facts.append(started.alert(change))
                case Ended():
                    turn.facts.append(ended.alert(change))
                    self._detect.over(change.session.id)
                case Rose():
                    turn.rose.append((watch, change))

    async def _note(self, connection: Connection, told: Sequence[tuple[Watch, Told]], now: int) -> None:
        """Write down who answered, who failed and why, and when to ask again where a source said so."""
        answered = defaultdict(list)
        troubles: list[tuple[int, str | None, int | None]] = []
        for watch, one in told:
            if not one.answers:
                continue
            last = one.answers[-1]
            if isinstance(last, Answer):
                answered[last.at, True].append(watch.id)
                if watch.trouble is not None:
                    troubles.append((watch.id, None, None))
                continue
            answered[last.at, False].append(watch.id)
            failures = list(takewhile(_failed, reversed(one.answers)))
            since, goes_on = failures[-1].at, watch.trouble is not None
            if len(failures) < len(one.answers):
                answered[one.answers[-1 - len(failures)].at, True].append(watch.id)
                goes_on = False
            trouble = last.told
            if not goes_on:
                troubles.append((watch.id, trouble, since))
            elif trouble != watch.trouble:
                troubles.append((watch.id, trouble, watch.trouble_since))
        for (at, well), ids in sorted(answered.items()):
            await watches.note_asked(connection, ids, at=at, answered=well)
        await watches.note_trouble(connection, troubles)
        met = [(watch.id, one.account) for watch, one in told if one.account is not None and watch.account is None]
        if met:
            await watches.note_accounts(connection, met)
        again: list[tuple[int, int | None]] = [
            (watch.id, max(one.again_at, now)) for watch, one in told if one.again_at is not None
        ]
        await watches.due_again(connection, again + [(watch.id, None) for watch, one in told if one.over])


def _turns(told: Sequence[tuple[Watch, Told]]) -> Iterator[list[tuple[Watch, Answer]]]:
    """Return answers in order of time, at most one of a watch at once.

    Most sources tell one answer of each watch, all of this moment. One that holds a history may tell several,
    and what a watch did later must not be compared with what another had not done yet.
    """
    answers = [(watch, answer) for watch, one in told for answer in one.answers if isinstance(answer, Answer)]
    if len({answer.at for _, answer in answers}) == 1 and len({watch.id for watch, _ in answers}) == len(answers):
        yield answers
        return
    answers.sort(key=_moment)
    for _, same in groupby(answers, key=_moment):
        yield from _once_each(list(same))


def _moment(pair: tuple[Watch, Answer]) -> int:
    return pair[1].at


def _once_each(answers: list[tuple[Watch, Answer]]) -> Iterator[list[tuple[Watch, Answer]]]:
    while answers:
        turn = {watch.id: (watch, answer) for watch, answer in reversed(answers)}
        yield [pair for pair in answers if turn[pair[0].id][1] is pair[1]]
        answers = [pair for pair in answers if turn[pair[0].id][1] is not pair[1]]


def _failed(answer: Answer | Failure) -> bool:
    return isinstance(answer, Failure)


def _drop_unnamed(track: Track, answer: Answer) -> list[Session]:
    """Forget a watch's ended sessions, apart from those that the answer names; return these."""
    named = {reading.session for reading in answer.readings}
    track.sessions = [one for one in track.sessions if one.ended_at is None or named.intersection(one.keys)]
    return [one for one in track.sessions if one.ended_at is not None]
