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
    if chase.rival.imported and chase.rival.disputed:
        lines.append(words.say("That figure is imported, not observed by us, and disputed."))
    elif chase.rival.imported:
        lines.append(words.say("That figure is imported, not observed by us."))
    if story.overtakes is not None:
        time = estimated(story.overtakes, words)
        lines.append(words.say("At this pace it falls in {time}.", time=time))
    how = words.say(
        "Measured by us: {measure}, {sampling}.",
        measure=measure_name(words, chase.measure),
        sampling=sampling(story, words),
    )
    return Message(symbol="🎯", title=title, lines=(*lines, how, *late(story, words)))
