"""/untie: what was tied stands by itself again; the history stays."""

from __future__ import annotations

from bot.ports.command import Param, Request, Takes, Who
from bot.ports.message import Button, Message
from bot.services import ties
from bot.services.context import Services
from bot.texts.alerts.common import name
from bot.texts.words import N_, Words, bold
from handlers.command import Command, Group, Mistake


async def untie(request: Request, services: Services, words: Words) -> Message:
    try:
        gone = await ties.remove(services, request, request.text)
    except ties.NotTied as error:
        if not error.names:
            raise Mistake(words.say("Nothing is tied here."), example="/tie …") from None
        example = f"/untie {error.names[0]}"
        if request.text.strip():
            line = words.say("Nothing is tied here as “{name}”.", name=request.text.strip()[:60])
            raise Mistake(line, example=example) from None
        return Message(
            symbol="❔",
            title=words.say("Untie which one?"),
            buttons=tuple(
                Button(words.text("Untie {name}", name=name(one)), command=f"/untie {one}") for one in error.names
            ),
        )
    return Message(
        symbol="👋",
        title=words.say("{name} is taken apart.", name=bold(name(gone))),
        lines=(words.say("What is watched goes on, each by itself, and its history stays."),),
    )


COMMAND = Command(
    name="untie",
    about=N_("Take tied simulcasts apart"),
    group=Group.SET_UP,
    run=untie,
    who=Who.ADMINS,
    example="/untie Studio",
    params=(Param("name", N_("what is tied here"), Takes.TIE, required=True),),
)
