"""Alerts as JSON, one a line: what ``milepost replay --json`` prints."""

from __future__ import annotations

import json
from typing import TextIO

from bot.ports.chat import Limits, Listener, Post


class Figures:
    """A chat for programs: it prints facts and asks nothing."""

    platform = "console"
    limits = Limits()

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def is_group(self, chat: str) -> bool:
        """Tell that one program reads this."""
        return False

    async def start(self, listener: Listener) -> None:
        """Listen to nobody."""

    async def send(self, post: Post) -> str | None:
        """Print an alert's facts."""
        print(json.dumps(post.facts, ensure_ascii=False), file=self._out, flush=True)
        return None

    async def check(self) -> str | None:
        """Find nothing wrong."""
        return None

    async def stop(self) -> None:
        """Hold nothing open."""
