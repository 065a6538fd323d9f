"""A record fell."""

from __future__ import annotations

from bot.domain.alerts.record import Scope
from bot.domain.story import BrokenRecord, Story
from bot.ports.message import Line, Message
from bot.texts.alerts.common import figure_text, late, margin, name, provenance, rival_line, sampling
from bot.texts.units import measure_name, platform_name
from bot.texts.words import Words, bold


def write(story: Story, words: Words) -> Message:
    """Tell the measure, old and new value, holder, when, by how much, and how it was measured."""
    (one,) = story.records
    first = story.session.tally.first_at
    previous = one.standing.previous
    if first is not None and story.at > first:
        opening = words.say(
            "{name}, {time} in, beats {rival}: {margin} more.",
            name=name(story.name),
            time=words.duration(story.at - first),
            rival=rival_line(previous, one.measure, words, called=story.name),
            margin=margin(one.value, previous, one.measure, words),
        )
    else:
        opening = words.say(
            "{name} beats {rival}: {margin} more.",
            name=name(story.name),
            rival=rival_line(previous, one.measure, words, called=story.name),
            margin=margin(one.value, previous, one.measure, words),
        )
    return Message(symbol="🏆", title=_title(story, one, words), lines=(opening, *small_print(story, words)))


def small_print(story: Story, words: Words) -> tuple[Line, ...]:
    """Return where both figures come from, and how far they can be trusted."""
    (one,) = story.records
    source = provenance(one.standing.previous, words)
    return (
        *(() if source is None else (source,)),
        _measured(story, one, words),
        *late(story, words),
    )


def _title(story: Story, one: BrokenRecord, words: Words) -> Line:
    figure = bold(figure_text(story, one, words))
    match one.standing.scope:
        case Scope.WATCH:
            return words.say("New record for {name}: {figure}", name=bold(name(story.name)), figure=figure)
        case Scope.CHAT:
            return words.say("New record in this chat: {figure}", figure=figure)
        case Scope.PLATFORM:
            return words.say(
                "New record on {platform}: {figure}",
                platform=platform_name(story.platform),
                figure=figure,
            )


def _measured(story: Story, one: BrokenRecord, words: Words) -> Line:
    """Say what the figure is, how it was measured, and among how many."""
    how = words.text(
        "Measured by us: {measure}, {sampling}",
        measure=measure_name(words, one.measure),
        sampling=sampling(story, words),
    )
    standing = one.standing
    if standing.sessions and standing.since is not None:
        # The session itself counts among those tracked.
        return words.plural(
            "{how}; of the {n} session tracked here since {date}.",
            "{how}; of the {n} sessions tracked here since {date}.",
            standing.sessions + 1,
            how=how,
            date=words.date(standing.since),
        )
    return words.say("{how}.", how=how)
