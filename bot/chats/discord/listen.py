"""Hears people: commands, what is typed of them, buttons."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import discord
import structlog

from bot.chats.discord import attach, commands, mentions, places, render
from bot.chats.discord.ask import answered
from bot.chats.discord.errors import perhaps_of_files
from bot.chats.discord.menus import LOST, Interaction, Menus
from bot.chats.discord.pen import cause
from bot.chats.discord.places import Chosen
from bot.chats.discord.presence import PLATFORM, Presence
from bot.domain.sentence import N_
from bot.ports.chat import Listener
from bot.ports.command import Param, Request, Takes, Who
from bot.ports.message import Message, discard
from bot.texts import reader

log = structlog.get_logger(__name__)

#: An interaction's first answer must come within 3 s; later ones are given so long.
# https://docs.discord.com/developers/interactions/receiving-and-responding#interaction-callback
DEFER_SECONDS = 2.9
EDIT_SECONDS = 15
UPLOAD_SECONDS = 90
MOST_SUGGESTIONS = 25


class Ear:
    """Takes what people ask to the listener.

    Args:
        operators: The ids of those who run this bot.

    Attributes:
        presence: Where the bot is.
    """

    def __init__(self, listener: Listener, presence: Presence, *, operators: Collection[str] = ()) -> None:
        self.presence = presence
        self._listener = listener
        self._operators = frozenset(operators)
        self._declared = {one.name: one for one in listener.commands}
        self._menus = Menus(self._declared, self._show)

    async def hear(self, interaction: Interaction) -> None:
        """Answer an interaction."""
        data: Any = interaction.data or {}
        if interaction.type is discord.InteractionType.autocomplete:
            await self._suggest(interaction, data)
        elif interaction.type is discord.InteractionType.application_command:
            await self._command(interaction, data)
        elif interaction.type is discord.InteractionType.component:
            await self._tap(interaction, data)

    async def _tap(self, interaction: Interaction, data: Any) -> None:
        typed, in_menu = render.tapped(data)
        name, _, text = typed.partition(" ")
        request = _request(interaction, name.lower(), text.strip())
        if in_menu:
            await self._menus.turn(
                interaction, partial(self._ask, interaction, request), name=request.command[:32]
            )
        else:  # only who pressed has asked: the others need not read it
            await self._answer(interaction, request, hidden=True)

    async def _command(self, interaction: Interaction, data: Any) -> None:
        declared = self._declared.get(data["name"])
        options = data.get("options") or []
        guild = _guild(interaction)
        text = commands.typed(declared, options, guild=guild)
        hidden = declared is None or declared.who is not Who.EVERYONE
        value = commands.place(declared, options)
        if value is None:
            await self._answer(interaction, _request(interaction, data["name"], text), hidden=hidden)
            return
        chosen = places.chosen(guild, data, value, reader.of_person(interaction.locale.value))
        request = _request(interaction, data["name"], text, chosen=chosen)
        wrong = Message(symbol="❔", title=chosen.wrong) if chosen.wrong else None
        await self._answer(interaction, request, hidden=hidden or wrong is not None, message=wrong)

    async def _answer(
        self, interaction: Interaction, request: Request, *, hidden: bool, message: Message | None = None
    ) -> None:
        """Answer a request: with what the listener says, unless there is a ``message`` already."""
        name = request.command[:32]
        try:
            async with asyncio.timeout(DEFER_SECONDS):
                await interaction.response.defer(
                    thinking=True, ephemeral=hidden and interaction.guild_id is not None
                )
        except LOST as error:
            # Nobody would see the answer: people ask again, and should find nothing half done.
            log.warning("a question on Discord was lost", command=name, why=cause(error))
            return
        if message is None:
            message = await self._ask(interaction, request)
        try:
            await self._show(interaction, message)
        except LOST as error:
            log.warning("an answer on Discord was lost", command=name, why=cause(error))
        finally:
            discard(message)

    async def _ask(self, interaction: Interaction, request: Request) -> Message:
        """Return the listener's answer, after it has heard where the bot is."""
        if interaction.guild_id is None or _guild(interaction) is not None:
            may_post = request.topic is not None and request.lacks is None
            await self.presence.met(request, may_post=may_post)
        return await answered(self._listener, self._known(request))

    async def _show(self, interaction: Interaction, message: Message) -> None:
        """Put a message in the place of the sign that it is being thought of, with what goes with it.

        To an interaction the bot may always send files:
        https://docs.discord.com/developers/change-log#calculated-permissions-in-interaction-payloads
        """
        files, left = await attach.load(message, most=interaction.filesize_limit or attach.MOST)
        try:
            if files:
                try:
                    await self._edit(interaction, _noted(message, left), files)
                except discord.HTTPException as error:
                    if not perhaps_of_files(error):
                        raise
                    left = N_("Discord did not take the picture or file")
                    log.warning("Discord did not take a picture or file", why=cause(error))
                else:
                    return
            await self._edit(interaction, _noted(message, left), [])
        finally:
            attach.close(files)

    async def _edit(self, interaction: Interaction, message: Message, files: Sequence[discord.File]) -> None:
        embed = render.embed(message)
        if attach.shows(files):
            embed.set_image(url=attach.SHOWN)
        async with asyncio.timeout(UPLOAD_SECONDS if files else EDIT_SECONDS):
            await interaction.edit_original_response(
                embed=embed,
                view=render.view(message, commands=self._declared),
                allowed_mentions=discord.AllowedMentions.none(),
                attachments=list(files) or discord.utils.MISSING,
            )

    async def _suggest(self, interaction: Interaction, data: Any) -> None:
        declared = self._declared.get(data["name"])
        options = data.get("options") or []
        focused = next((one for one in options if one.get("focused")), None)
        params = declared.params if declared is not None else ()
        param = next((one for one in params if focused is not None and one.name.lower() == focused["name"]), None)
        found: list[tuple[str, str]] = []
        if param is not None and focused is not None:
            chosen = _seen(interaction, commands.place(declared, options))
            request = self._known(_request(interaction, data["name"], "", chosen=chosen))
            typed = str(focused.get("value", ""))
            if param.takes is Takes.MENTION:
                may = _may(interaction, chosen)
                found = mentions.suggested(_guild(interaction), typed, may)
            else:
                found = [(one, one) for one in await self._fitting(request, param, typed)]
        fit = {value: shown for shown, value in found if 0 < render.length(value) <= mentions.LONGEST_SHOWN}
        choices = [
            discord.app_commands.Choice(name=shown[: mentions.LONGEST_SHOWN], value=value)
            for value, shown in list(fit.items())[:MOST_SUGGESTIONS]
        ]
        try:
            await interaction.response.autocomplete(choices)
        except LOST as error:  # the person has typed on
            log.debug("suggestions came too late", why=cause(error))

    async def _fitting(self, request: Request, param: Param, typed: str) -> list[str]:
        """Return what an argument may be, as the listener knows it."""
        try:
            async with asyncio.timeout(DEFER_SECONDS):
                return await self._listener.suggest(request, param=param.name, typed=typed)
        except TimeoutError:
            log.warning("suggestions took too long", command=request.command)
        except Exception:  # no suggestions is better than an error in the box
            log.exception("suggestions failed", command=request.command)
        return []

    def _known(self, request: Request) -> Request:
        return replace(request, is_operator=request.user in self._operators)


def _request(interaction: Interaction, name: str, text: str, *, chosen: Chosen | None = None) -> Request:
    """Return what somebody asked, and where it counts: here, or in the channel that they chose."""
    may = interaction.permissions
    alone = interaction.guild_id is None
    here = interaction.channel_id
    topic = here if chosen is None else chosen.channel
    member = interaction.user
    guild = _guild(interaction)
    if alone:
        title: str | None = f"@{places.title(member.name)}"
    else:
        title = places.title(guild.name) if guild is not None and guild.name else None
    return Request(
        platform=PLATFORM,
        chat=f"{places.PRIVATE}{here}" if alone else str(interaction.guild_id),
        topic=None if alone or topic is None else str(topic),
        chat_title=title,
        topic_title=None if alone or topic is None else places.reference(topic),
        elsewhere=not alone and topic != here,
        lacks=_lacks(interaction) if topic == here and not alone else None,
        command=name,
        text=text,
        user=str(member.id),
        locale=interaction.locale.value,
        suggested=places.language(guild),
        roles=_roles(member),
        is_admin=alone or may.manage_guild or may.administrator,
    )


def _noted(message: Message, why: str | None) -> Message:
    """Return an answer with a line on what is missing in it."""
    if why is None:
        return message
    words = reader.of_person(message.language)
    return replace(message, lines=(*message.lines, words.say("⚠️ {why}", why=words.told(why))))


def _guild(interaction: Interaction) -> discord.Guild | None:
    """Return the server where it happened; None in private, and where the bot itself is not a member."""
    return interaction.client.get_guild(interaction.guild_id) if interaction.guild_id is not None else None


def _roles(user: discord.User | discord.Member) -> tuple[str, ...]:
    if not isinstance(user, discord.Member):
        return ()
    return tuple(str(role.id) for role in user.roles if not role.is_default())


def _lacks(interaction: Interaction) -> str | None:
    """Return the permission that the bot lacks to post where somebody asked."""
    thread = isinstance(interaction.channel, discord.Thread)
    return places.missing(interaction.app_permissions, thread=thread)


def _may(interaction: Interaction, chosen: Chosen | None) -> discord.Permissions | None:
    """Return what the bot may where a command counts: here, or in the channel that was chosen; None if unknown."""
    guild = _guild(interaction)
    if chosen is None or guild is None:
        return interaction.app_permissions
    found = guild.get_channel_or_thread(chosen.channel)
    return places.permissions(found) if found is not None else None


def _seen(interaction: Interaction, value: str | None) -> Chosen | None:
    """Return the channel that somebody chose before they type on, if they see it: nothing tells what they may."""
    guild, channel = _guild(interaction), places.snowflake(value or "")
    if guild is None or channel is None or not isinstance(interaction.user, discord.Member):
        return None
    found = guild.get_channel_or_thread(channel)
    may = places.permissions(found, interaction.user) if found is not None else None
    return Chosen(channel) if may is not None and may.view_channel else None
