"""Reminds chats of announced sessions, each as long before as it chose.

What is due is read from the sessions themselves: a kill loses nothing, and where the bot was down at the right
moment it is told late, as long as the session is still to come. What was moved, has begun or is gone by the time
of sending is not told (``bot/services/story.py``).
"""

from __future__ import annotations

import asyncio

from bot.domain.alerts import reminder
from storage import outbox, reminders, sessions
from storage.database import Database

#: So many deliveries are made in one transaction: others want to write, too.
AT_ONCE = 500


class Remind:
    """The stage that looks at what is announced.

    Args:
        owed: Set when deliveries were made.
    """

    def __init__(self, database: Database, owed: asyncio.Event) -> None:
        self._database = database
        self._owed = owed

    async def tick(self, now: int) -> None:
        """Owe the reminders that are due; reads next to nothing while nothing is."""
        while await self._some(now):
            self._owed.set()

    async def _some(self, now: int) -> int:
        """Owe as many as one transaction shall hold, and return how many these are."""
        async with self._database.read() as connection:
            due = await reminders.due(connection, now, limit=AT_ONCE)
            known = await sessions.by_ids(connection, {session_id for session_id, _ in due}) if due else {}
        if due:
            owed = [(reminder.alert(known[session_id], at=now), taker) for session_id, taker in due]
            async with self._database.write() as connection:
                await outbox.owe(connection, owed, now=now)
        return len(due)
