"""/subscribe: which alerts of a watch come to this chat, channel or topic, and how."""

from __future__ import annotations

import re

from bot.domain.alerts import KINDS, milestone
from bot.ports.command import Param, Request, Takes, Who
from bot.ports.message import Line, Message, Span, Style
from bot.services import watching
from bot.services.context import Services
from bot.texts.words import N_, Words, bold
from handlers.arguments import clauses
from handlers.command import Command, Group, Mistake
from handlers.kinds import TYPED, is_kind, kind_of, names
from handlers.ladders import is_rung, read_ladder
from handlers.named import named
from handlers.places import IN, lacking, place_of
from storage.chats import Subscription

NOBODY = {"nobody", "none", "no"}
HERE = "here"
#: A role as Discord writes it where somebody picked one.
_ROLE = re.compile(r"<@&([0-9]{1,20})>")
_ROLES_ON = "discord"


async def subscribe(request: Request, services: Services, words: Words) -> Message:
    text, given = clauses(request.text, {"at": _is_ladder, "mention": _is_whom})
    watched, typed = await named(request, services, words, text=text, belongs_behind=is_kind)
    own = (await watching.subscriptions(services, request)).get(watched.watch.id, [])
    before = next((one for one in own if one.topic == (request.topic or "")), None)
    chosen = [kind for word in typed if (kind := kind_of(word)) is not None]
    kinds = [kind for kind in KINDS if kind in chosen]
    if not kinds:
        kept = before is not None and not typed and given
        kinds = list(before.kinds) if before is not None and kept else watching.kinds_of(watched.watch)
    values: dict[str, object] = {}
    if "at" in given:
        values["ladder"] = read_ladder(given["at"].split(), words)
    if "mention" in given:
        values["mention"] = _whom(given["mention"], request, words)
    made = await watching.subscribe(services, request, watched, kinds, **values)
    where = place_of(request)
    name = bold(watched.name)
    if where is None:
        title = words.say("Alerts of {name} come here.", name=name)
    else:
        title = words.say("Alerts of {name} go to {place}.", name=name, place=where)
    return Message(symbol="🔔", title=title, lines=(*what_comes(made, words), *lacking(request, words)))


def what_comes(made: Subscription, words: Words) -> tuple[Line, ...]:
    """Return in a line or two what a subscription sends."""
    lines = [words.say("You will be told: {kinds}.", kinds=words.list(names(made.kinds, words)))]
    if made.ladder is not None and milestone.KIND in made.kinds:
        rungs = words.list([words.exact(rung) for rung in made.ladder])
        lines.append(words.say("Milestones at {rungs}.", rungs=rungs))
    if made.mention is not None:
        lines.append(words.say("Each calls {whom}, at most once an hour.", whom=called(made.mention)))
    return tuple(lines)


def called(mention: str) -> Span:
    """Return whom a mention calls, so that it is shown and nobody is called by it."""
    return Span(f"@{HERE}" if mention == HERE else f"<@&{mention}>", Style.REFERENCE)


def _is_ladder(value: str) -> bool:
    return all(is_rung(word) for word in value.replace(",", " ").split())


def _is_whom(value: str) -> bool:
    return " " not in value or _ROLE.search(value) is not None


def _whom(value: str, request: Request, words: Words) -> str | None:
    wanted = value.strip().lower().removeprefix("@")
    if wanted in NOBODY:
        return None
    if request.platform != _ROLES_ON:
        raise Mistake(
            words.say("There are no roles to call here: each member sets notifications for this chat."),
            example="/subscribe Night Radio milestones records",
        )
    if wanted == HERE:
        return HERE
    role = _ROLE.fullmatch(value.strip())
    if role is None:
        raise Mistake(
            words.say("“{whom}” is nobody that I can call: a role, here, or nobody.", whom=value[:60]),
            example="/subscribe Night Radio mention here",
        )
    return role[1]


COMMAND = Command(
    name="subscribe",
    about=N_("Let alerts of a watch come here, or to another channel"),
    group=Group.SET_UP,
    run=subscribe,
    who=Who.ADMINS,
    example="/subscribe Night Radio milestones records",
    params=(
        Param("name", N_("what is watched here"), Takes.NAME),
        Param("kinds", N_("start, milestones, records, recap; all if none is named"), several=TYPED),
        Param("ladder", N_("milestones such as 100 250 1k, or default"), lead="at"),
        Param("mention", N_("whom to call: a role, here, or nobody"), Takes.MENTION, lead="mention"),
        IN,
    ),
)
