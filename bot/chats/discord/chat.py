"""Discord as a chat: one client inside our own loop, and a supervisor that starts it again.

A ``discord.Client`` ends for good when a connection cannot be made, and neither asks for the gateway's address nor
counts its IDENTIFYs. So every run begins with ``GET /gateway/bot``; short losses are resumed by the library, and
after long ones the supervisor makes a new client, ever more slowly.
"""

from __future__ import annotations

import asyncio
import logging
import random
import threading
from collections import deque
from collections.abc import Collection
from contextlib import suppress
from typing import Any

import discord
import structlog
import yarl

from bot.chats.discord import commands, render
from bot.chats.discord.errors import port_error
from bot.chats.discord.listen import PLATFORM, Ear
from bot.chats.discord.traffic import LONGEST_BUCKET_SECONDS, Traffic
from bot.domain import SECOND
from bot.ports.chat import ChatGone, Limits, Listener, Post, Refused, TryLater

log = structlog.get_logger(__name__)

DEFAULT_API_URL = "https://discord.com/api/v10"
PORTAL = "https://discord.com/developers/applications"

#: 50 requests a second for the whole bot, of which some are not posts.
#: https://docs.discord.com/developers/topics/rate-limits#global-rate-limit
POSTS_A_SECOND = 45.0
#: 5 messages in 5 s, as observed: https://github.com/discord/discord-api-docs/issues/20
POSTS_A_SECOND_A_CHANNEL = 1.0
#: 10 published an hour, as observed: https://github.com/discordjs/discord.js/issues/4956
PUBLISHED = 10
PUBLISHED_SECONDS = 3600.0

#: 1000 IDENTIFYs a day, one in 5 s: https://docs.discord.com/developers/events/gateway#session-start-limit-object
#: Over it the token is reset. This is at most 100 + 864 a day.
IDENTIFY_BURST = 100
IDENTIFY_REFILL_SECONDS = 100.0
IDENTIFY_GAP_SECONDS = 5.1
IDENTIFIES_LEFT = 10

FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 120.0
LOGIN_SECONDS = 60
CHECK_SECONDS = 10
CLOSE_SECONDS = 1.5
#: A connection that is lost so often in so short a time is not resumed but begun anew, with a pause.
MOST_LOSSES = 8
LOSSES_SECONDS = 30.0
NOT_YET = 2 * SECOND
NEVER = 600 * SECOND

_TOKEN = (
    "Discord does not take DISCORD_TOKEN: copy the token again "
    f"({PORTAL} > your application > Bot > Reset Token) and start anew."
)
#: https://docs.discord.com/developers/topics/opcodes-and-status-codes#gateway-gateway-close-event-codes
FATAL = {
    4004: _TOKEN,
    4010: "Discord does not take the shard of this bot.",
    4011: "The bot is in more servers than one connection takes (2,500): Milepost does not do sharding yet.",
    4012: "Discord no longer speaks this version of its gateway: update discord.py.",
    4013: "Discord does not know the intents asked for (Guilds, Guild Voice States): update discord.py.",
    4014: "Discord does not allow the intents asked for (Guilds, Guild Voice States): "
    f"look under Privileged Gateway Intents ({PORTAL} > your application > Bot) and start anew.",
}


class Later(Exception):
    """No IDENTIFY is left for now: wait so many seconds."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"no new session for {seconds:.0f} s")
        self.seconds = seconds


class Identifies:
    """Keeps IDENTIFYs within the day's, over all clients of one run."""

    def __init__(self) -> None:
        self._left = float(IDENTIFY_BURST)
        self._at = 0.0

    async def take(self) -> None:
        """Take one, at its distance from the last.

        Raises:
            Later: There is none left.
        """
        now = asyncio.get_running_loop().time()
        if self._at:
            self._left = min(self._left + (now - self._at) / IDENTIFY_REFILL_SECONDS, IDENTIFY_BURST)
        if self._left < 1:
            raise Later((1 - self._left) * IDENTIFY_REFILL_SECONDS)
        pause = self._at + IDENTIFY_GAP_SECONDS - now if self._at else 0
        self._left -= 1
        self._at = now + max(pause, 0)
        if pause > 0:
            await asyncio.sleep(pause)


class DiscordChat:
    """Discord.

    Args:
        token: The bot's token.
        api_url: Where the API is, with its version; the gateway's address is asked of it.
        operators: The ids of those who run this bot.
    """

    platform = PLATFORM
    limits = Limits(a_second=POSTS_A_SECOND, a_second_a_chat=POSTS_A_SECOND_A_CHANNEL)

    def __init__(self, token: str, *, api_url: str = DEFAULT_API_URL, operators: Collection[str] = ()) -> None:
        self._token = token.strip()
        self._api_url = api_url.rstrip("/")
        self._operators = operators
        self._ear: Ear | None = None
        self._task: asyncio.Task[None] | None = None
        self._client: _Client | None = None
        self._traffic = Traffic()
        self._identifies = Identifies()
        self._menu: list[commands.Json] = []
        self._synced: str | None = None
        self._refused: str | None = None
        self._connected: bool | None = None
        self._published: dict[int, deque[float]] = {}
        #: Work that nobody waits for, until the end.
        self._work: set[asyncio.Task[Any]] = set()

    def is_group(self, chat: str) -> bool:
        """Tell that channels are of several people; of a conversation in private it does not matter."""
        return True

    # Connecting

    async def start(self, listener: Listener) -> None:
        """Begin to connect, and to listen once that is done."""
        # It logs each attempt with its traceback, and addresses with the tokens of interactions.
        logging.getLogger("discord").setLevel(logging.CRITICAL + 1)
        self._ear = Ear(listener, operators=self._operators)
        self._menu = commands.menu(listener.commands)
        self._point()
        self._task = asyncio.create_task(self._supervise(self._ear), name="discord")

    async def stop(self) -> None:
        """Let go of the connection."""
        for task in [*self._work, *([self._task] if self._task else [])]:
            task.cancel()
        await asyncio.gather(*self._work, *([self._task] if self._task else []), return_exceptions=True)
        self._task = None

    async def check(self) -> str | None:
        """Ask Discord who the bot is."""
        if not _looks_like_a_token(self._token):
            return _TOKEN
        self._point()
        client = _Client(self, None)
        try:
            async with asyncio.timeout(CHECK_SECONDS):
                await client.http.static_login(self._token)
        except discord.LoginFailure:
            return _TOKEN
        except discord.HTTPException as error:
            return f"Discord answers {error.status} at {self._host}: try again later, or mend DISCORD_API_URL."
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the reason
            return (
                f"Discord cannot be reached at {self._host} ({_why(error)}): mend the network or DISCORD_API_URL."
            )
        finally:
            await _close(client)
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
            if not _looks_like_a_token(self._token):
                return self._refuse(_TOKEN)
            client = _Client(self, ear)
            why = ""
            try:
                await self._connect(client)
            except discord.LoginFailure:
                return self._refuse(_TOKEN)
            except discord.ConnectionClosed as error:
                if error.code in FATAL:
                    return self._refuse(FATAL[error.code])
                why = f"closed with {error.code}"
            except discord.PrivilegedIntentsRequired:
                return self._refuse(FATAL[4014])
            except Later as error:
                pause, why = max(pause, error.seconds), str(error)
                log.warning("the sessions that Discord gives a bot in a day are used up", wait=f"{pause:.0f} s")
            except Exception as error:  # noqa: BLE001 - what the library cannot bear must not end the platform
                why = _why(error)
            finally:
                self._client = None
                await _close(client)
            self.lost(why or "closed")
            if client.was_connected:
                pause = FIRST_PAUSE_SECONDS
            await asyncio.sleep(pause * random.uniform(0.8, 1.2))  # noqa: S311 - only so that bots do not come at once
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)

    async def _connect(self, client: _Client) -> None:
        """Be connected until that ends."""
        async with asyncio.timeout(LOGIN_SECONDS):
            await client.login(self._token)
        self._client = client
        await client.connect(reconnect=False)

    def _refuse(self, why: str) -> None:
        self._refused = why
        self._connected = False
        log.error(why)

    # What clients tell

    def came(self, client: _Client) -> None:
        """Note that there is a connection."""
        if not self._connected:
            user = client.user.name if client.user else None
            log.info("Discord is connected" if self._connected is None else "Discord is connected again", bot=user)
        self._connected = True
        if self._synced != (wanted := commands.fingerprint(self._menu)):
            self.work(self._sync(client, wanted))

    def lost(self, why: str) -> None:
        """Note that there is no connection."""
        if self._connected:
            log.warning("the connection to Discord is lost; connecting again", why=why)
        elif self._connected is None:
            log.warning("Discord cannot be reached; trying again", host=self._host, why=why)
        self._connected = False

    async def _sync(self, client: _Client, wanted: str) -> None:
        try:
            if await commands.sync(client, self._menu):
                log.info("Discord's menu of commands is set", commands=len(self._menu))
        except Exception as error:  # noqa: BLE001 - the next connection tries again
            log.warning("Discord's menu of commands could not be set", why=_why(error))
        else:
            self._synced = wanted

    def work(self, coroutine: Any) -> None:
        """Do something that nobody waits for."""
        task = asyncio.create_task(coroutine)
        self._work.add(task)
        task.add_done_callback(self._work.discard)

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
        client = self._client
        if self._refused is not None:
            raise TryLater(self._refused, retry_after=NEVER, everywhere=True)
        if client is None:
            raise TryLater("not connected to Discord", retry_after=NOT_YET, everywhere=True)
        where = post.target.topic or post.target.chat
        if not where.isdigit() or not (post.replaces or "0").isdigit():
            raise Refused(f"{where[:40]!r} is no channel of Discord's")
        body = render.payload(post)
        channel, message = int(where), post.replaces
        if message is None:
            route = discord.http.Route("POST", "/channels/{channel_id}/messages", channel_id=channel)
        else:
            route = discord.http.Route(
                "PATCH",
                "/channels/{channel_id}/messages/{message_id}",
                channel_id=channel,
                message_id=int(message),
            )
        try:
            told = await self._traffic.ask(client, lambda: client.http.request(route, json=body))
            key = str(told["id"])
        except Exception as error:  # noqa: BLE001 - each has its class
            wrong = port_error(error, missing=_missing(client, channel), editing=message is not None)
            if isinstance(wrong, ChatGone) and self._ear is not None:
                self._ear.lost(post.target.chat)
            raise wrong from None
        if message is None and _is_news(client, channel):
            self.work(self._publish(client, channel, int(key)))
        return key

    async def _publish(self, client: _Client, channel: int, message: int) -> None:
        """Publish a post of an announcement channel to those who follow it, as far as its limit goes."""
        now = asyncio.get_running_loop().time()
        past = self._published.setdefault(channel, deque())
        while past and past[0] <= now - PUBLISHED_SECONDS:
            past.popleft()
        if len(past) >= PUBLISHED:
            log.info("a post was not published: the channel's limit an hour is reached", channel=channel)
            return
        past.append(now)
        try:
            await self._traffic.ask(client, lambda: client.http.publish_message(channel, message))
        except Exception as error:  # noqa: BLE001 - it is posted, and that is what counts
            log.info("a post was not published", channel=channel, why=_why(error))


class _Client(discord.Client):
    """One connection's life."""

    def __init__(self, chat: DiscordChat, ear: Ear | None) -> None:
        super().__init__(
            intents=discord.Intents(guilds=True, voice_states=True),
            allowed_mentions=discord.AllowedMentions.none(),
            max_messages=None,
            member_cache_flags=discord.MemberCacheFlags.none(),
            chunk_guilds_at_startup=False,
            max_ratelimit_timeout=LONGEST_BUCKET_SECONDS,
            http_trace=chat.trace,
        )
        self._chat = chat
        self._ear = ear
        self._losses: deque[float] = deque(maxlen=MOST_LOSSES)
        self.was_connected = False

    async def setup_hook(self) -> None:
        """Learn where the gateway is, and whether a session may begin."""
        _, url, limit = await self.http.get_bot_gateway()
        discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(url)
        if limit["remaining"] < min(IDENTIFIES_LEFT, limit["total"]):
            raise Later(limit["reset_after"] / 1000)

    def dispatch(self, event: str, /, *args: Any, **kwargs: Any) -> None:
        """Tell of an event, unless all is over: the library would make a task without a loop."""
        if not self.is_closed():
            super().dispatch(event, *args, **kwargs)

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        """Keep within the IDENTIFYs of a day."""
        await self._chat.identify()

    async def on_connect(self) -> None:
        self.was_connected = True
        self._chat.came(self)

    async def on_resumed(self) -> None:
        self._chat.came(self)

    async def on_disconnect(self) -> None:
        if self.is_closed():
            return
        self._chat.lost("cut off")
        now = asyncio.get_running_loop().time()
        self._losses.append(now)
        if len(self._losses) == MOST_LOSSES and self._losses[0] > now - LOSSES_SECONDS:
            await self.close()

    async def on_interaction(self, interaction: discord.Interaction[Any]) -> None:
        if self._ear is not None:
            self._chat.work(self._ear.hear(interaction))

    async def on_guild_join(self, guild: discord.Guild) -> None:
        if self._ear is not None:
            self._chat.work(self._ear.joined(guild))

    async def on_guild_remove(self, guild: discord.Guild) -> None:
        if self._ear is not None:
            self._chat.work(self._ear.left(guild))

    async def on_guild_channel_delete(self, channel: discord.abc.GuildChannel) -> None:
        if self._ear is not None:
            self._chat.work(self._ear.shut(str(channel.id), "the channel was deleted"))

    async def on_raw_thread_delete(self, thread: discord.RawThreadDeleteEvent) -> None:
        if self._ear is not None:
            self._chat.work(self._ear.shut(str(thread.thread_id), "the thread was deleted"))

    async def on_error(self, event_method: str, /, *args: Any, **kwargs: Any) -> None:
        log.exception("an event of Discord's failed", event=event_method)  # noqa: LOG004 - it is called in one


async def _close(client: discord.Client) -> None:
    """Let go of a client, whether or not Discord says goodbye."""
    with suppress(Exception):
        async with asyncio.timeout(CLOSE_SECONDS):
            await client.close()
    # The library forgets a connection that was not yet made: its socket stays, and its thread would beat on.
    for thread in threading.enumerate():
        if not isinstance(thread, discord.gateway.KeepAliveHandler):
            continue
        if thread.ws._connection is client._connection:  # noqa: SLF001 - nothing else tells whose it is
            thread.stop()
            with suppress(Exception):
                async with asyncio.timeout(CLOSE_SECONDS / 3):
                    await thread.ws.socket.close()
    with suppress(Exception):
        await client.http.close()


def _looks_like_a_token(token: str) -> bool:
    return token.isascii() and token.isprintable() and bool(token) and " " not in token


def _is_news(client: discord.Client, channel: int) -> bool:
    found = client.get_channel(channel)
    return isinstance(found, discord.TextChannel) and found.is_news()


def _missing(client: discord.Client, channel: int) -> str | None:
    """Return the permission that the bot lacks in a channel, if that is known."""
    found = client.get_channel(channel)
    if not isinstance(found, discord.abc.GuildChannel | discord.Thread):
        return None
    try:
        may = found.permissions_for(found.guild.me)
    except (discord.ClientException, AttributeError):  # a thread without its channel, a server without the bot
        return None
    if isinstance(found, discord.Thread):
        speaks = ("Send Messages in Threads", may.send_messages_in_threads)
    else:
        speaks = ("Send Messages", may.send_messages)
    return next(
        (
            name
            for name, has in (("View Channel", may.view_channel), speaks, ("Embed Links", may.embed_links))
            if not has
        ),
        None,
    )


def _why(error: BaseException) -> str:
    """Return what went wrong, without addresses and tokens."""
    if isinstance(error, discord.HTTPException):
        return f"{error.status}, code {error.code}: {error.text}"[:200]
    if isinstance(error, OSError) and error.strerror:
        return error.strerror[:200]
    return type(error).__name__
