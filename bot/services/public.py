"""What anybody may read: live and past sessions of public watches, their records, and the book of all.

Nothing of a chat stands here but the name that it gave to a watch which it made public: rivals are other public
watches and everybody's entries of the book, rungs are those of the default ladder.
"""

from __future__ import annotations

import re
from collections import OrderedDict, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from bot.domain import HOUR
from bot.domain.alerts import card, ended
from bot.domain.alerts.milestone import next_rung, passed, rung
from bot.domain.alerts.record import Field, Rival, Scope, standing
from bot.domain.chart import Point, Trace
from bot.domain.measure import LIVE_RECORDED, MARK_OF, RECORDED, Measure, measured
from bot.domain.pace import WINDOW, Estimate, estimate
from bot.domain.plot import Plot
from bot.domain.reading import Metric, State
from bot.domain.rivals import BARE, booked_for
from bot.domain.session import Session, local_day
from bot.domain.snapshot import confirmed
from bot.domain.story import BrokenRecord, Chase, Rank, Story
from bot.services import charting
from bot.services.periods import zone_of
from storage import history, published, records, samples, sessions
from storage.database import Connection, Database
from storage.history import Ended
from storage.published import Published
from storage.records import Entry
from storage.watches import Watch

#: So many live sessions, announced ones, and past ones stand on a page.
MOST_LIVE, MOST_DUE, MOST_PAST, MOST_OF_WATCH = 40, 10, 12, 60
#: Columns of a chart and of a small curve: more than a line needs, and few bytes.
COLUMNS, SMALL_COLUMNS = 320, 90
#: How far back a small curve looks.
CURVE = 3 * HOUR
#: So many charts are kept until their sessions have a new reading.
MOST_PLOTS = 32

#: A name of a machine with a dot in it, or its number.
_HOST = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)+|localhost|\[[0-9A-Fa-f:.]+\]")
#: What stands before the address of another page.
HERE = "page:"

Rivals = Mapping[Measure, Mapping[Scope, Field]]


@dataclass(frozen=True, slots=True, kw_only=True)
class OnAir:
    """A live or announced session.

    Attributes:
        curve: The last hours of its figure at once; empty for other figures.
    """

    its: Published
    session: Session
    curve: tuple[Point, ...] = ()
    first: int = 0
    last: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Over:
    """A session that is over, with the measures of it that are disputed."""

    its: Published
    session: Ended
    disputed: frozenset[Measure] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Now:
    """What is on the air, what is to come, and what was last, the newest first."""

    live: tuple[OnAir, ...]
    due: tuple[OnAir, ...]
    over: tuple[Over, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class One:
    """A session.

    Attributes:
        story: As a card or recap tells it.
        plot: Its chart; None where there is no line.
        disputed: Measures that count for no record.
        observed: We read its figures; else they were imported.
        others: Other sessions of the watch, the newest first.
    """

    its: Published
    story: Story
    plot: Plot | None
    disputed: frozenset[Measure]
    observed: bool
    others: tuple[Over, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OfWatch:
    """All of a watch: the live session, those that are over, and how many these are in all."""

    its: Published
    live: tuple[OnAir, ...]
    over: tuple[Over, ...]
    sessions: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A value of the book: of a session, or an entry from elsewhere.

    Attributes:
        leads: Nothing that it is compared with is higher.
        rivals: With how many values it is compared.
        live: It is what a live session has come to so far.
    """

    value: float
    over: Over | None = None
    entry: Entry | None = None
    live: OnAir | None = None
    leads: bool = False
    sessions: int = 0
    since: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """Values of one measure on one platform, the highest first; what is compared with nothing is apart."""

    platform: str
    measure: Measure
    rows: tuple[Row, ...]
    alone: tuple[Row, ...]


@dataclass
class Plots:
    """Charts of sessions that have had no new reading since they were gathered."""

    _kept: OrderedDict[tuple[object, ...], Plot] = field(default_factory=OrderedDict)

    async def of(self, database: Database, its: Published, session: Session) -> Plot:
        """Return what is drawn of a session, without marks of rungs and records."""
        tally = session.tally
        key = (session.id, its.name, session.state, session.title, tally.last_at, tally.readings)
        found = self._kept.pop(key, None)
        if found is None:
            found = await charting.plot(
                database, name=its.name, watch=its.watch, session=session, chat_id=None, columns=COLUMNS
            )
        self._kept[key] = found
        while len(self._kept) > MOST_PLOTS:
            self._kept.popitem(last=False)
        return found


async def now(database: Database) -> Now:
    """Return what is on the air and what was last."""
    async with database.read() as connection:
        known = await _known(connection)
        found = await sessions.on_air(connection, list(known))
        live, due = _sorted(found)
        on_air = [await _on_air(connection, known[one.watch_id], one) for one in live[:MOST_LIVE]]
        past = await history.newest(connection, list(known), limit=MOST_PAST)
        return Now(
            live=tuple(on_air),
            due=tuple(OnAir(its=known[one.watch_id], session=_shown(known, one)) for one in due[:MOST_DUE]),
            over=await _over(connection, known, past),
        )


async def one(database: Database, session_id: int, *, now: int, plots: Plots) -> One | None:
    """Return a session, or None if it has no page."""
    async with database.read() as connection:
        found = await published.of_session(connection, session_id)
        session = None if found is None else await sessions.by_id(connection, session_id)
        if found is None or session is None:
            return None
        its, observed = _discreet(found[0]), found[1]
        if session.state is State.ENDED and session.tally.first_at is None:
            return None  # it was announced, and never came
        session = _shown({its.watch.id: its}, session)
        disputed = (await published.doubted(connection, [session.id])).get(session.id, frozenset())
        known = await _known(connection) | {its.watch.id: its}
        rivals = await _rivals(connection, its, session, known, disputed)
        others = await history.newest(connection, [its.watch.id], limit=7)
        past = await _over(connection, {its.watch.id: its}, [one for one in others if one.id != session.id][:6])
    plot = None
    if session.tally.first_at is not None and observed:
        plot = await plots.of(database, its, session)
    marks: tuple[tuple[int, float], ...] = ()
    if plot is not None and plot.course.enough:
        best = rivals.get(MARK_OF[plot.course.metric], {}).get(Scope.WATCH)
        marks = passed(
            [(at, value) for at, value in plot.course.points if value is not None],
            None,
            best=None if best is None else best.best.value,
        )
        line = charting.record(plot.course, rivals.get(MARK_OF[plot.course.metric], {}))
        plot = replace(plot, rungs=marks, record=line)
    story = await _story(database, its, session, rivals, now=now, rungs=marks)
    return One(
        its=its,
        story=story,
        plot=plot if plot is not None and plot.course.enough else None,
        disputed=disputed,
        observed=observed,
        others=past,
    )


async def of_watch(database: Database, watch_id: int) -> OfWatch | None:
    """Return all of a watch, or None if it has no page."""
    async with database.read() as connection:
        found = await published.of_watch(connection, watch_id)
        if found is None:
            return None
        its = _discreet(found)
        known = {its.watch.id: its}
        live, _ = _sorted(await sessions.on_air(connection, [watch_id]))
        past = await history.newest(connection, [watch_id], limit=MOST_OF_WATCH)
        return OfWatch(
            its=its,
            live=tuple([await _on_air(connection, its, one) for one in live[:MOST_LIVE]]),
            over=await _over(connection, known, past),
            sessions=await history.count(connection, [watch_id]),
        )


async def book(database: Database) -> list[Shelf]:
    """Return the records of public watches and everybody's entries, by platform and measure."""
    made = []
    async with database.read() as connection:
        known = await _known(connection)
        entries = await _entries(connection, known)
        on_air, _ = _sorted(await sessions.on_air(connection, list(known)))
        unsure = await published.doubted(connection, [one.id for one in on_air])
        by_platform: dict[str, list[Published]] = defaultdict(list)
        for its in known.values():
            by_platform[its.watch.platform].append(its)
        for platform in sorted({*by_platform, *(one.platform for one in entries)}):
            ids = [its.watch.id for its in by_platform[platform]]
            for measure in RECORDED:
                held = await published.best(connection, measure, ids, each=True)
                past = await _over(connection, known, [one.session for one in held])
                rows = [
                    Row(value=value, over=over, sessions=one.sessions, since=one.since)
                    for one, over in zip(held, past, strict=True)
                    if (value := over.session.measure(measure)) is not None
                ]
                rows += [
                    Row(value=one.value, entry=one)
                    for one in entries
                    if one.platform == platform and one.measure == measure
                ]
                if measure in LIVE_RECORDED:
                    rows += _so_far(
                        [
                            OnAir(its=known[one.watch_id], session=_shown(known, one))
                            for one in on_air
                            if one.watch_id in ids and measure not in unsure.get(one.id, frozenset())
                        ],
                        rows,
                        measure,
                    )
                if rows:
                    made.append(_shelf(platform, measure, rows, known))
    return made


def _sorted(found: Sequence[Session]) -> tuple[list[Session], list[Session]]:
    """Return live sessions, the largest first, and announced ones, the next first."""
    live = [one for one in found if one.is_live and one.tally.first_at is not None]
    due = [one for one in found if one.state is State.SCHEDULED and one.started_at is not None]
    return (
        sorted(live, key=lambda one: -(one.tally.confirmed or 0)),
        sorted(due, key=lambda one: one.started_at or 0),
    )


async def _known(connection: Connection) -> dict[int, Published]:
    return {id_: _discreet(its) for id_, its in (await published.everything(connection)).items()}


def _discreet(its: Published) -> Published:
    """Return a watch under a name that does not say where a private one's figures come from."""
    if not _gives_away(its.name, its.watch):
        return its
    return its._replace(name=f"{its.watch.platform} {its.watch.id}")


def _gives_away(text: str | None, watch: Watch) -> bool:
    """Tell whether a text names the host of a private address."""
    if watch.public or not text:
        return False
    hosts = {found.casefold() for found in _HOST.findall(f"{watch.reference} {watch.url or ''}")}
    return any(host in text.casefold() for host in hosts)


def _shown(known: Mapping[int, Published], session: Session) -> Session:
    """Return a session as its page may show it: where it is private, not where its figures come from."""
    watch = known[session.watch_id].watch
    if watch.public:
        return session
    return replace(
        session,
        url=None,
        title=None if _gives_away(session.title, watch) else session.title,
        hosts=tuple(host for host in session.hosts if not _gives_away(host, watch)),
    )


def _shown_past(its: Published, one: Ended) -> Ended:
    if its.watch.public:
        return one
    return replace(one, url=None, title=None if _gives_away(one.title, its.watch) else one.title)


async def _on_air(connection: Connection, its: Published, session: Session) -> OnAir:
    tally = session.tally
    last = tally.last_at or 0
    first = max(tally.first_at or 0, last - CURVE)
    points: tuple[Point, ...] = ()
    if Metric(its.watch.metric) is Metric.CONCURRENT:
        trace = Trace(first, last, SMALL_COLUMNS)
        trace.follow(await samples.between(connection, session.id, first=first, last=last))
        points = trace.points()
    return OnAir(its=its, session=_shown({its.watch.id: its}, session), curve=points, first=first, last=last)


async def _over(connection: Connection, known: Mapping[int, Published], past: Sequence[Ended]) -> tuple[Over, ...]:
    disputed = await published.doubted(connection, [one.id for one in past]) if past else {}
    return tuple(
        Over(
            its=known[one.watch_id],
            session=_shown_past(known[one.watch_id], one),
            disputed=disputed.get(one.id, frozenset()),
        )
        for one in past
    )


# --- records


async def _entries(connection: Connection, known: Mapping[int, Published]) -> list[Entry]:
    """Return everybody's entries of the book, without those of watches that are not public."""
    return [
        one
        for one in await records.entries(connection, chat_id=None)
        if one.chat_id is None
        and one.scope != Scope.CHAT
        and (one.watch_id is None or one.watch_id in known)
        and (one.watch_id is not None or one.scope != Scope.WATCH)
    ]


def _shelf(platform: str, measure: Measure, rows: Sequence[Row], known: Mapping[int, Published]) -> Shelf:
    """Put rows in order, and tell which of those that can be compared lead."""
    alone = [one for one in rows if _is_alone(one, known)]
    among = [one for one in rows if not _is_alone(one, known)]
    counted = [one for one in among if one.live is None]
    best = max((one.value for one in counted), default=None)
    total = sum(one.sessions for one in counted)
    since = min((one.since for one in counted if one.since is not None), default=None)
    shown = [
        replace(one, leads=True, sessions=total, since=since)
        if len(counted) > 1 and one.value == best and one.live is None
        else one
        for one in among
    ]
    return Shelf(
        platform=platform,
        measure=measure,
        rows=tuple(sorted(shown, key=lambda one: (-one.value, one.live is not None))),
        alone=tuple(sorted(alone, key=lambda one: (-one.value, one.live is not None))),
    )


def _is_alone(row: Row, known: Mapping[int, Published]) -> bool:
    """Tell whether a value is compared with nothing but its own watch: a private one's, or a bare number."""
    if row.entry is not None:
        its = None if row.entry.watch_id is None else known[row.entry.watch_id]
        return its is not None and (its.watch.unit == BARE or not its.watch.public)
    held = row.over or row.live
    assert held is not None
    return held.its.watch.unit == BARE or not held.its.watch.public


def _so_far(live: Sequence[OnAir], rows: Sequence[Row], measure: Measure) -> list[Row]:
    """Return what live sessions have come to, where that is above all that their watch did before."""
    before = {one.over.its.watch.id: one.value for one in rows if one.over is not None}
    return [
        Row(value=value, live=one)
        for one in live
        if (value := measured(one.session.tally, measure)) is not None and value > before.get(one.its.watch.id, 0)
    ]


async def _rivals(
    connection: Connection,
    its: Published,
    session: Session,
    known: Mapping[int, Published],
    disputed: frozenset[Measure],
) -> dict[Measure, dict[Scope, Field]]:
    """Return whom a session has to beat on the pages, for each measure that counts."""
    watch = its.watch
    fit = {id_: one for id_, one in known.items() if id_ != watch.id and one.watch.platform == watch.platform}
    others = (
        []
        if watch.unit == BARE or not watch.public
        else [id_ for id_, one in fit.items() if one.watch.unit != BARE and one.watch.public]
    )
    lone = frozenset(id_ for id_, one in known.items() if one.watch.unit == BARE or not one.watch.public)
    entries = [one for one in await _entries(connection, known) if one.platform == watch.platform]
    found: dict[Measure, dict[Scope, Field]] = {}
    for measure in RECORDED:
        if measure in disputed or measured(session.tally, measure) is None:
            continue
        booked: dict[Scope | None, list[Entry]] = defaultdict(list)
        for entry in entries:
            if entry.measure == measure:
                scope = booked_for(Scope(entry.scope), of=entry.watch_id, own=False, watch_id=watch.id, apart=lone)
                booked[scope].append(entry)
        found[measure] = {}
        for scope, ids in ((Scope.WATCH, [watch.id]), (Scope.PLATFORM, others)):
            best = await published.best(connection, measure, ids, each=False, apart_from=session.id)
            its_field = _field(best, booked[scope], measure, known)
            if its_field is not None:
                found[measure][scope] = its_field
    return found


def _field(
    best: Sequence[published.Best], entries: Sequence[Entry], measure: Measure, known: Mapping[int, Published]
) -> Field | None:
    rivals = [
        Rival(
            value=one.value,
            holder=one.holder,
            date=one.date,
            link=one.link,
            disputed=one.disputed,
            at_least=one.at_least,
            entry_id=one.id,
        )
        for one in entries
    ]
    for one in best:
        value = one.session.measure(measure)
        if value is not None:
            rivals.append(_rival(one.session, value, measure, known[one.session.watch_id]))
    if not rivals:
        return None
    return Field(
        best=max(rivals, key=lambda rival: rival.value),
        sessions=best[0].sessions if best else 0,
        since=best[0].since if best else None,
    )


def _rival(one: Ended, value: float, measure: Measure, its: Published) -> Rival:
    moment = one.peak_at if measure is Measure.PEAK and one.peak_at is not None else one.first_at
    return Rival(
        value=value,
        holder=its.name,
        date=local_day(moment, zone_of(its.timezone or its.watch.timezone)).isoformat(),
        link=f"{HERE}s/{one.id}",
        session_id=one.id,
        origin=one.origin and "",
    )


# --- a session


async def _story(
    database: Database,
    its: Published,
    session: Session,
    rivals: Rivals,
    *,
    now: int,
    rungs: tuple[tuple[int, float], ...],
) -> Story:
    """Return a session as a card tells it; once it is over, as a recap does."""
    watch = its.watch
    mark = MARK_OF[Metric(watch.metric)]
    value = measured(session.tally, mark)
    told = Story(
        kind=card.KIND if session.is_live else ended.KIND,
        at=now,
        late=False,
        name=its.name,
        watch=its.name,
        platform=watch.platform,
        unit=watch.unit,
        interval=watch.interval,
        timezone=its.timezone or watch.timezone,
        session=session,
        url=session.url,
        measure=mark,
        value=value,
        records=_broken(session, rivals, LIVE_RECORDED if session.is_live else RECORDED),
    )
    if not session.is_live:
        place = await _place(database, session, mark, value, counts=mark in rivals)
        return replace(told, rungs=rungs if mark is Measure.PEAK else (), rank=place)
    chase = _chase(value, rivals.get(mark, {}), mark)
    told = replace(told, chase=chase, since=watch.trouble_since, why="" if watch.trouble is not None else None)
    if value is None:
        return told
    best = rivals.get(mark, {}).get(Scope.WATCH)
    told = replace(
        told,
        passed=rung(None, before=None, after=value, best=None if best is None else best.best.value),
        next_rung=next_rung(None, above=value),
    )
    if mark is not Measure.PEAK or session.gone_at is not None:
        return told
    last = session.tally.last_at or 0
    async with database.read() as connection:
        points = confirmed(await samples.between(connection, session.id, first=last - WINDOW, last=last))
    return replace(
        told,
        estimate=_estimate(points, told.next_rung),
        overtakes=None if chase is None else _estimate(points, chase.rival.value),
    )


def _estimate(points: Sequence[tuple[int, float]], value: float | None) -> Estimate | None:
    return None if value is None else estimate(points, value)


def _broken(session: Session, rivals: Rivals, measures: Sequence[Measure]) -> tuple[BrokenRecord, ...]:
    found = []
    for measure in measures:
        value = measured(session.tally, measure)
        held = None if value is None else standing(value, rivals.get(measure, {}))
        if value is not None and held is not None:
            found.append(BrokenRecord(measure=measure, value=value, standing=held))
    return tuple(found)


def _chase(value: float | None, fields: Mapping[Scope, Field], measure: Measure) -> Chase | None:
    """Return the lowest record that a live session has not broken."""
    if value is None:
        return None
    ahead = [(one.best.value, scope) for scope, one in fields.items() if one.best.value >= value]
    if not ahead:
        return None
    _, scope = min(ahead)
    return Chase(measure=measure, value=value, scope=scope, rival=fields[scope].best)


async def _place(
    database: Database, session: Session, mark: Measure, value: float | None, *, counts: bool
) -> Rank | None:
    if value is None or not counts:
        return None
    async with database.read() as connection:
        place, count = await published.rank(
            connection, mark, value, watch_id=session.watch_id, apart_from=session.id
        )
    return Rank(measure=mark, place=place, sessions=count) if count > 1 else None
