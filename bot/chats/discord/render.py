"""Messages as Discord shows them: an embed, and what can be tapped below it.

Every span's text is data: what Discord would read as markup, mention or link in it is escaped. Lengths are counted
in UTF-16 units, which are never fewer than whatever Discord counts. Titles, field names and footers know no times,
links and references there, so a title with a time or a reference in it is the first line of the text instead.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from functools import partial
from hashlib import sha256
from typing import Any
from urllib.parse import quote, urlsplit

import discord

from bot.domain import SECOND
from bot.domain.outside import ELLIPSIS, clean
from bot.ports.chat import Post
from bot.ports.message import Button, Line, Message, Option, Select, Span, Style, plain_text, settled

# https://docs.discord.com/developers/resources/message#embed-object-embed-limits
MOST_TITLE = 256
MOST_TEXT = 4096
MOST_FIELDS = 25
MOST_FIELD_NAME = 256
MOST_FIELD_VALUE = 1024
MOST_FOOTER = 2048
MOST_IN_ALL = 6000
# https://docs.discord.com/developers/components/reference#button
MOST_LABEL = 80
MOST_CUSTOM_ID = 100
MOST_URL = 512
MOST_IN_A_ROW = 5
MOST_ROWS = 5
# https://docs.discord.com/developers/components/reference#string-select
MOST_OPTIONS = 25
MOST_OPTION = 100
MOST_PLACEHOLDER = 150
#: So few values that have nothing to explain are buttons: one tap, where a list takes two.
FEW = 4
#: In front of the ids of what belongs to a menu, whose answer may take its place; and of lists, by their number.
MENU = "="
LIST = "?"
#: In front of the label of what is set.
CHOSEN = "✓"

#: The bot's own colour, and those of its alerts.
COLOUR = 0x5865F2
COLOURS = {"started": 0x57F287, "milestone": 0x3498DB, "record": 0xF1C40F, "ended": 0x99AAB5}
#: Something where Discord wants something and there is nothing to see.
NOTHING = "\u200b"

#: https://docs.discord.com/developers/resources/message#message-object-message-flags
SUPPRESS_NOTIFICATIONS = 1 << 12
#: Discord gives back the first message of a nonce for some minutes.
MOST_NONCE = 25
MOST_OF_INSTALLATION = 10
NOBODY: dict[str, Any] = {"parse": []}
HERE = "here"

_SPECIAL = re.compile(r"[\\*_~`|<\[\]@]|:(?=//)")
#: A channel or role, which Discord shows by its name.
_REFERENCE = re.compile(r"<(?:#|@&)[0-9]{1,20}>")
_UNFIT = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")
#: What turns the direction of all that follows it. Isolates that end in their line do not: see ``settled``.
_TURNS = re.compile("[\u202a-\u202e\u2066\u2067\u206a-\u206f]")
_LINE_START = re.compile(r"(\s*)(#|-|\+|>|[0-9]+(?=[.)]))")
_YEAR = re.compile(r"\d{4}")
_CLOCK = re.compile(r"\d:\d\d")
#: What may stand in the target of a link; brackets and spaces would end it.
_URL_SAFE = ":/?#@!$&'*+,;=%~-._"


def length(text: str) -> int:
    """Count a text as the strictest of Discord's counters does."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def payload(post: Post, *, commands: Collection[str] | None = None) -> dict[str, Any]:
    """Return the body of a request for a post, new or in the place of another.

    A mention pings exactly whom the post names, and only when it is new.

    Args:
        commands: Those that buttons may give; None for any.
    """
    content, pings = _mention(post.mention)
    kind = post.facts.get("kind")
    colour = COLOURS.get(str(kind), COLOUR)
    body = payload_of(post.message, colour=colour, commands=commands) | {"content": content}
    if post.replaces is not None:
        return body
    body |= {"allowed_mentions": pings, "nonce": nonce(post), "enforce_nonce": True}
    if post.answers is not None:
        body["message_reference"] = {"message_id": post.answers, "fail_if_not_exists": False}
    return body | ({"flags": SUPPRESS_NOTIFICATIONS} if post.silent else {})


def payload_of(
    message: Message, *, colour: int = COLOUR, commands: Collection[str] | None = None
) -> dict[str, Any]:
    """Return the body of a request for a message that pings nobody."""
    return {
        "content": "",
        "embeds": [embed(message, colour=colour).to_dict()],
        "components": [
            {"type": 1, "components": [one.to_component_dict() for one in row]}
            for row in rows(message, commands=commands)
        ],
        "allowed_mentions": NOBODY,
    }


def nonce(post: Post) -> str:
    """Return what makes a resend no second post: the delivery, what it tells, and the database of its number."""
    number = f"-{post.delivery}"
    whose = post.installation
    if post.fact:
        whose = sha256(f"{post.installation} {post.fact}".encode()).hexdigest()
    return whose[: min(MOST_OF_INSTALLATION, MOST_NONCE - len(number))] + number


def _mention(whom: str | None) -> tuple[str, dict[str, Any]]:
    if whom == HERE:
        return "@here", {"parse": ["everyone"]}
    if whom is not None and whom.isascii() and whom.isdigit():
        return f"<@&{whom}>", {"parse": [], "roles": [whom]}
    return "", NOBODY


# The text


def embed(message: Message, *, colour: int = COLOUR) -> discord.Embed:
    """Return a message as an embed, cut to what Discord takes: figures before prose."""
    made = discord.Embed(colour=colour)
    left = MOST_IN_ALL
    heading = ""
    lines = list(message.lines)
    head = f"{message.symbol} " if message.symbol else ""
    if any(span.at is not None or _refers(span) for span in message.title):
        looks = (Style.REFERENCE if _refers(span) else Style.PLAIN for span in message.title)
        plain = tuple(replace(span, style=look) for span, look in zip(message.title, looks, strict=True))
        written = _line(plain, MOST_TITLE)
        heading = f"{head}**{written}**" if written.strip() else head.strip()
        left -= length(heading) + 1
    else:
        bare = tuple(replace(span, url=None, style=_in_title(span.style)) for span in message.title)
        made.title = (head + _line(bare, MOST_TITLE - length(head))).strip() or None
        made.url = (
            next((url for span in message.title if (url := _address(span.url))), None) if made.title else None
        )
        left -= length(made.title or "")
    footer = _fit(_flat, plain_text(settled(message.footer)), MOST_FOOTER).strip()
    if footer:
        made.set_footer(text=footer)
        left -= length(footer)
    for field in message.fields[:MOST_FIELDS]:
        name = _fit(_escape, plain_text(settled((Span(field.label),))), MOST_FIELD_NAME)
        name = name if name.strip() else NOTHING
        room = min(MOST_FIELD_VALUE, left - length(name))
        if room < len(ELLIPSIS) + 1:
            break
        value = _line(field.value, room)
        value = value if value.strip() else NOTHING
        made.add_field(name=name, value=value, inline=True)
        left -= length(name) + length(value)
    text = _text(lines, min(MOST_TEXT - length(heading) - 1, left))
    if heading or text.strip():
        made.description = "\n".join(part for part in (heading, text) if part.strip())
    elif not (made.title or made.fields or footer):
        made.description = NOTHING
    return made


def _refers(span: Span) -> bool:
    return span.style is Style.REFERENCE and _REFERENCE.fullmatch(span.text) is not None


def _in_title(style: Style) -> Style:
    return Style.CODE if style is Style.CODE else Style.PLAIN


def _text(lines: Iterable[Line], room: int) -> str:
    """Return lines as they fit; the last of them may be cut."""
    written: list[str] = []
    for line in lines:
        if room <= 1:
            break
        whole = _line(line, room)
        written.append(whole)
        room -= length(whole) + 1
        if whole.endswith(ELLIPSIS) and not plain_text(line).endswith(ELLIPSIS):
            break
    return "\n".join(written)


def _line(line: Line, room: int) -> str:
    """Return a line in Discord's markup, cut between or within spans but never within markup."""
    room -= 1  # for the guard of its start
    written = ""
    for span in settled(line):
        piece = _mark(span)
        if written and piece and written[-1] in "*`" and written[-1] == piece[0]:
            piece = NOTHING + piece
        if length(written) + length(piece) > room:
            written += _cut(span, room - length(written))
            break
        written += piece
    return _LINE_START.sub(_guarded, written, count=1) if _LINE_START.match(written) else written


def _guarded(found: re.Match[str]) -> str:
    space, sign = found.groups()
    return f"{space}{sign}\\" if sign[0].isdigit() else f"{space}\\{sign}"


def _cut(span: Span, room: int) -> str:
    """Return as much of a span as fits, with what its style needs; dearer looks go first."""
    if span.at is None and not _refers(span):
        for look in (span, replace(span, url=None), Span(span.text)):
            cut = _fit(partial(_written, look), span.text, room)
            if cut not in {"", ELLIPSIS}:
                return cut
    return ELLIPSIS if room >= len(ELLIPSIS) else ""


def _written(look: Span, text: str) -> str:
    return _mark(replace(look, text=text))


def _fit(write: Callable[[str], str], text: str, room: int) -> str:
    """Return a text as ``write`` writes it, cut between whole signs to at most ``room``."""
    whole = write(text)
    if length(whole) <= room:
        return whole
    start = " " if text[:1].isspace() else ""
    low, high, best = 0, min(len(text), max(room, 0)), ""
    while low < high:
        middle = (low + high + 1) // 2
        tried = write(start + clean(text, limit=middle))
        if length(tried) <= room:
            low, best = middle, tried
        else:
            high = middle - 1
    return best


def _mark(span: Span) -> str:
    """Return a span in Discord's markup."""
    if _refers(span):
        return span.text
    text = _flat(span.text)
    if not text.strip():
        return text
    url = _address(span.url)
    if span.style is Style.CODE and "`" not in text and url is None:
        return f"`{text}`"
    if url is not None:
        shown = f"[{_escape(text)}]({url})"
    elif span.at is not None:
        shown = f"<t:{span.at // SECOND}:{_form(text)}>"
    else:
        shown = _escape(text)
    return f"**{shown}**" if span.style is Style.BOLD else shown


def _form(text: str) -> str:
    """Return how a moment is shown, by how it is written: a day, a time of day, or both.

    https://docs.discord.com/developers/reference#message-formatting-timestamp-styles
    """
    if _YEAR.search(text):
        return "f" if _CLOCK.search(text) else "D"
    return "t"


def _flat(text: str) -> str:
    return _UNFIT.sub(" ", _TURNS.sub("", text))


def _escape(text: str) -> str:
    """Make plain text of what Discord would read as markup, mention or address."""
    return _SPECIAL.sub(lambda found: ":\\" if found[0] == ":" else f"\\{found[0]}", _flat(text))


def _address(url: str | None) -> str | None:
    """Return the target of a link, or None if it is none that Discord follows."""
    if not url or not url.lower().startswith(("https://", "http://")) or len(url) > MOST_TEXT:
        return None
    try:
        host = urlsplit(url).hostname
    except ValueError:
        return None
    # Discord refuses the whole message for an address without a host.
    return quote(url, safe=_URL_SAFE, errors="replace") if host and not any(map(str.isspace, host)) else None


# What can be tapped

Row = list[discord.ui.Item[Any]]


def rows(message: Message, *, commands: Collection[str] | None = None) -> list[Row]:
    """Return what can be tapped in rows; left out is what Discord would not take and what leads nowhere.

    Values to choose from come first: a list fills a row, and those too many for one go on in the next. Should
    there be too many rows, lists give way to the buttons, but for one.
    """
    made = _Made(commands, MENU if message.menu else "")
    below = _in_rows(made.button(one) for one in message.buttons)
    room = max(MOST_ROWS - len(below), 1)
    above: list[Row] = []
    for select in message.selects:
        above += made.select(select, at=len(above), most=room - len(above))
    return [*above, *below[: MOST_ROWS - len(above)]]


class _Made:
    """Makes what can be tapped, each thing once.

    Args:
        commands: Those that may be given; None for any.
        mark: What stands in front of each id.
    """

    def __init__(self, commands: Collection[str] | None, mark: str) -> None:
        self._commands = commands
        self._mark = mark
        self._seen: set[str] = set()

    def button(self, button: Button) -> discord.ui.Button[Any] | None:
        """Return a button, if it can be."""
        target = _address(button.url) if button.url else (button.command or "").strip()
        label = _label(button.label, MOST_LABEL, chosen=button.chosen)
        if not target or not label or target in self._seen:
            return None
        if button.url:
            if length(target) > MOST_URL:
                return None
            self._seen.add(target)
            return discord.ui.Button(label=label, url=target)
        given = f"{self._mark}{target}"
        if length(given) > MOST_CUSTOM_ID or not _is_given(target, self._commands):
            return None
        self._seen.add(target)
        style = discord.ButtonStyle.primary if button.chosen else discord.ButtonStyle.secondary
        return discord.ui.Button(label=label, custom_id=given, style=style)

    def select(self, select: Select, *, at: int, most: int) -> list[Row]:
        """Return values to choose from in at most so many rows, the first of which is ``at`` that place."""
        options = {
            one.command.strip(): one
            for one in select.options
            if _is_given(one.command, self._commands)
            and _label(one.label, MOST_OPTION)
            and length(one.command.strip()) <= MOST_OPTION
        }
        if len(options) <= FEW and not any(one.about for one in options.values()):
            shown = (Button(one.label, command=given, chosen=one.chosen) for given, one in options.items())
            return _in_rows(map(self.button, shown))[:most]
        fit = replace(select, options=tuple(options.values())).within(most * MOST_OPTIONS)
        parts = [fit[start : start + MOST_OPTIONS] for start in range(0, len(fit), MOST_OPTIONS)]
        # A list knows one value that is set; where there are more, their labels say so.
        marked = sum(one.chosen for one in fit) > 1
        return [
            [self._list(select.label, part, at=at + number, part=(number + 1, len(parts)), marked=marked)]
            for number, part in enumerate(parts)
        ]

    def _list(
        self, label: str, options: Iterable[Option], *, at: int, part: tuple[int, int], marked: bool
    ) -> discord.ui.Select[Any]:
        number, of = part
        called = _label(label, MOST_PLACEHOLDER - 10) or CHOSEN
        made: discord.ui.Select[Any] = discord.ui.Select(
            custom_id=f"{self._mark}{LIST}{at}", placeholder=called if of == 1 else f"{called} {number}/{of}"
        )
        for one in options:
            made.add_option(
                label=_label(one.label, MOST_OPTION, chosen=one.chosen and marked),
                value=one.command.strip(),
                description=_label(one.about, MOST_OPTION) or None,
                default=one.chosen and not marked,
            )
        return made


def tapped(data: Mapping[str, Any]) -> tuple[str, bool]:
    """Return what a tap types, and whether it was in a menu."""
    given = str(data["custom_id"])
    chosen = data.get("values") or [given.removeprefix(MENU)]
    return str(chosen[0]).removeprefix("/"), given.startswith(MENU)


def _in_rows(buttons: Iterable[discord.ui.Button[Any] | None]) -> list[Row]:
    made = [one for one in buttons if one is not None][: MOST_IN_A_ROW * MOST_ROWS]
    return [[*made[at : at + MOST_IN_A_ROW]] for at in range(0, len(made), MOST_IN_A_ROW)]


def _label(text: str, most: int, *, chosen: bool = False) -> str:
    """Return a text as a label, marked if it is what is set; empty if there is nothing to see."""
    mark = f"{CHOSEN} " if chosen else ""
    label = _fit(_flat, text, most - len(mark)).strip() if clean(text, limit=most) else ""
    return f"{mark}{label}" if label else ""


def _is_given(command: str, commands: Collection[str] | None) -> bool:
    words = command.strip().removeprefix("/").split(maxsplit=1)
    return bool(words) and (commands is None or words[0].lower() in commands)


def view(message: Message, *, commands: Collection[str] | None = None) -> discord.ui.View | None:
    """Return what can be tapped below an answer; nobody waits for it: taps are read from their ids."""
    made = discord.ui.View(timeout=None)
    for number, row in enumerate(rows(message, commands=commands)):
        for one in row:
            one.row = number
            made.add_item(one)
    made.stop()
    return made if made.children else None
