"""What stands on each page: values and sentences for its template."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any

from babel import Locale
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from bot.domain.measure import MARK_OF, Measure, measured
from bot.domain.outside import clean
from bot.domain.reading import Metric
from bot.domain.statistics import JOINED_INTERVALS
from bot.pages import drawing
from bot.pages.language import own_names
from bot.pages.markup import Where, html
from bot.ports.message import Field, Line, Span, plain_text
from bot.services import public
from bot.services.public import OnAir, Over, Row, Shelf
from bot.texts import alerts
from bot.texts import charting as charts
from bot.texts.alerts.common import TITLE_LIMIT, about, name
from bot.texts.units import counted, measure_name, platform_name, value_text
from bot.texts.words import Words, bold, link
from storage.database import Database
from storage.published import Published

#: How often a page that changes asks for itself, in seconds: by its script, and without one.
EVERY, EVERY_WITHOUT_SCRIPT = 15, 30
#: Values of a shelf.
MOST_ROWS = 10
#: Signs of what search engines and chats show of a page.
_DESCRIPTION = 180
CSS = (files("bot.pages") / "templates" / "page.css").read_text(encoding="utf-8").strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a page is written for.

    Attributes:
        path: From the first page, such as ``s/12``; empty for that itself.
        chosen: The language chosen by hand, if one was.
    """

    path: str
    language: str
    chosen: str | None

    @property
    def where(self) -> Where:
        return Where(root="../" * self.path.count("/") or "./", chosen=self.chosen)

    def words(self, its: Published | None = None) -> Words:
        """Return how the reader is told: of a watch, in the zone of the chat that made it public."""
        zone = "UTC" if its is None else its.timezone or its.watch.timezone
        return Words(language=self.language, timezone=zone)


@dataclass
class Writer:
    """Writes pages from what anybody may know.

    Attributes:
        public_url: Where readers find them, if that is known.
    """

    database: Database
    clock: Callable[[], int]
    public_url: str = ""
    _plots: public.Plots = field(default_factory=public.Plots)

    def __post_init__(self) -> None:
        self._templates = Environment(
            loader=PackageLoader("bot.pages"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    async def now(self, asked: Asked) -> tuple[int, str]:
        """Write what is live now."""
        found = await public.now(self.database)
        words = asked.words()
        live = [self._live(one, asked) for one in found.live]
        title = words.text("Live now") if live else words.text("Nothing is live right now.")
        return 200, self._page(
            "now.html",
            asked,
            title=title,
            description=words.text("Audience figures of live sessions, as they are read."),
            every=EVERY,
            said=[f"{one['name']}: {one['figure']}" for one in live][:3],
            live=live,
            due=[self._due(one, asked) for one in found.due],
            due_heading=words.text("Announced"),
            over=[_past(one, asked) for one in found.over],
            over_heading=words.text("Last ended"),
            empty=words.text("No session yet: what a chat makes public stands here."),
        )

    async def session(self, asked: Asked, id_: int) -> tuple[int, str]:
        """Write a session."""
        found = await public.one(self.database, id_, now=self.clock(), plots=self._plots)
        if found is None:
            return self.missing(asked)
        its, session = found.its, found.story.session
        words, where = asked.words(its), asked.where
        if session.tally.first_at is None:
            return 200, self._announced(found, asked)
        message = alerts.write(found.story, words)
        lines = list(message.lines)
        what = about(session, words, called=its.name)
        if what is not None and lines and lines[0] == what:
            lines = lines[1:]
        lines += _doubts(found, words)
        footer = (
            message.footer if found.observed else words.say("These figures were imported, not observed by us.")
        )
        plain = plain_text(message.title)
        values = [_field(one, where) for one in message.fields]
        said = [f"{name(its.name)}: {plain_text(one.value)}" for one in message.fields[:1]]
        return 200, self._page(
            "session.html",
            asked,
            title=plain,
            description=_description(what, message.fields),
            every=EVERY if session.is_live else 0,
            said=said[: session.is_live],
            live=session.is_live,
            badge=words.text("Live") if session.is_live else words.text("Ended"),
            platform=platform_name(its.watch.platform),
            began=html(
                words.say(
                    "{date}, {time}",
                    date=words.date(session.tally.first_at),
                    time=words.time(session.tally.first_at),
                ),
                where,
            ),
            heading=html(message.title, where),
            about=None if what is None else html(what, where),
            fields=values,
            chart=self._chart(found, words),
            lines=[html(line, where) for line in lines if line],
            footer=html(footer, where),
            others=[_past(one, asked) for one in found.others],
            others_heading=words.text("Other sessions of {name}", name=name(its.name)),
            all_sessions=(where.to(f"w/{its.watch.id}"), words.text("All sessions")),
        )

    async def watch(self, asked: Asked, id_: int) -> tuple[int, str]:
        """Write all sessions of a watch."""
        found = await public.of_watch(self.database, id_)
        if found is None:
            return self.missing(asked)
        words = asked.words(found.its)
        live = [self._live(one, asked) for one in found.live]
        return 200, self._page(
            "watch.html",
            asked,
            title=name(found.its.name),
            description=words.text("All sessions"),
            every=EVERY,
            said=[f"{one['name']}: {one['figure']}" for one in live],
            platform=platform_name(found.its.watch.platform),
            live=live,
            over=[_past(one, asked) for one in found.over],
            over_heading=words.text("All sessions"),
            empty=words.text("No session yet."),
            rest=words.text(
                "The newest {n} of {all}.", n=words.exact(len(found.over)), all=words.exact(found.sessions)
            )
            if found.sessions > len(found.over)
            else "",
        )

    async def book(self, asked: Asked) -> tuple[int, str]:
        """Write the record book."""
        shelves = await public.book(self.database)
        words = asked.words()
        by_platform: dict[str, list[dict[str, Any]]] = {}
        for shelf in shelves:
            by_platform.setdefault(shelf.platform, []).append(self._shelf(shelf, asked))
        return 200, self._page(
            "book.html",
            asked,
            title=words.text("Records"),
            description=words.text("Unlike measures are never compared."),
            every=EVERY if any(row.live for shelf in shelves for row in (*shelf.rows, *shelf.alone)) else 0,
            said=[],
            platforms=[(platform_name(one), made) for one, made in by_platform.items()],
            footer=words.text("Unlike measures are never compared."),
            empty=words.text("No records yet."),
        )

    def missing(self, asked: Asked) -> tuple[int, str]:
        """Write that there is nothing at an address."""
        return self.trouble(asked, 404)

    def trouble(self, asked: Asked, status: int) -> tuple[int, str]:
        """Write why there is no page: with 404, 405, 500 or 503."""
        words = asked.words()
        if status == 404:
            title = words.text("There is no such page")
            text = words.text("Its session may never have been public, or is so no more.")
        elif status == 405:
            title = words.text("Pages can only be read")
            text = words.text("Nothing is sent to them.")
        else:
            title = words.text("Something went wrong")
            text = words.text("Try again in a minute.")
        page = self._page(
            "plain.html", asked, title=title, description=text, every=0, said=[], text=text, found=False
        )
        return status, page

    # --- pieces

    def _page(self, template: str, asked: Asked, *, found: bool = True, **values: Any) -> str:
        words, where = asked.words(), asked.where
        locale = Locale.parse(asked.language)
        return self._templates.get_template(template).render(
            lang=asked.language.replace("_", "-"),
            dir="rtl" if locale.text_direction == "rtl" else "ltr",
            without_script=EVERY_WITHOUT_SCRIPT,
            root=where.root,
            icon=ICON,
            home=where.to(""),
            menu=[
                (where.to(""), words.text("Live now"), asked.path == ""),
                (where.to("records"), words.text("Records"), asked.path == "records"),
            ],
            languages=[(f"?lang={tag}", tag, called, tag == asked.language) for tag, called in own_names()],
            languages_label=words.text("Language"),
            address=f"{self.public_url}/{asked.path}" if self.public_url and found else "",
            css=Markup(CSS),  # noqa: S704 - our own file
            skip=words.text("To the content"),
            made=words.text("Figures by Milepost: every one with its measure and how it was read."),
            **values,
        )

    def _live(self, one: OnAir, asked: Asked) -> dict[str, Any]:
        words, where = asked.words(one.its), asked.where
        tally, watch = one.session.tally, one.its.watch
        measure = MARK_OF[Metric(watch.metric)]
        last = tally.last_at or 0
        value, at = (tally.now or (None, last)) if measure is Measure.PEAK else (measured(tally, measure), last)
        stale = watch.trouble is not None or self.clock() - at > JOINED_INTERVALS * watch.interval
        title = clean(one.session.title or "", limit=TITLE_LIMIT)
        notes = []
        if tally.first_at is not None:
            notes.append(words.say("Since {time}", time=words.time(tally.first_at)))
        if measure is Measure.PEAK and tally.peak is not None:
            notes.append(words.say("peak {n}", n=bold(words.exact(tally.peak))))
        if one.session.gone_at is not None:
            notes = [words.say("Gone since {time}; it may still come back.", time=words.time(one.session.gone_at))]
        elif stale:
            notes = [words.say("No figures since {time}.", time=words.time(at))]
        known = None if value is None else counted(words, value, watch.unit, _whole(measure))
        return {
            "url": where.to(f"s/{one.session.id}"),
            "name": name(one.its.name),
            "title": "" if title.casefold() == one.its.name.casefold() else title,
            "platform": platform_name(watch.platform),
            "badge": words.text("Live"),
            "figure": "?" if known is None else plain_text(known),
            "notes": [html(line, where) for line in notes],
            "chart": drawing.small(one.curve, first=one.first, last=one.last),
        }

    def _due(self, one: OnAir, asked: Asked) -> dict[str, Any]:
        words = asked.words(one.its)
        due = one.session.started_at
        assert due is not None
        when = words.say("{date}, {time}", date=words.date(due), time=words.time(due))
        return {
            "name": name(one.its.name),
            "title": clean(one.session.title or "", limit=TITLE_LIMIT),
            "when": html(when, asked.where),
        }

    def _announced(self, found: public.One, asked: Asked) -> str:
        its, session = found.its, found.story.session
        words, where = asked.words(its), asked.where
        due = session.started_at
        when: Line = ()
        if due is not None:
            when = words.say("Announced for {date}, {time}", date=words.date(due), time=words.time(due))
        what = about(session, words, called=its.name)
        return self._page(
            "session.html",
            asked,
            title=name(its.name),
            description=plain_text(when),
            every=EVERY,
            said=[],
            live=False,
            badge=words.text("Announced"),
            platform=platform_name(its.watch.platform),
            began="",
            heading=Markup("<bdi>{}</bdi>").format(name(its.name)),
            about=None if what is None else html(what, where),
            fields=[],
            chart=None,
            lines=[html(when, where)] if when else [],
            footer="",
            others=[_past(one, asked) for one in found.others],
            others_heading=words.text("Other sessions of {name}", name=name(its.name)),
            all_sessions=(where.to(f"w/{its.watch.id}"), words.text("All sessions")),
        )

    def _chart(self, found: public.One, words: Words) -> dict[str, Any] | None:
        plot = found.plot
        if plot is None:
            return None
        chart = charts.chart(plot, words)
        rtl = Locale.parse(words.language).text_direction == "rtl"
        behind = [curve.label for curve in chart.curves if curve.faint]
        return {
            "svg": drawing.drawn(chart, alt=charts.alt(plot, words), leftward=rtl),
            "about": [part for part in chart.subtitle if part][-1:],
            "before": words.text("The session before: {date}", date=behind[0]) if behind else "",
            "clock": chart.clock,
            "note": chart.note,
        }

    def _shelf(self, shelf: Shelf, asked: Asked) -> dict[str, Any]:
        words = asked.words()
        rows = [*shelf.rows[:MOST_ROWS], *shelf.alone[:MOST_ROWS]]
        return {
            "measure": _first_up(measure_name(words, shelf.measure)),
            "rows": [_record(row, shelf, asked) for row in rows],
        }


# --- rows


def _past(one: Over, asked: Asked) -> dict[str, Any]:
    words = asked.words(one.its)
    session, watch = one.session, one.its.watch
    measure = MARK_OF[Metric(watch.metric)]
    value = None if measure is Measure.VIEWS else session.measure(measure)
    title = clean(session.title or "", limit=TITLE_LIMIT)
    figure = "" if value is None else plain_text(counted(words, value, watch.unit, _whole(measure)))
    notes = [measure_name(words, measure)] if measure is Measure.PEAK and figure else []
    if measure in one.disputed:
        notes.append(words.text("disputed"))
    if session.origin is not None:
        notes.append(words.text("imported"))
    return {
        "url": asked.where.to(f"s/{session.id}"),
        "name": name(one.its.name),
        "title": "" if title.casefold() == one.its.name.casefold() else title,
        "date": html((words.date(session.first_at),), asked.where),
        "length": words.duration(session.airtime * 1000) if session.airtime else "",
        "figure": figure,
        "notes": words.series(notes),
    }


def _record(row: Row, shelf: Shelf, asked: Asked) -> dict[str, Any]:
    its = row.over.its if row.over is not None else row.live.its if row.live is not None else None
    words, where = asked.words(its), asked.where
    value = value_text(words, shelf.measure, row.value)
    marks: list[str] = []
    date: Line = ()
    if row.entry is not None:
        entry = row.entry
        value = words.text("at least {value}", value=value) if entry.at_least else value
        called = name(entry.holder)
        who: Line = (link(called, entry.link),) if entry.link else (Span(called),)
        date = (Span(words.day(clean(entry.date, limit=40))),) if entry.date else ()
        how = words.text("imported, not observed by us")
        marks.append(how if entry.link else words.text("{how}, without a source", how=how))
        if entry.disputed:
            why = clean(entry.note or "", limit=TITLE_LIMIT).rstrip(".")
            marks.append(words.text("disputed: {why}", why=why) if why else words.text("disputed"))
    elif row.over is not None:
        seen, watch = row.over.session, row.over.its.watch
        who = (link(name(row.over.its.name), f"{public.HERE}s/{seen.id}"),)
        moment = seen.peak_at if shelf.measure is Measure.PEAK and seen.peak_at is not None else seen.first_at
        date = (words.date(moment),)
        if seen.origin is not None:
            marks.append(words.text("imported, not observed by us"))
        else:
            how = words.text("observed by us every {interval}", interval=words.duration(watch.interval))
            if seen.coverage is not None:
                how = words.text("{how}, {share} covered", how=how, share=words.percent(seen.coverage))
            marks.append(how)
    else:
        assert row.live is not None
        who = (link(name(row.live.its.name), f"{public.HERE}s/{row.live.session.id}"),)
        marks.append(words.text("live now, so far"))
    return {
        "value": value,
        "who": html(who, where),
        "date": html(date, where),
        "marks": words.series(marks, wide=True),
        "leads": words.text("Record") if row.leads else "",
        "live": row.live is not None,
    }


def _field(one: Field, where: Where) -> dict[str, Any]:
    return {"label": one.label, "value": html(one.value, where)}


def _doubts(found: public.One, words: Words) -> list[Line]:
    """Return what is to be said of figures that are disputed: its own, and those that it is compared with."""
    told = [_disputed(words, found.disputed)] if found.disputed else []
    rivals = [one.standing.previous for one in found.story.records]
    rivals += [found.story.chase.rival] if found.story.chase is not None else []
    told += [
        words.say("⚠️ The figure of {holder} is imported, not observed by us, and disputed.", holder=holder)
        for holder in dict.fromkeys(name(one.holder) for one in rivals if one.disputed)
    ]
    return told


def _disputed(words: Words, measures: Iterable[Measure]) -> Line:
    named = words.list([measure_name(words, one) for one in Measure if one in set(measures)])
    return words.say("⚠️ Disputed, and no record: {measures}.", measures=named)


def _whole(measure: Measure) -> Measure | None:
    return None if measure is Measure.PEAK else measure


def _first_up(text: str) -> str:
    return text[:1].upper() + text[1:]


def _description(what: Line | None, fields: Sequence[Field]) -> str:
    said = [plain_text(what)] if what is not None else []
    said += [f"{one.label}: {plain_text(one.value)}" for one in fields[:3]]
    return clean(" · ".join(said), limit=_DESCRIPTION)


#: A rising line with a dot at its top, for the tab.
ICON = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'%3E"
    "%3Crect width='32' height='32' rx='8' fill='%231f6fd1'/%3E"
    "%3Cpath d='M5 24l7-6 5 3 9-12' fill='none' stroke='%23fff' stroke-width='3.5' "
    "stroke-linecap='round' stroke-linejoin='round'/%3E"
    "%3Ccircle cx='26' cy='9' r='3.2' fill='%23fff'/%3E%3C/svg%3E"
)
