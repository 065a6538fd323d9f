"""What sources of one bare number share: ``https://host/path#<expression> live-when <expression>``.

Such a number has no starts and ends of its own, so a watch of it has one session a calendar day, unless the
address says by a second expression whether it is live.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from yarl import URL

from bot.domain.reading import Answer, Reading, is_figure, plain
from bot.domain.sentence import N_, Sentence
from bot.ports.source import Ask, BadAddress
from bot.sources.web import parse_url

UNIT = "count"
#: Characters of either expression.
LONGEST_EXPRESSION = 500
#: The id of whatever is there each day: the calendar tells its sessions apart.
DAILY_SESSION = "day"

LIVE_WHEN = re.compile(r"\s+live-when\s+")
NUMERAL = re.compile(r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """An address of a number, taken apart.

    Attributes:
        expression: What gives the figure.
        live_when: What tells whether it is live; None for something that always is.
    """

    url: URL
    expression: str
    live_when: str | None

    @property
    def reference(self) -> str:
        """The address in its one spelling."""
        tail = f" live-when {self.live_when}" if self.live_when else ""
        return f"{self.url}#{self.expression}{tail}"

    @property
    def daily(self) -> bool:
        """Whether it has one session a calendar day."""
        return self.live_when is None


@dataclass(frozen=True, slots=True)
class Figure:
    """What an expression gave: a figure, or None and why."""

    value: float | None
    reason: str | None = None


def parse(reference: str, example: str) -> Number:
    """Take an address apart.

    Raises:
        BadAddress: It has no expression, or is no address at all.
    """
    address, _, rest = reference.strip().partition("#")
    expression, *others = LIVE_WHEN.split(rest.strip())
    if not expression or len(others) > 1:
        raise BadAddress(
            N_("Write the address, then # and where the number is, for example {example}"), example=example
        )
    if any(len(text) > LONGEST_EXPRESSION for text in (expression, *others)):
        raise BadAddress(N_("An expression may have up to {most} characters."), most=LONGEST_EXPRESSION)
    url = parse_url(address)
    if url.path == "/" and not url.query_string:
        url = URL(str(url).rstrip("/"))  # with the slash and without: the same thing, the same text
    return Number(url=url, expression=expression, live_when=others[0] if others else None)


def figure_of(value: object) -> Figure:
    """Take a number, or a text that is one, as a figure; whatever else it may be is unknown, never 0."""
    if isinstance(value, str) and NUMERAL.fullmatch(value.strip()):
        number: object = float(value)
    else:
        number = value
    return Figure(plain(number)) if is_figure(number) else Figure(None, _said(value))


def answer(number: Number, ask: Ask, now: int, *, live: bool, figure: Figure) -> Answer:
    """Make the answer of one reading.

    A session of a watch with ``live-when`` is named after the moment at which it was first seen live; the
    pipeline remembers the name.
    """
    if not live:
        return Answer(at=now)
    session = DAILY_SESSION if number.daily else next(iter(ask.known), f"live-{now}")
    reason = f"The expression gives {figure.reason}." if figure.reason else None
    return Answer(at=now, readings=(Reading(session=session, concurrent=figure.value, reason=reason),))


def clipped(text: str, length: int = 40) -> str:
    """Shorten a text that came from outside, for a message of one line."""
    line = " ".join(text.split())
    return line if len(line) <= length else line[: length - 1] + "…"


def _said(value: object) -> str:
    """Say what a value is instead of a figure."""
    match value:
        case None:
            return Sentence(N_("nothing"))
        case bool():
            return "true" if value else "false"
        case str():
            return Sentence(N_('the text "{text}"'), text=clipped(value))
        case list():
            one = N_("a list of 1 item")
            return Sentence(one) if len(value) == 1 else Sentence(N_("a list of {n} items"), n=len(value))
        case dict():
            one = N_("an object with 1 field")
            return Sentence(one) if len(value) == 1 else Sentence(N_("an object with {n} fields"), n=len(value))
        case int() | float() if value < 0:
            return Sentence(N_("a number below zero"))
        case _:
            return Sentence(N_("a number that is not finite or beyond counting"))
