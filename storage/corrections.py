"""Posts that told of records, and the corrections that are owed for them.

A correction is owed in the transaction that makes a record false, also for what is just being sent: within a chat
it comes after the post, and is written when its turn has come.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

import sqlalchemy as sa

from bot.domain.alerts import correction, ended, record
from bot.domain.alerts.correction import Key, read_key
from bot.domain.alerts.record import Scope
from bot.domain.measure import LIVE_RECORDED, Measure
from bot.domain.reading import State, plain
from storage import outbox, sessions
from storage.database import Connection
from storage.outbox import Taker
from storage.tables import alert, card, delivery, session, subscription, watch

#: Written out, as SQLite does not find an index on a part of a table for a condition with parameters.
_RECORD = sa.text(f"alert.kind = '{record.KIND}'")


class Told(NamedTuple):
    """A post that told of a record, or is about to.

    Attributes:
        at: When it was told.
        calls: It called somebody, or may yet.
    """

    alert_id: int
    session_id: int
    kind: str
    measure: Measure | None
    value: float | None
    at: int
    taker: Taker
    calls: bool


async def of_session(
    connection: Connection,
    session_id: int,
    measure: Measure,
    *,
    chat_id: int | None = None,
    recaps: bool = True,
) -> list[Told]:
    """Return the posts that told of a session's records of a measure, and its recaps; of one chat, or of all."""
    found = sa.and_(delivery.c.kind == record.KIND, alert.c.measure == measure.value)
    if recaps:
        found = sa.or_(found, delivery.c.kind == ended.KIND)
    return await _posts(connection, delivery.c.session_id == session_id, found, *_in_chat(chat_id))


async def beaten(
    connection: Connection,
    *,
    platform: str,
    measure: Measure,
    value: float,
    after: int,
    scope: Scope = Scope.WATCH,
    chat_id: int | None = None,
    apart_from: int = 0,
) -> list[Told]:
    """Return the posts that told of records which a value is not below, and the recaps of those sessions.

    Args:
        after: Only what was told from this moment on.
        scope: Only what was told of this scope or a wider one.
        apart_from: A session whose own posts are left out.
    """
    # By themselves, so that the alerts are found by their index before anything else is looked at.
    alerts = (
        sa.select(alert.c.id)
        .join(watch, watch.c.id == alert.c.watch_id)
        .where(
            _RECORD,
            alert.c.at >= after,
            alert.c.measure == measure.value,
            alert.c.value <= value,
            alert.c.session_id != apart_from,
            watch.c.platform == platform,
        )
    )
    told = await _posts(
        connection, delivery.c.alert_id.in_(alerts), delivery.c.scope >= int(scope), *_in_chat(chat_id)
    )
    return told + await _recaps(connection, told)


async def corrected(
    connection: Connection, *, platform: str, measure: Measure, after: int, chat_id: int | None = None
) -> list[Told]:
    """Return the posts of a platform's records that were corrected already, and the recaps of those sessions."""
    fixed = sa.select(alert.c.key).where(
        alert.c.kind == correction.KIND,
        alert.c.at >= after,
        alert.c.measure == measure.value,
        alert.c.session_id.in_(sa.select(session.c.id).where(session.c.platform == platform)),
    )
    ids = {read_key(key).alert_id for key in (await connection.execute(fixed)).scalars()}
    if not ids:
        return []
    told = await _posts(connection, alert.c.id.in_(ids), delivery.c.kind == record.KIND, *_in_chat(chat_id))
    return told + await _recaps(connection, told)


async def beaten_by_session(
    connection: Connection,
    session_id: int,
    *,
    after: int = 0,
    only: Measure | None = None,
    chat_id: int | None = None,
) -> list[Told]:
    """Return the posts that told of records after a session had ended with more, which did not count then.

    Args:
        after: Only what was told from this moment on.
        only: One measure; None for all whose records fall live.
    """
    row = (
        await connection.execute(
            sa.select(
                session.c.platform, session.c.ended_at, *(session.c[measure] for measure in LIVE_RECORDED)
            ).where(session.c.id == session_id, session.c.state == State.ENDED)
        )
    ).one_or_none()
    if row is None or row.ended_at is None:
        return []
    found = []
    for measure in LIVE_RECORDED:
        value = getattr(row, measure.value) if only in {None, measure} else None
        if value is not None:
            found += await beaten(
                connection,
                platform=row.platform,
                measure=measure,
                value=value,
                after=max(after, row.ended_at),
                apart_from=session_id,
                chat_id=chat_id,
            )
    return found


async def _recaps(connection: Connection, told: Sequence[Told]) -> list[Told]:
    """Return the recaps of the sessions in question, in the chats in question."""
    ids, chats = {one.session_id for one in told}, {(one.session_id, one.taker.chat_id) for one in told}
    if not ids:
        return []
    found = await _posts(connection, delivery.c.session_id.in_(ids), delivery.c.kind == ended.KIND)
    return [one for one in found if (one.session_id, one.taker.chat_id) in chats]


def _in_chat(chat_id: int | None) -> tuple[sa.ColumnElement[bool], ...]:
    return () if chat_id is None else (delivery.c.chat_id == chat_id,)


async def _posts(connection: Connection, *conditions: sa.ColumnElement[bool] | sa.TextClause) -> list[Told]:
    rows = await connection.execute(
        sa.select(
            alert.c.id,
            delivery.c.session_id,
            delivery.c.kind,
            alert.c.measure,
            alert.c.value,
            alert.c.at,
            delivery.c.subscription_id,
            delivery.c.chat_id,
            delivery.c.topic,
            delivery.c.state,
            delivery.c.mention,
            subscription.c.mention.label("calls"),
        )
        .join(alert, alert.c.id == delivery.c.alert_id)
        .outerjoin(subscription, subscription.c.id == delivery.c.subscription_id)
        .where(
            sa.or_(
                sa.and_(delivery.c.state == "sent", delivery.c.message_key.is_not(None)),
                delivery.c.state.in_(("pending", "leased", "held")),
            ),
            *conditions,
        )
        .order_by(delivery.c.id)
    )
    return [
        Told(
            row.id,
            row.session_id,
            row.kind,
            None if row.measure is None else Measure(row.measure),
            None if row.value is None else plain(row.value),
            row.at,
            Taker(row.subscription_id, row.chat_id, row.topic),
            row.kind == record.KIND and (row.mention if row.state == "sent" else row.calls) is not None,
        )
        for row in rows
    ]


async def owe(connection: Connection, told: Iterable[Told], *, at: int, now: int) -> bool:
    """Owe a correction of each of these posts, and an answer to those that called; tells whether any is owed.

    Args:
        at: When it was known that they have to be corrected.
    """
    posts = list(dict.fromkeys(told))
    if not posts:
        return False
    ids = {one.session_id for one in posts}
    known = await sessions.by_ids(connection, ids)
    made = await _made(connection, ids)
    owed = []
    for one in posts:
        key = Key(one.alert_id, one.taker.chat_id, made[one.alert_id, one.taker.subscription_id] + 1)
        for its in (key, key._replace(answers=True)) if one.calls else (key,):
            told_of = correction.alert(known[one.session_id], its, at=at, measure=one.measure, value=one.value)
            owed.append((told_of, one.taker))
    await outbox.owe(connection, owed, now=now)
    # A card that has become the recap is written anew, too.
    await connection.execute(
        sa.update(card).where(card.c.session_id.in_(ids), card.c.over, card.c.gone.is_(False)).values(over=False)
    )
    return True


async def _made(connection: Connection, session_ids: Collection[int]) -> Counter[tuple[int, int]]:
    """Return how many corrections there are, by the alert that they correct and by subscription."""
    rows = await connection.execute(
        sa.select(alert.c.key, delivery.c.subscription_id)
        .join(alert, alert.c.id == delivery.c.alert_id)
        .where(delivery.c.session_id.in_(session_ids), delivery.c.kind == correction.KIND)
    )
    keys = ((read_key(key), subscription_id) for key, subscription_id in rows)
    return Counter((key.alert_id, subscription_id) for key, subscription_id in keys if not key.answers)


class Post(NamedTuple):
    """What a chat was told: of a record, or in a recap.

    Attributes:
        delivery_id: The delivery's id.
        at: The moment of the reading that told it.
        scope: The widest that fell, for a record.
        detail: What the chat was told of the rivals, as JSON, if that is still kept.
        digest_id: It was told with others in a digest, which is answered rather than edited.
    """

    delivery_id: int
    kind: str
    key: str
    at: int
    measure: str | None
    value: float | None
    scope: int | None
    detail: str | None
    message_key: str | None
    mention: str | None
    digest_id: int | None


async def post(connection: Connection, *, alert_id: int, subscription_id: int) -> Post | None:
    """Return the post that told an alert to a subscription, if it was sent."""
    row = (
        await connection.execute(
            sa.select(
                delivery.c.id,
                delivery.c.kind,
                alert.c.key,
                alert.c.at,
                alert.c.measure,
                alert.c.value,
                delivery.c.scope,
                delivery.c.detail,
                delivery.c.message_key,
                delivery.c.mention,
                delivery.c.digest_id,
            )
            .join(alert, alert.c.id == delivery.c.alert_id)
            .where(
                delivery.c.alert_id == alert_id,
                delivery.c.subscription_id == subscription_id,
                delivery.c.state == "sent",
            )
        )
    ).one_or_none()
    if row is None:
        return None
    values = list(row)
    values[5] = None if row.value is None else plain(row.value)
    return Post(*values)


async def is_corrected(connection: Connection, *, subscription_id: int, session_id: int, alert_id: int) -> bool:
    """Tell whether a post was edited by a correction before."""
    rows = await connection.execute(
        sa.select(alert.c.key)
        .join(delivery, delivery.c.alert_id == alert.c.id)
        .where(
            delivery.c.session_id == session_id,
            delivery.c.kind == correction.KIND,
            delivery.c.subscription_id == subscription_id,
            delivery.c.state == "sent",
        )
    )
    return any(key.alert_id == alert_id and not key.answers for key in map(read_key, rows.scalars()))


class Held(NamedTuple):
    """A live session's record on a figure that a source may take back.

    Attributes:
        told: The value that was told.
        bar: The highest rival that was named: at or below it the record is none.
        fallen: It was corrected, and not restored since.
    """

    told: float
    bar: float
    fallen: bool


async def held(connection: Connection, session_ids: Sequence[int] | None = None) -> dict[int, dict[Measure, Held]]:
    """Return the told records of these sessions, or all live ones, on figures that a source may take back."""
    live = sa.select(session.c.id).where(session.c.state == State.LIVE)
    rows = await connection.execute(
        sa.select(delivery.c.session_id, alert.c.measure, alert.c.value, delivery.c.detail, delivery.c.alert_id)
        .join(alert, alert.c.id == delivery.c.alert_id)
        .where(
            delivery.c.session_id.in_(live if session_ids is None else session_ids),
            delivery.c.kind == record.KIND,
            delivery.c.detail.is_not(None),
            alert.c.measure != Measure.PEAK.value,
        )
        .order_by(delivery.c.id)
    )
    found: dict[int, dict[Measure, Held]] = {}
    alerts: dict[int, tuple[int, Measure]] = {}
    for session_id, measure, value, detail, alert_id in rows:
        bar = record.standing_from_dict(json.loads(detail)).previous.value
        alerts[alert_id] = (session_id, Measure(measure))
        note(found, session_id, Measure(measure), told=value, bar=bar)
    if found:
        times = await _made(connection, list(found))
        most: Counter[tuple[int, Measure]] = Counter()
        for (alert_id, _), count in times.items():
            if alert_id in alerts:
                most[alerts[alert_id]] = max(most[alerts[alert_id]], count)
        for (session_id, of), count in most.items():
            fallen = count % 2 == 1  # each time it was the other way round
            found[session_id][of] = found[session_id][of]._replace(fallen=fallen)
    return found


def note(
    found: dict[int, dict[Measure, Held]], session_id: int, measure: Measure, *, told: float, bar: float
) -> None:
    """Note a record that was told."""
    own = found.setdefault(session_id, {})
    before = own.get(measure)
    own[measure] = Held(told, bar if before is None else max(bar, before.bar), fallen=False)


async def was_sent(connection: Connection, *, session_id: int, key: str, subscription_id: int) -> bool:
    """Tell whether an alert has arrived where a subscription wanted it."""
    rows = await connection.execute(
        sa.select(delivery.c.id)
        .join(alert, alert.c.id == delivery.c.alert_id)
        .where(
            alert.c.session_id == session_id,
            alert.c.key == key,
            delivery.c.subscription_id == subscription_id,
            delivery.c.state == "sent",
        )
    )
    return rows.first() is not None


async def last_told(connection: Connection, watch_id: int, measure: Measure, *, chat_id: int) -> int | None:
    """Return the session of a watch that a chat was last told a record of a measure of, or None."""
    newest: int | None = (
        await connection.execute(
            sa.select(sa.func.max(alert.c.session_id))
            .join(delivery, delivery.c.alert_id == alert.c.id)
            .where(
                _RECORD,
                alert.c.watch_id == watch_id,
                alert.c.measure == measure.value,
                delivery.c.chat_id == chat_id,
                delivery.c.state == "sent",
            )
        )
    ).scalar()
    return newest
