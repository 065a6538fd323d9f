"""A Kick on loopback that answers as its documents and clients say, and refuses what Kick refuses.

https://docs.kick.com. Where accounts say different things of Kick (an unknown slug), the server can do either.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar

from aiohttp import web

from tests.servers.accounts import AccountServer, running

CLIENT_ID, SECRET = "01KICKCLIENT", "s3cret"
MOST_STREAMS, MOST_CHANNELS = 100, 50


@dataclass
class KickServer(AccountServer):
    """Accounts, what they stream, and all that was asked.

    Attributes:
        breaking: Ids that make a whole question for streams fail with 400.
        unknown_fails: Whether an unknown account fails the question for channels and users, or is left out.
    """

    first: ClassVar[int] = 123
    lifetime: int = 7_200
    breaking: set[str] = field(default_factory=set)
    unknown_fails: bool = True

    @property
    def settings(self) -> dict[str, str]:
        return {
            "KICK_CLIENT_ID": CLIENT_ID,
            "KICK_CLIENT_SECRET": SECRET,
            "KICK_API_URL": self.root,
            "KICK_AUTH_URL": self.root,
        }

    def shown(self, id_: str, name: str) -> dict[str, Any]:
        return stream(id_, name)

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.path == "/oauth/token":
            return await self._grant(request)
        self.asked.append((request.path, list(request.query.items())))
        if self.instead is not None:
            return await self.instead(request)
        if request.headers.get("Authorization", "").removeprefix("Bearer ") not in self.valid:
            return web.json_response({"data": {}, "message": "Unauthorized"}, status=401)
        match request.path:
            case "/public/v1/channels":
                return self._channels(request)
            case "/public/v1/users":
                return self._users(request)
            case "/public/v1/users/livestreams":
                return self._livestreams(request)
        return web.json_response({"data": {}, "message": "Not Found"}, status=404)

    async def _grant(self, request: web.BaseRequest) -> web.StreamResponse:
        self.tokens += 1
        form = await request.post()
        if self.grants is not None:
            return await self.grants(request)
        if form.get("grant_type") != "client_credentials":
            return web.json_response({"error": "unsupported_grant_type"}, status=400)
        if (form.get("client_id"), form.get("client_secret")) != (CLIENT_ID, SECRET):
            return web.json_response({"error": "invalid_client"}, status=401)
        token = f"token{self.tokens}"
        self.valid.add(token)
        return web.json_response({"access_token": token, "expires_in": self.lifetime, "token_type": "Bearer"})

    def _channels(self, request: web.BaseRequest) -> web.Response:
        ids, slugs = request.query.getall("broadcaster_user_id", []), request.query.getall("slug", [])
        if len(ids) > MOST_CHANNELS or len(slugs) > MOST_CHANNELS or (ids and slugs):
            return refused()
        found = [(id_, slug) for id_, slug in self.names.items() if id_ in ids or slug in slugs]
        if len(found) < len(ids) + len(slugs) and self.unknown_fails:
            return refused()
        return listing([channel(id_, slug) for id_, slug in found])

    def _users(self, request: web.BaseRequest) -> web.Response:
        ids = request.query.getall("id", [])
        found = [(id_, slug) for id_, slug in self.names.items() if id_ in ids]
        if len(found) < len(ids) and self.unknown_fails:
            return refused()
        return listing([{"user_id": int(id_), "name": slug, "profile_picture": ""} for id_, slug in found])

    def _livestreams(self, request: web.BaseRequest) -> web.Response:
        ids = request.query.getall("user_id", [])
        if not 1 <= len(ids) <= MOST_STREAMS or not all(re.fullmatch(r"\d+", one) for one in ids):
            return refused()
        if self.breaking & set(ids):
            return refused()
        return listing([one for id_, one in self.streams.items() if id_ in ids])


def listing(items: list[dict[str, Any]]) -> web.Response:
    return web.json_response({"data": items, "message": "OK"})


def refused() -> web.Response:
    return web.json_response({"data": {}, "message": "Invalid request"}, status=400)


def channel(id_: str, slug: str) -> dict[str, Any]:
    return {
        "broadcaster_user_id": int(id_),
        "slug": slug,
        "channel_description": "",
        "banner_picture": "",
        "stream_title": "hello",
        "category": {"id": 15, "name": "Just Chatting", "thumbnail": ""},
        "stream": {
            "is_live": False,  # it cannot be relied on
            "is_mature": False,
            "key": "",
            "language": "",
            "start_time": "0001-01-01T00:00:00Z",
            "thumbnail": "",
            "url": "",
            "viewer_count": 0,
        },
    }


def stream(id_: str, slug: str) -> dict[str, Any]:
    return {
        "id": f"01KB0Q2J8V6B0T6ZJ3M0Q4W{id_}",
        "broadcaster_user": {
            "id": int(id_),
            "username": slug.title(),
            "profile_picture": "https://example.invalid/p.webp",
        },
        "channel": {"slug": slug},
        "category": {"id": 15, "name": "Just Chatting", "thumbnail": "https://example.invalid/c.webp"},
        "has_mature_content": False,
        "language_code": "en",
        "started_at": "2026-11-22T14:00:14Z",
        "tags": ["irl"],
        "thumbnail": "https://example.invalid/t.webp",
        "title": "hello",
        "viewer_count": 812,
    }


@asynccontextmanager
async def kick() -> AsyncIterator[KickServer]:
    async with running(KickServer()) as server:
        yield server
