"""The rivals of a value, scope by scope, as one chat sees them."""

from __future__ import annotations

from typing import Any

from bot.domain import DAY, HOUR
from bot.domain.alerts.record import Field, Scope
from bot.domain.measure import Measure
from bot.domain.statistics import Tally
from storage import chats, records
from storage.database import Connection, Database
from storage.records import Entry
from storage.watches import Watch
from tests.fakes.clock import NOW
from tests.fakes.rows import a_chat, a_session, a_watch, listens, past


async def field(
    connection: Connection,
    watch: Watch,
    chat: chats.Chat,
    *,
    measure: Measure = Measure.PEAK,
    apart_from: int = 0,
    ended_before: int | None = None,
) -> dict[Scope, Field]:
    return await records.fields(
        connection, watch, chat_id=chat.id, measure=measure, apart_from=apart_from, ended_before=ended_before
    )


def values(fields: dict[Scope, Field]) -> dict[str, float]:
    return {scope.word: one.best.value for scope, one in fields.items()}


async def book(connection: Connection, value: float, **other: Any) -> int:
    given: dict[str, Any] = {"platform": "x", "measure": "peak", "scope": Scope.PLATFORM, "holder": "Book"} | other
    return await records.add(connection, Entry(value=value, **given), now=NOW)


async def test_where_nothing_is_known_there_is_no_field(database: Database) -> None:
    async with database.write() as connection:
        watch, ann = await a_watch(connection), await a_chat(connection)
        await listens(connection, ann, watch)
        await a_session(connection, watch, "live", tally=Tally(first_at=1, last_at=2, peak=9))
        assert await field(connection, watch, ann) == {}


async def test_each_scope_adds_what_the_narrower_ones_do_not_hold(database: Database) -> None:
    async with database.write() as connection:
        ann = await a_chat(connection)
        mine, mine_too = await a_watch(connection, "mine"), await a_watch(connection, "mine too", public=False)
        public, private = await a_watch(connection, "public"), await a_watch(connection, "private", public=False)
        elsewhere = await a_watch(connection, "elsewhere", platform="twitch")
        for watch in (mine, mine_too, elsewhere):
            await listens(connection, ann, watch)
        for watch, peak in ((mine, 10), (mine_too, 20), (public, 30), (private, 40), (elsewhere, 50)):
            await past(connection, watch, "a", peak)
        assert values(await field(connection, mine, ann)) == {"watch": 10, "chat": 20, "platform": 30}
        assert values(await field(connection, mine_too, ann)) == {"watch": 20, "chat": 10, "platform": 30}
        assert values(await field(connection, elsewhere, ann)) == {"watch": 50}
        bob = await a_chat(connection, "bob")
        await listens(connection, bob, mine)
        assert values(await field(connection, mine, bob)) == {"watch": 10, "platform": 30}


async def test_a_field_knows_how_many_sessions_it_holds_and_since_when(database: Database) -> None:
    async with database.write() as connection:
        watch, ann = await a_watch(connection, timezone="Asia/Karachi"), await a_chat(connection)
        await listens(connection, ann, watch)
        await past(connection, watch, "a", 7, ended_at=NOW - 9 * DAY)
        best = await past(connection, watch, "b", 9, ended_at=NOW - 5 * DAY)
        await past(connection, watch, "c", 9, ended_at=NOW)  # as high, but later
        one = (await field(connection, watch, ann))[Scope.WATCH]
    assert (one.sessions, one.since) == (3, NOW - 9 * DAY - HOUR)
    assert (one.best.session_id, one.best.holder, one.best.imported) == (best.id, "one", False)
    assert one.best.date == "2026-11-17"  # 15:05 UTC is past eight in the evening there


async def test_a_session_is_no_rival_of_its_own(database: Database) -> None:
    async with database.write() as connection:
        watch, ann = await a_watch(connection), await a_chat(connection)
        await listens(connection, ann, watch)
        await past(connection, watch, "a", 7)
        itself = await past(connection, watch, "b", 9)
        assert values(await field(connection, watch, ann, apart_from=itself.id)) == {"watch": 7}


async def test_only_what_had_ended_by_then_was_a_rival_then(database: Database) -> None:
    async with database.write() as connection:
        watch, ann = await a_watch(connection), await a_chat(connection)
        await listens(connection, ann, watch)
        await past(connection, watch, "a", 7, ended_at=NOW)
        await past(connection, watch, "b", 9, ended_at=NOW + 1)
        assert values(await field(connection, watch, ann, ended_before=NOW)) == {"watch": 7}
        assert values(await field(connection, watch, ann, ended_before=NOW + 1)) == {"watch": 9}


async def test_like_is_compared_with_like(database: Database) -> None:
    async with database.write() as connection:
        watch, ann = await a_watch(connection), await a_chat(connection)
        await listens(connection, ann, watch)
        await past(connection, watch, "a", 100)  # tuned in: 300, average: 50, an hour
        await book(connection, 446_000, measure="tuned_in")
        await book(connection, 5, platform="twitch")
        found = {measure: values(await field(connection, watch, ann, measure=measure)) for measure in Measure}
    assert found == {
        Measure.PEAK: {"watch": 100},
        Measure.AVERAGE: {"watch": 50},
        Measure.TUNED_IN: {"watch": 300, "platform": 446_000},
        Measure.VIEWS: {},
        Measure.POSTS: {},
        Measure.AIRTIME: {"watch": 3_600},
    }


async def test_what_the_book_says_is_a_rival_with_all_its_doubts(database: Database) -> None:
    async with database.write() as connection:
        watch, ann = await a_watch(connection), await a_chat(connection)
        await listens(connection, ann, watch)
        link = "https://example.org/"
        id_ = await book(
            connection,
            44_000,
            holder="K-POP",
            date="2021",
            link=link,
            disputed=True,
            at_least=True,
            note="57,000?",
        )
        one = (await field(connection, watch, ann))[Scope.PLATFORM]
    best = one.best
    assert (one.sessions, one.since) == (0, None)
    assert (best.value, best.holder, best.date, best.link) == (44_000, "K-POP", "2021", link)
    assert (best.disputed, best.at_least, best.note, best.entry_id) == (True, True, "57,000?", id_)
    assert best.imported
    assert isinstance(best.value, int)


async def test_the_best_of_book_and_sessions_is_the_one_to_beat(database: Database) -> None:
    async with database.write() as connection:
        watch, ann = await a_watch(connection), await a_chat(connection)
        other = await a_watch(connection, "other")
        await listens(connection, ann, watch)
        await past(connection, other, "a", 50)
        await book(connection, 40)
        assert values(await field(connection, watch, ann)) == {"platform": 50}
        await book(connection, 60)
        one = (await field(connection, watch, ann))[Scope.PLATFORM]
    assert (one.best.value, one.sessions) == (60, 1)


async def test_what_a_chat_wrote_into_the_book_is_its_own(database: Database) -> None:
    async with database.write() as connection:
        watch = await a_watch(connection)
        ann, bob = await a_chat(connection, "ann"), await a_chat(connection, "bob")
        for chat in (ann, bob):
            await listens(connection, chat, watch)
        id_ = await book(connection, 70, chat_id=ann.id, scope=Scope.CHAT)
        assert values(await field(connection, watch, ann)) == {"chat": 70}
        assert values(await field(connection, watch, bob)) == {}
        await records.change(connection, id_, removed_at=NOW)
        assert values(await field(connection, watch, ann)) == {}


async def test_an_entry_of_one_watch_is_a_rival_of_others_in_the_next_wider_scope(database: Database) -> None:
    async with database.write() as connection:
        one, two = await a_watch(connection, "one"), await a_watch(connection, "two")
        ann = await a_chat(connection)
        for watch in (one, two):
            await listens(connection, ann, watch)
        await book(connection, 70, watch_id=one.id, scope=Scope.WATCH)
        await book(connection, 80, watch_id=two.id, scope=Scope.WATCH, chat_id=ann.id)
        assert values(await field(connection, one, ann)) == {"watch": 70, "chat": 80}
        assert values(await field(connection, two, ann)) == {"watch": 80, "platform": 70}
