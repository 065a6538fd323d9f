"""What stages tell of their work, for metrics and health: one call for a tick, a question or a post.

Labels are words of the program's own (a stage, a platform, a state): never an id, a name or a title.
"""

from __future__ import annotations

from typing import Protocol


class Meter(Protocol):
    """Hears what was done. Nothing here waits or raises."""

    def stage(self, name: str, *, every: float) -> None:
        """Note that a stage is to tick every so many seconds from now on."""
        ...

    def ticked(self, stage: str, *, seconds: float, ok: bool) -> None:
        """Note that a tick has ended after so many seconds, and whether it went well."""
        ...

    def comes_forward(self, stage: str) -> None:
        """Note that a tick that may rightly take long is not standing still."""
        ...

    def asked(self, source: str, *, outcome: str, seconds: float) -> None:
        """Note that a call to a source has ended: ``ok``, or the word of what is the matter."""
        ...

    def sent(self, platform: str, *, lag: int) -> None:
        """Note that a post arrived so many milliseconds after the reading that it tells of."""
        ...

    def settled(self, platform: str, *, state: str, count: int = 1) -> None:
        """Note how deliveries ended: ``sent``, ``dead``, ``expired``."""
        ...

    def put_back(self, platform: str) -> None:
        """Note that a delivery is to be tried again later."""
        ...

    def superseded(self, count: int) -> None:
        """Note that deliveries gave way to newer ones before they were sent."""
        ...

    def wrote(self, seconds: float) -> None:
        """Note that a transaction that writes has ended, so many seconds after it was asked for."""
        ...

    def lease(self, name: str, *, held: bool) -> None:
        """Note whether this process holds a lease, which one process at a time holds; its name is a label."""
        ...


class Silent:
    """Keeps nothing: for a process whose figures nobody reads."""

    def stage(self, name: str, *, every: float) -> None:
        """See ``Meter``; so for all."""

    def ticked(self, stage: str, *, seconds: float, ok: bool) -> None: ...

    def comes_forward(self, stage: str) -> None: ...

    def asked(self, source: str, *, outcome: str, seconds: float) -> None: ...

    def sent(self, platform: str, *, lag: int) -> None: ...

    def settled(self, platform: str, *, state: str, count: int = 1) -> None: ...

    def put_back(self, platform: str) -> None: ...

    def superseded(self, count: int) -> None: ...

    def wrote(self, seconds: float) -> None: ...

    def lease(self, name: str, *, held: bool) -> None: ...


#: What stages have unless they are given another.
SILENT = Silent()
