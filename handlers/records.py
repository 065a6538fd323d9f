"""/records: the records known here, unlike measures apart."""

from __future__ import annotations

from bot.domain.alerts.record import Rival, Scope
from bot.ports.command import Param, Request
from bot.ports.message import Line, Message
from bot.services import book, watching
from bot.services.context import Services
from bot.texts.alerts.common import name
from bot.texts.units import measure_name, platform_name, value_text
from bot.texts.words import N_, Words, bold, link
from handlers.command import Command, Group, Mistake
from storage.records import Entry


async def records(request: Request, services: Services, words: Words) -> Message:
    typed = request.text.strip().lower()
    scope = next((one for one in Scope if one.word == typed), None)
    if typed and scope is None:
        raise Mistake(words.say("Scopes are watch, chat and platform."), example="/records platform")
    if not await watching.listed(services, request):
        raise watching.NoWatches
    shelves = await book.shelves(services, request, scope)
    if not shelves:
        return Message(
            symbol="🏆",
            title=words.say("No records yet."),
            lines=(words.say("The first session sets the baseline; the next one can break it."),),
        )
    lines: list[Line] = []
    for shelf in shelves:
        heading = words.text(
            "{platform}, {measure}",
            platform=platform_name(shelf.platform),
            measure=measure_name(words, shelf.measure),
        )
        if lines:
            lines.append(())
        lines.append((bold(heading),))
        rows = [(rival.value, _session(called, rival, shelf, words)) for called, rival in shelf.best]
        rows += [
            (
                value,
                words.say(
                    "{value} {name}, live now, so far",
                    value=bold(value_text(words, shelf.measure, value)),
                    name=name(called),
                ),
            )
            for called, value in shelf.so_far
        ]
        rows += [(entry.value, _entry(entry, shelf, words)) for entry in shelf.booked]
        lines += [line for _, line in sorted(rows, key=lambda row: -row[0])]
    return Message(
        symbol="🏆",
        title=words.say("Records"),
        lines=tuple(lines),
        footer=words.say("Observed by us, where nothing else is said. Unlike measures are never compared."),
    )


def _session(called: str, rival: Rival, shelf: book.Shelf, words: Words) -> Line:
    return words.say(
        "{value} {name}, {date}",
        value=bold(value_text(words, shelf.measure, rival.value)),
        name=name(called),
        date=words.day(rival.date or ""),
    )


def _entry(entry: Entry, shelf: book.Shelf, words: Words) -> Line:
    value = value_text(words, shelf.measure, entry.value)
    if entry.at_least:
        value = words.text("at least {value}", value=value)
    marks = [words.text("imported as #{number}", number=str(entry.id))]
    if entry.date:
        marks.insert(0, words.day(entry.date))
    if entry.disputed and entry.note:
        marks.append(words.text("disputed: {why}", why=name(entry.note.rstrip("."))))
    elif entry.disputed:
        marks.append(words.text("disputed"))
    return words.say(
        "{value} {holder}, {marks}",
        value=bold(value),
        holder=link(name(entry.holder), entry.link) if entry.link else name(entry.holder),
        marks=", ".join(marks),
    )


COMMAND = Command(
    name="records",
    about=N_("Records known here"),
    group=Group.ASK,
    run=records,
    example="/records platform",
    params=(Param("scope", N_("watch, chat or platform"), choices=tuple(one.word for one in Scope)),),
)
