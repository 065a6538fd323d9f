"""Gathers the story of a delivery, and writes it down in figures."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from bot.domain import SECOND
from bot.domain.alerts import ended, milestone
from bot.domain.alerts.record import standing, standing_from_dict
from bot.domain.measure import MARK_OF, RECORDED, Measure, measured
from bot.domain.pace import WINDOW, estimate
from bot.domain.reading import Metric
from bot.domain.session import Session
from bot.domain.snapshot import confirmed
from bot.domain.story import BrokenRecord, Story
from storage import chats, outbox, records, samples, sessions, watches
from storage.chats import Subscription
from storage.database import Connection, Database
from storage.outbox import Owed
from storage.watches import Watch


async def tell(database: Database, owed: Owed) -> Story | None:
    """Gather the story of a delivery; None if its subscription is gone."""
    async with database.read() as connection:
        subscription = await chats.subscription_by_id(connection, owed.subscription_id)
        session = await sessions.by_id(connection, owed.session_id)
        if subscription is None or subscription.disabled_why is not None or session is None:
            return None
        watch = (await watches.by_ids(connection, [session.watch_id]))[session.watch_id]
        chat = await chats.by_id(connection, owed.chat_id)
        names = {one.id: name for name, one in await watches.of_chat(connection, chat.id)}
        base = Story(
            kind=owed.kind,
            at=owed.at,
            late=owed.late,
            name=names.get(watch.id, watch.name),
            watch=watch.name,
            platform=watch.platform,
            unit=watch.unit,
            interval=watch.interval,
            url=session.url or watch.url,
            timezone=watch.timezone,
            session=session,
            measure=Measure(owed.measure) if owed.measure is not None else None,
            value=owed.value,
            threshold=owed.threshold,
        )
        if owed.kind == milestone.KIND:
            return await _milestone(connection, base, owed, subscription)
        told = await _recap(connection, base, owed, watch) if owed.kind == ended.KIND else _record(base, owed)
        return replace(told, records=await as_called(connection, names, told.records))


async def as_called(
    connection: Connection, names: Mapping[int, str], broken: Sequence[BrokenRecord]
) -> tuple[BrokenRecord, ...]:
    """Return records with their rivals under the names that one chat gave to its watches, by watch."""
    ids = {one.standing.previous.session_id for one in broken} - {None}
    watch_of = await sessions.watch_ids(connection, [id_ for id_ in ids if id_ is not None]) if ids else {}
    return tuple(_renamed(one, watch_of, names) for one in broken)


def _renamed(one: BrokenRecord, watch_of: Mapping[int, int], names: Mapping[int, str]) -> BrokenRecord:
    previous = one.standing.previous
    name = names.get(watch_of.get(previous.session_id or 0, 0))
    if name is None:
        return one
    return replace(one, standing=replace(one.standing, previous=replace(previous, holder=name)))


def _record(base: Story, owed: Owed) -> Story:
    if owed.detail is None or base.measure is None or base.value is None:
        return base
    kept = standing_from_dict(json.loads(owed.detail))
    return replace(base, records=(BrokenRecord(measure=base.measure, value=base.value, standing=kept),))


async def _milestone(connection: Connection, base: Story, owed: Owed, subscription: Subscription) -> Story:
    assert owed.value is not None
    above = milestone.next_rung(subscription.ladder, above=owed.value)
    guess = None
    if above is not None and MARK_OF[Metric.CONCURRENT] is base.measure and not owed.late:
        points = confirmed(
            await samples.between(connection, owed.session_id, first=owed.at - WINDOW, last=owed.at)
        )
        guess = estimate(points, above)
    told = await outbox.told_before(
        connection,
        subscription_id=owed.subscription_id,
        session_id=owed.session_id,
        kind=owed.kind,
        before=owed.id,
    )
    last = (told[0], told[1]) if told is not None and told[1] is not None else None
    return replace(base, next_rung=above, estimate=guess, last_rung=last)


async def _recap(connection: Connection, base: Story, owed: Owed, watch: Watch) -> Story:
    told = await outbox.told_before(
        connection,
        subscription_id=owed.subscription_id,
        session_id=owed.session_id,
        kind=owed.kind,
        before=owed.id,
    )
    broken, unrivalled = await broken_records(
        connection, watch, base.session, chat_id=owed.chat_id, ended_before=owed.at
    )
    return replace(
        base,
        records=broken,
        unrivalled=unrivalled,
        again=base.session.ends > 1,
        replaces=told[2] if told is not None else None,
    )


async def broken_records(
    connection: Connection, watch: Watch, session: Session, *, chat_id: int, ended_before: int | None = None
) -> tuple[tuple[BrokenRecord, ...], frozenset[Measure]]:
    """Return the records that a session holds, each in its widest scope, and the measures without a rival.

    Both as one chat sees them.
    """
    broken, unrivalled = [], set()
    for measure in RECORDED:
        value = measured(session.tally, measure)
        if value is None:
            continue
        rivals = await records.fields(
            connection,
            watch,
            chat_id=chat_id,
            measure=measure,
            apart_from=session.id,
            ended_before=ended_before,
        )
        if not rivals:
            unrivalled.add(measure)
        held = standing(value, rivals)
        if held is not None:
            broken.append(BrokenRecord(measure=measure, value=value, standing=held))
    return tuple(broken), frozenset(unrivalled)


def facts(story: Story) -> dict[str, object]:
    """Return a story in figures, as ``replay --json`` prints it: unrounded, unknown is None."""
    told: dict[str, object] = {
        "kind": story.kind,
        "at": iso(story.at),
        "watch": story.watch,
        "session": story.session.keys[0],
        "measure": story.measure,
        "value": story.value,
    }
    if story.late:
        told["late"] = True
    if story.kind == milestone.KIND:
        told["threshold"] = story.threshold
    elif story.kind == ended.KIND:
        tally = story.session.tally
        told |= {
            "peak": tally.peak,
            "peak_at": None if tally.peak_at is None else iso(tally.peak_at),
            "average": tally.average,
            "tuned_in": tally.tuned_in,
            "airtime_seconds": tally.airtime / SECOND,
            "coverage": tally.coverage,
            "records": [_record_facts(story, one) for one in story.records],
        }
        if story.again:
            told["edit"] = True
    else:
        for one in story.records:
            told |= _standing_facts(one)
    return told


def _record_facts(story: Story, one: BrokenRecord) -> dict[str, object]:
    return {
        "kind": "record",
        "at": iso(story.at),
        "watch": story.watch,
        "session": story.session.keys[0],
        "measure": one.measure,
        "value": one.value,
        **_standing_facts(one),
    }


def _standing_facts(one: BrokenRecord) -> dict[str, object]:
    previous = one.standing.previous
    return {
        "scope": one.standing.scope.word,
        "previous": {
            "value": previous.value,
            "holder": previous.holder,
            "date": previous.date,
            "imported": previous.imported,
            "disputed": previous.disputed,
            "at_least": previous.at_least,
            "link": previous.link,
        },
    }


def iso(at: int) -> str:
    """Write a moment as ``2022-04-20T17:00:00Z``, with a fraction only where it has one."""
    text = datetime.fromtimestamp(at / SECOND, tz=UTC).isoformat(
        timespec="milliseconds" if at % SECOND else "seconds"
    )
    return text.replace("+00:00", "Z")
