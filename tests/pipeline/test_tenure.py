"""What a process may do ends at once when another may do it, although it stood still and is late to hear of it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from bot.pipeline.deliver import Deliver
from bot.pipeline.leases import Alone
from bot.pipeline.leases import sending as to_send
from bot.pipeline.tenure import Sends, Tenure
from bot.ports.chat import Chat, Post, Target
from bot.ports.message import says
from bot.ports.pace import Limits, Pace
from storage.database import Database
from storage.sending import Owed
from tests.contracts.chats import Heard
from tests.fakes.chat import FakeChat
from tests.fakes.clock import NOW
from tests.fakes.rows import a_chat, a_session, a_watch, listens, owed, rows


class Told:
    """Fills ``bot.pipeline.leases.Held``: holds what it is told."""

    holder = "a"

    def __init__(self, *names: str) -> None:
        self.names = set(names)

    def held(self, name: str) -> bool:
        return name in self.names

    def want(self, *names: str) -> None:
        """Nobody else is there."""


async def test_what_is_about_to_leave_stays_when_another_process_may_send(database: Database) -> None:
    async with database.write() as connection:
        watch = await a_watch(connection)
        await listens(connection, await a_chat(connection, "ann"), watch)
        await owed(connection, await a_session(connection, watch))
    held, chat = Told(to_send("fake")), FakeChat()

    async def render(one: Owed) -> Post:
        held.names.clear()  # as if it had stood still here
        return Post(
            delivery=one.id,
            target=Target(chat=one.chat_key),
            message=says(one.key),
            stamp="",
            replaces=None,
            facts={},
        )

    sends = Sends({"fake": chat}, held)
    assert list(sends) == ["fake"]
    assert "fake" in sends
    await Deliver(database, sends, render, clock=lambda: NOW).tick(NOW)
    assert chat.tried == []
    assert len(sends) == 0
    async with database.read() as connection:
        assert await rows(connection, "delivery", "state") == [("leased",)]  # for the other to take back


class Slow(FakeChat):
    """A chat that takes a while to open, as real ones do."""

    async def open(self) -> None:
        await asyncio.sleep(0)
        await asyncio.sleep(0)


async def test_a_process_that_is_alone_has_the_whole_limit_of_a_group_at_once() -> None:
    now = 0.0
    chat, wake = Slow(pace=Pace(Limits(a_minute_a_group=20), clock=lambda: now)), asyncio.Event()
    sends: dict[str, Chat] = {}

    async def take_back(_: Sequence[str]) -> None:
        """Nothing was left by anybody."""

    tenure = Tenure([chat], Alone(), listener=Heard(), sends=sends, take_back=take_back, wake=wake)
    await tenure.start()
    try:
        await asyncio.wait_for(wake.wait(), 10)
        for number in range(19):
            now = float(number)
            chat.pace.note("group", group=True)
        assert chat.pace.wait("group", group=True) == 0
    finally:
        await tenure.stop()
