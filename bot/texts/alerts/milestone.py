"""A rung was reached."""

from __future__ import annotations

from bot.domain.measure import Measure
from bot.domain.story import Story
from bot.ports.message import Line, Message
from bot.texts.alerts.common import estimated, late, name
from bot.texts.units import counted
from bot.texts.words import Words, bold


def write(story: Story, words: Words) -> Message:
    """Tell what was reached, how long in, how fast since the last rung, and when the next one may come."""
    assert story.threshold is not None
    figure = counted(words, story.threshold, story.unit, _in_all(story))
    title = words.say("{name} reached {figure}", name=bold(name(story.name)), figure=figure)
    lines: list[Line] = []
    progress = _progress(story, words)
    if progress:
        lines.append(progress)
    ahead = _ahead(story, words)
    if ahead:
        lines.append(ahead)
    return Message(symbol="📈", title=title, lines=(*lines, *small_print(story, words)))


def small_print(story: Story, words: Words) -> tuple[Line, ...]:
    """Return how far it can be trusted."""
    return late(story, words)


def _in_all(story: Story) -> Measure | None:
    """Return the measure where it is not the figure at once."""
    return None if story.measure is Measure.PEAK else story.measure


def _progress(story: Story, words: Words) -> Line | None:
    first = story.session.tally.first_at
    if first is None or story.at <= first or story.value is None:
        return None
    into = words.duration(story.at - first)
    now = words.number(story.value)
    if story.last_rung is None:
        return words.say("{now} now, {time} in.", now=now, time=into)
    told_at, rung = story.last_rung
    return words.say(
        "{now} now, {time} in; {pace} after {rung}.",
        now=now,
        time=into,
        pace=words.duration(story.at - told_at),
        rung=words.number(rung),
    )


def _ahead(story: Story, words: Words) -> Line | None:
    if story.next_rung is None:
        return None
    rung = words.number(story.next_rung)
    if story.estimate is None:
        return words.say("Next: {rung}.", rung=rung)
    return words.say("Next: {rung}, in {time} at this pace.", rung=rung, time=estimated(story.estimate, words))
