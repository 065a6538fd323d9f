"""Phrases that several kinds of alert share."""

from __future__ import annotations

from bot.domain import MINUTE
from bot.domain.alerts.record import Rival, Scope
from bot.domain.measure import Measure
from bot.domain.outside import clean
from bot.domain.pace import Estimate
from bot.domain.session import Session
from bot.domain.story import BrokenRecord, Chase, Story
from bot.ports.message import Line, Span
from bot.texts.units import counted, measure_name, platform_name, value_text
from bot.texts.words import Words, bold, link

#: A title or name from outside takes no more room than this.
TITLE_LIMIT = 200
NAME_LIMIT = 80
#: A margin of more than so many times the rival is not a matter of per cent.
MANY_TIMES = 10


def name(text: str) -> str:
    """Return a name from outside, fit for a line."""
    return clean(text, limit=NAME_LIMIT)


def about(session: Session, words: Words, *, called: str) -> Line | None:
    """Return what the session is called and who hosts it, as far as known and not said by the name already."""
    title = clean(session.title or "", limit=TITLE_LIMIT)
    if title.casefold() == called.casefold():
        title = ""
    who = hosts(session, words)
    quoted = words.text("“{title}”", title=title)
    shown: str | Span = link(quoted, session.url) if session.url else quoted
    if title and who:
        return words.say("{title} with {hosts}", title=shown, hosts=who)
    if title:
        return words.say("{title}", title=shown)
    if who:
        return words.say("With {hosts}", hosts=who)
    return None


def hosts(session: Session, words: Words) -> str:
    """Return who hosts a session; empty if that is not known."""
    shown = [clean(host, limit=NAME_LIMIT) for host in session.hosts[:5]]
    return words.list([host for host in shown if host])


def estimated(estimate: Estimate, words: Words) -> str:
    """Return when something may be reached, in whole minutes: more would be pretended."""
    soonest, latest = (max(1, round(ms / MINUTE)) for ms in (estimate.soonest, estimate.latest))
    if soonest == latest:
        return words.text("about {time}", time=words.duration(latest * MINUTE))
    return words.text("{soonest} to {latest} min", soonest=words.exact(soonest), latest=words.exact(latest))


def late(story: Story, words: Words) -> tuple[Line, ...]:
    """Return the line that says a mark may have risen earlier, if so."""
    if not story.late:
        return ()
    return (words.say("Seen late: no readings came for a while, so it may have happened earlier."),)


def sampling(story: Story, words: Words) -> str:
    """Return how often a figure was measured."""
    return words.text("read every {interval}", interval=words.duration(story.interval))


def rival_line(rival: Rival, measure: Measure, words: Words, *, called: str) -> Line:
    """Return whose a record was, how high and when: "44,000 by K-POP Lyrical Space (20 April 2022)".

    Args:
        called: Who beats it: what is of the same name is "its own".
    """
    value = value_text(words, measure, rival.value)
    if rival.at_least:
        value = words.text("at least {value}", value=value)
    if rival.holder.casefold() == called.casefold() and not rival.imported:
        if rival.date:
            return words.say("its own {value} ({date})", value=bold(value), date=words.day(rival.date))
        return words.say("its own {value}", value=bold(value))
    holder: str | Span = name(rival.holder)
    if rival.link:
        holder = link(name(rival.holder), rival.link)
    if rival.date:
        return words.say(
            "{value} by {holder} ({date})", value=bold(value), holder=holder, date=words.day(rival.date)
        )
    return words.say("{value} by {holder}", value=bold(value), holder=holder)


def provenance(rival: Rival, words: Words) -> Line | None:
    """Return the small print on an imported record, or None for one of ours."""
    if not rival.imported:
        return None
    note = clean(rival.note or "", limit=TITLE_LIMIT)
    if rival.disputed and note:
        return words.say("The old figure is imported, not observed by us, and disputed: {note}", note=note)
    if rival.disputed:
        return words.say("The old figure is imported, not observed by us, and disputed.")
    return words.say("The old figure is imported, not observed by us.")


def margin(value: float, rival: Rival, measure: Measure, words: Words) -> Line:
    """Return by how much a value beats a rival: "40 (3%)", of the values as they are shown."""
    shown, before = (
        round(one) if measure is Measure.AVERAGE and one >= 100 else one for one in (value, rival.value)
    )
    more = shown - before
    over = value_text(words, measure, more)
    many_times = not before or more > MANY_TIMES * before
    if not many_times:
        over = words.text("{margin} ({share})", margin=over, share=words.percent(more / before))
    if rival.at_least:
        over = words.text("up to {margin}", margin=over)
    return words.say("{margin}", margin=over)


def figure_text(story: Story, one: BrokenRecord | Chase, words: Words) -> str:
    """Return a record's value with its unit, in full."""
    if one.measure is Measure.PEAK:
        spans = counted(words, one.value, story.unit)
        return words.text("{figure} at once", figure=spans)
    if one.measure is Measure.AVERAGE:
        value = round(one.value) if one.value >= 100 else one.value
        return words.text("an average of {figure} at once", figure=counted(words, value, story.unit))
    if one.measure in (Measure.TUNED_IN, Measure.POSTS, Measure.VIEWS):
        return words.text("{figure}", figure=counted(words, one.value, story.unit, one.measure))
    return words.text(
        "{value} {measure}",
        value=value_text(words, one.measure, one.value),
        measure=measure_name(words, one.measure),
    )


def record_held(story: Story, one: BrokenRecord, words: Words) -> Line:
    """Return the line of a record that a session holds: whose it was, and by how much it fell."""
    return words.say(
        "🏆 Record {scope}: {figure}, {margin} more than {rival}.",
        scope=scope_name(story, one.standing.scope, words),
        figure=bold(figure_text(story, one, words)),
        margin=margin(one.value, one.standing.previous, one.measure, words),
        rival=rival_line(one.standing.previous, one.measure, words, called=story.name),
    )


def chased(story: Story, words: Words) -> Line:
    """Return how near a session has come to the record that it is after."""
    chase = story.chase
    assert chase is not None
    share, scope = bold(words.percent(chase.share)), scope_name(story, chase.scope, words)
    rival = rival_line(chase.rival, chase.measure, words, called=story.name)
    if story.overtakes is None:
        return words.say("🎯 {share} of the record {scope}: {rival}.", share=share, scope=scope, rival=rival)
    return words.say(
        "🎯 {share} of the record {scope}: {rival}; at this pace in {time}.",
        share=share,
        scope=scope,
        rival=rival,
        time=estimated(story.overtakes, words),
    )


def missed(story: Story, words: Words) -> Line:
    """Return by how much a session missed the nearest record."""
    chase = story.chase
    assert chase is not None
    scope = scope_name(story, chase.scope, words)
    rival = rival_line(chase.rival, chase.measure, words, called=story.name)
    short = chase.rival.value - chase.value
    if not short:
        return words.say("Equals the record {scope}, and does not break it: {rival}.", scope=scope, rival=rival)
    value = value_text(words, chase.measure, short)
    if chase.rival.at_least:
        value = words.text("at least {value}", value=value)
    return words.say(
        "Missed the record {scope} by {margin} ({share} of it): {rival}.",
        scope=scope,
        margin=value,
        share=words.percent(chase.share),
        rival=rival,
    )


def scope_name(story: Story, scope: Scope, words: Words) -> str:
    """Return among whom a record is the best."""
    match scope:
        case Scope.WATCH:
            return words.text("of {name}", name=name(story.name))
        case Scope.CHAT:
            return words.text("in this chat")
        case Scope.PLATFORM:
            return words.text("on {platform}", platform=platform_name(story.platform))
