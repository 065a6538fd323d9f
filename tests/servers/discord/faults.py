"""What goes wrong on purpose: the next requests of a kind are answered badly, or not at all."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from tests.servers.discord.errors import Json

BANNED = "<!DOCTYPE html><html><title>Access denied | discord.com used Cloudflare</title><p>Error 1015</p></html>"
TOO_MANY = "You are being rate limited."


@dataclass(frozen=True)
class Fault:
    """One way to answer.

    Attributes:
        status: Answer with this.
        body: JSON, or HTML as Cloudflare in front of Discord sends it, without Via.
        stored: First do what was asked, so that there is a message that the bot knows nothing of.
        hang: Never answer.
        wait: First wait, in real seconds.

    Without a status and anything else, the connection is cut.
    """

    status: int | None = None
    body: Json | str = ""
    headers: dict[str, str] = field(default_factory=dict)
    stored: bool = False
    hang: bool = False
    wait: float = 0
    normal: bool = False


def status(code: int, *, error: int = 0, message: str = "", stored: bool = False) -> Fault:
    """Answer with this status, in Discord's JSON."""
    return Fault(code, {"message": message or f"{code}: An error", "code": error}, stored=stored)


def html(code: int, text: str = BANNED) -> Fault:
    """Answer as Cloudflare does: 429 when it banned the address, 502 or 503 when Discord is away."""
    return Fault(code, text)


def hang(*, stored: bool = False) -> Fault:
    """Never answer."""
    return Fault(hang=True, stored=stored)


def slow(seconds: float) -> Fault:
    """Answer as always, but late."""
    return Fault(wait=seconds, normal=True, stored=True)


def cut(*, stored: bool = False) -> Fault:
    """Cut the connection, before or after doing what was asked."""
    return Fault(stored=stored)


def busy(retry_after: float, *, scope: str = "shared") -> Fault:
    """Answer 429 whatever was counted, and hold the route, or all for global; seconds are real.

    Scopes are user, shared and global. Who asks again before the time has violated it.
    """
    told = "The resource is being rate limited." if scope == "shared" else TOO_MANY
    body = {"message": told, "retry_after": retry_after, "global": scope == "global"}
    headers = {"Retry-After": str(int(retry_after) + 1), "X-RateLimit-Scope": scope}
    return Fault(429, body, headers | ({"X-RateLimit-Global": "true"} if scope == "global" else {}))


@dataclass
class Rule:
    """Which requests a fault is for, and how many of them; None is for ever."""

    fault: Fault
    what: re.Pattern[str]
    times: int | None

    def hits(self, request: str) -> bool:
        if self.times == 0 or self.what.search(request) is None:
            return False
        self.times = None if self.times is None else self.times - 1
        return True
