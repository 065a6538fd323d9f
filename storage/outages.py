"""Live sessions without figures, and who is to be told: that there are none, or that they are back."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

import sqlalchemy as sa

from bot.domain import DAY
from bot.domain.alerts.outage import KIND, PATIENCE, key, over_key, since_of
from bot.domain.reading import TROUBLE, State, Trouble
from bot.domain.sentence import Sentence, kept
from storage.database import Connection
from storage.outbox import TAKER, Taker, is_owed, takes
from storage.samples import BUCKET
from storage.tables import alert, chat, delivery, sample, session, subscription, watch

#: Written out, as SQLite does not find an index on a part of a table for a condition with parameters.
_TROUBLED = sa.text("watch.trouble_since IS NOT NULL")
_OUTAGE = sa.text("alert.kind = 'outage'")
#: How the reason of a watch begins whose account is gone: as it was stored once, and as a sentence.
_GONE = (
    Trouble.GONE.value,
    kept(Sentence(TROUBLE, kind=Trouble.GONE.value, why="")).partition(', "why"')[0],
)
_BEGINS = key(0).removesuffix("0")
_OVER = over_key(0).removeprefix(key(0))
#: What was told longer ago is not corrected any more.
CORRECTED = 14 * DAY


class Lasting(NamedTuple):
    """An outage that a subscription is to be told of.

    Attributes:
        session_id: The session that is live, the newest if there are several.
        since: When the watch began to fail.
    """

    session_id: int
    since: int
    taker: Taker


async def untold(connection: Connection, now: int, *, asked_since: int | None, limit: int) -> list[Lasting]:
    """Return who has waited for figures of a live session longer than the chat's patience, and was not told.

    That an account is gone is told in another way.

    Args:
        asked_since: Leave out watches that were not asked since this moment.
    """
    patience = sa.func.coalesce(chat.c.patience, PATIENCE)
    live = (
        sa.select(sa.func.max(session.c.id))
        .where(session.c.watch_id == watch.c.id, session.c.state == State.LIVE, session.c.gone_at.is_(None))
        .correlate(watch)
        .scalar_subquery()
    )
    waiting = (
        sa.select(live.label("session_id"), watch.c.trouble_since, *TAKER)
        .join(subscription, subscription.c.watch_id == watch.c.id)
        .join(chat, chat.c.id == subscription.c.chat_id)
        .where(
            _TROUBLED,
            watch.c.trouble_since <= now,
            watch.c.due_at.is_not(None),
            *(sa.not_(watch.c.trouble.startswith(gone, autoescape=True)) for gone in _GONE),
            patience > 0,
            watch.c.trouble_since + patience <= now,
            *takes(KIND, now=now),
        )
    )
    if asked_since is not None:
        waiting = waiting.where(watch.c.asked_at >= asked_since)
    found = waiting.subquery()
    outage = sa.literal(_BEGINS, sa.Text) + sa.cast(found.c.trouble_since, sa.Text)
    rows = await connection.execute(
        sa.select(found)
        .where(
            found.c.session_id.is_not(None),
            ~is_owed(KIND, session_id=found.c.session_id, key=outage, subscription_id=found.c.id),
        )
        .order_by(found.c.trouble_since, found.c.id)
        .limit(limit)
    )
    return [Lasting(session_id, since, Taker(*taker)) for session_id, since, *taker in rows]


class Ended(NamedTuple):
    """An outage that is over, and a subscription with a post that tells of it.

    Attributes:
        answered_at: The watch's last answer.
    """

    session_id: int
    since: int
    answered_at: int | None
    taker: Taker


async def to_correct(connection: Connection, now: int, *, limit: int) -> list[Ended]:
    """Return whose posts still say that there are no figures."""
    lasts = sa.literal(_BEGINS, sa.Text) + sa.cast(watch.c.trouble_since, sa.Text)
    # By itself, so that the alerts are found by their index before anything else is looked at.
    over = (
        sa.select(alert.c.id)
        .join(watch, watch.c.id == alert.c.watch_id)
        .where(
            _OUTAGE,
            alert.c.at > now - CORRECTED,
            alert.c.key.not_like(f"%{_OVER}"),
            sa.or_(watch.c.trouble_since.is_(None), lasts != alert.c.key),
        )
    )
    told = alert.alias("told")
    rows = await connection.execute(
        sa.select(told.c.session_id, told.c.key, watch.c.answered_at, *TAKER)
        .select_from(delivery)
        .join(told, told.c.id == delivery.c.alert_id)
        .join(watch, watch.c.id == told.c.watch_id)
        .join(subscription, subscription.c.id == delivery.c.subscription_id)
        .join(chat, chat.c.id == subscription.c.chat_id)
        .where(
            delivery.c.alert_id.in_(over),
            delivery.c.state == "sent",
            delivery.c.message_key.is_not(None),
            *takes(KIND, now=now),
            ~is_owed(
                KIND,
                session_id=told.c.session_id,
                key=told.c.key + sa.literal(_OVER, sa.Text),
                subscription_id=subscription.c.id,
            ),
        )
        .order_by(delivery.c.id)
        .limit(limit)
    )
    return [
        Ended(session_id, since_of(its_key), answered_at, Taker(*taker))
        for session_id, its_key, answered_at, *taker in rows
    ]


async def answered(connection: Connection, ids: Collection[int], *, after: int, until: int) -> dict[int, int]:
    """Return when the first answer after a moment came that is kept of each of these sessions, if any."""
    at = sample.c.bucket * sa.literal(BUCKET, sa.BigInteger) + sample.c.offset
    rows = await connection.execute(
        sa.select(sample.c.session_id, sa.func.min(at))
        .where(
            sample.c.bucket.in_(range(after // BUCKET, until // BUCKET + 1)),
            sample.c.session_id.in_(ids),
            at > after,
            at <= until,
        )
        .group_by(sample.c.session_id)
    )
    return {row[0]: row[1] for row in rows}
