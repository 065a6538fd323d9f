"""The example of docs/sources.md on answers of its platform; the contract suite runs it as well."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest

from bot.domain.reading import Answer, Failure, State
from bot.ports.source import Ask, BadAddress, SourceError
from bot.sources import SOURCES
from bot.sources.web import Web
from tests.mutate import mutations
from tests.servers.pages import Pages, says, serving
from tests.sources.documented import MANUAL, code, peertube

NOW = 1_795_360_546_000
ID = "kkGMgK9ZtnKfYAgnEtQxbv"
#: As the server's source code has it: https://github.com/Chocobozzz/PeerTube (VideoDetails).
VIDEO = {
    "uuid": "9c9de5e8-0a1e-484a-b099-e80766180a6d",
    "name": "Friday",
    "isLive": True,
    "state": {"id": 1, "label": "Published"},
    "publishedAt": "2026-11-22T15:13:16.000Z",
    "viewers": 42,
    "views": 500,
}


async def read(pages: Pages, web: Web) -> Answer | Failure:
    source = peertube(web)
    (told,) = await source.read([Ask(reference=f"{pages.url}/w/{ID}")], NOW)
    (answer,) = told.answers
    assert isinstance(answer, Answer | Failure)
    return answer


def test_it_is_short_enough_to_read() -> None:
    lines = [line for line in code().splitlines() if line.strip()]
    assert 20 < len(lines) < 60


async def test_it_asks_for_the_video_and_reads_it() -> None:
    async with serving(says(json.dumps(VIDEO))) as pages:
        web = Web(allowed=[pages.authority])
        answer = await read(pages, web)
        assert pages.requests[-1].path == f"/api/v1/videos/{ID}"
        assert isinstance(answer, Answer)
        (one,) = answer.readings
        assert (one.session, one.concurrent, one.state) == (VIDEO["publishedAt"], 42, State.LIVE)
        description = await peertube(web).describe(f"{pages.url}/videos/watch/{ID}?start=1", NOW)
        assert (description.name, description.live_now) == ("Friday", True)
        assert description.reference == f"{pages.url}/w/{ID}"
        await web.close()


@pytest.mark.parametrize(
    "change",
    [{"state": {"id": 4}}, {"state": {"id": 5}}, {"isLive": False}],
    ids=["waits", "ended", "a replay"],
)
async def test_off_is_told_as_off(change: dict[str, object]) -> None:
    async with serving(says(json.dumps(VIDEO | change))) as pages:
        web = Web(allowed=[pages.authority])
        assert await read(pages, web) == Answer(at=NOW)
        await web.close()


async def test_mutated_answers() -> None:
    async with serving(says("")) as pages:
        web = Web(allowed=[pages.authority])
        figures = 0
        for raw in mutations(json.dumps(VIDEO).encode(), seed=3, count=500):
            pages.answer = says(raw)
            answer = await read(pages, web)
            with suppress(SourceError):
                await peertube(web).describe(f"{pages.url}/w/{ID}", NOW)
            for one in answer.readings if isinstance(answer, Answer) else ():
                assert (one.concurrent is None) == bool(one.reason)
                assert one.concurrent is None or one.concurrent >= 0
                figures += one.concurrent == 42
        assert figures > 50
        await web.close()


@pytest.mark.parametrize("path", ["/w/", "/videos/watch/", "/videos/embed/", "/api/v1/videos/"])
async def test_every_page_of_a_video_is_the_video(path: str) -> None:
    async with serving(says(json.dumps(VIDEO))) as pages:
        web = Web(allowed=[pages.authority])
        described = await peertube(web).describe(f" {pages.url}{path}{ID}/ ", NOW)
        assert described.reference == f"{pages.url}/w/{ID}"
        with pytest.raises(BadAddress):
            await peertube(web).describe(f"{pages.url}/about", NOW)
        await web.close()


@pytest.mark.parametrize("name", sorted(SOURCES))
def test_every_source_has_its_section(name: str) -> None:
    text = MANUAL.read_text()
    assert f"`{name}:" in text.partition("\n## ")[0]  # in the table
    titles = [line.lower() for line in text.splitlines() if line.startswith("## ")]
    assert name == "replay" or any(name in title for title in titles)
