"""Writes on Discord: posts and edits, first words to a server, words to one person.

The deliverer takes a post's turn before it is sent; all else takes its turn in ``Traffic.aside``.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Coroutine, Sequence
from typing import Any

import discord
import structlog

from bot.chats.discord import attach, places, render
from bot.chats.discord.errors import Code
from bot.chats.discord.traffic import Traffic
from bot.ports.message import Message

log = structlog.get_logger(__name__)

#: 10 published an hour, as observed: https://github.com/discordjs/discord.js/issues/4956
PUBLISHED = 10
PUBLISHED_SECONDS = 3600.0


class Pen:
    """Writes through the client that it is given.

    Attributes:
        commands: The commands that buttons may give; None while nobody listens.
    """

    def __init__(self, traffic: Traffic) -> None:
        self.commands: Collection[str] | None = None
        self._traffic = traffic
        self._published: dict[int, deque[float]] = {}

    async def post(
        self,
        client: discord.Client,
        channel: int,
        body: attach.Json,
        *,
        edits: int | None,
        lane: str,
        files: Sequence[discord.File] = (),
    ) -> int:
        """Post in a channel, or edit a message there, and return the message's id.

        A post that may answer no other goes out by itself.
        """
        route = _message(channel) if edits is None else _edit(channel, edits)
        dressed = attach.dress(body, files, editing=edits is not None)

        def request(body: attach.Json = dressed) -> Coroutine[Any, Any, Any]:
            if not files:
                return client.http.request(route, json=body)
            return client.http.request(route, form=attach.form(body, files), files=files)

        try:
            told = await self._traffic.ask(client, request, lane=lane)
        except discord.HTTPException as error:
            if error.code != Code.NO_HISTORY or "message_reference" not in dressed:
                raise
            alone = {key: value for key, value in dressed.items() if key != "message_reference"}
            self._traffic.again(lane)
            told = await self._traffic.ask(client, lambda: request(alone), lane=lane)
        return int(told["id"])

    async def remove(self, client: discord.Client, channel: int, message: int) -> None:
        """Delete a message of the bot's own."""
        route = _edit(channel, message, method="DELETE")
        await self._traffic.aside(client, lambda: client.http.request(route), lane=f"delete in {channel}")

    async def greet(
        self, hall: discord.TextChannel, message: Message, *, client: Callable[[], Awaitable[discord.Client]]
    ) -> None:
        """Say the first words in a server; it is no loss if they are not heard."""
        route, body = _message(hall.id), render.payload_of(message, commands=self.commands)
        try:
            writer = await client()
            await self._traffic.aside(writer, lambda: writer.http.request(route, json=body), lane=str(hall.id))
        except Exception as error:  # noqa: BLE001 - the server is let in all the same
            log.info("a server was not greeted", why=cause(error))

    async def tell(self, client: discord.Client, user: int, message: Message) -> None:
        """Write to one person."""
        opened = await self._traffic.aside(
            client, lambda: client.http.start_private_message(user), lane="open a conversation"
        )
        route, body = _message(int(opened["id"])), render.payload_of(message, commands=self.commands)
        lane = f"{places.PRIVATE}{opened['id']}"
        await self._traffic.aside(client, lambda: client.http.request(route, json=body), lane=lane)

    async def publish(self, client: discord.Client, channel: int, message: int) -> None:
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
            await self._traffic.aside(
                client, lambda: client.http.publish_message(channel, message), lane=f"publish {channel}"
            )
        except Exception as error:  # noqa: BLE001 - it is posted, and that is what counts
            log.info("a post was not published", channel=channel, why=cause(error))


def cause(error: BaseException) -> str:
    """Return what went wrong, without addresses and tokens."""
    if isinstance(error, discord.HTTPException):
        return f"{error.status}, code {error.code}: {error.text}"[:200]
    if isinstance(error, OSError) and error.strerror:
        return error.strerror[:200]
    return type(error).__name__


def _message(channel: int) -> discord.http.Route:
    return discord.http.Route("POST", "/channels/{channel_id}/messages", channel_id=channel)


def _edit(channel: int, message: int, *, method: str = "PATCH") -> discord.http.Route:
    path = "/channels/{channel_id}/messages/{message_id}"
    return discord.http.Route(method, path, channel_id=channel, message_id=message)
