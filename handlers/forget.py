"""/forget: delete all that is kept for this chat, once it is confirmed."""

from __future__ import annotations

from bot.ports.command import Param, Request, Who
from bot.ports.message import Button, Message
from bot.services import presence, watching
from bot.services.context import Services
from bot.texts.words import N_, Words, code
from handlers.command import Command, Group, Mistake
from handlers.places import again, place_of

SURE = "everything"


async def forget(request: Request, services: Services, words: Words) -> Message:
    typed = request.text.strip().casefold()
    chat = place_of(request) or words.text("this chat")
    if typed == SURE:
        if request.by_role:
            raise Mistake(words.say("Only who may manage the server can do that."), example="/forget")
        if not await presence.forget(services, request):
            return Message(symbol="🧹", title=words.say("Nothing is kept for {chat}.", chat=chat))
        return Message(
            symbol="🧹",
            title=words.say("All that was kept for {chat} is deleted.", chat=chat),
            lines=(words.say("I am still there: {start} begins anew, and you may remove me.", start="/start"),),
        )
    if typed:
        sure = f"/forget {SURE}{again(request) or ''}"
        raise Mistake(words.say("To delete all that is kept, write it out."), example=sure)
    found = await watching.listed(services, request)
    sure = f"/forget {SURE}{again(request) or ''}"
    return Message(
        symbol="🧹",
        title=words.plural(
            "Shall I forget {chat}: {n} watch, its settings, its own records and what was sent there?",
            "Shall I forget {chat}: {n} watches, their settings, its own records and what was sent there?",
            len(found),
            chat=chat,
        ),
        lines=(words.say("It cannot be undone. To confirm: {command}", command=code(sure)),),
        buttons=(Button(words.text("Delete everything"), command=sure),),
    )


COMMAND = Command(
    name="forget",
    about=N_("Delete all that is kept for this chat"),
    group=Group.SET_UP,
    run=forget,
    who=Who.ADMINS,
    example="/forget",
    params=(Param("confirm", N_("everything, once you are sure"), choices=(SURE,)),),
)
