"""What people type and press, and where the bot is let in."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from bot.chats.telegram import answers, rights
from bot.ports.message import Button, Message, Span, says
from bot.ports.pace import Limits, Pace
from tests.chats.telegram.support import Line, answered, line, line_on, post, until
from tests.servers.telegram import TelegramServer, cut, flood, refuse


@pytest.fixture
async def wire() -> AsyncIterator[Line]:
    async with line() as wire:
        yield wire


@pytest.mark.parametrize(
    ("typed", "heard"),
    [
        ("/stats", ("stats", "")),
        ("/Stats@MILEPOSTBOT  Some   Name ", ("stats", "Some   Name")),
        ("/stats@MilepostBot\nSome Name", ("stats", "Some Name")),
        ("/watch@MilepostBot x:@\u2060handle", ("watch", "x:@handle")),
        ("/nothing@MilepostBot", ("nothing", "")),
    ],
)
async def test_commands_as_people_type_them(wire: Line, typed: str, heard: tuple[str, str]) -> None:
    group = wire.server.world.supergroup("Everybody")
    ada = wire.server.world.user(language_code="pt-br")
    await wire.chat.send(post(group))  # bare commands are shown to the bot that wrote last
    await wire.server.say(group, ada, typed)
    request = await wire.heard()
    assert (request.command, request.text) == heard
    assert (request.locale, request.chat_title, request.is_admin) == ("pt-br", "Everybody", False)


async def test_what_is_not_for_us_is_left_alone(wire: Line) -> None:
    wire.server.world.privacy = False
    group = wire.server.world.supergroup()
    ada = wire.server.world.user()
    for typed in ("hello", "see /stats", "/stats@OtherBot", "/ban", "//stats", "/"):
        await wire.server.say(group, ada, typed)
    message = await wire.server.say(group, ada, "hello again")
    await wire.server.edit(message, "/stats")
    await wire.server.say(group, ada, "/stats last")
    await wire.settled()
    assert [one.text for one in wire.ears.heard] == ["last"]


async def test_in_private_and_in_replies_to_us_an_unknown_command_is_answered(wire: Line) -> None:
    private = wire.server.world.private()
    assert private.user is not None
    await wire.server.say(private, private.user, "/sats")
    await wire.heard()
    group = wire.server.world.supergroup()
    await wire.chat.send(post(group))
    await wire.server.say(group, private.user, "/sats", reply_to=group.last)
    assert (await wire.heard(2)).command == "sats"


async def test_an_answer_goes_out_even_if_the_question_is_gone(wire: Line) -> None:
    group = wire.server.world.supergroup()
    wire.ears.delay = 0.2
    asked = await wire.server.say(group, wire.server.world.user(), "/stats@MilepostBot")
    asked.deleted = True
    await wire.server.until(lambda: group.sent)
    assert group.last.reply_to is None


async def test_long_work_shows_typing(wire: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "PATIENCE", 0.05)
    private = wire.server.world.private()
    assert private.user is not None
    wire.ears.delay = 0.5
    await answered(wire.server, await wire.server.say(private, private.user, "/stats"))
    assert private.actions == ["typing"]


async def test_waiting_for_the_limit_shows_typing(wire: Line) -> None:
    private = wire.server.world.private()
    assert private.user is not None
    for seconds, actions in ((0.5, []), (1.5, ["typing"])):
        wire.chat.pace.hold(seconds, str(private.id))
        await answered(wire.server, await wire.server.say(private, private.user, "/stats"))
        assert private.actions == actions
    wire.chat.pace.hold(1.5)  # where nothing at all may leave, no sign of it does either
    await answered(wire.server, await wire.server.say(private, private.user, "/stats"))
    assert private.actions == ["typing"]


# --- who may


async def test_who_is_an_admin(wire: Line) -> None:
    server, world = wire.server, wire.server.world
    group = world.supergroup()
    member, admin, owner = world.user("M"), world.user("A"), world.user("O")
    world.join(group, admin, "administrator")
    world.join(group, owner, "creator")
    cases: list[tuple[bool, str | None]] = []
    for user, expected in ((member, False), (admin, True), (owner, True)):
        await server.say(group, user, "/watch@MilepostBot x")
        cases.append((expected, str(user.id)))
    await server.say(group, admin, "/watch@MilepostBot x", anonymous=True)
    cases.append((True, None))
    await server.say(group, admin, "/watch@MilepostBot x", sender_chat=world.channel("Mine"))
    cases.append((False, None))
    await wire.heard(len(cases))
    assert [(one.is_admin, one.user) for one in wire.ears.heard] == cases


async def test_a_channel_s_posts_are_its_admins_own(wire: Line) -> None:
    channel = wire.server.world.channel("News")
    await wire.server.post(channel, "/stats")
    request = await wire.heard()
    assert (request.chat, request.is_admin, request.user) == (str(channel.id), True, None)
    await wire.server.until(lambda: channel.sent)


async def test_adminship_is_asked_once_a_minute(wire: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    group = wire.server.world.supergroup()
    ada = wire.server.world.user()
    wire.server.world.join(group, ada, "administrator")
    for count in (1, 2):
        await wire.server.say(group, ada, "/stats@MilepostBot")
        await wire.heard(count)
    assert len(wire.server.called("getChatMember")) == 1
    monkeypatch.setattr(rights, "KEEP", 0)
    wire.server.world.join(group, ada, "member")
    await wire.server.say(group, ada, "/stats@MilepostBot")
    assert not (await wire.heard(3)).is_admin


async def test_where_telegram_does_not_tell_of_a_person_it_names_the_admins(wire: Line) -> None:
    server, group = wire.server, wire.server.world.supergroup()
    owner, member = server.world.user("O"), server.world.user("M")
    server.world.join(group, owner, "creator")
    server.inject(refuse(400, "Bad Request: CHAT_ADMIN_REQUIRED"), "getChatMember", group, times=None)
    for count, (user, admin) in enumerate([(owner, True), (member, False), (owner, True)], start=1):
        await server.say(group, user, "/watch@MilepostBot x")
        assert (await wire.heard(count)).is_admin is admin
    assert len(server.called("getChatMember")) == 2
    assert len(server.called("getChatAdministrators")) == 1


async def test_whom_telegram_does_not_tell_of_is_no_admin(wire: Line) -> None:
    group = wire.server.world.supergroup()
    ada = wire.server.world.user()
    wire.server.world.join(group, ada, "creator")
    for method in ("getChatMember", "getChatAdministrators"):
        wire.server.inject(refuse(400, "Bad Request: member list is inaccessible"), method, group)
    await wire.server.say(group, ada, "/watch@MilepostBot x")
    assert not (await wire.heard()).is_admin
    await wire.server.say(group, ada, "/watch@MilepostBot x")
    assert (await wire.heard(2)).is_admin


# --- order and load


async def test_a_chat_s_commands_are_answered_in_order_and_hold_up_no_other(wire: Line) -> None:
    slow, quick = wire.server.world.private(), wire.server.world.private()
    assert slow.user is not None
    assert quick.user is not None
    wire.server.inject(flood(1), "sendMessage", slow)
    for n in range(5):
        await wire.server.say(slow, slow.user, f"/stats {n}")
    await wire.server.say(quick, quick.user, "/stats")
    await wire.server.until(lambda: quick.sent)
    assert not slow.sent
    await wire.server.until(lambda: len(slow.sent) == 5)
    assert [m.text for m in slow.sent] == [f"stats: {n}" for n in range(5)]


async def test_a_chat_that_plays_is_not_answered_without_end(wire: Line) -> None:
    private = wire.server.world.private()
    assert private.user is not None
    wire.ears.delay = 0.05
    for n in range(60):
        await wire.server.say(private, private.user, f"/stats {n}")
    await until(lambda: not wire.server.pending)
    assert len(wire.chat._lanes._lanes[private.id]) <= 20


async def test_one_failure_is_not_the_next_one_s(wire: Line) -> None:
    private = wire.server.world.private()
    assert private.user is not None
    replies = iter([None])

    def reply(_: object) -> Message:
        next(replies, None)
        raise RuntimeError("a bug")

    wire.ears.reply = reply
    await wire.server.say(private, private.user, "/stats")
    await wire.heard()
    wire.ears.reply = lambda request: says("fine")
    await answered(wire.server, await wire.server.say(private, private.user, "/stats"))


async def test_a_lost_answer_is_not_sent_twice(wire: Line) -> None:
    private = wire.server.world.private()
    assert private.user is not None
    wire.server.inject(cut(stored=True), "sendMessage", private)
    await wire.server.say(private, private.user, "/stats")
    await wire.server.until(lambda: private.sent)
    await wire.settled()
    assert len(private.sent) == 1


# --- room for alerts


async def test_answers_leave_a_group_s_alerts_room(monkeypatch: pytest.MonkeyPatch) -> None:
    pace = Pace(Limits(a_minute_a_group=20))
    async with TelegramServer(limits=None) as server, line_on(server, pace=pace) as wire:
        group, private = server.world.supergroup(), server.world.private()
        assert private.user is not None
        ada = server.world.user()
        for n in range(18):
            await server.say(group, ada, f"/stats@MilepostBot {n}")
            await wire.settled()
        crowded = "⏳ Too many questions here at once; alerts go first. Ask me in private."
        assert [one.text for one in group.sent] == [*(f"stats: {n}" for n in range(15)), crowded]
        assert len(wire.ears.heard) == 15, "what is not answered is not carried out"
        await server.say(group, ada, "/watch@MilepostBot x in @ab")  # nor is it refused
        await server.say(private, private.user, "/stats")
        await server.until(lambda: private.sent)
        assert len(group.sent) == 16
        for _ in range(4):
            assert await pace.turn(str(group.id), group=True) == 0
        # where nothing can be said soon, nothing is
        monkeypatch.setattr(answers, "MINUTE", 0)
        await server.say(group, ada, "/stats@MilepostBot")
        await wire.settled()
        assert len(group.sent) == 16


async def test_who_is_crowded_out_is_told_once_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    pace = Pace(Limits(a_minute_a_group=20))
    async with TelegramServer(limits=None) as server, line_on(server, pace=pace) as wire:
        group, ada = server.world.supergroup(), server.world.user()
        for _ in range(15):
            pace.note(str(group.id), group=True)
        for minute in (60, 60, 0):
            monkeypatch.setattr(answers, "MINUTE", minute)
            asked = await server.say(group, ada, "/stats@MilepostBot")
            await wire.settled()
        assert len(group.sent) == 2
        assert group.last.reply_to is asked
        assert not wire.ears.heard


async def test_who_taps_in_a_crowd_is_told_in_a_popup() -> None:
    pace = Pace(Limits(a_minute_a_group=20))
    async with TelegramServer(limits=None) as server, line_on(server, pace=pace) as wire:
        group, ada = server.world.supergroup(), server.world.user(language_code=None)
        buttons = (Button("Stats", command="stats"),)
        await wire.chat.send(post(group, Message(title=(Span("5"),), buttons=buttons)))
        for _ in range(15):
            pace.note(str(group.id), group=True)
        press = await server.press(group.last, ada, "Stats")
        await wire.settled()
        assert press.answer is not None
        assert press.answer["text"].startswith("⏳ Too many questions here at once")
        assert len(group.sent) == 1
        assert not wire.ears.heard


async def test_taps_that_wait_count_as_a_crowd() -> None:
    pace = Pace(Limits(a_minute_a_group=20))
    async with TelegramServer(limits=None) as server, line_on(server, pace=pace) as wire:
        group = server.world.supergroup()
        buttons = (Button("Stats", command="stats"),)
        await wire.chat.send(post(group, Message(title=(Span("5"),), buttons=buttons)))
        alert = group.last
        wire.ears.delay = 60  # longer than the test
        presses = []
        for _ in range(20):
            presses.append(await server.press(alert, server.world.user(), "Stats"))
            await until(lambda: presses[-1].answer)
        popups = [one for one in presses if one.answer and "text" in one.answer]
        assert len(popups) == 4  # one is under way, 15 wait


# --- where the bot is


async def test_a_group_that_lets_the_bot_in_is_welcomed(wire: Line) -> None:
    world = wire.server.world
    group = world.supergroup("Everybody", status="left")
    boss = world.user("Boss")
    world.join(group, boss, "creator")
    await wire.server.set_bot(group, "member", by=boss)
    request = await wire.heard()
    assert (request.command, request.user, request.is_admin) == ("start", str(boss.id), True)
    assert wire.ears.told == [("in", str(group.id), "Everybody")]
    await wire.server.set_bot(group, "administrator", by=boss)
    await wire.server.set_bot(group, "kicked", by=boss)
    await wire.settled()
    assert wire.ears.told[-1] == ("out", str(group.id), "I was banned from the group")
    await wire.server.set_bot(group, "left", by=boss)
    await wire.settled()
    assert wire.ears.told[-1] == ("out", str(group.id), "I was removed from the group")
    assert len(wire.ears.heard) == 1
    await wire.server.set_bot(group, "member", by=boss)  # again
    assert (await wire.heard(2)).command == "start"
    assert wire.ears.told[-1] == ("in", str(group.id), "Everybody")


async def test_private_chats_block_and_come_back(wire: Line) -> None:
    private = wire.server.world.private()
    assert private.user is not None
    await wire.server.block(private.user)
    await wire.server.unblock(private.user)
    await wire.settled()
    key = str(private.id)
    assert wire.ears.told == [("out", key, "the person blocked me"), ("in", key, private.user.first_name)]
    await wire.server.say(private, private.user, "/start")
    await wire.heard()
    assert wire.ears.told[-1] == ("in", key, private.user.first_name)


async def test_channels_count_while_the_bot_is_their_admin(wire: Line) -> None:
    channel = wire.server.world.channel("News", status="left")
    boss = wire.server.world.user()
    await wire.server.set_bot(channel, "administrator", by=boss)
    await wire.server.set_bot(channel, "left", by=boss)
    await wire.settled()
    key = str(channel.id)
    assert wire.ears.told == [("in", key, "News"), ("out", key, "I am no longer an administrator of the channel")]
    assert not channel.sent


async def test_a_group_that_becomes_a_supergroup_is_followed(wire: Line) -> None:
    group = wire.server.world.group("Friends")
    new = await wire.server.migrate(group, by=wire.server.world.user())
    await wire.settled()
    assert wire.ears.told[0] == ("moved", str(group.id), str(new.id))
    assert {one[0] for one in wire.ears.told} == {"moved", "in"}
    assert not wire.ears.heard
    boss = wire.server.world.user()
    await wire.server.set_bot(new, "left", by=boss)
    await wire.server.set_bot(new, "member", by=boss)
    assert (await wire.heard()).command == "start"  # that was no move any more


async def test_an_answer_follows_a_group_that_moved_meanwhile(wire: Line) -> None:
    group = wire.server.world.group()
    wire.ears.delay = 0.3
    await wire.server.say(group, wire.server.world.user(), "/stats@MilepostBot")
    new = wire.server.world.migrated(group)
    await wire.server.until(lambda: new.sent)
    assert ("moved", str(group.id), str(new.id)) in wire.ears.told


async def test_who_blocks_before_the_answer_is_noted(wire: Line) -> None:
    private = wire.server.world.private()
    assert private.user is not None
    wire.ears.delay = 0.3
    await wire.server.say(private, private.user, "/stats")
    private.bot = wire.server.world.me("kicked")
    await until(lambda: wire.ears.told)
    assert wire.ears.told[0][:2] == ("out", str(private.id))
