"""/top: the best sessions of a measure, in a scope and a period; unlike measures and units apart."""

from __future__ import annotations

from bot.domain.alerts.record import Scope
from bot.domain.measure import RECORDED, Measure
from bot.ports.command import Param, Request, Takes
from bot.ports.message import Line, Message
from bot.services import ranking, watching
from bot.services.context import Services
from bot.services.periods import PERIODS, began
from bot.services.watching import Watched
from bot.texts.alerts.common import name
from bot.texts.units import PLATFORMS, measure_name, platform_name, unit_name, value_text
from bot.texts.words import N_, Words, bold, code, link
from handlers.arguments import quoted
from handlers.command import Command, Group, Mistake
from handlers.history import is_page, turning

_MEASURES = {one.value: one for one in RECORDED} | {"tuned": Measure.TUNED_IN, "tuned-in": Measure.TUNED_IN}
_SCOPES = {one.word: one for one in Scope}
_SINCE = {
    "today": N_("today"),
    "week": N_("this week, since {date}"),
    "month": N_("this month, since {date}"),
    "year": N_("this year, since {date}"),
    "all": N_("of all time here"),
}


async def top(request: Request, services: Services, words: Words) -> Message:
    here = await watching.listed(services, request)
    if not here:
        raise watching.NoWatches
    typed = quoted(request.text)
    measure = _MEASURES.get(typed[0].lower()) if typed else None
    if measure is not None:
        typed = typed[1:]
    measure = measure or Measure.PEAK
    of, behind = _of(typed, here, words)
    period = next((word.lower() for word in behind if word.lower() in PERIODS), "all")
    page = next((int(word) for word in behind if is_page(word)), 1)
    if of is Scope.WATCH:
        of = await watching.find(services, request, "")
    if isinstance(of, Watched):
        words = words.of(of.watch.timezone)
    page = max(1, page)
    found = await ranking.top(
        services, request, measure=measure, of=of, period=period, zone=words.timezone, page=page
    )
    heading = words.say(
        "Top by {measure}, {scope}, {period}",
        measure=bold(measure_name(words, measure)),
        scope=_scope(of, words),
        period=_period(period, services.clock(), words),
    )
    if not found and page > 1:
        return Message(
            symbol="🏅", title=heading, lines=(words.say("There is no page {n}.", n=words.exact(page)),)
        )
    left_out = _left_out(of, here, words)
    if not found:
        lines = (words.say("No session with that figure yet."), *left_out)
        return Message(symbol="🏅", title=heading, lines=lines)
    ranked: list[Line] = []
    for one in found:
        if len(found) > 1 or not isinstance(of, Watched):
            ranked += [()] if ranked else []
            ranked.append((bold(_heading(one, words)),))
        ranked += [_ranked(session, measure, words) for session in one.ranked]
        ranked += [_running(session, measure, words) for session in one.running]
    if left_out:
        ranked += [(), *left_out]
    pages = page + any(one.more for one in found)
    command = " ".join(("/top", measure.value, of.name if isinstance(of, Watched) else _word(of), period))
    return Message(
        symbol="🏅",
        title=heading,
        lines=tuple(ranked),
        footer=words.say("Observed by us, where nothing else is said. Unlike measures are never compared."),
        buttons=turning(command, page, pages, words),
    )


def _of(typed: list[str], here: list[Watched], words: Words) -> tuple[Watched | Scope | str, list[str]]:
    """Return whose sessions are asked for, and the words behind that.

    Raises:
        Mistake, UnknownName: There is no such watch, scope or period.
    """
    names = {one.name.casefold(): one for one in here}
    for end in range(len(typed), 0, -1):
        watched = names.get(" ".join(typed[:end]).casefold())
        if watched is not None and all(map(_belongs_behind, typed[end:])):
            return watched, typed[end:]
    end = len(typed)
    while end and _belongs_behind(typed[end - 1]):
        end -= 1
    said, behind = " ".join(typed[:end]), typed[end:]
    if not said:
        return Scope.CHAT, behind
    scope = _SCOPES.get(said.lower())
    if scope is not None:
        return scope, behind
    platforms = {one.watch.platform for one in here} | set(PLATFORMS)
    if said.lower() in platforms:
        return said.lower(), behind
    if len(typed[:end]) == 1 and not any(said.casefold() in known for known in names):
        measures = words.list([one.value for one in RECORDED])
        line = words.say(
            "“{word}” is no measure, scope, period or name. There are {measures}; {scopes}; {periods}.",
            word=said[:40],
            measures=measures,
            scopes=words.list([one.word for one in Scope]),
            periods=words.list(PERIODS),
        )
        raise Mistake(line)
    return watching.pick(here, said), behind


def _belongs_behind(word: str) -> bool:
    return word.lower() in PERIODS or is_page(word)


def _word(of: Scope | str) -> str:
    return of.word if isinstance(of, Scope) else of


def _scope(of: Watched | Scope | str, words: Words) -> str:
    if isinstance(of, Watched):
        return words.text("of {name}", name=name(of.name))
    if of is Scope.CHAT:
        return words.text("in this chat")
    if isinstance(of, Scope):
        return words.text("on the platforms watched here")
    return words.text("on {platform}", platform=platform_name(of))


def _heading(one: ranking.Ranking, words: Words) -> str:
    """Return what a ranking is of; of a number that may count anything, its watch says it."""
    if one.alone is not None:
        return name(one.alone)
    where = words.list([platform_name(platform) for platform in one.platforms])
    return words.text("{platform}, {unit}", platform=where, unit=unit_name(words, one.unit))


def _left_out(of: Watched | Scope | str, here: list[Watched], words: Words) -> list[Line]:
    """Say so where platforms are ranked, and something that is watched here does not count there."""
    if isinstance(of, Watched) or of in {Scope.WATCH, Scope.CHAT}:
        return []
    platforms = {one.watch.platform for one in here} if isinstance(of, Scope) else {of}
    if all(one.watch.public for one in here if one.watch.platform in platforms):
        return []
    return [words.say("Private watches are left out; they count in {example}.", example=code("/top chat"))]


def _period(period: str, now: int, words: Words) -> str:
    since = began(period, now=now, zone=words.timezone)
    return words.text(_SINCE[period], date="" if since is None else words.date(since).text)


def _ranked(one: ranking.Ranked, measure: Measure, words: Words) -> Line:
    value = one.session.measure(measure)
    assert value is not None
    moment = one.session.peak_at if measure is Measure.PEAK and one.session.peak_at else one.session.first_at
    date = words.of(one.watch.timezone).date(moment)
    line = words.say(
        "{rank}. {value} {name}, {date}",
        rank=words.exact(one.rank),
        value=bold(value_text(words, measure, value)),
        name=name(one.name),
        date=link(date.text, one.session.url) if one.session.url else date,
    )
    return words.say("{line}, imported", line=line) if one.session.origin else line


def _running(one: ranking.Running, measure: Measure, words: Words) -> Line:
    return words.say(
        "🔴 {value} {name}, live now; that would be number {rank}",
        value=bold(value_text(words, measure, one.value)),
        name=name(one.name),
        rank=words.exact(one.rank),
    )


COMMAND = Command(
    name="top",
    about=N_("The best sessions, by measure, scope and period"),
    group=Group.ASK,
    run=top,
    example="/top peak chat month",
    params=(
        Param(
            "measure",
            N_("peak, average, tuned_in, posts or airtime"),
            choices=tuple(one.value for one in RECORDED),
        ),
        Param("scope", N_("watch, chat, platform, or a name"), Takes.NAME, also=tuple(one.word for one in Scope)),
        Param("period", N_("today, week, month, year or all"), choices=PERIODS),
        Param("page", N_("the number of a page")),
    ),
)
