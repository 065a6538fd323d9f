"""Takes in a table of old figures: sessions that are marked as imported, each with where it is from."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import tzinfo
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from bot.domain import SECOND
from bot.domain.reading import State
from bot.domain.session import local_day
from bot.domain.statistics import Tally
from bot.services.importing import plain
from bot.services.importing.asked import How, Refused, Report
from bot.services.importing.find import find
from bot.services.importing.plain import Old, Wrong
from storage import imports, watches
from storage.imports import Import
from storage.sheets import TALLY, TALLY_PREFIX

#: So many rows are written at once.
SESSIONS_AT_ONCE = 500


async def take(work: Import, path: Path, how: How, report: Report) -> None:
    """Take a table in.

    Raises:
        Refused: Nobody said whose figures these are, or that is not watched.
        plain.NotATable: The file is none.
        OSError: It cannot be read.
    """
    if how.watch is None:
        raise Refused("Say whose figures these are: --watch ADDRESS.")
    watch = await find(work.connection, how.watch)
    zone = how.zone or ZoneInfo(watch.timezone)
    text = plain.decoded(await asyncio.to_thread(path.read_bytes))
    table = await asyncio.to_thread(plain.read, text, zone=zone, now=how.now)
    report.left_out = table.left_out
    for one in table.wrong:
        report.refuse(*_told(one))
    observed = await imports.observed(work.connection, watch.id)
    wanted = []
    for old in table.sessions:
        if _was_observed(old, observed, zone):
            report.observed.append(old.line)
        else:
            wanted.append((watch.id, _row(old, watch, origin=how.source or path.name)))
    for start in range(0, len(wanted), SESSIONS_AT_ONCE):
        taken = await work.sessions(wanted[start : start + SESSIONS_AT_ONCE], renew=True)
        report.sessions.update(one.outcome for one in taken)


def _told(one: Wrong) -> tuple[str, str]:
    return f"line {one.line}", one.why


def _was_observed(old: Old, observed: Iterable[tuple[int, int]], zone: tzinfo) -> bool:
    """Tell whether we saw this session ourselves: our figures stand, and it must not count twice."""
    if old.day is not None:
        return any(local_day(first, zone) <= old.day <= local_day(last, zone) for first, last in observed)
    end = old.first_at + (old.length or 0)
    return any(first <= end and old.first_at <= last for first, last in observed)


def _row(old: Old, watch: watches.Watch, *, origin: str) -> dict[str, Any]:
    """Return a line as a row of the sheet of sessions.

    Its tally holds only what is known: no average, for that would need to know how much of it was covered; and no
    time of the peak. The average itself stands among the measures.
    """
    last_at = old.first_at + (old.length or 0)
    tally = Tally(
        first_at=old.first_at,
        last_at=last_at,
        peak=old.peak,
        tuned_in=old.tuned_in,
        views=old.views,
        posts=old.posts,
        tuned_in_high=old.tuned_in,
        views_high=old.views,
        posts_high=old.posts,
    )
    return {
        "platform": watch.platform,
        "public": watch.public,
        "state": State.ENDED.value,
        "platform_ids": [plain.key_of(old)],
        "title": old.title,
        "hosts": [],
        "url": old.link,
        "started_at": old.first_at if old.day is None else None,
        "gone_at": None,
        "ended_at": last_at,
        "ends": 1,
        "daily": False,
        "first_at": old.first_at,
        "peak": old.peak,
        "peak_at": None,
        "average": old.average,
        "tuned_in": old.tuned_in,
        "views": old.views,
        "posts": old.posts,
        "airtime": None if old.length is None else old.length / SECOND,
        "coverage": None,
        "origin": origin,
        **{f"{TALLY_PREFIX}{column.name}": getattr(tally, column.name) for column in TALLY},
    }
