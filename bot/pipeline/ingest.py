"""Stores what sources told and decides what is worth telling, in one transaction a tick.

Snapshots, aggregates, alerts and the deliveries that are owed for them are written together, so that a kill
at any moment neither loses a fact nor repeats one. What is known of sessions stays in memory between ticks; if
a transaction fails, it is forgotten and read again.
"""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import groupby, takewhile
from operator import attrgetter
from typing import NamedTuple
from zoneinfo import ZoneInfo

import structlog

from bot.domain.alert import Alert
from bot.domain.alerts import ended, milestone, record, started
from bot.domain.measure import LIVE_RECORDED, MARK_OF, Measure
from bot.domain.reading import Answer, Failure, State
from bot.domain.rivals import Place, Rivals
from bot.domain.session import (
    DEFAULT_GRACE,
    Ended,
    Rose,
    Rules,
    Sample,
    Session,
    Started,
    Track,
    advance,
)
from bot.ports.source import Told
from storage import outbox, records, samples, sessions, watches
from storage.chats import ladder_of
from storage.database import Connection, Database
from storage.watches import Audience, Watch

log = structlog.get_logger(__name__)

_ladder = lru_cache(maxsize=1024)(ladder_of)
_NOBODY = Audience((), ())
#: What is compared while a session is live, and a gate for each that lets everything through.
_live_values = attrgetter(*LIVE_RECORDED)
_OPEN = [-1.0] * len(LIVE_RECORDED)


@dataclass(slots=True)
class _Round:
    """What one answer of each watch brought.

    Attributes:
        seen: For each session that was live, the reading that said so.
        touched: Sessions of which something is to be written.
        aged: Watches whose ended sessions are others than before.
    """

    samples: list[Sample] = field(default_factory=list)
    facts: list[Alert] = field(default_factory=list)
    rose: list[tuple[Watch, Rose]] = field(default_factory=list)
    seen: dict[int, tuple[Watch, Sample]] = field(default_factory=dict)
    touched: dict[int, Session] = field(default_factory=dict)
    aged: set[int] = field(default_factory=set)


@dataclass(frozen=True, slots=True, eq=False)
class _Waiting:
    """What one caller was told, and wants to have stored."""

    told: Sequence[tuple[Watch, Told]]
    now: int


class _Mark(NamedTuple):
    """A value of a live session that may break a record."""

    watch: Watch
    session: Session
    at: int
    late: bool
    measure: Measure
    value: float
    chats: tuple[int, ...]


class Ingest:
    """The stage that stores and decides.

    Attributes:
        owed: Set when a transaction made deliveries, so that nobody waits for the next tick.
    """

    def __init__(self, database: Database, *, grace: int = DEFAULT_GRACE) -> None:
        self.owed = asyncio.Event()
        self._database = database
        self._grace = grace
        self._lock = asyncio.Lock()
        self._waiting: list[_Waiting] = []
        self._forget()

    def known(self, watch_id: int) -> tuple[str, ...]:
        """Return the platform's ids of a watch's live and announced sessions."""
        track = self._tracks.get(watch_id)
        return tuple(s.keys[-1] for s in track.sessions if s.ended_at is None) if track else ()

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
                await self._refresh(connection, [watch.id for watch, _ in told])
                for answers in _turns(told):
                    owed = await self._take_answers(connection, answers, now) or owed
                await self._note(connection, told, now)
        except BaseException:
            self._forget()
            raise
        if owed:
            self.owed.set()

    def _forget(self) -> None:
        self._tracks: dict[int, Track] = {}
        self._audiences: dict[int, Audience] = {}
        self._rules: dict[int, Rules] = {}
        self._rivals: Rivals | None = None
        #: For each session and measure compared live: up to which value it is known that no further record falls.
        self._gates: dict[int, list[float]] = {}
        #: Sessions above all that their own watch did before: whatever ends may be a new rival of theirs.
        self._leading: set[int] = set()
        #: For each session that was above its gates, measure and chat: the widest scope that was told.
        self._told: dict[int, dict[tuple[str, int], int]] = {}
        self._revision = -1

    async def _refresh(self, connection: Connection, ids: Sequence[int]) -> None:
        """Load what is not in memory, or has aged."""
        rivals = self._rivals
        if rivals is None:
            rivals = self._rivals = Rivals()
            for watch_id, platform, public, past in await records.past(connection):
                rivals.note(watch_id, platform, past, public=public)
        revision = await watches.revised(connection)
        if revision != self._revision:
            self._audiences.clear()
            self._gates.clear()
            rivals.open_book(await records.pages(connection))
            self._revision = revision
        new = [id_ for id_ in ids if id_ not in self._tracks]
        if new:
            self._tracks.update(await sessions.tracks(connection, new))
        new = [id_ for id_ in ids if id_ not in self._audiences]
        if new:
            self._audiences.update(await watches.audiences(connection, new))

    async def _take_answers(
        self, connection: Connection, answers: Sequence[tuple[Watch, Answer]], now: int
    ) -> bool:
        """Fold one answer of each watch, write what came of it, and tell whether deliveries are owed."""
        ended = await self._recall(connection, answers)
        turn = _Round()
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
        await self._note_ends(connection, turn.aged, places)
        return await self._tell(connection, turn, now)

    async def _recall(self, connection: Connection, answers: Sequence[tuple[Watch, Answer]]) -> list[Session]:
        """Bring back sessions of old that an answer names again; forget those that no answer names.

        Returns:
            Those that had ended, and may go on now.
        """
        unknown, ended = [], []
        for watch, answer in answers:
            track = self._tracks[watch.id]
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

    def _fold(self, watch: Watch, answer: Answer, turn: _Round) -> None:
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
                    self._gates.pop(change.session.id, None)
                    self._told.pop(change.session.id, None)
                case Rose():
                    turn.rose.append((watch, change))

    async def _note_ends(
        self, connection: Connection, aged: Collection[int], places: dict[int, tuple[str, bool]]
    ) -> None:
        """Sessions that ended are rivals now, and yardsticks for their watches' ladders; resumed ones no more."""
        if not aged:
            return
        assert self._rivals is not None
        found = {watch_id: past for watch_id, _, _, past in await records.past(connection, sorted(aged))}
        for watch_id in aged:
            platform, public = places[watch_id]
            self._rivals.note(watch_id, platform, found.get(watch_id, {}), public=public)
            self._leading.update(one.id for one in self._tracks[watch_id].sessions)
        for session_id in self._leading:
            self._gates.pop(session_id, None)
        self._leading.clear()

    async def _tell(self, connection: Connection, turn: _Round, now: int) -> bool:
        """Write alerts and owe their deliveries, in the order in which a reading's alerts are told."""
        ids = await outbox.add_alerts(connection, turn.facts)
        await outbox.deliver_to_all(connection, zip(ids, turn.facts, strict=True), now=now)
        fallen = await self._tell_records(connection, turn, now)
        milestones = self._milestones(turn)
        if milestones:
            alerts = [milestone.alert(rose) for _, rose, _ in milestones]
            ids = await outbox.add_alerts(connection, alerts)
            rungs = [
                outbox.Rung(
                    alert_id=id_,
                    session_id=rose.session.id,
                    watch_id=watch.id,
                    threshold=threshold,
                    ladder=ladder,
                    metric=metric,
                    first_alert=fallen.get(rose.session.id),
                )
                for id_, (watch, rose, reached) in zip(ids, milestones, strict=True)
                for ladder, metric, threshold in reached
            ]
            await outbox.deliver_rungs(connection, rungs, now=now)
            await outbox.supersede(connection, sorted({rung.session_id for rung in rungs}), before=ids[0], now=now)
        return bool(turn.facts or fallen or milestones)

    def _milestones(self, turn: _Round) -> list[tuple[Watch, Rose, list[tuple[str | None, str | None, float]]]]:
        """Return the rises that passed a rung of somebody's ladder, with the rung for each ladder."""
        assert self._rivals is not None
        found = []
        for watch, rose in turn.rose:
            reached = []
            for ladder, metric in self._audiences.get(watch.id, _NOBODY).ladders:
                if (metric or watch.metric) != rose.metric:
                    continue
                rung = milestone.rung(
                    _ladder(ladder),
                    before=rose.before,
                    after=rose.after,
                    best=self._rivals.best(watch.id, watch.platform, MARK_OF[rose.metric]),
                )
                if rung is not None:
                    reached.append((ladder, metric, rung))
            if reached:
                found.append((watch, rose, reached))
        return found

    async def _tell_records(self, connection: Connection, turn: _Round, now: int) -> dict[int, int]:
        """Owe the records that these readings broke, chat by chat; return each session's first alert."""
        fell = []
        for mark, reached in await self._reached(connection, turn):
            told = self._told[mark.session.id]
            wider = [
                (place, scope) for place, scope in reached if scope > told.get((mark.measure, place.chat_id), 0)
            ]
            if wider:
                fell.append((mark, wider))
        if not fell:
            return {}
        alerts = [
            record.alert(mark.session, at=mark.at, measure=mark.measure, value=mark.value, late=mark.late)
            for mark, _ in fell
        ]
        ids = await outbox.add_alerts(connection, alerts)
        places = [(mark, place, scope) for mark, wider in fell for place, scope in wider]
        standings = await self._standings(connection, places)
        broken = []
        for id_, (mark, wider) in zip(ids, fell, strict=True):
            self._told.pop(mark.session.id, None)  # read again when it is next asked for
            for place, scope in wider:
                detail = record.standing_as_dict(next(standings))
                broken.append(
                    outbox.Broken(
                        alert_id=id_,
                        session_id=mark.session.id,
                        watch_id=place.watch_id,
                        chat_id=place.chat_id,
                        scope=scope,
                        detail=json.dumps(detail, ensure_ascii=False),
                    )
                )
        await outbox.deliver_records(connection, broken, now=now)
        first: dict[int, int] = {}
        for id_, (mark, _) in zip(ids, fell, strict=True):
            first.setdefault(mark.session.id, id_)
        return first

    async def _reached(
        self, connection: Connection, turn: _Round
    ) -> list[tuple[_Mark, list[tuple[Place, record.Scope]]]]:
        """Return the values that beat every rival of a scope, with the widest one for each chat; set the gates."""
        assert self._rivals is not None
        marks = self._above_gates(turn)
        chats = {chat_id for mark in marks for chat_id in mark.chats if not self._rivals.knows(chat_id)}
        if chats:
            self._rivals.follow(await watches.followed(connection, sorted(chats)))
        found = []
        for mark in marks:
            gate = float("inf")
            reached = []
            for chat_id in mark.chats:
                place = Place(mark.watch.id, mark.watch.platform, chat_id, mark.measure)
                scope, ahead = self._rivals.reach(place, mark.value)
                gate = min(gate, ahead)
                if scope is not None:
                    reached.append((place, scope))
            self._shut(mark.session, mark.measure, gate)
            self._leading.add(mark.session.id)
            if reached:
                found.append((mark, reached))
        new = sorted({mark.session.id for mark, _ in found}.difference(self._told))
        if new:
            self._told.update((id_, {}) for id_ in new)
            for (id_, measure, chat_id), widest in (await outbox.told_scopes(connection, new)).items():
                self._told[id_][measure, chat_id] = widest
        return found

    def _above_gates(self, turn: _Round) -> list[_Mark]:
        """Return the values that may break a record: most are known not to, by one comparison."""
        assert self._rivals is not None
        marks = []
        for watch, sample in turn.seen.values():
            session = sample.session
            gates = self._gates.get(session.id, _OPEN)
            for measure, value, gate in zip(LIVE_RECORDED, _live_values(session.tally), gates, strict=True):
                if value is None or value <= gate:
                    continue
                chats = self._audiences.get(watch.id, _NOBODY).chats
                best = self._rivals.best(watch.id, watch.platform, measure)
                if best is not None and value <= best:
                    self._shut(session, measure, best)
                elif chats:
                    marks.append(_Mark(watch, session, sample.at, sample.late, measure, value, chats))
        return marks

    def _shut(self, session: Session, measure: Measure, gate: float) -> None:
        """Set up to which value no further record of a session falls."""
        gates = self._gates.setdefault(session.id, list(_OPEN))
        gates[LIVE_RECORDED.index(measure)] = gate

    async def _standings(
        self, connection: Connection, places: Sequence[tuple[_Mark, Place, record.Scope]]
    ) -> Iterator[record.Standing]:
        """Return records as their chats see them, with what is known of the holders of the former ones."""
        assert self._rivals is not None
        found = [self._rivals.standing(place, mark.value, scope) for mark, place, scope in places]
        holders = await records.holders(connection, {one for _, candidates in found for one in candidates})
        return iter(
            [
                replace(standing, previous=min(holders[one] for one in candidates).rival)
                if candidates
                else standing
                for standing, candidates in found
            ]
        )

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
                    log.info("a source answers again", watch=watch.name)
                continue
            answered[last.at, False].append(watch.id)
            failures = list(takewhile(_failed, reversed(one.answers)))
            since, goes_on = failures[-1].at, watch.trouble is not None
            if len(failures) < len(one.answers):
                answered[one.answers[-1 - len(failures)].at, True].append(watch.id)
                goes_on = False
            trouble = f"{last.trouble}: {last.detail}".removesuffix(": ")
            if not goes_on:
                troubles.append((watch.id, trouble, since))
                log.warning("a source cannot be read", watch=watch.name, why=trouble)
            elif trouble != watch.trouble:
                troubles.append((watch.id, trouble, watch.trouble_since))
        for (at, well), ids in sorted(answered.items()):
            await watches.note_asked(connection, ids, at=at, answered=well)
        await watches.note_trouble(connection, troubles)
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
