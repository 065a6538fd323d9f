"""/live: what is on the air, and what is announced."""

from __future__ import annotations

from bot.domain.measure import MARK_OF, Measure, measured
from bot.domain.outside import clean
from bot.domain.reading import Metric
from bot.domain.statistics import JOINED_INTERVALS, Tally
from bot.ports.command import Request
from bot.ports.message import Line, Message
from bot.services import statistics
from bot.services.context import Services
from bot.services.watching import NoWatches
from bot.texts.alerts.common import TITLE_LIMIT
from bot.texts.units import counted
from bot.texts.words import N_, Words, bold
from handlers.command import Command, Group


async def live(request: Request, services: Services, words: Words) -> Message:
    found = await statistics.on_air(services, request)
    if found is None:
        raise NoWatches
    lines = [_line(one, services.clock(), words) for one in found]
    if not any(one.session.is_live for one in found):
        return Message(symbol="⚪", title=words.say("Nothing is live right now."), lines=tuple(lines))
    return Message(symbol="🔴", title=words.say("Live now"), lines=tuple(lines))


def _line(one: statistics.Shown, now: int, words: Words) -> Line:
    tally = one.session.tally
    if not one.session.is_live or tally.first_at is None:
        return _announced(one, words)
    time = words.duration(max(0, now - tally.first_at))
    if one.session.gone_at is not None:
        return words.say(
            "{name}: {time} in, gone since {since}; it may come back",
            name=bold(one.name),
            time=time,
            since=words.time(one.session.gone_at),
        )
    measure = MARK_OF[Metric(one.watch.metric)]
    value, at = _figure(tally, measure)
    stale = one.watch.trouble is not None or now - at > JOINED_INTERVALS * one.watch.interval
    if value is None and stale:
        return words.say(
            "{name}: seen at {time}, nothing is known since", name=bold(one.name), time=words.time(at)
        )
    if value is None:
        return words.say("{name}: {time} in, its figure is not shown", name=bold(one.name), time=time)
    figure = counted(words, value, one.watch.unit, None if measure is Measure.PEAK else measure)
    if stale:
        return words.say(
            "{name}: {figure} at {time}, no figures since", name=bold(one.name), figure=figure, time=words.time(at)
        )
    if one.watch.daily and measure is not Measure.PEAK:
        return words.say("{name}: {figure} today", name=bold(one.name), figure=figure)
    return words.say("{name}: {figure}, {time} in", name=bold(one.name), figure=figure, time=time)


def _figure(tally: Tally, measure: Measure) -> tuple[float | None, int]:
    """Return the figure of the kind that the watch is about, as it was last known, and when that was."""
    last = tally.last_at or 0
    if measure is Measure.PEAK:
        return tally.now or (None, last)
    return measured(tally, measure), last


def _announced(one: statistics.Shown, words: Words) -> Line:
    """Return what is to come, and when as far as that is known."""
    name, due = bold(one.name), one.session.started_at
    title = clean(one.session.title or "", limit=TITLE_LIMIT)
    what = words.say("{name}, “{title}”", name=name, title=title) if title else words.say("{name}", name=name)
    if due is None:
        return words.say("{what}: announced", what=what)
    words = words.of(one.watch.timezone)
    return words.say("{what}: announced for {date}, {time}", what=what, date=words.date(due), time=words.time(due))


COMMAND = Command(name="live", about=N_("What is live now"), group=Group.ASK, run=live, example="/live")
