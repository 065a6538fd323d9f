"""The readings kept, and read back in order."""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa

from bot.domain import MINUTE, SECOND
from bot.domain.reading import State, plain
from bot.domain.session import Sample
from bot.domain.snapshot import Snapshot
from storage.bulk import insert_or_ignore
from storage.database import Connection
from storage.tables import sample

BUCKET = 15 * MINUTE
#: How a row's state is written: the moment that a session was gone, a live reading, one after the end, and a live
#: one before which the session was gone, where the line through the readings breaks.
GONE, LIVE, ENDED, BACK = range(4)

_KEY = ("bucket", "session_id", "offset", "state", "interval")
_insert = insert_or_ignore(sample, (*_KEY, "concurrent", "tuned_in", "views", "posts", "reason"))
#: Most sources tell one figure, and rows without the other columns are written in half the time.
_insert_alone = insert_or_ignore(sample, (*_KEY, "concurrent"))
_NOTHING = (None,) * 4


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
    buckets = range(first // BUCKET, last // BUCKET + 1)
    at = sample.c.bucket * sa.literal(BUCKET, sa.BigInteger) + sample.c.offset  # too large for 32 bits
    rows = await connection.execute(
        sa.select(at, sample.c.state, sample.c.interval, sample.c.concurrent, sample.c.tuned_in)
        .where(
            sample.c.bucket.in_(buckets),
            sample.c.session_id == session_id,
            at.between(first, last),
        )
        .order_by(sample.c.bucket, sample.c.offset)
    )
    return [
        Snapshot(
            moment,
            state in {LIVE, BACK},
            interval * SECOND,
            None if concurrent is None else plain(concurrent),
            None if tuned_in is None else plain(tuned_in),
            state == BACK,
        )
        for moment, state, interval, concurrent, tuned_in in rows
    ]
