"""/unsubscribe: no alerts of a watch here; its figures go on being kept."""

from __future__ import annotations

from bot.ports.command import Param, Request, Takes, Who
from bot.ports.message import Message
from bot.services import watching
from bot.services.context import Services
from bot.texts.words import N_, Words, bold
from handlers.command import Command, Group
from handlers.places import IN, place, place_of


async def unsubscribe(request: Request, services: Services, words: Words) -> Message:
    watched = await watching.find(services, request, request.text)
    name, where = bold(watched.name), place_of(request)
    if not await watching.unsubscribe(services, request, watched):
        elsewhere = (await watching.subscriptions(services, request)).get(watched.watch.id, [])
        lines = [
            words.say("They go to {place}.", place=place(one.topic_title) or one.topic or words.text("the chat"))
            for one in elsewhere
        ]
        return Message(
            symbol="🔕", title=words.say("No alerts of {name} came here.", name=name), lines=tuple(lines)
        )
    if where is None:
        title = words.say("Alerts of {name} no longer come here.", name=name)
    else:
        title = words.say("Alerts of {name} no longer go to {place}.", name=name, place=where)
    return Message(
        symbol="🔕",
        title=title,
        lines=(words.say("Its figures are still kept: ask {stats}.", stats="/stats"),),
    )


COMMAND = Command(
    name="unsubscribe",
    about=N_("No alerts of a watch here; figures are still kept"),
    group=Group.SET_UP,
    run=unsubscribe,
    who=Who.ADMINS,
    example="/unsubscribe Night Radio",
    params=(Param("name", N_("what is watched here"), Takes.NAME), IN),
)
