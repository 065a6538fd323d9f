"""Opens what the settings name, starts all parts in order, stops them in reverse.

``run`` drives the pipeline by the wall clock; ``bot.play`` drives the same parts for the demo and for replays.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from types import MappingProxyType

import structlog

from bot.chats.console import ConsoleChat
from bot.domain import SECOND
from bot.parts import build
from bot.pipeline.leases import Alone, Leases
from bot.pipeline.schedule import wall_clock
from bot.ports.chat import Chat
from bot.ports.memory import Memory
from bot.ports.meter import SILENT, Meter
from bot.ports.rooms import Rooms
from bot.ports.source import Source
from bot.roles import ALL, Role, RolesError, written
from bot.services.memory import Remembered
from bot.settings import Settings, SettingsError, door
from bot.sources import SOURCES
from bot.sources.kit import Forgetful, Kit
from bot.sources.web import Web
from bot.work import asks_of, at_work
from storage.database import Database

log = structlog.get_logger(__name__)


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
                shards=shards,
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
            asks=asks_of(sources, roles, leases or Alone()),
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
        async with at_work(parts, settings, roles=roles, leases=leases, clock=clock, meter=meter):
            log.info("milepost runs", chats=", ".join(parts.chats), database=database.shown, roles=written(roles))
            await leave.wait()
            log.info("milepost stops")
