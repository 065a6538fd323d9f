"""Rate limits by counting: what may be asked how often, and who asked too often."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import NamedTuple


@dataclass(frozen=True)
class Rate:
    count: int
    seconds: float


def _routes() -> dict[str, Rate]:
    return {
        "POST /channels/{channel}/messages": Rate(5, 5),  # observed, like all of these
        "PATCH /channels/{channel}/messages/{message}": Rate(5, 5),
        "DELETE /channels/{channel}/messages/{message}": Rate(5, 1),
        "POST /channels/{channel}/messages/{message}/crosspost": Rate(5, 5),
        "POST /channels/{channel}/typing": Rate(5, 5),
        "POST /webhooks/{application}/{token}": Rate(5, 2),
    }


@dataclass(kw_only=True)
class Limits:
    """What Discord allows. Seconds are Discord's; one of them lasts ``scale`` seconds here.

    Attributes:
        everything: The global limit; interaction endpoints are outside it.
        routes: By method and path, for each channel, guild or webhook of its own.
        others: Of routes that are not named.
        publishing: Crossposts a channel.
        old_edits: Edits of messages older than an hour, a channel (observed; Discord names no figure).
        invalid: Answers 401, 403 and 429 before the address is banned.
        memory: Seconds for which a nonce is remembered; "the past few minutes".
        links: Seconds for which the link to an attachment is good.
        identifying: IDENTIFYs, for each of ``max_concurrency`` groups of shards.
        creates: New commands a day, for each guild and globally.
        tolerance: By what share windows are counted shorter than clients are told, so that the jitter of loopback
            does not make a violation of an exact pace.
    """

    scale: float = 1.0
    everything: Rate = Rate(50, 1)
    routes: dict[str, Rate] = field(default_factory=_routes)
    others: Rate = Rate(50, 1)
    publishing: Rate = Rate(10, 3600)
    old_edits: Rate = Rate(3, 20)
    invalid: Rate = Rate(10_000, 600)
    creates: Rate = Rate(200, 86_400)
    identifies: Rate = Rate(1000, 86_400)
    identifying: Rate = Rate(1, 5)
    max_concurrency: int = 1
    gateway_sends: Rate = Rate(120, 60)
    guilds_a_shard: int = 2500
    interaction_deadline: float = 3
    interaction_life: float = 900
    memory: float = 300
    links: float = 86_400
    file_bytes: int = 10 * 2**20
    request_bytes: int = 25 * 2**20
    tolerance: float = 0.05


class Taken(NamedTuple):
    """What is left of a bucket, in real seconds."""

    allowed: bool
    limit: int
    remaining: int
    reset_after: float


@dataclass
class _Window:
    start: float
    used: int = 0


class Meter:
    """Counts in fixed windows that open with the first request."""

    def __init__(self, limits: Limits, clock: Callable[[], float]) -> None:
        self.limits = limits
        self.clock = clock
        self._windows: dict[Hashable, _Window] = {}

    def now(self) -> float:
        """Return the time in Discord's seconds."""
        return self.clock() / self.limits.scale

    def take(self, key: Hashable, rate: Rate, count: int = 1, *, always: bool = False) -> Taken:
        """Take from a bucket; what does not fit takes nothing, unless it is to be counted ``always``."""
        now = self.now()
        window = self._windows.get(key)
        if window is None or self._over(window, rate):
            window = self._windows[key] = _Window(now)
        allowed = window.used + count <= rate.count
        if allowed or always:
            window.used += count
        left = (window.start + rate.seconds - now) * self.limits.scale
        return Taken(allowed, rate.count, max(rate.count - window.used, 0), left)

    def used(self, key: Hashable, rate: Rate) -> int:
        window = self._windows.get(key)
        return 0 if window is None or self._over(window, rate) else window.used

    def _over(self, window: _Window, rate: Rate) -> bool:
        return self.now() - window.start >= rate.seconds * (1 - self.limits.tolerance)


def generous() -> Limits:
    """Return limits that nobody reaches: for what is not about them."""
    plenty = Rate(10**9, 1)
    return Limits(
        everything=plenty,
        routes={},
        others=plenty,
        identifies=plenty,
        identifying=plenty,
        creates=plenty,
        invalid=plenty,
    )
