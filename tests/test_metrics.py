"""What is counted, and how it reads: by the library's own parser, and by Prometheus' own tool."""

from __future__ import annotations

import asyncio
import shutil
from collections import Counter
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from bot.domain import MINUTE, SECOND
from bot.domain.reading import Answer, Failure, Reading, Trouble
from bot.metrics import Metrics
from bot.pipeline.deliver import Deliver
from bot.pipeline.ingest import Ingest
from bot.pipeline.outcome import outcome
from bot.pipeline.poll import Poll
from bot.pipeline.schedule import Schedule
from bot.ports.chat import Post, Refused, Target, TryLater
from bot.ports.message import says
from bot.ports.meter import Silent
from bot.ports.purse import Purse, utc_day
from bot.ports.source import Denied, RateLimited, Told
from storage.database import Database
from storage.sending import Owed
from tests.fakes.chat import FakeChat
from tests.fakes.clock import NOW, Clock
from tests.fakes.databases import database, postgres_url, url
from tests.fakes.rows import a_chat, a_session, a_watch, listens, owed
from tests.fakes.source import FakeSource, told
from tests.servers import prometheus

__all__ = ["database", "postgres_url", "url"]


async def series(metrics: Metrics) -> dict[str, float]:
    """Return every sample, as ``name{label="value"}``."""
    found = {}
    for family in text_string_to_metric_families((await metrics.text()).decode()):
        for sample in family.samples:
            labels = ",".join(f'{name}="{value}"' for name, value in sorted(sample.labels.items()))
            found[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return found


class Tally(Silent):
    """Counts what it is told."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()

    def asked(self, source: str, *, outcome: str, seconds: float) -> None:
        self.calls["asked"] += 1

    def superseded(self, count: int) -> None:
        self.calls["superseded"] += 1

    def wrote(self, seconds: float) -> None:
        self.calls["wrote"] += 1


async def poll_watches(database: Database, count: int, meter: Any) -> None:
    """Let so many watches be read once, a hundred a call."""
    source = FakeSource(batch=100)
    async with database.write() as connection:
        for number in range(count):
            await a_watch(connection, f"w{number}")
            reading = Reading(session=f"s{number}", title="Zebra crossing", concurrent=5)
            source.says(f"w{number}", told(Answer(at=NOW, readings=(reading,))))
    database.meter = meter
    await Poll(database, {"fake": source}, Ingest(database, meter=meter), meter=meter).tick(NOW)
    database.meter = Silent()


async def test_the_meter_is_called_once_a_call_or_transaction_never_once_a_session(
    database: Database,
) -> None:
    meter = Tally()
    await poll_watches(database, 300, meter)
    assert meter.calls["asked"] == 3
    assert sum(meter.calls.values()) < 15


class Stage:
    """A deliverer that is measured."""

    def __init__(self, database: Database, metrics: Metrics, clock: Clock) -> None:
        self.database = database
        self.chat = FakeChat()
        self.deliver = Deliver(database, {"fake": self.chat}, self._render, clock=clock, patience=5, meter=metrics)

    async def _render(self, one: Owed) -> Post | None:
        target = Target(chat=one.chat_key)
        return Post(delivery=one.id, target=target, message=says(one.key), stamp="", replaces=None, facts={})

    async def owe(self, count: int) -> None:
        async with self.database.write() as connection:
            watch = await a_watch(connection, "Zebra")
            for name in ("zebra-chat", "carla"):
                await listens(connection, await a_chat(connection, name), watch)
            await owed(connection, await a_session(connection, watch, title="Zebra crossing"), count=count)


async def test_what_is_delivered_is_counted_with_its_lag(database: Database) -> None:
    clock = Clock(NOW)
    metrics = Metrics(clock=clock)
    metrics.watch(database=database, sources={}, platforms=("fake",))
    stage = Stage(database, metrics, clock)
    await stage.owe(3)
    stage.chat.fails("zebra-chat", Refused("no"))
    stage.chat.fails("carla", TryLater("later", retry_after=MINUTE, alone=True))
    clock.now += 1500
    await stage.deliver.tick(clock.now)
    found = await series(metrics)
    assert found['milepost_deliveries_settled_total{platform="fake",state="dead"}'] == 1
    assert found['milepost_deliveries_put_back_total{platform="fake"}'] == 1
    assert found['milepost_deliveries_settled_total{platform="fake",state="sent"}'] == 2
    assert found['milepost_delivery_lag_seconds_count{platform="fake"}'] == 2
    assert found['milepost_delivery_lag_seconds_sum{platform="fake"}'] == 3
    assert found['milepost_backlog_deliveries{platform="fake",state="pending"}'] == 3
    assert found['milepost_backlog_oldest_seconds{platform="fake",state="pending"}'] == 1.5
    assert found['milepost_backlog_deliveries{platform="fake",state="held"}'] == 0
    assert found["milepost_database_up"] == 1
    assert found["milepost_watches_polled"] == found["milepost_sessions_live"] == 1
    assert found["milepost_database_size_bytes"] > 0
    assert "zebra" not in (await metrics.text()).decode().lower()
    await metrics.close()


async def test_what_grows_too_old_is_counted_by_platform(database: Database) -> None:
    clock = Clock(NOW)
    metrics = Metrics(clock=clock)
    stage = Stage(database, metrics, clock)
    await stage.owe(3)
    for name in ("zebra-chat", "carla"):
        stage.chat.pace.hold(10**9, name)
    clock.now += 10**10
    await stage.deliver.tick(clock.now)
    assert (await series(metrics))['milepost_deliveries_settled_total{platform="fake",state="expired"}'] == 6


async def test_what_came_of_calls_is_counted_by_source(database: Database) -> None:
    metrics = Metrics(clock=Clock(NOW))
    await poll_watches(database, 3, metrics)
    found = await series(metrics)
    assert found['milepost_source_calls_total{outcome="ok",source="fake"}'] == 1
    assert found['milepost_source_call_duration_seconds_count{source="fake"}'] == 1
    assert found["milepost_database_write_duration_seconds_count"] >= 2


def failed(trouble: Trouble) -> Told:
    return Told(answers=(Failure(at=NOW, trouble=trouble),))


@pytest.mark.parametrize(
    ("told_of", "error", "word"),
    [
        ([told(Answer(at=NOW))], None, "ok"),
        ([], None, "ok"),
        ([failed(Trouble.GARBAGE), told(Answer(at=NOW))], None, "ok"),
        ([failed(Trouble.GARBAGE), failed(Trouble.DENIED)], None, "garbage"),
        ([failed(Trouble.DENIED)], Denied("no"), "denied"),
        ([], RateLimited("slower", retry_after=1), "rate_limited"),
        ([], TimeoutError(), "timed_out"),
        ([], KeyError("x"), "broken"),
    ],
)
def test_a_call_comes_to_one_word(told_of: list[Told], error: Exception | None, word: str) -> None:
    assert outcome(told_of, error) == word


async def test_budgets_are_told_once_where_sources_share_one(database: Database) -> None:
    clock = Clock(NOW)
    one, other, free = FakeSource("x"), FakeSource("hashtag"), FakeSource("json")
    one.purse = other.purse = Purse(unit="USD", limit=2, day_of=utc_day)
    one.purse.charge(NOW, 0.5)
    metrics = Metrics(clock=clock)
    metrics.watch(database=database, sources={"x": one, "hashtag": other, "json": free}, platforms=())
    found = await series(metrics)
    told_of = {name: value for name, value in found.items() if "budget" in name}
    assert told_of.pop('milepost_source_budget_resets_timestamp_seconds{source="x",unit="USD"}') > NOW / SECOND
    assert told_of == {
        'milepost_source_budget_spent{source="x",unit="USD"}': 0.5,
        'milepost_source_budget_left{source="x",unit="USD"}': 1.5,
        'milepost_source_budget_limit{source="x",unit="USD"}': 2,
    }
    await metrics.close()


async def test_a_lease_that_changes_hands_is_counted() -> None:
    metrics = Metrics(clock=Clock(NOW))
    for held in (False, True, True, False):
        metrics.lease("telegram", held=held)
    found = await series(metrics)
    assert found['milepost_lease_held{lease="telegram"}'] == 0
    assert found['milepost_lease_changes_total{change="gained",lease="telegram"}'] == 1
    assert found['milepost_lease_changes_total{change="lost",lease="telegram"}'] == 1


class Ends(Metrics):
    """Lets a test wait for the end of a tick."""

    def __init__(self) -> None:
        super().__init__(clock=Clock(NOW))
        self.ended = asyncio.Event()

    def ticked(self, stage: str, *, seconds: float, ok: bool) -> None:
        super().ticked(stage, seconds=seconds, ok=ok)
        self.ended.set()


async def test_ticks_are_counted_with_those_that_fail() -> None:
    metrics = Ends()
    schedule = Schedule(Clock(NOW), meter=metrics)

    async def fails(_: int) -> None:
        raise ValueError

    schedule.every(600, fails, name="prune")
    schedule.start()
    async with asyncio.timeout(30):
        await metrics.ended.wait()
    found = await series(metrics)
    assert found['milepost_stage_failed_ticks_total{stage="prune"}'] == 1
    assert found['milepost_stage_tick_duration_seconds_count{stage="prune"}'] == 1
    assert found['milepost_stage_last_tick_timestamp_seconds{stage="prune"}'] == NOW / SECOND
    await schedule.stop()


@pytest.mark.skipif(prometheus.missing() is not None, reason=prometheus.INSTALL)
async def test_prometheus_own_tool_has_nothing_to_mend(database: Database) -> None:
    metrics = Metrics(clock=Clock(NOW))
    source = FakeSource("x")
    source.purse = Purse(unit="USD", limit=2, day_of=utc_day)
    metrics.watch(database=database, sources={"x": source}, platforms=("fake",))
    metrics.stage("poll", every=1)
    metrics.ticked("poll", seconds=0.1, ok=True)
    metrics.asked("x", outcome="ok", seconds=0.1)
    metrics.sent("fake", lag=900)
    metrics.lease("fake", held=True)
    assert (await series(metrics))['milepost_stage_still{stage="poll"}'] == 0
    tool = shutil.which("promtool")
    assert tool is not None
    process = await asyncio.create_subprocess_exec(
        tool, "check", "metrics", stdin=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    said, _ = await process.communicate(await metrics.text())
    assert (process.returncode, said) == (0, b""), said.decode()
    await metrics.close()
