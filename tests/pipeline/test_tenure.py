"""What a process may do ends at once when another may do it, although it stood still and is late to hear of it."""

from __future__ import annotations

from bot.pipeline.deliver import Deliver
from bot.pipeline.leases import sending as to_send
from bot.pipeline.tenure import Sends
from bot.ports.chat import Post, Target
from bot.ports.message import says
from storage.database import Database
from storage.sending import Owed
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
