"""Telegram on the port of chats."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from functools import lru_cache
from ssl import SSLContext
from urllib.parse import urlsplit

import httpx
from telegram import Bot, Update, User
from telegram.error import InvalidToken
from telegram.request import HTTPXRequest

from bot.chats.telegram import menu
from bot.chats.telegram.answers import LONGEST_PAUSE
from bot.chats.telegram.beside import Beside
from bot.chats.telegram.buttons import Taps
from bot.chats.telegram.errors import summary
from bot.chats.telegram.floods import Floods
from bot.chats.telegram.flow import Flow
from bot.chats.telegram.ids import PLATFORM, is_group
from bot.chats.telegram.lanes import Lanes
from bot.chats.telegram.listen import Ears
from bot.chats.telegram.names import Names
from bot.chats.telegram.pen import Pen
from bot.chats.telegram.pieces import Written
from bot.chats.telegram.poll import NOT_TAKEN, Poll
from bot.domain import SECOND
from bot.domain.sentence import N_
from bot.ports.chat import ChatGone, Listener, Partly, Post, Target, TryLater
from bot.ports.message import Message, discard
from bot.ports.pace import Limits, Pace

API_URL = "https://api.telegram.org"
#: https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this
LIMITS = Limits(a_second=30, a_second_a_lane=1, a_minute_a_group=20)
#: Seconds: to connect, for an answer, for a free connection; and connections at once.
CONNECT, READ, POOL = 5.0, 20.0, 5.0
CONNECTIONS = 64
#: How long answers and pictures under way may take when the bot stops, in seconds.
LAST_ANSWERS = 0.8
LAST_PICTURES = 0.4


class TelegramChat:
    """Telegram: one bot.

    Args:
        token: From @BotFather.
        api_url: The root of the Bot API; a server of one's own fits.
        operators: Numbers of those who run this bot: their menus hold their commands.
        pace: What keeps to ``LIMITS``, where that is not real time.
    """

    platform = PLATFORM
    by_topic = False

    def __init__(
        self,
        token: str,
        *,
        api_url: str = API_URL,
        operators: Sequence[str] = (),
        pace: Pace | None = None,
    ) -> None:
        _quieten()
        self._token = token
        self._root = api_url.rstrip("/")
        self._requests = (_http(), _http())
        self._bot = self._make(*self._requests)
        self._operators = operators
        self.pace = pace or Pace(LIMITS)
        self._taps = Taps()
        self._names = Names()
        self._flow = Flow()
        self._pen = Pen(
            self._bot,
            taps=self._taps,
            floods=Floods(self.pace),
            names=self._names,
            again=lambda chat: self.pace.note(chat, group=is_group(chat)),
            wrote=self._flow.wrote,
        )
        self._beside = Beside(self._pen, self.pace)
        #: What follows posts that have arrived.
        self._following: set[asyncio.Task[None]] = set()
        self._lanes = Lanes()
        self._poll: Poll | None = None
        self._open = False
        self._tasks: list[asyncio.Task[None]] = []

    def is_group(self, chat: str) -> bool:
        """Tell whether a chat is a group, supergroup or channel."""
        return is_group(chat)

    @property
    def connected(self) -> bool | None:
        """Tell whether Telegram gives the updates to this process."""
        return None if self._poll is None else self._poll.connected

    async def open(self) -> None:
        """Make ready to send; the first request connects."""
        if not self._open:
            for request in self._requests:
                await request.initialize()
            self._open = True

    async def start(self, listener: Listener) -> None:
        """Begin to connect, and return at once: a host that cannot be reached holds nobody up."""
        if self._poll is not None:
            return
        await self.open()
        self._pen.commands = frozenset(command.name for command in listener.commands)
        self._lanes = Lanes()

        def opened(me: User) -> Callable[[Update], None]:
            menus = menu.show(self._bot, listener.commands, operators=self._operators)
            self._tasks.append(asyncio.create_task(menus, name="telegram menus"))
            self._flow.hears_all = bool(me.can_read_all_group_messages)
            self._flow.begins()
            ears = Ears(
                self._bot,
                listener,
                me=me,
                pen=self._pen,
                beside=self._beside,
                flow=self._flow,
                taps=self._taps,
                pace=self.pace,
                lanes=self._lanes,
                names=self._names,
                operators=self._operators,
            )
            return ears.take

        self._poll = Poll(self._bot, host=self._host, opened=opened)
        self._tasks.append(asyncio.create_task(self._poll.run(), name="telegram"))

    async def send(self, post: Post) -> str | None:
        """Post a message, or edit the one that it replaces, and return its number.

        Telegram takes no key against duplicates: who is killed after it stored a message and before the caller
        settled the delivery sends that message again, at most one a chat and kill, as a chat has one send under
        way. Nothing is awaited here once the answer has arrived: a picture for which there was no room below the
        text follows in reply, on its own, so that the window is that of one message. If it is lost in a kill, the
        text is not.
        """
        following = False
        try:
            if post.replaces is not None:
                written = await self._pen.rewrite(post.target, post.replaces, post.message)
            else:
                answers = int(post.answers) if post.answers is not None and post.answers.isdecimal() else None
                written = await self._pen.write(post.target, post.message, silent=post.silent, reply_to=answers)
            following = bool(written.beside)
            if following:
                self._follow(post.target, written, post.message)
        finally:
            if not following:
                discard(post.message)
        lacks = written.lacks or (self._beside.lacks(post.target.chat) if following else None)
        if lacks is not None:
            raise Partly(lacks, key=written.key)
        return written.key

    def _follow(self, target: Target, written: Written, message: Message) -> None:
        """Send what is to follow a post, which nobody waits for."""

        async def follow() -> None:
            try:
                await self._beside.follow(target, written)
            finally:
                discard(message)

        task = asyncio.create_task(follow(), name="telegram picture")
        self._following.add(task)
        task.add_done_callback(self._following.discard)

    async def remove(self, target: Target, key: str) -> None:
        """Delete a message; Telegram lets bots do so for two days."""
        await self._turn(target.chat)
        await self._pen.remove(target, key)

    def buried(self, target: Target, key: str) -> int | None:
        """Count what came after a message; in groups bots hear of little, but numbers tell."""
        return self._flow.after(target, key)

    async def tell(self, user: str, message: Message) -> None:
        """Write to a person in the private chat with them, whose number is theirs."""
        if not (user.isascii() and user.isdecimal()):
            raise ChatGone(N_("{user} is nobody on Telegram"), user=repr(user[:40]))
        await self._turn(user)
        await self._pen.write(Target(chat=user), message)

    async def _turn(self, chat: str) -> None:
        """Wait until what is no post of the deliverer's may leave.

        Raises:
            TryLater: That would be too long.
        """
        wait = self.pace.wait(chat, group=is_group(chat))
        if wait > LONGEST_PAUSE:
            raise TryLater(N_("Telegram asks to wait"), retry_after=round(wait * SECOND))
        await self.pace.answer(chat, group=is_group(chat))

    async def check(self) -> str | None:
        """Return what is wrong with the token or the way to Telegram."""
        requests = (_http(), _http())
        try:
            await self._make(*requests).get_me()
        except InvalidToken:
            return f"{NOT_TAKEN.format(host=self._host)}."
        except Exception as error:  # noqa: BLE001 - also what the library makes of answers that are not Telegram's
            return (
                f"Telegram cannot be reached at {self._host} ({summary(error)}): "
                "check the network, and TELEGRAM_API_URL if it is set."
            )
        finally:
            for request in requests:
                await request.shutdown()
        return None

    async def stop(self) -> None:
        """End the long poll, and let answers under way go out: within two seconds."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
        self._flow.listens = False
        await self._lanes.stop(within=LAST_ANSWERS)
        if self._poll is not None:
            await self._poll.confirm()
            self._poll = None

    async def close(self) -> None:
        """Stop, let pictures under way follow, and close connections: within two and a half seconds."""
        await self.stop()
        if self._following:
            _, late = await asyncio.wait(self._following, timeout=LAST_PICTURES)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        for request in self._requests:
            await request.shutdown()
        self._open = False

    @property
    def _host(self) -> str:
        return urlsplit(self._root).netloc.rpartition("@")[2] or self._root

    def _make(self, polling: HTTPXRequest, other: HTTPXRequest) -> Bot:
        return Bot(
            self._token,
            base_url=f"{self._root}/bot",
            base_file_url=f"{self._root}/file/bot",
            get_updates_request=polling,
            request=other,
        )


def _http() -> HTTPXRequest:
    return HTTPXRequest(
        connection_pool_size=CONNECTIONS,
        connect_timeout=CONNECT,
        read_timeout=READ,
        pool_timeout=POOL,
        httpx_kwargs={"verify": _certificates()},
    )


@lru_cache(maxsize=1)
def _certificates() -> SSLContext:
    """Return the certificates that are trusted; reading them takes a while, so it is done once."""
    return httpx.create_ssl_context()


def _quieten() -> None:
    """Keep the libraries' own lines out of the log: addresses with the token, what people wrote."""
    logging.getLogger("httpx").setLevel(logging.WARNING)
    logging.getLogger("httpcore").setLevel(logging.WARNING)
    logging.getLogger("telegram").setLevel(logging.CRITICAL + 1)
