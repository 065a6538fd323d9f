"""Builds every part once, starts them in order, stops them in reverse.

``run`` drives the pipeline by the wall clock; ``bot.play`` drives the same parts for the demo and for replays.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import structlog

from bot import notices
from bot.charts import Workshop
from bot.chats.console import ConsoleChat
from bot.domain import SECOND
from bot.domain.session import DEFAULT_GRACE
from bot.notices import Notices
from bot.pipeline.cards import Cards
from bot.pipeline.deliver import Deliver
from bot.pipeline.ingest import Ingest
from bot.pipeline.leases import UPKEEP, Alone, Held, Leases, asking, listening, sending
from bot.pipeline.outage import Outage
from bot.pipeline.poll import Poll
from bot.pipeline.prune import Prune
from bot.pipeline.prune import rules as retention_rules
from bot.pipeline.quiet import Morning
from bot.pipeline.recaps import Recaps
from bot.pipeline.remind import Remind
from bot.pipeline.schedule import Schedule, Tick, wall_clock
from bot.pipeline.tenure import Tenure
from bot.ports.chat import Chat
from bot.ports.memory import Memory
from bot.ports.meter import SILENT, Meter
from bot.ports.rooms import Bound, Rooms
from bot.ports.source import Gathers, Registry, Source
from bot.roles import ALL, Role, RolesError, written
from bot.services.context import Services
from bot.services.memory import Remembered
from bot.settings import Settings, SettingsError, door
from bot.sources import SOURCES
from bot.sources.kit import Forgetful, Kit
from bot.sources.web import Web
from bot.writer import Writer
from handlers.dispatch import Dispatcher
from storage import installation as installations
from storage import words
from storage.database import Connection, Database, is_away
from storage.sending import Owed
from storage.watches import Watch

log = structlog.get_logger(__name__)

#: How often each stage looks for work, in seconds.
POLL_EVERY = 1.0
DELIVER_EVERY = 2.0
PRUNE_EVERY = 60.0
REMIND_EVERY = 5.0
OUTAGE_EVERY = 10.0
CARDS_EVERY = 5.0
RECAPS_EVERY = 60.0
MORNING_EVERY = 10.0


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

        told_privately = Notices(database, sends, operators=operators)

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
            deliver=Deliver(database, sends, writer.post, clock=clock, warn=warn, meter=meter, may_send=may_send),
            remind=Remind(database, ingest.owed),
            outage=Outage(database, ingest.owed),
            recaps=Recaps(database, sends, writer.recap),
            morning=Morning(database, ingest.owed),
            cards=Cards(database, sends, writer.card, owed=ingest.owed),
            dispatcher=Dispatcher(
                services,
                operators=operators,
                is_group=lambda platform, chat: platform in by_platform and by_platform[platform].is_group(chat),
            ),
            notices=told_privately,
            chats=by_platform,
            sends=sends,
        )


@asynccontextmanager
async def open_sources(
    settings: Settings, *, memory: Memory | None = None, chats: Sequence[Chat] = ()
) -> AsyncIterator[dict[str, Source]]:
    """Give all sources, on the one HTTP client that closes with the block; without a memory they forget."""
    web = Web(allowed=settings.allowed_private_hosts)
    rooms = {chat.platform: chat for chat in chats if isinstance(chat, Rooms)}
    kit = Kit(web=web, settings=settings.plain(), memory=memory or Forgetful(), rooms=rooms)
    sources = {name: make(kit) for name, make in SOURCES.items()}
    try:
        yield sources
    finally:
        for source in sources.values():
            await source.close()
        await web.close()


def open_meter(settings: Settings, clock: Callable[[], int]) -> Meter:
    """Return what stages tell of their work. Nothing is kept, or loaded, where no address is set to read it at."""
    if not settings.http_address:
        return SILENT
    from bot.metrics import Metrics  # noqa: PLC0415 - see above

    return Metrics(clock=clock)


@asynccontextmanager
async def open_pages(
    settings: Settings,
    database: Database,
    *,
    meter: Meter = SILENT,
    sources: Mapping[str, Source] = MappingProxyType({}),
    chats: Sequence[Chat] = (),
) -> AsyncIterator[None]:
    """Serve the pages, health and metrics while the block runs, if an address is set; else nothing is loaded.

    Raises:
        SettingsError: The address cannot be listened at.
    """
    found = door(settings.http_address)
    if found is None:
        yield
        return
    from bot.health import watched  # noqa: PLC0415 - see above
    from bot.pages import Pages, ServeError  # noqa: PLC0415

    url = settings.public_url
    async with watched(meter, database=database, sources=sources, chats=chats, public_url=url) as more:
        pages = Pages(database, clock=wall_clock, host=found[0], port=found[1], public_url=url, more=more)
        try:
            await pages.start()
        except ServeError as error:
            raise SettingsError(str(error)) from error
        log.info("pages are served", address=settings.http_address, readers=url or "unknown")
        try:
            yield
        finally:
            await pages.stop()


def open_chats(settings: Settings, *, on_leave: Callable[[], None], shards: int | None = None) -> list[Chat]:
    """Return the chats that have a token, or the console if none has. Nothing is loaded of the others."""
    chats: list[Chat] = []
    if settings.telegram_token is not None:
        from bot.chats.telegram import TelegramChat  # noqa: PLC0415 - see above

        chats.append(
            TelegramChat(
                settings.telegram_token.get_secret_value(),
                api_url=settings.telegram_api_url,
                operators=_operators(settings, "telegram"),
            )
        )
    if settings.discord_token is not None:
        from bot.chats.discord import DiscordChat  # noqa: PLC0415

        chats.append(
            DiscordChat(
                settings.discord_token.get_secret_value(),
                api_url=settings.discord_api_url,
                operators=_operators(settings, "discord"),
                **({} if shards is None else {"shards": shards}),  # type: ignore[arg-type]
            )
        )
    return chats or [ConsoleChat(pictures=_pictures(settings), on_leave=on_leave)]


def _pictures(settings: Settings) -> Path | None:
    """Return a folder beside the database for what a terminal cannot show; None where that is no file."""
    kind, _, name = settings.database_url.get_secret_value().partition("?")[0].partition(":///")
    return Path(name).parent / "pictures" if kind == "sqlite" and name else None


def _operators(settings: Settings, platform: str) -> list[str]:
    """Return the platform's ids of those who run this bot."""
    return [one.removeprefix(f"{platform}:") for one in settings.operators if one.startswith(f"{platform}:")]


async def run(
    settings: Settings,
    *,
    on_end: Callable[[], None],
    clock: Callable[[], int] = wall_clock,
    charts: bool = True,
    roles: frozenset[Role] = ALL,
    shards: int | None = None,
) -> None:
    """Run for real until SIGTERM, SIGINT or the person at the console leaves; ``on_end`` hears of it at once.

    Args:
        clock: Gives the present moment.
        charts: Whether recaps come with theirs.
        roles: What this process does, where others share the database.
        shards: How many connections Discord is asked for; None: as many as it recommends.

    Raises:
        RolesError: Not all roles, and a database that no other process can have.
    """
    leave = asyncio.Event()

    def end() -> None:
        if not leave.is_set():
            leave.set()
            on_end()

    meter = open_meter(settings, clock)
    database = Database(settings.database_url.get_secret_value(), meter=meter)
    if roles != ALL and not database.shared:
        raise RolesError(
            "--roles: an SQLite file is for one process, which does all. "
            "Leave --roles out, or set DATABASE_URL=postgresql://..."
        )
    chats = open_chats(settings, on_leave=end, shards=shards) if roles & {Role.DELIVER, Role.CHAT} else []
    leases = Leases(database, roles=written(roles), meter=meter) if database.shared else None
    async with (
        open_sources(settings, memory=Remembered(database), chats=chats) as sources,
        build(
            database=database,
            sources=sources,
            chats=chats,
            clock=clock,
            charts=charts,
            meter=meter,
            leases=leases,
            asks=_asks(sources, roles, leases or Alone()),
            interval=round(settings.poll_interval_seconds * SECOND),
            grace=round(settings.session_grace_seconds * SECOND),
            operators=settings.operators,
            public_url=settings.public_url if settings.http_address else None,
        ) as parts,
        open_pages(settings, database, meter=meter, sources=sources, chats=chats),
    ):
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, end)
        async with _at_work(parts, settings, roles=roles, leases=leases, clock=clock, meter=meter):
            log.info("milepost runs", chats=", ".join(parts.chats), database=database.shown, roles=written(roles))
            await leave.wait()
            log.info("milepost stops")


def _asks(sources: Mapping[str, Source], roles: frozenset[Role], held: Held) -> Callable[[str], bool]:
    """Return what tells of a source whether it is this process's to ask now.

    Sources whose calls are counted or shared by many watches are asked by one process at a time: batches stay
    whole, and limits hold. What only a connected chat knows is asked by the process that is connected.
    """
    counted = {name for name, one in sources.items() if one.purse is not None or isinstance(one, Gathers)}
    if Role.POLL in roles:
        held.want(UPKEEP, *map(asking, counted))

    def asks(name: str) -> bool:
        source = sources[name]
        if isinstance(source, Bound):
            return Role.CHAT in roles and held.held(listening(source.of_chat))
        return Role.POLL in roles and (name not in counted or held.held(asking(name)))

    return asks


@asynccontextmanager
async def _at_work(
    parts: Parts,
    settings: Settings,
    *,
    roles: frozenset[Role],
    leases: Leases | None,
    clock: Callable[[], int],
    meter: Meter,
) -> AsyncIterator[None]:
    """Let all stages of these roles tick while the block runs."""
    held: Held = leases or Alone()
    parts.sends.clear()  # until what a former process had leased is taken back
    schedule = Schedule(clock, meter=meter)
    kept = retention_rules(
        days=settings.retention_days,
        youtube_days=settings.youtube_retention_days,
        youtube_figures_days=settings.youtube_figures_days,
        x_days=settings.x_retention_days,
    )
    prune = Prune(parts.database, kept, on_deleted=parts.ingest.recall)
    wake = asyncio.Event() if leases is not None else parts.ingest.owed
    tenure = Tenure(
        list(parts.chats.values()),
        held,
        listener=parts.dispatcher if Role.CHAT in roles else None,
        sends=parts.sends if Role.DELIVER in roles else None,
        take_back=parts.deliver.begin,
        wake=wake,
    )

    def alone(tick: Tick) -> Tick:
        """Let one process at a time do what is done for all."""

        async def if_held(now: int) -> None:
            if held.held(UPKEEP):
                await tick(now)

        return if_held

    await parts.rearm(clock())  # the clock may have been set back while nobody ran
    if Role.POLL in roles:
        await parts.poll.begin_anew(clock())
    async with AsyncExitStack() as stack:
        stack.push_async_callback(tenure.stop)
        if leases is not None:
            await stack.enter_async_context(_talking(parts, leases, wake))
        if Role.DELIVER in roles:
            await stack.enter_async_context(_background(parts.deliver.follow(wake), name="deliver"))
        stack.push_async_callback(schedule.stop)
        await tenure.start()
        schedule.every(POLL_EVERY, parts.poll.begin, name="poll")
        if Role.DELIVER in roles:
            schedule.every(DELIVER_EVERY, parts.deliver.tick, name="deliver")
            schedule.every(DELIVER_EVERY, parts.notices.tick, name="notices")
            schedule.every(CARDS_EVERY, parts.cards.tick, name="cards")
            schedule.every(RECAPS_EVERY, parts.recaps.tick, name="recaps")
        if Role.POLL in roles:
            schedule.every(PRUNE_EVERY, alone(prune.tick), name="prune")
            schedule.every(REMIND_EVERY, alone(parts.remind.tick), name="remind")
            schedule.every(OUTAGE_EVERY, alone(parts.outage.tick), name="outage")
            schedule.every(MORNING_EVERY, alone(parts.morning.tick), name="morning")
        schedule.watch_clock(parts.rearm)
        schedule.start()
        yield


@asynccontextmanager
async def _background(work: Coroutine[Any, Any, object], *, name: str) -> AsyncIterator[None]:
    """Let something run while the block does."""
    task = asyncio.create_task(work, name=name)
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@asynccontextmanager
async def _talking(parts: Parts, leases: Leases, wake: asyncio.Event) -> AsyncIterator[None]:
    """Tell other processes when deliveries are owed, and hear of theirs; the next tick mends what is missed."""

    async def speak() -> None:
        while True:
            await parts.ingest.owed.wait()
            parts.ingest.owed.clear()
            wake.set()
            try:
                await words.say(parts.database, leases.holder)
            except Exception as error:
                if not is_away(error):
                    raise

    async def listen() -> None:
        while True:
            try:
                await words.hear(parts.database, leases.holder, wake.set)
            except Exception as error:
                if not is_away(error):
                    raise
            await asyncio.sleep(words.AGAIN)

    async with _background(speak(), name="speak"), _background(listen(), name="hear"):
        yield
