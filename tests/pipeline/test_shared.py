"""Pollers that share a database: whoever asks, what is stored and owed is what one alone would have stored."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from time import monotonic

import pytest
import sqlalchemy as sa

from bot.domain import HOUR, SECOND
from bot.domain.reading import Answer, State
from bot.pipeline.ingest import Ingest
from bot.pipeline.poll import CLAIM, Poll
from bot.ports.purse import Purse, utc_day
from bot.ports.source import Told
from bot.services.memory import Remembered
from storage import claims, leases, sessions, watches
from storage.database import Database
from storage.watches import Watch
from tests.fakes.clock import NOW
from tests.fakes.rows import INTERVAL, a_chat, a_watch, everything, listens, past, rows
from tests.fakes.source import FakeSource, live, told
from tests.fleet.proxy import through
from tests.servers import postgres

#: What differs by who asked, and when.
ABOUT_SHARING = ("watch.holder", "watch.claimed_until", "watch.ends", "revision.ends", "revision.deletions")
WATCHES = 5
ROUNDS = 60
LONG = 10 * 60 * SECOND
_SLEEPING = sa.text("SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'")


@pytest.fixture
def address() -> Iterator[str]:
    if postgres.server() is None:
        pytest.skip(postgres.INSTALL)
    with postgres.a_database() as url:
        yield url


@pytest.fixture
async def shared(address: str) -> AsyncIterator[Database]:
    """A new PostgreSQL database."""
    database = Database(address)
    await database.open()
    try:
        yield database
    finally:
        await database.close()


async def alive(database: Database, *holders: str, length: int = LONG) -> None:
    async with database.aside() as connection:
        for holder in holders:
            await leases.renew(connection, holder=holder, label=holder, roles="", wanted=(), length=length)


def story(chance: random.Random) -> Iterator[tuple[int, int, Told]]:
    """Tell what each watch says in each round: sessions that climb, end, come back, and beat each other."""
    values = dict.fromkeys(range(WATCHES), 0)
    numbers = dict.fromkeys(range(WATCHES), 0)
    for round_ in range(ROUNDS):
        now = NOW + round_ * INTERVAL
        for watch in range(WATCHES):
            drawn = chance.random()
            if drawn < 0.12:
                if values[watch]:
                    numbers[watch] += chance.random() < 0.7
                values[watch] = 0
                yield watch, now, told(Answer(at=now, readings=()))
                continue
            values[watch] = max(1, round((values[watch] or chance.randint(5, 60)) * chance.uniform(0.9, 1.5)))
            yield watch, now, told(live(now, values[watch], key=f"s{numbers[watch]}"))


async def furnish(database: Database) -> list[Watch]:
    async with database.write() as connection:
        found = [await a_watch(connection, f"w{n}") for n in range(WATCHES)]
        for n in range(3):
            chat = await a_chat(connection, f"c{n}")
            for watch in found[n:]:
                await listens(connection, chat, watch)
        await past(connection, found[0], "old", 70, ended_at=NOW - HOUR)
    return found


@pytest.mark.parametrize("seed", range(3))
async def test_pollers_in_turn_store_what_one_alone_would(shared: Database, tmp_path: Path, seed: int) -> None:
    alone = Database(f"sqlite:///{tmp_path}/alone.db", throwaway=True)
    await alone.open()
    try:
        expected = Ingest(alone, grace=0)
        here = await furnish(alone)
        there = await furnish(shared)
        holders = [Ingest(shared, grace=0, holder=name) for name in "abc"]
        await alive(shared, *"abc")
        chance = random.Random(f"who {seed}")
        for number, now, one in story(random.Random(seed)):
            await expected.load([here[number].id])
            await expected.take([(here[number], one)], now)
            which = chance.randrange(3)
            async with shared.write(turn=False) as connection:
                due, moved = await claims.claim(connection, now, holder="abc"[which], until=now + CLAIM)
                # Those of this moment that come later in the story are asked by whoever claims them then.
                others = [watch.id for watch in due if watch.id != there[number].id]
                await watches.due_again(connection, [(id_, now) for id_ in others])
                await claims.done(connection, others, holder="abc"[which])
            holders[which].let_go(moved)
            await holders[which].load([there[number].id])
            await holders[which].take([(there[number], one)], now)
        apart = (*ABOUT_SHARING, "watch.due_at", "installation.key", "process.key")
        mine = await everything(alone, apart_from=apart)
        theirs = await everything(shared, apart_from=apart)
    finally:
        await alone.close()
    assert len(mine["alert"]) > 40
    assert {state for (state,) in await _states(shared)} >= {State.ENDED}
    for table in ("session", "session_key", "tally", "sample", "alert", "delivery", "watch"):
        assert mine[table] == theirs[table], table


async def _states(database: Database) -> list[tuple[str]]:
    async with database.read() as connection:
        return [(row[0],) for row in await rows(connection, "session", "state")]


async def test_what_one_poller_has_locked_another_leaves_to_it(shared: Database) -> None:
    other = Database(shared.url)
    await other.open()
    try:
        await furnish(shared)
        async with shared.write(turn=False) as one, other.write(turn=False) as two:
            mine, _ = await claims.claim(one, NOW, holder="a", until=NOW + CLAIM, at_most=2)
            theirs, _ = await claims.claim(two, NOW, holder="b", until=NOW + CLAIM)
        assert len(mine) == 2
        assert Counter(watch.id for watch in (*mine, *theirs)) == Counter(range(1, WATCHES + 1))
    finally:
        await other.close()


async def test_what_is_being_asked_is_claimed_by_others_only_if_its_holder_is_dead_or_too_slow(
    shared: Database,
) -> None:
    await furnish(shared)

    async def claimed(holder: str, now: int) -> int:
        async with shared.write(turn=False) as connection:
            return len((await claims.claim(connection, now, holder=holder, until=now + CLAIM))[0])

    await alive(shared, "a", "b")
    assert await claimed("a", NOW) == WATCHES
    assert await claimed("b", NOW + INTERVAL) == 0
    assert await claimed("b", NOW + CLAIM) == WATCHES  # "a" takes too long
    await alive(shared, "b", length=-SECOND)
    assert await claimed("c", NOW + CLAIM + INTERVAL) == WATCHES  # "b" is dead


async def test_an_answer_that_comes_after_another_process_has_asked_is_left_out(shared: Database) -> None:
    found = await furnish(shared)
    await alive(shared, "a", "b")
    slow, quick = Ingest(shared, holder="a"), Ingest(shared, holder="b")
    for ingest, holder, now in ((slow, "a", NOW), (quick, "b", NOW + CLAIM)):
        async with shared.write(turn=False) as connection:
            _, moved = await claims.claim(connection, now, holder=holder, until=now + CLAIM)
        ingest.let_go(moved)
        await ingest.load([found[1].id])
    await quick.take([(found[1], told(live(NOW + CLAIM, 30)))], NOW + CLAIM)
    await slow.take([(found[1], told(live(NOW, 999_999)))], NOW)
    async with shared.read() as connection:
        (session,) = await sessions.on_air(connection, [found[1].id])
    assert session.tally.last == 30


async def test_sessions_that_another_process_deleted_are_forgotten(shared: Database) -> None:
    found = await furnish(shared)
    one, two = Ingest(shared, holder="a"), Ingest(shared, holder="b")
    for n, now in enumerate((NOW, NOW + INTERVAL)):
        await one.take([(found[1], told(live(now, 30 + n)))], now)
    async with shared.write() as connection:
        await connection.exec_driver_sql("DELETE FROM session WHERE watch_id = 2")
    await two.recall()
    await one.take([(found[1], told(live(NOW + 2 * INTERVAL, 40, key="new")))], NOW + 2 * INTERVAL)
    async with shared.read() as connection:
        assert [each.keys for each in await sessions.on_air(connection, [found[1].id])] == [["new"]]


def poller(database: Database, source: FakeSource, holder: str) -> Poll:
    ingest = Ingest(database, holder=holder)
    return Poll(database, {source.platform: source}, ingest, memory=Remembered(database), holder=holder)


async def test_each_watch_is_asked_once_an_interval_by_whoever_comes_first(shared: Database) -> None:
    source = FakeSource()
    await furnish(shared)
    await alive(shared, "a", "b")
    polls = [poller(shared, source, name) for name in "ab"]
    for n in range(20):
        for poll in random.Random(n).sample(polls, 2):
            await poll.tick(NOW + n * INTERVAL // 2)
    asked = Counter(ask.reference for call in source.asked for ask in call)
    assert asked == Counter({f"w{n}": 10 for n in range(WATCHES)})


async def test_what_several_processes_spend_adds_up(shared: Database) -> None:
    await furnish(shared)
    purses, polls = [], []
    for name in "ab":
        source = FakeSource()
        source.purse = Purse(unit="units", limit=100, day_of=utc_day)
        purses.append(source.purse)
        polls.append(poller(shared, source, name))
    for n in range(10):
        now = NOW + n * INTERVAL
        purses[n % 2].charge(now, 3)
        for poll in polls:
            await poll.keep_purses(now)
    for poll in polls:
        await poll.keep_purses(NOW + 11 * INTERVAL)
    assert [purse.spent(NOW).amount for purse in purses] == [30, 30]


async def test_one_holder_at_a_time_has_a_lease_until_it_lets_go_or_is_silent(shared: Database) -> None:
    async def renewed(holder: str, *, length: int = LONG) -> set[str]:
        async with shared.aside() as connection:
            return await leases.renew(
                connection, holder=holder, label=holder, roles="", wanted={"send:x", "listen:x"}, length=length
            )

    assert await renewed("a") == {"send:x", "listen:x"}
    assert await renewed("b") == set()
    async with shared.aside() as connection:
        assert [(one.name, one.label) for one in await leases.holders(connection)] == [
            ("listen:x", "a"),
            ("send:x", "a"),
        ]
        assert await leases.holds(connection, holder="a", name="send:x")
        assert not await leases.holds(connection, holder="b", name="send:x")
        await leases.release(connection, holder="a", names=["send:x"])
    assert await renewed("b") == {"send:x"}
    assert await renewed("a", length=-SECOND) == {"listen:x"}  # and is silent from now on
    assert await renewed("b") == {"send:x", "listen:x"}
    async with shared.aside() as connection:
        await leases.forget_dead(connection, after=0)
        await leases.release(connection, holder="b")
        assert await leases.holders(connection) == []


async def test_who_stands_still_while_it_makes_sure_of_its_right_holds_up_nobody(shared: Database) -> None:
    async def renewed(holder: str, *, length: int = LONG) -> set[str]:
        async with shared.aside() as connection:
            await connection.execute(sa.text("SET LOCAL lock_timeout = '5s'"))
            return await leases.renew(
                connection, holder=holder, label=holder, roles="", wanted={"send:x", "send:y"}, length=length
            )

    assert await renewed("a") == {"send:x", "send:y"}
    async with shared.write(turn=False) as connection:
        assert await leases.holds(connection, holder="a", name="send:x")
        assert await renewed("a", length=-SECOND) == {"send:x", "send:y"}  # and is silent from now on
        assert await renewed("b") == {"send:y"}
    assert await renewed("b") == {"send:x", "send:y"}


async def test_nobody_waits_for_a_connection_that_fell_silent(address: str) -> None:
    async with through(address) as (proxy, url):
        database, other = Database(url), Database(address)
        await database.open()
        await other.open()

        async def work() -> None:
            async with database.write(turn=False) as connection:
                await connection.execute(sa.select(1))

        async def break_off() -> bool:
            async with other.aside() as connection:
                return await database.break_off(connection, before=monotonic())

        try:
            async with database.write(turn=False) as connection:
                await connection.execute(sa.select(1))
                assert await break_off()
                await connection.execute(sa.select(1))  # it is at work, and is left alone
            proxy.silence()
            working = asyncio.create_task(work())
            assert not await break_off()
            async with asyncio.timeout(30):
                await working
        finally:
            await database.close()
            await other.close()
