"""Choices below a message: what a tap sends back, and how a tap is understood, also after a restart."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from telegram import InlineKeyboardButton, InlineKeyboardMarkup

from bot.chats.telegram.render import is_link, plain
from bot.domain.outside import clean
from bot.ports.message import Button

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


@dataclass(frozen=True, slots=True)
class Tapped:
    """What a button stands for; not ``whole`` if its arguments were forgotten."""

    name: str
    text: str
    whole: bool


class Taps:
    """Commands as the data of buttons: as they are, or a token with the command's name where they are too long."""

    def __init__(self) -> None:
        self._long: OrderedDict[str, str] = OrderedDict()

    def pack(self, command: str) -> str:
        """Return the data of a button for a command."""
        line = f"/{command.strip().removeprefix('/')}"
        if len(line.encode()) <= DATA:
            return line
        token = f"{_MARK}{hashlib.sha256(line.encode()).hexdigest()[:20]}{line.partition(' ')[0][:33]}"
        self._long[token] = line
        self._long.move_to_end(token)
        while len(self._long) > REMEMBERED:
            self._long.popitem(last=False)
        return token

    def read(self, data: str) -> Tapped:
        """Return what a button stands for."""
        line = self._long.get(data)
        whole = line is not None or not data.startswith(_MARK)
        name, _, text = (line or data[data.find("/") :]).removeprefix("/").partition(" ")
        return Tapped(name.lower(), text.strip(), whole)

    def keyboard(
        self, buttons: Sequence[Button], *, commands: Collection[str] | None
    ) -> InlineKeyboardMarkup | None:
        """Return buttons in rows, without those that lead nowhere: no such address, none of the ``commands``."""
        rows: list[list[InlineKeyboardButton]] = []
        width = 0
        for button in buttons[:MOST]:
            made = self._button(button, commands)
            if made is None:
                continue
            width += len(made.text)
            if not rows or len(rows[-1]) >= A_ROW or width > ROW_WIDTH:
                rows.append([])
                width = len(made.text)
            rows[-1].append(made)
        return InlineKeyboardMarkup(rows) if rows else None

    def _button(self, button: Button, commands: Collection[str] | None) -> InlineKeyboardButton | None:
        label = clean(plain(button.label), limit=LABEL)
        if not label:
            return None
        if button.url is not None:
            return InlineKeyboardButton(label, url=button.url) if is_link(button.url) else None
        words = plain(button.command or "").strip().removeprefix("/").split(maxsplit=1)
        if not words or (commands is not None and words[0] not in commands):
            return None
        return InlineKeyboardButton(label, callback_data=self.pack(" ".join(words)))
