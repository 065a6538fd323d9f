"""Sessions that are over come back newest first and best first, page by page."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.domain import HOUR, MINUTE
from bot.domain.measure import Measure
from bot.domain.reading import Reading
from bot.domain.session import Sample
from storage import chats, history, samples, ties, watches
from storage.database import Database
from storage.history import Among
from storage.tables import doubt, session
from tests.fakes.clock import NOW
from tests.fakes.rows import a_chat, a_session, a_watch, past


async def test_the_newest_come_first_and_page_by_page(database: Database) -> None:
    async with database.write() as connection:
        watch, other = await a_watch(connection), await a_watch(connection, "other")
        made = [await past(connection, watch, f"s{n}", n, ended_at=NOW + n * HOUR) for n in range(5)]
        await past(connection, other, "o", 999)
        await a_session(connection, watch, "live")
        assert await history.count(connection, [watch.id]) == 5
        first = await history.newest(connection, [watch.id], limit=2)
        second = await history.newest(connection, [watch.id], limit=2, offset=2)
        day = await history.newest(
            connection, [watch.id], limit=9, between=(NOW + HOUR - HOUR, NOW + 3 * HOUR - HOUR)
        )
    assert [one.id for one in first + second] == [made[n].id for n in (4, 3, 2, 1)]
    assert [one.id for one in day] == [made[2].id, made[1].id]
    newest = first[0]
    assert (newest.peak, newest.average, newest.tuned_in, newest.airtime) == (4, 2, 12, 3_600)
    assert newest.last_at - newest.first_at == HOUR
    assert newest.origin is None


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(peaks=st.lists(st.integers(0, 6), min_size=1, max_size=12), size=st.integers(1, 5))
async def test_equal_values_share_a_rank_on_whatever_page(database: Database, peaks: list[int], size: int) -> None:
    async with database.write() as connection:
        await connection.execute(sa.delete(session))
        watch = await watches.by_reference(connection, "fake", "one") or await a_watch(connection)
        for n, peak in enumerate(peaks):
            await past(connection, watch, f"s{n}", peak, ended_at=NOW + n * HOUR)
        among = Among(watch_ids=(watch.id,))
        pages = [
            await history.top(connection, among, Measure.PEAK, limit=size, offset=offset)
            for offset in range(0, len(peaks), size)
        ]
    expected = sorted(peaks, reverse=True)
    ranked = [(rank, one.peak) for page in pages for rank, one in page]
    assert ranked == [(expected.index(peak) + 1, peak) for peak in expected]


async def test_who_is_ranked_with_whom(database: Database) -> None:
    async with database.write() as connection:
        mine, other = await a_watch(connection), await a_watch(connection, "other")
        hidden = await a_watch(connection, "hidden", public=False)
        elsewhere = await a_watch(connection, "elsewhere", platform="kick")
        chat = await a_chat(connection)
        a = await past(connection, mine, "a", 10)
        b = await past(connection, other, "b", 20, ended_at=NOW + 10 * HOUR)
        await past(connection, hidden, "c", 30)
        d = await past(connection, elsewhere, "d", 40)

        async def ranked(**among: object) -> list[int]:
            found = await history.top(connection, Among(**among), Measure.PEAK, limit=9)  # type: ignore[arg-type]
            return [one.id for _, one in found]

        assert await ranked(watch_ids=(mine.id,)) == [a.id]
        assert await ranked(watch_ids=(mine.id, elsewhere.id)) == [d.id, a.id]
        assert await ranked(platform="x") == [b.id, a.id]
        assert await ranked(platform="x", unit="viewers") == [b.id, a.id]
        assert await ranked(platform="x", unit="listeners") == []
        assert await ranked(platform="x", since=NOW) == [b.id]
        for one, measure, of in ((b, "peak", chat.id), (a, "average", None)):
            await connection.execute(
                sa.insert(doubt).values(chat_id=of, session_id=one.id, measure=measure, why="no", created_at=NOW)
            )
        doubted = await history.doubted(connection, Measure.PEAK, chat_id=chat.id)
        assert await ranked(platform="x", without=doubted) == [a.id]
        assert await history.doubted(connection, Measure.PEAK, chat_id=None) == ()
        assert await history.doubted(connection, Measure.AVERAGE, chat_id=chat.id) == (a.id,)
        assert await history.units(connection, "x") == ["viewers"]


@pytest.mark.parametrize("query", ["newest", "top of a watch", "top of a platform"])
async def test_rankings_read_indexes_and_no_rows(tmp_path: Path, query: str) -> None:
    """What would look at each session's row would be slower with each session.

    SQLite says how it will find rows whatever is in the tables; PostgreSQL goes by what is in them.
    """
    asked = {
        "newest": history.newest_ids([1, 2], limit=10),
        "top of a watch": history.top_ids(Among(watch_ids=(1,), since=5), Measure.AIRTIME, limit=10),
        "top of a platform": history.top_ids(Among(platform="x"), Measure.PEAK, limit=10),
    }[query]
    database = Database(f"sqlite:///{tmp_path}/plans.db", throwaway=True)
    await database.open()
    async with database.read() as connection:
        text = str(asked.compile(dialect=connection.dialect, compile_kwargs={"literal_binds": True}))
        plan = [str(row[-1]) for row in await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}")]
    await database.close()
    assert any("COVERING INDEX ix_session_of_" in line for line in plan), plan


async def test_what_a_cumulative_figure_had_come_to(database: Database) -> None:
    async with database.write() as connection:
        watch = await a_watch(connection)
        one = await a_session(connection, watch)
        for minute, value in ((0, 5), (1, None), (20, 9)):
            reading = Reading(session="a", concurrent=1, tuned_in=value)
            at = NOW + minute * MINUTE
            await samples.add(connection, [Sample(session=one, at=at, interval=MINUTE, reading=reading)])
        grown = [
            await history.grown(connection, one.id, Measure.TUNED_IN, since=NOW, until=NOW + minute * MINUTE)
            for minute in (-1, 0, 15, 20, 60)
        ]
    assert grown == [None, 5, 5, 9, 9]


async def test_ties_are_of_one_chat_and_go_with_it_and_keep_to_what_it_watches(database: Database) -> None:
    async with database.write() as connection:
        ann, bob = await a_chat(connection), await a_chat(connection, "bob")
        one, two = await a_watch(connection), await a_watch(connection, "two")
        for chat in (ann, bob):
            for watch in (one, two):
                await watches.follow(connection, chat_id=chat.id, watch_id=watch.id, name=watch.name, now=NOW)
        for chat in (ann, bob):
            await ties.add(connection, chat_id=chat.id, name="Both", watch_ids=[one.id, two.id], now=NOW)
        found = await ties.of_chat(connection, ann.id)
        assert [(tie.name, set(tie.watch_ids)) for tie in found] == [("Both", {one.id, two.id})]
        await watches.unfollow(connection, chat_id=ann.id, watch_id=two.id)
        assert [tie.watch_ids for tie in await ties.of_chat(connection, ann.id)] == [(one.id,)]
        assert await ties.remove(connection, chat_id=ann.id, name="Both")
        assert not await ties.remove(connection, chat_id=ann.id, name="Both")
        assert await ties.names(connection, bob.id) == ["Both"]
        await chats.move(connection, platform="fake", old="bob", new="bobby", now=NOW)
        await chats.get_or_add(connection, platform="fake", key="bobs", title=None, now=NOW)
        await chats.move(connection, platform="fake", old="bobby", new="bobs", now=NOW)
        assert await ties.names(connection, bob.id) == ["Both"]
        await chats.forget(connection, bob.id)
        assert await ties.names(connection, bob.id) == []
