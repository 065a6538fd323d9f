"""Which sources do not answer: told once when it begins and once when it ends.

Of a platform that answers for many watches in one call it is one outage, however many watches wait on it; of any
other address each watch has its own.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

import structlog

from bot.domain import SECOND
from bot.domain.reading import Failure, Trouble
from bot.pipeline.backoff import LONGEST
from storage.watches import Watch

log = structlog.get_logger(__name__)

#: What concerns the watch alone, also on a platform that is asked for many at once.
OWN = {Trouble.DENIED, Trouble.GONE}


@dataclass(slots=True)
class _Outage:
    """Since when, and when each watch that waits on it was last tried."""

    since: int
    watches: dict[int, int] = field(default_factory=dict)


class Outages:
    """Keeps who waits on what.

    Args:
        together: The sources that answer for many watches in one call.
    """

    def __init__(self, together: Collection[str]) -> None:
        self._together = together
        self._known: dict[str | int, _Outage] = {}

    def failed(self, watch: Watch, failure: Failure, *, of_all: bool) -> None:
        """Note that a watch could not be read.

        Args:
            of_all: What went wrong concerns all that was asked.
        """
        whole = watch.source in self._together and of_all
        key = watch.source if whole else watch.id
        own = self._known.pop(watch.id, None) if whole else None  # its own outage has become everybody's
        if not whole:
            self._left(watch, watch.source, failure.at)
        outage = self._known.get(key)
        if outage is None:
            since = watch.trouble_since if watch.trouble_since is not None else failure.at
            outage = self._known[key] = _Outage(since)
            if watch.trouble is None or own is not None:  # else it was told before a restart
                named = {} if whole else {"watch": watch.id}
                log.warning("a source cannot be read", source=watch.source, why=_why(failure), **named)
        outage.watches[watch.id] = failure.at

    def answered(self, watch: Watch, at: int) -> None:
        """Note that a watch was read."""
        if watch.trouble is not None and watch.source not in self._known and watch.id not in self._known:
            log.info("a source answers again", source=watch.source, watch=watch.id)  # it failed before a restart
        self._left(watch, watch.source, at)
        self._left(watch, watch.id, at)

    def _left(self, watch: Watch, key: str | int, at: int) -> None:
        outage = self._known.get(key)
        if outage is None or watch.id not in outage.watches:
            return
        del outage.watches[watch.id]
        # Who was not tried for long is watched no more.
        if not any(at - tried <= 2 * LONGEST for tried in outage.watches.values()):
            del self._known[key]
            named = {} if key == watch.source else {"watch": watch.id}
            seconds = round((at - outage.since) / SECOND)
            log.info("a source answers again", source=watch.source, seconds=seconds, **named)


def _why(failure: Failure) -> str:
    return failure.told
