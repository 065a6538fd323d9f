"""Whether a chat platform is connected, where an adapter knows."""

from __future__ import annotations

from typing import Protocol, runtime_checkable


@runtime_checkable
class Linked(Protocol):
    """A chat platform with a connection that can be lost."""

    @property
    def connected(self) -> bool:
        """Whether it listens now."""
        ...
