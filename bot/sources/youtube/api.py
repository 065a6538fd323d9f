"""Calls of the YouTube Data API: what each costs, and what a refusal means."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from bot.domain import SECOND
from bot.domain.sentence import N_
from bot.ports.purse import Purse
from bot.ports.source import Denied, Garbage, RateLimited, SourceError, Unavailable
from bot.sources.kit import Kit
from bot.sources.web import Page, wait_of
from bot.sources.youtube.addresses import Target
from bot.sources.youtube.answers import (
    LONGEST_NUMERAL,
    NEWEST,
    Channel,
    Video,
    channel_of,
    fields_of,
    uploads_of,
    videos_of,
)

API = "https://www.googleapis.com/youtube/v3"
DAILY_UNITS = 10_000
#: Ids that one call of ``videos.list`` takes.
MOST_IDS = 50
#: Where YouTube's day of units begins: https://developers.google.com/youtube/v3/getting-started#quota
ZONE = ZoneInfo("America/Los_Angeles")

#: Reasons that a refusal gives: https://developers.google.com/youtube/v3/docs/errors, and what Google's services
#: share (https://cloud.google.com/apis/design/errors); the exact bodies are not documented.
SPENT = frozenset({"quotaExceeded", "dailyLimitExceeded", "dailyLimitExceededUnreg"})
TOO_FAST = frozenset({"rateLimitExceeded", "userRateLimitExceeded", "RATE_LIMIT_EXCEEDED"})
NOT_THERE = frozenset(
    {
        *("playlistNotFound", "playlistItemsNotAccessible", "channelNotFound", "videoNotFound", "notFound"),
        *("channelClosed", "channelSuspended", "channelForbidden"),
    }
)
KEY_WORDS = re.compile(r"api[ _]?key|keyInvalid|keyExpired", re.IGNORECASE)


class Missing(SourceError):
    """YouTube has no such thing."""


class Spent(RateLimited):
    """The day's units are used up."""


class KeyRefused(Denied):
    """YouTube does not take the bot's key: that concerns every watch."""


class Api:
    """The API with the operator's key, and the purse of its units."""

    def __init__(self, kit: Kit) -> None:
        self._kit = kit
        self._root = kit.address("YOUTUBE_API_URL", API)
        units = units_of(kit.settings.get("YOUTUBE_DAILY_UNITS", ""))
        self.purse = Purse(unit="units", limit=DAILY_UNITS if units is None else units, day_of=day_of)

    def needs(self) -> None:
        """Refuse to go on without a key.

        Raises:
            NotAllowed: It is not set.
        """
        self._kit.needs("YouTube", "YOUTUBE_API_KEY")

    async def channel(self, target: Target, now: int) -> Channel | None:
        """Ask for a channel; None if YouTube knows none.

        ``forUsername`` knows the old names of ``/user/`` links; nothing knows those of ``/c/``.
        """
        by = {"handle": "forHandle", "user": "forUsername", "channel": "id"}[target.kind]
        value = f"@{target.value}" if target.kind == "handle" else target.value
        try:
            data = await self.get("channels", now, part="snippet,contentDetails", **{by: value})
        except Missing:
            return None
        return channel_of(data)

    async def uploads(self, playlist: str, now: int) -> tuple[str, ...]:
        """Ask for a channel's newest uploads.

        Raises:
            Missing: There is no such playlist, as with a channel that has never uploaded anything.
        """
        data = await self.get(
            "playlistItems", now, part="contentDetails", playlistId=playlist, maxResults=str(NEWEST)
        )
        return uploads_of(data)

    async def videos(self, ids: Sequence[str], now: int) -> dict[str, Video]:
        """Ask about up to 50 videos (``videos_of``)."""
        part = "liveStreamingDetails,snippet,statistics"
        return videos_of(await self.get("videos", now, part=part, id=",".join(ids)), ids)

    async def get(self, path: str, now: int, **params: str) -> Any:
        """Call the API for one unit and return its JSON.

        The key travels in a header (https://cloud.google.com/docs/authentication/api-keys-use), so that no
        address of a log or an error can hold it.

        Raises:
            RateLimited: The day's units are used up, or YouTube asks to wait.
            SourceError: YouTube refuses, or is out of order.
        """
        key = self._kit.settings.get("YOUTUBE_API_KEY", "").strip()
        if not (key.isascii() and key.isprintable() and key):
            raise KeyRefused(N_("YOUTUBE_API_KEY is no key: its operator copies it again."))
        if not self.purse.affords(now, 1):
            raise self._spent(now)
        self.purse.charge(now, 1)
        page = await self._kit.web.get(
            f"{self._root}/{path}", params=params, headers={"X-Goog-Api-Key": key}, guard=False, judge=False
        )
        if page.status == 200:
            return page.json()
        error = refusal(page, of_one=path == "playlistItems")
        if isinstance(error, Spent):
            # Others may use the same key: what YouTube says counts, not our own sums.
            self.purse.shut(now)
            raise self._spent(now)
        raise error

    def _spent(self, now: int) -> Spent:
        spent = self.purse.spent(now)
        if spent.shut:
            return Spent(
                N_(
                    "YouTube says that the day's units are used up (we counted {amount}); there are new "
                    "ones at midnight in California."
                ),
                amount=spent.amount,
                retry_after=max(self.purse.resets_at(now) - now, SECOND),
            )
        return Spent(
            N_(
                "The {limit} units that YouTube gives a day are used up; there are new ones at "
                "midnight in California."
            ),
            limit=self.purse.limit,
            retry_after=max(self.purse.resets_at(now) - now, SECOND),
        )


def day_of(now: int) -> tuple[int, int]:
    """Return when YouTube's day of a moment began and when the next one begins: midnight in California."""
    begun = datetime.fromtimestamp(now / SECOND, tz=ZONE).replace(
        hour=0, minute=0, second=0, microsecond=0, fold=0
    )
    # Adding a day to a local time keeps the hour on the clock, however long that day is.
    return round(begun.timestamp() * SECOND), round((begun + timedelta(days=1)).timestamp() * SECOND)


def refusal(page: Page, *, of_one: bool) -> SourceError:
    """Say what an answer that is not 200 means.

    Args:
        of_one: The question was about one channel, which may be what is refused.
    """
    reasons = _reasons(page)
    if page.status in {403, 429} and reasons & SPENT:
        return Spent(N_("YouTube's units of today are used up."))
    if page.status == 429 or (page.status == 403 and reasons & TOO_FAST):
        return RateLimited(N_("YouTube asks us to wait."), retry_after=wait_of(page.headers))
    if page.status in {403, 404} and reasons & NOT_THERE:
        return Missing("YouTube has no such thing.")
    if page.status == 403 and of_one and "forbidden" in reasons:
        return Denied(N_("YouTube does not show the uploads of this channel to everybody."))
    if page.status in {401, 403} or (page.status == 400 and any(map(KEY_WORDS.search, reasons))):
        return KeyRefused(
            N_(
                "YouTube does not take the bot's key: its operator checks YOUTUBE_API_KEY, that the "
                "key is not restricted to others, and that the YouTube Data API v3 is enabled for its "
                "project."
            )
        )
    if page.status >= 500:
        return Unavailable(N_("YouTube is out of order (HTTP {status})."), status=page.status)
    return Garbage(N_("YouTube answered HTTP {status} instead of data."), status=page.status)


def _reasons(page: Page) -> frozenset[str]:
    """Collect every word of an error that may say why: Google's services put it in several places."""
    try:
        error = fields_of(fields_of(page.json(frozenset({page.status}))).get("error"))
    except Garbage:
        return frozenset()
    lists = [error.get("errors"), error.get("details")]
    rows = [fields_of(row) for rows in lists if isinstance(rows, list) for row in rows]
    words = [error.get("status"), error.get("message"), *(row.get("reason") for row in rows)]
    return frozenset(word for word in words if isinstance(word, str))


def units_of(text: str) -> int | None:
    """Read YOUTUBE_DAILY_UNITS; None if it is no number."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= LONGEST_NUMERAL else None
