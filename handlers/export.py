"""/export: the figures of what is watched here, as a file."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from bot.domain.outside import without_secrets
from bot.ports.command import Param, Request, Takes
from bot.ports.message import Button, File, Line, Message
from bot.services import watching
from bot.services.context import Services
from bot.services.exporting import Form
from bot.services.exporting.chat import LIMITS, Busy, Nothing, Parts, is_period, make
from bot.services.ties import Tied
from bot.services.watching import Watched
from bot.texts.alerts.common import name
from bot.texts.words import N_, Words, bold, code
from handlers.command import Command, Group, Mistake
from handlers.named import named_or_tied
from handlers.places import again

#: So many parts are offered as buttons.
MOST_PARTS = 8
_FORMS = {one.value: one for one in Form}


async def export(request: Request, services: Services, words: Words) -> Message:
    here = await watching.listed(services, request)
    if not here:
        raise watching.NoWatches
    watched, called, behind = await _asked(request, services, words, here)
    form, period = Form.CSV, "all"
    for word in behind:
        if word in _FORMS:
            form = _FORMS[word]
        else:
            period = word
    if len(watched) == 1:
        words = words.of(watched[0].watch.timezone)
    title = called or words.text("everything watched here")
    try:
        made = await make(
            services,
            request,
            watched,
            form=form,
            period=period,
            zone=words.timezone,
            name=called or request.chat_title or "milepost",
            limit=LIMITS.get(request.platform),
        )
    except Busy:
        return Message(symbol="⏳", title=words.say("Another file is being written: try again in a minute."))
    except Nothing:
        if period == "all":
            return Message(symbol="📦", title=words.say("There is no session of {name} yet.", name=name(title)))
        return Message(symbol="📦", title=words.say("There is no session of {name} then.", name=name(title)))
    except Parts as parts:
        return in_parts(request, parts, watched, called=called, form=form, words=words)
    written = made.written
    holds = words.say(
        "{sessions}, {readings}",
        sessions=words.plural("{n} session", "{n} sessions", written.sessions),
        readings=words.plural("{n} reading", "{n} readings", written.samples),
    )
    if request.is_admin:
        holds = words.say(
            "{figures}, {alerts}",
            figures=holds,
            alerts=words.plural("{n} alert", "{n} alerts", written.alerts),
        )
    how = (
        words.say("CSV files in a zip, of sessions and readings. Times are in UTC; empty is unknown.")
        if form is Form.CSV
        else words.say("One JSON object a line, in a zip. Times are in UTC; what is absent is unknown.")
    )
    return Message(
        symbol="📦",
        title=words.say("Figures of {name}", name=bold(name(title))),
        lines=(holds, how),
        file=File(path=made.path, name=made.name),
    )


async def _asked(
    request: Request, services: Services, words: Words, here: Sequence[Watched]
) -> tuple[list[Watched], str | None, list[str]]:
    """Return what is to be exported, its name if it is not everything, and the words behind that."""
    typed = request.text.split()
    if all(map(_belongs_behind, typed)) and not _names(here, request.text):
        return list(here), None, [word.casefold() for word in typed]
    found, behind = await named_or_tied(
        request, services, words, text=request.text, belongs_behind=_belongs_behind
    )
    if not all(map(_belongs_behind, behind)):
        raise Mistake(words.say("A file is csv or json, of a year, a month or a day such as 2026-05."))
    watched = list(found.watches) if isinstance(found, Tied) else [found]
    return watched, found.name, [word.casefold() for word in behind]


def _names(here: Sequence[Watched], text: str) -> bool:
    """Tell whether what looks like a period is what a watch is called: "Today", or "2026"."""
    return bool(text.split()) and any(one.name.casefold() == text.strip().casefold() for one in here)


def _belongs_behind(word: str) -> bool:
    return word.casefold() in _FORMS or is_period(word)


def in_parts(
    request: Request, parts: Parts, watched: Sequence[Watched], *, called: str | None, form: Form, words: Words
) -> Message:
    """Return the answer where a file is too large: parts of it to tap, and how to get it whole."""
    command = " ".join(filter(None, ("/export", called, form.value)))
    behind = again(request)
    buttons: tuple[Button, ...] = ()
    if behind is not None:
        spans = parts.spans[:MOST_PARTS]
        buttons = tuple(Button(span, command=f"{command} {span}{behind}") for span in spans)
    lines: list[Line] = []
    if parts.spans:
        example = code(f"{command} {parts.spans[0]}")
        lines.append(words.say("Ask for a part of it: {command}", command=example))
    whole = f"milepost export {_which(request, watched)} figures.{_ENDS[form]}"
    lines.append(words.say("Who runs this bot gets it whole: {command}", command=code(whole)))
    megabytes = words.exact(parts.limit // 1_000_000)
    return Message(
        symbol="📦",
        title=words.say("That is more than a file may hold here: {n} MB.", n=megabytes),
        lines=tuple(lines),
        buttons=buttons,
    )


def _which(request: Request, watched: Sequence[Watched]) -> str:
    """Return what makes ``milepost export`` write the same."""
    if len(watched) > 1:
        return f"--chat {shlex.quote(f'{request.platform}:{request.chat}')}"
    one = watched[0].watch
    address = f"{one.source}:{one.reference}"
    return f"--watch {shlex.quote(address if without_secrets(address) == address else one.name)}"


_ENDS = {Form.CSV: "zip", Form.JSON: "jsonl"}

COMMAND = Command(
    name="export",
    about=N_("Sessions and readings as a file"),
    group=Group.ASK,
    run=export,
    example="/export Night Radio csv 2026-05",
    params=(
        Param("name", N_("what is watched here; without a name everything"), Takes.NAME),
        Param("format", N_("csv for spreadsheets, or json"), choices=tuple(_FORMS)),
        Param("period", N_("today, week, month, year, or such as 2026, 2026-05, 2026-05-03")),
    ),
)
