"""One process a database file: a second one by mistake would send everything twice."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path


class Held(Exception):
    """Another process has the database open."""


class FileLock:
    """A lock on a file beside the database; the system lets go of it when the process ends."""

    def __init__(self, database: Path) -> None:
        self._path = database.with_name(database.name + ".lock")
        self._descriptor: int | None = None

    def take(self) -> None:
        """Take the lock and write down who holds it.

        Raises:
            Held: Another process holds it; the message names it.
        """
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.read(descriptor, 64).decode(errors="replace").strip() or "unknown"
            os.close(descriptor)
            raise Held(
                f"Process {holder} already runs Milepost on this database. "
                "Stop it first, or give this one another DATABASE_URL."
            ) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        self._descriptor = descriptor

    def release(self) -> None:
        """Let another process in."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
