"""Reads what is exported, page by page: as much memory for ten million rows as for one."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import sqlalchemy as sa

from bot.domain import DAY, HOUR, SECOND
from bot.domain.alerts.record import Scope
from bot.domain.reading import State, plain
from bot.domain.statistics import Tally
from storage.database import Connection
from storage.samples import BUCKET
from storage.sheets import ALERTS, MEASURES, SAMPLE_STATES, SAMPLES, TALLY
from storage.tables import alert, chat, chat_watch, delivery, sample, session, tally, watch

Row = tuple[Any, ...]

#: Rows of the sheet of samples that are read at once, and of the others, which are longer.
PAGE = 5_000
SHORT_PAGE = 500
#: Readings may lie before a session's first by as much as a clock is set back,
EARLY = HOUR
#: and after its end for as long as a source goes on counting.
LATE = 31 * DAY

#: When a session was: first seen live, or due.
_began = sa.func.coalesce(tally.c.first_at, session.c.started_at)
_SESSIONS = session.join(tally, tally.c.session_id == session.c.id)
_ADDRESS = (watch.c.source + ":" + watch.c.reference).label("address")
_MEASURES = tuple(one.name for one in MEASURES)
_TALLY = tuple(one.name for one in TALLY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """Which rows are wanted.

    Attributes:
        watch_ids: Of these watches; None for all.
        first, until: Of sessions that began from ``first`` on and before ``until``; None where there is no bound.
    """

    watch_ids: tuple[int, ...] | None = None
    first: int | None = None
    until: int | None = None

    @property
    def everything(self) -> bool:
        """Whether every row of the store is wanted."""
        return self == Chosen()


class Sums(NamedTuple):
    """How much is chosen; ``readings`` as the tallies counted them, which is about as many as are kept."""

    sessions: int
    readings: int


async def sums(connection: Connection, chosen: Chosen) -> Sums:
    """Count what is chosen, without reading it."""
    query = sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(tally.c.readings), 0))
    row = (await connection.execute(query.select_from(_SESSIONS).where(*_conditions(chosen)))).one()
    return Sums(row[0], int(row[1]))


async def begins(connection: Connection, chosen: Chosen) -> AsyncIterator[list[tuple[int, int]]]:
    """Yield when each chosen session began, and how many readings it had."""
    after = 0
    while True:
        query = sa.select(session.c.id, _began, tally.c.readings).select_from(_SESSIONS)
        query = query.where(session.c.id > after, *_conditions(chosen))
        rows = (await connection.execute(query.order_by(session.c.id).limit(PAGE))).all()
        if not rows:
            return
        after = rows[-1][0]
        yield [(begin, readings) for _, begin, readings in rows if begin is not None]


async def watches(connection: Connection, chosen: Chosen) -> list[tuple[int, Row]]:
    """Return the chosen watches, as (id, row of the sheet)."""
    columns = (
        watch.c.name,
        watch.c.platform,
        watch.c.public,
        watch.c.unit,
        watch.c.metric,
        watch.c.daily,
        watch.c.interval,
        watch.c.timezone,
        watch.c.url,
        watch.c.kind,
        watch.c.account,
        watch.c.created_at,
        watch.c.asked_at,
        watch.c.answered_at,
    )
    query = sa.select(watch.c.id, _ADDRESS, *columns).order_by(watch.c.id)
    if chosen.watch_ids is not None:
        query = query.where(watch.c.id.in_(chosen.watch_ids))
    return [(row[0], tuple(row[1:])) for row in await connection.execute(query)]


async def sessions(connection: Connection, chosen: Chosen) -> AsyncIterator[list[tuple[int, Row]]]:
    """Yield pages of the sheet of sessions, each row with the id of its watch, in order of their ids."""
    after = 0
    columns = (
        *(column.label(f"session_{column.name}") for column in session.c),
        *(tally.c[name].label(f"tally_{name}") for name in _TALLY),
    )
    while True:
        query = sa.select(*columns, _ADDRESS).select_from(_SESSIONS.join(watch, watch.c.id == session.c.watch_id))
        query = query.where(session.c.id > after, *_conditions(chosen))
        rows = (await connection.execute(query.order_by(session.c.id).limit(SHORT_PAGE))).all()
        if not rows:
            return
        after = rows[-1].session_id
        yield [(row.session_watch_id, _session(row)) for row in rows]


def _session(row: Any) -> Row:
    figures = [getattr(row, f"tally_{name}") for name in _TALLY]
    if row.session_state == State.ENDED:
        measures = [getattr(row, f"session_{name}") for name in _MEASURES]
    else:
        now = Tally(**dict(zip(_TALLY, figures, strict=True)))
        airtime = now.airtime / SECOND if now.first_at is not None else None
        measures = [
            now.first_at,
            now.peak,
            now.peak_at,
            now.average,
            now.tuned_in,
            now.views,
            now.posts,
            airtime,
            now.coverage,
        ]
    return (
        row.session_id,
        row.address,
        row.session_title,
        json.loads(row.session_hosts),
        row.session_url,
        row.session_state,
        *map(_plain, measures),
        row.session_origin,
        row.session_started_at,
        row.session_gone_at,
        row.session_ended_at,
        row.session_ends,
        row.session_daily,
        row.session_platform,
        row.session_public,
        json.loads(row.session_platform_ids),
        *map(_plain, figures),
    )


_ALERT = {
    "session": alert.c.session_id,
    "at": alert.c.at,
    "kind": alert.c.kind,
    "measure": alert.c.measure,
    "value": alert.c.value,
    "before": alert.c.before,
    "late": alert.c.late,
    "expires_at": alert.c.expires_at,
    "key": alert.c.key,
}
_ALERTS = tuple(_ALERT[name] for name in ALERTS.names)


async def alerts(connection: Connection, chosen: Chosen) -> AsyncIterator[list[Row]]:
    """Yield pages of the sheet of alerts, in the order in which they were made."""
    after = 0
    while True:
        query = sa.select(alert.c.id, *_ALERTS).where(alert.c.id > after, *_chosen(chosen, alert.c.session_id))
        rows = (await connection.execute(query.order_by(alert.c.id).limit(SHORT_PAGE))).all()
        if not rows:
            return
        after = rows[-1][0]
        yield [tuple(map(_plain, row[1:])) for row in rows]


async def told(connection: Connection, chosen: Chosen, *, chat_id: int) -> AsyncIterator[list[Row]]:
    """Yield pages of the sheet of alerts as a chat was told them, one row for each post that was owed to it."""
    after = 0
    columns = (delivery.c.threshold, delivery.c.scope, delivery.c.state, delivery.c.settled_at)
    while True:
        query = (
            sa.select(delivery.c.id, *_ALERTS, *columns)
            .join_from(delivery, alert, alert.c.id == delivery.c.alert_id)
            .where(
                delivery.c.chat_id == chat_id,
                delivery.c.id > after,
                *_chosen(chosen, delivery.c.session_id),
            )
        )
        rows = (await connection.execute(query.order_by(delivery.c.id).limit(SHORT_PAGE))).all()
        if not rows:
            return
        after = rows[-1][0]
        yield [_told(row[1:]) for row in rows]


def _told(row: Row) -> Row:
    *figures, threshold, scope, state, settled_at = row
    word = None if scope is None else Scope(scope).word
    return (*map(_plain, figures), _plain(threshold), word, state, settled_at)


_SAMPLE = tuple(
    {"session": sample.c.session_id, "interval_seconds": sample.c.interval}.get(name, sample.c.get(name))
    for name in SAMPLES.names
    if name != "at"
)


async def samples(connection: Connection, chosen: Chosen) -> AsyncIterator[list[Row]]:
    """Yield pages of the sheet of samples, as they lie in the store: by quarter of an hour, then by session."""
    place: tuple[int, int, int] = (-1, 0, 0)
    bounds = await _bounds(connection, chosen)
    key = (sample.c.bucket, sample.c.session_id, sample.c.offset)
    while True:
        query = sa.select(sample.c.bucket, sample.c.offset, *_SAMPLE).where(
            sa.tuple_(*key) > place, *bounds, *_chosen(chosen, sample.c.session_id)
        )
        rows: Sequence[Any] = (await connection.execute(query.order_by(*key).limit(PAGE))).all()
        if not rows:
            return
        place = (rows[-1][0], rows[-1][2], rows[-1][1])
        yield [_sample(row) for row in rows]


def _sample(row: Any) -> Row:
    bucket, offset, session_id, state, interval, concurrent, tuned_in, views, posts, reason = row
    return (
        session_id,
        bucket * BUCKET + offset,
        SAMPLE_STATES[state],
        interval,
        None if concurrent is None else plain(concurrent),
        None if tuned_in is None else plain(tuned_in),
        None if views is None else plain(views),
        None if posts is None else plain(posts),
        reason,
    )


async def _bounds(connection: Connection, chosen: Chosen) -> list[sa.ColumnElement[bool]]:
    """Return between which quarters of an hour the chosen sessions have samples: what lies outside is not read."""
    if chosen.everything:
        return []
    last = sa.func.max(sa.func.coalesce(session.c.ended_at, tally.c.last_at))
    live = sa.func.max(sa.case((session.c.state == State.ENDED, 0), else_=1))
    query = sa.select(sa.func.min(tally.c.first_at), last, live).select_from(_SESSIONS)
    begin, end, goes_on = (await connection.execute(query.where(*_conditions(chosen)))).one()
    if begin is None:
        return [sa.false()]
    bounds: list[sa.ColumnElement[bool]] = [sample.c.bucket >= (begin - EARLY) // BUCKET]
    if not goes_on and end is not None:
        bounds.append(sample.c.bucket <= (end + LATE) // BUCKET)
    return bounds


def _conditions(chosen: Chosen) -> list[sa.ColumnElement[bool]]:
    found: list[sa.ColumnElement[bool]] = []
    if chosen.watch_ids is not None:
        found.append(session.c.watch_id.in_(chosen.watch_ids))
    if chosen.first is not None:
        found.append(_began >= chosen.first)
    if chosen.until is not None:
        found.append(_began < chosen.until)
    return found


def _chosen(chosen: Chosen, column: sa.ColumnElement[Any]) -> list[sa.ColumnElement[bool]]:
    """Return what a row that names a session must fulfil."""
    if chosen.everything:
        return []
    ids = sa.select(session.c.id).select_from(_SESSIONS).where(*_conditions(chosen))
    return [column.in_(ids)]


def _plain(value: Any) -> Any:
    return plain(value) if isinstance(value, float) else value


async def of_chat(connection: Connection, key: str) -> list[tuple[str, list[int]]]:
    """Return the chats of this platform's id, as (platform, ids of their watches)."""
    found: dict[str, list[int]] = {}
    rows = await connection.execute(
        sa.select(chat.c.platform, chat_watch.c.watch_id)
        .join(chat_watch, chat_watch.c.chat_id == chat.c.id, isouter=True)
        .where(chat.c.key == key)
        .order_by(chat.c.platform, chat_watch.c.watch_id)
    )
    for platform, watch_id in rows:
        found.setdefault(platform, []).extend([] if watch_id is None else [watch_id])
    return list(found.items())
