"""What came of a call to a source, in one word."""

from __future__ import annotations

from collections.abc import Sequence

from bot.domain.reading import Failure
from bot.ports.source import SourceError, Told

OK = "ok"
#: The source did not answer in the time that a call may take.
TIMED_OUT = "timed_out"
#: The source failed in a way that it should not: a fault of the program.
BROKEN = "broken"


def outcome(told: Sequence[Told], error: Exception | None) -> str:
    """Return the word: that of the error, else that of the first failure where all failed, else ``ok``."""
    if isinstance(error, SourceError):
        return error.trouble.value
    if error is not None:
        return TIMED_OUT if isinstance(error, TimeoutError) else BROKEN
    first = None
    for one in told:  # it ends at the first that answered
        last = one.answers[-1] if one.answers else None
        if not isinstance(last, Failure):
            return OK
        first = first or last
    return OK if first is None else first.trouble.value
