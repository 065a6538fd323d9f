"""One life of the bot: the real program in a process that was forked off one which has imported everything."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from bot import app
from bot.chats.discord import DiscordChat
from bot.chats.telegram import TelegramChat
from bot.logs import set_up_logs
from bot.pipeline.schedule import wall_clock
from bot.settings import load
from tests.crash.points import Point, lay

#: What a life would import when it needs it.
LATER = (
    "aiosqlite",
    "anyio._backends._asyncio",
    "apscheduler.executors.asyncio",
    "apscheduler.triggers.interval",
    "bot.texts.sandbox",
)


@dataclass(frozen=True, kw_only=True)
class Life:
    """How one life is lived.

    Attributes:
        settings: As in the environment.
        point: Where it kills itself, and at which pass.
        clock: The wall clock of its machine.
        pages: How many pages the database may have; None for any number.
    """

    settings: Mapping[str, str]
    log: Path
    point: Point | None = None
    at_pass: int = 1
    clock: Callable[[], int] = wall_clock
    pages: int | None = None


def warm() -> None:
    """Load and make once what every life needs."""
    TelegramChat("123456789:AAtestTESTtestTESTtestTESTtestTESTtes")
    DiscordChat("token")
    for module in LATER:
        import_module(module)
    gc.collect()
    gc.freeze()


def live(life: Life, ready: int) -> None:
    """Run the bot in this process until it is killed or told to stop; never returns.

    Args:
        ready: A pipe to read from before anything is done.
    """
    status = 1
    try:
        log = os.open(life.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.read(ready, 1)
        if life.point is not None and not life.point.at_server:
            lay(life.point, at_pass=life.at_pass)
        if life.pages is not None:
            sa.event.listen(sa.Pool, "connect", _narrow(life.pages))
        set_up_logs(style="text", level="warning")
        settings = load(life.settings, env_file=None)
        asyncio.run(app.run(settings, on_end=lambda: None, clock=life.clock, charts=False))
        status = 0
    except BaseException:  # noqa: BLE001 - told in the log of the lives
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


def _narrow(pages: int) -> Callable[[Any, Any], None]:
    def connect(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA max_page_count={pages}")
        cursor.close()

    return connect
