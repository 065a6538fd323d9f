"""/records: the records known here, by scope and measure; unlike measures apart."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bot.domain.alerts.record import Scope
from bot.domain.measure import RECORDED, Measure
from bot.ports.command import Param, Request
from bot.ports.message import Line, Message, Span
from bot.services import book, watching
from bot.services.book import Held, Shelf
from bot.services.context import Services
from bot.services.watching import Watched
from bot.texts.alerts.common import name
from bot.texts.units import PLATFORMS, measure_name, platform_name, value_text
from bot.texts.words import N_, Words, bold, link
from handlers.command import Command, Group, Mistake
from handlers.history import is_page, turning
from handlers.measures import measure_of, one_word

#: Rows of a page: a row takes two or three lines on a phone.
PAGE = 8
#: What stands between two things that somebody wants to see compared, and in front of them.
_JOINTS = {"compare", "and", "vs", "vs.", "versus", "with", "to", "against", "or", "than", "by"}
#: What each measure is, for whoever wants to compare two of them.
_MEANS = {
    Measure.PEAK: N_("how many were there at one moment"),
    Measure.AVERAGE: N_("how many were there at once on average"),
    Measure.TUNED_IN: N_("how many came at any time, all together"),
    Measure.POSTS: N_("how many posts were written"),
    Measure.VIEWS: N_("how often it was opened"),
    Measure.AIRTIME: N_("how long it lasted"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What somebody wants to see."""

    scope: Scope | None
    measures: tuple[Measure, ...]
    platforms: tuple[str, ...]
    of: Watched | None
    page: int


async def records(request: Request, services: Services, words: Words) -> Message:
    here = await watching.listed(services, request)
    if not here:
        raise watching.NoWatches
    asked = _asked(request.text, here, words)
    if len(asked.measures) > 1:
        return _unlike(asked.measures[0], asked.measures[1], words)
    if len(asked.platforms) > 1:
        return _unlike_platforms(asked.platforms, words)
    shelves = await book.shelves(
        services, request, scope=asked.scope, measures=asked.measures or RECORDED, of=asked.of
    )
    shelves = [one for one in shelves if not asked.platforms or one.platform in asked.platforms]
    if not shelves:
        return Message(
            symbol="🏆",
            title=words.say("No records yet."),
            lines=(words.say("The first session sets the baseline; the next one can break it."),),
        )
    rows = [(shelf, row) for shelf in shelves for row in _rows(shelf, words, numbered=request.is_admin)]
    pages = -(-len(rows) // PAGE)
    page = min(max(1, asked.page), pages)
    lines: list[Line] = []
    before: Shelf | None = None
    for shelf, row in rows[(page - 1) * PAGE : page * PAGE]:
        if shelf is not before:
            lines += [()] if lines else []
            lines.append((bold(_heading(shelf, words)),))
            before = shelf
        lines.append(row)
    footer = words.say("Unlike measures are never compared.")
    if pages > 1:
        footer = words.say(
            "{about} Page {page} of {pages}.", about=footer, page=words.exact(page), pages=words.exact(pages)
        )
    command = " ".join(["/records", *(word for word in request.text.split() if not is_page(word))])
    return Message(
        symbol="🏆",
        title=words.say("Records"),
        lines=tuple(lines),
        footer=footer,
        buttons=turning(command, page, pages, words),
    )


def _asked(text: str, here: Sequence[Watched], words: Words) -> _Asked:
    """Read scopes, measures, platforms, a name and a page, in any order.

    Raises:
        Mistake, watching.UnknownName: A word is none of these.
    """
    scope: Scope | None = None
    measures: list[Measure] = []
    platforms: list[str] = []
    known = {*PLATFORMS, *(one.watch.platform for one in here)}
    names = {one.name.casefold(): one for one in here}
    of = names.get(text.strip().casefold())
    if of is not None:
        return _Asked(scope=None, measures=(), platforms=(), of=of, page=1)
    typed = one_word(text).split()
    page, rest = 1, []
    if typed and is_page(typed[-1]):
        page = int(typed.pop())
    for word in typed:
        its_scope = next((one for one in Scope if one.word == word.lower()), None)
        measure = measure_of(word)
        if its_scope is not None:
            scope = its_scope
        elif measure is not None:
            measures += [measure] if measure not in measures else []
        elif word.lower() in known:
            platforms += [word.lower()] if word.lower() not in platforms else []
        elif word.lower() not in _JOINTS:
            rest.append(word)
    if rest:
        of = names.get(" ".join(rest).casefold())
        if of is None and len(rest) == 1 and not any(rest[0].casefold() in one for one in names):
            raise Mistake(
                words.say(
                    "“{word}” is none of them. Scopes are watch, chat and platform; measures are {measures}.",
                    word=rest[0][:40],
                    measures=words.list([one.value for one in RECORDED]),
                ),
                example="/records platform peak",
            )
        of = of or watching.pick(here, " ".join(rest))
    return _Asked(scope=scope, measures=tuple(measures), platforms=tuple(platforms), of=of, page=page)


def _unlike(one: Measure, other: Measure, words: Words) -> Message:
    """Explain in a sentence why two measures are not compared."""
    return Message(
        symbol="⚖️",
        title=words.say(
            "{one} and {other} cannot be compared: one is {meaning}, the other {second}.",
            one=measure_name(words, one).capitalize(),
            other=measure_name(words, other),
            meaning=words.text(_MEANS[one]),
            second=words.text(_MEANS[other]),
        ),
    )


def _unlike_platforms(platforms: Sequence[str], words: Words) -> Message:
    return Message(
        symbol="⚖️",
        title=words.say(
            "Records on {platforms} cannot be compared: each platform counts people in its own way.",
            platforms=words.list([platform_name(one) for one in platforms]),
        ),
    )


def _heading(shelf: Shelf, words: Words) -> str:
    return words.text(
        "{platform}, {measure}",
        platform=platform_name(shelf.platform),
        measure=measure_name(words, shelf.measure),
    )


def _rows(shelf: Shelf, words: Words, *, numbered: bool) -> Iterator[Line]:
    """Return what stands on a shelf; with the numbers of sessions for those who may dispute them."""
    for one in shelf.held:
        if one.live:
            yield words.say(
                "{value} {name}, live now, so far",
                value=bold(value_text(words, shelf.measure, one.value)),
                name=name(one.name),
            )
        else:
            yield _row(one, shelf, words, numbered=numbered)
    for called, doubt in shelf.doubted:
        value = "?" if doubt.value is None else value_text(words, shelf.measure, doubt.value)
        yield words.say(
            "{value} {name}: does not count, disputed: {why} ({number})",
            value=value,
            name=name(called),
            why=name(doubt.why.rstrip(".")),
            number=f"s{doubt.session_id}",
        )


def _row(one: Held, shelf: Shelf, words: Words, *, numbered: bool) -> Line:
    value = value_text(words, shelf.measure, one.value)
    holder: str | Span = name(one.name)
    url = one.entry.link if one.entry is not None else one.seen.url if one.seen is not None else None
    if url:
        holder = link(name(one.name), url)
    if one.entry is not None:
        if one.entry.at_least:
            value = words.text("at least {value}", value=value)
        date, how = words.day(one.entry.date) if one.entry.date else "", _imported(one, words)
    else:
        assert one.seen is not None
        date, how = words.of(one.seen.timezone).date(one.seen.moment).text, _observed(one, words)
    marks = [*_scopes(one, shelf, words), *how]
    if numbered and one.seen is not None:
        marks.append(f"s{one.seen.session_id}")
    who = words.say("{value} {name}", value=bold(value), name=holder)
    if date:
        who = words.say("{who}, {date}", who=who, date=date)
    return words.say("{who}: {marks}", who=who, marks=words.series(marks, wide=True))


def _scopes(one: Held, shelf: Shelf, words: Words) -> list[str]:
    """Return whose record it is, and of how many sessions since when."""
    if not one.scopes:
        return []
    where = []
    for scope in one.scopes:
        match scope:
            case Scope.PLATFORM:
                where.append(words.text("on {platform}", platform=platform_name(shelf.platform)))
            case Scope.CHAT:
                where.append(words.text("in this chat"))
            case Scope.WATCH:
                where.append(words.text("of {name}", name=name(one.name)))
    said = words.text("record {scopes}", scopes=words.list(where))
    imported = one.seen is None or one.seen.origin is not None  # older than what was tracked, and none of it
    if imported or one.sessions < 2 or one.since is None:
        return [said]
    since = words.date(one.since)
    return [
        words.text("{record} in {n} sessions since {date}", record=said, n=words.exact(one.sessions), date=since)
    ]


def _observed(one: Held, words: Words) -> list[str]:
    """Return how one of ours was measured."""
    seen = one.seen
    assert seen is not None
    if seen.origin is not None:
        return [words.text("imported from {origin}", origin=name(seen.origin))]
    how = words.text("observed by us every {interval}", interval=words.duration(seen.interval))
    if seen.coverage is None:
        return [how]
    return [words.text("{how}, {share} covered", how=how, share=words.percent(seen.coverage))]


def _imported(one: Held, words: Words) -> list[str]:
    """Return where an entry of the book comes from."""
    entry = one.entry
    assert entry is not None
    how = words.text("imported as #{number}", number=str(entry.id))
    if not entry.link:
        how = words.text("{how}, without a source", how=how)
    if entry.disputed and entry.note:
        return [how, words.text("disputed: {why}", why=name(entry.note.rstrip(".")))]
    return [how, words.text("disputed")] if entry.disputed else [how]


COMMAND = Command(
    name="records",
    about=N_("Records known here"),
    group=Group.ASK,
    run=records,
    example="/records platform peak",
    params=(
        Param("scope", N_("watch, chat or platform"), choices=tuple(one.word for one in Scope)),
        Param(
            "measure",
            N_("peak, average, tuned_in, posts or airtime"),
            choices=tuple(one.value for one in RECORDED),
        ),
        Param("page", N_("the number of a page")),
    ),
)
