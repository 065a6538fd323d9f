"""/subscribe: which alerts of a watch come to this chat or topic."""

from __future__ import annotations

from bot.domain.alerts import KINDS
from bot.ports.command import Param, Request, Takes, Who
from bot.ports.message import Message
from bot.services import watching
from bot.services.context import Services
from bot.texts.words import N_, Words, bold
from handlers.arguments import split_name
from handlers.command import Command, Group
from handlers.kinds import is_kind, kind_of, names


async def subscribe(request: Request, services: Services, words: Words) -> Message:
    name, typed = split_name(request.text, is_kind)
    try:
        watched = await watching.find(services, request, name)
    except watching.UnknownName:  # a watch may be called "records"
        watched = await watching.find(services, request, request.text)
        typed = []
    chosen = [kind for word in typed if (kind := kind_of(word)) is not None]
    kinds = [kind for kind in KINDS if kind in chosen] or list(KINDS)
    await watching.subscribe(services, request, watched, kinds)
    return Message(
        symbol="🔔",
        title=words.say("Alerts of {name} come here.", name=bold(watched.name)),
        lines=(words.say("You will be told: {kinds}.", kinds=words.list(names(kinds, words))),),
    )


COMMAND = Command(
    name="subscribe",
    about=N_("Let alerts of a watch come here"),
    group=Group.SET_UP,
    run=subscribe,
    who=Who.ADMINS,
    example="/subscribe Night Radio milestones records",
    params=(
        Param("name", N_("what is watched here"), Takes.NAME),
        Param("kinds", N_("start, milestones, records, recap; all if none is named"), Takes.REST),
    ),
)
