"""Builds every part once, starts them in order, stops them in reverse.

``run`` drives the pipeline by the wall clock; ``bot.play`` drives the same parts for the demo and for replays.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import structlog

from bot import notices
from bot.charts import Workshop
from bot.chats.console import ConsoleChat
from bot.domain import SECOND
from bot.domain.session import DEFAULT_GRACE
from bot.pipeline.cards import Cards
from bot.pipeline.deliver import Deliver
from bot.pipeline.ingest import Ingest
from bot.pipeline.outage import Outage
from bot.pipeline.poll import Poll
from bot.pipeline.prune import Prune
from bot.pipeline.prune import rules as retention_rules
from bot.pipeline.quiet import Morning
from bot.pipeline.recaps import Recaps
from bot.pipeline.remind import Remind
from bot.pipeline.schedule import Schedule, wall_clock
from bot.ports.chat import Chat
from bot.ports.memory import Memory
from bot.ports.meter import SILENT, Meter
from bot.ports.rooms import Rooms
from bot.ports.source import Registry, Source
from bot.services.context import Services
from bot.services.memory import Remembered
from bot.settings import Settings, SettingsError, door
from bot.sources import SOURCES
from bot.sources.kit import Forgetful, Kit
from bot.sources.web import Web
from bot.texts import warning
from bot.texts.words import Words
from bot.writer import Writer
from handlers.dispatch import Dispatcher
from storage import installation as installations
from storage.database import Database
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
    """All that was built."""

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
    chats: dict[str, Chat]

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
) -> AsyncIterator[Parts]:
    """Open the database and put all parts together; what was opened is closed in reverse order.

    Args:
        charts: Whether recaps come with theirs.
        public_url: See ``bot.services.context.Services``.
        meter: Hears what stages do.
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
        ingest = Ingest(database, grace=grace, meter=meter)
        by_platform = {chat.platform: chat for chat in chats}

        writer = Writer(
            database,
            clock,
            installation=installation,
            easel=easel if charts else None,
            public_url=public_url or "",
        )

        async def warn(chat: Chat, owed: Owed, why: str, *, over: bool, partly: bool = False) -> None:
            await notices.to_admin(database, chat, owed, why, over=over, partly=partly)

        async def on_gone(watch: Watch, why: str) -> None:
            await notices.of_account(database, by_platform, watch, why)

        async def on_refused(platform: str, why: str) -> None:
            await notices.to_operators(by_platform, operators, warning.source(platform, why=why, words=Words()))

        poll = Poll(
            database,
            sources,
            ingest,
            memory=Remembered(database),
            on_gone=on_gone,
            on_refused=on_refused,
            meter=meter,
        )
        stack.push_async_callback(poll.stop)
        yield Parts(
            database=database,
            sources=sources,
            ingest=ingest,
            poll=poll,
            deliver=Deliver(database, by_platform, writer.post, clock=clock, warn=warn, meter=meter),
            remind=Remind(database, ingest.owed),
            outage=Outage(database, ingest.owed),
            recaps=Recaps(database, by_platform, writer.recap),
            morning=Morning(database, ingest.owed),
            cards=Cards(database, by_platform, writer.card, owed=ingest.owed),
            dispatcher=Dispatcher(
                services,
                operators=operators,
                is_group=lambda platform, chat: platform in by_platform and by_platform[platform].is_group(chat),
            ),
            chats=by_platform,
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


def open_chats(settings: Settings, *, on_leave: Callable[[], None]) -> list[Chat]:
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
) -> None:
    """Run for real until SIGTERM, SIGINT or the person at the console leaves; ``on_end`` hears of it at once.

    Args:
        clock: Gives the present moment.
        charts: Whether recaps come with theirs.
    """
    leave = asyncio.Event()

    def end() -> None:
        if not leave.is_set():
            leave.set()
            on_end()

    chats = open_chats(settings, on_leave=end)
    meter = open_meter(settings, clock)
    database = Database(settings.database_url.get_secret_value(), meter=meter)
    async with (
        open_sources(settings, memory=Remembered(database), chats=chats) as sources,
        build(
            database=database,
            sources=sources,
            chats=chats,
            clock=clock,
            charts=charts,
            meter=meter,
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
        schedule = Schedule(clock, meter=meter)
        kept = retention_rules(
            days=settings.retention_days,
            youtube_days=settings.youtube_retention_days,
            youtube_figures_days=settings.youtube_figures_days,
            x_days=settings.x_retention_days,
        )
        prune = Prune(database, kept, on_deleted=parts.ingest.recall)
        await parts.poll.begin_anew(clock())
        await parts.deliver.begin()
        follow = asyncio.create_task(parts.deliver.follow(parts.ingest.owed), name="deliver")
        try:
            for chat in chats:
                await chat.start(parts.dispatcher)
            schedule.every(POLL_EVERY, parts.poll.begin, name="poll")
            schedule.every(DELIVER_EVERY, parts.deliver.tick, name="deliver")
            schedule.every(PRUNE_EVERY, prune.tick, name="prune")
            schedule.every(REMIND_EVERY, parts.remind.tick, name="remind")
            schedule.every(OUTAGE_EVERY, parts.outage.tick, name="outage")
            schedule.every(CARDS_EVERY, parts.cards.tick, name="cards")
            schedule.every(RECAPS_EVERY, parts.recaps.tick, name="recaps")
            schedule.every(MORNING_EVERY, parts.morning.tick, name="morning")
            schedule.watch_clock(parts.rearm)
            schedule.start()
            log.info("milepost runs", chats=", ".join(parts.chats), database=database.shown)
            await leave.wait()
            log.info("milepost stops")
        finally:
            await schedule.stop()
            follow.cancel()
            with suppress(asyncio.CancelledError):
                await follow
            for chat in reversed(chats):
                await chat.close()
