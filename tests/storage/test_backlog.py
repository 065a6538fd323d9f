"""What is owed, due and kept, as ``/status`` and metrics tell it."""

from __future__ import annotations

import sqlalchemy as sa

from bot.domain import HOUR, MINUTE, SECOND
from bot.domain.alert import Alert
from storage import backlog, outbox, watches
from storage.backlog import LATE, Queue
from storage.database import Database
from storage.tables import delivery, watch
from tests.fakes.clock import NOW
from tests.fakes.rows import a_chat, a_session, a_watch, listens, owed


async def test_nothing_is_owed_and_nothing_due(database: Database) -> None:
    async with database.read() as connection:
        assert await backlog.queues(connection) == []
        assert await backlog.lags(connection, NOW) == []
        found = await backlog.polling(connection, NOW)
        assert (found.watched, found.late, found.due_since, found.troubled, found.live) == (0, 0, None, 0, 0)
        assert await backlog.size(connection) > 0
        await backlog.answers(connection)


async def test_what_is_owed_is_counted_by_platform_and_state_with_the_age_of_its_reading(
    database: Database,
) -> None:
    async with database.write() as connection:
        one = await a_watch(connection)
        for key, platform in (("ann", "telegram"), ("bob", "telegram"), ("carla", "discord")):
            await listens(connection, await a_chat(connection, key, platform=platform), one)
        session = await a_session(connection, one)
        await owed(connection, session, at=NOW)
        await owed(connection, session, at=NOW + MINUTE, first=2)
        ids = (await connection.execute(sa.select(delivery.c.id).order_by(delivery.c.id))).scalars().all()
        for id_, state in ((ids[0], "leased"), (ids[1], "held"), (ids[2], "sent")):
            await connection.execute(sa.update(delivery).where(delivery.c.id == id_).values(state=state))
    async with database.read() as connection:
        found = await backlog.queues(connection)
    assert sum(queue.count for queue in found) == 5
    assert {(queue.platform, queue.state) for queue in found} >= {("telegram", "pending"), ("discord", "pending")}
    pending = next(one for one in found if (one.platform, one.state) == ("discord", "pending"))
    assert pending == Queue(platform="discord", state="pending", count=pending.count, oldest=pending.oldest)
    assert {queue.oldest for queue in found} == {NOW, NOW + MINUTE}


async def test_a_watch_is_late_some_seconds_after_it_was_due(database: Database) -> None:
    async with database.write() as connection:
        for name, due_at in (("late", NOW - LATE - 1), ("due", NOW - SECOND), ("later", NOW + MINUTE)):
            await a_watch(connection, name, due_at=due_at)
        nobodys = await a_watch(connection, "nobody's", due_at=NOW - HOUR)
        await connection.execute(sa.update(watch).where(watch.c.id == nobodys.id).values(due_at=None))
        ill = await a_watch(connection, "ill", due_at=NOW + MINUTE)
        await watches.note_trouble(connection, [(ill.id, "unavailable: down", NOW)])
        await a_session(connection, ill)
        await a_session(connection, nobodys, "b")
        found = await backlog.polling(connection, NOW)
    assert (found.watched, found.late, found.due_since, found.troubled, found.live) == (4, 1, NOW - LATE - 1, 1, 1)


async def test_the_lag_is_that_of_posts_of_the_last_hour_which_were_not_to_come_late(database: Database) -> None:
    async with database.write() as connection:
        one = await a_watch(connection)
        await listens(connection, await a_chat(connection), one)
        session = await a_session(connection, one)
        told = [
            Alert(kind="ended", session=session, at=at, key=f"ended:{n}", late=late)
            for n, (at, late) in enumerate(
                ((NOW, False), (NOW, False), (NOW, True), (NOW, False), (NOW - 2 * HOUR, False))
            )
        ]
        ids = await outbox.add_alerts(connection, told)
        await outbox.deliver_to_all(connection, zip(ids, told, strict=True), now=NOW)
        rows = (await connection.execute(sa.select(delivery.c.id).order_by(delivery.c.alert_id))).scalars().all()
        ends = (NOW + 3 * SECOND, NOW + SECOND, NOW + SECOND, None, NOW - 2 * HOUR + SECOND)
        for id_, at in zip(rows, ends, strict=True):
            if at is not None:
                values = {"state": "sent", "settled_at": at}
                await connection.execute(sa.update(delivery).where(delivery.c.id == id_).values(**values))
        assert await backlog.lags(connection, NOW + MINUTE) == [SECOND, 3 * SECOND]
        digest = sa.update(delivery).where(delivery.c.id == rows[0]).values(digest_id=rows[0])
        await connection.execute(digest)
        assert await backlog.lags(connection, NOW + MINUTE) == [SECOND]
