"""/tie: watches that show one event are one from then on, summed moment by moment."""

from __future__ import annotations

import re

from bot.domain.outside import clean
from bot.ports.command import Param, Request, Takes, Who
from bot.ports.message import Line, Message
from bot.services import ties, watching
from bot.services.context import Services
from bot.services.ties import Tied
from bot.services.watching import Watched
from bot.texts.alerts.common import name
from bot.texts.units import unit_name
from bot.texts.words import N_, Words, bold, code
from handlers.beside import counts
from handlers.command import Command, Group, Mistake
from handlers.sides import known, sides

_AS = re.compile(r'(?P<rest>.+?)\s+as\s+(?:["“](?P<quoted>[^"“”]+)["”]|(?P<name>\S.*))', re.IGNORECASE | re.DOTALL)
_ANYWAY = "anyway"


async def tie(request: Request, services: Services, words: Words) -> Message:
    typed = request.text.strip()
    if not typed:
        return await _listed(request, services, words)
    *before, last = typed.split()
    anyway = bool(before) and last.lower() == _ANYWAY
    if anyway:
        typed = typed[: -len(_ANYWAY)].rstrip()
    here = await known(request, services, tied=False)
    match = _AS.fullmatch(typed)
    said = None if match is None else (match["quoted"] or match["name"])
    found = sides(typed if match is None else match["rest"], here, words)
    if any(behind for _, behind in found):
        raise Mistake(words.say("Say what to tie: two names or more."))
    watches = list({one.watch.id: one for one, _ in found if isinstance(one, Watched)}.values())
    if len(watches) < 2:
        raise Mistake(words.say("Say what to tie: two names or more."))
    if len(watches) > ties.MOST_TIED:
        raise Mistake(words.say("At most {n} can be tied.", n=words.exact(ties.MOST_TIED)))
    tied = await _add(request, services, words, watches, called=_name(said, words), anyway=anyway)
    lines: list[Line] = [
        words.say(
            "Sessions of {names} that overlap are one event: {counts}, added moment by moment.",
            names=words.list([name(one.name) for one in watches]),
            counts=counts(tied, words),
        ),
        words.say("Whoever watches on two of them is counted twice."),
        words.say(
            "Ask by its name: {stats}, {compare}, {history}. Take it apart: {untie}",
            stats=code(f"/stats {tied.name}"),
            compare=code(f"/compare {tied.name}"),
            history=code(f"/history {tied.name}"),
            untie=code(f"/untie {tied.name}"),
        ),
    ]
    return Message(symbol="🪢", title=words.say("Tied as {name}", name=bold(name(tied.name))), lines=tuple(lines))


async def _listed(request: Request, services: Services, words: Words) -> Message:
    await known(request, services)
    found = await ties.tied(services, request)
    if not found:
        raise Mistake(words.say("Nothing is tied here. Say what shows one event: two names or more."))
    lines = [
        words.say(
            "{name}: {names}", name=bold(name(one.name)), names=words.list([name(w.name) for w in one.watches])
        )
        for one in found
    ]
    return Message(symbol="🪢", title=words.say("Tied here"), lines=tuple(lines))


def _name(said: str | None, words: Words) -> str | None:
    if said is None:
        return None
    called = clean(said.strip(), limit=len(said))
    if not called:
        raise Mistake(words.say("That name has nothing to see in it."))
    if len(called) > watching.LONGEST_NAME:
        raise Mistake(words.say("A name has at most {n} characters.", n=str(watching.LONGEST_NAME)))
    return called


async def _add(
    request: Request, services: Services, words: Words, watches: list[Watched], *, called: str | None, anyway: bool
) -> Tied:
    try:
        return await ties.add(services, request, watches, name=called, anyway=anyway)
    except ties.NotAtOnce as error:
        raise Mistake(
            words.say(
                "{name} counts nobody at once: there is nothing to add moment by moment.", name=name(error.name)
            )
        ) from None
    except ties.BareNumber as error:
        raise Mistake(
            words.say(
                "{name} is a bare number: it is not known whether the others count the same. "
                "If you know that they do, say so.",
                name=name(error.name),
            ),
            example=_again(watches, called),
        ) from None
    except ties.UnlikeUnits as error:
        raise Mistake(
            words.say(
                "They count unlike things ({units}), so that a sum would count neither. If you want it, say so.",
                units=words.list(unit_name(words, unit) for unit in error.units),
            ),
            example=_again(watches, called),
        ) from None
    except watching.NameTaken:
        raise Mistake(words.say("Something here is already called “{name}”.", name=called or "")) from None
    except ties.TooManyTies:
        raise Mistake(
            words.say("This chat has {n} ties already, as many as one may have.", n=words.exact(ties.MOST_TIES)),
            example="/untie …",
        ) from None


def _again(watches: list[Watched], called: str | None) -> str:
    """Return the same command, meant in earnest."""
    names = " ".join(one.name for one in watches)
    return f"/tie {names} as {called} anyway" if called else f"/tie {names} anyway"


COMMAND = Command(
    name="tie",
    about=N_("Simulcasts of one event, added up as one"),
    group=Group.SET_UP,
    run=tie,
    who=Who.ADMINS,
    example="/tie Studio on YouTube Studio on Twitch as Studio",
    params=(
        Param("a", N_("what is watched here"), Takes.NAME),
        Param("b", N_("what shows the same event"), Takes.NAME),
        Param("more", N_("further names"), Takes.REST),
        Param("name", N_("what to call it here"), lead="as"),
        Param("anyway", N_("add them although they count unlike things"), choices=(_ANYWAY,)),
    ),
)
