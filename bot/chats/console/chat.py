"""Reads commands from standard input and prints alerts and answers."""

from __future__ import annotations

import asyncio
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from hashlib import sha256
from io import StringIO
from pathlib import Path
from typing import TextIO

import structlog
from rich.console import Console

from bot.chats.console.feed import Feed
from bot.chats.console.out import Out
from bot.chats.console.render import render
from bot.domain.outside import clean
from bot.ports.chat import Listener, Post, SendError, Target
from bot.ports.command import Request
from bot.ports.message import Line, Message, Span, Style, discard
from bot.ports.pace import Limits, Pace

log = structlog.get_logger(__name__)

#: The one chat that the terminal is.
KEY = "console"
PROMPT = "milepost> "
LONGEST_NAME = 100


class ConsoleChat:
    """A chat with whoever sits at the terminal, who is its admin and the bot's operator.

    Args:
        out: Where to print; None is wherever standard output leads at the time (a prompt puts itself there).
        lines: Where to read commands from; None to read nothing.
        pictures: The folder in which pictures and files are put; None for a new one among those for passing use.
        on_leave: Called when the person at the terminal wants to go (``/quit``, Ctrl-D, Ctrl-C).
    """

    platform = "console"
    by_topic = False

    def __init__(
        self,
        *,
        out: TextIO | None = None,
        lines: TextIO | None = sys.stdin,
        pictures: Path | None = None,
        on_leave: Callable[[], None] | None = None,
    ) -> None:
        self.out = Out(out)
        self._pictures = pictures
        self._feed = Feed(lines) if lines is not None else None
        self._lines = lines
        self._on_leave = on_leave
        self._task: asyncio.Task[None] | None = None
        self.pace = Pace(Limits())

    def is_group(self, chat: str) -> bool:
        """Tell that one person sits at the terminal."""
        return False

    @property
    def connected(self) -> bool | None:
        """Tell whether it reads what is typed."""
        return None if self._task is None else not self._task.done()

    async def open(self) -> None:
        """Do nothing: whoever sits at the terminal is there."""

    async def start(self, listener: Listener) -> None:
        """Begin to listen: with line editing at a terminal, line by line elsewhere."""
        if self._lines is not None and self._task is None:
            self._task = asyncio.create_task(self._listen(listener), name="console")

    async def send(self, post: Post) -> str | None:
        """Print an alert, and where its picture and file are."""
        self._print(await self._put_down(post.message), stamp=post.stamp)
        return None

    async def remove(self, target: Target, key: str) -> None:
        """Take nothing back: what is printed is printed."""

    def buried(self, target: Target, key: str) -> int | None:
        """Know nothing of what scrolled by: what is printed has no key."""
        return None

    async def tell(self, user: str, message: Message) -> None:
        """Print a message for the person at the terminal."""
        self._print(message)

    async def check(self) -> str | None:
        """Find nothing wrong."""
        return None

    async def stop(self) -> None:
        """Stop listening."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def close(self) -> None:
        """Stop listening."""
        await self.stop()

    def _print(self, message: Message, *, stamp: str = "", indent: str = "") -> None:
        self.show(render(message, stamp=stamp, indent=indent, clickable=self.out.is_terminal))

    def show(self, what: object) -> None:
        """Print something, above the line being typed.

        Raises:
            SendError: It was not printed.
        """
        styled = StringIO()
        colours = self.out.is_terminal or None  # None leaves it to the environment (``FORCE_COLOR``)
        console = Console(
            file=styled, force_terminal=colours, soft_wrap=True, highlight=False, emoji=False, markup=False
        )
        console.print(what)
        self.out.print(styled.getvalue())

    async def _listen(self, listener: Listener) -> None:
        assert self._feed is not None
        assert self._lines is not None
        at_terminal = self._lines is sys.stdin and sys.stdin.isatty() and sys.stdout.isatty()
        async for line in _typed() if at_terminal else self._feed:
            if line is None or line.strip().lower() in {"/quit", "/exit", "quit", "exit"}:
                if at_terminal or line is not None:
                    self._leave()
                return
            if not line.strip():
                continue
            try:
                if not at_terminal:
                    self.show(f"{PROMPT}{line.strip()}")
                await self._answer(listener, line.strip())
            except SendError as error:  # the next command is heard all the same
                log.warning("an answer could not be printed", why=str(error))

    async def _answer(self, listener: Listener, line: str) -> None:
        name, _, text = line.removeprefix("/").partition(" ")
        message = await listener.answer(
            Request(
                platform=self.platform,
                chat=KEY,
                chat_title="Console",
                command=name.lower(),
                text=text.strip(),
                is_admin=True,
                is_operator=True,
            )
        )
        self._print(await self._put_down(message), indent="  ")

    async def _put_down(self, message: Message) -> Message:
        """Return a message that says where its picture and file are, which a terminal does not show."""
        if message.picture is None and message.file is None:
            return message
        try:
            lines = await asyncio.to_thread(self._lay, message)
        except OSError as error:
            log.warning("a picture or file could not be written", why=error.strerror)
            lines = ((Span(f"⚠️ {error.strerror or 'The picture or file could not be written'}"),),)
        finally:
            discard(message)
        return replace(message, lines=(*message.lines, *lines), picture=None, file=None)

    def _lay(self, message: Message) -> tuple[Line, ...]:
        """Write picture and file into the folder; return a line on each."""
        if self._pictures is None:
            self._pictures = Path(tempfile.mkdtemp(prefix="milepost-"))
        self._pictures.mkdir(parents=True, exist_ok=True)
        lines: list[Line] = []
        if message.picture is not None:
            # What is printed twice, after a kill, is the same line and the same file.
            drawn = self._pictures / f"chart-{sha256(message.picture.png).hexdigest()[:12]}.png"
            drawn.write_bytes(message.picture.png)
            lines.append((Span(f"{message.picture.alt.rstrip('.')}: "), Span(str(drawn), Style.CODE)))
        if message.file is not None:
            named = clean(message.file.name.replace("/", "_").replace("\\", "_"), limit=LONGEST_NAME) or "file"
            path = Path(tempfile.mkdtemp(prefix="file-", dir=self._pictures)) / named.lstrip(".")
            shutil.move(message.file.path, path)
            lines.append((Span(str(path), Style.CODE),))
        return tuple(lines)

    def _leave(self) -> None:
        if self._on_leave is not None:
            self._on_leave()


async def _typed() -> AsyncIterator[str | None]:
    """Yield lines typed at a terminal, and None when the person leaves; output prints above the prompt."""
    from prompt_toolkit import PromptSession  # noqa: PLC0415 - only a terminal needs it
    from prompt_toolkit.patch_stdout import patch_stdout  # noqa: PLC0415

    session: PromptSession[str] = PromptSession(PROMPT)
    with patch_stdout(raw=True):
        while True:
            try:
                yield await session.prompt_async()
            except (EOFError, KeyboardInterrupt):
                yield None
                return
