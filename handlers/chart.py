"""/chart: a picture of the live session, or of the last one."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import structlog

from bot.domain.chart import Chart, Size, highest
from bot.domain.plot import Plot
from bot.ports.command import Param, Request, Takes
from bot.ports.easel import Busy, DrawError
from bot.ports.message import Button, Line, Message, Picture
from bot.services import charting, courses
from bot.services.context import Services
from bot.services.ties import Tied, watches_of
from bot.texts import charting as drawn
from bot.texts.alerts.common import name
from bot.texts.words import N_, Words, bold
from handlers.beside import counts, zone_of
from handlers.command import Command, Group
from handlers.named import named_or_tied
from handlers.places import again
from handlers.stats import trouble

DARK, LIGHT, TALL = "dark", "light", "tall"
LOOKS = (DARK, LIGHT, TALL)

log = structlog.get_logger(__name__)


async def chart(request: Request, services: Services, words: Words) -> Message:
    watched, looks = await named_or_tied(
        request, services, words, text=request.text, belongs_behind=lambda word: word.lower() in LOOKS
    )
    words = zone_of(watched, words)
    shown = bold(name(watched.name))
    if isinstance(watched, Tied):
        plot = await courses.latest(services, watched)
        plot = plot and replace(plot, course=replace(plot.course, unit=counts(watched, words)))
    else:
        plot = await charting.latest(services, request, watched)
    wrong = [line for watch in watches_of(watched) for line in trouble(watch, words)]
    if plot is None:
        title = words.say("{name} has not been live yet", name=shown)
        return Message(symbol="⚪", title=title, lines=tuple(wrong))
    if not plot.course.enough:
        return Message(
            symbol="⚪",
            title=words.say("{name} has not enough readings for a chart yet", name=shown),
            lines=(
                words.say(
                    "Two that bear each other out make a line; it is read every {interval}.",
                    interval=words.duration(max(watch.interval for watch in watches_of(watched))),
                ),
                *wrong,
            ),
        )
    chosen = {word.lower() for word in looks}
    picture = await painted(
        services,
        drawn.chart(plot, words, dark=_dark(chosen), size=Size.TALL if TALL in chosen else Size.WIDE),
        alt=drawn.alt(plot, words),
    )
    return Message(
        symbol="📈" if plot.course.session.is_live else "⚪",
        title=words.say("{name}, {date}", name=shown, date=words.date(plot.course.first)),
        lines=(_sentence(plot, words), *(() if isinstance(picture, Picture) else (excuse(picture, words),))),
        picture=picture if isinstance(picture, Picture) else None,
        buttons=_buttons(request, watched.name, words),
    )


async def painted(services: Services, one: Chart, *, alt: str) -> Picture | DrawError:
    """Return the picture of a chart, or why there is none; what is wrong with the program goes to the log."""
    try:
        return Picture(png=await services.easel.draw(one), alt=alt)
    except DrawError as error:
        log.warning("a chart was not drawn", why=str(error))
        return error


def _dark(chosen: Collection[str]) -> bool | None:
    """Return whether it shall be dark; None where that was not said: as the chat has it."""
    return True if DARK in chosen else False if LIGHT in chosen else None


def _sentence(plot: Plot, words: Words) -> Line:
    one = plot.course
    peak = highest(one.points)
    assert peak is not None
    figure = bold(drawn.figure(one, peak[1], words))
    if one.session.is_live:
        return words.say("Highest so far: {figure}, at {time}.", figure=figure, time=words.time(peak[0]))
    return words.say("Highest: {figure}, at {time}.", figure=figure, time=words.time(peak[0]))


def excuse(error: DrawError, words: Words) -> Line:
    """Say why there is no picture."""
    if isinstance(error, Busy):
        return words.say("⚠️ Many charts are being drawn just now: try again in a minute.")
    return words.say("⚠️ The chart could not be drawn; the log says why.")


def _buttons(request: Request, watch: str, words: Words) -> tuple[Button, ...]:
    place = again(request)
    if place is None:
        return ()
    return (Button(words.text("Stats"), command=f"/stats {watch}{place}"),)


COMMAND = Command(
    name="chart",
    about=N_("A picture of a session: its course, peak and milestones"),
    group=Group.ASK,
    run=chart,
    example="/chart",
    params=(
        Param("name", N_("what is watched or tied here"), Takes.NAME, ties=True),
        Param("look", N_("dark or light; tall fills a phone"), Takes.REST, several=LOOKS),
    ),
)
