"""A session is over: the recap."""

from __future__ import annotations

from bot.domain.alerts.record import Scope
from bot.domain.story import BrokenRecord, Story
from bot.ports.message import Field, Line, Message
from bot.texts.alerts.common import about, margin, name, rival_line, sampling
from bot.texts.alerts.record import figure_text
from bot.texts.figures import figures
from bot.texts.units import platform_name
from bot.texts.words import Words, bold


def write(story: Story, words: Words) -> Message:
    """Tell how a session went: its measures with their coverage, and what it broke."""
    tally = story.session.tally
    lines: list[Line] = []
    what = about(story.session, words, called=story.name)
    if what is not None:
        lines.append(what)
    fields: tuple[Field, ...] = figures(tally, story.unit, words, unrivalled=story.unrivalled)
    told = [_record(story, one, words) for one in story.records]
    footer = words.text("Figures are ours, {sampling}", sampling=sampling(story, words))
    if tally.coverage is not None:
        footer = words.text(
            "{how}, {coverage} of the airtime covered", how=footer, coverage=words.percent(tally.coverage)
        )
    if tally.glitches:
        footer = words.text(
            "{how}; {glitches} left out as a glitch", how=footer, glitches=words.number(tally.glitches)
        )
    title = words.say("{name} ended after {time}", name=bold(name(story.name)), time=words.duration(tally.airtime))
    if story.session.daily:
        title = words.say("{name}: the day in figures", name=bold(name(story.name)))
    if story.again:
        lines.append(
            words.say("It went on after its first end; these figures take the place of the earlier ones.")
        )
    return Message(
        symbol="🏁",
        title=title,
        lines=(*lines, *told),
        fields=fields,
        footer=words.say("{footer}.", footer=footer),
    )


def _record(story: Story, one: BrokenRecord, words: Words) -> Line:
    return words.say(
        "🏆 Record {scope}: {figure}, {margin} more than {rival}.",
        scope=_scope(story, one.standing.scope, words),
        figure=bold(figure_text(story, one, words)),
        margin=margin(one.value, one.standing.previous, one.measure, words),
        rival=rival_line(one.standing.previous, one.measure, words, called=story.name),
    )


def _scope(story: Story, scope: Scope, words: Words) -> str:
    match scope:
        case Scope.WATCH:
            return words.text("of {name}", name=name(story.name))
        case Scope.CHAT:
            return words.text("in this chat")
        case Scope.PLATFORM:
            return words.text("on {platform}", platform=platform_name(story.platform))
