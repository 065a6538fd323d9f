"""What is old is thinned or let go, in steps that nobody waits for, and what people are told stays the same."""

from __future__ import annotations

import asyncio
import json
import random
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from bot.domain import DAY, HOUR, MINUTE, SECOND
from bot.domain.alerts.record import Scope
from bot.domain.measure import Measure
from bot.domain.reading import Answer, Reading, State
from bot.domain.session import Session
from bot.domain.snapshot import confirmed
from bot.domain.thinning import thin
from bot.pipeline import prune as stage
from bot.pipeline.ingest import Ingest
from bot.pipeline.prune import LONGEST_SESSION, Prune, Rules, Terms, rules
from bot.ports.command import Request
from bot.ports.message import Message
from storage import holdings, samples, sessions
from storage.database import Database
from storage.tables import delivery
from storage.watches import Watch
from tests.fakes.clock import NOW
from tests.fakes.rows import INTERVAL, a_chat, a_session, a_watch, everything, listens, rows
from tests.fakes.source import told
from tests.talk import talk

RAW = 30 * DAY
RULES = Rules(raw=RAW)
LAWFUL = rules(days=30, youtube_days=30, youtube_figures_days=30, x_days=30)


async def a_broadcast(
    database: Database,
    *,
    source: str = "fake",
    begin: int = NOW,
    readings: int = 120,
    every: int = INTERVAL,
    key: str = "a",
    name: str = "one",
    chance: random.Random | None = None,
) -> tuple[Watch, Session]:
    """Let a session run through the real ingest, from its start to its end, with a glitch and an outage."""
    chance = chance or random.Random(7)
    async with database.write() as connection:
        watch = await a_watch(connection, name, source=source, platform=source, interval=every)
        await listens(connection, await a_chat(connection), watch)
    ingest, at = Ingest(database, grace=MINUTE), begin
    for n in range(readings):
        at = begin + n * every + (20 * MINUTE if n > readings // 2 else 0)
        figure = None if n % 11 == 5 else 90_000 if n == readings // 3 else 500 + chance.randrange(200)
        reading = Reading(session=key, title="Morning", hosts=("Ann",), concurrent=figure, views=n)
        await ingest.take([(watch, told(Answer(at=at, readings=(reading,))))], at)
    for later in (MINUTE, 3 * MINUTE):
        await ingest.take([(watch, told(Answer(at=at + later)))], at + later)
    async with database.read() as connection:
        (session,) = await sessions.newest(connection, watch.id)
    assert session.state is State.ENDED
    return watch, session


async def kept(database: Database, session: Session) -> list[Any]:
    async with database.read() as connection:
        return await samples.between(connection, session.id, first=NOW - 400 * DAY, last=NOW + 60 * DAY)


@dataclass
class Counted:
    """How many rows each transaction changed."""

    rows: list[int] = field(default_factory=list)


async def steps(database: Database, prune: Prune, now: int) -> Counted:
    """Do all that is due, counting the rows that each step changed."""
    counted = Counted()
    engine = database._write.sync_engine

    def begin(_connection: sa.Connection) -> None:
        counted.rows.append(0)

    def after(_conn: Any, cursor: Any, statement: str, parameters: Any, _context: Any, many: bool) -> None:
        if statement.startswith("BEGIN"):
            return
        counted.rows[-1] += len(parameters) if many else max(cursor.rowcount, 0)

    sa.event.listen(engine, "begin", begin)
    sa.event.listen(engine, "after_cursor_execute", after)
    try:
        async with aclosing(prune.steps(now)) as work:
            async for _ in work:
                pass
    finally:
        sa.event.remove(engine, "begin", begin)
        sa.event.remove(engine, "after_cursor_execute", after)
    return counted


# --- thinning ---------------------------------------------------------------------------------------------


async def test_old_readings_are_thinned_and_nothing_else_changes(database: Database) -> None:
    _, session = await a_broadcast(database)
    assert session.ended_at is not None
    apart_from = ["sample.state"]
    before, raw = await everything(database, apart_from=apart_from), await kept(database, session)
    stays = thin(raw, peak_at=session.tally.peak_at)

    await Prune(database, RULES).tick(session.ended_at + RAW - 1)
    assert await kept(database, session) == raw  # it is young

    await Prune(database, RULES).tick(session.ended_at + RAW)
    left = await kept(database, session)
    assert [one.at for one in left] == [one.at for one in raw if not one.live or one.at in stays]
    assert len(left) < len(raw) / 3
    assert (session.tally.peak_at, session.tally.peak) in [(one.at, one.concurrent) for one in left]
    assert [one for one in confirmed(raw) if one[0] in stays] == confirmed(left)
    after = await everything(database, apart_from=apart_from)
    for table in before.keys() - {"sample", "memory"}:
        assert after[table] == before[table], table
    assert set(after["sample"]) < set(before["sample"])  # not one that stays was rewritten


async def test_what_was_thinned_is_thinned_once(database: Database) -> None:
    await a_broadcast(database)
    await Prune(database, RULES).tick(NOW + 40 * DAY)
    once = await everything(database)
    await Prune(database, RULES).tick(NOW + 50 * DAY)
    assert await everything(database) == once


async def test_a_session_that_goes_on_is_left_alone(database: Database) -> None:
    watch, session = await a_broadcast(database)
    ingest = Ingest(database)
    later = NOW + 40 * DAY
    await ingest.take([(watch, told(Answer(at=later, readings=(Reading(session="a", concurrent=3),))))], later)
    raw = await kept(database, session)
    await Prune(database, RULES).tick(later)
    assert await kept(database, session) == raw


async def test_kept_for_ever_is_kept(database: Database) -> None:
    _, session = await a_broadcast(database)
    raw = await kept(database, session)
    await Prune(database, rules(days=0, youtube_days=0, youtube_figures_days=0, x_days=0)).tick(NOW + 4_000 * DAY)
    assert await kept(database, session) == raw


@pytest.mark.parametrize("many", [40, 7])
async def test_stopped_between_any_two_steps_it_goes_on(
    database: Database, monkeypatch: pytest.MonkeyPatch, many: int
) -> None:
    monkeypatch.setattr(stage, "ROWS", many)
    _, session = await a_broadcast(database)
    raw = await kept(database, session)
    now, stays = NOW + 40 * DAY, thin(raw, peak_at=session.tally.peak_at)
    done = 0
    while True:  # a new process for every step
        work = Prune(database, RULES).steps(now)
        try:
            await anext(work)
        except StopAsyncIteration:
            break
        finally:
            await work.aclose()
        done += 1
        assert done < 200
    assert done > len(raw) / many
    assert [one.at for one in await kept(database, session)] == [
        one.at for one in raw if not one.live or one.at in stays
    ]


async def test_no_step_writes_more_than_its_rows(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage, "ROWS", 25)
    await a_broadcast(database, source="x")
    await a_broadcast(database, source="youtube", name="two", key="b")
    counted = await steps(database, Prune(database, LAWFUL), NOW + 40 * DAY)
    notes = 5  # how far it came, and the one session
    assert len(counted.rows) > 10
    assert max(counted.rows) <= 25 + notes


async def test_a_tick_of_the_poller_waits_for_one_step_at_most(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage, "ROWS", 10)
    await a_broadcast(database, readings=400)
    order: list[str] = []
    under_way = asyncio.Event()

    async def pruned() -> None:
        async with aclosing(Prune(database, RULES).steps(NOW + 40 * DAY)) as work:
            async for _ in work:
                order.append("step")
                under_way.set()
                await asyncio.sleep(0)  # as between the steps of a tick

    async def writes() -> None:
        await under_way.wait()
        for _ in range(5):
            order.append("asks")
            async with database.write() as connection:
                await connection.execute(sa.update(delivery).values(attempts=delivery.c.attempts))
            order.append("wrote")

    await asyncio.gather(pruned(), writes())
    text = " ".join(order)
    assert order.count("step") > 30
    assert "asks step step step" not in text  # the step under way, and the one that asked before


async def test_a_tick_goes_so_far_and_the_next_one_on(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage, "ROWS", 10)
    monkeypatch.setattr(stage, "STEPS", 4)
    _, session = await a_broadcast(database)
    raw = await kept(database, session)
    prune = Prune(database, RULES)
    await prune.tick(NOW + 40 * DAY)
    assert len(await kept(database, session)) > len(raw) - 41
    for _ in range(20):
        await prune.tick(NOW + 40 * DAY)
    assert len(await kept(database, session)) < len(raw) / 3


# --- terms ------------------------------------------------------------------------------------------------


async def test_x_loses_words_and_readings_and_keeps_its_figures(database: Database) -> None:
    _, session = await a_broadcast(database, source="x")
    assert session.ended_at is not None
    await Prune(database, LAWFUL).tick(session.ended_at + 30 * DAY - 1)
    assert await kept(database, session)
    await Prune(database, LAWFUL).tick(session.ended_at + 30 * DAY)
    assert await kept(database, session) == []
    async with database.read() as connection:
        after = await sessions.by_id(connection, session.id)
    assert after is not None
    assert (after.title, after.hosts, after.keys) == (None, (), ["a"])
    assert after.tally == session.tally


async def test_youtube_loses_everything_before_a_reading_is_30_days_old(database: Database) -> None:
    _, session = await a_broadcast(database, source="youtube")
    assert session.ended_at is not None
    heard = []

    async def on_deleted() -> None:
        heard.append(1)

    prune = Prune(database, LAWFUL, on_deleted=on_deleted)
    await prune.tick(session.ended_at + 28 * DAY - 1)
    assert heard == []
    assert await kept(database, session)
    await Prune(database, LAWFUL, on_deleted=on_deleted).tick(
        NOW + 30 * DAY - HOUR
    )  # where a session has one hour
    assert heard == [1]
    found = await everything(database)
    for table in ("session", "session_key", "tally", "sample", "alert", "delivery"):
        assert found[table] == [], table
    assert len(found["watch"]) == 1


async def test_youtube_figures_stay_for_who_may_keep_them(database: Database) -> None:
    _, session = await a_broadcast(database, source="youtube")
    allowed = rules(days=30, youtube_days=30, youtube_figures_days=1_095, x_days=30)
    await Prune(database, allowed).tick(NOW + 60 * DAY)
    assert await kept(database, session) == []
    async with database.read() as connection:
        after = await sessions.by_id(connection, session.id)
        best = await holdings.of_watches(connection, [session.watch_id], Measure.PEAK, chat_id=None)
    assert after is not None
    assert (after.title, after.hosts, after.tally) == (None, (), session.tally)
    assert [one.value for one in best] == [session.tally.peak]
    await Prune(database, allowed).tick(NOW + 1_100 * DAY)
    assert (await everything(database))["session"] == []


async def test_other_sources_keep_sessions_for_ever(database: Database) -> None:
    _, session = await a_broadcast(database, source="twitch")
    await Prune(database, LAWFUL).tick(NOW + 4_000 * DAY)
    async with database.read() as connection:
        assert await sessions.by_id(connection, session.id) == session


async def test_what_was_announced_and_taken_back_loses_its_words_at_once(database: Database) -> None:
    async with database.write() as connection:
        x, other = await a_watch(connection, "one", source="x"), await a_watch(connection, "two", source="twitch")
        gone = await a_session(connection, x, "a", state=State.ENDED, title="Taken back")
        due = await a_session(connection, x, "b", state=State.SCHEDULED, title="Soon")
        free = await a_session(connection, other, "c", state=State.ENDED, title="Elsewhere")
    await Prune(database, LAWFUL).tick(NOW)
    async with database.read() as connection:
        titles = {row[0]: row[1] for row in await rows(connection, "session", "id", "title")}
    assert titles == {gone.id: None, due.id: "Soon", free.id: "Elsewhere"}


async def test_what_posts_said_of_rivals_goes_a_day_after_and_not_before_they_are_sent(database: Database) -> None:
    _, session = await a_broadcast(database, source="x")
    assert session.ended_at is not None
    detail = json.dumps({"scope": Scope.WATCH})
    async with database.write() as connection:
        ids = [row[0] for row in await rows(connection, "delivery", "id")]
        await connection.execute(sa.update(delivery).values(detail=detail, state="sent"))
        await connection.execute(sa.update(delivery).where(delivery.c.id == ids[0]).values(state="pending"))
    await Prune(database, LAWFUL).tick(session.ended_at + DAY - 1)
    async with database.read() as connection:
        assert {row[0] for row in await rows(connection, "delivery", "detail")} == {detail}
    await Prune(database, LAWFUL).tick(session.ended_at + DAY)
    async with database.read() as connection:
        left = [row[0] for row in await rows(connection, "delivery", "id", "detail") if row[1] is not None]
    assert left == ids[:1]


async def test_who_has_deleted_sessions_in_memory_reads_again(database: Database) -> None:
    watch, session = await a_broadcast(database, source="youtube")
    assert session.ended_at is not None
    ingest = Ingest(database)
    await ingest.take([(watch, told(Answer(at=session.ended_at + SECOND)))], session.ended_at + SECOND)
    now = NOW + 40 * DAY
    await Prune(database, LAWFUL, on_deleted=ingest.recall).tick(now)
    # Lower than the best that is no longer known: a start, without a rival that would be there no more.
    for n in range(3):
        at = now + n * INTERVAL
        await ingest.take([(watch, told(Answer(at=at, readings=(Reading(session="b", concurrent=20),))))], at)
    async with database.read() as connection:
        kinds = [row[0] for row in await rows(connection, "alert", "kind")]
        detect = ingest._detect
    assert "started" in kinds
    assert detect._rivals.best(watch.id, "youtube", Measure.PEAK) is None


def test_youtube_counts_from_the_reading_and_so_from_before_the_end() -> None:
    month = 30 * DAY - LONGEST_SESSION
    assert LAWFUL.sources["youtube"] == Terms(readings=month, words=month, figures=month)
    assert LAWFUL.sources["x"] == Terms(readings=30 * DAY, words=30 * DAY, figures=None)
    soon = rules(days=1, youtube_days=1, youtube_figures_days=0, x_days=1)
    assert soon.sources["youtube"] == Terms(readings=0, words=0, figures=None)


def test_leave_to_keep_youtube_figures_is_no_leave_to_keep_its_words() -> None:
    for days in (1_095, 0):
        allowed = rules(days=30, youtube_days=days, youtube_figures_days=days, x_days=30)
        assert allowed.sources["youtube"].words == 30 * DAY - LONGEST_SESSION


async def test_stats_and_records_read_the_same_before_and_after(tmp_path: Path) -> None:
    async with talk(tmp_path, now=NOW + 40 * DAY) as conversation:
        parts = conversation.parts
        await a_broadcast(parts.database)

        async def asked() -> list[Message]:
            return [
                await parts.dispatcher.answer(
                    Request(platform="fake", chat="ann", command=command, text=text, is_admin=True)
                )
                for command, text in (("stats", "one"), ("records", ""), ("live", ""))
            ]

        before = await asked()
        assert before[0].fields
        await Prune(parts.database, RULES).tick(NOW + 40 * DAY)
        assert await asked() == before
        async with parts.database.read() as connection:
            assert len(await rows(connection, "sample")) < 50
