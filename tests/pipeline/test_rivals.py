"""The rivals kept in memory say what the database says; what comes together is stored together."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest
import sqlalchemy as sa

from bot.domain import DAY
from bot.domain.alerts.record import Scope, Standing, standing
from bot.domain.measure import Measure
from bot.domain.rivals import BARE, Place, Rivals
from bot.pipeline.detect import Detect
from bot.pipeline.ingest import Ingest
from bot.ports.source import Told
from storage import doubts, records, watches
from storage.database import Connection, Database
from storage.records import Entry
from storage.watches import Watch
from tests.fakes.clock import NOW
from tests.fakes.rows import a_chat, a_session, a_watch, listens, past, rows
from tests.fakes.source import live, told

MEASURES = (Measure.PEAK, Measure.TUNED_IN, Measure.POSTS)


async def made(connection: Connection, chance: random.Random) -> tuple[list[Watch], list[int]]:
    """Fill a small world in which values meet often: watches, chats that follow some, sessions, a book."""
    found = [
        await a_watch(
            connection,
            f"w{n}",
            platform=chance.choice(["x", "x", "twitch"]),
            public=chance.random() < 0.7,
            unit=chance.choice(["viewers", "viewers", "viewers", BARE]),
        )
        for n in range(7)
    ]
    chats = [await a_chat(connection, f"c{n}") for n in range(3)]
    for chat in chats:
        for watch in chance.sample(found, chance.randint(1, 5)):
            await listens(connection, chat, watch)
    for watch in found:
        for n in range(chance.randint(0, 3)):
            await past(connection, watch, f"s{n}", chance.randint(1, 9), ended_at=NOW - chance.randint(0, 9) * DAY)
        await a_session(connection, watch, "live")
    for n in range(chance.randint(0, 6)):
        scope = chance.choice(list(Scope))
        entry = Entry(
            platform=chance.choice(["x", "twitch"]),
            measure=chance.choice(MEASURES),
            scope=scope,
            value=chance.randint(1, 27),
            holder=f"book {n}",
            chat_id=chance.choice([None, chats[0].id]),
            watch_id=chance.choice(found).id if scope is Scope.WATCH else None,
        )
        await records.add(connection, entry, now=NOW)
    return found, [chat.id for chat in chats]


async def remembered(connection: Connection, chat_ids: list[int]) -> Rivals:
    rivals = Rivals()
    for watch_id, platform, public, ended in await records.past(connection):
        rivals.note(watch_id, platform, ended, public=public)
    rivals.set_apart(await records.apart(connection))
    rivals.open_book(await records.pages(connection))
    rivals.follow(await watches.followed(connection, chat_ids))
    return rivals


async def doubt(connection: Connection, chance: random.Random, chat_ids: list[int]) -> None:
    """Let some values of sessions count no more, for a chat or for all, and others again."""
    ids = [row[0] for row in await rows(connection, "session", "id")]
    for _ in range(4):
        chat_id = chance.choice([None, *chat_ids])
        session_id, measure = chance.choice(ids), chance.choice(MEASURES[:2])
        await doubts.raise_(connection, session_id, measure, chat_id=chat_id, why="bots", made_by=None, now=NOW)
    for one in sorted(await doubts.standing(connection), key=str):
        if chance.random() < 0.3:
            await doubts.lift(connection, one.session_id, one.measure, chat_id=one.chat_id, now=NOW, by=None)


async def from_memory(connection: Connection, rivals: Rivals, place: Place, value: float) -> Standing | None:
    reached, _ = rivals.reach(place, value)
    if reached is None:
        return None
    found, candidates = rivals.standing(place, value, reached)
    if not candidates:
        return found
    holders = await records.holders(connection, candidates)
    return Standing(
        scope=found.scope,
        previous=min(holders[one] for one in candidates).rival,
        sessions=found.sessions,
        since=found.since,
    )


@pytest.mark.parametrize("seed", range(6))
async def test_any_value_stands_in_memory_as_it_does_in_the_database(database: Database, seed: int) -> None:
    chance = random.Random(seed)
    async with database.write() as connection:
        found, chat_ids = await made(connection, chance)
        rivals = await remembered(connection, chat_ids)
        followed = await watches.followed(connection, chat_ids)
        for _ in range(60):
            chat_id, measure = chance.choice(chat_ids), chance.choice(MEASURES)
            watch = chance.choice([one for one in found if one.id in followed[chat_id]])
            fields = await records.fields(connection, watch, chat_id=chat_id, measure=measure, apart_from=0)
            place = Place(watch.id, watch.platform, chat_id, measure)
            value = chance.randint(0, 28)
            assert await from_memory(connection, rivals, place, value) == standing(value, fields)
            _, ahead = rivals.reach(place, value)
            assert ahead == min(
                [f.best.value for f in fields.values() if f.best.value >= value], default=float("inf")
            )


@pytest.mark.parametrize("seed", range(4))
async def test_a_bare_number_is_a_rival_of_its_own_watch_alone(database: Database, seed: int) -> None:
    chance = random.Random(seed)
    async with database.write() as connection:
        found, chat_ids = await made(connection, chance)
        bare = await a_watch(connection, "bare", unit=BARE)
        for chat in [await a_chat(connection, f"c{n}") for n in range(3)]:
            await listens(connection, chat, bare)
        before = {
            (one.id, chat_id): await records.fields(
                connection, one, chat_id=chat_id, measure=Measure.PEAK, apart_from=0
            )
            for one in found
            for chat_id in chat_ids
        }
        await past(connection, bare, "high", 1_000)
        entry = Entry(
            platform="x", measure="peak", scope=Scope.WATCH, value=2_000, holder="bare", watch_id=bare.id
        )
        await records.add(connection, entry, now=NOW)
        rivals = await remembered(connection, chat_ids)
        for (watch_id, chat_id), fields in before.items():  # nothing of it stands in anybody else's way
            watch = next(one for one in found if one.id == watch_id)
            assert fields == await records.fields(
                connection, watch, chat_id=chat_id, measure=Measure.PEAK, apart_from=0
            )
            best = max((one.best.value for one in fields.values()), default=None)
            assert rivals.top(Place(watch_id, watch.platform, chat_id, Measure.PEAK)) == best
        for chat_id in chat_ids:  # and it has nobody else to beat
            fields = await records.fields(connection, bare, chat_id=chat_id, measure=Measure.PEAK, apart_from=0)
            assert {scope: one.best.value for scope, one in fields.items()} == {Scope.WATCH: 2_000}
            place = Place(bare.id, "x", chat_id, Measure.PEAK)
            assert rivals.reach(place, 2_001) == (Scope.WATCH, float("inf"))
            assert rivals.reach(place, 1_500) == (None, 2_000)


@pytest.mark.parametrize("seed", range(8))
async def test_so_it_does_while_values_are_doubted_and_trusted_again(database: Database, seed: int) -> None:
    chance = random.Random(seed)
    async with database.write() as connection:
        found, chat_ids = await made(connection, chance)
        followed = await watches.followed(connection, chat_ids)
        detect = Detect()
        for turn in range(4):
            await detect.refresh(connection, [one.id for one in found])
            rivals = detect._rivals
            rivals.follow(followed)
            for _ in range(40):
                chat_id, measure = chance.choice(chat_ids), chance.choice(MEASURES)
                watch = chance.choice([one for one in found if one.id in followed[chat_id]])
                fields = await records.fields(connection, watch, chat_id=chat_id, measure=measure, apart_from=0)
                place = Place(watch.id, watch.platform, chat_id, measure)
                value = chance.randint(0, 28)
                assert await from_memory(connection, rivals, place, value) == standing(value, fields), turn
                assert rivals.top(place) == max((one.best.value for one in fields.values()), default=None)
                floor = rivals.floor(watch.id, watch.platform, measure)
                assert floor is None or standing(floor, fields) is None
            await doubt(connection, chance, chat_ids)


@pytest.mark.parametrize("seed", range(3))
async def test_what_ends_or_goes_on_is_noted_as_if_all_were_read_anew(database: Database, seed: int) -> None:
    chance = random.Random(seed)
    async with database.write() as connection:
        found, chat_ids = await made(connection, chance)
        rivals = await remembered(connection, chat_ids)
        for n in range(20):
            watch = chance.choice(found)
            if n % 4 == 3:
                table = sa.table("session", sa.column("watch_id"), sa.column("state"))
                change = sa.update(table).where(table.c.watch_id == watch.id).values(state="live")
                await connection.execute(change)
            else:
                await past(connection, watch, f"n{n}", chance.randint(1, 12))
            known = {watch_id: ended for watch_id, _, _, ended in await records.past(connection, [watch.id])}
            rivals.note(watch.id, watch.platform, known.get(watch.id, {}), public=watch.public)
            anew = await remembered(connection, chat_ids)
            for one in found:
                for chat_id in chat_ids:
                    place = Place(one.id, one.platform, chat_id, Measure.PEAK)
                    for value in (0, 3, 6, 9, 13):
                        assert rivals.reach(place, value) == anew.reach(place, value)


def transactions(database: Database) -> list[Any]:
    """Return a list that grows with each transaction that is begun."""
    begun: list[Any] = []
    sa.event.listen(database._write.sync_engine, "begin", begun.append)
    return begun


async def test_what_comes_while_a_transaction_runs_shares_the_next_one(database: Database) -> None:
    async with database.write() as connection:
        all_of_them = [await a_watch(connection, f"w{n}") for n in range(12)]
    ingest, begun = Ingest(database), transactions(database)
    await asyncio.gather(*(ingest.take([(watch, told(live(NOW, 5)))], NOW) for watch in all_of_them))
    assert len(begun) == 2
    async with database.read() as connection:
        kept = await rows(connection, "session", "watch_id")
    assert sorted(row[0] for row in kept) == [watch.id for watch in all_of_them]


async def test_what_cannot_be_stored_costs_the_others_nothing(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with database.write() as connection:
        all_of_them = [await a_watch(connection, f"w{n}") for n in range(5)]
    bad = all_of_them[2]
    ingest = Ingest(database)
    fold = Ingest._fold

    def choosy(self: Ingest, watch: Watch, *rest: Any) -> None:
        if watch.id == bad.id:
            raise ValueError("no")
        fold(self, watch, *rest)

    monkeypatch.setattr(Ingest, "_fold", choosy)
    said: list[tuple[Watch, Told]] = [(watch, told(live(NOW, 5))) for watch in all_of_them]
    results = await asyncio.gather(*(ingest.take([one], NOW) for one in said), return_exceptions=True)
    assert [type(result) for result in results] == [type(None), type(None), ValueError, type(None), type(None)]
    async with database.read() as connection:
        kept = await rows(connection, "session", "watch_id")
    assert {row[0] for row in kept} == {watch.id for watch in all_of_them} - {bad.id}


async def test_who_gives_up_waiting_costs_the_others_nothing(database: Database) -> None:
    async with database.write() as connection:
        all_of_them = [await a_watch(connection, f"w{n}") for n in range(4)]
    ingest = Ingest(database)
    async with database.write():  # holds the only connection: the first caller waits for it, the others for him
        tasks = [asyncio.create_task(ingest.take([(watch, told(live(NOW, 5)))], NOW)) for watch in all_of_them]
        await asyncio.sleep(0.05)
        tasks[0].cancel()
        tasks[2].cancel()
        await asyncio.sleep(0.05)
    await asyncio.gather(*tasks, return_exceptions=True)
    async with database.read() as connection:
        kept = await rows(connection, "session", "watch_id")
    assert sorted(row[0] for row in kept) == [all_of_them[1].id, all_of_them[3].id]
