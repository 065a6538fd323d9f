"""Sessions that are over, with their measures: newest first, best first, of a day.

All is found in ``ix_session_of_watch`` and ``ix_session_of_platform``, which hold the measures: a chat with ten
thousand sessions is answered as fast as one with a hundred. Only the rows that are shown are looked up.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from bot.domain import DAY, SECOND
from bot.domain.measure import Measure
from bot.domain.reading import State, plain
from storage import doubts
from storage.database import Connection
from storage.samples import BUCKET
from storage.tables import sample, session, watch

#: Written out, so that the indexes of ended sessions are used.
_ENDED = sa.text(f"session.state = '{State.ENDED.value}'")
#: How far back a cumulative figure is looked for.
_LOOK_BACK = 2 * DAY
_NAMES = (
    "id",
    "watch_id",
    "title",
    "url",
    "first_at",
    "peak",
    "peak_at",
    "average",
    "tuned_in",
    "posts",
    "airtime",
    "coverage",
    "origin",
    "started_at",
)
_SELECT = sa.select(*(session.c[name] for name in _NAMES))


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A session that is over.

    Attributes:
        last_at: When it was last seen live, as far as its length is known.
        airtime: In seconds.
        coverage: From 0 to 1.
        origin: Where its figures come from, if they were imported.
        started_at: As the source claims; of an imported session, None where only its day is known.
    """

    id: int
    watch_id: int
    title: str | None
    url: str | None
    first_at: int
    last_at: int
    peak: float | None
    peak_at: int | None
    average: float | None
    tuned_in: float | None
    posts: float | None
    airtime: float | None
    coverage: float | None
    origin: str | None
    started_at: int | None

    def measure(self, measure: Measure) -> float | None:
        """Return a measure; airtime in seconds. Views are not kept here: they grow for years."""
        return None if measure is Measure.VIEWS else getattr(self, measure.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Among:
    """Which sessions are ranked together.

    Attributes:
        watch_ids: Of these watches; None for all public ones of ``platform``.
        platform: The platform, where no watches are named.
        unit: Only watches of this unit, where no watches are named.
        since: Only sessions that began then or later.
        without: Not these sessions: see ``doubted``.
    """

    watch_ids: tuple[int, ...] | None = None
    platform: str | None = None
    unit: str | None = None
    since: int | None = None
    without: tuple[int, ...] = ()


async def newest(
    connection: Connection,
    watch_ids: Collection[int],
    *,
    limit: int,
    offset: int = 0,
    between: tuple[int, int] | None = None,
) -> list[Ended]:
    """Return sessions of these watches, newest first; those that began ``between`` two moments, if given."""
    chosen = newest_ids(watch_ids, limit=limit, offset=offset, between=between)
    return await _rows(connection, list((await connection.execute(chosen)).scalars()))


def newest_ids(
    watch_ids: Collection[int], *, limit: int, offset: int = 0, between: tuple[int, int] | None = None
) -> sa.Select[int]:
    """Return the query of which sessions ``newest`` shows."""
    begun = (session.c.first_at >= between[0], session.c.first_at < between[1]) if between else ()
    return (
        sa.select(session.c.id)
        .where(*_of(watch_ids), *begun)
        .order_by(session.c.first_at.desc(), session.c.id.desc())
        .limit(limit)
        .offset(offset)
    )


async def count(connection: Connection, watch_ids: Collection[int]) -> int:
    """Return how many sessions of these watches are over."""
    found = await connection.execute(sa.select(sa.func.count()).select_from(session).where(*_of(watch_ids)))
    return int(found.scalar_one())


async def spans(connection: Connection, watch_ids: Collection[int]) -> list[tuple[int, int, int, float | None]]:
    """Return (id, first, last moment, peak) of all sessions of these watches, oldest first."""
    rows = await connection.execute(
        sa.select(session.c.id, session.c.first_at, session.c.airtime, session.c.peak)
        .where(*_of(watch_ids))
        .order_by(session.c.first_at, session.c.id)
    )
    return [(id_, first, first + round((length or 0) * SECOND), peak) for id_, first, length, peak in rows]


async def by_ids(connection: Connection, ids: Collection[int]) -> dict[int, Ended]:
    """Return sessions by id."""
    return {one.id: one for one in await _rows(connection, list(ids))}


async def top(
    connection: Connection, among: Among, measure: Measure, *, limit: int, offset: int = 0
) -> list[tuple[int, Ended]]:
    """Return the best sessions as (rank, session): equal values share a rank, the first of them stands first."""
    chosen = top_ids(among, measure, limit=limit, offset=offset)
    found = await _rows(connection, list((await connection.execute(chosen)).scalars()))
    if not found:
        return []
    best = found[0].measure(measure)
    assert best is not None
    rank = 1 if not offset else await rank_of(connection, among, measure, best)
    ranked = []
    for place, one in enumerate(found):
        if one.measure(measure) != best:
            best, rank = one.measure(measure), offset + place + 1
        ranked.append((rank, one))
    return ranked


def top_ids(among: Among, measure: Measure, *, limit: int, offset: int = 0) -> sa.Select[int]:
    """Return the query of which sessions ``top`` shows."""
    return (
        sa.select(session.c.id)
        .where(*_among(among, measure))
        .order_by(session.c[measure.value].desc(), session.c.first_at, session.c.id)
        .limit(limit)
        .offset(offset)
    )


async def doubted(connection: Connection, measure: Measure, *, chat_id: int | None) -> tuple[int, ...]:
    """Return the sessions whose value does not count, as a chat or (for everybody) an operator said."""
    rows = await connection.execute(doubts.doubted(measure, chat_id=chat_id))
    return tuple(sorted(set(rows.scalars())))


async def rank_of(connection: Connection, among: Among, measure: Measure, value: float) -> int:
    """Return the rank that a value has, or would have."""
    better = sa.select(sa.func.count()).where(*_among(among, measure), session.c[measure.value] > value)
    return int((await connection.execute(better.select_from(session))).scalar_one()) + 1


async def units(connection: Connection, platform: str) -> list[str]:
    """Return what public watches of a platform count."""
    rows = await connection.execute(
        sa.select(watch.c.unit).where(watch.c.platform == platform, watch.c.public).distinct()
    )
    return sorted(rows.scalars())


async def grown(
    connection: Connection, session_id: int, measure: Measure, *, since: int, until: int
) -> float | None:
    """Return what a cumulative figure of a session had come to by a moment; None if that is not kept.

    Args:
        since: When the session began.
    """
    column = sample.c[measure.value]
    first = max(since, until - _LOOK_BACK)
    buckets = range(first // BUCKET, until // BUCKET + 1)
    found = await connection.execute(
        sa.select(column)
        .where(
            sample.c.bucket.in_(buckets),
            sample.c.session_id == session_id,
            column.is_not(None),
            sa.or_(sample.c.bucket < until // BUCKET, sample.c.offset <= until % BUCKET),
        )
        .order_by(sample.c.bucket.desc(), sample.c.offset.desc())
        .limit(1)
    )
    value = found.scalar_one_or_none()
    return None if value is None else plain(value)


def _of(watch_ids: Collection[int]) -> tuple[Any, ...]:
    return (_ENDED, session.c.watch_id.in_(watch_ids), session.c.first_at.is_not(None))


def _among(among: Among, measure: Measure) -> tuple[Any, ...]:
    value = session.c[measure.value]
    if among.watch_ids is not None:
        whose: tuple[Any, ...] = (session.c.watch_id.in_(among.watch_ids),)
    else:
        whose = (session.c.platform == among.platform, session.c.public)
        if among.unit is not None:
            whose += (session.c.watch_id.in_(sa.select(watch.c.id).where(watch.c.unit == among.unit)),)
    if among.without:
        whose += (session.c.id.not_in(among.without),)
    since = session.c.first_at >= among.since if among.since is not None else session.c.first_at.is_not(None)
    return (_ENDED, *whose, value.is_not(None), since)


async def _rows(connection: Connection, ids: Sequence[int]) -> list[Ended]:
    """Return sessions in the order of their ids here."""
    if not ids:
        return []
    rows = await connection.execute(_SELECT.where(session.c.id.in_(ids)))
    found = {row.id: _ended(row) for row in rows}
    return [found[id_] for id_ in ids if id_ in found]


def _ended(row: Any) -> Ended:
    values = dict(row._mapping)  # noqa: SLF001
    for name in ("peak", "average", "tuned_in", "posts", "airtime"):
        values[name] = None if values[name] is None else plain(values[name])
    return Ended(**values, last_at=values["first_at"] + round((values["airtime"] or 0) * SECOND))
