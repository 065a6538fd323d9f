"""Discord's look: embeds, with its own markdown read as its apps read it, and buttons below."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from html import escape
from zoneinfo import ZoneInfo

from babel.dates import format_date

from tests.tour.look import ZONE, avatar, clock, picture
from tests.tour.scene import Json, Post

LINK_BUTTON, CHOSEN_BUTTON = 5, 1
LIST = 3
Names = Mapping[str, str]

#: https://docs.discord.com/developers/reference#message-formatting and what its apps read besides.
MARKS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("escape", re.compile(r"\\([^A-Za-z0-9\s])")),
    ("code", re.compile(r"(`+)(?!`)(.+?)(?<!`)\1(?!`)", re.DOTALL)),
    ("time", re.compile(r"<t:(-?\d+)(?::([tTdDfFR]))?>")),
    ("name", re.compile(r"<(?:#|@&|@!?)\d+>|@everyone|@here")),
    ("masked", re.compile(r"\[((?:\\.|[^\[\]\\])+)\]\(<?(https?://[^\s()<>]+)>?\)")),
    ("url", re.compile(r"https?://[^\s<]+[^<.,:;\"')\]\s]")),
    ("strong", re.compile(r"\*\*((?:\\.|[^\\])+?)\*\*(?!\*)", re.DOTALL)),
    ("u", re.compile(r"__((?:\\.|[^\\])+?)__(?!_)", re.DOTALL)),
    ("em", re.compile(r"\*(?=\S)((?:\\.|\*\*|[^\\*])+?)(?<!\s)\*(?!\*)|\b_((?:\\.|__|[^\\_])+?)_\b", re.DOTALL)),
    ("s", re.compile(r"~~((?:\\.|[^\\])+?)~~", re.DOTALL)),
    ("spoiler", re.compile(r"\|\|((?:\\.|[^\\])+?)\|\|", re.DOTALL)),
)
#: Titles know no links, names and times.
IN_TITLES = frozenset({"escape", "code", "strong", "u", "em", "s", "spoiler"})
BLOCKS = re.compile(r"^(?:(#{1,3}) +|(-#) +|(>) +|([-*]) +)", re.MULTILINE)
FORMS: dict[str, Callable[[datetime], str]] = {
    "t": lambda at: f"{at:%H:%M}",
    "T": lambda at: f"{at:%H:%M:%S}",
    "d": lambda at: f"{at:%d/%m/%Y}",
    "D": lambda at: format_date(at, "long", locale="en_GB"),
    "f": lambda at: f"{format_date(at, 'long', locale='en_GB')} at {at:%H:%M}",
    "F": lambda at: f"{format_date(at, 'full', locale='en_GB')} at {at:%H:%M}",
    "R": lambda at: "some time ago",
}


def conversation(posts: Sequence[Post]) -> Iterator[str]:
    """Yield a conversation line by line, with a header wherever it moves to another channel."""
    place = None
    for post in posts:
        if post.place != place:
            place = post.place
            yield f"<header><i>#</i><b>{escape(place)}</b></header>"
        yield from _shown(post)


def _shown(post: Post) -> Iterator[str]:
    yield f'<div class="turn{" hidden" if post.hidden else ""}{" called" if post.content else ""}">'
    if post.used is not None:
        who, what, options = post.used
        filled = "".join(
            f'<span class="option"><i>{escape(name)}</i>{escape(value)}</span>' for name, value in options.items()
        )
        did = "used" if what.startswith("/") else "pressed"
        did = f'{did} <b class="name">{escape(what)}</b>'
        yield f'<p class="used">{avatar(who)}<b>{escape(who)}</b> {did}{filled}</p>'
    yield f'{avatar(post.who)}<div class="stack">'
    yield f'<p class="who"><b>{escape(post.who)}</b><span class="app">APP</span><time>{clock(post.at)}</time></p>'
    if post.content:
        yield f"<p>{marked(post.content, post.names)}</p>"
    for one in post.embeds:
        yield from _embed(one, post)
    for row in post.components:
        yield f'<div class="keys">{"".join(map(_key, row["components"]))}</div>'
    if post.hidden:
        yield '<p class="only">Only you can see this • <span class="link">Dismiss message</span></p>'
    yield "</div></div>"


def _embed(one: Json, post: Post) -> Iterator[str]:
    names = post.names
    yield f'<div class="embed" style="border-color:#{one.get("color", 0):06x}">'
    if title := one.get("title"):
        linked = " link" if one.get("url") else ""
        yield f'<p class="title{linked}">{marked(title, names, only=IN_TITLES)}</p>'
    if text := one.get("description"):
        yield f'<p class="text">{marked(text, names)}</p>'
    if fields := one.get("fields"):
        yield '<div class="fields">'
        for field in fields:
            label, value = marked(field["name"], names, only=IN_TITLES), marked(field["value"], names)
            wide = "" if field.get("inline") else " wide"
            yield f'<div class="field{wide}"><b>{label}</b><p>{value}</p></div>'
        yield "</div>"
    if post.picture is not None and one.get("image"):
        yield picture(post.picture, post.alt)
    if footer := one.get("footer"):
        yield f'<p class="footer">{escape(footer["text"])}</p>'
    yield "</div>"


def _key(button: Json) -> str:
    if button["type"] == LIST:
        chosen = [one["label"] for one in button["options"] if one.get("default")]
        shown = chosen[0] if chosen else button.get("placeholder", "")
        return f'<span class="key list{"" if chosen else " empty"}">{escape(shown)}</span>'
    if button.get("style") == CHOSEN_BUTTON:
        return f'<span class="key set">{escape(button["label"])}</span>'
    out = button.get("style") == LINK_BUTTON
    return f'<span class="key{" out" if out else ""}">{escape(button["label"])}</span>'


def marked(text: str, names: Names, *, only: frozenset[str] | None = None) -> str:
    """Return Discord's markdown as HTML."""
    if only is None and (block := BLOCKS.search(text)):
        line, _, rest = text[block.end() :].partition("\n")
        kind = "heading" if block[1] else "small" if block[2] else "said" if block[3] else "item"
        before = marked(text[: block.start()], names, only=_ALL)
        return f'{before}<span class="{kind}">{marked(line, names, only=_ALL)}</span>\n{marked(rest, names)}'
    made, at = [], 0
    while found := _next(text, at, only):
        kind, match = found
        made += [escape(text[at : match.start()]), _piece(kind, match, names, only)]
        at = match.end()
    return "".join([*made, escape(text[at:])])


_ALL = frozenset(kind for kind, _ in MARKS)


def _next(text: str, at: int, only: frozenset[str] | None) -> tuple[str, re.Match[str]] | None:
    """Return the first mark behind a place; of several that begin there, the first of ``MARKS``."""
    found = [
        (match.start(), number, kind, match)
        for number, (kind, pattern) in enumerate(MARKS)
        if (only is None or kind in only) and (match := pattern.search(text, at))
    ]
    if not found:
        return None
    _, _, kind, match = min(found, key=lambda one: one[:2])
    return kind, match


def _piece(kind: str, match: re.Match[str], names: Names, only: frozenset[str] | None) -> str:
    match kind:
        case "escape":
            return escape(match[1])
        case "code":
            return f"<code>{escape(match[2])}</code>"
        case "time":
            moment = datetime.fromtimestamp(int(match[1]), UTC).astimezone(ZoneInfo(ZONE))
            return f'<span class="chip">{FORMS[match[2] or "f"](moment)}</span>'
        case "name":
            kind = "channel" if match[0].startswith("<#") else "call"
            return f'<span class="pill {kind}">{escape(names.get(match[0], match[0]))}</span>'
        case "masked":
            return f'<span class="link">{marked(match[1], names, only=IN_TITLES)}</span>'
        case "url":
            return f'<span class="link">{escape(match[0])}</span>'
        case "spoiler":
            return f'<span class="spoiler">{marked(match[1], names, only=only)}</span>'
        case _:
            inner = next(group for group in match.groups() if group is not None)
            return f"<{kind}>{marked(inner, names, only=only)}</{kind}>"
