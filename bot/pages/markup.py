"""Lines as HTML: text is escaped, a moment is a ``<time>``, and only the web and other pages are linked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from markupsafe import Markup, escape

from bot.domain import SECOND
from bot.ports.message import Line, Span, Style
from bot.services.public import HERE

_WEB = ("https://", "http://")
#: No address is longer, but for those that are meant to harm.
_LONGEST_ADDRESS = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """Where a page stands: its links are relative, so that they hold behind any proxy.

    Attributes:
        root: From the page to the first one: ``./`` or ``../``.
        chosen: The language that the reader chose by hand, which links keep.
    """

    root: str
    chosen: str | None = None

    def to(self, path: str) -> str:
        """Return the address of another page, by its path from the first one."""
        return f"{self.root}{path}" + (f"?lang={self.chosen}" if self.chosen else "")


def html(line: Line, where: Where) -> Markup:
    """Return a line with its styles."""
    return Markup("").join(_span(span, where) for span in line)


def moment(at: int) -> str:
    """Return a moment as machines read it: 2022-04-20T17:00:00Z."""
    return datetime.fromtimestamp(at / SECOND, tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _span(span: Span, where: Where) -> Markup:
    shown = escape(span.text)
    if span.at is not None:
        shown = Markup('<time datetime="{}">{}</time>').format(moment(span.at), shown)
    if span.style is Style.BOLD:
        shown = Markup("<strong>{}</strong>").format(shown)
    elif span.style is Style.CODE:
        shown = Markup("<code>{}</code>").format(shown)
    elif span.style is Style.FAINT:
        shown = Markup("<small>{}</small>").format(shown)
    if span.url is None:
        return shown
    if span.url.startswith(HERE):
        return Markup('<a href="{}">{}</a>').format(where.to(span.url.removeprefix(HERE)), shown)
    if span.url.startswith(_WEB) and len(span.url) <= _LONGEST_ADDRESS:
        return Markup('<a href="{}" rel="noopener nofollow ugc">{}</a>').format(span.url, shown)
    return shown
