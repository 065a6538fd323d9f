"""What a reader sees of a live card, and whether it has changed enough for an edit."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from bot.domain import HOUR, MINUTE
from bot.domain.session import Session

#: The figure at once has changed for a reader when it moved by this part, and by at least one.
MOVED = 0.02
#: The length of the session is told anew after so long, though nothing else has changed.
STEP = 5 * MINUTE
#: How far back the small curve looks, and of how many bars it is made.
CURVE = 3 * HOUR
FEWEST_BARS, BARS = 3, 12
LEVELS = "▁▂▃▄▅▆▇█"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """The facts on a card.

    Attributes:
        now: The last confirmed figure at once.
        step: How many steps of airtime have passed.
        rung: The last rung passed.
        records: How many records the session holds.
        over: It is the recap.
    """

    now: float | None
    peak: float | None
    in_all: float | None
    step: int
    rung: float | None
    records: int
    title: str | None
    gone: bool
    trouble: bool
    over: bool

    def text(self) -> str:
        """Return it as it is kept."""
        return json.dumps(asdict(self), ensure_ascii=False)


def read(text: str | None) -> Shown | None:
    """Read what was kept, or None."""
    return None if text is None else Shown(**json.loads(text))


def of(session: Session, *, rung: float | None, records: int, trouble: bool, at: int) -> Shown:
    """Return what a reader sees of a session now."""
    tally = session.tally
    first = at if tally.first_at is None else tally.first_at
    return Shown(
        now=None if tally.now is None else tally.now[0],
        peak=tally.peak,
        in_all=next((one for one in (tally.tuned_in, tally.views, tally.posts) if one is not None), None),
        step=max(0, at - first) // STEP if session.is_live else 0,
        rung=rung,
        records=records,
        title=session.title,
        gone=session.gone_at is not None,
        trouble=trouble,
        over=not session.is_live,
    )


def differs(before: Shown | None, after: Shown) -> bool:
    """Tell whether a reader would notice the change; a figure that trembles is none."""
    if before is None:
        return True
    a, b = asdict(before), asdict(after)
    now, then = a.pop("now"), b.pop("now")
    in_all, since = a.pop("in_all"), b.pop("in_all")
    return a != b or _moved(now, then) or _moved(in_all, since)


def _moved(before: float | None, after: float | None) -> bool:
    if before is None or after is None:
        return before is not after
    return abs(after - before) >= max(1.0, MOVED * abs(before))


def curve(points: Sequence[tuple[int, float]], *, first: int, last: int, interval: int) -> str:
    """Return a figure's course as a line of bars, the highest in each stretch; a stretch without one is a space.

    Args:
        points: (moment, figure), in order of time.
        first, last: The moments at which the curve begins and ends.
        interval: Between readings: a bar stands for two of them or more, else gaps would be shown that are none.
    """
    count = min(BARS, (last - first) // (2 * interval))
    if count < FEWEST_BARS:
        return ""
    bars: list[float | None] = [None] * count
    for at, value in points:
        if first <= at <= last:
            place = min((at - first) * count // (last - first), count - 1)
            bars[place] = max(value, bars[place] or 0.0)
    top = max((one for one in bars if one is not None), default=0.0)
    return "".join(" " if one is None else _level(one, top) for one in bars).rstrip()


def _level(value: float, top: float) -> str:
    return LEVELS[0] if top <= 0 else LEVELS[min(int(value / top * len(LEVELS)), len(LEVELS) - 1)]
