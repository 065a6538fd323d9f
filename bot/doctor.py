"""``milepost doctor``: checks settings, database, sources and chats, and says how to mend what is wrong."""

from __future__ import annotations

from collections.abc import Callable

from bot.app import make_sources
from bot.domain import SECOND
from bot.pipeline.schedule import wall_clock
from bot.ports.source import SourceError
from bot.settings import Settings, SettingsError, load
from storage import watches
from storage.database import Database, DatabaseError
from storage.lock import Held
from storage.watches import Watch

Report = Callable[[str], object]


async def examine(report: Report) -> bool:
    """Check everything and tell it line by line; return whether all is well."""
    try:
        settings = load()
    except SettingsError as error:
        for line in str(error).splitlines():
            report(f"✗ {line}")
        report("The settings come from the environment and from .env; see .env.example.")
        return False
    report(f"✓ Settings: polls every {settings.poll_interval_seconds:g} s unless a source says otherwise.")
    watched, well = await _database(settings, report)
    return await _sources(settings, watched, report) and _chats(report) and well


async def _database(settings: Settings, report: Report) -> tuple[list[Watch], bool]:
    database = Database(settings.database_url.get_secret_value())
    try:
        await database.open()
    except Held as error:
        report(f"✓ Database: in use. {error}")
        report("  It cannot be looked into meanwhile: ask the running bot with /status.")
        return [], True
    except DatabaseError as error:
        report(f"✗ Database: {error}")
        return [], False
    try:
        async with database.read() as connection:
            found = await watches.polled(connection)
    finally:
        await database.close()
    report(f"✓ Database: {database.shown}, {len(found)} watches are polled.")
    return found, True


async def _sources(settings: Settings, watched: list[Watch], report: Report) -> bool:
    sources = make_sources(settings)
    well = True
    try:
        for name, source in sources.items():
            problem = await source.check()
            if problem is not None:
                report(f"✗ Source {name}: {problem}")
                well = False
        report(f"✓ Sources: {', '.join(sources)}.")
        for watch in watched:
            source_of = sources.get(watch.source)
            if source_of is None:
                report(f"✗ {watch.name}: there is no source {watch.source!r} in this version; /unwatch it.")
                well = False
                continue
            try:
                await source_of.describe(watch.reference, wall_clock())
            except SourceError as error:
                report(f"✗ {watch.name} ({watch.source}:{watch.reference}): {error}")
                well = False
            else:
                report(f"✓ {watch.name} answers; it is read every {watch.interval / SECOND:g} s.")
    finally:
        for source in sources.values():
            await source.close()
    return well


def _chats(report: Report) -> bool:
    report("✓ Chats: the console, which `milepost run` opens in this terminal.")
    return True
