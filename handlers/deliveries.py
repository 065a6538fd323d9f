"""/deliveries: what was sent here lately, what waits, and what could not be sent and why."""

from __future__ import annotations

from bot.domain.alerts import milestone, record
from bot.domain.measure import Measure
from bot.domain.quiet import QUIET_HOURS
from bot.domain.reading import plain
from bot.ports.command import Request, Who
from bot.ports.message import Line, Message
from bot.services.context import Services
from bot.texts.units import counted, value_text
from bot.texts.words import N_, Words, bold
from handlers.command import Command, Group
from handlers.kinds import names
from handlers.places import place, place_of
from storage import chats, posts
from storage.posts import Past

SHOWN = 12
_STATES = {
    "pending": N_("waits"),
    "leased": N_("being sent"),
    "held": N_("held until the quiet hours are over"),
    "sent": N_("sent"),
    "dead": N_("not sent"),
    "superseded": N_("left out for a newer one"),
    "expired": N_("too old to send"),
}
_SYMBOLS = {"pending": "⏳", "leased": "⏳", "held": "🌙", "sent": "✅", "dead": "⚠️"}


async def deliveries(request: Request, services: Services, words: Words) -> Message:
    async with services.database.read() as connection:
        chat = await chats.find(connection, platform=request.platform, key=request.chat)
        found = await posts.latest(connection, chat_id=chat.id, limit=SHOWN) if chat is not None else []
    if not found:
        return Message(symbol="📬", title=words.say("Nothing was to be sent here yet."))
    many = len({one.topic_title for one in found}) > 1
    lines: list[Line] = []
    day = ""
    for one in found:
        if (written := words.date(one.at).text) != day:
            day = written
            lines.append((bold(day),))
        lines.append(_line(one, words, named=many))
    where = place_of(request)
    title = words.say("The last alerts of this chat")
    if where is not None:
        title = words.say("The last alerts of {place}", place=where)
    return Message(symbol="📬", title=title, lines=tuple(lines))


def _line(one: Past, words: Words, *, named: bool) -> Line:
    """Return one delivery; where it went only if the chat has several places for alerts."""
    what = words.say(
        "{symbol} {time} {name}: {alert}",
        symbol=_SYMBOLS.get(one.state, "▫️"),
        time=words.time(one.at).text,
        name=one.watch,
        alert=_alert(one, words),
    )
    where = place(one.topic_title)
    if named and where is not None:
        what = words.say("{delivery}, {place}", delivery=what, place=where)
    if one.state == "sent":
        return what
    if one.error == QUIET_HOURS:
        return words.say("{delivery} – {state}", delivery=what, state=words.text("left out in quiet hours"))
    what = words.say("{delivery} – {state}", delivery=what, state=words.text(_STATES[one.state]))
    return (
        words.say("{delivery}: {why}", delivery=what, why=words.told(one.error)) if one.error is not None else what
    )


def _alert(one: Past, words: Words) -> Line:
    """Return what an alert told, in a word or a figure."""
    measure = Measure(one.measure) if one.measure is not None else None
    if one.kind == milestone.KIND and one.threshold is not None:
        return counted(words, plain(one.threshold), one.unit, None if measure is Measure.PEAK else measure)
    if one.kind == record.KIND and one.value is not None:
        return words.say("record, {value}", value=value_text(words, measure or Measure.PEAK, plain(one.value)))
    return words.say("{kind}", kind=(names([one.kind], words) or [one.kind])[0])


COMMAND = Command(
    name="deliveries",
    about=N_("What was sent here lately, and what could not be"),
    group=Group.SET_UP,
    run=deliveries,
    who=Who.ADMINS,
    example="/deliveries",
)
