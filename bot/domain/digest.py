"""What is still worth telling in the morning of what was held overnight."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from bot.domain.alerts import MENDS, card, close, correction, ended, milestone, outage, record, reminder, started
from bot.domain.measure import measured
from bot.domain.reading import State
from bot.domain.story import Story

#: What comes by itself, as it changes a post or goes on changing.
ALONE = frozenset({card.KIND, correction.KIND})


def comes_alone(kind: str, key: str) -> bool:
    """Tell whether an alert of a kind and key comes by itself; so does what mends a post."""
    return kind in ALONE or mends(kind, key)


def mends(kind: str, key: str) -> bool:
    """Tell whether an alert makes a post true that has become false: it is held, but never left out."""
    return kind in MENDS or (kind == outage.KIND and outage.is_over(key))


def fresh(stories: Sequence[tuple[int, Story]], *, now: int) -> list[tuple[int, Story]]:
    """Return what is worth telling of (delivery, story), in order of time.

    Records always are, each session's last of a measure. A session that has ended is told by its recap, one that
    is still live by its start, its highest rung and what lasts.
    """
    by_session: dict[int, list[tuple[int, Story]]] = defaultdict(list)
    for id_, story in sorted(stories, key=lambda one: (one[1].at, one[0])):
        by_session[story.session.id].append((id_, story))
    kept = [(id_, _as_it_stands(one)) for group in by_session.values() for id_, one in _of_session(group, now)]
    return sorted(kept, key=lambda one: (one[1].at, one[0]))


def _of_session(group: Sequence[tuple[int, Story]], now: int) -> list[tuple[int, Story]]:
    last = {(story.kind, story.measure if story.kind == record.KIND else None): id_ for id_, story in group}
    kinds = {story.kind for _, story in group}
    return [
        (id_, story)
        for id_, story in group
        if last[story.kind, story.measure if story.kind == record.KIND else None] == id_
        and _is_fresh(story, kinds, now)
    ]


def _as_it_stands(story: Story) -> Story:
    """Return a record with the figure that it has by now."""
    now = _figure(story)
    if now is None or now == story.value:
        return story
    return replace(story, value=now, records=tuple(replace(one, value=now) for one in story.records))


def _figure(story: Story) -> float | None:
    """Return what a record's figure is by now; None for what is no record, or has none any more."""
    if story.kind != record.KIND or story.measure is None:
        return None
    return measured(story.session.tally, story.measure)


def _stands(story: Story) -> bool:
    """Tell whether a record is one still: a source may have taken its figure back since."""
    now = _figure(story)
    return now is None or all(now > one.standing.previous.value for one in story.records)


def _is_fresh(story: Story, kinds: set[str], now: int) -> bool:
    live = story.session.is_live
    match story.kind:
        case record.KIND:
            return _stands(story)
        case ended.KIND:
            return True
        case milestone.KIND | close.KIND:
            return live and record.KIND not in kinds
        case started.KIND:
            return live
        case outage.KIND:
            return live and story.back_at is None
        case reminder.KIND:
            due = story.session.started_at
            return story.session.state is State.SCHEDULED and due is not None and due > now
        case _:
            return True
