"""One card a session: it is true, it is quiet, and it becomes the recap."""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain import HOUR, MINUTE, SECOND
from bot.domain.card import Shown, curve, differs, of, read
from bot.pipeline.cards import BETWEEN, BURIED, EDITS_A_TICK, SHORTEST, Cards
from bot.ports.chat import MessageGone, Post, Target, TryLater, Unsure
from bot.ports.message import plain_text, says
from storage import chats, sessions
from storage.database import Database
from storage.sending import Owed
from storage.tables import delivery
from tests.fakes.clockwork import NOW, Clockwork
from tests.fakes.rows import a_chat, a_session, a_watch, listens, rows
from tests.fakes.source import live, over, told

ALL = ["started", "milestone", "record", "ended"]
TICK = 5 * SECOND


@pytest.fixture(name="bot")
async def _bot(database: Database) -> Clockwork:
    return Clockwork(database)


async def pass_time(bot: Clockwork, until: int) -> None:
    while bot.clock.now < until:
        await bot.tick(bot.clock.now + TICK)


def kinds_of(bot: Clockwork, chat: str) -> list[tuple[str, bool]]:
    """What came, as (kind of delivery by its title's symbol, whether it was an edit)."""
    return [
        (post.message.symbol, post.replaces is not None) for post in bot.chat.posts if post.target.chat == chat
    ]


def lines(post: Post) -> list[str]:
    message = post.message
    shown = [plain_text(line) for line in message.lines]
    return shown + [f"{one.label}: {plain_text(one.value)}" for one in message.fields]


async def a_session_of(bot: Clockwork, *figures: float, step: int = MINUTE) -> None:
    for figure in figures:
        await bot.says(live(bot.clock.now, figure))
        await pass_time(bot, bot.clock.now + step)


async def ends(bot: Clockwork) -> None:
    for _ in range(7):
        await bot.says(over(bot.clock.now))
        await pass_time(bot, bot.clock.now + MINUTE)


async def test_a_chat_that_wants_one_card_gets_one_card_and_nothing_else(bot: Clockwork) -> None:
    await bot.watch("ann", kinds=ALL, style="card")
    await a_session_of(bot, 60, 61, 80, 120, 300)
    await ends(bot)
    came = kinds_of(bot, "ann")
    assert came[0] == ("🔴", False)
    assert [one for one in came if not one[1]] == [("🔴", False)]
    assert came[-1] == ("🏁", True)
    assert {post.replaces for post in bot.chat.posts[1:]} == {f"post-{bot.chat.posts[0].delivery}"}
    assert all(post.silent and post.mention is None for post in bot.chat.posts[1:])
    count = len(bot.chat.posts)
    await pass_time(bot, bot.clock.now + 10 * MINUTE)
    assert len(bot.chat.posts) == count  # a recap stays as it is


async def test_both_are_posts_and_a_card_that_becomes_the_recap_too(bot: Clockwork) -> None:
    await bot.watch("ann", kinds=ALL, style="both")
    await bot.watch("bob", kinds=ALL)
    await a_session_of(bot, 60, 61, 80, 120)
    await ends(bot)
    posts = [symbol for symbol, edit in kinds_of(bot, "bob") if not edit]
    assert len(posts) > 3
    assert sorted(symbol for symbol, edit in kinds_of(bot, "ann") if not edit) == sorted([*posts, "🔴"])
    edits = [symbol for symbol, edit in kinds_of(bot, "ann") if edit]
    assert edits[-1] == "🏁"


async def test_the_card_says_how_it_stands(bot: Clockwork) -> None:
    await bot.watch("ann", kinds=ALL, style="card", ladder="[100, 250, 500]")
    async with bot.database.write() as connection:
        ann = await a_chat(connection, "ann")
        former = await a_watch(connection, "former")
        await listens(connection, ann, former)
    await bot.ingest.take([(former, told(live(NOW, 400, key="f"), live(NOW + 30 * SECOND, 400, key="f")))], NOW)
    await bot.ingest.take([(former, told(over(NOW + MINUTE, key="f"), over(NOW + 7 * MINUTE, key="f")))], NOW)
    bot.clock.now = NOW + 10 * MINUTE
    await a_session_of(bot, 60, 90, 130, 160, 200)
    shown = lines(bot.chat.posts[-1])
    assert plain_text(bot.chat.posts[-1].message.title) == "one has been live for 4 min"
    assert [line for line in shown if line.startswith("📈")] == [
        "📈 Passed 100; next 250, in about 1 min at this pace."
    ] or [line for line in shown if line.startswith("📈 Passed 100; next 250")]
    assert "🎯 50% of the record in this chat: 400 by former (22 November 2026)." in shown
    assert "Peak: 200 at 15:29 UTC" in shown


async def test_who_subscribes_midway_gets_the_card_as_it_stands(bot: Clockwork) -> None:
    await bot.watch("ann", kinds=ALL)
    await a_session_of(bot, 60, 61, 400)
    await bot.watch("ann", kinds=ALL, style="both")
    await bot.tick(bot.clock.now + TICK)
    assert kinds_of(bot, "ann")[-1] == ("🔴", False)
    assert "Peak: 61 at 15:16 UTC" in lines(bot.chat.posts[-1])  # 400 is not borne out yet


async def test_a_card_deleted_by_hand_stays_deleted(bot: Clockwork) -> None:
    await bot.watch("ann", kinds=ALL, style="card")
    await a_session_of(bot, 60, 61)
    bot.chat.fails("ann", MessageGone("Somebody deleted it."))
    await a_session_of(bot, 100, 150)
    count = len(bot.chat.posts)
    await a_session_of(bot, 200, 400, 800)
    await ends(bot)
    assert len(bot.chat.posts) == count


async def test_an_edit_that_failed_is_tried_again_and_a_hold_is_kept(bot: Clockwork) -> None:
    await bot.watch("ann", kinds=ALL, style="card")
    await a_session_of(bot, 60, 61)
    bot.chat.fails("ann", Unsure("cut off"))
    await a_session_of(bot, 150)
    assert len(bot.chat.tried) == len(bot.chat.posts) + 1
    assert "Peak: 150" in str(lines(bot.chat.posts[-1]))  # at the next look
    bot.chat.fails("ann", TryLater("Too often.", retry_after=SECOND))
    await a_session_of(bot, 151, 152)
    await pass_time(bot, bot.clock.now + 2 * MINUTE)
    async with bot.database.read() as connection:
        ((shown,),) = await rows(connection, "card", "shown")
    kept = read(shown)
    assert kept is not None
    assert kept.peak in {151, 152}


async def test_a_buried_card_comes_anew_where_the_chat_wants_that(bot: Clockwork) -> None:
    await bot.watch("ann", kinds=ALL, style="card", resend=True)
    await bot.watch("bob", kinds=ALL, style="card")
    await a_session_of(bot, 60, 61)
    first = {post.target.chat: f"post-{post.delivery}" for post in bot.chat.posts if post.replaces is None}
    for chat, key in first.items():
        bot.chat.above[chat, key] = BURIED
    await a_session_of(bot, *range(70, 90))
    fresh = [post for post in bot.chat.posts if post.replaces is None]
    assert [post.target.chat for post in fresh] == ["ann", "bob", "ann"] or [
        post.target.chat for post in fresh
    ] == ["bob", "ann", "ann"]
    assert bot.chat.removed == [("ann", first["ann"])]
    edits = [post for post in bot.chat.posts if post.target.chat == "ann" and post.replaces is not None]
    assert edits[-1].replaces == f"post-{fresh[-1].delivery}"


async def test_a_session_that_goes_on_has_its_card_go_on(bot: Clockwork) -> None:
    await bot.watch("ann", kinds=ALL, style="card")
    await a_session_of(bot, 60, 61)
    await ends(bot)
    assert kinds_of(bot, "ann")[-1] == ("🏁", True)
    await a_session_of(bot, 200, 201)
    assert kinds_of(bot, "ann")[-1] == ("🔴", True)
    await ends(bot)
    assert kinds_of(bot, "ann")[-1] == ("🏁", True)
    assert [edit for _, edit in kinds_of(bot, "ann")].count(False) == 1


async def test_a_long_session_has_its_card_kept_up_and_its_recap(bot: Clockwork) -> None:
    await bot.watch("ann", kinds=ALL, style="card")
    for minute in range(90):
        await bot.says(live(bot.clock.now, 60 + 20 * minute))
        for _ in range(4):
            await bot.tick(bot.clock.now + 15 * SECOND)
    assert "Peak: 1,840" in str(lines(bot.chat.posts[-1]))
    for _ in range(7):
        await bot.says(over(bot.clock.now))
        for _ in range(4):
            await bot.tick(bot.clock.now + 15 * SECOND)
    assert kinds_of(bot, "ann")[-1] == ("🏁", True)


async def test_a_session_too_short_for_a_card_is_told_at_its_end(bot: Clockwork) -> None:
    await bot.watch("ann", kinds=ALL, style="card")
    await bot.says(live(bot.clock.now, 60))
    await bot.says(live(bot.clock.now + 30 * SECOND, 61))
    for n in range(7):
        await bot.says(over(bot.clock.now + n * MINUTE))
    await bot.tick(bot.clock.now + TICK)
    assert kinds_of(bot, "ann") == [("🏁", False)]


async def test_a_restart_neither_repeats_nor_forgets_a_card(bot: Clockwork) -> None:
    await bot.watch("ann", kinds=ALL, style="card")
    await a_session_of(bot, 60, 61)
    bot.restart()
    await a_session_of(bot, 120, 121)
    assert [edit for _, edit in kinds_of(bot, "ann")].count(False) == 1
    assert "Peak: 121" in str(lines(bot.chat.posts[-1]))


async def test_a_muted_or_changed_subscription_is_left_alone(bot: Clockwork) -> None:
    await bot.watch("ann", kinds=ALL, style="card")
    await bot.watch("bob", kinds=ALL, style="card")
    await a_session_of(bot, 60, 61)
    await bot.watch("ann", kinds=ALL, muted_until=bot.clock.now + HOUR)
    await bot.watch("bob", kinds=ALL, style=None)
    count = len(bot.chat.posts)
    await a_session_of(bot, 70, 71)
    assert [symbol for symbol, _ in kinds_of(bot, "ann")][count:] == []
    assert ("🔴", True) not in kinds_of(bot, "bob")[count:]


def test_a_figure_that_trembles_is_no_news() -> None:
    base = Shown(
        now=1000,
        peak=1200,
        in_all=None,
        step=1,
        rung=None,
        records=0,
        title="a",
        gone=False,
        trouble=False,
        over=False,
    )
    assert not differs(base, replace(base, now=1019))
    assert differs(base, replace(base, now=1020))
    assert differs(base, replace(base, now=None))
    assert differs(base, replace(base, peak=1201))
    assert differs(None, base)
    assert read(base.text()) == base


@given(st.lists(st.tuples(st.integers(0, 10_000), st.floats(0, 1e9)), max_size=50), st.integers(1, 10_000))
def test_a_curve_is_never_longer_than_its_bars(points: list[tuple[int, float]], last: int) -> None:
    drawn = curve(sorted(points), first=0, last=last, interval=30)
    assert len(drawn) <= 12
    assert set(drawn) <= set(" ▁▂▃▄▅▆▇█")


def test_a_curve_shows_its_course_and_its_gaps() -> None:
    points = [(n, float(n)) for n in range(120) if not 50 <= n < 60]
    assert curve(points, first=0, last=119, interval=20) == ""  # too short for a course
    assert curve(points, first=0, last=119, interval=1) == "▁▂▂▃▄ ▅▆▆▇██"


@pytest.mark.parametrize("seed", range(8))
async def test_the_last_state_equals_the_store_and_edits_keep_their_limits(tmp_path: Path, seed: int) -> None:
    """Random sessions with a dozen chats each, with failures and restarts."""
    database = Database(f"sqlite:///{tmp_path}/cards.db", throwaway=True)
    await database.open()
    try:
        await _run(Clockwork(database), random.Random(seed))
    finally:
        await database.close()


async def _run(bot: Clockwork, chance: random.Random) -> None:
    keys = [f"chat{n}" for n in range(12)]
    for key in keys:
        await bot.watch(key, kinds=ALL, style=chance.choice(["card", "both"]))
    figure, edits = 60.0, []
    for _ in range(chance.randint(3, 10)):
        if chance.random() < 0.2:
            await bot.says(over(bot.clock.now))
        else:
            figure = max(0, figure * chance.uniform(0.7, 1.4))
            await bot.says(live(bot.clock.now, round(figure)))
        if chance.random() < 0.1:
            bot.restart()
        for key in chance.sample(keys, 2):
            bot.chat.fails(key, Unsure("cut off"))
        for _ in range(chance.randint(1, 6)):
            edits += await _tick(bot)
    for _ in range(16):
        edits += await _tick(bot)
    for key in keys:
        moments = [at for at, chat in edits if chat == key]
        assert all(later - earlier >= BETWEEN for earlier, later in pairwise(moments))
    async with bot.database.read() as connection:
        (session,) = (await sessions.by_ids(connection, [1])).values()
        kept = await rows(connection, "card", "shown", "over")
    assert len(kept) == len(keys)
    for shown, is_over in kept:
        facts = read(shown)
        assert facts is not None
        assert (facts.peak, facts.over) == (session.tally.peak, not session.is_live)
        assert bool(is_over) is not session.is_live
    for key in keys:
        last = [post for post in bot.chat.posts if post.target.chat == key and _is_card(post)][-1]
        assert (last.message.symbol == "🏁") is not session.is_live


async def _tick(bot: Clockwork) -> list[tuple[int, str]]:
    """Let a tick pass, and return the edits that it made."""
    before = len(bot.chat.tried)
    start = len(bot.chat.posts)
    await bot.tick(bot.clock.now + TICK)
    made = [post for post in bot.chat.posts[start:] if post.replaces is not None]
    assert len(made) <= EDITS_A_TICK
    assert len(bot.chat.tried) >= before
    return [(bot.clock.now, post.target.chat) for post in made]


def _is_card(post: Post) -> bool:
    return post.replaces is not None or post.message.symbol == "🔴"


async def test_a_thousand_cards_that_always_change_keep_to_the_limits(tmp_path: Path) -> None:
    """Whatever there is to show: so many edits a tick, so far apart in a place and on a card; all have a turn."""
    database = Database(f"sqlite:///{tmp_path}/cards.db", throwaway=True)
    await database.open()
    try:
        await _thousand(database, random.Random(7))
    finally:
        await database.close()


async def _thousand(database: Database, chance: random.Random) -> None:
    bot = Clockwork(database)
    places = [f"chat{chance.randrange(300)}" for _ in range(1_000)]
    async with database.write() as connection:
        made = {key: await a_chat(connection, key) for key in set(places)}
        watch = await a_watch(connection)
        session = await a_session(connection, watch)
        for number, key in enumerate(places):
            await chats.subscribe(
                connection,
                chat_id=made[key].id,
                watch_id=watch.id,
                topic=str(number),
                kinds=["ended"],
                now=NOW,
                style="card",
            )
    edits: list[tuple[int, str, int]] = []

    async def show(owed: Owed) -> tuple[Shown, Post]:
        shown = of(session, rung=float(len(edits)), records=0, trouble=False, at=bot.clock.now)
        target = Target(chat=owed.chat_key, topic=owed.topic)
        return shown, Post(
            delivery=owed.id, target=target, message=says("Live", symbol="🔴"), stamp="", replaces=None, facts={}
        )

    stage = Cards(database, {"fake": bot.chat}, show, owed=bot.owed)
    await stage.tick(NOW)
    async with database.write() as connection:  # all of them arrived
        await connection.execute(
            delivery.update().values(state="sent", settled_at=NOW, message_key=delivery.c.subscription_id)
        )
    for _ in range(80):
        bot.clock.now += TICK
        before = len(bot.chat.posts)
        if chance.random() < 0.2:
            bot.chat.fails(chance.choice(places), Unsure("cut off"))
        await stage.tick(bot.clock.now)
        new = bot.chat.posts[before:]
        assert len(new) <= EDITS_A_TICK
        edits += [(bot.clock.now, post.target.chat, post.delivery) for post in new]
    for place in (1, 2):
        moments: dict[object, list[int]] = {}
        for edit in edits:
            moments.setdefault(edit[place], []).append(edit[0])
        least = (BETWEEN, SHORTEST)[place - 1]
        assert all(later - one >= least for times in moments.values() for one, later in pairwise(times))
    assert len({edit[2] for edit in edits}) > 0.9 * len(places)
