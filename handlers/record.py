"""/record: enter a record known from outside; dispute one, or a session's value; take it back; who did what."""

from __future__ import annotations

import re

from bot.domain.measure import RECORDED, Measure, measured
from bot.ports.command import Param, Request, Takes, Who
from bot.ports.message import Line, Message
from bot.services import disputing, watching
from bot.services.context import Services
from bot.services.disputing import Judged
from bot.texts.alerts.common import name
from bot.texts.units import measure_name, value_text
from bot.texts.words import N_, Words, bold
from handlers.command import Command, Group, Mistake
from handlers.measures import measure_of, one_word
from handlers.record_add import EXAMPLE, add, corrected
from storage.holdings import Doubted, Page

_ACTIONS = ("add", "dispute", "remove", "restore", "log")
_DISPUTE = "/record dispute 3 Other reports say 57,000"
_DOUBT = "/record dispute s12 peak A raid of bots"
_NUMBER = re.compile(r"(s|#)?(\d{1,9})")
_EVERYWHERE = "everywhere"
_LONGEST_REASON = 200


async def record(request: Request, services: Services, words: Words) -> Message:
    action, _, rest = request.text.strip().partition(" ")
    match action.lower():
        case "add":
            return await add(request, services, words, rest)
        case "dispute":
            return await _dispute(request, services, words, rest)
        case "remove":
            return await _remove(request, services, words, rest)
        case "restore":
            return await _restore(request, services, words, rest)
        case "log":
            return await _log(request, services, words)
    raise Mistake(words.say("Say add, dispute, remove, restore or log."), example=EXAMPLE)


async def _dispute(request: Request, services: Services, words: Words, text: str) -> Message:
    entry, session, rest = await _which(request, services, words, text, _DISPUTE)
    if session is None:
        reason = " ".join(rest)[:_LONGEST_REASON]
        try:
            changed = await disputing.dispute(services, request, entry, reason or None)
        except (disputing.NoSuchEntry, disputing.NotYours) as error:
            raise _not_found(error, entry, words) from None
        return Message(
            symbol="📗",
            title=words.say(
                "#{number} by {holder} is marked as disputed.",
                number=str(entry),
                holder=name(changed.entry.holder),
            ),
            lines=(words.say("It still has to be beaten; /record remove takes it out."),),
        )
    measure, everywhere, reason = _judgement(request, words, rest)
    if not reason:
        raise Mistake(words.say("Say why it is disputed: readers will see it."), example=_DOUBT)
    try:
        judged = await disputing.doubt(services, request, session, measure, reason, everywhere=everywhere)
    except disputing.NoSuchSession:
        raise _no_session(session, words) from None
    title = words.say("{what} counts no more here.", what=_value_of(judged, words))
    if everywhere:
        title = words.say("{what} counts no more anywhere.", what=_value_of(judged, words))
    if not judged.changed:
        title = words.say("{what} was disputed already; the reason is new.", what=_value_of(judged, words))
    lines = [corrected(judged.posts, words)] if judged.posts else []
    undo = words.say("Undo: {command}", command=f"/record restore s{session} {judged.measure.value}")
    return Message(symbol="📗", title=title, lines=(*lines, undo))


async def _remove(request: Request, services: Services, words: Words, text: str) -> Message:
    entry, session, _ = await _which(request, services, words, text, "/record remove 3")
    if session is not None:
        raise Mistake(words.say("A session cannot be removed; its value can be disputed."), example=_DOUBT)
    try:
        changed = await disputing.remove(services, request, entry)
    except (disputing.NoSuchEntry, disputing.NotYours) as error:
        raise _not_found(error, entry, words) from None
    lines = [corrected(changed.posts, words)] if changed.posts else []
    undo = words.say("Undo: {command}", command=f"/record restore {entry}")
    return Message(
        symbol="📗",
        title=words.say(
            "#{number} by {holder} no longer counts.", number=str(entry), holder=name(changed.entry.holder)
        ),
        lines=(*lines, undo),
    )


async def _restore(request: Request, services: Services, words: Words, text: str) -> Message:
    entry, session, rest = await _which(request, services, words, text, "/record restore 3")
    if session is None:
        try:
            changed = await disputing.restore(services, request, entry)
        except (disputing.NoSuchEntry, disputing.NotYours) as error:
            raise _not_found(error, entry, words) from None
        title = words.say(
            "#{number} by {holder} counts again.", number=str(entry), holder=name(changed.entry.holder)
        )
        lines = (corrected(changed.posts, words),) if changed.posts else ()
        return Message(symbol="📗", title=title, lines=lines)
    measure, everywhere, _ = _judgement(request, words, rest)
    try:
        judged = await disputing.trust(services, request, session, measure, everywhere=everywhere)
    except disputing.NoSuchSession:
        raise Mistake(
            words.say("Nothing of that is disputed for session s{number} here.", number=str(session)),
            example="/records",
        ) from None
    title = words.say("{what} counts again.", what=_value_of(judged, words))
    return Message(symbol="📗", title=title, lines=(corrected(judged.posts, words),) if judged.posts else ())


async def _log(request: Request, services: Services, words: Words) -> Message:
    pages, doubts = await disputing.history(services, request)
    if not pages and not doubts:
        return Message(symbol="📗", title=words.say("Nothing was entered or disputed here yet."))
    lines = [(one.removed_at or one.created_at, _page(one, words)) for one in pages]
    lines += [(one.removed_at or one.created_at, _doubt(one, words)) for one in doubts]
    lines.sort(key=lambda pair: -pair[0])
    return Message(
        symbol="📗",
        title=words.say("Who entered, disputed and removed what"),
        lines=tuple(line for _, line in lines[: disputing.LOGGED]),
        footer=words.say("People by the number that this platform knows them by."),
    )


def _page(one: Page, words: Words) -> Line:
    what = words.say(
        "#{number} {value} {measure}, {holder}: entered {date} by {who}",
        number=str(one.id),
        value=bold(value_text(words, one.measure, one.value)),
        measure=measure_name(words, one.measure),
        holder=name(one.holder),
        date=words.date(one.created_at).text,
        who=_who(one.made_by, words),
    )
    if one.disputed_by is not None:
        what = words.say("{what}; disputed by {who}", what=what, who=_who(one.disputed_by, words))
    if one.removed_at is not None:
        what = words.say(
            "{what}; removed {date} by {who}",
            what=what,
            date=words.date(one.removed_at).text,
            who=_who(one.removed_by, words),
        )
    return what


def _doubt(one: Doubted, words: Words) -> Line:
    what = words.say(
        "s{number} {measure}, {name}: disputed {date} by {who}: {why}",
        number=str(one.session_id),
        measure=measure_name(words, one.measure),
        name=name(one.name),
        date=words.date(one.created_at).text,
        who=_who(one.made_by, words),
        why=name(one.why),
    )
    if one.removed_at is None:
        return what
    return words.say(
        "{what}; restored {date} by {who}",
        what=what,
        date=words.date(one.removed_at).text,
        who=_who(one.removed_by, words),
    )


def _who(user: str | None, words: Words) -> str:
    return user if user is not None else words.text("somebody unknown")


async def _which(
    request: Request, services: Services, words: Words, text: str, example: str
) -> tuple[int, int | None, list[str]]:
    """Return the entry's number, or the session's (by its number or its watch's name), and what follows."""
    typed = one_word(text).split()
    match = _NUMBER.fullmatch(typed[0].lower()) if typed else None
    known = {one.name.casefold(): one for one in await watching.listed(services, request)}
    for end in range(len(typed), 0, -1):
        watched = known.get(" ".join(typed[:end]).casefold())
        if watched is not None:
            measure = next((found for word in typed[end:] if (found := measure_of(word)) is not None), None)
            session = await disputing.newest(services, request, watched, measure)
            if session is None:
                raise Mistake(words.say("{name} has had no session yet.", name=watched.name), example=example)
            return 0, session, typed[end:]
    if match is None:
        raise Mistake(
            words.say("Say the number that /records shows, or the name of what is watched."), example=example
        )
    number = int(match[2])
    return (0, number, typed[1:]) if match[1] == "s" else (number, None, typed[1:])


def _judgement(request: Request, words: Words, typed: list[str]) -> tuple[Measure | None, bool, str]:
    """Return the measure, whether it is for all chats, and the reason."""
    everywhere = any(word.lower() == _EVERYWHERE for word in typed)
    if everywhere and not request.is_operator:
        raise Mistake(words.say("Only those who run this bot judge for all chats."), example=_DOUBT)
    typed = [word for word in typed if word.lower() != _EVERYWHERE]
    measure = measure_of(typed[0]) if typed else None
    if measure is not None and measure not in RECORDED:
        raise Mistake(
            words.say("Say which measure it is, one of {measures}.", measures=words.list(list(RECORDED))),
            example=_DOUBT,
        )
    reason = " ".join(typed[1:] if measure is not None else typed)
    return measure, everywhere, reason[:_LONGEST_REASON]


def _value_of(judged: Judged, words: Words) -> Line:
    value = measured(judged.session.tally, judged.measure)
    called = name(judged.name)
    measure = measure_name(words, judged.measure)
    if value is None:
        return words.say("The {measure} of {name}", measure=measure, name=called)
    shown = bold(value_text(words, judged.measure, value))
    return words.say("{value} {measure} of {name}", value=shown, measure=measure, name=called)


def _not_found(error: Exception, number: int, words: Words) -> Mistake:
    if isinstance(error, disputing.NotYours):
        return Mistake(
            words.say("#{number} is everybody’s: only those who run this bot change it.", number=str(number)),
            example="/records",
        )
    return Mistake(words.say("There is no record #{number} here.", number=str(number)), example="/records")


def _no_session(number: int, words: Words) -> Mistake:
    return Mistake(words.say("There is no session s{number} here.", number=str(number)), example="/records")


COMMAND = Command(
    name="record",
    about=N_("Enter, dispute or remove a record; dispute a session’s figure"),
    group=Group.SET_UP,
    run=record,
    who=Who.ADMINS,
    example=EXAMPLE,
    params=(
        Param("action", N_("add, dispute, remove, restore or log"), required=True, choices=_ACTIONS),
        Param("details", N_("value, measure, holder, date, link; or its number and a reason"), Takes.REST),
    ),
)
