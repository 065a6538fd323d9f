"""Chats in which everything is set up, on the real parts: for what hostile people try there."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bot.app import open_sources
from bot.domain import SECOND
from bot.parts import Parts, build
from bot.ports.chat import Chat
from bot.ports.command import Request
from bot.ports.message import Message, plain_text
from bot.settings import load
from storage.database import Database
from tests.chats.walk import Shelf
from tests.fakes.chat import FakeChat
from tests.talk import Clock

BEGIN = round(datetime(2022, 4, 20, 16, 50, tzinfo=UTC).timestamp()) * SECOND
NIGHT = "night.jsonl"
PLATFORMS = ("telegram", "discord", "console")


class Open(Shelf):
    """Recordings that anybody may watch, and whose records count for the platform."""

    platform = "open"
    public = True
    for_operators = False


@dataclass
class Party:
    """Chats on one bot.

    Attributes:
        heard: What was posted, by platform.
        folder: Where recordings lie.
    """

    parts: Parts
    clock: Clock
    folder: Path
    heard: dict[str, FakeChat] = field(default_factory=dict)

    async def ask(self, line: str, *, platform: str = "telegram", chat: str = "-1", **who: Any) -> Message:
        """Give a command as an admin, unless it is said otherwise; a second later than the last."""
        name, _, text = line.removeprefix("/").partition(" ")
        return await self.give(name, text.strip(), platform=platform, chat=chat, **who)

    async def give(self, command: str, text: str, **who: Any) -> Message:
        """Give a command with exactly this text."""
        self.clock.now += SECOND
        asked: dict[str, Any] = {"platform": "telegram", "chat": "-1", "user": "5", "is_admin": True, **who}
        return await self.parts.dispatcher.answer(Request(command=command, text=text, **asked))

    async def set_up(self, line: str, **who: Any) -> None:
        """Give a command as who runs the bot, which must be taken."""
        answer = await self.ask(line, **{"user": "1", "is_operator": True, **who})
        assert answer.symbol not in {"❔", "🔒", "⚠️"}, f"{line}: {plain_text(answer.title)}"

    def recording(self, name: str, *, title: str | Sequence[str], called: str = "Night Radio") -> str:
        """Write a recording of sessions that beat one another, with a title a minute; return its address."""
        titles = [title] if isinstance(title, str) else title
        head = {"replay": 1, "platform": "icecast", "watch": called, "unit": "listeners", "interval": 60}
        lines: list[dict[str, Any]] = [head]
        for minute, figure in enumerate([80, 95, 120, *[None] * 8, 60, 110, 180, 260, *[None] * 8, 90, 280, 290]):
            at = f"2022-04-20T17:{minute:02}:00Z"
            if figure is None:
                lines.append({"at": at, "state": "offline"})
                continue
            said = titles[minute % len(titles)]
            session = "first" if minute < 5 else "second" if minute < 20 else "third"
            lines.append(
                {
                    "at": at,
                    "session": session,
                    "state": "live",
                    "title": said,
                    "hosts": [said],
                    "concurrent": figure,
                    "tuned_in": figure * 3,
                }
            )
        (self.folder / name).write_text("\n".join(map(json.dumps, lines)))
        return f"replay:{name}"

    async def play(self, minutes: int = 32) -> None:
        """Let time pass, minute by minute."""
        for _ in range(minutes):
            self.clock.now += 60 * SECOND
            await self.parts.poll.tick(self.clock.now)
            await self.parts.deliver.tick(self.clock.now)


@asynccontextmanager
async def party(
    folder: Path,
    *,
    address: str | None = None,
    now: int = BEGIN,
    chats: Sequence[Chat] = (),
    settings: Mapping[str, str] | None = None,
) -> AsyncIterator[Party]:
    """Give chats on a fresh database in a folder; real ones, or some that remember what they are told."""
    clock = Clock(now)
    heard = {platform: FakeChat(platform) for platform in PLATFORMS}
    async with (
        open_sources(load(settings or {}, env_file=None)) as sources,
        build(
            database=Database(address or f"sqlite:///{folder}/milepost.db", throwaway=address is None),
            sources=sources | {"replay": Shelf(folder), "open": Open(folder)},
            chats=chats or [*heard.values()],
            clock=clock,
            charts=False,
            public_url="https://pages.invalid",
        ) as parts,
    ):
        yield Party(parts=parts, clock=clock, folder=folder, heard=heard)
