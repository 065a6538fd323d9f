"""What people type and press, and where the bot is let in: updates in, requests and answers out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial

import structlog
from telegram import Bot, CallbackQuery, Chat, ChatMember, ChatMemberRestricted, ChatMemberUpdated, Update, User
from telegram import Message as TelegramMessage
from telegram.constants import ChatAction, ChatMemberStatus, ChatType, MessageEntityType
from telegram.error import TelegramError

from bot.chats.telegram.buttons import Taps
from bot.chats.telegram.errors import summary
from bot.chats.telegram.lanes import Lanes
from bot.chats.telegram.pace import Pace
from bot.chats.telegram.pen import Pen
from bot.chats.telegram.render import JOINER
from bot.chats.telegram.rights import ADMINS, Rights
from bot.domain import SECOND
from bot.ports.chat import ChatGone, ChatMoved, Listener, SendError, Target, TryLater
from bot.ports.command import Request, Who
from bot.ports.message import Message
from bot.texts.words import Words

log = structlog.get_logger(__name__)

PLATFORM = "telegram"
#: An answer that takes longer is announced by "typing", which Telegram shows for 5 seconds, in seconds.
PATIENCE = 0.7
TYPING = 4.5
#: How often an answer is tried, and the longest pause before it is given up, in seconds.
TRIES = 3
LONGEST_PAUSE = 60.0
GROUPS = {ChatType.GROUP, ChatType.SUPERGROUP}


@dataclass(frozen=True, slots=True)
class Typed:
    """A command as it was typed.

    Attributes:
        addressed: Whether it can only be meant for this bot.
    """

    name: str
    text: str
    addressed: bool


def typed(message: TelegramMessage, me: User) -> Typed | None:
    """Return the command that a message is; None if it is none, is another bot's or was typed elsewhere."""
    text = message.text
    if not text or message.forward_origin is not None or message.is_automatic_forward:
        return None
    entity = next((one for one in message.entities if one.type == MessageEntityType.BOT_COMMAND), None)
    if entity is None or entity.offset:
        return None
    name, at, whose = text[1 : entity.length].partition("@")  # a command is plain ASCII
    if at and whose.casefold() != (me.username or "").casefold():
        return None
    replied = message.reply_to_message
    to_me = replied is not None and replied.from_user is not None and replied.from_user.id == me.id
    addressed = bool(at) or message.chat.type == ChatType.PRIVATE or to_me
    return Typed(name.lower(), text[entity.length :].replace(JOINER, "").strip(), addressed)


class Ears:
    """Hears updates, and answers them chat by chat."""

    def __init__(
        self, bot: Bot, listener: Listener, *, me: User, pen: Pen, taps: Taps, pace: Pace, lanes: Lanes
    ) -> None:
        self._bot = bot
        self._listener = listener
        self._me = me
        self._pen = pen
        self._taps = taps
        self._pace = pace
        self._lanes = lanes
        self._rights = Rights(bot)
        self._who = {command.name: command.who for command in listener.commands}
        self._followed: set[int] = set()

    def take(self, update: Update) -> None:
        """Take an update in."""
        message = update.message or update.channel_post
        if message is not None:
            work: Callable[[], Awaitable[None]] = partial(self._message, message)
            self._lanes.put(message.migrate_from_chat_id or message.chat.id, work)
        elif update.callback_query is not None:
            query = update.callback_query
            self._lanes.put(
                query.message.chat.id if query.message else query.from_user.id, partial(self._press, query)
            )
        elif update.my_chat_member is not None:
            self._lanes.put(update.my_chat_member.chat.id, partial(self._place, update.my_chat_member))

    # --- what people type

    async def _message(self, message: TelegramMessage) -> None:
        if message.migrate_to_chat_id is not None:
            await self._moved(message.chat.id, message.migrate_to_chat_id, message.chat.title)
        elif message.migrate_from_chat_id is not None:
            await self._moved(message.migrate_from_chat_id, message.chat.id, message.chat.title)
        command = typed(message, self._me)
        if command is None or not (command.addressed or command.name in self._who):
            return  # a bare command that we do not have is another bot's
        chat = message.chat
        if command.name == "start":  # who writes to us can be written to, whatever was noted before
            await self._listener.let_in(platform=PLATFORM, chat=str(chat.id), title=_title(chat))
        person = message.from_user if message.sender_chat is None else None
        request = _request(
            chat,
            person,
            topic=_topic(message),
            command=command.name,
            text=command.text,
            is_admin=await self._rights.of_author(message),
        )
        await self._answer(request, reply_to=message.message_id)

    # --- what people press

    async def _press(self, query: CallbackQuery) -> None:
        tapped = self._taps.read(query.data or "")
        # A command whose arguments are forgotten is only given bare if it cannot change anything.
        lost = not tapped.whole and self._who.get(tapped.name) is not Who.EVERYONE
        told = None
        if lost:
            words = Words(language=query.from_user.language_code or "en")
            told = words.text("This button is too old. Please type /{command} yourself.", command=tapped.name)
        try:
            await self._bot.answer_callback_query(query.id, text=told, show_alert=lost)
        except TelegramError as error:  # too late for it: the answer itself is not
            log.debug("telegram did not take the answer to a tap", why=summary(error))
        message = query.message
        if lost or message is None or not tapped.name:
            return
        chat = message.chat
        request = _request(
            chat,
            query.from_user,
            topic=_topic(message) if isinstance(message, TelegramMessage) else None,
            command=tapped.name,
            text=tapped.text if tapped.whole else "",
            # The presser's own rights; the message is the bot's, so its author says nothing.
            is_admin=await self._rights.of(chat.id, chat.type, query.from_user.id),
        )
        await self._answer(request, reply_to=message.message_id)

    # --- where the bot is

    async def _place(self, change: ChatMemberUpdated) -> None:
        chat, key = change.chat, str(change.chat.id)
        was, now = (_inside(chat, one) for one in (change.old_chat_member, change.new_chat_member))
        if not now:
            await self._listener.put_out(platform=PLATFORM, chat=key, why=_why_out(chat, change.new_chat_member))
            return
        await self._listener.let_in(platform=PLATFORM, chat=key, title=_title(chat))
        if was or chat.type not in GROUPS or chat.id in self._followed:
            return
        person = change.from_user
        admin = await self._rights.of(chat.id, chat.type, person.id)
        await self._answer(_request(chat, person, command="start", is_admin=admin))

    async def _moved(self, old: int, new: int, title: str | None) -> None:
        self._followed.add(new)
        await self._listener.moved(platform=PLATFORM, old=str(old), new=str(new))
        await self._listener.let_in(platform=PLATFORM, chat=str(new), title=title)

    # --- answers

    async def _answer(self, request: Request, *, reply_to: int | None = None) -> None:
        async with self._typing(request):
            message = await self._listener.answer(request)
        await self._say(Target(chat=request.chat, topic=request.topic), message, reply_to)

    async def _say(self, target: Target, message: Message, reply_to: int | None) -> None:
        for _ in range(TRIES):
            wait = self._pace.wait(target.chat, group=is_group(target.chat))
            try:
                await asyncio.sleep(wait)
                await self._pen.write(target, message, reply_to=reply_to)
            except TryLater as error:
                pause = error.retry_after / SECOND
                if pause > LONGEST_PAUSE:
                    log.warning("an answer was given up", chat=target.chat, why=str(error))
                    return
                await asyncio.sleep(pause)
            except ChatMoved as moved:
                await self._moved(int(target.chat), int(moved.key), None)
                target, reply_to = replace(target, chat=moved.key), None
            except ChatGone as gone:
                await self._listener.put_out(platform=PLATFORM, chat=target.chat, why=str(gone))
                return
            except SendError as error:
                log.warning("an answer was not taken", chat=target.chat, why=str(error))
                return
            else:
                return
        log.warning("an answer was given up", chat=target.chat, why="too many tries")

    @asynccontextmanager
    async def _typing(self, request: Request) -> AsyncIterator[None]:
        """Show that an answer is under way, if it takes a while."""
        task = asyncio.create_task(self._type(request), name="telegram typing")
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _type(self, request: Request) -> None:
        await asyncio.sleep(PATIENCE)
        topic = int(request.topic) if request.topic else None
        try:
            while True:
                await self._bot.send_chat_action(int(request.chat), ChatAction.TYPING, message_thread_id=topic)
                await asyncio.sleep(TYPING)
        except TelegramError as error:
            log.debug("telegram did not take a sign of typing", why=summary(error))


def is_group(chat: str) -> bool:
    """Tell whether a chat is one of several people: negative numbers and public names are."""
    return chat.startswith(("-", "@"))


def _request(
    chat: Chat,
    person: User | None,
    *,
    command: str,
    is_admin: bool,
    text: str = "",
    topic: str | None = None,
) -> Request:
    return Request(
        platform=PLATFORM,
        chat=str(chat.id),
        topic=topic,
        chat_title=_title(chat),
        command=command,
        text=text,
        user=str(person.id) if person else None,
        locale=person.language_code if person else None,
        is_admin=is_admin,
    )


def _topic(message: TelegramMessage) -> str | None:
    return str(message.message_thread_id) if message.is_topic_message and message.message_thread_id else None


def _title(chat: Chat) -> str | None:
    return chat.effective_name or None


def _inside(chat: Chat, member: ChatMember) -> bool:
    """Tell whether the bot is in a chat so that it may be allowed to write: in channels only admins are."""
    if chat.type == ChatType.CHANNEL:
        return member.status in ADMINS
    if isinstance(member, ChatMemberRestricted):
        return member.is_member
    return member.status in {*ADMINS, ChatMemberStatus.MEMBER}


def _why_out(chat: Chat, member: ChatMember) -> str:
    if chat.type == ChatType.PRIVATE:
        return "blocked by the person"
    if chat.type == ChatType.CHANNEL:
        return "no longer an administrator of the channel"
    return "banned from the group" if member.status == ChatMemberStatus.BANNED else "removed from the group"
