"""The pages over real HTTP: what stands on them, in which language, with which headers, and what is refused."""

from __future__ import annotations

import asyncio
import re
import socket
from html.parser import HTMLParser

import pytest
import sqlalchemy as sa

from bot.domain import DAY, HOUR
from bot.domain.measure import Measure
from bot.pages import Pages, ServeError
from bot.pages.kept import FRESH
from bot.pages.server import HEADERS, IDLE_SECONDS
from bot.texts.catalog import languages
from storage import chats, doubts, records, watches
from storage.database import Database
from storage.records import Entry
from tests.fakes.clock import NOW
from tests.pages.stand import URL, Site, hill

VOID = {"meta", "link", "br", "path", "line", "circle", "rect"}


class Outline(HTMLParser):
    """Reads a page as strictly as a test may: every element is closed, ids are told once."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.links: list[str] = []
        self.loads: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        its = dict(attrs)
        if tag == "a":
            self.links.append(its["href"] or "")
        if tag in {"script", "img", "iframe"} or (tag == "link" and its.get("rel") != "canonical"):
            self.loads.append(its.get("src") or its.get("href") or "")
        assert not any(name.startswith("on") or name == "style" for name in its), its
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text += data


def read(page: str) -> Outline:
    found = Outline()
    found.feed(page)
    found.close()
    assert found.open == []
    return found


async def evening(stand: Site) -> tuple[int, int]:
    """A session of yesterday, and one that is live."""
    watch = await stand.watch("night", name="Night Radio")
    past = await stand.goes(watch, hill(60, 1120), start=NOW - DAY, title="Warm-up")
    live = await stand.goes(
        watch, hill(100, 1340)[:60], start=NOW - HOUR, ends=False, title="Midnight", url="https://x.com/i/spaces/1"
    )
    return past, live


async def test_every_page_says_what_is_known_of_a_session(stand: Site) -> None:
    past, live = await evening(stand)
    now = read(await stand.get("/"))
    assert "Live now" in now.text
    assert "Night Radio" in now.text
    assert {f"./s/{live}", f"./s/{past}", "./records"} <= set(now.links)
    page = await stand.get(f"/s/{live}")
    one = read(page)
    for said in ("Night Radio has been live for", "Midnight", "Peak", "Average", "1,340", "read every 1 min"):
        assert said in one.text, said
    assert "Record of Night Radio" in one.text
    assert "https://x.com/i/spaces/1" in one.links
    assert f"../s/{past}" in one.links
    assert re.search(r'<time datetime="2026-11-2\dT[\d:]+Z">[^<]* CET</time>', page)
    assert '<svg class="chart"' in page
    assert "Line chart of Night Radio" in page
    over = read(await stand.get(f"/s/{past}"))
    assert "Night Radio ended after" in over.text
    assert "of the airtime covered" in over.text
    book = read(await stand.get("/records"))
    assert "observed by us every 1 min, 100% covered" in book.text
    assert "1,120" in book.text
    every = read(await stand.get(f"/w/{(await _only_watch(stand)).id}"))
    assert {f"../s/{past}", f"../s/{live}"} <= set(every.links)
    for found in (now, one, over, book, every):
        assert all(to in {"../live.js", "./live.js"} or to.startswith("data:") for to in found.loads)


async def _only_watch(stand: Site) -> watches.Watch:
    async with stand.database.read() as connection:
        (found,) = await watches.everything(connection)
    return found


async def test_what_changes_is_asked_for_again_with_and_without_scripts(stand: Site) -> None:
    past, live = await evening(stand)
    for path in ("/", f"/s/{live}"):
        page = await stand.get(path)
        assert 'data-every="15"' in page
        assert '<noscript><meta http-equiv="refresh" content="30"></noscript>' in page
    for path in (f"/s/{past}", "/nowhere"):
        page = await stand.get(path, status=404 if path == "/nowhere" else 200)
        assert "refresh" not in page
        assert "<script" not in page


async def test_the_headers_of_a_careful_site(stand: Site) -> None:
    _, live = await evening(stand)
    for path in ("/", f"/s/{live}", "/records", "/live.js", "/nowhere", "/s/999"):
        answer, text = await stand.answer(path)
        for name, value in HEADERS.items():
            assert answer.headers[name] == value
        policy = answer.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'")
        assert "unsafe" not in policy
        assert "Server" not in answer.headers
        assert answer.headers["Cache-Control"].startswith("public, max-age=")
        assert "aiohttp" not in f"{answer.headers} {text}".lower()
        head, nothing = await stand.answer(path, method="HEAD", fresh=False)
        assert (head.status, nothing) == (answer.status, "")
        assert head.headers["Content-Length"] == answer.headers["Content-Length"]


async def test_pages_can_only_be_read(stand: Site) -> None:
    for method in ("POST", "PUT", "DELETE", "OPTIONS", "PATCH"):
        answer, text = await stand.answer("/", method=method, data=b"x" * 100)
        assert answer.status == 405
        assert answer.headers["Allow"] == "GET, HEAD"
        assert "Pages can only be read" in text
    for path in (
        "/s/0",
        "/s/-1",
        "/s/1.5",
        "/s/99999999999999999999",
        "/s/٣",
        "/s/1/",
        "/w/x",
        "/../etc",
        "//s/1",
    ):
        await stand.get(path, status=404)
    await stand.get("/" + "a/" * 900, status=404)
    answer, _ = await stand.answer("/" + "a" * 5_000)
    assert answer.status == 400


async def test_what_is_no_http_is_refused_in_a_line(stand: Site) -> None:
    for said in (
        b"hello\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"y" * 9_000 + b"\r\n\r\n",
        b"\x16\x03\x01\x02\0",
    ):
        reader, writer = await asyncio.open_connection("127.0.0.1", stand.pages.port)
        writer.write(said + b"\r\n\r\n")
        answer = await asyncio.wait_for(reader.read(), 5)
        writer.close()
        assert answer.startswith(b"HTTP/1.")
        assert b" 400 " in answer.splitlines()[0]
        assert b"Server:" not in answer
        assert b"aiohttp" not in answer
        assert answer.endswith(b"Bad request\n")


async def test_who_is_slow_to_ask_or_to_read_holds_no_connection(stand: Site) -> None:
    assert IDLE_SECONDS <= 30
    pages = Pages(stand.database, clock=stand.clock, host="127.0.0.1", port=0, idle_seconds=0.5)
    await pages.start()
    try:
        for said in (b"", b"GET / HTTP/1.1\r\nHo"):
            reader, writer = await asyncio.open_connection("127.0.0.1", pages.port)
            writer.write(said)
            assert await asyncio.wait_for(reader.read(), 10) == b""
            writer.close()
    finally:
        await pages.stop()


async def test_a_page_that_has_not_changed_is_not_sent_again(stand: Site) -> None:
    past, _ = await evening(stand)
    answer, _ = await stand.answer(f"/s/{past}")
    tag, changed = answer.headers["ETag"], answer.headers["Last-Modified"]
    for headers in ({"If-None-Match": tag}, {"If-None-Match": "*"}, {"If-Modified-Since": changed}):
        again, text = await stand.answer(f"/s/{past}", headers=headers)
        assert (again.status, text) == (304, "")
        assert again.headers["ETag"] == tag
    other, _ = await stand.answer(f"/s/{past}", headers={"If-None-Match": '"other"', "If-Modified-Since": changed})
    assert other.status == 200
    assert (await stand.answer("/s/999", headers={"If-None-Match": "*"}))[0].status == 404


async def test_packed_only_for_who_takes_it(stand: Site) -> None:
    past, _ = await evening(stand)
    packed, text = await stand.answer(f"/s/{past}", headers={"Accept-Encoding": "gzip"})
    plain, same = await stand.answer(f"/s/{past}", fresh=False, headers={"Accept-Encoding": "identity, gzip;q=0"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in plain.headers
    assert text == same
    assert int(packed.headers["Content-Length"]) < int(plain.headers["Content-Length"]) / 2


@pytest.mark.parametrize(
    ("asked", "header", "found"),
    [
        ("", "", "en"),
        ("", "es-MX,es;q=0.9,en;q=0.8", "es"),
        ("", "fr, ko;q=0.5, en;q=0.1", "ko"),
        ("", "fr;q=1, en;q=0.2, ur;q=0", "en"),
        ("?lang=ur", "es", "ur"),
        ("?lang=xx", "es", "es"),
        ("?lang=../../etc", "x" * 2_000, "en"),
        ("?lang=", ";;;q=,,*", "en"),
    ],
)
async def test_in_the_language_that_the_reader_reads(stand: Site, asked: str, header: str, found: str) -> None:
    if found not in languages():
        pytest.skip("no catalog of it yet")
    answer, page = await stand.answer(f"/{asked}", headers={"Accept-Language": header})
    direction = "rtl" if found == "ur" else "ltr"
    assert f'<html lang="{found}" dir="{direction}">' in page
    assert answer.headers["Content-Language"] == found
    assert f'<a href="?lang={found}" lang="{found}" hreflang="{found}" aria-current="true">' in page
    assert ('href="./records?lang=ur"' in page) == (asked == "?lang=ur")


async def test_every_page_in_every_language(stand: Site) -> None:
    past, live = await evening(stand)
    for language in languages():
        for path in ("/", "/records", f"/s/{past}", f"/s/{live}", "/w/999"):
            page = await stand.get(f"{path}?lang={language}", status=404 if path == "/w/999" else 200)
            found = read(page)
            assert "{" not in found.text, (language, path)
            assert f'lang="{language}"' in page


async def test_a_thousand_readers_cost_one_writing(stand: Site) -> None:
    past, _ = await evening(stand)
    asked: list[str] = []
    engine = stand.database._read.sync_engine
    sa.event.listen(engine, "before_cursor_execute", lambda _c, _k, statement, *_: asked.append(statement))
    await stand.get(f"/s/{past}")
    once = len(asked)
    assert once
    pages = await asyncio.gather(*(stand.get(f"/s/{past}", fresh=False) for _ in range(200)))
    assert len(set(pages)) == 1
    assert len(asked) == once
    stand.clock.now += FRESH
    await asyncio.gather(*(stand.get(f"/s/{past}", fresh=False) for _ in range(50)))
    assert len(asked) <= 2 * once


async def test_hostile_titles_are_text(stand: Site) -> None:
    hostile = (
        "</title><script>alert(1)</script><img src=x onerror=alert(1)>\"'{{ 7*7 }}{% for %}\u202e\u2066",
        "\u202eevil\u2069 <b>",
        "x" * 100_000,
        "\u0300" * 50_000,
        "</svg><script>",
        "javascript:alert(1)",
    )
    for place, title in enumerate(hostile):
        watch = await stand.watch(f"w{place}", name=title[:60] or "x")
        id_ = await stand.goes(
            watch,
            [10, 20, 15],
            start=NOW + place * HOUR,
            ends=place % 2 == 0,
            title=title,
            hosts=(title,) * 3,
            url="javascript:alert(1)",
        )
        page = await stand.get(f"/s/{id_}")
        found = read(page)
        assert len(page) < 40_000
        assert "49" not in re.sub(r"\d{3,}", "", found.text) or "7*7" not in title
        assert not any(link.startswith("javascript") for link in found.links)
        assert "\u202e" not in page
        assert all(to == "../live.js" or to.startswith("data:") for to in found.loads)
    for path in ("/", "/records"):
        page = await stand.get(path)
        read(page)
        assert "<script>alert" not in page
        assert "<img" not in page


async def test_a_disputed_figure_is_no_record_and_says_so(stand: Site) -> None:
    past, live = await evening(stand)
    async with stand.database.write() as connection:
        entry = Entry(
            platform="x", measure="peak", scope=3, value=44_000, holder="K-POP Space", link="https://a.example/",
            disputed=True, note="Probably not in all",
        )  # fmt: skip
        await records.add(connection, entry, now=NOW)
    book = read(await stand.get("/records"))
    assert "disputed: Probably not in all" in book.text
    assert "The figure of K-POP Space is imported, not observed by us, and disputed." in (
        read(await stand.get(f"/s/{live}")).text
    )
    async with stand.database.write() as connection:
        chat = await chats.find(connection, platform="fake", key="ann")
        assert chat is not None
        await doubts.raise_(
            connection, past, Measure.PEAK, chat_id=chat.id, why="a secret reason", made_by=None, now=NOW
        )
    text = read(await stand.get(f"/s/{past}")).text
    assert "Disputed, and no record: peak at once." in text
    assert "1,120" not in re.sub(r".*?(?=average)", "", read(await stand.get("/records")).text)
    assert "a secret reason" not in text + await stand.get("/records")


async def test_a_gap_is_a_gap_and_a_glitch_is_left_out(stand: Site) -> None:
    watch = await stand.watch("night")
    figures = [*hill(60, 500)]
    figures[45] = 90_000
    id_ = await stand.goes(watch, figures, start=NOW, without=range(20, 35))
    page = await stand.get(f"/s/{id_}")
    assert page.count('class="gap"') == 1
    assert "no readings" in page
    assert "1 reading left out as a glitch" in page
    assert "90,000" not in page
    (line,) = re.findall(r'<path class="line" d="([^"]+)"', page)
    assert line.count("M") == 2


async def test_where_readers_find_it_is_the_operators_word_not_the_requests(stand: Site) -> None:
    past, _ = await evening(stand)
    page = await stand.get(f"/s/{past}", headers={"Host": "evil.example", "X-Forwarded-Host": "evil.example"})
    assert "evil.example" not in page
    assert f'<link rel="canonical" href="{URL}/s/{past}">' in page


async def test_a_port_that_is_taken_is_a_clear_error(database: Database) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ServeError, match=rf"HTTP_ADDRESS: .* 127.0.0.1, port {port} .*such as"):
            await Pages(database, clock=lambda: NOW, host="127.0.0.1", port=port).start()


async def test_on_ipv6_too(database: Database) -> None:
    pages = Pages(database, clock=lambda: NOW, host="::1", port=0)
    await pages.start()
    reader, writer = await asyncio.open_connection("::1", pages.port)
    writer.write(b"GET / HTTP/1.0\r\n\r\n")
    assert b" 200 OK" in await reader.readline()
    writer.close()
    await pages.stop()


async def test_an_error_says_nothing_of_what_went_wrong(stand: Site) -> None:
    closed = Database("sqlite:////nowhere/at/all.db")  # never opened
    broken = Pages(closed, clock=lambda: NOW, host="127.0.0.1", port=0)
    await broken.start()
    try:
        async with stand.reader.get(f"http://127.0.0.1:{broken.port}/s/1") as answer:
            text = await answer.text()
            assert answer.status == 500
            assert answer.headers["Cache-Control"] == "no-store"
            assert "Something went wrong" in text
            assert "Traceback" not in text
            assert "nowhere" not in text
    finally:
        await broken.stop()
