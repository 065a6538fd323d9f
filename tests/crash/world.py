"""The world around the bot, in a process of its own: a feed that knows what is true, and two chats with books.

The harness talks to it through a pipe, one question and one answer at a time.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import re
import signal
import time
import traceback
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from aiohttp import web

from tests.crash.books import WORDS, Books
from tests.crash.feed import CLOSE_LADDER, OWN, PLAIN, Feed, Taste
from tests.crash.points import Point
from tests.servers.discord import DiscordServer, generous
from tests.servers.discord.world import Channel
from tests.servers.pages import Pages, serving
from tests.servers.telegram import Chat, TelegramServer
from tests.servers.twitch import TwitchServer

#: The watch that waits for nobody.
WILD = "Wild"
#: Seconds in which an answer has come, even on a busy machine.
PATIENCE = 120
SENDS = re.compile(r".*/send(Message|Photo|Document)")
LIFE = re.compile(r"/life(\d+)(/.*)")
HTML = "<html><h1>502 Bad Gateway</h1></html>"


@dataclass(frozen=True, kw_only=True)
class Size:
    """How much there is to watch and to tell.

    Attributes:
        names, untitled: Watches that wait for all chats, and such as have no titles.
        chats: Of each platform.
        groups: Those of Telegram that are groups, where a bot may say no more than 20 things a minute.
    """

    names: tuple[str, ...]
    untitled: tuple[str, ...]
    chats: int
    groups: int


LARGE = Size(names=("Alpha", "Bravo", "Charlie"), untitled=("Delta",), chats=8, groups=0)
SMALL = Size(names=("Alpha",), untitled=("Delta",), chats=3, groups=0)


class Telegram(TelegramServer):
    """Telegram, whose every send goes through the world; the path says which life of the bot sends."""

    world_of: World

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        found = LIFE.fullmatch(request.path)
        life = 0
        if found is not None:
            life = int(found[1])
            request = request.clone(rel_url=found[2])
        if not SENDS.fullmatch(request.path):
            return await super()._handle(request)

        async def store() -> tuple[web.StreamResponse, dict[str, Any] | None]:
            response = await super(Telegram, self)._handle(request)
            body = getattr(response, "body", None)
            body = json.loads(body) if isinstance(body, bytes) else {}
            return response, body.get("result") if isinstance(body, dict) and body.get("ok") else None

        def note(sent: dict[str, Any], *, lost: bool) -> None:
            text = sent.get("text") or sent.get("caption") or ""
            chat, key = f"t{sent['chat']['id']}", str(sent["message_id"])
            self.world_of.books.add("telegram", chat, key, text, life=life, lost=lost)

        return await asyncio.shield(asyncio.ensure_future(self.world_of.take("telegram", request, store, note)))


class World:
    """Everything outside of the bot."""

    def __init__(self, seed: int, size: Size) -> None:
        self.size = size
        self.chance = random.Random(seed)
        self.life = 0
        self.pid = 0
        self.point: Point | None = None
        self.left = 0
        #: Which part of requests goes wrong, and which part of answers is lost.
        self.faults = self.losses = 0.0
        self.faulted = 0
        self.hit = False
        self.ready = self.failed = ""
        self.twitch = TwitchServer()
        self.telegram = Telegram(limits=None)
        self.telegram.world_of = self
        self.groups: list[tuple[Chat, Any]] = []
        self.channels: list[tuple[Channel, Any]] = []
        self.ids: dict[str, str] = {}

    async def run(self, pipe: Connection) -> None:
        """Be there until the harness asks no more."""
        loop = asyncio.get_running_loop()
        over = asyncio.Event()
        self.discord = DiscordServer(limits=generous())
        application = self.discord._runners[0].app
        application.middlewares.append(self._discord)
        self.tasks: set[asyncio.Task[None]] = set()

        def asked() -> None:
            try:
                while pipe.poll():
                    name, values = pipe.recv()
                    pipe.send(getattr(self, f"on_{name}")(**values))
            except (EOFError, OSError):
                loop.remove_reader(pipe.fileno())
                over.set()
            except Exception:  # noqa: BLE001 - the harness hears of it by the end of the pipe
                traceback.print_exc()
                over.set()

        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self.telegram)
            await stack.enter_async_context(self.discord)
            self.pages: Pages = await stack.enter_async_context(serving(self._source))
            self.twitch.root = self.pages.url
            self._people()
            loop.add_reader(pipe.fileno(), asked)
            await over.wait()

    def _people(self) -> None:
        """Make the chats, half of them with tastes of their own."""
        tastes: dict[str, Taste] = {}
        for number in range(self.size.chats):
            ann = self.telegram.world.user(f"Ann {number}")
            if number < self.size.groups:
                chat = self.telegram.world.supergroup(f"Group {number}", status="administrator")
                self.telegram.world.join(chat, ann, "creator")
            else:
                chat = self.telegram.world.private(ann)
            self.groups.append((chat, ann))
            tastes[f"t{chat.id}"] = OWN if number % 4 > 1 else PLAIN
        guilds = [self.discord.world.guild(f"Guild {number}") for number in range(2)]
        for number in range(self.size.chats):
            guild = guilds[number % 2]
            self.channels.append((guild.text(f"channel-{number}"), guild.owner))
            tastes[f"d{self.channels[-1][0].id}"] = OWN if number // 2 % 2 else PLAIN
        self.feed = Feed(self.size.names, self.size.untitled, WILD, tastes, time.monotonic)
        self.books = Books(self.feed)
        for name in (*self.size.names, WILD):
            self.ids[name] = self.twitch.account(name.lower())

    # --- what the harness asks

    def on_settings(self) -> dict[str, str]:
        """Return what the bot is to be set to; ``{life}`` in it is the number of its life."""
        return {
            "TELEGRAM_TOKEN": self.telegram.token,
            "TELEGRAM_API_URL": self.telegram.url + "/life{life}",
            "DISCORD_TOKEN": self.discord.token,
            "DISCORD_API_URL": self.discord.api_url,
            "ALLOWED_PRIVATE_HOSTS": self.pages.authority,
            "POLL_INTERVAL_SECONDS": "1",
            "SESSION_GRACE_SECONDS": "0",
            **self.twitch.settings,
        }

    def on_life(self, *, number: int, pid: int, point: Point | None, at_pass: int) -> None:
        """A life begins; it is killed from here where its point is one of the servers'."""
        self.life, self.pid = number, pid
        self.point = point if point is not None and point.at_server else None
        self.left, self.hit = at_pass, False
        self.discord.gateway.sessions.clear()
        self.discord.rest.calls.clear()
        self.telegram.calls.clear()
        self.twitch.asked.clear()
        self.pages.requests.clear()

    def on_ended(self, *, number: int, how: str) -> None:
        self.pid = 0
        self.books.ends[number] = how

    def on_set_up(self) -> None:
        """Begin to have everything set up by commands that people type."""
        task = asyncio.get_running_loop().create_task(self._set_up())
        self.tasks.add(task)

    def on_go(self, *, faults: float = 0, losses: float = 0, long: int = 0, lenient: bool = False) -> None:
        self.faults, self.losses = faults, losses
        self.feed.long, self.feed.loose, self.books.lenient = long, lenient, lenient
        self.feed.go_on()

    def on_freeze(self) -> None:
        """Nothing new happens from now on, and nothing goes wrong."""
        self.feed.freeze()
        self.faults = self.losses = 0

    def on_status(self) -> dict[str, Any]:
        owed = self.feed.owed
        return {
            "ready": self.ready,
            "failed": self.failed,
            "owed": sum(map(len, owed.values())),
            "wild": len(self.books.missing_of_wild()) if self.feed.begun else 0,
            "true": self.feed.true,
            "posts": len(self.books.posts),
            "heard": bool(self.telegram.calls),
            "rounds": max(course.number for course in self.feed.courses.values()),
            "long": all(course.long for course in self.feed.courses.values()),
        }

    def on_reckon(self) -> dict[str, Any]:
        """Return what a phase has come to, and begin to count anew."""
        books = self.books
        missing = [f"{chat}: {facts[0]}" for chat, facts in self.feed.owed.items()]
        missing += [f"{chat}: the latest of {WILD}" for chat in books.missing_of_wild()]
        told = {
            "true": self.feed.true,
            "lost": self.feed.give_up() + len(books.missing_of_wild()),
            "missing": missing[:5],
            "copies": dict(books.copies),
            "most": max(books.by_kill.values(), default=0),
            "by_loss": books.by_loss,
            "wrong": list(books.wrong),
            "faulted": self.faulted,
        }
        self.feed.true = books.by_loss = self.faulted = 0
        books.copies.clear()
        books.by_kill.clear()
        books.wrong.clear()
        return told

    # --- setting up

    async def _set_up(self) -> None:
        try:
            await asyncio.gather(
                *(self._set_up_telegram(*one) for one in self.groups),
                *(self._set_up_discord(*one) for one in self.channels),
            )
            self.ready = "ready"
        except BaseException:
            self.failed = traceback.format_exc()
            raise

    def _addresses(self) -> dict[str, str]:
        found = {name: f"twitch:{name.lower()}" for name in (*self.size.names, WILD)}
        return found | {
            name: f"json:{self.pages.url}/json/{name.lower()}#figure live-when live as {name}"
            for name in self.size.untitled
        }

    @staticmethod
    def _own(name: str) -> str:
        return f"{name} only start milestones recap at " + " ".join(map(str, CLOSE_LADDER))

    async def _on_telegram(self, chat: Chat, user: Any, text: str) -> str:
        before = len(chat.sent)
        await self.telegram.say(chat, user, text)
        try:
            await self.telegram.until(lambda: len(chat.sent) > before, seconds=PATIENCE)
        except TimeoutError:
            raise AssertionError(
                f"no answer in {chat.id} to {text}; there: {[one.text for one in chat.sent]}"
            ) from None
        return chat.sent[-1].text

    async def _set_up_telegram(self, chat: Chat, user: Any) -> None:
        for kind, text in WORDS.items():
            _must("words", await self._on_telegram(chat, user, f"/settings words {kind} {text}"))
        for name, address in self._addresses().items():
            _must("watch", await self._on_telegram(chat, user, f"/watch {address}"))
            if self.feed.chats[f"t{chat.id}"] is OWN:
                _must("Milestones at", await self._on_telegram(chat, user, f"/subscribe {self._own(name)}"))

    async def _on_discord(self, channel: Channel, user: Any, command: str, **options: str) -> str:
        used = await self.discord.interaction(channel, user, command, options)
        return str((await used.message(PATIENCE)).embeds)

    async def _set_up_discord(self, channel: Channel, user: Any) -> None:
        await self.discord.until(lambda: "watch" in self.discord.commands.names(), PATIENCE)
        for kind, text in WORDS.items():
            value = f"{kind} {text}"
            _must("words", await self._on_discord(channel, user, "settings", setting="words", value=value))
        for name, address in self._addresses().items():
            _must("watch", await self._on_discord(channel, user, "watch", address=address))
            if self.feed.chats[f"d{channel.id}"] is OWN:
                kinds = self._own(name).removeprefix(f"{name} ")
                _must("Milestones at", await self._on_discord(channel, user, "subscribe", name=name, kinds=kinds))

    # --- requests

    def _come(self, place: str, moment: str) -> bool:
        """Kill the bot if this is where; tell whether it was."""
        if self.point != (place, moment) or not self.pid:
            return False
        self.left -= 1
        if self.left > 0:
            return False
        self.point, self.hit = None, True
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        return True

    def _fate(self) -> str:
        """Draw what becomes of a request."""
        drawn = self.chance.random()
        if drawn < self.losses:
            self.faulted += 1
            return self.chance.choice(("lost", "lost 502"))
        if drawn < self.losses + self.faults:
            self.faulted += 1
            return self.chance.choice(("502", "cut", "garbage", "429"))
        return ""

    async def take(
        self, place: str, request: web.Request, store: Any, note: Callable[..., None]
    ) -> web.StreamResponse:
        """Take a send: kill, spoil, store and answer it."""
        if self._come(place, "asked"):
            return _cut(request)
        fate = self._fate()
        if fate in {"502", "cut", "garbage", "429"}:
            return _spoilt(request, fate, place)
        response, sent = await store()
        if sent is not None:
            note(sent, lost=bool(fate))
        if self._come(place, "stored"):
            return _cut(request)
        if fate:
            return _cut(request) if fate == "lost" else _spoilt(request, "502", place)
        return await self._answered(place, request, response)

    async def _answered(
        self, place: str, request: web.BaseRequest, response: web.StreamResponse
    ) -> web.StreamResponse:
        if self.point == (place, "answered") and not response.prepared:
            await response.prepare(request)
            await response.write_eof()
            self._come(place, "answered")
        return response

    @web.middleware
    async def _discord(self, request: web.Request, handler: Any) -> web.StreamResponse:
        if request.method != "POST" or not request.path.endswith("/messages"):
            return await handler(request)  # type: ignore[no-any-return]

        async def store() -> tuple[web.StreamResponse, dict[str, Any] | None]:
            response = await handler(request)
            return response, json.loads(response.body) if response.status == 200 else None

        def note(sent: Mapping[str, Any], *, lost: bool) -> None:
            text = " ".join(str(one.get("title")) for one in sent.get("embeds", ()))
            self.books.add("discord", f"d{sent['channel_id']}", sent["id"], text, life=self.life, lost=lost)

        return await asyncio.shield(asyncio.ensure_future(self.take("discord", request, store, note)))

    async def _source(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer what is true at this moment."""
        counts = request.path == "/helix/streams" or request.path.startswith("/json/")
        if counts and self._come("source", "asked"):
            return _cut(request)
        fate = self._fate() if counts else ""
        if fate:
            return _spoilt(request, {"lost": "cut", "lost 502": "502"}.get(fate, fate), "source")
        if request.path.startswith("/json/"):
            course = self.feed.courses[request.path.rpartition("/")[2].title()]
            return await self._answered(
                "source", request, web.json_response({"live": course.step is not None, "figure": course.value})
            )
        self.twitch.points = 800
        self.twitch.streams.clear()
        for name in self.size.names:
            course = self.feed.courses[name]
            if course.value is not None:
                number = f"{self.ids[name]}{course.number:05}"
                self.twitch.live(name.lower(), course.value, id=number, title=course.title)
        if self.feed.begun:
            self.twitch.live(WILD.lower(), self.feed.wild_value, title="round 0")
        response = await self.twitch.answer(request)
        return await self._answered("source", request, response) if counts else response


def _must(words: str, answer: str) -> None:
    if words not in answer:
        raise AssertionError(f"{words!r} is not in the answer: {answer}")


def _cut(request: web.BaseRequest) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


def _spoilt(request: web.BaseRequest, fate: str, place: str) -> web.Response:
    match fate:
        case "502":
            return web.Response(status=502, text=HTML, content_type="text/html")
        case "garbage":
            return web.Response(text='{"ok": tru', content_type="application/json")
        case "429":
            body: dict[str, Any] = {"message": "You are being rate limited.", "retry_after": 1.0, "global": False}
            if place == "telegram":
                parameters = {"retry_after": 1}
                body = {
                    "ok": False,
                    "error_code": 429,
                    "description": "Too Many Requests: retry after 1",
                    "parameters": parameters,
                }
            return web.json_response(body, status=429, headers={"Retry-After": "1", "Via": "1.1 google"})
        case _:
            return _cut(request)


def main(pipe: Connection, seed: int, size: Size) -> None:
    """Run the world in this process."""
    asyncio.run(World(seed, size).run(pipe))
