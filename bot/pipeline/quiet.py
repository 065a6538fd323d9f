"""Quiet hours: what a chat does not want to hear now is kept, and comes as one digest when they are over.

``Deliver`` asks ``verdict`` of each delivery that it takes up. What is held leaves the queue, so that nothing
waits behind it; this stage brings it back. Which deliveries a digest tells is written down before it is sent, so
that after a kill the same digest is sent again, under the same number.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import NamedTuple

from bot.domain import DAY
from bot.domain.digest import mends
from bot.domain.quiet import Mode, read, zone_of
from storage import held
from storage.database import Database
from storage.sending import Owed


class Verdict(NamedTuple):
    """What becomes of a delivery now; ``until`` is when the quiet hours end."""

    mode: Mode
    until: int


def verdict(owed: Owed, now: int) -> Verdict | None:
    """Return what quiet hours make of a delivery, or None outside of them."""
    quiet = read(owed.quiet)
    until = None if quiet is None else quiet.until(now, zone_of(owed.timezone))
    if quiet is None or until is None:
        return None
    mode = quiet.mode(owed.kind)
    # What is false is not left standing, and what a digest tells was held for it.
    if mode is Mode.DROP and (mends(owed.kind, owed.key) or owed.digest_id is not None):
        mode = Mode.HOLD
    return Verdict(mode, until)


class Morning:
    """The stage that brings back what was held.

    Args:
        owed: Set when deliveries were made.
    """

    def __init__(self, database: Database, owed: asyncio.Event) -> None:
        self._database = database
        self._owed = owed

    async def tick(self, now: int) -> None:
        """Owe what was held for chats whose quiet hours are over."""
        async with self._database.read() as connection:
            orphans = await held.orphaned(connection)
        if orphans:  # what was to tell them was deleted, or given up by itself
            async with self._database.write() as connection:
                await held.take_back(connection, orphans, now)
        async with self._database.read() as connection:
            places = await held.over(connection, now)
        over: list[held.Place] = []
        still: dict[int, list[held.Place]] = defaultdict(list)
        for place in places:
            quiet = read(place.quiet)
            until = None if quiet is None else quiet.until(now, zone_of(place.timezone))
            if until is None:
                over.append(place)
            else:  # the hours were changed since
                still[until].append(place)
        if places:
            async with self._database.write() as connection:
                for until, theirs in still.items():
                    await held.still(connection, theirs, now=now, until=until)
                await held.release(connection, over, now)
        if places:
            self._owed.set()

    async def rearm(self, now: int) -> None:
        """Let nothing wait for the clock to catch up after it was set back."""
        async with self._database.write() as connection:
            await held.rearm(connection, now, longest=DAY)
