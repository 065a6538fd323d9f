"""When a video is worth asking about, by what was seen of it before."""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain import DAY, HOUR, MINUTE
from bot.sources.youtube.answers import Found, Video

#: What ended may be back as the same session for so long.
BACK_WITHIN = 6 * MINUTE
#: What is announced is asked about in every interval from so long before its time until so long after it.
DUE_BEFORE, DUE_AFTER = 5 * MINUTE, 30 * MINUTE
#: What is further off than this, or was due longer ago, is asked about once in ANNOUNCED_EVERY[1].
NEAR, FORGOTTEN = 6 * HOUR, DAY
ANNOUNCED_EVERY = 10 * MINUTE, HOUR
#: A video that an answer leaves out is asked about for so long yet: answers have been seen to flicker.
FLICKER = 10 * MINUTE


@dataclass(frozen=True, slots=True)
class Seen:
    """What is kept in mind of a video.

    Attributes:
        asked_at: When YouTube said so last.
        since: When it said so first, without anything else between.
        was_live: It has been seen live before.
    """

    video: Video
    asked_at: int
    since: int
    was_live: bool

    @property
    def found(self) -> Found:
        """What it was."""
        return self.video.found


def _starts_in(seen: Seen, now: int) -> int | None:
    """Return in how long something announced is due, negative for one that is late; None if unknown."""
    reading = seen.video.reading
    return None if reading is None or reading.started_at is None else reading.started_at - now


def is_due(seen: Seen, now: int) -> bool:
    """Tell whether something announced may begin at any moment."""
    left = _starts_in(seen, now)
    return seen.found is Found.SCHEDULED and left is not None and -DUE_AFTER <= left <= DUE_BEFORE


def _ask_announced_at(seen: Seen, now: int) -> int:
    """Return when to ask about something announced: it may be moved, or begin before its time."""
    left = _starts_in(seen, now)
    often, seldom = ANNOUNCED_EVERY
    if left is None:
        return seen.asked_at + often
    at = seen.asked_at + (often if -FORGOTTEN <= left <= NEAR else seldom)
    return min(at, now + left - DUE_BEFORE) if left > DUE_BEFORE else at


def ended_lately(seen: Seen, now: int) -> bool:
    """Tell whether a broadcast ended so lately that it may be back as the same session."""
    return seen.was_live and seen.found in {Found.ENDED, Found.GONE} and now - seen.since < BACK_WITHIN


def due(seen: Seen | None, now: int, *, announced: bool) -> int:
    """Return when a video is worth asking about.

    Args:
        announced: The pipeline knows of it; anything else that is announced is due at once.
    """
    if seen is None or seen.asked_at > now or seen.found is Found.LIVE or is_due(seen, now):
        return now
    if seen.found is Found.SCHEDULED:
        return _ask_announced_at(seen, now) if announced else now
    return now + DAY if seen.video.sure or now - seen.since >= FLICKER else now
