"""One transaction a tick: what was read is stored and told as a whole, or not at all, and never twice."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain import HOUR, MINUTE
from bot.domain.reading import Answer, Failure, Reading, State, Trouble
from bot.pipeline.ingest import Ingest
from bot.ports.source import Denied, Told, Unavailable
from storage import chats, records, watches
from storage.database import Database
from storage.records import Entry
from storage.watches import Watch
from tests.fakes.clock import NOW
from tests.fakes.rows import INTERVAL, a_chat, a_watch, everything, listens, past, rows, states
from tests.fakes.source import live, over, told

GRACE = 5 * MINUTE


async def take(ingest: Ingest, watch: Watch, *answers: Answer | Failure, now: int | None = None) -> None:
    await ingest.take([(watch, told(*answers))], answers[-1].at if now is None else now)


async def reloaded(database: Database, watch: Watch) -> Watch:
    async with database.read() as connection:
        return (await watches.by_ids(connection, [watch.id]))[watch.id]


async def a_watched(database: Database, name: str = "one", *, chat: str = "ann", **how: Any) -> Watch:
    """A watch that a chat listens to."""
    async with database.write() as connection:
        watch = await watches.by_reference(connection, "fake", name) or await a_watch(connection, name)
        await listens(connection, await a_chat(connection, chat), watch, **how)
    return watch


async def alerts(database: Database) -> list[tuple[str, str | None, float | None]]:
    async with database.read() as connection:
        return [(row[0], row[1], row[2]) for row in await rows(connection, "alert", "kind", "measure", "value")]


async def owed_to(database: Database, chat: str) -> list[tuple[str, float | None, int | None]]:
    """What a chat is owed, as (kind, rung, scope), in order."""
    async with database.read() as connection:
        one = await chats.find(connection, platform="fake", key=chat)
        assert one is not None
        kept = await rows(connection, "delivery", "chat_id", "kind", "threshold", "scope")
    return [(kind, rung, scope) for chat_id, kind, rung, scope in kept if chat_id == one.id]


# --- what a tick tells ------------------------------------------------------------------------------------


async def test_a_session_is_told_from_its_start_to_its_end(database: Database) -> None:
    watch, ingest = await a_watched(database), Ingest(database, grace=GRACE)
    for n, figure in enumerate((9, 12, 30, 28)):
        await take(ingest, watch, live(NOW + n * INTERVAL, figure))
    await take(ingest, watch, over(NOW + 4 * INTERVAL))
    await take(ingest, watch, Answer(at=NOW + 4 * INTERVAL + GRACE))
    assert await owed_to(database, "ann") == [
        ("started", None, None),
        ("milestone", 10, None),
        ("milestone", 25, None),
        ("ended", None, None),
    ]


async def test_what_one_reading_tells_comes_in_its_order(database: Database) -> None:
    async with database.write() as connection:
        watch = await a_watch(connection)
        ann, bob = await a_chat(connection, "ann"), await a_chat(connection, "bob")
        await listens(connection, ann, watch)
        await listens(connection, bob, watch, kinds=["milestone", "started", "ended"])
        await past(connection, watch, "old", 60)
    ingest = Ingest(database, grace=GRACE)
    await take(ingest, watch, live(NOW, 9, key="a"), live(NOW + INTERVAL, 9, key="a"))
    gone = NOW + 2 * INTERVAL
    await take(ingest, watch, over(gone, key="a"))
    both = Answer(at=gone + GRACE + 1, readings=(Reading(session="b", concurrent=90),))
    await take(ingest, watch, both, live(both.at + INTERVAL, 100, key="b"))
    assert [kind for kind, *_ in await alerts(database)] == ["started", "ended", "started", "record", "milestone"]
    # A record takes the milestone's place for those who are told it.
    assert await owed_to(database, "ann") == [
        ("started", None, None),
        ("ended", None, None),
        ("started", None, None),
        ("record", None, 1),
    ]
    assert await owed_to(database, "bob") == [
        ("started", None, None),
        ("ended", None, None),
        ("started", None, None),
        ("milestone", 100, None),
    ]


async def test_each_chat_hears_its_own_ladder(database: Database) -> None:
    watch = await a_watched(database, chat="ann")
    await a_watched(database, chat="bob", ladder=[7, 13])
    await a_watched(database, chat="cleo", ladder=[1_000])
    await a_watched(database, chat="dan", kinds=["started"])
    await take(Ingest(database), watch, live(NOW, 14), live(NOW + INTERVAL, 14))
    assert [
        [rung for kind, rung, _ in await owed_to(database, chat) if kind == "milestone"]
        for chat in ("ann", "bob", "cleo", "dan")
    ] == [[10], [13], [], []]


async def test_a_ladder_may_stand_on_another_figure(database: Database) -> None:
    watch = await a_watched(database, chat="ann")
    await a_watched(database, chat="bob", metric="tuned_in")
    readings = [live(NOW + n * INTERVAL, 12, tuned_in=30 + n) for n in range(2)]
    await take(Ingest(database), watch, *readings)
    assert ("milestone", 10, None) in await owed_to(database, "ann")
    assert ("milestone", 25, None) in await owed_to(database, "bob")
    assert ("milestone", 10, None) not in await owed_to(database, "bob")


async def test_a_jump_over_several_rungs_tells_the_highest_only(database: Database) -> None:
    watch = await a_watched(database)
    await take(Ingest(database), watch, live(NOW, 12), live(NOW + INTERVAL, 12), live(NOW + 2 * INTERVAL, 58))
    assert [rung for kind, rung, _ in await owed_to(database, "ann") if kind == "milestone"] == [10, 50]


async def test_a_newer_milestone_supersedes_one_that_still_waits(database: Database) -> None:
    watch = await a_watched(database, kinds=["milestone"])
    await take(Ingest(database), watch, *[live(NOW + n * INTERVAL, 12 * (n + 1)) for n in range(5)])
    assert await states(database) == ["superseded", "superseded", "pending"]


async def test_a_record_is_told_when_it_falls_and_again_in_a_wider_scope_only(database: Database) -> None:
    async with database.write() as connection:
        watch, other = await a_watch(connection, "one"), await a_watch(connection, "two")
        ann = await a_chat(connection)
        for one in (watch, other):
            await listens(connection, ann, one, kinds=["record"])
        await past(connection, watch, "old", 20)
        await past(connection, other, "old", 40)
        await records.add(
            connection, Entry(platform="x", measure="peak", scope=3, value=60, holder="Book"), now=NOW
        )
    ingest = Ingest(database)
    for n, figure in enumerate((15, 20, 21, 25, 40, 41, 55, 60, 61, 70)):
        await take(ingest, watch, live(NOW + n * INTERVAL, figure))
    async with database.read() as connection:
        kept = [
            (value, json.loads(detail)["previous"]["value"])
            for value, detail in await connection.execute(
                sa.text(
                    "SELECT value, detail FROM delivery JOIN alert ON alert.id = alert_id ORDER BY delivery.id"
                )
            )
        ]
    assert await owed_to(database, "ann") == [("record", None, scope) for scope in (1, 2, 3)]
    assert kept == [(21, 20), (41, 40), (61, 60)]


async def test_who_subscribes_while_a_session_runs_is_told_what_comes(database: Database) -> None:
    watch, ingest = await a_watched(database, chat="ann"), Ingest(database)
    async with database.write() as connection:
        await past(connection, watch, "old", 20)
    await take(ingest, watch, live(NOW, 22), live(NOW + INTERVAL, 22))
    await a_watched(database, chat="bob")
    await take(ingest, watch, live(NOW + 2 * INTERVAL, 24))
    assert await owed_to(database, "bob") == [("record", None, 1)]
    await take(ingest, watch, live(NOW + 3 * INTERVAL, 60))
    assert await owed_to(database, "bob") == [("record", None, 1), ("milestone", 50, None)]
    assert ("record", None, 1) in await owed_to(database, "ann")


async def test_what_is_booked_while_a_session_runs_counts_from_then_on(database: Database) -> None:
    watch, ingest = await a_watched(database, kinds=["record"]), Ingest(database)
    await take(ingest, watch, live(NOW, 100), live(NOW + INTERVAL, 100))
    assert await owed_to(database, "ann") == []
    async with database.write() as connection:
        entry = Entry(platform="x", measure="peak", scope=3, value=120, holder="Book")
        id_ = await records.add(connection, entry, now=NOW)
    await take(ingest, watch, live(NOW + 2 * INTERVAL, 110))
    assert await owed_to(database, "ann") == []
    async with database.write() as connection:
        await records.change(connection, id_, value=105)
    await take(ingest, watch, live(NOW + 3 * INTERVAL, 110))
    assert await owed_to(database, "ann") == [("record", None, 3)]


async def test_the_deliverer_is_woken_only_when_something_is_owed(database: Database) -> None:
    watch, ingest = await a_watched(database), Ingest(database)
    await take(ingest, watch, Answer(at=NOW))
    assert not ingest.owed.is_set()
    await take(ingest, watch, live(NOW + INTERVAL, 5))
    assert ingest.owed.is_set()
    ingest.owed.clear()
    await take(ingest, watch, live(NOW + 2 * INTERVAL, 6))
    assert not ingest.owed.is_set()


async def test_the_ids_that_are_live_are_known_to_the_next_question(database: Database) -> None:
    watch, ingest = await a_watched(database), Ingest(database, grace=0)
    assert ingest.known(watch.id) == ()
    await take(ingest, watch, live(NOW, 5, key="a"))
    assert ingest.known(watch.id) == ("a",)
    await take(ingest, watch, over(NOW + INTERVAL, key="a"))
    assert ingest.known(watch.id) == ()


# --- trouble ----------------------------------------------------------------------------------------------


async def test_trouble_is_noted_once_and_cleared_once(database: Database) -> None:
    watch, ingest = await a_watched(database), Ingest(database)
    seen = []
    steps: list[Answer | Failure] = [
        live(NOW, 5),
        Unavailable("No answer.").failure(NOW + 1 * INTERVAL),
        Unavailable("No answer.").failure(NOW + 2 * INTERVAL),
        live(NOW + 3 * INTERVAL, 5),
        live(NOW + 4 * INTERVAL, 5),
    ]
    for step in steps:
        await take(ingest, await reloaded(database, watch), step)
        now = await reloaded(database, watch)
        seen.append((now.trouble, now.trouble_since))
    failing = ("unavailable: No answer.", NOW + INTERVAL)
    assert seen == [(None, None), failing, failing, (None, None), (None, None)]


async def test_a_failure_is_neither_offline_nor_zero_nor_an_answer(database: Database) -> None:
    watch, ingest = await a_watched(database), Ingest(database, grace=MINUTE)
    await take(ingest, watch, live(NOW, 50), live(NOW + INTERVAL, 50))
    for n in range(10):
        await take(ingest, watch, Failure(at=NOW + (n + 2) * INTERVAL, trouble=Trouble.UNAVAILABLE))
    await take(ingest, watch, live(NOW + 12 * INTERVAL, 50))
    async with database.read() as connection:
        assert await rows(connection, "session", "state", "ends") == [("live", 0)]
        assert len(await rows(connection, "sample")) == 3
    assert "ended" not in [kind for kind, *_ in await alerts(database)]


async def test_an_answer_before_a_failure_of_the_same_batch_is_an_answer(database: Database) -> None:
    watch = await a_watched(database)
    failures = [Denied("Key.").failure(NOW + n * INTERVAL) for n in (1, 2)]
    await take(Ingest(database), watch, live(NOW, 5), *failures)
    kept = await reloaded(database, watch)
    assert (kept.asked_at, kept.answered_at) == (NOW + 2 * INTERVAL, NOW)
    assert (kept.trouble, kept.trouble_since) == ("denied: Key.", NOW + INTERVAL)


async def test_a_source_that_names_the_next_moment_is_asked_then_and_one_that_is_over_never(
    database: Database,
) -> None:
    one, two, ingest = await a_watched(database, "one"), await a_watched(database, "two"), Ingest(database)
    later = Told(answers=(live(NOW, 5),), again_at=NOW + HOUR)
    await ingest.take([(one, later), (two, Told(answers=(), over=True))], NOW)
    async with database.write() as connection:
        assert await watches.claim(connection, NOW + HOUR - 1) == []
        assert [w.id for w in await watches.claim(connection, NOW + HOUR)] == [one.id]


# --- one transaction --------------------------------------------------------------------------------------


class Broken(Exception):
    """A fault in the midst of a transaction."""


@contextmanager
def breaking(database: Database, statement: int) -> Iterator[list[str]]:
    """Let a statement fail, counted from 0; yields those that were tried."""
    tried: list[str] = []

    def count(_connection: Any, _cursor: Any, text: str, *_: Any) -> None:
        tried.append(text)
        if len(tried) == statement + 1:
            raise Broken

    engine = database._write.sync_engine
    sa.event.listen(engine, "before_cursor_execute", count)
    try:
        yield tried
    finally:
        sa.event.remove(engine, "before_cursor_execute", count)


async def eventful(database: Database) -> tuple[Ingest, list[tuple[Watch, Told]], int]:
    """Prepare a tick that brings ends, starts, a milestone, a record, trouble, and a moment for the next one."""
    async with database.write() as connection:
        watch, other = await a_watch(connection, "one"), await a_watch(connection, "two")
        for name in ("ann", "bob"):
            for one in (watch, other):
                await listens(connection, await a_chat(connection, name), one)
        await past(connection, watch, "old", 60)
    ingest = Ingest(database, grace=0)
    await ingest.take([(watch, told(live(NOW, 9), live(NOW + INTERVAL, 9))), (other, told(live(NOW, 5)))], NOW)
    at = NOW + 2 * INTERVAL
    news = [
        (watch, told(over(at), live(at + 1, 90, key="b"), live(at + 2, 100, key="b"), again_at=at + HOUR)),
        (other, told(live(at, 30), live(at + 1, 31), Unavailable("Out."), at=at + 2)),
    ]
    return ingest, news, at


async def test_a_tick_that_fails_at_any_statement_leaves_nothing_and_the_next_one_tells_all(
    database: Database, tmp_path: Path
) -> None:
    unbroken = Database(f"sqlite:///{tmp_path}/unbroken.db", throwaway=True)
    await unbroken.open()
    try:
        ingest, news, at = await eventful(unbroken)
        await ingest.take(news, at)
        expected = await alerts(unbroken), [await owed_to(unbroken, name) for name in ("ann", "bob")]
    finally:
        await unbroken.close()
    ingest, news, at = await eventful(database)
    before = await everything(database)
    failed = 0
    while True:
        with breaking(database, failed) as tried:
            try:
                await ingest.take(news, at)
            except Broken:
                assert await everything(database) == before, f"left behind when this failed: {tried[-1]}"
                failed += 1
                continue
        break
    assert failed > 15
    assert (await alerts(database), [await owed_to(database, name) for name in ("ann", "bob")]) == expected
    kinds = [kind for kind, *_ in expected[0]]
    assert {kind: kinds.count(kind) for kind in kinds} == {"started": 3, "ended": 1, "record": 1, "milestone": 2}


async def test_a_tick_that_is_cancelled_leaves_nothing_and_the_next_one_tells_all(database: Database) -> None:
    watch, ingest = await a_watched(database), Ingest(database)
    news = [live(NOW, 12), live(NOW + INTERVAL, 12)]
    before = await everything(database)
    for waits in range(1, 40, 3):
        task = asyncio.create_task(take(ingest, watch, *news))
        for _ in range(waits):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        if not task.cancelled():
            break
        assert await everything(database) == before
    await take(ingest, watch, *news)
    assert [kind for kind, *_ in await alerts(database)] == ["started", "milestone"]


# --- the same readings, whatever the batches --------------------------------------------------------------

#: Who listens to what: chat, watches, ladder, metric.
LISTENERS: tuple[tuple[str, tuple[int, ...], tuple[float, ...] | None, str | None], ...] = (
    ("ann", (0, 1), None, None),
    ("bob", (0,), (20, 33, 300), None),
    ("cleo", (1, 2), None, "tuned_in"),
)
FIGURES = (None, 0, 1, 8, 12, 26, 45, 51, 90, 130, 400, 2_000)


@dataclass(frozen=True)
class Event:
    """What one watch answered at one moment, and what happens before the next one."""

    watch: int
    at: int
    answer: Answer | Failure
    cut: bool
    restart: bool


@st.composite
def streams(draw: st.DrawFn) -> list[Event]:
    """Readings of three watches in order of time: sessions, reconnects, gaps, ends, glitches, failures."""
    events = []
    at = NOW
    for _ in range(draw(st.integers(1, 30))):
        at += draw(st.sampled_from([1, INTERVAL, INTERVAL, INTERVAL, 4 * INTERVAL, GRACE, GRACE + 1, 2 * HOUR]))
        for watch in draw(st.sampled_from([(0,), (0,), (1,), (2,), (0, 1), (0, 1, 2)])):
            what = draw(st.sampled_from(["live"] * 8 + ["both", "ended", "offline", "offline", "error"]))
            readings: tuple[Reading, ...] = ()
            keys = ("a", "b") if what == "both" else (draw(st.sampled_from("aaab")),)
            if what != "offline":
                readings = tuple(
                    Reading(
                        session=key,
                        state=State.ENDED if what == "ended" else State.LIVE,
                        concurrent=draw(st.sampled_from(FIGURES)),
                        tuned_in=draw(st.sampled_from(FIGURES)),
                        title=draw(st.sampled_from([None, "T"])),
                    )
                    for key in keys
                )
            answer: Answer | Failure = Answer(at=at, readings=readings)
            if what == "error":
                answer = Failure(at=at, trouble=draw(st.sampled_from(Trouble)), detail="why")
            events.append(Event(watch, at, answer, cut=draw(st.booleans()), restart=draw(st.booleans())))
    return events


def moments(events: Sequence[Event]) -> list[list[Event]]:
    """The events of each moment: they are always read together."""
    return [list(same) for _, same in groupby(events, key=lambda event: event.at)]


def batches(events: Sequence[Event]) -> Iterator[tuple[list[Event], bool]]:
    """The events as they are read in batches, and whether the process ends after each."""
    batch: list[Event] = []
    for moment in moments(events):
        batch += moment
        if moment[-1].cut:
            yield batch, moment[-1].restart
            batch = []
    if batch:
        yield batch, False


#: What a later or earlier batch writes otherwise although all is the same.
ABOUT_BATCHES = ("delivery.due_at", "delivery.settled_at")


async def played(folder: str, events: Sequence[Event], *, one_by_one: bool) -> dict[str, list[tuple[Any, ...]]]:
    database = Database(f"sqlite:///{folder}/{one_by_one}.db", throwaway=True)
    await database.open()
    try:
        async with database.write() as connection:
            followed = [await a_watch(connection, str(n)) for n in range(3)]
            for chat, theirs, ladder, metric in LISTENERS:
                for n in theirs:
                    await listens(
                        connection, await a_chat(connection, chat), followed[n], ladder=ladder, metric=metric
                    )
            await past(connection, followed[0], "old", 40)
            await records.add(
                connection, Entry(platform="x", measure="peak", scope=3, value=100, holder="Book"), now=NOW
            )
        ingest = Ingest(database, grace=GRACE)
        cuts = ((moment, False) for moment in moments(events)) if one_by_one else batches(events)
        for batch, restart in cuts:
            answers: dict[int, list[Answer | Failure]] = {}
            for event in batch:
                answers.setdefault(event.watch, []).append(event.answer)
            async with database.read() as connection:
                known = await watches.by_ids(connection, [one.id for one in followed])
            given = [(known[followed[n].id], Told(answers=answers[n])) for n in sorted(answers)]
            await ingest.take(given, batch[-1].at)
            if restart:
                ingest = Ingest(database, grace=GRACE)
        return await everything(database, apart_from=ABOUT_BATCHES)
    finally:
        await database.close()


@settings(deadline=None, max_examples=20)
@given(events=streams())
def test_the_same_readings_in_other_batches_and_with_restarts_between_give_the_same(events: list[Event]) -> None:
    async def both() -> None:
        with tempfile.TemporaryDirectory() as folder:
            expected = await played(folder, events, one_by_one=True)
            found = await played(folder, events, one_by_one=False)
        for table, kept in expected.items():
            assert found[table] == kept, table

    asyncio.run(both())
