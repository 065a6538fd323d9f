"""/stats: the figures of a live session, or of the last one."""

from __future__ import annotations

from bot.domain import DAY
from bot.domain.alerts.record import Scope
from bot.domain.session import Session
from bot.domain.story import BrokenRecord
from bot.ports.command import Param, Request, Takes
from bot.ports.message import Button, Field, Line, Message
from bot.services import comparing, publishing, statistics, ties
from bot.services.context import Services
from bot.services.ties import Tied
from bot.services.watching import Watched
from bot.texts.alerts.common import about, estimated, name, rival_line
from bot.texts.figures import figures
from bot.texts.trouble import reason, sentence, step
from bot.texts.units import counted, measure_name, platform_name, value_text
from bot.texts.words import N_, Words, bold
from handlers.beside import minute_line
from handlers.command import Command, Group
from handlers.tied import tied_stats
from storage.days import Posts
from storage.watches import Watch


async def stats(request: Request, services: Services, words: Words) -> Message:
    watched = await ties.find(services, request, request.text)
    if isinstance(watched, Tied):
        return await tied_stats(watched, request, services, words)
    found = await statistics.of(services, request, watched)
    watch, session = watched.watch, found.session
    words = words.of(watch.timezone)
    if session is None:
        lines = [
            words.say("Watched since {date}.", date=words.date(watch.created_at)),
            *trouble(watch, words),
        ]
        title = words.say("{name} has not been live yet", name=bold(name(watched.name)))
        return Message(symbol="⚪", title=title, lines=tuple(lines))
    tally = session.tally
    assert tally.first_at is not None
    lines = [line for line in (about(session, words, called=watched.name),) if line is not None]
    fields: list[Field] = []
    if session.is_live:
        symbol = "🔴"
        title = words.say(
            "{name} has been live for {time}",
            name=bold(name(watched.name)),
            time=words.duration(max(0, services.clock() - tally.first_at)),
        )
        if session.gone_at is not None:
            lines.append(words.say("Gone since {time}; it may still come back.", time=words.time(session.gone_at)))
        elif tally.now is not None:
            value, at = tally.now
            figure = bold(words.text("{figure}", figure=counted(words, value, watch.unit)))
            now = words.say("{figure}, at {time}", figure=figure, time=words.time(at))
            fields.append(Field(words.text("Now"), now))
        ahead = _ahead(found, words)
        if ahead is not None:
            lines.append(ahead)
        minute = await comparing.minute(services, request, watched, average=False)
        standing = minute_line(minute, words) if minute is not None else None
        lines += [standing] if standing is not None else []
    else:
        symbol = "⚪"
        title = words.say(
            "{name} is not live; last on {date}",
            name=bold(name(watched.name)),
            date=words.date(tally.first_at),
        )
    lines += [_held(found, one, words) for one in found.records]
    lines += trouble(watch, words)
    return Message(
        symbol=symbol,
        title=title,
        lines=tuple(lines),
        fields=(
            *fields,
            *figures(tally, watch.unit, words, live=session.is_live),
            *_since_the_start(found.posts, words.of(watch.timezone)),
        ),
        footer=_footer(found, words),
        buttons=await _page(request, services, watched, session, words),
    )


async def _page(
    request: Request, services: Services, watched: Watched, session: Session, words: Words
) -> tuple[Button, ...]:
    """Return the way to the session's page, where the chat has made it public."""
    address = await publishing.page_of(services, request, watched, session.id)
    return (Button(words.text("Page"), url=address),) if address is not None else ()


def trouble(watch: Watch, words: Words) -> list[Line]:
    """Return the line that says why a source gives no figures, if it does not."""
    if watch.trouble is None or watch.trouble_since is None:
        return []
    why, since = sentence(reason(watch.trouble, words)), words.time(watch.trouble_since)
    lines = [words.say("⚠️ The source cannot be read since {time}: {why}", time=since, why=why)]
    then = step(watch.trouble, words)
    return [*lines, words.say("{step}", step=then)] if then else lines


def _since_the_start(posts: Posts | None, words: Words) -> tuple[Field, ...]:
    """Return the posts of all days, and of how many nothing is known."""
    if posts is None:
        return ()
    total, date = bold(words.exact(posts.total)), words.date(posts.first_at)
    lost = 1 + (posts.last_at // DAY - posts.first_at // DAY) - posts.days
    if lost > 0:
        text = words.plural(
            "{total} posts since {date}, without {n} day of which nothing is known",
            "{total} posts since {date}, without {n} days of which nothing is known",
            lost,
            total=total,
            date=date,
        )
    else:
        text = words.say("{total} posts since {date}", total=total, date=date)
    return (Field(words.text("All days"), text),)


def _ahead(found: statistics.Figures, words: Words) -> Line | None:
    if found.next_rung is None:
        return None
    rung = words.number(found.next_rung)
    if found.estimate is None:
        return words.say("Next milestone: {rung}.", rung=rung)
    return words.say(
        "Next milestone: {rung}, in {time} at this pace.", rung=rung, time=estimated(found.estimate, words)
    )


def _held(found: statistics.Figures, one: BrokenRecord, words: Words) -> Line:
    where = {
        Scope.WATCH: words.text("of {name}", name=name(found.watched.name)),
        Scope.CHAT: words.text("in this chat"),
        Scope.PLATFORM: words.text("on {platform}", platform=platform_name(found.watched.watch.platform)),
    }[one.standing.scope]
    return words.say(
        "🏆 Holds the record {scope}: {value} {measure}, ahead of {rival}.",
        scope=where,
        value=bold(value_text(words, one.measure, one.value)),
        measure=measure_name(words, one.measure),
        rival=rival_line(one.standing.previous, one.measure, words, called=found.watched.name),
    )


def _footer(found: statistics.Figures, words: Words) -> Line:
    assert found.session is not None
    tally = found.session.tally
    text = words.text("Read every {interval}", interval=words.duration(found.watched.watch.interval))
    if tally.coverage is not None:
        text = words.text(
            "{how}, {coverage} of the airtime covered", how=text, coverage=words.percent(tally.coverage)
        )
    return words.say("{footer}.", footer=text)


COMMAND = Command(
    name="stats",
    about=N_("Figures of a session: now, peak, average"),
    group=Group.ASK,
    run=stats,
    example="/stats",
    params=(Param("name", N_("what is watched or tied here"), Takes.NAME, ties=True),),
)
