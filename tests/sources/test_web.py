"""The one HTTP client: what it lets through, how much, and how long it waits."""

from __future__ import annotations

import asyncio
import gzip
import logging
import socket
import time
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web

from bot.ports.source import BadAddress, Garbage, NotAllowed, SourceError, Unavailable
from bot.sources.web import MOST_PER_HOST, Web, is_public, once_each, parse_url
from tests.servers.pages import (
    Behaviour,
    Pages,
    floods,
    free_port,
    hangs,
    moves_in_circles,
    moves_to,
    says,
    serving,
    trickles,
    until,
)

PUBLIC = [
    "1.1.1.1",
    "93.184.216.34",
    "2606:4700::1111",
    "::ffff:1.1.1.1",
    "64:ff9b::101:101",
    "2002:101:101::1",
]
PRIVATE = [
    "0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "100.127.255.254", "127.0.0.1", "127.255.255.254",
    "169.254.169.254", "172.16.0.1", "172.31.255.254", "192.0.0.1", "192.0.2.1", "192.168.1.1", "198.18.0.1",
    "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255",
    "::", "::1", "::7f00:1", "fc00::1", "fd12:3456::1", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1",
    "2001:db8::1", "100::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254",
    "::ffff:100.64.0.1", "::ffff:0.0.0.0", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1",
    "2002:7f00:1::1", "2002:a00:1::",
]  # fmt: skip


@pytest.mark.parametrize("ip", PUBLIC)
def test_public_addresses(ip: str) -> None:
    assert is_public(ip)


@pytest.mark.parametrize("ip", PRIVATE)
def test_private_addresses(ip: str) -> None:
    assert not is_public(ip)


#: All of them lead to this machine.
SPELLINGS = [
    "127.0.0.1", "localhost", "LOCALHOST", "127.1", "127.0.1", "0x7f.1", "0x7f000001", "2130706433",
    "017700000001", "0177.0.0.1", "0", "0.0.0.0", "127.0.0.2", "①②⑦.0.0.1", "127。0。0。1", "[::1]", "[::]",
    "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[0:0:0:0:0:ffff:127.0.0.1]", "[64:ff9b::127.0.0.1]",
    "[fe80::1%25lo]",
]  # fmt: skip


@pytest.mark.parametrize("host", SPELLINGS)
async def test_no_spelling_of_a_private_address_slips_past(host: str) -> None:
    async with serving(says("secret")) as pages, using(Web()) as client:
        with pytest.raises(NotAllowed, match=rf"ALLOWED_PRIVATE_HOSTS=\S+:{pages.port}$"):
            await client.get(f"http://{host}:{pages.port}/")
        assert pages.requests == []


async def test_the_line_to_set_is_the_one_that_helps() -> None:
    async with serving(says("hello")) as pages:
        for host in ("127.0.0.1", "localhost", "2130706433"):
            async with using(Web()) as client:
                with pytest.raises(NotAllowed) as caught:
                    await client.get(f"http://{host}:{pages.port}/")
            line = str(caught.value).rpartition("ALLOWED_PRIVATE_HOSTS=")[2]
            async with using(Web(allowed=[line])) as client:
                assert (await client.get(f"http://{host}:{pages.port}/")).body == b"hello"


async def test_a_name_is_let_through_by_the_address_that_it_leads_to() -> None:
    async with serving(says("hello")) as pages, using(Web(allowed=[f" {pages.authority} "])) as client:
        assert (await client.get(f"http://localhost:{pages.port}/")).body == b"hello"


async def test_another_port_of_an_allowed_host_is_not_allowed() -> None:
    async with serving(says("hello")) as pages, using(Web(allowed=[f"127.0.0.1:{free_port()}"])) as client:
        with pytest.raises(NotAllowed):
            await client.get(pages.url)


@pytest.mark.parametrize("ip", PRIVATE)
def test_what_is_checked_is_what_is_connected_to(ip: str) -> None:
    # A name's addresses come here one by one, right before the connect: no second look-up lies between.
    family = socket.AF_INET6 if ":" in ip else socket.AF_INET
    with pytest.raises(OSError, match="not a public address"):
        Web()._socket((family, socket.SOCK_STREAM, 0, "", (ip, 80)))


async def test_a_connection_made_without_the_guard_serves_no_guarded_call() -> None:
    async with serving(says("hello")) as pages, using(Web()) as client:
        assert (await client.get(pages.url, guard=False)).body == b"hello"
        with pytest.raises(NotAllowed):
            await client.get(pages.url)
        assert len(pages.requests) == 1


@pytest.mark.parametrize(
    "url",
    [
        "", "words", "radio.example.org/live", "//radio.example.org/", "ftp://example.org/", "file:///etc/passwd",
        "javascript:alert(1)", "http://", "http:///path", "http://ho st/", "http://[::1/", "http://example.org:99999/",
        "http://example.org:port/", "http://a\\@b/", "http://\x00/", "unix:///run/docker.sock", "data:,hello",
        f"http://{'a' * 70}.example.org/",
    ],
)  # fmt: skip
async def test_what_is_no_address_of_the_web(url: str) -> None:
    async with using(Web()) as client:
        with pytest.raises(BadAddress):
            await client.get(url)


def test_one_address_one_spelling() -> None:
    assert str(parse_url("HTTPS://Example.ORG:443/%7Eann#part")) == "https://example.org/~ann"
    assert parse_url("http://example.org:80/x") == parse_url("http://example.org/x")


async def test_nothing_is_opened_before_the_first_call() -> None:
    client = Web()
    assert client._guarded is client._open is None
    await client.close()


async def test_it_can_be_used_again_after_it_was_closed() -> None:
    async with serving(says("hello")) as pages, using(Web(allowed=[pages.authority])) as client:
        for _ in range(2):
            assert (await client.get(pages.url)).status == 200
            await client.close()


async def test_connections_are_used_again() -> None:
    async with serving(says("hello")) as pages, using(Web(allowed=[pages.authority])) as client:
        for _ in range(3):
            await client.get(pages.url)
        ports = {request.transport and request.transport.get_extra_info("peername") for request in pages.requests}
        assert len(pages.requests) == 3
        assert len(ports) <= 1


async def test_parameters_are_added_and_survive() -> None:
    odd = 'sum(a{b=~"c|d"}) + 1 % 2 & 3 = 4 #5 / ü'
    async with serving(says("{}")) as pages, using(Web(allowed=[pages.authority])) as client:
        await client.get(f"{pages.url}/p?kept=1", params={"query": odd}, headers={"X-Key": "k"})
        (request,) = pages.requests
        assert dict(request.query) == {"kept": "1", "query": odd}
        assert request.headers["X-Key"] == "k"


async def test_cookies_are_not_kept() -> None:
    async with (
        serving(says("{}", Set_Cookie="a=b")) as pages,
        using(Web(allowed=[pages.authority])) as client,
    ):
        for _ in range(2):  # by a name: aiohttp keeps none of an IP address anyhow
            await client.get(f"http://localhost:{pages.port}/")
        assert "Cookie" not in pages.requests[1].headers


async def test_a_proxy_in_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{free_port()}")
    monkeypatch.delenv("no_proxy", raising=False)
    async with serving(says("hello")) as pages, using(Web(allowed=[pages.authority])) as client:
        assert (await client.get(pages.url)).body == b"hello"


# --- credentials ------------------------------------------------------------------------------------------


async def test_credentials_become_basic_authorisation() -> None:
    async with serving(says("{}")) as pages, using(Web(allowed=[pages.authority])) as client:
        await client.get(f"http://ann:p%40ss%3Awörd@{pages.authority}/")
        (request,) = pages.requests
        assert request.headers["Authorization"] == aiohttp.encode_basic_auth("ann", "p@ss:wörd", "utf-8")


SECRETS = "http://ann:s3cret@{}/t0ken/in/path?key=t0ken"


@pytest.mark.parametrize(
    "answer",
    [
        says("", status=401), says("", status=429), says("", status=500), moves_in_circles, hangs, floods,
        moves_to("ftp://ann:s3cret@example.org/t0ken"), moves_to("http://ann:s3cret@10.0.0.1/t0ken"),
        moves_to("http://t0ken:bad/"), moves_to("http://ann:s3cret@[::1/"),
        says(b"no gzip at all", Content_Encoding="gzip"),
    ],
)  # fmt: skip
async def test_secrets_are_in_no_error_and_no_log(answer: Behaviour, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with serving(answer) as pages:
        client = Web(allowed=[pages.authority], timeout_seconds=0.2, largest_body=100)
        async with using(client):
            with pytest.raises(SourceError) as caught:
                await client.get(SECRETS.format(pages.authority))
        assert "s3cret" not in str(caught.value) + repr(caught.value) + caplog.text
        assert "t0ken" not in str(caught.value) + caplog.text
    async with using(Web()) as client:
        for url in (SECRETS.format("127.0.0.1:9"), SECRETS.format("no such host"), SECRETS.format("[::1")):
            with pytest.raises(SourceError) as caught:
                await client.get(url)
            assert "s3cret" not in str(caught.value)
            assert "t0ken" not in str(caught.value)


async def test_credentials_stay_with_their_host_through_redirects() -> None:
    async with serving(says("{}")) as other, serving() as first:
        first.answer = at_root(moves_to("/next"), otherwise=moves_to(other.url))
        async with using(Web(allowed=[first.authority, other.authority])) as client:
            await client.get(f"http://ann:s3cret@{first.authority}/", headers={"X-Key": "k"})
        assert [("Authorization" in r.headers, "X-Key" in r.headers) for r in first.requests] == [(True, True)] * 2
        (request,) = other.requests
        assert "Authorization" not in request.headers
        assert "X-Key" not in request.headers


# --- redirects --------------------------------------------------------------------------------------------


def at_root(answer: Behaviour, *, otherwise: Behaviour) -> Behaviour:
    async def choose(request: web.BaseRequest) -> web.StreamResponse:
        return await (answer if request.path == "/" else otherwise)(request)

    return choose


def counting_down(last: Behaviour) -> Behaviour:
    """Redirect /3 to /2 to /1 to /0, which answers."""

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        left = int(request.path[1:])
        return await (moves_to(f"/{left - 1}?again=1") if left else last)(request)

    return answer


async def test_five_redirects_are_followed_and_no_sixth() -> None:
    async with serving(counting_down(says("here"))) as pages, using(Web(allowed=[pages.authority])) as client:
        assert (await client.get(f"{pages.url}/5")).body == b"here"
        assert len(pages.requests) == 6
        pages.requests.clear()
        with pytest.raises(Garbage, match="redirects more than 5 times"):
            await client.get(f"{pages.url}/6")
        assert len(pages.requests) == 6


async def test_a_redirect_to_a_private_address_is_refused_at_every_step() -> None:
    async with serving(says("secret")) as hidden, serving(counting_down(moves_to(hidden.url))) as pages:
        async with using(Web(allowed=[pages.authority])) as client:
            with pytest.raises(NotAllowed, match=f"ALLOWED_PRIVATE_HOSTS={hidden.authority}"):
                await client.get(f"{pages.url}/2")
        assert hidden.requests == []


# --- bounds -----------------------------------------------------------------------------------------------


def bomb(encoding: str, size: int) -> Behaviour:
    raw = b" " * size
    body = gzip.compress(raw) if encoding == "gzip" else zlib.compress(raw)
    assert len(body) < size / 100
    return says(body, Content_Encoding=encoding)


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
async def test_a_body_is_measured_after_decompression(encoding: str) -> None:
    async with (
        serving(bomb(encoding, 50_000_000)) as pages,
        using(Web(allowed=[pages.authority], largest_body=1_000_000)) as client,
    ):
        with pytest.raises(Garbage, match="more than 1,000,000 bytes"):
            await client.get(pages.url)


async def test_a_compressed_body_is_read() -> None:
    async with serving(bomb("gzip", 90_000)) as pages, using(Web(allowed=[pages.authority])) as client:
        assert len((await client.get(pages.url)).body) == 90_000


async def test_a_body_of_just_the_limit_is_read() -> None:
    async with serving(says("x" * 1000)) as pages:
        async with using(Web(allowed=[pages.authority], largest_body=1000)) as client:
            assert len((await client.get(pages.url)).body) == 1000
        async with using(Web(allowed=[pages.authority], largest_body=999)) as client:
            with pytest.raises(Garbage, match="more than 999 bytes"):
                await client.get(pages.url)


def after(seconds: float, answer: Behaviour) -> Behaviour:
    async def late(request: web.BaseRequest) -> web.StreamResponse:
        await asyncio.sleep(seconds)
        return await answer(request)

    return late


@pytest.mark.parametrize(
    "answer", [hangs, trickles, after(0.1, moves_in_circles)], ids=["hang", "trickle", "hops"]
)
async def test_the_whole_call_is_bounded_in_time(answer: Behaviour) -> None:
    async with (
        serving(answer) as pages,
        using(Web(allowed=[pages.authority], timeout_seconds=0.25)) as client,
    ):
        started = time.monotonic()
        with pytest.raises(Unavailable, match=r"did not answer within 0\.25 seconds"):
            await client.get(pages.url)
        assert time.monotonic() - started < 5


async def test_a_host_that_hangs_does_not_hold_up_another() -> None:
    async with serving(hangs, host="0.0.0.0") as slow, serving(says("hello")) as fast:
        hosts = [f"127.0.1.{number}:{slow.port}" for number in range(1, 151)]
        async with using(Web(allowed=[*hosts, fast.authority])) as client:
            hanging = [asyncio.create_task(client.get(f"http://{host}/")) for host in hosts]
            await until(lambda: len(slow.requests) == len(hosts))
            assert (await client.get(fast.url)).body == b"hello"
            for task in hanging:
                task.cancel()
            await asyncio.gather(*hanging, return_exceptions=True)


async def test_a_host_is_not_flooded() -> None:
    async with (
        serving(hangs) as slow,
        serving(says("hello")) as fast,
        using(Web(allowed=[slow.authority, fast.authority])) as client,
    ):
        hanging = [asyncio.create_task(client.get(slow.url)) for _ in range(50)]
        await until(lambda: len(slow.requests) == MOST_PER_HOST)
        await client.get(fast.url)
        assert len(slow.requests) == MOST_PER_HOST
        for task in hanging:
            task.cancel()
        await asyncio.gather(*hanging, return_exceptions=True)


async def test_a_cancelled_call_stays_cancelled() -> None:
    async with serving(hangs) as pages, using(Web(allowed=[pages.authority])) as client:
        task = asyncio.create_task(client.get(pages.url))
        await first_request(pages)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_https_where_none_is_spoken() -> None:
    async with serving(says("hello")) as pages, using(Web(allowed=[pages.authority])) as client:
        with pytest.raises(Unavailable, match="does not speak https"):
            await client.get(f"https://{pages.authority}/")


async def test_a_name_that_nobody_has() -> None:
    async with using(Web()) as client:
        with pytest.raises(Unavailable, match=r"No address is known for the name nobody\.invalid"):
            await client.get("http://nobody.invalid/")


async def test_what_does_not_speak_http() -> None:
    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example.org ESMTP\r\n\r\n")
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, using(Web(allowed=[f"127.0.0.1:{port}"])) as client:
        with pytest.raises(SourceError):
            await client.get(f"http://127.0.0.1:{port}/")


async def test_each_key_is_fetched_once_and_errors_are_values() -> None:
    asked: list[int] = []

    async def fetch(key: int) -> int:
        asked.append(key)
        if key == 2:
            raise Unavailable("no")
        return key * 10

    found = await once_each([1, 2, 1, 3, 2], fetch)
    assert asked == [1, 2, 3]
    assert list(found) == [1, 2, 3]
    assert (found[1], found[3]) == (10, 30)
    assert isinstance(found[2], Unavailable)


# ----------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def using(client: Web) -> AsyncIterator[Web]:
    try:
        yield client
    finally:
        await client.close()


async def first_request(pages: Pages) -> None:
    await until(lambda: bool(pages.requests))


async def test_a_host_that_the_operator_chose_leads_to_no_private_one() -> None:
    async with serving(says("secret")) as hidden, serving() as pages, using(Web()) as client:
        for elsewhere in (f"http://localhost:{hidden.port}/", hidden.url):
            pages.answer = moves_to(elsewhere)
            with pytest.raises(NotAllowed):
                await client.get(pages.url, guard=False)
        assert hidden.requests == []
        pages.answer = at_root(moves_to("/next"), otherwise=says("hello"))
        assert (await client.get(pages.url, guard=False)).body == b"hello"
