"""What every source keeps to, whatever its platform: real HTTP on loopback, nothing replaced."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from email.utils import formatdate
from functools import partial
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

import pytest
from aiohttp import web

from bot.domain import DAY, SECOND
from bot.domain.reading import Answer, Failure, Metric, Reading, State, Trouble
from bot.ports.source import Ask, BadAddress, NotAllowed, Source, SourceError, Told
from bot.sources import SOURCES
from bot.sources.azuracast import AzuraCast
from bot.sources.hashtag import Hashtag
from bot.sources.icecast import Icecast
from bot.sources.json import Json
from bot.sources.kick import Kick
from bot.sources.kit import Kit
from bot.sources.owncast import Owncast
from bot.sources.prometheus import Prometheus
from bot.sources.replay import Replay
from bot.sources.twitch import Twitch
from bot.sources.web import Web
from bot.sources.x import X
from bot.sources.youtube import YouTube
from tests.contracts.stage_stand import a_stage
from tests.servers import youtube as youtube_servers
from tests.servers.kick import KickServer, kick
from tests.servers.pages import (
    Behaviour,
    Pages,
    breaks_off,
    floods,
    free_port,
    hangs,
    hangs_up,
    moves_in_circles,
    moves_to,
    says,
    serving,
    trickles,
)
from tests.servers.twitch import TwitchServer, twitch
from tests.servers.x import TOKEN, XServer, x_server
from tests.sources.documented import peertube

NOW = 1_795_360_546_000
TIMEOUT_SECONDS = 10
#: For what never ends.
SHORT_TIMEOUT_SECONDS = 0.5
LARGEST_BODY = 65_536
#: Things that one test makes at most.
MOST_THINGS = 5
SECRET = "s3cret"
#: Platforms that show 0 where the figure is hidden: there, 0 is unknown.
HIDING_BEHIND_ZERO = {"kick"}
#: Sources that know all of a session or nothing: there, what is hidden is a failure.
ALL_OR_NOTHING = {"stage"}
#: Sources that are never off: a day on which nothing is said is a 0.
NEVER_OFF = {"hashtag"}


class Stand(Protocol):
    """A source together with things of its platform that a test can make."""

    source: Source

    async def showing(self, figure: float | None) -> str:
        """Make something live that shows this figure, None for one that is hidden; return its reference."""
        ...

    async def off(self) -> str:
        """Make something that is not live, and return its reference."""
        ...

    async def broken(self) -> str:
        """Make something that cannot be read now, and return its reference."""
        ...


@dataclass(frozen=True)
class Kind:
    """How one platform that is asked by HTTP looks.

    Attributes:
        reference: The address of a thing on a server whose root is given.
        body: What the server says to show a figure; "off" for nothing live.
    """

    name: str
    make: Callable[[Web], Source]
    reference: Callable[[str], str]
    body: Callable[[float | str | None], str]


def icecast_body(figure: float | str | None) -> str:
    source = {
        "listenurl": "http://localhost:8000/live",
        "server_name": "Friday",
        "stream_start_iso8601": "2026-11-22T15:13:16+0000",
    }
    live = source if figure is None else source | {"listeners": figure}
    return json.dumps({"icestats": {"host": "localhost"} | ({} if figure == "off" else {"source": live})})


def json_body(figure: float | str | None) -> str:
    return json.dumps({"live": figure != "off", "n": None if figure == "off" else figure})


def prometheus_body(figure: float | str | None) -> str:
    rows = [{"metric": {"__name__": "n"}, "value": [1795360546.6, str(figure)]}]
    result = [] if figure is None or figure == "off" else rows
    return json.dumps({"status": "success", "data": {"resultType": "vector", "result": result}})


def owncast_body(figure: float | str | None) -> str:
    """Say the status; asked for its configuration, the server says the same, which tells nothing."""
    status = {"online": figure != "off", "lastConnectTime": "2026-11-22T15:13:16Z"}
    return json.dumps(status if figure is None or figure == "off" else status | {"viewerCount": figure})


def azuracast_body(figure: float | str | None) -> str:
    station = {"id": 1, "name": "Friday", "shortcode": "friday"}
    listeners = {"total": None if figure == "off" else figure}
    return json.dumps({"station": station, "listeners": listeners, "is_online": figure != "off"})


def peertube_body(figure: float | str | None) -> str:
    video = {"isLive": True, "state": {"id": 5 if figure == "off" else 1}, "name": "Friday"}
    return json.dumps(video if figure is None else video | {"viewers": figure})


KINDS = [
    Kind("azuracast", AzuraCast, lambda root: f"{root}/friday", azuracast_body),
    Kind("icecast", Icecast, lambda root: f"{root}/live", icecast_body),
    Kind("json", Json, lambda root: f"{root}/status.json#n live-when live", json_body),
    Kind("owncast", Owncast, lambda root: root, owncast_body),
    Kind("peertube", peertube, lambda root: f"{root}/w/kkGMgK9ZtnKfYAgnEtQxbv", peertube_body),  # of the manual
    Kind("prometheus", Prometheus, lambda root: f"{root}#n live-when up", prometheus_body),
]


@dataclass
class Served:
    """A stand whose things are each a server of their own.

    Attributes:
        idle: Servers that run and have no thing yet: the client must know their ports when it is made.
        nobody: Where nobody listens.
    """

    kind: Kind
    source: Source
    idle: list[Pages]
    nobody: str

    async def thing(self, answer: Behaviour) -> str:
        pages = self.idle.pop()
        pages.answer = answer
        return self.kind.reference(f"http://ann:{SECRET}@{pages.authority}")

    async def showing(self, figure: float | None) -> str:
        if self.kind.name == "prometheus":
            return await self.thing(prometheus_answering(figure))
        return await self.thing(says(self.kind.body(figure)))

    async def off(self) -> str:
        return await self.thing(says(self.kind.body("off")))

    async def broken(self) -> str:
        return await self.thing(says("out of order", status=503))


def prometheus_answering(figure: float | None) -> Behaviour:
    """Say that it is up whatever the figure is."""
    up, n = says(prometheus_body(1)), says(prometheus_body(figure))

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        return await (up if request.query["query"] == "up" else n)(request)

    return answer


@asynccontextmanager
async def a_stand(kind: Kind, timeout_seconds: float = TIMEOUT_SECONDS) -> AsyncIterator[Served]:
    async with AsyncExitStack() as stack:
        idle = [await stack.enter_async_context(serving()) for _ in range(MOST_THINGS)]
        nobody = f"127.0.0.1:{free_port()}"
        client = Web(
            allowed=[*(pages.authority for pages in idle), nobody],
            timeout_seconds=timeout_seconds,
            largest_body=LARGEST_BODY,
        )
        stack.push_async_callback(client.close)
        source = kind.make(client)
        stack.push_async_callback(source.close)
        yield Served(kind, source, idle, nobody)


@dataclass
class Files:
    """A stand whose things are files, each of one line that lies at the moment of asking."""

    source: Source
    folder: Path
    made: int = 0

    def thing(self, line: dict[str, object]) -> str:
        self.made += 1
        path = self.folder / f"{self.made}.jsonl"
        header = {"replay": 1, "platform": "twitch", "watch": "Friday", "interval": 60}
        path.write_text("".join(json.dumps(one) + "\n" for one in (header, line)))
        return str(path)

    async def showing(self, figure: float | None) -> str:
        return self.thing({"at": "2026-11-22T15:00:00Z", "session": "s", "state": "live", "concurrent": figure})

    async def off(self) -> str:
        return self.thing({"at": "2026-11-22T15:00:00Z", "state": "offline"})

    async def broken(self) -> str:
        return self.thing({"at": "2026-11-22T15:00:00Z", "error": "unavailable"})


@asynccontextmanager
async def files() -> AsyncIterator[Files]:
    with TemporaryDirectory() as folder:
        yield Files(Replay(), Path(folder))


@dataclass
class YouTubeStand:
    """A stand whose things are channels of one YouTube."""

    source: Source
    server: youtube_servers.YouTube

    def channel(self) -> youtube_servers.Channel:
        return self.server.channel(f"c{len(self.server.channels)}")

    async def showing(self, figure: float | None) -> str:
        channel = self.channel()
        self.server.start(channel, NOW, None if figure is None else str(figure))
        return channel.handle

    async def off(self) -> str:
        channel = self.channel()
        self.server.upload(channel)
        return channel.handle

    async def broken(self) -> str:
        channel = self.channel()
        self.server.broken[channel.playlist] = says("out of order", status=503)
        return channel.handle


@asynccontextmanager
async def a_youtube() -> AsyncIterator[YouTubeStand]:
    async with youtube_servers.youtube() as server:
        client = Web(timeout_seconds=TIMEOUT_SECONDS)
        settings = {"YOUTUBE_API_KEY": youtube_servers.KEY, "YOUTUBE_API_URL": server.api}
        try:
            yield YouTubeStand(YouTube(Kit(web=client, settings=settings)), server)
        finally:
            await client.close()


@dataclass
class Accounts:
    """A stand whose things are accounts of one platform.

    Attributes:
        faulty: Fields of a stream that tell neither live nor off.
    """

    source: Source
    server: TwitchServer | KickServer
    faulty: dict[str, object]
    made: int = 0

    def name(self) -> str:
        self.made += 1
        return f"name{self.made}"

    async def showing(self, figure: float | None) -> str:
        name = self.name()
        self.server.live(name, 0 if figure is None and self.source.platform in HIDING_BEHIND_ZERO else figure)
        return name

    async def off(self) -> str:
        name = self.name()
        self.server.account(name)
        return name

    async def broken(self) -> str:
        name = self.name()
        self.server.live(name, **self.faulty)
        return name


@asynccontextmanager
async def accounts(platform: str) -> AsyncIterator[Accounts]:
    async with AsyncExitStack() as stack:
        client = Web(timeout_seconds=TIMEOUT_SECONDS)
        stack.push_async_callback(client.close)
        if platform == "twitch":
            helix = await stack.enter_async_context(twitch())
            yield Accounts(Twitch(Kit(web=client, settings=helix.settings)), helix, {"type": ""})
        else:
            public = await stack.enter_async_context(kick())
            faulty: dict[str, object] = {"id": None, "started_at": None}
            yield Accounts(Kick(Kit(web=client, settings=public.settings)), public, faulty)


@dataclass
class XStand:
    """A stand whose things are accounts of one X, and a Space that is not for everybody."""

    source: Source
    server: XServer

    def account(self) -> tuple[str, str]:
        handle = f"user{len(self.server.users)}"
        return f"@{handle}", self.server.user(handle)

    async def showing(self, figure: float | None) -> str:
        handle, id_ = self.account()
        self.server.space(id_, figure)
        return handle

    async def off(self) -> str:
        return self.account()[0]

    async def broken(self) -> str:
        space = self.server.space("9")
        self.server.shut.add(space)
        return space


@asynccontextmanager
async def an_x() -> AsyncIterator[XStand]:
    async with x_server() as server:
        client = Web(timeout_seconds=TIMEOUT_SECONDS)
        settings = {"X_BEARER_TOKEN": TOKEN, "X_API_URL": server.url, "X_DAILY_BUDGET_USD": "5"}
        seconds = count(step=2)  # X lets creators be asked for once a second
        try:
            yield XStand(X(Kit(web=client, settings=settings), clock=seconds.__next__), server)
        finally:
            await client.close()


@dataclass
class HashtagStand:
    """A stand whose things are hashtags, all of whose posts were written in the first minutes of the day.

    Attributes:
        posts: How many there were in each of these, by hashtag.
    """

    source: Source
    server: XServer
    posts: dict[str, list[int]]

    def tag(self, *posts: int) -> str:
        tag = f"#tag{len(self.posts)}"
        self.posts[tag] = list(posts)
        return tag

    def counted(self, tag: str, at: int) -> int:
        minute = at % DAY // 60_000
        posts = self.posts.get(tag, [])
        return posts[minute] if minute < len(posts) else 0

    async def showing(self, figure: float | None) -> str:
        # X hides no sum; one that is greater than can be is as good as none.
        return self.tag(2**53, 2**53) if figure is None else self.tag(int(figure))

    async def off(self) -> str:
        return self.tag()

    async def broken(self) -> str:
        tag = self.tag(5)
        self.server.broken[tag] = says("out of order", status=503)
        return tag


@asynccontextmanager
async def a_hashtag() -> AsyncIterator[HashtagStand]:
    async with x_server() as server:
        client = Web(timeout_seconds=TIMEOUT_SECONDS)
        settings = {"X_BEARER_TOKEN": TOKEN, "X_API_URL": server.url, "X_DAILY_BUDGET_USD": "5"}
        stand = HashtagStand(Hashtag(Kit(web=client, settings=settings)), server, {})
        server.posts = stand.counted
        try:
            yield stand
        finally:
            await client.close()


#: A new source gets a line here. One that is not asked by HTTP (`replay`) brings a Stand of its own.
STANDS = [
    *(pytest.param(partial(a_stand, kind), id=kind.name) for kind in KINDS),
    pytest.param(files, id="replay"),
    pytest.param(partial(accounts, "twitch"), id="twitch"),
    pytest.param(partial(accounts, "kick"), id="kick"),
    pytest.param(an_x, id="x"),
    pytest.param(a_hashtag, id="hashtag"),
    pytest.param(a_stage, id="stage"),
    pytest.param(a_youtube, id="youtube"),
]


def test_every_source_has_a_stand() -> None:
    assert {one.id for one in STANDS} >= set(SOURCES)


@pytest.fixture(params=STANDS)
async def stand(request: pytest.FixtureRequest) -> AsyncIterator[Stand]:
    async with request.param() as stand:
        yield stand


@pytest.fixture(params=[pytest.param(kind, id=kind.name) for kind in KINDS])
async def served(request: pytest.FixtureRequest) -> AsyncIterator[Served]:
    async with a_stand(request.param) as served:
        yield served


async def read(source: Source, *references: str, known: Sequence[str] = (), now: int = NOW) -> list[Told]:
    asks = [Ask(reference=one, known=tuple(known), started=NOW) for one in references]
    told = await source.read(asks, now)
    assert len(told) == len(references)
    return told


def only(told: Told) -> Answer | Failure:
    (answer,) = told.answers
    return answer


def reading(told: Told) -> Reading:
    answer = only(told)
    assert isinstance(answer, Answer), answer
    (one,) = answer.readings
    return one


def failure(told: Told) -> Failure:
    answer = only(told)
    assert isinstance(answer, Failure), answer
    return answer


def figure(source: Source, told: Told) -> float | None:
    """Return what ladders stand on."""
    one = reading(told)
    return one.posts if source.platform in NEVER_OFF else one.concurrent


def assert_off(source: Source, told: Told) -> None:
    if source.platform in NEVER_OFF:
        assert figure(source, told) == 0
    else:
        assert only(told) == Answer(at=NOW)


# --- every source -----------------------------------------------------------------------------------------


async def test_it_says_what_it_is(stand: Stand) -> None:
    source = stand.source
    assert source.example.startswith(f"{source.platform}:")
    assert source.batch >= 1
    assert await source.check() is None


async def test_describing_gives_the_one_spelling(stand: Stand) -> None:
    description = await stand.source.describe(await stand.showing(42), NOW)
    again = await stand.source.describe(description.reference, NOW)
    assert again.reference == description.reference
    assert description.name
    assert description.unit
    assert description.live_now is not False
    assert SECRET not in f"{description.name} {description.note} {description.url}"


async def test_something_off_the_air_can_be_watched(stand: Stand) -> None:
    reference = await stand.off()
    assert (await stand.source.describe(reference, NOW)).live_now is not True
    (told,) = await read(stand.source, reference)
    assert_off(stand.source, told)


async def test_a_figure_is_read_as_described(stand: Stand) -> None:
    description = await stand.source.describe(await stand.showing(42), NOW)
    (told,) = await read(stand.source, description.reference)
    one = reading(told)
    assert figure(stand.source, told) == 42
    assert (description.metric is Metric.POSTS) == (stand.source.platform in NEVER_OFF)
    assert one.state is State.LIVE
    assert one.session


async def test_nobody_there_is_zero(stand: Stand) -> None:
    (told,) = await read(stand.source, await stand.showing(0))
    if stand.source.platform in HIDING_BEHIND_ZERO:
        assert (figure(stand.source, told), bool(reading(told).reason)) == (None, True)
    else:
        assert figure(stand.source, told) == 0


async def test_unknown_is_never_zero_and_has_a_reason(stand: Stand) -> None:
    (told,) = await read(stand.source, await stand.showing(None))
    if stand.source.platform in ALL_OR_NOTHING:
        assert_sentence(failure(told).detail)
        return
    assert figure(stand.source, told) is None
    assert reading(told).reason


async def test_a_session_keeps_its_id(stand: Stand) -> None:
    reference = await stand.showing(5)
    first = reading(*await read(stand.source, reference)).session
    later = reading(*await read(stand.source, reference, known=[first], now=NOW + 60 * SECOND))
    assert later.session == first


async def test_results_come_in_the_order_asked(stand: Stand) -> None:
    references = [await stand.showing(figure) for figure in (3, 1, 4, 1, 5)]
    told = await read(stand.source, *references, *reversed(references))
    assert [figure(stand.source, one) for one in told] == [3, 1, 4, 1, 5, 5, 1, 4, 1, 3]


async def test_one_that_fails_does_not_touch_the_others(stand: Stand) -> None:
    good, bad, off = await stand.showing(7), await stand.broken(), await stand.off()
    told = await read(stand.source, good, bad, off, good)
    assert figure(stand.source, told[0]) == figure(stand.source, told[3]) == 7
    assert failure(told[1]).at == NOW
    assert_off(stand.source, told[2])


async def test_an_address_that_makes_no_sense_fails_alone(stand: Stand) -> None:
    good = await stand.showing(7)
    told = await read(stand.source, "\x00 no address", good)
    assert failure(told[0]).trouble is Trouble.DENIED
    assert figure(stand.source, told[1]) == 7
    with pytest.raises(BadAddress) as caught:
        await stand.source.describe("\x00 no address", NOW)
    assert_sentence(str(caught.value))


async def test_nothing_asked_nothing_told(stand: Stand) -> None:
    assert await stand.source.read([], NOW) == []


@pytest.mark.parametrize("url", ["https://example.org/", "https://example.org/a#b", "words", "", "http://["])
async def test_foreign_addresses_are_left_to_others(stand: Stand, url: str) -> None:
    assert stand.source.recognises(url) is None


async def test_closing_twice_is_fine(stand: Stand) -> None:
    await stand.source.close()
    await stand.source.close()


# --- sources asked by HTTP --------------------------------------------------------------------------------


def assert_sentence(message: str) -> None:
    assert message
    assert "\n" not in message
    assert SECRET not in message
    assert "ann" not in message.replace("cannot", "").replace("channel", "")
    assert not message.startswith("HTTP")


SHAPES: dict[str, tuple[Behaviour, Trouble]] = {
    "500": (says("<h1>oops</h1>", status=500), Trouble.UNAVAILABLE),
    "503": (says("starting", status=503), Trouble.UNAVAILABLE),
    "401": (says("who?", status=401), Trouble.DENIED),
    "403": (says("{}", status=403), Trouble.DENIED),
    "404": (says("<h1>not found</h1>", status=404), Trouble.GARBAGE),
    "404 as JSON": (says("{}", status=404), Trouble.GARBAGE),
    "204": (says("", status=204), Trouble.GARBAGE),
    "empty": (says(""), Trouble.GARBAGE),
    "HTML": (says("<!doctype html><title>Hello</title>", Content_Type="text/html"), Trouble.GARBAGE),
    "half a document": (says('{"icestats":{"source":{"listen'), Trouble.GARBAGE),
    "bytes": (says(bytes(range(256))), Trouble.GARBAGE),
    "wrong encoding": (says(b"\x1f\x8b not gzip", Content_Encoding="gzip"), Trouble.GARBAGE),
    "nested without end": (says("[" * 60_000), Trouble.GARBAGE),
    "an endless number": (says("1" * 60_000), Trouble.GARBAGE),
    "broken off": (breaks_off, Trouble.GARBAGE),
    "hung up": (hangs_up, Trouble.UNAVAILABLE),
    "flooding": (floods, Trouble.GARBAGE),
    "too large": (says(" " * (LARGEST_BODY + 1)), Trouble.GARBAGE),
    "in circles": (moves_in_circles, Trouble.GARBAGE),
    "redirect to nowhere": (moves_to("ftp://example.org/"), Trouble.DENIED),
    "redirect without a place": (says("", status=302), Trouble.GARBAGE),
}


@pytest.mark.parametrize(("answer", "trouble"), SHAPES.values(), ids=SHAPES)
async def test_every_shape_of_error_is_a_failure_of_that_watch_alone(
    served: Served, caplog: pytest.LogCaptureFixture, answer: Behaviour, trouble: Trouble
) -> None:
    caplog.set_level("DEBUG")
    await assert_fails_alone(served, answer, trouble)
    assert SECRET not in caplog.text


@pytest.mark.parametrize("answer", [hangs, trickles], ids=["hanging", "trickling"])
@pytest.mark.parametrize("kind", [pytest.param(kind, id=kind.name) for kind in KINDS])
async def test_what_never_ends_is_given_up(kind: Kind, answer: Behaviour) -> None:
    async with a_stand(kind, SHORT_TIMEOUT_SECONDS) as served:
        started = time.monotonic()
        await assert_fails_alone(served, answer, Trouble.UNAVAILABLE)
        assert time.monotonic() - started < TIMEOUT_SECONDS


async def assert_fails_alone(served: Served, answer: Behaviour, trouble: Trouble) -> None:
    good, bad = await served.showing(7), await served.thing(answer)
    told, described = await asyncio.gather(
        read(served.source, bad, good), served.source.describe(bad, NOW), return_exceptions=True
    )
    assert isinstance(told, list), told
    failed = failure(told[0])
    assert (failed.at, failed.trouble, failed.retry_after) == (NOW, trouble, None)
    assert_sentence(failed.detail)
    assert reading(told[1]).concurrent == 7
    assert isinstance(described, SourceError)
    assert_sentence(str(described))


@pytest.mark.parametrize(
    ("headers", "least", "most"),
    [
        ({"Retry_After": "120"}, 120, 120),
        ({"Retry_After": "0"}, 1, 1),
        ({"Retry_After": "Sun, 22 Nov 2026 15:20:00 GMT", "Date": "Sun, 22 Nov 2026 15:18:00 GMT"}, 120, 120),
        ({"Retry_After": "Sun, 22 Nov 2020 15:20:00 GMT"}, 1, 1),
        ({"Retry_After": "99999999"}, 86_400, 86_400),
    ],
)
async def test_asked_to_wait(served: Served, headers: dict[str, str], least: int, most: int) -> None:
    reference = await served.thing(says("slow down", status=429, **headers))
    failed = failure(*await read(served.source, reference))
    assert failed.trouble is Trouble.RATE_LIMITED
    assert failed.retry_after is not None
    assert least * SECOND <= failed.retry_after <= most * SECOND


async def test_asked_to_wait_until_a_moment_of_our_own_clock(served: Served) -> None:
    in_five_minutes = formatdate(time.time() + 300, usegmt=True)
    reference = await served.thing(says("slow down", status=429, Retry_After=in_five_minutes))
    failed = failure(*await read(served.source, reference))
    assert failed.retry_after is not None
    assert 200 * SECOND <= failed.retry_after <= 300 * SECOND


@pytest.mark.parametrize("headers", [{}, {"Retry_After": "soon"}, {"Retry_After": "-5"}])
async def test_asked_to_wait_without_saying_how_long(served: Served, headers: dict[str, str]) -> None:
    reference = await served.thing(says("slow down", status=429, **headers))
    failed = failure(*await read(served.source, reference))
    assert (failed.trouble, failed.retry_after) == (Trouble.RATE_LIMITED, None)


async def test_nobody_listens(served: Served) -> None:
    failed = failure(*await read(served.source, served.kind.reference(f"http://{served.nobody}")))
    assert failed.trouble is Trouble.UNAVAILABLE
    assert failed.detail == f"{served.nobody} does not take connections: connection refused."


async def test_a_private_address_is_not_asked(served: Served) -> None:
    async with serving(says("{}")) as hidden:
        reference = served.kind.reference(f"http://ann:{SECRET}@{hidden.authority}")
        failed = failure(*await read(served.source, reference))
        assert failed.trouble is Trouble.DENIED
        assert_sentence(failed.detail)
        with pytest.raises(NotAllowed, match=f"ALLOWED_PRIVATE_HOSTS={hidden.authority}"):
            await served.source.describe(reference, NOW)
        assert hidden.requests == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_nor_is_one_that_a_redirect_names(served: Served, status: int) -> None:
    async with serving(says("{}")) as hidden:
        reference = await served.thing(moves_to(f"{hidden.url}/latest/meta-data", status))
        failed = failure(*await read(served.source, reference))
        assert failed.trouble is Trouble.DENIED
        assert f"ALLOWED_PRIVATE_HOSTS={hidden.authority}" in failed.detail
        assert hidden.requests == []


#: JSON that is fine, and nothing that the platform would say.
ODD_BODIES = [
    "null", "true", "0", '""', "[]", "{}", "[[]]",
    '{"n": []}', '{"n": {"a": 1}}', '{"n": -1}', '{"n": 1e999}',
    '{"n": NaN}', '{"n": 1e300}', '{"n": true}', '{"n": "many"}',
    '{"icestats": null}', '{"icestats": []}', '{"icestats": "x"}', '{"icestats": {"source": null}}',
    '{"icestats": {"source": 5}}', '{"icestats": {"source": [null, {}]}}',
    '{"icestats": {"source": {"listenurl": 5}}}', '{"icestats": {"source": {"listenurl": "http://h"}}}',
    '{"icestats": {"source": {"listenurl": "http://h/live", "listeners": -1}}}',
    '{"icestats": {"source": {"listenurl": "http://h/live", "listeners": "many", "title": ["a"]}}}',
    '{"icestats": {"source": {"listenurl": "http://h/live", "stream_start_iso8601": "soon"}}}',
    '{"status": 1}', '{"status": "success"}', '{"status": "success", "data": null}',
    '{"status": "success", "data": {"resultType": "vector", "result": null}}',
    '{"status": "success", "data": {"resultType": "vector", "result": [{}]}}',
    '{"status": "success", "data": {"resultType": "vector", "result": [{"metric": [], "value": [1, "2"]}]}}',
    '{"status": "success", "data": {"resultType": "vector", "result": [{"metric": {}, "value": [1, "x"]}]}}',
    '{"status": "success", "data": {"resultType": "vector", "result": [{"metric": {}, "value": 3}]}}',
    '{"status": "success", "data": {"resultType": "scalar", "result": [1]}}',
    '{"status": "success", "data": {"resultType": [], "result": [1]}}',
    '{"status": "error", "error": {"a": "b"}}', '{"status": "error"}',
]  # fmt: skip


@pytest.mark.parametrize("body", ODD_BODIES)
async def test_odd_answers_never_make_a_figure(served: Served, body: str) -> None:
    good, odd = await served.showing(7), await served.thing(says(body))
    told = await read(served.source, good, odd)
    assert reading(told[0]).concurrent == 7
    answer = only(told[1])
    if isinstance(answer, Answer):
        assert [one.concurrent for one in answer.readings] in ([], [None])
        assert all(one.reason for one in answer.readings)
    else:
        assert answer.trouble is Trouble.GARBAGE
        assert_sentence(answer.detail)
    await describe_or_say_why(served.source.describe(odd, NOW))


async def describe_or_say_why(describing: Awaitable[object]) -> None:
    try:
        await describing
    except SourceError as error:
        assert_sentence(str(error))
