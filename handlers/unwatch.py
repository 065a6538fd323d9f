"""/unwatch: stop following; the history stays."""

from __future__ import annotations

from bot.ports.command import Param, Request, Takes, Who
from bot.ports.message import Button, Message
from bot.services import watching
from bot.services.context import Services
from bot.texts.words import N_, Words, bold, code
from handlers.command import Command, Group

MOST_CHOICES = 8


async def unwatch(request: Request, services: Services, words: Words) -> Message:
    if not request.text.strip():
        found = await watching.listed(services, request)
        if not found:
            raise watching.NoWatches
        choices = [
            Button(words.text("Stop watching {name}", name=one.name), command=f"/unwatch {one.name}")
            for one in found[:MOST_CHOICES]
        ]
        return Message(
            symbol="❔",
            title=words.say("Stop watching which one?"),
            lines=(words.say("For example: {example}", example=code(f"/unwatch {found[0].name}")),),
            buttons=() if request.elsewhere else tuple(choices),
        )
    watched = await watching.find(services, request, request.text)
    typed = request.text.strip().strip('"“”')
    if watched.name.casefold() != typed.casefold() and ":" not in typed:  # a beginning is too little to take away
        raise watching.UnknownName(typed, [watched.name])
    await watching.remove(services, request, watched)
    return Message(
        symbol="👋",
        title=words.say("{name} is no longer watched here.", name=bold(watched.name)),
        lines=(words.say("Its history stays; watch it again and it goes on."),),
    )


COMMAND = Command(
    name="unwatch",
    about=N_("Stop watching; the history stays"),
    group=Group.WATCH,
    run=unwatch,
    who=Who.ADMINS,
    example="/unwatch Night Radio",
    params=(Param("name", N_("what is watched here"), Takes.NAME, required=True),),
)
