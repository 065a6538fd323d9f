"""Asking a platform in the name of an application: Twitch and Kick.

The application's own token (client credentials, https://www.rfc-editor.org/rfc/rfc6749#section-4.4) lives in the
memory of the process, with its expiry. It is fetched when a call first needs it, anew before it runs out, and
once more when the platform refuses it; however many calls want one at the same time, one fetch serves them all.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace

from bot.domain import HOUR, SECOND
from bot.domain.reading import is_figure
from bot.domain.sentence import N_
from bot.ports.purse import Purse, utc_day
from bot.ports.source import Denied, Garbage, RateLimited, SourceError, Unavailable
from bot.sources.kit import Kit
from bot.sources.web import Page, Query, wait_of

#: A token is given up so many seconds before it runs out: a call under way must not find it expired.
MARGIN = 60
#: Seconds that a token is taken to live where the platform does not say.
USUAL_LIFE = HOUR // SECOND
#: Seconds that a token is used between two looks at whether it still holds, for a platform that asks for them.
BETWEEN_LOOKS = HOUR // SECOND
#: What may stand in a header. Anything else in place of a token is none.
TOKEN = re.compile(r"[\x21-\x7e]{1,4096}")
#: What a token endpoint answers to a client that it does not know, or a wrong secret (RFC 6749, section 5.2;
#: Twitch says 403 to a wrong secret).
REFUSALS = frozenset({400, 401, 403})
COUNT = re.compile(r"\d{1,9}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """Where and how a platform is asked.

    Attributes:
        name: As people write it.
        prefix: Its settings are ``<prefix>_CLIENT_ID``, ``_CLIENT_SECRET``, ``_API_URL`` and ``_AUTH_URL``.
        api: The root of its API, unless set.
        auth: The root of the address that gives tokens, unless set.
        grant: What follows it, where tokens are given.
        id_header: Where each call names the application as well, or None.
        validates: Whether it wants tokens looked at each hour, at ``<auth>/validate``.
        wait_of: Milliseconds to wait by the headers of a 429.
    """

    name: str
    prefix: str
    api: str
    auth: str
    grant: str = "/token"
    id_header: str | None = None
    validates: bool = False
    wait_of: Callable[[Mapping[str, str]], int | None] = wait_of


@dataclass(frozen=True, slots=True)
class _Token:
    """A token; moments in seconds of the monotonic clock."""

    text: str
    ends: float
    looked_at: float


class Application:
    """Calls to one platform, with the application's token.

    Args:
        clock: Seconds that only ever grow.
    """

    def __init__(self, kit: Kit, platform: Platform, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._kit = kit
        self._platform = platform
        self._clock = clock
        prefix = platform.prefix
        self._id_name, self._secret_name = f"{prefix}_CLIENT_ID", f"{prefix}_CLIENT_SECRET"
        self._api = kit.address(f"{prefix}_API_URL", platform.api)
        self._auth = kit.address(f"{prefix}_AUTH_URL", platform.auth)
        self._token: _Token | None = None
        self._lock = asyncio.Lock()
        #: Fetches that came to an end, and the error of the last one.
        self._fetches = 0
        self._error: SourceError | None = None
        #: Calls are free: they are counted, and nothing is spared.
        self.purse = Purse(unit="calls", limit=None, day_of=utc_day)
        self._calls = 0

    @contextmanager
    def counted(self, now: int) -> Iterator[None]:
        """Charge the purse for the calls that are made meanwhile."""
        try:
            yield
        finally:
            calls, self._calls = self._calls, 0
            if calls:
                self.purse.charge(now, calls)

    @property
    def has_keys(self) -> bool:
        """Whether the operator has set both keys."""
        return all(self._kit.settings.get(name) for name in (self._id_name, self._secret_name))

    def needs_keys(self) -> None:
        """Refuse to do anything without the operator's keys.

        Raises:
            bot.ports.source.NotAllowed: One of them is not set.
        """
        self._kit.needs(self._platform.name, self._id_name, self._secret_name)

    async def check(self) -> str | None:
        """Return what is wrong with the keys; without any, the platform is simply not used."""
        absent = [name for name in (self._id_name, self._secret_name) if not self._kit.settings.get(name)]
        if len(absent) == 1:
            (other,) = {self._id_name, self._secret_name} - set(absent)
            return f"{self._platform.name} needs {absent[0]} beside {other}: set both, or neither."
        if absent:
            return None
        try:
            await self._valid()
        except SourceError as error:
            return str(error)
        return None

    async def get(self, path: str, params: Query) -> Page:
        """Ask; every status is a page but 401, 403, 429 and 5xx.

        Raises:
            SourceError: In words for an admin, without keys.
        """
        self.needs_keys()
        token = await self._valid()
        page = await self._ask(path, params, token)
        if page.status == 401:
            if self._token is token:  # else another call has seen to it
                self._token = None
            page = await self._ask(path, params, await self._valid())
        self._judge(page)
        return page

    async def _ask(self, path: str, params: Query, token: _Token) -> Page:
        headers = {"Authorization": f"Bearer {token.text}"}
        if self._platform.id_header is not None:
            headers[self._platform.id_header] = self._kit.settings[self._id_name]
        self._calls += 1
        page = await self._kit.web.get(
            f"{self._api}{path}", params=params, headers=headers, guard=False, judge=False
        )
        left, limit = (page.headers.get(name, "").strip() for name in ("Ratelimit-Remaining", "Ratelimit-Limit"))
        if COUNT.fullmatch(left) and COUNT.fullmatch(limit):
            self.purse.points = int(left), int(limit)
        return page

    def _judge(self, page: Page) -> None:
        """Raise what a status means, whatever was asked."""
        name = self._platform.name
        if page.status == 401:
            raise self._refused()
        if page.status == 403:
            raise Denied(N_("{name} does not let this bot see that (HTTP 403)."), name=name)
        if page.status == 429:
            raise RateLimited(
                N_("{name} asks us to wait (HTTP 429)."),
                name=name,
                retry_after=self._platform.wait_of(page.headers),
            )
        if page.status >= 500:
            raise Unavailable(N_("{name} is out of order (HTTP {status})."), name=name, status=page.status)

    def _refused(self) -> Denied:
        return Denied(
            N_("{name} does not take this bot's key: its operator checks {id_name} and {secret_name}."),
            name=self._platform.name,
            id_name=self._id_name,
            secret_name=self._secret_name,
        )

    async def _valid(self) -> _Token:
        """Return a token that holds, as far as is known.

        Raises:
            SourceError: There is none to be had; who waited for the same fetch hears the same.
        """
        if (token := self._held()) is not None:
            return token
        fetches = self._fetches
        async with self._lock:
            if (token := self._held()) is not None:
                return token
            if self._fetches != fetches and self._error is not None:
                raise self._error
            token = await self._looked_at()
            if token is None:
                token = await self._fetched()
            self._token = token
            return token

    def _held(self) -> _Token | None:
        """Return the token at hand, if nothing is to be done about it."""
        token, now = self._token, self._clock()
        if token is None or now >= token.ends:
            return None
        due = self._platform.validates and now >= token.looked_at + BETWEEN_LOOKS
        return None if due else token

    async def _looked_at(self) -> _Token | None:
        """Ask whether the token at hand still holds; None if it does not, or there is none.

        https://dev.twitch.tv/docs/authentication/validate-tokens: applications look each hour. One that cannot be
        looked at now is used on: a call will show.
        """
        token = self._token
        if token is None or self._clock() >= token.ends:
            return None
        headers = {"Authorization": f"OAuth {token.text}"}
        try:
            page = await self._kit.web.get(f"{self._auth}/validate", headers=headers, guard=False, judge=False)
        except SourceError:
            return replace(token, looked_at=self._clock())
        return None if page.status == 401 else replace(token, looked_at=self._clock())

    async def _fetched(self) -> _Token:
        try:
            token = await self._fetch()
        except SourceError as error:
            self._error = error
            self._fetches += 1
            raise
        self._error = None
        self._fetches += 1
        return token

    async def _fetch(self) -> _Token:
        form = {
            "client_id": self._kit.settings[self._id_name],
            "client_secret": self._kit.settings[self._secret_name],
            "grant_type": "client_credentials",
        }
        page = await self._kit.web.post(f"{self._auth}{self._platform.grant}", form=form, guard=False)
        if page.status in REFUSALS:
            raise self._refused()
        self._judge(page)
        answer = page.json()
        text = answer.get("access_token") if isinstance(answer, dict) else None
        if not isinstance(text, str) or not TOKEN.fullmatch(text):
            raise Garbage(N_("{name} answered without a token, where one was due."), name=self._platform.name)
        now = self._clock()
        return _Token(text, now + max(0.0, _life(answer.get("expires_in")) - MARGIN), now)


def _life(value: object) -> float:
    """Read for how many seconds a token holds."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 12:
        value = int(value)
    return float(value) if is_figure(value) else USUAL_LIFE
