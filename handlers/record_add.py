"""/record add: a record known from outside, typed in any order."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from bot.domain import SECOND
from bot.domain.alerts.milestone import parse_ladder
from bot.domain.alerts.record import Scope
from bot.domain.measure import RECORDED, Measure
from bot.domain.rivals import BARE
from bot.ports.command import Request
from bot.ports.message import Line, Message
from bot.services import disputing, watching
from bot.services.context import Services
from bot.texts.alerts.common import name
from bot.texts.units import PLATFORMS, measure_name, platform_name, value_text
from bot.texts.words import Words, bold
from handlers.arguments import minutes, quoted
from handlers.command import Mistake
from handlers.dates import Found, NoSuchDay, WhichDay, take_day
from handlers.measures import measure_of, one_word
from storage.records import Entry

EXAMPLE = '/record add 44,000 peak "K-POP Lyrical Space" on x 2022-03-15 https://example.org/report'
_DISPUTED, _AT_LEAST, _EVERYWHERE = "disputed", "at-least", "everywhere"
_LEADS = {"by", "from"}
_LONGEST_HOLDER = 200


async def add(request: Request, services: Services, words: Words, text: str) -> Message:
    """Enter a record, and say what follows from it."""
    typed = quoted(_marks(text))
    if not typed:
        raise Mistake(words.say("Say the value, the measure and the holder."), example=EXAMPLE)
    flags = {flag for flag in (_DISPUTED, _AT_LEAST, _EVERYWHERE) if flag in typed}
    typed = [word for word in typed if word not in flags]
    link = next((word for word in typed if word.startswith(("https://", "http://"))), None)
    typed = [word for word in typed if word != link]
    found = _day(typed, services, words)
    day, typed = (found.day, found.rest) if found is not None else (None, typed)
    platform, typed = await _platform(request, services, words, typed)
    place = next((n for n, word in enumerate(typed) if measure_of(word) in RECORDED), None)
    measure = None if place is None else measure_of(typed[place])
    if place is not None:
        del typed[place]
    value, typed = _value(typed, measure, words)
    if measure is None:
        measures = words.list([one.value for one in RECORDED])
        raise Mistake(words.say("Say which measure it is, one of {measures}.", measures=measures), example=EXAMPLE)
    if typed and typed[0].lower() in _LEADS:
        del typed[0]
    holder = " ".join(typed)
    if not holder:
        raise Mistake(words.say("Say whose record it is."), example=EXAMPLE)
    if platform is None:
        raise Mistake(words.say("Say on which platform it was."), example=EXAMPLE)
    if _EVERYWHERE in flags and not request.is_operator:
        raise Mistake(words.say("Only those who run this bot enter records for all chats."), example=EXAMPLE)
    here = [one for one in await watching.listed(services, request) if one.watch.platform == platform]
    # A bare number is compared with nothing but itself: an entry of its name is an entry for it.
    of = next((one for one in here if one.watch.unit == BARE and one.name.casefold() == holder.casefold()), None)
    made = await disputing.add(
        services,
        request,
        Entry(
            platform=platform,
            measure=measure.value,
            scope=Scope.PLATFORM if of is None else Scope.WATCH,
            watch_id=None if of is None else of.watch.id,
            value=value,
            holder=holder[:_LONGEST_HOLDER],
            date=day,
            link=link,
            disputed=_DISPUTED in flags,
            at_least=_AT_LEAST in flags,
        ),
        everywhere=_EVERYWHERE in flags,
    )
    lines = [words.say("It counts from now on, marked as imported.")]
    if day is not None:
        lines.append(words.say("It was set: {date}.", date=words.day(day)))
    if made.posts:
        lines.append(corrected(made.posts, words))
    return Message(
        symbol="📗",
        title=words.say(
            "Entered as #{number}: {value} {measure} on {platform} by {holder}.",
            number=str(made.entry.id),
            value=bold(value_text(words, measure, value)),
            measure=measure_name(words, measure),
            platform=platform_name(platform),
            holder=name(made.entry.holder),
        ),
        lines=tuple(lines),
    )


def corrected(posts: int, words: Words) -> Line:
    """Say how many posts are being corrected."""
    return words.plural("{n} post is being corrected.", "{n} posts are being corrected.", posts)


def _marks(text: str) -> str:
    """Write what is marked in two words, and a measure of two words, as one."""
    return re.sub(r"\bat least\b", _AT_LEAST, one_word(text), flags=re.IGNORECASE)


def _day(typed: list[str], services: Services, words: Words) -> Found | None:
    zone = UTC if words.timezone == "UTC" else ZoneInfo(words.timezone)
    today = datetime.fromtimestamp(services.clock() / SECOND, tz=zone).date()
    try:
        return take_day(typed, language=words.language, today=today)
    except WhichDay as which:
        raise Mistake(
            words.say("That may be two days: write {days}.", days=" / ".join(which.days)), example=EXAMPLE
        ) from None
    except NoSuchDay as none:
        raise Mistake(
            words.say("There is no day {day}, or it is still to come.", day=str(none)[:40]), example=EXAMPLE
        ) from None


def _value(typed: list[str], measure: Measure | None, words: Words) -> tuple[float, list[str]]:
    """Take the figure out of what was typed: the first word that is one; a length of time, for airtime."""
    for place, word in enumerate(typed):
        value = _figure(word, measure)
        if value is not None:
            return value, [*typed[:place], *typed[place + 1 :]]
    if not typed:
        raise Mistake(words.say("Say the value, the measure and the holder."), example=EXAMPLE)
    raise Mistake(
        words.say("“{word}” is not a figure: begin with the value.", word=typed[0][:40]), example=EXAMPLE
    )


def _figure(word: str, measure: Measure | None) -> float | None:
    if measure is Measure.AIRTIME:
        length = minutes(word)
        return None if length is None else length * 60
    try:
        return next(iter(parse_ladder([word])), None)
    except ValueError:
        return None


async def _platform(
    request: Request, services: Services, words: Words, typed: list[str]
) -> tuple[str | None, list[str]]:
    """Take ``on <platform>`` out of what was typed; else it is the only platform that is watched here, if so."""
    lowered = [word.lower() for word in typed]
    watched = {one.watch.platform for one in await watching.listed(services, request)}
    if "on" in lowered[:-1]:
        place = len(lowered) - 2 - lowered[:-1][::-1].index("on")
        platform = lowered[place + 1]
        known = {*PLATFORMS, *services.registry.sources} | watched
        if platform not in known:
            raise Mistake(
                words.say(
                    "I know no platform “{platform}”; there are: {platforms}.",
                    platform=platform[:40],
                    platforms=words.list(sorted(known)),
                ),
                example=EXAMPLE,
            )
        return platform, [*typed[:place], *typed[place + 2 :]]
    return (next(iter(watched)) if len(watched) == 1 else None), typed
