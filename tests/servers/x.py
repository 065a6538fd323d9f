"""The X API v2 on loopback, as its documents have it: shapes, limits, quotas, prices, errors.

https://docs.x.com/x-api/fundamentals/rate-limits, https://docs.x.com/x-api/getting-started/pricing, OpenAPI 2.167.
No answer of the real API was seen; where the documents disagree, ``only_spec`` chooses.
"""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import formatdate
from typing import Any

from aiohttp import web

from tests.servers.pages import Behaviour, Pages, serving

TOKEN = "AAAA-bearer-s3cret"
NOW = 1_795_360_546_000  # 2026-11-22T15:15:46Z
SECOND, MINUTE, DAY = 1_000, 60_000, 86_400_000
WINDOW_SECONDS = 900
MOST_CALLS = 300

USERS, SPACES, CREATORS, COUNTS = "/2/users/by", "/2/spaces", "/2/spaces/by/creator_ids", "/2/tweets/counts/recent"
SPEC_FIELDS = {
    *("created_at", "ended_at", "id", "is_ticketed", "lang", "participant_count", "scheduled_start", "started_at"),
    *("state", "subscriber_count", "title", "updated_at"),
}
PEOPLE_FIELDS = {"creator_id", "host_ids", "speaker_ids", "invited_user_ids"}
DEFAULT_FIELDS = {"id", "state"}
PROBLEMS = "https://api.x.com/2/problems"


class Wrong(Exception):
    """A request that X refuses with HTTP 400."""

    def __init__(self, parameter: str, message: str) -> None:
        super().__init__(message)
        self.parameter = parameter


@dataclass
class XServer:
    """A running server.

    Attributes:
        now: What its clock says, in milliseconds.
        users: By handle in lower case.
        spaces: By id, all fields.
        shut: Ids of Spaces that this app may not see.
        posts: How many posts a hashtag has in the minute that begins at a moment.
        only_spec: Refuse fields and expansions that the specification does not have.
        no_expansions: Refuse those, too.
        paced: Refuse a second call for creators within a second, by a real clock.
        page_of: How many minutes one page of counts holds; the newest page comes first.
        answers: What a path answers instead, whatever it is asked.
        broken: What is answered instead to a question for a hashtag.
        asked: Path and query of each request.
        charged: USD with de-duplication, and without.
    """

    now: int = NOW
    users: dict[str, dict[str, Any]] = field(default_factory=dict)
    spaces: dict[str, dict[str, Any]] = field(default_factory=dict)
    shut: set[str] = field(default_factory=set)
    posts: Callable[[str, int], int] = lambda tag, at: 1
    only_spec: bool = False
    no_expansions: bool = False
    paced: bool = False
    page_of: int | None = None
    answers: dict[str, Behaviour] = field(default_factory=dict)
    broken: dict[str, Behaviour] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    charged: float = 0.0
    charged_at_most: float = 0.0
    pages: Pages = field(default_factory=Pages)
    calls: Counter[str] = field(default_factory=Counter)
    last_creators: float = 0.0
    paid: set[tuple[int, str]] = field(default_factory=set)

    @property
    def url(self) -> str:
        return self.pages.url

    def user(self, handle: str, name: str | None = None) -> str:
        """Add an account and return its id."""
        id_ = str(1_500_000_000_000_000_001 + len(self.users))
        self.users[handle.lower()] = {"id": id_, "username": handle, "name": name or handle.title()}
        return id_

    def space(self, creator: str = "1500000000000000001", figure: object = 1284, **more: object) -> str:
        """Add a live Space and return its id."""
        id_ = f"1{len(self.spaces):012d}"
        self.spaces[id_] = {
            "id": id_,
            "state": "live",
            "title": f"Talk {len(self.spaces)}",
            "creator_id": creator,
            "host_ids": [creator],
            "speaker_ids": [creator],
            "participant_count": figure,
            "subscriber_count": 310,
            "scheduled_start": "2026-11-22T15:00:00.000Z",
            "started_at": "2026-11-22T15:00:41.000Z",
            **more,
        }
        if figure is None:
            del self.spaces[id_]["participant_count"]
        return id_

    def paths(self) -> list[str]:
        return [path for path, _ in self.asked]

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        path = request.path
        self.asked.append((path, dict(request.query)))
        if path in self.answers:
            return await self.answers[path](request)
        if request.query.get("query") in self.broken:
            return await self.broken[request.query["query"]](request)
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return self.say({"title": "Unauthorized", "type": "about:blank", "status": 401}, 401)
        self.calls[path] += 1
        quick = self.paced and path == CREATORS and time.monotonic() - self.last_creators < 1
        if self.calls[path] > MOST_CALLS or quick:
            return self.say(
                {"title": "Too Many Requests", "type": f"{PROBLEMS}/rate-limit-exceeded", "status": 429}, 429, path
            )
        if path == CREATORS:
            self.last_creators = time.monotonic()
        parts = {USERS: self._users, SPACES: self._spaces, CREATORS: self._creators, COUNTS: self._counts}
        if path not in parts:
            return self.say({"title": "Not Found", "type": "about:blank", "status": 404}, 404)
        try:
            return self.say(parts[path](dict(request.query)), 200, path)
        except Wrong as wrong:
            errors = [{"parameters": {wrong.parameter: ["..."]}, "message": str(wrong)}]
            problem = {"title": "Invalid Request", "type": f"{PROBLEMS}/invalid-request", "errors": errors}
            return self.say(problem | {"detail": "One or more parameters to your request was invalid."}, 400, path)

    def say(self, body: object, status: int, path: str = "") -> web.Response:
        reset = self.now // SECOND // WINDOW_SECONDS * WINDOW_SECONDS + WINDOW_SECONDS
        headers = {
            "Content-Type": "application/json" if status == 200 else "application/problem+json",
            "Date": formatdate(self.now / SECOND, usegmt=True),
            "x-rate-limit-limit": str(MOST_CALLS),
            "x-rate-limit-remaining": str(max(0, MOST_CALLS - self.calls[path])),
            "x-rate-limit-reset": str(reset),
        }
        return web.Response(text=json.dumps(body), status=status, headers=headers)

    def _charge(self, price: float, things: list[str]) -> None:
        for one in things:
            self.charged_at_most += price
            if (self.now // DAY, one) not in self.paid:
                self.paid.add((self.now // DAY, one))
                self.charged += price

    def _users(self, query: dict[str, str]) -> dict[str, Any]:
        names = listed(query, "usernames", r"[A-Za-z0-9_]{1,15}")
        only(query, {"usernames", "user.fields"})
        found = [self.users[one.lower()] for one in names if one.lower() in self.users]
        missing = [one for one in names if one.lower() not in self.users]
        self._charge(0.010, [f"user:{one['id']}" for one in found])
        errors = [not_found("user", "usernames", one) for one in missing]
        return ({"data": found} if found else {}) | ({"errors": errors} if errors else {})

    def _spaces(self, query: dict[str, str]) -> dict[str, Any]:
        ids = listed(query, "ids", r"[a-zA-Z0-9]{1,13}")
        only(query, {"ids", "space.fields", "expansions", "user.fields"})
        fields = self._fields(query)
        found = [self.spaces[one] for one in ids if one in self.spaces and one not in self.shut]
        errors = [not_found("space", "ids", one) for one in ids if one not in self.spaces]
        errors += [
            not_found("space", "ids", one) | {"type": f"{PROBLEMS}/not-authorized-for-resource", "title": "No"}
            for one in ids
            if one in self.shut
        ]
        answer = self._answer(found, fields, query)
        return answer | ({"errors": errors} if errors else {})

    def _creators(self, query: dict[str, str]) -> dict[str, Any]:
        ids = listed(query, "user_ids", r"[0-9]{1,19}")
        only(query, {"user_ids", "space.fields", "expansions", "user.fields"})
        fields = self._fields(query)
        found = [one for one in self.spaces.values() if one["creator_id"] in ids and one["state"] != "ended"]
        return self._answer(found, fields, query) | {"meta": {"result_count": len(found)}}

    def _fields(self, query: dict[str, str]) -> set[str]:
        asked = set(query.get("space.fields", "").split(",")) - {""}
        expanded = set(query.get("expansions", "").split(",")) - {""}
        allowed = SPEC_FIELDS if self.only_spec else SPEC_FIELDS | PEOPLE_FIELDS
        for name in asked - allowed:
            raise Wrong("space.fields", f"The `space.fields` query parameter value [{name}] is not one of [...]")
        if self.no_expansions and expanded:
            raise Wrong("expansions", "The `expansions` query parameter is not one of [...]")
        return DEFAULT_FIELDS | asked | expanded

    def _answer(self, found: list[dict[str, Any]], fields: set[str], query: dict[str, str]) -> dict[str, Any]:
        self._charge(0.005, [f"space:{one['id']}" for one in found])
        data = [{key: value for key, value in one.items() if key in fields} for one in found]
        if not found or "creator_id" not in query.get("expansions", ""):
            return {"data": data} if data else {}
        creators = {one["creator_id"] for one in found}
        users = [one for one in self.users.values() if one["id"] in creators]
        self._charge(0.010, [f"user:{one['id']}" for one in users])
        return {"data": data, "includes": {"users": users}}

    def _counts(self, query: dict[str, str]) -> dict[str, Any]:
        only(query, {"query", "granularity", "start_time", "next_token"})
        size = {"minute": MINUTE, "hour": 60 * MINUTE, "day": DAY}.get(query.get("granularity", "hour"))
        if size is None:
            raise Wrong("granularity", "The `granularity` query parameter value is not one of [minute,hour,day]")
        tag = query.get("query", "")
        if not 1 <= len(tag) <= 512 or re.fullmatch(r"#\d+", tag):
            raise Wrong("query", "There were errors processing your request: no viable alternative")
        start = at_of(query["start_time"]) if "start_time" in query else self.now - 7 * DAY
        newest = self.now - 30 * SECOND
        if start < self.now - 7 * DAY:
            raise Wrong("start_time", "Invalid 'start_time': it must be on or after 7 days ago.")
        if start >= newest:
            raise Wrong("start_time", "Invalid 'start_time': it must be before 'end_time'.")
        self._charge(0.005, [f"request:{len(self.asked)}"])
        begins = list(range(start - start % size, newest, size))
        begins[0] = start
        page, token = begins, None
        if self.page_of is not None:
            left = int(query["next_token"]) if "next_token" in query else len(begins)
            page, token = begins[max(0, left - self.page_of) : left], left - self.page_of
        data = [self._bucket(tag, begin, min(begin - begin % size + size, newest)) for begin in page]
        meta: dict[str, Any] = {"total_tweet_count": sum(one["tweet_count"] for one in data)}
        if token is not None and token > 0:
            meta["next_token"] = str(token)
        return {"data": data, "meta": meta}

    def _bucket(self, tag: str, start: int, end: int) -> dict[str, Any]:
        whole = sum(self.posts(tag, at) for at in range(start, end - MINUTE + 1, MINUTE))
        half = self.posts(tag, end - end % MINUTE) // 2 if end % MINUTE else 0
        return {"start": stamp(start), "end": stamp(end), "tweet_count": whole + half}


def listed(query: dict[str, str], name: str, pattern: str) -> list[str]:
    values = query.get(name, "").split(",")
    if not 1 <= len(values) <= 100:
        raise Wrong(name, f"The number of values in the `{name}` query parameter [{len(values)}] is not 1..100")
    for one in values:
        if not re.fullmatch(pattern, one):
            raise Wrong(name, f"The `{name}` query parameter value [{one}] does not match ^{pattern}$")
    return values


def only(query: dict[str, str], names: set[str]) -> None:
    for one in set(query) - names:
        raise Wrong(one, f"The query parameter [{one}] is not one of {sorted(names)}")


def not_found(what: str, parameter: str, value: str) -> dict[str, Any]:
    return {
        "resource_type": what,
        "resource_id": value,
        "parameter": parameter,
        "value": value,
        "title": "Not Found Error",
        "detail": f"Could not find {what} with {parameter}: [{value}].",
        "type": f"{PROBLEMS}/resource-not-found",
    }


def stamp(at: int) -> str:
    return datetime.fromtimestamp(at / SECOND, tz=UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def at_of(text: str) -> int:
    if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", text):
        raise Wrong("start_time", "Invalid 'start_time'")
    return round(datetime.fromisoformat(text).timestamp() * SECOND)


@asynccontextmanager
async def x_server() -> AsyncIterator[XServer]:
    """Start a server that answers."""
    server = XServer()
    async with serving(server.handle) as pages:
        server.pages = pages
        yield server
