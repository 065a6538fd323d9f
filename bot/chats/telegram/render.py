"""Messages as Telegram's HTML. Spans are cut, never the markup, so no entity is ever open or broken."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from urllib.parse import urlsplit

from bot.domain.outside import ELLIPSIS, clean
from bot.ports.message import Line, Message, Span, Style, settled

#: Characters, counted as code points once the markup is read: https://core.telegram.org/bots/api#sendmessage ,
#: https://core.telegram.org/bots/api#sendphoto .
TEXT = 4096
CAPTION = 1024
#: Longer addresses are left out; what they would link stays as text.
LONGEST_URL = 2048
#: Where something must be cut, spans longer than this are cut first, the longest most.
_LEAST = 64

#: Does nothing but keep "@" and a name apart, so that nobody is called who is merely named.
JOINER = "\u2060"
#: At the end of a span, too: the next may begin with a name.
_MENTION = re.compile(r"@(?=\w|\Z)")
#: What a chat would obey rather than show: controls, halves of surrogate pairs, marks that turn the direction.
_SIGNS: dict[int, str | None] = {
    **dict.fromkeys((*range(32), *range(127, 160), *range(0xD800, 0xE000))),
    # Isolates that end in their line turn nothing behind them: see ``settled``.
    **dict.fromkeys((*range(0x202A, 0x202F), 0x2066, 0x2067, *range(0x206A, 0x2070), 0xFEFF)),
    **dict.fromkeys((9, 10, 11, 12, 13, 0x85, 0x2028, 0x2029), " "),
}
_BREAK = Span("\n")
_DIGIT = re.compile(r"\d")


def text(message: Message) -> str:
    """Return a message as the HTML of a text."""
    return _html(message, TEXT)


def caption(message: Message) -> str:
    """Return a message as the HTML of what stands below a picture, cut to what has room there."""
    return _html(message, CAPTION)


def fits_caption(message: Message) -> bool:
    """Tell whether a message has room below a picture: cut are at most long spans, and no figure of them."""
    spans = _fitted(message)
    if _length(spans) <= CAPTION:
        return True
    level = _level([len(span.text) for span in spans], CAPTION)
    cut = [_shorten(span.text, level) for span in spans]
    if sum(map(len, cut)) > CAPTION:
        return False
    pairs = zip(spans, cut, strict=True)
    return not any(
        _DIGIT.search(span.text[len(kept.rstrip(ELLIPSIS)) :]) for span, kept in pairs if span.text != kept
    )


def unmarked(message: Message, *, below_picture: bool = False) -> str:
    """Return a message as text without any markup."""
    limit = CAPTION if below_picture else TEXT
    shown = "".join(span.text for span in _within(_fitted(message), limit))
    return shown if clean(shown, limit=TEXT) else ELLIPSIS


def is_link(url: str | None) -> bool:
    """Tell whether Telegram takes an address for a link: of the web, with a dot in its host."""
    if not url or len(url) > LONGEST_URL or url.translate(_SIGNS) != url:
        return False
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and "." in host.strip(".")


def plain(text: str) -> str:
    """Return a text without what a chat would obey rather than show."""
    return text.translate(_SIGNS)


def _html(message: Message, limit: int) -> str:
    spans = _fitted(message)
    if not clean("".join(span.text for span in spans), limit=TEXT):
        return ELLIPSIS
    return "".join(map(_markup, _within(spans, limit)))


def _fitted(message: Message) -> list[Span]:
    return [_fit(span) for span in _spans(message)]


def _spans(message: Message) -> Iterator[Span]:
    """Yield the spans of a message with the breaks between its lines."""
    lines: list[Iterable[Span]] = []
    if message.title or message.symbol:
        symbol = f"{message.symbol} " if message.symbol else ""
        lines.append((Span(symbol), *_standing_out(message.title)))
    lines += message.lines
    lines += [(Span(f"{field.label}: "), *field.value) for field in message.fields]
    if message.footer:
        lines.append(_faint(message.footer))
    for index, line in enumerate(lines):
        if index:
            yield _BREAK
        yield from settled(tuple(line))


def _standing_out(title: Line) -> Iterator[Span]:
    """Yield a title, bold where nothing in it is."""
    title = tuple(span for span in title if span.text)
    plain = all(span.style is not Style.BOLD for span in title)
    for span in title:
        yield replace(span, style=Style.BOLD) if plain and span.style is Style.PLAIN else span


def _faint(line: Line) -> Iterator[Span]:
    for span in line:
        yield replace(span, style=Style.FAINT) if span.style is Style.PLAIN else span


def _fit(span: Span) -> Span:
    """Return a span with nothing in it but what is to be read."""
    if span is _BREAK:
        return span
    shown = plain(span.text)
    if span.style is not Style.CODE:
        shown = _MENTION.sub(f"@{JOINER}", shown)
    return Span(shown, span.style, span.url if is_link(span.url) else None)


def _within(spans: Sequence[Span], limit: int) -> list[Span]:
    """Return spans that have room: the long ones cut as far as it takes, then whatever stands last left out."""
    if _length(spans) <= limit:
        return list(spans)
    level = _level([len(span.text) for span in spans], limit)
    spans = [replace(span, text=_shorten(span.text, level)) for span in spans]
    if _length(spans) <= limit:
        return spans
    kept: list[Span] = []
    room = limit - len(ELLIPSIS)
    for span in spans:
        if len(span.text) > room:
            kept.append(replace(span, text=_shorten(span.text, room)))
            break
        kept.append(span)
        room -= len(span.text)
    return kept if kept[-1].text.endswith(ELLIPSIS) else [*kept, Span(ELLIPSIS)]


def _level(lengths: Sequence[int], limit: int) -> int:
    """Return how long a span may be, so that all together have room; at least ``_LEAST``."""
    low, high = _LEAST, max(lengths)
    while low < high:
        middle = (low + high + 1) // 2
        if sum(min(length, middle) for length in lengths) <= limit:
            low = middle
        else:
            high = middle - 1
    return low


def _shorten(text: str, limit: int) -> str:
    """Cut a text between whole signs; the blanks in front of it stay, as they part it from what stands before."""
    if len(text) <= limit:
        return text
    body = text.lstrip()
    blanks = text[: len(text) - len(body)][:limit]
    room = limit - len(blanks)
    return blanks + clean(body, limit=room) if room > len(ELLIPSIS) else blanks


def _length(spans: Iterable[Span]) -> int:
    return sum(len(span.text) for span in spans)


def _markup(span: Span) -> str:
    shown = escape(span.text)
    if not shown:
        return ""
    if span.url:
        quoted = escape(span.url).replace('"', "&quot;")
        shown = f'<a href="{quoted}">{shown}</a>'
    match span.style:
        case Style.BOLD:
            return f"<b>{shown}</b>"
        case Style.FAINT:
            return f"<i>{shown}</i>"
        case Style.CODE if not span.url:  # nothing may be inside code
            return f"<code>{shown}</code>"
        case _:
            return shown


def escape(text: str) -> str:
    """Return a text that HTML takes as it is: https://core.telegram.org/bots/api#html-style ."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
