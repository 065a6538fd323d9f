"""A stand for ``stage:``: each thing is a stage in a Discord server of its own, told by the gateway."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from bot.chats.discord import DiscordChat, client
from bot.sources.kit import Kit
from bot.sources.stage import Stage
from bot.sources.web import Web
from tests.chats.discord.setting import QUICK, connected, soon
from tests.servers.discord import Channel, DiscordServer, Permission


@dataclass(repr=False)  # what pytest would show of it is the whole world
class StageStand:
    source: Stage
    chat: DiscordChat
    server: DiscordServer

    async def stage(self, people: int = 0) -> Channel:
        """Make a stage where people sit before it begins, some of whom the bot sees come."""
        guild = self.server.world.guild()
        stage = guild.stage()
        members = [guild.member(f"user{n}") for n in range(people)]
        guild.voices |= {one.user.id: stage for one in members[::2]}
        await self.server.join(guild)
        for one in members[1::2]:
            await self.server.move(one, stage)
        await soon(lambda: self.present(stage) == people)
        return stage

    def present(self, stage: Channel) -> int | None:
        assert stage.guild is not None
        found = self.chat.room(str(stage.guild.id), str(stage.id))
        return found.present if found else None

    async def showing(self, figure: float | None) -> str:
        stage = await self.stage(int(figure or 0))
        assert stage.guild is not None
        server, channel = str(stage.guild.id), str(stage.id)
        id_ = await self.server.start_stage(stage)
        await soon(lambda: getattr(self.chat.room(server, channel), "session", None) == id_)
        if figure is None:
            await self.server.outage(stage.guild)
            await soon(lambda: self.present(stage) is None)
        return f"{server}/{channel}"

    async def off(self) -> str:
        stage = await self.stage(2)
        assert stage.guild is not None
        return f"{stage.guild.id}/{stage.id}"

    async def broken(self) -> str:
        stage = await self.stage(2)
        assert stage.guild is not None
        stage.overwrite(self.server.world.bot, deny=Permission.VIEW_CHANNEL)
        await self.server.update_channel(stage)
        await soon(lambda: self.present(stage) is None)
        return f"{stage.guild.id}/{stage.id}"


@asynccontextmanager
async def a_stage() -> AsyncIterator[StageStand]:
    with pytest.MonkeyPatch.context() as quick:
        quick.setattr(client, "SERVERS_SECONDS", 0.1)
        async with DiscordServer(limits=QUICK) as server, connected(server) as discord:
            web = Web()
            try:
                yield StageStand(Stage(Kit(web=web, rooms={"discord": discord})), discord, server)
            finally:
                await web.close()
