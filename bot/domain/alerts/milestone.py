"""A rung of a ladder was reached by a session's high-water mark, so it cannot flap."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence

from bot.domain import HOUR, LARGEST_FIGURE
from bot.domain.alert import Alert
from bot.domain.measure import MARK_OF
from bot.domain.session import Rose

KIND = "milestone"
_IN_DOUBT = re.compile(r"\d{1,3}(\.\d{3})+", re.ASCII)
WORTH = HOUR

#: 10, 25, 50, 100, 250, 500, 1,000, 2,500 ...
DEFAULT_LADDER: tuple[float, ...] = tuple(
    rung for power in range(1, 16) for rung in (10**power, 25 * 10 ** (power - 1), 5 * 10**power)
)
#: Of the default ladder a chat hears what is at least this part of the watch's best earlier value.
HEARD_FROM = 0.1


def rung(
    ladder: Sequence[float] | None, *, before: float | None, after: float, best: float | None
) -> float | None:
    """Return the highest rung that a rise of the mark reached, if the chat hears it.

    Args:
        ladder: Rising thresholds; None for the default ladder.
        before: The mark before the rise; None for a jump from nothing.
        after: The mark after it.
        best: The watch's best earlier value, below a tenth of which the default ladder is silent.
    """
    rungs = DEFAULT_LADDER if ladder is None else ladder
    place = bisect_right(rungs, after)
    if place == 0:
        return None
    reached = rungs[place - 1]
    if before is not None and reached <= before:
        return None
    if ladder is None and best is not None and reached < best * HEARD_FROM:
        return None
    return reached


def next_rung(ladder: Sequence[float] | None, *, above: float) -> float | None:
    """Return the first rung above a figure, or None at the top of the ladder."""
    rungs = DEFAULT_LADDER if ladder is None else ladder
    place = bisect_right(rungs, above)
    return rungs[place] if place < len(rungs) else None


def passed(
    points: Iterable[tuple[int, float]], ladder: Sequence[float] | None, *, best: float | None
) -> tuple[tuple[int, float], ...]:
    """Return the (moment, rung) of the rungs that a figure passed; of several at once the highest.

    Args:
        points: (moment, figure), in order of time.
        best: The watch's best earlier value.
    """
    mark: float | None = None
    told = []
    for at, value in points:
        if mark is not None and value <= mark:
            continue
        reached = rung(ladder, before=mark, after=value, best=best)
        mark = value
        if reached is not None:
            told.append((at, reached))
    return tuple(told)


def parse_ladder(words: Sequence[str]) -> tuple[float, ...]:
    """Read thresholds as people type them: ``100 250 1,000 5k 1.5m``.

    Raises:
        ValueError: A word is no positive number; the message is the word.
    """
    rungs = {_threshold(word) for text in words for word in text.replace(";", " ").split()}
    return tuple(sorted(rungs))


def _threshold(word: str) -> float:
    text = word.strip().lower().strip(",").replace(",", "").replace("_", "")
    if _IN_DOUBT.fullmatch(text):  # 44.000 is forty-four in some countries, and thousands in others
        raise ValueError(word)
    scale = {"k": 1_000, "m": 1_000_000}.get(text[-1:], 1)
    try:
        value = float(text[:-1] if scale > 1 else text) * scale
    except ValueError:
        raise ValueError(word) from None
    if not 0 < value <= LARGEST_FIGURE:
        raise ValueError(word)
    return int(value) if value.is_integer() else value


def alert(change: Rose) -> Alert:
    """Tell that a mark rose past a rung of somebody's ladder."""
    measure = MARK_OF[change.metric]
    return Alert(
        kind=KIND,
        session=change.session,
        at=change.at,
        key=f"{KIND}:{measure}:{change.after:.17g}",
        measure=measure,
        before=change.before,
        value=change.after,
        late=change.late,
    )
