"""What can go wrong between a bot and Telegram, to be injected."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from tests.servers.telegram.query import Refused, too_many


@dataclass(frozen=True)
class Fault:
    """What becomes of a call.

    Attributes:
        stored: Whether the method runs all the same, so that a message exists that the bot knows nothing of.
    """

    kind: Literal["html", "hang", "cut", "slow", "refused"]
    stored: bool = False
    code: int = 502
    seconds: float = 0
    everywhere: bool = False
    refusal: Refused | None = field(default=None, compare=False)


def html(code: int = 502, *, stored: bool = False) -> Fault:
    """Answer as a proxy in front of Telegram does, in HTML."""
    return Fault("html", stored, code=code)


def hang(*, stored: bool = False) -> Fault:
    """Never answer."""
    return Fault("hang", stored)


def cut(*, stored: bool = False) -> Fault:
    """Close the connection without an answer."""
    return Fault("cut", stored)


def slow(seconds: float) -> Fault:
    """Answer late, in seconds of the server's clock."""
    return Fault("slow", stored=True, seconds=seconds)


def flood(seconds: int, *, everywhere: bool = False) -> Fault:
    """Answer 429. Who writes there again before that has violated it; ``everywhere`` holds all chats."""
    return Fault("refused", everywhere=everywhere, seconds=seconds, refusal=too_many(seconds))


def refuse(code: int, description: str, **parameters: int) -> Fault:
    """Answer with an error, in full words: "Bad Request: ..."."""
    return Fault("refused", refusal=Refused(code, description, **parameters))
