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

Say = Callable[[str], object]


async def examine(say: Say) -> bool:
    """Check everything and tell it line by line; return whether all is well."""
    try:
        settings = load()
    except SettingsError as error:
        for line in str(error).splitlines():
            say(f"✗ {line}")
        say("The settings come from the environment and from .env; see .env.example.")
        return False
    say(f"✓ Settings: polls every {settings.poll_interval_seconds:g} s unless a source says otherwise.")
    watched, well = await _database(settings, say)
    return await _sources(settings, watched, say) and _chats(say) and well


async def _database(settings: Settings, say: Say) -> tuple[list[Watch], bool]:
    database = Database(settings.database_url.get_secret_value())
    try:
        await database.open()
    except Held as error:
        say(f"✓ Database: in use. {error}")
        say("  It cannot be looked into meanwhile: ask the running bot with /status.")
        return [], True
    except DatabaseError as error:
        say(f"✗ Database: {error}")
        return [], False
    try:
        async with database.read() as connection:
            found = await watches.polled(connection)
    finally:
        await database.close()
    say(f"✓ Database: {database.shown}, {len(found)} watches are polled.")
    return found, True


async def _sources(settings: Settings, watched: list[Watch], say: Say) -> bool:
    sources = make_sources(settings)
    well = True
    try:
        for name, source in sources.items():
            problem = await source.check()
            if problem is not None:
                say(f"✗ Source {name}: {problem}")
                well = False
        say(f"✓ Sources: {', '.join(sources)}.")
        for watch in watched:
            source_of = sources.get(watch.source)
            if source_of is None:
                say(f"✗ {watch.name}: there is no source {watch.source!r} in this version; /unwatch it.")
                well = False
                continue
            try:
                await source_of.describe(watch.reference, wall_clock())
            except SourceError as error:
                say(f"✗ {watch.name} ({watch.source}:{watch.reference}): {error}")
                well = False
            else:
                say(f"✓ {watch.name} answers; it is read every {watch.interval / SECOND:g} s.")
    finally:
        for source in sources.values():
            await source.close()
    return well


def _chats(say: Say) -> bool:
    say("✓ Chats: the console, which `milepost run` opens in this terminal.")
    return True
