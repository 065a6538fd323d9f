"""What a chat was told of a session, and figures that only add up, as charts show them."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from bot.domain.reading import Metric, plain
from storage.database import Connection
from storage.samples import BUCKET
from storage.tables import alert, delivery, sample

_AT = sample.c.bucket * sa.literal(BUCKET, sa.BigInteger) + sample.c.offset


async def rungs(connection: Connection, session_id: int, *, chat_id: int) -> list[tuple[int, float]]:
    """Return the (moment, threshold) of the milestones of a session that a chat was told, in order of time."""
    rows = await connection.execute(
        sa.select(sa.func.min(alert.c.at), delivery.c.threshold)
        .join(alert, alert.c.id == delivery.c.alert_id)
        .where(
            delivery.c.session_id == session_id,
            delivery.c.kind == "milestone",
            delivery.c.chat_id == chat_id,
            delivery.c.state == "sent",
            delivery.c.threshold.is_not(None),
        )
        .group_by(delivery.c.threshold)
        .order_by(sa.func.min(alert.c.at), delivery.c.threshold)
    )
    return [(at, plain(threshold)) for at, threshold in rows]


async def totals(
    connection: Connection, session_id: int, metric: Metric, *, first: int, last: int
) -> Sequence[tuple[int, float]]:
    """Return the known (moment, figure) of one metric of a session, in order of time."""
    figure = sample.c[metric.value]
    rows = await connection.execute(
        sa.select(_AT, figure)
        .where(
            sample.c.bucket.between(first // BUCKET, last // BUCKET),
            sample.c.session_id == session_id,
            _AT.between(first, last),
            figure.is_not(None),
        )
        .order_by(sample.c.bucket, sample.c.offset)
    )
    return [(at, plain(value)) for at, value in rows]
