"""Exports as chats ask for them: of what they watch, under their names, small enough to be sent."""

from __future__ import annotations

import asyncio
import os
import re
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from bot.domain import SECOND
from bot.domain.outside import without_secrets
from bot.ports.command import Request
from bot.services import periods
from bot.services.context import Services
from bot.services.exporting import Form, TooLarge, View, Written, write
from bot.services.watching import Watched
from storage import chats, exports
from storage.database import Database
from storage.exports import Chosen

#: The most bytes of a file. Telegram: https://core.telegram.org/bots/api#senddocument ; Discord, where nobody has
#: boosted, 10 MiB: https://docs.discord.com/developers/reference#uploading-files .
LIMITS = {"telegram": 50_000_000, "discord": 10_000_000}
_YEAR, _MONTH = re.compile(r"\d{4}"), re.compile(r"\d{4}-\d{2}")
#: Letters and digits of any script, and what is well in a file's name anywhere.
_NO_NAME = re.compile(r"[^\w-]+")
LONGEST_NAME = 40


class Busy(Exception):
    """Another export is being written: one at a time, so that chats have the readers to themselves."""


class Nothing(Exception):
    """There is no session in that time."""


class Parts(Exception):
    """The file would be larger than the chat takes; ``spans`` are parts of it, the newest first."""

    def __init__(self, spans: Sequence[str], limit: int) -> None:
        super().__init__(f"more than {limit} bytes")
        self.spans = tuple(spans)
        self.limit = limit


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A file that is ready; whoever sends it deletes it.

    Attributes:
        name: What readers will call it.
    """

    path: Path
    name: str
    written: Written


_writing: set[str] = set()


async def make(
    services: Services,
    request: Request,
    watched: Sequence[Watched],
    *,
    form: Form,
    period: str,
    zone: str,
    name: str,
    limit: int | None,
) -> Made:
    """Write what a chat watches into a file; admins get the alerts, too, as the chat was told them.

    Args:
        watched: What is wanted; all of it is on the chat's list.
        period: See ``span``.
        zone: Where its days begin.
        name: What the file is about, for its name.
        limit: The most bytes that it may have; None for any number.

    Raises:
        Busy, Nothing, Parts: It cannot be made now, or not as a whole.
        ValueError: The period is none.
    """
    now = services.clock()
    first, until = span(period, now=now, zone=zone)
    chosen = Chosen(watch_ids=tuple(sorted(one.watch.id for one in watched)), first=first, until=until)
    async with services.database.read() as connection:
        if not (await exports.sums(connection, chosen)).sessions:
            raise Nothing
        chat = await chats.find(connection, platform=request.platform, key=request.chat)
    view = View(
        names={one.watch.id: one.name for one in watched},
        address=without_secrets,
        alerts_of=chat.id if chat is not None and request.is_admin else None,
    )
    with _alone(services.database):
        path = await asyncio.to_thread(_new_file)
        try:
            written = await write(
                services.database, path, form=form, chosen=chosen, now=now, view=view, limit=limit
            )
        except TooLarge:
            assert limit is not None
            raise Parts(await _parts(services.database, chosen, period, zone), limit) from None
    about = _NO_NAME.sub("-", name).strip("-")[:LONGEST_NAME] or "milepost"
    when = "" if period == "all" else f"-{_iso_day(first, zone) if period in periods.PERIODS else period}"
    return Made(path=path, name=f"{about}{when}-{form}.zip", written=written)


def span(period: str, *, now: int, zone: str) -> tuple[int | None, int | None]:
    """Return from when until when a period is: one of ``periods.PERIODS``, or 2026, 2026-05, 2026-05-03.

    Raises:
        ValueError: It is none.
    """
    if period in periods.PERIODS:
        return periods.began(period, now=now, zone=zone), None
    if _YEAR.fullmatch(period):
        bounds = (f"{period}-01-01", f"{int(period) + 1:04}-01-01")
    elif _MONTH.fullmatch(period):
        year, month = int(period[:4]), int(period[5:])
        bounds = (f"{period}-01", f"{year + month // 12:04}-{month % 12 + 1:02}-01")
    else:
        bounds = (period, period)
    first, last = (periods.day(day, zone=zone) for day in bounds)
    if first is None or last is None:
        raise ValueError(period)
    return first[0], first[1] if bounds[0] == bounds[1] else last[0]


def is_period(word: str) -> bool:
    """Tell whether a word is a period."""
    try:
        span(word.casefold(), now=0, zone="UTC")
    except ValueError:
        return False
    return True


async def _parts(database: Database, chosen: Chosen, period: str, zone: str) -> list[str]:
    """Return the months in which there is something; of a month the days."""
    letters = len("2026-05-03") if _MONTH.fullmatch(period) or period in {"week", "month"} else len("2026-05")
    if len(period) == len("2026-05-03") or period == "today":
        return []
    found: Counter[str] = Counter()
    async with database.read() as connection:
        async for page in exports.begins(connection, chosen):
            found.update(_iso_day(begin, zone)[:letters] for begin, _ in page)
    return sorted(found, reverse=True)


def _iso_day(at: int | None, zone: str) -> str:
    try:
        where = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return datetime.fromtimestamp((at or 0) / SECOND, UTC).date().isoformat()
    return datetime.fromtimestamp((at or 0) / SECOND, where).date().isoformat()


def _new_file() -> Path:
    descriptor, path = tempfile.mkstemp(prefix="milepost-", suffix=".zip")
    os.close(descriptor)
    return Path(path)


@contextmanager
def _alone(database: Database) -> Iterator[None]:
    if database.url in _writing:
        raise Busy
    _writing.add(database.url)
    try:
        yield
    finally:
        _writing.discard(database.url)
