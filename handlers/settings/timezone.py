"""The zone in which a chat reads times, found by typing a city."""

from __future__ import annotations

from dataclasses import replace
from difflib import get_close_matches
from functools import lru_cache
from zoneinfo import available_timezones

from bot.ports.message import Line
from bot.services import watching
from bot.texts.words import N_, Words, bold
from handlers.command import Mistake
from handlers.settings.setting import Asked, Setting


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
    zone = _zone(typed, words)
    await watching.set_for_chat(asked.services, asked.request, timezone=zone)
    there = replace(words, timezone=zone)
    return words.say(
        "Times are now shown in {zone}, where it is {time}.",
        zone=bold(zone),
        time=there.time(asked.services.clock()).text,
    )


def in_city(typed: str) -> list[str]:
    """Return the zones that are named after a city."""
    wanted = _plain(typed)
    return [zone for zone in _zones() if zone.rpartition("/")[2].casefold() == wanted]


def _plain(typed: str) -> str:
    return typed.strip().casefold().replace(" ", "_")


def _zone(typed: str, words: Words) -> str:
    wanted = _plain(typed)
    if not wanted:
        raise Mistake(words.say("Say a city or a zone."), example=SETTING.example)
    zones = _zones()
    for found in ([z for z in zones if z.casefold() == wanted], in_city(wanted)):
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
    raise Mistake(
        words.say("I know no zone “{typed}”: write the nearest big city.", typed=typed[:40]),
        example=SETTING.example,
    )


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
    key="timezone",
    label=N_("Time zone"),
    about=N_("In which zone this chat reads times: type a city near you."),
    example="/settings timezone Karachi",
    shown=shown,
    change=change,
    other_names=("zone", "tz"),
)
