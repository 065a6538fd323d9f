"""Discord as a chat: a client without a gateway to send with, and the gateway to listen."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Coroutine
from typing import Any

import discord
import structlog
import yarl

from bot.chats.discord import attach, commands, places, render
from bot.chats.discord.bulletin import Bulletin
from bot.chats.discord.client import Client
from bot.chats.discord.edits import LANE, OldEdits, is_old
from bot.chats.discord.errors import Code, Spot, no_files, perhaps_of_files, port_error
from bot.chats.discord.fatal import TOKEN, looks_like_a_token
from bot.chats.discord.gateway import Gateway
from bot.chats.discord.identifies import Identifies
from bot.chats.discord.listen import Ear
from bot.chats.discord.lookup import Lookup
from bot.chats.discord.pen import Pen, cause
from bot.chats.discord.presence import PLATFORM, Presence
from bot.chats.discord.rest import Rest, bare_client
from bot.chats.discord.shard import Shard
from bot.chats.discord.traffic import Traffic
from bot.domain import SECOND
from bot.domain.sentence import N_
from bot.ports.chat import (
    ChatGone,
    Listener,
    MessageGone,
    Partly,
    Post,
    Refused,
    SendError,
    Target,
    TopicGone,
    TryLater,
)
from bot.ports.message import Message, discard
from bot.ports.pace import Limits, Pace
from bot.ports.rooms import Room

log = structlog.get_logger(__name__)

DEFAULT_API_URL = "https://discord.com/api/v10"

#: https://docs.discord.com/developers/topics/rate-limits#global-rate-limit
#: 5 messages in 5 s to a channel, as observed: https://github.com/discord/discord-api-docs/issues/20
LIMITS = Limits(a_second=50, a_second_a_lane=1)

CHECK_SECONDS = 10
#: What such a refusal means depends on what the bot may in the place.
_OF_PLACES = {Code.MISSING_ACCESS, Code.MISSING_PERMISSIONS}


class DiscordChat:
    """Discord: each server is a chat, each of its channels and threads a topic of it.

    A conversation in private is a chat without topics, ``@`` and the channel's id.

    Args:
        token: The bot's token.
        api_url: Where the API is, with its version; the gateway's address is asked of it.
        operators: The ids of those who run this bot.
        pace: What it may send; Discord's own limits unless given.
        shards: How many connections listen, each to its part of the servers; None for what Discord recommends.
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
        shards: int | None = None,
    ) -> None:
        self.pace = pace or Pace(LIMITS)
        self._token = token.strip()
        self._api_url = api_url.rstrip("/")
        self._operators = operators
        self._shards = shards
        self._traffic = Traffic(self.pace)
        self._bulletin = Bulletin(self._host)
        self._rest = Rest(self._token, self._traffic, self._bulletin, reached=self._reached)
        self._lookup = Lookup(self._traffic)
        self._pen = Pen(self._traffic)
        self._old = OldEdits()
        self._identifies = Identifies()
        self._gateway: Gateway | None = None
        self._ear: Ear | None = None
        self._menu: list[commands.Json] = []
        self._synced: str | None = None
        self._syncing: asyncio.Task[None] | None = None
        #: What follows posts that have arrived.
        self._following: set[asyncio.Task[None]] = set()

    def is_group(self, chat: str) -> bool:
        """Tell servers from conversations in private."""
        return not chat.startswith(places.PRIVATE)

    # Connecting

    @property
    def connected(self) -> bool | None:
        """Tell whether every shard has a connection."""
        return None if self._gateway is None else self._gateway.connected

    async def open(self) -> None:
        """Begin to log in, which is all it takes to send."""
        # It logs each attempt with its traceback, and addresses with the tokens of interactions.
        logging.getLogger("discord").setLevel(logging.CRITICAL + 1)
        self._point()
        self._rest.open()

    async def start(self, listener: Listener) -> None:
        """Begin to connect, and to listen once that is done."""
        if self._gateway is not None:
            return
        self._bulletin.begin()
        await self.open()
        self._ear = Ear(listener, Presence(listener, self._greet), operators=self._operators)
        self._menu = commands.menu(listener.commands)
        self._pen.commands = frozenset(one.name for one in listener.commands)
        self._gateway = Gateway(
            self._token,
            self._ear,
            rest=self._rest,
            traffic=self._traffic,
            identifies=self._identifies,
            bulletin=self._bulletin,
            came=self._came,
            shards=self._shards,
        )
        self._gateway.start()

    async def stop(self) -> None:
        """Let go of all connections to the gateway."""
        gateway, self._gateway, self._ear = self._gateway, None, None
        if gateway is not None:
            await gateway.stop()

    async def close(self) -> None:
        """Let go of everything."""
        await self.stop()
        for task in self._following:
            task.cancel()
        await asyncio.gather(*self._following, return_exceptions=True)
        await self._rest.close()

    async def check(self) -> str | None:
        """Ask Discord who the bot is."""
        if not looks_like_a_token(self._token):
            return TOKEN
        self._point()
        client = bare_client(self._traffic)
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
            await client.http.close()
        return None

    @property
    def _host(self) -> str:
        try:
            return yarl.URL(self._api_url).authority.rpartition("@")[2]
        except ValueError:
            return "an address that is none"

    def _point(self) -> None:
        discord.http.Route.BASE = self._api_url

    def _reached(self) -> None:
        if self._gateway is None:  # else it tells of its connection
            self._bulletin.reached()

    def _came(self) -> None:
        """Set the menu with a new connection, unless it is set."""
        gateway = self._gateway
        if gateway is None or self._synced == commands.fingerprint(self._menu):
            return
        if self._syncing is None or self._syncing.done():
            self._syncing = gateway.work(self._sync())

    async def _sync(self) -> None:
        while True:
            try:
                if await commands.sync(await self._rest.client(), self._traffic, self._menu):
                    log.info("Discord's menu of commands is set", commands=len(self._menu))
            except TryLater as error:
                await asyncio.sleep(error.retry_after / SECOND)
                continue
            except Exception as error:  # noqa: BLE001 - the next connection tries again
                log.warning("Discord's menu of commands could not be set", why=cause(error))
            else:
                self._synced = commands.fingerprint(self._menu)
            return

    async def _greet(self, hall: discord.TextChannel, message: Message) -> None:
        await self._pen.greet(hall, message, client=self._rest.client)

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
        client = await self._rest.client()
        if edits is not None and is_old(edits):
            self._let_old(channel)
        try:
            key, lacks = await self._put(client, post, channel, edits)
        except Exception as error:  # noqa: BLE001 - each has its class
            wrong = await self._meaning(client, error, target, editing=edits is not None)
            # The deliverer knows; the next question from there lets it in again.
            if self._ear is not None and isinstance(wrong, ChatGone | TopicGone):
                self._ear.presence.forget(target.chat, target.topic if isinstance(wrong, TopicGone) else None)
            if isinstance(wrong, TryLater) and edits is not None and is_old(edits):
                wrong.alone = not wrong.everywhere
            raise wrong from None
        if edits is None:
            if (shard := self._shard(target.chat)) is not None:
                shard.wrote(channel, key)
            if target.topic is not None:
                self._follow(self._publish(client, target.chat, channel, key))
        if lacks is not None:
            raise Partly(lacks, key=str(key))
        return str(key)

    async def _put(
        self, client: discord.Client, post: Post, channel: int, edits: int | None
    ) -> tuple[int, str | None]:
        """Write a post with what goes with it, else without; return its id, and what is missing for the whole."""
        target, lacks = post.target, None
        lane = target.topic or target.chat
        if edits is not None and is_old(edits):
            lane = LANE.format(channel=channel)
        body = render.payload(post, commands=self._pen.commands)
        knows = self._knows(target.chat)
        files, _ = await attach.load(post.message, most=places.most_bytes(knows, target))
        try:
            if files and not places.takes_files(knows, channel):
                lacks = no_files(await self._spot(client, target))
            elif files:
                try:
                    key = await self._pen.post(client, channel, body, edits=edits, lane=lane, files=files)
                except discord.HTTPException as error:
                    if not perhaps_of_files(error):
                        raise
                    log.info("Discord did not take a picture or file", channel=channel, why=cause(error))
                    if error.code == Code.MISSING_PERMISSIONS:
                        lacks = no_files(await self._spot(client, target))
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

    def _follow(self, coroutine: Coroutine[Any, Any, None]) -> None:
        """Do after a post what nobody waits for."""
        task = asyncio.create_task(coroutine, name="discord publishes")
        self._following.add(task)
        task.add_done_callback(self._following.discard)

    async def _publish(self, client: discord.Client, chat: str, channel: int, key: int) -> None:
        """Publish a post if its channel is one for announcements."""
        knows = self._knows(chat)
        if places.is_news(knows, channel) if knows is not None else await self._lookup.is_news(client, channel):
            await self._pen.publish(client, channel, key)

    async def _meaning(
        self, client: discord.Client, error: Exception, target: Target, *, editing: bool
    ) -> SendError:
        """Return what went wrong, as the port knows it."""
        ask = isinstance(error, discord.HTTPException) and error.code in _OF_PLACES
        return port_error(error, await self._spot(client, target, ask=ask), editing=editing)

    async def _spot(self, client: discord.Client, target: Target, *, ask: bool = True) -> Spot:
        """Return what is known of a place, and can be asked about it."""
        knows = self._knows(target.chat)
        if knows is not None:
            return places.spot(knows, target)
        return await self._lookup.spot(client, target) if ask else places.unknown_spot(target)

    async def remove(self, target: Target, key: str) -> None:
        """Delete a post."""
        channel, message = places.address(target), places.snowflake(key)
        if channel is None or message is None:
            return
        client = await self._rest.client()
        try:
            await self._pen.remove(client, channel, message)
        except Exception as error:  # noqa: BLE001 - each has its class
            wrong = await self._meaning(client, error, target, editing=True)
            if not isinstance(wrong, MessageGone):
                raise wrong from None

    async def tell(self, user: str, message: Message) -> None:
        """Write to a person, whether or not the bot ever did."""
        person = places.snowflake(user)
        if person is None:
            raise Refused(N_("{user} is nobody's id on Discord"), user=repr(user[:40]))
        client = await self._rest.client()
        try:
            await self._pen.tell(client, person, message)
        except Exception as error:  # noqa: BLE001 - each has its class
            raise port_error(error, Spot()) from None

    # What the gateway tells

    def buried(self, target: Target, key: str) -> int | None:
        """Count what came after a post while there was a connection."""
        channel, message, shard = places.address(target), places.snowflake(key), self._shard(target.chat)
        return None if channel is None or message is None or shard is None else shard.after(channel, message)

    def room(self, chat: str, channel: str) -> Room | None:
        """Return a channel as the gateway told of it; while it tells nothing, nothing is known."""
        client = self._telling(chat)
        return places.unknown_room(chat, channel) if client is None else places.room(client, chat, channel)

    def may_see(self, chat: str, channel: str, *, user: str, roles: Collection[str]) -> bool | None:
        """Tell whether somebody sees a channel by what the gateway told of it."""
        client = self._telling(chat)
        return None if client is None else places.may_see(client, chat, channel, user=user, roles=roles)

    def _shard(self, chat: str) -> Shard | None:
        return None if self._gateway is None else self._gateway.shard(chat)

    def _knows(self, chat: str) -> Client | None:
        """Return the client that the gateway tells of a chat, if it is connected."""
        shard = self._shard(chat)
        return None if shard is None else shard.knowing(places.snowflake(chat))

    def _telling(self, chat: str) -> Client | None:
        """Return it if it knows all servers, and this one without doubt."""
        client = self._knows(chat)
        return client if client is not None and client.is_ready() and not client.doubts.about(chat) else None
