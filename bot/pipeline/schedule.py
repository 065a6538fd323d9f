"""When the stages tick: fewer than ten APScheduler jobs, whatever the number of sessions.

What is due lies in the database; a job for each session would cost 45 times as much at 10,000. A late tick is
still run (the library's default drops it after a second), and several missed ones are run once.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from bot.domain import SECOND
from bot.ports.meter import SILENT, Meter
from storage.database import is_away, reason

log = structlog.get_logger(__name__)

Clock = Callable[[], int]
Tick = Callable[[int], Awaitable[object]]

#: How far the wall clock may fall behind the monotonic one before it counts as set back.
JUMP = 5 * SECOND
#: At the end, ticks under way get so long before they are broken off.
LAST_SECONDS = 1


def wall_clock() -> int:
    """Return the present moment."""
    return time.time_ns() // 1_000_000


class Schedule:
    """Calls each stage in its own rhythm until it is stopped."""

    def __init__(self, clock: Clock, *, meter: Meter = SILENT) -> None:
        self._clock = clock
        self._meter = meter
        self._scheduler = AsyncIOScheduler(
            timezone=UTC, job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1}
        )
        self._offset = self._wall_over_monotonic()
        self._watch: asyncio.Task[None] | None = None
        self._stopped = False
        #: The stage that found first that the database is away.
        self._away: str | None = None
        self._running: set[asyncio.Task[object]] = set()

    def every(self, seconds: float, tick: Tick, *, name: str) -> None:
        """Call ``tick`` with the present moment, at once and then every so many seconds."""
        self._meter.stage(name, every=seconds)

        async def run() -> None:
            task = asyncio.current_task()
            assert task is not None
            self._running.add(task)
            began, ok = time.monotonic(), True
            try:
                await tick(self._clock())
            except asyncio.CancelledError:
                if not self._stopped:
                    raise
            except Exception as error:  # the library would tell it in its own way
                ok = False
                if is_away(error):
                    self._note_away(name, error)
                else:
                    log.exception("a tick failed and will be tried again", stage=name)
            else:
                self._note_back(name)
            finally:
                self._running.discard(task)
                self._meter.ticked(name, seconds=time.monotonic() - began, ok=ok)

        self._scheduler.add_job(run, "interval", seconds=seconds, id=name, next_run_time=datetime.now(UTC))

    def _note_away(self, stage: str, error: Exception) -> None:
        """Log, once for all stages, that the database cannot be reached or written to."""
        if self._away is None:
            self._away = stage
            log.error("the database cannot be used; what is due is tried again", why=reason(error))

    def _note_back(self, stage: str) -> None:
        """Log that it can be used again, as the stage that found it away has."""
        if self._away == stage:
            self._away = None
            log.info("the database can be used again")

    def watch_clock(self, on_back: Tick) -> None:
        """Call ``on_back`` after the wall clock was set back, when all jobs would wait for it to catch up.

        The watch itself runs on the event loop's monotonic clock, which no one can set.
        """

        async def look() -> None:
            offset = self._wall_over_monotonic()
            back = self._offset - offset
            self._offset = offset
            if back > JUMP:
                log.warning("the clock was set back", seconds=round(back / SECOND))
                for job in self._scheduler.get_jobs():
                    job.modify(next_run_time=datetime.now(UTC))
                await on_back(self._clock())

        async def forever() -> None:
            while True:
                await asyncio.sleep(1)
                try:
                    await look()
                except Exception:  # the watch must live
                    log.exception("what waits for the clock could not be made due again")

        self._watch = asyncio.get_running_loop().create_task(forever(), name="watch the clock")

    def start(self) -> None:
        """Begin to tick."""
        self._scheduler.start()

    async def stop(self) -> None:
        """Stop ticking. A tick under way may end; if it takes long, it is broken off before this returns."""
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)
        if not self._stopped and self._scheduler.running:
            self._stopped = True
            self._scheduler.pause()
            if self._running:
                await asyncio.wait(self._running, timeout=LAST_SECONDS)
            late = list(self._running)
            self._scheduler.shutdown(wait=False)
            await asyncio.sleep(0)  # the library shuts down, and cancels what runs, in a callback of the loop
            await asyncio.gather(*late, return_exceptions=True)

    def _wall_over_monotonic(self) -> int:
        return self._clock() - time.monotonic_ns() // 1_000_000
