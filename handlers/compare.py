"""/compare: two sessions side by side; or where the live one stands at this minute."""

from __future__ import annotations

from dataclasses import replace

from bot.domain.measure import Measure
from bot.ports.command import Param, Request, Takes
from bot.ports.message import Field, Line, Message, Picture
from bot.services import comparing, courses, watching
from bot.services.comparing import AT_ONCE, COMPARED, Comparison, Side, Why
from bot.services.context import Services
from bot.services.events import Event
from bot.services.ties import Thing, units_of
from bot.texts import charting as drawn
from bot.texts.alerts.common import name
from bot.texts.units import platform_name, value_text
from bot.texts.words import N_, Words, bold
from handlers.beside import called, counts, length, minute_lines, over, shown, unit_of, zone_of
from handlers.chart import excuse, painted
from handlers.command import Command, Group, Mistake
from handlers.sides import known, sides, wanted

BEST = "/compare Night Radio last best"
_LABELS = {
    Measure.PEAK: N_("Peak"),
    Measure.AVERAGE: N_("Average"),
    Measure.TUNED_IN: N_("Tuned in"),
    Measure.POSTS: N_("Posts"),
    Measure.AIRTIME: N_("Airtime"),
}


async def compare(request: Request, services: Services, words: Words) -> Message:
    if request.text.strip():
        found = sides(request.text, await known(request, services), words)
    else:
        found = [(await watching.find(services, request, ""), [])]
    try:
        return await _answer(request, services, words, found)
    except comparing.NoSession as missing:
        raise Mistake(_missing(missing, words), example=BEST) from None
    except comparing.OnlyOne as only:
        raise Mistake(
            words.say("{name} has only one session so far: there is nothing to compare it with.", name=only.name)
        ) from None
    except comparing.SameSession:
        raise Mistake(words.say("Both are the same session."), example=BEST) from None


async def _answer(
    request: Request, services: Services, words: Words, found: list[tuple[Thing, list[str]]]
) -> Message:
    match found:
        case [(thing, [])]:
            minute = await comparing.minute(services, request, thing, average=True)
            if minute is not None and minute.rivals:
                best = next((one.event for one in minute.rivals if one.event is not None), None)
                answer = _now(minute, words)
                return await _drawn(answer, [minute.event, *([best] if best is not None else [])], services, words)
            found_ = await comparing.with_its_best(services, request, thing)
            return await _with_picture(found_, services, words)
        case [(thing, [word])]:
            asked = (wanted(thing, None), wanted(thing, word))
        case [(thing, [word, other])]:
            asked = (wanted(thing, word), wanted(thing, other))
        case [(left, one), (right, two)] if len(one) <= 1 and len(two) <= 1:
            asked = (wanted(left, next(iter(one), None)), wanted(right, next(iter(two), None)))
        case _:
            raise Mistake(words.say("I compare two sessions at a time."))
    zone = zone_of(asked[0].thing, words).timezone
    return await _with_picture(await comparing.compare(services, request, *asked, zone=zone), services, words)


async def _with_picture(found: Comparison, services: Services, words: Words) -> Message:
    """Return two sessions side by side; drawn on one axis where they count the same."""
    message = _beside(found, words)
    if not found.comparable(Measure.PEAK):
        return message
    return await _drawn(message, [found.left.event, found.right.event], services, words)


async def _drawn(message: Message, shown: list[Event], services: Services, words: Words) -> Message:
    """Return a message with the lines of some events, where there are any to draw."""
    words = zone_of(shown[0].of, words)
    made = [replace(await courses.of(services, one), unit=unit_of(one.of, words)) for one in shown]
    if not all(one.enough for one in made):
        return message
    picture = await painted(services, drawn.compared(made, words), alt=drawn.alt_compared(made, words))
    if isinstance(picture, Picture):
        return replace(message, picture=picture)
    return replace(message, lines=(*message.lines, excuse(picture, words)))


def _missing(missing: comparing.NoSession, words: Words) -> Line:
    if missing.day is not None:
        return words.say(
            "{name} has no session that began on {day}.", name=missing.name, day=words.day(missing.day)
        )
    return words.say("{name} has no session yet.", name=missing.name)


def _now(minute: comparing.Minute, words: Words) -> Message:
    """Say where what is live stands among its own."""
    thing = minute.event.of
    words = zone_of(thing, words)
    return Message(
        symbol="🔴",
        title=words.say(
            "{name}, {time} in: {figure}",
            name=bold(name(thing.name)),
            time=length(words, minute.at),
            figure=bold(words.exact(minute.value)),
        ),
        lines=(words.say("At the same minute:"), *minute_lines(minute, words)),
        footer=words.say("{counts}, at the same minute of airtime.", counts=counts(thing, words)),
    )


def _beside(found: Comparison, words: Words) -> Message:
    left, right = found.left, found.right
    lines = [called(left.event, words), called(right.event, words)]
    if found.at is not None:
        lines.append(words.say("Both as they stood {time} in.", time=length(words, found.at)))
    if found.why is not None:
        lines.append(_why(found, words))
    fields = [] if found.at is None else _then(found, words)
    for measure in COMPARED:
        if found.at is not None and measure is Measure.AIRTIME:
            continue
        field = _field(found, measure, words)
        if field is not None:
            fields.append(field)
    return Message(
        symbol="⚖️",
        title=_heading(left.event, right.event, words),
        lines=tuple(lines),
        fields=tuple(fields),
        footer=_coverage(found, words),
    )


def _heading(one: Event, other: Event, words: Words) -> Line:
    if one.of.name == other.of.name:
        return words.say("Two sessions of {name}", name=bold(name(one.of.name)))
    return words.say("{one} against {other}", one=bold(name(one.of.name)), other=bold(name(other.of.name)))


def _then(found: Comparison, words: Words) -> list[Field]:
    """Return how many were there at the same minute."""
    assert found.at is not None
    label = words.text("{time} in", time=length(words, found.at))
    one, other = found.left.then, found.right.then
    values = [_figure_then(side, words) for side in (found.left, found.right)]
    if one is None or other is None or not found.comparable(Measure.PEAK):
        return [Field(label, words.say("{one} and {other}", one=values[0], other=values[1]))]
    how = over(words, Measure.AVERAGE, one, other)
    return [Field(label, words.say("{one} against {other}: {how}", one=values[0], other=values[1], how=how))]


def _figure_then(side: Side, words: Words) -> Line:
    if side.then is None:
        return words.say("over by then") if side.over else words.say("no figure")
    return (bold(words.exact(shown(Measure.AVERAGE, side.then))),)


def _field(found: Comparison, measure: Measure, words: Words) -> Field | None:
    one, other = (side.measures.values.get(measure) for side in (found.left, found.right))
    if one is None and other is None:
        return None
    label = words.text(_LABELS[measure])
    values = [
        words.say("unknown") if value is None else (bold(value_text(words, measure, value)),)
        for value in (one, other)
    ]
    if one is None or other is None or not found.comparable(measure):
        return Field(label, words.say("{one} and {other}", one=values[0], other=values[1]))
    how = over(words, measure, one, other)
    return Field(label, words.say("{one} against {other}: {how}", one=values[0], other=values[1], how=how))


def _why(found: Comparison, words: Words) -> Line:
    """Say in one sentence why figures only stand side by side."""
    one, other = found.left.event.of, found.right.event.of
    if found.why is Why.UNITS and {unit for unit, _ in units_of(one)} != {unit for unit, _ in units_of(other)}:
        return words.say(
            "One counts {one}, the other {other}: unlike things are not compared.",
            one=counts(one, words),
            other=counts(other, words),
        )
    if found.why is Why.UNITS:
        return words.say("What these numbers count is not known to be the same, so they are not compared.")
    return words.say(
        "{platforms} count in ways of their own and are not compared, unless you say so: {example}",
        platforms=words.list(sorted({platform_name(p) for thing in (one, other) for _, p in units_of(thing)})),
        example="/settings across on",
    )


def _coverage(found: Comparison, words: Words) -> Line:
    known = [side.measures.coverage for side in (found.left, found.right)]
    shares = [words.text("an unknown part") if share is None else words.percent(share) for share in known]
    if not AT_ONCE & {*found.left.measures.values, *found.right.measures.values}:
        return ()
    return words.say("Of the airtime, {one} and {other} are covered.", one=shares[0], other=shares[1])


COMMAND = Command(
    name="compare",
    about=N_("Two sessions side by side, or this minute against the best"),
    group=Group.ASK,
    run=compare,
    example="/compare Night Radio",
    params=(
        Param("a", N_("what is watched or tied here; last, best or a day may follow"), Takes.NAME, ties=True),
        Param("b", N_("what to compare it with; last, best or a day may follow"), Takes.NAME, ties=True),
    ),
)
