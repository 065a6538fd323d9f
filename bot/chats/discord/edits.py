"""Edits of old messages, which Discord counts by themselves.

It names no figures (https://github.com/discord/discord-api-docs/issues/4413); 3 in 20 s a channel were observed
(https://github.com/circuitsacul/starboard-4/issues/118). Above that it answers 429 with the code 30046.
"""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Callable
from datetime import timedelta

import discord

OLD = timedelta(hours=1)
MOST = 3
SECONDS = 20.0
#: What must wait if Discord asks an old message's edit to wait: no post, and no edit of a newer one.
LANE = "old messages of {channel}"


def is_old(message: int) -> bool:
    """Tell whether a message is so old, or will be when the request arrives."""
    return discord.utils.utcnow() - discord.utils.snowflake_time(message) > OLD - timedelta(seconds=30)


class OldEdits:
    """Counts them.

    Args:
        clock: Seconds; only differences count.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._made: OrderedDict[int, deque[float]] = OrderedDict()

    def take(self, channel: int) -> float:
        """Note an edit that is made now, and return 0; or return in how many seconds one may be made."""
        now = self._clock()
        made = self._made.setdefault(channel, deque(maxlen=MOST))
        if len(made) == MOST and made[0] + SECONDS > now:
            return made[0] + SECONDS - now
        made.append(now)
        self._made.move_to_end(channel)
        while next(iter(self._made.values()))[-1] + SECONDS < now:
            self._made.popitem(last=False)
        return 0
