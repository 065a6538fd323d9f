"""Gathers the story of a delivery, and writes it down in figures."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from bot.domain import SECOND
from bot.domain.alerts import MENDS, card, close, correction, ended, milestone, outage, record, reminder
from bot.domain.alerts.record import Field, Rival, Scope, standing, standing_from_dict
from bot.domain.card import CURVE, Shown, curve
from bot.domain.card import of as seen_of
from bot.domain.measure import LIVE_RECORDED, MARK_OF, RECORDED, Measure, measured
from bot.domain.pace import WINDOW, estimate
from bot.domain.reading import Metric
from bot.domain.session import Session
from bot.domain.snapshot import confirmed
from bot.domain.story import BrokenRecord, Chase, Rank, Story
from bot.services import withdrawal
from storage import chats, doubts, posts, records, samples, sessions, watches
from storage.chats import Subscription
from storage.database import Connection, Database
from storage.sending import Owed
from storage.watches import Watch


async def tell(database: Database, owed: Owed, *, now: int) -> Story | None:
    """Gather the story of a delivery; None if its subscription is gone, or it is not true any more."""
    async with database.read() as connection:
        subscription = await chats.subscription_by_id(connection, owed.subscription_id)
        session = await sessions.by_id(connection, owed.session_id)
        gone = subscription is None or subscription.disabled_why is not None
        if session is None or (gone and owed.kind not in MENDS):
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
        if owed.kind == correction.KIND:
            mended = await _correction(connection, base, owed, watch, subscription, now=now)
            return None if mended is None else await _as_called(connection, names, mended)
        assert subscription is not None
        if owed.kind == card.KIND:
            told = await _card(connection, base, owed, watch, subscription, now=now)
            return replace(told, at=now, replaces=None)
        if owed.kind == milestone.KIND:
            return await _milestone(connection, base, owed, subscription)
        if owed.kind == reminder.KIND:
            return replace(base, at=now) if reminder.holds(session, owed.key, now=now) else None
        if owed.kind == outage.KIND:
            return await _outage(connection, base, owed, watch, now=now)
        if owed.kind == close.KIND:
            near = await _close(connection, base, owed, watch)
            return None if near is None else await _as_called(connection, names, near)
        told = _record(base, owed)
        if owed.kind == record.KIND and base.measure in await doubts.why(
            connection, session.id, chat_id=owed.chat_id
        ):
            return None
        if owed.kind == ended.KIND:
            told = await _recap(connection, base, owed, watch, subscription)
        return await _as_called(connection, names, told)


async def _outage(connection: Connection, base: Story, owed: Owed, watch: Watch, *, now: int) -> Story | None:
    """Return an outage that lasts; or the end of one, which takes the place of the post that told of it alone."""
    since = outage.since_of(owed.key)
    if not outage.is_over(owed.key):
        lasts = outage.holds(base.session, owed.key, trouble_since=watch.trouble_since)
        return replace(base, at=now, since=since, why=watch.trouble) if lasts else None
    told = await posts.message_of(
        connection,
        subscription_id=owed.subscription_id,
        session_id=owed.session_id,
        key=outage.key(since),
    )
    if told is None:
        return None
    message, with_others = told  # a digest is answered: it tells more than this
    over = replace(base, since=since, back_at=owed.at)
    return replace(over, answers=message) if with_others else replace(over, replaces=message)


async def _as_called(connection: Connection, names: Mapping[int, str], told: Story) -> Story:
    """Return a story with all rivals under the names that the chat gave to its watches."""
    told = replace(told, records=await as_called(connection, names, told.records))
    if told.chase is None or told.chase.rival.session_id is None:
        return told
    watch_of = await sessions.watch_ids(connection, [told.chase.rival.session_id])
    name = names.get(watch_of.get(told.chase.rival.session_id, 0))
    if name is None:
        return told
    return replace(told, chase=replace(told.chase, rival=replace(told.chase.rival, holder=name)))


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
    told = await posts.before(
        connection,
        subscription_id=owed.subscription_id,
        session_id=owed.session_id,
        kind=owed.kind,
        until=owed.id,
    )
    last = (told[0], told[1]) if told is not None and told[1] is not None else None
    return replace(base, next_rung=above, estimate=guess, last_rung=last)


async def _correction(
    connection: Connection,
    base: Story,
    owed: Owed,
    watch: Watch,
    subscription: Subscription | None,
    *,
    now: int,
) -> Story | None:
    """Return how a record that was told stands, or a recap as it should have been."""
    post = await withdrawal.told_of(connection, owed)
    if post is None:
        return None
    if correction.read_key(owed.key).answers:
        muted = subscription is None or (subscription.muted_until is not None and subscription.muted_until > now)
        return None if muted else await withdrawal.of_record(connection, base, owed, watch, post)
    if post.kind != ended.KIND:
        return await withdrawal.of_record(connection, base, owed, watch, post)
    if subscription is None or base.session.is_live:
        return None
    recap = replace(base, kind=ended.KIND, at=post.at, measure=Measure.PEAK, value=base.session.tally.peak)
    again = replace(owed, kind=ended.KIND, key=post.key, at=post.at)
    return await _recap(connection, recap, again, watch, subscription)


async def _close(connection: Connection, base: Story, owed: Owed, watch: Watch) -> Story | None:
    """Return how near a session is to the record of the widest scope that has one; None if it is not any more."""
    session, measure = base.session, base.measure
    if measure is None or owed.value is None or not session.is_live:
        return None
    fields = await records.fields(
        connection, watch, chat_id=owed.chat_id, measure=measure, apart_from=session.id, ended_before=owed.at
    )
    now = measured(session.tally, measure)
    best = max((one.best for one in fields.values()), key=lambda one: one.value, default=None)
    if best is None or now is None or not close.is_close(owed.value, best.value) or now > best.value:
        return None
    guess = None
    if measure is MARK_OF[Metric.CONCURRENT] and not owed.late:
        kept = await samples.between(connection, session.id, first=owed.at - WINDOW, last=owed.at)
        guess = estimate(confirmed(kept), best.value)
    chase = Chase(measure=measure, value=owed.value, scope=max(fields), rival=best)
    return replace(base, chase=chase, overtakes=guess)


async def _card(
    connection: Connection, base: Story, owed: Owed, watch: Watch, subscription: Subscription, *, now: int
) -> Story:
    """Return how a session stands now; once it is over, its recap."""
    session = base.session
    names = {one.id: name for name, one in await watches.of_chat(connection, owed.chat_id)}
    if not session.is_live:
        told = await _recap(connection, base, owed, watch, subscription)
        told = replace(told, since_end=owed.late)  # it was the recap before
        return await _as_called(connection, names, told)
    tally, metric = session.tally, Metric(watch.metric)
    mark = measured(tally, MARK_OF[metric])
    rivals = await _rivals(connection, watch, session, owed)
    first = tally.first_at if tally.first_at is not None else now
    told = replace(
        base,
        measure=MARK_OF[metric],
        value=mark,
        records=_broken(session, rivals, LIVE_RECORDED),
        chase=_chase(session, rivals, MARK_OF[metric]),
        why=watch.trouble,
        since=watch.trouble_since,
    )
    if mark is not None:
        best = rivals[MARK_OF[metric]].get(Scope.WATCH) if MARK_OF[metric] in rivals else None
        heard = None if best is None else best.best.value
        last = milestone.rung(subscription.ladder, before=None, after=mark, best=heard)
        told = replace(
            told,
            passed=last,
            next_rung=milestone.next_rung(subscription.ladder, above=mark),
        )
    if metric is Metric.CONCURRENT:
        begin = max(first, now - CURVE)
        points = confirmed(await samples.between(connection, session.id, first=begin, last=now))
        told = replace(told, curve=curve(points, first=begin, last=now, interval=watch.interval))
        if told.next_rung is not None:
            recent = [one for one in points if one[0] >= now - WINDOW]
            told = replace(told, estimate=estimate(recent, told.next_rung))
        if told.chase is not None:
            recent = [one for one in points if one[0] >= now - WINDOW]
            told = replace(told, overtakes=estimate(recent, told.chase.rival.value))
    return await _as_called(connection, names, told)


async def _rivals(
    connection: Connection, watch: Watch, session: Session, owed: Owed, *, ended_before: int | None = None
) -> dict[Measure, dict[Scope, Field]]:
    """Return whom a session has to beat as one chat sees it, for each measure that counts there."""
    unsure = await doubts.why(connection, session.id, chat_id=owed.chat_id)
    return {
        measure: await records.fields(
            connection,
            watch,
            chat_id=owed.chat_id,
            measure=measure,
            apart_from=session.id,
            ended_before=ended_before,
        )
        for measure in RECORDED
        if measured(session.tally, measure) is not None and measure not in unsure
    }


def _broken(
    session: Session, rivals: Mapping[Measure, Mapping[Scope, Field]], measures: Sequence[Measure]
) -> tuple[BrokenRecord, ...]:
    found = []
    for measure in measures:
        value = measured(session.tally, measure)
        held = None if value is None else standing(value, rivals.get(measure, {}))
        if value is not None and held is not None:
            found.append(BrokenRecord(measure=measure, value=value, standing=held))
    return tuple(found)


def _chase(session: Session, rivals: Mapping[Measure, Mapping[Scope, Field]], measure: Measure) -> Chase | None:
    """Return the lowest record of a measure that a session has not broken."""
    value = measured(session.tally, measure)
    if value is None:
        return None
    ahead = [(one.best.value, scope) for scope, one in rivals.get(measure, {}).items() if one.best.value >= value]
    if not ahead:
        return None
    _, scope = min(ahead)
    return Chase(measure=measure, value=value, scope=scope, rival=rivals[measure][scope].best)


async def _recap(
    connection: Connection, base: Story, owed: Owed, watch: Watch, subscription: Subscription
) -> Story:
    told = await posts.before(
        connection,
        subscription_id=owed.subscription_id,
        session_id=owed.session_id,
        kind=owed.kind,
        until=owed.id,
    )
    session, mark = base.session, MARK_OF[Metric(watch.metric)]
    rivals = await _rivals(connection, watch, session, owed, ended_before=owed.at)
    value = measured(session.tally, mark)
    best = rivals.get(mark, {}).get(Scope.WATCH)
    rank = None
    if value is not None:
        place, count = await records.rank(
            connection,
            watch.id,
            mark,
            value,
            apart_from=session.id,
            ended_before=owed.at,
            chat_id=owed.chat_id,
        )
        rank = Rank(measure=mark, place=place, sessions=count) if count > 1 else None
    return replace(
        base,
        records=_broken(session, rivals, RECORDED),
        unrivalled=frozenset(measure for measure, fields in rivals.items() if not fields),
        chase=_chase(session, rivals, mark),
        rank=rank,
        rungs=await _passed(
            connection, session, watch, subscription, best=None if best is None else best.best.value
        ),
        again=session.ends > 1,
        replaces=told[2] if told is not None else None,
    )


async def _passed(
    connection: Connection, session: Session, watch: Watch, subscription: Subscription, *, best: float | None
) -> tuple[tuple[int, float], ...]:
    """Return the rungs of the chat's ladder that a session passed, with their moments."""
    tally = session.tally
    if Metric(watch.metric) is not Metric.CONCURRENT or tally.first_at is None or tally.last_at is None:
        return ()
    kept = await samples.between(connection, session.id, first=tally.first_at, last=tally.last_at)
    return milestone.passed(confirmed(kept), subscription.ladder, best=best)


async def broken_records(
    connection: Connection, watch: Watch, session: Session, *, chat_id: int
) -> tuple[BrokenRecord, ...]:
    """Return the records that a session holds as one chat sees it, each in its widest scope."""
    found = []
    unsure = await doubts.why(connection, session.id, chat_id=chat_id)
    for measure in RECORDED:
        value = measured(session.tally, measure)
        if value is None or measure in unsure:
            continue
        rivals = await records.fields(connection, watch, chat_id=chat_id, measure=measure, apart_from=session.id)
        held = standing(value, rivals)
        if held is not None:
            found.append(BrokenRecord(measure=measure, value=value, standing=held))
    return tuple(found)


def shown(story: Story) -> Shown:
    """Return what a reader sees of a card."""
    return seen_of(
        story.session,
        rung=story.passed,
        records=len(story.records),
        trouble=story.why is not None,
        at=story.at,
    )


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
    elif story.kind == reminder.KIND:
        told["due"] = None if story.session.started_at is None else iso(story.session.started_at)
    elif story.kind == outage.KIND:
        told["since"] = None if story.since is None else iso(story.since)
        told["back_at"] = None if story.back_at is None else iso(story.back_at)
    elif story.chase is not None:
        told["record"] = _rival_facts(story.chase.rival) | {"scope": story.chase.scope.word}
    else:
        for one in story.records:
            told |= _standing_facts(one)
        if story.kind == correction.KIND:
            told["withdrawn"] = story.withdrawal is not None
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
    return {"scope": one.standing.scope.word, "previous": _rival_facts(one.standing.previous)}


def _rival_facts(rival: Rival) -> dict[str, object]:
    return {
        "value": rival.value,
        "holder": rival.holder,
        "date": rival.date,
        "imported": rival.imported,
        "disputed": rival.disputed,
        "at_least": rival.at_least,
        "link": rival.link,
    }


def iso(at: int) -> str:
    """Write a moment as ``2022-04-20T17:00:00Z``, with a fraction only where it has one."""
    text = datetime.fromtimestamp(at / SECOND, tz=UTC).isoformat(
        timespec="milliseconds" if at % SECOND else "seconds"
    )
    return text.replace("+00:00", "Z")
