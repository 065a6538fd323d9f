"""Choices below a message: what a tap sends back, and how a tap is understood, also after a restart."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import partial

from telegram import InlineKeyboardButton, InlineKeyboardMarkup

from bot.chats.telegram.render import is_link, plain
from bot.domain.outside import clean
from bot.ports.message import Button, Message, Option

#: Bytes that a tap can send back: https://core.telegram.org/bots/api#inlinekeyboardbutton .
DATA = 64
#: Buttons in all (observed), and labels that stay readable on a telephone.
MOST = 100
LABEL = 40
A_ROW = 4
ROW_WIDTH = 28
#: Commands too long for a button that are remembered.
REMEMBERED = 10_000
_MARK = "~"
#: In front of what a menu's buttons send back: their answer may take its place.
_MENU = "="
#: In front of the label of what is set.
CHOSEN = "✓"


@dataclass(frozen=True, slots=True)
class Tapped:
    """What a button stands for.

    Attributes:
        whole: Its arguments are known; those of long commands are forgotten in time.
        menu: It belongs to a menu.
    """

    name: str
    text: str
    whole: bool
    menu: bool = False


class Taps:
    """Commands as the data of buttons: as they are, or a token with the command's name where they are too long."""

    def __init__(self) -> None:
        self._long: OrderedDict[str, str] = OrderedDict()

    def pack(self, command: str, *, menu: bool = False) -> str:
        """Return the data of a button for a command."""
        line = f"/{command.strip().removeprefix('/')}"
        mark = _MENU if menu else ""
        if len(line.encode()) + len(mark) <= DATA:
            return mark + line
        token = f"{_MARK}{hashlib.sha256(line.encode()).hexdigest()[:20]}{line.partition(' ')[0][:33]}"
        self._long[token] = line
        self._long.move_to_end(token)
        while len(self._long) > REMEMBERED:
            self._long.popitem(last=False)
        return mark + token

    def read(self, data: str) -> Tapped:
        """Return what a button stands for."""
        menu, data = data.startswith(_MENU), data.removeprefix(_MENU)
        line = self._long.get(data)
        whole = line is not None or not data.startswith(_MARK)
        name, _, text = (line or data[data.find("/") :]).removeprefix("/").partition(" ")
        return Tapped(name.lower(), text.strip(), whole, menu)

    def keyboard(self, message: Message, *, commands: Collection[str] | None) -> InlineKeyboardMarkup | None:
        """Return what can be tapped in rows, without what leads nowhere: no address, none of the ``commands``.

        Values to choose from come first, each select in rows of its own.
        """
        made = partial(self._button, commands=commands, menu=message.menu)
        buttons = [key for one in message.buttons[:MOST] if (key := made(one)) is not None]
        rows: list[list[InlineKeyboardButton]] = []
        room = MOST - len(buttons)
        for select in message.selects:
            options = [key for one in select.within(room) if (key := made(_shown(one))) is not None]
            rows += _rows(options)
            room -= len(options)
        rows += _rows(buttons)
        return InlineKeyboardMarkup(rows) if rows else None

    def _button(
        self, button: Button, *, commands: Collection[str] | None, menu: bool
    ) -> InlineKeyboardButton | None:
        label = clean(plain(button.label), limit=LABEL)
        if not label:
            return None
        if button.chosen:
            label = f"{CHOSEN} {label}"
        if button.url is not None:
            return InlineKeyboardButton(label, url=button.url) if is_link(button.url) else None
        words = plain(button.command or "").strip().removeprefix("/").split(maxsplit=1)
        if not words or (commands is not None and words[0] not in commands):
            return None
        return InlineKeyboardButton(label, callback_data=self.pack(" ".join(words), menu=menu))


def _shown(option: Option) -> Button:
    """Return a value as a button."""
    return Button(option.label, command=option.command, chosen=option.chosen)


def _rows(buttons: Iterable[InlineKeyboardButton]) -> list[list[InlineKeyboardButton]]:
    """Return buttons in rows that are neither too long nor too wide."""
    rows: list[list[InlineKeyboardButton]] = []
    width = 0
    for button in buttons:
        width += len(button.text)
        if not rows or len(rows[-1]) >= A_ROW or width > ROW_WIDTH:
            rows.append([])
            width = len(button.text)
        rows[-1].append(button)
    return rows
