"""Messages as lines of a terminal. Outside text is never read as markup: it only ever fills ``Text``."""

from __future__ import annotations

from rich.text import Text

from bot.ports.message import Line, Message, Style

_STYLES = {Style.PLAIN: "", Style.BOLD: "bold", Style.CODE: "cyan", Style.FAINT: "dim"}
#: What a terminal would obey rather than show.
_CONTROLS = dict.fromkeys((*range(32), 127, *range(128, 160)))


def render(message: Message, *, stamp: str = "", indent: str = "") -> Text:
    """Return a message as styled text; ``stamp`` stands in front, what follows is indented."""
    text = Text()
    head = f"{stamp}  " if stamp else ""
    pad = indent or " " * (len(head) + (3 if message.symbol else 0))
    text.append(head, style="dim")
    if message.symbol:
        text.append(f"{message.symbol} ")
    _add(text, message.title)
    for line in message.lines:
        text.append(f"\n{pad}")
        _add(text, line)
    width = max((len(field.label) for field in message.fields), default=0)
    for field in message.fields:
        text.append(f"\n{pad}{field.label:<{width}}  ")
        _add(text, field.value)
    if message.footer:
        text.append(f"\n{pad}")
        _add(text, message.footer, style="dim")
    return text


def _add(text: Text, line: Line, *, style: str = "") -> None:
    for span in line:
        text.append(span.text.translate(_CONTROLS), style=_STYLES[span.style] or style)
        if span.url:
            text.append(f" <{span.url.translate(_CONTROLS)}>", style="dim")
