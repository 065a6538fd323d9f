"""However many wait or are told: what one step costs is what it touches. Work is counted, not time."""

from __future__ import annotations

import asyncio

import pytest
import sqlalchemy as sa

from bot.domain import DAY, HOUR, MINUTE
from bot.domain.alert import Alert
from bot.domain.measure import Measure
from bot.domain.session import Session
from storage import held, outbox, posts, sending
from storage.database import Connection, Database
from storage.outbox import Rung
from storage.sending import Owed
from storage.tables import delivery, metadata
from storage.watches import Watch
from tests.fakes.clock import NOW
from tests.fakes.crowd import a_crowd, plan, statements, steps
from tests.fakes.rows import a_session, a_watch, owed, rows

FEW, MANY = 200, 2_000
#: How much more may be done for many than for few, where it should be the same.
SAME = 1.6
#: What deliveries and alerts are called beside themselves in a statement.
ALIASES = ("ahead", "newer", "older", "told", "its", "head")


@pytest.fixture
def url(tmp_path: object) -> str:
    """SQLite tells how it goes about a statement, and how many steps that takes."""
    return f"sqlite:///{tmp_path}/milepost.db"


async def waiting(connection: Connection, count: int, *, alerts: int = 1) -> tuple[Watch, Session]:
    watch = await a_watch(connection)
    await a_crowd(connection, watch, count)
    session = await a_session(connection, watch)
    await owed(connection, session, count=alerts, kind="started")
    return watch, session


async def lease(
    connection: Connection, *, limit: int = 32, platform: str = "fake", topics: bool = False
) -> list[Owed]:
    return await sending.lease(
        connection, platform=platform, by_topic=topics, now=NOW, until=NOW + MINUTE, limit=limit
    )


async def rung(connection: Connection, session: Session, value: float) -> int:
    one = Alert(
        kind="milestone", session=session, at=NOW, key=f"milestone:{value}", measure=Measure.PEAK, value=value
    )
    (id_,) = await outbox.add_alerts(connection, [one])
    rung = Rung(
        alert_id=id_,
        session_id=session.id,
        watch_id=session.watch_id,
        threshold=value,
        ladder=None,
        metric=None,
        first_alert=None,
    )
    await outbox.deliver_rungs(connection, [rung], now=NOW)
    return id_


@pytest.mark.parametrize("topics", [False, True])
async def test_a_lease_costs_the_same_however_much_waits(database: Database, topics: bool) -> None:
    async with database.write() as connection:
        await waiting(connection, FEW)
    async with steps(database) as (connection, few):
        assert len(await lease(connection, topics=topics)) == 32
    async with database.write() as connection:
        await connection.execute(sa.update(delivery).values(state="pending", leased_until=None))
        await waiting_again(connection)
    async with steps(database) as (connection, many):
        assert len(await lease(connection, topics=topics)) == 32
    assert many.count <= SAME * few.count + 10


async def waiting_again(connection: Connection) -> None:
    """Let many more chats wait, with several deliveries each."""
    watch = await a_watch(connection, "two")
    await a_crowd(connection, watch, MANY)
    await owed(connection, await a_session(connection, watch), count=3, kind="started")


async def test_a_backlog_of_one_platform_is_nothing_to_another(database: Database) -> None:
    async with database.write() as connection:
        await waiting(connection, MANY)
        watch = await a_watch(connection, "two")
        await a_crowd(connection, watch, 40, platform="other")
        await owed(connection, await a_session(connection, watch), kind="started")
    async with steps(database) as (connection, alone):
        assert len(await lease(connection, platform="other")) == 32
    async with steps(database) as (connection, none):
        assert len(await lease(connection, platform="other")) == 8
    assert alone.count < 200
    assert none.count < 200


async def test_nothing_that_is_done_again_and_again_reads_all_deliveries(database: Database) -> None:
    """The plans say so: neither a scan of the table nor a sort of what is found."""
    async with database.write() as connection:
        _, session = await waiting(connection, 40)
        first = await rung(connection, session, 10)
        with statements(connection) as found:
            leased = await lease(connection)
            await sending.settle(connection, leased[0].id, state="sent", now=NOW, message_key="1")
            await sending.give_back(connection, [one.id for one in leased[1:9]])
            await held.hold(connection, [one.id for one in leased[9:20]], until=NOW)
            places = await held.over(connection, NOW)
            await held.release(connection, places, NOW)
            await held.told_by(connection, leased[9].id)
            await held.settle(connection, leased[9].id, [leased[9].id], now=NOW, message_key="2")
            await held.give_up(connection, leased[10].id, now=NOW)
            await sending.expire(connection, NOW + HOUR, since=NOW)
            await sending.release(connection, ["fake"])
            await sending.drop(connection, subscription_ids=[leased[0].subscription_id], now=NOW, error="gone")
            newer = await rung(connection, session, 25)
            await outbox.supersede(connection, before=newer, now=NOW)
            await posts.before(
                connection,
                subscription_id=leased[0].subscription_id,
                session_id=session.id,
                kind="milestone",
                until=leased[0].id,
            )
        assert first < newer
        for statement, parameters in found:
            steps_of_it = await plan(connection, statement, parameters)
            scans = [
                one for one in steps_of_it if one in {f"SCAN {name}" for name in (*metadata.tables, *ALIASES)}
            ]
            assert not scans, (statement, steps_of_it)
            assert not any("(alert_id<?)" in one for one in steps_of_it), (
                statement,
                steps_of_it,
            )  # all but a scan
        plans = await plan(connection, *found[0])
        assert any("ix_delivery_due" in one for one in plans), plans
        assert not any("TEMP B-TREE" in one for one in plans), plans


async def test_superseding_costs_what_gives_way_and_not_what_was_told_before(database: Database) -> None:
    async with database.write() as connection:
        _, session = await waiting(connection, FEW)
        counts = []
        for number in range(8):
            async with connection.begin_nested():
                newer = await rung(connection, session, 10 * (number + 1))
                before = await rows(connection, "delivery", "state")
                dropped = await outbox.supersede(connection, before=newer, now=NOW)
            counts.append(dropped)
            assert len(before) == FEW * (number + 2)
            await connection.execute(sa.update(delivery).where(delivery.c.id % 2 == 0).values(state="sent"))
    assert counts[0] == 0
    assert all(count <= FEW for count in counts)


async def test_what_grew_too_old_is_found_without_a_look_at_what_waits(database: Database) -> None:
    counted = {}
    async with database.write() as connection:
        _, session = await waiting(connection, FEW)
    for name, count in (("few", 0), ("many", MANY)):
        async with database.write() as connection:
            if count:
                watch = await a_watch(connection, "two")
                await a_crowd(connection, watch, count)
                await owed(connection, await a_session(connection, watch, "b"), kind="ended", at=NOW + DAY)
        async with steps(database) as (connection, one):
            assert await sending.expire(connection, NOW + MINUTE, since=NOW) == {}
        counted[name] = one.count
    assert counted["many"] <= SAME * counted["few"] + 5
    async with database.write() as connection:
        expires = (await rows(connection, "alert", "expires_at"))[0][0]
        assert await sending.expire(connection, expires, since=expires - HOUR) == {}
        assert await sending.expire(connection, expires + 1, since=expires - HOUR) == {"fake": FEW}
        assert session.id


async def test_a_morning_brings_back_all_places_in_a_few_statements(database: Database) -> None:
    async with database.write() as connection:
        await waiting(connection, 300, alerts=3)
        ids = [row[0] for row in await rows(connection, "delivery", "id")]
        await held.hold(connection, ids, until=NOW)
        places = await held.over(connection, NOW)
        assert len(places) == 300
        with statements(connection) as found:
            await held.release(connection, places, NOW)
        assert len(found) == 3
        states = await rows(connection, "delivery", "id", "chat_id", "state", "digest_id")
    heads = {chat_id: id_ for id_, chat_id, state, _ in states if state == "pending"}
    assert len(heads) == 300
    assert all(digest_id == heads[chat_id] for _, chat_id, _, digest_id in states)


async def test_who_writes_without_a_pause_lets_others_write_in_turn(database: Database) -> None:
    begun, done = asyncio.Event(), asyncio.Event()
    written = 0

    async def without_a_pause() -> None:
        nonlocal written
        while not done.is_set():
            async with database.write() as connection:
                await connection.execute(sa.update(delivery).values(state="sent"))
            written += 1
            begun.set()

    busy = asyncio.create_task(without_a_pause())
    async with asyncio.timeout(30):
        await begun.wait()
        for _ in range(20):
            before = written
            async with database.write() as connection:
                await connection.execute(sa.update(delivery).values(state="sent"))
            assert written <= before + 2
    done.set()
    await busy
