"""/deliveries: what was sent here lately, what waits, and what could not be sent and why."""

from __future__ import annotations

from bot.ports.command import Request, Who
from bot.ports.message import Line, Message
from bot.services.context import Services
from bot.texts.words import N_, Words, bold
from handlers.command import Command, Group
from handlers.kinds import names
from handlers.places import place
from storage import chats, outbox
from storage.outbox import Past

SHOWN = 12
_STATES = {
    "pending": N_("waits"),
    "leased": N_("being sent"),
    "sent": N_("sent"),
    "dead": N_("not sent"),
    "superseded": N_("left out for a newer one"),
    "expired": N_("too old to send"),
}
_SYMBOLS = {"pending": "⏳", "leased": "⏳", "sent": "✅", "dead": "⚠️"}


async def deliveries(request: Request, services: Services, words: Words) -> Message:
    async with services.database.read() as connection:
        chat = await chats.find(connection, platform=request.platform, key=request.chat)
        found = await outbox.latest(connection, chat_id=chat.id, limit=SHOWN) if chat is not None else []
    if not found:
        return Message(symbol="📬", title=words.say("Nothing was to be sent here yet."))
    return Message(
        symbol="📬",
        title=words.say("The last alerts of this chat"),
        lines=tuple(_line(one, words) for one in found),
    )


def _line(one: Past, words: Words) -> Line:
    (kind,) = names([one.kind], words) or [one.kind]
    what = words.say(
        "{symbol} {time}, {date}: {name}, {kind} – {state}",
        symbol=_SYMBOLS.get(one.state, "▫️"),
        time=words.time(one.at),
        date=words.date(one.at),
        name=bold(one.watch),
        kind=kind,
        state=words.text(_STATES[one.state]),
    )
    where = place(one.topic_title)
    if where is not None:
        what = words.say("{delivery}, {place}", delivery=what, place=where)
    if one.error is not None and one.state != "sent":
        what = words.say("{delivery}: {why}", delivery=what, why=one.error)
    return what


COMMAND = Command(
    name="deliveries",
    about=N_("What was sent here lately, and what could not be"),
    group=Group.SET_UP,
    run=deliveries,
    who=Who.ADMINS,
    example="/deliveries",
)
