"""The words of each kind of alert; the kinds themselves are in ``bot/domain/alerts/``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from bot.domain.alerts import card as card_kind
from bot.domain.alerts import close as close_kind
from bot.domain.alerts import correction as correction_kind
from bot.domain.alerts import ended as ended_kind
from bot.domain.alerts import milestone as milestone_kind
from bot.domain.alerts import outage as outage_kind
from bot.domain.alerts import record as record_kind
from bot.domain.alerts import reminder as reminder_kind
from bot.domain.alerts import started as started_kind
from bot.domain.reading import State
from bot.domain.story import Story
from bot.ports.message import Button, Line, Message
from bot.texts.alerts import card, close, correction, ended, milestone, outage, record, reminder, started
from bot.texts.words import Words

TEXTS: dict[str, Callable[[Story, Words], Message]] = {
    started_kind.KIND: started.write,
    milestone_kind.KIND: milestone.write,
    record_kind.KIND: record.write,
    ended_kind.KIND: ended.write,
    outage_kind.KIND: outage.write,
    reminder_kind.KIND: reminder.write,
    card_kind.KIND: card.write,
    close_kind.KIND: close.write,
    correction_kind.KIND: correction.write,
}

#: What says where figures come from, how far they can be trusted, and what became of them.
SMALL_PRINTS: dict[str, Callable[[Story, Words], tuple[Line, ...]]] = {
    milestone_kind.KIND: milestone.small_print,
    record_kind.KIND: record.small_print,
    close_kind.KIND: close.small_print,
    ended_kind.KIND: ended.small_print,
}


def write(story: Story, words: Words) -> Message:
    """Return the message that tells a story, with what readers may want next."""
    message = TEXTS[story.kind](story, words)
    return replace(message, buttons=(*message.buttons, *_buttons(story, words)))


def small_print(story: Story, words: Words) -> tuple[Line, ...]:
    """Return what a chat that tells a story in its own words says below them."""
    return SMALL_PRINTS[story.kind](story, words) if story.kind in SMALL_PRINTS else ()


def _buttons(story: Story, words: Words) -> tuple[Button, ...]:
    made = [Button(words.text("Open"), url=story.url)] if story.url else []
    if story.kind != reminder_kind.KIND:
        made.append(Button(words.text("Stats"), command=f"/stats {story.name}"))
    if story.kind != ended_kind.KIND and story.session.state is not State.ENDED:
        made.append(Button(words.text("Mute"), command=f"/mute {story.name} 8h"))
    return tuple(made)
