"""Messages as lines of a terminal. Outside text is never read as markup: it only ever fills ``Text``."""

from __future__ import annotations

from rich.style import Style as RichStyle
from rich.text import Text

from bot.ports.message import Line, Message, Span, Style

#: In front of what is set, of what can be chosen instead, and of what leads on.
_CHOSEN, _OTHER, _OPENS = "✓", " ", "›"
_STYLES = {Style.PLAIN: "", Style.BOLD: "bold", Style.CODE: "cyan", Style.FAINT: "dim", Style.REFERENCE: ""}
#: What a terminal would obey rather than show: controls, ends of lines, signs that turn the direction of what
#: follows, halves of surrogate pairs.
_CONTROLS = dict.fromkeys(
    (*range(32), *range(127, 160), *range(0x2028, 0x202F), *range(0x2066, 0x2070), *range(0xD800, 0xE000))
)


def render(message: Message, *, stamp: str = "", indent: str = "", clickable: bool = False) -> Text:
    """Return a message as styled text; ``stamp`` stands in front, what follows is indented.

    Where a terminal can make text ``clickable``, the addresses of links need not be written out.
    """
    text = Text()
    head = f"{stamp}  " if stamp else ""
    pad = indent or " " * (len(head) + (3 if message.symbol else 0))
    text.append(head, style="dim")
    if message.symbol:
        text.append(f"{message.symbol} ")
    _add(text, message.title, clickable=clickable)
    for line in message.lines:
        text.append(f"\n{pad}")
        _add(text, line, clickable=clickable)
    width = max((len(field.label) for field in message.fields), default=0)
    for field in message.fields:
        text.append(f"\n{pad}{field.label.translate(_CONTROLS):<{width}}  ")
        _add(text, field.value, clickable=clickable)
    if message.footer:
        text.append(f"\n{pad}")
        _add(text, message.footer, style="dim", clickable=clickable)
    _tapped(text, message, pad=pad)
    return text


def _tapped(text: Text, message: Message, *, pad: str) -> None:
    """Add what elsewhere is tapped, each with the line to type: values to choose from, and a menu's buttons."""
    shown = [
        (_CHOSEN if option.chosen else _OTHER, option.label, option.command)
        for select in message.selects
        for option in select.options
    ]
    if message.menu:
        shown += [
            (_CHOSEN if button.chosen else _OPENS, button.label, button.command)
            for button in message.buttons
            if button.command
        ]
    width = max((len(label.translate(_CONTROLS)) for _, label, _ in shown), default=0)
    for mark, label, command in shown:
        text.append(f"\n{pad}{mark} {label.translate(_CONTROLS):<{width}}  ")
        _add(text, (Span(command, Style.CODE),), clickable=False)


def _add(text: Text, line: Line, *, style: str = "", clickable: bool) -> None:
    for span in line:
        look = RichStyle.parse(_STYLES[span.style] or style)
        url = span.url.translate(_CONTROLS) if span.url else None
        if url and clickable:
            look += RichStyle(link=url, underline=True)
        text.append(span.text.translate(_CONTROLS), style=look)
        if url and not clickable:
            text.append(f" <{url}>", style="dim")
