"""The HTTP of the Bot API on loopback: requests, long polling, webhooks, limits, faults."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self, TypeVar

import aiohttp
from aiohttp import web

from tests.servers.pages import free_port
from tests.servers.telegram.content import MAX_UPLOAD
from tests.servers.telegram.entities import Json
from tests.servers.telegram.faults import Fault
from tests.servers.telegram.inbound import Inbound
from tests.servers.telegram.limits import Limits, Meter, Violation
from tests.servers.telegram.methods import METHODS, Api
from tests.servers.telegram.query import Query, Refused, bad, conflict, too_many
from tests.servers.telegram.world import Chat, User, Webhook, World

T = TypeVar("T")

TOKEN = "123456789:AAtestTESTtestTESTtestTESTtestTESTtes"
BOT = User(123456789, "Milepost", "MilepostBot", is_bot=True)
PATH = re.compile(r"/(?P<file>file/)?bot(?P<token>[^/]*)/(?P<rest>.+)")
TOKEN_FORM = re.compile(r"\d+:[\w-]{30,}", re.ASCII)
#: What a bot is not told of unless it names it.
UNASKED = {"chat_member", "message_reaction", "message_reaction_count"}
LONGEST_POLL = 50
HTML = "<html>\r\n<head><title>{0}</title></head>\r\n<body>\r\n<center><h1>{0}</h1></center>\r\n</body></html>\r\n"
OTHER_POLL = "terminated by other getUpdates request; make sure that only one bot instance is running"
WEBHOOK_ACTIVE = (
    "can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first"
)
DELETES = {True: "Webhook was deleted", False: "Webhook is already deleted"}


@dataclass
class Call:
    """A request that came in, and what became of it; 0 says that it was never answered.

    Attributes:
        files: What was uploaded: the names of the files by those of their parts.
    """

    method: str
    params: dict[str, str]
    at: float
    status: int = 0
    description: str = ""
    files: dict[str, str] = field(default_factory=dict)


@dataclass
class _Poll:
    """A getUpdates that waits.

    Attributes:
        left: Whoever asked is gone.
    """

    woken: asyncio.Event = field(default_factory=asyncio.Event)
    ended: str = ""
    left: bool = False

    def end(self, reason: str) -> None:
        self.ended = reason
        self.woken.set()


@dataclass
class _Injected:
    fault: Fault
    method: str
    chat: Chat | None
    times: int | None

    def hits(self, query: Query) -> bool:
        names = {str(self.chat.id), f"@{self.chat.username}"} if self.chat else {query.text("chat_id")}
        return self.method in {"*", query.method.lower()} and query.text("chat_id") in names


@dataclass(frozen=True)
class _Told:
    """A result with a description."""

    result: Any
    description: str


class TelegramServer(Inbound):
    """Telegram on loopback, for one bot; ``base_url`` and ``base_file_url`` are what its library is pointed to.

    Attributes:
        speed: How much faster the server's clock goes than real time: its limits, ``retry_after``, and how long
            polls wait are in seconds of its clock.
        clock: Real seconds, for tests whose time is virtual.
        calls: Every request.
        violations: Messages that were too many, or sent in spite of a ``retry_after``.
        confirms: An offset confirms what is before it; else whoever asks next is given that as well.
        polls_linger: A poll goes on until its time is over although whoever asked is gone, as one who was killed.
        newer_is_refused: Of two polls the later one is refused, as people see after a restart; else the earlier
            one is ended, unless the later one is to be answered at once, as by the published server:
            https://github.com/tdlib/telegram-bot-api .
    """

    def __init__(
        self,
        *,
        token: str = TOKEN,
        bot: User | None = None,
        speed: float = 1,
        limits: Limits | None = Limits(),  # noqa: B008 - it is frozen
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.token, self.speed, self.clock = token, speed, clock
        self.world = World(bot or BOT)
        self.meter = Meter(limits)
        self.api = Api(self.world, self._count)
        self.calls: list[Call] = []
        self.revoked = False
        self.confirms = True
        self.polls_linger = self.newer_is_refused = False
        self.port = 0
        self.allowed: frozenset[str] | None = None
        self._began = clock()
        self._pending: dict[int, Json] = {}
        self._numbers: Iterator[int] = iter(range(700_000_001, 10**9))
        self._poll: _Poll | None = None
        self._injected: list[_Injected] = []
        self._moved = asyncio.Condition()
        self._runner: web.AppRunner | None = None
        self._courier: asyncio.Task[None] | None = None

    # --- its life

    async def __aenter__(self) -> Self:
        self.port = free_port()
        await self.up()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._dismiss()
        await self.down()

    async def up(self) -> None:
        """Listen (again), at the same address."""
        app = web.Application(client_max_size=MAX_UPLOAD + (1 << 20))
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True).start()

    async def down(self) -> None:
        """Refuse connections, and cut those that are there."""
        if self._runner is not None:
            runner, self._runner = self._runner, None
            await runner.cleanup()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def base_url(self) -> str:
        return f"{self.url}/bot"

    @property
    def base_file_url(self) -> str:
        return f"{self.url}/file/bot"

    def now(self) -> float:
        return (self.clock() - self._began) * self.speed

    # --- for tests

    @property
    def polls(self) -> int:
        """How many getUpdates wait for updates."""
        return self._poll is not None

    @property
    def violations(self) -> list[Violation]:
        return self.meter.violations

    @property
    def pending(self) -> list[Json]:
        """What the bot has not confirmed."""
        return list(self._pending.values())

    def called(self, method: str) -> list[Call]:
        return [call for call in self.calls if call.method.lower() == method.lower()]

    async def until(self, condition: Callable[[], T], *, seconds: float = 10) -> T:
        """Wait for what will come true with some call or update, and fail if it has not in time."""
        async with asyncio.timeout(seconds), self._moved:
            return await self._moved.wait_for(condition)

    def inject(self, fault: Fault, method: str = "*", chat: Chat | None = None, *, times: int | None = 1) -> None:
        """Let the next calls go wrong, in the order of injection; None stands for all until ``heal``."""
        self._injected.append(_Injected(fault, method.lower(), chat, times))

    def heal(self) -> None:
        self._injected.clear()

    async def push(self, update: Json) -> int | None:
        kind = next(iter(update))
        if kind in UNASKED if self.allowed is None else kind not in self.allowed:
            return None
        number = next(self._numbers)
        self._pending[number] = {"update_id": number} | update
        if self._poll is not None:
            if self._poll.left:  # it is answered, to nobody
                self._poll = None
            else:
                self._poll.woken.set()
        await self._tell()
        return number

    async def _tell(self) -> None:
        async with self._moved:
            self._moved.notify_all()

    # --- requests

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        match = PATH.fullmatch(request.path)
        if match is None or not TOKEN_FORM.fullmatch(match["token"]):
            return Refused(HTTPStatus.NOT_FOUND, "Not Found").response()
        if match["token"] != self.token or self.revoked:
            return Refused(HTTPStatus.UNAUTHORIZED, "Unauthorized").response()
        if match["file"]:
            return self._download(match["rest"])
        try:
            query = await Query.read(request, match["rest"])
        except web.HTTPRequestEntityTooLarge:
            return Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "Request Entity Too Large").response()
        except Refused as refusal:
            return refusal.response()
        uploads = {name: upload.name for name, upload in query.files.items()}
        call = Call(query.method, query.params, self.now(), files=uploads)
        self.calls.append(call)
        await self._tell()
        fault = self._fault(query)
        try:
            if fault is not None and not fault.stored:
                return await self._suffer(fault, query, call, request)
            response = await self._answer(query, call)
            if fault is None:
                return response
            if fault.kind == "slow":
                await asyncio.sleep(fault.seconds / self.speed)
                return response
            return await self._suffer(fault, query, call, request)
        finally:
            await self._tell()

    def _download(self, path: str) -> web.Response:
        for file in self.world.files.values():
            if file.path == path:
                return web.Response(body=file.content, content_type=file.mime)
        return Refused(HTTPStatus.NOT_FOUND, "Not Found").response()

    async def _answer(self, query: Query, call: Call) -> web.Response:
        try:
            result = await self._run(query)
        except Refused as refusal:
            call.status, call.description = refusal.code, refusal.description
            return refusal.response()
        call.status = HTTPStatus.OK
        for update in self.api.updates:
            await self.push(update)
        self.api.updates.clear()
        if isinstance(result, _Told):
            call.description = result.description
            return web.json_response({"ok": True, "result": result.result, "description": result.description})
        return web.json_response({"ok": True, "result": result})

    async def _run(self, query: Query) -> Any:
        match name := query.method.lower():
            case "getupdates":
                return await self._get_updates(query)
            case "setwebhook":
                return await self._set_webhook(query, query.text("url"))
            case "deletewebhook":
                return await self._set_webhook(query, "")
            case "getwebhookinfo":
                return self._webhook_info()
            case _ if name in METHODS:
                return METHODS[name](self.api, query)
        raise Refused(HTTPStatus.NOT_FOUND, "Not Found: method not found")

    def _count(self, chat: Chat, method: str, messages: int) -> None:
        group = chat.type != "private"
        seconds = self.meter.count(chat.id, method, self.now(), group=group, messages=messages)
        if seconds:
            raise too_many(seconds)

    # --- faults

    def _fault(self, query: Query) -> Fault | None:
        for injected in self._injected:
            if injected.hits(query):
                if injected.times is not None:
                    injected.times -= 1
                    if not injected.times:
                        self._injected.remove(injected)
                return injected.fault
        return None

    async def _suffer(self, fault: Fault, query: Query, call: Call, request: web.Request) -> web.StreamResponse:
        call.status, call.description = 0, ""
        match fault.kind:
            case "hang":
                await asyncio.Event().wait()
            case "cut":
                assert request.transport is not None
                request.transport.abort()
            case "html":
                call.status = fault.code
                title = f"{fault.code} {HTTPStatus(fault.code).phrase}"
                return web.Response(text=HTML.format(title), status=fault.code, content_type="text/html")
            case "refused":
                assert fault.refusal is not None
                call.status, call.description = fault.refusal.code, fault.refusal.description
                if fault.seconds:
                    held = None if fault.everywhere else self.api.chat(query).id
                    self.meter.hold(held, self.now() + fault.seconds)
                return fault.refusal.response()
        return web.Response()

    # --- updates

    async def _get_updates(self, query: Query) -> list[Json]:
        if self.world.webhook.url:
            raise conflict(WEBHOOK_ACTIVE)
        self._allow(query)
        if self.confirms:
            self._confirm(query.number("offset"))
        hold = min(max(query.number("timeout"), 0), LONGEST_POLL) / self.speed
        if self._poll is not None and self.newer_is_refused:
            raise conflict(OTHER_POLL)
        if self._some(query) or not hold:
            return self._some(query)
        if self._poll is not None:
            self._poll.end(OTHER_POLL)
        poll, begun = _Poll(), asyncio.get_running_loop().time()
        self._poll = poll
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(hold):
                    while not self._some(query) and not poll.ended:
                        poll.woken.clear()
                        await poll.woken.wait()
            if poll.ended:
                raise conflict(poll.ended)
        except asyncio.CancelledError:
            poll.left = self.polls_linger
            raise
        finally:
            if poll.left:
                loop = asyncio.get_running_loop()
                loop.call_at(begun + hold, self._over, poll)
            else:
                self._over(poll)
        return self._some(query)

    def _over(self, poll: _Poll) -> None:
        if self._poll is poll:
            self._poll = None

    def _some(self, query: Query) -> list[Json]:
        pending = [one for one in self.pending if one["update_id"] >= query.number("offset")]
        return pending[: min(max(query.number("limit", 100), 1), 100)]

    def _confirm(self, offset: int) -> None:
        forgotten = [number for number in self._pending if number < offset]
        if offset < 0:
            forgotten = list(self._pending)[:offset]
        for number in forgotten:
            del self._pending[number]

    def _allow(self, query: Query) -> None:
        """Remember which updates are asked for; it counts for those that come from now on."""
        given = query.json("allowed_updates", "allowed_updates")
        if given is not None:
            if not isinstance(given, list):
                raise bad("can't parse allowed_updates: expected an Array of String")
            self.allowed = frozenset(map(str, given)) or None

    # --- webhook

    async def _set_webhook(self, query: Query, url: str) -> _Told:
        secret = query.text("secret_token")
        if not re.fullmatch(r"[A-Za-z0-9_-]{0,256}", secret):
            raise bad("secret token contains unallowed characters")
        if url and not url.startswith(("https://", "http://")):
            raise bad("invalid webhook URL specified")
        was = self.world.webhook.url
        if query.flag("drop_pending_updates"):
            self._pending.clear()
        self._allow(query)
        await self._dismiss()
        self.world.webhook = Webhook(url, secret, query.number("max_connections", 40))
        if not url:
            return _Told(True, DELETES[bool(was)])
        if self._poll is not None:
            self._poll.end("terminated by setWebhook request")
        self._courier = asyncio.create_task(self._deliver(self.world.webhook), name="webhook")
        return _Told(True, "Webhook is already set" if was == url else "Webhook was set")

    def _webhook_info(self) -> Json:
        webhook = self.world.webhook
        info: Json = {
            "url": webhook.url,
            "has_custom_certificate": False,
            "pending_update_count": len(self._pending),
        }
        if webhook.url:
            info["max_connections"] = webhook.max_connections
        if webhook.last_error is not None:
            info["last_error_date"], info["last_error_message"] = webhook.last_error
        return info | ({"allowed_updates": sorted(self.allowed)} if self.allowed else {})

    async def _deliver(self, webhook: Webhook) -> None:
        """Send update after update to a webhook, each until it is taken."""
        headers = {"X-Telegram-Bot-Api-Secret-Token": webhook.secret} if webhook.secret else {}
        async with aiohttp.ClientSession(headers=headers) as http:
            wait = 1.0
            while True:
                async with self._moved:
                    await self._moved.wait_for(lambda: self._pending)
                number, update = next(iter(self._pending.items()))
                error = ""
                try:
                    async with http.post(webhook.url, json=update) as response:
                        if not response.ok:
                            error = f"Wrong response from the webhook: {response.status} {response.reason}"
                except aiohttp.ClientError:
                    error = "Connection refused"
                if not error:
                    self._pending.pop(number, None)
                    wait = 1.0
                else:
                    webhook.last_error = (int(time.time()), error)
                    await asyncio.sleep(wait / self.speed)
                    wait = min(2 * wait, 60)
                await self._tell()

    async def _dismiss(self) -> None:
        if self._courier is not None:
            courier, self._courier = self._courier, None
            courier.cancel()
            with suppress(asyncio.CancelledError):
                await courier
