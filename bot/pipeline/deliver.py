"""Sends what is owed: lease, render, take a turn, send, settle.

A delivery is settled after it was sent, so a kill in between sends it again; platforms that can tell are given
the same delivery id, so theirs is no second post. One send a lane (a chat, or a channel of it) is under way at a
time, which keeps their order. Every send is a task of its own, and nobody waits for one that hangs: a slow or
dead chat holds up no other.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

import structlog

from bot.domain import MINUTE, SECOND
from bot.domain.quiet import QUIET_HOURS, Mode
from bot.domain.sentence import N_
from bot.pipeline.quiet import verdict
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
    lane,
)
from bot.ports.meter import SILENT, Meter
from storage import chats as chat_store
from storage import held, sending
from storage.database import Connection, Database, is_away
from storage.sending import Owed

log = structlog.get_logger(__name__)

#: How many deliveries of a platform are taken up at once: a few are on their way, the others wait their turn.
SENDS_AT_ONCE = 32
#: So many times as many are looked through at once where quiet hours keep all of them back.
MOST_AT_ONCE = 64
LONGEST_SEND_SECONDS = 20
#: A round of sends is waited for so long before the next deliveries of the other chats are taken.
PATIENCE_SECONDS = 0.25
#: At the end, sends under way get so long to arrive and be settled: what is cut off is sent again.
LAST_SECONDS = 2
#: Longer than a turn and a send may take: when it runs out, its holder is dead.
LEASE = MINUTE
#: What waits is looked through so often for what has grown too old; what is sent is looked at itself.
EXPIRE_EVERY = 10 * SECOND
#: And so often all that waits; between, only what grew too old since the last time.
LOOK_EVERY = 10 * MINUTE
SHORTEST_PAUSE = SECOND
FIRST_PAUSE = 5 * SECOND
#: What a permission is missing for is tried again more slowly: an admin has to do something first.
FIRST_PAUSE_NOT_PERMITTED = MINUTE
LONGEST_PAUSE = 15 * MINUTE

Render = Callable[[Owed], Awaitable[Post | None]]


class Warn(Protocol):
    """Writes to an admin why a delivery cannot arrive.

    Args:
        over: No more will be tried: the place is gone.
        partly: It did arrive, without its picture or file.
    """

    async def __call__(self, chat: Chat, owed: Owed, why: str, *, over: bool, partly: bool = False) -> None: ...


Clock = Callable[[], int]
MaySend = Callable[[Connection, str], Awaitable[bool]]


async def _anybody(_connection: Connection, _platform: str) -> bool:
    return True


class Deliver:
    """The stage that sends.

    Args:
        render: Writes a delivery; None if nobody wants it any more.
        warn: Tells an admin what only an admin can mend.
        patience: Seconds; see ``PATIENCE_SECONDS``.
        may_send: Tells whether this process sends to a platform, and does until a transaction has ended.
    """

    def __init__(
        self,
        database: Database,
        chats: Mapping[str, Chat],
        render: Render,
        *,
        clock: Clock,
        warn: Warn | None = None,
        patience: float = PATIENCE_SECONDS,
        may_send: MaySend = _anybody,
        meter: Meter = SILENT,
    ) -> None:
        self._database = database
        self._chats = chats
        self._render = render
        self._warn = warn
        self._clock = clock
        self._patience = patience
        self._may_send = may_send
        self._meter = meter
        self._lock = asyncio.Lock()
        self._expired_at = self._looked_at = 0
        #: Deliveries taken up, and the platform and lane of each.
        self._sending: dict[asyncio.Task[None], tuple[str, str]] = {}
        #: Of whose posts it was told in this run what keeps pictures and files from them.
        self._told_partly: set[tuple[int, str]] = set()
        #: Those of them that wait their turn.
        self._waiting: dict[asyncio.Task[None], int] = {}

    async def begin(self, platforms: Sequence[str] | None = None) -> None:
        """Take back what a process that died had leased: nobody else sends to these chats.

        The clock may have been set back since: nothing waits for it.
        """
        taken = list(self._chats) if platforms is None else platforms
        async with self._database.write() as connection:
            await sending.release(connection, taken)
            await sending.rearm(
                connection, taken, now=self._clock(), lease=LEASE, first=FIRST_PAUSE, pause=LONGEST_PAUSE
            )

    async def tick(self, now: int) -> None:
        """Send all that is owed and due, and wait until it is settled.

        Raises:
            Exception: A chat failed in a way it should not, or the database did; the others were sent.
        """
        wrong: list[BaseException] = []
        while await self._start(now):
            self._meter.comes_forward("deliver")
            if not self._sending:  # it ended while the next were looked for: what stood behind it is next
                continue
            done, _ = await asyncio.wait(self._sending, timeout=self._patience)
            wrong += [error for task in done if not task.cancelled() and (error := task.exception()) is not None]
            now = max(now, self._clock())
        if wrong:
            raise wrong[0]

    async def rearm(self, now: int) -> None:
        """Let nothing wait for the clock to catch up after it was set back."""
        async with self._database.write() as connection:
            await sending.rearm(
                connection, list(self._chats), now=now, lease=LEASE, first=FIRST_PAUSE, pause=LONGEST_PAUSE
            )

    async def follow(self, owed: asyncio.Event) -> None:
        """Send at once whenever a transaction made deliveries; ends when it is cancelled."""
        try:
            while True:
                await owed.wait()
                owed.clear()
                try:
                    await self.tick(self._clock())
                except Exception as error:  # the next tick tries again; the loop must live
                    if not is_away(error):  # which the ticks tell of, once
                        log.exception("delivering failed and will be tried again")
        finally:
            await self.finish()

    async def finish(self) -> None:
        """Let sends under way arrive and be settled, so that nothing is sent twice after a clean stop."""
        if not self._sending:
            return
        unsent = dict(self._waiting)
        # Of a platform that another process sends to by now, that one takes them back.
        ours = [id_ for task, id_ in unsent.items() if self._sending[task][0] in self._chats]
        for task in unsent:
            task.cancel()
        _, hanging = await asyncio.wait(self._sending, timeout=LAST_SECONDS)
        for task in hanging:
            task.cancel()
        await asyncio.gather(*hanging, return_exceptions=True)
        if ours:
            await self._database.lastly(lambda connection: sending.give_back(connection, ours))

    async def _start(self, now: int) -> bool:
        """Begin to send the oldest delivery of each lane; tell whether anything is under way, or was just now."""
        async with self._lock:
            was_sending = bool(self._sending)
            for chat in list(self._chats.values()):
                under_way = {lane for platform, lane in self._sending.values() if platform == chat.platform}
                free = SENDS_AT_ONCE - len(under_way)
                if free <= 0 or chat.pace.held() > 0:
                    continue
                for owed, silent in await self._take(chat, now, free=free, busy=under_way):
                    target = Target(chat=owed.chat_key, topic=owed.topic or None)
                    task = asyncio.create_task(
                        self._one(owed, chat, target, now=now, silent=silent), name=f"deliver {owed.id}"
                    )
                    self._sending[task] = (chat.platform, lane(chat, target))
                    task.add_done_callback(self._sent)
        return was_sending or bool(self._sending)

    def _sent(self, task: asyncio.Task[None]) -> None:
        del self._sending[task]
        self._waiting.pop(task, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a delivery failed and will be tried again", why=repr(error))

    async def _take(self, chat: Chat, now: int, *, free: int, busy: Collection[str]) -> list[tuple[Owed, bool]]:
        """Lease what may be sent now, with whether it shall make no sound."""
        taken: list[tuple[Owed, bool]] = []
        at_once = 1
        while len(taken) < free:
            if abs(now - self._expired_at) >= EXPIRE_EVERY:
                async with self._database.write() as connection:
                    whole = abs(now - self._looked_at) >= LOOK_EVERY
                    expired = await sending.expire(connection, now, since=None if whole else self._expired_at)
                for platform, count in expired.items():
                    self._meter.settled(platform, state="expired", count=count)
                self._looked_at = now if whole else self._looked_at
                self._expired_at = now
            async with self._database.write(turn=False) as connection:
                if not await self._may_send(connection, chat.platform):
                    break
                leased = await sending.lease(
                    connection,
                    platform=chat.platform,
                    by_topic=chat.by_topic,
                    now=now,
                    until=now + LEASE,
                    limit=(free - len(taken)) * at_once,
                    busy={*busy, *chat.pace.blocked()},
                )
                through = await self._let_through(connection, leased, now)
                too_many = [owed.id for owed, _ in through[free - len(taken) :]]
                if too_many:
                    await sending.give_back(connection, too_many)
            taken += through[: free - len(taken)]
            if len(through) == len(leased):
                break  # what stood behind what is kept back is next
            # Where quiet hours keep everything back, there may be a hundred thousand behind it.
            at_once = 1 if through else min(4 * at_once, MOST_AT_ONCE)
        return taken

    async def _let_through(
        self, connection: Connection, leased: Sequence[Owed], now: int
    ) -> list[tuple[Owed, bool]]:
        """Return what may be sent now, with whether it shall make no sound; keep what quiet hours hold or drop."""
        through: list[tuple[Owed, bool]] = []
        kept: dict[int, list[int]] = defaultdict(list)
        dropped: list[Owed] = []
        for owed in leased:
            found = verdict(owed, now)
            if found is None or found.mode in {Mode.SEND, Mode.SILENT}:
                through.append((owed, found is not None and found.mode is Mode.SILENT))
            elif found.mode is Mode.HOLD:
                kept[found.until].append(owed.id)
            else:
                dropped.append(owed)
        for until, ids in kept.items():
            await held.hold(connection, ids, until=until)
        if dropped:
            await sending.give_up(connection, [owed.id for owed in dropped], now=now, error=QUIET_HOURS)
            self._meter.settled(dropped[0].chat_platform, state="expired", count=len(dropped))
        return through

    async def _one(self, owed: Owed, chat: Chat, target: Target, *, now: int, silent: bool) -> None:
        post = await self._written(owed, now, silent=silent)
        if post is None or not await self._may_leave(owed, chat, target):
            return
        try:
            async with asyncio.timeout(LONGEST_SEND_SECONDS):
                key = await chat.send(post)
        except TryLater as error:
            if not error.alone:
                chat.pace.hold(error.retry_after / SECOND, None if error.everywhere else lane(chat, target))
            await self._again(owed, error.retry_after, error.told)
        except Partly as error:
            await self._arrived(owed, post, error.key, lacks=error.told)
            await self._warn_partly(owed, chat, error.told)
        except ChatMoved as error:
            async with self._database.write() as connection:
                await chat_store.move(
                    connection, platform=owed.chat_platform, old=owed.chat_key, new=error.key, now=now
                )
            await self._again(owed, 0, error.told)
        except (ChatGone, TopicGone) as error:
            await self._gone(owed, chat, error, now=now)
        except NotPermitted as error:
            await self._again(owed, _pause(owed, FIRST_PAUSE_NOT_PERMITTED), error.told)
            await self._warn_once(owed, chat, error.told)
        except (MessageGone, Refused) as error:
            await self._settle(owed, "dead", now, error=error.told)
            log.warning("a post was not taken", platform=owed.chat_platform, why=str(error))
        except (SendError, TimeoutError) as error:  # unsure: it may be sent twice
            why = error.told if isinstance(error, SendError) else N_("no answer")
            await self._again(owed, _pause(owed, FIRST_PAUSE), why)
        except Exception as error:  # of a kind that no chat should raise; the others must go on
            await self._again(owed, _pause(owed, FIRST_PAUSE), f"internal: {error!r}")
            raise
        else:
            await self._arrived(owed, post, key)

    async def _written(self, owed: Owed, now: int, *, silent: bool) -> Post | None:
        """Return a delivery as it is to be read, or settle it: nobody is to read it."""
        if owed.expires_at < now and owed.digest_id is None:
            await self._settle(owed, "expired", now)
            return None
        task = asyncio.current_task()
        assert task is not None
        self._waiting[task] = owed.id  # a recap's chart takes a moment: nothing has left yet
        try:
            post = await self._render(owed)
        except Exception as error:  # one alert that cannot be written must not stop the rest
            if is_away(error):
                await self._again(owed, SHORTEST_PAUSE, N_("the database could not be reached"))
                return None
            log.exception("an alert could not be written", delivery=owed.id, kind=owed.kind)
            await self._settle(owed, "dead", now, error=f"not written: {type(error).__name__}")
            return None
        finally:
            self._waiting.pop(task, None)
        if post is None:
            await self._settle(
                owed, "expired", now, error=N_("muted, no longer true, or nobody is subscribed any more")
            )
            return None
        return replace(post, silent=True, mention=None) if silent else post

    async def _may_leave(self, owed: Owed, chat: Chat, target: Target) -> bool:
        """Wait until the platform's limits let a post leave; tell whether they do before long."""
        task = asyncio.current_task()
        assert task is not None
        self._waiting[task] = owed.id
        try:
            wait = await chat.pace.turn(lane(chat, target), group=chat.is_group(target.chat))
        finally:
            del self._waiting[task]
        if chat.platform not in self._chats:  # another process sends by now, and takes back what was leased here
            return False
        if wait:
            await self._again(owed, round(wait * SECOND), N_("the platform's limit"))
        return not wait

    async def _arrived(self, owed: Owed, post: Post, key: str | None, *, lacks: str | None = None) -> None:
        """Write down that it has been sent; ``lacks`` is why a part of it did not arrive."""
        now = self._clock()

        async def write_down(connection: Connection) -> None:
            if owed.digest_id is None:
                await sending.settle(
                    connection, owed.id, state="sent", now=now, message_key=key, mention=post.mention, error=lacks
                )
            else:
                await held.settle(connection, owed.digest_id, post.tells, now=now, message_key=key)
            if post.mention is not None:
                await chat_store.change_subscription(connection, owed.subscription_id, mentioned_at=now)
            if owed.problem is not None:
                await chat_store.change_subscription(connection, owed.subscription_id, problem=None)

        # It has been sent: while that cannot be written down, nobody may send it again.
        await self._database.surely(write_down, turn=False)
        self._meter.settled(owed.chat_platform, state="sent", count=max(1, len(post.tells)))
        if owed.digest_id is None and not owed.late:
            self._meter.sent(owed.chat_platform, lag=now - owed.at)

    async def _gone(self, owed: Owed, chat: Chat, error: ChatGone | TopicGone, *, now: int) -> None:
        """End what comes to a place that is no longer there; its settings stay."""
        async with self._database.write() as connection:
            if await sending.is_ours(connection, owed):
                if owed.digest_id is not None:
                    await held.give_up(connection, owed.digest_id, now=now)
                await sending.settle(connection, owed.id, state="dead", now=now, error=error.told)
            if isinstance(error, TopicGone) and owed.topic:
                ended = await chat_store.disable_topic(
                    connection, owed.chat_id, owed.topic, now=now, why=error.told
                )
                await sending.drop(connection, subscription_ids=ended, now=now, error=error.told)
            elif isinstance(error, ChatGone):
                await chat_store.disable(connection, owed.chat_id, now=now, why=error.told)
        self._meter.settled(owed.chat_platform, state="dead")
        log.warning("a place is gone", platform=owed.chat_platform, why=str(error))
        if isinstance(error, TopicGone):
            await self._warn_once(owed, chat, error.told, over=True)

    async def _warn_once(self, owed: Owed, chat: Chat, problem: str, *, over: bool = False) -> None:
        """Tell the admin who set it up what is wrong, once for as long as something is."""
        if owed.problem != problem:
            async with self._database.write() as connection:
                await chat_store.change_subscription(connection, owed.subscription_id, problem=problem)
        if owed.problem is not None:
            return
        log.warning("a post was not taken", platform=owed.chat_platform, why=problem)
        await self._tell_admin(owed, chat, problem, over=over)

    async def _warn_partly(self, owed: Owed, chat: Chat, problem: str) -> None:
        """Tell the admin, once in a run, what is missing for the pictures or files: the alerts themselves come."""
        if (owed.subscription_id, problem) in self._told_partly:
            return
        self._told_partly.add((owed.subscription_id, problem))
        log.warning("a post arrived without its picture or file", platform=owed.chat_platform, why=problem)
        await self._tell_admin(owed, chat, problem, over=False, partly=True)

    async def _tell_admin(self, owed: Owed, chat: Chat, problem: str, *, over: bool, partly: bool = False) -> None:
        if self._warn is None:
            return
        try:
            async with asyncio.timeout(LONGEST_SEND_SECONDS):
                await self._warn(chat, owed, problem, over=over, partly=partly)
        except (SendError, TimeoutError) as error:  # they take no messages: /watches says it, too
            log.info("an admin could not be told", platform=owed.chat_platform, why=str(error) or "no answer")

    async def _settle(
        self, owed: Owed, state: str, now: int, *, key: str | None = None, error: str | None = None
    ) -> None:
        async def write_down(connection: Connection) -> None:
            if not await sending.is_ours(connection, owed):
                return
            if owed.digest_id is not None:
                await held.give_up(connection, owed.digest_id, now=now)
            await sending.settle(connection, owed.id, state=state, now=now, message_key=key, error=error)

        await self._database.surely(write_down, turn=False)
        self._meter.settled(owed.chat_platform, state=state)

    async def _again(self, owed: Owed, pause: int, error: str) -> None:
        """Owe it again after a pause, which counts from now: the send itself may have taken long."""
        due_at = self._clock() + max(pause, SHORTEST_PAUSE)

        async def write_down(connection: Connection) -> None:
            if await sending.is_ours(connection, owed):
                await sending.put_back(connection, owed.id, due_at=due_at, error=error)

        await self._database.surely(write_down, turn=False)
        self._meter.put_back(owed.chat_platform)


def _pause(owed: Owed, first: int) -> int:
    """Return how long to wait before the next try: twice as long each time."""
    pause: int = first * 2 ** min(owed.attempts - 1, 20)
    return min(pause, LONGEST_PAUSE)
