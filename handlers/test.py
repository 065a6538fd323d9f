"""/test: how an alert would look here, and where it would go. It is an answer like any other: it calls nobody."""

from __future__ import annotations

from dataclasses import replace

from bot.domain.alerts import CALLS_NOBODY, milestone
from bot.domain.quiet import Mode, read, zone_of
from bot.ports.command import Param, Request, Takes, Who
from bot.ports.message import Button, Line, Message
from bot.services import watching, wording
from bot.services.context import Services
from bot.services.preview import preview
from bot.texts import own as own_words
from bot.texts.words import N_, Words, faint
from handlers.command import Command, Group
from handlers.kinds import TYPED, is_kind, kind_of, names
from handlers.named import named
from handlers.places import place
from handlers.subscribe import called
from storage import chats
from storage.chats import Subscription

_LABELS = {
    "start": N_("Start"),
    "milestones": N_("Milestone"),
    "records": N_("Record"),
    "recap": N_("Recap"),
    "outages": N_("Outage"),
    "reminder": N_("Reminder"),
    "close": N_("Close to a record"),
}


async def test(request: Request, services: Services, words: Words) -> Message:
    watched, typed = await named(request, services, words, text=request.text, belongs_behind=is_kind)
    kind = next((found for word in typed if (found := kind_of(word)) is not None), milestone.KIND)
    story = await preview(services, request, watched, kind)
    own = (await watching.subscriptions(services, request)).get(watched.watch.id, [])
    text = (await wording.of_chat(services, request)).get(kind)
    message = own_words.write(story, words.of(story.timezone), text)
    small = faint(words.text("A preview: nothing happened, and nobody was called."))
    others = tuple(Button(words.text(_LABELS[word]), command=f"/test {watched.name} {word}") for word in TYPED)
    lines = (*message.lines, (small,), *(_goes(one, kind, services.clock(), words) for one in own))
    hushed = await _hushed(request, services, words, kind) if own else None
    lines = (*lines, hushed) if hushed is not None else lines
    if not own:
        lines = (*lines, words.say("No alerts of {name} come to this chat.", name=watched.name))
    return replace(message, lines=lines, buttons=() if request.elsewhere else others)


def _goes(one: Subscription, kind: str, now: int, words: Words) -> Line:
    """Say of a subscription whether it would send this, where, and whom it would call."""
    where = place(one.topic_title) or words.text("this chat")
    if kind not in one.kinds:
        return words.say(
            "It would not go to {place}: {kinds} do.", place=where, kinds=words.list(names(one.kinds, words))
        )
    if one.disabled_why is not None or one.problem is not None:
        return words.say(
            "⚠️ It could not go to {place}: {why}",
            place=where,
            why=words.told(one.disabled_why or one.problem or ""),
        )
    if one.muted_until is not None and one.muted_until > now:
        return words.say("It would not go to {place}, which is muted.", place=where)
    if one.mention is not None and kind not in CALLS_NOBODY:
        return words.say("It would go to {place} and call {whom}.", place=where, whom=called(one.mention))
    return words.say("It would go to {place}.", place=where)


async def _hushed(request: Request, services: Services, words: Words, kind: str) -> Line | None:
    """Say what quiet hours would make of it now; None outside of them."""
    async with services.database.read() as connection:
        chat = await chats.find(connection, platform=request.platform, key=request.chat)
    quiet = read(chat.quiet) if chat is not None else None
    until = None if quiet is None or chat is None else quiet.until(services.clock(), zone_of(chat.timezone))
    if quiet is None or until is None:
        return None
    time = words.time(until)
    match quiet.mode(kind):
        case Mode.HOLD:
            return words.say("🌙 It is quiet here now: it would wait until {time}.", time=time)
        case Mode.SILENT:
            return words.say(
                "🌙 It is quiet here until {time}: it would make no sound and call nobody.", time=time
            )
        case Mode.DROP:
            return words.say("🌙 It is quiet here until {time}: it would be left out.", time=time)
        case Mode.SEND:
            return None


COMMAND = Command(
    name="test",
    about=N_("A preview of an alert; it calls nobody"),
    group=Group.SET_UP,
    run=test,
    who=Who.ADMINS,
    example="/test Night Radio records",
    params=(
        Param("name", N_("what is watched here"), Takes.NAME),
        Param("kind", N_("start, milestones, records, recap, outages, reminder or close"), choices=TYPED),
    ),
)
