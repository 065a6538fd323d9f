"""Drives the pipeline by readings instead of the wall clock: the demo, and replays of recorded sessions.

Only the source, the clock and the driver differ from ``run``; everything between is the same code.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

import structlog

from bot.chats.console import ConsoleChat, Figures, Unread
from bot.chats.console.chat import KEY
from bot.domain import SECOND
from bot.domain.alerts import USUAL
from bot.domain.alerts.record import Scope
from bot.domain.measure import RECORDED
from bot.domain.reading import is_figure
from bot.parts import Parts, build
from bot.pipeline.poll import NotStored
from bot.pipeline.schedule import Schedule
from bot.ports.chat import Chat
from bot.ports.command import Request
from bot.ports.message import plain_text
from bot.ports.source import BadAddress
from bot.samples import RECORD_BOOK, SPACE
from bot.services import watching
from bot.sources.replay import Replay, load
from bot.texts import direction
from storage import chats as chat_store
from storage import records, watches
from storage.database import Database
from storage.records import Entry

log = structlog.get_logger(__name__)

#: Seconds of real time for one reading of the demo: at a terminal, and where nobody looks on.
PACE_AT_TERMINAL = 0.2
PACE_ELSEWHERE = 0.02


class BookError(Exception):
    """The record book file is wrong; the message says where."""


#: In front of an answer to what cannot be done.
REFUSED = "❔"


class PlayError(Exception):
    """The play broke off; the message says when and why."""


@dataclass
class Hands:
    """A clock that moves only when it is told to."""

    now: int

    def __call__(self) -> int:
        """Return the present moment of the replay."""
        return self.now


@asynccontextmanager
async def _stage(
    files: Sequence[Path], chat: Chat, book: Sequence[dict[str, Any]], ladder: Sequence[float] | None
) -> AsyncIterator[tuple[Parts, Hands, list[int]]]:
    """Build everything on a fresh database that ends with the block, with a watch for each file.

    Yields:
        The parts, their clock, and the moments at which there is something to read.
    """
    twice = next((path for n, path in enumerate(files) if path in files[:n]), None)
    if twice is not None:
        raise BadAddress(f"{twice.name} is given twice.")
    recordings = [load(path) for path in files]
    begins = [recording.answers[0].at for recording in recordings]
    clock = Hands(min(begins))
    with tempfile.TemporaryDirectory(prefix="milepost-") as folder:
        database = Database(f"sqlite:///{folder}/replay.db", throwaway=True)
        async with build(
            database=database, sources={"replay": Replay()}, chats=[chat], clock=clock, charts=False
        ) as parts:
            async with database.write() as connection:
                viewer = await chat_store.get_or_add(
                    connection, platform="console", key=KEY, title=None, now=clock.now
                )
                if len({recording.timezone for recording in recordings}) == 1:
                    await chat_store.change(connection, viewer.id, timezone=recordings[0].timezone)
                taken: set[str] = set()
                made: dict[str, tuple[int, str]] = {}
                for path, recording, begin in zip(files, recordings, begins, strict=True):
                    watch = await watches.add(
                        connection,
                        due_at=begin,
                        values=watching.values(
                            source="replay",
                            description=await parts.sources["replay"].describe(str(path), clock.now),
                            public=False,
                            interval=recording.interval,
                            now=begin,
                        ),
                    )
                    name = watching.free_name(recording.watch, taken)
                    taken.add(name)
                    made.setdefault(recording.watch, (watch.id, watch.platform))
                    await watches.follow(connection, chat_id=viewer.id, watch_id=watch.id, name=name, now=begin)
                    await chat_store.subscribe(
                        connection, chat_id=viewer.id, watch_id=watch.id, topic="", kinds=USUAL, now=begin
                    )
                    if ladder is not None:
                        await chat_store.change_subscriptions(
                            connection,
                            chat_id=viewer.id,
                            watch_id=watch.id,
                            ladder=chat_store.ladder_text(ladder),
                        )
                for entry in _entries(book, made):
                    await records.add(connection, entry, now=clock.now)
            yield parts, clock, sorted({one.at for recording in recordings for one in recording.answers})


async def replay(
    files: Sequence[Path],
    *,
    out: TextIO,
    as_json: bool,
    record_book: Path | None = None,
    ladder: Sequence[float] | None = None,
) -> None:
    """Play files through the pipeline as fast as it goes, and print what would have been told.

    Raises:
        bot.ports.source.BadAddress: A file is wrong; the message names the line.
        BookError: The record book is wrong.
        PlayError: Something could not be stored or printed.
        bot.chats.console.Unread: Nobody reads what is printed any more.
    """
    chat = Figures(out) if as_json else ConsoleChat(out=out, lines=None)
    book = read_book(record_book) if record_book is not None else []
    async with _stage(files, chat, book, ladder) as (parts, clock, moments):
        for moment in moments:
            clock.now = moment
            await _step(parts, chat, moment)


async def demo(*, at_terminal: bool, language: str | None = None) -> None:
    """Open a chat in the terminal and play the sample session into it, ticked by the scheduler.

    Args:
        language: In which alerts and answers are, by its tag or name; None for English.

    Raises:
        PlayError: There is no such language.
    """
    leave, played = asyncio.Event(), asyncio.Event()
    wrong: list[Exception] = []
    console = ConsoleChat(on_leave=leave.set)
    note = load(SPACE).note
    console.show(
        "Milepost plays its sample session: the X Space of 20 April 2022, sped up.\n"
        f"{note}\n"
        "Type /help at any moment; /quit to leave.\n"
    )
    async with _stage([SPACE], console, read_book(RECORD_BOOK), None) as (parts, clock, moments):
        if language is not None:
            await _speak(parts, language)
        ahead = iter(moments)

        async def tick(_now: int) -> None:
            moment = next(ahead, None)
            if moment is None:
                played.set()
                return
            clock.now = moment
            try:
                await _step(parts, console, moment)
            except (PlayError, Unread) as error:  # the schedule would go on
                wrong.append(error)
                leave.set()

        await console.start(parts.dispatcher)
        schedule = Schedule(clock)
        schedule.every(PACE_AT_TERMINAL if at_terminal else PACE_ELSEWHERE, tick, name="sample")
        schedule.start()
        try:
            await _first(leave, played)
            await schedule.stop()
            if wrong:
                raise wrong[0]
            if played.is_set() and not leave.is_set():
                console.show("\nThat was the sample session: a reconstruction, played through the real pipeline.")
                if at_terminal:
                    console.show("Ask on (/stats, /records), or leave with /quit.")
                    await leave.wait()
        finally:
            await schedule.stop()
            await console.close()


async def _speak(parts: Parts, language: str) -> None:
    """Choose the language of the terminal's chat, as anybody would."""
    asked = Request(
        platform=ConsoleChat.platform, chat=KEY, command="settings", text=f"language {language}", is_admin=True
    )
    answer = await parts.dispatcher.answer(asked)
    if answer.symbol == REFUSED:
        raise PlayError(direction.joined(plain_text(answer.title)))


async def _first(*events: asyncio.Event) -> None:
    """Wait until one of them is set."""
    tasks = [asyncio.create_task(event.wait()) for event in events]
    _, waiting = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in waiting:
        task.cancel()


async def _step(parts: Parts, chat: ConsoleChat | Figures, now: int) -> None:
    """Let one moment pass through the whole pipeline; here nothing is tried again later, so nothing may fail."""
    try:
        await parts.poll.tick(now)
        if parts.ingest.owed.is_set():
            parts.ingest.owed.clear()
            await parts.deliver.tick(now)
    except Exception as error:
        refusal = getattr(error, "orig", None)  # the database's own word, without its library's advice
        if refusal is None and not isinstance(error, NotStored):
            log.exception("the play broke off")  # a fault of ours: a sentence is not enough
        raise PlayError(f"The play broke off at {_written(now)}: {refusal or error}") from error
    if isinstance(chat.out.lost, Unread):
        raise chat.out.lost
    if chat.out.lost is not None:
        raise PlayError(f"The play broke off at {_written(now)}: {chat.out.lost}")


def _written(moment: int) -> str:
    return datetime.fromtimestamp(moment / SECOND, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def read_book(path: Path) -> list[dict[str, Any]]:
    """Read a record book file.

    Raises:
        BookError: It cannot be read, or an entry is wrong; the message names it.
    """
    try:
        book = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError) as error:
        raise BookError(f"{path.name} cannot be read: {error}.") from error
    except (ValueError, RecursionError) as error:
        raise BookError(f"{path.name} is not JSON: {error}.") from error
    if not isinstance(book, list):
        raise BookError(f'{path.name} must be a list of entries like {{"measure": "peak", "value": 44000, ...}}.')
    for number, entry in enumerate(book, 1):
        problem = _problem(entry)
        if problem:
            raise BookError(f"{path.name}, entry {number}: {problem}.")
    return book


def _problem(entry: Any) -> str | None:
    if not isinstance(entry, dict):
        return "it must be an object"
    if entry.get("measure") not in list(RECORDED):
        return f'"measure" must be one of {", ".join(RECORDED)}'
    words = [scope.word for scope in Scope]
    if entry.get("scope", "platform") not in words:
        return f'"scope" must be one of {", ".join(words)}'
    if not is_figure(entry.get("value")):
        return '"value" must be a number of 0 or more'
    if entry.get("scope", "platform") == "watch":
        if not isinstance(entry.get("watch"), str):
            return '"watch" must name the watch that the entry belongs to'
    elif not isinstance(entry.get("platform"), str):
        return '"platform" must say where the record counts, for example "x"'
    for name in ("holder", "date", "link", "note", "platform", "watch"):
        text = entry.get(name)
        if not isinstance(text, str | None):
            return f'"{name}" must be text'
        if text is not None and text != text.encode(errors="replace").decode():
            return f'"{name}" holds half a character (a lone surrogate)'
    for name in ("disputed", "at_least"):
        if not isinstance(entry.get(name, False), bool):
            return f'"{name}" must be true or false'
    return None


def _entries(book: Sequence[dict[str, Any]], made: dict[str, tuple[int, str]]) -> list[Entry]:
    """Return book entries as rows; one of a watch that is not played is left out."""
    found = []
    for entry in book:
        scope = Scope[entry.get("scope", "platform").upper()]
        watch_id, platform = None, str(entry.get("platform", "")).lower()
        if scope is Scope.WATCH:
            if entry["watch"] not in made:
                continue
            watch_id, platform = made[entry["watch"]]
        found.append(
            Entry(
                platform=platform,
                measure=entry["measure"],
                scope=scope,
                value=entry["value"],
                holder=entry.get("holder") or "unknown",
                watch_id=watch_id,
                date=entry.get("date"),
                link=entry.get("link"),
                disputed=entry.get("disputed", False),
                at_least=entry.get("at_least", False),
                note=entry.get("note"),
            )
        )
    return found


def is_terminal() -> bool:
    """Tell whether a person sits at both ends of the terminal."""
    return sys.stdin.isatty() and sys.stdout.isatty()
