"""A session is over: the recap."""

from __future__ import annotations

from bot.domain.story import Story
from bot.ports.message import Field, Line, Message
from bot.texts.alerts.common import about, missed, name, record_held, sampling
from bot.texts.figures import figures
from bot.texts.units import measure_name
from bot.texts.words import Words, bold

#: So many of the rungs passed stand in a recap, the last ones.
MOST_RUNGS = 5


def write(story: Story, words: Words) -> Message:
    """Tell how a session went: its measures with their coverage, and what it broke."""
    tally = story.session.tally
    lines: list[Line] = []
    what = about(story.session, words, called=story.name)
    if what is not None:
        lines.append(what)
    fields: tuple[Field, ...] = figures(tally, story.unit, words, unrivalled=story.unrivalled)
    told = [record_held(story, one, words) for one in story.records]
    if story.chase is not None:
        told.append(missed(story, words))
    told += [*_rank(story, words), *_rungs(story, words)]
    footer = words.text("Figures are ours, {sampling}", sampling=sampling(story, words))
    if tally.coverage is not None:
        footer = words.text(
            "{how}, {coverage} of the airtime covered", how=footer, coverage=words.percent(tally.coverage)
        )
    if tally.glitches:
        footer = words.text(
            "{how}; {glitches} left out as a glitch", how=footer, glitches=words.number(tally.glitches)
        )
    if story.since_end:
        footer = words.text("{how}; as of {time}, still growing", how=footer, time=_as_of(story, words))
    title = words.say("{name} ended after {time}", name=bold(name(story.name)), time=words.duration(tally.airtime))
    if story.session.daily:
        title = words.say("{name}: the day in figures", name=bold(name(story.name)))
    return Message(
        symbol="🏁",
        title=title,
        lines=(*lines, *small_print(story, words), *told),
        fields=fields,
        footer=words.say("{footer}.", footer=footer),
    )


def _as_of(story: Story, words: Words) -> str:
    """Return the time of day with its zone, and the day if it is another one than that of the end."""
    time, day = words.time(story.at).text, words.date(story.at).text
    last = story.session.tally.last_at
    if last is None or words.date(last).text == day:
        return time
    return words.text("{date}, {time}", date=day, time=time)


def small_print(story: Story, words: Words) -> tuple[Line, ...]:
    """Return that it was told before, if so."""
    if not story.again:
        return ()
    return (words.say("It went on after its first end; these figures take the place of the earlier ones."),)


def _rungs(story: Story, words: Words) -> list[Line]:
    """Return the rungs that were passed, the last ones with their times."""
    if not story.rungs:
        return []
    shown = [
        words.text("{rung} at {time}", rung=words.number(rung), time=words.time(at))
        for at, rung in story.rungs[-MOST_RUNGS:]
    ]
    return [words.say("📈 Passed {rungs}.", rungs=words.list(shown))]


def _rank(story: Story, words: Words) -> list[Line]:
    rank = story.rank
    if rank is None:
        return []
    return [
        words.say(
            "Number {place} of {n} sessions by {measure}.",
            place=bold(words.exact(rank.place)),
            n=words.exact(rank.sessions),
            measure=measure_name(words, rank.measure),
        )
    ]
