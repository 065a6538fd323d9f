"""Both platforms at once: people do something on each, and what shows is noted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from unittest.mock import patch

from bot.chats.discord import DiscordChat
from bot.chats.discord import client as discord_client
from bot.chats.telegram import TelegramChat
from bot.domain import MINUTE
from bot.parts import Parts, build
from bot.ports.pace import Limits as PaceLimits
from bot.ports.pace import Pace
from bot.sources import SOURCES
from bot.sources.kit import Kit
from storage.database import Database
from tests.servers import discord as dc
from tests.servers import telegram as tg
from tests.talk import Clock
from tests.tour.scene import Bubble, Chapter, Post
from tests.tour.station import Station

#: What people fill in on Discord: text, or a channel that they choose.
Options = Mapping[str, str | dc.Channel]
#: Nothing in the tour waits for a limit: whether they are kept is tested elsewhere.
UNLIMITED = dc.Limits(
    scale=0.001,
    interaction_deadline=1e6,
    interaction_life=1e9,
    everything=dc.Rate(10**6, 1),
    others=dc.Rate(10**6, 1),
    routes={},
    identifying=dc.Rate(10, 1),
)
WAIT = 20.0
#: How a card begins, live and over.
CARDS = ("🔴", "🏁")


@dataclass
class Stage:
    """The bot among people on Telegram and Discord; Ann is an admin on both, Ben is not."""

    parts: Parts
    clock: Clock
    station: Station
    telegram: tg.TelegramServer
    discord: dc.DiscordServer
    chapters: list[Chapter] = field(default_factory=list)
    _chapter: Chapter | None = None
    _hour: int = 0
    _seen: set[object] = field(default_factory=set)
    _asked: dc.Message | None = None

    def __post_init__(self) -> None:
        world = self.telegram.world
        self.ann, self.ben = world.user("Ann", username="ann"), world.user("Ben", username="ben")
        self.group = world.supergroup("Night Radio Fans", status="left")
        self.news = world.channel("Night Radio News", username="nightradio_news")
        for chat in (self.group, self.news):
            world.join(chat, self.ann, "creator")
        world.join(self.group, self.ben)
        self.guild = self.discord.world.guild("Night Radio", owner="ann", present=False)
        self.general, self.live = self.guild.text("general"), self.guild.text("live")
        self.guild.system_channel = self.general
        self.listeners = self.guild.role("Listeners", mentionable=True)
        self.boss, self.guest = self.guild.owner, self.guild.member("ben").user

    # --- the order of things

    @asynccontextmanager
    async def chapter(self, name: str) -> AsyncIterator[None]:
        """Note what shows within the block as a part of this chapter."""
        self._note()
        self._chapter = next(one for one in self.chapters if one.name == name)
        yield
        self._note()
        self._chapter = None

    async def at(self, moment: int) -> None:
        """Skip time in which nothing is on the air, and count minutes from a moment."""
        self._hour = moment
        self.clock.now = max(self.clock.now, moment - 3 * MINUTE)
        await self.until(0)

    async def until(self, minute: int) -> None:
        """Let time pass, poll by poll."""
        moment = self._hour + minute * MINUTE
        while self.clock.now < moment:
            self.clock.now = (self.clock.now // MINUTE + 1) * MINUTE
            await self.parts.poll.tick(self.clock.now)
            await self.parts.morning.tick(self.clock.now)
            await self.parts.deliver.tick(self.clock.now)
            await self.parts.cards.tick(self.clock.now)
            self._note()

    # --- what people do

    async def invite(self) -> None:
        """Let Ann add the bot on both, which greets."""
        await self.telegram.set_bot(self.group, "member", by=self.ann)
        await self.telegram.until(lambda: self.group.sent, seconds=WAIT)
        self._note()
        await self.discord.join(self.guild)
        await self.discord.until(lambda: self.general.messages, WAIT)
        self._note()

    async def both(self, line: str, name: str, options: Options, *, channel: dc.Channel | None = None) -> None:
        """Let Ann give the same command on both."""
        await self.says(line)
        await self.uses(name, options, channel=channel)

    async def says(self, line: str, *, who: tg.User | None = None) -> None:
        """Let somebody write in the group, and wait for the answer."""
        asked = await self.telegram.say(self.group, who or self.ann, line)
        self._note()
        await self.telegram.until(lambda: any(one.reply_to is asked for one in self.group.sent), seconds=WAIT)
        self._note()

    async def taps(self, button: str, *, who: tg.User) -> None:
        """Let somebody tap a button of the newest message that has it, and wait for the popup."""
        message = next(
            one for one in reversed(self.group.sent) if any(key["text"] == button for key in one.buttons)
        )
        press = await self.telegram.press(message, who, button)
        await self.telegram.until(lambda: press.answer is not None, seconds=WAIT)
        assert press.answer is not None
        if self._chapter is not None and press.answer.get("text"):
            self._chapter.telegram.append(
                Bubble(
                    place=self.group.title or "",
                    who=who.first_name,
                    at=self.clock.now,
                    text=press.answer["text"],
                    popup=True,
                    answers=(message.text.partition("\n")[0], button),
                )
            )

    async def uses(
        self,
        name: str,
        options: Options | None = None,
        *,
        who: dc.User | None = None,
        channel: dc.Channel | None = None,
    ) -> None:
        """Let somebody use a command on Discord, and wait for the answer."""
        channel = channel or self.live
        used = await self.discord.interaction(channel, who or self.boss, name, dict(options or {}))
        message = self._asked = await used.message(WAIT)
        shown = {key: self._shown(value) for key, value in (options or {}).items()}
        self._answer(message, ((who or self.boss).payload()["global_name"], f"/{name}", shown))

    async def presses(self, button: str, *, who: dc.User) -> None:
        """Let somebody press a button of the newest message in the channel that has it."""
        message = next(
            one
            for one in reversed(self.live.messages)
            if any(key.get("label") == button for row in one.components for key in row["components"])
        )
        used = await self.discord.press(message, button, who)
        answer = await used.message(WAIT)
        title = message.embeds[0].get("title") or message.embeds[0]["description"].partition("\n")[0]
        self._answer(answer, (who.payload()["global_name"], f"{button} below “{title}”", {}))

    async def turns(self, label: str) -> None:
        """Let Ann tap a button or value of the newest menu on both, and note the menus as they stand then."""
        assert self._chapter is not None
        menu = self.group.sent[-1]
        edits = len(menu.history)
        await self.telegram.press(menu, self.ann, label)
        await self.telegram.until(lambda: len(menu.history) > edits, seconds=WAIT)
        did = Bubble(
            place=self.group.title or "", who="Ann", at=self.clock.now, text=f"Ann taps {label}", notice=True
        )
        self._chapter.telegram += [did, self._bubble(menu)]
        shown = self._asked
        assert shown is not None
        what, values = _value(shown, label)
        used = await self.discord.press(shown, what, self.boss, values)
        await used.message(WAIT)
        self._answer(shown, (self.boss.payload()["global_name"], label, {}))

    async def look(self) -> None:
        """Note the newest card on each platform again, as it stands by now."""
        assert self._chapter is not None
        cards = [one for one in self.group.messages.values() if one.text.startswith(CARDS)]
        posts = [one for one in self.live.messages if one.embeds and _title(one).startswith(CARDS)]
        if self._bubble(cards[-1]) not in self._chapter.telegram:
            self._chapter.telegram.append(self._bubble(cards[-1]))
        self._answer(posts[-1], None)

    # --- what shows

    def _shown(self, value: str | dc.Channel) -> str:
        if isinstance(value, dc.Channel):
            return f"#{value.name}"
        return value.replace(self.listeners.mention, f"@{self.listeners.name}")

    def _note(self) -> None:
        """Note what came since the last time."""
        for chat in (self.group, self.news):
            for said in chat.messages.values():
                if said not in self._seen:
                    self._seen.add(said)
                    if self._chapter is not None:
                        self._chapter.telegram.append(self._bubble(said))
        for channel in (self.general, self.live):
            for message in channel.messages:
                if message not in self._seen and message.interaction is None:
                    self._answer(message, None)

    def _bubble(self, said: tg.Message) -> Bubble:
        place = said.chat.title or ""
        if said.service:
            who = said.sender.first_name if said.sender else ""
            added = said.service["new_chat_members"][0]["first_name"]
            return Bubble(place=place, who=who, at=self.clock.now, text=f"{who} added {added}", notice=True)
        replied = said.reply_to
        by = replied.sender.first_name if replied and replied.sender else ""
        return Bubble(
            place=place,
            who=place if said.sender is None else said.sender.first_name,
            at=self.clock.now,
            text=said.text,
            picture=None if said.content.file is None else said.content.file.content,
            entities=said.entities,
            keyboard=(said.markup or {}).get("inline_keyboard", []),
            answers=(by, replied.text) if replied else None,
        )

    def _answer(self, message: dc.Message, used: tuple[str, str, Mapping[str, str]] | None) -> None:
        self._seen.add(message)
        if self._chapter is None:
            return
        names = {f"<#{one.id}>": f"#{one.name}" for one in self.guild.channels.values()}
        names |= {f"<@&{one.id}>": f"@{one.name}" for one in self.guild.roles.values()}
        shown = message.payload()
        drawn = next(iter(message.attachments), None)
        self._chapter.discord.append(
            Post(
                place=message.channel.name,
                who=self.discord.world.name,
                at=self.clock.now,
                picture=None if drawn is None else drawn.data,
                alt="" if drawn is None else drawn.description or "",
                content=shown["content"],
                embeds=shown["embeds"],
                components=shown["components"],
                used=used,
                hidden=message.ephemeral,
                names=names,
            )
        )


def _value(message: dc.Message, label: str) -> tuple[str, list[str] | None]:
    """Return what is pressed for a label, and what is chosen if that is in a list."""
    for row in message.components:
        for part in row["components"]:
            for one in part.get("options") or []:
                if one["label"] == label:
                    return part["custom_id"], [one["value"]]
    return label, None


def _title(message: dc.Message) -> str:
    embed = message.payload()["embeds"][0]
    return str(embed.get("title") or embed.get("description", ""))


@asynccontextmanager
async def stage(folder: Path, *, now: int, chapters: list[Chapter]) -> AsyncIterator[Stage]:
    """Set everything up, on a database in ``folder``; it all ends with the block."""
    clock = Clock(now)
    station = Station(clock)
    async with (
        tg.TelegramServer(limits=None) as telegram_server,
        dc.DiscordServer(limits=UNLIMITED) as discord_server,
    ):
        chats = (
            TelegramChat(telegram_server.token, api_url=telegram_server.url, pace=Pace(PaceLimits())),
            DiscordChat(discord_server.token, api_url=discord_server.api_url, pace=Pace(PaceLimits())),
        )
        async with build(
            database=Database(f"sqlite:///{folder}/tour.db", throwaway=True),
            sources={name: make(Kit(web=station)) for name, make in SOURCES.items()},
            chats=chats,
            clock=clock,
        ) as parts:
            with patch.object(discord_client, "SERVERS_SECONDS", 0.1):
                try:
                    for chat in chats:
                        await chat.start(parts.dispatcher)
                    await discord_server.until(
                        lambda: discord_server.gateway.connected and discord_server.commands.syncs, WAIT
                    )
                    await telegram_server.until(lambda: telegram_server.called("getUpdates"), seconds=WAIT)
                    await asyncio.sleep(0.2)
                    yield Stage(parts, clock, station, telegram_server, discord_server, chapters)
                finally:
                    for chat in reversed(chats):
                        await chat.close()
