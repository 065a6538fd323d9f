"""Deliveries: who is owed what, in which order, and when they are given up."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import sqlalchemy as sa

from bot.domain import DAY, HOUR, MINUTE, SECOND
from bot.domain.alert import Alert
from bot.domain.measure import Measure
from bot.domain.session import Session
from storage import chats, installation, outbox, posts, sending
from storage.audiences import Part
from storage.chats import Chat
from storage.database import Connection, Database
from storage.outbox import Fell, Rung
from storage.sending import Owed
from storage.watches import Watch
from tests.fakes.clock import NOW
from tests.fakes.rows import a_chat, a_session, a_watch, listens, owed, rows

LEASE = MINUTE


async def lease(
    connection: Connection, now: int = NOW, *, limit: int = 100, busy: Sequence[str] = (), platform: str = "fake"
) -> list[Owed]:
    return await sending.lease(
        connection,
        platform=platform,
        by_topic=False,
        now=now,
        until=now + LEASE,
        limit=limit,
        busy=busy,
    )


async def sent(connection: Connection, one: Owed, now: int = NOW) -> None:
    await sending.settle(connection, one.id, state="sent", now=now, message_key=f"post-{one.id}")


async def deliveries(connection: Connection, *columns: str) -> list[tuple[object, ...]]:
    return list(await rows(connection, "delivery", *columns))


async def states(connection: Connection) -> list[object]:
    return [row[0] for row in await deliveries(connection, "state")]


async def milestone(
    connection: Connection,
    watch: Watch,
    session: Session,
    value: float,
    *,
    ladders: Sequence[tuple[float, str | None]] = ((10, None),),
    first_alert: int | None = None,
    at: int = NOW,
) -> int:
    """Owe a milestone with a rung for each ladder, as a reading that passed them does; returns the alert's id."""
    one = Alert(
        kind="milestone", session=session, at=at, key=f"milestone:{value}", measure=Measure.PEAK, value=value
    )
    (id_,) = await outbox.add_alerts(connection, [one])
    await outbox.deliver_rungs(
        connection,
        [
            Rung(
                alert_id=id_,
                session_id=session.id,
                watch_id=watch.id,
                threshold=threshold,
                ladder=ladder,
                metric=None,
                first_alert=first_alert,
            )
            for threshold, ladder in ladders
        ],
        now=at,
    )
    return id_


def fell(
    session: Session, *chats: Chat, scope: int = 1, measure: Measure = Measure.PEAK, again: bool = False
) -> Fell:
    return Fell(
        session_id=session.id,
        watch_id=session.watch_id,
        kind="record",
        measure=measure,
        part=Part(frozenset(chat.id for chat in chats)),
        scope=scope,
        detail="{}",
        again=again,
    )


async def record(
    connection: Connection,
    session: Session,
    chat: Chat,
    *,
    scope: int = 1,
    measure: Measure = Measure.PEAK,
    at: int = NOW,
) -> int:
    one = Alert(kind="record", session=session, at=at, key=f"record:{at}:{chat.id}", measure=measure, value=5)
    (id_,) = await outbox.add_alerts(connection, [one])
    await outbox.deliver_fallen(connection, [(id_, fell(session, chat, scope=scope, measure=measure))], now=at)
    return id_


# --- who is owed ------------------------------------------------------------------------------------------


async def test_an_alert_is_owed_to_each_place_that_takes_its_kind(database: Database) -> None:
    async with database.write() as connection:
        watch, other = await a_watch(connection, "one"), await a_watch(connection, "two")
        ann, bob, cleo = [await a_chat(connection, name) for name in ("ann", "bob", "cleo")]
        await listens(connection, ann, watch, kinds=["ended", "milestone"])
        await listens(connection, ann, watch, kinds=["ended"], topic="7")
        await listens(connection, bob, watch, kinds=["milestone", "record"])
        await listens(connection, cleo, other)
        session = await a_session(connection, watch)
        (id_,) = await owed(connection, session, kind="ended")
        assert await deliveries(connection, "alert_id", "chat_id", "topic", "state", "due_at") == [
            (id_, ann.id, "", "pending", NOW),
            (id_, ann.id, "7", "pending", NOW),
        ]


async def test_a_kind_is_not_mistaken_for_another_that_contains_it(database: Database) -> None:
    async with database.write() as connection:
        watch = await a_watch(connection)
        await listens(connection, await a_chat(connection), watch, kinds=["unended", "ended2"])
        await owed(connection, await a_session(connection, watch), kind="ended")
        assert await states(connection) == []


async def test_who_is_muted_is_owed_nothing_until_the_hour_has_come(database: Database) -> None:
    async with database.write() as connection:
        watch = await a_watch(connection)
        ann = await a_chat(connection)
        await listens(connection, ann, watch)
        await chats.change_subscriptions(connection, chat_id=ann.id, watch_id=watch.id, muted_until=NOW + 1)
        session = await a_session(connection, watch)
        await owed(connection, session, kind="ended")
        await milestone(connection, watch, session, 10)
        await record(connection, session, ann)
        assert await states(connection) == []
        await owed(connection, session, kind="ended", at=NOW + 1, first=2)
        await record(connection, session, ann, at=NOW + 1)
        assert await states(connection) == ["pending"] * 2


async def test_a_disabled_chat_is_owed_nothing_new(database: Database) -> None:
    async with database.write() as connection:
        watch = await a_watch(connection)
        ann = await a_chat(connection)
        await listens(connection, ann, watch)
        await chats.disable(connection, ann.id, now=NOW, why="kicked out")
        session = await a_session(connection, watch)
        await owed(connection, session, kind="ended")
        await milestone(connection, watch, session, 10)
        await record(connection, session, ann)
        assert await states(connection) == []


async def test_a_milestone_goes_to_those_whose_ladder_has_the_rung(database: Database) -> None:
    async with database.write() as connection:
        watch = await a_watch(connection)
        ann, bob, cleo = [await a_chat(connection, name) for name in ("ann", "bob", "cleo")]
        await listens(connection, ann, watch)
        await listens(connection, bob, watch, ladder=[7, 12])
        await listens(connection, cleo, watch, ladder=[100])
        session = await a_session(connection, watch)
        await milestone(connection, watch, session, 13, ladders=[(10, None), (12, chats.ladder_text([7, 12]))])
        assert await deliveries(connection, "chat_id", "threshold") == [(ann.id, 10.0), (bob.id, 12.0)]


async def test_a_ladder_on_another_figure_is_another_ladder(database: Database) -> None:
    async with database.write() as connection:
        watch = await a_watch(connection)
        ann, bob = await a_chat(connection, "ann"), await a_chat(connection, "bob")
        await listens(connection, ann, watch)
        await listens(connection, bob, watch, metric="tuned_in")
        await milestone(connection, watch, await a_session(connection, watch), 13)
        assert await deliveries(connection, "chat_id") == [(ann.id,)]


async def test_a_record_of_the_same_reading_takes_the_place_of_the_milestone_where_it_is_told(
    database: Database,
) -> None:
    async with database.write() as connection:
        watch = await a_watch(connection)
        ann, bob, cleo = [await a_chat(connection, name) for name in ("ann", "bob", "cleo")]
        for chat in (ann, bob, cleo):
            await listens(connection, chat, watch)
        session = await a_session(connection, watch)
        await record(connection, session, bob, at=NOW - MINUTE)  # an earlier reading's
        first = await record(connection, session, ann)
        await milestone(connection, watch, session, 10, first_alert=first)
        found = await deliveries(connection, "kind", "chat_id")
    assert found == [("record", bob.id), ("record", ann.id), ("milestone", bob.id), ("milestone", cleo.id)]


async def test_the_same_fact_of_a_session_cannot_be_kept_twice(database: Database) -> None:
    async with database.write() as connection:
        session = await a_session(connection, await a_watch(connection))
        await owed(connection, session)
    with pytest.raises(sa.exc.IntegrityError):
        async with database.write() as connection:
            await owed(connection, session)


async def test_many_alerts_get_ids_in_their_order(database: Database) -> None:
    async with database.write() as connection:
        session = await a_session(connection, await a_watch(connection))
        ids = await owed(connection, session, count=300)
        kept = dict(await rows(connection, "alert", "id", "key"))
    assert [kept[id_] for id_ in ids] == [f"ended:{n}" for n in range(1, 301)]
    assert ids == sorted(ids)


async def test_nobody_is_told_the_same_scope_of_a_measure_twice_in_a_session(database: Database) -> None:
    async with database.write() as connection:
        watch = await a_watch(connection)
        ann, bob, cleo = [await a_chat(connection, name) for name in ("ann", "bob", "cleo")]
        for chat in (ann, bob, cleo):
            await listens(connection, chat, watch)
        session, other = await a_session(connection, watch, "a"), await a_session(connection, watch, "b")
        await record(connection, session, ann, scope=3)
        await record(connection, session, bob, scope=1, at=NOW + 1)
        await record(connection, session, cleo, scope=3, measure=Measure.TUNED_IN)
        await record(connection, other, cleo, scope=3)
        assert await outbox.told_kinds(connection, [session.id]) == {
            (session.id, "record", "peak"),
            (session.id, "record", "tuned_in"),
        }
        for scope, left in ((1, {cleo.id}), (2, {bob.id, cleo.id}), (3, {bob.id, cleo.id})):
            one = fell(session, ann, bob, cleo, scope=scope, again=True)
            for chat in (ann, bob, cleo):
                asked = fell(session, chat, scope=scope)
                assert await outbox.is_left(connection, asked, now=NOW) == (chat.id in left)
            (id_,) = await outbox.add_alerts(
                connection,
                [Alert(kind="record", session=session, at=NOW, key=f"{scope}", measure=Measure.PEAK, value=5)],
            )
            before = set(await deliveries(connection, "id"))
            await connection.execute(sa.text("SAVEPOINT here"))
            await outbox.deliver_fallen(connection, [(id_, one)], now=NOW)
            found = [row for row in await deliveries(connection, "id", "chat_id") if (row[0],) not in before]
            assert {row[1] for row in found} == left
            await connection.execute(sa.text("ROLLBACK TO here"))


# --- in which order ---------------------------------------------------------------------------------------


async def two_chats_owed(connection: Connection, count: int = 3) -> tuple[Chat, Chat]:
    watch = await a_watch(connection)
    ann, bob = await a_chat(connection, "ann"), await a_chat(connection, "bob")
    for chat in (ann, bob):
        await listens(connection, chat, watch)
    await owed(connection, await a_session(connection, watch), count=count)
    return ann, bob


async def test_each_chat_gets_one_at_a_time_in_the_order_in_which_they_were_owed(database: Database) -> None:
    async with database.write() as connection:
        await two_chats_owed(connection)
        told: list[tuple[str, str]] = []
        for _ in range(3):
            batch = await lease(connection)
            assert [one.chat_key for one in batch] == ["ann", "bob"]
            assert await lease(connection) == []
            for one in batch:
                told.append((one.chat_key, one.key))
                await sent(connection, one)
        assert await lease(connection) == []
    keys = ["ended:1", "ended:2", "ended:3"]
    assert [key for chat, key in told if chat == "ann"] == keys
    assert [key for chat, key in told if chat == "bob"] == keys


async def test_what_waits_for_another_try_holds_up_its_own_chat_only(database: Database) -> None:
    async with database.write() as connection:
        await two_chats_owed(connection)
        first, second = await lease(connection)
        await sending.put_back(connection, first.id, due_at=NOW + 5 * SECOND, error="wait")
        await sent(connection, second)
        assert [one.chat_key for one in await lease(connection)] == ["bob"]
        (again,) = await lease(connection, NOW + 5 * SECOND)
        assert (again.id, again.attempts) == (first.id, 2)


async def test_a_batch_is_no_larger_than_asked_and_the_oldest_come_first(database: Database) -> None:
    async with database.write() as connection:
        await two_chats_owed(connection)
        (one,) = await lease(connection, limit=1)
        assert one.chat_key == "ann"
        (other,) = await lease(connection, limit=1)
        assert other.chat_key == "bob"


async def test_a_chat_that_is_being_sent_to_is_left_alone_even_if_its_lease_ran_out(database: Database) -> None:
    async with database.write() as connection:
        ann, _ = await two_chats_owed(connection)
        await lease(connection)
        late = NOW + 10 * LEASE
        assert [one.chat_key for one in await lease(connection, late, busy=[ann.key])] == ["bob"]


async def test_topics_are_lanes_of_their_own_where_the_platform_has_them_so(database: Database) -> None:
    async with database.write() as connection:
        watch, chat = await a_watch(connection), await a_chat(connection, "ann")
        for topic in ("", "7", "8"):
            await listens(connection, chat, watch, topic=topic)
        await owed(connection, await a_session(connection, watch), count=2)
        assert len(await lease(connection)) == 1
        found = await sending.lease(
            connection, platform="fake", by_topic=True, now=NOW + LEASE, until=NOW + 2 * LEASE, limit=9, busy=["8"]
        )
        assert [one.topic for one in found] == ["", "7"]


async def test_what_was_not_even_tried_is_given_back_as_it_was(database: Database) -> None:
    async with database.write() as connection:
        await two_chats_owed(connection)
        first, second = await lease(connection)
        await sent(connection, second)
        await sending.give_back(connection, [first.id, second.id])
        again = await lease(connection)
        assert [(one.chat_key, one.attempts) for one in again] == [("ann", 1), ("bob", 1)]
        assert again[0].id == first.id
        assert again[1].id > second.id


async def test_an_installation_has_one_key_for_ever(database: Database) -> None:
    async with database.write() as connection:
        key = await installation.key(connection)
    async with database.write() as connection:
        assert await installation.key(connection) == key
        assert len(key) == 8


async def test_a_lease_that_ran_out_is_taken_again_and_keeps_its_place(database: Database) -> None:
    async with database.write() as connection:
        await two_chats_owed(connection)
        before = [one.id for one in await lease(connection)]
        assert await lease(connection, NOW + LEASE - 1) == []
        again = await lease(connection, NOW + LEASE)
        assert [one.id for one in again] == before
        assert {one.attempts for one in again} == {2}


async def test_a_process_that_starts_takes_back_what_its_platforms_had_leased(database: Database) -> None:
    async with database.write() as connection:
        await two_chats_owed(connection)
        before = [one.id for one in await lease(connection)]
        await sending.release(connection, ["telegram"])
        assert await lease(connection) == []
        await sending.release(connection, ["fake"])
        assert [one.id for one in await lease(connection)] == before


async def test_another_platform_is_not_touched(database: Database) -> None:
    async with database.write() as connection:
        await two_chats_owed(connection)
        assert await lease(connection, platform="telegram") == []


async def test_a_chat_that_is_gone_is_sent_nothing_until_it_is_back(database: Database) -> None:
    async with database.write() as connection:
        ann, _ = await two_chats_owed(connection)
        await chats.disable(connection, ann.id, now=NOW, why="gone")
        assert [one.chat_key for one in await lease(connection)] == ["bob"]
        await chats.change(connection, ann.id, disabled_at=None)
        assert [one.chat_key for one in await lease(connection)] == ["ann"]


async def test_two_processes_never_lease_the_same(postgres_url: str) -> None:
    one, two = Database(postgres_url), Database(postgres_url)
    await one.open()
    await two.open()
    try:
        async with one.write() as connection:
            await connection.execute(sa.text("TRUNCATE chat, watch CASCADE"))
            await two_chats_owed(connection)
        async with one.write(turn=False) as first, two.write(turn=False) as second:
            (mine,) = await lease(first, limit=1)
            theirs = await lease(second, limit=2)
        assert (mine.chat_key, [other.chat_key for other in theirs]) == ("ann", ["bob"])
    finally:
        await one.close()
        await two.close()


# --- when they are given up -------------------------------------------------------------------------------


async def a_listener(connection: Connection) -> tuple[Chat, Watch, Session]:
    ann, watch = await a_chat(connection), await a_watch(connection)
    await listens(connection, ann, watch)
    return ann, watch, await a_session(connection, watch)


async def test_a_newer_milestone_takes_the_place_of_one_that_still_waits(database: Database) -> None:
    async with database.write() as connection:
        _, watch, session = await a_listener(connection)
        await milestone(connection, watch, session, 10)
        newer = await milestone(connection, watch, session, 25)
        await outbox.supersede(connection, before=newer, now=NOW)
        assert await deliveries(connection, "state", "settled_at") == [("superseded", NOW), ("pending", None)]


async def test_only_waiting_milestones_of_that_session_and_place_give_way(database: Database) -> None:
    async with database.write() as connection:
        ann, watch, session = await a_listener(connection)
        bob = await a_chat(connection, "bob")
        await listens(connection, bob, watch, ladder=[10])
        bobs = chats.ladder_text([10])
        other = await a_session(connection, watch, "b")
        await milestone(connection, watch, other, 10)  # another session's, of ann
        await milestone(connection, watch, session, 10, ladders=[(10, None), (10, bobs)])
        await owed(connection, session, kind="ended")
        waiting = await lease(connection)  # ann's oldest is under way, and bob's
        assert [(one.chat_key, one.session_id) for one in waiting] == [("ann", other.id), ("bob", session.id)]
        newer = await milestone(connection, watch, session, 25)  # bob's ladder has no such rung
        await outbox.supersede(connection, before=newer, now=NOW)
        assert await deliveries(connection, "kind", "chat_id", "session_id", "state") == [
            ("milestone", ann.id, other.id, "leased"),
            ("milestone", ann.id, session.id, "superseded"),
            ("milestone", bob.id, session.id, "leased"),
            ("ended", ann.id, session.id, "pending"),
            ("ended", bob.id, session.id, "pending"),
            ("milestone", ann.id, session.id, "pending"),
        ]


async def test_what_is_being_sent_is_not_taken_back(database: Database) -> None:
    async with database.write() as connection:
        _, watch, session = await a_listener(connection)
        await milestone(connection, watch, session, 10)
        await lease(connection)
        newer = await milestone(connection, watch, session, 25)
        await outbox.supersede(connection, before=newer, now=NOW)
        assert await states(connection) == ["leased", "pending"]


@pytest.mark.parametrize(
    ("kind", "worth"), [("milestone", HOUR), ("started", HOUR), ("record", DAY), ("ended", DAY)]
)
async def test_an_alert_older_than_its_worth_expires(database: Database, kind: str, worth: int) -> None:
    async with database.write() as connection:
        _, _, session = await a_listener(connection)
        await owed(connection, session, kind=kind)
        await sending.expire(connection, NOW + worth)
        assert await states(connection) == ["pending"]
        await sending.expire(connection, NOW + worth + 1)
        assert await deliveries(connection, "state", "settled_at") == [("expired", NOW + worth + 1)]


async def test_what_is_being_sent_does_not_expire_but_what_a_dead_process_left_does(database: Database) -> None:
    async with database.write() as connection:
        _, _, session = await a_listener(connection)
        await owed(connection, session, kind="started")
        await lease(connection, NOW + HOUR)
        await sending.expire(connection, NOW + HOUR + 1)
        assert await states(connection) == ["leased"]
        await sending.release(connection, ["fake"])
        await sending.expire(connection, NOW + HOUR + 1)
        assert await deliveries(connection, "state", "leased_until") == [("expired", None)]


async def test_after_the_clock_was_set_back_nothing_waits_for_it(database: Database) -> None:
    first, pause = 2 * MINUTE, 15 * MINUTE
    async with database.write() as connection:
        watch = await a_watch(connection)
        people = [await a_chat(connection, name) for name in ("ann", "bob", "cleo", "dan")]
        for chat in people:
            await listens(connection, chat, watch)
        session = await a_session(connection, watch)
        await owed(connection, session, at=NOW + HOUR)
        ann, bob, cleo, _ = await lease(connection, NOW + HOUR)
        await sending.put_back(connection, ann.id, due_at=NOW + HOUR + MINUTE, error="wait")
        await sending.put_back(connection, bob.id, due_at=NOW + MINUTE, error="wait")
        await sending.put_back(connection, cleo.id, due_at=NOW + HOUR, error="wait")
        await owed(connection, session, at=NOW + HOUR, first=2)
        await sending.rearm(connection, ["fake"], now=NOW, lease=LEASE, first=first, pause=pause)
        found = await deliveries(connection, "state", "due_at", "leased_until")
    assert found == [
        ("pending", NOW + first, None),
        ("pending", NOW + MINUTE, None),  # its own pause, and no longer
        ("pending", NOW + first, None),
        ("leased", NOW, NOW + LEASE),  # its holder may die: it is due all the same
        *[("pending", NOW, None)] * 4,
    ]


# --- what is remembered -----------------------------------------------------------------------------------


async def test_what_was_told_before_is_the_last_one_that_was_sent(database: Database) -> None:
    async with database.write() as connection:
        _, watch, session = await a_listener(connection)
        for n, value in enumerate((10, 25, 50, 100)):
            await milestone(connection, watch, session, value, ladders=[(value, None)], at=NOW + n)
        for state in ("sent", "sent", "dead"):
            (one,) = await lease(connection, NOW + 10)
            await sending.settle(connection, one.id, state=state, now=NOW, message_key=f"post-{one.key}")
        (last,) = await lease(connection, NOW + 10)
        about = {"subscription_id": last.subscription_id, "session_id": session.id}
        told = await posts.before(connection, **about, kind="milestone", until=last.id)
        assert told == (NOW + 1, 25, "post-milestone:25")
        assert await posts.before(connection, **about, kind="record", until=last.id) is None


async def test_a_leased_delivery_says_all_about_its_alert(database: Database) -> None:
    async with database.write() as connection:
        ann, watch, session = await a_listener(connection)
        id_ = await milestone(connection, watch, session, 12.5, at=NOW)
        (one,) = await lease(connection)
    assert (one.alert_id, one.chat_id, one.chat_key, one.topic) == (id_, ann.id, "ann", "")
    assert (one.kind, one.at, one.measure, one.value, one.threshold) == ("milestone", NOW, "peak", 12.5, 10)
    assert (one.attempts, one.late, one.expires_at) == (1, False, NOW + HOUR)


async def test_the_backlog_counts_what_is_owed(database: Database) -> None:
    async with database.write() as connection:
        assert await sending.backlog(connection) == (0, None)
        _, _, session = await a_listener(connection)
        await owed(connection, session, count=3, at=NOW)
        (one,) = await lease(connection)
        await sent(connection, one)
        await lease(connection)
        assert await sending.backlog(connection) == (2, NOW)
