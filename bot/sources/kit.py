"""What every source is made of: the HTTP client, the operator's keys, a memory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from bot.domain.sentence import N_
from bot.ports.memory import Memory
from bot.ports.rooms import Rooms
from bot.ports.source import NotAllowed
from bot.sources.web import Web


class Forgetful:
    """A memory that lasts as long as the process."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], str] = {}

    async def get(self, subject: str, keys: Iterable[str]) -> dict[str, str]:
        """Return what is known of these keys."""
        return {key: self._kept[subject, key] for key in keys if (subject, key) in self._kept}

    async def put(self, subject: str, items: Mapping[str, str]) -> None:
        """Keep these."""
        self._kept.update(((subject, key), value) for key, value in items.items())


@dataclass(frozen=True, slots=True, kw_only=True)
class Kit:
    """What a source is made of.

    Attributes:
        settings: The operator's settings by their names, secrets in the clear; those that are not set are absent.
        rooms: The chats that run here and know who is in their rooms, by platform.
    """

    web: Web
    settings: Mapping[str, str] = field(default_factory=dict)
    memory: Memory = field(default_factory=Forgetful)
    rooms: Mapping[str, Rooms] = field(default_factory=dict)

    def address(self, name: str, default: str) -> str:
        """Return the root of an API, without a slash at its end."""
        return self.settings.get(name, default).rstrip("/")

    def needs(self, platform: str, *names: str) -> None:
        """Refuse what takes settings that the operator has not made.

        Raises:
            NotAllowed: One of these is not set.
        """
        absent = [name for name in names if not self.settings.get(name)]
        if absent:
            raise NotAllowed(
                N_("This bot has no key for {platform}: its operator sets {settings}."),
                platform=platform,
                settings=" and ".join(absent),
            )
