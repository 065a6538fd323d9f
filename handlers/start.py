"""/start: three lines of welcome, with the first thing to do."""

from __future__ import annotations

from bot.ports.command import Request
from bot.ports.message import Message
from bot.services import watching
from bot.services.context import Services
from bot.texts.words import N_, Words, bold, code
from handlers.command import Command, Group


async def start(request: Request, services: Services, words: Words) -> Message:
    example = next(iter(services.registry.sources.values())).example
    lines = [
        words.say("I keep the audience figures of live sessions and tell you when a milestone or record falls.")
    ]
    found = await watching.listed(services, request)
    if found:
        lines.append(
            words.plural(
                "{n} watch goes on here: {live}, {stats}, {records}.",
                "{n} watches go on here: {live}, {stats}, {records}.",
                len(found),
                live="/live",
                stats="/stats",
                records="/records",
            )
        )
    elif request.is_admin:
        lines.append(
            words.say(
                "First, tell me what to watch, such as {example}; {help} lists the kinds.",
                example=code(f"/watch {example}"),
                help="/help watch",
            )
        )
    else:
        lines.append(
            words.say("Ask me {live}, {stats} or {records}.", live="/live", stats="/stats", records="/records")
        )
    lines.append(words.say("{help} lists everything else.", help="/help"))
    return Message(symbol="👋", title=words.say("Hello, I am {name}.", name=bold("Milepost")), lines=tuple(lines))


COMMAND = Command(
    name="start", about=N_("What I do, and the first step"), group=Group.ASK, run=start, example="/start"
)
