"""Decides what of a tick's readings is worth telling, and to whom it is owed.

Milestones are judged by each chat's ladder, records by the rivals that each chat knows. Most readings tell
nothing, so for each live session and measure a gate says up to which value that is known without a look at the
rivals: a tick of 10,000 sessions costs as many comparisons.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from math import inf
from operator import attrgetter
from typing import NamedTuple

from bot.domain import MINUTE
from bot.domain.alert import Alert
from bot.domain.alerts import close, ended, milestone, record
from bot.domain.measure import LIVE_RECORDED, MARK_OF, Measure
from bot.domain.reading import Metric
from bot.domain.rivals import Doubt, Place, Rivals
from bot.domain.session import Rose, Sample, Session
from bot.ports.meter import SILENT, Meter
from storage import audiences, corrections, doubts, imports, outbox, records, watches
from storage.audiences import ALL, Audience, View
from storage.chats import ladder_of
from storage.corrections import Held
from storage.database import Connection
from storage.watches import Revision, Watch

_ladder = lru_cache(maxsize=1024)(ladder_of)
_NOBODY = Audience()
#: What is compared while a session is live, and a gate for each that lets everything through.
_live_values = attrgetter(*LIVE_RECORDED)
#: An end that is told so long after it happened was not known when others were told of records.
_LATE = MINUTE
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


class _Reached(NamedTuple):
    """What a value is for the chats of one view: a record in a scope; or, without one, close to a record."""

    mark: _Mark
    view: View
    place: Place
    scope: record.Scope | None

    @property
    def kind(self) -> str:
        return close.KIND if self.scope is None else record.KIND

    @property
    def told(self) -> _Told:
        """As what it is told: see ``Detect``."""
        return self.kind, self.mark.measure, self.view.chat_id


class _Fallen(NamedTuple):
    """The first record of a reading; and whether all who take milestones of the session are told one."""

    alert_id: int
    to_all: bool


#: A kind of alert, a measure, and the chat that stands for a view.
_Told = tuple[str, Measure, int]


class Detect:
    """Knows who listens to what, and whom they must beat; made anew where a transaction failed."""

    def __init__(self, *, meter: Meter = SILENT) -> None:
        self._meter = meter
        self._audiences: dict[int, Audience] = {}
        self._rivals = Rivals()
        self._loaded = False
        #: The import that came last, when they were loaded.
        self._imported: str | None = None
        #: For each session and measure compared live: up to which value it is known that no further record falls.
        self._gates: dict[int, list[float]] = {}
        #: Sessions above all that their own watch did before: whatever ends may be a new rival of theirs.
        self._leading: set[int] = set()
        #: How the chats of a watch see its rivals, for watches that came above their own best.
        self._views: dict[int, list[View]] = {}
        #: For each session that was above its gates: of which kind and measure anybody was told anything.
        self._any_told: dict[int, set[tuple[str, str]]] = {}
        #: And the widest scope that all chats of a view were told; 0 for being close.
        self._told: dict[int, dict[_Told, int]] = {}
        #: Records of live sessions on figures that a source may take back.
        self._held: dict[int, dict[Measure, Held]] = {}
        #: Values of sessions that count no more.
        self._doubts: frozenset[Doubt] = frozenset()
        self._doubted: set[tuple[int, Measure, int | None]] = set()
        self._revision = Revision(-1)

    async def refresh(self, connection: Connection, ids: Sequence[int]) -> None:
        """Load what is not in memory of these watches, or has aged."""
        revision = await watches.revised(connection)
        if self._loaded and revision.ends != self._revision.ends:
            await self._note_past(connection, await watches.ended_since(connection, self._revision.ends))
            self._gates.clear()
        if revision.value != self._revision.value:
            await self._load(connection)
            self._audiences.clear()
            self._views.clear()
            self._told.clear()  # chats see others by now
            self._gates.clear()
            self._rivals.set_apart(await records.apart(connection))
            self._rivals.open_book(await records.pages(connection))
        self._revision = revision
        new = [id_ for id_ in ids if id_ not in self._audiences]
        if new:
            self._audiences.update(await audiences.audiences(connection, new))

    async def _load(self, connection: Connection) -> None:
        """Load the ended sessions, or those of them that count otherwise than before."""
        found = await doubts.standing(connection)
        changed = found ^ self._doubts
        self._doubts = found
        self._doubted = {(one.session_id, one.measure, one.chat_id) for one in found}
        imported = await imports.stamp(connection)
        if not self._loaded or imported != self._imported:
            self._imported = imported
            for watch_id, platform, public, past in await records.past(connection, without=self._without(None)):
                self._rivals.note(watch_id, platform, past, public=public)
            self._held = await corrections.held(connection)
            self._loaded = True
        elif changed:
            await self._note_past(connection, {one.watch_id: (one.platform, one.public) for one in changed})
        if changed:
            self._rivals.forget_doubts()
            await self._note_doubted(connection, {one.watch_id for one in found})

    async def _note_past(self, connection: Connection, places: Mapping[int, tuple[str, bool]]) -> None:
        """Note the ended sessions of these watches, each with its platform and whether it is public."""
        rows = await records.past(connection, sorted(places), without=self._without(None))
        found = {watch_id: past for watch_id, _, _, past in rows}
        for watch_id, (platform, public) in places.items():
            self._rivals.note(watch_id, platform, found.get(watch_id, {}), public=public)

    async def _note_doubted(self, connection: Connection, watch_ids: Collection[int]) -> None:
        """Note what is left of the ended sessions of these watches in chats that doubt some of them."""
        by_chat = defaultdict(list)
        for one in self._doubts:
            if one.chat_id is not None and one.watch_id in watch_ids:
                by_chat[one.chat_id].append(one)
        for chat_id, own in by_chat.items():
            ids = sorted({one.watch_id for one in own})
            rows = await records.past(connection, ids, without=self._without(chat_id))
            left = {watch_id: past for watch_id, _, _, past in rows}
            for one in own:
                self._rivals.note_doubted(one, left.get(one.watch_id, {}).get(one.measure))

    def _without(self, chat_id: int | None) -> dict[Measure, list[int]]:
        """Return the sessions whose values do not count in a chat; None: in none."""
        found = defaultdict(list)
        for one in self._doubts:
            if one.chat_id is None or one.chat_id == chat_id:
                found[one.measure].append(one.session_id)
        return found

    def told_of_ends(self, revision: Revision) -> None:
        """Note that what other processes are told of the ends of sessions comes from here."""
        self._revision = self._revision._replace(ends=revision.ends)

    async def take_over(self, connection: Connection, session_ids: Sequence[int]) -> None:
        """Read again what was told of sessions that another process has looked after."""
        for id_ in session_ids:
            self.over(id_)
            self._held.pop(id_, None)
        if session_ids:
            self._held.update(await corrections.held(connection, session_ids))

    def ahead(self, watch: Watch, session: Session) -> float:
        """Return the next value of a live session to be told, a rung or a record; infinity if there is none."""
        measure = MARK_OF[Metric(watch.metric)]
        mark = getattr(session.tally, measure) or 0.0
        best = self._rivals.best(watch.id, watch.platform, measure)
        ahead = inf
        for ladder, metric in self._audiences.get(watch.id, _NOBODY).ladders:
            if (metric or watch.metric) == watch.metric:
                silent = best * milestone.HEARD_FROM if ladder is None and best is not None else 0.0
                ahead = min(ahead, milestone.next_rung(_ladder(ladder), above=max(mark, silent)) or inf)
        if measure in LIVE_RECORDED:
            gate = self._gates.get(session.id, _OPEN)[LIVE_RECORDED.index(measure)]
            if mark <= gate < ahead:
                ahead = gate
        return ahead

    def over(self, session_id: int) -> None:
        """Note that a session ended: nothing of it is compared live any more."""
        self._gates.pop(session_id, None)
        self._told.pop(session_id, None)
        self._any_told.pop(session_id, None)

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
        await self._note_past(connection, {watch_id: places[watch_id] for watch_id in aged})
        if self._doubts:
            await self._note_doubted(connection, aged)
        for at_hand in aged.values():
            self._leading.update(one.id for one in at_hand)
        resumed = [one.id for at_hand in aged.values() for one in at_hand if one.is_live and one.ends]
        if resumed:  # they were forgotten at their end
            self._held.update(await corrections.held(connection, resumed))
        for session_id in self._leading:
            self._gates.pop(session_id, None)
        self._leading.clear()

    async def tell(self, connection: Connection, turn: Turn, now: int) -> bool:
        """Write alerts and owe their deliveries, in the order in which a reading's alerts are told."""
        ids = await outbox.add_alerts(connection, turn.facts)
        await outbox.deliver_to_all(connection, zip(ids, turn.facts, strict=True), now=now)
        reached, near = await self._reached(connection, turn)
        told = await self._correct(connection, turn, now)
        fallen = await self._tell_records(connection, reached, now)
        told = await self._tell_close(connection, near, now) or told
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
                    first_alert=fallen[rose.session.id].alert_id if rose.session.id in fallen else None,
                )
                for id_, (watch, rose, reached) in zip(ids, milestones, strict=True)
                if not (rose.session.id in fallen and fallen[rose.session.id].to_all)
                for ladder, metric, threshold in reached
            ]
            await outbox.deliver_rungs(connection, rungs, now=now)
            self._meter.superseded(await outbox.supersede(connection, before=ids[0], now=now))
        return bool(turn.facts or fallen or told or milestones)

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

    async def _tell_records(
        self, connection: Connection, reached: Sequence[list[_Reached]], now: int
    ) -> dict[int, _Fallen]:
        """Owe the records that these readings broke, view by view; return what was told first of each session."""
        fell = await self._untold(connection, reached, now)
        if not fell:
            return {}
        await self._trust_again(connection, [views[0].mark for views in fell], now)
        alerts = [
            record.alert(mark.session, at=mark.at, measure=mark.measure, value=mark.value, late=mark.late)
            for mark in (views[0].mark for views in fell)
        ]
        ids = await outbox.add_alerts(connection, alerts)
        owed = []
        first: dict[int, _Fallen] = {}
        # Asked for all sessions at once: a statement for each would cost more than the tick.
        standings = iter(await self._standings(connection, [one for views in fell for one in views]))
        for id_, views in zip(ids, fell, strict=True):
            mark = views[0].mark
            alike: dict[tuple[int, str], list[_Reached]] = defaultdict(list)
            for one, standing in zip(views, standings, strict=False):
                if mark.measure is not Measure.PEAK:  # a confirmed figure is never taken back
                    bar = standing.previous.value
                    corrections.note(self._held, mark.session.id, mark.measure, told=mark.value, bar=bar)
                detail = json.dumps(record.standing_as_dict(standing), ensure_ascii=False)
                alike[int(one.scope or 0), detail].append(one)
            parts = [self._fell(same, scope=scope, detail=detail) for (scope, detail), same in alike.items()]
            owed += [(id_, one) for one in parts]
            to_all = not any(one.again for one in parts) and audiences.together(one.part for one in parts) == ALL
            either = self._audiences[mark.watch.id].either
            before = first.get(mark.session.id, _Fallen(id_, to_all=False))
            first[mark.session.id] = before._replace(to_all=before.to_all or (to_all and not either))
        await outbox.deliver_fallen(connection, owed, now=now)
        self._note_told(fell)
        return first

    async def _untold(
        self, connection: Connection, reached: Sequence[list[_Reached]], now: int
    ) -> list[list[_Reached]]:
        """Return, mark by mark, the views with a chat that was not told so much in the session before."""
        new = {views[0].mark.session.id for views in reached}.difference(self._any_told)
        if new:
            self._any_told.update((id_, set()) for id_ in new)
            for session_id, kind, measure in await outbox.told_kinds(connection, sorted(new)):
                self._any_told[session_id].add((kind, measure))
        found = []
        for views in reached:
            left = []
            for one in views:
                known = self._told.setdefault(one.mark.session.id, {})
                scope = int(one.scope or 0)
                if known.get(one.told, -1) >= scope:
                    continue
                # Something was told before, perhaps before a start or to other views, and perhaps in a wider scope
                # than is known here: to whom, only the deliveries say.
                if (one.kind, one.mark.measure) in self._any_told[one.mark.session.id]:
                    asked = self._fell([one], scope=one.scope and int(one.scope))
                    if not await outbox.is_left(connection, asked, now=now):
                        known[one.told] = scope
                        continue
                left.append(one)
            if left:
                found.append(left)
        return found

    def _fell(self, same: Sequence[_Reached], *, scope: int | None, detail: str | None = None) -> outbox.Fell:
        """Return what is owed to the chats of views that see it alike."""
        mark, kind = same[0].mark, same[0].kind
        return outbox.Fell(
            session_id=mark.session.id,
            watch_id=mark.watch.id,
            kind=kind,
            measure=mark.measure,
            part=audiences.together(one.view.part for one in same),
            scope=scope,
            detail=detail,
            again=(kind, mark.measure) in self._any_told[mark.session.id],
        )

    def _note_told(self, told: Sequence[list[_Reached]]) -> None:
        for views in told:
            for one in views:
                self._told[one.mark.session.id][one.told] = int(one.scope or 0)
                self._any_told[one.mark.session.id].add((one.kind, one.mark.measure))

    async def _trust_again(self, connection: Connection, marks: Sequence[_Mark], now: int) -> None:
        """Owe that records stand after all which a source took back: it breaks a wider one by now."""
        for mark in marks:
            held = self._held.get(mark.session.id, {}).get(mark.measure)
            if held is not None and held.fallen:
                told = await corrections.of_session(connection, mark.session.id, mark.measure, recaps=False)
                await corrections.owe(connection, told, at=mark.at, now=now)

    async def _tell_close(self, connection: Connection, near: Sequence[list[_Reached]], now: int) -> bool:
        """Owe that sessions are close to a record, once for each measure and chat; tells whether any is owed."""
        fresh = await self._untold(connection, near, now)
        alerts = [
            close.alert(mark.session, at=mark.at, measure=mark.measure, value=mark.value, late=mark.late)
            for mark in (views[0].mark for views in fresh)
        ]
        ids = await outbox.add_alerts(connection, alerts)
        owed = [(id_, self._fell(views, scope=None)) for id_, views in zip(ids, fresh, strict=True)]
        await outbox.deliver_fallen(connection, owed, now=now)
        self._note_told(fresh)
        return bool(fresh)

    async def _correct(self, connection: Connection, turn: Turn, now: int) -> bool:
        """Owe corrections of records that were told and turn out to be none; tells whether any is owed.

        Sources take totals back; and what ended while nobody looked was a rival before it was known.
        """
        over = [fact for fact in turn.facts if fact.kind == ended.KIND]
        found: list[corrections.Told] = []
        at = 0
        if self._held:
            seen = [(sample.session, sample.at) for _, sample in turn.seen.values()]
            last = {fact.session.id for fact in over}
            for session, moment in (*seen, *((fact.session, fact.at) for fact in over)):
                for measure, held in self._held.get(session.id, {}).items():
                    value = getattr(session.tally, measure)
                    back = held.bar < value if session.id in last else held.told <= value
                    if back if held.fallen else value <= held.bar:
                        self._held[session.id][measure] = held._replace(fallen=not held.fallen)
                        found += await corrections.of_session(connection, session.id, measure, recaps=False)
                        at = moment
        for fact in over:
            self._held.pop(fact.session.id, None)
            if now - fact.at > _LATE:
                found += await corrections.beaten_by_session(connection, fact.session.id)
                at = fact.at
        return await corrections.owe(connection, found, at=at, now=now)

    async def _reached(
        self, connection: Connection, turn: Turn
    ) -> tuple[list[list[_Reached]], list[list[_Reached]]]:
        """Find the values that beat every rival of a scope, and those close to the record; set the gates.

        Returns:
            Both mark by mark: the former in the widest scope of each view, the latter for those that want to hear.
        """
        found, near = [], []
        marks = self._above_gates(turn)
        await self._look(connection, marks)
        for mark in marks:
            gate = inf
            reached: list[_Reached] = []
            nearby: list[_Reached] = []
            for view in self._views[mark.watch.id]:
                if self._is_doubted(mark, view.chat_id):
                    continue
                place = Place(mark.watch.id, mark.watch.platform, view.chat_id, mark.measure)
                if view.records:
                    scope, ahead = self._rivals.reach(place, mark.value)
                    gate = min(gate, ahead)
                    if scope is not None:
                        reached.append(_Reached(mark, view, place, scope))
                top = self._rivals.top(place) if view.close else None
                if top is not None and close.is_close(mark.value, top):
                    nearby.append(_Reached(mark, view, place, None))
                elif top is not None and mark.value < top:
                    gate = min(gate, close.below(top))
            self._shut(mark.session, mark.measure, gate)
            self._leading.add(mark.session.id)
            if reached:
                found.append(reached)
            if nearby:
                near.append(nearby)
        return found, near

    async def _look(self, connection: Connection, marks: Sequence[_Mark]) -> None:
        """Load how the chats that listen for records see the rivals of these watches, where it is not known."""
        new = {mark.watch.id: mark.watch.platform for mark in marks if mark.watch.id not in self._views}
        if not new:
            return
        apart = {platform: self._rivals.with_own(platform) for platform in set(new.values())}
        for one in self._doubts:
            if one.chat_id is not None and one.platform in apart:
                apart[one.platform].add(one.chat_id)
        self._views.update(await audiences.views(connection, new, apart=apart))
        chats = {view.chat_id for id_ in new for view in self._views[id_] if not self._rivals.knows(view.chat_id)}
        if chats:
            self._rivals.follow(await audiences.followed(connection, chats))

    def _is_doubted(self, mark: _Mark, chat_id: int) -> bool:
        """Tell whether a value does not count in a chat."""
        return bool(self._doubted) and not self._doubted.isdisjoint(
            ((mark.session.id, mark.measure, chat_id), (mark.session.id, mark.measure, None))
        )

    def _above_gates(self, turn: Turn) -> list[_Mark]:
        """Return the values that may break a record: most are known not to, by one comparison."""
        marks = []
        for watch, sample in turn.seen.values():
            session = sample.session
            gates = self._gates.get(session.id, _OPEN)
            for measure, value, gate in zip(LIVE_RECORDED, _live_values(session.tally), gates, strict=True):
                if value is None or value <= gate:
                    continue
                audience = self._audiences.get(watch.id, _NOBODY)
                best = self._rivals.floor(watch.id, watch.platform, measure)
                if best is not None and value <= best and not audience.close:
                    self._shut(session, measure, best)
                elif audience.records or audience.close:
                    marks.append(_Mark(watch, session, sample.at, sample.late, measure, value))
        return marks

    def _shut(self, session: Session, measure: Measure, gate: float) -> None:
        """Set up to which value no further record of a session falls."""
        gates = self._gates.setdefault(session.id, list(_OPEN))
        gates[LIVE_RECORDED.index(measure)] = gate

    async def _standings(self, connection: Connection, reached: Sequence[_Reached]) -> list[record.Standing]:
        """Return records as their chats see them, with what is known of the holders of the former ones."""
        found = [
            self._rivals.standing(one.place, one.mark.value, one.scope) for one in reached if one.scope is not None
        ]
        holders = await records.holders(connection, {one for _, candidates in found for one in candidates})
        return [
            replace(standing, previous=min(holders[one] for one in candidates).rival) if candidates else standing
            for standing, candidates in found
        ]
