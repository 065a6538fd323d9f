"""A chapter as a page, both platforms side by side; and the text that can be read on it."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from html.parser import HTMLParser
from pathlib import Path

from tests.tour import discord, telegram
from tests.tour.scene import Chapter

STYLE = Path(__file__).parent / "tour.css"
WIDTH = 1120
VOID = {"meta", "img"}
#: What is put around the text of an element, by its tag and class.
APART = {
    ("div", "turn"): ("\n--\n", "\n"),
    ("div", "popup"): ("\n-- (covers the screen)\n", "\n"),
    ("div", "quote"): ("> ", "\n"),
    ("div", ""): ("\n", "\n"),
    ("p", ""): ("\n", "\n"),
    ("header", ""): ("\n== ", "\n"),
    ("b", "who"): ("", "\n"),
    ("span", "key"): ("[", "] "),
    ("span", "option"): (" [", "]"),
    ("span", "app"): (" ", ""),
    ("time", ""): (" ", ""),
    ("i", ""): ("", " "),
}


def page(chapter: Chapter) -> str:
    """Return a page that needs nothing but itself."""
    lines = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        f"<title>{escape(chapter.title)}</title>",
        f"<style>\n{STYLE.read_text(encoding='utf-8')}</style></head><body><main>",
        '<section class="telegram">',
        *telegram.conversation(chapter.telegram),
        '</section><section class="discord">',
        *discord.conversation(chapter.discord),
        "</section></main></body></html>",
    ]
    return "\n".join(lines) + "\n"


def columns(markup: str) -> dict[str, str]:
    """Return what a reader sees of each platform, as plain text."""
    reader = _Reader()
    reader.feed(markup)
    return {name: _tidy(text) for name, text in reader.columns.items()}


def transcript(chapters: Sequence[Chapter]) -> str:
    """Return all text of the tour, for reading and for comparing."""
    parts = []
    for chapter in chapters:
        for name, text in columns(page(chapter)).items():
            heading = f"{chapter.title} – {name.title()}"
            parts.append(f"{heading}\n{'=' * len(heading)}\n\n{text}\n")
    return "\n".join(parts)


def _tidy(text: str) -> str:
    lines = [line.strip() for line in text.replace("\u200b", "").splitlines()]
    return "\n".join(line for line in lines if line)


class _Reader(HTMLParser):
    """Takes a page's text; what stands apart on the page does so in the text, too."""

    def __init__(self) -> None:
        super().__init__()
        self.columns: dict[str, str] = {}
        self._column: str | None = None
        self._behind: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "img":
            self._put(f"\n[{dict(attrs).get('alt') or 'picture'}]\n")
        if tag in VOID:
            return
        kind = dict(attrs).get("class") or ""
        if tag == "section":
            self._column = kind
            self.columns[kind] = ""
        before, behind = next(
            (both for (name, look), both in APART.items() if _is(name, look, tag, kind)), ("", "")
        )
        self._put(before)
        self._behind.append(behind)

    def handle_endtag(self, tag: str) -> None:
        self._put(self._behind.pop())
        if tag == "section":
            self._column = None

    def handle_data(self, data: str) -> None:
        self._put(data)

    def _put(self, text: str) -> None:
        if self._column is not None:
            self.columns[self._column] += text


def _is(name: str, look: str, tag: str, kind: str) -> bool:
    return name == tag and (not look or look in kind.split())
