"""Chats, watches, sessions and alerts to test with, written through storage; and all rows read back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa

from bot.domain import SECOND
from bot.domain.alert import Alert
from bot.domain.alerts import KINDS, close
from bot.domain.reading import State
from bot.domain.session import Session
from bot.domain.statistics import Tally
from storage import chats, outbox, sessions, watches
from storage.chats import Chat
from storage.database import Connection, Database
from storage.tables import metadata
from storage.watches import Watch
from tests.fakes.clock import NOW

INTERVAL = 30 * SECOND
#: What most tests are about; who is close to a record has tests of its own.
ALL_BUT_CLOSE = tuple(kind for kind in KINDS if kind != close.KIND)


async def a_chat(connection: Connection, key: str = "ann", *, platform: str = "fake") -> Chat:
    return await chats.get_or_add(connection, platform=platform, key=key, title=None, now=NOW)


async def a_watch(
    connection: Connection,
    reference: str = "one",
    *,
    source: str = "fake",
    platform: str = "x",
    public: bool = True,
    interval: int = INTERVAL,
    metric: str = "concurrent",
    unit: str = "viewers",
    due_at: int = NOW,
    timezone: str = "UTC",
) -> Watch:
    return await watches.add(
        connection,
        due_at=due_at,
        values={
            "source": source,
            "reference": reference,
            "platform": platform,
            "public": public,
            "name": reference,
            "unit": unit,
            "metric": metric,
            "daily": False,
            "interval": interval,
            "timezone": timezone,
            "created_at": NOW,
        },
    )


async def listens(
    connection: Connection,
    chat: Chat,
    watch: Watch,
    *,
    topic: str = "",
    kinds: Sequence[str] = ALL_BUT_CLOSE,
    ladder: Sequence[float] | None = None,
    metric: str | None = None,
) -> None:
    """Let a chat follow a watch, and a topic of it take its alerts."""
    if watch.id not in {one.id for _, one in await watches.of_chat(connection, chat.id)}:
        await watches.follow(connection, chat_id=chat.id, watch_id=watch.id, name=watch.name, now=NOW)
    await chats.subscribe(connection, chat_id=chat.id, watch_id=watch.id, topic=topic, kinds=kinds, now=NOW)
    if ladder is not None or metric is not None:
        await chats.change_subscriptions(
            connection,
            chat_id=chat.id,
            watch_id=watch.id,
            topic=topic,
            ladder=chats.ladder_text(ladder),
            metric=metric,
        )


async def a_session(
    connection: Connection,
    watch: Watch,
    key: str = "a",
    *,
    state: State = State.LIVE,
    tally: Tally | None = None,
    ended_at: int | None = None,
    title: str | None = None,
) -> Session:
    one = Session(watch.id, [key], state, tally=tally or Tally(), ended_at=ended_at, title=title)
    await sessions.add(connection, [(one, watch.platform, watch.public)])
    return one


async def past(connection: Connection, watch: Watch, key: str, peak: float, *, ended_at: int = NOW) -> Session:
    """A session that is over and had this peak, over an hour."""
    figures = Tally(
        first_at=ended_at - 3_600_000,
        last_at=ended_at,
        peak=peak,
        peak_at=ended_at - 1_800_000,
        area=peak * 1_800_000,
        covered=3_600_000,
        tuned_in=peak * 3,
    )
    return await a_session(connection, watch, key, state=State.ENDED, tally=figures, ended_at=ended_at)


async def owed(
    connection: Connection, session: Session, *, count: int = 1, kind: str = "ended", at: int = NOW, first: int = 1
) -> list[int]:
    """Owe alerts of a session to all who take their kind; returns the alerts' ids."""
    alerts = [Alert(kind=kind, session=session, at=at, key=f"{kind}:{n}") for n in range(first, first + count)]
    ids = await outbox.add_alerts(connection, alerts)
    await outbox.deliver_to_all(connection, zip(ids, alerts, strict=True), now=at)
    return ids


async def rows(connection: Connection, table: str, *columns: str) -> list[tuple[Any, ...]]:
    """Return columns (or all) of a table, in order of its key."""
    one = metadata.tables[table]
    chosen = [one.c[name] for name in columns] or list(one.c)
    found = await connection.execute(sa.select(*chosen).order_by(*one.primary_key.columns))
    return [tuple(row) for row in found]


async def everything(database: Database, *, apart_from: Iterable[str] = ()) -> dict[str, list[tuple[Any, ...]]]:
    """Return all rows of all tables; ``apart_from`` names columns (``table.column``) that do not matter."""
    left_out = set(apart_from)
    kept = {}
    async with database.read() as connection:
        for name, table in metadata.tables.items():
            columns = [column.name for column in table.c if f"{name}.{column.name}" not in left_out]
            kept[name] = await rows(connection, name, *columns)
    return kept


async def states(database: Database) -> list[str]:
    """Return the states of all deliveries, in the order in which they were made."""
    async with database.read() as connection:
        return [row[0] for row in await rows(connection, "delivery", "state")]
