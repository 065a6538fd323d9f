"""/subscribe: which alerts of a watch come to this chat, channel or topic, and how."""

from __future__ import annotations

import re
from collections.abc import Sequence

from bot.domain import MINUTE
from bot.domain.alerts import CALLS_NOBODY, ON_CARDS, milestone, reminder
from bot.ports.command import Param, Request, Takes, Who
from bot.ports.message import Line, Message, Span, Style
from bot.services import watching
from bot.services.context import Services
from bot.texts.words import N_, Words, bold
from handlers.arguments import clauses, minutes
from handlers.command import Command, Group, Mistake
from handlers.kinds import TYPED, changes, chosen, is_kind, kind_of, names
from handlers.ladders import is_rung, read_ladder
from handlers.named import named
from handlers.places import IN, lacking, place_of
from storage.chats import Subscription

NOBODY = {"nobody", "none", "no"}
HERE = "here"
#: What people type for how alerts come: the style as it is kept, and whether a buried card comes anew.
STYLES: dict[str, tuple[str | None, bool]] = {
    "posts": (None, False),
    "card": ("card", False),
    "both": ("both", False),
    "card on top": ("card", True),
    "both on top": ("both", True),
}
#: A role as Discord writes it where somebody picked one.
_ROLE = re.compile(r"<@&([0-9]{1,20})>")
_ROLES_ON = "discord"
NO_EDITS = "console"


async def subscribe(request: Request, services: Services, words: Words) -> Message:
    text, given = clauses(request.text, {"at": _is_ladder, "mention": _is_whom, "as": _is_style})
    watched, typed = await named(request, services, words, text=text, belongs_behind=_belongs_behind)
    own = (await watching.subscriptions(services, request)).get(watched.watch.id, [])
    before = next((one for one in own if one.topic == (request.topic or "")), None)
    values: dict[str, object] = {}
    if (lead := _lead(typed, words)) is not None:
        values["remind_before"] = lead
        typed = [word for word in typed if not _is_length(word)]
    changed = changes(typed) if typed else bool(given)
    usual = before.kinds if before is not None and changed else watching.kinds_of(watched.watch)
    kinds = chosen(typed, usual=usual, there_are=watching.all_kinds_of(watched.watch))
    if not kinds:
        raise Mistake(words.say("Then nothing would come: that is {command}.", command="/unsubscribe"))
    if "at" in given:
        values["ladder"] = read_ladder(given["at"].split(), words)
    if "mention" in given:
        values["mention"] = whom(given["mention"], request, words)
    if "as" in given and request.platform == NO_EDITS and given["as"].lower() != "posts":
        raise Mistake(words.say("What a terminal has shown cannot be edited: here alerts come as posts."))
    if "as" in given:
        values["style"], values["resend"] = STYLES[_style(given["as"])]
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
    beside = [kind for kind in made.kinds if made.style != "card" or kind not in ON_CARDS]
    lines = [_card_line(made, words)] if made.style is not None else []
    if beside and made.style is not None:
        lines.append(words.say("Beside it, you will be told: {kinds}.", kinds=words.list(names(beside, words))))
    elif beside:
        lines.append(words.say("You will be told: {kinds}.", kinds=words.list(names(beside, words))))
    if made.ladder is not None and milestone.KIND in made.kinds:
        rungs = words.list([words.exact(rung) for rung in made.ladder])
        lines.append(words.say("Milestones at {rungs}.", rungs=rungs))
    if reminder.KIND in made.kinds:
        lead = words.duration(made.remind_before or reminder.LEAD)
        lines.append(words.say("Reminders come {time} before an announced start.", time=lead))
    if made.mention is not None and CALLS_NOBODY.isdisjoint(made.kinds):
        lines.append(words.say("Each calls {whom}, at most once an hour.", whom=called(made.mention)))
    elif made.mention is not None:
        who, quiet = called(made.mention), words.list(names(CALLS_NOBODY.intersection(made.kinds), words))
        lines.append(words.say("Each but {quiet} calls {whom}, at most once an hour.", quiet=quiet, whom=who))
    return tuple(lines)


def _card_line(made: Subscription, words: Words) -> Line:
    if made.resend:
        return words.say(
            "Each session has one card here, kept up to date, and posted anew when it is buried; at the end it "
            "becomes the recap."
        )
    return words.say("Each session has one card here, kept up to date; at the end it becomes the recap.")


def called(mention: str) -> Span:
    """Return whom a mention calls, so that it is shown and nobody is called by it."""
    return Span(f"@{HERE}" if mention == HERE else f"<@&{mention}>", Style.REFERENCE)


def _belongs_behind(word: str) -> bool:
    return is_kind(word) or _is_length(word)


def _is_length(word: str) -> bool:
    """Tell whether a word is a length of time with its unit: a number alone may be part of a name."""
    return not word.strip(",").isdigit() and minutes(word.strip(",")) is not None


def _lead(typed: Sequence[str], words: Words) -> int | None:
    """Return how long before a start a reminder is wanted, in milliseconds; None if that was not said.

    Raises:
        Mistake: It stands behind something else, or is too long or nothing.
    """
    found = [place for place, word in enumerate(typed) if _is_length(word)]
    if not found:
        return None
    place = found[0]
    lead = (minutes(typed[place].strip(",")) or 0) * MINUTE
    if len(found) > 1 or place == 0 or kind_of(typed[place - 1]) != reminder.KIND:
        raise Mistake(
            words.say("“{length}” belongs behind {kind}.", length=typed[found[-1]], kind="reminder"),
            example="/subscribe Night Radio +reminder 1h",
        )
    if not 0 < lead <= reminder.LONGEST_LEAD:
        longest = words.duration(reminder.LONGEST_LEAD)
        raise Mistake(
            words.say("A reminder comes 1 min to {longest} before.", longest=longest),
            example="/subscribe Night Radio +reminder 1h",
        )
    return lead


def _is_ladder(value: str) -> bool:
    return all(is_rung(word) for word in value.replace(",", " ").split())


def _style(value: str) -> str:
    return " ".join(value.lower().split()).replace("cards", "card")


def _is_style(value: str) -> bool:
    return _style(value) in STYLES


def _is_whom(value: str) -> bool:
    return " " not in value or _ROLE.search(value) is not None


def whom(value: str, request: Request, words: Words) -> str | None:
    """Return whom typed words call: ``here``, the platform's id of a role, or None for nobody.

    Raises:
        Mistake: They name nobody who can be called here.
    """
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
        Param(
            "kinds",
            N_(
                "start, milestones, records, recap, outages, reminder 1h, close; with + or - more or less, or only"
            ),
            several=TYPED,
        ),
        Param("ladder", N_("milestones such as 100 250 1k, or default"), lead="at"),
        Param("style", N_("posts, one card that is edited, or both"), choices=tuple(STYLES), lead="as"),
        Param("mention", N_("whom to call: a role, here, or nobody"), Takes.MENTION, lead="mention"),
        IN,
    ),
)
