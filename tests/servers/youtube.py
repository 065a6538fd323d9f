"""The YouTube Data API v3 on loopback: what the bot uses of it, and what it refuses.

https://developers.google.com/youtube/v3/docs: parts, ids and results a call, units, and errors in the envelope
that Google's services share. What is not documented (whether a video that is not there is left out, whether an
empty list is written) is as others have seen it.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from bot.domain import SECOND
from tests.servers.pages import Behaviour, Pages, serving

KEY = "AIza-test-key"
MOST_IDS, MOST_RESULTS = 50, 50
PARTS = {
    "videos": {"id", "liveStreamingDetails", "snippet", "statistics"},
    "channels": {"id", "contentDetails", "snippet"},
    "playlistItems": {"id", "contentDetails", "snippet"},
}


class Refused(Exception):
    def __init__(self, status: int, reason: str, message: str = "No.", /, **more: Any) -> None:
        super().__init__(reason)
        self.status, self.reason, self.message, self.more = status, reason, message, more


def refusal(status: int, reason: str, message: str = "No.", /, **more: Any) -> web.Response:
    errors = [{"message": message, "domain": "global", "reason": reason}]
    error = {"code": status, "message": message, "errors": errors, **more}
    return web.json_response({"error": error}, status=status)


def stamp(at: int) -> str:
    return datetime.fromtimestamp(at / SECOND, tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def video_id(number: int) -> str:
    return f"vid{number:08d}"


def channel_id(number: int) -> str:
    return f"UC{number:022d}"


@dataclass
class Channel:
    id: str
    handle: str
    title: str
    user: str | None = None
    #: The newest first.
    uploads: list[str] = field(default_factory=list)

    @property
    def playlist(self) -> str:
        return f"UU{self.id[2:]}"


@dataclass
class YouTube:
    """A platform with channels and videos that a test makes.

    Attributes:
        calls: How often each method was called.
        asked: The ids of each call of ``videos.list``.
        units: What is left of the day's units.
        broken: Behaviours in place of an answer, by method, playlist or video id.
    """

    pages: Pages
    channels: dict[str, Channel] = field(default_factory=dict)
    videos: dict[str, dict[str, Any]] = field(default_factory=dict)
    calls: Counter[str] = field(default_factory=Counter)
    asked: list[list[str]] = field(default_factory=list)
    units: int = 1_000_000
    broken: dict[str, Behaviour] = field(default_factory=dict)

    @property
    def api(self) -> str:
        return f"{self.pages.url}/youtube/v3"

    # --- what happens on it -------------------------------------------------------------------------------

    def channel(self, handle: str, *, title: str | None = None, user: str | None = None) -> Channel:
        one = Channel(channel_id(len(self.channels) + 1), handle, title or handle.title(), user)
        self.channels[one.id] = one
        return one

    def upload(self, channel: Channel, **snippet: Any) -> str:
        """Put an ordinary video up."""
        id_ = video_id(len(self.videos) + 1)
        self.videos[id_] = {
            "kind": "youtube#video",
            "id": id_,
            "snippet": {
                "channelId": channel.id,
                "channelTitle": channel.title,
                "title": f"Video {id_}",
                "liveBroadcastContent": "none",
                **snippet,
            },
            "statistics": {"viewCount": "100", "favoriteCount": "0"},
        }
        channel.uploads.insert(0, id_)
        return id_

    def announce(self, channel: Channel, at: int) -> str:
        id_ = self.upload(channel, liveBroadcastContent="upcoming")
        self.videos[id_]["liveStreamingDetails"] = {"scheduledStartTime": stamp(at)}
        return id_

    def start(self, channel: Channel, at: int, viewers: object = 42, *, video: str | None = None) -> str:
        """Go live, in a new video or one that was announced."""
        id_ = video or self.upload(channel)
        self.videos[id_]["snippet"]["liveBroadcastContent"] = "live"
        details = self.videos[id_].setdefault("liveStreamingDetails", {})
        details["actualStartTime"] = stamp(at)
        details["activeLiveChatId"] = "chat"
        self.show(id_, viewers)
        return id_

    def show(self, id_: str, viewers: object) -> None:
        """Let a number of viewers show; None for one that is hidden."""
        details = self.videos[id_]["liveStreamingDetails"]
        details.pop("concurrentViewers", None)
        if viewers is not None:
            details["concurrentViewers"] = str(viewers) if isinstance(viewers, int) else viewers

    def end(self, id_: str, at: int) -> None:
        self.videos[id_]["snippet"]["liveBroadcastContent"] = "none"
        details = self.videos[id_]["liveStreamingDetails"]
        details["actualEndTime"] = stamp(at)
        details.pop("concurrentViewers", None)
        details.pop("activeLiveChatId", None)

    def delete(self, id_: str) -> None:
        for channel in self.channels.values():
            if id_ in channel.uploads:
                channel.uploads.remove(id_)
        del self.videos[id_]

    # --- what it answers ----------------------------------------------------------------------------------

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        method = request.path.rpartition("/")[2]
        self.calls[method] += 1
        try:
            return await self._answer(request, method)
        except Refused as refused:
            return refusal(refused.status, refused.reason, refused.message, **refused.more)

    async def _answer(self, request: web.BaseRequest, method: str) -> web.StreamResponse:
        query = request.query
        given = request.headers.get("X-Goog-Api-Key")
        assert KEY not in str(request.rel_url), "a key in an address ends in somebody's log"
        if given is None:
            raise Refused(
                403, "forbidden", "Method doesn't allow unregistered callers.", status="PERMISSION_DENIED"
            )
        if given != KEY:
            details = [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}]
            message = "API key not valid. Please pass a valid API key."
            raise Refused(400, "badRequest", message, status="INVALID_ARGUMENT", details=details)
        if self.units < 1:
            raise Refused(403, "quotaExceeded", "You have exceeded your quota.")
        self.units -= 1
        for name in (method, query.get("playlistId", ""), *query.get("id", "").split(",")):
            if name in self.broken:
                return await self.broken[name](request)
        if method == "search":
            raise Refused(403, "quotaExceeded", "search.list has 100 calls a day.")
        if method not in PARTS or not request.path.startswith("/youtube/v3/"):
            return web.Response(status=404, text="<title>Error 404 (Not Found)!!1</title>")
        parts = set(filter(None, query.get("part", "").split(",")))
        if not parts:
            raise Refused(400, "missingRequiredParameter")
        if parts - PARTS[method]:
            raise Refused(400, "unknownPart")
        items = {"videos": self._videos, "channels": self._channels, "playlistItems": self._items}[method](query)
        kind = f"youtube#{method.removesuffix('s')}ListResponse"
        answer: dict[str, Any] = {"kind": kind, "etag": "e"}
        if items or method != "channels":
            answer["items"] = [{key: one[key] for key in one if key in parts | {"id", "kind"}} for one in items]
        answer["pageInfo"] = {"totalResults": len(items), "resultsPerPage": len(items)}
        return web.Response(body=json.dumps(answer).encode(), content_type="application/json")

    def _videos(self, query: Mapping[str, str]) -> list[dict[str, Any]]:
        ids = query.get("id", "").split(",")
        if not query.get("id"):
            raise Refused(400, "missingRequiredParameter")
        if len(ids) > MOST_IDS:
            raise Refused(400, "invalidValue", f"More than {MOST_IDS} ids.")
        assert len(set(ids)) == len(ids), "an id that is asked twice is paid for and brings nothing"
        self.asked.append(ids)
        return [self.videos[id_] for id_ in ids if id_ in self.videos]

    def _channels(self, query: Mapping[str, str]) -> list[dict[str, Any]]:
        filters = [name for name in ("id", "forHandle", "forUsername") if name in query]
        if len(filters) != 1:
            raise Refused(400, "incompatibleParameters" if filters else "missingRequiredParameter")
        value = query[filters[0]]

        def fits(one: Channel) -> bool:
            match filters[0]:
                case "forHandle":
                    return one.handle.lower() == value.removeprefix("@").lower()
                case "forUsername":
                    return one.user is not None and one.user.lower() == value.lower()
                case _:
                    return one.id in value.split(",")

        return [
            {
                "kind": "youtube#channel",
                "id": one.id,
                "snippet": {"title": one.title, "customUrl": f"@{one.handle.lower()}"},
                "contentDetails": {"relatedPlaylists": {"likes": "", "uploads": one.playlist}},
            }
            for one in self.channels.values()
            if fits(one)
        ]

    def _items(self, query: Mapping[str, str]) -> list[dict[str, Any]]:
        most = int(query.get("maxResults", "5"))
        if not 0 <= most <= MOST_RESULTS:
            raise Refused(400, "invalidValue")
        playlist = query.get("playlistId")
        channel = next((one for one in self.channels.values() if one.playlist == playlist), None)
        if channel is None or not channel.uploads:
            raise Refused(404, "playlistNotFound", "The playlist cannot be found.")
        return [
            {"kind": "youtube#playlistItem", "id": f"item-{id_}", "contentDetails": {"videoId": id_}}
            for id_ in channel.uploads[:most]
        ]


@asynccontextmanager
async def youtube() -> AsyncIterator[YouTube]:
    async with serving() as pages:
        server = YouTube(pages)
        pages.answer = server.handle
        yield server
