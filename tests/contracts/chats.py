"""The chats that the contract is held against: real adapters, the platforms' servers on loopback, the console."""

from __future__ import annotations

import asyncio
import io
import itertools
import queue
import re
import tempfile
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

import pytest

from bot.chats.console import ConsoleChat
from bot.chats.discord import DiscordChat
from bot.chats.discord import client as discord_client
from bot.chats.discord import identifies as discord_identifies
from bot.chats.discord import pauses as discord_pauses
from bot.chats.discord import traffic as discord_traffic
from bot.chats.telegram import TelegramChat
from bot.chats.telegram import chat as telegram_chat
from bot.ports.chat import (
    Chat,
    ChatGone,
    ChatMoved,
    MessageGone,
    NotPermitted,
    Post,
    Refused,
    SendError,
    Target,
    TopicGone,
    TryLater,
    Unsure,
)
from bot.ports.command import Declaration, Param, Request, Takes, Who
from bot.ports.message import Message, says
from bot.ports.pace import Limits, Pace
from tests.servers import discord as discord_server
from tests.servers import telegram as telegram_server
from tests.servers.discord import DiscordServer, Permission, Rate
from tests.servers.discord.checks import STRING_SELECT
from tests.servers.telegram import TelegramServer

SECRET = "s3cretS3CRETs3cretS3CRETs3cretS3CRET"
#: How long a platform asks to wait in these tests, in seconds.
WAIT = 2


@dataclass(frozen=True)
class Said:
    """A declaration."""

    name: str
    who: Who = Who.EVERYONE
    params: Sequence[Param] = ()
    about: str = "About it"
    example: str = "/x"


COMMANDS = (
    Said("start"),
    Said("stats", params=(Param("name", "which", Takes.NAME),)),
    Said(
        "subscribe",
        Who.ADMINS,
        (Param("name", "which", Takes.NAME), Param("in", "where", Takes.PLACE, lead="in")),
    ),
)


@dataclass
class Heard:
    """A listener that remembers what it hears, and says what it heard.

    Attributes:
        told: Where the bot was let in and put out: in or out, chat, topic (empty for none).
        gate: Answers wait for it.
        reply: What is answered next, instead.
        replies: Makes what is answered, instead.
    """

    commands: Sequence[Declaration] = COMMANDS
    requests: list[Request] = field(default_factory=list)
    told: list[tuple[str, str, str]] = field(default_factory=list)
    why: list[str] = field(default_factory=list)
    asked: list[tuple[str, str]] = field(default_factory=list)
    names: Sequence[str] = ()
    gate: asyncio.Event | None = None
    reply: Message | None = None
    replies: Callable[[Request], Message] | None = None

    async def answer(self, request: Request) -> Message:
        self.requests.append(request)
        if self.gate is not None:
            await self.gate.wait()
        if self.replies is not None:
            return self.replies(request)
        if self.reply is not None:
            return self.reply
        return says(f"{request.command} was asked: {request.text}.")

    async def suggest(self, request: Request, *, param: str, typed: str) -> list[str]:
        self.asked.append((param, typed))
        return [name for name in self.names if typed in name]

    async def let_in(self, *, platform: str, chat: str, title: str | None, topic: str | None = None) -> None:
        self.told.append(("in", chat, topic or ""))

    async def put_out(self, *, platform: str, chat: str, why: str, topic: str | None = None) -> None:
        self.told.append(("out", chat, topic or ""))
        self.why.append(why)

    async def roll_call(self, *, platform: str, chats: Collection[str]) -> None: ...

    async def moved(self, *, platform: str, old: str, new: str) -> None: ...


@dataclass(frozen=True)
class Seen:
    """A message as people see it.

    Attributes:
        links: Where words lead that do not say so themselves.
        buttons: What is to tap or to choose, with what it types or opens.
        chosen: What of it is marked as set.
        pings: Whom it called.
        answers: The key of the message that it answers.
        files: What is with it: the name, or its alternative text if it is a picture that is shown, and the bytes.
    """

    key: str | None
    text: str
    links: tuple[str, ...] = ()
    buttons: tuple[tuple[str, str], ...] = ()
    chosen: tuple[str, ...] = ()
    silent: bool = False
    pings: tuple[str, ...] = ()
    answers: str | None = None
    files: tuple[tuple[str, bytes], ...] = ()


class Stand(ABC):
    """An adapter with its platform, and what that has of all that the port knows of.

    Attributes:
        knows: Of what the port leaves to the platform: "edits", "rights", "topics", "buttons", "links", "silence",
            "mentions", "suggestions", "places", "presence", "hosts" (something to connect to), "alt" (pictures say
            what they show).
        errors: What can go wrong there.
        limits: As the platform documents them.
        most: Characters of a message, as the platform counts them.
    """

    name: ClassVar[str]
    knows: ClassVar[frozenset[str]] = frozenset()
    errors: ClassVar[tuple[type[SendError], ...]] = ()
    limits: ClassVar[Limits] = Limits()
    chat: Chat
    heard: Heard

    def __init__(self) -> None:
        self.heard = Heard(names=("Night Radio", "Morning Radio"))
        self._deliveries = itertools.count(1)

    @classmethod
    @abstractmethod
    def open(cls) -> Any:
        """Give a stand whose chat is started, as an asynchronous context manager."""

    @abstractmethod
    def place(self) -> Target:
        """Make a new place where the bot may post; the most particular that the platform has."""

    @abstractmethod
    def seen(self, target: Target) -> list[Seen]:
        """Return what the bot wrote in a place and is to be seen there."""

    @abstractmethod
    async def ask(
        self, name: str, text: str = "", *, at: Target, admin: bool = True, there: Target | None = None
    ) -> tuple[Request, str]:
        """Let somebody whose language is German give a command; return what was heard and what is answered there.

        Args:
            there: The place that it names, which ``elsewhere`` made.
        """

    def post(self, target: Target, message: Message | None = None, **more: Any) -> Post:
        told = Post(
            delivery=next(self._deliveries),
            installation="0123456789abcdef",
            target=target,
            message=message or says("Night Radio reached 100"),
            stamp="22:00",
            replaces=None,
            facts={"kind": "milestone"},
        )
        return replace(told, **more)

    # Where the platform has it

    async def tap(self, label: str, *, at: Target, key: str, admin: bool = True) -> str | None:
        """Let somebody tap or choose something below a message; return what they alone are told, if anything."""
        raise NotImplementedError

    async def trouble(self, wrong: type[SendError]) -> Post:
        """Bring about what goes wrong, as the platform documents it; return a post that meets it."""
        raise NotImplementedError

    async def refuse_files(self, target: Target) -> str:
        """Let the bot send no pictures and files there, and return what the permission is called."""
        raise NotImplementedError

    async def chat_in(self, target: Target) -> None:
        """Let somebody write a message to the bot's place, of which the bot hears."""
        raise NotImplementedError

    async def lose(self, target: Target, key: str) -> None:
        """Delete a message by hand."""
        raise NotImplementedError

    def restarted(self) -> Chat:
        """Return an adapter that knows nothing of what was before, and is not started."""
        return self.other()

    def settled(self) -> bool:
        """Tell whether all that follows a post has arrived, as far as the adapter knows."""
        return True

    def fresh(self) -> Chat:
        """Return another adapter of the same bot, as another process has one: not started, without limits."""
        return self.other()

    def listeners(self) -> int:
        """Return how many listen now, as the platform sees it."""
        return 0

    def begun(self) -> int:
        """Return how often somebody began to listen, as the platform sees it."""
        return 0

    def conflicts(self) -> int:
        """Return how often the platform found that two listen."""
        return 0

    async def hang(self) -> None:
        """Let posts hang from now on."""
        raise NotImplementedError

    async def suggestions(self, typed: str, *, at: Target) -> list[str]:
        raise NotImplementedError

    async def elsewhere(self, at: Target) -> Target:
        """Make another place that who asks in a place may name there."""
        raise NotImplementedError

    async def join(self) -> str:
        """Let the bot into a new chat, and return its key."""
        raise NotImplementedError

    async def leave(self, chat: str) -> None:
        """Put the bot out of a chat."""
        raise NotImplementedError

    async def close(self, target: Target) -> None:
        """Close or delete a topic."""
        raise NotImplementedError

    def somebody(self) -> str:
        """Make a person who takes messages from the bot, and return who it is."""
        return "somebody"

    def private(self, user: str) -> list[Seen]:
        """Return what a person was told."""
        raise NotImplementedError

    def role(self, target: Target) -> str:
        """Make a role that can be called in a place."""
        raise NotImplementedError

    def other(self, *, token: str | None = None, url: str | None = None) -> Chat:
        """Return an adapter that is not started, with another token or host."""
        raise NotImplementedError

    @abstractmethod
    async def answered(self, message: Message, *, at: Target) -> Seen:
        """Let a command be answered with a message; return the answer with all that follows it."""

    @asynccontextmanager
    async def _asked(self) -> AsyncIterator[None]:
        """Wait for one more request by the end of the block."""
        before = len(self.heard.requests)
        yield
        await until(lambda: len(self.heard.requests) > before)


async def until(condition: Callable[[], object], *, seconds: float = 10) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - of what has no event
            await asyncio.sleep(0.01)


class Keys(io.TextIOBase):
    """Standard input of somebody who types."""

    def __init__(self) -> None:
        self._lines: queue.Queue[str] = queue.Queue()

    def type(self, line: str) -> None:
        self._lines.put(f"{line}\n")

    def leave(self) -> None:
        self._lines.put("")

    def readline(self, size: int | None = -1, /) -> str:  # type: ignore[override]
        return self._lines.get()


class Console(Stand):
    """The terminal: one chat, nothing to edit, and all there is to go wrong is that nobody reads it."""

    name = "console"
    knows = frozenset({"alt"})
    errors = (TryLater,)

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._out = io.StringIO()
        self._keys = Keys()
        self._folder = folder
        self.chat = ConsoleChat(out=self._out, lines=self._keys, pictures=folder)  # type: ignore[arg-type]

    @classmethod
    @asynccontextmanager
    async def open(cls) -> AsyncIterator[Console]:
        with tempfile.TemporaryDirectory() as folder:
            async with cls._opened(Path(folder)) as stand:
                yield stand

    @classmethod
    @asynccontextmanager
    async def _opened(cls, folder: Path) -> AsyncIterator[Console]:
        stand = cls(folder)
        await stand.chat.start(stand.heard)
        try:
            yield stand
        finally:
            await stand.chat.close()
            stand._keys.leave()

    def place(self) -> Target:
        return Target(chat="console")

    def seen(self, target: Target) -> list[Seen]:
        blocks = re.split(r"^22:00  ", self._out.getvalue(), flags=re.MULTILINE)[1:]
        return [self._seen("\n".join(line.strip() for line in block.strip().splitlines())) for block in blocks]

    def _seen(self, text: str) -> Seen:
        """Read a block: the lines that name what a terminal does not show are no text of it."""
        lines, files = [], []
        for line in text.splitlines():
            before, named, rest = line.partition(str(self._folder))
            path = Path(named + rest)
            if named and path.is_file():
                files.append((before.removesuffix(": ") or path.name, path.read_bytes()))
            else:
                lines.append(line)
        return Seen(None, "\n".join(lines), files=tuple(files))

    def private(self, user: str) -> list[Seen]:
        return [Seen(None, line) for line in self._out.getvalue().splitlines()]

    async def ask(
        self, name: str, text: str = "", *, at: Target, admin: bool = True, there: Target | None = None
    ) -> tuple[Request, str]:
        start = len(self._out.getvalue())
        async with self._asked():
            self._keys.type(f"/{name} {text}")
        await until(lambda: "was asked" in self._out.getvalue()[start:])
        return self.heard.requests[-1], self._out.getvalue()[start:].splitlines()[1].strip()

    async def answered(self, message: Message, *, at: Target) -> Seen:
        start = len(self._out.getvalue())
        self.heard.reply = message
        self._keys.type("/stats")
        await until(lambda: self._out.getvalue()[start:].count("\n") > 2)
        await asyncio.sleep(0)
        lines = self._out.getvalue()[start:].splitlines()[1:]
        return self._seen("\n".join(line.strip() for line in lines))

    async def trouble(self, wrong: type[SendError]) -> Post:
        self._out.close()
        return self.post(self.place())

    def other(self, *, token: str | None = None, url: str | None = None) -> Chat:
        return ConsoleChat(out=self._out, lines=None, pictures=self._folder)


class Telegram(Stand):
    """Telegram: groups with topics."""

    name = "telegram"
    knows = frozenset(
        {"edits", "rights", "topics", "buttons", "links", "silence", "places", "presence", "hosts", "floods"}
    )
    errors = (TryLater, Unsure, ChatGone, ChatMoved, TopicGone, NotPermitted, MessageGone, Refused)
    #: https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this
    limits = Limits(a_second=30, a_second_a_lane=1, a_minute_a_group=20)

    def __init__(self, server: TelegramServer) -> None:
        super().__init__()
        self.server = server
        self.boss = server.world.user("Boss", language_code="de")
        self.ada = server.world.user("Ada", language_code="de")
        self.chat = TelegramChat(server.token, api_url=server.url, pace=Pace(Limits()))

    @classmethod
    @asynccontextmanager
    async def open(cls) -> AsyncIterator[Telegram]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(telegram_chat, "READ", 1.0)
            async with TelegramServer(token=f"1234567:{SECRET}", limits=None) as server:
                stand = cls(server)
                await stand.chat.start(stand.heard)
                await server.until(lambda: server.called("getUpdates"))
                try:
                    yield stand
                finally:
                    await stand.chat.close()

    def place(self) -> Target:
        chat = self.server.world.supergroup("Friends", forum=True, status="administrator")
        chat.bot.rights = frozenset()
        self.server.world.join(chat, self.boss, "creator")
        topic = self.server.world.topic(chat, "Numbers")
        return Target(chat=str(chat.id), topic=str(topic.id))

    def _chat(self, target: Target) -> telegram_server.Chat:
        return self.server.world.chats[int(target.chat)]

    def _topic(self, target: Target) -> telegram_server.Topic | None:
        return self._chat(target).topics[int(target.topic)] if target.topic else None

    def seen(self, target: Target) -> list[Seen]:
        topic = self._topic(target)
        sent = [one for one in self._chat(target).sent if one.topic is topic]
        # What follows a message in reply to it, with nothing to say, is part of it.
        followers = [one for one in sent if one.file and not one.text and one.reply_to in sent]
        return [
            _telegram_seen(one, [other for other in followers if other.reply_to is one])
            for one in sent
            if one not in followers
        ]

    async def ask(
        self, name: str, text: str = "", *, at: Target, admin: bool = True, there: Target | None = None
    ) -> tuple[Request, str]:
        named = f" in {there.chat}" if there else ""
        async with self._asked():
            asked = await self.server.say(
                self._chat(at),
                self.boss if admin else self.ada,
                f"/{name} {text}{named}",
                topic=self._topic(at),
            )
        await self.server.until(lambda: any(one.reply_to is asked for one in asked.chat.sent))
        answer = next(one for one in asked.chat.sent if one.reply_to is asked)
        assert answer.topic is self._topic(at)
        return self.heard.requests[-1], answer.text

    async def trouble(self, wrong: type[SendError]) -> Post:
        world, place = self.server.world, self.place()
        chat, topic = self._chat(place), self._topic(place)
        if wrong is TryLater:
            self.server.inject(telegram_server.flood(WAIT), "sendMessage", chat)
        elif wrong is Unsure:
            self.server.inject(telegram_server.cut(stored=True), "sendMessage", chat)
        elif wrong is ChatGone:
            chat.bot.status = "kicked"
        elif wrong is ChatMoved:
            group = world.group()
            world.migrated(group)
            place = Target(chat=str(group.id))
        elif wrong is TopicGone:
            assert topic is not None
            await self.server.delete_topic(chat, topic)
        elif wrong is NotPermitted:
            chat.bot.status = "member"
            chat.denied.add("can_send_messages")
        elif wrong is MessageGone:
            key = await self.chat.send(self.post(place))
            chat.last.deleted = True
            return self.post(place, replaces=key)
        else:
            refusal = telegram_server.refuse(400, "Bad Request: message is too long")
            self.server.inject(refusal, "sendMessage", chat)
        return self.post(place)

    def new_id(self, target: Target) -> str:
        return str(self._chat(target).migrated_to)

    async def answered(self, message: Message, *, at: Target) -> Seen:
        self.heard.reply = message
        asked = await self.server.say(self._chat(at), self.ada, "/stats@MilepostBot", topic=self._topic(at))
        await self.server.until(lambda: any(one.reply_to is asked for one in asked.chat.sent))
        await until(lambda: not self.chat._lanes._lanes)  # type: ignore[attr-defined]
        answer = next(one for one in asked.chat.sent if one.reply_to is asked)
        return next(one for one in self.seen(at) if one.key == str(answer.id))

    async def tap(self, label: str, *, at: Target, key: str, admin: bool = True) -> str | None:
        message = self._chat(at).messages[int(key)]
        shown = next(one["text"] for one in message.buttons if one["text"].removeprefix("✓ ") == label)
        press = await self.server.press(message, self.boss if admin else self.ada, shown)
        await self.server.until(lambda: press.answer)
        await until(lambda: not self.server.pending and not self.chat._lanes._lanes)  # type: ignore[attr-defined]
        assert press.answer is not None
        told: str | None = press.answer.get("text")
        return told

    async def refuse_files(self, target: Target) -> str:
        chat = self._chat(target)
        chat.bot.status = "member"
        chat.denied |= {"can_send_photos", "can_send_documents"}
        return "send photos"

    async def chat_in(self, target: Target) -> None:
        said = await self.server.say(self._chat(target), self.ada, "hello", topic=self._topic(target))
        assert said.update_id is not None
        await self.server.until(lambda: not self.server.pending)

    async def lose(self, target: Target, key: str) -> None:
        self._chat(target).messages[int(key)].deleted = True

    def settled(self) -> bool:
        return not self.chat._following  # type: ignore[attr-defined]

    def fresh(self) -> Chat:
        return TelegramChat(self.server.token, api_url=self.server.url, pace=Pace(Limits()))

    def listeners(self) -> int:
        return self.server.polls

    def begun(self) -> int:
        return len(self.server.called("getUpdates"))

    def conflicts(self) -> int:
        return sum(call.status == 409 for call in self.server.calls)

    async def hang(self) -> None:
        self.server.inject(telegram_server.hang(), "sendMessage", times=None)

    async def elsewhere(self, at: Target) -> Target:
        news = self.server.world.channel("News")
        self.server.world.join(news, self.boss, "creator")
        return Target(chat=str(news.id))

    async def join(self) -> str:
        chat = self.server.world.supergroup("New", status="left")
        await self.server.set_bot(chat, "member", by=self.boss)
        return str(chat.id)

    async def leave(self, chat: str) -> None:
        await self.server.set_bot(self.server.world.chats[int(chat)], "kicked", by=self.boss)

    async def close(self, target: Target) -> None:
        topic = self._topic(target)
        assert topic is not None
        await self.server.close_topic(self._chat(target), topic, by=self.boss)

    def somebody(self) -> str:
        return str(self.server.world.private().id)

    def private(self, user: str) -> list[Seen]:
        return [_telegram_seen(one) for one in self.server.world.chats[int(user)].sent]

    def other(self, *, token: str | None = None, url: str | None = None) -> Chat:
        return TelegramChat(token or self.server.token, api_url=url or self.server.url)


#: What Telegram makes of any text by itself, and shows as what it is.
_TELEGRAMS_OWN = {"url", "bot_command", "hashtag"}


def _telegram_seen(message: telegram_server.Message, beside: Sequence[telegram_server.Message] = ()) -> Seen:
    pings = [one["type"] for one in message.entities if one["type"] in {"mention", "text_mention"}]
    known = {*_TELEGRAMS_OWN, "text_link", "bold", "italic", "code", *pings}
    assert {one["type"] for one in message.entities} <= known, message.entities
    return Seen(
        key=str(message.id),
        text=message.text,
        links=tuple(one["url"] for one in message.entities if one["type"] == "text_link"),
        buttons=tuple(
            (one["text"].removeprefix("✓ "), one.get("url") or one["callback_data"].removeprefix("="))
            for one in message.buttons
        ),
        chosen=tuple(one["text"][2:] for one in message.buttons if one["text"].startswith("✓ ")),
        silent=message.params.get("disable_notification", "").lower() == "true",
        pings=tuple(pings),
        answers=str(message.reply_to.id) if message.reply_to is not None and message.reply_to.outgoing else None,
        files=tuple(
            ("" if one.file.kind == "photo" else one.file.name.partition("_")[2], one.file.content)
            for one in (message, *beside)
            if one.file is not None
        ),
    )


class Discord(Stand):
    """Discord: servers with channels."""

    name = "discord"
    knows = frozenset(
        {
            *("edits", "rights", "topics", "buttons", "links", "silence", "mentions", "suggestions", "places"),
            *("presence", "hosts", "floods", "alt"),
        }
    )
    errors = (TryLater, Unsure, ChatGone, TopicGone, NotPermitted, MessageGone, Refused)
    #: https://docs.discord.com/developers/topics/rate-limits#global-rate-limit , and a channel's as observed.
    limits = Limits(a_second=50, a_second_a_lane=1)

    def __init__(self, server: DiscordServer) -> None:
        super().__init__()
        self.server = server
        world = server.world
        self.guild = world.guild(everyone=discord_server.MEMBERS | Permission.MENTION_EVERYONE)
        self.boss, self.ada = world.user("boss", locale="de"), world.user("ada", locale="de")
        self.guild.member(self.boss, self.guild.role("bosses", Permission.MANAGE_GUILD))
        self.guild.member(self.ada)
        self.chat = DiscordChat(server.token, api_url=server.api_url, pace=Pace(Limits()))

    @classmethod
    @asynccontextmanager
    async def open(cls) -> AsyncIterator[Discord]:
        quick = discord_server.Limits(identifying=Rate(1, 0.15), routes={})
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(discord_identifies, "IDENTIFY_GAP_SECONDS", 0.2)
            patch.setattr(discord_pauses, "FIRST_PAUSE_SECONDS", 0.05)
            patch.setattr(discord_client, "SERVERS_SECONDS", 0.1)
            patch.setattr(discord_traffic, "LONGEST_CALL_SECONDS", 10)
            async with DiscordServer(limits=quick, token=SECRET) as server:
                stand = cls(server)
                await stand.chat.start(stand.heard)
                await server.until(lambda: server.gateway.connected and server.commands.syncs, 10)
                try:
                    yield stand
                finally:
                    await stand.chat.close()

    def place(self) -> Target:
        return self._target(self.guild.text("numbers"))

    def _target(self, channel: discord_server.Channel) -> Target:
        if channel.guild is None:
            return Target(chat=f"@{channel.id}")
        return Target(chat=str(channel.guild.id), topic=str(channel.id))

    def _channel(self, target: Target) -> discord_server.Channel:
        return self.server.world.channels[int(target.topic or target.chat[1:])]

    def seen(self, target: Target) -> list[Seen]:
        return [_discord_seen(one) for one in self._channel(target).messages]

    async def ask(
        self, name: str, text: str = "", *, at: Target, admin: bool = True, there: Target | None = None
    ) -> tuple[Request, str]:
        options: dict[str, object] = {"name": text} if text else {}
        if there is not None:
            options["in"] = self._channel(there)
        async with self._asked():
            who = self.boss if admin else self.ada
            used = await self.server.interaction(self._channel(at), who, name, options, forced=True)
        answer = await used.message()
        assert answer.channel is self._channel(at)
        return self.heard.requests[-1], _discord_seen(answer).text

    async def trouble(self, wrong: type[SendError]) -> Post:
        place = self.place()
        channel = self._channel(place)
        asked = f"POST /channels/{channel.id}/messages"
        if wrong is TryLater:
            self.server.inject(discord_server.busy(WAIT), asked)
        elif wrong is Unsure:
            self.server.inject(discord_server.cut(stored=True), asked)
        elif wrong is ChatGone:
            self.ada.takes_messages = False
            place = self._target(self.server.world.dm(self.ada))
        elif wrong is TopicGone:
            await self.server.delete_channel(channel)
        elif wrong is NotPermitted:
            channel.overwrite(self.guild.everyone, deny=Permission.SEND_MESSAGES)
        elif wrong is MessageGone:
            key = await self.chat.send(self.post(place))
            await self.server.delete_message(channel.messages[0])
            return self.post(place, replaces=key)
        else:
            self.server.inject(discord_server.status(400, error=50035, message="Invalid Form Body"), asked)
        return self.post(place)

    async def answered(self, message: Message, *, at: Target) -> Seen:
        self.heard.reply = message
        used = await self.server.interaction(self._channel(at), self.ada, "stats", {}, forced=True)
        return _discord_seen(await used.message())

    async def tap(self, label: str, *, at: Target, key: str, admin: bool = True) -> str | None:
        message = next(one for one in self._channel(at).posted if str(one.id) == key)
        what, values = next(
            (part["custom_id"], [value] if part["type"] == STRING_SELECT else None)
            for part in _tappable(message)
            for shown, value, _ in _offered(part)
            if shown == label
        )
        used = await self.server.press(message, what, self.boss if admin else self.ada, values)
        answer = await used.message()
        if answer is message or not answer.ephemeral:
            return None
        return _discord_seen(answer).text

    async def refuse_files(self, target: Target) -> str:
        channel = self._channel(target)
        channel.overwrite(self.guild.everyone, deny=Permission.ATTACH_FILES)
        await self.server.create_channel(channel)
        return "Attach Files"

    async def chat_in(self, target: Target) -> None:
        told = len(self.server.gateway.connections)
        assert told
        said = await self.server.say(self._channel(target), self.ada, "hello")
        since = self.chat._shard(target.chat)._since  # type: ignore[attr-defined]
        await until(lambda: (since.latest(said.channel.id) or 0) >= said.id)

    async def lose(self, target: Target, key: str) -> None:
        (message,) = (one for one in self._channel(target).messages if str(one.id) == key)
        await self.server.delete_message(message)

    def fresh(self) -> Chat:
        return DiscordChat(self.server.token, api_url=self.server.api_url, pace=Pace(Limits()))

    def listeners(self) -> int:
        return len(self.server.gateway.connections)

    def begun(self) -> int:
        return self.server.gateway.opened

    def conflicts(self) -> int:
        return sum(code != 1000 for code in self.server.gateway.goodbyes) + len(self.server.gateway.closed)

    async def hang(self) -> None:
        self.server.inject(discord_server.hang(), "POST /channels/.*/messages", times=None)

    async def suggestions(self, typed: str, *, at: Target) -> list[str]:
        made = await self.server.autocomplete(self._channel(at), self.ada, "stats", {"name": typed}, "name")
        return [one["value"] for one in await made.choices()]

    async def elsewhere(self, at: Target) -> Target:
        channel = self.guild.text("news")
        await self.server.create_channel(channel)
        return self._target(channel)

    async def join(self) -> str:
        guild = self.server.world.guild("New", present=False)
        guild.text()
        await self.server.join(guild)
        return str(guild.id)

    async def leave(self, chat: str) -> None:
        await self.server.leave(self.server.world.guilds[int(chat)])

    async def close(self, target: Target) -> None:
        channel = self._channel(target)
        await self.server.create_channel(channel)
        await self.server.delete_channel(channel)

    def somebody(self) -> str:
        return str(self.ada.id)

    def private(self, user: str) -> list[Seen]:
        return [_discord_seen(one) for one in self.server.world.dm(self.server.world.users[int(user)]).messages]

    def role(self, target: Target) -> str:
        role = self.guild.role("fans", mentionable=True)
        return str(role.id)

    def other(self, *, token: str | None = None, url: str | None = None) -> Chat:
        return DiscordChat(token or self.server.token, api_url=url or self.server.api_url)


def _discord_seen(message: discord_server.Message) -> Seen:
    parts: list[str] = []
    links: list[str] = []
    for embed in message.embeds:
        fields = embed.get("fields") or []
        texts = [embed.get("description"), *(one["value"] for one in fields)]
        assert not any(_LINE_START.search(text) for text in texts if text), texts
        written = [embed.get("title"), embed.get("description")]
        written += [text for one in fields for text in (one["name"], one["value"])]
        parts += [_markdown(text, links) for text in written if text]
        if embed.get("url"):
            links.append(embed["url"])
        if embed.get("footer"):
            parts.append(embed["footer"]["text"])
    offered = [one for part in _tappable(message) for one in _offered(part)]
    pings = ["everyone"] * message.pings.everyone
    pings += [str(one) for one in sorted({*message.pings.roles, *message.pings.users})]
    return Seen(
        key=str(message.id),
        text="\n".join(parts),
        links=tuple(links),
        buttons=tuple((label, what) for label, what, _ in offered),
        chosen=tuple(label for label, _, is_set in offered if is_set),
        silent=bool(message.flags & 1 << 12),
        pings=tuple(pings),
        answers=message.reference["message_id"] if message.reference else None,
        files=tuple(_discord_file(one, message) for one in message.attachments),
    )


def _tappable(message: discord_server.Message) -> list[dict[str, Any]]:
    """Return buttons and lists below a message."""
    return [one for row in message.components for one in row["components"]]


def _offered(part: dict[str, Any]) -> list[tuple[str, str, bool]]:
    """Return what a button or list offers: its label, what it types or opens, and whether it is marked as set."""
    if part["type"] == STRING_SELECT:
        return [
            (one["label"].removeprefix("✓ "), one["value"], one.get("default") or one["label"].startswith("✓ "))
            for one in part["options"]
        ]
    is_set = part["label"].startswith("✓ ")
    what = part.get("url") or part["custom_id"].removeprefix("=")
    return [(part["label"].removeprefix("✓ "), what, is_set)]


def _discord_file(file: discord_server.Attachment, message: discord_server.Message) -> tuple[str, bytes]:
    """Return a file by its name, and a picture, which the embed must show, by what it says of itself."""
    if file in message.shown:
        return file.filename, file.data
    return file.description or "", file.data


_MARKDOWN = re.compile(
    r"""\\(?P<sign>[^0-9A-Za-z\s])
    | \[(?P<label>(?:\\.|[^\]\\])*)\]\((?P<target>https?://[^)\s]+)\)
    | <t:(?P<moment>[0-9]+):[tTdDfFR]>
    | <(?P<reference>\#|@&|@!?)(?P<number>[0-9]+)>
    | (?P<bold>\*\*(?=\S)(?P<thick>(?:\\.|[^*\\])+)\*\*)
    | (?P<code>`[^`]+`)
    | (?P<wild>[*_~`|<\[]|@(?:everyone|here)|https?://)
    """,
    re.VERBOSE | re.DOTALL,
)

#: What begins a heading, small print, a quote or a list; not in titles and names.
_LINE_START = re.compile(r"^\s*(?:#{1,3}|-#|>|>>>|-|\+|\*|[0-9]+[.)])\s", re.MULTILINE)


def _markdown(written: str, links: list[str]) -> str:
    """Return what people read of Discord's markup; what it was not meant to be is an error.

    The bot writes bold, code, links, moments and references, and nothing else.
    """
    wild = [found[0] for found in _MARKDOWN.finditer(written) if found["wild"]]
    assert not wild, f"{wild} is not escaped in {written[:200]!r}"

    def read(found: re.Match[str]) -> str:
        if found["target"]:
            links.append(found["target"])
            return _markdown(found["label"], links)
        if found["bold"]:
            return _markdown(found["thick"], links)
        if found["code"]:
            return found["code"][1:-1]
        return found["sign"] or found["moment"] or f"{found['reference']}{found['number']}"

    return _MARKDOWN.sub(read, written)


STANDS: tuple[type[Stand], ...] = (Console, Telegram, Discord)


def knowing(*what: str) -> list[type[Stand]]:
    """Return the stands whose platform has all of this."""
    return [one for one in STANDS if one.knows.issuperset(what)]
