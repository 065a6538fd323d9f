"""Discord's REST API on loopback."""

from __future__ import annotations

import asyncio
import hashlib
import json
import math
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aiohttp import BodyPartReader, web

from tests.servers.discord import faults
from tests.servers.discord.errors import REFUSALS, ApiError, Form, Json
from tests.servers.discord.faults import Fault, Rule
from tests.servers.discord.limits import Taken
from tests.servers.discord.messages import Upload
from tests.servers.discord.world import (
    CROSSPOSTED,
    SUPPRESS_EMBEDS,
    Channel,
    Guild,
    Kind,
    Member,
    Message,
    Permission,
)

if TYPE_CHECKING:
    from tests.servers.discord.server import DiscordServer

PREFIX = "/api/v10"
VIA = "1.1 google"
INVALID = {401, 403, 429}
OLD_SECONDS = 3600
TRUE = {"1", "true", "True"}
MAJOR = ("channel", "guild", "application", "token", "interaction")


@dataclass
class Call:
    """A request, and how it was answered.

    Attributes:
        route: Method and path with names for the ids, ``POST /channels/{channel}/messages``.
        at: When, by the server's clock.
        free: An interaction endpoint, which needs no token and is outside the global limit.
        status: 0 while there is no answer, and when there never was one.
    """

    method: str
    path: str
    route: str
    ids: dict[str, str]
    query: dict[str, str]
    at: float
    free: bool
    body: Any = field(default_factory=dict)
    files: list[Upload] = field(default_factory=list)
    status: int = 0

    def id(self, name: str) -> int:
        return int(self.ids[name])

    @property
    def dict(self) -> Json:
        if not isinstance(self.body, dict):
            raise ApiError(50035)
        return self.body


@dataclass(frozen=True)
class Violation:
    """A request that should not have been made.

    Attributes:
        scope: user, shared or global for a limit, "told to wait", or gateway.
    """

    at: float
    scope: str
    what: str


Answer = tuple[int, Any]
Handler = Callable[[Call], Awaitable[Answer]]
NOTHING: Answer = (204, None)


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


class Rest:
    """The endpoints, in front of them the limits, and in front of those the faults.

    Attributes:
        calls: Every request.
        violations: What ran into a limit, and what broke a rule of the gateway.
        rules: Faults to come.
        unknown: Requests for which there is no route here: the server's gap or the client's mistake.
    """

    def __init__(self, server: DiscordServer) -> None:
        self.server = server
        self.calls: list[Call] = []
        self.violations: list[Violation] = []
        self.rules: list[Rule] = []
        self.unknown: list[str] = []
        self.invalid_requests = 0
        self._ended = asyncio.Event()
        self._holds: dict[tuple[str | None, ...] | None, float] = {}

    def end(self) -> None:
        """Let go of requests that hang."""
        self._ended.set()

    def inject(self, fault: Fault, what: str = "", *, times: int | None = 1) -> None:
        self.rules.append(Rule(fault, re.compile(what), times))

    def application(self) -> web.Application:
        application = web.Application(client_max_size=64 * 2**20, middlewares=[self._strangers])
        for route, (handler, free) in self._routes().items():
            method, path = route.split()
            pattern = re.sub(
                r"\{(\w+)\}", lambda found: f"{{{found[1]}{PATTERNS.get(found[1], ':[0-9]+')}}}", path
            )
            application.router.add_route(method, PREFIX + pattern, self._entry(route, handler, free=free))
        application.router.add_get("/attachments/{channel}/{attachment}/{name}", self._attachment)
        return application

    # ------------------------------------------------------------ on the way in

    @web.middleware
    async def _strangers(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        try:
            return await handler(request)
        except (web.HTTPNotFound, web.HTTPMethodNotAllowed) as error:
            self.unknown.append(f"{request.method} {request.path}")
            body = {"message": f"{error.status}: {error.reason}", "code": 0}
            return self._reply(error.status, body, {})

    def _entry(
        self, route: str, handler: Handler, *, free: bool
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def enter(request: web.Request) -> web.StreamResponse:
            path = request.path.removeprefix(PREFIX)
            ids, query = dict(request.match_info), dict(request.query)
            call = Call(request.method, path, route, ids, query, self.server.clock(), free)
            self.calls.append(call)
            fault = next((rule.fault for rule in self.rules if rule.hits(f"{call.method} {path}")), None)
            try:
                if fault is not None and not fault.stored:
                    return await self._spoil(request, call, fault)
                response = await self._handle(request, call, handler)
                if fault is None:
                    return response
                self.server.bell.ring()
                await asyncio.sleep(fault.wait)
                return response if fault.normal else await self._spoil(request, call, fault)
            finally:
                self.server.bell.ring()

        return enter

    async def _spoil(self, request: web.Request, call: Call, fault: Fault) -> web.StreamResponse:
        if fault.status is not None:
            call.status = fault.status
            if isinstance(fault.body, dict) and "retry_after" in fault.body:
                key = None if fault.body["global"] else self._bucket(call)
                self._holds[key] = self.server.clock() + fault.body["retry_after"]
            if isinstance(fault.body, str):
                self._count(fault.status, "user")
                return web.Response(status=fault.status, text=fault.body, content_type="text/html")
            self._count(fault.status, fault.headers.get("X-RateLimit-Scope", "user"))
            return self._reply(fault.status, fault.body, fault.headers)
        call.status = 0
        if fault.hang:
            await self._ended.wait()
        if request.transport is not None:
            request.transport.abort()
        return web.Response()

    async def _handle(self, request: web.Request, call: Call, handler: Handler) -> web.Response:
        if self.server.meter.used("invalid", self.server.limits.invalid) >= self.server.limits.invalid.count:
            call.status = 429
            return web.Response(status=429, text=faults.BANNED, content_type="text/html")
        headers: dict[str, str] = {}
        status, body = self._admit(request, call)
        if status == 0:
            status, body, headers = self._meter(call)
        if status == 0:
            try:
                await self._read(request, call)
                status, body = await handler(call)
            except ApiError as error:
                status, body = error.status, error.body
            except _Shared as error:
                status, body, more = self._too_many(error.retry_after, "shared", error.code)
                headers |= more
        call.status = status
        self._count(status, headers.get("X-RateLimit-Scope", "user"))
        return self._reply(status, body, headers)

    def _admit(self, request: web.Request, call: Call) -> Answer:
        agent = request.headers.get("User-Agent", "")
        if not call.free and not re.match(r"DiscordBot \(\S+, ?\S+\)|DiscordBot \(\S+ \S+\)", agent):
            return 403, {"message": "internal network error", "code": 40333}
        if not call.free and request.headers.get("Authorization") != f"Bot {self.server.token}":
            return 401, {"message": "401: Unauthorized", "code": 0}
        return 0, None

    def _meter(self, call: Call) -> tuple[int, Any, dict[str, str]]:
        """Count a request; status 0 lets it in."""
        limits, meter = self.server.limits, self.server.meter
        for key in (self._bucket(call),) if call.free else (None, self._bucket(call)):
            if (wait := self._holds.get(key, 0) - self.server.clock()) > 0:
                self._blame("told to wait", call)
                return self._too_many(wait, "global" if key is None else "user")
        if not call.free:
            taken = meter.take("global", limits.everything)
            if not taken.allowed:
                self._blame("global", call)
                return self._too_many(taken.reset_after, "global")
        rate = limits.routes.get(call.route, limits.others)
        taken = meter.take(self._bucket(call), rate)
        headers = self._headers(call.route, taken)
        if taken.allowed:
            return 0, None, headers
        self._blame("user", call)
        status, body, more = self._too_many(taken.reset_after, "user")
        return status, body, headers | more

    def _bucket(self, call: Call) -> tuple[str | None, ...]:
        return (call.route, *(call.ids.get(name) for name in MAJOR))

    def _headers(self, route: str, taken: Taken) -> dict[str, str]:
        after = math.ceil(taken.reset_after * 1000) / 1000
        return {
            "X-RateLimit-Limit": str(taken.limit),
            "X-RateLimit-Remaining": str(taken.remaining),
            "X-RateLimit-Reset": f"{time.time() + after:.3f}",
            "X-RateLimit-Reset-After": f"{after:.3f}",
            "X-RateLimit-Bucket": hashlib.md5(route.encode(), usedforsecurity=False).hexdigest(),
        }

    def _too_many(self, wait: float, scope: str, code: int = 0) -> tuple[int, Json, dict[str, str]]:
        fault = faults.busy(math.ceil(wait * 1000) / 1000, scope=scope)
        assert isinstance(fault.body, dict)
        told = REFUSALS[code][1] if code in REFUSALS else WRITE_LIMIT
        more = {"message": told, "code": code} if code else {}
        return 429, fault.body | more, dict(fault.headers)

    def _blame(self, scope: str, call: Call) -> None:
        self.violations.append(Violation(call.at, scope, f"{call.method} {call.path}"))

    def _count(self, status: int, scope: str) -> None:
        if status in INVALID and not (status == 429 and scope == "shared"):
            self.invalid_requests += 1
            self.server.meter.take("invalid", self.server.limits.invalid, always=True)

    def _reply(self, status: int, body: object, headers: dict[str, str]) -> web.Response:
        told = {"Via": VIA} | headers
        if status == 204:
            return web.Response(status=status, headers=told)
        return web.Response(status=status, body=_json(body), headers=told | {"Content-Type": "application/json"})

    async def _read(self, request: web.Request, call: Call) -> None:
        if not request.can_read_body:
            return
        if (request.content_length or 0) > self.server.limits.request_bytes:
            raise ApiError(40005)
        if request.content_type == "application/json":
            call.body = self._parsed(await request.read())
        elif request.content_type == "multipart/form-data":
            async for part in await request.multipart():
                assert isinstance(part, BodyPartReader)
                data = bytes(await part.read(decode=True))
                if part.name == "payload_json":
                    call.body = self._parsed(data)
                elif (found := re.fullmatch(r"files\[(\d+)\]", part.name or "")) and part.filename:
                    call.files.append(Upload(int(found[1]), part.filename, data))
                else:
                    raise ApiError(50035)
        else:
            form = Form()
            form.add(
                (), "CONTENT_TYPE_INVALID", 'Expected "Content-Type" header to be one of {application/json, ...}.'
            )
            form.check()

    def _parsed(self, data: bytes) -> Any:
        try:
            return json.loads(data)
        except ValueError:
            raise ApiError(50109) from None

    # ------------------------------------------------------------ the endpoints

    def _routes(self) -> dict[str, tuple[Handler, bool]]:
        commands = "/applications/{application}/commands"
        guild_commands = "/applications/{application}/guilds/{guild}/commands"
        mine: dict[str, Handler] = {
            "GET /users/@me": self._me,
            "GET /users/{user}": self._user,
            "POST /users/@me/channels": self._dm,
            "GET /oauth2/applications/@me": self._application,
            "GET /applications/@me": self._application,
            "GET /gateway": self._gateway,
            "GET /gateway/bot": self._gateway_bot,
            "GET /channels/{channel}": self._channel,
            "POST /channels/{channel}/typing": self._typing,
            "GET /channels/{channel}/messages": self._history,
            "POST /channels/{channel}/messages": self._send,
            "GET /channels/{channel}/messages/{message}": self._message,
            "PATCH /channels/{channel}/messages/{message}": self._edit,
            "DELETE /channels/{channel}/messages/{message}": self._delete,
            "POST /channels/{channel}/messages/{message}/crosspost": self._crosspost,
            "GET /guilds/{guild}": self._guild,
            "GET /guilds/{guild}/roles": self._roles,
            "GET /guilds/{guild}/channels": self._channels,
            "GET /guilds/{guild}/members/{user}": self._member,
        }
        for path in (commands, guild_commands):
            mine |= {
                f"GET {path}": self._commands,
                f"PUT {path}": self._sync,
                f"POST {path}": self._add_command,
                f"GET {path}/{{command}}": self._command,
                f"PATCH {path}/{{command}}": self._edit_command,
                f"DELETE {path}/{{command}}": self._delete_command,
            }
        hook = "/webhooks/{application}/{token}"
        free: dict[str, Handler] = {
            "POST /interactions/{interaction}/{token}/callback": self._callback,
            f"POST {hook}": self._follow_up,
            f"GET {hook}/messages/{{which}}": self._answer,
            f"PATCH {hook}/messages/{{which}}": self._edit_answer,
            f"DELETE {hook}/messages/{{which}}": self._delete_answer,
        }
        return {route: (handler, False) for route, handler in mine.items()} | {
            route: (handler, True) for route, handler in free.items()
        }

    async def _me(self, call: Call) -> Answer:
        return 200, self.server.world.bot.payload() | {"flags": 0, "locale": "en-US", "verified": True}

    async def _user(self, call: Call) -> Answer:
        user = self.server.world.users.get(call.id("user"))
        if user is None:
            raise ApiError(10013)
        return 200, user.payload()

    async def _dm(self, call: Call) -> Answer:
        user = self.server.world.users.get(int(call.dict.get("recipient_id") or 0))
        if user is None or user.bot:
            raise ApiError(50033)
        return 200, self.server.world.dm(user).payload()

    async def _application(self, call: Call) -> Answer:
        return 200, self.server.world.application()

    async def _gateway(self, call: Call) -> Answer:
        return 200, {"url": self.server.gateway_url}

    async def _gateway_bot(self, call: Call) -> Answer:
        limits, meter = self.server.limits, self.server.meter
        total = limits.identifies.count
        return 200, {
            "url": self.server.gateway_url,
            "shards": self.server.gateway.recommended,
            "session_start_limit": {
                "total": total,
                "remaining": total - meter.used("identifies", limits.identifies),
                "reset_after": int(limits.identifies.seconds * 1000),
                "max_concurrency": limits.max_concurrency,
            },
        }

    # ------------------------------------------------------------ channels and messages

    async def _channel(self, call: Call) -> Answer:
        return 200, self.server.messages.seen(call.id("channel")).payload()

    async def _typing(self, call: Call) -> Answer:
        channel = self.server.messages.seen(call.id("channel"))
        self.server.messages.may_speak(channel, {}, [])
        channel.typed += 1
        return NOTHING

    async def _history(self, call: Call) -> Answer:
        channel = self.server.messages.seen(call.id("channel"))
        if not self.server.world.may(channel) & Permission.READ_MESSAGE_HISTORY:
            return 200, []
        before, after = int(call.query.get("before", 2**63)), int(call.query.get("after", 0))
        found = [message for message in channel.messages if after < message.id < before]
        limit = int(call.query.get("limit", 50))
        found = found[:limit] if "after" in call.query else found[-limit:]
        return 200, [message.payload() for message in reversed(found)]

    def _there(self, call: Call, *needed: Permission) -> tuple[Channel, Message]:
        channel = self.server.messages.seen(call.id("channel"), *needed)
        return channel, self.server.messages.find(channel, call.id("message"))

    async def _message(self, call: Call) -> Answer:
        _, message = self._there(call, Permission.READ_MESSAGE_HISTORY)
        return 200, message.payload()

    async def _send(self, call: Call) -> Answer:
        messages = self.server.messages
        channel = messages.seen(call.id("channel"))
        messages.may_speak(channel, call.dict, call.files)
        message, new = messages.once(channel, call.dict, call.files)
        if new and channel.archived:
            await self.server.update_channel(channel, archived=False)
        if new:
            await self.server.tell_message("MESSAGE_CREATE", message)
        return 200, message.payload()

    async def _edit(self, call: Call) -> Answer:
        channel, message = self._there(call)
        if message.author is not self.server.world.bot:
            if call.dict.keys() - {"flags"} or not self.server.world.may(channel) & Permission.MANAGE_MESSAGES:
                raise ApiError(50005)
            message.flags = message.flags & ~SUPPRESS_EMBEDS | call.dict["flags"] & SUPPRESS_EMBEDS
        elif channel.archived:
            raise ApiError(50083)
        else:
            if call.files and not self.server.world.may(channel) & Permission.ATTACH_FILES:
                raise ApiError(50013)
            self._count_old(call, message)
            self.server.messages.edit(message, call.dict, call.files)
        await self.server.tell_message("MESSAGE_UPDATE", message)
        return 200, message.payload()

    def _count_old(self, call: Call, message: Message) -> None:
        if message.age < OLD_SECONDS:
            return
        taken = self.server.meter.take(("old edits", message.channel.id), self.server.limits.old_edits)
        if not taken.allowed:
            self._blame("shared", call)
            raise _Shared(taken.reset_after, 30046)

    async def _delete(self, call: Call) -> Answer:
        channel, message = self._there(call)
        if message.author is not self.server.world.bot and not (
            channel.guild is not None and self.server.world.may(channel) & Permission.MANAGE_MESSAGES
        ):
            raise ApiError(50013)
        await self.server.delete_message(message)
        return NOTHING

    async def _crosspost(self, call: Call) -> Answer:
        channel, message = self._there(call, Permission.SEND_MESSAGES)
        if channel.type is not Kind.ANNOUNCEMENT:
            raise ApiError(50024)
        if (
            message.author is not self.server.world.bot
            and not self.server.world.may(channel) & Permission.MANAGE_MESSAGES
        ):
            raise ApiError(50013)
        if message.crossposted:
            raise ApiError(40033)
        taken = self.server.meter.take(("publish", channel.id), self.server.limits.publishing)
        if not taken.allowed:
            self._blame("shared", call)
            raise _Shared(taken.reset_after, 20028)
        message.flags |= CROSSPOSTED
        await self.server.tell_message("MESSAGE_UPDATE", message)
        return 200, message.payload()

    # ------------------------------------------------------------ guilds

    def _known(self, call: Call) -> Guild:
        guild = self.server.world.guilds.get(call.id("guild"))
        if guild is None or not guild.present:
            raise ApiError(10004)
        return guild

    async def _guild(self, call: Call) -> Answer:
        guild = self._known(call)
        counts = {"approximate_member_count": len(guild.members), "approximate_presence_count": 1}
        return 200, guild.payload() | (counts if call.query.get("with_counts") in TRUE else {})

    async def _roles(self, call: Call) -> Answer:
        return 200, self._known(call).payload()["roles"]

    async def _channels(self, call: Call) -> Answer:
        channels = self._known(call).channels.values()
        return 200, [channel.payload() for channel in channels if not channel.is_thread]

    async def _member(self, call: Call) -> Answer:
        member: Member | None = self._known(call).members.get(call.id("user"))
        if member is None:
            raise ApiError(10007 if call.id("user") in self.server.world.users else 10013)
        return 200, member.payload()

    # ------------------------------------------------------------ commands

    def _scope(self, call: Call) -> int | None:
        if call.id("application") != self.server.world.bot.id:
            raise ApiError(50001)
        if "guild" not in call.ids:
            return None
        guild = self.server.world.guilds.get(call.id("guild"))
        if guild is None or not guild.present:
            raise ApiError(50001)
        return guild.id

    async def _commands(self, call: Call) -> Answer:
        found = list(self.server.commands.of(self._scope(call)).values())
        return 200, found if call.query.get("with_localizations") in TRUE else [
            _untranslated(one) for one in found
        ]

    async def _sync(self, call: Call) -> Answer:
        if not isinstance(call.body, list):
            raise ApiError(50035)
        return 200, self.server.commands.overwrite(self._scope(call), call.body)

    async def _add_command(self, call: Call) -> Answer:
        command, new = self.server.commands.put(self._scope(call), call.dict)
        return 201 if new else 200, command

    async def _command(self, call: Call) -> Answer:
        return 200, self.server.commands.get(self._scope(call), call.id("command"))

    async def _edit_command(self, call: Call) -> Answer:
        return 200, self.server.commands.edit(self._scope(call), call.id("command"), call.dict)

    async def _delete_command(self, call: Call) -> Answer:
        self.server.commands.delete(self._scope(call), call.id("command"))
        return NOTHING

    # ------------------------------------------------------------ interactions

    async def _callback(self, call: Call) -> Answer:
        interactions = self.server.interactions
        interaction, told = interactions.respond(call.id("interaction"), call.ids["token"], call.dict, call.files)
        if interaction.original is not None and interaction.kind != 4:
            event = "MESSAGE_UPDATE" if interaction.original is interaction.source else "MESSAGE_CREATE"
            await self.server.tell_message(event, interaction.original)
        return (200, told) if call.query.get("with_response") in TRUE else NOTHING

    async def _follow_up(self, call: Call) -> Answer:
        interaction = self.server.interactions.webhook(call.ids["token"])
        message, new = self.server.interactions.follow_up(interaction, call.dict, call.files)
        await self.server.tell_message("MESSAGE_CREATE" if new else "MESSAGE_UPDATE", message)
        return 200, message.payload()

    def _answered(self, call: Call) -> Message:
        interactions = self.server.interactions
        return interactions.message(interactions.webhook(call.ids["token"]), call.ids["which"])

    async def _answer(self, call: Call) -> Answer:
        return 200, self._answered(call).payload()

    async def _edit_answer(self, call: Call) -> Answer:
        message = self._answered(call)
        self.server.messages.edit(message, call.dict, call.files)
        await self.server.tell_message("MESSAGE_UPDATE", message)
        return 200, message.payload()

    async def _delete_answer(self, call: Call) -> Answer:
        await self.server.delete_message(self._answered(call))
        return NOTHING

    # ------------------------------------------------------------ files

    async def _attachment(self, request: web.Request) -> web.StreamResponse:
        """Hand out an attachment while its link is good."""
        channel = self.server.world.channels.get(int(request.match_info["channel"]))
        made = self.server.interactions.made.values()
        hidden = [message for interaction in made for message in interaction.messages]
        for message in [*(channel.messages if channel else []), *hidden]:
            for file in message.attachments:
                if str(file.id) == request.match_info["attachment"] and int(request.query["ex"], 16) > time.time():
                    return web.Response(body=file.data, content_type=file.content_type)
        return web.Response(status=404, text="This content is no longer available.")


PATTERNS = {"token": ":[^/]+", "which": ":@original|[0-9]+"}
WRITE_LIMIT = "The write action you are performing on the channel has hit the write rate limit."


class _Shared(Exception):
    """A limit within the route's own."""

    def __init__(self, retry_after: float, code: int) -> None:
        self.retry_after = retry_after
        self.code = code
        super().__init__()


def _untranslated(part: Json) -> Json:
    """Leave translations out, as a list of commands does that was not asked for them."""
    told = {key: value for key, value in part.items() if not key.endswith("_localizations")}
    for key in ("options", "choices"):
        if key in told:
            told[key] = [_untranslated(inner) for inner in told[key]]
    return told
