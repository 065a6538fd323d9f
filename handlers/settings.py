"""/settings: how this chat wants things. It begins with the time zone."""

from __future__ import annotations

from difflib import get_close_matches
from functools import lru_cache
from zoneinfo import available_timezones

from bot.ports.command import Param, Request, Takes, Who
from bot.ports.message import Message
from bot.services import watching
from bot.services.context import Services
from bot.texts.words import N_, Words, bold
from handlers.command import Command, Group, Mistake


async def settings(request: Request, services: Services, words: Words) -> Message:
    key, _, value = request.text.strip().partition(" ")
    if not key:
        return Message(
            symbol="⚙️",
            title=words.say("Settings of this chat"),
            lines=(
                words.say(
                    "Time zone: {zone}, where it is {time}. Change it: {example}",
                    zone=bold(words.timezone),
                    time=words.time(services.clock()),
                    example="/settings timezone Karachi",
                ),
            ),
        )
    if key.lower() not in {"timezone", "zone", "tz"}:
        raise Mistake(words.say("There is no setting “{key}”; there is: timezone.", key=key[:40]))
    zone = _zone(value.strip(), words)
    await watching.set_timezone(services, request, zone)
    there = Words(language=words.language, timezone=zone)
    return Message(
        symbol="⚙️",
        title=words.say(
            "Times are now shown in {zone}, where it is {time}.",
            zone=bold(zone),
            time=there.time(services.clock()),
        ),
    )


def _zone(typed: str, words: Words) -> str:
    wanted = typed.casefold().replace(" ", "_")
    if not wanted:
        raise Mistake(words.say("Say a city or a zone."))
    zones = _zones()
    for found in ([z for z in zones if z.casefold() == wanted], _in_city(wanted)):
        if len(found) == 1:
            return found[0]
        if found:
            raise Mistake(
                words.say("Which of these: {zones}?", zones=words.list(found)),
                example=f"/settings timezone {found[0]}",
            )
    cities = {zone.rpartition("/")[2].casefold(): zone for zone in zones}
    near = [cities[key] for key in get_close_matches(wanted, cities, n=3, cutoff=0.6)]
    if near:
        raise Mistake(
            words.say("I know no zone “{typed}”. Did you mean {zones}?", typed=typed[:40], zones=words.list(near)),
            example=f"/settings timezone {near[0]}",
        )
    raise Mistake(words.say("I know no zone “{typed}”: write the nearest big city.", typed=typed[:40]))


def _in_city(wanted: str) -> list[str]:
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


COMMAND = Command(
    name="settings",
    about=N_("How this chat wants things: time zone"),
    group=Group.SET_UP,
    run=settings,
    who=Who.ADMINS,
    example="/settings timezone Karachi",
    params=(
        Param("setting", N_("timezone"), choices=("timezone",)),
        Param("value", N_("a city, such as Karachi"), Takes.REST),
    ),
)
