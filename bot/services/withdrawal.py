"""Looks up whether a record that a chat was told stands, and if not, why."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace

from bot.domain.alerts.correction import read_key
from bot.domain.alerts.record import Field, Rival, Scope, Standing, standing, standing_from_dict
from bot.domain.measure import Measure, measured
from bot.domain.story import BrokenRecord, Story, Withdrawal
from storage import corrections, doubts, records
from storage.corrections import Post
from storage.database import Connection
from storage.sending import Owed
from storage.watches import Watch


async def told_of(connection: Connection, owed: Owed) -> Post | None:
    """Return the post that a correction corrects, or None if there is none: not sent, or deleted by hand."""
    key = read_key(owed.key)
    post = await corrections.post(connection, alert_id=key.alert_id, subscription_id=owed.subscription_id)
    if post is None or post.message_key is None or not key.answers:
        return post if post is not None and post.message_key is not None else None
    if post.digest_id is not None:  # the correction itself is an answer
        return None
    edited = await corrections.was_sent(
        connection, session_id=owed.session_id, key=key.edit.text, subscription_id=owed.subscription_id
    )
    return post if edited and post.mention is not None else None


async def of_record(connection: Connection, base: Story, owed: Owed, watch: Watch, post: Post) -> Story | None:
    """Return the correction of a record's post; None if it says what is true, and always did."""
    assert post.measure is not None
    assert post.value is not None
    key, measure, scope = read_key(owed.key), Measure(post.measure), Scope(post.scope or Scope.WATCH)
    answers = key.answers or post.digest_id is not None
    now = measured(base.session.tally, measure)
    value = post.value if now is None else min(post.value, now)
    fields = await records.fields(
        connection,
        watch,
        chat_id=owed.chat_id,
        measure=measure,
        apart_from=base.session.id,
        ended_before=post.at,
        dated_before=post.at,
    )
    doubt = (await doubts.why(connection, base.session.id, chat_id=owed.chat_id)).get(measure)
    best = _best(fields, scope)
    withdrawal = None
    if doubt is not None or (best is not None and value <= best.value):
        held = standing(value, fields) if doubt is None else None
        withdrawal = Withdrawal(
            doubt=doubt,
            fallen_to=value if value < post.value else None,
            holder=best,
            still=None if held is None else held.scope,
        )
    elif key.answers or not await corrections.is_corrected(
        connection,
        subscription_id=owed.subscription_id,
        session_id=owed.session_id,
        alert_id=key.alert_id,
    ):
        return None
    return replace(
        base,
        at=post.at,
        measure=measure,
        value=post.value,
        records=(BrokenRecord(measure=measure, value=post.value, standing=_standing(post, scope, fields, best)),),
        withdrawal=withdrawal,
        replaces=None if answers else post.message_key,
        answers=post.message_key if answers else None,
    )


def _best(fields: Mapping[Scope, Field], scope: Scope) -> Rival | None:
    """Return the best rival of a scope, which holds the narrower ones."""
    rivals = [one.best for its, one in fields.items() if its <= scope]
    return max(rivals, key=lambda one: one.value, default=None)


def _standing(post: Post, scope: Scope, fields: Mapping[Scope, Field], best: Rival | None) -> Standing:
    """Return the record as it stands; where nothing is known of its rivals any more, as it was told."""
    if best is None and post.detail is not None:
        return standing_from_dict(json.loads(post.detail))
    within = [one for its, one in fields.items() if its <= scope]
    return Standing(
        scope=scope,
        previous=best or Rival(value=0, holder=""),
        sessions=sum(one.sessions for one in within),
        since=min((one.since for one in within if one.since is not None), default=None),
    )
