"""Tells chats of live sessions without figures for longer than their patience, and corrects it afterwards.

Who is to be told is read from the watches themselves, so that a kill loses nothing. One alert an outage; each chat
is owed it when its own patience is over. That a source fails is logged elsewhere: ``bot/pipeline/outages.py``.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence

from bot.domain import MINUTE
from bot.domain.alert import Alert
from bot.domain.alerts import outage
from storage import outages, outbox, sessions
from storage.database import Connection, Database
from storage.outages import Ended
from storage.outbox import Taker

#: After a start a watch that failed before is asked anew first: so long is waited for that.
ASKED_ANEW = 2 * MINUTE
#: So many deliveries are made in one transaction: others want to write, too.
AT_ONCE = 500


class Outage:
    """The stage that looks at what fails.

    Args:
        owed: Set when deliveries were made.
    """

    def __init__(self, database: Database, owed: asyncio.Event) -> None:
        self._database = database
        self._owed = owed
        self._begun: int | None = None

    async def tick(self, now: int) -> None:
        """Owe what chats are to be told of outages, and of their ends."""
        if self._begun is None or now < self._begun:  # the first tick, or the clock was set back
            self._begun = now
        while await self._begin(now) + await self._end(now):
            self._owed.set()

    async def _begin(self, now: int) -> int:
        """Owe outages that last, as many as one transaction shall hold; return how many these are."""
        assert self._begun is not None
        asked_since = self._begun if now - self._begun < ASKED_ANEW else None
        async with self._database.read() as connection:
            found = await outages.untold(connection, now, asked_since=asked_since, limit=AT_ONCE)
            known = await sessions.by_ids(connection, {one.session_id for one in found}) if found else {}
        await self._owe(
            [(outage.alert(known[one.session_id], since=one.since, at=now), one.taker) for one in found], now
        )
        return len(found)

    async def _end(self, now: int) -> int:
        """Owe the ends of outages to those who have a post that tells of one, likewise."""
        async with self._database.read() as connection:
            found = await outages.to_correct(connection, now, limit=AT_ONCE)
            known = await sessions.by_ids(connection, {one.session_id for one in found}) if found else {}
            back = await _back(connection, found, now)
        await self._owe(
            [
                (
                    outage.over(known[one.session_id], since=one.since, at=back[one.session_id, one.since]),
                    one.taker,
                )
                for one in found
            ],
            now,
        )
        return len(found)

    async def _owe(self, owed: Sequence[tuple[Alert, Taker]], now: int) -> None:
        if owed:
            async with self._database.write() as connection:
                await outbox.owe(connection, owed, now=now)


async def _back(connection: Connection, ended: Sequence[Ended], now: int) -> dict[tuple[int, int], int]:
    """Return when sources answered again, by session and beginning of the outage.

    The first answer is kept with the session that it spoke of; else the last one is what is known.
    """
    known = {
        (one.session_id, one.since): max(one.since, now if one.answered_at is None else one.answered_at)
        for one in ended
    }
    together = defaultdict(set)
    for session_id, since in known:
        together[since].add(session_id)
    for since, ids in together.items():
        for session_id, at in (await outages.answered(connection, ids, after=since, until=now)).items():
            known[session_id, since] = at
    return known
