"""What every service is given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bot.ports.easel import Easel
from bot.ports.source import Registry
from storage.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """The parts that commands use.

    Attributes:
        registry: The sources that are set up.
        clock: Tells the present moment; a parameter, so that a replay may have its own.
        interval: Milliseconds between polls where a source prescribes nothing.
        grace: Milliseconds for which a session may be gone and come back.
        started_at: When this process began.
        easel: Where charts become pictures.
        public_url: Where readers find the pages; empty where that is not known, None where none are served.
    """

    database: Database
    registry: Registry
    clock: Callable[[], int]
    interval: int
    grace: int
    started_at: int
    easel: Easel
    public_url: str | None = None
