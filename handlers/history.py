"""/history: past sessions, newest first, page by page."""

from __future__ import annotations

from collections.abc import Collection

from bot.domain.measure import Measure
from bot.ports.command import Param, Request, Takes
from bot.ports.message import Button, Line, Message
from bot.services import past
from bot.services.context import Services
from bot.services.events import Event, Measures
from bot.texts.alerts.common import name
from bot.texts.units import value_text
from bot.texts.words import N_, Words, bold, link
from handlers.beside import counts, length, zone_of
from handlers.command import Command, Group
from handlers.named import named_or_tied

_LARGEST_PAGE = 9


def is_page(word: str) -> bool:
    """Tell whether a word is a page's number."""
    return word.isdecimal() and len(word) <= _LARGEST_PAGE


async def history(request: Request, services: Services, words: Words) -> Message:
    thing, behind = await named_or_tied(request, services, words, text=request.text, belongs_behind=is_page)
    words = zone_of(thing, words)
    found = await past.page(services, request, thing, int(behind[0]) if behind else 1)
    lines: list[Line] = []
    if found.live is not None:
        lines.append(
            words.say(
                "🔴 {date}, {clock}: live, {time} in",
                date=words.date(found.live.first_at),
                clock=words.time(found.live.first_at),
                time=length(words, services.clock() - found.live.first_at),
            )
        )
    lines += [
        _line(event, measures, words, disputed=found.disputed.get(event.ids, frozenset()))
        for event, measures in found.events
    ]
    if not lines:
        return Message(symbol="🗂", title=words.say("{name} has had no session yet.", name=bold(thing.name)))
    footer = words.say("{counts} at once.", counts=counts(thing, words))
    if found.pages > 1:
        footer = words.say(
            "{counts} Page {page} of {pages}.",
            counts=footer,
            page=words.exact(found.number),
            pages=words.exact(found.pages),
        )
    return Message(
        symbol="🗂",
        title=words.plural("{name}: {n} session", "{name}: {n} sessions", found.total, name=bold(thing.name)),
        lines=tuple(lines),
        footer=footer,
        buttons=turning(f"/history {thing.name}", found.number, found.pages, words),
    )


def turning(command: str, number: int, pages: int, words: Words) -> tuple[Button, ...]:
    """Return the buttons that turn the page, as far as there is one to turn to."""
    buttons = []
    if number > 1:
        buttons.append(
            Button(words.text("◀ Page {n}", n=words.exact(number - 1)), command=f"{command} {number - 1}")
        )
    if number < pages:
        buttons.append(
            Button(words.text("Page {n} ▶", n=words.exact(number + 1)), command=f"{command} {number + 1}")
        )
    return tuple(buttons)


def _line(event: Event, measures: Measures, words: Words, *, disputed: Collection[Measure]) -> Line:
    """Return one session: when, how long, how many, and how much of it was seen; what counts not is marked."""

    def marked(measure: Measure, text: str) -> str:
        if measure not in disputed:
            return text
        return words.text("{figure} ({mark})", figure=text, mark=words.text("disputed"))

    day, time = words.date(event.first_at), words.time(event.first_at)
    url = event.parts[0].ended.url if event.parts[0].ended is not None else None
    parts: list[str] = []
    peak = measures.values.get(Measure.PEAK)
    average = measures.values.get(Measure.AVERAGE)
    for measure, pattern in ((Measure.TUNED_IN, N_("{value} tuned in")), (Measure.POSTS, N_("{value} posts"))):
        value = measures.values.get(measure)
        if value is not None:
            parts.append(marked(measure, words.text(pattern, value=value_text(words, measure, value))))
    if average is not None:
        text = words.text("average {value}", value=value_text(words, Measure.AVERAGE, average))
        parts.insert(0, marked(Measure.AVERAGE, text))
    airtime = measures.values.get(Measure.AIRTIME)
    if airtime is not None:
        parts.append(marked(Measure.AIRTIME, value_text(words, Measure.AIRTIME, airtime)))
    if measures.coverage is not None:
        parts.append(words.text("{share} covered", share=words.percent(measures.coverage)))
    if event.origin is not None:
        parts.append(words.text("imported from {origin}", origin=name(event.origin)))
    if peak is None:
        figure = words.say("peak unknown")
    else:
        figure = words.say("peak {value}", value=bold(value_text(words, Measure.PEAK, peak)))
        if Measure.PEAK in disputed:
            figure = words.say("{figure} ({mark})", figure=figure, mark=words.text("disputed"))
    when = link(day.text, url) if url else day
    if event.has_clock:
        line = words.say("{date}, {time}: {figure}", date=when, time=time, figure=figure)
    else:
        line = words.say("{date}: {figure}", date=when, figure=figure)
    return words.say("{line}, {rest}", line=line, rest=words.series(parts)) if parts else line


COMMAND = Command(
    name="history",
    about=N_("Past sessions, newest first"),
    group=Group.ASK,
    run=history,
    example="/history",
    params=(
        Param("name", N_("what is watched or tied here"), Takes.NAME, ties=True),
        Param("page", N_("the number of a page")),
    ),
)
