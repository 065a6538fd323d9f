"""/settings: how this chat wants things. It begins with the time zone."""

from __future__ import annotations

import re
from difflib import get_close_matches
from functools import lru_cache
from zoneinfo import available_timezones

from bot.domain import MINUTE
from bot.domain.alerts import outage
from bot.ports.command import Param, Request, Takes, Who
from bot.ports.message import Line, Message
from bot.services import watching
from bot.services.context import Services
from bot.texts.words import N_, Words, bold
from handlers.arguments import minutes
from handlers.command import Command, Group, Mistake
from handlers.places import place_of
from handlers.subscribe import called
from storage import chats

_ROLES_ON = "discord"
_ROLE = re.compile(r"<@&([0-9]{1,20})>")
_NEVER = {"off", "never", "none"}
_DEFAULT = "default"


async def settings(request: Request, services: Services, words: Words) -> Message:
    key, _, value = request.text.strip().partition(" ")
    if not key:
        return await _shown(request, services, words)
    match key.lower():
        case "timezone" | "zone" | "tz":
            return await _set_zone(value.strip(), request, services, words)
        case "admins":
            return await _set_admins(value.strip(), request, services, words)
        case "patience":
            return await _set_patience(value.strip(), request, services, words)
        case "across":
            return await _set_across(value.strip().lower(), request, services, words)
        case _ if _in_city(request.text.strip().casefold().replace(" ", "_")):
            return await _set_zone(request.text.strip(), request, services, words)
    raise Mistake(
        words.say("There is no setting “{key}”; there are: timezone, patience, across, admins.", key=key[:40])
    )


async def _shown(request: Request, services: Services, words: Words) -> Message:
    lines = [
        words.say(
            "Time zone: {zone}, where it is {time}. Change it: {example}",
            zone=bold(words.timezone),
            # As text: chats that show moments in each reader's own zone would show that one's.
            time=words.time(services.clock()).text,
            example="/settings timezone Karachi",
        )
    ]
    async with services.database.read() as connection:
        chat = await chats.find(connection, platform=request.platform, key=request.chat)
    patience = outage.PATIENCE if chat is None or chat.patience is None else chat.patience
    told = _told_of_outages(patience, words)
    lines.append(words.say("{told} Change it: {example}", told=told, example="/settings patience 30m"))
    compared = _compared(words, across=chat is not None and chat.across)
    lines.append(words.say("{told} Change it: {example}", told=compared, example="/settings across on"))
    if request.platform == _ROLES_ON:
        roles = chat.roles if chat is not None else ()
        who = words.say("who may “Manage Server”")
        for role in roles:
            who = words.say("{others}, {role}", others=who, role=called(role))
        lines.append(words.say("Admins: {who}. Change it: {example}", who=who, example="/settings admins @role"))
    return Message(symbol="⚙️", title=_heading(request, words), lines=tuple(lines))


def _told_of_outages(patience: int, words: Words) -> Line:
    if not patience:
        return words.say("Missing figures of live sessions are not told.")
    return words.say(
        "Missing figures of live sessions are told after {time}.", time=bold(words.duration(patience))
    )


async def _set_patience(typed: str, request: Request, services: Services, words: Words) -> Message:
    wanted = typed.lower()
    length = 0 if wanted in _NEVER else None if wanted == _DEFAULT else minutes(wanted)
    if (length is None and wanted != _DEFAULT) or (length or 0) * MINUTE > outage.LONGEST_PATIENCE:
        longest = words.duration(outage.LONGEST_PATIENCE)
        raise Mistake(
            words.say("Say how long I shall wait, up to {longest}, or off.", longest=longest),
            example="/settings patience 30m",
        )
    patience = None if length is None else length * MINUTE
    await watching.set_patience(services, request, patience)
    return Message(symbol="⚙️", title=_told_of_outages(outage.PATIENCE if patience is None else patience, words))


def _compared(words: Words, *, across: bool) -> Line:
    if across:
        return words.say("Figures of different platforms are compared, where they count the same thing.")
    return words.say("Figures of different platforms are not compared.")


async def _set_across(typed: str, request: Request, services: Services, words: Words) -> Message:
    if typed not in {"on", "off"}:
        raise Mistake(words.say("Say on or off."), example="/settings across on")
    await watching.set_across(services, request, across=typed == "on")
    return Message(symbol="⚙️", title=_compared(words, across=typed == "on"))


def _heading(request: Request, words: Words) -> Line:
    where = place_of(request)
    return words.say("Settings of this chat") if where is None else words.say("Settings of {place}", place=where)


async def _set_zone(typed: str, request: Request, services: Services, words: Words) -> Message:
    zone = _zone(typed, words)
    await watching.set_timezone(services, request, zone)
    there = Words(language=words.language, timezone=zone)
    return Message(
        symbol="⚙️",
        title=words.say(
            "Times are now shown in {zone}, where it is {time}.",
            zone=bold(zone),
            time=there.time(services.clock()).text,
        ),
    )


async def _set_admins(typed: str, request: Request, services: Services, words: Words) -> Message:
    if request.platform != _ROLES_ON:
        raise Mistake(words.say("Who is an admin here, the chat itself decides."), example="/settings")
    if request.by_role:
        raise Mistake(words.say("Only who may manage the server can do that."), example="/settings")
    roles = list(dict.fromkeys(_ROLE.findall(typed)))
    if not roles and typed.lower() not in {"none", "nobody", "default"}:
        raise Mistake(words.say("Name one or more roles, or none."), example="/settings admins @role")
    await watching.set_roles(services, request, roles)
    if not roles:
        title = words.say("Only who may “Manage Server” sets me up now.")
        return Message(symbol="⚙️", title=title)
    who = words.say("{role}", role=called(roles[0]))
    for role in roles[1:]:
        who = words.say("{others}, {role}", others=who, role=called(role))
    return Message(
        symbol="⚙️",
        title=words.say("Members of these roles may set me up, too: {who}", who=who),
        lines=(words.say("So that Discord shows them the commands: Server Settings > Integrations > Milepost."),),
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
    about=N_("How this chat wants things: time zone, patience, comparing, admins"),
    group=Group.SET_UP,
    run=settings,
    who=Who.ADMINS,
    example="/settings timezone Karachi",
    params=(
        Param(
            "setting",
            N_("timezone, patience, across, admins"),
            choices=("timezone", "patience", "across", "admins"),
        ),
        Param("value", N_("a city, such as Karachi; 30m or off; or roles, or none"), Takes.REST),
    ),
)
