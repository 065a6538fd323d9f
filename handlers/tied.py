"""The figures of tied watches: the sum of what is on the air together, and its parts."""

from __future__ import annotations

from bot.domain.measure import Measure
from bot.ports.command import Request
from bot.ports.message import Field, Line, Message
from bot.services import comparing, sums
from bot.services.context import Services
from bot.services.sums import Sum
from bot.services.ties import Tied
from bot.texts.alerts.common import name
from bot.texts.units import counted, value_text
from bot.texts.words import Words, bold
from handlers.beside import counts, minute_line, zone_of


async def tied_stats(thing: Tied, request: Request, services: Services, words: Words) -> Message:
    """Return the figures of the live event of a tie, or of the last one."""
    words = zone_of(thing, words)
    found = await sums.of(services, thing)
    if found is None:
        title = words.say("{name} has not been live yet", name=bold(name(thing.name)))
        return Message(symbol="⚪", title=title, lines=(words.say("{counts}.", counts=counts(thing, words)),))
    event = found.event
    lines: list[Line] = []
    fields: list[Field] = []
    if event.is_live:
        symbol = "🔴"
        title = words.say(
            "{name} has been live for {time}",
            name=bold(name(thing.name)),
            time=words.duration(max(0, services.clock() - event.first_at)),
        )
        if found.now is not None and found.now_at is not None:
            now = words.say(
                "{figure} together, at {time}",
                figure=bold(words.exact(found.now)),
                time=words.time(found.now_at),
            )
            fields.append(Field(words.text("Now"), now))
        else:
            lines.append(words.say("One of them has no figure right now, so there is no sum."))
        minute = await comparing.minute(services, request, thing, average=False)
        standing = minute_line(minute, words) if minute is not None else None
        lines += [standing] if standing is not None else []
    else:
        symbol = "⚪"
        title = words.say(
            "{name} is not live; last on {date}", name=bold(name(thing.name)), date=words.date(event.first_at)
        )
    fields += _measures(found, words)
    lines += [_part(watch_name, value, unit, words) for watch_name, unit, value in found.parts]
    return Message(
        symbol=symbol,
        title=title,
        lines=tuple(lines),
        fields=tuple(fields),
        footer=_footer(found, words),
    )


def _measures(found: Sum, words: Words) -> list[Field]:
    fields = []
    peak, average = found.measures.values.get(Measure.PEAK), found.measures.values.get(Measure.AVERAGE)
    if peak is not None and found.measures.peak_at is not None:
        at = words.time(found.measures.peak_at)
        fields.append(
            Field(words.text("Peak"), words.say("{figure} at {time}", figure=bold(words.exact(peak)), time=at))
        )
    if average is not None:
        value = bold(value_text(words, Measure.AVERAGE, average))
        fields.append(Field(words.text("Average"), words.say("{value} at once", value=value)))
    if not found.event.is_live:
        airtime = value_text(words, Measure.AIRTIME, found.measures.values[Measure.AIRTIME])
        fields.append(Field(words.text("Airtime"), words.say("{value}", value=airtime)))
    return fields


def _part(called: str, value: float | None, unit: str, words: Words) -> Line:
    """Return the peak of one of them: peaks of different moments, which are not added."""
    if value is None:
        return words.say("{name}: no figure", name=name(called))
    return words.say("{name} alone: peak {figure}", name=name(called), figure=counted(words, value, unit))


def _footer(found: Sum, words: Words) -> Line:
    text = words.text("{counts}, added moment by moment", counts=counts(found.event.of, words))
    if found.measures.coverage is None:
        return words.say("{footer}.", footer=text)
    return words.say(
        "{how}, {coverage} of the airtime covered.", how=text, coverage=words.percent(found.measures.coverage)
    )
