"""A chat's deliveries for its admins: counted by how they stand, listed page by page."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from bot.domain import DAY, HOUR
from bot.domain.sentence import Sentence
from storage import chats, held, posts, sending
from storage.database import Database
from storage.posts import Counts, Past
from storage.tables import delivery
from tests.fakes.clock import NOW
from tests.fakes.rows import a_chat, a_session, a_watch, listens, owed

WANTED = ("quiet hours", "muted")
NO_ANSWER = Sentence("no answer within {n} s", n=5)


@pytest.fixture(name="chat")
async def _chat(database: Database) -> int:
    """A chat with two topics in which deliveries stand in every way, and one of which nothing is asked."""
    async with database.write() as connection:
        chat, other = await a_chat(connection), await a_chat(connection, "bob")
        watch = await a_watch(connection)
        await listens(connection, chat, watch, topic="1")
        session = await a_session(connection, watch)
        await owed(connection, session, count=9, at=NOW)
        await owed(connection, session, at=NOW - 2 * DAY, first=10)
        await listens(connection, chat, watch, topic="2")
        await listens(connection, other, watch)
        second = await a_watch(connection, "two")
        await listens(connection, chat, second, topic="2")
        await owed(connection, await a_session(connection, second), at=NOW)
        ids = list((await connection.execute(sa.select(delivery.c.id).order_by(delivery.c.id))).scalars())
        ends = [("sent", None), ("sent", NO_ANSWER), ("dead", NO_ANSWER), ("expired", "quiet hours")]
        ends += [("expired", None), ("expired", NO_ANSWER), ("superseded", None)]
        for id_, (state, error) in zip(ids, ends, strict=False):
            await sending.settle(connection, id_, state=state, now=NOW, error=error)
        await sending.put_back(connection, ids[7], due_at=NOW + HOUR, error=NO_ANSWER)
        await held.hold(connection, [ids[8]], until=NOW + HOUR)
        return chat.id


async def past(database: Database, chat: int, **asked: object) -> list[Past]:
    async with database.read() as connection:
        return await posts.latest(connection, **{"chat_id": chat, "limit": 50, **asked})  # type: ignore[arg-type]


async def test_they_are_counted_by_how_they_stand(database: Database, chat: int) -> None:
    async with database.read() as connection:
        lately = await posts.counts(connection, chat_id=chat, since=NOW - DAY, wanted_so=WANTED)
        of_all = await posts.counts(connection, chat_id=chat, since=0, wanted_so=WANTED)
        second = (await posts.latest(connection, chat_id=chat, limit=1))[0]
        assert second.watch == "two"
        watch = await connection.execute(sa.text("SELECT id FROM watch WHERE reference = 'two'"))
        of_one = await posts.counts(
            connection, chat_id=chat, since=0, wanted_so=WANTED, watch_id=watch.scalar_one()
        )
    assert lately == Counts(sent=2, waiting=2, held=1, left_out=2, failed=3)
    assert of_all == Counts(sent=2, waiting=3, held=1, left_out=2, failed=3)
    assert of_one == Counts(sent=0, waiting=1, held=0, left_out=0, failed=0)


async def test_they_are_listed_page_by_page_those_of_one_place_first(database: Database, chat: int) -> None:
    every = await past(database, chat)
    assert len(every) == 11
    assert every == [*await past(database, chat, limit=6), *await past(database, chat, limit=6, offset=6)]
    assert [one.topic for one in await past(database, chat, first="1")] == ["1"] * 10 + ["2"]
    assert [one.topic for one in await past(database, chat, first="2")] == ["2"] + ["1"] * 10


async def test_only_what_did_not_arrive_or_not_as_a_whole(database: Database, chat: int) -> None:
    found = await past(database, chat, failed=WANTED)
    assert [one.state for one in found] == ["pending", "expired", "expired", "dead", "sent"]
    assert isinstance(found[0].error, Sentence)
    assert found[0].due_at == NOW + HOUR


async def test_it_is_known_whether_what_they_came_from_is_there_still(database: Database, chat: int) -> None:
    async with database.write() as connection:
        for one in await chats.subscriptions(connection, chat):
            if one.topic == "1":
                await chats.unsubscribe(connection, chat_id=chat, watch_id=one.watch_id, topic="1")
    found = await past(database, chat)
    assert [one.subscribed for one in found] == [True] + [False] * 10
    assert {one.muted_until for one in found} == {None}
