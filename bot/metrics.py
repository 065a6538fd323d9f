"""What Prometheus reads: counted as it happens, and read from the database when it is asked for.

It is loaded only where ``HTTP_ADDRESS`` is set. Labels are words of the program: stages, sources,
platforms, states. Gauges of the database are the same in every process that shares it: take their maximum, not
their sum.
"""

from __future__ import annotations

import platform as machine
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from time import monotonic

import structlog
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.registry import Collector

from bot.domain import SECOND
from bot.inquiry import Inquiry
from bot.ports.source import Source
from bot.vitals import Vitals
from storage import backlog
from storage.backlog import Polling, Queue
from storage.database import Database

# When a series was made interests nobody, and doubles what is sent.
disable_created_metrics()  # type: ignore[no-untyped-call]  # as the library has it

log = structlog.get_logger(__name__)

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
#: So long, in seconds, what was read from the database is as good as new.
FRESH = 5.0
#: The database gets so long to answer; after that its gauges are left out.
LONGEST_SECONDS = 2.0

_QUICK = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_CALLS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30)
_LAGS = (0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 300, 900, 3600)
#: States in which deliveries wait, which are told as 0 where none do.
WAITING = ("pending", "leased", "held")


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What the database tells of itself."""

    at: int
    queues: tuple[Queue, ...]
    polling: Polling
    size: int


class Metrics:
    """A ``bot.ports.meter.Meter`` that keeps what it hears for Prometheus.

    Args:
        clock: Tells the present moment, in milliseconds.
        vitals: Hears of stages, too.
    """

    def __init__(self, *, clock: Callable[[], int], vitals: Vitals | None = None) -> None:
        self.vitals = vitals or Vitals()
        self.registry = CollectorRegistry()
        self._clock = clock
        self._platforms: tuple[str, ...] = ()
        self._leases: dict[str, bool] = {}
        self._inquiry: Inquiry[Figures] | None = None
        self._figures: Figures | None = None
        self._read_at = float("-inf")
        ProcessCollector(registry=self.registry)
        Info("milepost_build", "The program that runs.", registry=self.registry).info(
            {"version": version("milepost"), "python": machine.python_version()}
        )
        self._ticks = self._histogram("stage_tick_duration_seconds", "How long ticks took.", "stage", _QUICK)
        self._failed = self._counter("stage_failed_ticks", "Ticks that failed.", "stage")
        self._last = self._gauge("stage_last_tick_timestamp_seconds", "When a tick ended last.", "stage")
        self._calls = self._counter("source_calls", "Calls to sources by what came of them.", "source", "outcome")
        self._asked = self._histogram(
            "source_call_duration_seconds", "How long calls to sources took.", "source", _CALLS
        )
        self._lag = self._histogram(
            "delivery_lag_seconds",
            "From a reading to the post that tells of it; without digests, and what was late anyway.",
            "platform",
            _LAGS,
        )
        self._settled = self._counter("deliveries_settled", "How deliveries ended.", "platform", "state")
        self._put_back = self._counter("deliveries_put_back", "Sends that are to be tried again.", "platform")
        self._superseded = self._counter(
            "deliveries_superseded", "Deliveries that gave way to newer ones before they were sent."
        )
        self._wrote = Histogram(
            "milepost_database_write_duration_seconds",
            "How long transactions that write took, waiting for their turn included.",
            buckets=_QUICK,
            registry=self.registry,
        )
        self._held = self._gauge("lease_held", "Whether this process holds a lease: 1 or 0.", "lease")
        self._changes = self._counter("lease_changes", "Leases that came or went.", "lease", "change")

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"milepost_{name}", text, labels, registry=self.registry)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(f"milepost_{name}", text, labels, registry=self.registry)

    def _histogram(self, name: str, text: str, label: str, buckets: tuple[float, ...]) -> Histogram:
        return Histogram(f"milepost_{name}", text, (label,), buckets=buckets, registry=self.registry)

    # What stages tell

    def stage(self, name: str, *, every: float) -> None:
        """See ``bot.ports.meter.Meter``; so for all below."""
        self.vitals.stage(name, every=every)
        self._ticks.labels(name)
        self._failed.labels(name)

    def ticked(self, stage: str, *, seconds: float, ok: bool) -> None:
        self.vitals.ticked(stage, ok=ok)
        self._ticks.labels(stage).observe(seconds)
        self._last.labels(stage).set(self._clock() / SECOND)
        if not ok:
            self._failed.labels(stage).inc()

    def comes_forward(self, stage: str) -> None:
        self.vitals.comes_forward(stage)

    def asked(self, source: str, *, outcome: str, seconds: float) -> None:
        self._calls.labels(source, outcome).inc()
        self._asked.labels(source).observe(seconds)

    def sent(self, platform: str, *, lag: int) -> None:
        self._lag.labels(platform).observe(max(0, lag) / SECOND)

    def settled(self, platform: str, *, state: str, count: int = 1) -> None:
        self._settled.labels(platform, state).inc(count)

    def put_back(self, platform: str) -> None:
        self._put_back.labels(platform).inc()

    def superseded(self, count: int) -> None:
        self._superseded.inc(count)

    def wrote(self, seconds: float) -> None:
        self._wrote.observe(seconds)

    def lease(self, name: str, *, held: bool) -> None:
        before = self._leases.get(name)
        self._leases[name] = held
        self._held.labels(name).set(held)
        if before is not held and (held or before is not None):
            self._changes.labels(name, "gained" if held else "lost").inc()

    # What is read when it is asked for

    def watch(self, *, database: Database, sources: Mapping[str, Source], platforms: tuple[str, ...]) -> None:
        """Tell of a database, and of what sources have spent, too.

        Args:
            platforms: The chat platforms of this process, whose queues are told although they are empty.
        """

        async def ask() -> Figures:
            return await _figures(database, self._clock())

        self._inquiry = Inquiry(ask, seconds=LONGEST_SECONDS)
        self.registry.register(_Kept(self))
        self.registry.register(_Purses(sources, self._clock))
        self.registry.register(_Beats(self.vitals))
        for platform in platforms:
            for state in ("sent", "dead", "expired"):
                self._settled.labels(platform, state)
            self._put_back.labels(platform)
            self._lag.labels(platform)
        self._platforms = platforms

    @property
    def platforms(self) -> tuple[str, ...]:
        """See ``watch``."""
        return self._platforms

    @property
    def figures(self) -> Figures | None:
        """What the database told last; None if it does not answer."""
        return self._figures

    async def text(self) -> bytes:
        """Return all metrics as Prometheus reads them."""
        if self._inquiry is not None and monotonic() - self._read_at > FRESH:
            try:
                self._figures = await self._inquiry.answer()
                self._read_at = monotonic()
            except Exception as error:  # noqa: BLE001 - what does not come from the database is told all the same
                self._figures = None
                log.warning("the database tells no metrics", why=type(error).__name__)
        return generate_latest(self.registry)

    async def close(self) -> None:
        """Ask nothing more."""
        if self._inquiry is not None:
            await self._inquiry.close()


async def _figures(database: Database, now: int) -> Figures:
    async with database.read() as connection:
        return Figures(
            at=now,
            queues=tuple(await backlog.queues(connection)),
            polling=await backlog.polling(connection, now),
            size=await backlog.size(connection),
        )


class _Kept(Collector):
    """Gauges of what lies in the database."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def collect(self) -> Iterator[Metric]:
        figures = self._metrics.figures
        yield _one("database_up", "Whether the database answers: 1 or 0.", float(figures is not None))
        if figures is None:
            return
        waiting, oldest = _queues(figures, self._metrics.platforms)
        yield waiting
        yield oldest
        found = figures.polling
        behind = 0 if found.due_since is None else max(0, figures.at - found.due_since)
        yield _one("watches_polled", "Watches that are polled.", found.watched)
        yield _one("watches_late", "Watches that should have been asked 10 seconds ago or before.", found.late)
        yield _one("watches_troubled", "Watches that cannot be read.", found.troubled)
        yield _one("poll_lag_seconds", "For how long the watch waits that is due longest.", behind / SECOND)
        yield _one("sessions_live", "Sessions on the air.", found.live)
        yield _one("database_size_bytes", "What the database takes on its disk.", figures.size)


def _one(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(f"milepost_{name}", text, value)


def _queues(figures: Figures, platforms: tuple[str, ...]) -> tuple[Metric, Metric]:
    """Return how many deliveries wait, and for how long the oldest."""
    labels = ("platform", "state")
    waiting = GaugeMetricFamily("milepost_backlog_deliveries", "Deliveries that are owed or held.", labels=labels)
    oldest = GaugeMetricFamily(
        "milepost_backlog_oldest_seconds", "Age of the reading that the oldest of them tells of.", labels=labels
    )
    found = {(one.platform, one.state): one for one in figures.queues}
    for key in sorted({*found, *((name, state) for name in platforms for state in WAITING)}):
        queue = found.get(key)
        waiting.add_metric(key, 0 if queue is None else queue.count)
        oldest.add_metric(key, 0 if queue is None else max(0, figures.at - queue.oldest) / SECOND)
    return waiting, oldest


class _Beats(Collector):
    """Whether stages stand still, each by its own rhythm."""

    def __init__(self, vitals: Vitals) -> None:
        self._vitals = vitals

    def collect(self) -> Iterator[Metric]:
        still = GaugeMetricFamily(
            "milepost_stage_still", "Whether a stage stands still: 1 or 0.", labels=("stage",)
        )
        for name in self._vitals.beats:
            still.add_metric((name,), float(self._vitals.still(name) is not None))
        yield still


class _Purses(Collector):
    """Gauges of what sources have spent today, as this process knows it."""

    def __init__(self, sources: Mapping[str, Source], clock: Callable[[], int]) -> None:
        self._sources = sources
        self._clock = clock

    def collect(self) -> Iterator[Metric]:
        labels = ("source", "unit")
        spent = GaugeMetricFamily(
            "milepost_source_budget_spent", "What was spent today of a source's budget.", labels=labels
        )
        left = GaugeMetricFamily("milepost_source_budget_left", "What is left of it today.", labels=labels)
        limit = GaugeMetricFamily("milepost_source_budget_limit", "What it is a day.", labels=labels)
        resets = GaugeMetricFamily(
            "milepost_source_budget_resets_timestamp_seconds", "When its next day begins.", labels=labels
        )
        now = self._clock()
        seen = set()
        for name, source in self._sources.items():
            purse = source.purse
            if purse is None or id(purse) in seen:  # two sources may share one
                continue
            seen.add(id(purse))
            key = (name, purse.unit)
            spent.add_metric(key, purse.spent(now).amount)
            resets.add_metric(key, purse.resets_at(now) / SECOND)
            if purse.limit is not None:
                left.add_metric(key, purse.left(now) or 0)
                limit.add_metric(key, purse.limit)
        yield from (spent, left, limit, resets)
