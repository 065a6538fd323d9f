"""Hears people: commands, what is typed of them, buttons; and where the bot is let in and put out."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Any

import aiohttp
import discord
import structlog

from bot.chats.discord import commands, render
from bot.domain.outside import clean
from bot.ports.chat import Listener
from bot.ports.command import Declaration, Request, Who
from bot.ports.message import Message
from bot.texts.words import Words

log = structlog.get_logger(__name__)

PLATFORM = "discord"
#: An interaction's first answer must come within 3 s; later ones are given so long.
# https://docs.discord.com/developers/interactions/receiving-and-responding#interaction-callback
DEFER_SECONDS = 2.9
EDIT_SECONDS = 15
MOST_SUGGESTIONS = 25
LONGEST_SUGGESTION = 100
LONGEST_TITLE = 100

Interaction = discord.Interaction[Any]
_LOST = (discord.HTTPException, discord.InteractionResponded, aiohttp.ClientError, OSError, TimeoutError)


class Ear:
    """Takes what happens on Discord to the listener.

    Args:
        operators: The ids of those who run this bot.
    """

    def __init__(self, listener: Listener, *, operators: Collection[str] = ()) -> None:
        self._listener = listener
        self._operators = frozenset(operators)
        self._declared = {one.name: one for one in listener.commands}
        #: Chats that are known to be open in this run, and those that were closed in it.
        self._open: set[str] = set()
        self._shut: set[str] = set()

    # What people do

    async def hear(self, interaction: Interaction) -> None:
        """Answer an interaction."""
        data: Any = interaction.data or {}
        if interaction.type is discord.InteractionType.autocomplete:
            await self._suggest(interaction, data)
        elif interaction.type is discord.InteractionType.application_command:
            declared = self._declared.get(data["name"])
            text = commands.typed(declared, data.get("options") or [])
            hidden = declared is None or declared.who is not Who.EVERYONE
            await self._answer(interaction, data["name"], text, hidden=hidden)
        elif interaction.type is discord.InteractionType.component:
            name, _, text = data["custom_id"].removeprefix("/").partition(" ")
            # Only who pressed has asked: the others need not read it.
            await self._answer(interaction, name.lower(), text.strip(), hidden=True)

    async def _answer(self, interaction: Interaction, name: str, text: str, *, hidden: bool) -> None:
        try:
            async with asyncio.timeout(DEFER_SECONDS):
                await interaction.response.defer(
                    thinking=True, ephemeral=hidden and interaction.guild_id is not None
                )
        except _LOST as error:
            # Nobody would see the answer: people ask again, and should find nothing half done.
            log.warning("a question on Discord was lost", command=name[:32], why=_why(error))
            return
        request = self._request(interaction, name, text)
        await self._note(interaction, request)
        message = await self._ask(request)
        try:
            async with asyncio.timeout(EDIT_SECONDS):
                await interaction.edit_original_response(
                    embed=render.embed(message),
                    view=render.view(message),
                    allowed_mentions=discord.AllowedMentions.none(),
                )
        except _LOST as error:
            log.warning("an answer on Discord was lost", command=name[:32], why=_why(error))

    async def _ask(self, request: Request) -> Message:
        try:
            return await self._listener.answer(request)
        except Exception:  # a question must never be left without an answer
            log.exception("a question failed", platform=PLATFORM, command=request.command)
            words = Words(language=request.locale or "en")
            title = words.say("That went wrong on my side. It is in the log; nothing was changed.")
            return Message(symbol="⚠️", title=title)

    async def _suggest(self, interaction: Interaction, data: Any) -> None:
        declared: Declaration | None = self._declared.get(data["name"])
        focused = next((one for one in data.get("options") or [] if one.get("focused")), None)
        found: list[str] = []
        if declared is not None and focused is not None:
            request = self._request(interaction, declared.name, "")
            param = next((one.name for one in declared.params if one.name.lower() == focused["name"]), "")
            try:
                async with asyncio.timeout(DEFER_SECONDS):
                    found = await self._listener.suggest(request, param=param, typed=str(focused.get("value", "")))
            except TimeoutError:
                log.warning("suggestions took too long", command=declared.name)
            except Exception:  # no suggestions is better than an error in the box
                log.exception("suggestions failed", command=declared.name)
        fit = dict.fromkeys(one for one in found if 0 < render.length(one) <= LONGEST_SUGGESTION)
        choices = [discord.app_commands.Choice(name=one, value=one) for one in list(fit)[:MOST_SUGGESTIONS]]
        try:
            await interaction.response.autocomplete(choices)
        except _LOST as error:  # the person has typed on
            log.debug("suggestions came too late", why=_why(error))

    def _request(self, interaction: Interaction, name: str, text: str) -> Request:
        alone = interaction.guild_id is None
        user = str(interaction.user.id)
        may = interaction.permissions
        return Request(
            platform=PLATFORM,
            chat=str(interaction.channel_id),
            chat_title=_title(interaction),
            command=name,
            text=text,
            user=user,
            locale=interaction.locale.value,
            is_admin=alone or may.manage_guild or may.administrator,
            is_operator=user in self._operators,
        )

    # Where the bot is

    async def _note(self, interaction: Interaction, request: Request) -> None:
        """Let a chat in that asks for the first time, if the bot may speak there."""
        may = interaction.app_permissions
        speaks = (
            may.send_messages_in_threads if isinstance(interaction.channel, discord.Thread) else may.send_messages
        )
        if interaction.guild_id is None or (may.view_channel and speaks and may.embed_links):
            await self.open(request.chat, request.chat_title)

    async def open(self, chat: str, title: str | None = None) -> None:
        """Note that the bot may post in a chat."""
        if chat in self._open:
            return
        self._open.add(chat)
        self._shut.discard(chat)
        try:
            await self._listener.let_in(platform=PLATFORM, chat=chat, title=title)
        except Exception:
            self._open.discard(chat)
            log.exception("a chat could not be let in", platform=PLATFORM)

    async def shut(self, chat: str, why: str) -> None:
        """Note that the bot may no longer post in a chat."""
        self.lost(chat)
        try:
            await self._listener.put_out(platform=PLATFORM, chat=chat, why=why)
        except Exception:
            log.exception("a chat could not be put out", platform=PLATFORM)

    def lost(self, chat: str) -> None:
        """Note that a send found a chat gone: the deliverer knows, and its next question lets it in again."""
        self._open.discard(chat)
        self._shut.add(chat)

    async def joined(self, guild: discord.Guild) -> None:
        """Greet a server that the bot was added to, and let in again the channels that it was put out of."""
        for channel in [*guild.channels, *guild.threads]:
            if str(channel.id) in self._shut:
                await self.open(str(channel.id), f"#{_clean(channel.name)}")
        hall = guild.system_channel
        if hall is None:
            return
        may = hall.permissions_for(guild.me)
        if not (may.view_channel and may.send_messages and may.embed_links):
            return
        message = await self._ask(
            Request(
                platform=PLATFORM,
                chat=str(hall.id),
                chat_title=f"#{_clean(hall.name)}",
                command="start",
                locale=guild.preferred_locale.value,
                is_admin=True,
            )
        )
        try:
            async with asyncio.timeout(EDIT_SECONDS):
                await hall.send(embed=render.embed(message), allowed_mentions=discord.AllowedMentions.none())
        except (discord.DiscordException, *_LOST) as error:
            log.info("a server was not greeted", why=_why(error))
        else:
            await self.open(str(hall.id), f"#{_clean(hall.name)}")

    async def left(self, guild: discord.Guild) -> None:
        """Put out every channel of a server that the bot was removed from."""
        for channel in [*guild.channels, *guild.threads]:
            await self.shut(str(channel.id), "the bot was removed from the server")


def _title(interaction: Interaction) -> str | None:
    if interaction.guild_id is None:
        return f"@{_clean(interaction.user.name)}"
    name = getattr(interaction.channel, "name", None)
    return f"#{_clean(name)}" if name else None


def _clean(name: str) -> str:
    return clean(name, limit=LONGEST_TITLE) or "…"


def _why(error: BaseException) -> str:
    """Return what went wrong without addresses, in which there are tokens."""
    if isinstance(error, discord.HTTPException):
        return f"{error.status}, code {error.code}: {error.text}"[:200]
    return type(error).__name__
