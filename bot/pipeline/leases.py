"""What this process alone may do now, where several share a database: kept by renewing it every two seconds.

A process that dies, hangs or is cut off from the database loses what it held: it stops some seconds before another
may begin, by a clock that nobody sets.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

import structlog

from bot.domain import MINUTE, SECOND
from bot.ports.meter import SILENT, Meter
from storage import leases
from storage.database import Connection, Database, is_away, reason

log = structlog.get_logger(__name__)

#: Seconds for which a lease is taken, and between its renewals.
LENGTH = 8.0
EVERY = 2.0
#: So many seconds before others may take a lease, it counts as lost here.
MARGIN = 2.5
#: So long a renewal may take.
PATIENCE = 3.0
#: How often it is looked whether a lease is held.
LOOK = 0.2
#: Processes that were not heard of for so long are forgotten.
FORGOTTEN = 10 * MINUTE


#: A clock that goes on while the machine is suspended, where there is one.
_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def passed() -> float:
    """Return seconds of a clock that nobody sets: who was suspended has lost what it held."""
    return time.clock_gettime(_CLOCK)


#: The lease of what one process does for all: what is kept is pruned, reminded of, and so on.
UPKEEP = "upkeep"


def listening(platform: str) -> str:
    """Return the name of the right to be connected to a chat platform."""
    return f"listen:{platform}"


def sending(platform: str) -> str:
    """Return the name of the right to send to a chat platform."""
    return f"send:{platform}"


def asking(source: str) -> str:
    """Return the name of the right to ask a source whose calls are counted."""
    return f"ask:{source}"


class Held(Protocol):
    """Tells what this process may do now."""

    @property
    def holder(self) -> str | None:
        """This process's key; None where it has the database to itself."""
        ...

    def held(self, name: str) -> bool:
        """Tell whether this process holds a lease now."""
        ...

    def want(self, *names: str) -> None:
        """Take these leases whenever nobody else has them."""
        ...


class Alone:
    """A process that has the database to itself, and so may do everything."""

    holder = None

    def held(self, name: str) -> bool:
        """Tell that it may."""
        return True

    def want(self, *names: str) -> None:
        """Nobody else takes them."""


class Leases:
    """The leases of a process that shares its database.

    Args:
        roles: What people are told that this process does.
        clock: Seconds of a clock that nobody sets.
    """

    def __init__(
        self,
        database: Database,
        *,
        roles: str = "",
        meter: Meter = SILENT,
        clock: Callable[[], float] = passed,
    ) -> None:
        self.holder = secrets.token_hex(8)
        self.label = f"{socket.gethostname()}:{os.getpid()}"
        self._database = database
        self._roles = roles
        self._meter = meter
        self._clock = clock
        self._wanted: set[str] = set()
        #: Set when something is wanted that need not wait for the next renewal.
        self._more = asyncio.Event()
        #: Until when each lease is certainly ours.
        self._until: dict[str, float] = {}
        self._shown: set[str] = set()
        self._task: asyncio.Task[None] | None = None
        self._away = False
        #: When the database was back: connections from before may have fallen silent with it.
        self._back_at: float | None = None

    def want(self, *names: str) -> None:
        """Take these leases whenever nobody else has them."""
        self._wanted.update(names)
        self._more.set()

    def held(self, name: str) -> bool:
        """Tell whether this process holds a lease now."""
        return self._until.get(name, 0.0) > self._clock()

    async def holds(self, connection: Connection, name: str) -> bool:
        """Tell whether this process holds a lease, and does until the transaction has ended."""
        return self.held(name) and await leases.holds(connection, holder=self.holder, name=name)

    async def start(self) -> None:
        """Say that this process lives, and go on saying so.

        Raises:
            Exception: The database cannot be reached.
        """
        await self.renew()
        self._task = asyncio.create_task(self._go_on(), name="leases")

    async def stop(self) -> None:
        """Let go of all leases, so that others need not wait."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._until.clear()
        self._show()
        try:
            async with asyncio.timeout(PATIENCE), self._database.aside() as connection:
                await leases.release(connection, holder=self.holder)
        except Exception as error:  # they run out by themselves
            if not is_away(error):
                raise

    async def renew(self) -> None:
        """Take or keep what is wanted."""
        began = self._clock()
        async with asyncio.timeout(PATIENCE), self._database.aside() as connection:
            found = await leases.renew(
                connection,
                holder=self.holder,
                label=self.label,
                roles=self._roles,
                wanted=self._wanted,
                length=round(LENGTH * SECOND),
            )
            await leases.forget_dead(connection, after=FORGOTTEN)
        self._until = dict.fromkeys(found, began + LENGTH - MARGIN)
        self._show()

    async def _go_on(self) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(EVERY):
                    await self._more.wait()
            self._more.clear()
            try:
                await self.renew()
                await self._mend()
            except Exception as error:  # noqa: BLE001 - whatever it is, others must be able to take over
                if not self._away:
                    log.warning(
                        "the database cannot be reached to keep what this process holds", why=reason(error)
                    )
                self._away = True
                self._show()

    async def _mend(self) -> None:
        """Once the database is back, let nobody wait for connections that fell silent with it."""
        if self._away:
            log.info("the database can be reached again")
            self._away, self._back_at = False, time.monotonic()
        elif self._back_at is not None:  # what could come to an end has by now
            async with asyncio.timeout(PATIENCE), self._database.aside() as connection:
                if not await self._database.break_off(connection, before=self._back_at):
                    self._back_at = None

    def _show(self) -> None:
        """Tell of leases that were taken or lost."""
        now = {name for name in self._until if self.held(name)}
        for name in now ^ self._shown:
            self._meter.lease(name, held=name in now)
        if taken := now - self._shown:
            log.info("leases were taken", leases=" ".join(sorted(taken)))
        if lost := self._shown - now:
            log.info("leases were let go or lost", leases=" ".join(sorted(lost)))
        self._shown = now


async def until(question: Callable[[], bool]) -> None:
    """Wait until something is so."""
    while not question():  # noqa: ASYNC110 - a lease is lost by the passing of time, which sets no event
        await asyncio.sleep(LOOK)
