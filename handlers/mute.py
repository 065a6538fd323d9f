"""/mute: no alerts of a watch for a while."""

from __future__ import annotations

from bot.ports.command import Param, Request, Takes, Who
from bot.ports.message import Button, Message
from bot.services import watching
from bot.services.context import Services
from bot.texts.words import N_, Words, bold, code
from handlers.arguments import minutes
from handlers.command import Command, Group, Mistake
from handlers.named import named
from handlers.places import IN

DEFAULT_MINUTES = 8 * 60
LONGEST_MINUTES = 365 * 24 * 60


def _is_length(word: str) -> bool:
    return word.lower() == "off" or minutes(word) is not None


async def mute(request: Request, services: Services, words: Words) -> Message:
    watched, typed = await named(request, services, words, text=request.text, belongs_behind=_is_length)
    length = DEFAULT_MINUTES if not typed else 0 if typed[-1].lower() == "off" else minutes(typed[-1])
    if length is None or length > LONGEST_MINUTES:
        raise Mistake(words.say("That is longer than a year: use {command}.", command="/unsubscribe"))
    until = await watching.mute(services, request, watched, length)
    if until is None:
        return Message(symbol="🔔", title=words.say("{name} is no longer muted.", name=bold(watched.name)))
    name, time, date = bold(watched.name), words.time(until), words.date(until)
    if date.text == words.date(services.clock()).text:
        title = words.say("{name} is muted until {time}.", name=name, time=time)
    else:
        title = words.say("{name} is muted until {time}, {date}.", name=name, time=time, date=date)
    return Message(
        symbol="🔕",
        title=title,
        lines=(
            words.say("Its figures are still kept. Sooner: {example}", example=code(f"/mute {watched.name} off")),
        ),
        buttons=() if request.elsewhere else (Button(words.text("Unmute"), command=f"/mute {watched.name} off"),),
    )


COMMAND = Command(
    name="mute",
    about=N_("No alerts of a watch for a while"),
    group=Group.SET_UP,
    run=mute,
    who=Who.ADMINS,
    example="/mute Night Radio 8h",
    params=(
        Param("name", N_("what is watched here"), Takes.NAME),
        Param("time", N_("30m, 8h, 2d, or off")),
        IN,
    ),
)
