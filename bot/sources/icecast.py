"""Radio stations on Icecast: ``icecast:https://host/mount``, read from the server's public status page.

https://icecast.org/docs/icecast-2.4.1/server-stats.html

What Icecast 2.4.4 really answers, and this file therefore expects: ``source`` is absent with no mount on the
air, an object with one and a list with several; every text that XPath takes for a number is written without
quotes, so a title ``-`` or ``.5`` makes the page invalid JSON; in the first quarter of a second after its
start the page is invalid too, which says nothing about what is on the air.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from yarl import URL

from bot.domain import SECOND
from bot.domain.reading import Answer, Reading, is_figure, plain
from bot.domain.sentence import N_, Sentence
from bot.ports.purse import Purse
from bot.ports.source import Ask, BadAddress, Description, Garbage, SourceError, Told, Unavailable
from bot.sources.kit import MOST_LISTED, series, several
from bot.sources.web import Web, once_each, parse_url

STATUS_PATH = "/status-json.xsl"
#: Playlists that Icecast makes for each mount: people copy their links.
PLAYLISTS = re.compile(r"\.(m3u|xspf|vclt)$", re.IGNORECASE)
#: What Icecast and its sources write where nobody gave a name.
NO_NAMES = frozenset({"no name", "unspecified name"})
#: Characters of a title that are kept.
LONGEST_WORDS = 300
NOTE = N_("The figure counts connections: a person with two players is two, and a relay to many is one.")

#: A complete string, or a bare token that begins like a number.
STRING_OR_TOKEN = re.compile(r'("(?:[^"\\]|\\.)*")|([-+.\w]+)', re.DOTALL)
CHARACTER_REFERENCE = re.compile(r"&#\d{1,7};", re.ASCII)
JSON_TOKEN = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?|true|false|null", re.ASCII)


@dataclass(frozen=True, slots=True)
class Place:
    """A server (``https://user:password@host:port``), and a mount of it (``/live``) as people read it."""

    server: URL
    mount: str | None

    @property
    def reference(self) -> str:
        """The address in its one spelling."""
        return str(self._with_mount(self.server))

    @property
    def link(self) -> str:
        """The address without user and password: for readers."""
        return str(self._with_mount(self.server.with_user(None)))

    def at(self, mount: str) -> Place:
        """Return another mount of the server."""
        return Place(self.server, mount)

    def _with_mount(self, server: URL) -> URL:
        return server.with_path(self.mount) if self.mount else server


@dataclass(frozen=True, slots=True)
class OnAir:
    """A mount with a source connected, as the status page shows it; numbers as they are spelled there."""

    mount: str
    fields: dict[str, Any]

    def words(self, name: str) -> str | None:
        """Return a field that people read, or None."""
        value = self.fields.get(name)
        if isinstance(value, bool):
            return "true" if value else "false"
        return _mended(value).strip()[:LONGEST_WORDS] or None if isinstance(value, str) else None

    @property
    def name(self) -> str | None:
        """What the station is called, or None."""
        name = self.words("server_name")
        return name if name and name.lower() not in NO_NAMES else None

    def figure(self, name: str) -> float | None:
        """Return a field that counts, or None where it is missing or absurd."""
        value = self.fields.get(name)
        try:
            number = float(value) if isinstance(value, str) else None
        except ValueError:
            return None
        return plain(number) if is_figure(number) else None

    def reading(self, place: Place) -> Reading:
        """Return what the page says of the mount.

        A source that comes back is a new session to Icecast: its start is part of the id.
        """
        start = self.words("stream_start_iso8601")
        listeners = self.figure("listeners")
        artist, title = self.words("artist"), self.words("title")
        return Reading(
            session=f"{self.mount}@{start}" if start else self.mount,
            title=f"{artist} - {title}" if artist and title else title or self.name,
            url=place.at(self.mount).link,
            concurrent=listeners,
            source_peak=self.figure("listener_peak"),
            reason=None if listeners is not None else "Icecast gives no number of listeners.",
            started_at=_moment(start),
        )


class Icecast:
    """The source ``icecast:``."""

    platform = "icecast"
    public = False
    batch = 50
    for_operators = False
    example = "icecast:https://radio.example.org/live.mp3"
    purse: Purse | None = None

    def __init__(self, web: Web) -> None:
        self._web = web

    def recognises(self, url: str) -> str | None:
        """Recognise the address of a status page; any other may be a stream of anything."""
        try:
            found = parse_url(url).path == STATUS_PATH
        except BadAddress:
            return None
        return url if found else None

    async def describe(self, reference: str, now: int) -> Description:
        """Ask the server what is on the air.

        Raises:
            SourceError: Among others where the server has several mounts and none was named.
        """
        place, on_air = await self._found(reference)
        if place.mount is None:
            place = place.at(_only(place, on_air))
        assert place.mount is not None
        mount = on_air.get(place.mount)
        note = NOTE
        if mount is None:
            listed = series([f"{place.server.host}{other}" for other in sorted(on_air)[:MOST_LISTED]])
            note = (
                Sentence(N_("On that server now: {listed}. {note}"), listed=listed, note=Sentence(NOTE))
                if on_air
                else NOTE
            )
        return Description(
            reference=place.reference,
            name=(mount.name if mount else None) or f"{place.server.host}{place.mount}",
            unit="listeners",
            live_now=mount is not None,
            url=place.link,
            note=note,
        )

    async def read(self, asks: Sequence[Ask], now: int) -> list[Told]:
        """Ask each server once, for the one mount that is wanted or for all it has."""
        places: list[Place | SourceError] = []
        wanted: dict[URL, set[str | None]] = {}
        for ask in asks:
            try:
                place = _parse(ask.reference)
            except SourceError as error:
                places.append(error)
            else:
                places.append(place)
                wanted.setdefault(place.server, set()).add(place.mount)

        async def fetch(server: URL) -> dict[str, OnAir]:
            (mount, *others) = wanted[server]
            return await self._on_air(Place(server, None if others else mount))

        servers = await once_each(wanted, fetch)
        return [_tell(place, servers, now) for place in places]

    async def check(self) -> str | None:
        """Find nothing wrong: there is nothing to set up."""
        return None

    async def close(self) -> None:
        """Hold nothing open: the client is shared."""

    async def _found(self, reference: str) -> tuple[Place, dict[str, OnAir]]:
        """Find a server, trying http and https where the address leaves it open."""
        errors: list[SourceError] = []
        for text in _spelled_out(reference.strip()):
            place = _parse(text)
            try:
                return place, await self._on_air(Place(place.server, None))
            except (Unavailable, Garbage) as error:
                errors.append(error)
        # One that was reached says more than one that was not.
        raise next((error for error in errors if isinstance(error, Garbage)), errors[0])

    async def _on_air(self, place: Place) -> dict[str, OnAir]:
        """Read the status page: one mount of a server, or all.

        Raises:
            Garbage: It is not Icecast's, or Icecast is not ready.
        """
        page = await self._web.get(
            str(place.server.with_path(STATUS_PATH)), params={"mount": place.mount} if place.mount else None
        )
        status = page.json(decode=_decoded)
        stats = status.get("icestats") if isinstance(status, dict) else None
        if not isinstance(stats, dict):
            raise Garbage(N_("{host} has no status page of Icecast."), host=page.host)
        sources = stats.get("source", [])
        on_air = [_on_air(one) for one in (sources if isinstance(sources, list) else [sources])]
        if None in on_air:
            raise Garbage(N_("The status page of {host} shows a stream without an address."), host=page.host)
        return {one.mount: one for one in on_air if one is not None}


def _spelled_out(text: str) -> tuple[str, ...]:
    """Return the addresses that a text may mean, the likeliest first.

    A port stands mostly before plain http, and Icecast is slow to refuse https there: it waits for the end of
    a request that it cannot read.
    """
    if "://" in text:
        return (text,)
    with_port = re.match(r"[^/]*:\d+(/|$)", text)
    schemes = ("http", "https") if with_port else ("https", "http")
    return tuple(f"{scheme}://{text}" for scheme in schemes)


def _parse(reference: str) -> Place:
    """Take an address apart: a mount, a server, or a page or playlist of either.

    Raises:
        BadAddress: It is none of them.
    """
    url = parse_url(reference.strip())
    server = url.origin().with_user(url.user).with_password(url.password)
    path = url.path
    if path.endswith(STATUS_PATH):
        path = url.query.get("mount") or "/"
    mount = PLAYLISTS.sub("", path)
    if not mount.startswith("/"):
        mount = f"/{mount}"
    return Place(server, mount if mount != "/" else None)


def _only(place: Place, on_air: dict[str, OnAir]) -> str:
    """Return the one mount of a server.

    Raises:
        BadAddress: There is none, or there are several; the message lists them ready to be used.
    """
    if len(on_air) == 1:
        return next(iter(on_air))
    host = place.server.host
    if not on_air:
        raise BadAddress(
            N_("{host} has nothing on the air now; name the mount, as in {example}"),
            host=host,
            example=Icecast.example,
        )
    raise several(
        N_("{host} has {n} mounts; watch one of them: {listed}"),
        N_("{host} has {n} mounts; watch one of them: {listed} and {more} more"),
        [f"icecast:{place.at(mount).link}" for mount in sorted(on_air)],
        host=host,
    )


def _tell(place: Place | SourceError, servers: dict[URL, dict[str, OnAir] | SourceError], now: int) -> Told:
    """Look for a watch's mount in what its server answered."""
    try:
        if isinstance(place, SourceError):
            raise place
        on_air = servers[place.server]
        if isinstance(on_air, SourceError):
            raise on_air
        mount = on_air.get(place.mount or _only(place, on_air))
    except SourceError as error:
        return Told(answers=(error.failure(now),))
    return Told(answers=(Answer(at=now, readings=(mount.reading(place),) if mount else ()),))


def _on_air(source: object) -> OnAir | None:
    """Read one source of the page; its mount is known by the path of ``listenurl`` alone."""
    if not isinstance(source, dict):
        return None
    # The host in it is what the server's owner called it, which need not be what an address looks like.
    found = re.match(r"\w+://[^/]*(/.+)", str(source.get("listenurl")))
    return OnAir(URL.build(path=found[1], encoded=True).path, source) if found else None


def _decoded(text: str) -> Any:
    """Decode the status page, mending what Icecast is known to break.

    Numbers stay as they are spelled, because a title may be one: ``1e5`` is not ``100000.0``.
    """
    try:
        return _loaded(text)
    except ValueError:
        return _loaded(STRING_OR_TOKEN.sub(_quoted, text))


def _loaded(text: str) -> Any:
    return json.loads(text, parse_int=str, parse_float=str, parse_constant=str, strict=False)


def _quoted(found: re.Match[str]) -> str:
    """Put a bare token between quotes if JSON does not know it."""
    token = found[2]
    return found[0] if token is None or JSON_TOKEN.fullmatch(token) else json.dumps(token)


def _mended(text: str) -> str:
    """Undo what Icecast does to titles of MP3 streams, which it takes for Latin-1 unless it is told otherwise.

    UTF-8 is shown as if each byte were a letter; a title sent with its charset is turned into Latin-1, and
    letters that are not in that become ``&#1570;``.
    """
    with suppress(UnicodeError):
        text = text.encode("latin-1").decode("utf-8")
    return CHARACTER_REFERENCE.sub(lambda found: html.unescape(found[0]), text)


def _moment(text: str | None) -> int | None:
    """Read an ISO 8601 stamp with its offset as milliseconds."""
    try:
        moment = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return round(moment.timestamp() * SECOND) if moment.tzinfo else None
