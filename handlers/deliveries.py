"""/deliveries: what was sent here lately, what waits, and what could not be sent: why, and what to do about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot.domain import DAY
from bot.domain.alerts import milestone, record
from bot.domain.measure import Measure
from bot.domain.quiet import QUIET_HOURS
from bot.domain.reading import plain
from bot.ports.command import Param, Request, Takes, Who
from bot.ports.message import Button, Line, Message, plain_text
from bot.services import watching
from bot.services.context import Services
from bot.services.watching import Watched
from bot.texts import remedies
from bot.texts.remedies import UNWANTED, Unsent
from bot.texts.units import counted, value_text
from bot.texts.words import N_, Words, bold
from handlers.arguments import split_name
from handlers.command import Command, Group
from handlers.history import is_page, turning
from handlers.kinds import TYPED, kind_of, names
from handlers.named import named
from handlers.places import again, place, place_of
from handlers.standing import standing, with_remedy
from storage import chats, posts
from storage.chats import Chat
from storage.posts import Counts, Past

SHOWN = 12
FAILED = "failed"
#: For these reasons an alert is left out as the chat itself wants it.
WANTED_SO = (QUIET_HOURS, UNWANTED)
_STATES = {
    "pending": N_("waits"),
    "leased": N_("being sent"),
    "held": N_("held until the quiet hours are over"),
    "dead": N_("not sent"),
    "superseded": N_("left out for a newer one"),
    "expired": N_("too old to send"),
}
_SYMBOLS = {"pending": "⏳", "leased": "⏳", "held": "🌙", "sent": "✅", "dead": "⚠️", "expired": "⚠️"}
_LEFT_OUT = "▫️"
_COUNTED = {
    "sent": N_("{n} sent", "{n} sent"),
    "waiting": N_("{n} waiting", "{n} waiting"),
    "held": N_("{n} held for the morning", "{n} held for the morning"),
    "left_out": N_("{n} left out", "{n} left out"),
    "failed": N_("{n} failed", "{n} failed"),
}
_TYPED = {kind_of(word): word for word in TYPED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What somebody wants to see of a chat's deliveries.

    Attributes:
        of: Only those of this watch.
        failed: Only what did not arrive.
        page: Its number, from 1.
    """

    of: Watched | None
    failed: bool
    page: int

    def command(self, *, failed: bool) -> str:
        """Return what is typed for the same, or for only what failed, but for the page."""
        name = self.of.name if self.of is not None else ""
        return " ".join(part for part in ("/deliveries", name, FAILED if failed else "") if part)


async def deliveries(request: Request, services: Services, words: Words) -> Message:
    asked = await _asked(request, services, words)
    watch_id = asked.of.watch.id if asked.of is not None else None
    now = services.clock()
    async with services.database.read() as connection:
        chat = await chats.find(connection, platform=request.platform, key=request.chat)
        if chat is None:
            return _nothing(words, ())
        found = await posts.latest(
            connection,
            chat_id=chat.id,
            limit=SHOWN + 1,
            offset=SHOWN * (asked.page - 1),
            watch_id=watch_id,
            first=request.topic,
            failed=WANTED_SO if asked.failed else None,
        )
        counts = await posts.counts(
            connection, chat_id=chat.id, since=now - DAY, wanted_so=WANTED_SO, watch_id=watch_id
        )
    in_the_way = await standing(request, services, words, chat=chat, of=asked.of) if asked.page == 1 else []
    if not found and not any(counts) and not asked.failed and asked.page == 1:
        return _nothing(words, in_the_way)
    lines = [*in_the_way, ()] if in_the_way and found else list(in_the_way)
    lines += _days(found[:SHOWN], words, chat=chat, here=request.topic, told=in_the_way)
    if not found:
        lines.append(
            words.say("There is no page {n}.", n=words.exact(asked.page))
            if asked.page > 1
            else words.say("Nothing failed that is still kept.")
        )
    return Message(
        symbol="📬",
        title=_title(request, asked, counts, words),
        lines=tuple(lines),
        buttons=_buttons(request, asked, words, more=len(found) > SHOWN, failed=counts.failed > 0),
    )


async def _asked(request: Request, services: Services, words: Words) -> Asked:
    """Read a watch's name, ``failed`` and the number of a page, each of them if it is there.

    Raises:
        watching.UnknownName, Mistake: There is no such watch.
    """
    name, behind = split_name(request.text, _belongs_behind)
    of = None
    typed = request.text.split()
    known = {one.name.casefold() for one in await watching.listed(services, request)}
    if name or any(" ".join(typed[:end]).casefold() in known for end in range(1, len(typed) + 1)):
        of, behind = await named(request, services, words, text=request.text, belongs_behind=_belongs_behind)
    said = [word.lower() for word in behind]
    page = next((int(word) for word in said if is_page(word)), 1)
    return Asked(of=of, failed=FAILED in said, page=max(page, 1))


def _belongs_behind(word: str) -> bool:
    return word.lower() == FAILED or is_page(word)


def _nothing(words: Words, in_the_way: Sequence[Line]) -> Message:
    title = words.say("Nothing was to be sent here yet.")
    return Message(symbol="📬", title=title, lines=tuple(in_the_way))


def _title(request: Request, asked: Asked, counts: Counts, words: Words) -> Line:
    """Return how the last day's alerts stand."""
    said = [
        words.plural(*_COUNTED[name], count) for name, count in zip(counts._fields, counts, strict=True) if count
    ]
    if not said:
        return words.say("No alerts in the last 24 hours")
    summary = words.list([plain_text(one) for one in said])
    where = place_of(request)
    if asked.of is not None:
        return words.say("The last 24 hours of {name}: {counts}", name=bold(asked.of.name), counts=summary)
    if where is not None:
        return words.say("The last 24 hours in {place}: {counts}", place=where, counts=summary)
    return words.say("The last 24 hours: {counts}", counts=summary)


def _days(
    found: Sequence[Past], words: Words, *, chat: Chat, here: str | None, told: Sequence[Line]
) -> list[Line]:
    """Return deliveries by day; those to the place where it was asked come first, under a heading of their own.

    Args:
        told: What stands above: a remedy among it is not repeated.
    """
    many = len({one.topic for one in found}) > 1
    sections = many and here is not None and any(one.topic == here for one in found)
    lines: list[Line] = []
    above = set(told)
    heading, day = "", ""
    for one in found:
        section = words.text("Here") if one.topic == here else words.text("Elsewhere in this chat")
        if sections and section != heading:
            lines += [()] if lines else []
            lines.append((bold(section),))
            heading, day = section, ""
        if (written := words.date(one.at).text) != day:
            day = written
            lines.append((bold(day),))
        lines += _delivery(one, words, chat=chat, told=above, where=many and not (sections and one.topic == here))
    return lines


def _delivery(one: Past, words: Words, *, chat: Chat, told: set[Line], where: bool) -> list[Line]:
    """Return one delivery: what it told and how it stands, and what to do, once for all that it is true of.

    Args:
        told: What stands above, with the remedies in it; those of this one are added.
        where: Say where it went: the chat has several places for alerts.
    """
    what = words.say(
        "{symbol} {time} {name}: {alert}",
        symbol=_LEFT_OUT if one.error in WANTED_SO else _SYMBOLS.get(one.state, _LEFT_OUT),
        time=words.time(one.at).text,
        name=one.watch,
        alert=_alert(one, words),
    )
    at = place(one.topic_title)
    if where and at is not None:
        what = words.say("{delivery}, {place}", delivery=what, place=at)
    if one.state == "sent" and one.error is None:
        return [words.say("{delivery} – told in the morning’s digest", delivery=what) if one.in_digest else what]
    unsent = _unsent(one, chat)
    why = remedies.reason(unsent, words)
    if one.state == "sent":
        what = words.say("{delivery} – sent, but for a part: {why}", delivery=what, why=why)
    elif one.error == QUIET_HOURS:
        what = words.say("{delivery} – {state}", delivery=what, state=words.text("left out in quiet hours"))
    elif one.error == UNWANTED or (one.state == "superseded" and not unsent.rung):
        what = words.say("{delivery} – left out: {why}", delivery=what, why=why)
    else:
        what = words.say("{delivery} – {state}", delivery=what, state=words.text(_STATES[one.state]))
        what = words.say("{delivery}: {why}", delivery=what, why=why) if why else what
    what, *then = with_remedy(what, remedies.remedy(unsent, words), words)
    fresh = [line for line in then if line not in told]
    told.update(fresh)
    return [what, *fresh]


def _unsent(one: Past, chat: Chat) -> Unsent:
    """Return what is to be known of an alert that did not arrive, or has not yet."""
    waits = one.state in {"pending", "leased"}
    muted = one.muted_until is not None and one.settled_at is not None and one.muted_until > one.settled_at
    return Unsent(
        state=one.state,
        why=chat.disabled_why if waits and chat.disabled_why is not None else one.error,
        watch=one.watch,
        word=_TYPED.get(one.kind, one.kind),
        rung=one.kind == milestone.KIND,
        subscribed=one.subscribed,
        muted=muted,
        until=one.due_at if one.state == "held" and not one.in_digest else None,
    )


def _buttons(request: Request, asked: Asked, words: Words, *, more: bool, failed: bool) -> tuple[Button, ...]:
    """Return the buttons that turn the page, and the one to only what failed, or back to all."""
    where = again(request)
    if where is None:
        return ()
    pages = asked.page + more
    buttons = list(turning(asked.command(failed=asked.failed), asked.page, pages, words))
    if asked.failed:
        buttons.append(Button(words.text("All alerts"), command=asked.command(failed=False)))
    elif failed:
        buttons.append(Button(words.text("Only what failed"), command=asked.command(failed=True)))
    return tuple(replace(button, command=f"{button.command}{where}") for button in buttons)


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
    about=N_("What was sent here lately, what was not and why, and what to do"),
    group=Group.SET_UP,
    run=deliveries,
    who=Who.ADMINS,
    example="/deliveries failed",
    params=(
        Param("name", N_("what is watched here"), Takes.NAME),
        Param("which", N_("failed: only what did not arrive"), choices=(FAILED,)),
        Param("page", N_("the number of a page")),
    ),
)
