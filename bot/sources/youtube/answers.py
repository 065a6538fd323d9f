"""Answers of the YouTube Data API, read with care: what a video is, what a channel has uploaded.

https://developers.google.com/youtube/v3/docs
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum
from typing import Any

from bot.domain import SECOND
from bot.domain.reading import Reading, State, is_figure, plain
from bot.domain.sentence import N_
from bot.ports.source import Garbage
from bot.sources.youtube.addresses import CHANNEL_ID, HANDLE, VIDEO_ID

#: Uploads of a channel that are looked at; a call costs the same whatever it brings.
NEWEST = 10
PLAYLIST_ID = re.compile(r"[A-Za-z0-9_-]{12,64}")
LONGEST_WORDS = 300
LONGEST_NUMERAL = 20
HIDDEN = "YouTube shows no number of viewers: the creator hides it, or nobody is watching."
ABSURD = "What YouTube gives as the number of viewers is no number."


class Found(Enum):
    """What YouTube said of a video."""

    LIVE = "live"
    SCHEDULED = "scheduled"
    ENDED = "ended"
    #: It was never a broadcast.
    ORDINARY = "ordinary"
    #: It is not there: deleted or private.
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Video:
    """What an answer says of one video.

    Attributes:
        sure: It cannot become anything else.
    """

    found: Found
    reading: Reading | None = None
    channel: str | None = None
    sure: bool = False


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel as ``channels.list`` shows it."""

    id: str
    uploads: str
    title: str | None = None
    handle: str | None = None


def videos_of(data: object, asked: Sequence[str]) -> dict[str, Video]:
    """Read an answer of ``videos.list``.

    A video that it leaves out is gone, unless part of the answer cannot be read, or YouTube counts more than are
    there (``pageInfo.totalResults``): then it is left out here, too, for nobody knows.

    Raises:
        Garbage: It is no such answer.
    """
    videos: dict[str, Video] = {}
    items = _items(data)
    total = fields_of(fields_of(data).get("pageInfo")).get("totalResults", None if not items else len(items))
    damaged = not isinstance(total, int) or isinstance(total, bool) or not 0 <= total <= len(items)
    for item in items:
        id_ = item.get("id") if isinstance(item, dict) else None
        if not isinstance(item, dict) or not isinstance(id_, str) or id_ not in asked:
            damaged = True
            continue
        video = _video(id_, item)
        if video is None:
            damaged = True
        elif id_ not in videos or video.found is Found.LIVE:
            videos[id_] = video
    if damaged:
        return videos
    return {id_: videos.get(id_, Video(Found.GONE)) for id_ in asked}


def uploads_of(data: object) -> tuple[str, ...]:
    """Read an answer of ``playlistItems.list``.

    Raises:
        Garbage: It is no such answer.
    """
    items = _items(data)
    found = [fields_of(fields_of(item).get("contentDetails")).get("videoId") for item in items]
    ids = tuple(dict.fromkeys(id_ for id_ in found if isinstance(id_, str) and VIDEO_ID.fullmatch(id_)))
    if items and not ids:
        raise Garbage(N_("YouTube's list of a channel's uploads names no video."))
    return ids[:NEWEST]


def channel_of(data: object) -> Channel | None:
    """Read an answer of ``channels.list`` about one channel; None if there is none.

    Raises:
        Garbage: It is no such answer.
    """
    items = _items(data)
    if not items:
        return None
    item = fields_of(items[0])
    id_, snippet = item.get("id"), fields_of(item.get("snippet"))
    if not isinstance(id_, str) or not CHANNEL_ID.fullmatch(id_):
        raise Garbage(N_("YouTube's answer about a channel does not name it."))
    uploads = fields_of(fields_of(item.get("contentDetails")).get("relatedPlaylists")).get("uploads")
    if not isinstance(uploads, str) or not PLAYLIST_ID.fullmatch(uploads):
        raise Garbage(N_("YouTube's answer about a channel does not say where its uploads are."))
    handle = snippet.get("customUrl")
    is_handle = isinstance(handle, str) and handle.startswith("@") and HANDLE.fullmatch(handle[1:])
    return Channel(id_, uploads, _words(snippet.get("title")), str(handle)[1:].lower() if is_handle else None)


def _items(data: object) -> list[Any]:
    """Return the items of an answer; they may be left out only where it says that there are none.

    Raises:
        Garbage: It has none, and does not say so.
    """
    answer = fields_of(data)
    items = answer.get("items")
    if items is None and "items" not in answer and fields_of(answer.get("pageInfo")).get("totalResults") == 0:
        return []
    if not isinstance(items, list):
        raise Garbage(N_("YouTube's answer has no list of items."))
    return items


def _video(id_: str, item: Mapping[str, Any]) -> Video | None:
    """Read one video; None if it cannot be told what it is.

    https://developers.google.com/youtube/v3/docs/videos#liveStreamingDetails
    """
    snippet, details = fields_of(item.get("snippet")), fields_of(item.get("liveStreamingDetails"))
    viewers = _count(details.get("concurrentViewers"))
    found, sure = _found(snippet, item, viewers)
    if found is None:
        return None
    owner = snippet.get("channelId")
    channel = owner if isinstance(owner, str) and CHANNEL_ID.fullmatch(owner) else None
    if found is Found.ORDINARY:
        return Video(found, None, channel, sure)
    host = _words(snippet.get("channelTitle"))
    due = _moment(details.get("scheduledStartTime"))
    reading = Reading(
        session=id_,
        state=State(found.value),
        title=_words(snippet.get("title")),
        hosts=(host,) if host else (),
        url=f"https://www.youtube.com/watch?v={id_}",
        views=_count(fields_of(item.get("statistics")).get("viewCount")),
        started_at=due if found is Found.SCHEDULED else _moment(details.get("actualStartTime")),
    )
    if found is Found.LIVE:
        reason = None if viewers is not None else ABSURD if "concurrentViewers" in details else HIDDEN
        reading = replace(reading, concurrent=viewers, reason=reason)
    return Video(found, reading, channel, sure)


def _found(
    snippet: Mapping[str, Any], item: Mapping[str, Any], viewers: float | None
) -> tuple[Found | None, bool]:
    """Tell what a video is, and whether for good."""
    details, says = fields_of(item.get("liveStreamingDetails")), snippet.get("liveBroadcastContent")
    if _moment(details.get("actualEndTime")) is not None:
        return Found.ENDED, True
    if says == "live" or (viewers is not None and says != "upcoming"):
        return Found.LIVE, False
    if says == "upcoming":
        return Found.SCHEDULED, False
    if says == "none":
        # A broadcast without an end that is not on the air: over, or taken back; the end may come later.
        return (Found.ENDED, False) if "liveStreamingDetails" in item else (Found.ORDINARY, True)
    if _moment(details.get("actualStartTime")) is not None:
        return Found.LIVE, False
    return (Found.SCHEDULED if _moment(details.get("scheduledStartTime")) is not None else None), False


def _count(value: object) -> float | None:
    """Read a number of people, which YouTube writes as a string (uint64); None for anything else."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= LONGEST_NUMERAL:
        value = int(value)
    return plain(value) if is_figure(value) and float(value).is_integer() else None


def _moment(value: object) -> int | None:
    """Read an RFC 3339 stamp as milliseconds since 1970."""
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
        at = round(moment.timestamp() * SECOND) if moment is not None and moment.tzinfo else None
    except (ValueError, OverflowError):
        return None
    return at if at is not None and at >= 0 else None


def _words(value: object) -> str | None:
    return value.strip()[:LONGEST_WORDS] or None if isinstance(value, str) else None


def fields_of(value: object) -> dict[str, Any]:
    """Return an object of an answer, empty for whatever is none."""
    return value if isinstance(value, dict) else {}
