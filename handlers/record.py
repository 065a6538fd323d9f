"""/record: enter a record known from outside, dispute one, remove one."""

from __future__ import annotations

import re
from datetime import date

from bot.domain.alerts.milestone import parse_ladder
from bot.domain.alerts.record import Scope
from bot.domain.measure import RECORDED, Measure
from bot.ports.command import Param, Request, Takes, Who
from bot.ports.message import Message
from bot.services import book, watching
from bot.services.context import Services
from bot.texts.alerts.common import name
from bot.texts.units import PLATFORMS, measure_name, platform_name, value_text
from bot.texts.words import N_, Words, bold
from handlers.arguments import quoted
from handlers.command import Command, Group, Mistake
from storage.records import Entry

ADD = '/record add 44,000 peak "K-POP Lyrical Space" on x 2022-03-15 https://example.org/report'
_DATE = re.compile(r"\d{4}(-\d{2}(-\d{2})?)?")
_DISPUTED, _AT_LEAST, _EVERYWHERE = "disputed", "at-least", "everywhere"


async def record(request: Request, services: Services, words: Words) -> Message:
    action, _, rest = request.text.strip().partition(" ")
    match action.lower():
        case "add":
            return await _add(request, services, words, rest)
        case "dispute":
            return await _dispute(request, services, words, rest)
        case "remove":
            return await _remove(request, services, words, rest)
    raise Mistake(words.say("Say add, dispute or remove."), example=ADD)


async def _add(request: Request, services: Services, words: Words, text: str) -> Message:
    typed = quoted(text)
    if not typed:
        raise Mistake(words.say("Say the value, the measure and the holder."), example=ADD)
    value = _value(typed.pop(0), words)
    flags = {flag for flag in (_DISPUTED, _AT_LEAST, _EVERYWHERE) if flag in typed}
    typed = [word for word in typed if word not in flags]
    measure = next((word for word in typed if word.lower() in list(RECORDED)), None)
    if measure is None:
        measures = words.list([one.value for one in RECORDED])
        raise Mistake(words.say("Say which measure it is, one of {measures}.", measures=measures), example=ADD)
    typed.remove(measure)
    link = next((word for word in typed if word.startswith(("https://", "http://"))), None)
    typed = [word for word in typed if word != link]
    day = next((word for word in typed if _DATE.fullmatch(word)), None)
    typed = [word for word in typed if word != day]
    if day is not None and len(day) == len("2022-03-15"):
        _check_day(day, words)
    platform = await _platform(request, services, words, typed)
    holder = " ".join(typed)
    if not holder:
        raise Mistake(words.say("Say whose record it is."), example=ADD)
    if _EVERYWHERE in flags and not request.is_operator:
        raise Mistake(words.say("Only those who run this bot enter records for all chats."), example=ADD)
    entry = Entry(
        platform=platform,
        measure=measure.lower(),
        scope=Scope.PLATFORM,
        value=value,
        holder=holder[:200],
        date=day,
        link=link,
        disputed=_DISPUTED in flags,
        at_least=_AT_LEAST in flags,
    )
    number = await book.add(services, request, entry, everywhere=_EVERYWHERE in flags)
    kind = Measure(entry.measure)
    return Message(
        symbol="📗",
        title=words.say(
            "Entered as #{number}: {value} {measure} on {platform} by {holder}.",
            number=str(number),
            value=bold(value_text(words, kind, entry.value)),
            measure=measure_name(words, kind),
            platform=platform_name(platform),
            holder=name(entry.holder),
        ),
        lines=(words.say("It counts from now on, marked as imported."),),
    )


def _value(word: str, words: Words) -> float:
    try:
        return parse_ladder([word])[0]
    except ValueError:
        raise Mistake(
            words.say("“{word}” is not a figure: begin with the value.", word=word[:40]), example=ADD
        ) from None


def _check_day(day: str, words: Words) -> None:
    try:
        date.fromisoformat(day)
    except ValueError:
        raise Mistake(words.say("There is no day {day}.", day=day), example=ADD) from None


async def _platform(request: Request, services: Services, words: Words, typed: list[str]) -> str:
    """Take ``on <platform>`` out of what was typed, or the only platform that is watched here."""
    lowered = [word.lower() for word in typed]
    if "on" in lowered[:-1]:
        place = len(lowered) - 2 - lowered[:-1][::-1].index("on")
        platform = lowered[place + 1]
        del typed[place : place + 2]
        known = {*PLATFORMS, *services.registry.sources} | await _watched(request, services)
        if platform not in known:
            raise Mistake(
                words.say(
                    "I know no platform “{platform}”; there are: {platforms}.",
                    platform=platform[:40],
                    platforms=words.list(sorted(known)),
                ),
                example=ADD,
            )
        return platform
    platforms = await _watched(request, services)
    if len(platforms) != 1:
        raise Mistake(words.say("Say on which platform it was."), example=ADD)
    return platforms.pop()


async def _watched(request: Request, services: Services) -> set[str]:
    return {one.watch.platform for one in await watching.listed(services, request)}


async def _dispute(request: Request, services: Services, words: Words, text: str) -> Message:
    number, reason = _number(text, words, "/record dispute 3 Other reports say 57,000")
    try:
        entry = await book.dispute(services, request, number, reason or None)
    except (book.NoSuchEntry, book.NotYours) as error:
        raise _not_found(error, number, words) from None
    return Message(
        symbol="📗",
        title=words.say(
            "#{number} by {holder} is marked as disputed.", number=str(number), holder=name(entry.holder)
        ),
    )


async def _remove(request: Request, services: Services, words: Words, text: str) -> Message:
    number, _ = _number(text, words, "/record remove 3")
    try:
        entry = await book.remove(services, request, number)
    except (book.NoSuchEntry, book.NotYours) as error:
        raise _not_found(error, number, words) from None
    return Message(
        symbol="📗",
        title=words.say("#{number} by {holder} no longer counts.", number=str(number), holder=name(entry.holder)),
    )


def _number(text: str, words: Words, example: str) -> tuple[int, str]:
    word, _, rest = text.strip().partition(" ")
    digits = word.lstrip("#")
    if not digits.isdecimal() or len(digits) > 9:
        raise Mistake(words.say("Say the number that /records shows."), example=example)
    return int(digits), rest.strip()[:200]


def _not_found(error: Exception, number: int, words: Words) -> Mistake:
    if isinstance(error, book.NotYours):
        return Mistake(
            words.say("#{number} is everybody’s: only those who run this bot change it.", number=str(number)),
            example="/records",
        )
    return Mistake(words.say("There is no record #{number} here.", number=str(number)), example="/records")


COMMAND = Command(
    name="record",
    about=N_("Enter, dispute or remove a record known from outside"),
    group=Group.SET_UP,
    run=record,
    who=Who.ADMINS,
    example=ADD,
    params=(
        Param("action", N_("add, dispute or remove"), required=True, choices=("add", "dispute", "remove")),
        Param("details", N_("value, measure, holder, date, link; or its number"), Takes.REST),
    ),
)
