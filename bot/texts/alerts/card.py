"""How a session stands, in one message that is edited in place; once it is over, its recap."""

from __future__ import annotations

from bot.domain import MINUTE
from bot.domain.story import Story
from bot.ports.message import Field, Line, Message, Span, Style
from bot.texts.alerts import ended
from bot.texts.alerts.common import about, chased, estimated, name, record_held, sampling
from bot.texts.figures import figures
from bot.texts.units import counted
from bot.texts.words import Words, bold


def write(story: Story, words: Words) -> Message:
    """Tell how it stands: now, the peak, what was passed and comes next, and the record it is after."""
    session = story.session
    if not session.is_live:
        return ended.write(story, words)
    tally = session.tally
    first = story.at if tally.first_at is None else tally.first_at
    fields: list[Field] = []
    if tally.now is not None:
        value, at = tally.now
        figure = bold(words.text("{figure}", figure=counted(words, value, story.unit)))
        fields.append(
            Field(words.text("Now"), words.say("{figure}, at {time}", figure=figure, time=words.time(at)))
        )
    lines: list[Line] = []
    what = about(session, words, called=story.name)
    if what is not None:
        lines.append(what)
    if story.curve:
        lines.append((Span(story.curve, Style.CODE),))
    lines += _rungs(story, words)
    lines += [record_held(story, one, words) for one in story.records]
    if story.chase is not None:
        lines.append(chased(story, words))
    if session.gone_at is not None:
        lines.append(words.say("Gone since {time}; it may still come back.", time=words.time(session.gone_at)))
    elif story.why is not None and story.since is not None:
        lines.append(
            words.say("⚠️ No figures since {time}: what is missing is unknown.", time=words.time(story.since))
        )
    footer = words.text("As of {time}, {sampling}", time=words.time(story.at), sampling=sampling(story, words))
    title = words.say(
        "{name} has been live for {time}",
        name=bold(name(story.name)),
        time=words.duration(max(MINUTE, (story.at - first) // MINUTE * MINUTE)),
    )
    return Message(
        symbol="🔴",
        title=title,
        lines=tuple(lines),
        fields=(*fields, *figures(tally, story.unit, words, live=True)),
        footer=words.say("{footer}.", footer=footer),
    )


def _rungs(story: Story, words: Words) -> list[Line]:
    last = None if story.passed is None else words.number(story.passed)
    ahead = None if story.next_rung is None else words.number(story.next_rung)
    if last is not None and ahead is not None and story.estimate is not None:
        time = estimated(story.estimate, words)
        return [
            words.say("📈 Passed {last}; next {next}, in {time} at this pace.", last=last, next=ahead, time=time)
        ]
    if last is not None and ahead is not None:
        return [words.say("📈 Passed {last}; next {next}.", last=last, next=ahead)]
    if last is not None:
        return [words.say("📈 Passed {last}.", last=last)]
    return [] if ahead is None else [words.say("📈 Next: {next}.", next=ahead)]
