"""Talk to the bot in tests: the real parts on a fresh database, with a clock that tests move by hand."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.chats.console import ConsoleChat
from bot.chats.console.render import render
from bot.domain import MINUTE
from bot.parts import Parts, build
from bot.ports.chat import Chat
from bot.ports.command import Request
from bot.ports.message import Message
from bot.ports.source import Source
from bot.sources.replay import Replay
from storage.database import Database


@dataclass
class Talk:
    """A conversation with the bot in one chat."""

    parts: Parts
    clock: Clock
    heard: io.StringIO

    async def say(self, line: str, *, admin: bool = True, operator: bool = True) -> str:
        """Give a command and return the answer as the terminal shows it."""
        return render(await self.ask(line, is_admin=admin, is_operator=operator)).plain

    async def ask(self, line: str, **where: Any) -> Message:
        """Give a command, at the console unless it is said otherwise, and return the answer."""
        name, _, text = line.removeprefix("/").partition(" ")
        asked: dict[str, Any] = {"platform": "console", "chat": "console", "is_admin": True, **where}
        return await self.parts.dispatcher.answer(Request(command=name, text=text.strip(), **asked))

    async def until(self, at: int, *, step: int = MINUTE // 2) -> str:
        """Let time pass, poll by poll, and return what was told meanwhile."""
        start = self.heard.tell()
        while self.clock.now < at:
            self.clock.now = min(at, self.clock.now + step)
            await self.parts.poll.tick(self.clock.now)
            await self.parts.deliver.tick(self.clock.now)
        self.heard.seek(start)
        return self.heard.read()


@dataclass
class Clock:
    """A clock that stands still unless a test moves it."""

    now: int

    def __call__(self) -> int:
        """Return the moment that the test has set."""
        return self.now


@asynccontextmanager
async def talk(
    folder: Path,
    *,
    now: int,
    sources: Mapping[str, Source] | None = None,
    chats: Sequence[Chat] = (),
    public_url: str | None = None,
) -> AsyncIterator[Talk]:
    """Give a conversation on a database in ``folder``; closes everything with the block."""
    heard = io.StringIO()
    clock = Clock(now)
    async with build(
        database=Database(f"sqlite:///{folder}/milepost.db", throwaway=True),
        sources=dict(sources or {"replay": Replay()}),
        chats=[ConsoleChat(out=heard, lines=None), *chats],
        clock=clock,
        charts=False,
        public_url=public_url,
    ) as parts:
        yield Talk(parts=parts, clock=clock, heard=heard)
