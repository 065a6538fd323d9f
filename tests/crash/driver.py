"""The product's own parts under a fast clock, in a process that a test may kill at any moment.

It watches replay files in the console chat and steps from moment to moment, so that each reading has its own
tick; started again on the same database, it goes on where the last one stopped. Everything between source and
chat is the product's: only clock and rhythm are ours.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from bot.chats.console import ConsoleChat
from bot.chats.console.chat import KEY
from bot.domain import SECOND
from bot.logs import set_up_logs
from bot.parts import Parts, build
from bot.ports.command import Request
from bot.sources.replay import Replay, load
from storage import watches
from storage.database import Database
from tests.fakes.clock import NOW, Clock

#: Seconds between readings, and as the files say it: what a killed process had claimed is due again before the
#: next reading.
APART = 30
INTERVAL = 15
STEP = INTERVAL * SECOND
GRACE = 60 * SECOND


def main(url: str, out: Path, files: Sequence[Path]) -> None:
    """Play all files to their end."""
    set_up_logs(style="text", level="error")
    asyncio.run(drive(url, out, files))


async def drive(url: str, out: Path, files: Sequence[Path]) -> None:
    clock = Clock()
    end = NOW + max(recording.answers[-1].at - recording.answers[0].at for recording in map(load, files))
    with out.open("a", encoding="utf-8") as printed:
        chat = ConsoleChat(out=printed, lines=None)
        async with build(
            database=Database(url),
            sources={"replay": Replay()},
            chats=[chat],
            clock=clock,
            grace=GRACE,
            charts=False,
        ) as parts:
            await parts.deliver.begin()
            await watch(parts, files)
            async with parts.database.read() as connection:
                asked = [one.asked_at or NOW for one in await watches.polled(connection)]
            clock.now = min(asked)
            async with parts.database.write() as connection:  # what a killed process had claimed, too
                followed = await watches.polled(connection)
                await watches.due_again(connection, [(one.id, clock.now) for one in followed])
            await parts.deliver.tick(clock.now)
            while clock.now <= end + STEP:
                await parts.poll.tick(clock.now)
                await parts.deliver.tick(clock.now)
                clock.now += STEP


async def watch(parts: Parts, files: Sequence[Path]) -> None:
    """Watch what is not watched yet, as a person does."""
    async with parts.database.read() as connection:
        known = {one.reference for one in await watches.polled(connection)}
    for file in files:
        if str(file) not in known:
            request = Request(
                platform="console",
                chat=KEY,
                command="watch",
                text=f"replay:{file}",
                is_admin=True,
                is_operator=True,
            )
            await parts.dispatcher.answer(request)
