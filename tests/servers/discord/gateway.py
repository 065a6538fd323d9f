"""Discord's gateway on loopback: sessions, events, and all the ways to lose a connection."""

from __future__ import annotations

import asyncio
import json
import zlib
from contextlib import suppress
from dataclasses import dataclass, field
from enum import IntFlag
from typing import TYPE_CHECKING, Any

from aiohttp import WSMsgType, web

from tests.servers.discord.errors import Json
from tests.servers.discord.rest import Violation

if TYPE_CHECKING:
    from tests.servers.discord.server import DiscordServer

DISPATCH, HEARTBEAT, IDENTIFY, PRESENCE, VOICE_STATE, RESUME, RECONNECT = 0, 1, 2, 3, 4, 6, 7
REQUEST_MEMBERS, INVALID_SESSION, HELLO, HEARTBEAT_ACK = 8, 9, 10, 11
MAX_PAYLOAD = 4096
RESUME_PATH = "/resume"


class Intent(IntFlag):
    GUILDS = 1 << 0
    MEMBERS = 1 << 1
    VOICE_STATES = 1 << 7
    PRESENCES = 1 << 8
    MESSAGES = 1 << 9
    DIRECT_MESSAGES = 1 << 12
    MESSAGE_CONTENT = 1 << 15


PRIVILEGED = Intent.MEMBERS | Intent.PRESENCES | Intent.MESSAGE_CONTENT
#: Bits 0 to 16, 20, 21, 24 and 25 mean something.
KNOWN_INTENTS = (1 << 17) - 1 | 1 << 20 | 1 << 21 | 1 << 24 | 1 << 25


class Closed(Exception):
    """The server closes a connection."""

    def __init__(self, code: int) -> None:
        self.code = code
        super().__init__(code)


@dataclass(eq=False)
class Session:
    """What a RESUME goes on with.

    Attributes:
        events: All that was dispatched in it, in order; the first has number 1.
    """

    id: str
    intents: int
    shard: tuple[int, int]
    events: list[Json] = field(default_factory=list)
    connection: Connection | None = None

    def concerns(self, guild_id: int | None) -> bool:
        number, count = self.shard
        return number == (0 if guild_id is None else (guild_id >> 22) % count)


@dataclass(eq=False)
class Connection:
    """One WebSocket.

    Attributes:
        resumed: It came to the address that READY gives for resuming.
        goodbye: The code with which the client closed it; 1000 and 1001 end the session.
        shrink: The one compressor of the whole connection, when zlib-stream was asked for.
    """

    socket: web.WebSocketResponse
    request: web.Request
    shrink: Any = None
    resumed: bool = False
    session: Session | None = None
    beat: float = 0
    goodbye: int | None = None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def send(
        self, op: int, data: Any = None, *, event: str | None = None, number: int | None = None
    ) -> None:
        text = json.dumps({"op": op, "d": data, "s": number, "t": event}, separators=(",", ":"))
        async with self.lock:
            with suppress(ConnectionError):
                if self.shrink is None:
                    await self.socket.send_str(text)
                else:
                    packed = self.shrink.compress(text.encode()) + self.shrink.flush(zlib.Z_SYNC_FLUSH)
                    await self.socket.send_bytes(packed)

    def cut(self) -> None:
        if self.request.transport is not None:
            self.request.transport.abort()


@dataclass(eq=False)
class Gateway:
    """The gateway.

    Attributes:
        heartbeat: Seconds between heartbeats that HELLO asks for. These are real seconds.
        acks: Answer heartbeats. Without it connections look dead.
        shards: How many GET /gateway/bot recommends, at least.
        upgrade_status: Refuse WebSockets with this HTTP status, as in an outage.
        identifies, resumes: What was sent with them.
        heartbeats: The sequence numbers that came.
        opened: How many connections there were.
        closed: The codes that this server closed connections with.
        goodbyes: The codes that clients closed connections with.
    """

    server: DiscordServer
    heartbeat: float = 41.25
    acks: bool = True
    shards: int = 1
    upgrade_status: int | None = None
    sessions: dict[str, Session] = field(default_factory=dict)
    connections: list[Connection] = field(default_factory=list)
    identifies: list[Json] = field(default_factory=list)
    resumes: list[Json] = field(default_factory=list)
    heartbeats: list[int | None] = field(default_factory=list)
    received: list[Json] = field(default_factory=list)
    closed: list[int] = field(default_factory=list)
    goodbyes: list[int] = field(default_factory=list)
    opened: int = 0

    def application(self) -> web.Application:
        application = web.Application()
        application.router.add_get("/", self._connect)
        application.router.add_get(f"{RESUME_PATH}/", self._connect)
        return application

    @property
    def connected(self) -> bool:
        """Somebody has a session and is connected with it."""
        return any(connection.session is not None for connection in self.connections)

    @property
    def recommended(self) -> int:
        """How many shards a bot in so many servers needs."""
        return max(self.shards, -(-len(self.server.world.joined) // self.server.limits.guilds_a_shard))

    @property
    def shards_connected(self) -> list[int]:
        """The numbers of the shards that have a session and are connected with it."""
        return sorted(one.session.shard[0] for one in self.connections if one.session is not None)

    def _of(self, shard: int | None) -> list[Connection]:
        """Return the connections of a shard, or all."""
        return [
            one
            for one in self.connections
            if shard is None or (one.session is not None and one.session.shard[0] == shard)
        ]

    # ------------------------------------------------------------ what a test does to it

    async def reconnect(self) -> None:
        """Ask everybody to reconnect (op 7); Discord closes the connection if they do not."""
        for connection in list(self.connections):
            await connection.send(RECONNECT)

    async def invalidate(self, *, resumable: bool = False, shard: int | None = None) -> None:
        """Say that the session is invalid (op 9)."""
        for connection in self._of(shard):
            if not resumable:
                self.forget(connection.session)
            await connection.send(INVALID_SESSION, resumable)

    async def request_heartbeat(self) -> None:
        for connection in list(self.connections):
            await connection.send(HEARTBEAT)

    async def close(self, code: int, *, shard: int | None = None) -> None:
        """Close all connections, or a shard's, with a code."""
        for connection in self._of(shard):
            self.closed.append(code)
            await connection.socket.close(code=code)

    def cut(self, *, shard: int | None = None) -> None:
        """Cut all TCP connections, or a shard's; nothing is said."""
        for connection in self._of(shard):
            if connection.session is not None:
                connection.session.connection = None
            connection.cut()

    def forget(self, session: Session | None = None) -> None:
        """Forget a session, or all: a RESUME gets an invalid session."""
        for key in [key for key, known in self.sessions.items() if session in {None, known}]:
            del self.sessions[key]

    async def refuse(self) -> None:
        """Refuse connections from now on, on the level of TCP. Those that are open stay."""
        await self.server.listen(gateway=False)

    async def accept(self) -> None:
        await self.server.listen(gateway=True)

    # ------------------------------------------------------------ events

    async def dispatch(
        self, event: str, data: Json, *, guild_id: int | None = None, intent: int = 0, without: Json | None = None
    ) -> None:
        """Send an event to every session that asked for it.

        With ``without``, sessions without the intent for message content get those values instead.
        """
        for session in list(self.sessions.values()):
            if (intent and not session.intents & intent) or not session.concerns(guild_id):
                continue
            hidden = without is not None and not session.intents & Intent.MESSAGE_CONTENT
            await self._emit(session, event, data | (without or {}) if hidden else data)
        self.server.bell.ring()

    async def _emit(self, session: Session, event: str, data: Json) -> None:
        number = len(session.events) + 1
        session.events.append({"t": event, "d": data})
        if session.connection is not None:
            await session.connection.send(DISPATCH, data, event=event, number=number)

    # ------------------------------------------------------------ connections

    async def _connect(self, request: web.Request) -> web.StreamResponse:
        if self.upgrade_status is not None:
            return web.Response(status=self.upgrade_status, text="upstream connect error")
        compress = request.query.get("compress")
        if compress not in {None, "zlib-stream"} or request.query.get("encoding", "json") != "json":
            return web.Response(status=400, text="this server speaks JSON and zlib-stream only")
        socket = web.WebSocketResponse(compress=False, max_msg_size=2**20)
        await socket.prepare(request)
        shrink = zlib.compressobj() if compress else None
        connection = Connection(socket, request, shrink, resumed=request.path.startswith(RESUME_PATH))
        self.connections.append(connection)
        self.opened += 1
        try:
            if request.query.get("v") not in {"9", "10"}:
                raise Closed(4012)  # noqa: TRY301
            await self._converse(connection)
        except Closed as reason:
            self.closed.append(reason.code)
            await socket.close(code=reason.code)
        except ConnectionError:
            pass
        finally:
            self._left(connection)
        return socket

    def _left(self, connection: Connection) -> None:
        self.connections.remove(connection)
        session = connection.session
        if session is not None and session.connection is connection:
            session.connection = None
            if connection.goodbye in {1000, 1001}:
                self.forget(session)
        self.server.bell.ring()

    async def _converse(self, connection: Connection) -> None:
        clock = self.server.clock
        await connection.send(HELLO, {"heartbeat_interval": int(self.heartbeat * 1000), "_trace": ["loopback"]})
        connection.beat = clock()
        while True:
            patience = connection.beat + self.heartbeat * 1.5 - clock()
            try:
                message = await connection.socket.receive(timeout=max(patience, 0.001))
            except TimeoutError:
                raise Closed(4000) from None
            if message.type is WSMsgType.CLOSE:
                connection.goodbye = message.data
                self.goodbyes.append(message.data)
            if message.type not in {WSMsgType.TEXT, WSMsgType.BINARY}:
                return
            await self._take(connection, message.data)
            self.server.bell.ring()

    async def _take(self, connection: Connection, text: str | bytes) -> None:
        if len(text if isinstance(text, bytes) else text.encode()) > MAX_PAYLOAD:
            raise Closed(4002)
        rate = self.server.limits.gateway_sends
        if not self.server.meter.take(("gateway", id(connection)), rate).allowed:
            self._blame("gateway sends")
            raise Closed(4008)
        try:
            payload = json.loads(text)
            op, data = payload["op"], payload.get("d")
        except (ValueError, KeyError, TypeError):
            raise Closed(4002) from None
        self.received.append(payload)
        if op == HEARTBEAT:
            connection.beat = self.server.clock()
            self.heartbeats.append(data)
            if self.acks:
                await connection.send(HEARTBEAT_ACK)
        elif op == IDENTIFY:
            await self._identify(connection, data)
        elif op == RESUME:
            await self._resume(connection, data)
        elif op not in {PRESENCE, VOICE_STATE, REQUEST_MEMBERS}:
            raise Closed(4001)
        elif connection.session is None:
            raise Closed(4003)
        elif op == REQUEST_MEMBERS:
            await self._members(connection.session, data)

    def _blame(self, what: str) -> None:
        self.server.violations.append(Violation(self.server.clock(), "gateway", what))

    async def _identify(self, connection: Connection, data: Json) -> None:
        self.identifies.append(data)
        if connection.session is not None:
            raise Closed(4005)
        limits, meter = self.server.limits, self.server.meter
        if data.get("token") != self.server.token:
            raise Closed(4004)
        if not meter.take("identifies", limits.identifies).allowed:
            self._blame("identifies a day")
            self.forget()
            self.server.token += "-reset"
            raise Closed(4004)
        number, count = data.get("shard") or (0, 1)
        if not 0 <= number < count:
            raise Closed(4010)
        intents = data.get("intents")
        if not isinstance(intents, int) or intents & ~KNOWN_INTENTS:
            raise Closed(4013)
        if intents & PRIVILEGED & ~self.server.world.privileged:
            raise Closed(4014)
        session = Session(f"session{len(self.identifies)}", intents, (number, count))
        guilds = [guild for guild in self.server.world.joined if session.concerns(guild.id)]
        if len(guilds) > limits.guilds_a_shard:
            raise Closed(4011)
        if not meter.take(("identifying", number % limits.max_concurrency), limits.identifying).allowed:
            self._blame("identifies at once")
            await connection.send(INVALID_SESSION, data=False)
            return
        session.connection = connection
        connection.session = session
        self.sessions[session.id] = session
        await self._emit(session, "READY", self._ready(session, [guild.id for guild in guilds]))
        if intents & Intent.GUILDS:
            for guild in guilds:
                if not guild.available:
                    continue
                event = guild.event(everybody=bool(intents & Intent.PRESENCES))
                await self._emit(session, "GUILD_CREATE", event | {"unavailable": False})

    def _ready(self, session: Session, guilds: list[int]) -> Json:
        world = self.server.world
        return {
            "v": 10,
            "user": world.bot.payload(),
            "guilds": [{"id": str(guild), "unavailable": True} for guild in guilds],
            "session_id": session.id,
            "session_type": "normal",
            "resume_gateway_url": f"{self.server.gateway_url.rstrip('/')}{RESUME_PATH}/",
            "shard": list(session.shard),
            "application": {"id": str(world.bot.id), "flags": world.flags},
            "user_settings": {},
            "relationships": [],
            "private_channels": [],
            "presences": [],
            "guild_join_requests": [],
            "geo_ordered_rtc_regions": [],
            "_trace": ["loopback"],
        }

    async def _resume(self, connection: Connection, data: Json) -> None:
        self.resumes.append(data)
        if connection.session is not None:
            raise Closed(4005)
        if data.get("token") != self.server.token:
            raise Closed(4004)
        session = self.sessions.get(str(data.get("session_id")))
        if session is None:
            await connection.send(INVALID_SESSION, data=False)
            return
        seen = data.get("seq") or 0
        if not isinstance(seen, int) or seen > len(session.events):
            raise Closed(4007)
        connection.session = session
        if session.connection is not None:
            session.connection.cut()
        for number, event in enumerate(session.events[seen:], seen + 1):
            await connection.send(DISPATCH, event["d"], event=event["t"], number=number)
        session.connection = connection
        await self._emit(session, "RESUMED", {"_trace": ["loopback"]})

    async def _members(self, session: Session, data: Json) -> None:
        """Answer a request for members, in one chunk."""
        guild = self.server.world.guilds[int(data["guild_id"])]
        asked = data.get("user_ids") or []
        wanted = {int(user) for user in (asked if isinstance(asked, list) else [asked])}
        query, limit = data.get("query"), data.get("limit") or 100_000
        if not wanted and not query and not session.intents & Intent.MEMBERS:
            self._blame("all members without the intent")
            return
        found = [
            member.payload()
            for number, member in guild.members.items()
            if (number in wanted if wanted else member.user.name.startswith(query or ""))
        ]
        chunk = {"guild_id": str(guild.id), "members": found[:limit], "chunk_index": 0, "chunk_count": 1}
        chunk |= {"not_found": [str(user) for user in wanted - guild.members.keys()]}
        chunk |= {"nonce": data["nonce"]} if "nonce" in data else {}
        await self._emit(session, "GUILD_MEMBERS_CHUNK", chunk)
