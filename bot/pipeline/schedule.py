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
from apscheduler.events import EVENT_JOB_ERROR, JobExecutionEvent
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from bot.domain import SECOND

log = structlog.get_logger(__name__)

Clock = Callable[[], int]
Tick = Callable[[int], Awaitable[object]]

#: How far the wall clock may fall behind the monotonic one before it counts as set back.
JUMP = 5 * SECOND


def wall_clock() -> int:
    """Return the present moment."""
    return time.time_ns() // 1_000_000


class Schedule:
    """Calls each stage in its own rhythm until it is stopped."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._scheduler = AsyncIOScheduler(
            timezone=UTC, job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1}
        )
        self._scheduler.add_listener(self._on_error, EVENT_JOB_ERROR)
        self._offset = self._wall_over_monotonic()
        self._watch: asyncio.Task[None] | None = None
        self._stopped = False

    def every(self, seconds: float, tick: Tick, *, name: str) -> None:
        """Call ``tick`` with the present moment, at once and then every so many seconds."""

        async def run() -> None:
            await tick(self._clock())

        self._scheduler.add_job(run, "interval", seconds=seconds, id=name, next_run_time=datetime.now(UTC))

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
                await look()

        self._watch = asyncio.get_running_loop().create_task(forever(), name="watch the clock")

    def start(self) -> None:
        """Begin to tick."""
        self._scheduler.start()

    async def stop(self) -> None:
        """Stop ticking; a tick under way is not waited for."""
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)
        if not self._stopped and self._scheduler.running:
            self._stopped = True
            self._scheduler.shutdown(wait=False)
            await asyncio.sleep(0)  # the library shuts down in a callback of the loop

    @staticmethod
    def _wall_over_monotonic() -> int:
        return wall_clock() - time.monotonic_ns() // 1_000_000

    @staticmethod
    def _on_error(event: JobExecutionEvent) -> None:
        log.error("a tick failed and will be tried again", stage=event.job_id, error=repr(event.exception))
