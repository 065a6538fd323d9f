"""Sessions and their tallies: loaded for the poller, saved in bulk, read by commands."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import fields
from operator import attrgetter
from typing import Any

import sqlalchemy as sa

from bot.domain import SECOND
from bot.domain.reading import State, plain
from bot.domain.session import Session, Track
from bot.domain.statistics import Tally
from storage.bulk import insert_or_ignore, update_by_id
from storage.database import Connection
from storage.tables import session, session_key, tally, watch

TALLY = tuple(f.name for f in fields(Tally))
_FIGURES = tuple(name for name in TALLY if isinstance(tally.c[name].type, sa.Float))
_tally_row = attrgetter(*TALLY)
#: What nearly every reading moves. Writing these alone takes half of the time of writing all.
_MOVING = ("last_at", "last", "confirmed", "confirmed_at", "area", "covered", "readings", "views", "views_high")
_moving = attrgetter(*_MOVING)
_resting = attrgetter(*(name for name in TALLY if name not in _MOVING))

insert_tallies = insert_or_ignore(tally, ("session_id", *TALLY))
update_tallies = update_by_id(tally, "session_id", TALLY)
_move_tallies = update_by_id(tally, "session_id", _MOVING)
insert_keys = insert_or_ignore(session_key, ("watch_id", "key", "session_id"))

#: The measures of an ended session, as columns of the table.
FINALS = ("first_at", "peak", "peak_at", "average", "tuned_in", "views", "posts", "airtime", "coverage")
#: What else is known of a session.
DESCRIBED = (
    "state",
    "platform_ids",
    "title",
    "hosts",
    "url",
    "started_at",
    "gone_at",
    "ended_at",
    "ends",
    "daily",
)
_CHANGING = (*DESCRIBED, "grown_at", *FINALS)
_update_sessions = update_by_id(session, "id", _CHANGING)

_COLUMNS: tuple[sa.ColumnElement[Any], ...] = (
    *(session.c[name] for name in ("id", "watch_id", *DESCRIBED, "grown_at")),
    *(tally.c[name].label(f"tally_{name}") for name in TALLY),
)
_SELECT = sa.select(*_COLUMNS).join(tally, tally.c.session_id == session.c.id)


async def tracks(connection: Connection, watch_ids: Sequence[int]) -> dict[int, Track]:
    """Return what is known of each watch: its live and announced sessions."""
    answered = await connection.execute(
        sa.select(watch.c.id, watch.c.answered_at).where(watch.c.id.in_(watch_ids))
    )
    found = {id_: Track(id_, [], answered_at) for id_, answered_at in answered}
    rows = await connection.execute(
        _SELECT.where(session.c.watch_id.in_(watch_ids), session.c.state != State.ENDED).order_by(session.c.id)
    )
    for row in rows:
        found[row.watch_id].sessions.append(_session(row))
    return found


async def watch_ids(connection: Connection, ids: Collection[int]) -> dict[int, int]:
    """Return the watch of each of these sessions."""
    rows = await connection.execute(sa.select(session.c.id, session.c.watch_id).where(session.c.id.in_(ids)))
    return {row.id: row.watch_id for row in rows}


async def by_keys(connection: Connection, keys: Sequence[tuple[int, str]]) -> list[Session]:
    """Return the newest session of each (watch, platform id) that was ever seen, oldest first."""
    if not keys:
        return []
    newest = (
        sa.select(sa.func.max(session_key.c.session_id))
        .where(sa.tuple_(session_key.c.watch_id, session_key.c.key).in_(keys))
        .group_by(session_key.c.watch_id, session_key.c.key)
    )
    rows = await connection.execute(_SELECT.where(session.c.id.in_(newest)).order_by(session.c.id))
    return [_session(row) for row in rows]


async def by_id(connection: Connection, id_: int) -> Session | None:
    """Return one session with its tally, or None."""
    row = (await connection.execute(_SELECT.where(session.c.id == id_))).one_or_none()
    return None if row is None else _session(row)


async def by_ids(connection: Connection, ids: Collection[int]) -> dict[int, Session]:
    """Return sessions by id."""
    rows = await connection.execute(_SELECT.where(session.c.id.in_(ids)))
    return {row.id: _session(row) for row in rows}


async def newest(connection: Connection, watch_id: int, limit: int = 1) -> list[Session]:
    """Return a watch's newest sessions that we saw live, live ones first."""
    rows = await connection.execute(
        _SELECT.where(session.c.watch_id == watch_id, session.c.origin.is_(None), tally.c.first_at.is_not(None))
        .order_by(
            sa.case((session.c.state == State.LIVE, 0), else_=1), tally.c.last_at.desc(), session.c.id.desc()
        )
        .limit(limit)
    )
    return [_session(row) for row in rows]


async def on_air(connection: Connection, watch_ids: Sequence[int]) -> list[Session]:
    """Return the live and announced sessions of these watches, oldest first."""
    rows = await connection.execute(
        _SELECT.where(session.c.watch_id.in_(watch_ids), session.c.state != State.ENDED).order_by(session.c.id)
    )
    return [_session(row) for row in rows]


async def best(connection: Connection, watch_ids: Sequence[int]) -> dict[int, dict[str, float]]:
    """Return for each watch the best value of each measure among its ended sessions."""
    measures = ("peak", "tuned_in", "views", "posts")
    rows = await connection.execute(
        sa.select(session.c.watch_id, *(sa.func.max(session.c[name]).label(name) for name in measures))
        .where(session.c.watch_id.in_(watch_ids), session.c.state == State.ENDED)
        .group_by(session.c.watch_id)
    )
    return {
        row.watch_id: {name: getattr(row, name) for name in measures if getattr(row, name) is not None}
        for row in rows
    }


async def add(connection: Connection, new: Sequence[tuple[Session, str, bool]]) -> None:
    """Insert sessions with the platform where they count and whether it is public; gives them their ids."""
    if not new:
        return
    result = await connection.execute(
        sa.insert(session).returning(session.c.id, sort_by_parameter_order=True),
        [
            {
                "watch_id": one.watch_id,
                "platform": platform,
                "public": public,
                **dict(zip(_CHANGING, _row(one), strict=True)),
            }
            for one, platform, public in new
        ],
    )
    for (one, _, _), id_ in zip(new, result.scalars(), strict=True):
        one.id = id_
        one.kept = _resting(one.tally)
    await insert_tallies.run(connection, [(one.id, *_tally_row(one.tally)) for one, _, _ in new])
    await _save_keys(connection, [one for one, _, _ in new])


async def save(connection: Connection, changed: Iterable[Session]) -> None:
    """Write what changed about sessions, without their tallies."""
    sessions = list(changed)
    await _update_sessions.run(connection, [(*_row(one), one.id) for one in sessions])
    await _save_keys(connection, sessions)


async def save_tallies(connection: Connection, sessions: Iterable[Session]) -> None:
    """Write the tallies of sessions: of most of them only the figures that nearly every reading moves."""
    moved, others = [], []
    for one in sessions:
        resting = _resting(one.tally)
        if resting == one.kept:
            moved.append((*_moving(one.tally), one.id))
        else:
            one.kept = resting
            others.append((*_tally_row(one.tally), one.id))
    await _move_tallies.run(connection, moved)
    await update_tallies.run(connection, others)


async def _save_keys(connection: Connection, sessions: Iterable[Session]) -> None:
    await insert_keys.run(connection, [(one.watch_id, key, one.id) for one in sessions for key in one.keys])


def _row(one: Session) -> tuple[Any, ...]:
    finals: tuple[Any, ...] = (None,) * len(FINALS)
    figures = one.tally
    if one.state is State.ENDED and figures.first_at is not None:
        finals = (
            figures.first_at,
            figures.peak,
            figures.peak_at,
            figures.average,
            figures.tuned_in,
            figures.views,
            figures.posts,
            figures.airtime / SECOND,
            figures.coverage,
        )
    return (
        one.state.value,
        json.dumps(one.keys),
        one.title,
        json.dumps(one.hosts, ensure_ascii=False),
        one.url,
        one.started_at,
        one.gone_at,
        one.ended_at,
        one.ends,
        one.daily,
        one.grown_at,
        *finals,
    )


def _session(row: Any) -> Session:
    figures = Tally(**{name: getattr(row, f"tally_{name}") for name in TALLY})
    for name in _FIGURES:
        value = getattr(figures, name)
        if value is not None:
            setattr(figures, name, plain(value))
    return Session(
        watch_id=row.watch_id,
        keys=json.loads(row.platform_ids),
        state=State(row.state),
        id=row.id,
        title=row.title,
        hosts=tuple(json.loads(row.hosts)),
        url=row.url,
        started_at=row.started_at,
        gone_at=row.gone_at,
        ended_at=row.ended_at,
        ends=row.ends,
        daily=row.daily,
        grown_at=row.grown_at,
        changed=False,
        tally=figures,
        kept=_resting(figures),
    )
