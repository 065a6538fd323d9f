"""A chart's words: axes, marks and small print as its reader writes them."""

from __future__ import annotations

from collections.abc import Sequence

from bot.domain import HOUR, MINUTE, SECOND
from bot.domain.alerts.record import Scope
from bot.domain.chart import (
    Chart,
    Curve,
    Kind,
    Mark,
    Point,
    Size,
    Tick,
    clock_steps,
    highest,
    length_steps,
    shifted,
    steps_up,
)
from bot.domain.measure import MARK_OF, Measure
from bot.domain.outside import clean
from bot.domain.plot import Course, Line, Plot
from bot.domain.reading import Metric
from bot.domain.session import local_day
from bot.ports.message import plain_text
from bot.texts.alerts.common import name
from bot.texts.units import counted, platform_name
from bot.texts.words import Words

#: A picture's title has room for about so many signs.
TITLE_LIMIT = 90
#: From here on figures at the axis are written short.
LONG = 10_000
MOST_RUNGS = 12


def chart(plot: Plot, words: Words, *, dark: bool | None = None, size: Size = Size.WIDE) -> Chart:
    """Return the chart of a session, by the reader's clock, with the session before it behind."""
    one, before = plot.course, plot.before
    behind = (Curve(label=_dated(before, words), points=before.points, faint=True),) if before else ()
    marks = (*_peak(one, words), *_rungs(plot, words), *_record(plot.record, one, words))
    up, top = _up([one.points, *(curve.points for curve in behind)], plot.record, words)
    title = clean(one.session.title or "", limit=TITLE_LIMIT)
    return Chart(
        title=title or name(one.name),
        subtitle=(*((name(one.name),) if title and title != name(one.name) else ()), *_about(one, words)),
        curves=(Curve(label=_dated(one, words), points=one.points), *behind),
        marks=marks,
        first=one.first,
        last=plot.until,
        top=top,
        up=up,
        across=_by_clock(one.first, plot.until, words),
        clock=_clock(words),
        gap=words.text("no readings"),
        note=_note(one, words),
        dark=words.dark if dark is None else dark,
        size=size,
    )


def compared(
    courses: Sequence[Course], words: Words, *, dark: bool | None = None, size: Size = Size.WIDE
) -> Chart:
    """Return the chart of sessions of one unit, aligned at their starts.

    Args:
        courses: Up to four, the one in question first.
    """
    curves = tuple(
        Curve(label=label, points=shifted(one.points, -one.first))
        for one, label in zip(courses, _labels(courses, words), strict=True)
    )
    longest = max(one.last - one.first for one in courses)
    marks = tuple(
        Mark(
            kind=Kind.PEAK,
            value=found[1],
            at=found[0],
            label=words.text("{figure} at {time}", figure=words.exact(found[1]), time=_length(found[0])),
            curve=place,
        )
        for place, one in enumerate(curves)
        if (found := highest(one.points)) is not None
    )
    up, top = _up([one.points for one in curves], None, words)
    return Chart(
        title=_short(
            words.text(
                "{names} compared", names=words.list(list(dict.fromkeys(name(one.name) for one in courses)))
            )
        ),
        subtitle=(_unit(courses[0], words),),
        curves=curves,
        marks=marks,
        first=0,
        last=longest,
        top=top,
        up=up,
        across=tuple(Tick(at, _length(at)) for at in length_steps(longest)),
        clock=words.text("hours from the start"),
        gap=words.text("no readings"),
        dark=words.dark if dark is None else dark,
        size=size,
    )


def _labels(courses: Sequence[Course], words: Words) -> list[str]:
    """Return names and days; with the time of day where that is not enough to tell them apart."""
    labels = [words.series((name(one.name), words.short_date(one.first))) for one in courses]
    if len(set(labels)) == len(labels):
        return labels
    return [words.series((label, words.time(one.first).text)) for one, label in zip(courses, labels, strict=True)]


def alt(plot: Plot, words: Words) -> str:
    """Return what a chart shows, for those who cannot see it."""
    one = plot.course
    peak = highest(one.points)
    assert peak is not None
    return words.text(
        "Line chart of {name} on {date}, {start} to {end}: highest with {figure} at {time}.",
        name=name(one.name),
        date=words.date(one.first),
        start=words.clock(one.first),
        end=words.time(one.last),
        figure=figure(one, peak[1], words),
        time=words.clock(peak[0]),
    )


def alt_compared(courses: Sequence[Course], words: Words) -> str:
    """Return what a chart of several sessions shows, for those who cannot see it."""
    said = []
    for one in courses:
        peak = highest(one.points)
        if peak is not None:
            said.append(
                words.text(
                    "{name} highest with {figure} after {time}",
                    name=name(one.name),
                    figure=figure(one, peak[1], words),
                    time=words.duration(peak[0] - one.first),
                )
            )
    return words.text("Line chart from the start of each: {what}.", what=words.series(said, wide=True))


# --- what stands around


def _about(one: Course, words: Words) -> tuple[str, ...]:
    """Return when it was and what is counted."""
    return plain_text((words.date(one.first),)), _unit(one, words)


def _unit(one: Course, words: Words) -> str:
    peak = highest(one.points)
    if peak is None:
        return ""
    if one.metric is Metric.CONCURRENT:
        return _short(words.text("up to {figure} at once", figure=figure(one, peak[1], words)))
    return _short(figure(one, peak[1], words))


def figure(one: Course, value: float, words: Words) -> str:
    """Return a figure of the line with what it counts."""
    measure: Measure | None = None if one.metric is Metric.CONCURRENT else MARK_OF[one.metric]
    return plain_text(counted(words, value, one.unit, measure))


def _short(text: str) -> str:
    """Return a text no longer than a picture has room for: units and names come from outside."""
    return clean(text, limit=TITLE_LIMIT)


def _dated(one: Course, words: Words) -> str:
    """Return the day of a session, as the legend names it."""
    begun = one.session.tally.first_at
    return words.short_date(one.first if begun is None else begun)


def _clock(words: Words) -> str:
    return words.text("Time in {zone}", zone=words.timezone.replace("_", " "))


def _note(one: Course, words: Words) -> str:
    glitches = one.session.tally.glitches if one.metric is Metric.CONCURRENT else 0
    if not glitches:
        return ""
    return plain_text(
        words.plural("{n} reading left out as a glitch", "{n} readings left out as glitches", glitches)
    )


# --- axes


def _up(curves: Sequence[Sequence[Point]], record: Line | None, words: Words) -> tuple[tuple[Tick, ...], float]:
    """Return the upright axis and the figure at its upper end."""
    peaks = [found[1] for one in curves if (found := highest(one)) is not None]
    steps, top = steps_up(max([*peaks, *([record.value] if record is not None else [])], default=0))
    short = top >= LONG
    return tuple(Tick(value, words.short(value) if short else words.exact(value)) for value in steps), top


def _by_clock(first: int, last: int, words: Words) -> tuple[Tick, ...]:
    """Return round moments; where a day begins, the day stands instead of midnight."""
    days = local_day(first, words.zone) != local_day(last, words.zone)
    found = []
    for at in clock_steps(first, last, words.zone) or [first]:
        midnight = days and local_day(at, words.zone) != local_day(at - SECOND, words.zone)
        found.append(Tick(at, words.short_date(at) if midnight else words.clock(at).text))
    return tuple(found)


def _length(at: int) -> str:
    hours, minutes = divmod(at // MINUTE, HOUR // MINUTE)
    return f"{hours}:{minutes:02}"


# --- marks


def _peak(one: Course, words: Words) -> tuple[Mark, ...]:
    peak = highest(one.points)
    if peak is None or one.metric is not Metric.CONCURRENT:
        return ()
    at, value = peak
    label = words.text("{figure} at {time}", figure=words.exact(value), time=words.clock(at))
    return (Mark(kind=Kind.PEAK, value=value, at=at, label=label),)


def _rungs(plot: Plot, words: Words) -> tuple[Mark, ...]:
    return tuple(
        Mark(
            kind=Kind.RUNG,
            value=value,
            at=at,
            label=words.text("{rung} at {time}", rung=words.exact(value), time=words.clock(at)),
        )
        for at, value in sorted(plot.rungs, key=lambda rung: -rung[1])[:MOST_RUNGS]
    )


def _record(line: Line | None, one: Course, words: Words) -> tuple[Mark, ...]:
    if line is None:
        return ()
    shown = words.exact(line.value)
    if line.at is not None:
        label = words.text("Record until {time}: {figure}", time=words.clock(line.at), figure=shown)
    elif line.scope is Scope.WATCH:
        label = words.text("Record: {figure}", figure=shown)
    elif line.scope is Scope.CHAT:
        label = words.text("Record in this chat: {figure}", figure=shown)
    else:
        label = _short(
            words.text("Record on {platform}: {figure}", platform=platform_name(one.platform), figure=shown)
        )
    return (Mark(kind=Kind.RECORD, value=line.value, at=line.at, label=label),)
