"""What every source is made of: the HTTP client, the operator's keys, a memory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from bot.domain.sentence import N_, Sentence
from bot.ports.memory import Memory
from bot.ports.rooms import Rooms
from bot.ports.source import BadAddress, NotAllowed
from bot.sources.web import Web

#: Of several addresses that could be meant so many are shown.
MOST_LISTED = 10
# Translators: the parts of a list, one after another
_NEXT = N_("{some}, {other}")


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
                settings=every(absent),
            )


def series(items: Sequence[str]) -> str:
    """Return "a, b, c" as a sentence, which each reader is told in their own language."""
    return _joined(items, last=_NEXT)


def every(items: Sequence[str]) -> str:
    """Return "a, b and c" as a sentence; see ``series``."""
    return _joined(items, last=N_("{some} and {other}"))


def either(items: Sequence[str]) -> str:
    """Return "a, b or c" as a sentence; see ``series``."""
    return _joined(items, last=N_("{some} or {other}"))


def several(few: str, many: str, /, addresses: Sequence[str], *, host: str | None) -> BadAddress:
    """Return why the address of a server that has several things does not say which: with those there are.

    Args:
        few: What is said with ``host``, ``n`` and ``listed``, all of them: a message id of the catalogs.
        many: What is said with ``more``, too, where not all are listed.
    """
    shown, more = addresses[:MOST_LISTED], len(addresses) - MOST_LISTED
    if more <= 0:
        return BadAddress(few, host=host, n=len(addresses), listed=either(shown))
    return BadAddress(many, host=host, n=len(addresses), listed=series(shown), more=more)


def _joined(items: Sequence[str], *, last: str) -> str:
    """Return items as one sentence within another; ``last`` joins the last one."""
    if not items:
        return ""
    *before, end = items
    return Sentence(last, some=_joined(before, last=_NEXT), other=end) if before else end
