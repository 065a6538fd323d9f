"""Builds every part once, and closes in reverse what was opened."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from bot import notices
from bot.charts import Workshop
from bot.domain import SECOND
from bot.domain.session import DEFAULT_GRACE
from bot.notices import Notices
from bot.pipeline.cards import Cards
from bot.pipeline.deliver import Deliver
from bot.pipeline.ingest import Ingest
from bot.pipeline.leases import Leases, sending
from bot.pipeline.outage import Outage
from bot.pipeline.poll import Poll
from bot.pipeline.quiet import Morning
from bot.pipeline.recaps import Recaps
from bot.pipeline.remind import Remind
from bot.pipeline.tenure import Sends
from bot.ports.chat import Chat
from bot.ports.meter import SILENT, Meter
from bot.ports.source import Registry, Source
from bot.services.context import Services
from bot.services.memory import Remembered
from bot.writer import Writer
from handlers.dispatch import Dispatcher
from storage import installation as installations
from storage.database import Connection, Database
from storage.sending import Owed
from storage.watches import Watch


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """All that was built.

    Attributes:
        chats: By their platforms.
        sends: Those of them that this process sends to now: see ``bot.pipeline.tenure``.
    """

    database: Database
    sources: dict[str, Source]
    ingest: Ingest
    poll: Poll
    deliver: Deliver
    remind: Remind
    outage: Outage
    cards: Cards
    recaps: Recaps
    morning: Morning
    dispatcher: Dispatcher
    notices: Notices
    chats: dict[str, Chat]
    sends: dict[str, Chat]

    async def rearm(self, now: int) -> None:
        """Let no stage wait for the clock to catch up after it was set back."""
        await self.poll.rearm(now)
        await self.deliver.rearm(now)
        await self.morning.rearm(now)


@asynccontextmanager
async def build(
    *,
    database: Database,
    sources: dict[str, Source],
    chats: Sequence[Chat],
    clock: Callable[[], int],
    interval: int = 60 * SECOND,
    grace: int = DEFAULT_GRACE,
    operators: Sequence[str] = (),
    charts: bool = True,
    public_url: str | None = None,
    meter: Meter = SILENT,
    leases: Leases | None = None,
    asks: Callable[[str], bool] = lambda _: True,
) -> AsyncIterator[Parts]:
    """Open the database and put all parts together; what was opened is closed in reverse order.

    Args:
        charts: Whether recaps come with theirs.
        public_url: See ``bot.services.context.Services``.
        meter: Hears what stages do.
        leases: What this process may do, where others share the database; they begin with it.
        asks: Tells of a source, by its name, whether it is this process's to ask now.
    """
    async with AsyncExitStack() as stack:
        await database.open()
        stack.push_async_callback(database.close)
        easel = Workshop()
        stack.push_async_callback(easel.close)
        services = Services(
            database=database,
            registry=Registry(sources),
            clock=clock,
            interval=interval,
            grace=grace,
            started_at=clock(),
            easel=easel,
            public_url=public_url,
        )
        async with database.write() as connection:
            installation = await installations.key(connection)
        holder = None
        if leases is not None:
            await leases.start()
            stack.push_async_callback(leases.stop)
            holder = leases.holder
        ingest = Ingest(database, grace=grace, meter=meter, holder=holder)
        by_platform = {chat.platform: chat for chat in chats}
        sends = by_platform.copy() if leases is None else {}
        sends_now = sends if leases is None else Sends(sends, leases)

        async def may_send(connection: Connection, platform: str) -> bool:
            return leases is None or await leases.holds(connection, sending(platform))

        writer = Writer(
            database,
            clock,
            installation=installation,
            easel=easel if charts else None,
            public_url=public_url or "",
        )

        async def warn(chat: Chat, owed: Owed, why: str, *, over: bool, partly: bool = False) -> None:
            await notices.to_admin(database, chat, owed, why, over=over, partly=partly)

        told_privately = Notices(database, sends_now, operators=operators)

        async def on_gone(watch: Watch, why: str) -> None:
            await told_privately.of_account(watch, why, now=clock())

        async def on_refused(platform: str, why: str) -> None:
            await told_privately.of_source(platform, why, now=clock())

        poll = Poll(
            database,
            sources,
            ingest,
            memory=Remembered(database),
            on_gone=on_gone,
            on_refused=on_refused,
            meter=meter,
            holder=holder,
            asks=asks,
        )
        stack.push_async_callback(poll.stop)
        yield Parts(
            database=database,
            sources=sources,
            ingest=ingest,
            poll=poll,
            deliver=Deliver(
                database, sends_now, writer.post, clock=clock, warn=warn, meter=meter, may_send=may_send
            ),
            remind=Remind(database, ingest.owed),
            outage=Outage(database, ingest.owed),
            recaps=Recaps(database, sends_now, writer.recap),
            morning=Morning(database, ingest.owed),
            cards=Cards(database, sends_now, writer.card, owed=ingest.owed),
            dispatcher=Dispatcher(
                services,
                operators=operators,
                is_group=lambda platform, chat: platform in by_platform and by_platform[platform].is_group(chat),
            ),
            notices=told_privately,
            chats=by_platform,
            sends=sends,
        )
