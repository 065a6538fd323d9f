"""What was held in quiet hours, as one message."""

from __future__ import annotations

from collections.abc import Sequence

from bot.domain.quiet import Quiet
from bot.ports.message import Line, Message
from bot.texts.words import Words, bold

#: More would be a wall of lines.
MOST = 20
#: In front of what a chat says in its own words, which have no symbol of ours.
OWN = "•"


def write(told: Sequence[tuple[int, Message]], words: Words) -> Message:
    """Return the digest of (moment, message as it would have been), in order of time."""
    lines: list[Line] = []
    day = ""
    for at, message in told[-MOST:]:
        if (date := words.date(at).text) != day:
            day = date
            lines.append((bold(day),))
        what = message.title or next(iter(message.lines), ())  # a chat's own words may be too long for a title
        if message.fields:  # a recap's peak
            first = message.fields[0]
            what = words.say("{what} – {label}: {value}", what=what, label=first.label, value=first.value)
        symbol = message.symbol or OWN
        lines.append(words.say("{symbol} {time}: {what}", symbol=symbol, time=words.time(at), what=what))
    left = len(told) - MOST
    if left > 0:
        lines.append(words.plural("and {n} more before", "and {n} more before", left))
    title = words.plural(
        "While it was quiet here: {n} thing worth knowing",
        "While it was quiet here: {n} things worth knowing",
        len(told),
    )
    return Message(symbol="🌅", title=title, lines=tuple(lines))


def clock(minutes: int) -> str:
    """Return a time of day as it is typed: 07:30."""
    return f"{minutes // 60:02}:{minutes % 60:02}"


def span(quiet: Quiet) -> str:
    """Return quiet hours as they are typed: 23:00-07:30."""
    return f"{clock(quiet.begins)}-{clock(quiet.ends)}"
