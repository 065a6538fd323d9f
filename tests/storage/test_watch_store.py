"""Who watches what, and when it is due."""

from __future__ import annotations

import pytest

from bot.domain import DAY, HOUR, MINUTE, SECOND
from storage import audiences, chats, watches
from storage.database import Connection, Database
from storage.watches import Watch
from tests.fakes.clock import NOW
from tests.fakes.rows import INTERVAL, a_chat, a_session, a_watch, listens, rows


async def due(connection: Connection, watch: Watch) -> int | None:
    found: dict[int, int | None] = dict(await rows(connection, "watch", "id", "due_at"))
    return found[watch.id]


async def test_what_is_due_is_claimed_once_and_due_again_an_interval_later(database: Database) -> None:
    async with database.write() as connection:
        early = await a_watch(connection, "early", due_at=NOW - HOUR)
        now = await a_watch(connection, "now", due_at=NOW, interval=5 * MINUTE)
        later = await a_watch(connection, "later", due_at=NOW + 1)
        assert [w.id for w in await watches.claim(connection, NOW)] == [early.id, now.id]
        assert await watches.claim(connection, NOW) == []
        assert await due(connection, early) == NOW + INTERVAL
        assert await due(connection, now) == NOW + 5 * MINUTE
        assert await due(connection, later) == NOW + 1


async def test_what_nobody_watches_is_not_polled_and_keeps_its_history(database: Database) -> None:
    async with database.write() as connection:
        ann, bob = await a_chat(connection, "ann"), await a_chat(connection, "bob")
        watch = await a_watch(connection)
        for chat in (ann, bob):
            await listens(connection, chat, watch)
        await a_session(connection, watch)
        await watches.unfollow(connection, chat_id=ann.id, watch_id=watch.id)
        assert [w.id for w in await watches.claim(connection, NOW)] == [watch.id]
        await watches.unfollow(connection, chat_id=bob.id, watch_id=watch.id)
        assert await watches.claim(connection, NOW + HOUR) == []
        assert await watches.polled(connection) == []
        assert await rows(connection, "subscription") == []
        assert len(await rows(connection, "session")) == 1


async def test_who_follows_what_nobody_watched_has_it_polled_at_once(database: Database) -> None:
    async with database.write() as connection:
        ann = await a_chat(connection)
        watch = await a_watch(connection)
        await listens(connection, ann, watch)
        await watches.unfollow(connection, chat_id=ann.id, watch_id=watch.id)
        await watches.follow(connection, chat_id=ann.id, watch_id=watch.id, name="again", now=NOW + HOUR)
        assert [w.id for w in await watches.claim(connection, NOW + HOUR)] == [watch.id]


async def test_who_joins_others_does_not_change_when_a_watch_is_due(database: Database) -> None:
    async with database.write() as connection:
        watch = await a_watch(connection, due_at=NOW + 7)
        await listens(connection, await a_chat(connection), watch)
        assert await due(connection, watch) == NOW + 7


async def test_a_watch_lost_while_it_was_read_stays_unpolled(database: Database) -> None:
    async with database.write() as connection:
        ann = await a_chat(connection)
        watch, other = await a_watch(connection, "one"), await a_watch(connection, "two")
        for one in (watch, other):
            await listens(connection, ann, one)
        assert [w.id for w in await watches.claim(connection, NOW)] == [watch.id, other.id]
        await watches.unfollow(connection, chat_id=ann.id, watch_id=watch.id)
        # The answer of the read under way comes in, with a moment for the next one.
        await watches.due_again(connection, [(watch.id, NOW + 1), (other.id, NOW + 1)])
        assert [w.id for w in await watches.claim(connection, NOW + HOUR)] == [other.id]


async def test_what_is_over_is_never_due_again(database: Database) -> None:
    async with database.write() as connection:
        watch = await a_watch(connection)
        await watches.due_again(connection, [(watch.id, None)])
        assert await watches.claim(connection, NOW + HOUR) == []


async def test_after_the_clock_was_set_back_nothing_waits_longer_than_its_interval(database: Database) -> None:
    async with database.write() as connection:
        near = await a_watch(connection, "near", due_at=NOW + INTERVAL)
        far = await a_watch(connection, "far", due_at=NOW + INTERVAL + 1)
        nobodys = await a_watch(connection, "nobody's")
        await watches.due_again(connection, [(nobodys.id, None)])
        await watches.rearm(connection, NOW, longest=DAY)
        assert await due(connection, near) == NOW + INTERVAL
        assert await due(connection, far) == NOW
        assert await due(connection, nobodys) is None


@pytest.mark.parametrize(
    ("jump", "asked_to_wait", "waits"),
    [
        (HOUR, 3 * HOUR, 3 * HOUR),  # not less than it was told
        (0, HOUR, HOUR),
        (10 * SECOND, INTERVAL, 0),  # an ordinary wait
        (DAY, INTERVAL, 0),
        (DAY, 5 * DAY, DAY),  # and never longer than a wait may be
        (DAY, -1, 0),
    ],
)
async def test_after_the_clock_was_set_back_a_source_that_asked_for_a_long_wait_gets_it(
    database: Database, jump: int, asked_to_wait: int, waits: int
) -> None:
    before = NOW + jump
    async with database.write() as connection:
        watch = await a_watch(connection, due_at=before + asked_to_wait)
        await watches.note_asked(connection, [watch.id], at=before, answered=False)
        await watches.note_trouble(connection, [(watch.id, "rate_limited", before)])
        await watches.rearm(connection, NOW, longest=DAY)
        assert await due(connection, watch) == NOW + waits


async def test_after_the_clock_was_set_back_what_is_well_is_due_at_once(database: Database) -> None:
    async with database.write() as connection:
        ahead = await a_watch(connection, "ahead", due_at=NOW + 9 * HOUR)
        await watches.note_asked(connection, [ahead.id], at=NOW + HOUR, answered=True)
        never = await a_watch(connection, "never asked", due_at=NOW + HOUR)
        await watches.note_trouble(connection, [(never.id, "unavailable", NOW)])
        await watches.rearm(connection, NOW, longest=DAY)
        assert [await due(connection, one) for one in (ahead, never)] == [NOW, NOW]


async def test_an_audience_is_each_ladder_once_and_whether_anybody_takes_records(database: Database) -> None:
    async with database.write() as connection:
        watch, quiet = await a_watch(connection, "one"), await a_watch(connection, "two")
        ann, bob, cleo, dan = [await a_chat(connection, name) for name in ("ann", "bob", "cleo", "dan")]
        await listens(connection, ann, watch)
        await listens(connection, bob, watch, kinds=["milestone"], ladder=[10, 20.5])
        await listens(connection, cleo, watch, kinds=["record"])
        await listens(connection, dan, watch, kinds=["milestone"], ladder=[10, 20.5])
        found = await audiences.audiences(connection, [watch.id, quiet.id])
    assert found[watch.id].ladders == ((None, None), ("[10, 20.5]", None))
    assert (found[watch.id].records, found[watch.id].close) == (True, False)
    assert found[quiet.id] == audiences.Audience()


async def test_a_disabled_chat_is_no_audience(database: Database) -> None:
    async with database.write() as connection:
        watch = await a_watch(connection)
        ann = await a_chat(connection)
        await listens(connection, ann, watch, ladder=[5])
        before = await watches.revised(connection)
        await chats.disable(connection, ann.id, now=NOW, why="kicked out")
        assert await watches.revised(connection) > before
        assert (await audiences.audiences(connection, [watch.id]))[watch.id] == audiences.Audience()


async def test_every_change_of_who_listens_is_counted(database: Database) -> None:
    async with database.write() as connection:
        ann, watch = await a_chat(connection), await a_watch(connection)
        about = {"chat_id": ann.id, "watch_id": watch.id}
        counts = [await watches.revised(connection)]
        await watches.follow(connection, **about, name="a", now=NOW)
        counts.append(await watches.revised(connection))
        await chats.subscribe(connection, **about, topic="", kinds=["record"], now=NOW)
        counts.append(await watches.revised(connection))
        await chats.change_subscriptions(connection, chat_id=ann.id, watch_id=watch.id, muted_until=NOW)
        counts.append(await watches.revised(connection))
        await chats.unsubscribe(connection, **about, topic="")
        counts.append(await watches.revised(connection))
        await watches.unfollow(connection, **about)
        counts.append(await watches.revised(connection))
    assert counts == sorted(set(counts))


async def test_trouble_is_kept_with_its_beginning_and_the_longest_is_told_first(database: Database) -> None:
    async with database.write() as connection:
        one, two, three = [await a_watch(connection, name) for name in ("one", "two", "three")]
        await watches.note_trouble(connection, [(one.id, "late", NOW), (two.id, "early", NOW - SECOND)])
        assert await watches.troubled(connection) == [("two", "early", NOW - SECOND), ("one", "late", NOW)]
        await watches.note_trouble(connection, [(two.id, None, None)])
        assert await watches.troubled(connection) == [("one", "late", NOW)]
        assert (await watches.by_ids(connection, [three.id]))[three.id].trouble is None


async def test_a_question_that_failed_is_not_an_answer(database: Database) -> None:
    async with database.write() as connection:
        watch = await a_watch(connection)
        await watches.note_asked(connection, [watch.id], at=NOW, answered=True)
        await watches.note_asked(connection, [watch.id], at=NOW + 1, answered=False)
        found = (await watches.by_ids(connection, [watch.id]))[watch.id]
    assert (found.asked_at, found.answered_at) == (NOW + 1, NOW)


async def test_each_chat_has_its_own_names(database: Database) -> None:
    async with database.write() as connection:
        ann, bob = await a_chat(connection, "ann"), await a_chat(connection, "bob")
        one, two = await a_watch(connection, "one"), await a_watch(connection, "two")
        for watch, name in ((one, "z"), (two, "a")):
            await watches.follow(connection, chat_id=ann.id, watch_id=watch.id, name=name, now=NOW)
        await watches.follow(connection, chat_id=bob.id, watch_id=one.id, name="a", now=NOW)
        await watches.rename(connection, chat_id=ann.id, watch_id=two.id, name="b")
        mine, theirs = [await watches.of_chat(connection, chat.id) for chat in (ann, bob)]
    assert [(name, watch.id) for name, watch in mine] == [("b", two.id), ("z", one.id)]
    assert [(name, watch.id) for name, watch in theirs] == [("a", one.id)]
