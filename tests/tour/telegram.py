"""Telegram's look: bubbles with what its entities make of the text, and keyboards below."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from itertools import pairwise

from tests.tour.look import avatar, clock, picture
from tests.tour.scene import Bubble, Json

#: Whose telephone it is.
READER = "Ann"
BOT = "Milepost"
LINKS = {"url", "text_link", "mention", "bot_command", "hashtag", "text_mention"}


def conversation(bubbles: Sequence[Bubble]) -> Iterator[str]:
    """Yield a conversation line by line, with a header wherever it moves to another chat."""
    place = None
    for bubble in bubbles:
        if bubble.place != place and not bubble.popup:
            place = bubble.place
            yield f"<header>{avatar(place)}<span><b>{escape(place)}</b> <i>{_kind(place)}</i></span></header>"
        yield from _shown(bubble)


def _kind(place: str) -> str:
    return "channel" if place.endswith("News") else "3 members"


def _shown(bubble: Bubble) -> Iterator[str]:
    if bubble.notice:
        yield f'<p class="notice">{escape(bubble.text)}</p>'
    elif bubble.popup:
        assert bubble.answers is not None
        above, button = bubble.answers
        yield f'<p class="notice">{escape(bubble.who)} taps {escape(button)} below “{escape(above)}”</p>'
        yield f'<div class="popup"><p>{escape(bubble.text)}</p><b>OK</b></div>'
    else:
        mine = bubble.who == READER
        yield f'<div class="turn{" mine" if mine else ""}">'
        if not mine:
            yield avatar(bubble.who)
        yield '<div class="stack"><div class="bubble">'
        if not mine:
            yield f'<b class="who">{escape(bubble.who)}</b>'
        if bubble.answers:
            by, what = bubble.answers
            yield f'<div class="quote"><b>{escape(by)}</b> <span>{escape(what)}</span></div>'
        if bubble.picture is not None:
            yield picture(bubble.picture, bubble.alt)
        yield f"<p>{marked(bubble.text, bubble.entities)}</p><time>{clock(bubble.at)}</time></div>"
        for row in bubble.keyboard:
            yield f'<div class="keys">{"".join(map(_key, row))}</div>'
        yield "</div></div>"


def _key(button: Json) -> str:
    return f'<span class="key{" out" if "url" in button else ""}">{escape(button["text"])}</span>'


def marked(text: str, entities: Sequence[Json]) -> str:
    """Return a text as HTML; entities are counted in UTF-16 units."""
    raw = text.encode("utf-16-le")
    edges = {0, len(raw) // 2}
    for one in entities:
        edges |= {one["offset"], one["offset"] + one["length"]}
    cuts = sorted(edges)
    made = []
    for start, end in pairwise(cuts):
        piece = escape(raw[2 * start : 2 * end].decode("utf-16-le"))
        kinds = [
            one["type"] for one in entities if one["offset"] <= start and end <= one["offset"] + one["length"]
        ]
        looks = sorted({"link" if kind in LINKS else kind for kind in kinds})
        made.append(f'<span class="{" ".join(looks)}">{piece}</span>' if looks else piece)
    return "".join(made)
