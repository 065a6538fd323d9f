"""Phrases that several kinds of alert share."""

from __future__ import annotations

from bot.domain import MINUTE
from bot.domain.alerts.record import Rival
from bot.domain.measure import Measure
from bot.domain.outside import clean
from bot.domain.pace import Estimate
from bot.domain.session import Session
from bot.domain.story import Story
from bot.ports.message import Line, Span
from bot.texts.units import value_text
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
    hosts = [clean(host, limit=NAME_LIMIT) for host in session.hosts[:5]]
    who = words.list([host for host in hosts if host])
    quoted = words.text("“{title}”", title=title)
    shown: str | Span = link(quoted, session.url) if session.url else quoted
    if title and who:
        return words.say("{title} with {hosts}", title=shown, hosts=who)
    if title:
        return words.say("{title}", title=shown)
    if who:
        return words.say("With {hosts}", hosts=who)
    return None


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
