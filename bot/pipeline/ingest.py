"""Stores what sources told and decides what is worth telling, in one transaction a tick.

Snapshots, aggregates, alerts and the deliveries that are owed for them are written together, so that a kill
at any moment neither loses a fact nor repeats one. What is known of sessions stays in memory between ticks; if
a transaction fails, it is forgotten and read again.
"""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from zoneinfo import ZoneInfo

import structlog

from bot.domain.alert import Alert
from bot.domain.alerts import ended, milestone, record, started
from bot.domain.measure import LIVE_RECORDED, MARK_OF, Measure, measured
from bot.domain.reading import Answer, Failure, Metric, State
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
from bot.domain.statistics import JOINED_INTERVALS
from bot.ports.source import Told
from storage import outbox, records, samples, sessions, watches
from storage.chats import ladder_of
from storage.database import Connection, Database
from storage.watches import Audience, Watch

log = structlog.get_logger(__name__)

_ladder = lru_cache(maxsize=1024)(ladder_of)
_NOBODY = Audience((), ())


@dataclass(slots=True)
class _Round:
    """What one answer of each watch brought."""

    samples: list[Sample] = field(default_factory=list)
    facts: list[Alert] = field(default_factory=list)
    rose: list[tuple[Watch, Rose]] = field(default_factory=list)
    seen: dict[int, tuple[Watch, Session, int, bool]] = field(default_factory=dict)
    touched: dict[int, Session] = field(default_factory=dict)


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
        self._forget()

    def known(self, watch_id: int) -> tuple[str, ...]:
        """Return the platform's ids of a watch's live and announced sessions."""
        track = self._tracks.get(watch_id)
        return tuple(s.keys[-1] for s in track.sessions if s.ended_at is None) if track else ()

    async def take(self, told: Sequence[tuple[Watch, Told]], now: int) -> None:
        """Store what was told of watches, and owe the alerts that follow from it."""
        async with self._lock:
            try:
                async with self._database.write() as connection:
                    await self._refresh(connection, [watch.id for watch, _ in told])
                    owed = False
                    for turn in range(max((len(one.answers) for _, one in told), default=0)):
                        answers = [
                            (watch, answer)
                            for watch, one in told
                            if turn < len(one.answers) and isinstance(answer := one.answers[turn], Answer)
                        ]
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
        self._best: dict[int, dict[str, float]] = {}
        self._rules: dict[int, Rules] = {}
        #: For each session and measure: up to which value it is known that no further record falls.
        self._gates: dict[tuple[int, Measure], float] = {}
        self._revision = -1

    async def _refresh(self, connection: Connection, ids: Sequence[int]) -> None:
        """Load what is not in memory, or has aged."""
        revision = await watches.revised(connection)
        if revision != self._revision:
            self._audiences.clear()
            self._gates.clear()
            self._revision = revision
        new = [id_ for id_ in ids if id_ not in self._tracks]
        if new:
            self._tracks.update(await sessions.tracks(connection, new))
        new = [id_ for id_ in ids if id_ not in self._best]
        if new:
            best = await sessions.best(connection, new)
            self._best.update((id_, best.get(id_, {})) for id_ in new)
        new = [id_ for id_ in ids if id_ not in self._audiences]
        if new:
            self._audiences.update(await watches.audiences(connection, new))

    async def _take_answers(
        self, connection: Connection, answers: Sequence[tuple[Watch, Answer]], now: int
    ) -> bool:
        """Fold one answer of each watch, write what came of it, and tell whether deliveries are owed."""
        await self._recall(connection, answers)
        turn = _Round()
        for watch, answer in answers:
            self._fold(watch, answer, turn)
        new = [one for one in turn.touched.values() if one.id == 0]
        if new:
            places = {watch.id: (watch.platform, watch.public) for watch, _ in answers}
            await sessions.add(connection, [(one, *places[one.watch_id]) for one in new])
        fresh = {id(one) for one in new}
        old = [one for one in turn.touched.values() if id(one) not in fresh]
        await sessions.save(connection, [one for one in old if one.changed])
        await sessions.save_tallies(connection, old)
        await samples.add(connection, turn.samples)
        for one in turn.touched.values():
            one.changed = False
        return await self._tell(connection, turn, now)

    async def _recall(self, connection: Connection, answers: Sequence[tuple[Watch, Answer]]) -> None:
        """Bring back sessions of old that an answer names again; forget those that no answer names."""
        unknown = []
        for watch, answer in answers:
            track = self._tracks[watch.id]
            named = {reading.session for reading in answer.readings}
            if any(one.ended_at is not None for one in track.sessions):
                track.sessions = [
                    one for one in track.sessions if one.ended_at is None or named.intersection(one.keys)
                ]
            unknown += [(watch.id, key) for key in named if track.find(key) is None]
        for one in await sessions.by_keys(connection, unknown):
            self._tracks[one.watch_id].sessions.insert(0, one)

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
        before = {id(one): one.tally.last_at for one in track.sessions}
        changes, kept = advance(track, answer, rules)
        turn.samples += kept
        for one in track.sessions:
            if one.changed:
                turn.touched[id(one)] = one
        for sample in kept:
            turn.touched[id(sample.session)] = sample.session
            if sample.reading is not None and sample.reading.state is State.LIVE:
                last = before.get(id(sample.session))
                late = last is not None and answer.at - last > JOINED_INTERVALS * rules.interval
                turn.seen[id(sample.session)] = (watch, sample.session, answer.at, late)
        for change in changes:
            match change:
                case Started():
                    turn.facts.append(started.alert(change))
                case Ended():
                    turn.facts.append(ended.alert(change))
                    self._note_end(change.session)
                case Rose():
                    turn.rose.append((watch, change))

    def _note_end(self, session: Session) -> None:
        """A session that ended is a rival now, and a yardstick for its watch's ladder."""
        best = self._best[session.watch_id]
        for measure in MARK_OF.values():
            value = measured(session.tally, measure)
            if value is not None and value > best.get(measure, -1):
                best[measure] = value
        self._gates.clear()

    async def _tell(self, connection: Connection, turn: _Round, now: int) -> bool:
        """Write alerts and owe their deliveries, in the order in which a reading's alerts are told."""
        ids = await outbox.add_alerts(connection, turn.facts)
        await outbox.deliver_to_all(connection, zip(ids, turn.facts, strict=True), now=now)
        fallen = {}
        for watch, session, at, late in turn.seen.values():
            first = await self._records(connection, watch, session, at=at, late=late, now=now)
            if first is not None:
                fallen[session.id] = first
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
        found = []
        for watch, rose in turn.rose:
            reached = []
            for ladder, metric in self._audiences.get(watch.id, _NOBODY).ladders:
                if Metric(metric or watch.metric) is not rose.metric:
                    continue
                rung = milestone.rung(
                    _ladder(ladder),
                    before=rose.before,
                    after=rose.after,
                    best=self._best[watch.id].get(MARK_OF[rose.metric]),
                )
                if rung is not None:
                    reached.append((ladder, metric, rung))
            if reached:
                found.append((watch, rose, reached))
        return found

    async def _records(
        self, connection: Connection, watch: Watch, session: Session, *, at: int, late: bool, now: int
    ) -> int | None:
        """Owe the records that this reading broke, chat by chat; return the first alert's id, if any."""
        chats = self._audiences.get(watch.id, _NOBODY).chats
        if not chats:
            return None
        first = None
        for measure in LIVE_RECORDED:
            value = measured(session.tally, measure)
            if value is None or value <= self._gates.get((session.id, measure), -1):
                continue
            best = self._best[watch.id].get(measure)
            if best is not None and value <= best:
                self._gates[session.id, measure] = best
                continue
            id_ = await self._break(
                connection,
                watch,
                record.alert(session, at=at, measure=measure, value=value, late=late),
                chats,
                now,
            )
            first = first or id_
        return first

    async def _break(
        self, connection: Connection, watch: Watch, alert: Alert, chats: Sequence[int], now: int
    ) -> int | None:
        """Compare a value with what each chat knows; owe the record where it fell anew or in a wider scope."""
        session, measure, value = alert.session, alert.measure, alert.value
        assert measure is not None
        assert value is not None
        gate = float("inf")
        news: dict[int, record.Standing] = {}
        told: dict[int, int] | None = None
        for chat_id in chats:
            rivals = await records.fields(
                connection, watch, chat_id=chat_id, measure=measure, apart_from=session.id
            )
            gate = min([gate, *(added.best.value for added in rivals.values() if added.best.value >= value)])
            standing = record.standing(value, rivals)
            if standing is None:
                continue
            if told is None:
                told = await outbox.told_scopes(connection, session.id, measure)
            if standing.scope > told.get(chat_id, 0):
                news[chat_id] = standing
        self._gates[session.id, measure] = gate
        if not news:
            return None
        (id_,) = await outbox.add_alerts(connection, [alert])
        for chat_id, standing in news.items():
            await outbox.deliver_record(
                connection,
                id_,
                alert,
                chat_id=chat_id,
                scope=standing.scope,
                detail=json.dumps(record.standing_as_dict(standing), ensure_ascii=False),
                now=now,
            )
        return id_

    async def _note(self, connection: Connection, told: Sequence[tuple[Watch, Told]], now: int) -> None:
        """Write down who answered, who failed and why, and when to ask again where a source said so."""
        answered = defaultdict(list)
        troubles = []
        for watch, one in told:
            if not one.answers:
                continue
            last = one.answers[-1]
            answered[last.at, isinstance(last, Answer)].append(watch.id)
            trouble = f"{last.trouble}: {last.detail}" if isinstance(last, Failure) else None
            if (trouble is None) != (watch.trouble is None):
                troubles.append((watch.id, trouble, None if trouble is None else last.at))
                if trouble is None:
                    log.info("a source answers again", watch=watch.name)
                else:
                    log.warning("a source cannot be read", watch=watch.name, why=trouble)
        for (at, well), ids in answered.items():
            await watches.note_asked(connection, ids, at=at, answered=well)
        await watches.note_trouble(connection, troubles)
        again: list[tuple[int, int | None]] = [
            (watch.id, max(one.again_at, now)) for watch, one in told if one.again_at is not None
        ]
        await watches.due_again(connection, again + [(watch.id, None) for watch, one in told if one.over])
