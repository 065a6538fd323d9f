"""Watches: what is followed, when it is due, who watches it and under which name."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

import sqlalchemy as sa

from bot.domain.sentence import kept
from storage import samples
from storage.bulk import Bulk, update_by_id, update_many
from storage.database import Connection
from storage.tables import chat, chat_watch, revision, session, subscription, tally, watch


class Watch(NamedTuple):
    """What an admin follows. Moments and lengths in milliseconds; see ``storage.tables.watch``.

    A tuple, because every tick reads all that are due: a frozen dataclass takes twenty times as long to make.
    """

    id: int
    source: str
    reference: str
    platform: str
    public: bool
    name: str
    unit: str
    metric: str
    daily: bool
    interval: int
    timezone: str
    url: str | None
    created_at: int
    asked_at: int | None
    answered_at: int | None
    trouble: str | None
    trouble_since: int | None
    kind: str
    account: str | None


_COLUMNS = tuple(watch.c[name] for name in Watch._fields)
#: A watch that lost its last follower while it was being read stays undue.
_set_due = Bulk(
    sa.update(watch)
    .where(watch.c.id == sa.bindparam("the_key", type_=watch.c.id.type), watch.c.due_at.is_not(None))
    .values(due_at=sa.bindparam("new_due_at", type_=sa.BigInteger)),
    ("new_due_at", "the_key"),
)
#: Watches on the list of a chat that is there; what only chats that are gone follow is not polled.
_followed = (
    sa.exists()
    .where(chat_watch.c.watch_id == watch.c.id)
    .where(chat.c.id == chat_watch.c.chat_id, chat.c.disabled_at.is_(None))
)
_set_asked = update_many(watch, "id", ("asked_at",))
_set_answered = update_many(watch, "id", ("asked_at", "answered_at"))
_set_account = update_by_id(watch, "id", ("account",))
_set_trouble = update_by_id(watch, "id", ("trouble", "trouble_since"))


def _moment(at: int) -> sa.BindParameter[int]:
    """Write a moment beside a column of a shorter type: PostgreSQL would take it for one of those."""
    return sa.literal(at, sa.BigInteger)


class Revision(NamedTuple):
    """How often what pollers keep in memory has changed.

    Attributes:
        value: What is watched, subscribed or booked.
        ends: Ended sessions, as far as other processes have to hear of it; so with those that were deleted.
    """

    value: int = 0
    ends: int = 0
    deletions: int = 0


async def revised(connection: Connection) -> Revision:
    """Return how often what pollers keep in memory has changed."""
    rows = await connection.execute(sa.select(revision.c.value, revision.c.ends, revision.c.deletions))
    row = rows.one_or_none()
    return Revision() if row is None else Revision._make(row)


async def revise(connection: Connection) -> None:
    """Note that what is watched, subscribed or booked changes in this transaction."""
    await _count(connection, value=1)


async def note_ends(connection: Connection, ids: Collection[int]) -> Revision:
    """Note for other processes that the ended sessions of these watches are others than before."""
    await _count(connection, ends=1)
    found = await revised(connection)
    await connection.execute(sa.update(watch).where(watch.c.id.in_(ids)).values(ends=found.ends))
    return found


async def note_deletions(connection: Connection) -> None:
    """Note for other processes that sessions were deleted which they may have in memory."""
    await _count(connection, deletions=1)


async def ended_since(connection: Connection, ends: int) -> dict[int, tuple[str, bool]]:
    """Return the platform of watches whose ended sessions changed since then, and whether they are public."""
    rows = await connection.execute(
        sa.select(watch.c.id, watch.c.platform, watch.c.public).where(watch.c.ends > ends)
    )
    return {row.id: (row.platform, row.public) for row in rows}


async def _count(connection: Connection, **by: int) -> None:
    values = {name: revision.c[name] + number for name, number in by.items()}
    changed = await connection.execute(sa.update(revision).values(values))
    if changed.rowcount == 0:
        await connection.execute(sa.insert(revision).values({"id": 1, "value": 0} | by))


async def claim(
    connection: Connection, now: int, *, together: Mapping[str, int] = MappingProxyType({})
) -> list[Watch]:
    """Return the watches that are due, by id, and make each due again one interval later.

    Args:
        together: For sources that answer for many watches in one call: for how many. Where something of such a
            source is due, the places left in its last call are filled with those that are due next within their
            interval, and from then on they are due together: else each would keep the second at which it was
            made, and cost a call of its own. Those in trouble are left alone, as they may have been asked to wait.
    """
    again = {"due_at": _moment(now) + watch.c.interval}
    rows = await connection.execute(
        sa.update(watch).where(watch.c.due_at <= now).values(again).returning(*_COLUMNS)
    )
    claimed = list(map(Watch._make, rows))
    for (source, kind), due in Counter((one.source, one.kind) for one in claimed).items():
        size = together.get(source, 1)
        if due % size == 0:
            continue
        soon = (
            sa.select(watch.c.id)
            .where(
                watch.c.source == source,
                watch.c.kind == kind,
                watch.c.due_at > now,
                watch.c.due_at < _moment(now) + watch.c.interval,  # not those that were claimed just now
                watch.c.trouble.is_(None),
            )
            .order_by(watch.c.due_at, watch.c.id)
            .limit(size - due % size)
        )
        rows = await connection.execute(
            sa.update(watch).where(watch.c.id.in_(soon)).values(again).returning(*_COLUMNS)
        )
        claimed += map(Watch._make, rows)
    return sorted(claimed, key=lambda one: one.id)


async def due_again(connection: Connection, moments: Iterable[tuple[int, int | None]]) -> None:
    """Set when watches that are polled are due, as (watch, moment); None is never again."""
    await _set_due.run(connection, [(moment, id_) for id_, moment in moments])


async def wake(connection: Connection, now: int) -> None:
    """Make due what could not be read when it was last asked."""
    await connection.execute(
        sa.update(watch).where(watch.c.trouble.is_not(None), watch.c.due_at > now).values(due_at=_moment(now))
    )


async def rearm(connection: Connection, now: int, *, longest: int) -> None:
    """After the clock was set back: make due at once what would now be due later than its interval.

    A source that asked for a longer wait gets it, counted from now: how long it is, is told by the moments of
    asking and of being due, as the same clock wrote both.

    Args:
        longest: How long a wait may be.
    """
    wait = watch.c.due_at - watch.c.asked_at
    told_to_wait = sa.and_(watch.c.trouble.is_not(None), wait > watch.c.interval)
    until = _moment(now) + sa.case((wait > longest, _moment(longest)), else_=wait)
    late = watch.c.due_at > _moment(now) + watch.c.interval
    await connection.execute(
        sa.update(watch)
        .where(late)
        .values(
            due_at=sa.case(
                (sa.and_(told_to_wait, watch.c.due_at <= until), watch.c.due_at),
                (told_to_wait, until),
                else_=_moment(now),
            )
        )
    )


async def note_asked(connection: Connection, ids: Sequence[int], *, at: int, answered: bool) -> None:
    """Note when watches were asked, and whether they answered."""
    if answered:
        await _set_answered.run(connection, [(at, at, json.dumps(ids))])
    else:
        await _set_asked.run(connection, [(at, json.dumps(ids))])


async def note_trouble(connection: Connection, rows: Iterable[tuple[int, str | None, int | None]]) -> None:
    """Note why watches fail and since when, as (watch, trouble, since); None where they are well again."""
    await _set_trouble.run(connection, [(trouble and kept(trouble), since, id_) for id_, trouble, since in rows])


async def by_ids(connection: Connection, ids: Sequence[int]) -> dict[int, Watch]:
    """Return watches by id."""
    rows = await connection.execute(sa.select(*_COLUMNS).where(watch.c.id.in_(ids)))
    return {row.id: Watch._make(row) for row in rows}


async def by_reference(connection: Connection, source: str, reference: str) -> Watch | None:
    """Return the watch of an address, or None."""
    row = (
        await connection.execute(
            sa.select(*_COLUMNS).where(watch.c.source == source, watch.c.reference == reference)
        )
    ).one_or_none()
    return None if row is None else Watch._make(row)


async def by_account(connection: Connection, source: str, account: str) -> Watch | None:
    """Return the watch that follows an account, whatever it was called when it was made, or None."""
    rows = await connection.execute(
        sa.select(*_COLUMNS).where(watch.c.source == source, watch.c.account == account).order_by(watch.c.id)
    )
    row = rows.first()
    return None if row is None else Watch._make(row)


async def set_reference(connection: Connection, watch_id: int, reference: str) -> None:
    """Give a watch another address, where its old one means someone else now."""
    await connection.execute(sa.update(watch).where(watch.c.id == watch_id).values(reference=reference))


async def note_accounts(connection: Connection, rows: Sequence[tuple[int, str]]) -> None:
    """Note whom watches follow, as (watch, the platform's id)."""
    await _set_account.run(connection, [(account, id_) for id_, account in rows])


async def add(connection: Connection, *, due_at: int, values: dict[str, Any]) -> Watch:
    """Insert a watch."""
    row = (await connection.execute(sa.insert(watch).values(due_at=due_at, **values).returning(*_COLUMNS))).one()
    return Watch._make(row)


async def of_chat(connection: Connection, chat_id: int) -> list[tuple[str, Watch]]:
    """Return what a chat watches, as (its name there, the watch), by name."""
    rows = await connection.execute(
        sa.select(chat_watch.c.name.label("chat_name"), *_COLUMNS)
        .join(watch, watch.c.id == chat_watch.c.watch_id)
        .where(chat_watch.c.chat_id == chat_id)
        .order_by(chat_watch.c.name)
    )
    found = []
    for row in rows:
        values = dict(row._mapping)  # noqa: SLF001
        found.append((values.pop("chat_name"), Watch(**values)))
    return found


async def followed(connection: Connection, chat_ids: Sequence[int]) -> dict[int, frozenset[int]]:
    """Return which watches each of these chats follows."""
    found: dict[int, set[int]] = {id_: set() for id_ in chat_ids}
    rows = await connection.execute(
        sa.select(chat_watch.c.chat_id, chat_watch.c.watch_id).where(chat_watch.c.chat_id.in_(chat_ids))
    )
    for chat_id, watch_id in rows:
        found[chat_id].add(watch_id)
    return {id_: frozenset(ids) for id_, ids in found.items()}


async def follow(connection: Connection, *, chat_id: int, watch_id: int, name: str, now: int) -> None:
    """Put a watch on a chat's list; a watch that nobody had is due at once."""
    await connection.execute(
        sa.insert(chat_watch).values(chat_id=chat_id, watch_id=watch_id, name=name, created_at=now)
    )
    await connection.execute(
        sa.update(watch).where(watch.c.id == watch_id, watch.c.due_at.is_(None)).values(due_at=now)
    )
    await revise(connection)


async def rename(connection: Connection, *, chat_id: int, watch_id: int, name: str) -> None:
    """Give a watch another name in one chat."""
    await connection.execute(
        sa.update(chat_watch)
        .where(chat_watch.c.chat_id == chat_id, chat_watch.c.watch_id == watch_id)
        .values(name=name)
    )


async def unfollow(connection: Connection, *, chat_id: int, watch_id: int) -> None:
    """Take a watch off a chat's list, with its subscriptions; nobody's watch is not polled. History stays."""
    for table in (subscription, chat_watch):
        await connection.execute(sa.delete(table).where(table.c.chat_id == chat_id, table.c.watch_id == watch_id))
    await connection.execute(sa.update(watch).where(watch.c.id == watch_id, ~_followed).values(due_at=None))
    await revise(connection)


async def chat_changed(connection: Connection, chat_id: int, *, now: int) -> None:
    """Poll no longer what only this chat followed, if it is gone; and again, if it is back."""
    of_chat = sa.select(chat_watch.c.watch_id).where(chat_watch.c.chat_id == chat_id)
    await connection.execute(sa.update(watch).where(watch.c.id.in_(of_chat), ~_followed).values(due_at=None))
    await connection.execute(
        sa.update(watch)
        .where(watch.c.id.in_(of_chat), _followed, watch.c.due_at.is_(None))
        .values(due_at=_moment(now))
    )
    await revise(connection)


async def forget_private(connection: Connection, ids: Sequence[int]) -> None:
    """Delete those of these watches that are private and on nobody's list, with their history."""
    listed = sa.exists().where(chat_watch.c.watch_id == watch.c.id)
    private = (watch.c.id.in_(ids), watch.c.public.is_(False), ~listed)
    spans = await connection.execute(
        sa.select(tally.c.session_id, tally.c.first_at, tally.c.last_at)
        .join(session, session.c.id == tally.c.session_id)
        .join(watch, watch.c.id == session.c.watch_id)
        .where(*private, tally.c.first_at.is_not(None))
    )
    await samples.drop_spans(connection, [(id_, first, last or first) for id_, first, last in spans])
    await connection.execute(sa.delete(watch).where(*private))
    await connection.execute(sa.update(watch).where(watch.c.id.in_(ids), ~_followed).values(due_at=None))
    await revise(connection)


async def counts(connection: Connection) -> tuple[int, int]:
    """Return how many watches are polled, and how many sessions are on the air."""
    watched = sa.select(sa.func.count()).select_from(watch).where(watch.c.due_at.is_not(None))
    live = (
        sa.select(sa.func.count())
        .select_from(session.join(watch, watch.c.id == session.c.watch_id))
        .where(session.c.state == "live", watch.c.due_at.is_not(None))
    )
    row = (await connection.execute(sa.select(watched.scalar_subquery(), live.scalar_subquery()))).one()
    return row[0], row[1]


async def troubled(connection: Connection, limit: int = 10) -> list[tuple[str, str, int]]:
    """Return watches that cannot be read, as (name, why, since), the longest first."""
    rows = await connection.execute(
        sa.select(watch.c.name, watch.c.trouble, watch.c.trouble_since)
        .where(watch.c.trouble.is_not(None), watch.c.due_at.is_not(None))
        .order_by(watch.c.trouble_since, watch.c.id)
        .limit(limit)
    )
    return [(row[0], row[1], row[2]) for row in rows]


async def not_asked(connection: Connection, ids: Sequence[int]) -> frozenset[int]:
    """Return which of these watches, all of them followed, are not asked any more."""
    rows = await connection.execute(sa.select(watch.c.id).where(watch.c.id.in_(ids), watch.c.due_at.is_(None)))
    return frozenset(row[0] for row in rows)


async def polled(connection: Connection) -> list[Watch]:
    """Return all watches that somebody follows."""
    rows = await connection.execute(sa.select(*_COLUMNS).where(_followed).order_by(watch.c.id))
    return [Watch._make(row) for row in rows]


async def everything(connection: Connection) -> list[Watch]:
    """Return all watches that ever were, followed or not."""
    rows = await connection.execute(sa.select(*_COLUMNS).order_by(watch.c.id))
    return [Watch._make(row) for row in rows]
