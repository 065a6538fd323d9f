"""Owncast servers: ``owncast:https://host``, read from the status that the server's own page reads.

https://owncast.online/api/latest/ (which its authors may change without notice)

What Owncast really answers, and this file therefore expects: ``viewerCount`` is left out both when nobody watches
and when the owner hides it; only ``hideViewerCount`` of ``/api/config`` tells which. The first seconds of a stream
count as offline, and a viewer who leaves is counted for up to a minute more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from yarl import URL

from bot.domain import MINUTE, SECOND
from bot.domain.reading import Answer, Reading
from bot.domain.sentence import N_
from bot.ports.purse import Purse
from bot.ports.source import Ask, BadAddress, Description, Garbage, SourceError, Told
from bot.sources.number import Figure, figure_of
from bot.sources.web import Web, once_each, parse_url

STATUS, CONFIG = "/api/status", "/api/config"
#: Pages that only Owncast has; the front page of a server could be anybody's.
PAGES = frozenset({STATUS, "/embed/video", "/embed/chat/readwrite", "/embed/chat/readonly"})
#: For so long an answer of ``/api/config`` counts while ``viewerCount`` is left out.
CONFIG_LASTS = 5 * MINUTE
#: Servers whose configuration is kept in mind.
MOST_KEPT = 1_000
LONGEST_WORDS = 300
#: Characters of a moment as Owncast writes it.
LONGEST_MOMENT = 40
#: The id of a stream that does not say when it began.
UNNAMED = "live"

NOTE = N_("The figure counts players that are open: who leaves is counted for up to a minute more.")
NOTE_HIDDEN = N_("The owner of this server hides how many watch, so there will be no figures.")
ABSURD = "What Owncast gives as the number of viewers is no number."
HIDDEN = "The owner of the server hides how many watch."
UNSURE = "Owncast leaves the number of viewers out, and does not say whether the owner hides it."


@dataclass(frozen=True, slots=True)
class Status:
    """A stream that is on.

    Attributes:
        viewers: None where Owncast leaves the figure out.
        connected: When its broadcaster connected, as Owncast writes it; None if it does not make sense.
    """

    viewers: Figure | None
    title: str | None
    connected: str | None

    def reading(self, server: URL, ask: Ask) -> Reading:
        """Return what is known of the stream; one without a start goes on under the id that it had."""
        session = self.connected or next(iter(ask.known), UNNAMED)
        figure = self.viewers or Figure(None, UNSURE)
        return Reading(
            session=session,
            title=self.title,
            url=str(server.with_user(None)),
            concurrent=figure.value,
            reason=figure.reason,
            started_at=_moment(self.connected),
        )


class Owncast:
    """The source ``owncast:``."""

    platform = "owncast"
    public = False
    batch = 50
    for_operators = False
    example = "owncast:https://live.example.org"
    purse: Purse | None = None

    def __init__(self, web: Web) -> None:
        self._web = web
        #: When a server was asked whether it hides its count, and what it said.
        self._hides: dict[URL, tuple[int, bool | None]] = {}

    def recognises(self, url: str) -> str | None:
        """Recognise the pages that only Owncast has."""
        try:
            return url if parse_url(url).path in PAGES else None
        except BadAddress:
            return None

    async def describe(self, reference: str, now: int) -> Description:
        """Ask the server what it is called and whether it is on.

        Raises:
            SourceError: Among others where it is no Owncast.
        """
        server = parse(reference)
        status = await self._status(server)
        config = await self._config(server)
        return Description(
            reference=str(server),
            name=_words(config.get("name")) or server.host or "",
            unit="viewers",
            live_now=status is not None,
            url=str(server.with_user(None)),
            note=NOTE_HIDDEN if config.get("hideViewerCount") is True else NOTE,
        )

    async def read(self, asks: Sequence[Ask], now: int) -> list[Told]:
        """Ask each server once."""
        servers: list[URL | SourceError] = []
        for ask in asks:
            try:
                servers.append(parse(ask.reference))
            except SourceError as error:
                servers.append(error)

        async def fetch(server: URL) -> Status | None:
            status = await self._status(server)
            return await self._completed(server, status, now) if status else None

        found = await once_each((one for one in servers if isinstance(one, URL)), fetch)
        return [_tell(ask, server, found, now) for ask, server in zip(asks, servers, strict=True)]

    async def check(self) -> str | None:
        """Find nothing wrong: there is nothing to set up."""
        return None

    async def close(self) -> None:
        """Hold nothing open: the client is shared."""

    async def _status(self, server: URL) -> Status | None:
        page = await self._web.get(str(server.with_path(STATUS)))
        try:
            return status_of(page.json())
        except _NotOwncast as error:
            raise Garbage(N_("{host} has no status of Owncast."), host=page.host) from error

    async def _completed(self, server: URL, status: Status, now: int) -> Status:
        """Find out what it means that a stream shows no number of viewers.

        An owner may begin to hide it at any time, so that an old answer must not turn what is hidden into a 0.
        """
        if status.viewers is not None:
            self._hides.pop(server, None)
            return status
        asked_at, hides = self._hides.get(server, (now - CONFIG_LASTS, None))
        if not 0 <= now - asked_at < CONFIG_LASTS:
            hidden = (await self._config(server)).get("hideViewerCount")
            hides = hidden if isinstance(hidden, bool) else None
            if len(self._hides) >= MOST_KEPT:
                self._hides.clear()
            self._hides[server] = now, hides
        if hides is None:
            return status
        return replace(status, viewers=Figure(None, HIDDEN) if hides else Figure(0))

    async def _config(self, server: URL) -> dict[str, Any]:
        """Read the public configuration; empty where that cannot be done, for nothing hangs on it alone."""
        try:
            config = (await self._web.get(str(server.with_path(CONFIG)))).json()
        except SourceError:
            return {}
        return config if isinstance(config, dict) else {}


class _NotOwncast(Exception):
    """An answer is none of Owncast's."""


def parse(reference: str) -> URL:
    """Take an address apart: a server, or any page of it; without a scheme it is https.

    Raises:
        BadAddress: It is none.
    """
    text = reference.strip()
    url = parse_url(text if "://" in text else f"https://{text}")
    return url.origin().with_user(url.user).with_password(url.password)


def status_of(data: object) -> Status | None:
    """Read an answer of ``/api/status``; None where the stream is off.

    Raises:
        _NotOwncast: It does not say whether it is on.
    """
    online = data.get("online") if isinstance(data, dict) else None
    if not isinstance(data, dict) or not isinstance(online, bool):
        raise _NotOwncast
    if not online:
        return None
    viewers = None
    if "viewerCount" in data:
        value = figure_of(data["viewerCount"]).value
        viewers = Figure(value, ABSURD if value is None else None)
    connected = data.get("lastConnectTime")
    return Status(viewers, _words(data.get("streamTitle")), connected if _moment(connected) is not None else None)


def _tell(ask: Ask, server: URL | SourceError, found: dict[URL, Status | SourceError | None], now: int) -> Told:
    status = server if isinstance(server, SourceError) else found[server]
    if isinstance(status, SourceError) or isinstance(server, SourceError):
        error = status if isinstance(status, SourceError) else server
        assert isinstance(error, SourceError)
        return Told(answers=(error.failure(now),))
    return Told(answers=(Answer(at=now, readings=(status.reading(server, ask),) if status else ()),))


def _moment(value: object) -> int | None:
    """Read an RFC 3339 stamp as milliseconds since 1970."""
    if not isinstance(value, str) or len(value) > LONGEST_MOMENT:
        return None
    try:
        moment = datetime.fromisoformat(value)
        at = round(moment.timestamp() * SECOND) if moment.tzinfo else 0
    except (ValueError, OverflowError):
        return None
    return at if at > 0 else None


def _words(value: object) -> str | None:
    return value.strip()[:LONGEST_WORDS] or None if isinstance(value, str) else None
