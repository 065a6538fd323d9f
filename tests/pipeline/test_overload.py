"""One session with a crowd: what it costs, that each chat is told what it sees, and the latest only."""

from __future__ import annotations

import asyncio
import json
import random
from collections import defaultdict

import pytest
import sqlalchemy as sa

from bot.domain import MINUTE
from bot.domain.alerts.record import Scope, standing, standing_from_dict
from bot.domain.measure import Measure
from bot.pipeline.ingest import Ingest
from bot.pipeline.poll import Poll
from bot.ports.source import Told
from bot.sources.json import Json
from bot.sources.web import Web
from storage import audiences, chats, doubts, records, sending, tables, watches
from storage.database import Connection, Database
from storage.records import Entry
from storage.watches import Watch
from tests.fakes.clock import NOW
from tests.fakes.crowd import a_crowd, statements
from tests.fakes.rows import a_chat, a_watch, listens, past, rows
from tests.fakes.source import live
from tests.servers.pages import free_port

#: Seconds in which whatever need not wait is done, even on a busy machine.
PATIENCE = 25


class Evening:
    """One watch, read minute by minute."""

    def __init__(self, database: Database, watch: Watch) -> None:
        self.ingest = Ingest(database)
        self._watch = watch
        self.minute = 0

    async def reads(self, *figures: float) -> None:
        for figure in figures:
            self.minute += 1
            at = NOW + self.minute * MINUTE
            await self.ingest.take([(self._watch, told_at(at, figure))], at)


async def a_night(connection: Connection, count: int) -> Watch:
    """A watch with a crowd and a best of 500, on a platform where another has 1,500."""
    watch, other = await a_watch(connection, "one"), await a_watch(connection, "two")
    await past(connection, watch, "before", 500)
    await past(connection, other, "before", 1500)
    await a_crowd(connection, watch, count)
    return watch


def told_at(at: int, figure: float) -> Told:
    return Told(answers=(live(at, figure),))


async def told(connection: Connection) -> list[tuple[str, float, int]]:
    """Return the kinds and values that were told, and to how many chats each."""
    delivery, alert = tables.delivery, tables.alert
    found = await connection.execute(
        sa.select(alert.c.kind, alert.c.value, sa.func.count())
        .join(delivery, delivery.c.alert_id == alert.c.id)
        .group_by(alert.c.id, alert.c.kind, alert.c.value)
        .order_by(alert.c.id)
    )
    return [(row[0], row[1] or 0, row[2]) for row in found]


async def test_as_many_statements_for_many_chats_as_for_few(database: Database) -> None:
    counts = []
    for name, count in (("few", audiences.FEW + 1), ("many", 2000)):
        async with database.write() as connection:
            for table in reversed(tables.metadata.sorted_tables):
                await connection.execute(table.delete())
            watch = await a_night(connection, count)
        evening = Evening(database, watch)
        async with database.write() as connection:
            kept = statements(connection)
        with kept as found:
            await evening.reads(20, 30, 60, 120, 510, 520, 1600, 1610)
            async with database.write() as connection:
                await watches.revise(connection)
            await evening.reads(1620, 1630)
        inserts = [statement for statement, _ in found if statement.startswith("INSERT INTO delivery")]
        async with database.read() as connection:
            assert await told(connection) == [
                ("started", 0, count),
                ("milestone", 60, count),
                ("milestone", 120, count),
                ("record", 510, count),
                ("record", 1600, count),
            ], name
        counts.append((len(found), len(inserts)))
        assert len(inserts) == 6  # and one that looks for whom the second record does not reach
    assert counts[0] == counts[1]


async def test_a_subscription_costs_no_reading_of_what_each_chat_follows(database: Database) -> None:
    async with database.write() as connection:
        watch = await a_night(connection, 2000)
    evening = Evening(database, watch)
    await evening.reads(20, 30, 510, 520)
    async with database.write() as connection:
        newcomer = await a_chat(connection, "newcomer")
        await listens(connection, newcomer, watch)
        kept = statements(connection)
    with kept as found:
        await evening.reads(530)
    # Who came in the midst of it hears of the record as it stands; nobody else does again.
    async with database.read() as connection:
        assert (await told(connection))[-1] == ("record", 530, 1)
    sizes = [len(json.dumps(str(parameters))) for _, parameters in found]
    assert max(sizes) < 2000  # no list of all chats goes to the database


@pytest.mark.parametrize("seed", range(4))
async def test_each_of_a_crowd_is_told_the_record_as_it_sees_it(database: Database, seed: int) -> None:
    chance = random.Random(seed)
    async with database.write() as connection:
        watch = await a_watch(connection, "one", public=chance.random() < 0.8)
        others = [await a_watch(connection, f"w{n}", public=chance.random() < 0.7) for n in range(4)]
        former = [await past(connection, one, "before", chance.randint(1, 30)) for one in (watch, *others)]
        ids = await a_crowd(connection, watch, 40)
        for id_ in ids[:25]:
            for other in chance.sample(others, chance.choice([0, 1, 1, 2])):
                await watches.follow(connection, chat_id=id_, watch_id=other.id, name=other.name, now=NOW)
        for id_ in ids[22:30]:
            scope = chance.choice([Scope.CHAT, Scope.PLATFORM])
            entry = Entry(
                platform="x",
                measure=Measure.PEAK,
                scope=scope,
                value=chance.randint(5, 25),
                holder="b",
                chat_id=id_,
            )
            await records.add(connection, entry, now=NOW)
        for id_ in ids[28:33]:
            one = chance.choice(former)
            await doubts.raise_(connection, one.id, Measure.PEAK, chat_id=id_, why="?", made_by=None, now=NOW)
        for id_ in ids[:3]:
            await chats.disable(connection, id_, now=NOW, why="gone")
    evening = Evening(database, watch)
    expected: dict[int, list[tuple[int, float, int]]] = defaultdict(list)
    await evening.reads(1)
    widest: dict[int, int] = defaultdict(int)
    for value in (2, 9, 16, 22, 28, 35):
        await evening.reads(value)
        async with database.read() as connection:
            (session_id,) = [
                row[0] for row in await rows(connection, "session", "id", "state") if row[1] == "live"
            ]
            for id_ in ids[3:]:
                fields = await records.fields(
                    connection, watch, chat_id=id_, measure=Measure.PEAK, apart_from=session_id
                )
                found = standing(value, fields)
                if found is not None and found.scope > widest[id_]:
                    widest[id_] = found.scope
                    expected[id_].append((found.scope, found.previous.value, found.sessions))
        if chance.random() < 0.3:
            evening.ingest = Ingest(database)  # a restart knows who was told what
    seen: dict[int, list[tuple[int, float, int]]] = defaultdict(list)
    async with database.read() as connection:
        for chat_id, kind, detail in await rows(connection, "delivery", "chat_id", "kind", "detail"):
            if kind == "record":
                one_seen = standing_from_dict(json.loads(detail))
                seen[chat_id].append((one_seen.scope, one_seen.previous.value, one_seen.sessions))
    assert seen == expected


async def test_a_burst_of_rungs_leaves_each_chat_the_latest_and_no_older_after_it(database: Database) -> None:
    async with database.write() as connection:
        watch = await a_watch(connection)
        ids = await a_crowd(connection, watch, 150, kinds=["milestone"])
    evening = Evening(database, watch)
    sent: dict[int, list[float]] = defaultdict(list)

    async def drain(most: int) -> None:
        while most > 0:
            async with database.write() as connection:
                leased = await sending.lease(
                    connection,
                    platform="fake",
                    by_topic=False,
                    now=NOW + MINUTE * 60,
                    until=NOW + MINUTE * 61,
                    limit=16,
                )
                for one in leased:
                    assert one.threshold is not None
                    sent[one.chat_id].append(one.threshold)
                    await sending.settle(connection, one.id, state="sent", now=NOW)
            most = most - len(leased) if leased else 0

    await evening.reads(5, 5)
    for figure in (11, 26, 51, 101, 251, 501, 1001, 2501, 5001, 10001):
        await evening.reads(figure)
        await drain(16)
    await drain(10_000)
    assert sorted(sent) == ids
    assert all(rungs == sorted(set(rungs)) for rungs in sent.values())
    assert all(rungs[-1] == 10_000 for rungs in sent.values())
    assert sum(map(len, sent.values())) <= 150 + 16 * 10


async def test_servers_that_hang_or_trickle_delay_no_other(database: Database) -> None:
    """Each watch has a server of its own: an address of loopback, of which there are millions."""
    hanging, good, rounds = 200, 10, 3
    port = free_port()
    holding = 0
    over = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal holding
        address = writer.get_extra_info("sockname")[0]
        try:
            while True:
                await reader.readuntil(b"\r\n\r\n")
                if address.startswith("127.2."):
                    body = b'{"n": 7}'
                    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
                    await writer.drain()
                    continue
                holding += 1
                if address.endswith(("1", "3", "5")):
                    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n{")
                    await writer.drain()
                await over.wait()
                return
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "0.0.0.0", port, backlog=1024)
    addresses = [f"127.1.{n // 200}.{n % 200 + 1}" for n in range(hanging)] + [
        f"127.2.0.{n + 1}" for n in range(good)
    ]
    chosen = random.Random(1).sample(addresses, len(addresses))
    web = Web(allowed=[f"{address}:{port}" for address in addresses], timeout_seconds=3 * PATIENCE)
    try:
        async with database.write() as connection:
            ann = await a_chat(connection)
            for address in chosen:
                watch = await a_watch(connection, f"http://{address}:{port}/#n", source="json", platform="json")
                await watches.follow(connection, chat_id=ann.id, watch_id=watch.id, name=address, now=NOW)
        poll = Poll(database, {"json": Json(web)}, Ingest(database))
        try:
            async with asyncio.timeout(PATIENCE):
                for number in range(rounds):
                    now = NOW + number * MINUTE
                    await poll.begin(now)
                    await all_answered(database, now, good)
            assert holding == hanging  # all the while
        finally:
            await poll.stop()
    finally:
        over.set()
        await web.close()
        server.close()
        await server.wait_closed()


async def all_answered(database: Database, now: int, count: int) -> None:
    """Wait until so many watches answered at a moment."""
    while True:
        async with database.read() as connection:
            if sum(row[0] == now for row in await rows(connection, "watch", "answered_at")) == count:
                return
        await asyncio.sleep(0.05)
