"""Radio stations on AzuraCast: ``azuracast:https://host/station``, read from its public "now playing" answer.

https://www.azuracast.com/docs/developers/now-playing-data/

The figure is ``listeners.total``, that is connections. ``listeners.unique`` would be nearer to people, but
AzuraCast writes 0 there when it does not know it (``backend/src/Entity/Api/NowPlaying/Listeners.php``), which
nobody can tell from an empty station. AzuraCast works the figures out every 10 to 15 seconds, and shows those of a
station that died for up to three minutes more.

A station is on the air day and night, so a watch of it has one session a calendar day. With ``#live`` behind the
address it is the shows of its DJs that are followed, each a session of its own.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from yarl import URL

from bot.domain import SECOND
from bot.domain.reading import Answer, Reading, is_figure
from bot.domain.sentence import N_
from bot.ports.purse import Purse
from bot.ports.source import AccountGone, Ask, BadAddress, Description, Garbage, SourceError, Told
from bot.sources.kit import several
from bot.sources.number import DAILY_SESSION, figure_of
from bot.sources.web import Page, Web, once_each, parse_url

NOW_PLAYING = "/api/nowplaying"
#: Behind an address: only while a DJ is on the air.
LIVE = "live"
#: A station's short name or its number.
STATION = re.compile(r"[A-Za-z0-9_.-]{1,100}")
#: Paths in which AzuraCast names a station: its public page, its streams, its figures, its page for owners.
PATHS = re.compile(
    r"/(?:public/|listen/|api/nowplaying/|api/nowplaying_static/|station/)(?P<station>[A-Za-z0-9_.-]+?)"
    r"(?:\.json)?(?:/.*)?"
)
#: The page for owners may be anybody's.
RECOGNISED = re.compile(
    r"/(?:public/[^/]+(?:/embed|/player)?|listen/[^/]+/[^/]+|api/nowplaying(?:_static)?/[^/]+)/?"
)
LONGEST_WORDS = 300
#: Seconds; a show that began later than this (the year 5138) did not.
LATEST = 10**11

NOTE = N_(
    "The figure counts connections: one person with two players is two. The station counts day by day; to follow "
    "the shows of its DJs alone, add #live to the address."
)
NOTE_LIVE = N_("Only the shows of DJs count, each by itself. The figure counts connections.")
UNKNOWN = "AzuraCast gives no number of listeners that makes sense."


@dataclass(frozen=True, slots=True)
class Place:
    """A station of a server (``https://user:password@host``), or its DJs' shows alone."""

    server: URL
    station: str
    live: bool = False

    @property
    def reference(self) -> str:
        """The address in its one spelling."""
        return f"{self.server.with_path(f'/{self.station}')}{f'#{LIVE}' if self.live else ''}"

    @property
    def link(self) -> str:
        """The station's page for listeners."""
        return str(self.server.with_user(None).with_path(f"/public/{self.station}"))


@dataclass(frozen=True, slots=True)
class Station:
    """What AzuraCast says of a station.

    Attributes:
        dj: Who is on the air live; empty where nobody gave a name, None where nobody is or it does not say.
        says_live: It says whether somebody is.
        since: When that show began (milliseconds).
    """

    number: str | None
    shortcode: str | None
    name: str | None
    online: bool
    listeners: float | None
    dj: str | None
    says_live: bool
    since: int | None

    def is_called(self, name: str) -> bool:
        """Tell whether this is the station of a short name or number."""
        return name.lower() in {(self.shortcode or "").lower(), self.number}

    def answer(self, place: Place, ask: Ask, now: int) -> Answer:
        """Return what is on the air now.

        Raises:
            Garbage: It is about shows, and AzuraCast does not say whether there is one.
        """
        if not self.online:
            return Answer(at=now)
        if place.live and not self.says_live:
            raise Garbage(N_("{host} does not say whether a DJ is on the air."), host=place.server.host)
        if place.live and self.dj is None:
            return Answer(at=now)
        session = DAILY_SESSION
        if place.live:
            session = f"live@{self.since // SECOND}" if self.since else next(iter(ask.known), LIVE)
        reading = Reading(
            session=session,
            title=(self.dj if place.live else None) or self.name,
            hosts=(self.dj,) if self.dj else (),
            url=place.link,
            concurrent=self.listeners,
            reason=UNKNOWN if self.listeners is None else None,
            started_at=self.since if place.live else None,
        )
        return Answer(at=now, readings=(reading,))


#: What a server said of those of its stations that are wanted, by short name or number as the address has it.
Stations = dict[str, Station | SourceError]


class AzuraCast:
    """The source ``azuracast:``."""

    platform = "azuracast"
    public = False
    batch = 50
    for_operators = False
    example = "azuracast:https://radio.example.org/station"
    purse: Purse | None = None

    def __init__(self, web: Web) -> None:
        self._web = web

    def recognises(self, url: str) -> str | None:
        """Recognise AzuraCast's pages of a station."""
        try:
            return url.strip() if RECOGNISED.fullmatch(parse_url(url.strip()).path) else None
        except BadAddress:
            return None

    async def describe(self, reference: str, now: int) -> Description:
        """Ask the server for the station.

        Raises:
            SourceError: Among others where it is not there, or where the address names none of several.
        """
        place = parse(reference)
        host = place.server.host or ""
        try:
            if not place.station:
                place, station = _only(place, await self._all(place.server))
            else:
                station = await self._one(place.server, place.station)
        except AccountGone as error:
            raise BadAddress(
                N_("{host} shows no station {station} to everybody: mistyped, or its public page is off."),
                host=host,
                station=place.station,
            ) from error
        place = Place(place.server, station.shortcode or place.station, place.live)
        return Description(
            reference=place.reference,
            name=station.name or place.station,
            unit="listeners",
            daily=not place.live,
            live_now=station.online and (not place.live or station.dj is not None),
            url=place.link,
            note=NOTE_LIVE if place.live else NOTE,
        )

    async def read(self, asks: Sequence[Ask], now: int) -> list[Told]:
        """Ask each server once: for its one station that is wanted, or for all it has."""
        places: list[Place | SourceError] = []
        wanted: dict[URL, set[str]] = {}
        for ask in asks:
            try:
                place = _with_station(parse(ask.reference))
            except SourceError as error:
                places.append(error)
            else:
                places.append(place)
                wanted.setdefault(place.server, set()).add(place.station.lower())

        async def fetch(server: URL) -> Stations:
            (name, *others) = wanted[server]
            if not others:
                return {name: await self._one(server, name)}
            stations = await self._all(server)
            return {name: _named(server, name, stations) for name in wanted[server]}

        servers = await once_each(wanted, fetch)
        return [_tell(ask, place, servers, now) for ask, place in zip(asks, places, strict=True)]

    async def check(self) -> str | None:
        """Find nothing wrong: there is nothing to set up."""
        return None

    async def close(self) -> None:
        """Hold nothing open: the client is shared."""

    async def _one(self, server: URL, name: str) -> Station:
        """Ask for one station.

        Raises:
            AccountGone: The server knows none of this name, or does not show it.
            Garbage: It is not AzuraCast's answer about this station.
        """
        page = await self._web.get(str(server.with_path(f"{NOW_PLAYING}/{name}")))
        if page.status == 404 and _is_azuracast(page):
            raise _gone(server, name)
        station = station_of(page.json())
        if station is None:
            raise Garbage(N_("{host} has no station of AzuraCast there."), host=page.host)
        return station

    async def _all(self, server: URL) -> list[Station | None]:
        """Ask for all stations that a server shows; None stands for one that cannot be read.

        Raises:
            Garbage: It is not AzuraCast's list of stations.
        """
        page = await self._web.get(str(server.with_path(NOW_PLAYING)))
        rows = page.json()
        if not isinstance(rows, list):
            raise Garbage(N_("{host} has no list of AzuraCast's stations."), host=page.host)
        return [station_of(row) for row in rows]


def parse(reference: str) -> Place:
    """Take an address apart: a station, or a server alone (with an empty station); without a scheme it is https.

    Raises:
        BadAddress: It is none of AzuraCast's addresses.
    """
    text, _, fragment = reference.strip().partition("#")
    url = parse_url(text if "://" in text else f"https://{text}")
    server = url.origin().with_user(url.user).with_password(url.password)
    found = PATHS.fullmatch(url.path)
    station = found["station"] if found else url.path.strip("/")
    if station and not STATION.fullmatch(station):
        raise BadAddress(
            N_("This is no station of AzuraCast; write for example {example}"), example=AzuraCast.example
        )
    return Place(server, station, live=fragment.strip().lower() == LIVE)


def station_of(data: object) -> Station | None:
    """Read what AzuraCast says of one station; None if it does not say whether it is on the air."""
    row = _dict(data)
    station, live, online = _dict(row.get("station")), _dict(row.get("live")), row.get("is_online")
    if not station or not isinstance(online, bool):
        return None
    number, shortcode = station.get("id"), station.get("shortcode")
    is_name = isinstance(shortcode, str) and STATION.fullmatch(shortcode)
    is_live, since = live.get("is_live"), live.get("broadcast_start")
    listeners = _dict(row.get("listeners"))
    figure = listeners["total"] if "total" in listeners else listeners.get("current")  # its name of old
    return Station(
        number=str(number) if isinstance(number, int) and is_figure(number) else None,
        shortcode=str(shortcode) if is_name else None,
        name=_words(station.get("name")),
        online=online,
        listeners=figure_of(figure).value,
        dj=(_words(live.get("streamer_name")) or "") if is_live is True else None,
        says_live=isinstance(is_live, bool),
        since=_since(since),
    )


def _tell(ask: Ask, place: Place | SourceError, servers: dict[URL, Stations | SourceError], now: int) -> Told:
    """Look for a watch's station in what its server answered."""
    try:
        if isinstance(place, SourceError):
            raise place
        stations = servers[place.server]
        if isinstance(stations, SourceError):
            raise stations
        station = stations[place.station.lower()]
        if isinstance(station, SourceError):
            raise station
        answer = station.answer(place, ask, now)
    except SourceError as error:
        return Told(answers=(error.failure(now),))
    return Told(answers=(answer,))


def _named(server: URL, name: str, stations: Sequence[Station | None]) -> Station | SourceError:
    """Find a station among those of its server."""
    for station in stations:
        if station is not None and station.is_called(name):
            return station
    if None in stations:
        return Garbage(N_("The answer of {host} cannot be read where this station may be."), host=server.host)
    return _gone(server, name)


def _only(place: Place, stations: Sequence[Station | None]) -> tuple[Place, Station]:
    """Return the one station of a server.

    Raises:
        BadAddress: There is none, or there are several; the message lists them ready to be used.
    """
    named = [(Place(place.server, one.shortcode, place.live), one) for one in stations if one and one.shortcode]
    if len(named) == 1:
        return named[0]
    host = place.server.host
    if not named:
        raise BadAddress(
            N_("{host} shows no station to everybody; write for example {example}"),
            host=host,
            example=AzuraCast.example,
        )
    public = [Place(place.server.with_user(None), one.station, place.live).reference for one, _ in named]
    raise several(
        N_("{host} has {n} stations; watch one of them: {listed}"),
        N_("{host} has {n} stations; watch one of them: {listed} and {more} more"),
        [f"azuracast:{one}" for one in public],
        host=host,
    )


def _with_station(place: Place) -> Place:
    if not place.station:
        raise BadAddress(
            N_("The address names no station; write for example {example}"), example=AzuraCast.example
        )
    return place


def _gone(server: URL, name: str) -> AccountGone:
    return AccountGone(
        N_("{host} shows no station {name} any more: renamed, deleted, or its public page is off."),
        host=server.host,
        name=name,
    )


def _is_azuracast(page: Page) -> bool:
    """Tell whether a 404 is AzuraCast's own, and not that of something else on this address."""
    try:
        error = _dict(page.json(frozenset({404})))
    except Garbage:
        return False
    return error.get("code") == 404 or error.get("success") is False


def _since(value: object) -> int | None:
    """Read a Unix time in seconds as milliseconds."""
    seconds = figure_of(value).value
    return round(seconds) * SECOND if seconds is not None and 1 <= seconds < LATEST else None


def _dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _words(value: object) -> str | None:
    return value.strip()[:LONGEST_WORDS] or None if isinstance(value, str) else None
