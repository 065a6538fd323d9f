"""How much is owed and due, and how big the database is: for ``/status`` and metrics, one cheap query each."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from bot.domain import HOUR, SECOND
from storage.database import Connection
from storage.sending import HELD, OWED
from storage.tables import alert, chat, delivery, session, watch

#: A watch that should have been asked so long ago is late: until then it waits for its tick.
LATE = 10 * SECOND
#: How far back the lag is looked for, in deliveries: the table keeps those of months.
LOOK_BACK = 200_000
#: Of how many posts the lag is taken, the newest.
POSTS = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """Deliveries of one platform in one state.

    Attributes:
        state: ``pending``, ``leased`` or ``held``.
        oldest: When the reading was taken that the oldest of them tells of.
    """

    platform: str
    state: str
    count: int
    oldest: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Polling:
    """What is asked.

    Attributes:
        watched: How many watches are polled.
        late: How many of them should have been asked ``LATE`` ago or before.
        due_since: When the one that waits longest became due; None if none is due.
        troubled: How many cannot be read.
        live: Sessions on the air.
    """

    watched: int
    late: int
    due_since: int | None
    troubled: int
    live: int


async def queues(connection: Connection) -> list[Queue]:
    """Return what is owed and what is held, by platform and state; not what waits for chats that are gone."""
    found = []
    for which in (OWED, HELD):
        heads = (
            sa.select(
                chat.c.platform.label("platform"),
                delivery.c.state.label("state"),
                sa.func.count().label("count"),
                sa.func.min(delivery.c.id).label("first"),
            )
            .join(chat, chat.c.id == delivery.c.chat_id)
            .where(which, chat.c.disabled_at.is_(None))
            .group_by(chat.c.platform, delivery.c.state)
            .subquery()
        )
        oldest = delivery.alias("oldest")
        rows = await connection.execute(
            sa.select(heads.c.platform, heads.c.state, heads.c.count, alert.c.at)
            .join(oldest, oldest.c.id == heads.c.first)
            .join(alert, alert.c.id == oldest.c.alert_id)
            .order_by(heads.c.platform, heads.c.state)
        )
        found += [Queue(platform=row[0], state=row[1], count=row[2], oldest=row[3]) for row in rows]
    return found


async def polling(connection: Connection, now: int) -> Polling:
    """Return how many watches are polled, and how far that is behind."""
    polled = watch.c.due_at.is_not(None)
    count = sa.select(sa.func.count()).select_from(watch)
    live = sa.select(sa.func.count()).select_from(session.join(watch, watch.c.id == session.c.watch_id))
    row = (
        await connection.execute(
            sa.select(
                count.where(polled).scalar_subquery(),
                count.where(watch.c.due_at < now - LATE).scalar_subquery(),
                sa.select(sa.func.min(watch.c.due_at)).where(watch.c.due_at <= now).scalar_subquery(),
                count.where(watch.c.trouble_since.is_not(None), polled).scalar_subquery(),
                live.where(session.c.state == "live", polled).scalar_subquery(),
            )
        )
    ).one()
    return Polling(watched=row[0], late=row[1], due_since=row[2], troubled=row[3], live=row[4])


async def lags(connection: Connection, now: int) -> list[int]:
    """Return how long the posts of the last hour took from their reading, in milliseconds, the shortest first.

    What was to come late is left out: digests of quiet hours, and alerts of before an outage of our own. Of very
    many posts it is the newest.
    """
    newest = sa.select(sa.func.max(delivery.c.id)).scalar_subquery()
    rows = await connection.execute(
        sa.select(delivery.c.settled_at - alert.c.at)
        .join(alert, alert.c.id == delivery.c.alert_id)
        .where(
            delivery.c.id > newest - LOOK_BACK,
            delivery.c.state == "sent",
            delivery.c.settled_at > now - HOUR,
            delivery.c.digest_id.is_(None),
            alert.c.late.is_(False),
        )
        .order_by(delivery.c.id.desc())
        .limit(POSTS)
    )
    return sorted(max(0, lag) for lag in rows.scalars())


async def size(connection: Connection) -> int:
    """Return how many bytes the database takes, without what is still in its log."""
    if connection.dialect.name == "sqlite":
        pages = "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"
        return int((await connection.execute(sa.text(pages))).scalar_one())
    return int(
        (await connection.execute(sa.select(sa.func.pg_database_size(sa.func.current_database())))).scalar_one()
    )


async def answers(connection: Connection) -> None:
    """Ask the database for nothing, to see whether it answers."""
    await connection.execute(sa.select(1))
