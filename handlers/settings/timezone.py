"""The zone in which a chat reads times, found by typing a city or a country, in any script."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from zoneinfo import available_timezones

from bot.ports.message import Button, Line
from bot.services import cities, hushing
from bot.services.cities import City
from bot.texts.countries import countries_called, country_name
from bot.texts.words import N_, Words, bold, code
from handlers.command import Mistake
from handlers.places import again
from handlers.settings.setting import Asked, Setting

_KEY = "timezone"
_OTHER_NAMES = ("zone", "tz")
#: So many are asked about, or named beside the one that is taken.
_MOST = 6
_MOST_OTHERS = 3
#: A place that is typed without saying what for has so many people at least.
_KNOWN = 100_000
_SHOWN = 40

_OFFSET = re.compile(r"(etc/)?(utc|gmt)?\s*[-+−]\s*\d{1,2}(:?\d{2})?", re.IGNORECASE)
_UTC = {"utc", "gmt", "z", "etc/utc", "etc/gmt"}
#: Most of them mean several zones, or only half of a year.
_LETTERS = frozenset(
    {
        "acst",
        "aedt",
        "aest",
        "akst",
        "ast",
        "awst",
        "bst",
        "cat",
        "cdt",
        "cest",
        "cet",
        "cst",
        "eat",
        "edt",
        "eest",
    }
    | {"eet", "est", "gst", "hkt", "hst", "ist", "jst", "kst", "mdt", "msk", "mst", "nzst", "pdt", "pht", "pkt"}
    | {"pst", "sast", "wat", "west", "wet", "wib"}
)


@dataclass(frozen=True, slots=True)
class _Place:
    """What was typed, found: the zone, the city that it was found by, and others of its name."""

    zone: str
    city: City | None = None
    others: tuple[City, ...] = ()


async def shown(asked: Asked) -> Line:
    words = asked.words
    return words.say(
        "Time zone: {zone}, where it is {time}.",
        zone=bold(words.timezone),
        # As text: chats that show moments in each reader's own zone would show that one's.
        time=words.time(asked.services.clock()).text,
    )


async def change(asked: Asked, typed: str) -> Line:
    words = asked.words
    place = _place(typed, asked)
    await hushing.set_timezone(asked.services, asked.request, place.zone)
    time = replace(words, timezone=place.zone).time(asked.services.clock()).text
    if place.city is None:
        return words.say("Times are now shown in {zone}, where it is {time}.", zone=bold(place.zone), time=time)
    return words.say(
        "Times are now shown as in {place} ({zone}), where it is {time}.",
        place=bold(_called(place.city, words)),
        zone=place.zone,
        time=time,
    )


async def lines(asked: Asked) -> tuple[Line, ...]:
    """Return the other places of the name that was typed, if it was one."""
    first, rest = [*asked.request.text.split(maxsplit=1), "", ""][:2]
    typed = rest if first.lower() in {_KEY, *_OTHER_NAMES} else asked.request.text
    if not typed.strip():
        return ()
    words = asked.words
    return tuple(
        words.say("Or is it {place}? {example}", place=_timed(one, asked), example=code(_line(one.zone)))
        for one in _place(typed, asked).others
    )


def in_city(typed: str) -> bool:
    """Tell whether what is typed alone is a zone, a country, or a city of some size."""
    found = cities.meant(cities.called(typed))
    return bool(_of_zones(typed) or countries_called(typed)) or (found is not None and found.weight >= _KNOWN)


def _place(typed: str, asked: Asked) -> _Place:
    """Return the place that is meant.

    Raises:
        Mistake: There is none, or there are several.
    """
    words, wanted = asked.words, typed.strip()
    if not wanted:
        raise Mistake(words.say("Say a city or a zone."), example=SETTING.example)
    if wanted.casefold() in _UTC:
        return _Place("UTC")
    zone = next((one for one in _zones() if one.casefold() == _plain(wanted)), None)
    if zone is not None:
        return _Place(zone)
    _refuse_what_is_no_place(wanted, words)
    found = _candidates(wanted)
    city = cities.meant(found)
    before, comma, _ = wanted.partition(",")
    if comma and not found:  # Portland, Maine: what stands behind is not understood, so it is asked
        found = cities.called(before)
        city = found[0] if len(found) == 1 else None
    if city is not None:
        return _Place(city.zone, city, tuple(found[1 : 1 + _MOST_OTHERS]))
    if found:
        raise _which(found, asked)
    zones = _of_zones(wanted)
    if len(zones) == 1:
        return _Place(zones[0])
    raise _unknown(wanted, cities.like(wanted), asked)


def _candidates(wanted: str) -> list[City]:
    """Return the places of a name, the likeliest first: of a country, or a city, or a city of a country."""
    countries = countries_called(wanted)
    if countries:
        found = [one for country in countries for one in cities.of_country(country)]
        return sorted(found, key=lambda one: -one.weight)
    before, comma, behind = wanted.partition(",")
    if comma:
        for country in countries_called(behind, by_code=True):
            found = cities.called(before, country=country)
            if found:
                return found
    found = cities.called(wanted)
    if found:
        return found
    parts = wanted.split()
    for end in range(len(parts) - 1, 0, -1):
        behind = " ".join(parts[end:])
        for country in countries_called(behind, by_code=behind.isupper()):
            found = cities.called(" ".join(parts[:end]), country=country)
            if found:
                return found
    return []


def _refuse_what_is_no_place(wanted: str, words: Words) -> None:
    if _OFFSET.fullmatch(wanted) is not None:
        said = words.say(
            "An offset such as “{typed}” knows no summer time: write the nearest big city.", typed=wanted
        )
    elif wanted.casefold() in _LETTERS:  # before cities: CET is an airport in France, too
        said = words.say(
            "“{typed}” can mean several zones, or one for half of the year: write the nearest big city.",
            typed=wanted,
        )
    else:
        return
    raise Mistake(said, example=SETTING.example)


def _which(found: Sequence[City], asked: Asked) -> Mistake:
    """Return the question which of several places is meant, with buttons that answer it."""
    words = asked.words
    offered = found[:_MOST]
    more = tuple(
        words.say("{place}: {example}", place=_timed(one, asked), example=code(_line(one.zone))) for one in offered
    )
    return Mistake(
        words.say("There are several places of that name: which one is near you?"),
        example=_line(offered[0].zone),
        more=more,
        buttons=_buttons(offered, asked),
    )


def _unknown(wanted: str, near: Sequence[City], asked: Asked) -> Mistake:
    words = asked.words
    typed = wanted[:_SHOWN]
    if not near:
        return Mistake(
            words.say("I know no zone “{typed}”: write the nearest big city.", typed=typed),
            example=SETTING.example,
        )
    places = words.either([one.name for one in near])
    return Mistake(
        words.say("I know no place “{typed}”. Did you mean {places}?", typed=typed, places=places),
        example=_line(near[0].name),
        buttons=_buttons(near, asked),
    )


def _buttons(offered: Sequence[City], asked: Asked) -> tuple[Button, ...]:
    where = again(asked.request)
    if where is None:
        return ()
    return tuple(Button(_timed(one, asked), command=f"{_line(one.zone)}{where}") for one in offered)


def _called(city: City, words: Words) -> str:
    """Return a city with its country, as the reader's language calls it."""
    country = country_name(city.country, words)
    return country if country == city.name else words.text("{city}, {country}", city=city.name, country=country)


def _timed(city: City, asked: Asked) -> str:
    """Return a city with what time it is there, which tells those of one name apart."""
    there = replace(asked.words, timezone=city.zone)
    time = there.time(asked.services.clock()).text
    return asked.words.text("{place} ({time})", place=_called(city, asked.words), time=time)


def _line(value: str) -> str:
    return f"/settings {_KEY} {value}"


def _plain(typed: str) -> str:
    return typed.casefold().replace(" ", "_")


def _of_zones(typed: str) -> list[str]:
    """Return the zones that are named after a city."""
    wanted = _plain(typed.strip())
    return [zone for zone in _zones() if zone.rpartition("/")[2].casefold() == wanted]


@lru_cache(maxsize=1)
def _zones() -> tuple[str, ...]:
    """Return the zones that are places (or UTC), each once."""
    areas = (
        "Africa/",
        "America/",
        "Antarctica/",
        "Asia/",
        "Atlantic/",
        "Australia/",
        "Europe/",
        "Indian/",
        "Pacific/",
    )
    return tuple(sorted(zone for zone in available_timezones() if zone.startswith(areas) or zone == "UTC"))


SETTING = Setting(
    key=_KEY,
    label=N_("Time zone"),
    about=N_("In which zone this chat reads times: type a city near you."),
    example="/settings timezone Karachi",
    shown=shown,
    change=change,
    lines=lines,
    other_names=_OTHER_NAMES,
)
