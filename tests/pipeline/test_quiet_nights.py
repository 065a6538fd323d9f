"""A chat's quiet hours: nothing comes in them that should not, and nothing that was held is lost."""

from __future__ import annotations

import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bot.domain import DAY, HOUR, MINUTE
from bot.domain.alerts import KINDS
from bot.domain.quiet import Mode, Quiet
from bot.domain.reading import Answer, Reading, State
from bot.ports.chat import Post, Unsure
from bot.ports.message import plain_text
from storage import chats, held
from storage.database import Database
from tests.fakes.clockwork import Clockwork
from tests.fakes.rows import a_chat, a_watch, listens, rows
from tests.fakes.source import told

ALL = tuple(KINDS)
#: 22 November 2026, 00:00 in UTC.
MIDNIGHT = 1_795_305_600_000
NIGHT = Quiet(begins=23 * 60, ends=7 * 60)


@pytest.fixture(name="bot")
async def _bot(database: Database) -> Clockwork:
    at = Clockwork(database)
    at.clock.now = MIDNIGHT
    return at


async def quiet(bot: Clockwork, hours: Quiet | None, *, key: str = "ann", timezone: str = "UTC") -> None:
    async with bot.database.write() as connection:
        chat = await a_chat(connection, key)
        text = None if hours is None else hours.text()
        await chats.change(connection, chat.id, quiet=text, timezone=timezone)
        await held.look_again(connection, chat.id, bot.clock.now)


async def says(bot: Clockwork, figure: float | None, *, key: str = "s", state: State = State.LIVE) -> None:
    reading = Reading(session=key, state=state, concurrent=figure)
    await bot.says(Answer(at=bot.clock.now, readings=(reading,)))
    await bot.tick(bot.clock.now)


async def lasts(bot: Clockwork, *figures: float, key: str = "s", state: State = State.LIVE) -> None:
    for figure in figures:
        await says(bot, figure, key=key, state=state)
        bot.clock.now += MINUTE


async def ends(bot: Clockwork, key: str = "s") -> None:
    for _ in range(7):
        await says(bot, None, key=key, state=State.ENDED)
        bot.clock.now += MINUTE


def text(post: Post) -> str:
    return "\n".join(map(plain_text, (post.message.title, *post.message.lines)))


async def states(bot: Clockwork, column: str = "state") -> Counter[Any]:
    async with bot.database.read() as connection:
        return Counter(value for (value,) in await rows(connection, "delivery", column))


async def a_night(bot: Clockwork) -> None:
    """Two sessions overnight: one ends with a record, one goes on into the day."""
    bot.clock.now = MIDNIGHT + 12 * HOUR
    await lasts(bot, 50, 60, 60, key="before")
    await ends(bot, "before")
    bot.chat.posts.clear()
    bot.clock.now = MIDNIGHT + DAY + 2 * HOUR
    await lasts(bot, 40, 90, 130, 270, 260, key="night")
    await ends(bot, "night")
    bot.clock.now = MIDNIGHT + DAY + 7 * HOUR - 20 * MINUTE
    await lasts(bot, 30, 40, 110, 120, key="morning")


async def test_what_is_held_comes_as_one_digest_without_what_has_gone_stale(bot: Clockwork) -> None:
    await bot.watch("ann", "bob", kinds=ALL)
    await quiet(bot, NIGHT)
    await a_night(bot)
    assert bot.heard("ann") == []
    assert len(bot.heard("bob")) > 5  # who has no quiet hours hears all of it
    while bot.clock.now < MIDNIGHT + DAY + 7 * HOUR:
        await lasts(bot, 120, key="morning")
    bot.restart()
    await lasts(bot, 120, 120, 120, key="morning")
    (digest,) = [post for post in bot.chat.posts if post.target.chat == "ann"]
    told = text(digest)
    assert plain_text(digest.message.title) == "While it was quiet here: 4 things worth knowing"
    assert told.count("270") == 2  # the record as it stood in the end, and the recap of the night
    assert told.count("live") == 1  # the start of what is on still, and no other
    assert "100" in told  # its highest rung
    assert digest.mention is None
    assert await states(bot) >= Counter(sent=4)
    assert "held" not in await states(bot)


async def test_one_thing_that_was_held_comes_as_it_would_have_come(bot: Clockwork) -> None:
    await bot.watch("ann", kinds=["ended"], mention="here")
    await quiet(bot, NIGHT)
    bot.clock.now = MIDNIGHT + HOUR
    await lasts(bot, 50, 60, 60)
    await ends(bot)
    bot.clock.now = MIDNIGHT + 7 * HOUR
    await bot.tick(bot.clock.now)
    await bot.tick(bot.clock.now)
    (post,) = bot.chat.posts
    assert post.message.symbol == "🏁"
    assert post.message.fields
    assert post.mention is None
    async with bot.database.read() as connection:
        assert await rows(connection, "delivery", "state", "message_key", "digest_id") == [
            ("sent", f"post-{post.delivery}", None)
        ]


async def test_kinds_go_their_own_ways(bot: Clockwork) -> None:
    modes = {"record": Mode.SEND, "ended": Mode.SILENT, "started": Mode.DROP}
    await bot.watch("ann", kinds=ALL, mention="here")
    await quiet(bot, Quiet(begins=23 * 60, ends=7 * 60, modes=modes))
    await a_night(bot)
    by_symbol = {post.message.symbol: post for post in bot.chat.posts}
    assert set(by_symbol) == {"🏆", "🏁"}
    assert (by_symbol["🏆"].silent, by_symbol["🏁"].silent) == (False, True)
    assert by_symbol["🏁"].mention is None
    errors = await states(bot, "error")
    assert errors["quiet hours"] == 2


async def test_a_card_that_was_held_is_the_recap_in_the_morning(bot: Clockwork) -> None:
    await bot.watch("ann", kinds=ALL, style="card")
    await quiet(bot, NIGHT)
    bot.clock.now = MIDNIGHT + HOUR
    await lasts(bot, 50, 60, 60)
    await ends(bot)
    assert bot.chat.posts == []
    bot.clock.now = MIDNIGHT + 7 * HOUR
    await bot.tick(bot.clock.now)
    assert [post.message.symbol for post in bot.chat.posts] == ["🏁"]
    for _ in range(30):
        bot.clock.now += MINUTE
        await bot.tick(bot.clock.now)
    assert {post.replaces for post in bot.chat.posts[1:]} <= {f"post-{bot.chat.posts[0].delivery}"}


async def test_hours_that_are_changed_count_at_once(bot: Clockwork) -> None:
    await bot.watch("ann", kinds=ALL)
    await quiet(bot, NIGHT)
    bot.clock.now = MIDNIGHT + HOUR
    await lasts(bot, 50, 60, 60)
    await quiet(bot, Quiet(begins=0, ends=9 * 60))
    await bot.tick(MIDNIGHT + 8 * HOUR)
    assert bot.chat.posts == []
    await quiet(bot, None)
    await bot.tick(MIDNIGHT + 8 * HOUR)
    await bot.tick(MIDNIGHT + 8 * HOUR)
    assert len(bot.chat.posts) == 1


async def test_a_digest_whose_answer_was_lost_is_sent_again_under_the_same_number(bot: Clockwork) -> None:
    await bot.watch("ann", kinds=ALL)
    await quiet(bot, NIGHT)
    await a_night(bot)
    bot.chat.posts.clear()
    bot.chat.fails("ann", Unsure("cut off"))
    bot.clock.now = MIDNIGHT + DAY + 7 * HOUR
    await bot.tick(bot.clock.now)
    bot.restart()
    await lasts(bot, 500, 500, key="morning")  # it does not become part of the digest
    for _ in range(20):
        bot.clock.now += MINUTE
        await bot.tick(bot.clock.now)
    tried = [delivery for chat, delivery in bot.chat.tried if chat == "ann"]
    digests = [post for post in bot.chat.posts if post.target.chat == "ann" and post.message.symbol == "🌅"]
    assert len(digests) == 1
    assert tried.count(digests[0].delivery) == 2


@pytest.mark.parametrize("mode", [Mode.HOLD, Mode.DROP])
async def test_a_post_of_an_outage_that_ended_overnight_is_mended_in_the_morning(
    bot: Clockwork, mode: Mode
) -> None:
    await bot.watch("ann", kinds=["outage"], patience=5 * MINUTE)
    await quiet(bot, Quiet(begins=23 * 60, ends=7 * 60, usual=mode))
    bot.clock.now = MIDNIGHT + 22 * HOUR
    await lasts(bot, 50, 60, 60)
    for _ in range(8):
        await bot.fails(bot.clock.now)
        await bot.tick(bot.clock.now)
        bot.clock.now += MINUTE
    assert bot.heard("ann") == ["No figures of one since 22:03 UTC"]
    bot.clock.now = MIDNIGHT + 23 * HOUR + MINUTE
    while bot.clock.now < MIDNIGHT + DAY + 7 * HOUR:
        await lasts(bot, 60)
        bot.clock.now += 20 * MINUTE
        assert len(bot.chat.posts) == 1
    await lasts(bot, 60, 60)
    told, mended = bot.chat.posts
    assert (mended.replaces, mended.mention) == (f"post-{told.delivery}", None)
    assert await states(bot) == Counter(sent=2)


async def a_digest_that_waits(bot: Clockwork) -> None:
    """Two rungs of a session that goes on are held; the first try to tell them fails."""
    await bot.watch("ann", kinds=["milestone"])
    await quiet(bot, NIGHT)
    bot.clock.now = MIDNIGHT + 6 * HOUR
    await lasts(bot, 20, 60, 60, 110, 110)
    bot.chat.fails("ann", Unsure("cut off"))
    bot.clock.now = MIDNIGHT + 7 * HOUR
    await bot.tick(bot.clock.now)
    assert await states(bot) == Counter(pending=1, held=1)


async def test_a_new_rung_takes_no_digest_away(bot: Clockwork) -> None:
    await a_digest_that_waits(bot)
    await lasts(bot, 260, 260, 260)
    assert bot.heard("ann") == ["one reached 100 viewers", "one reached 250 viewers"]
    assert await states(bot) == Counter(superseded=1, sent=2)


async def test_what_was_to_come_with_a_digest_that_is_gone_comes_by_itself(bot: Clockwork) -> None:
    await a_digest_that_waits(bot)
    async with bot.database.write() as connection:
        await connection.exec_driver_sql("DELETE FROM delivery WHERE state = 'pending'")
    await bot.tick(bot.clock.now)
    assert bot.heard("ann") == ["one reached 100 viewers"]
    assert await states(bot) == Counter(sent=1)


async def gone_for(bot: Clockwork, length: int) -> None:
    """A night is held for a chat that is gone by the morning, and that comes back after some time."""
    await bot.watch("ann", kinds=["ended", "record", "started"])
    await quiet(bot, NIGHT)
    bot.clock.now = MIDNIGHT + HOUR
    await lasts(bot, 50, 60, 60)
    await ends(bot)
    async with bot.database.write() as connection:
        chat = await a_chat(connection)
        await chats.disable(connection, chat.id, now=bot.clock.now, why="gone")
    for at in (7 * HOUR, 7 * HOUR + length):
        bot.clock.now = MIDNIGHT + at
        await bot.tick(bot.clock.now)
    async with bot.database.write() as connection:
        await chats.enable(connection, chat.id, now=bot.clock.now)
    await bot.tick(bot.clock.now)


async def test_a_chat_that_is_back_soon_is_told_of_the_night(bot: Clockwork) -> None:
    await gone_for(bot, DAY)
    assert bot.heard("ann") == ["one ended after 2 min"]


async def test_a_chat_that_is_back_after_weeks_is_told_of_no_night(bot: Clockwork) -> None:
    await gone_for(bot, 20 * DAY)
    assert bot.heard("ann") == []
    assert await states(bot) == Counter(expired=2)


async def test_a_clock_that_was_set_back_holds_nothing_for_longer_than_a_day(bot: Clockwork) -> None:
    await bot.watch("ann", kinds=ALL)
    await quiet(bot, NIGHT)
    bot.clock.now = MIDNIGHT + HOUR
    await lasts(bot, 50, 60, 60)
    bot.clock.now -= 40 * DAY
    await bot.morning.rearm(bot.clock.now)
    await quiet(bot, None)
    await bot.tick(bot.clock.now)
    await bot.tick(bot.clock.now)
    assert len(bot.chat.posts) == 1


async def test_one_is_called_once_an_hour_by_all_that_comes_to_a_place(bot: Clockwork) -> None:
    await bot.watch("ann", "bob", kinds=["started"], mention="here")
    async with bot.database.write() as connection:
        ann, two = await a_chat(connection, "ann"), await a_watch(connection, "two")
        await listens(connection, ann, two, kinds=["started"])
        await listens(connection, ann, two, kinds=["started"], topic="7")
        for topic in ("", "7"):
            await chats.change_subscriptions(
                connection, chat_id=ann.id, watch_id=two.id, topic=topic, mention="here"
            )
    await says(bot, 10)
    bot.clock.now += 59 * MINUTE
    answer = Answer(at=bot.clock.now, readings=(Reading(session="t", state=State.LIVE, concurrent=5),))
    await bot.ingest.take([(two, told(answer))], bot.clock.now)
    await bot.tick(bot.clock.now)
    called = [(post.target.chat, post.target.topic, post.mention) for post in bot.chat.posts]
    assert called[:2] == [("ann", None, "here"), ("bob", None, "here")]
    assert sorted(called[2:], key=str) == [("ann", "7", "here"), ("ann", None, None)]


async def test_a_record_that_was_taken_back_overnight_is_not_told(bot: Clockwork) -> None:
    await bot.watch("ann", kinds=["record", "ended"])
    await quiet(bot, NIGHT)

    async def counts(tuned_in: float, key: str, state: State = State.LIVE) -> None:
        reading = Reading(session=key, state=state, concurrent=10, tuned_in=tuned_in)
        await bot.says(Answer(at=bot.clock.now, readings=(reading,)))
        await bot.tick(bot.clock.now)
        bot.clock.now += MINUTE

    bot.clock.now = MIDNIGHT + 12 * HOUR
    for figure in (100, 200, 300):
        await counts(figure, "before")
    await ends(bot, "before")
    bot.clock.now = MIDNIGHT + DAY + HOUR
    bot.chat.posts.clear()
    for figure in (100, 350, 200, 200):  # the platform takes it back
        await counts(figure, "night")
    await ends(bot, "night")
    for hour in (7, 8):
        bot.clock.now = MIDNIGHT + DAY + hour * HOUR
        await bot.tick(bot.clock.now)
        await bot.tick(bot.clock.now)
    assert [post.message.symbol for post in bot.chat.posts] == ["🏁"]


async def test_an_outage_that_a_digest_told_is_answered_when_figures_are_back(bot: Clockwork) -> None:
    await bot.watch("ann", kinds=ALL, patience=15 * MINUTE)
    await quiet(bot, NIGHT)
    bot.clock.now = MIDNIGHT + 6 * HOUR
    await lasts(bot, 50, 60, 60)
    for _ in range(90):
        await bot.fails(bot.clock.now)
        await bot.tick(bot.clock.now)
        bot.clock.now += MINUTE
    (digest,) = bot.chat.posts
    assert digest.message.symbol == "🌅"
    await lasts(bot, 60, 60, 60)
    (_, back) = bot.chat.posts
    assert (back.replaces, back.answers) == (None, f"post-{digest.delivery}")


ZONES = ("Asia/Karachi", "Asia/Seoul", "Europe/Madrid", "America/St_Johns", "Australia/Lord_Howe", "UTC")


@pytest.mark.parametrize("seed", range(6))
async def test_through_a_year_nothing_comes_when_it_should_not_and_nothing_is_lost(
    bot: Clockwork, seed: int
) -> None:
    """Random zones, hours, modes and sessions, on days with and without a change of clocks; kills between."""
    chance = random.Random(seed)
    zone = ZoneInfo(ZONES[seed])
    begins, length = chance.randrange(24 * 60), chance.randrange(30, 20 * 60)
    usual = chance.choice([Mode.HOLD, Mode.SILENT, Mode.DROP])
    modes = {kind: chance.choice(list(Mode)) for kind in ("record", "ended", "milestone") if chance.random() < 0.5}
    hours = Quiet(begins=begins, ends=(begins + length) % (24 * 60), usual=usual, modes=modes)
    await bot.watch("ann", kinds=ALL)
    await quiet(bot, hours, timezone=zone.key)
    days = [*chance.sample(range(365), 6), 88, 298]
    now = 0
    for number, day in enumerate(sorted(days)):
        bot.clock.now = MIDNIGHT + (day - 325) * DAY + chance.randrange(24) * HOUR
        if bot.clock.now < now:
            continue
        for _ in range(8):
            await says(bot, chance.choice([20, 60, 110, 260, 520]), key=f"s{number}")
            bot.clock.now += chance.randrange(1, 90) * MINUTE
            if chance.random() < 0.2:
                bot.restart()
        await ends(bot, f"s{number}")
        now = bot.clock.now
        for _ in range(30):  # the night passes
            bot.clock.now += HOUR
            await bot.tick(bot.clock.now)
    for post, at in zip(bot.chat.posts, bot.sent_at, strict=True):
        local = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=at)).astimezone(zone)
        minute = local.hour * 60 + local.minute
        inside = (minute - hours.begins) % (24 * 60) < length
        kind = str(post.facts["kind"])
        if inside:
            assert kind != "digest"
            assert hours.mode(kind) in {Mode.SILENT, Mode.SEND}
            assert post.silent == (hours.mode(kind) is Mode.SILENT)
    found = await states(bot)
    assert set(found) <= {"sent", "superseded", "expired"}
    ids = [id_ for post in bot.chat.posts for id_ in (post.tells or (post.delivery,))]
    assert max(Counter(ids).values()) == 1
    assert found["sent"] == len(ids)
    if usual is Mode.HOLD:  # each end was told, held or not
        async with bot.database.read() as connection:
            kinds = await rows(connection, "delivery", "kind", "state")
        if "ended" not in modes:
            assert {state for kind, state in kinds if kind == "ended"} == {"sent"}
