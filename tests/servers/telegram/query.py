"""A request as the Bot API reads it, and its refusals."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from aiohttp import web

from tests.servers.telegram.entities import Json


class Refused(Exception):
    """The answer is an error, in the documented shape."""

    def __init__(self, code: int, description: str, **parameters: int) -> None:
        super().__init__(description)
        self.code, self.description, self.parameters = code, description, parameters

    def response(self) -> web.Response:
        body: Json = {"ok": False, "error_code": self.code, "description": self.description}
        if self.parameters:
            body["parameters"] = self.parameters
        wait = self.parameters.get("retry_after")
        return web.json_response(
            body, status=self.code, headers={} if wait is None else {"Retry-After": str(wait)}
        )


def bad(description: str, **parameters: int) -> Refused:
    return Refused(HTTPStatus.BAD_REQUEST, f"Bad Request: {description}", **parameters)


def forbidden(description: str) -> Refused:
    return Refused(HTTPStatus.FORBIDDEN, f"Forbidden: {description}")


def conflict(description: str) -> Refused:
    return Refused(HTTPStatus.CONFLICT, f"Conflict: {description}")


def too_many(seconds: int) -> Refused:
    description = f"Too Many Requests: retry after {seconds}"
    return Refused(HTTPStatus.TOO_MANY_REQUESTS, description, retry_after=seconds)


@dataclass(frozen=True)
class Upload:
    name: str
    mime: str
    content: bytes


@dataclass
class Query:
    """The parameters of a method; whatever their encoding was, they are texts."""

    method: str
    params: dict[str, str] = field(default_factory=dict)
    files: dict[str, Upload] = field(default_factory=dict)

    @classmethod
    async def read(cls, request: web.Request, method: str) -> Query:
        """Read GET and POST; urlencoded, multipart and JSON. The first of two equal names counts."""
        query = cls(method)
        for name, value in request.query.items():
            query.params.setdefault(name, value)
        if request.content_type == "application/json":
            try:
                given = json.loads(await request.read() or b"{}")
            except ValueError:
                given = None
            if not isinstance(given, dict):
                raise bad("can't parse JSON object")
            for name, value in given.items():
                query.params.setdefault(name, value if isinstance(value, str) else json.dumps(value))
        elif request.method == "POST":
            for name, part in (await request.post()).items():
                if isinstance(part, web.FileField):
                    with part.file:
                        query.files.setdefault(name, Upload(part.filename, part.content_type, part.file.read()))
                else:
                    query.params.setdefault(name, str(part))
        return query

    def text(self, name: str) -> str:
        return self.params.get(name, "")

    def number(self, name: str, default: int = 0) -> int:
        try:
            return int(self.text(name))
        except ValueError:
            return default

    def flag(self, name: str) -> bool:
        return self.text(name).lower() in {"true", "yes", "1"}

    def json(self, name: str, what: str) -> Any:
        """Read a parameter in JSON; None if it is not there."""
        if not self.text(name):
            return None
        try:
            return json.loads(self.text(name))
        except ValueError:
            raise bad(f"can't parse {what} JSON object") from None
