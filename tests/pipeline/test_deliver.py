from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from bot.domain import HOUR, MINUTE, SECOND
from bot.pipeline import deliver as stage_module
from bot.pipeline.deliver import (
    FIRST_PAUSE,
    FIRST_PAUSE_NOT_PERMITTED,
    LEASE,
    LONGEST_PAUSE,
    SENDS_AT_ONCE,
    Deliver,
)
from bot.ports.chat import (
    Chat,
    ChatGone,
    ChatMoved,
    MessageGone,
    NotPermitted,
    Partly,
    Post,
    Refused,
    SendError,
    Target,
    TopicGone,
    TryLater,
    Unsure,
)
from bot.ports.message import says
from bot.ports.pace import Limits, Pace
from storage import sending
from storage.database import Database
from storage.sending import Owed
from tests.fakes.chat import FakeChat
from tests.fakes.clock import NOW
from tests.fakes.rows import a_chat, a_session, a_watch, listens, owed, rows


class Stage:
    """A deliverer with a fake chat platform, a clock that stands still, and alerts owed to ann and bob."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.now = NOW
        #: What passed, whatever the clock on the wall is set to.
        self.passed = 0
        self.chat = FakeChat(pace=Pace(Limits(), clock=lambda: self.passed / SECOND))
        self.warned: list[tuple[int, str]] = []
        self.partly: list[bool] = []
        self.deliver = Deliver(database, {"fake": self.chat}, self.render, clock=lambda: self.now, warn=self.warn)

    async def render(self, owed: Owed) -> Post | None:
        return Post(
            delivery=owed.id,
            target=Target(chat=owed.chat_key),
            message=says(owed.key),
            stamp="",
            replaces=None,
            facts={},
        )

    async def warn(self, chat: Chat, owed: Owed, why: str, *, over: bool, partly: bool = False) -> None:
        assert over == (why == "the topic is closed")
        self.warned.append((owed.subscription_id, why))
        self.partly += [True] * partly
        await chat.tell("admin", says(why))

    async def owe(self, count: int = 1) -> None:
        async with self.database.write() as connection:
            watch = await a_watch(connection)
            for name in ("ann", "bob"):
                await listens(connection, await a_chat(connection, name), watch)
            await owed(connection, await a_session(connection, watch), count=count)

    async def tick(self, later: int = 0) -> None:
        self.now += later
        self.passed += later
        await self.deliver.tick(self.now)

    async def states(self) -> list[str]:
        async with self.database.read() as connection:
            return [state for (state,) in await rows(connection, "delivery", "state")]


@pytest.fixture(name="stage")
async def _stage(database: Database) -> Stage:
    return Stage(database)


async def test_what_is_owed_is_sent_once_in_order_to_each_chat(stage: Stage) -> None:
    await stage.owe(3)
    await stage.tick()
    await stage.tick()
    assert stage.chat.titles("ann") == stage.chat.titles("bob") == ["ended:1", "ended:2", "ended:3"]
    assert set(await stage.states()) == {"sent"}
    assert max(stage.chat.most_busy.values()) == 1


@pytest.mark.parametrize("error", [MessageGone("no"), Refused("no")])
async def test_what_will_never_be_taken_is_given_up_and_the_next_one_is_sent(
    stage: Stage, error: SendError
) -> None:
    await stage.owe(2)
    stage.chat.fails("ann", error)
    await stage.tick()
    assert stage.chat.titles("ann") == ["ended:2"]
    assert stage.chat.titles("bob") == ["ended:1", "ended:2"]
    assert sorted(await stage.states()) == ["dead", "sent", "sent", "sent"]


async def test_what_keeps_only_pictures_back_is_told_to_an_admin_once_and_holds_up_nothing(stage: Stage) -> None:
    await stage.owe(3)
    lacks = "allow me to send photos"
    stage.chat.fails("ann", *[Partly(lacks, key=f"kept {n}") for n in range(3)])
    with capture_logs():
        await stage.tick()
    assert await stage.states() == ["sent"] * 6
    assert [why for _, why in stage.warned] == [lacks]
    assert stage.partly == [True]
    async with stage.database.read() as connection:
        keys = {key for (key,) in await rows(connection, "delivery", "message_key")}
        assert {"kept 0", "kept 1", "kept 2"} <= keys
        assert await rows(connection, "subscription", "problem") == [(None,), (None,)]


async def test_what_is_to_wait_alone_holds_up_no_other(stage: Stage) -> None:
    await stage.owe(1)
    stage.chat.fails("ann", TryLater("edits of old messages", retry_after=60 * SECOND, alone=True))
    await stage.tick()
    assert stage.chat.pace.wait("ann") == 0
    assert sorted(await stage.states()) == ["pending", "sent"]
    await stage.tick(60 * SECOND)
    assert await stage.states() == ["sent", "sent"]


async def test_a_missing_permission_is_told_to_an_admin_once_and_tried_again_until_it_is_there(
    stage: Stage,
) -> None:
    await stage.owe(2)
    stage.chat.fails("ann", *[NotPermitted("allow me to write")] * 3)
    with capture_logs():
        await stage.tick()
        assert stage.chat.titles("bob") == ["ended:1", "ended:2"]
        await stage.tick(FIRST_PAUSE_NOT_PERMITTED)
        await stage.tick(2 * FIRST_PAUSE_NOT_PERMITTED)
        assert stage.chat.titles("ann") == []
        await stage.tick(4 * FIRST_PAUSE_NOT_PERMITTED)
    assert stage.chat.titles("ann") == ["ended:1", "ended:2"]
    assert [why for _, why in stage.warned] == ["allow me to write"]
    assert len(stage.chat.told) == 1
    async with stage.database.read() as connection:
        assert await rows(connection, "subscription", "problem") == [(None,), (None,)]


async def test_an_admin_who_takes_no_messages_holds_up_nothing(stage: Stage) -> None:
    await stage.owe()
    stage.chat.fails("ann", NotPermitted("allow me to write"))
    stage.chat.fails("admin", ChatGone("no messages, please"))
    with capture_logs():
        await stage.tick()
        await stage.tick(FIRST_PAUSE_NOT_PERMITTED)
    assert stage.chat.titles("ann") == ["ended:1"]


async def test_a_topic_that_is_gone_ends_what_comes_there_and_nothing_else(database: Database) -> None:
    stage = Stage(database)
    async with database.write() as connection:
        watch, ann = await a_watch(connection), await a_chat(connection, "ann")
        for topic in ("", "7"):
            await listens(connection, ann, watch, topic=topic)
        await owed(connection, await a_session(connection, watch), count=2)
    render = stage.render

    async def in_topics(owed: Owed) -> Post | None:
        post = await render(owed)
        return None if post is None else replace(post, target=Target(chat="ann", topic=owed.topic or None))

    stage.deliver._render = in_topics
    stage.chat.by_topic = True
    stage.chat.fails("7", TopicGone("the topic is closed"))
    with capture_logs():
        await stage.tick()
    assert [post.target.topic for post in stage.chat.posts] == [None, None]
    assert sorted(await stage.states()) == ["dead", "dead", "sent", "sent"]
    assert [why for _, why in stage.warned] == ["the topic is closed"]
    async with database.read() as connection:
        found = await rows(connection, "subscription", "topic", "disabled_why")
    assert sorted(found, key=str) == [("", None), ("7", "the topic is closed")]
    async with database.write() as connection:
        session = await a_session(connection, watch, "b")
        await owed(connection, session)
    await stage.tick()
    assert [post.target.topic for post in stage.chat.posts] == [None, None, None]


async def test_a_chat_that_asks_to_wait_is_sent_to_after_that_and_holds_up_nobody(stage: Stage) -> None:
    await stage.owe(2)
    stage.chat.fails("ann", TryLater("wait", retry_after=40 * SECOND))
    await stage.tick()
    assert stage.chat.titles("bob") == ["ended:1", "ended:2"]
    await stage.tick(39 * SECOND)
    assert stage.chat.titles("ann") == []
    await stage.tick(2 * SECOND)
    assert stage.chat.titles("ann") == ["ended:1", "ended:2"]


async def test_a_platform_that_asks_everybody_to_wait_is_left_alone(stage: Stage) -> None:
    await stage.owe(3)
    stage.chat.fails("ann", TryLater("wait", retry_after=40 * SECOND, everywhere=True))
    await stage.tick()
    tried = len(stage.chat.tried)
    await stage.tick(30 * SECOND)
    assert len(stage.chat.tried) == tried
    await stage.tick(11 * SECOND)
    assert stage.chat.titles("ann") == stage.chat.titles("bob") == ["ended:1", "ended:2", "ended:3"]


async def test_what_may_have_arrived_is_sent_again_under_the_same_id_after_a_growing_pause(stage: Stage) -> None:
    await stage.owe()
    stage.chat.fails("ann", Unsure("cut"), Unsure("cut"))
    await stage.tick()
    await stage.tick(FIRST_PAUSE - 1)
    assert len([one for one in stage.chat.tried if one[0] == "ann"]) == 1
    await stage.tick(1)
    await stage.tick(FIRST_PAUSE)
    assert stage.chat.titles("ann") == []
    await stage.tick(FIRST_PAUSE)
    assert stage.chat.titles("ann") == ["ended:1"]
    assert len({delivery for chat, delivery in stage.chat.tried if chat == "ann"}) == 1


async def test_a_chat_that_is_gone_is_disabled_and_not_tried_again(stage: Stage) -> None:
    await stage.owe(2)
    stage.chat.fails("ann", ChatGone("The bot was kicked."))
    await stage.tick()
    async with stage.database.read() as connection:
        assert await rows(connection, "chat", "key", "disabled_why") == [
            ("ann", "The bot was kicked."),
            ("bob", None),
        ]
    tried = len(stage.chat.tried)
    async with stage.database.write() as connection:
        watch = await a_watch(connection, "two")
        await listens(connection, await a_chat(connection, "ann"), watch)
        await owed(connection, await a_session(connection, watch))
    await stage.tick(MINUTE)
    assert len([one for one in stage.chat.tried[tried:] if one[0] == "ann"]) == 0


async def test_a_chat_that_moved_is_followed(stage: Stage) -> None:
    await stage.owe(2)
    stage.chat.fails("ann", ChatMoved("moved", key="ann-2"))
    await stage.tick()
    await stage.tick(2 * SECOND)
    assert stage.chat.titles("ann-2") == ["ended:1", "ended:2"]


async def test_what_a_dead_process_had_leased_is_sent_by_the_next_one(stage: Stage) -> None:
    await stage.owe()
    async with stage.database.write() as connection:
        leased = await sending.lease(
            connection, platform="fake", by_topic=False, now=NOW, until=NOW + LEASE, limit=8
        )
    assert len(leased) == 2
    await stage.tick()
    assert stage.chat.posts == []
    await stage.deliver.begin()
    await stage.tick()
    assert len(stage.chat.posts) == 2


async def test_a_clock_that_was_set_back_before_the_start_holds_up_nothing(stage: Stage) -> None:
    async with stage.database.write() as connection:
        watch = await a_watch(connection)
        for name in ("ann", "bob"):
            await listens(connection, await a_chat(connection, name), watch)
        await owed(connection, await a_session(connection, watch), at=NOW + HOUR)
        leased = await sending.lease(
            connection, platform="fake", by_topic=False, now=NOW + HOUR, until=NOW + HOUR + LEASE, limit=1
        )
        assert len(leased) == 1  # by a process that dies with it
    await stage.deliver.begin()
    await stage.tick()
    assert [stage.chat.titles(name) for name in ("ann", "bob")] == [["ended:1"]] * 2


async def test_what_is_older_than_its_worth_is_not_sent(stage: Stage) -> None:
    await stage.owe()
    await stage.tick(25 * HOUR)
    assert stage.chat.posts == []
    assert set(await stage.states()) == {"expired"}


async def test_a_chat_that_hangs_holds_up_no_other(stage: Stage) -> None:
    await stage.owe(3)
    stage.chat.gates["ann"] = asyncio.Event()
    tick = asyncio.create_task(stage.tick())
    async with asyncio.timeout(10):
        while len(stage.chat.titles("bob")) < 3:  # noqa: ASYNC110 - the fake sets no event
            await asyncio.sleep(0.01)
    assert not tick.done()
    assert [delivery for chat, delivery in stage.chat.tried if chat == "ann"] == [min(stage.chat.tried)[1]]
    # What is owed meanwhile is sent at once, too.
    async with stage.database.write() as connection:
        watch = await a_watch(connection, "two")
        await listens(connection, await a_chat(connection, "bob"), watch)
        await owed(connection, await a_session(connection, watch), first=4)
    async with asyncio.timeout(10):
        while len(stage.chat.titles("bob")) < 4:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert stage.chat.titles("ann") == []
    stage.chat.gates["ann"].set()
    await tick
    assert stage.chat.titles("ann") == ["ended:1", "ended:2", "ended:3"]
    assert stage.chat.most_busy["ann"] == 1


async def test_a_chat_that_hangs_is_not_sent_to_twice_although_the_clock_leaps(stage: Stage) -> None:
    await stage.owe()
    stage.chat.gates["ann"] = asyncio.Event()
    first = asyncio.create_task(stage.tick())
    async with asyncio.timeout(10):
        while stage.chat.titles("bob") == []:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    second = asyncio.create_task(stage.tick(10 * LEASE))
    await asyncio.sleep(0.6)  # longer than a round waits
    stage.chat.gates["ann"].set()
    await asyncio.gather(first, second)
    assert stage.chat.titles("ann") == ["ended:1"]
    assert len(stage.chat.tried) == 2


@pytest.mark.parametrize(
    "error", [Unsure("no answer"), Refused("no"), ChatGone("kicked"), TryLater("wait", retry_after=SECOND)]
)
async def test_who_hears_late_that_a_send_failed_does_not_undo_what_another_process_sent(
    stage: Stage, error: SendError
) -> None:
    await stage.owe(1)
    stage.chat.gates["ann"] = asyncio.Event()
    stage.chat.fails("ann", error)
    slow = asyncio.create_task(stage.tick())
    async with asyncio.timeout(10):
        while not stage.chat.busy["ann"]:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    next_one = FakeChat()
    other = Deliver(stage.database, {"fake": next_one}, stage.render, clock=lambda: stage.now)
    await other.begin()
    await other.tick(stage.now)
    assert next_one.titles("ann") == ["ended:1"]
    stage.chat.gates["ann"].set()
    with capture_logs():
        await slow
    assert await stage.states() == ["sent", "sent"]
    async with stage.database.read() as connection:
        assert await rows(connection, "delivery", "error") == [(None,), (None,)]


async def test_only_a_few_sends_are_under_way_at_once(stage: Stage) -> None:
    names = [f"chat {n}" for n in range(SENDS_AT_ONCE + 5)]
    async with stage.database.write() as connection:
        watch = await a_watch(connection)
        for name in names:
            await listens(connection, await a_chat(connection, name), watch)
        await owed(connection, await a_session(connection, watch))
    gate = asyncio.Event()
    stage.chat.gates.update((name, gate) for name in names)
    tick = asyncio.create_task(stage.tick())
    async with asyncio.timeout(10):
        while sum(stage.chat.busy.values()) < SENDS_AT_ONCE:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.6)
    assert sum(stage.chat.busy.values()) == SENDS_AT_ONCE
    gate.set()
    await tick
    assert len(stage.chat.posts) == len(names)


async def test_a_send_that_never_ends_is_given_up_and_tried_again(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage_module, "LONGEST_SEND_SECONDS", 0.05)
    await stage.owe()
    gate = stage.chat.gates["ann"] = asyncio.Event()
    await stage.tick()
    gate.set()
    await stage.tick(FIRST_PAUSE)
    assert stage.chat.titles("ann") == ["ended:1"]


async def test_a_chat_that_fails_in_an_unheard_of_way_stops_no_other_and_is_tried_again(stage: Stage) -> None:
    await stage.owe(2)
    stage.chat.fails("ann", ZeroDivisionError("oops"))
    with capture_logs() as lines, pytest.raises(ZeroDivisionError):
        await stage.tick()
    assert "a delivery failed and will be tried again" in [line["event"] for line in lines]
    assert stage.chat.titles("bob") == ["ended:1", "ended:2"]
    await stage.tick(FIRST_PAUSE)
    assert stage.chat.titles("ann") == ["ended:1", "ended:2"]


async def test_an_alert_that_cannot_be_written_is_given_up_and_the_next_one_is_sent(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    await stage.owe(2)
    render = stage.deliver._render

    async def render_some(owed: Owed) -> Post | None:
        if owed.key == "ended:1":
            raise KeyError("no words")
        return await render(owed)

    monkeypatch.setattr(stage.deliver, "_render", render_some)
    with capture_logs():
        await stage.tick()
    assert stage.chat.titles("ann") == ["ended:2"]
    assert sorted(await stage.states()) == ["dead", "dead", "sent", "sent"]


async def test_pauses_grow_up_to_a_bound(stage: Stage) -> None:
    await stage.owe()
    stage.chat.fails("ann", *[Unsure("cut")] * 12)
    pauses = []
    for _ in range(12):
        await stage.tick()
        async with stage.database.read() as connection:
            (due_at,) = {
                at for state, at in await rows(connection, "delivery", "state", "due_at") if state == "pending"
            }
        pauses.append(due_at - stage.now)
        stage.now = due_at
    assert pauses[:3] == [FIRST_PAUSE, 2 * FIRST_PAUSE, 4 * FIRST_PAUSE]
    assert pauses[-1] == LONGEST_PAUSE


async def test_a_wait_of_nothing_is_still_a_wait(stage: Stage) -> None:
    await stage.owe()
    stage.chat.fails("ann", *[TryLater("wait", retry_after=0)] * 5)
    await stage.tick()
    assert len([chat for chat, _ in stage.chat.tried if chat == "ann"]) == 1


async def test_who_wakes_the_deliverer_is_served_at_once_and_a_stop_lets_a_send_end(stage: Stage) -> None:
    await stage.owe(2)
    stage.chat.gates["ann"] = asyncio.Event()
    made = asyncio.Event()
    follow = asyncio.create_task(stage.deliver.follow(made))
    made.set()
    async with asyncio.timeout(10):
        while len(stage.chat.titles("bob")) < 2:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    follow.cancel()
    asyncio.get_running_loop().call_later(0.1, stage.chat.gates["ann"].set)
    with pytest.raises(asyncio.CancelledError):
        await follow
    # The one under way arrived and is settled; the next one was not begun.
    assert stage.chat.titles("ann") == ["ended:1"]
    assert sorted(await stage.states()) == ["pending", "sent", "sent", "sent"]


async def test_a_failure_does_not_end_the_deliverer(stage: Stage) -> None:
    await stage.owe()
    stage.chat.fails("ann", ZeroDivisionError("oops"))
    made = asyncio.Event()
    follow = asyncio.create_task(stage.deliver.follow(made))
    with capture_logs():
        made.set()
        async with asyncio.timeout(10):
            while len(stage.chat.tried) < 2 or stage.deliver._sending:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        stage.now += FIRST_PAUSE
        async with asyncio.timeout(10):
            while stage.chat.titles("ann") == []:
                made.set()
                await asyncio.sleep(0.01)
    follow.cancel()
    await asyncio.gather(follow, return_exceptions=True)


async def test_a_clock_that_was_set_back_holds_up_nothing(stage: Stage) -> None:
    await stage.owe()
    stage.chat.fails("ann", TryLater("wait", retry_after=20 * SECOND, everywhere=True))
    stage.now += HOUR
    async with stage.database.write() as connection:
        watch = await a_watch(connection, "two")
        await listens(connection, await a_chat(connection, "cleo"), watch)
        await owed(connection, await a_session(connection, watch), at=NOW + HOUR)
    await stage.tick()
    stage.now -= HOUR
    await stage.deliver.rearm(stage.now)
    await stage.tick(LONGEST_PAUSE)
    assert [stage.chat.titles(name) for name in ("ann", "bob", "cleo")] == [["ended:1"]] * 3
