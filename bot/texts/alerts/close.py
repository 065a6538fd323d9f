"""A session is close to a record."""

from __future__ import annotations

from bot.domain.story import Story
from bot.ports.message import Line, Message
from bot.texts.alerts.common import estimated, figure_text, late, name, rival_line, sampling, scope_name
from bot.texts.units import measure_name
from bot.texts.words import Words, bold


def write(story: Story, words: Words) -> Message:
    """Tell how near, whose the record is, and when it would fall at this pace."""
    chase = story.chase
    assert chase is not None
    called, scope = bold(name(story.name)), scope_name(story, chase.scope, words)
    if chase.value == chase.rival.value:
        title = words.say("{name} has equalled the record {scope}", name=called, scope=scope)
    else:
        share = bold(words.percent(chase.share))
        title = words.say("{name} is at {share} of the record {scope}", name=called, share=share, scope=scope)
    rival = rival_line(chase.rival, chase.measure, words, called=story.name)
    figure = bold(figure_text(story, chase, words))
    lines: list[Line] = [words.say("{figure} so far; the record is {rival}.", figure=figure, rival=rival)]
    lines += _imported(story, words)
    if story.overtakes is not None:
        time = estimated(story.overtakes, words)
        lines.append(words.say("At this pace it falls in {time}.", time=time))
    return Message(symbol="🎯", title=title, lines=(*lines, *_measured(story, words)))


def small_print(story: Story, words: Words) -> tuple[Line, ...]:
    """Return where both figures come from, and how far they can be trusted."""
    return (*_imported(story, words), *_measured(story, words))


def _imported(story: Story, words: Words) -> tuple[Line, ...]:
    assert story.chase is not None
    rival = story.chase.rival
    if not rival.imported:
        return ()
    if rival.disputed:
        return (words.say("That figure is imported, not observed by us, and disputed."),)
    return (words.say("That figure is imported, not observed by us."),)


def _measured(story: Story, words: Words) -> tuple[Line, ...]:
    assert story.chase is not None
    how = words.say(
        "Measured by us: {measure}, {sampling}.",
        measure=measure_name(words, story.chase.measure),
        sampling=sampling(story, words),
    )
    return (how, *late(story, words))
