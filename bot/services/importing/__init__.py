"""Brings figures into the store: what ``bot.services.exporting`` wrote, or a table of old figures.

Everything in one transaction: all of a file comes in, or nothing. A dry run does the same, and takes it back.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from bot.services.importing import plain, reader, table, whole
from bot.services.importing.asked import How, Refused, Report
from storage.database import Database
from storage.imports import Import

__all__ = ["How", "Refused", "Report", "bring"]


class _TakenBack(Exception):
    """A dry run, or a file with mistakes: what was written goes again."""


async def bring(database: Database, path: Path, how: How) -> Report:
    """Bring a file in and tell what became of it.

    The report of a file with mistakes tells them; unless those are skipped, nothing of it was kept then.

    Raises:
        Refused: The file is not to be used.
        OSError: It cannot be read.
    """
    report = Report()
    try:
        async with database.write() as connection:
            work = Import(connection, how.now)
            is_export = await asyncio.to_thread(reader.is_export, path)
            await (whole.take if is_export else table.take)(work, path, how, report)
            if report.changes:
                await work.end()
            _let_stand(report, how)
    except _TakenBack:
        pass
    except (reader.Unreadable, plain.NotATable) as error:
        raise Refused(str(error)) from error
    return report


def _let_stand(report: Report, how: How) -> None:
    """Raise what takes everything back, unless it is to stay."""
    if how.dry or (report.mistakes and not how.skip_bad):
        raise _TakenBack
