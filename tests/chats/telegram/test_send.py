"""Sending: where it goes, how it looks there, and every way in which it fails."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import AsyncIterator
from typing import Any

import pytest

from bot.chats.telegram import TelegramChat, answers
from bot.chats.telegram import chat as adapter
from bot.chats.telegram.chat import LIMITS
from bot.chats.telegram.floods import Floods
from bot.domain import SECOND
from bot.ports.chat import (
    ChatGone,
    ChatMoved,
    MessageGone,
    NotPermitted,
    Refused,
    SendError,
    TopicGone,
    TryLater,
    Unsure,
)
from bot.ports.message import Button, Message, Span, Style, says
from bot.ports.pace import Limits, Pace
from tests.chats.telegram.support import Line, hurried, line, line_on, post, until
from tests.servers.telegram import Fault, TelegramServer, cut, flood, hang, html, refuse


@pytest.fixture
async def wire() -> AsyncIterator[Line]:
    async with line() as wire:
        yield wire


async def failed(wire: Line, **how: Any) -> SendError:
    """Send, and return how it failed, having made sure that no log could show the token."""
    with pytest.raises(SendError) as caught:
        await wire.chat.send(post(**how))
    error: BaseException | None = caught.value.__cause__
    while error is not None:
        assert error.__traceback__ is None
        error = error.__cause__ or error.__context__
    assert wire.server.token not in "".join(traceback.format_exception(caught.value))
    return caught.value


async def test_a_post_is_html_without_a_preview(wire: Line) -> None:
    group = wire.server.world.supergroup()
    message = Message(
        symbol="🏆",
        title=(Span("Ada <3 "), Span("500", Style.BOLD)),
        lines=((Span("x.com", url="https://x.com/i/spaces/1"),),),
        buttons=(Button("Open", url="https://x.com/i/spaces/1"), Button("Stats", command="/stats Ada")),
    )
    key = await wire.chat.send(post(group, message))
    assert key == str(group.last.id)
    assert group.last.text == "🏆 Ada <3 500\nx.com"
    assert [e["type"] for e in group.last.entities] == ["bold", "text_link"]
    assert [b["text"] for b in group.last.buttons] == ["Open", "Stats"]
    assert '"is_disabled": true' in group.last.params["link_preview_options"]
    assert group.last.params.get("disable_notification") != "True"


async def test_into_a_topic_silently_and_by_name(wire: Line) -> None:
    forum = wire.server.world.supergroup(forum=True)
    topic = wire.server.world.topic(forum, "Numbers")
    await wire.chat.send(post(forum, topic=topic.id, silent=True))
    assert forum.last.topic is topic
    assert forum.last.params["disable_notification"].lower() == "true"
    await wire.chat.send(post(forum, topic=1))
    assert forum.last.topic is None
    channel = wire.server.world.channel(username="news")
    await wire.chat.send(post("@news"))
    assert channel.last.text == "500 at once"
    assert wire.chat.is_group("@news")
    assert wire.chat.is_group(str(forum.id))
    assert not wire.chat.is_group("1001")


async def test_a_post_is_edited_and_the_same_again_is_well(wire: Line) -> None:
    group = wire.server.world.supergroup()
    key = await wire.chat.send(post(group))
    for _ in range(2):
        assert await wire.chat.send(post(group, says("1,000 at once"), replaces=key)) == key
    assert group.last.text == "1,000 at once"
    assert len(group.sent) == 1
    assert len(group.last.history) == 1


async def test_a_picture_s_caption_is_edited(wire: Line) -> None:
    group = wire.server.world.supergroup()
    png = b"\x89PNG\r\n\x1a\n" + b"\0\0\0\rIHDR" + (640).to_bytes(4, "big") + (480).to_bytes(4, "big")
    sent = await wire.chat._bot.send_photo(group.id, png, caption="old")
    await wire.chat.send(post(group, says("x" * 5_000), replaces=str(sent.message_id)))
    assert len(group.last.text) == 1024


async def test_a_message_deleted_by_hand_is_not_posted_anew(wire: Line) -> None:
    group = wire.server.world.supergroup()
    key = await wire.chat.send(post(group))
    group.last.deleted = True
    assert isinstance(await failed(wire, place=group, replaces=key), MessageGone)
    assert isinstance(await failed(wire, place=group, replaces="abc"), MessageGone)
    theirs = await wire.server.say(group, wire.server.world.user(), "hello")
    assert isinstance(await failed(wire, place=group, replaces=str(theirs.id)), MessageGone)
    assert not group.sent


async def test_chats_that_are_gone(wire: Line) -> None:
    world = wire.server.world
    gone = [
        world.private(blocked=True),
        world.private(started=False),
        world.private(deactivated=True),
        world.supergroup(status="kicked"),
        world.supergroup(status="left"),
        world.channel(status="kicked"),
        world.group(gone=True),
        "-100999",
        "@nobody_here",
        "not a chat",
    ]
    for place in gone:
        assert isinstance(await failed(wire, place=place), ChatGone), place


async def test_why_a_chat_is_gone_is_a_sentence(wire: Line) -> None:
    world = wire.server.world
    gone = {
        world.private(blocked=True): "the person blocked me",
        world.private(started=False): "the person has not written to me yet",
        world.private(deactivated=True): "the person's account was deleted",
        world.supergroup(status="kicked"): "I was banned from the group",
        world.supergroup(status="left"): "I am not in the group",
        world.channel(status="kicked"): "I was banned from the channel",
        world.group(gone=True): "the group was deleted",
    }
    for place, why in gone.items():
        assert str(await failed(wire, place=place)) == why
    assert str(await failed(wire, place="-100999")) == "there is no such chat, or I was never in it"
    wire.server.inject(refuse(403, "Forbidden: something new"), "sendMessage")
    assert str(await failed(wire, place="1")) == "Telegram does not let me in"


async def test_a_missing_permission_is_named(wire: Line) -> None:
    world = wire.server.world
    muted = world.supergroup("Everybody", denied={"can_send_messages"})
    unknown = str(await failed(wire, place=muted))
    assert unknown == f"I may not write in the chat {muted.id}: allow me to send text messages"
    await wire.server.set_bot(muted, "administrator", by=world.user())
    await wire.server.set_bot(muted, "member", by=world.user())
    await wire.settled()
    assert str(await failed(wire, place=muted)) == "I may not write in “Everybody”: allow me to send text messages"
    world.channel(status="member", username="news")
    error = await failed(wire, place="@news")
    assert isinstance(error, NotPermitted)
    assert str(error) == "I may not write in @news: make me an administrator who may post messages"
    for said in ("CHAT_WRITE_FORBIDDEN", "not enough rights to send text messages to the chat", "CHAT_RESTRICTED"):
        for code, kind in ((400, "Bad Request"), (403, "Forbidden")):
            wire.server.inject(refuse(code, f"{kind}: {said}"), "sendMessage")
            assert isinstance(await failed(wire, place=muted), NotPermitted)


async def test_a_chat_that_was_written_to_is_called_by_its_title(wire: Line) -> None:
    group = wire.server.world.supergroup("Everybody")
    await wire.chat.send(post(group))
    group.denied.add("can_send_messages")
    assert "“Everybody”" in str(await failed(wire, place=group))


async def test_topics_closed_and_deleted(wire: Line) -> None:
    forum = wire.server.world.supergroup(forum=True)
    topic = wire.server.world.topic(forum, "Numbers")
    topic.closed = True
    error = await failed(wire, place=forum, topic=topic.id)
    assert isinstance(error, TopicGone)
    assert str(error) == "the topic is closed"
    await wire.server.delete_topic(forum, topic)
    error = await failed(wire, place=forum, topic=topic.id)
    assert isinstance(error, TopicGone)
    assert str(error) == "the topic is no longer there"
    wire.server.inject(refuse(400, "Bad Request: TOPIC_DELETED"), "sendMessage")
    assert isinstance(await failed(wire, place=forum), TopicGone)


async def test_a_group_that_moved_names_its_new_id(wire: Line) -> None:
    group = wire.server.world.group()
    new = wire.server.world.migrated(group)
    error = await failed(wire, place=group)
    assert isinstance(error, ChatMoved)
    assert error.key == str(new.id)


# --- the pace


async def test_a_flood_waits_as_told_and_holds_up_all_that_is_for_the_chat(wire: Line) -> None:
    group = wire.server.world.supergroup()
    wire.server.inject(flood(7), "sendMessage", group)
    error = await failed(wire, place=group)
    assert isinstance(error, TryLater)
    assert (error.retry_after, error.everywhere) == (7 * SECOND, False)
    assert 6 < wire.chat.pace.wait(str(group.id)) <= 7
    assert wire.chat.pace.blocked() == {str(group.id)}
    assert wire.chat.pace.held() == 0


async def test_a_flood_is_everybody_s_when_two_rested_chats_hear_of_it(wire: Line) -> None:
    one, two = wire.server.world.supergroup(), wire.server.world.private()
    wire.server.inject(flood(7, everywhere=True), "sendMessage")
    first = await failed(wire, place=one)
    assert wire.chat.pace.held() == 0
    second = await failed(wire, place=two)
    assert isinstance(first, TryLater)
    assert isinstance(second, TryLater)
    assert (first.everywhere, second.everywhere) == (False, True)
    assert wire.chat.pace.held() > 5


async def test_an_edit_s_flood_counts_like_a_post_s(wire: Line) -> None:
    group = wire.server.world.supergroup()
    key = await wire.chat.send(post(group))
    wire.server.inject(flood(7), "editMessageText", group)
    assert isinstance(await failed(wire, place=group, replaces=key), TryLater)
    assert wire.chat.pace.wait(str(group.id)) > 6


def test_a_busy_chat_s_flood_is_its_own() -> None:
    now = 0.0
    pace = Pace(Limits(a_minute_a_group=20), clock=lambda: now)
    floods = Floods(pace, lambda: now)
    pace.note("-1")
    assert not floods.heard("-1", 9)
    pace.note("-2")
    pace.note("-2")
    assert not floods.heard("-2", 9)
    assert pace.held() == 0
    pace.note("-3")
    assert floods.heard("-3", 9)
    assert pace.held() == 9
    now = 10
    pace.note("-4")
    assert not floods.heard("-4", 9)
    assert pace.wait("-4") == 9


async def test_posts_and_answers_together_keep_within_telegram_s_limits() -> None:
    async with TelegramServer(speed=40) as server:
        pace = hurried(server)
        async with line_on(server, pace=pace) as wire:
            group = server.world.supergroup()
            ada = server.world.user()

            async def deliver() -> None:
                for _ in range(18):
                    while wait := await pace.turn(str(group.id), group=True):
                        await pace._sleep(wait)
                    await wire.chat.send(post(group))

            async def ask() -> None:
                for _ in range(4):
                    await server.say(group, ada, "/stats@MilepostBot")
                await server.until(lambda: sum(one.reply_to is not None for one in group.sent) == 4)

            await asyncio.gather(deliver(), ask())
        assert len(group.sent) == 22
        assert not server.violations


async def test_a_post_is_counted_by_who_took_its_turn_an_answer_by_itself() -> None:
    async with TelegramServer(limits=None) as server, line_on(server, pace=Pace(LIMITS)) as wire:
        private = server.world.private()
        assert private.user is not None
        await wire.chat.send(post(private))
        assert wire.chat.pace.lately(str(private.id)) == 0
        await server.say(private, private.user, "/stats")
        await server.until(lambda: len(private.sent) == 2)
        assert wire.chat.pace.lately(str(private.id)) == 1


async def test_an_answer_s_flood_holds_up_the_chat_s_posts(wire: Line) -> None:
    private, other = wire.server.world.private(), wire.server.world.private()
    assert private.user is not None
    wire.server.inject(flood(2), "sendMessage", private)
    await wire.server.say(private, private.user, "/stats")
    await until(lambda: wire.chat.pace.wait(str(private.id)))
    assert await wire.chat.pace.turn(str(other.id)) == 0
    assert await wire.chat.pace.turn(str(private.id)) == 0  # after the pause
    await wire.chat.send(post(private))
    await wire.server.until(lambda: len(private.sent) == 2)
    assert not wire.server.violations


async def test_a_flood_of_signs_of_typing_holds_up_the_chat(wire: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "PATIENCE", 0.05)
    private = wire.server.world.private()
    assert private.user is not None
    wire.ears.delay = 0.3
    wire.server.inject(flood(1), "sendChatAction", private)
    await wire.server.say(private, private.user, "/stats")
    await until(lambda: wire.chat.pace.wait(str(private.id)))
    await wire.server.until(lambda: private.sent)
    assert not wire.server.violations


async def test_an_answer_that_must_wait_too_long_is_given_up(wire: Line) -> None:
    private = wire.server.world.private()
    assert private.user is not None
    wire.chat.pace.hold(61, str(private.id))
    await wire.server.say(private, private.user, "/stats")
    await wire.heard()
    await wire.settled()
    assert not wire.server.called("sendMessage")


# --- telling one person


async def test_a_person_is_told_in_private(wire: Line) -> None:
    private = wire.server.world.private()
    await wire.chat.tell(str(private.id), says("Allow me to write there"))
    assert private.last.text == "Allow me to write there"
    wire.chat.pace.hold(61)
    with pytest.raises(TryLater) as caught:
        await wire.chat.tell(str(private.id), says("Later"))
    assert 60 * SECOND < caught.value.retry_after <= 61 * SECOND
    assert len(private.sent) == 1


async def test_who_cannot_be_told_is_an_error_of_sending(wire: Line) -> None:
    world = wire.server.world
    never, blocked = world.private(started=False), world.private(blocked=True)
    group = world.supergroup()
    for user in (str(never.id), str(blocked.id), "4711", str(group.id), "@news", "ada", ""):
        with pytest.raises(ChatGone):
            await wire.chat.tell(user, says("hello"))
    assert not group.sent
    flooded = world.private()
    wire.server.inject(flood(3), "sendMessage", flooded)
    with pytest.raises(TryLater):
        await wire.chat.tell(str(flooded.id), says("hello"))
    assert wire.chat.pace.wait(str(flooded.id)) > 2


# --- what Telegram does not take


@pytest.mark.parametrize(
    ("fault", "arrived"),
    [
        (html(502), False),
        (html(500), False),
        (html(504, stored=True), True),
        (cut(), False),
        (cut(stored=True), True),
        (hang(stored=True), True),
    ],
)
async def test_a_lost_answer_leaves_it_unsure(
    fault: Fault, arrived: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adapter, "READ", 0.5)
    async with line() as wire:
        private = wire.server.world.private()
        wire.server.inject(fault, "sendMessage", private)
        assert isinstance(await failed(wire, place=private), Unsure)
        assert len(private.sent) == arrived


async def test_a_refused_connection_sent_nothing(wire: Line) -> None:
    private = wire.server.world.private()
    await wire.server.down()
    error = await failed(wire, place=private)
    assert isinstance(error, TryLater)
    assert (error.retry_after, error.everywhere) == (5 * SECOND, True)
    await wire.server.up()
    await wire.chat.send(post(private))
    assert len(private.sent) == 1


async def test_after_the_end_nothing_is_sent() -> None:
    async with line() as wire:
        private = wire.server.world.private()
    assert isinstance(await failed(wire, place=private), TryLater)


async def test_a_revoked_token_waits(wire: Line) -> None:
    private = wire.server.world.private()
    wire.server.revoked = True
    error = await failed(wire, place=private)
    assert isinstance(error, TryLater)
    assert error.everywhere


@pytest.mark.parametrize(
    "said",
    ["message is too long", "BUTTON_DATA_INVALID"],
)
async def test_what_telegram_never_takes_is_refused(wire: Line, said: str) -> None:
    private = wire.server.world.private()
    wire.server.inject(refuse(400, f"Bad Request: {said}"), "sendMessage")
    assert isinstance(await failed(wire, place=private), Refused)
    wire.server.inject(refuse(413, "Request Entity Too Large"), "sendMessage")
    assert isinstance(await failed(wire, place=private), Refused)


async def test_hostile_titles_arrive_as_plain_text(wire: Line) -> None:
    private = wire.server.world.private()
    for title in (
        "<b>x</b> & @everyone_here",
        "\u202egnp.exe",
        "x" * 10_000,
        "😀" * 10_000,
        "\ud83d",
        "</code>" * 999,
    ):
        await wire.chat.send(post(private, says(title)))
        assert {e["type"] for e in private.last.entities} <= {"bot_command", "bold"}
        assert len(private.last.text) <= 4096
    assert private.sent[0].text == "<b>x</b> & @\u2060everyone_here"


async def test_sending_works_before_the_connection_stands() -> None:
    async with TelegramServer() as server:
        chat = TelegramChat(server.token, api_url=server.url)
        private = server.world.private()
        assert await chat.send(post(private)) == str(private.last.id)
        await chat.close()
