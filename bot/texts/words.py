"""One reader's language and zone: sentences, numbers, durations, moments as that reader writes them.

Sentences are spans: a field's text is data, never read for placeholders or markup. Only ``{name}`` is a
placeholder; every other brace and every ``%`` stands for itself. What fills a placeholder and is written the
other way than the language (a Latin name in an Urdu sentence) is isolated, so that it moves nothing around it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo
from datetime import date as calendar_date
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from functools import lru_cache
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_skeleton, format_time
from babel.lists import format_list
from babel.numbers import format_compact_decimal, format_decimal, format_percent

from bot.domain import DAY, HOUR, MINUTE, SECOND
from bot.domain.outside import clean
from bot.domain.sentence import N_, PLACEHOLDER, Sentence, recalled
from bot.ports.message import Line, Message, Span, Style, plain_text, settled
from bot.texts import direction
from bot.texts.catalog import CATALOGS, ENGLISH, served, translations

__all__ = ["COUNTINGS", "N_", "Part", "Words", "bold", "code", "faint", "link"]

#: What fills a placeholder.
Part = str | Span | Line

#: What was written elsewhere may hold text from outside: so much of it is said, and of what fills a placeholder.
LONGEST_TOLD, LONGEST_FIELD = 400, 200

#: How numbers and dates are written where the language alone does not say: English with the day first and
#: 24 hours, as most of its readers do.
_WRITTEN_AS = {ENGLISH: "en_GB"}

#: Where "AM" and "PM" have words of their own, and the short ones are English.
_FULL_PERIODS = {"ko"}

#: What stands before a placeholder that is the name of a command.
_OF_A_COMMAND = re.compile(r"(?<![\w/:])/$")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_MILLION = 1_000_000
#: How large figures may be counted whatever the language does: in lakh and crore, or in thousands and millions.
LAKH, MILLION = "lakh", "million"
COUNTINGS = (LAKH, MILLION)
_PATTERNS = {LAKH: "#,##,##0.###", MILLION: "#,##0.###"}
#: The steps of each, with what is said of a figure in them.
_STEPS = {
    # Translators: a figure in lakh (100,000) and in crore (10,000,000), for readers who count so: 12.3 lakh
    LAKH: ((10_000_000, N_("{n} crore")), (100_000, N_("{n} lakh"))),
    # Translators: a figure in thousands, millions and billions, where a reader counts so and the language does not
    MILLION: ((1_000_000_000, N_("{n} billion")), (1_000_000, N_("{n} million")), (1_000, N_("{n} thousand"))),
}
#: Languages in which a noun after "million" takes a "de": figures with a noun are written in full there.
_WITH_OF = {"es", "fr", "it", "pt", "ca"}
#: Below this a length of time is told with its seconds.
_SECONDS_COUNT_BELOW = 5 * MINUTE
#: A fraction below this is written as "less than".
_LEAST = Decimal("0.001")


def bold(text: str) -> Span:
    return Span(text, Style.BOLD)


def faint(text: str) -> Span:
    return Span(text, Style.FAINT)


def code(text: str) -> Span:
    return Span(text, Style.CODE)


def link(text: str, url: str) -> Span:
    return Span(text, url=url)


@dataclass(frozen=True, slots=True)
class Words:
    """How one reader is spoken to.

    A ``language`` without a catalog is spoken to in English, a ``timezone`` that the tz database does not
    know is taken as UTC and shown so. ``catalogs`` is where the sentences are.

    Attributes:
        chosen: Whether the reader chose the zone; else that of what is told about is better.
        dark: Charts are drawn dark for them, unless they ask for the other.
        counting: ``lakh`` or ``million``; None for what the language does.
    """

    language: str = ENGLISH
    timezone: str = "UTC"
    chosen: bool = True
    dark: bool = False
    catalogs: Path = CATALOGS
    counting: str | None = None

    def of(self, timezone: str) -> Words:
        """Return how the reader is told about what takes place in a zone: in their own, if they chose one."""
        return self if self.chosen else replace(self, timezone=timezone)

    @property
    def zone(self) -> tzinfo:
        """The zone in which the reader reads times."""
        return _zone(self.timezone)

    @property
    def right_to_left(self) -> bool:
        """Whether the reader's language is written from right to left."""
        return self._locale.text_direction == "rtl"

    # Sentences

    def say(self, msgid: str, /, **fields: Part) -> Line:
        """Return a sentence in the reader's language, its placeholders filled."""
        said = translations(self.language, self.catalogs).gettext(msgid) if msgid else ""
        return self._fill(said, msgid, fields)

    def told(self, text: str) -> str:
        """Return a sentence that was written elsewhere, or stored, in the reader's language.

        Of any other text, such as the English that an older version has stored, only a whole sentence of the
        catalogs is said; what else it is stays as it is.
        """
        sentence = recalled(text)
        if not isinstance(sentence, Sentence):
            return (
                clean(translations(self.language, self.catalogs).gettext(text), limit=LONGEST_TOLD) if text else ""
            )
        fields = {name: self._filling(one) for name, one in sentence.fields.items()}
        # A brace that is no placeholder of ours stands for itself.
        braces = {name: f"{{{name}}}" for name in _pieces(sentence.msgid)[1::2]}
        return self.text(sentence.msgid, **(braces | fields))

    def _filling(self, field: str | float | None) -> str:
        """Return what fills a placeholder of a sentence that was written elsewhere."""
        match field:
            case Sentence():
                return self.told(field)
            case str():
                return clean(field, limit=LONGEST_FIELD)
            case None:
                return ""
            case _:
                return self.exact(field)

    def plural(self, singular: str, plural: str, n: float, /, **fields: Part) -> Line:
        """Return the sentence that fits ``n`` things; ``{n}`` is the number, unless a field replaces it."""
        count = _count(n)
        said = translations(self.language, self.catalogs).ngettext(singular, plural, count)
        shown = self.exact(n) if self._locale.language in _WITH_OF else self.number(n)
        return self._fill(said, singular if count == 1 else plural, {"n": shown, **fields})

    def text(self, msgid: str, /, **fields: Part) -> str:
        """Return a sentence without its styles."""
        return plain_text(self.say(msgid, **fields))

    def list(self, items: Iterable[str]) -> str:
        """Return "a, b and c"."""
        return format_list([plain_text(self._isolated(item)) for item in items], locale=self._locale)

    def either(self, items: Iterable[str]) -> str:
        """Return "a, b or c"."""
        return format_list([plain_text(self._isolated(item)) for item in items], style="or", locale=self._locale)

    def series(self, items: Iterable[str], *, wide: bool = False) -> str:
        """Return "a, b, c", or where it is ``wide`` "a; b; c": parts of a line, no words of a sentence."""
        # Translators: what stands between the parts of a line
        between = self.text("; ") if wide else self.text(", ")
        return between.join(plain_text(self._isolated(item)) for item in items)

    def directed(self, message: Message) -> Message:
        """Return a message whose every line runs the way of the reader's language, whatever it begins with."""
        rtl = self.right_to_left
        return replace(
            message,
            title=direction.headed(message.title, rtl=rtl),
            lines=tuple(direction.headed(line, rtl=rtl) for line in message.lines),
            fields=tuple(replace(field, value=direction.headed(field.value, rtl=rtl)) for field in message.fields),
            footer=direction.headed(message.footer, rtl=rtl),
            language=self.language,
        )

    # Figures

    def number(self, x: float) -> str:
        """Return a figure as a person writes it: 446,000; 4.7; 1.2 million.

        From a million on it is cut, not rounded, after two decimals: nothing reads "2 million" before it is.
        """
        if abs(_rounded(x)) < _MILLION:
            return self.exact(x)
        if self._steps:
            return self._stepped(_rounded(x), decimals=2)
        locale = self._locale
        form = "long" if "long" in locale.compact_decimal_formats else "short"
        unit = _unit(_rounded(x), locale, form)
        cut = (_rounded(x) / unit).quantize(Decimal("0.01"), ROUND_DOWN) * unit
        return format_compact_decimal(cut, format_type=form, locale=locale, fraction_digits=2)  # type: ignore[arg-type]

    def short(self, x: float) -> str:
        """Return a round figure as short as an axis needs it: 500, 20K, 1.2M; 4.5 lakh."""
        if self._steps and abs(x) >= self._steps[-1][0]:
            return self._stepped(Decimal(str(x)), decimals=1)
        return format_compact_decimal(x, format_type="short", locale=self._locale, fraction_digits=1)

    def exact(self, x: float) -> str:
        """Return a figure in full: 1,234,567. What is counted in thousands has no decimals."""
        rounded = _rounded(x)
        if rounded and abs(rounded) < _LEAST:
            return f"<{self._decimal(_LEAST)}" if rounded > 0 else f">{self._decimal(-_LEAST)}"
        return self._decimal(rounded)

    def percent(self, fraction: float) -> str:
        """Return a share: 23%, 0.3%. Only nothing is 0%, and only the whole is 100%."""
        share = Decimal(str(fraction))
        size = abs(share)
        if 0 < size < Decimal("0.0005"):
            return f"<{self._percent(_LEAST)}"
        if size < Decimal("0.01"):
            return self._percent(share.quantize(_LEAST, ROUND_HALF_UP))
        if Decimal("0.995") <= size < 1:
            return self._percent(share.quantize(_LEAST, ROUND_DOWN))
        return self._percent(share.quantize(Decimal("0.01"), ROUND_HALF_UP))

    def dollars(self, amount: float) -> str:
        """Return US dollars to the cent, and below it as far as prices of a call go: $0.12, $0.015."""
        figure = Decimal(str(amount)).quantize(_LEAST, ROUND_HALF_UP)
        pattern = "#,##,##0.00#" if self.counting == LAKH else "#,##0.00#"
        # Translators: US dollars
        return self.text("${n}", n=format_decimal(figure, format=pattern, locale=self._locale))

    # Time

    def duration(self, ms: float) -> str:
        """Return a length of time in its two largest units: 45 s, 12 min, 2 h 31 min, 3 d 4 h."""
        length = max(0, round(ms))
        seconds = _nearest(length, SECOND)
        if seconds < MINUTE // SECOND:
            # Translators: seconds, short
            return self.text("{n} s", n=self.exact(seconds))
        if length < _SECONDS_COUNT_BELOW and seconds % 60:
            minutes, seconds = divmod(seconds, 60)
            # Translators: minutes and seconds, short
            return self.text("{minutes} min {seconds} s", minutes=self.exact(minutes), seconds=self.exact(seconds))
        minutes = _nearest(length, MINUTE)
        if minutes < HOUR // MINUTE:
            # Translators: minutes, short
            return self.text("{n} min", n=self.exact(minutes))
        if minutes < DAY // MINUTE:
            hours, minutes = divmod(minutes, HOUR // MINUTE)
            if not minutes:
                # Translators: hours, short
                return plain_text(self.plural("{n} h", "{n} h", hours))
            # Translators: hours and minutes, short; the plural is that of the hours
            return plain_text(
                self.plural(
                    "{hours} h {minutes} min",
                    "{hours} h {minutes} min",
                    hours,
                    hours=self.exact(hours),
                    minutes=self.exact(minutes),
                )
            )
        days, hours = divmod(_nearest(length, HOUR), DAY // HOUR)
        if not hours:
            # Translators: days, short
            return self.text("{n} d", n=self.exact(days))
        # Translators: days and hours, short; the plural is that of the hours
        return plain_text(
            self.plural(
                "{days} d {hours} h", "{days} d {hours} h", hours, days=self.exact(days), hours=self.exact(hours)
            )
        )

    def time(self, ms: int) -> Span:
        """Return the time of day with its zone: 22:14 PKT."""
        moment = self._moment(ms)
        # Translators: the time of day and its zone: 22:14 PKT
        text = self.text("{clock} {zone}", clock=self._clock(moment), zone=_zone_name(moment))
        return Span(direction.joined(text), at=ms)  # one piece, which runs one way

    def clock(self, ms: int) -> Span:
        """Return the time of day alone, where the zone is said beside it."""
        return Span(self._clock(self._moment(ms)), at=ms)

    def date(self, ms: int) -> Span:
        """Return the day of a moment in the reader's zone: 20 April 2022."""
        return Span(format_date(self._moment(ms).date(), "long", locale=self._locale), at=ms)

    def short_date(self, ms: int) -> str:
        """Return the day of a moment in few signs: 20 Apr."""
        return format_skeleton("MMMd", self._moment(ms), locale=self._locale)

    def day(self, text: str) -> str:
        """Return a day written YYYY-MM-DD as the reader writes it, and any other text as it is."""
        if not _DAY.fullmatch(text):
            return text
        try:
            day = calendar_date.fromisoformat(text)
        except ValueError:
            return text
        return format_date(day, "long", locale=self._locale)

    # Within

    @property
    def _locale(self) -> Locale:
        return _locale(served(self.language, self.catalogs), self.language)

    @property
    def _steps(self) -> tuple[tuple[int, str], ...]:
        """The steps in which the reader counts large figures, where the language itself counts otherwise."""
        if self.counting not in _STEPS:
            return ()
        by_thousands = _unit(Decimal(100_000), self._locale, "short") == 1_000
        return () if self.counting == MILLION and by_thousands else _STEPS[self.counting]

    def _stepped(self, figure: Decimal, *, decimals: int) -> str:
        """Return a figure in the largest of the reader's steps, cut after so many decimals."""
        size, said = next((one for one in self._steps if abs(figure) >= one[0]), self._steps[-1])
        cut = (figure / size).quantize(Decimal(1).scaleb(-decimals), ROUND_DOWN)
        return self.text(said, n=self._decimal(cut))

    def _fill(self, said: str, msgid: str, fields: Mapping[str, Part]) -> Line:
        """Fill a sentence; one that asks for what nobody gives is a bad translation, and is said in English."""
        pieces = _pieces(said)
        if not all(name in fields for name in pieces[1::2]):
            pieces = _pieces(msgid)
        spans: list[Span] = []
        slash = ""
        for index, piece in enumerate(pieces):
            if index % 2 == 0:
                # The slash of a command belongs to its name: chats let one tap them in one piece only.
                slash = "/" if index + 1 < len(pieces) and _OF_A_COMMAND.search(piece) else ""
                _join(spans, Span(piece.removesuffix(slash)))
            else:
                for span in self._isolated((Span(slash), *_line(fields[piece])) if slash else fields[piece]):
                    _join(spans, span)
        return tuple(spans)

    def _isolated(self, part: Part) -> Line:
        """Return what fills a placeholder, apart from what is around it if it is written the other way."""
        return direction.isolated(settled(_line(part)), rtl=self.right_to_left)

    def _decimal(self, figure: Decimal) -> str:
        pattern = _PATTERNS.get(self.counting or "")
        return format_decimal(_bare(figure), format=pattern, locale=self._locale, decimal_quantization=False)

    def _percent(self, share: Decimal) -> str:
        return format_percent(_bare(share), locale=self._locale, decimal_quantization=False)

    def _moment(self, ms: int) -> datetime:
        return (_EPOCH + timedelta(milliseconds=ms)).astimezone(_zone(self.timezone))

    def _clock(self, moment: datetime) -> str:
        locale = self._locale
        if locale.language in _FULL_PERIODS:
            pattern = str(locale.time_formats["short"].pattern).replace("a", "aaaa")
            return format_time(moment, pattern, locale=locale)
        return format_time(moment, "short", locale=locale)


def _line(part: Part) -> Line:
    return (Span(part),) if isinstance(part, str) else (part,) if isinstance(part, Span) else part


def _join(spans: list[Span], span: Span) -> None:
    """Add a span; plain ones run together, empty ones are nothing."""
    if not span.text:
        return
    if spans and _is_plain(span) and _is_plain(spans[-1]):
        spans[-1] = Span(spans[-1].text + span.text)
    else:
        spans.append(span)


def _is_plain(span: Span) -> bool:
    return span.style is Style.PLAIN and span.url is None and span.at is None


@lru_cache(maxsize=4096)
def _pieces(template: str) -> tuple[str, ...]:
    """Return text and placeholders' names by turns, text first."""
    return tuple(PLACEHOLDER.split(template))


def _rounded(x: float) -> Decimal:
    """Return a figure as far as it is worth writing: two digits below 10, one decimal below 1,000."""
    figure = Decimal(str(x))
    if figure == figure.to_integral_value():
        return figure
    if abs(figure) < _LEAST:
        return figure
    decimals = 0 if abs(figure) >= 1_000 else min(figure.adjusted() - 1, -1) if abs(figure) < 10 else -1
    return figure.quantize(Decimal(1).scaleb(decimals), ROUND_HALF_UP)


def _bare(figure: Decimal) -> Decimal:
    """Return a figure without zeros at its end that say nothing, and without a sign before zero."""
    whole = figure.to_integral_value()
    return (whole if figure == whole else figure.normalize()) + 0


def _count(n: float) -> int:
    """Return the whole number whose grammatical form fits what is written for ``n``."""
    rounded = _rounded(n)
    whole = rounded.to_integral_value()
    return int(whole) if rounded == whole else max(2, math.ceil(rounded))


def _nearest(length: int, unit: int) -> int:
    return (length + unit // 2) // unit


@lru_cache(maxsize=256)
def _locale(catalog: str, language: str) -> Locale:
    """Return how a language's figures and dates are written: as in the reader's own country, where it is known."""
    own = [] if catalog == ENGLISH else [language.replace("-", "_")]
    for name in (*own, _WRITTEN_AS.get(catalog, catalog)):
        try:
            return Locale.parse(name)
        except (UnknownLocaleError, ValueError):
            continue
    return Locale.parse(_WRITTEN_AS[ENGLISH])


@lru_cache(maxsize=256)
def _unit_of(magnitude: int, locale: Locale, form: str) -> int:
    """Return by what a language divides figures of so many digits, less one: a million, a lakh, 10,000."""
    patterns = locale.compact_decimal_formats[form]["other"]
    known = [len(size) - 1 for size in patterns if len(size) - 1 <= magnitude]
    if not known:
        return 1
    digits = str(patterns["1" + "0" * max(known)].pattern).count("0")
    return 10 ** (max(known) + 1 - digits) if digits else 1


def _unit(figure: Decimal, locale: Locale, form: str) -> int:
    return _unit_of(figure.adjusted(), locale, form)


@lru_cache(maxsize=1024)
def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC


def _zone_name(moment: datetime) -> str:
    """Return the zone's letters, or its distance from UTC where the tz database has only numbers for it."""
    letters = moment.tzname() or ""
    if letters.isalpha():
        return letters
    minutes = round((moment.utcoffset() or timedelta()).total_seconds() / 60)
    if not minutes:
        return "UTC"
    hours, rest = divmod(abs(minutes), 60)
    return f"UTC{'+' if minutes > 0 else '-'}{hours}" + (f":{rest:02}" if rest else "")
