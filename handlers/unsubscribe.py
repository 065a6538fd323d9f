"""/unsubscribe: no alerts of a watch here; its figures go on being kept."""

from __future__ import annotations

from bot.ports.command import Param, Request, Takes, Who
from bot.ports.message import Message
from bot.services import watching
from bot.services.context import Services
from bot.texts.words import N_, Words, bold
from handlers.command import Command, Group


async def unsubscribe(request: Request, services: Services, words: Words) -> Message:
    watched = await watching.find(services, request, request.text)
    if not await watching.unsubscribe(services, request, watched):
        return Message(symbol="🔕", title=words.say("No alerts of {name} came here.", name=bold(watched.name)))
    return Message(
        symbol="🔕",
        title=words.say("Alerts of {name} no longer come here.", name=bold(watched.name)),
        lines=(words.say("Its figures are still kept: ask {stats}.", stats="/stats"),),
    )


COMMAND = Command(
    name="unsubscribe",
    about=N_("No alerts of a watch here; figures are still kept"),
    group=Group.SET_UP,
    run=unsubscribe,
    who=Who.ADMINS,
    example="/unsubscribe Night Radio",
    params=(Param("name", N_("what is watched here"), Takes.NAME),),
)
