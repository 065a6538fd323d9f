"""One alert for a thousand chats, in virtual time: one of them dead, one slow, one asked to wait."""

from __future__ import annotations

from bisect import bisect_left

from structlog.testing import capture_logs

from bot.domain import SECOND
from bot.pipeline.deliver import Deliver
from bot.ports.chat import ChatGone, Post, Target, TryLater
from bot.ports.message import says
from bot.ports.pace import Limits, Pace
from storage.database import Database
from storage.sending import Owed
from tests.fakes.chat import FakeChat
from tests.fakes.clock import NOW
from tests.fakes.rows import a_chat, a_session, a_watch, listens, owed, rows
from tests.fakes.time import Virtual

#: Fewer on PostgreSQL: what is under way must not take so long, in real time, that it counts as unanswered.
SQLITE_CHATS, POSTGRES_CHATS = 1000, 250
#: Seconds that a send takes, and that the slow chat's takes: nearly as long as is waited at all.
USUAL, SLOW = 0.08, 18.0
TELEGRAM = Limits(a_second=30, a_second_a_lane=1, a_minute_a_group=20)
DISCORD = Limits(a_second=50, a_second_a_lane=1)
#: While fewer wait their turn, more are taken up before time goes on.
ENOUGH = 8
DEAD, SLEEPY, LIMITED = "chat 100", "chat 200", "chat 150"


class Platform(FakeChat):
    """A platform that takes its time, in virtual seconds, and keeps books of when it was asked."""

    def __init__(self, limits: Limits, time: Virtual) -> None:
        super().__init__(pace=Pace(limits, clock=time, sleep=time.sleep))
        self.time = time
        self.asked: list[tuple[float, str]] = []
        self.flying = 0

    def is_group(self, chat: str) -> bool:
        return True

    async def send(self, post: Post) -> str | None:
        chat = post.target.chat
        self.asked.append((self.time.now, chat))
        self.flying += 1
        await self.time.sleep(SLOW if chat == SLEEPY else USUAL)
        self.flying -= 1
        return await super().send(post)


#: After so many looks without anything that has to be waited for, time passes all the same.
STALLED = 3_000


async def test_many_chats_are_told_as_fast_as_the_platform_lets_one(database: Database) -> None:
    # Each is walked, on an engine of its own.
    limits, chats = (DISCORD, POSTGRES_CHATS) if database.shared else (TELEGRAM, SQLITE_CHATS)
    time = Virtual()
    platform = Platform(limits, time)

    async def render(owed: Owed) -> Post:
        target = Target(chat=owed.chat_key)
        return Post(delivery=owed.id, target=target, message=says(owed.key), stamp="", replaces=None, facts={})

    deliver = Deliver(
        database,
        {"fake": platform},
        render,
        clock=lambda: NOW + round(time.now * SECOND),
        patience=0.02,
    )
    async with database.write() as connection:
        watch = await a_watch(connection)
        for number in range(chats):
            await listens(connection, await a_chat(connection, f"chat {number}"), watch)
        await owed(connection, await a_session(connection, watch))
    platform.fails(DEAD, ChatGone("kicked"))
    platform.fails(LIMITED, TryLater("wait", retry_after=12 * SECOND))
    with capture_logs():
        looks = 0

        def idle() -> bool:
            """Tell whether all that is under way waits for time to pass, and nothing for the database.

            What was put back for later waits for time as well, and is not under way: seen by nothing happening.
            """
            nonlocal looks
            looks += 1
            if is_waiting() or looks > STALLED:
                looks = 0
                return True
            return False

        def is_waiting() -> bool:
            under_way = len(deliver._waiting) + platform.flying
            if under_way != len(deliver._sending) or deliver._lock.locked():
                return False
            left = chats - len({chat for _, chat in platform.asked}) - len(deliver._waiting)
            return left <= 0 or len(deliver._waiting) >= ENOUGH  # who is tried again counts twice

        await time.run(deliver.tick(NOW), idle=idle)
        took = max(at for at, chat in platform.asked if chat != LIMITED) + USUAL
        time.now += 12
        await time.run(deliver.tick(NOW + round(time.now * SECOND)), idle=idle)
    arrived = [post.target.chat for post in platform.posts]
    assert len(arrived) == len(set(arrived)) == chats - 1
    assert set(arrived) == {f"chat {number}" for number in range(chats)} - {DEAD}
    assert limits.a_second is not None
    assert took <= 1.1 * chats / limits.a_second
    moments = sorted(at for at, _ in platform.asked)
    violations = sum(bisect_left(moments, at + 1) - place > limits.a_second for place, at in enumerate(moments))
    assert violations == 0
    (again, first) = sorted((at for at, chat in platform.asked if chat == LIMITED), reverse=True)
    assert again - first >= 12
    async with database.read() as connection:
        found = await rows(connection, "chat", "key", "disabled_why")
    assert [key for key, why in found if why == "kicked"] == [DEAD]
