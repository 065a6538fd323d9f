"""Phrases that comparisons share: what is counted, by how much one is ahead, where a minute stands."""

from __future__ import annotations

from bot.domain import MINUTE
from bot.domain.measure import Measure
from bot.ports.message import Line
from bot.services.comparing import Against, Minute, Rival
from bot.services.events import Event
from bot.services.ties import Thing, Tied, units_of
from bot.texts.alerts.common import MANY_TIMES, name
from bot.texts.units import platform_name, unit_name, value_text
from bot.texts.words import Words, bold


def counts(thing: Thing, words: Words) -> str:
    """Return what is counted and where: "viewers on YouTube + viewers on Twitch"."""
    return " + ".join(
        words.text("{unit} on {platform}", unit=unit_name(words, unit), platform=platform_name(platform))
        for unit, platform in units_of(thing)
    )


def unit_of(thing: Thing, words: Words) -> str:
    """Return the unit of a line: a watch's own as its source names it, or what a sum is of, said."""
    return counts(thing, words) if isinstance(thing, Tied) else thing.watch.unit


def zone_of(thing: Thing, words: Words) -> Words:
    """Return how the reader is told about a watch, or about the first of tied ones."""
    one = thing.watches[0] if isinstance(thing, Tied) else thing
    return words.of(one.watch.timezone)


def shown(measure: Measure, value: float) -> float:
    """Return a value as far as it is shown, so that margins are those of what is read."""
    return round(value) if measure is Measure.AVERAGE and value >= 100 else value


def over(words: Words, measure: Measure, value: float, rival: float) -> str:
    """Return by how much a value is ahead: "15,100 (23%) ahead", "7 min (5%) shorter", "level"."""
    value, rival = shown(measure, value), shown(measure, rival)
    more = value - rival
    if not more:
        return words.text("level")
    margin = value_text(words, measure, abs(more))
    if rival and abs(more) <= MANY_TIMES * rival:
        margin = words.text("{margin} ({share})", margin=margin, share=words.percent(abs(more) / rival))
    if measure is Measure.AIRTIME:
        return (
            words.text("{margin} longer", margin=margin)
            if more > 0
            else words.text("{margin} shorter", margin=margin)
        )
    return (
        words.text("{margin} ahead", margin=margin) if more > 0 else words.text("{margin} behind", margin=margin)
    )


def length(words: Words, ms: int) -> str:
    """Return how far into a session it is, in whole minutes."""
    return words.duration(ms // MINUTE * MINUTE if ms >= MINUTE else ms)


def minute_line(found: Minute, words: Words) -> Line | None:
    """Return where a session stands at this minute, in one line; None where there is nothing to compare with."""
    if not found.rivals:
        return None
    parts = [_stands(found.value, one, words) for one in found.rivals]
    return words.say("{time} in: {standing}.", time=length(words, found.at), standing=words.list(parts))


def minute_lines(found: Minute, words: Words) -> list[Line]:
    """Return the same with all figures, a line for each that it is compared with."""
    lines = []
    for one in found.rivals:
        whom = _whom(one, words)
        if one.value is None:
            lines.append(words.say("{standing}", standing=_unknown(one, words)))
            continue
        lines.append(
            words.say(
                "{figure} at {whom}: {how}",
                figure=bold(words.exact(shown(Measure.AVERAGE, one.value))),
                whom=whom,
                how=over(words, Measure.AVERAGE, found.value, one.value),
            )
        )
    return lines


def _stands(value: float, one: Rival, words: Words) -> str:
    """Return where a value stands against another: "23% ahead of the best session (20 April 2022)"."""
    if one.value is None:
        return _unknown(one, words)
    whom, more = _whom(one, words), value - one.value
    if not more:
        return words.text("level with {whom}", whom=whom)
    if not one.value or more > MANY_TIMES * one.value:
        return words.text("{margin} ahead of {whom}", margin=words.exact(round(more)), whom=whom)
    share = words.percent(abs(more) / one.value)
    if more > 0:
        return words.text("{share} ahead of {whom}", share=share, whom=whom)
    return words.text("{share} behind {whom}", share=share, whom=whom)


def _unknown(one: Rival, words: Words) -> str:
    whom = _whom(one, words)
    if one.over:
        return words.text("{whom} was over by then", whom=whom)
    return words.text("{whom} has no figure of that minute", whom=whom)


def _whom(one: Rival, words: Words) -> str:
    if one.against is Against.AVERAGE:
        return words.text("the average of the last {n} with a figure", n=words.exact(one.of))
    assert one.event is not None
    date = words.date(one.event.first_at).text
    if one.also_last:
        return words.text("the last and best session ({date})", date=date)
    if one.against is Against.BEST:
        return words.text("the best session ({date})", date=date)
    return words.text("the last session ({date})", date=date)


def called(event: Event, words: Words) -> Line:
    """Return which session it is: its name, when it began, and what is to be known of it."""
    words = zone_of(event.of, words)
    line = words.say("{name}, {date}", name=bold(name(event.of.name)), date=words.date(event.first_at))
    if event.has_clock:
        line = words.say("{session}, {time}", session=line, time=words.time(event.first_at))
    if event.is_live:
        line = words.say("{session}, live", session=line)
    if event.origin is not None:
        line = words.say("{session}, imported", session=line)
    return words.say("{session}: {counts}", session=line, counts=counts(event.of, words))
