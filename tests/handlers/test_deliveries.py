"""/deliveries: what was sent, waits, was left out or failed; and for every reason that can be kept, a remedy."""

from __future__ import annotations

import ast
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import discord
import httpx
import pytest
import sqlalchemy as sa
from telegram.error import (
    BadRequest,
    ChatMigrated,
    Forbidden,
    InvalidToken,
    NetworkError,
    RetryAfter,
    TelegramError,
    TimedOut,
)

import bot as root
from bot.chats.console.render import render
from bot.chats.discord import errors as of_discord
from bot.chats.discord.errors import Code, Spot
from bot.chats.discord.render import payload_of
from bot.chats.telegram import errors as of_telegram
from bot.chats.telegram.render import text as html
from bot.domain import DAY, HOUR, MINUTE
from bot.domain.quiet import QUIET_HOURS
from bot.domain.sentence import Sentence, kept, recalled
from bot.ports import chat as port
from bot.ports.chat import NotPermitted, SendError
from bot.ports.message import Message, plain_text
from bot.texts import remedies
from bot.texts.catalog import languages
from bot.texts.remedies import Unsent
from bot.texts.words import Words
from storage import chats, held, sending
from storage.chats import Chat
from storage.database import Connection
from storage.tables import delivery, subscription, watch
from tests.fakes.chat import FakeChat
from tests.fakes.clock import NOW
from tests.fakes.rows import a_chat, a_session, a_watch, listens, owed
from tests.fakes.source import FakeSource
from tests.talk import Talk, talk

ENGLISH = Words()
BOT = Path(root.__file__).parent
ERRORS = {name for name, one in vars(port).items() if isinstance(one, type) and issubclass(one, SendError)}
#: Files whose sentences are all reasons; elsewhere those are that errors are made of, or that put a place out.
ALL_OF_IT = (
    "chats/telegram/errors.py",
    "chats/discord/errors.py",
    "chats/telegram/presence.py",
    "chats/discord/presence.py",
    "services/presence.py",
    "pipeline/deliver.py",
)
PUT_OUT = {"_put_out", "put_out", "deleted"}
#: What fills a reason's placeholder.
FILLS = {"this conversation"}
MISSING = Sentence(
    "I may not post in {place}: allow me “{permission}” there (channel settings > Permissions)",
    place="#news",
    permission="Attach Files",
)
CLOSED = "the topic is closed"


# Every reason has a remedy


def sentences(node: ast.AST) -> Iterator[str]:
    """Give what is marked for the catalogs within a node."""
    for one in ast.walk(node):
        if isinstance(one, ast.Call) and isinstance(one.func, ast.Name) and one.func.id == "N_":
            yield ast.literal_eval(one.args[0])


def called(one: ast.Call) -> str:
    return one.func.id if isinstance(one.func, ast.Name) else getattr(one.func, "attr", "")


def reasons() -> set[str]:
    """Return the message ids of all reasons that chats and the pipeline can keep, from where they are written."""
    found = {QUIET_HOURS}
    for name in ALL_OF_IT:
        found |= set(sentences(ast.parse((BOT / name).read_text("utf-8"))))
    for path in [*BOT.glob("chats/telegram/*.py"), *BOT.glob("chats/discord/*.py")]:
        for one in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(one, ast.Call) and called(one) in ERRORS | PUT_OUT:
                found |= {found for arg in one.args for found in sentences(arg)}
                found |= {
                    arg.value
                    for arg in one.args[:1]
                    if isinstance(arg, ast.Constant) and isinstance(arg.value, str)
                }
    return found - FILLS


def test_every_reason_that_chats_and_the_pipeline_keep_has_a_remedy_of_its_own() -> None:
    known = {*remedies.REMEDIES, *remedies.RIGHTS, remedies.UNWANTED}
    known |= set(of_telegram._MAY_NOT.values())  # what is to be allowed stands in them
    assert reasons() - known == set(), "give each of these a remedy in bot/texts/remedies.py"
    assert len(reasons()) > 60


def test_no_remedy_is_for_a_reason_that_nobody_gives() -> None:
    unmarked = {"Telegram does not let me in", "Discord lets old messages be edited only so often"}
    assert {*remedies.REMEDIES, *remedies.RIGHTS} - reasons() <= unmarked


def of_telegrams() -> Iterator[TelegramError]:
    for sign, _ in of_telegram._CHAT_GONE:
        yield Forbidden(f"Forbidden: {sign}")
        yield BadRequest(f"{sign} of the channel")
    yield Forbidden("Forbidden: of a kind that is new")
    for sign, _ in of_telegram._TOPIC_GONE:
        yield BadRequest(sign)
    for sign in of_telegram._MESSAGE_GONE:
        yield BadRequest(sign)
    for sign, *_ in of_telegram._RIGHTS:
        yield BadRequest(sign)
        yield Forbidden(sign)
    yield from (RetryAfter(5), ChatMigrated(-100), InvalidToken(), TimedOut(), NetworkError("Bad Gateway"))
    for cause in (httpx.ConnectError("no"), RuntimeError("closed")):
        error = NetworkError("no")
        error.__cause__ = cause
        yield error
    yield NetworkError("Request Entity Too Large: 413")


def of_discords() -> Iterator[SendError]:
    spots = (Spot(), Spot(name="#news"), Spot(name="#news", left=True), Spot(name="secret", closed=True))
    codes = [(int(code), 403) for code in Code]
    codes += [(0, status) for status in (401, 403, 404, 429, 500, 503)]
    codes.append((50_999, 403))
    for code, status in codes:
        answer: Any = SimpleNamespace(status=status, reason="no")
        for spot in spots:
            for editing in (False, True):
                error = discord.HTTPException(answer, {"code": code, "message": "no"})
                yield of_discord.port_error(error, spot, editing=editing)
    yield of_discord.port_error(OSError(), Spot())
    yield of_discord.port_error(ValueError(), Spot())


def test_what_telegram_refuses_is_told_with_its_own_remedy() -> None:
    for error in of_telegrams():
        told = recalled(kept(of_telegram.port_error(error, where="Fans").told))
        assert remedies.known(told) is not None, told


def test_what_discord_refuses_is_told_with_its_own_remedy() -> None:
    for error in of_discords():
        told = recalled(kept(error.told))
        if isinstance(told, Sentence) or not re.search(r"\(\d+, code \d+\)$", told):
            assert remedies.known(told) is not None, told
        for state in ("pending", "dead", "expired"):  # what Discord says in its own words has one, too
            assert plain_text(remedies.remedy(an_alert(state, told), ENGLISH))


def an_alert(state: str, why: str | None, **more: Any) -> Unsent:
    return Unsent(state=state, why=why, watch="Night Radio", word="records", **more)


@pytest.mark.parametrize("state", ["pending", "leased", "held", "sent", "dead", "superseded", "expired"])
def test_a_remedy_reads_as_sentences_do(state: str) -> None:
    plain = [None, remedies.UNWANTED, "internal: KeyError('x')", "Bad Request: what is new"]
    whys = [Sentence(why, permission="Send Messages") if "{" in why else why for why in remedies.REMEDIES]
    for why in [*plain, *whys]:
        for more in ({}, {"subscribed": False}, {"muted": True}):
            one = an_alert(state, why, **more)
            told = plain_text(remedies.remedy(one, ENGLISH))
            assert re.match(r"[A-Z“]", told), told
            assert re.search(r"(?:[.]|/[a-z]+[^.:]*)$", told), told
            assert not re.search(r"[{}]|  |None|‘|’’", told), told
            assert len(told) <= 230, told
            assert "KeyError('x')" not in remedies.reason(one, ENGLISH)  # that is for the log


@pytest.mark.parametrize("language", languages())
def test_a_remedy_is_whole_in_every_language(language: str) -> None:
    words = Words(language=language)
    for why in remedies.REMEDIES:
        told = plain_text(remedies.standing(Sentence(why, permission="Send Messages"), words, watch="Night Radio"))
        assert told, why
        assert "{" not in told, why


@pytest.mark.parametrize("right", list(remedies.RIGHTS))
def test_what_is_to_be_allowed_on_telegram_is_named_as_its_apps_name_it(right: str) -> None:
    why = Sentence("I may not write in {where}: {remedy}", where="Fans", remedy=Sentence(right))
    told = plain_text(remedies.standing(recalled(kept(why)), ENGLISH, watch="Night Radio"))
    assert re.match(r"(?:Group|Channel) > “(?:Permissions|Administrators)”", told)


def test_what_was_tried_and_given_up_is_not_said_to_be_tried_again() -> None:
    for why in ("no answer", "the platform's limit"):
        assert "again" not in plain_text(remedies.remedy(an_alert("expired", why), ENGLISH))
        assert plain_text(remedies.remedy(an_alert("superseded", why), ENGLISH)).startswith("Nothing to do")
        assert re.search("again|go on", plain_text(remedies.remedy(an_alert("pending", why), ENGLISH)))


# In a chat


class Room:
    """A chat with a watch, and deliveries that stand as a test wants."""

    def __init__(self, talk: Talk, chat: Chat, ids: list[int]) -> None:
        self.talk = talk
        self.chat = chat
        self.ids = ids

    def write(self) -> Any:
        return self.talk.parts.database.write()

    async def ask(self, line: str = "/deliveries", **where: Any) -> Message:
        asked: dict[str, Any] = {"platform": "telegram", "chat": "-100", **where}
        return await self.talk.ask(line, **asked)

    async def say(self, line: str = "/deliveries", **where: Any) -> str:
        # As it reads, wherever the terminal breaks its lines.
        return " ".join(render(await self.ask(line, **where)).plain.split())

    async def settle(self, number: int, state: str, why: str | None = None, **more: Any) -> None:
        async with self.write() as connection:
            await sending.settle(connection, self.ids[number], state=state, now=NOW, error=why, **more)


async def a_room(bot: Talk, *, count: int, topics: tuple[str, ...] = ("",)) -> Room:
    async with bot.parts.database.write() as connection:
        chat = await a_chat(connection, "-100", platform="telegram")
        radio = await a_watch(connection, "radio")
        for topic in topics:
            await listens(connection, chat, radio, topic=topic)
        session = await a_session(connection, radio)
        await owed(connection, session, count=count, kind="record", at=NOW - HOUR)
        return Room(bot, chat, await ids(connection))


async def ids(connection: Connection) -> list[int]:
    return list((await connection.execute(sa.select(delivery.c.id).order_by(delivery.c.id))).scalars())


@pytest.fixture(name="bot")
async def _bot(tmp_path: Path) -> AsyncIterator[Talk]:
    async with talk(tmp_path, now=NOW, sources={"fake": FakeSource()}, chats=[FakeChat("telegram")]) as bot:
        yield bot


async def test_the_title_counts_the_last_day_and_each_line_says_how_it_stands_and_what_to_do(bot: Talk) -> None:
    room = await a_room(bot, count=7)
    await room.settle(0, "sent", message_key="1")
    await room.settle(1, "dead", CLOSED)
    await room.settle(2, "expired", QUIET_HOURS)
    await room.settle(3, "expired")
    await room.settle(4, "superseded")
    async with room.write() as connection:
        await held.hold(connection, [room.ids[5]], until=NOW + HOUR)
        await sending.put_back(connection, room.ids[6], due_at=NOW, error="no answer")
    title = plain_text((await room.ask()).title)
    assert title == "The last 24 hours: 1 sent, 1 waiting, 1 held for the morning, 2 left out and 2 failed"
    told = await room.say()
    for said in (
        "✅ 14:15 UTC radio: records",
        "radio: records – not sent: the topic is closed · Topic > “Reopen Topic”, and alerts come again.",
        "radio: records – left out in quiet hours · To have such alerts in the morning: /settings quiet records",
        "– too old to send: this chat or the bot was away meanwhile · Nothing to do for this one",
        "– left out: no longer news when the quiet hours were over · Nothing to do",
        "🌙 14:15 UTC radio: records – held until the quiet hours are over · Nothing to do: it comes with the",
        "it comes with the digest at 16:15 UTC.",
        "⏳ 14:15 UTC radio: records – waits: no answer · Nothing to do: I try again by myself.",
    ):
        assert said in told, said
    bot.clock.now = NOW + 2 * DAY
    assert plain_text((await room.ask()).title) == "No alerts in the last 24 hours"


async def test_a_remedy_is_given_once_for_all_that_failed_alike(bot: Talk) -> None:
    room = await a_room(bot, count=3)
    for number in range(3):
        await room.settle(number, "dead", CLOSED)
    told = await room.say()
    assert told.count("not sent: the topic is closed") == 3
    assert told.count("Reopen Topic") == 1


async def test_what_a_digest_told_and_what_came_without_its_picture_is_said(bot: Talk) -> None:
    room = await a_room(bot, count=3)
    async with room.write() as connection:
        await held.hold(connection, room.ids[:2], until=NOW - MINUTE)
        (there,) = await held.over(connection, NOW)
        await held.release(connection, [there], NOW)
        await held.settle(connection, room.ids[0], room.ids[:2], now=NOW, message_key="7")
    await room.settle(2, "sent", of_discord.no_files(Spot(name="#news")), message_key="8")
    told = await room.say()
    assert told.count("told in the morning’s digest") == 2
    assert "sent, but for a part: I may not send pictures and files in #news" in told
    assert "allow me “Attach Files”. The next picture then comes." in told
    assert "3 sent" in told


async def test_who_was_muted_or_has_unsubscribed_is_told_so(bot: Talk) -> None:
    room = await a_room(bot, count=1)
    await room.settle(0, "expired", remedies.UNWANTED)
    assert "left out: muted then, or no longer true" in await room.say()
    await room.ask("/mute radio 8h")
    told = await room.say()
    assert "🔕 radio is muted until" in told
    assert "/mute radio off" in told
    assert "left out: muted" in told
    await room.ask("/unsubscribe radio")
    told = await room.say()
    assert "⚠️ Nobody is subscribed here: no alerts come. · To have them come: /subscribe radio" in told
    assert "left out: nobody is subscribed any more · To have its alerts again: /subscribe radio" in told


async def test_what_stands_in_the_way_comes_first_with_its_remedy(bot: Talk) -> None:
    room = await a_room(bot, count=1, topics=("7",))
    async with room.write() as connection:
        await chats.disable_topic(connection, room.chat.id, "7", now=NOW, why=CLOSED)
    told = await room.say()
    assert told.index("⚠️ Here: no more alerts, as the topic is closed · Topic >") < told.index("radio: records")
    async with room.write() as connection:
        await chats.enable_topic(connection, room.chat.id, "7")
        await chats.change_all(connection, room.chat.id, problem=MISSING)
        await chats.disable(connection, room.chat.id, now=NOW, why="I was banned from the group")
        await connection.execute(
            sa.update(watch).values(trouble="unavailable: no route", trouble_since=NOW - HOUR)
        )
    told = await room.say()
    assert "⚠️ Nothing comes to this chat: I was banned from the group · Group > “Permissions” > “Removed" in told
    assert "⚠️ Here: alerts cannot come: I may not post in #news" in told
    assert "allow “Attach Files”. I then go on by myself." in told
    assert "⚠️ radio cannot be read since" in told
    assert "radio: records – waits: I was banned from the group" in told  # and not that it goes out in its turn
    assert "I may not post here" not in await room.say(lacks="Embed Links")


async def test_a_permission_that_is_missing_here_is_known_before_anything_fails(bot: Talk) -> None:
    room = await a_room(bot, count=1)
    assert "⚠️ I may not post here. · Allow me “Embed Links” in this channel." in await room.say(
        lacks="Embed Links"
    )


async def test_only_what_failed_is_listed_on_request_and_offered_where_there_is_some(bot: Talk) -> None:
    room = await a_room(bot, count=5)
    await room.settle(0, "sent", message_key="1")
    assert [one.command for one in (await room.ask()).buttons] == []
    assert "Nothing failed" in await room.say("/deliveries failed")
    await room.settle(1, "dead", "Bad Request: too many emoji")
    await room.settle(2, "expired", QUIET_HOURS)
    await room.settle(3, "superseded")
    assert [one.command for one in (await room.ask()).buttons] == ["/deliveries failed"]
    told = await room.say("/deliveries failed")
    assert "not sent: Bad Request: too many emoji · The platform does not take this text." in told
    assert "/settings words records default" in told
    assert told.count("radio:") == 1
    assert [one.command for one in (await room.ask("/deliveries radio FAILED")).buttons] == ["/deliveries radio"]


async def test_one_watch_is_listed_by_its_name_even_if_that_is_a_word_of_the_command(bot: Talk) -> None:
    room = await a_room(bot, count=2)
    async with room.write() as connection:
        other = await a_watch(connection, "failed")
        await listens(connection, room.chat, other)
        await owed(connection, await a_session(connection, other), at=NOW - HOUR)
    assert "radio:" not in await room.say("/deliveries failed")
    assert "failed: recap" in await room.say("/deliveries failed")
    assert "failed:" not in await room.say("/deliveries radio")
    assert "The last 24 hours of radio: 2 waiting" in await room.say("/deliveries radio")
    assert "watched here" in await room.say("/deliveries Nonsense")


async def test_more_than_a_page_is_turned_with_buttons_in_the_same_place(bot: Talk) -> None:
    room = await a_room(bot, count=30)
    first = await room.ask(elsewhere=True, chat_title="Fans")
    assert [one.command for one in first.buttons] == ["/deliveries 2 in -100"]
    assert "in Fans: 30 waiting" in plain_text(first.title)
    second = await room.ask("/deliveries 2")
    assert [one.command for one in second.buttons] == ["/deliveries 1", "/deliveries 3"]
    third = await room.ask("/deliveries radio 3")
    assert [one.command for one in third.buttons] == ["/deliveries radio 2"]
    assert [render(one).plain.count("UTC radio:") for one in (first, second, third)] == [12, 12, 6]
    assert "There is no page 4" in await room.say("/deliveries 4")
    assert "There is no page" in await room.say("/deliveries 999999999")


async def test_deliveries_of_the_topic_where_it_is_asked_come_first(bot: Talk) -> None:
    room = await a_room(bot, count=2, topics=("7", "8"))
    async with room.write() as connection:
        for number in ("7", "8"):
            await connection.execute(
                sa.update(subscription).where(subscription.c.topic == number).values(topic_title=f"Topic {number}")
            )
    told = await room.say(topic="8")
    here, _, elsewhere = told.partition("Elsewhere in this chat")
    assert "Topic" not in here  # everything there went here
    assert elsewhere.count("Topic 7") == 2
    assert "Elsewhere" not in await room.say(topic="9")
    assert (await room.say(topic="9")).count("Topic 8") == 2


async def test_a_page_of_long_reasons_fits_both_chats_to_its_last_line(bot: Talk) -> None:
    room = await a_room(bot, count=12)
    for number in range(12):
        await room.settle(number, "dead", f"{number} " + "the platform says very much " * 40)
    async with room.write() as connection:
        await chats.change_all(connection, room.chat.id, problem="very much " * 100)
    message = await room.ask()
    last = plain_text(message.lines[-1] if "·" not in plain_text(message.lines[-1]) else message.lines[-2])
    for shown in (html(message), str(payload_of(message)["embeds"][0]["description"])):
        assert shown.count("not sent") == 12
        assert last[:40].split("radio")[0].strip() in shown


async def test_a_permission_that_a_chat_has_taken_is_told_with_its_remedy_until_it_is_given_back(
    tmp_path: Path,
) -> None:
    chat = FakeChat("discord", by_topic=True)
    async with talk(tmp_path, now=NOW, sources={"fake": FakeSource()}, chats=[chat]) as bot:
        async with bot.parts.database.write() as connection:
            server = await a_chat(connection, "1", platform="discord")
            radio = await a_watch(connection, "radio")
            await listens(connection, server, radio, topic="10")
            await owed(connection, await a_session(connection, radio), kind="started")
        chat.fails("10", NotPermitted(MISSING.msgid, **MISSING.fields))
        await bot.parts.deliver.tick(NOW)
        where = {"platform": "discord", "chat": "1", "topic": "10"}
        told = " ".join(render(await bot.ask("/deliveries", **where)).plain.split())
        assert "⚠️ Here: alerts cannot come: I may not post in #news" in told
        assert "radio: start – waits: I may not post in #news" in told
        assert "“Edit Channel” > “Permissions”" in told
        bot.clock.now += 2 * MINUTE
        await bot.parts.deliver.tick(bot.clock.now)
        told = " ".join(render(await bot.ask("/deliveries", **where)).plain.split())
        assert "✅ 15:15 UTC radio: start" in told
        assert "⚠️" not in told


async def test_a_chat_that_is_owed_nothing_and_one_that_is_unknown_say_so(bot: Talk) -> None:
    assert "Nothing was to be sent here yet" in await bot.say("/deliveries")
    room = await a_room(bot, count=0)
    assert "Nothing was to be sent here yet" in await room.say()
