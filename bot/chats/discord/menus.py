"""Menus: where one was tapped, an answer that is a menu, too, takes its place."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from typing import Any
from weakref import WeakValueDictionary

import aiohttp
import discord
import structlog

from bot.chats.discord import attach, render
from bot.chats.discord.errors import Code
from bot.chats.discord.pen import cause
from bot.ports.message import Message, discard

log = structlog.get_logger(__name__)

#: Seconds until a tap is acknowledged though its answer is not there yet, and until that is given up: 3 s after
#: the tap Discord takes nothing any more.
WORK_SECONDS = 1.5
DEFER_SECONDS = 1.3
SHOW_SECONDS = 15

Interaction = discord.Interaction[Any]
LOST = (discord.HTTPException, discord.InteractionResponded, aiohttp.ClientError, OSError, TimeoutError)


class Menus:
    """Turns menus, each tap after the one before it: a menu never shows less than the last that was set.

    Args:
        commands: Those that can be tapped.
        show: Puts an answer in the place of the sign that it is being thought of.
    """

    def __init__(self, commands: Collection[str], show: Callable[[Interaction, Message], Awaitable[None]]) -> None:
        self._commands = commands
        self._show = show
        self._turns: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()

    async def turn(self, interaction: Interaction, ask: Callable[[], Awaitable[Message]], *, name: str) -> None:
        """Answer a tap in a menu.

        Args:
            ask: Carries out what was tapped, and returns the answer.
            name: The command, for the log.
        """
        deferring: asyncio.Task[None] | None = None

        def late() -> None:
            nonlocal deferring
            deferring = asyncio.create_task(_defer(interaction, name))

        timer = asyncio.get_running_loop().call_later(WORK_SECONDS, late)
        number = interaction.message.id if interaction.message is not None else interaction.id
        lock = self._turns.setdefault(number, asyncio.Lock())
        try:
            async with lock:
                message = await ask()
                try:
                    timer.cancel()
                    if deferring is not None:
                        await deferring
                    await self._answer(interaction, message)
                finally:
                    discard(message)
        except LOST as error:
            log.warning("an answer on Discord was lost", command=name, why=cause(error))
        finally:
            timer.cancel()

    async def _answer(self, interaction: Interaction, message: Message) -> None:
        """Put a menu in the place of the one that was tapped; any other answer is a message of its own."""
        if message.menu and await self._replaced(interaction, message):
            return
        # Only who tapped has asked: the others need not read it.
        hidden = interaction.guild_id is not None
        if not interaction.response.is_done():
            async with asyncio.timeout(DEFER_SECONDS):
                await interaction.response.defer(thinking=True, ephemeral=hidden)
            await self._show(interaction, message)
            return
        view = render.view(message, commands=self._commands)
        files, _ = await attach.load(message, most=interaction.filesize_limit or attach.MOST)
        try:
            embed = render.embed(message)
            if attach.shows(files):
                embed.set_image(url=attach.SHOWN)
            await interaction.followup.send(
                embed=embed,
                view=view if view is not None else discord.utils.MISSING,
                files=files,
                ephemeral=hidden,
                allowed_mentions=discord.AllowedMentions.none(),
            )
        finally:
            attach.close(files)

    async def _replaced(self, interaction: Interaction, message: Message) -> bool:
        """Tell whether a menu took the place of the one that was tapped: that may be deleted by now."""
        embed, view = render.embed(message), render.view(message, commands=self._commands)
        nobody = discord.AllowedMentions.none()
        try:
            async with asyncio.timeout(SHOW_SECONDS):
                if interaction.response.is_done():
                    await interaction.edit_original_response(embed=embed, view=view, allowed_mentions=nobody)
                else:
                    await interaction.response.edit_message(embed=embed, view=view, allowed_mentions=nobody)
        except discord.HTTPException as error:
            if error.code != Code.UNKNOWN_MESSAGE:
                raise
            return False
        return True


async def _defer(interaction: Interaction, name: str) -> None:
    """Acknowledge a tap; the menu stays as it is until its answer is there."""
    try:
        async with asyncio.timeout(DEFER_SECONDS):
            await interaction.response.defer()
    except LOST as error:
        log.warning("a tap on Discord was not acknowledged", command=name, why=cause(error))
