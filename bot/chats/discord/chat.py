"""Discord as a chat: one client inside our own loop, and a supervisor that starts it again.

A ``discord.Client`` ends for good when a connection cannot be made, and neither asks for the gateway's address nor
counts its IDENTIFYs. So every run begins with ``GET /gateway/bot``; short losses are resumed by the library, and
after long ones the supervisor makes a new client, ever more slowly.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Collection, Coroutine
from typing import Any

import discord
import structlog
import yarl

from bot.chats.discord import attach, commands, places, render
from bot.chats.discord.client import Client, close
from bot.chats.discord.edits import LANE, OldEdits, is_old
from bot.chats.discord.errors import Code, Spot, no_files, perhaps_of_files, port_error
from bot.chats.discord.fatal import FATAL, TOKEN, looks_like_a_token
from bot.chats.discord.identifies import Identifies, Later
from bot.chats.discord.listen import Ear
from bot.chats.discord.pen import Pen, cause
from bot.chats.discord.presence import PLATFORM, Presence
from bot.chats.discord.traffic import Traffic
from bot.domain import SECOND
from bot.domain.sentence import N_
from bot.ports.chat import ChatGone, Listener, MessageGone, Partly, Post, Refused, Target, TopicGone, TryLater
from bot.ports.message import Message, discard
from bot.ports.pace import Limits, Pace
from bot.ports.rooms import Room
from bot.ports.since import Since

log = structlog.get_logger(__name__)

DEFAULT_API_URL = "https://discord.com/api/v10"

#: https://docs.discord.com/developers/topics/rate-limits#global-rate-limit
#: 5 messages in 5 s to a channel, as observed: https://github.com/discord/discord-api-docs/issues/20
LIMITS = Limits(a_second=50, a_second_a_lane=1)

FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 120.0
LOGIN_SECONDS = 60
CHECK_SECONDS = 10
#: A session that has brought nonsense is begun anew, at most so often.
RENEWAL_SECONDS = 3600.0
NOT_YET = 2 * SECOND
NEVER = 600 * SECOND


class DiscordChat:
    """Discord: each server is a chat, each of its channels and threads a topic of it.

    A conversation in private is a chat without topics, ``@`` and the channel's id.

    Args:
        token: The bot's token.
        api_url: Where the API is, with its version; the gateway's address is asked of it.
        operators: The ids of those who run this bot.
        pace: What it may send; Discord's own limits unless given.
    """

    platform = PLATFORM
    by_topic = True

    def __init__(
        self,
        token: str,
        *,
        api_url: str = DEFAULT_API_URL,
        operators: Collection[str] = (),
        pace: Pace | None = None,
    ) -> None:
        self.pace = pace or Pace(LIMITS)
        self._token = token.strip()
        self._api_url = api_url.rstrip("/")
        self._operators = operators
        self._ear: Ear | None = None
        self._task: asyncio.Task[None] | None = None
        self._client: Client | None = None
        self._traffic = Traffic(self.pace)
        self._pen = Pen(self._traffic)
        self._since = Since()
        self._old = OldEdits()
        self._identifies = Identifies()
        self._menu: list[commands.Json] = []
        self._synced: str | None = None
        self._syncing: asyncio.Task[None] | None = None
        self._refused: str | None = None
        self._connected: bool | None = None
        self._renewed_at: float | None = None
        self._renewal: asyncio.Task[None] | None = None
        #: Work that nobody waits for, until the end.
        self._work: set[asyncio.Task[Any]] = set()

    def is_group(self, chat: str) -> bool:
        """Tell servers from conversations in private."""
        return not chat.startswith(places.PRIVATE)

    # Connecting

    async def start(self, listener: Listener) -> None:
        """Begin to connect, and to listen once that is done."""
        # It logs each attempt with its traceback, and addresses with the tokens of interactions.
        logging.getLogger("discord").setLevel(logging.CRITICAL + 1)
        self._ear = Ear(listener, Presence(listener, self._greet), operators=self._operators)
        self._menu = commands.menu(listener.commands)
        self._pen.commands = frozenset(one.name for one in listener.commands)
        self._point()
        self._task = asyncio.create_task(self._supervise(self._ear), name="discord")

    @property
    def connected(self) -> bool | None:
        """Tell whether there is a connection."""
        return self._connected if self._task is not None else None

    async def open(self) -> None:
        """Do nothing yet: what is sent needs the connection."""

    async def close(self) -> None:
        """Let go of the connection."""
        await self.stop()

    async def stop(self) -> None:
        """Let go of the connection."""
        for task in [*self._work, *([self._task] if self._task else [])]:
            task.cancel()
        await asyncio.gather(*self._work, *([self._task] if self._task else []), return_exceptions=True)
        self._task = None

    async def check(self) -> str | None:
        """Ask Discord who the bot is."""
        if not looks_like_a_token(self._token):
            return TOKEN
        self._point()
        client = Client(self, None)
        try:
            async with asyncio.timeout(CHECK_SECONDS):
                await client.http.static_login(self._token)
        except discord.LoginFailure:
            return TOKEN
        except discord.HTTPException as error:
            return f"Discord answers {error.status} at {self._host}: try again later, or mend DISCORD_API_URL."
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the reason
            return (
                f"Discord cannot be reached at {self._host} ({cause(error)}): mend the network or DISCORD_API_URL."
            )
        finally:
            await close(client)
        return None

    @property
    def _host(self) -> str:
        try:
            return yarl.URL(self._api_url).authority.rpartition("@")[2]
        except ValueError:
            return "an address that is none"

    def _point(self) -> None:
        discord.http.Route.BASE = self._api_url

    async def _supervise(self, ear: Ear) -> None:
        pause = FIRST_PAUSE_SECONDS
        while True:
            if not looks_like_a_token(self._token):
                return self._refuse(TOKEN)
            client = Client(self, ear)
            reason = ""
            try:
                await self._connect(client)
            except discord.LoginFailure:
                return self._refuse(TOKEN)
            except discord.ConnectionClosed as error:
                if error.code in FATAL:
                    return self._refuse(FATAL[error.code])
                reason = f"closed with {error.code}"
            except discord.PrivilegedIntentsRequired:
                return self._refuse(FATAL[4014])
            except Later as error:
                pause, reason = max(pause, error.seconds), str(error)
                log.warning("the sessions that Discord gives a bot in a day are used up", wait=f"{pause:.0f} s")
            except Exception as error:  # noqa: BLE001 - what the library cannot bear must not end the platform
                reason = cause(error)
            finally:
                self._client = None
                await close(client)
            self.lost(reason or "closed")
            if client.was_connected:
                pause = FIRST_PAUSE_SECONDS
            await asyncio.sleep(pause * random.uniform(0.8, 1.2))  # noqa: S311 - only so that bots do not come at once
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)

    async def _connect(self, client: Client) -> None:
        """Be connected until that ends."""
        async with asyncio.timeout(LOGIN_SECONDS):
            await client.login(self._token)
        self._client = client
        await client.connect(reconnect=False)

    def _refuse(self, why: str) -> None:
        self._refused = why
        self._connected = False
        log.error("Discord refuses this bot; nothing is tried again before a restart", why=why)

    # What clients tell

    def came(self, client: Client) -> None:
        """Note that there is a connection."""
        if not self._connected:
            user = client.user.name if client.user else None
            log.info("Discord is connected" if self._connected is None else "Discord is connected again", bot=user)
        self._connected = True
        if self._synced != commands.fingerprint(self._menu) and (self._syncing is None or self._syncing.done()):
            self._syncing = self.work(self._sync())

    def begun(self) -> None:
        """Note a new session: what was told meanwhile is not told again."""
        self._since.gap()

    def lost(self, why: str) -> None:
        """Note that there is no connection."""
        if self._connected:
            log.warning("the connection to Discord is lost; connecting again", why=why)
        elif self._connected is None:
            log.warning("Discord cannot be reached; trying again", host=self._host, why=why)
        self._connected = False

    def renew(self) -> None:
        """End a session that has brought nonsense, now or as soon as one may: the next tells everything anew."""
        if self._renewal is None or self._renewal.done():
            self._renewal = self.work(self._end())

    async def _end(self) -> None:
        loop = asyncio.get_running_loop()
        if self._renewed_at is not None:
            await asyncio.sleep(self._renewed_at + RENEWAL_SECONDS - loop.time())
        if self._client is not None and self._client.doubts:
            self._renewed_at = loop.time()
            await self._client.close()

    async def _sync(self) -> None:
        while (client := self._client) is not None:
            try:
                if await commands.sync(client, self._traffic, self._menu):
                    log.info("Discord's menu of commands is set", commands=len(self._menu))
            except TryLater as error:
                await asyncio.sleep(error.retry_after / SECOND)
                continue
            except Exception as error:  # noqa: BLE001 - the next connection tries again
                log.warning("Discord's menu of commands could not be set", why=cause(error))
            else:
                self._synced = commands.fingerprint(self._menu)
            return

    def work(self, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Do something that nobody waits for."""
        task = asyncio.create_task(coroutine)
        self._work.add(task)
        task.add_done_callback(self._work.discard)
        return task

    async def identify(self) -> None:
        """Wait until the bot may begin a new session."""
        await self._identifies.take()

    @property
    def trace(self) -> Any:
        """What the library's HTTP tells of its requests."""
        return self._traffic.trace()

    # Sending

    async def send(self, post: Post) -> str | None:
        """Post a message or edit one, whether or not its channel is known."""
        try:
            return await self._send(post)
        finally:
            discard(post.message)

    async def _send(self, post: Post) -> str:
        target, channel = post.target, places.address(post.target)
        edits = None if post.replaces is None else places.snowflake(post.replaces)
        if channel is None or (edits is None and post.replaces is not None):
            raise Refused(N_("on Discord a post needs a channel or thread of the server"))
        client = self._connection()
        if edits is not None and is_old(edits):
            self._let_old(channel)
        try:
            key, lacks = await self._put(client, post, channel, edits)
        except Exception as error:  # noqa: BLE001 - each has its class
            wrong = port_error(error, self._spot(client, target), editing=edits is not None)
            # The deliverer knows; the next question from there lets it in again.
            if self._ear is not None and isinstance(wrong, ChatGone | TopicGone):
                self._ear.presence.forget(target.chat, target.topic if isinstance(wrong, TopicGone) else None)
            if isinstance(wrong, TryLater) and edits is not None and is_old(edits):
                wrong.alone = not wrong.everywhere
            raise wrong from None
        if edits is None:
            self._since.wrote(channel, key)
            if places.is_news(client, channel):
                self.work(self._pen.publish(client, channel, key))
        if lacks is not None:
            raise Partly(lacks, key=str(key))
        return str(key)

    async def _put(self, client: Client, post: Post, channel: int, edits: int | None) -> tuple[int, str | None]:
        """Write a post with what goes with it, else without; return its id, and what is missing for the whole."""
        target, lacks = post.target, None
        lane = target.topic or target.chat
        if edits is not None and is_old(edits):
            lane = LANE.format(channel=channel)
        body = render.payload(post, commands=self._pen.commands)
        files, _ = await attach.load(post.message, most=places.most_bytes(client, target))
        try:
            if files and not places.takes_files(client, channel):
                lacks = no_files(self._spot(client, target))
            elif files:
                try:
                    key = await self._pen.post(client, channel, body, edits=edits, lane=lane, files=files)
                except discord.HTTPException as error:
                    if not perhaps_of_files(error):
                        raise
                    log.info("Discord did not take a picture or file", channel=channel, why=cause(error))
                    if error.code == Code.MISSING_PERMISSIONS:
                        lacks = no_files(self._spot(client, target))
                    self._traffic.again(lane)
                else:
                    return key, None
            return await self._pen.post(client, channel, body, edits=edits, lane=lane), lacks
        finally:
            attach.close(files)

    def _let_old(self, channel: int) -> None:
        """Take a turn of the edits of old messages.

        Raises:
            TryLater: There is none now; posts need not wait for it.
        """
        wait = self.pace.wait(LANE.format(channel=channel)) or self._old.take(channel)
        if wait > 0:
            told = "Discord lets old messages be edited only so often"
            raise TryLater(told, retry_after=max(round(wait * SECOND), 1), alone=True)

    def _spot(self, client: Client, target: Target) -> Spot:
        return places.spot(client, target, connected=client.is_ready() and self._connected is True)

    async def remove(self, target: Target, key: str) -> None:
        """Delete a post."""
        channel, message = places.address(target), places.snowflake(key)
        if channel is None or message is None:
            return
        client = self._connection()
        try:
            await self._pen.remove(client, channel, message)
        except Exception as error:  # noqa: BLE001 - each has its class
            wrong = port_error(error, self._spot(client, target), editing=True)
            if not isinstance(wrong, MessageGone):
                raise wrong from None

    def buried(self, target: Target, key: str) -> int | None:
        """Count what came after a post while there was a connection."""
        channel, message = places.address(target), places.snowflake(key)
        return None if channel is None or message is None else self._since.after(channel, message)

    def heard(self, data: Any) -> None:
        """Note that there is a new message; what it says is not looked at."""
        try:
            self._since.heard(int(data["channel_id"]), int(data["id"]))
        except (KeyError, TypeError, ValueError):
            log.debug("Discord told of a message that it does not name")

    async def tell(self, user: str, message: Message) -> None:
        """Write to a person, whether or not the bot ever did."""
        person = places.snowflake(user)
        if person is None:
            raise Refused(N_("{user} is nobody's id on Discord"), user=repr(user[:40]))
        client = self._connection()
        try:
            await self._pen.tell(client, person, message)
        except Exception as error:  # noqa: BLE001 - each has its class
            raise port_error(error, Spot()) from None

    def room(self, chat: str, channel: str) -> Room | None:
        """Return a channel as the gateway told of it; while it tells nothing, nothing is known."""
        client = self._telling(chat)
        return places.unknown_room(chat, channel) if client is None else places.room(client, chat, channel)

    def may_see(self, chat: str, channel: str, *, user: str, roles: Collection[str]) -> bool | None:
        """Tell whether somebody sees a channel by what the gateway told of it."""
        client = self._telling(chat)
        return None if client is None else places.may_see(client, chat, channel, user=user, roles=roles)

    def _telling(self, chat: str) -> Client | None:
        """Return the client if what it knows of a server is as it is now."""
        client = self._client
        if client is None or not client.is_ready() or not self._connected or client.doubts.about(chat):
            return None
        return client

    def _connection(self) -> Client:
        if self._refused is not None:
            raise TryLater(self._refused, retry_after=NEVER, everywhere=True)
        if self._client is None:
            raise TryLater(N_("not connected to Discord"), retry_after=NOT_YET, everywhere=True)
        return self._client

    async def _greet(self, hall: discord.TextChannel, message: Message) -> None:
        if self._client is not None:
            await self._pen.greet(self._client, hall, message)
