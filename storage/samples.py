"""The readings kept, and read back in order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import sqlalchemy as sa

from bot.domain import MINUTE, SECOND
from bot.domain.reading import State, plain
from bot.domain.session import Sample
from bot.domain.snapshot import Kept, Snapshot
from bot.domain.thinning import SLOT
from storage.bulk import Bulk, insert_or_ignore
from storage.database import Connection
from storage.tables import sample

BUCKET = 15 * MINUTE
#: How a row's state is written: the moment that a session was gone, a live reading, one after the end, and a live
#: one before which the session was gone, where the line through the readings breaks.
GONE, LIVE, ENDED, BACK = range(4)
#: And how one is written that stays of others which were thinned out: see ``bot.domain.thinning``.
JOINED, APART, ASIDE = range(4, 7)
_STATE_OF = {Kept.JOINED: JOINED, Kept.APART: APART, Kept.ASIDE: ASIDE}
_KEPT_AS = {state: how for how, state in _STATE_OF.items()}
_UNTOUCHED = (LIVE, BACK)
#: So many quarters of an hour are asked for in one statement: ten days.
_PAGE = 960

_KEY = ("bucket", "session_id", "offset", "state", "interval")
_insert = insert_or_ignore(sample, (*_KEY, "concurrent", "tuned_in", "views", "posts", "reason"))
#: Most sources tell one figure, and rows without the other columns are written in half the time.
_insert_alone = insert_or_ignore(sample, (*_KEY, "concurrent"))
_NOTHING = (None,) * 4
_PLACE = ("bucket", "session_id", "offset")
_here = [sample.c[name] == sa.bindparam(f"its_{name}", type_=sample.c[name].type) for name in _PLACE]
_mark = Bulk(
    sa.update(sample).where(*_here).values(state=sa.bindparam("new_state", type_=sample.c.state.type)),
    ("new_state", *(f"its_{name}" for name in _PLACE)),
)
_drop = Bulk(sa.delete(sample).where(*_here), [f"its_{name}" for name in _PLACE])
_drop_span = Bulk(
    sa.delete(sample).where(
        sample.c.session_id == sa.bindparam("its_session", type_=sample.c.session_id.type),
        sample.c.bucket.between(
            sa.bindparam("first", type_=sample.c.bucket.type), sa.bindparam("last", type_=sample.c.bucket.type)
        ),
    ),
    ("its_session", "first", "last"),
)
_AT = sample.c.bucket * sa.literal(BUCKET, sa.BigInteger) + sample.c.offset  # too large for 32 bits


async def add(connection: Connection, samples: Iterable[Sample]) -> None:
    """Keep readings; the same moment of the same session is kept once."""
    rows: list[tuple[object, ...]] = []
    alone: list[tuple[object, ...]] = []
    for one in samples:
        reading = one.reading
        bucket, offset = divmod(one.at, BUCKET)
        session_id, interval = one.session.id, one.interval // SECOND
        if reading is None:
            alone.append((bucket, session_id, offset, GONE, interval, None))
            continue
        state = ENDED if reading.state is State.ENDED else BACK if one.broken else LIVE
        others = (reading.tuned_in, reading.views, reading.posts, reading.reason)
        if others == _NOTHING:
            alone.append((bucket, session_id, offset, state, interval, reading.concurrent))
        else:
            rows.append((bucket, session_id, offset, state, interval, reading.concurrent, *others))
    await _insert_alone.run(connection, alone)
    await _insert.run(connection, rows)


async def between(connection: Connection, session_id: int, *, first: int, last: int) -> list[Snapshot]:
    """Return a session's kept readings from ``first`` to ``last``, both included, in order of time."""
    found: list[Snapshot] = []
    for buckets in _pages(first, last):
        rows = await connection.execute(
            sa.select(_AT, sample.c.state, sample.c.interval, sample.c.concurrent, sample.c.tuned_in)
            .where(sample.c.bucket.in_(buckets), sample.c.session_id == session_id, _AT.between(first, last))
            .order_by(sample.c.bucket, sample.c.offset)
        )
        found += [_snapshot(*row) for row in rows]
    return found


def _snapshot(at: int, state: int, interval: int, concurrent: float | None, tuned_in: float | None) -> Snapshot:
    sure = state in {JOINED, APART}
    return Snapshot(
        at,
        state not in {GONE, ENDED},
        # What is stored stays true of the reading; its neighbours are now as far away as slots allow.
        max(interval * SECOND, SLOT) if sure else interval * SECOND,
        None if concurrent is None or state == ASIDE else plain(concurrent),
        None if tuned_in is None else plain(tuned_in),
        state in {BACK, APART},
        _KEPT_AS.get(state),
    )


async def mark(connection: Connection, session_id: int, kept: Iterable[tuple[int, Kept]]) -> None:
    """Mark readings of a session, by moment, as those that stay."""
    await _mark.run(connection, [(_STATE_OF[how], at // BUCKET, session_id, at % BUCKET) for at, how in kept])


async def moments(
    connection: Connection, session_id: int, *, first: int, last: int, limit: int, marked: bool = True
) -> list[int]:
    """Return moments of a session's kept readings, in order of time.

    Args:
        limit: At most so many.
        marked: Also those that are marked to stay, and those that are not live.
    """
    found: list[int] = []
    for buckets in _pages(first, last):
        query = (
            sa.select(_AT)
            .where(sample.c.bucket.in_(buckets), sample.c.session_id == session_id, _AT.between(first, last))
            .order_by(sample.c.bucket, sample.c.offset)
            .limit(limit - len(found))
        )
        if not marked:
            query = query.where(sample.c.state.in_(_UNTOUCHED))
        found += (await connection.execute(query)).scalars()
        if len(found) >= limit:
            break
    return found


async def drop(connection: Connection, session_id: int, moments: Iterable[int]) -> None:
    """Delete readings of a session, by moment."""
    await _drop.run(connection, [(at // BUCKET, session_id, at % BUCKET) for at in moments])


async def drop_spans(connection: Connection, spans: Iterable[tuple[int, int, int]]) -> None:
    """Delete all readings of (session, from, to): they have no foreign key, and are found by their time."""
    await _drop_span.run(connection, [(id_, first // BUCKET, last // BUCKET) for id_, first, last in spans])


def _pages(first: int, last: int) -> Iterator[range]:
    """Return the quarters of an hour of a stretch, in portions that a statement can hold."""
    end = last // BUCKET + 1
    for start in range(first // BUCKET, end, _PAGE):
        yield range(start, min(start + _PAGE, end))
