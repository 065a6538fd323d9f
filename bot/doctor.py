"""``milepost doctor``: checks settings, database, sources and chats, and says how to mend what is wrong."""

from __future__ import annotations

from collections.abc import Callable

from bot.app import open_chats, open_sources
from bot.domain import SECOND
from bot.pipeline.schedule import wall_clock
from bot.ports.rooms import Bound
from bot.ports.source import Source, SourceError
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
    answers = await _sources(settings, watched, report)
    return await _chats(settings, report) and answers and well


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
    report(f"✓ Database: {database.shown}, watches polled: {len(found)}.")
    return found, True


async def _sources(settings: Settings, watched: list[Watch], report: Report) -> bool:
    well = True
    async with open_sources(settings) as sources:
        for name, source in sources.items():
            problem = await source.check()
            if problem is not None:
                report(f"✗ Source {name}: {problem}")
                well = False
        report(f"✓ Sources: {', '.join(sources)}.")
        for watch in watched:
            if isinstance(sources.get(watch.source), Bound):  # only the bot that is connected sees it
                report(f"- {watch.name} cannot be tried from here: ask the running bot with /watches.")
                continue
            problem = await _try(sources, watch)
            if problem is None:
                report(f"✓ {watch.name} answers; it is read every {watch.interval / SECOND:g} s.")
            else:
                report(f"✗ {watch.name} ({watch.source}:{watch.reference}): {problem}")
                well = False
    return well


async def _try(sources: dict[str, Source], watch: Watch) -> str | None:
    """Ask a watch's source for real; return what is wrong, or None."""
    source = sources.get(watch.source)
    if source is None:
        return f"this version has no source {watch.source!r}; take it off with /unwatch"
    try:
        await source.describe(watch.reference, wall_clock())
    except SourceError as error:
        return str(error)
    return None


async def _chats(settings: Settings, report: Report) -> bool:
    well = True
    for chat in open_chats(settings, on_leave=lambda: None):
        problem = await chat.check()
        if problem is not None:
            report(f"✗ Chat {chat.platform}: {problem}")
            well = False
        elif chat.platform == "console":
            report("✓ Chats: the console, which `milepost run` opens in this terminal as no token is set.")
        else:
            report(f"✓ Chat {chat.platform}: the token is good.")
        await chat.close()
    return well
