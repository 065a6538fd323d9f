"""What is due is asked, in batches, each source by itself; whatever goes wrong there stays there."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from bot.domain import DAY, HOUR, MINUTE, SECOND
from bot.pipeline import poll as stage
from bot.pipeline.ingest import Ingest
from bot.pipeline.poll import NotStored, Poll
from bot.ports.purse import Purse
from bot.ports.source import AccountGone, Denied, Garbage, RateLimited, SourceError, Unavailable
from bot.services.memory import Remembered, keep
from bot.sources.replay import Replay
from storage import watches
from storage.database import Connection, Database
from storage.watches import Watch
from tests.fakes.clock import NOW
from tests.fakes.rows import INTERVAL, a_chat, a_watch, listens, rows
from tests.fakes.source import FakeSource, GatheringSource, live, told

#: Seconds in which whatever need not wait is done, even on a busy machine.
PATIENCE = 10


@dataclass
class Stage:
    """A poller with two sources, ``fake`` and ``slow``."""

    database: Database
    fake: FakeSource = field(default_factory=lambda: FakeSource("fake", batch=3))
    slow: FakeSource = field(default_factory=lambda: FakeSource("slow"))

    def __post_init__(self) -> None:
        self.ingest = Ingest(self.database)
        self.poll = Poll(self.database, {"fake": self.fake, "slow": self.slow}, self.ingest)

    async def watch(self, *names: str, source: str = "fake", interval: int = INTERVAL, due_at: int = NOW) -> None:
        async with self.database.write() as connection:
            ann = await a_chat(connection)
            for name in names:
                await listens(
                    connection,
                    ann,
                    await a_watch(connection, name, source=source, interval=interval, due_at=due_at),
                )

    async def known(self, name: str, source: str = "fake") -> Watch:
        async with self.database.read() as connection:
            found = await watches.by_reference(connection, source, name)
        assert found is not None
        return found

    async def due(self, name: str, source: str = "fake") -> int | None:
        async with self.database.read() as connection:
            kept = {
                (one, of): at for one, of, at in await rows(connection, "watch", "reference", "source", "due_at")
            }
        due_at: int | None = kept[name, source]
        return due_at

    async def samples(self) -> list[float | None]:
        async with self.database.read() as connection:
            return sorted(row[0] for row in await rows(connection, "sample", "concurrent"))


@pytest.fixture(name="at")
async def _at(database: Database) -> Stage:
    return Stage(database)


async def test_what_is_due_is_asked_in_batches_and_again_an_interval_later(at: Stage) -> None:
    await at.watch("a", "b", "c", "d")
    await at.watch("later", due_at=NOW + 1)
    await at.poll.tick(NOW)
    assert sorted(len(call) for call in at.fake.asked) == [1, 3]
    assert sorted(ask.reference for call in at.fake.asked for ask in call) == list("abcd")
    await at.poll.tick(NOW + INTERVAL - 1)
    assert [ask.reference for call in at.fake.asked[2:] for ask in call] == ["later"]
    for name in "abcd":
        at.fake.says(name, told(live(NOW + INTERVAL, 6)))
    await at.poll.tick(NOW + INTERVAL)
    assert await at.samples() == [6, 6, 6, 6]


async def test_a_source_is_told_what_is_known_of_a_watch(at: Stage) -> None:
    await at.watch("a")
    at.fake.says("a", told(live(NOW, 5, key="s1")), told())
    await at.poll.tick(NOW)
    await at.poll.tick(NOW + INTERVAL)
    (first,), (second,) = at.fake.asked
    assert (first.known, first.since, first.started) == ((), None, NOW)
    assert (second.known, second.since, second.started) == (("s1",), NOW, NOW)


async def test_a_source_is_told_what_is_known_also_at_the_first_question_after_a_start(at: Stage) -> None:
    await at.watch("a")
    at.fake.says("a", told(live(NOW, 5, key="s1")))
    await at.poll.tick(NOW)
    after = Stage(at.database)
    await after.poll.tick(NOW + INTERVAL)
    ((ask,),) = after.fake.asked
    assert ask.known == ("s1",)


async def test_a_question_that_failed_does_not_count_as_the_last_one(at: Stage) -> None:
    await at.watch("a")
    at.fake.says("a", Unavailable("No answer."), told(live(NOW + INTERVAL, 5)), Unavailable("No answer."))
    for n in range(4):
        await at.poll.tick(NOW + n * INTERVAL)
    answered = NOW + INTERVAL
    assert [ask.since for (ask,) in at.fake.asked] == [None, None, answered, answered]


async def test_a_history_that_could_not_be_read_for_a_while_is_told_whole(at: Stage, tmp_path: Path) -> None:
    lines: list[dict[str, object]] = [
        {"at": f"2026-11-22T15:0{n}:00Z", "session": "s", "state": "live", "concurrent": n} for n in range(6)
    ]
    lines[3] = {"at": "2026-11-22T15:03:00Z", "error": "unavailable"}  # what the recording holds is told, too
    header = {"replay": 1, "platform": "twitch", "watch": "Friday", "interval": 60}
    path, away = tmp_path / "friday.jsonl", tmp_path / "away"
    path.write_text("\n".join(json.dumps(one) for one in (header, *lines)))
    await at.watch(str(path), source="replay", interval=MINUTE)
    for n in range(6):
        # A source that was started anew each time has kept nothing of the file.
        poll = Poll(at.database, {"replay": Replay()}, at.ingest)
        if n in {1, 2, 4}:
            path.rename(away)
            await poll.tick(NOW + n * MINUTE)
            away.rename(path)
            kept = await at.known(str(path), "replay")
            assert (kept.trouble or "").startswith("denied: friday.jsonl cannot be read")
        else:
            await poll.tick(NOW + n * MINUTE)
    assert await at.samples() == [0, 1, 2, 4, 5]
    kept = await at.known(str(path), "replay")
    assert (kept.trouble, kept.answered_at) == (None, NOW + 5 * MINUTE)


async def test_a_slow_source_delays_no_other_and_is_not_asked_twice_meanwhile(at: Stage) -> None:
    await at.watch("a")
    await at.watch("b", source="slow")
    at.slow.gate = asyncio.Event()
    at.slow.says("b", told(live(NOW, 7)))
    at.fake.says("a", *[told(live(NOW + n * INTERVAL, n)) for n in range(3)])
    for n in range(3):
        async with asyncio.timeout(PATIENCE):
            await at.poll.begin(NOW + n * INTERVAL)
            while len(await at.samples()) < n + 1:  # noqa: ASYNC110 - rows set no event
                await asyncio.sleep(0.01)
    assert len(at.slow.asked) == 1
    at.slow.gate.set()
    await at.poll.tick(NOW + 3 * INTERVAL)
    assert 7 in await at.samples()
    await at.poll.tick(NOW + 4 * INTERVAL)
    assert len(at.slow.asked) >= 2


@pytest.mark.parametrize(
    ("error", "trouble"),
    [
        (Unavailable("No answer."), "unavailable: No answer."),
        (RateLimited("Too often."), "rate_limited: Too often."),
        (Denied("Wrong key."), "denied: Wrong key."),
        (Garbage("A web page."), "garbage: A web page."),
        (SourceError("Something."), "unavailable: Something."),
        (ZeroDivisionError("s3cret"), "unavailable: internal: ZeroDivisionError"),
    ],
)
async def test_a_source_that_fails_is_noted_and_touches_no_session_and_no_other_source(
    at: Stage, error: Exception, trouble: str
) -> None:
    await at.watch("a", "b")
    await at.watch("c", source="slow")
    at.slow.says("c", *[told(live(NOW + n * INTERVAL, 3)) for n in range(3)])
    for name in "ab":
        at.fake.says(name, told(live(NOW, 9)))
    await at.poll.tick(NOW)
    at.fake.says("a", error, told(live(NOW + 2 * INTERVAL, 9)))
    at.fake.says("b", told(live(NOW + 2 * INTERVAL, 9)))
    await at.poll.tick(NOW + INTERVAL)
    for name in "ab":  # they were asked in one call
        kept = await at.known(name)
        assert (kept.trouble, kept.trouble_since) == (trouble, NOW + INTERVAL)
        assert (kept.asked_at, kept.answered_at) == (NOW + INTERVAL, NOW)
    assert (await at.known("c", "slow")).trouble is None
    await at.poll.tick(NOW + 2 * INTERVAL)
    assert (await at.known("a")).trouble is None
    assert await at.samples() == [3, 3, 3, 9, 9, 9, 9]
    async with at.database.read() as connection:
        assert {state for (state,) in await rows(connection, "session", "state")} == {"live"}


@pytest.mark.parametrize(
    ("retry_after", "pause"),
    [(None, INTERVAL), (HOUR, HOUR), (5 * SECOND, 5 * SECOND), (0, SECOND), (40 * DAY, DAY)],
)
async def test_a_source_that_asks_to_wait_is_asked_when_it_says(
    at: Stage, retry_after: int | None, pause: int
) -> None:
    await at.watch("a")
    at.fake.says("a", RateLimited("Too often.", retry_after=retry_after))
    await at.poll.tick(NOW)
    assert await at.due("a") == NOW + pause


async def test_a_source_that_never_answers_is_given_up(at: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage, "LONGEST_READ_SECONDS", 0.05)
    await at.watch("a")
    at.fake.gate = asyncio.Event()
    await at.poll.tick(NOW)
    assert (await at.known("a")).trouble == "unavailable: no answer within 0.05 s"


async def test_what_could_not_be_stored_is_told_by_the_next_tick(
    at: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    await at.watch("a")
    at.fake.says("a", told(live(NOW, 12)), told(live(NOW + INTERVAL, 12)), told(live(NOW + 2 * INTERVAL, 12)))
    with monkeypatch.context() as patch, capture_logs() as lines:

        async def fail(*_: object, **__: object) -> None:
            raise OSError("disk full")

        patch.setattr(watches, "note_asked", fail)
        with pytest.raises(NotStored, match=r"^The database could not be reached: disk full$"):
            await at.poll.tick(NOW)
    assert any("the database could not be reached" in line["event"] for line in lines)
    assert await at.samples() == []
    await at.poll.tick(NOW + INTERVAL)
    await at.poll.tick(NOW + 2 * INTERVAL)
    async with at.database.read() as connection:
        assert await rows(connection, "alert", "kind") == [("started",), ("milestone",)]


async def test_a_watch_that_cannot_be_stored_costs_no_other(at: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    await at.watch("a", "bad", "c")
    for name in ("a", "bad", "c"):
        at.fake.says(name, told(live(NOW, 5)))
    bad, store = (await at.known("bad")).id, watches.note_asked

    async def fail_for_bad(connection: Connection, ids: list[int], *, at: int, answered: bool) -> None:
        if bad in ids:
            raise ValueError("poison")
        await store(connection, ids, at=at, answered=answered)

    monkeypatch.setattr(watches, "note_asked", fail_for_bad)
    with (
        capture_logs() as lines,
        pytest.raises(NotStored, match=r"^What was told of bad could not be stored: poison$"),
    ):
        await at.poll.tick(NOW)
    assert await at.samples() == [5, 5]
    assert [line["watch"] for line in lines if line["log_level"] == "error"] == [bad]


async def test_what_cannot_be_stored_does_not_end_the_polling(at: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    await at.watch("a", "bad")
    for name in ("a", "bad"):
        at.fake.says(name, *[told(live(NOW + n * INTERVAL, 5)) for n in range(2)])
    bad, store = (await at.known("bad")).id, watches.note_asked

    async def fail_for_bad(connection: Connection, ids: list[int], *, at: int, answered: bool) -> None:
        if bad in ids:
            raise ValueError("poison")
        await store(connection, ids, at=at, answered=answered)

    monkeypatch.setattr(watches, "note_asked", fail_for_bad)
    with capture_logs() as lines:
        for n in range(2):
            await at.poll.begin(NOW + n * INTERVAL)  # as the schedule does
            async with asyncio.timeout(PATIENCE):
                while at.poll._tasks:
                    await asyncio.wait(at.poll._tasks)
    assert await at.samples() == [5, 5]
    assert [(line["event"], line["watch"]) for line in lines] == [
        ("what a source told could not be stored", bad)
    ] * 2


async def test_a_watch_whose_source_is_not_set_up_is_said_to_be_so_once(at: Stage) -> None:
    await at.watch("a", "b", source="gone")
    await at.watch("c")
    at.fake.says("c", *[told(live(NOW + n * INTERVAL, 5)) for n in range(3)])
    with capture_logs() as lines:
        for n in range(3):
            await at.poll.tick(NOW + n * INTERVAL)
    async with at.database.read() as connection:
        orphans = await rows(connection, "watch", "id", "source")
    ids = [id_ for id_, source in orphans if source == "gone"]
    assert sorted(line["watch"] for line in lines if line["log_level"] == "warning") == ids
    for name in "ab":
        kept = await at.known(name, "gone")
        assert kept.trouble == "unavailable: This bot is not set up for gone: addresses."
        assert (kept.trouble_since, kept.asked_at) == (NOW, None)
    async with at.database.read() as connection:
        assert [name for name, _, _ in await watches.troubled(connection)] == ["a", "b"]
    assert await at.samples() == [5, 5, 5]
    assert await at.due("a", "gone") == NOW + 3 * INTERVAL


async def test_a_watch_goes_on_when_its_source_is_set_up_again(at: Stage) -> None:
    await at.watch("a", source="gone")
    await at.poll.tick(NOW)
    again = Poll(at.database, {}, at.ingest)
    await again.tick(NOW + INTERVAL)
    assert (await at.known("a", "gone")).trouble_since == NOW
    back = FakeSource("gone")
    back.says("a", told(live(NOW + 2 * INTERVAL, 5)))
    await Poll(at.database, {"gone": back}, at.ingest).tick(NOW + 2 * INTERVAL)
    assert await at.samples() == [5]
    assert (await at.known("a", "gone")).trouble is None


async def test_what_is_given_up_at_the_end_is_due_at_the_next_start(at: Stage) -> None:
    await at.watch("a")
    await at.watch("b", source="slow", interval=HOUR)
    at.slow.gate = asyncio.Event()
    await at.poll.begin(NOW)
    await at.poll.stop()
    assert await at.samples() == []
    after = Stage(at.database)
    after.slow.says("b", told(live(NOW + 1, 7)))
    await after.poll.tick(NOW + 1)
    assert await at.samples() == [7]


async def test_a_clock_that_was_set_back_does_not_stop_the_polling(at: Stage) -> None:
    await at.watch("a")
    at.fake.says("a", told(), told(live(NOW, 5)))
    await at.poll.tick(NOW + HOUR)
    await at.poll.tick(NOW)
    assert await at.samples() == []
    await at.poll.rearm(NOW)
    await at.poll.tick(NOW)
    assert await at.samples() == [5]


async def test_a_source_that_asked_to_wait_is_left_alone_though_the_clock_was_set_back(at: Stage) -> None:
    await at.watch("a")
    at.fake.says("a", RateLimited("Too often.", retry_after=3 * HOUR), told(live(NOW + 2 * HOUR, 5)))
    await at.poll.tick(NOW + HOUR)
    await at.poll.rearm(NOW)
    await at.poll.tick(NOW + 3 * HOUR - 1)
    assert len(at.fake.asked) == 1
    await at.poll.tick(NOW + 3 * HOUR)
    assert len(at.fake.asked) == 2


def day_of(now: int) -> tuple[int, int]:
    return now // DAY * DAY, now // DAY * DAY + DAY


async def test_what_was_spent_is_known_after_a_restart_and_a_poor_purse_stretches_intervals(
    database: Database,
) -> None:
    at = Stage(database)
    kept = Remembered(database)
    await at.watch("a", "b")

    def start() -> Poll:
        at.fake.purse = Purse(unit="units", limit=100, day_of=day_of)
        return Poll(database, {"fake": at.fake}, at.ingest, memory=kept)

    poll = start()
    assert at.fake.purse is not None
    at.fake.purse.charge(NOW, 20)
    await keep(kept, "fake", at.fake.purse)
    poll = start()
    await poll.tick(NOW)
    assert at.fake.purse.spent(NOW).amount == 20
    now = NOW
    for number in range(20):  # ten a minute: an hour's rhythm would cost six times the day's budget
        now = NOW + number * MINUTE
        at.fake.purse.charge(now, 10 if number < 7 else 0)
        at.fake.says("a", told(live(now, 5)))
        await poll.tick(now)
    due = await at.due("a")
    assert due is not None
    assert due - now > 10 * INTERVAL
    poll = start()
    await poll.tick(due)
    assert at.fake.purse.spent(NOW).amount == 90


async def test_an_account_that_is_gone_is_told_of_once(at: Stage) -> None:
    gone: list[tuple[str, str]] = []

    async def on_gone(watch: Watch, why: str) -> None:
        gone.append((watch.name, why))

    poll = Poll(at.database, {"fake": at.fake}, at.ingest, on_gone=on_gone)
    await at.watch("a", "b")
    answers = [AccountGone("@a was renamed"), Unavailable("down"), AccountGone("@a was renamed")]
    for turn, answer in enumerate(answers):
        now = NOW + turn * INTERVAL
        at.fake.says("a", told(answer, at=now))
        at.fake.says("b", told(live(now, 5)))
        with capture_logs():
            await poll.tick(now)
    assert gone == [("a", "@a was renamed")]


async def test_what_is_due_within_the_interval_fills_a_call_and_is_due_together_from_then_on(
    database: Database,
) -> None:
    at = Stage(database)
    source = GatheringSource("fake", batch=3, ids_a_call=3)
    poll = Poll(database, {"fake": source, "slow": at.slow}, at.ingest)
    for second, name in enumerate("abcd"):
        await at.watch(name, due_at=NOW + second * SECOND)
    await at.watch("far", due_at=NOW + INTERVAL)
    await at.watch("ill", due_at=NOW + 500)
    await at.watch("other", source="slow", due_at=NOW + 500)
    async with database.write() as connection:
        await watches.note_trouble(connection, [((await at.known("ill")).id, "unavailable: down", NOW)])
    await poll.tick(NOW)
    assert [[ask.reference for ask in asks] for asks in source.asked] == [["a", "b", "c"]]
    assert at.slow.asked == []
    assert {await at.due(name) for name in "abc"} == {NOW + INTERVAL}
    assert await at.due("d") == NOW + 3 * SECOND
    await poll.tick(NOW + INTERVAL)  # what waited alone joins
    assert sorted(len(asks) for asks in source.asked[1:]) == [3, 3]
