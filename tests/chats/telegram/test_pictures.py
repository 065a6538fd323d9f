"""Pictures and files on Telegram: with the text where there is room, else beside it, and never instead of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.chats.telegram import pieces, render
from bot.chats.telegram.chat import LIMITS
from bot.ports.chat import MessageGone, NotPermitted, Partly, Refused, TryLater, Unsure
from bot.ports.message import Button, File, Message, Picture, Span, says
from bot.ports.pace import Pace
from tests.chats.telegram.support import Line, answered, hurried, line, line_on, post, until
from tests.servers.telegram import Chat, TelegramServer, cut, flood, hang, refuse


def png(width: int = 640, shade: int = 0) -> Picture:
    head = b"\x89PNG\r\n\x1a\n" + b"\0\0\0\rIHDR" + width.to_bytes(4, "big") + (480).to_bytes(4, "big")
    return Picture(png=head + bytes([shade]), alt="At once, over the hour")


SHORT = Message(title=(Span("Night Radio ended"),), picture=png(), buttons=(Button("Stats", command="/stats"),))
LONG = replace(SHORT, lines=tuple((Span(f"Rung {n:,} reached at 22:{n % 60:02}"),) for n in range(90)))


@pytest.fixture
async def wire() -> AsyncIterator[Line]:
    async with line() as wire:
        yield wire


@pytest.fixture
async def counted() -> AsyncIterator[Line]:
    """Connect with a pace that counts what leaves by Telegram's limits, on a server that counts none."""
    async with TelegramServer(limits=None) as server, line_on(server, pace=Pace(LIMITS)) as wire:
        yield wire


def asked(wire: Line) -> list[str]:
    """Return what was asked of Telegram that people see."""
    return [one.method for one in wire.server.calls if one.method.startswith(("send", "edit", "deleteM"))]


async def test_what_has_room_is_one_request(wire: Line) -> None:
    forum = wire.server.world.supergroup(forum=True)
    topic = wire.server.world.topic(forum, "Numbers")
    key = await wire.chat.send(post(forum, SHORT, topic=topic.id, silent=True))
    sent = forum.last
    assert asked(wire) == ["sendPhoto"]
    assert (key, sent.text, sent.topic) == (str(sent.id), "Night Radio ended", topic)
    assert [one["type"] for one in sent.entities] == ["bold"]
    assert [one["text"] for one in sent.buttons] == ["Stats"]
    assert sent.params["disable_notification"].lower() == "true"
    assert sent.file is not None
    assert (sent.file.content, sent.file.name.endswith("_chart.png")) == (png().png, True)


@pytest.mark.parametrize(
    ("title", "fits"),
    [
        ("x" * 900, True),
        ("a long name " * 300, True),  # only a name is cut
        ("Night Radio at 81,234 listeners, " * 60, False),  # so many figures are not
    ],
)
async def test_below_a_picture_names_are_cut_but_no_figure(wire: Line, title: str, fits: bool) -> None:
    private = wire.server.world.private()
    message = replace(SHORT, title=(Span(title),), lines=((Span("Peak: 81,234 at 22:14"),),))
    assert render.fits_caption(message) is fits
    await wire.chat.send(post(private, message))
    assert asked(wire)[0] == ("sendPhoto" if fits else "sendMessage")
    assert private.sent[0].text.endswith("Peak: 81,234 at 22:14")
    await until(lambda: any(one.file for one in private.sent))


async def test_what_has_no_room_is_a_text_and_the_picture_follows_it_without_a_sound(counted: Line) -> None:
    wire = counted
    forum = wire.server.world.supergroup(forum=True)
    topic = wire.server.world.topic(forum, "Numbers")
    key = await wire.chat.send(post(forum, LONG, topic=topic.id))
    await until(lambda: len(forum.sent) == 2)
    text, picture = forum.sent
    assert (key, text.file, text.text.count("Rung")) == (str(text.id), None, 90)
    assert (picture.reply_to, picture.topic, picture.text, picture.buttons) == (text, topic, "", [])
    assert picture.params["disable_notification"].lower() == "true"
    assert text.params.get("disable_notification", "").lower() != "true"
    assert wire.chat.pace.lately(str(forum.id)) == 1  # the post's own turn is the deliverer's


@pytest.mark.parametrize("fault", [hang(), cut(), refuse(400, "Bad Request: IMAGE_PROCESS_FAILED")])
async def test_a_picture_that_cannot_follow_its_text_is_no_failure_of_the_post(wire: Line, fault: Any) -> None:
    private = wire.server.world.private()
    wire.server.inject(fault, "sendPhoto")
    assert await wire.chat.send(post(private, LONG)) == str(private.last.id)
    await wire.server.until(lambda: wire.server.called("sendPhoto"))
    assert len(private.sent) == 1


async def test_a_picture_waits_for_a_flood_to_end_and_follows(wire: Line) -> None:
    private = wire.server.world.private()
    wire.server.inject(flood(1), "sendPhoto", private)
    await wire.chat.send(post(private, LONG))
    await until(lambda: len(private.sent) == 2)
    assert not wire.server.violations


async def test_when_the_bot_stops_a_picture_under_way_holds_it_up_only_shortly(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("a\n")
    async with line() as wire:
        private = wire.server.world.private()
        wire.server.inject(hang(), "sendPhoto")
        await wire.chat.send(post(private, replace(LONG, file=File(path=path, name="x.csv"))))
        await wire.server.until(lambda: wire.server.called("sendPhoto"))
    assert not path.exists()


async def test_a_lost_answer_leaves_a_picture_unsure_and_is_not_sent_again_without_it(wire: Line) -> None:
    private = wire.server.world.private()
    wire.server.inject(cut(stored=True), "sendPhoto", private)
    with pytest.raises(Unsure):
        await wire.chat.send(post(private, SHORT))
    assert asked(wire) == ["sendPhoto"]
    wire.server.inject(flood(7), "sendPhoto", private)
    with pytest.raises(TryLater):
        await wire.chat.send(post(private, SHORT))
    assert wire.chat.pace.wait(str(private.id)) > 6


@pytest.mark.parametrize(
    "said", ["IMAGE_PROCESS_FAILED", "PHOTO_INVALID_DIMENSIONS", "PHOTO_SAVE_FILE_INVALID", "file is too big"]
)
async def test_a_picture_that_telegram_does_not_take_is_left_out(wire: Line, said: str) -> None:
    private = wire.server.world.private()
    wire.server.inject(refuse(400, f"Bad Request: {said}"), "sendPhoto")
    await wire.chat.send(post(private, SHORT))
    assert asked(wire) == ["sendPhoto", "sendMessage"]
    assert (private.last.text, private.last.file) == ("Night Radio ended", None)
    wire.server.inject(refuse(413, "Request Entity Too Large"), "sendPhoto")
    await wire.chat.send(post(private, SHORT))
    assert private.last.file is None
    wide = replace(SHORT, picture=png(width=20_000))
    await wire.chat.send(post(private, wide))
    assert (len(private.sent), private.last.file) == (3, None)


async def test_other_refusals_are_the_post_s(wire: Line) -> None:
    private = wire.server.world.private()
    wire.server.inject(refuse(400, "Bad Request: BUTTON_DATA_INVALID"), "sendPhoto")
    with pytest.raises(Refused):
        await wire.chat.send(post(private, SHORT))
    muted = wire.server.world.supergroup("Fans", denied={"can_send_messages", "can_send_photos"})
    with pytest.raises(NotPermitted, match="send text messages"):
        await wire.chat.send(post(muted, SHORT))
    assert not private.sent


UNPARSED = refuse(400, "Bad Request: can't parse entities: Unclosed start tag at byte offset 3")


async def test_markup_that_telegram_cannot_read_costs_neither_picture_nor_text(counted: Line) -> None:
    wire = counted
    private = wire.server.world.private()
    wire.server.inject(UNPARSED, "sendPhoto")
    key = await wire.chat.send(post(private, SHORT))
    assert private.last.file is not None
    wire.server.inject(UNPARSED, "editMessageMedia")
    await wire.chat.send(
        post(private, replace(SHORT, title=(Span("It was <90>"),), picture=png(641)), replaces=key)
    )
    wire.server.inject(UNPARSED, "sendMessage")
    await wire.chat.send(post(private, says("<b>500</b>")))
    assert [(one.text, bool(one.file), one.entities) for one in private.sent] == [
        ("It was <90>", True, []),
        ("<b>500</b>", False, []),
    ]
    assert wire.chat.pace.lately(str(private.id)) == 3


async def test_a_missing_right_is_known_of_a_picture_that_follows_by_the_next_post(wire: Line) -> None:
    group = wire.server.world.supergroup("Fans", denied={"can_send_photos"})
    await wire.chat.send(post(group, LONG))
    await until(lambda: wire.chat._beside.lacks(str(group.id)))
    with pytest.raises(Partly, match="I may not send photos in “Fans”: allow me to send photos") as caught:
        await wire.chat.send(post(group, LONG))
    assert caught.value.key == str(group.last.id)
    group.denied.clear()
    await until(lambda: not wire.chat._following)
    await wire.chat.send(post(group, SHORT))
    assert group.last.file is not None


async def test_an_answer_says_itself_what_is_missing(wire: Line) -> None:
    group = wire.server.world.supergroup("Fans", denied={"can_send_photos"})
    wire.ears.reply = lambda _: SHORT
    said = await wire.server.say(group, wire.server.world.user(), "/stats@MilepostBot")
    answer = await answered(wire.server, said)
    assert answer.text.splitlines() == [
        "Night Radio ended",
        "⚠️ I may not send photos in “Fans”: allow me to send photos",
    ]


# --- edits


async def test_the_same_picture_is_not_sent_twice(wire: Line) -> None:
    private = wire.server.world.private()
    key = await wire.chat.send(post(private, SHORT))
    for title, picture in (("90", png()), ("80", png(shade=1)), ("70", png(shade=1)), ("60", None)):
        await wire.chat.send(post(private, Message(title=(Span(title),), picture=picture), replaces=key))
        assert private.last.text == title
    assert asked(wire) == [
        *("sendPhoto", "editMessageCaption", "editMessageMedia", "editMessageCaption", "editMessageCaption")
    ]
    assert private.last.file is not None


async def test_after_a_restart_a_picture_is_sent_anew_into_its_place(wire: Line) -> None:
    private = wire.server.world.private()
    key = await wire.chat.send(post(private, SHORT))
    other = TelegramChatOf(wire)
    await other.send(post(private, SHORT, replaces=key))
    await other.send(post(private, replace(LONG, picture=png(shade=2)), replaces=key))
    await other.close()
    assert len(private.sent) == 1
    assert private.last.file is not None
    assert private.last.file.content == png(shade=2).png
    assert len(private.last.text) <= 1024  # a picture stays one: its text is cut


def TelegramChatOf(wire: Line) -> Any:  # noqa: N802 - makes one
    return type(wire.chat)(wire.server.token, api_url=wire.server.url, pace=wire.chat.pace)


async def test_a_server_that_adds_no_media_to_texts_gets_the_picture_in_reply(wire: Line) -> None:
    wire.server.world.media_to_text = False
    private = wire.server.world.private()
    key = await wire.chat.send(post(private, says("Night Radio: 90")))
    for shade in (0, 0, 1):
        await wire.chat.send(post(private, replace(SHORT, picture=png(shade=shade)), replaces=key))
        await until(lambda: not wire.chat._following)
    text, picture = private.sent
    assert (str(text.id), text.text, text.file) == (key, "Night Radio ended", None)
    assert picture.reply_to is text
    assert picture.file is not None
    assert picture.file.content == png(shade=1).png


async def test_edits_of_texts_with_pictures_find_that_the_message_is_gone(wire: Line) -> None:
    private = wire.server.world.private()
    for message in (SHORT, LONG):
        with pytest.raises(MessageGone):
            await wire.chat.send(post(private, message, replaces="4711"))
    assert not private.sent


async def test_edits_in_turns_keep_within_telegram_s_limits() -> None:
    async with TelegramServer(speed=40) as server:
        pace: Pace = hurried(server)
        async with line_on(server, pace=pace) as wire:
            group = server.world.supergroup()

            async def send(message: Message, replaces: str | None) -> str | None:
                while wait := await pace.turn(str(group.id), group=True):
                    await pace._sleep(wait)
                return await wire.chat.send(post(group, message, replaces=replaces))

            key = await send(says("0"), None)
            for n in range(12):
                await send(replace(SHORT, title=(Span(f"{n} at once"),), picture=png(shade=n % 3)), key)
        assert len(server.called("editMessageMedia")) == 12
        assert not server.violations


# --- files


def csv(folder: Path, size: int = 4) -> File:
    path = folder / "made.tmp"
    with path.open("wb") as file:
        file.truncate(size)
    return File(path=path, name="../etc/night radio.csv")


async def test_a_file_is_a_document_below_which_the_text_stands(wire: Line, tmp_path: Path) -> None:
    private = wire.server.world.private()
    wire.ears.reply = lambda _: Message(title=(Span("37 sessions"),), file=csv(tmp_path))
    assert private.user is not None
    answer = await answered(wire.server, await wire.server.say(private, private.user, "/stats"))
    assert asked(wire) == ["sendDocument"]
    assert (answer.text, answer.file and answer.file.kind) == ("37 sessions", "document")
    assert answer.file is not None
    assert answer.file.name.partition("_")[2] == ".._etc_night radio.csv"
    await until(lambda: not any(tmp_path.iterdir()))


async def test_a_file_larger_than_telegram_takes_is_not_even_sent(wire: Line, tmp_path: Path) -> None:
    private = wire.server.world.private()
    wire.ears.reply = lambda _: Message(title=(Span("37 sessions"),), file=csv(tmp_path, pieces.FILE + 1))
    assert private.user is not None
    answer = await answered(wire.server, await wire.server.say(private, private.user, "/stats"))
    assert answer.text.splitlines() == [
        "37 sessions",
        "⚠️ The file is larger than Telegram takes from a bot: 50 MB",
    ]
    await until(lambda: not any(tmp_path.iterdir()))


async def test_a_file_that_is_gone_is_said_to_be(wire: Line, tmp_path: Path) -> None:
    private = wire.server.world.private()
    wire.ears.reply = lambda _: Message(title=(Span("37 sessions"),), file=File(path=tmp_path / "x", name="x.csv"))
    assert private.user is not None
    answer = await answered(wire.server, await wire.server.say(private, private.user, "/stats"))
    assert answer.text.splitlines() == ["37 sessions", "⚠️ The file is no longer there"]


async def test_a_popup_carries_no_file_and_leaves_none_behind(wire: Line, tmp_path: Path) -> None:
    channel = wire.server.world.channel()
    await wire.chat.send(
        post(channel, Message(title=(Span("500"),), buttons=(Button("Stats", command="/stats"),)))
    )
    wire.ears.reply = lambda _: Message(title=(Span("37 sessions"),), file=csv(tmp_path))
    press = await wire.server.press(channel.last, wire.server.world.user(), "Stats")
    await wire.server.until(lambda: press.answer)
    assert press.answer is not None
    assert press.answer["text"] == "37 sessions"
    await until(lambda: not any(tmp_path.iterdir()))


# --- what comes after a post


async def test_numbers_tell_what_came_where_the_bot_hears_of_little(wire: Line) -> None:
    world = wire.server.world
    group, forum = world.supergroup(), world.supergroup(forum=True)
    keys = {one.id: await wire.chat.send(post(one)) for one in (group, forum)}

    def buried(place: Chat) -> int | None:
        return wire.chat.buried(post(place).target, str(keys[place.id]))

    ada = world.user()
    for place in (group, forum):
        for _ in range(4):
            await wire.server.say(place, ada, "of which the bot does not hear")
        assert buried(place) is None
        await wire.server.say(place, ada, "/stats@MilepostBot")
    await wire.heard(2)
    await wire.settled()
    assert buried(group) == 6  # with its own answer
    assert buried(forum) == 2  # topics share the numbers: only what was heard counts


async def test_with_privacy_off_and_in_private_nothing_is_nothing() -> None:
    async with TelegramServer(limits=None) as server:
        server.world.privacy = False
        async with line_on(server) as wire:
            group, private = server.world.supergroup(), server.world.private()
            for place in (group, private):
                key = await wire.chat.send(post(place))
                assert wire.chat.buried(post(place).target, str(key)) == 0
