"""The live cards: which are to be made, and how those that were made stand."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from bot.domain.alerts.card import KIND
from storage.bulk import Bulk, insert_or_ignore
from storage.database import Connection
from storage.outbox import TAKER, Taker
from storage.recaps import FOLLOWED
from storage.sending import Owed, owed, owed_with
from storage.tables import alert, card, chat, delivery, session, subscription

#: Styles with a card; null is posts alone.
STYLES = ("card", "both")
_insert = insert_or_ignore(card, ("subscription_id", "session_id"))
_looked = Bulk(
    sa.update(card)
    .where(
        card.c.subscription_id == sa.bindparam("its_subscription", type_=card.c.subscription_id.type),
        card.c.session_id == sa.bindparam("its_session", type_=card.c.session_id.type),
    )
    .values(looked_at=sa.bindparam("moment", type_=sa.BigInteger)),
    ("moment", "its_subscription", "its_session"),
)
#: Who may be shown anything now.
_heard = (subscription.c.disabled_at.is_(None), chat.c.disabled_at.is_(None))


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One card, with what tells whether it has to be edited.

    Attributes:
        owed: The delivery that posted it.
        message_key: The platform's id of its newest post.
        older_key: That of the one before, where it was posted anew and the old one still stands.
        number: How often it was posted.
        posted_at: When the newest post arrived.
        muted: The chat wants to hear nothing of it now.
        styled: Its subscription still wants a card.
        over: It has become the recap, and the session has not gone on since.
    """

    owed: Owed
    message_key: str
    older_key: str | None
    number: int
    shown: str | None
    posted_at: int
    edited_at: int | None
    resend: bool
    muted: bool
    styled: bool
    over: bool
    live: bool


async def wanted(connection: Connection, now: int, *, limit: int) -> list[tuple[int, Taker]]:
    """Return the (session, subscription) of live sessions whose subscription wants a card and has none."""
    has_one = (
        sa.exists()
        .where(card.c.subscription_id == subscription.c.id, card.c.session_id == session.c.id)
        .correlate(subscription, session)
    )
    rows = await connection.execute(
        sa.select(session.c.id, *TAKER)
        .select_from(subscription)
        .join(chat, chat.c.id == subscription.c.chat_id)
        .join(session, session.c.watch_id == subscription.c.watch_id)
        .where(
            subscription.c.style.in_(STYLES),
            session.c.state == "live",
            *_heard,
            sa.or_(subscription.c.muted_until.is_(None), subscription.c.muted_until <= now),
            ~has_one,
        )
        .order_by(session.c.id, subscription.c.id)
        .limit(limit)
    )
    return [(session_id, Taker(*taker)) for session_id, *taker in rows]


async def make(connection: Connection, pairs: Iterable[tuple[int, int]]) -> None:
    """Note cards of (subscription, session)."""
    await _insert.run(connection, list(pairs))


async def open_ones(connection: Connection, platform: str, now: int, *, before: int, limit: int) -> list[Card]:
    """Return cards of a chat platform that were posted and may still change, those looked at longest ago first.

    Args:
        before: Only those that were not looked at since.
    """
    rows = await connection.execute(
        owed_with(
            delivery.c.message_key,
            card.c.message_key.label("older_key"),
            card.c.number.label("number"),
            card.c.shown,
            delivery.c.settled_at.label("posted_at"),
            card.c.edited_at,
            subscription.c.resend,
            (subscription.c.muted_until > now).label("muted"),
            subscription.c.style.in_(STYLES).label("styled"),
            sa.and_(card.c.over, session.c.state != "live").label("over"),
            (session.c.state == "live").label("live"),
        )
        .join(session, session.c.id == delivery.c.session_id)
        .join(
            card,
            sa.and_(
                card.c.subscription_id == delivery.c.subscription_id,
                card.c.session_id == delivery.c.session_id,
                alert.c.key == sa.literal(f"{KIND}@", sa.Text) + sa.cast(card.c.number, sa.Text),
            ),
        )
        .where(
            delivery.c.kind == KIND,
            delivery.c.state == "sent",
            delivery.c.message_key.is_not(None),
            chat.c.platform == platform,
            card.c.gone.is_(False),
            sa.or_(card.c.looked_at.is_(None), card.c.looked_at <= before),
            sa.or_(
                card.c.over.is_(False),
                session.c.state == "live",
                sa.and_(
                    session.c.ended_at > now - FOLLOWED, session.c.grown_at > sa.func.coalesce(card.c.edited_at, 0)
                ),
            ),
            *_heard,
        )
        .order_by(sa.func.coalesce(card.c.looked_at, 0), card.c.session_id, card.c.subscription_id)
        .limit(limit)
    )
    return [_card(row) for row in rows]


def _card(row: sa.Row[Any]) -> Card:
    further = Card.__dataclass_fields__.keys() - {"owed"}
    values = {name: row._mapping[name] for name in further}  # noqa: SLF001
    for name in ("muted", "styled", "over", "live"):
        values[name] = bool(values[name])
    if values["older_key"] == values["message_key"]:
        values["older_key"] = None
    return Card(owed=owed(row), **values)


async def note_shown(connection: Connection, *, subscription_id: int, session_id: int, shown: str) -> None:
    """Note what a card shows that is about to be posted."""
    await connection.execute(
        sa.update(card)
        .where(card.c.subscription_id == subscription_id, card.c.session_id == session_id)
        .values(shown=shown)
    )


async def note(connection: Connection, one: Card, *, shown: str, now: int, over: bool, message_key: str) -> None:
    """Note what a card shows since an edit."""
    await _set(connection, one, shown=shown, edited_at=now, looked_at=now, over=over, message_key=message_key)


async def note_gone(connection: Connection, one: Card) -> None:
    """Note that a card was deleted by hand: it stays so."""
    await _set(connection, one, gone=True)


async def note_over(connection: Connection, one: Card) -> None:
    """Note that a card is edited no more."""
    await _set(connection, one, over=True)


async def note_looked(connection: Connection, cards: Iterable[Card], now: int) -> None:
    """Note that these were looked at and had nothing to change: others come first next time."""
    await _looked.run(connection, [(now, one.owed.subscription_id, one.owed.session_id) for one in cards])


async def post_again(connection: Connection, one: Card) -> None:
    """Note that a card is posted anew."""
    await _set(connection, one, number=one.number + 1)


async def _set(connection: Connection, one: Card, **values: object) -> None:
    await connection.execute(
        sa.update(card)
        .where(card.c.subscription_id == one.owed.subscription_id, card.c.session_id == one.owed.session_id)
        .values(**values)
    )
