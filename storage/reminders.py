"""Announced sessions of which somebody wants to be reminded now."""

from __future__ import annotations

import sqlalchemy as sa

from bot.domain.alerts.reminder import KIND, LEAD, LONGEST_LEAD, key
from storage.database import Connection
from storage.outbox import TAKER, Taker, is_owed, takes
from storage.tables import chat, session, subscription

#: Written out, as SQLite does not find an index on a part of a table for a condition with parameters.
_SCHEDULED = sa.text("session.state = 'scheduled'")


async def due(connection: Connection, now: int, *, limit: int) -> list[tuple[int, Taker]]:
    """Return who is to be reminded of which session and was not yet, the soonest session first.

    It is looked for among the sessions that begin within the longest lead: where none does, nothing is read.
    """
    lead = sa.func.coalesce(subscription.c.remind_before, LEAD)
    reminder = sa.literal(key(0).removesuffix("0"), sa.Text) + sa.cast(session.c.started_at, sa.Text)
    rows = await connection.execute(
        sa.select(session.c.id, *TAKER)
        .join(subscription, subscription.c.watch_id == session.c.watch_id)
        .join(chat, chat.c.id == subscription.c.chat_id)
        .where(
            _SCHEDULED,
            session.c.started_at > now,
            session.c.started_at <= now + LONGEST_LEAD,
            session.c.gone_at.is_(None),
            session.c.started_at - lead <= now,
            *takes(KIND, now=now),
            ~is_owed(KIND, session_id=session.c.id, key=reminder, subscription_id=subscription.c.id),
        )
        .order_by(session.c.started_at, session.c.id, subscription.c.id)
        .limit(limit)
    )
    return [(session_id, Taker(*taker)) for session_id, *taker in rows]
