"""Quiet hours of a chat: from when to when on its own clocks, and what becomes of each kind of alert meanwhile."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from bot.domain import MINUTE
from bot.domain.sentence import N_

#: Why something was left out.
QUIET_HOURS = N_("quiet hours")

_DAY_MINUTES = 24 * 60
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MINUTE = timedelta(minutes=1)


class Mode(StrEnum):
    """What becomes of an alert in quiet hours."""

    HOLD = "hold"  # it comes in the morning's digest, if it is worth telling then
    SILENT = "silent"  # it comes at once, without a sound, and calls nobody
    DROP = "drop"  # it does not come at all
    SEND = "send"  # it comes as ever


@dataclass(frozen=True, slots=True, kw_only=True)
class Quiet:
    """A chat's quiet hours.

    Attributes:
        begins, ends: Minutes after midnight, on the clocks of the chat's zone; they may span midnight.
        usual: What becomes of kinds that have no mode of their own.
        modes: The kinds that have one.
    """

    begins: int
    ends: int
    usual: Mode = Mode.HOLD
    modes: Mapping[str, Mode] = field(default_factory=dict)

    def mode(self, kind: str) -> Mode:
        """Return what becomes of a kind of alert."""
        return self.modes.get(kind, self.usual)

    def until(self, now: int, zone: ZoneInfo) -> int | None:
        """Return when the quiet hours end in which a moment lies, in milliseconds; None if it lies in none.

        Where clocks are set back within them, they begin at the first of two equal times and end at the last;
        times that a day skips are those at which it goes on.
        """
        today = (_EPOCH + timedelta(milliseconds=now)).astimezone(zone).date()
        for day in (today - timedelta(days=1), today, today + timedelta(days=1)):
            last = day + timedelta(days=1) if self.ends <= self.begins else day
            begins = _moment(day, self.begins, zone, last=False)
            ends = _moment(last, self.ends, zone, last=True)
            if begins <= now < ends:
                return ends
        return None

    def text(self) -> str:
        """Return it as it is kept with the chat."""
        modes = {kind: mode.value for kind, mode in sorted(self.modes.items())}
        return json.dumps({"begins": self.begins, "ends": self.ends, "usual": self.usual.value, "modes": modes})


def read(text: str | None) -> Quiet | None:
    """Read what ``Quiet.text`` wrote; None where a chat has no quiet hours."""
    if text is None:
        return None
    kept = json.loads(text)
    modes = {kind: Mode(mode) for kind, mode in kept["modes"].items()}
    return Quiet(begins=kept["begins"], ends=kept["ends"], usual=Mode(kept["usual"]), modes=modes)


def zone_of(name: str | None) -> ZoneInfo:
    """Return the zone on whose clocks a chat's quiet hours are; UTC where it chose none that there is."""
    try:
        return ZoneInfo(name or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


def _moment(day: date, minutes: int, zone: ZoneInfo, *, last: bool) -> int:
    """Return when clocks show a time of a day: the first or last of two, or where the day goes on after it."""
    shown = datetime(day.year, day.month, day.day, tzinfo=zone) + timedelta(minutes=minutes % _DAY_MINUTES)
    found = shown.replace(fold=int(last)).astimezone(UTC)
    if found.astimezone(zone).replace(tzinfo=None) != shown.replace(tzinfo=None):  # skipped
        found = shown.replace(fold=0).astimezone(UTC)
        offset = found.astimezone(zone).utcoffset()
        while (found - _MINUTE).astimezone(zone).utcoffset() == offset:
            found -= _MINUTE
    return round((found - _EPOCH) / _MINUTE) * MINUTE
