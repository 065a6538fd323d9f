"""What the platforms of accounts on loopback share: who there is, what they stream, and all that was asked."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeVar

from aiohttp import web

from tests.servers.pages import Behaviour, serving


@dataclass
class AccountServer(ABC):
    """A platform of accounts.

    Attributes:
        names: What accounts are called, by id.
        streams: What is shown of those that are live, by id.
        instead: What is answered to every call of the API, in place of the truth.
        grants: What is answered to who wants a token, in place of one.
        lifetime: Seconds that a token lives.
        asked: Path and query of each call; ``tokens`` counts the fetches of tokens.
    """

    #: The id of the first account.
    first: ClassVar[int]
    lifetime: int
    root: str = ""
    names: dict[str, str] = field(default_factory=dict)
    streams: dict[str, dict[str, Any]] = field(default_factory=dict)
    instead: Behaviour | None = None
    grants: Behaviour | None = None
    valid: set[str] = field(default_factory=set)
    tokens: int = 0
    asked: list[tuple[str, list[tuple[str, str]]]] = field(default_factory=list)
    _made: int = 0

    @property
    @abstractmethod
    def settings(self) -> dict[str, str]:
        """What an operator sets to use this platform."""

    @abstractmethod
    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer as the platform does."""

    @abstractmethod
    def shown(self, id_: str, name: str) -> dict[str, Any]:
        """Return how a stream of an account is listed."""

    def calls(self, path: str) -> list[list[tuple[str, str]]]:
        """Return the queries of all calls of a path."""
        return [query for asked, query in self.asked if asked == path]

    def account(self, name: str) -> str:
        """Make an account; return its id."""
        id_ = str(self.first + self._made)
        self._made += 1
        self.names[id_] = name
        return id_

    def live(self, name: str, /, viewers: object = 42, **fields: object) -> str:
        """Put an account on the air; return its id."""
        id_ = next((id_ for id_, one in self.names.items() if one == name), None) or self.account(name)
        self.streams[id_] = self.shown(id_, name) | {"viewer_count": viewers} | fields
        return id_

    def rename(self, id_: str, name: str) -> None:
        """Let an account have another name; its old one is free."""
        self.names[id_] = name
        if id_ in self.streams:
            viewers = self.streams[id_]["viewer_count"]
            self.live(name, viewers)


Server = TypeVar("Server", bound=AccountServer)


@asynccontextmanager
async def running(server: Server) -> AsyncIterator[Server]:
    """Let a platform run on loopback."""
    async with serving(server.answer) as pages:
        server.root = pages.url
        yield server
