"""What a source may keep across restarts: names looked up for money, what was spent today."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol


class Memory(Protocol):
    """Texts by subject and key. A subject is a source's own, such as ``x user``."""

    async def get(self, subject: str, keys: Iterable[str]) -> dict[str, str]:
        """Return what is known of these keys."""
        ...

    async def put(self, subject: str, items: Mapping[str, str]) -> None:
        """Keep these; what was known of the same keys gives way."""
        ...
