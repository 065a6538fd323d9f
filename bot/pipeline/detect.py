"""Decides what of a tick's readings is worth telling, and to whom it is owed.

Milestones are judged by each chat's ladder, records by the rivals that each chat knows. Most readings tell
nothing, so for each live session and measure a gate says up to which value that is known without a look at the
rivals: a tick of 10,000 sessions costs as many comparisons.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from operator import attrgetter
from typing import NamedTuple

from bot.domain.alert import Alert
from bot.domain.alerts import milestone, record
from bot.domain.measure import LIVE_RECORDED, MARK_OF, Measure
from bot.domain.rivals import Place, Rivals
from bot.domain.session import Rose, Sample, Session
from storage import outbox, records, watches
from storage.chats import ladder_of
from storage.database import Connection
from storage.watches import Audience, Watch

_ladder = lru_cache(maxsize=1024)(ladder_of)
_NOBODY = Audience((), ())
#: What is compared while a session is live, and a gate for each that lets everything through.
_live_values = attrgetter(*LIVE_RECORDED)
_OPEN = [-1.0] * len(LIVE_RECORDED)


@dataclass(slots=True)
class Turn:
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


class _Mark(NamedTuple):
    """A value of a live session that may break a record."""

    watch: Watch
    session: Session
    at: int
    late: bool
    measure: Measure
    value: float
    chats: tuple[int, ...]


class Detect:
    """Knows who listens to what, and whom they must beat; made anew where a transaction failed."""

    def __init__(self) -> None:
        self._audiences: dict[int, Audience] = {}
        self._rivals = Rivals()
        self._loaded = False
        #: For each session and measure compared live: up to which value it is known that no further record falls.
        self._gates: dict[int, list[float]] = {}
        #: Sessions above all that their own watch did before: whatever ends may be a new rival of theirs.
        self._leading: set[int] = set()
        #: For each session that was above its gates, measure and chat: the widest scope that was told.
        self._told: dict[int, dict[tuple[str, int], int]] = {}
        self._revision = -1

    async def refresh(self, connection: Connection, ids: Sequence[int]) -> None:
        """Load what is not in memory of these watches, or has aged."""
        if not self._loaded:
            for watch_id, platform, public, past in await records.past(connection):
                self._rivals.note(watch_id, platform, past, public=public)
            self._loaded = True
        revision = await watches.revised(connection)
        if revision != self._revision:
            self._audiences.clear()
            self._gates.clear()
            self._rivals.open_book(await records.pages(connection))
            self._revision = revision
        new = [id_ for id_ in ids if id_ not in self._audiences]
        if new:
            self._audiences.update(await watches.audiences(connection, new))

    def over(self, session_id: int) -> None:
        """Note that a session ended: nothing of it is compared live any more."""
        self._gates.pop(session_id, None)
        self._told.pop(session_id, None)

    async def note_ends(
        self,
        connection: Connection,
        aged: Mapping[int, Collection[Session]],
        places: Mapping[int, tuple[str, bool]],
    ) -> None:
        """Sessions that ended are rivals now, and yardsticks for their watches' ladders; resumed ones no more.

        Args:
            aged: Watches whose ended sessions are others than before, each with its sessions at hand.
            places: The platform of each, and whether it is public.
        """
        if not aged:
            return
        found = {watch_id: past for watch_id, _, _, past in await records.past(connection, sorted(aged))}
        for watch_id, at_hand in aged.items():
            platform, public = places[watch_id]
            self._rivals.note(watch_id, platform, found.get(watch_id, {}), public=public)
            self._leading.update(one.id for one in at_hand)
        for session_id in self._leading:
            self._gates.pop(session_id, None)
        self._leading.clear()

    async def tell(self, connection: Connection, turn: Turn, now: int) -> bool:
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

    def _milestones(self, turn: Turn) -> list[tuple[Watch, Rose, list[tuple[str | None, str | None, float]]]]:
        """Return the rises that passed a rung of somebody's ladder, with the rung for each ladder."""
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

    async def _tell_records(self, connection: Connection, turn: Turn, now: int) -> dict[int, int]:
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
        self, connection: Connection, turn: Turn
    ) -> list[tuple[_Mark, list[tuple[Place, record.Scope]]]]:
        """Return the values that beat every rival of a scope, with the widest one for each chat; set the gates."""
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

    def _above_gates(self, turn: Turn) -> list[_Mark]:
        """Return the values that may break a record: most are known not to, by one comparison."""
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
