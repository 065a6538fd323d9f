"""The words of each kind of alert; the kinds themselves are in ``bot/domain/alerts/``."""

from __future__ import annotations

from collections.abc import Callable

from bot.domain.alerts import ended as ended_kind
from bot.domain.alerts import milestone as milestone_kind
from bot.domain.alerts import record as record_kind
from bot.domain.alerts import started as started_kind
from bot.domain.story import Story
from bot.ports.message import Message
from bot.texts.alerts import ended, milestone, record, started
from bot.texts.words import Words

TEXTS: dict[str, Callable[[Story, Words], Message]] = {
    started_kind.KIND: started.write,
    milestone_kind.KIND: milestone.write,
    record_kind.KIND: record.write,
    ended_kind.KIND: ended.write,
}


def write(story: Story, words: Words) -> Message:
    """Return the message that tells a story."""
    return TEXTS[story.kind](story, words)
