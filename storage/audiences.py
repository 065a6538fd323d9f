"""Who listens to a watch, by what they listen for and by what they see of its rivals: never one by one.

A watch may have a hundred thousand chats, most of which see the same: no other watch of the platform, no record
book of their own. So what is kept in memory, looked through and written is as much as there are different views.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import sqlalchemy as sa

from bot.domain.alerts import close, milestone, record
from storage.bulk import json_list
from storage.database import Connection
from storage.tables import chat, chat_watch, subscription, watch

#: Of a watch with so few chats each is looked at by itself; who has more is asked for groups of them.
FEW = 16
_TAKEN = (
    subscription.c.chat_id,
    *(
        sa.func.max(sa.case((subscription.c.kinds.like(f"%,{kind},%"), 1), else_=0)).label(name)
        for name, kind in (("records", record.KIND), ("close", close.KIND))
    ),
)


@dataclass(frozen=True, slots=True)
class Audience:
    """What is listened for.

    Attributes:
        ladders: The different (ladder as JSON or None, metric or None) of its subscriptions.
        records: Somebody takes records.
        close: Somebody wants to hear when one is close.
        either: Somebody takes milestones and no records.
    """

    ladders: tuple[tuple[str | None, str | None], ...] = ()
    records: bool = False
    close: bool = False
    either: bool = False


class Part(NamedTuple):
    """Some of the chats that listen to a watch: these; or, as ``others``, all but these."""

    ids: frozenset[int]
    others: bool = False


#: Everybody who listens.
ALL = Part(frozenset(), others=True)


class View(NamedTuple):
    """Chats that see the same of a watch's rivals, and listen for the same.

    Attributes:
        chat_id: One of them, for all.
        records: They take records.
        close: They want to hear when one is close.
    """

    chat_id: int
    records: bool
    close: bool
    part: Part


def together(parts: Iterable[Part]) -> Part:
    """Return the chats of several parts of one audience, of which no two have a chat in common."""
    these: set[int] = set()
    but: set[int] | None = None
    for part in parts:
        if part.others:
            but = set(part.ids)
        else:
            these |= part.ids
    return Part(frozenset(these)) if but is None else Part(frozenset(but - these), others=True)


async def audiences(connection: Connection, watch_ids: Sequence[int]) -> dict[int, Audience]:
    """Return who listens to each of these watches."""
    ladders: dict[int, set[tuple[str | None, str | None]]] = defaultdict(set)
    taken: dict[int, set[str]] = defaultdict(set)
    rows = await connection.execute(
        sa.select(subscription.c.watch_id, subscription.c.ladder, subscription.c.metric, subscription.c.kinds)
        .join(chat, chat.c.id == subscription.c.chat_id)
        .where(
            subscription.c.watch_id.in_(watch_ids),
            subscription.c.disabled_at.is_(None),
            chat.c.disabled_at.is_(None),
        )
        .distinct()
    )
    for watch_id, ladder, metric, kinds in rows:
        taken[watch_id].add(kinds)
        if f",{milestone.KIND}," in kinds:
            ladders[watch_id].add((ladder, metric))
    return {
        id_: Audience(
            tuple(sorted(ladders[id_], key=lambda pair: (pair[0] or "", pair[1] or ""))),
            any(f",{record.KIND}," in kinds for kinds in taken[id_]),
            any(f",{close.KIND}," in kinds for kinds in taken[id_]),
            any(f",{milestone.KIND}," in kinds and f",{record.KIND}," not in kinds for kinds in taken[id_]),
        )
        for id_ in watch_ids
    }


async def views(
    connection: Connection, platforms: Mapping[int, str], *, apart: Mapping[str, Collection[int]]
) -> dict[int, list[View]]:
    """Return the different views of these watches' rivals among the chats that listen for their records.

    Args:
        platforms: The watches, and where their records count.
        apart: Chats that see of a platform what no other does, for a reason that only the caller knows.
    """
    counts = _takers(list(platforms)).add_columns(sa.func.count())
    numbers = {row[0]: row[1] for row in await connection.execute(counts.group_by(subscription.c.watch_id))}
    few = [id_ for id_, number in numbers.items() if number <= FEW]
    found: dict[int, list[View]] = {id_: [] for id_ in platforms}
    if few:
        each = _takers(few).add_columns(*_TAKEN).group_by(subscription.c.watch_id, subscription.c.chat_id)
        for watch_id, chat_id, records, close in await connection.execute(each):
            found[watch_id].append(View(chat_id, bool(records), bool(close), Part(frozenset({chat_id}))))
    for id_, number in numbers.items():
        if number > FEW:
            platform = platforms[id_]
            found[id_] = await _grouped(connection, id_, platform=platform, apart=apart.get(platform, ()))
    return found


async def _grouped(connection: Connection, watch_id: int, *, platform: str, apart: Collection[int]) -> list[View]:
    """Return the views of one watch with many chats: the largest is all chats but those of the others."""
    dialect = connection.dialect.name
    seen = _seen(dialect, watch_id, platform)
    what = (seen.c.records, seen.c.close, seen.c.follows)
    is_apart = seen.c.chat_id.in_(json_list(dialect, "apart"))
    own = {"apart": json.dumps(sorted(apart))}
    grouped = sa.select(*what, sa.func.count(), sa.func.min(seen.c.chat_id)).where(~is_apart).group_by(*what)
    groups = (await connection.execute(grouped, own)).all()
    largest = max(groups, key=lambda row: (row[3], -row[4]), default=None)
    rest: dict[tuple[Any, ...], set[int]] = defaultdict(set)
    if len(groups) > 1 or apart:
        others: sa.ColumnElement[bool] = is_apart
        if largest is not None:
            same = sa.and_(*(one.is_not_distinct_from(value) for one, value in zip(what, largest, strict=False)))
            others = sa.or_(is_apart, ~same)
        for chat_id, *key in await connection.execute(sa.select(seen.c.chat_id, *what).where(others), own):
            rest[*key, chat_id if chat_id in apart else None].add(chat_id)
    found = [
        View(min(ids), bool(records), bool(close), Part(frozenset(ids)))
        for (records, close, _, _), ids in rest.items()
    ]
    if largest is not None:
        but = frozenset(chat_id for ids in rest.values() for chat_id in ids)
        found.append(View(largest[4], bool(largest[0]), bool(largest[1]), Part(but, others=True)))
    return found


def _takers(watch_ids: Sequence[int]) -> sa.Select[Any]:
    """Return the query of those who listen for records of these watches, or for what is close to one."""
    return (
        sa.select(subscription.c.watch_id)
        .join(chat, chat.c.id == subscription.c.chat_id)
        .where(
            subscription.c.watch_id.in_(watch_ids),
            subscription.c.disabled_at.is_(None),
            chat.c.disabled_at.is_(None),
            sa.or_(*(subscription.c.kinds.like(f"%,{kind},%") for kind in (record.KIND, close.KIND))),
        )
    )


def _seen(dialect: str, watch_id: int, platform: str) -> sa.CTE:
    """Return the query of those who listen for a watch's records, with what else each follows of its platform."""
    takers = (
        _takers([watch_id])
        .with_only_columns(*_TAKEN, maintain_column_froms=True)
        .group_by(subscription.c.chat_id)
        .cte("takers")
    )
    others = (
        sa.select(chat_watch.c.watch_id)
        .join(watch, watch.c.id == chat_watch.c.watch_id)
        .where(
            chat_watch.c.chat_id == takers.c.chat_id,
            chat_watch.c.watch_id != watch_id,
            watch.c.platform == platform,
        )
        .order_by(chat_watch.c.watch_id)
        .correlate(takers)
        .subquery()
    )
    listed = sa.cast(others.c.watch_id, sa.Text)
    joined: sa.ColumnElement[str] = (
        sa.func.group_concat(listed, ",") if dialect == "sqlite" else sa.func.string_agg(listed, ",")
    )
    follows = sa.select(joined).scalar_subquery()
    return sa.select(takers.c.chat_id, takers.c.records, takers.c.close, follows.label("follows")).cte("seen")


async def followed(connection: Connection, chat_ids: Collection[int]) -> dict[int, frozenset[int]]:
    """Return which watches each of these chats follows."""
    found: dict[int, set[int]] = {id_: set() for id_ in chat_ids}
    rows = await connection.execute(
        sa.select(chat_watch.c.chat_id, chat_watch.c.watch_id).where(
            chat_watch.c.chat_id.in_(json_list(connection.dialect.name, "chats"))
        ),
        {"chats": json.dumps(sorted(chat_ids))},
    )
    for chat_id, watch_id in rows:
        found[chat_id].add(watch_id)
    return {id_: frozenset(ids) for id_, ids in found.items()}
