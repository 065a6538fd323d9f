"""A record that was told is none, or stands after all."""

from __future__ import annotations

from dataclasses import replace

from bot.domain.outside import clean
from bot.domain.story import Story
from bot.ports.message import Line, Message
from bot.texts.alerts import record
from bot.texts.alerts.common import TITLE_LIMIT, figure_text, rival_line, scope_name
from bot.texts.units import value_text
from bot.texts.words import Words, bold


def write(story: Story, words: Words) -> Message:
    """Tell that a figure is no record, why, and whose the record is."""
    if story.withdrawal is None:
        return _restored(story, words)
    (one,) = story.records
    title = words.say(
        "Withdrawn: {figure}, no record {scope}",
        figure=bold(figure_text(story, one, words)),
        scope=scope_name(story, one.standing.scope, words),
    )
    return Message(symbol="↩️", title=title, lines=tuple(_why(story, words)))


def _restored(story: Story, words: Words) -> Message:
    """Return the record as it was told, with what became of it."""
    (one,) = story.records
    after_all = words.say("It was withdrawn for a time, and stands after all.")
    if one.standing.previous.holder:
        told = record.write(story, words)
        return replace(told, lines=(*told.lines, after_all))
    title = words.say(
        "A record {scope} after all: {figure}",
        figure=bold(figure_text(story, one, words)),
        scope=scope_name(story, one.standing.scope, words),
    )
    return Message(symbol="🏆", title=title, lines=(after_all,))


def _why(story: Story, words: Words) -> list[Line]:
    (one,), why = story.records, story.withdrawal
    assert why is not None
    lines: list[Line] = []
    if why.doubt is not None:
        lines.append(words.say("The figure is disputed: {why}", why=clean(why.doubt, limit=TITLE_LIMIT)))
    elif why.fallen_to is not None:
        value = bold(value_text(words, one.measure, why.fallen_to))
        lines.append(words.say("The source has taken the figure back to {value}.", value=value))
    if why.holder is not None:
        rival = rival_line(why.holder, one.measure, words, called=story.name)
        lines.append(words.say("The record stands at {rival}.", rival=rival))
        if why.holder.imported and why.holder.disputed:
            lines.append(words.say("That figure is imported, not observed by us, and disputed."))
        elif why.holder.imported:
            lines.append(words.say("That figure is imported, not observed by us."))
    if why.still is not None:
        scope = scope_name(story, why.still, words)
        lines.append(words.say("It is a record {scope} all the same.", scope=scope))
    return lines
