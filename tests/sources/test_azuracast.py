"""AzuraCast: stations and the shows of their DJs, which figure it is, addresses, answers gone wrong."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from bot.domain import MINUTE
from bot.domain.reading import Answer, Failure, Reading, Trouble
from bot.ports.source import Ask, BadAddress, Garbage, SourceError
from bot.sources.azuracast import AzuraCast, parse, station_of
from bot.sources.web import Page, Web
from tests.mutate import mutations
from tests.servers import azuracast as servers
from tests.servers.pages import payload, says

NOW = 1_795_372_260_000
STARTED = 1_795_370_414_000


@dataclass
class Stand:
    server: servers.AzuraCast
    source: AzuraCast

    async def answers(self, *tails: str, known: tuple[str, ...] = ()) -> list[Answer | Failure]:
        asks = [Ask(reference=f"{self.server.url}/{tail}", known=known) for tail in tails]
        told = await self.source.read(asks, NOW)
        return [answer for one in told for answer in one.answers]

    async def reading(self, tail: str = "friday", *, known: tuple[str, ...] = ()) -> Reading:
        (answer,) = await self.answers(tail, known=known)
        assert isinstance(answer, Answer), answer
        (reading,) = answer.readings
        return reading


@asynccontextmanager
async def stand() -> AsyncIterator[Stand]:
    async with servers.azuracast() as server:
        client = Web(allowed=[server.pages.authority])
        try:
            yield Stand(server, AzuraCast(client))
        finally:
            await client.close()


async def test_a_station() -> None:
    async with stand() as one:
        one.server.station(total=20, unique=15)
        assert await one.reading() == Reading(
            session="day", title="Radio friday", url=f"{one.server.url}/public/friday", concurrent=20
        )
        assert not one.source.public


async def test_zero_unique_listeners_may_be_unknown_so_the_total_counts() -> None:
    async with stand() as one:
        station = one.server.station(total=20, unique=0)
        assert (await one.reading()).concurrent == 20
        station.total = 0
        assert (await one.reading()).concurrent == 0


def test_the_documented_answer() -> None:
    station = station_of(json.loads(payload("azuracast/nowplaying_station.json")))
    assert station is not None
    assert (station.number, station.shortcode, station.name) == ("1", "station", "Station")
    assert (station.online, station.listeners, station.dj, station.since) == (True, 20, "dj", STARTED)


async def test_a_station_that_is_off_the_air() -> None:
    async with stand() as one:
        one.server.station(online=False, total=7, dj="Ann", since=STARTED)
        assert await one.answers("friday", "friday#live") == [Answer(at=NOW)] * 2


async def test_shows_of_djs() -> None:
    async with stand() as one:
        station = one.server.station(total=20)
        assert await one.answers("friday#live") == [Answer(at=NOW)]
        station.dj, station.since = "Ann", STARTED
        reading = await one.reading("friday#live")
        assert (reading.session, reading.started_at) == (f"live@{STARTED // 1000}", STARTED)
        assert (reading.title, reading.hosts, reading.concurrent) == ("Ann", ("Ann",), 20)
        assert (await one.reading()).session == "day"
        station.since = STARTED + MINUTE
        assert (await one.reading("friday#live")).session != reading.session
        station.dj, station.since = "", None  # nobody gave a name, and there is no start
        reading = await one.reading("friday#live", known=("live@5",))
        assert (reading.session, reading.hosts, reading.title) == ("live@5", (), "Radio friday")


async def test_one_that_does_not_say_whether_a_dj_is_on_the_air_is_not_off_it() -> None:
    async with stand() as one:
        row = one.server.station(total=3, dj="Ann").row()
        odd: list[object] = [None, [], {"is_live": None}, {"is_live": "yes"}, {}]
        for live in odd:
            one.server.broken["/api/nowplaying/friday"] = says(json.dumps(row | {"live": live}))
            (show,) = await one.answers("friday#live")
            assert isinstance(show, Failure)
            assert show.trouble is Trouble.GARBAGE
            assert (await one.reading()).concurrent == 3


@pytest.mark.parametrize("total", [None, -1, 2**60, "many", "", True, [5], {}, 1e400])
async def test_what_is_no_number_is_unknown(total: object) -> None:
    async with stand() as one:
        row = one.server.station().row() | {"listeners": {"total": total, "current": 5}}
        one.server.broken["/api/nowplaying/friday"] = says(json.dumps(row))
        reading = await one.reading()
        assert reading.concurrent is None
        assert reading.reason
        odd: list[object] = [None, [], {}, 5]
        for listeners in odd:
            one.server.broken["/api/nowplaying/friday"] = says(json.dumps(row | {"listeners": listeners}))
            assert (await one.reading()).concurrent is None


async def test_several_stations_of_a_server_are_one_call() -> None:
    async with stand() as one:
        for n in range(5):
            one.server.station(f"s{n}", total=n)
        answers = await one.answers("s3", "s1", "4", "S0", "s1#live")
        figures = [[r.concurrent for r in a.readings] for a in answers if isinstance(a, Answer)]
        assert figures == [[3], [1], [3], [0], []]
        assert one.server.calls == {"/api/nowplaying": 1}
        await one.answers("s3", "S3", "s3#live")
        assert one.server.calls == {"/api/nowplaying": 1, "/api/nowplaying/s3": 1}


async def test_a_station_that_is_private_or_gone() -> None:
    async with stand() as one:
        one.server.station("here", total=1)
        one.server.station("private", public=False)
        for tails in (("private",), ("private", "here")):
            failed = (await one.answers(*tails))[0]
            assert isinstance(failed, Failure)
            assert failed.trouble is Trouble.GONE
            assert "public page" in failed.detail
        with pytest.raises(BadAddress, match="no station private to everybody"):
            await one.source.describe(f"{one.server.url}/private", NOW)


async def test_a_404_of_something_else_says_nothing_of_the_station() -> None:
    async with stand() as one:
        for body in ("<h1>nginx</h1>", "{}", "[]"):
            one.server.broken["/api/nowplaying/friday"] = says(body, status=404)
            (failed,) = await one.answers("friday")
            assert isinstance(failed, Failure)
            assert failed.trouble is Trouble.GARBAGE


async def test_a_damaged_list_is_not_the_end_of_a_station() -> None:
    async with stand() as one:
        row = one.server.station("a", total=4).row()
        one.server.broken["/api/nowplaying"] = says(json.dumps([row, None]))
        answers = await one.answers("a", "b")
        assert isinstance(answers[0], Answer)
        assert isinstance(answers[1], Failure)
        assert answers[1].trouble is Trouble.GARBAGE


@pytest.mark.parametrize(
    "tail",
    [
        "friday",
        "Friday/",
        "1",
        "public/friday",
        "public/friday/embed?theme=dark",
        "api/nowplaying/friday",
        "api/nowplaying_static/friday.json",
        "listen/friday/radio.mp3",
        "station/1/profile",
        "",
    ],
)
async def test_ways_to_write_a_station(tail: str) -> None:
    async with stand() as one:
        one.server.station(total=2)
        for spelled in (tail, f"{tail}#live"):
            found = await one.source.describe(f"{one.server.url}/{spelled}", NOW)
            live = spelled.endswith("#live")
            assert found.reference == f"{one.server.url}/friday{'#live' if live else ''}"
            assert (found.daily, found.live_now) == (not live, not live)
            assert (found.name, found.unit) == ("Radio friday", "listeners")
            assert "connections" in (found.note or "")
            again = await one.source.describe(found.reference, NOW)
            assert again == found


async def test_a_server_with_several_stations_or_none() -> None:
    async with stand() as one:
        with pytest.raises(BadAddress, match="no station to everybody"):
            await one.source.describe(one.server.url, NOW)
        for n in range(12):
            one.server.station(f"s{n}")
        with pytest.raises(
            BadAddress, match=f"12 stations.*azuracast:{one.server.url}/s0, .* and 2 more"
        ) as caught:
            await one.source.describe(f"http://ann:s3cret@{one.server.pages.authority}", NOW)
        assert "s3cret" not in str(caught.value)
        (failed,) = await one.answers("")
        assert isinstance(failed, Failure)


async def test_what_is_not_azuracast() -> None:
    async with stand() as one:
        for body in ("null", "[]", "{}", '{"station": {}}', '{"station": {"id": 1}, "is_online": "true"}'):
            one.server.broken["/api/nowplaying/friday"] = one.server.broken["/api/nowplaying"] = says(body)
            for tail in ("friday", ""):
                with pytest.raises((Garbage, BadAddress)):
                    await one.source.describe(f"{one.server.url}/{tail}", NOW)
            assert all(isinstance(answer, Failure) for answer in await one.answers("friday", "monday"))


def test_addresses_that_make_no_sense() -> None:
    for odd in ("", "two words", "ftp://radio.example.org/a", "https://radio.example.org/a/b/c", "\x00"):
        with pytest.raises(BadAddress):
            parse(odd)


@pytest.mark.parametrize(
    ("url", "ours"),
    [
        ("https://radio.example.org/public/friday", True),
        ("https://radio.example.org/public/friday/embed", True),
        ("https://radio.example.org/listen/friday/radio.mp3", True),
        ("https://radio.example.org/api/nowplaying/friday", True),
        ("https://radio.example.org/friday", False),
        ("https://radio.example.org/public/a/b/c", False),
        ("https://radio.example.org/", False),
        ("words", False),
    ],
)
def test_recognises_pages_of_azuracast(url: str, ours: bool) -> None:
    assert AzuraCast(Web()).recognises(url) == (url if ours else None)


def test_ten_thousand_answers_gone_wrong() -> None:
    places = parse("radio.example.org/station"), parse("radio.example.org/station#live")
    for body in mutations(payload("azuracast/nowplaying_station.json"), seed=5, count=10_000):
        try:
            data = Page(host="h", status=200, headers={}, body=body).json()
        except SourceError:
            continue
        station = station_of(data)
        if station is None:
            continue
        for place in places:
            try:
                answer = station.answer(place, Ask(reference="radio.example.org/station"), NOW)
            except Garbage:
                continue
            if not answer.readings:
                assert data["is_online"] is False or (place.live and data["live"]["is_live"] is False)
                continue
            (reading,) = answer.readings
            assert reading.concurrent is None or 0 <= reading.concurrent <= 2**53
            assert (reading.concurrent is None) == (reading.reason is not None)
            assert 0 < len(reading.session) <= 40
            if reading.concurrent == 0:
                listeners = data["listeners"]
                assert float(listeners["total"] if "total" in listeners else listeners["current"]) == 0
