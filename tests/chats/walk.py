"""Every command and every kind of alert, end to end on both platforms: what the bot sends, request by request.

The real parts, on a fresh database and a clock that stands still, behind the real adapters against our servers.
``walk_telegram`` and ``walk_discord`` return the steps; what they sent is kept in ``tests/payloads/walk``, one
file a command, and ``python -m tests.chats.walk --write`` writes it anew. ``walk_lines`` holds what is typed.
"""

from __future__ import annotations

import asyncio
import difflib
import json
import re
import sys
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest.mock import patch

import structlog

from bot.app import open_sources
from bot.chats.discord import DiscordChat
from bot.chats.discord import chat as discord_chat
from bot.chats.discord import client as discord_client
from bot.chats.discord import identifies as discord_identifies
from bot.chats.discord import pauses as discord_pauses
from bot.chats.telegram import TelegramChat
from bot.domain import SECOND
from bot.parts import Parts, build
from bot.ports.chat import Chat, Post
from bot.ports.command import Request
from bot.ports.message import plain_text
from bot.ports.pace import Pace
from bot.ports.source import Ask, Description, Told
from bot.samples import SPACE as SAMPLE
from bot.settings import load
from bot.sources.replay import Replay
from storage.database import Database
from tests.chats.telegram.support import hurried
from tests.chats.walk_lines import ALERTS, ALERTS_PART, BOOK, CALLS, NIGHT, PARTS, SPACE, Line, Part, night
from tests.servers import discord, telegram
from tests.talk import Clock

PAYLOADS = Path(__file__).parents[1] / "payloads" / "walk"
#: The sample begins when it is watched: so it keeps its own times. Played so far, it is well under way.
BEGIN = datetime(2022, 4, 20, 16, 58, 30, tzinfo=UTC)
END = datetime(2022, 4, 20, 18, 0, 30, tzinfo=UTC)
STEP = 30 * SECOND
#: How much faster the platforms' limits are counted.
SPEED = 20
WAIT = 20.0

Json = dict[str, Any]


@dataclass(frozen=True)
class Sent:
    """A request of the bot: what it asks, and its body, with names for whatever differs from run to run."""

    request: str
    body: Json


@dataclass(frozen=True)
class Step:
    """What somebody did, or what was to be told, and what the bot sent for it.

    Attributes:
        command: The command that it belongs to, or ``alerts``.
        title: What was typed, "Tap: ..." or "Alert: ...".
        who: Operator, admin or member; empty for an alert.
        pings: Whom the platform called because of it.
    """

    platform: str
    command: str
    title: str
    who: str
    sent: tuple[Sent, ...]
    pings: tuple[str, ...] = ()


class Shelf(Replay):
    """Recordings by names that tell nothing of where they lie."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder

    async def describe(self, reference: str, now: int) -> Description:
        return replace(await super().describe(str(self._folder / reference), now), reference=reference)

    async def read(self, asks: Sequence[Ask], now: int) -> list[Told]:
        return await super().read([replace(ask, reference=str(self._folder / ask.reference)) for ask in asks], now)


@dataclass
class Room:
    """A chat for the lines of one command.

    Attributes:
        chat, topic: Its keys.
        place: What the platform's server knows it by.
        last: The bot's last answer there, whose buttons can be tapped.
    """

    chat: str
    topic: str | None
    place: Any
    last: Any = None


class Side(ABC):
    """A platform: what people do there, and what the bot sent."""

    platform: str
    chat: Chat
    operator: str

    @abstractmethod
    def room(self, command: str) -> Room: ...

    @abstractmethod
    async def connected(self) -> None: ...

    @abstractmethod
    async def give(self, room: Room, line: Line, command: str) -> str:
        """Give a line, wait for its answer, and return what the step is called."""

    @abstractmethod
    def mark(self) -> object:
        """Return where the requests stand."""

    @abstractmethod
    def since(self, mark: Any, room: Room, *, title: str) -> tuple[Sent, ...]:
        """Return what the bot sent to a room since; it was all taken, and no limit was hit."""

    @abstractmethod
    def pings(self, room: Room) -> tuple[str, ...]:
        """Return whom the last message in a room called."""


# --- Telegram

#: What people see; the rest is looking things up.
WRITES = {
    *("sendMessage", "sendPhoto", "sendDocument", "editMessageText", "editMessageCaption", "editMessageMedia"),
    *("deleteMessage", "answerCallbackQuery"),
}


class Telegram(Side):
    platform = "telegram"

    def __init__(self, server: telegram.TelegramServer) -> None:
        self.server = server
        world = server.world
        self.people = {who: world.user(who.title()) for who in ("operator", "admin", "member")}
        self.operator = str(self.people["operator"].id)
        self.news = world.channel("News", username="news")
        world.join(self.news, self.people["operator"], "creator")
        self._names = {str(self.news.id): "News"}
        self._messages: dict[tuple[int, int], str] = {}
        self.chat = TelegramChat(server.token, api_url=server.url, operators=[self.operator], pace=hurried(server))

    @classmethod
    @asynccontextmanager
    async def open(cls) -> AsyncIterator[Telegram]:
        async with telegram.TelegramServer(speed=SPEED) as server:
            yield cls(server)

    def room(self, command: str) -> Room:
        chat = self.server.world.supergroup("Fans", status="administrator")
        for who in ("operator", "admin"):
            self.server.world.join(chat, self.people[who], "administrator")
        self._names[str(chat.id)] = "Fans"
        return Room(str(chat.id), None, chat)

    async def connected(self) -> None:
        await self.server.until(lambda: self.server.called("getUpdates"), seconds=WAIT)

    async def give(self, room: Room, line: Line, command: str) -> str:
        chat, who = room.place, self.people[line.who]
        if line.tap is not None:
            before = len(chat.sent), len(room.last.history)
            self._messages[chat.id, room.last.id] = "the message with the button"
            press = await self.server.press(room.last, who, line.tap)
            await self.server.until(lambda: press.answer is not None, seconds=WAIT)
            if not (press.answer or {}).get("text"):
                await self.server.until(lambda: (len(chat.sent), len(room.last.history)) != before, seconds=WAIT)
                room.last = chat.last
            return f"Tap: {line.tap}"
        asked = await self.server.say(chat, who, line.text)
        self._messages[chat.id, asked.id] = "what was asked"

        def answer() -> telegram.Message | None:
            return next((one for one in chat.sent if one.reply_to is asked), None)

        room.last = await self.server.until(answer, seconds=WAIT)
        return line.text

    def mark(self) -> int:
        return len(self.server.calls)

    def since(self, mark: int, room: Room, *, title: str) -> tuple[Sent, ...]:
        assert not self.server.violations, self.server.violations
        calls = [
            one
            for one in self.server.calls[mark:]
            if one.method in WRITES and one.params.get("chat_id", room.chat) == room.chat
        ]
        wrong = [one for one in calls if one.status != 200]
        assert not wrong, f"{title}: {wrong}"
        made = tuple(Sent(one.method, self._body(one)) for one in calls)
        self._messages[room.place.id, room.place.last.id] = title
        return made

    def _body(self, call: telegram.Call) -> Json:
        body: Json = {
            name: json.loads(value) if value[:1] in {"{", "["} and name not in {"text", "caption"} else value
            for name, value in sorted(call.params.items())
        }
        files = dict(call.files)
        if isinstance(body.get("media"), dict):  # it names its file by a part with a name of chance
            body["media"]["media"] = files.pop(body["media"]["media"].removeprefix("attach://"))
        body |= files
        place = int(body.get("chat_id", 0))
        if "chat_id" in body:
            body["chat_id"] = self._names[body["chat_id"]]
        if "message_id" in body:
            body["message_id"] = self._messages[place, int(body["message_id"])]
        if "reply_parameters" in body:
            replied = body["reply_parameters"]
            replied["message_id"] = self._messages[place, replied["message_id"]]
        if "callback_query_id" in body:
            body["callback_query_id"] = "the tap"
        return body

    def pings(self, room: Room) -> tuple[str, ...]:
        kinds = [one["type"] for one in room.place.last.entities]
        return tuple(kind for kind in kinds if kind in {"mention", "text_mention"})


# --- Discord

LIMITS = discord.Limits(
    scale=1 / SPEED,
    identifying=discord.Rate(1, 3),
    # What is only to keep a slow machine from spoiling a walk at this speed.
    interaction_deadline=1e6,
    interaction_life=1e9,
    memory=1e6,
)


class Discord(Side):
    platform = "discord"

    def __init__(self, server: discord.DiscordServer) -> None:
        self.server = server
        world = server.world
        self.people = {who: world.user(who) for who in ("operator", "admin", "member")}
        self.operator = str(self.people["operator"].id)
        self._names = {person.id: who for who, person in self.people.items()}
        self._names[world.bot.id] = "application"

        async def sleep(seconds: float) -> None:
            await asyncio.sleep(seconds / SPEED)

        pace = Pace(discord_chat.LIMITS, clock=lambda: time.monotonic() * SPEED, sleep=sleep)
        self.chat = DiscordChat(server.token, api_url=server.api_url, operators=[self.operator], pace=pace)

    @classmethod
    @asynccontextmanager
    async def open(cls) -> AsyncIterator[Discord]:
        with (
            patch.object(discord_identifies, "IDENTIFY_GAP_SECONDS", 0.2),
            patch.object(discord_client, "SERVERS_SECONDS", 0.1),
            patch.object(discord_pauses, "FIRST_PAUSE_SECONDS", 0.05),
        ):
            async with discord.DiscordServer(limits=replace(LIMITS)) as server:
                yield cls(server)

    def room(self, command: str) -> Room:
        everyone = discord.MEMBERS | discord.Permission.MENTION_EVERYONE
        guild = self.server.world.guild("Fans", everyone=everyone)
        bosses, fans = guild.role("bosses", discord.Permission.MANAGE_GUILD), guild.role("fans")
        for who, person in self.people.items():
            guild.member(person, *([] if who == "member" else [bosses]))
        channel, news = guild.text("general"), guild.text("news")
        self._names |= {guild.id: "Fans", channel.id: "general", news.id: "news", fans.id: "fans"}
        return Room(str(guild.id), str(channel.id), channel)

    async def connected(self) -> None:
        await self.server.until(lambda: self.server.gateway.connected and self.server.commands.syncs, WAIT)

    async def give(self, room: Room, line: Line, command: str) -> str:
        who = self.people[line.who]
        if line.tap is not None:
            what, values = _offered(room.last, line.tap)
            used = await self.server.press(room.last, what, who, values)
            room.last = await used.message(WAIT)
            return f"Tap: {line.tap}"
        name = line.text.removeprefix("/").partition(" ")[0] or command
        options = {key: self._value(room, value) for key, value in line.options.items()}
        used = await self.server.interaction(room.place, who, name, options, forced=True)
        room.last = await used.message(WAIT)
        return " ".join([f"/{name}", *(f"{key}:{value}" for key, value in line.options.items())])

    def _value(self, room: Room, value: str) -> Any:
        guild = room.place.guild
        if value.startswith("#"):
            return next(one for one in guild.channels.values() if one.name == value[1:])
        for role in guild.roles.values():
            value = value.replace(f"<@&{role.name}>", role.mention)
        return value

    def mark(self) -> int:
        return len(self.server.calls)

    def since(self, mark: int, room: Room, *, title: str) -> tuple[Sent, ...]:
        assert not self.server.violations, self.server.violations
        calls = [
            one
            for one in self.server.calls[mark:]
            if one.method != "GET" and one.ids.get("channel", room.topic) == room.topic
        ]
        wrong = [one for one in calls if not 200 <= one.status < 300]
        assert not wrong, f"{title}: {wrong}"
        made = tuple(Sent(self._request(one), self._named(one.body)) for one in calls)
        if posted := room.place.posted:
            self._names[posted[-1].id] = title
        return made

    def _request(self, call: discord.Call) -> str:
        ids = {"application": "application", "interaction": "interaction", "token": "token"}
        for key, value in call.ids.items():
            known = self._names.get(int(value)) if value.isdecimal() else value
            ids.setdefault(key, known or key)
        return call.route.format_map(ids)

    def _named(self, part: Any) -> Any:
        if isinstance(part, dict):
            return {
                key: "the delivery's own" if key == "nonce" else self._named(value)
                for key, value in sorted(part.items())
            }
        if isinstance(part, list):
            return [self._named(value) for value in part]
        if isinstance(part, str):
            return re.sub(r"\d{15,20}", lambda found: self._names.get(int(found[0]), "unknown"), part)
        return part

    def pings(self, room: Room) -> tuple[str, ...]:
        told = room.last if room.last is not None else room.place.posted[-1]
        called = [self._names[one] for one in sorted({*told.pings.roles, *told.pings.users})]
        return (*(["everyone"] if told.pings.everyone else []), *called)


def _offered(message: discord.Message, label: str) -> tuple[str, list[str] | None]:
    """Return what is pressed for a label, and what is chosen if that is in a list."""
    for row in message.components:
        for part in row["components"]:
            for one in part.get("options") or []:
                if one["label"] == label:
                    return part["custom_id"], [one["value"]]
    return label, None


# --- the walk


@dataclass
class Walk:
    """A walk on one platform."""

    side: Side
    parts: Parts
    clock: Clock
    steps: list[Step] = field(default_factory=list)

    async def go(self) -> None:
        rooms = {name: (self.side.room(name), self.side.room(name)) for name in PARTS}
        alerts = self.side.room(ALERTS)
        await self.side.chat.start(self.parts.dispatcher)
        try:
            await self.side.connected()
            await self._set_up(alerts, ALERTS_PART)
            if self.side.platform == "discord":
                await self._tell(alerts, CALLS)
            for name, part in PARTS.items():
                if part.early:
                    await self._set_up(rooms[name][0], part)
            await self._tell(alerts, BOOK)
            await self._play(alerts)
            for name, part in PARTS.items():
                room, empty = rooms[name]
                if not part.early:
                    await self._set_up(room, part)
                for line in part.lines:
                    if line.only in {None, self.side.platform}:
                        await self._give(empty if line.empty else room, line, name)
        finally:
            await self.side.chat.close()

    async def _set_up(self, room: Room, part: Part) -> None:
        for line in part.before:
            await self._tell(room, line)

    async def _tell(self, room: Room, line: str) -> None:
        """Let the operator set something up, without a word of it on the platform."""
        name, _, text = line.removeprefix("/").partition(" ")
        answer = await self.parts.dispatcher.answer(
            Request(
                platform=self.side.platform,
                chat=room.chat,
                topic=room.topic,
                command=name,
                text=text,
                user=self.side.operator,
                is_admin=True,
            )
        )
        assert answer.symbol not in {"❔", "🔒", "⚠️"}, f"{line}: {plain_text(answer.title)}"

    async def _play(self, alerts: Room) -> None:
        """Let time pass until the sample is well under way, and note every alert that comes to a room."""
        send = self.side.chat.send

        async def noted(post: Post) -> str | None:
            if post.target.chat != alerts.chat:
                return await send(post)
            mark, again = self.side.mark(), post.replaces is not None
            key = await send(post)
            title = f"Alert: {post.facts['kind']}{', edited' if again else ''}"
            sent = self.side.since(mark, alerts, title=title)
            pings = () if again else self.side.pings(alerts)
            self.steps.append(Step(self.side.platform, ALERTS, title, "", sent, pings))
            return key

        with patch.object(self.side.chat, "send", noted):
            while self.clock.now < END.timestamp() * SECOND:
                self.clock.now += STEP
                await self.parts.poll.tick(self.clock.now)
                await self.parts.deliver.tick(self.clock.now)

    async def _give(self, room: Room, line: Line, command: str) -> None:
        mark = self.side.mark()
        try:
            title = await self.side.give(room, line, command)
        except Exception as error:
            error.add_note(f"in the walk of /{command} on {self.side.platform}, at {line}")
            raise
        sent = self.side.since(mark, room, title=title)
        pings = self.side.pings(room)
        self.steps.append(Step(self.side.platform, command, title, line.who, sent, pings))


async def walk_telegram() -> list[Step]:
    """Walk through everything on Telegram."""
    async with Telegram.open() as side:
        return await _walk(side)


async def walk_discord() -> list[Step]:
    """Walk through everything on Discord."""
    async with Discord.open() as side:
        return await _walk(side)


WALKS: dict[str, Callable[[], Awaitable[list[Step]]]] = {"telegram": walk_telegram, "discord": walk_discord}


async def _walk(side: Side) -> list[Step]:
    clock = Clock(round(BEGIN.timestamp()) * SECOND)
    with tempfile.TemporaryDirectory(prefix="milepost-") as name:
        folder = Path(name)
        (folder / SPACE).symlink_to(SAMPLE)
        (folder / NIGHT).write_text("\n".join(map(json.dumps, night())))
        async with (
            open_sources(load({}, env_file=None)) as sources,
            build(
                database=Database(f"sqlite:///{folder}/milepost.db", throwaway=True),
                sources=sources | {"replay": Shelf(folder)},
                chats=[side.chat],
                clock=clock,
                operators=[f"{side.platform}:{side.operator}"],
            ) as parts,
        ):
            walk = Walk(side, parts, clock)
            await walk.go()
    return walk.steps


# --- what is kept


def written(steps: Iterable[Step]) -> dict[str, str]:
    """Return what is kept of a platform's steps, command by command."""
    kept: dict[str, list[Json]] = {}
    for step in steps:
        by = {"by": step.who} if step.who else {}
        sent = [{"request": one.request, "body": _in_lines(one.body)} for one in step.sent]
        kept.setdefault(step.command, []).append({"title": step.title, **by, "sent": sent})
    return {name: json.dumps(told, ensure_ascii=False, indent=1) + "\n" for name, told in kept.items()}


def _in_lines(part: Any) -> Any:
    """Set texts of several lines as such, so that what changed can be seen."""
    if isinstance(part, dict):
        return {key: _in_lines(value) for key, value in part.items()}
    if isinstance(part, list):
        return [_in_lines(value) for value in part]
    return part.split("\n") if isinstance(part, str) and "\n" in part else part


def kept(platform: str) -> dict[str, str]:
    """Return what is kept of a platform, by command."""
    return {path.stem: path.read_text(encoding="utf-8") for path in sorted((PAYLOADS / platform).glob("*.json"))}


def differences(platform: str, steps: Iterable[Step]) -> dict[str, str]:
    """Return for each command whose requests are not those that are kept how they differ."""
    now, before = written(steps), kept(platform)
    found = {}
    for name in sorted({*now, *before}):
        diff = difflib.unified_diff(
            before.get(name, "").splitlines(),
            now.get(name, "").splitlines(),
            f"kept: {platform}, {name}",
            f"sent: {platform}, {name}",
            lineterm="",
            n=6,
        )
        if text := "\n".join(diff):
            found[name] = text
    return found


def write(platform: str, steps: Iterable[Step]) -> None:
    """Keep what was sent."""
    folder = PAYLOADS / platform
    folder.mkdir(parents=True, exist_ok=True)
    now = written(steps)
    for path in folder.glob("*.json"):
        if path.stem not in now:
            path.unlink()
    for name, text in now.items():
        (folder / f"{name}.json").write_text(text, encoding="utf-8")


async def _main(*, anew: bool) -> bool:
    well = True
    for platform, walk in WALKS.items():
        steps = await walk()
        changed = differences(platform, steps)
        if anew:
            write(platform, steps)
        print(*changed.values(), sep="\n")
        print(f"{platform}: {len(steps)} steps, {len(changed)} commands changed")
        well = well and (anew or not changed)
    return well


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    sys.exit(not asyncio.run(_main(anew="--write" in sys.argv[1:])))
