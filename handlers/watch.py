"""/watch: follow an address; tries it for real and says what it will report."""

from __future__ import annotations

import re

from bot.domain.outside import clean, without_secrets
from bot.domain.reading import Metric
from bot.ports.command import Param, Request, Takes, Who
from bot.ports.message import Line, Message
from bot.ports.rooms import Bound
from bot.ports.source import Cost
from bot.services import watching
from bot.services.context import Services
from bot.texts.costs import amount
from bot.texts.units import unit_name
from bot.texts.words import N_, Words, bold, code
from handlers.command import Command, Group, Mistake
from handlers.kinds import names
from handlers.places import IN, lacking, place_of

#: A name in quotes may hold the word itself.
_QUOTED_AS = re.compile(r'(?P<address>\S.*?)\s+as\s+["“](?P<name>[^"“”]+)["”]', re.IGNORECASE | re.DOTALL)
_AS = re.compile(r"(?P<address>\S+(?:.*\S)?)\s+as\s+(?P<name>\S.*)", re.IGNORECASE | re.DOTALL)

_METRICS = {
    Metric.CONCURRENT: N_("{unit} at once"),
    Metric.TUNED_IN: N_("people tuned in"),
    Metric.VIEWS: N_("views"),
    Metric.POSTS: N_("posts"),
}


async def watch(request: Request, services: Services, words: Words) -> Message:
    address, name = _typed(request, services, words)
    try:
        added = await watching.add(services, request, address, name=name)
    except watching.TooMany:
        raise Mistake(
            words.say(
                "This chat watches {n} things already, as many as one chat may.", n=str(watching.MOST_WATCHES)
            ),
            example="/unwatch …",
        ) from None
    except watching.NameTaken:
        raise Mistake(words.say("Another watch here is already called “{name}”.", name=name or "")) from None
    if added.already:
        return Message(symbol="👀", title=_known(added, request, words), lines=lacking(request, words))
    lines = [_reports(added, words)]
    if added.description.live_now is True:
        lines.append(words.say("It is on the air right now."))
    elif added.description.live_now is False:
        lines.append(words.say("It is not on the air right now; I will tell when it is."))
    elif not added.description.daily:
        lines.append(words.say("Whether it is on the air could not be asked yet; I will tell when it is."))
    if (due := added.description.next_at) is not None:
        lines.append(words.say("Announced for {date}, {time}.", date=words.date(due), time=words.time(due)))
    if added.description.note:
        lines.append(words.say("{note}", note=words.told(added.description.note)))
    lines += [
        words.say("{name} is watched here already, and this is one of its sessions: both tell it.", name=bold(one))
        for one in added.part_of
    ]
    lines += [
        words.say("{name} is watched here already, and is one of its sessions: both tell it.", name=bold(one))
        for one in added.parts
    ]
    lines += _costs(added.description.cost, words)
    kinds, where = words.list(names(watching.kinds_of(added.watch), words)), place_of(request)
    if where is None:
        lines.append(words.say("Alerts come here: {kinds}.", kinds=kinds))
    else:
        lines.append(words.say("Alerts go to {place}: {kinds}.", place=where, kinds=kinds))
    lines.append(
        words.say(
            "Change that with {subscribe} and {milestones}; see how it looks: {test}.",
            subscribe="/subscribe",
            milestones="/milestones",
            test="/test",
        )
    )
    lines += lacking(request, words)
    return Message(symbol="👀", title=words.say("Now watching {name}", name=bold(added.name)), lines=tuple(lines))


def _typed(request: Request, services: Services, words: Words) -> tuple[str, str | None]:
    """Return the address that was typed, and what to call it, if that was said.

    Raises:
        Mistake: There is none, or the name cannot be one.
    """
    address = request.text.strip()
    if not address:
        raise Mistake(words.say("Tell me what to watch."), example=_example(services))
    match = _QUOTED_AS.fullmatch(address) or _AS.fullmatch(address)
    if match is None:
        return address, None
    name = match["name"].strip().strip('"“”')
    name = clean(name, limit=len(name))
    if not name:
        raise Mistake(words.say("That name has nothing to see in it."))
    if len(name) > watching.LONGEST_NAME:
        raise Mistake(words.say("A name has at most {n} characters.", n=str(watching.LONGEST_NAME)))
    return match["address"].strip(), name


def _known(added: watching.Added, request: Request, words: Words) -> Line:
    """Say what is new about a watch that the chat had before."""
    name = bold(added.name)
    where = place_of(request)
    if added.joined and where is not None:
        return words.say(
            "{name} is watched already; its alerts go to {place} from now on.", name=name, place=where
        )
    if added.joined:
        return words.say("{name} is watched already; its alerts come here from now on.", name=name)
    if added.renamed:
        return words.say("It is called {name} here from now on.", name=name)
    return words.say("{name} is watched here already.", name=name)


def _reports(added: watching.Added, words: Words) -> Line:
    figure = words.text(_METRICS[Metric(added.watch.metric)], unit=unit_name(words, added.watch.unit))
    return words.say(
        "{address}: {figure}, read every {interval}.",
        address=code(without_secrets(added.address)),
        figure=figure,
        interval=words.duration(added.watch.interval),
    )


def _costs(cost: Cost | None, words: Words) -> list[Line]:
    """Return what a watch costs a day of what may be spent, and what finding it out has cost."""
    if cost is None or cost.limit is None:
        return []
    day, limit = amount(words, cost.amount, cost.unit), amount(words, cost.limit, cost.unit)
    if cost.amount > cost.limit:
        lines = [
            words.say(
                "Asked at each interval it would cost up to {cost} a day, more than the {limit} that this bot may "
                "spend there: it will be asked less often.",
                cost=day,
                limit=limit,
            )
        ]
    elif cost.each is not None:
        each = words.say(
            "Each {session} of it costs {cost} a day of the {limit} that this bot may spend there.",
            session=cost.each,
            cost=day,
            limit=limit,
        )
        lines = [each]
    else:
        lines = [
            words.say(
                "It costs up to {cost} a day of the {limit} that this bot may spend there.", cost=day, limit=limit
            )
        ]
    if cost.once:
        once = amount(words, cost.once, cost.unit)
        lines.append(words.say("Looking its name up has cost {cost}, once.", cost=once))
    return lines


def addresses(request: Request, words: Words, services: Services) -> list[Line]:
    """Return an address of each kind that whoever asks may watch, ready to be copied."""
    shown = [
        source.example
        for source in services.registry.sources.values()
        if (request.is_operator or not source.for_operators)
        and (not isinstance(source, Bound) or source.of_chat == request.platform)
    ]
    return [words.say("These are:"), *((code(example),) for example in shown)]


def _example(services: Services) -> str:
    return f"/watch {next(iter(services.registry.sources.values())).example}"


COMMAND = Command(
    name="watch",
    about=N_("Watch a creator, station, link or number"),
    group=Group.WATCH,
    run=watch,
    who=Who.ADMINS,
    example="/watch icecast:https://radio.example.org/live as Night Radio",
    params=(
        Param("address", N_("such as icecast:https://host/mount"), Takes.REST, required=True),
        Param("name", N_("what to call it here"), lead="as"),
        IN,
    ),
)
