"""/milestones: a chat's ladder for a watch, and what it would have told of past sessions."""

from __future__ import annotations

from collections.abc import Sequence

from bot.ports.command import Param, Request, Takes, Who
from bot.ports.message import Line, Message
from bot.services import statistics, watching
from bot.services.context import Services
from bot.texts.words import N_, Words, bold
from handlers.command import Command, Group, Mistake
from handlers.ladders import is_rung, read_ladder
from handlers.named import named
from handlers.places import IN


async def milestones(request: Request, services: Services, words: Words) -> Message:
    watched, typed = await named(request, services, words, text=request.text, belongs_behind=is_rung)
    if typed:
        ladder = read_ladder(typed, words)
        if not await watching.set_ladder(services, request, watched, ladder):
            raise Mistake(
                words.say("No alerts of {name} come here yet.", name=watched.name),
                example=f"/subscribe {watched.name}",
            )
        title = words.say("Milestones of {name} are set.", name=bold(watched.name))
    else:
        own = watching.here((await watching.subscriptions(services, request)).get(watched.watch.id, []), request)
        ladder = own.ladder if own else None
        title = words.say("Milestones of {name}", name=bold(watched.name))
    words = words.of(watched.watch.timezone)
    lines = [_rungs(ladder, words)]
    told = await statistics.would_have_told(services, watched, ladder)
    lines += [_told(one, words) for one in told]
    if not told:
        lines.append(words.say("There is no session yet to try it on."))
    return Message(symbol="📈", title=title, lines=tuple(lines))


def _rungs(ladder: Sequence[float] | None, words: Words) -> Line:
    if ladder is None:
        return words.say(
            "You hear of 10, 25, 50, 100, 250, 500, 1,000 and so on, from a tenth of its best session on."
        )
    return words.say("You hear of {rungs}.", rungs=words.list([words.exact(rung) for rung in ladder]))


def _told(told: statistics.Told, words: Words) -> Line:
    assert told.session.tally.first_at is not None
    date = words.date(told.session.tally.first_at)
    if not told.rungs:
        return words.say("{date}: it would have told nothing.", date=date)
    *before, last = told.rungs[-8:]
    shown = [
        words.text("{rung} at {time}", rung=words.exact(rung), time=words.clock(at).text) for at, rung in before
    ]
    # The zone is said once, at the end.
    shown.append(words.text("{rung} at {time}", rung=words.exact(last[1]), time=words.time(last[0]).text))
    return words.say("{date}: it would have told {rungs}.", date=date, rungs=words.list(shown))


COMMAND = Command(
    name="milestones",
    about=N_("Which milestones are told here, tried on past sessions"),
    group=Group.SET_UP,
    run=milestones,
    who=Who.ADMINS,
    example="/milestones Night Radio 100 250 1k 5k",
    params=(
        Param("name", N_("what is watched here"), Takes.NAME),
        Param("thresholds", N_("figures such as 100 250 1k, or default"), Takes.REST),
        IN,
    ),
)
