"""Alerts as JSON, one a line: what ``milepost replay --json`` prints."""

from __future__ import annotations

import json
from typing import TextIO

from bot.chats.console.out import Out
from bot.ports.chat import Listener, Post, Target
from bot.ports.message import Message, discard
from bot.ports.pace import Limits, Pace

#: What a terminal would obey rather than show, and JSON does not escape by itself.
_CONTROLS = {n: f"\\u{n:04x}" for n in range(127, 160)}


class Figures:
    """A chat for programs: it prints facts and asks nothing."""

    platform = "console"
    by_topic = False

    def __init__(self, out: TextIO) -> None:
        self.out = Out(out)
        self.pace = Pace(Limits())

    def is_group(self, chat: str) -> bool:
        """Tell that one program reads this."""
        return False

    @property
    def connected(self) -> bool | None:
        """Tell that it listens to nobody."""
        return None

    async def open(self) -> None:
        """Hold nothing open."""

    async def start(self, listener: Listener) -> None:
        """Listen to nobody."""

    async def send(self, post: Post) -> str | None:
        """Print an alert's facts; signs that the encoding does not have are escaped, so that nothing is lost."""
        text = json.dumps(post.facts, ensure_ascii=False)
        if not self.out.takes(text):
            text = json.dumps(post.facts)
        discard(post.message)
        self.out.print(f"{text.translate(_CONTROLS)}\n")
        return None

    async def remove(self, target: Target, key: str) -> None:
        """Take nothing back."""

    def buried(self, target: Target, key: str) -> int | None:
        """Know nothing of it."""
        return None

    async def tell(self, user: str, message: Message) -> None:
        """Tell programs nothing but facts."""

    async def check(self) -> str | None:
        """Find nothing wrong."""
        return None

    async def stop(self) -> None:
        """Listen to nobody."""

    async def close(self) -> None:
        """Hold nothing open."""
