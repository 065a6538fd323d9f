"""Icecast: every captured answer of a real server, and addresses as people write them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from bot.domain import SECOND
from bot.domain.reading import Answer, Failure, Metric, Reading, Trouble
from bot.ports.source import Ask, BadAddress, Garbage, Unavailable
from bot.sources.icecast import Icecast
from bot.sources.web import Web
from tests.servers.pages import PAYLOADS, Behaviour, Pages, payload, says, serving

NOW = 1_795_360_546_000
STARTED = 1_795_360_396_000  # 2026-11-22T15:13:16Z


@dataclass
class Station:
    pages: Pages
    icecast: Icecast

    async def read(self, *mounts: str) -> list[Answer | Failure]:
        told = await self.icecast.read([Ask(reference=f"{self.pages.url}{one}") for one in mounts], NOW)
        return [answer for one in told for answer in one.answers]

    async def reading(self, mount: str = "/live1") -> Reading:
        (answer,) = await self.read(mount)
        assert isinstance(answer, Answer), answer
        (reading,) = answer.readings
        return reading


@asynccontextmanager
async def station(answer: str | bytes | Behaviour) -> AsyncIterator[Station]:
    behaviour = says(answer) if isinstance(answer, str | bytes) else answer
    async with serving(behaviour) as pages:
        client = Web(allowed=[pages.authority])
        try:
            yield Station(pages, Icecast(client))
        finally:
            await client.close()


def captured(name: str) -> bytes:
    return payload(f"icecast/{name}.json")


async def test_one_mount() -> None:
    async with station(captured("status_1mount_3listeners")) as one:
        assert await one.reading() == Reading(
            session="/live1@2026-11-22T15:13:16+0000",
            title="Live 1",
            url=f"{one.pages.url}/live1",
            concurrent=3,
            source_peak=3,
            started_at=STARTED,
        )
        (request,) = one.pages.requests
        assert request.path == "/status-json.xsl"
        assert dict(request.query) == {"mount": "/live1"}


@pytest.mark.parametrize(
    ("name", "listeners", "peak"),
    [
        ("status_1mount_0listeners", 0, 0),
        ("status_1mount_3listeners", 3, 3),
        ("status_1mount_drop_to_1_peak3", 1, 3),
        ("status_1mount_now2_peak5", 2, 5),
        ("status_2mounts_2and4", 2, 5),
        ("status_2mounts_filtered_live1", 2, 5),
        ("status_2mounts_one_dropped", 2, 5),
        ("status_6mounts", 2, 5),
        ("freeze_before", 6, 6),
        ("freeze_after_5s", 6, 6),
        ("reconnect_1_before", 3, 3),
        ("reconnect_3_after", 0, 0),
    ],
)
async def test_figures(name: str, listeners: int, peak: int) -> None:
    async with station(captured(name)) as one:
        reading = await one.reading()
        assert (reading.concurrent, reading.source_peak, reading.reason) == (listeners, peak, None)
        assert isinstance(reading.concurrent, int)


@pytest.mark.parametrize(
    "name",
    ["status_0mounts", "status_2mounts_filtered_missing", "freeze_after_6s", "reconnect_2_source_gone"],
)
async def test_no_source_is_off_the_air(name: str) -> None:
    async with station(captured(name)) as one:
        assert await one.read("/live1") == [Answer(at=NOW)]


async def test_a_source_that_comes_back_is_a_new_session_to_icecast() -> None:
    async with station(captured("reconnect_1_before")) as one:
        before = await one.reading()
        one.pages.answer = says(captured("reconnect_3_after"))
        after = await one.reading()
    assert before.session != after.session
    assert before.started_at is not None
    assert after.started_at is not None
    assert before.started_at < after.started_at


async def test_many_mounts_of_a_server_are_one_request() -> None:
    async with station(captured("status_6mounts")) as one:
        answers = await one.read("/live2", "/live9", "/live1", "/live6", "/live2")
        assert len(one.pages.requests) == 1
        assert dict(one.pages.requests[0].query) == {}
        figures = [[r.concurrent for r in a.readings] for a in answers if isinstance(a, Answer)]
        assert figures == [[4], [], [2], [0], [4]]


async def test_one_mount_asked_twice_is_one_filtered_request() -> None:
    async with station(captured("status_1mount_3listeners")) as one:
        await one.read("/live1", "/live1")
        (request,) = one.pages.requests
        assert dict(request.query) == {"mount": "/live1"}


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("title_boolean", "true"),
        ("title_null", "Live 1"),
        ("title_number_1e5", "1e5"),
        ("title_number_20digits", "12345678901234567890"),
        ("title_number_minus5", "-5"),
        ("title_escaped", 'quo"te \\ back'),
        ("title_mojibake", "Ünï—ゃ"),
        ("invalid_title_dash", "-"),
        ("invalid_title_point5", ".5"),
        ("invalid_title_1point", "1."),
    ],
)
async def test_titles(name: str, title: str) -> None:
    async with station(captured(name)) as one:
        reading = await one.reading()
        if name == "title_mojibake":
            title = captured(name).decode().partition('"title":"')[2].partition('"')[0]
            title = title.encode("latin-1").decode()
            assert title.startswith("Ünï—")
        assert (reading.title, reading.concurrent) == (title, 2)


def page(**fields: Any) -> str:
    source = {"listenurl": "http://localhost:8000/live1", "listeners": 2} | fields
    return json.dumps({"icestats": {"source": source}}, ensure_ascii=False)


@pytest.mark.parametrize(
    ("fields", "title"),
    [
        ({}, None),
        ({"server_name": "Unspecified name"}, None),
        ({"title": "", "server_name": "Radio"}, "Radio"),
        ({"title": "Song", "artist": "Singer"}, "Singer - Song"),
        ({"artist": "Singer", "server_name": "Radio"}, "Radio"),
        ({"title": "Übung"}, "Übung"),
        ({"title": "آزادی"}, "آزادی"),
        ({"title": "آزادی".encode().decode("latin-1")}, "آزادی"),
        ({"title": "Übung €"}, "Übung €"),
        ({"title": "&#1570;&#1586;\xfc &amp; &#65;&#0;&#9999999;&#x41;"}, "آزü &amp; A\ufffd\ufffd&#x41;"),
        ({"title": ["a", "b"]}, None),
        ({"title": {"a": "b"}}, None),
        ({"title": "x" * 5000}, "x" * 300),
        ({"title": "a\nb"}, "a\nb"),
    ],
)
async def test_titles_of_other_kinds(fields: dict[str, Any], title: str | None) -> None:
    async with station(page(**fields)) as one:
        assert (await one.reading()).title == title


@pytest.mark.parametrize("token", ["-", "-.", ".", ".5", "-.5", "1.", "-1.", "+5", "1e", "--1", "Infinity"])
@pytest.mark.parametrize("name", ["title", "server_name", "genre", "artist"])
async def test_any_text_that_icecast_takes_for_a_number_is_mended(token: str, name: str) -> None:
    text = page(**{"title": 'a "quoted":-, one', name: "@@"}).replace('"@@"', token)
    async with station(text) as one:
        reading = await one.reading()
        assert reading.concurrent == 2
        expected = {"title": token, "artist": f'{token} - a "quoted":-, one'}.get(name, 'a "quoted":-, one')
        assert reading.title == expected


async def test_a_server_that_just_started_is_unknown_not_off_the_air() -> None:
    async with station(captured("invalid_just_after_start")) as one:
        (answer,) = await one.read("/live1")
        assert isinstance(answer, Failure)
        assert answer.trouble is Trouble.GARBAGE
        with pytest.raises(Garbage, match="not JSON"):
            await one.icecast.describe(f"{one.pages.url}/live1", NOW)


@pytest.mark.parametrize("listeners", [None, -1, "many", True, [3], 2**60, float("inf")])
async def test_an_absurd_figure_is_unknown(listeners: Any) -> None:
    async with station(page(listeners=listeners)) as one:
        reading = await one.reading()
        assert reading.concurrent is None
        assert reading.reason


@pytest.mark.parametrize(
    ("stamp", "started"),
    [
        ("2026-11-22T15:13:16+0000", STARTED),
        ("2026-11-22T20:13:16+0500", STARTED),
        ("2026-11-22T15:13:16", None),
        ("yesterday", None),
        (None, None),
    ],
)
async def test_the_start_is_told_by_the_servers_own_offset(stamp: str | None, started: int | None) -> None:
    async with station(page(stream_start_iso8601=stamp)) as one:
        reading = await one.reading()
        assert reading.started_at == started
        assert reading.session == (f"/live1@{stamp}" if stamp else "/live1")


# --- describe ---------------------------------------------------------------------------------------------


async def test_a_mount_is_described() -> None:
    async with station(captured("status_2mounts_2and4")) as one:
        found = await one.icecast.describe(f"{one.pages.url}/live2", NOW)
        assert (found.reference, found.name) == (f"{one.pages.url}/live2", "Live 2")
        assert (found.unit, found.metric, found.daily) == ("listeners", Metric.CONCURRENT, False)
        assert (found.live_now, found.url) == (True, f"{one.pages.url}/live2")
        assert "connections" in (found.note or "")


@pytest.mark.parametrize(
    "tail",
    [
        "",
        "/",
        "/status-json.xsl",
        "/live1",
        "/live1.m3u",
        "/live1.xspf",
        "/status-json.xsl?mount=/live1",
        "/live1?a=b",
    ],
)
async def test_ways_to_write_the_one_mount_of_a_server(tail: str) -> None:
    async with station(captured("status_1mount_3listeners")) as one:
        for start in (one.pages.url, one.pages.authority, f" {one.pages.url}"):
            assert (await one.icecast.describe(start + tail, NOW)).reference == f"{one.pages.url}/live1"


async def test_an_address_without_a_scheme_is_tried_both_ways() -> None:
    async with station(says("not here", status=404)) as one:
        with pytest.raises(Garbage, match="HTTP 404"):
            await one.icecast.describe(f"{one.pages.authority}/live", NOW)
        with pytest.raises(Unavailable, match="No address is known"):
            await one.icecast.describe("nobody.invalid/live", NOW)


async def test_no_mount_among_several_is_refused_with_addresses_to_choose_from() -> None:
    async with station(captured("status_2mounts_2and4")) as one:
        with pytest.raises(BadAddress) as caught:
            await one.icecast.describe(f"http://ann:s3cret@{one.pages.authority}", NOW)
        message = str(caught.value)
        assert f"icecast:{one.pages.url}/live1 or icecast:{one.pages.url}/live2" in message
        assert "s3cret" not in message


async def test_no_mount_where_nothing_is_on_the_air() -> None:
    async with station(captured("status_0mounts")) as one:
        with pytest.raises(BadAddress, match="nothing on the air now; name the mount"):
            await one.icecast.describe(one.pages.url, NOW)


@pytest.mark.parametrize(
    ("name", "others"),
    [("status_0mounts", "The figure counts connections"), ("status_2mounts_2and4", "/live1, 127.0.0.1/live2")],
)
async def test_a_mount_that_is_off_the_air_can_be_watched(name: str, others: str) -> None:
    async with station(captured(name)) as one:
        found = await one.icecast.describe(f"{one.pages.url}/friday", NOW)
        assert (found.reference, found.live_now) == (f"{one.pages.url}/friday", False)
        assert found.name == "127.0.0.1/friday"
        assert others in (found.note or "")


@pytest.mark.parametrize("name", ["no name", "Unspecified name", "", None])
async def test_a_stream_without_a_name_is_called_by_its_address(name: str | None) -> None:
    async with station(page(server_name=name)) as one:
        assert (await one.icecast.describe(one.pages.url, NOW)).name == "127.0.0.1/live1"


async def test_credentials_stay_in_the_reference_alone() -> None:
    async with station(page()) as one:
        found = await one.icecast.describe(f"http://ann:s3cret@{one.pages.authority}/live1", NOW)
        assert found.reference == f"http://ann:s3cret@{one.pages.authority}/live1"
        assert found.url == f"{one.pages.url}/live1"
        (answer,) = (await one.icecast.read([Ask(reference=found.reference)], NOW))[0].answers
        assert isinstance(answer, Answer)
        assert answer.readings[0].url == f"{one.pages.url}/live1"
        assert all("Authorization" in request.headers for request in one.pages.requests)


@pytest.mark.parametrize("mount", ["/my radio", "/radio/deep/live.mp3", "/müsik", "/a%b"])
async def test_odd_names_of_mounts(mount: str) -> None:
    async with station(page(listenurl=f"http://odd host!:8000{mount.replace('%', '%25')}")) as one:
        found = await one.icecast.describe(one.pages.url, NOW)
        assert found.live_now
        (answer,) = (await one.icecast.read([Ask(reference=found.reference)], NOW))[0].answers
        assert isinstance(answer, Answer)
        assert answer.readings[0].session == mount
        assert dict(one.pages.requests[-1].query) == {"mount": mount}


async def test_what_is_not_icecast() -> None:
    async with station(json.dumps({"status": "fine"})) as one:
        with pytest.raises(Garbage, match="no status page of Icecast"):
            await one.icecast.describe(f"{one.pages.url}/live", NOW)


@pytest.mark.parametrize(
    ("url", "recognised"),
    [
        ("https://radio.example.org/status-json.xsl", True),
        ("https://radio.example.org/status-json.xsl?mount=/live", True),
        ("http://radio.example.org:8000/status-json.xsl", True),
        ("https://radio.example.org/live.mp3", False),
        ("https://icecast.example.org/", False),
        ("ftp://radio.example.org/status-json.xsl", False),
        ("radio.example.org/status-json.xsl", False),
    ],
)
async def test_recognises_its_status_page_alone(url: str, recognised: bool) -> None:
    assert Icecast(Web()).recognises(url) == (url if recognised else None)


async def test_every_captured_page_is_covered_here() -> None:
    """A page that is added to the captures must at least be read without a surprise."""
    for path in sorted((PAYLOADS / "icecast").glob("*.json")):
        async with station(path.read_bytes()) as one:
            (answer,) = await one.read("/live1")
            if isinstance(answer, Failure):
                assert path.stem == "invalid_just_after_start"
            else:
                assert len(answer.readings) <= 1


@pytest.mark.parametrize("name", ["admin_401", "mount_404", "admin_listclients_missing_mount"])
async def test_captured_errors(name: str) -> None:
    head, _, body = payload(f"icecast/{name}.http").partition(b"\r\n\r\n")
    status = int(head.split()[1])
    async with station(says(body, status=status, Content_Type="text/html")) as one:
        (answer,) = await one.read("/live1")
        assert isinstance(answer, Failure)
        assert answer.trouble is (Trouble.DENIED if status == 401 else Trouble.GARBAGE)


def test_the_captured_start_is_what_the_tests_say() -> None:
    assert STARTED % SECOND == 0
