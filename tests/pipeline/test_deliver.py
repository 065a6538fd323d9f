from __future__ import annotations

import pytest

from bot.domain import HOUR, MINUTE, SECOND
from bot.pipeline.deliver import FIRST_PAUSE, LEASE, Deliver
from bot.ports.chat import (
    ChatGone,
    ChatMoved,
    MessageGone,
    NotPermitted,
    Post,
    Refused,
    SendError,
    Target,
    TopicGone,
    TryLater,
    Unsure,
)
from bot.ports.message import says
from storage import outbox
from storage.database import Database
from storage.outbox import Owed
from tests.fakes.chat import FakeChat
from tests.fakes.clock import NOW
from tests.fakes.rows import a_chat, a_session, a_watch, listens, owed, rows


class Stage:
    """A deliverer with a fake chat platform, a clock that stands still, and alerts owed to ann and bob."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.chat = FakeChat()
        self.now = NOW
        self.deliver = Deliver(database, {"fake": self.chat}, self.render, clock=lambda: self.now)

    async def render(self, owed: Owed) -> Post | None:
        return Post(
            delivery=owed.id,
            target=Target(chat=owed.chat_key),
            message=says(owed.key),
            stamp="",
            replaces=None,
            facts={},
        )

    async def owe(self, count: int = 1) -> None:
        async with self.database.write() as connection:
            watch = await a_watch(connection)
            for name in ("ann", "bob"):
                await listens(connection, await a_chat(connection, name), watch)
            await owed(connection, await a_session(connection, watch), count=count)

    async def tick(self, later: int = 0) -> None:
        self.now += later
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


@pytest.mark.parametrize("error", [NotPermitted("no"), TopicGone("no"), MessageGone("no"), Refused("no")])
async def test_what_will_never_be_taken_is_given_up_and_the_next_one_is_sent(
    stage: Stage, error: SendError
) -> None:
    await stage.owe(2)
    stage.chat.fails("ann", error)
    await stage.tick()
    assert stage.chat.titles("ann") == ["ended:2"]
    assert stage.chat.titles("bob") == ["ended:1", "ended:2"]
    assert sorted(await stage.states()) == ["dead", "sent", "sent", "sent"]


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
        leased = await outbox.lease(connection, platforms=["fake"], now=NOW, until=NOW + LEASE, limit=8)
    assert len(leased) == 2
    await stage.tick()
    assert stage.chat.posts == []
    await stage.deliver.begin()
    await stage.tick()
    assert len(stage.chat.posts) == 2


async def test_what_is_older_than_its_worth_is_not_sent(stage: Stage) -> None:
    await stage.owe()
    await stage.tick(25 * HOUR)
    assert stage.chat.posts == []
    assert set(await stage.states()) == {"expired"}
