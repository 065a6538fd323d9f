"""Our Telegram on loopback, spoken to by the real python-telegram-bot."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from telegram import (
    Bot,
    BotCommand,
    BotCommandScopeAllPrivateChats,
    BotCommandScopeChat,
    BotCommandScopeChatAdministrators,
    ChatMemberRestricted,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InputMediaDocument,
    InputMediaPhoto,
    Message,
    Update,
)
from telegram.constants import ChatAction, ParseMode
from telegram.error import (
    BadRequest,
    ChatMigrated,
    Conflict,
    Forbidden,
    InvalidToken,
    NetworkError,
    RetryAfter,
    TelegramError,
    TimedOut,
)
from telegram.ext import Application, CallbackQueryHandler, CommandHandler, ContextTypes
from telegram.request import HTTPXRequest

from tests.servers import pages
from tests.servers.telegram import (
    Chat,
    Fault,
    Limits,
    Member,
    TelegramServer,
    cut,
    flood,
    hang,
    html,
    parse_html,
    refuse,
    slow,
)
from tests.servers.telegram.entities import Unparsable

Context = ContextTypes.DEFAULT_TYPE
#: Each client reads all certificates otherwise, which takes a tenth of a second.
NO_TLS = {"verify": False}
PNG = b"\x89PNG\r\n\x1a\n" + b"\0\0\0\rIHDR" + (640).to_bytes(4, "big") + (480).to_bytes(4, "big") + b"rest"
SURROGATES = "Text contains invalid Unicode characters after decoding HTML entities"
ROW = InlineKeyboardMarkup([[InlineKeyboardButton("Mute", callback_data="mute:1")]])


@pytest.fixture(autouse=True)
def _timedelta(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the very making of a RetryAfter warns, and a warning that is an error takes its place."""
    monkeypatch.setenv("PTB_TIMEDELTA", "true")


@pytest.fixture
async def server() -> AsyncIterator[TelegramServer]:
    async with TelegramServer(limits=None) as running:
        yield running


@asynccontextmanager
async def bot_of(server: TelegramServer, *, token: str = "") -> AsyncIterator[Bot]:
    requests = [HTTPXRequest(httpx_kwargs=NO_TLS) for _ in range(2)]
    async with Bot(
        token or server.token,
        base_url=server.base_url,
        base_file_url=server.base_file_url,
        request=requests[0],
        get_updates_request=requests[1],
    ) as bot:
        yield bot


@pytest.fixture
async def bot(server: TelegramServer) -> AsyncIterator[Bot]:
    async with bot_of(server) as talking:
        yield talking


@asynccontextmanager
async def polling(
    server: TelegramServer, *handlers: CommandHandler[Any, Any] | CallbackQueryHandler[Any, Any]
) -> AsyncIterator[Bot]:
    """Run a whole Application, as a bot does."""
    builder = Application.builder().token(server.token).job_queue(None)
    application = builder.base_url(server.base_url).base_file_url(server.base_file_url).build()
    application.add_handlers(handlers)
    async with application:
        assert application.updater is not None
        await application.start()
        await application.updater.start_polling(timeout=20, allowed_updates=Update.ALL_TYPES)
        try:
            yield application.bot
        finally:
            await application.updater.stop()
            await application.stop()


async def ask(server: TelegramServer, method: str, **kwargs: Any) -> tuple[int, dict[str, Any]]:
    async with (
        aiohttp.ClientSession() as http,
        http.post(f"{server.base_url}{server.token}/{method}", **kwargs) as response,
    ):
        return response.status, await response.json()


# --- polling and answering


async def test_a_command_in_a_topic_is_polled_and_answered_there(server: TelegramServer) -> None:
    group = server.world.supergroup(forum=True, username="everybody")
    topic, user = server.world.topic(group, "Stats"), server.world.user(username="ada_l")

    async def stats(update: Update, context: Context) -> None:
        assert update.effective_message is not None
        assert update.effective_user is not None
        assert update.effective_message.is_topic_message
        words = " ".join(context.args or [])
        await update.effective_message.reply_html(
            f"<b>{words}</b> {update.effective_user.language_code}", reply_markup=ROW
        )

    async with polling(server, CommandHandler("stats", stats)) as bot:
        assert bot.username == "MilepostBot"
        asked = await server.say(group, user, "/stats@milepostbot 🎧 x", topic=topic, language_code="de")
        answer = await server.until(lambda: group.sent[0] if group.sent else None)
        assert answer is not None
        assert (answer.text, answer.topic, answer.reply_to) == ("🎧 x de", topic, asked)
        assert answer.entities == [{"type": "bold", "offset": 0, "length": 4}]
        assert answer.buttons == [{"text": "Mute", "callback_data": "mute:1"}]
    assert server.pending == []  # the clean stop confirmed it
    assert server.called("getUpdates")[-1].params["offset"] == str((asked.update_id or 0) + 1)


async def test_a_button_is_pressed_answered_and_its_message_edited(server: TelegramServer) -> None:
    chat = server.world.private()
    user = server.world.users[chat.id]

    async def mute(update: Update, _: Context) -> None:
        assert update.callback_query is not None
        assert update.callback_query.message is not None
        assert update.callback_query.message.is_accessible
        await update.callback_query.edit_message_text("muted")
        await update.callback_query.answer("Muted.")

    async with polling(server, CallbackQueryHandler(mute, "mute:")) as bot:
        await bot.send_message(chat.id, "loud", reply_markup=ROW)
        press = await server.press(chat.last, user, "Mute")
        answer = await server.until(lambda: press.answer)
        assert answer is not None
        assert answer["text"] == "Muted."
        assert [chat.last.text, *(before.text for before in chat.last.history)] == ["muted", "loud"]
        assert chat.last.markup is None  # an edit without buttons takes them away
        press.expired = True
        with pytest.raises(
            BadRequest, match="Query is too old and response timeout expired or query id is invalid"
        ):
            await bot.answer_callback_query(press.id)


async def test_a_poll_is_held_woken_and_repeated_until_confirmed(server: TelegramServer, bot: Bot) -> None:
    server.speed = 100
    began = time.monotonic()
    assert await bot.get_updates(timeout=20) == ()
    assert time.monotonic() - began >= 0.2
    server.speed = 1
    user = server.world.user()
    chat = server.world.private(user)
    waiting = asyncio.create_task(bot.get_updates(timeout=20))
    await server.until(lambda: len(server.called("getUpdates")) == 2)
    await server.say(chat, user, "/start")
    (update,) = await waiting
    assert await bot.get_updates() == (update,)
    assert await bot.get_updates(offset=update.update_id + 1) == ()


async def test_the_other_poller_and_a_webhook_conflict(server: TelegramServer, bot: Bot) -> None:
    first = asyncio.create_task(bot.get_updates(timeout=20))
    await server.until(lambda: server.called("getUpdates"))
    async with bot_of(server) as second:
        assert await second.get_updates() == ()  # what is answered at once ends no other
        assert not first.done()
        server.speed = 20
        assert await second.get_updates(timeout=1) == ()
        server.speed = 1
    with pytest.raises(Conflict, match="terminated by other getUpdates request"):
        await first
    await bot.set_webhook("http://127.0.0.1:9/hook")
    with pytest.raises(Conflict, match="while webhook is active"):
        await bot.get_updates()
    await bot.delete_webhook()
    assert await bot.get_updates() == ()


async def test_the_poll_of_one_who_was_killed_is_in_the_way_until_its_time_is_over(
    server: TelegramServer, bot: Bot
) -> None:
    server.polls_linger = server.newer_is_refused = True
    server.speed = 20
    killed = asyncio.create_task(bot.get_updates(timeout=10))
    await server.until(lambda: server.called("getUpdates"))
    killed.cancel()
    await asyncio.gather(killed, return_exceptions=True)
    async with bot_of(server) as second:
        with pytest.raises(Conflict, match="terminated by other getUpdates request"):
            await second.get_updates()
        async with asyncio.timeout(10):
            while True:
                try:
                    assert await second.get_updates() == ()
                except Conflict:
                    await asyncio.sleep(0.05)
                else:
                    break


async def test_a_webhook_is_told_with_its_secret_until_it_takes_it(server: TelegramServer, bot: Bot) -> None:
    server.speed = 100
    statuses = [500, 200]

    async def hook(_: web.BaseRequest) -> web.StreamResponse:
        return web.Response(status=statuses.pop(0))

    user = server.world.user()
    async with pages.serving(hook) as taken:
        await bot.set_webhook(f"{taken.url}/hook", secret_token="s3cret")
        await server.say(server.world.private(user), user, "/start")
        await server.until(lambda: not server.pending)
    assert [r.headers["X-Telegram-Bot-Api-Secret-Token"] for r in taken.requests] == ["s3cret"] * 2
    info = await bot.get_webhook_info()
    assert info.last_error_message == "Wrong response from the webhook: 500 Internal Server Error"


# --- errors, each as python-telegram-bot maps it

Prepare = Callable[[TelegramServer], Chat]
REFUSALS: dict[str, tuple[Prepare, type[TelegramError], str]] = {
    "blocked": (lambda s: s.world.private(blocked=True), Forbidden, "bot was blocked by the user"),
    "not started": (
        lambda s: s.world.private(started=False),
        Forbidden,
        "bot can't initiate conversation with a user",
    ),
    "deactivated": (lambda s: s.world.private(deactivated=True), Forbidden, "user is deactivated"),
    "kicked": (lambda s: s.world.group(status="kicked"), Forbidden, "bot was kicked from the group chat"),
    "left": (lambda s: s.world.channel(status="left"), Forbidden, "bot is not a member of the channel chat"),
    "deleted": (lambda s: s.world.group(gone=True), Forbidden, "the group chat was deleted"),
    "unknown": (lambda s: Chat(-1, "group", s.world.me("member")), BadRequest, "Chat not found"),
    "muted": (
        lambda s: s.world.supergroup(denied={"can_send_messages"}),
        BadRequest,
        "Not enough rights to send text messages to the chat",
    ),
    "only a reader": (
        lambda s: s.world.channel(status="member"),
        BadRequest,
        "Need administrator rights in the channel chat",
    ),
    "general closed": (lambda s: s.world.supergroup(forum=True, closed=True), BadRequest, "Topic_closed"),
}


@pytest.mark.parametrize("case", REFUSALS)
async def test_where_the_bot_may_not_write_it_is_told_why(case: str, server: TelegramServer, bot: Bot) -> None:
    prepare, kind, message = REFUSALS[case]
    chat = prepare(server)
    with pytest.raises(kind) as caught:
        await bot.send_message(chat.id, "hello")
    assert type(caught.value) is kind
    assert caught.value.message.removeprefix("Forbidden: ") == message
    assert not chat.sent


CONTENTS: dict[str, tuple[dict[str, Any], str]] = {
    "unknown tag": (
        {"text": "<h1>x</h1>", "parse_mode": ParseMode.HTML},
        'Can\'t parse entities: unsupported start tag "h1" at byte offset 0',
    ),
    "open tag": (
        {"text": "é<b>x", "parse_mode": ParseMode.HTML},
        "Can't parse entities: can't find end tag corresponding to start tag \"b\"",
    ),
    "empty": ({"text": ""}, "Message text is empty"),
    "nothing left": ({"text": "<b> </b>", "parse_mode": ParseMode.HTML}, "Text must be non-empty"),
    "too long": ({"text": "😀" * 4097}, "Message is too long"),
    "data too long": (
        {"text": "x", "reply_markup": InlineKeyboardMarkup([[InlineKeyboardButton("x", callback_data="é" * 33)]])},
        "Button_data_invalid",
    ),
    "too many buttons": (
        {
            "text": "x",
            "reply_markup": InlineKeyboardMarkup([[InlineKeyboardButton("x", callback_data="1")] * 101]),
        },
        "Reply markup is too long",
    ),
    "localhost": (
        {
            "text": "x",
            "reply_markup": InlineKeyboardMarkup([[InlineKeyboardButton("x", url="http://localhost/")]]),
        },
        "Inline keyboard button url 'http://localhost/' is invalid: wrong http url",
    ),
    "no such topic": ({"text": "x", "message_thread_id": 77}, "Message thread not found"),
    "general by number": ({"text": "x", "message_thread_id": 1}, "Message thread not found"),
    "no such message": ({"text": "x", "reply_to_message_id": 77}, "Message to be replied not found"),
}


@pytest.mark.parametrize("case", CONTENTS)
async def test_what_telegram_does_not_take_is_a_bad_request(case: str, server: TelegramServer, bot: Bot) -> None:
    given, message = CONTENTS[case]
    group = server.world.supergroup(forum=True)
    with pytest.raises(BadRequest) as caught:
        await bot.send_message(group.id, **given)
    assert caught.value.message == message  # capitalised by the library, which puts the rest in lower case
    assert not group.sent


async def test_a_topic_can_be_closed_and_deleted(server: TelegramServer, bot: Bot) -> None:
    group, user = server.world.supergroup(forum=True, status="administrator"), server.world.user()
    made = await bot.create_forum_topic(group.id, "Alerts")
    topic = group.topics[made.message_thread_id]
    await server.close_topic(group, topic, by=user)
    await bot.send_message(group.id, "admins may", message_thread_id=topic.id)
    group.bot = server.world.me("member")
    with pytest.raises(BadRequest, match="Topic_closed"):
        await bot.send_message(group.id, "members may not", message_thread_id=topic.id)
    with pytest.raises(BadRequest, match="Not enough rights to create a topic"):
        await bot.create_forum_topic(group.id, "More")
    opening = topic.root
    with pytest.raises(BadRequest, match="Topic_closed"):
        await bot.send_message(group.id, "a reply goes where the message is", reply_to_message_id=opening.id)
    await server.delete_topic(group, topic)
    with pytest.raises(BadRequest, match="Message thread not found"):
        await bot.send_message(group.id, "gone", message_thread_id=topic.id)


async def test_a_group_migrates(server: TelegramServer, bot: Bot) -> None:
    group, user = server.world.group("Friends"), server.world.user()
    new = await server.migrate(group, by=user)
    there, here = [update.message for update in await bot.get_updates()]
    assert there is not None
    assert here is not None
    assert (there.chat.id, there.migrate_to_chat_id) == (group.id, new.id)
    assert (here.chat.id, here.migrate_from_chat_id) == (new.id, group.id)
    with pytest.raises(ChatMigrated) as caught:
        await bot.send_message(group.id, "hello")
    assert caught.value.new_chat_id == new.id
    await bot.send_message(new.id, "hello")


async def test_a_token_can_be_malformed_wrong_and_revoked(server: TelegramServer, bot: Bot) -> None:
    for token in ("no-token", server.token[:-1] + "x"):
        with pytest.raises(InvalidToken, match=f"The token `{token}` was rejected by the server."):
            async with bot_of(server, token=token):
                pass
    assert [call.method for call in server.calls] == ["getMe"]  # the other bot's, at its start
    server.revoked = True
    with pytest.raises(InvalidToken, match="Unauthorized"):
        await bot.get_me()


# (fault, what the library makes of it, whether the message exists)
FAULTS: list[tuple[Fault, type[TelegramError], bool]] = [
    (html(), NetworkError, False),
    (html(stored=True), NetworkError, True),
    (cut(), NetworkError, False),
    (cut(stored=True), NetworkError, True),
    (hang(), TimedOut, False),
    (hang(stored=True), TimedOut, True),
    (flood(7), RetryAfter, False),
    (refuse(400, "Bad Request: chat not found"), BadRequest, False),
    (refuse(500, "Internal Server Error"), NetworkError, False),
]


@pytest.mark.parametrize(("fault", "kind", "stored"), FAULTS, ids=lambda value: str(getattr(value, "kind", value)))
async def test_faults_are_injected(
    fault: Fault, kind: type[TelegramError], stored: bool, server: TelegramServer
) -> None:
    other, chat = server.world.private(), server.world.private()
    async with bot_of(server) as bot:
        server.inject(fault, "sendMessage", chat)
        await bot.send_message(other.id, "not this one")
        with pytest.raises(TelegramError) as caught:
            await bot.send_message(chat.id, "this one", read_timeout=0.5 if kind is TimedOut else 5)
        assert type(caught.value) is kind
        assert len(chat.sent) == stored
        assert server.calls[-1].status == getattr(fault.refusal, "code", fault.code if fault.kind == "html" else 0)
        if kind is not RetryAfter:
            await bot.send_message(chat.id, "and never again")


async def test_a_server_can_go_and_come_back(server: TelegramServer, bot: Bot) -> None:
    await server.down()
    with pytest.raises(NetworkError):
        await bot.get_me()
    await server.up()
    assert (await bot.get_me()).id == server.world.bot.id


# --- limits


def seconds(error: RetryAfter) -> float:
    assert isinstance(error.retry_after, timedelta)
    return error.retry_after.total_seconds()


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


async def test_too_much_is_refused_by_counting() -> None:
    clock = Clock()
    async with TelegramServer(clock=clock) as server, bot_of(server) as bot:
        chat, group = server.world.private(), server.world.supergroup()
        for _ in range(3):
            await bot.send_message(chat.id, "a short burst")
        with pytest.raises(RetryAfter) as caught:
            await bot.send_message(chat.id, "one too many")
        assert seconds(caught.value) == 1
        with pytest.raises(RetryAfter):
            await bot.send_message(chat.id, "did not wait")
        assert [v.scope for v in server.violations] == ["chat", "told to wait"]
        clock.now += 1
        await bot.send_message(chat.id, "waited")
        server.violations.clear()
        for _ in range(20):
            clock.now += 1
            await bot.send_message(group.id, "20 a minute")
        clock.now += 1
        with pytest.raises(RetryAfter) as caught:
            await bot.send_message(group.id, "21")
        assert 30 < seconds(caught.value) < 40
        assert [v.scope for v in server.violations] == ["group"]


async def test_the_whole_bot_has_a_limit_and_an_exact_pace_keeps_it() -> None:
    clock = Clock()
    async with TelegramServer(clock=clock) as server, bot_of(server) as bot:
        chats = [server.world.private() for _ in range(100)]
        for chat in chats:
            clock.now += 1 / 30
            await bot.send_message(chat.id, "paced")
        assert server.violations == []
        clock.now += 60
        outcomes = await asyncio.gather(
            *(bot.send_message(chat.id, "all at once") for chat in chats[:40]), return_exceptions=True
        )
        assert sum(isinstance(outcome, Message) for outcome in outcomes) == 30
        assert {type(outcome) for outcome in outcomes} == {Message, RetryAfter}
        assert len(server.violations) == 10


async def test_time_can_be_scaled_and_limits_left_out() -> None:
    async with TelegramServer(speed=50) as server, bot_of(server) as bot:
        chat = server.world.private()
        server.inject(flood(10), "sendMessage", chat)
        with pytest.raises(RetryAfter) as caught:
            await bot.send_message(chat.id, "one")
        await asyncio.sleep(seconds(caught.value) / server.speed)
        server.inject(slow(10), "sendMessage", chat)
        began = time.monotonic()
        await bot.send_message(chat.id, "two")
        assert time.monotonic() - began >= 0.2
        assert server.violations == []
    async with TelegramServer(limits=None) as server, bot_of(server) as bot:
        chat = server.world.private()
        for _ in range(40):
            await bot.send_message(chat.id, "as much as one likes")
        assert server.violations == []


# --- content


@pytest.mark.parametrize(
    ("markup", "text", "entities"),
    [
        ("&lt;&gt;&amp;&quot;&laquo;&#65;&#x1F600", '<>&"&laquo;A😀', []),
        ("😀<i>b</i>", "😀b", [("italic", 2, 1)]),
        ("<b>a<i>b</i></b>", "ab", [("bold", 0, 2), ("italic", 1, 1)]),
        ("<a href='https://e.org/?a=1&amp;b'>x</a>", "x", [("text_link", 0, 1)]),
        ("<a href='http://localhost/'>x</a>", "x", []),
        ("<pre><code class='language-py'>x</code></pre>", "x", [("pre", 0, 1)]),
        ("<span class='tg-spoiler'>x</span>y", "xy", [("spoiler", 0, 1)]),
        ("<blockquote expandable>x</blockquote>", "x", [("expandable_blockquote", 0, 1)]),
        ("<s>x</s><u>y</u><code>z</code></>", "Unexpected end tag at byte offset 30", None),
        ("🏟<b", "Unclosed start tag at byte offset 4", None),
        ("<i aba>", 'Expected equal sign in declaration of an attribute of the tag "i" at byte offset 0', None),
        ("<i>a</em>", 'Unmatched end tag at byte offset 4, expected "</i>", found "</em>"', None),
        ("<span>x</span>", 'Tag "span" must have class "tg-spoiler" at byte offset 0', None),
        ("&#xDFDF;", f"{SURROGATES}, check for unmatched surrogate code units", None),
    ],
)  # fmt: skip
def test_html_is_parsed(markup: str, text: str, entities: list[tuple[str, int, int]] | None) -> None:
    if entities is None:
        with pytest.raises(Unparsable) as caught:
            parse_html(markup)
        assert str(caught.value) == text
    else:
        plain, found = parse_html(markup)
        assert (plain, [(e["type"], e["offset"], e["length"]) for e in found]) == (text, entities)


async def test_lengths_are_counted_after_parsing(server: TelegramServer, bot: Bot) -> None:
    chat = server.world.private()
    await bot.send_message(chat.id, f"<b>{'😀' * 4095}&amp;</b>", parse_mode=ParseMode.HTML)
    await bot.send_photo(chat.id, PNG, caption=f"<i>{'x' * 1024}</i>", parse_mode=ParseMode.HTML)
    with pytest.raises(BadRequest, match="Message caption is too long"):
        await bot.send_photo(chat.id, PNG, caption="x" * 1025)


async def test_files_go_out_and_come_back(server: TelegramServer, bot: Bot) -> None:
    channel = server.world.channel(username="news")
    sent = await bot.send_photo("@news", PNG, caption="<b>52,000</b>", parse_mode=ParseMode.HTML, reply_markup=ROW)
    assert sent.sender_chat is not None
    assert sent.from_user is None
    assert (sent.photo[-1].width, sent.caption) == (640, "52,000")
    file = await bot.get_file(sent.photo[-1].file_id)
    assert bytes(await file.download_as_bytearray()) == PNG
    pair = await bot.send_media_group(
        channel.id, [InputMediaPhoto(PNG, caption="one"), InputMediaPhoto(sent.photo[-1].file_id)]
    )
    assert len({message.media_group_id for message in pair}) == 1
    report = await bot.send_document(channel.id, b"a,b\n", filename="stats.csv")
    assert report.document is not None
    assert channel.last.file is not None
    assert channel.last.file.content == b"a,b\n"
    changed = await bot.edit_message_media(
        InputMediaDocument(b"c,d\n", filename="new.csv"), channel.id, sent.message_id
    )
    assert isinstance(changed, Message)
    assert channel.messages[sent.message_id].history[0].text == "52,000"
    with pytest.raises(BadRequest, match="Image_process_failed"):
        await bot.send_photo(channel.id, b"no picture")


async def test_edits_and_deletions(server: TelegramServer, bot: Bot) -> None:
    chat, user = server.world.supergroup(), server.world.user()
    sent, theirs = await bot.send_message(chat.id, "<b>a</b>", ParseMode.HTML), await server.say(chat, user, "hi")

    async def fails(call: Awaitable[object], message: str) -> None:
        with pytest.raises(BadRequest, match=message):
            await call

    await fails(
        bot.edit_message_text("<b>a</b>", chat.id, sent.id, parse_mode="HTML"), "Message is not modified: "
    )
    await fails(
        bot.edit_message_caption(chat.id, sent.id, caption="x"), "There is no caption in the message to edit"
    )
    await fails(bot.edit_message_text("x", chat.id, theirs.id), "Message can't be edited")
    await fails(bot.edit_message_text("x", chat.id, 77), "Message to edit not found")
    await fails(bot.delete_message(chat.id, theirs.id), "Message can't be deleted")
    await fails(bot.pin_chat_message(chat.id, sent.id), "Not enough rights to manage pinned messages in the chat")
    await bot.edit_message_reply_markup(chat.id, sent.id, reply_markup=ROW)
    await bot.edit_message_text("a", chat.id, sent.id)
    chat.bot = server.world.me("administrator")
    await bot.pin_chat_message(chat.id, sent.id)
    await bot.delete_message(chat.id, sent.id)
    await fails(bot.delete_message(chat.id, sent.id), "Message to delete not found")
    await fails(bot.edit_message_text("b", chat.id, sent.id), "Message to edit not found")
    assert chat.sent == []
    assert len(chat.messages[sent.id].history) == 2


# --- what people do


@pytest.mark.parametrize(
    ("text", "wrote_last", "told"),
    [
        ("/stats@MilepostBot", False, True),
        ("/stats@OtherBot", True, False),
        ("/stats", True, True),
        ("/stats", False, False),
        ("hello @MilepostBot", True, False),
        ("hello", True, False),
    ],
)
async def test_privacy_mode(text: str, wrote_last: bool, told: bool, server: TelegramServer, bot: Bot) -> None:
    group, user = server.world.supergroup(), server.world.user()
    if wrote_last:
        await bot.send_message(group.id, "hello")
    assert ((await server.say(group, user, text)).update_id is not None) is told
    group.bot = server.world.me("administrator")
    assert (await server.say(group, user, text)).update_id is not None


async def test_replies_and_edits_are_seen_in_privacy_mode(server: TelegramServer, bot: Bot) -> None:
    group, user = server.world.supergroup(), server.world.user()
    await bot.send_message(group.id, "question")
    said = await server.say(group, user, "answer", reply_to=group.last)
    await server.edit(said, "better answer")
    first, second = await bot.get_updates()
    assert first.message is not None
    assert first.message.reply_to_message is not None
    assert second.edited_message is not None
    assert second.edited_message.text == "better answer"


async def test_channels_and_anonymous_admins_name_no_person(server: TelegramServer, bot: Bot) -> None:
    group, channel, user = server.world.supergroup(), server.world.channel(), server.world.user()
    await server.post(channel, "/watch https://example.org/stats")
    await server.say(group, user, "/watch@MilepostBot", anonymous=True)
    await server.say(group, user, "/watch@MilepostBot", sender_chat=channel)
    posted, anonymous, as_channel = await bot.get_updates()
    assert posted.channel_post is not None
    assert posted.channel_post.sender_chat is not None
    assert posted.channel_post.from_user is None
    assert [entity.type for entity in posted.channel_post.entities] == ["bot_command", "url"]
    assert anonymous.message is not None
    assert anonymous.message.from_user is not None
    assert anonymous.message.sender_chat == anonymous.message.chat
    assert anonymous.message.from_user.username == "GroupAnonymousBot"
    assert as_channel.message is not None
    assert as_channel.message.sender_chat is not None
    assert as_channel.message.sender_chat.id == channel.id


async def test_the_bot_is_added_promoted_kicked_and_blocked(server: TelegramServer, bot: Bot) -> None:
    group, user = server.world.supergroup(status="left"), server.world.user()
    chat = server.world.private(user)
    await server.set_bot(group, "member", by=user)
    await server.set_bot(group, "administrator", by=user, rights=frozenset({"can_pin_messages"}))
    await server.set_bot(group, "kicked", by=user)
    await server.block(user)
    updates = await bot.get_updates()
    changes = [u.my_chat_member for u in updates if u.my_chat_member is not None]
    assert [(c.old_chat_member.status, c.new_chat_member.status) for c in changes] == [
        ("left", "member"),
        ("member", "administrator"),
        ("administrator", "kicked"),
        ("member", "kicked"),
    ]
    services = [u.message for u in updates if u.message is not None]
    assert [bool(m.new_chat_members) for m in services] == [True, False]
    with pytest.raises(Forbidden, match="bot was blocked by the user"):
        await bot.send_message(chat.id, "hello")
    await server.unblock(user)
    await bot.send_message(chat.id, "welcome back")


async def test_chats_and_members_can_be_looked_up(server: TelegramServer, bot: Bot) -> None:
    group = server.world.supergroup("Everybody", forum=True, denied={"can_send_photos"})
    owner, member, stranger = (server.world.user(name) for name in ("Olga", "Max", "Sam"))
    server.world.join(group, owner, "creator", anonymous=True)
    server.world.join(group, member)
    statuses = [(await bot.get_chat_member(group.id, user.id)).status for user in (owner, member, stranger)]
    assert statuses == ["creator", "member", "left"]
    assert (await bot.get_chat_member(group.id, bot.id)).status == "member"
    assert [admin.user.id for admin in await bot.get_chat_administrators(group.id)] == [owner.id]
    full = await bot.get_chat(group.id)
    assert full.is_forum
    assert full.permissions is not None
    assert not full.permissions.can_send_photos
    with pytest.raises(BadRequest, match="Participant_id_invalid"):
        await bot.get_chat_member(group.id, 5)
    await bot.send_chat_action(group.id, ChatAction.TYPING)
    assert group.actions == ["typing"]
    await server.set_member(group, member, "administrator", by=owner)
    assert server.pending == []  # only bots that are admins are told, and only if they ask
    assert await bot.leave_chat(group.id)
    assert group.bot.status == "left"


async def test_anybody_can_look_up_what_is_public_but_not_its_members(server: TelegramServer, bot: Bot) -> None:
    server.world.channel("The News", username="news", status="left")
    hidden, banned = server.world.channel(status="left"), server.world.channel(username="banned", status="kicked")
    assert (await bot.get_chat("@News")).title == "The News"
    for call in (
        bot.get_chat_member("@news", bot.id),
        bot.get_chat_administrators("@news"),
        bot.get_chat(hidden.id),
        bot.get_chat("@banned"),
        bot.get_chat(banned.id),
    ):
        with pytest.raises(Forbidden):
            await call
    with pytest.raises(BadRequest, match="Chat not found"):
        await bot.get_chat("@nobody")


async def test_who_is_restricted_is_told_so(server: TelegramServer, bot: Bot) -> None:
    group = server.world.supergroup()
    group.bot = Member(server.world.bot, "restricted", denied=frozenset({"can_send_messages"}))
    me = await bot.get_chat_member(group.id, bot.id)
    assert isinstance(me, ChatMemberRestricted)
    assert (me.is_member, me.can_send_messages, me.can_send_photos) == (True, False, True)
    with pytest.raises(BadRequest, match="Not enough rights to send text messages"):
        await bot.send_message(group.id, "hello")


async def test_topics_are_told_as_they_change(server: TelegramServer, bot: Bot) -> None:
    forum, user = server.world.supergroup(forum=True), server.world.user()
    topic = await server.open_topic(forum, "Numbers", by=user)
    assert topic.id == 2  # 1 is General
    await server.rename_topic(forum, topic, "Figures", by=user)
    await server.close_topic(forum, topic, by=user)
    await server.reopen_topic(forum, topic, by=user)
    await server.close_general(forum, by=user)
    await server.reopen_general(forum, by=user)
    await server.hide_general(forum, by=user)
    told = [update.message for update in await bot.get_updates() if update.message is not None]
    created, edited, closed, reopened, *general = told
    assert created.forum_topic_created is not None
    assert (created.forum_topic_created.name, created.message_thread_id) == ("Numbers", 2)
    assert edited.forum_topic_edited is not None
    assert (edited.forum_topic_edited.name, edited.is_topic_message) == ("Figures", True)
    assert closed.forum_topic_closed is not None
    assert reopened.forum_topic_reopened is not None
    assert {one.message_thread_id for one in told[:4]} == {2}
    assert {(one.message_thread_id, one.is_topic_message) for one in general} == {(None, None)}
    assert general[0].forum_topic_closed is not None
    assert general[1].forum_topic_reopened is not None
    assert general[2].general_forum_topic_hidden is not None


async def test_menus_are_kept_per_scope_and_language(server: TelegramServer, bot: Bot) -> None:
    group, user, admin = server.world.supergroup(), server.world.user(language_code="de"), server.world.user()
    server.world.join(group, admin, "administrator")
    await bot.set_my_commands([BotCommand("help", "Help")])
    await bot.set_my_commands([BotCommand("help", "Hilfe")], language_code="de")
    await bot.set_my_commands([BotCommand("start", "Start")], BotCommandScopeAllPrivateChats())
    await bot.set_my_commands([BotCommand("watch", "Watch")], BotCommandScopeChatAdministrators(group.id))
    private = server.world.private(user)
    seen = [server.world.menu(*who)[0]["description"] for who in ((private, user), (group, user), (group, admin))]
    assert seen == ["Start", "Hilfe", "Watch"]
    assert await bot.get_my_commands(language_code="de") == (BotCommand("help", "Hilfe"),)
    await bot.delete_my_commands(language_code="de")
    assert await bot.get_my_commands(language_code="de") == ()
    await bot.set_my_commands([BotCommand("status", "Status")], BotCommandScopeChat(private.id))
    assert server.world.menu(private, user)[0]["command"] == "status"
    with pytest.raises(BadRequest, match="Chat not found"):
        await bot.get_my_commands(BotCommandScopeChat(4711))
    with pytest.raises(BadRequest, match="Bot_command_invalid"):
        await bot.set_my_commands([BotCommand("no-dash", "No")])


# --- the HTTP itself


async def test_it_speaks_get_post_json_and_forms(server: TelegramServer) -> None:
    chat = server.world.private()
    for kwargs in (
        {"params": {"chat_id": chat.id, "text": "query"}},
        {"data": {"chat_id": chat.id, "text": "form"}},
        {"json": {"chat_id": chat.id, "text": "json", "reply_markup": {"inline_keyboard": []}}},
    ):
        assert (await ask(server, "sendMessage", **kwargs))[0] == 200
    assert [message.text for message in chat.sent] == ["query", "form", "json"]
    async with aiohttp.ClientSession() as http, http.get(f"{server.base_url}{server.token}/getme") as response:
        assert (await response.json())["result"]["is_bot"]


@pytest.mark.parametrize(
    ("method", "data", "code", "description"),
    [
        ("sendNothing", {}, 404, "Not Found: method not found"),
        ("sendMessage", {"text": "x"}, 400, "chat_id is empty"),
        ("sendMessage", {"chat_id": "1"}, 400, "message text is empty"),
        ("sendPhoto", {"chat_id": "1"}, 400, "there is no photo in the request"),
        ("editMessageText", {"chat_id": "1", "text": "x"}, 400, "message identifier is not specified"),
        ("getFile", {}, 400, "file_id not specified"),
        ("getChatMember", {"chat_id": "1"}, 400, "invalid user_id specified"),
        ("sendMessage", {"text": "x", "reply_markup": "{"}, 400, "can't parse reply keyboard markup JSON object"),
    ],
)  # fmt: skip
async def test_what_is_missing_is_said_in_telegrams_words(
    method: str, data: dict[str, str], code: int, description: str, server: TelegramServer
) -> None:
    words = f"Bad Request: {description}" if code == 400 else description
    expected = {"ok": False, "error_code": code, "description": words}
    assert await ask(server, method, data=data) == (code, expected)


# --- edits of pictures


async def test_media_can_be_added_to_a_text_where_the_server_knows_how_and_the_bot_may(
    server: TelegramServer, bot: Bot
) -> None:
    group = server.world.supergroup()
    sent = await bot.send_message(group.id, "500")
    server.world.media_to_text = False
    with pytest.raises(BadRequest, match="There is no media in the message to edit"):
        await bot.edit_message_media(InputMediaPhoto(PNG), group.id, sent.message_id)
    server.world.media_to_text = True
    group.denied.add("can_send_photos")
    with pytest.raises(BadRequest, match="Not enough rights to send photos"):
        await bot.edit_message_media(InputMediaPhoto(PNG), group.id, sent.message_id)
    group.denied.clear()
    with pytest.raises(BadRequest, match="Message caption is too long"):
        await bot.edit_message_media(InputMediaPhoto(PNG, caption="x" * 1025), group.id, sent.message_id)
    await bot.edit_message_media(InputMediaPhoto(PNG, caption="501"), group.id, sent.message_id)
    assert (group.last.text, group.last.file is not None) == ("501", True)
    with pytest.raises(BadRequest, match="There is no text in the message to edit"):
        await bot.edit_message_text("502", group.id, sent.message_id)


async def test_edits_count_like_messages() -> None:
    async with TelegramServer(limits=Limits(chat=60, burst=2, tolerance=0)) as server:
        private = server.world.private()
        async with Bot(server.token, base_url=server.base_url) as bot:
            sent = await bot.send_message(private.id, "500")
            await bot.edit_message_text("501", private.id, sent.message_id)
            with pytest.raises(RetryAfter):
                await bot.edit_message_text("502", private.id, sent.message_id)
        assert [one.method for one in server.violations] == ["editMessageText"]
