"""A Twitch on loopback that answers as documented, and refuses what Twitch refuses.

https://dev.twitch.tv/docs/api/reference, https://dev.twitch.tv/docs/authentication
"""

from __future__ import annotations

import json
import re
import time
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import formatdate
from http import HTTPStatus
from typing import Any, ClassVar

from aiohttp import web

from tests.servers.accounts import AccountServer, running
from tests.servers.pages import Behaviour

CLIENT_ID, SECRET = "client0id", "s3cret"
MOST, FIRST_UNLESS_SAID, MOST_SEGMENTS = 100, 20, 25
BUCKET, WINDOW_SECONDS = 800, 60


@dataclass
class TwitchServer(AccountServer):
    """Accounts, what they stream, and all that was asked.

    Attributes:
        validity: What is answered to who asks whether a token holds, in place of the truth; ``looks`` counts them.
        points: What is left of the bucket.
        refill_at: When there is more, in seconds since 1970.
        schedules: What accounts have announced, by id.
    """

    first: ClassVar[int] = 140_000_000
    lifetime: int = 5_011_271
    validity: Behaviour | None = None
    looks: int = 0
    points: int = BUCKET
    refill_at: int = 0
    schedules: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    @property
    def settings(self) -> dict[str, str]:
        return {
            "TWITCH_CLIENT_ID": CLIENT_ID,
            "TWITCH_CLIENT_SECRET": SECRET,
            "TWITCH_API_URL": f"{self.root}/helix",
            "TWITCH_AUTH_URL": f"{self.root}/oauth2",
        }

    def shown(self, id_: str, name: str) -> dict[str, Any]:
        return stream(id_, name)

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.path == "/oauth2/token":
            return await self._grant(request)
        if request.path == "/oauth2/validate":
            self.looks += 1
            if self.validity is not None:
                return await self.validity(request)
            known = request.headers.get("Authorization", "").removeprefix("OAuth ") in self.valid
            return web.json_response({"client_id": CLIENT_ID}) if known else error(401, "invalid access token")
        self.asked.append((request.path, list(request.query.items())))
        if self.instead is not None:
            return await self.instead(request)
        if request.headers.get("Authorization", "").removeprefix("Bearer ") not in self.valid:
            return error(401, "Invalid OAuth token")
        if request.headers.get("Client-Id") != CLIENT_ID:
            return error(401, "Client ID and OAuth token do not match")
        return self._limited(request)

    async def _grant(self, request: web.BaseRequest) -> web.StreamResponse:
        self.tokens += 1
        form = await request.post()
        if self.grants is not None:
            return await self.grants(request)
        if request.method != "POST" or form.get("grant_type") != "client_credentials":
            return error(400, "missing grant type")
        if form.get("client_id") != CLIENT_ID:
            return error(400, "invalid client")
        if form.get("client_secret") != SECRET:
            return error(403, "invalid client secret")
        token = f"token{self.tokens}"
        self.valid.add(token)
        return web.json_response({"access_token": token, "expires_in": self.lifetime, "token_type": "bearer"})

    def _limited(self, request: web.BaseRequest) -> web.Response:
        """Take a point of the bucket (https://dev.twitch.tv/docs/api/guide/#twitch-rate-limits)."""
        reset = self.refill_at or int(time.time()) + WINDOW_SECONDS
        enough, self.points = self.points > 0, max(0, self.points - 1)
        response = self._api(request) if enough else error(429, "Too Many Requests")
        response.headers["Ratelimit-Limit"] = str(BUCKET)
        response.headers["Ratelimit-Remaining"] = str(self.points)
        response.headers["Ratelimit-Reset"] = str(reset)
        response.headers["Date"] = formatdate(usegmt=True)
        return response

    def _api(self, request: web.BaseRequest) -> web.Response:
        if request.path == "/helix/users":
            return self._users(request)
        if request.path == "/helix/streams":
            return self._streams(request)
        if request.path == "/helix/schedule":
            return self._schedule(request)
        return error(404, "Not Found")

    def announce(self, id_: str, starts_at: int, /, **fields: object) -> str:
        """Announce a stream of an account at a moment (milliseconds); return the id of the segment."""
        one = segment(id_, starts_at) | fields
        self.schedules.setdefault(id_, []).append(one)
        return str(one["id"])

    def _schedule(self, request: web.BaseRequest) -> web.Response:
        ids, first = request.query.getall("broadcaster_id", []), int(request.query.get("first", "20"))
        if len(ids) != 1 or not 1 <= first <= MOST_SEGMENTS:
            return error(400, "The parameter was malformed.")
        if ids[0] not in self.schedules:
            return error(404, "segments were not found")
        segments = sorted(self.schedules[ids[0]], key=lambda one: str(one["start_time"]))[:first]
        data = {
            "segments": segments or None,
            "broadcaster_id": ids[0],
            "broadcaster_name": self.names[ids[0]].title(),
            "broadcaster_login": self.names[ids[0]],
            "vacation": None,
        }
        return web.json_response({"data": data, "pagination": {}})

    def _users(self, request: web.BaseRequest) -> web.Response:
        ids, logins = request.query.getall("id", []), request.query.getall("login", [])
        if not 1 <= len(ids) + len(logins) <= MOST:
            return error(400, "Must provide an ID, Login or OAuth Token.")
        if not all(re.fullmatch(r"\d+", one) for one in ids):
            return error(400, "Invalid user ID")
        if not all(re.fullmatch(r"\w{1,25}", one, re.ASCII) for one in logins):
            return error(400, "Invalid username(s), email(s), or ID(s). Bad Identifiers.")
        found = [user(id_, login) for id_, login in self.names.items() if id_ in ids or login in logins]
        return web.json_response({"data": found})

    def _streams(self, request: web.BaseRequest) -> web.Response:
        ids = request.query.getall("user_id", [])
        first = int(request.query.get("first", FIRST_UNLESS_SAID))
        if not 1 <= first <= MOST or len(ids) > MOST:
            return error(400, "The parameter was malformed: at most 100.")
        shown = [one for id_, one in self.streams.items() if id_ in ids]
        shown.sort(key=lambda one: str(one.get("viewer_count")), reverse=True)
        pagination = {"cursor": "eyJiIjp7"} if len(shown) > first else {}
        return web.json_response({"data": shown[:first], "pagination": pagination})


def error(status: int, message: str) -> web.Response:
    body = {"error": HTTPStatus(status).phrase, "status": status, "message": message}
    return web.Response(status=status, text=json.dumps(body), content_type="application/json")


def user(id_: str, login: str) -> dict[str, Any]:
    return {
        "id": id_,
        "login": login,
        "display_name": login.title(),
        "type": "",
        "broadcaster_type": "partner",
        "description": "",
        "profile_image_url": "https://example.invalid/p.png",
        "offline_image_url": "",
        "created_at": "2016-12-14T20:32:28Z",
    }


def stream(id_: str, login: str) -> dict[str, Any]:
    return {
        "id": f"4095{id_}",
        "user_id": id_,
        "user_login": login,
        "user_name": login.title(),
        "game_id": "509658",
        "game_name": "Just Chatting",
        "type": "live",
        "title": "hi",
        "tags": ["English"],
        "viewer_count": 1490,
        "started_at": "2026-11-22T14:00:14Z",
        "language": "en",
        "thumbnail_url": "https://example.invalid/{width}x{height}.jpg",
        "tag_ids": [],
        "is_mature": False,
    }


def segment(id_: str, starts_at: int) -> dict[str, Any]:
    start = datetime.fromtimestamp(starts_at / 1_000, tz=UTC)
    year, week, _ = start.isocalendar()
    code = json.dumps({"segmentID": f"{id_}-{starts_at}", "isoYear": year, "isoWeek": week}).encode()
    return {
        "id": b64encode(code).decode(),
        "start_time": start.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "end_time": (start + timedelta(hours=2)).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "title": "Friday chess",
        "canceled_until": None,
        "category": {"id": "743", "name": "Chess"},
        "is_recurring": True,
    }


@asynccontextmanager
async def twitch() -> AsyncIterator[TwitchServer]:
    async with running(TwitchServer()) as server:
        yield server
