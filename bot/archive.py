"""``milepost export`` and ``milepost import``: figures into files, and into the store again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from bot.pipeline.schedule import wall_clock
from bot.services import exporting, importing
from bot.services.exporting import Form
from bot.services.importing import How, Refused, Report
from bot.services.importing.find import find
from storage import exports
from storage.database import Connection, Database
from storage.exports import Chosen
from storage.imports import Outcome

Say = Callable[[str], object]

#: What a file's name says of its form.
_FORMS = {".zip": Form.CSV, ".jsonl": Form.JSON, ".json": Form.JSON, ".gz": Form.JSON}
#: The file is written beside its place, so that half of one is never taken for the whole.
_PART = ".part"


_OUTCOMES = {
    Outcome.NEW: "new",
    Outcome.CHANGED: "changed",
    Outcome.SAME: "there already",
    Outcome.LEFT: "left as they are, as more is known here",
}


class ArchiveError(Exception):
    """Nothing was done; the message says why."""


async def export(
    url: str, path: Path, *, form: Form | None, watch: str | None, chat: str | None, show: Say
) -> None:
    """Write a file with all that the store holds of a watch, a chat's watches, or of everything.

    It may be done while the bot runs: what is written is the store of one moment.

    Raises:
        ArchiveError: What is wanted is not there, or the disk is full.
        storage.database.DatabaseError: The database cannot be read.
    """
    form = form or _FORMS.get(path.suffix.lower())
    if form is None:
        raise ArchiveError(
            f"Call the file {path.name}.zip for CSV or {path.name}.jsonl for JSON, or say --format."
        )
    if form is Form.CSV and path.suffix.lower() in {".jsonl", ".json", ".gz"}:
        raise ArchiveError("CSV comes as a zip of several files: let the file's name end with .zip.")
    database = Database(url)
    await database.open_to_read()
    part = path.with_name(f"{path.stem}{_PART}{path.suffix}")
    try:
        async with database.read() as connection:
            chosen = await _chosen(connection, watch, chat)
        written = await exporting.write(database, part, form=form, chosen=chosen, now=wall_clock())
        await asyncio.to_thread(part.replace, path)
    except OSError as error:
        raise ArchiveError(f"{path} cannot be written: {error}.") from error
    finally:
        await database.close()
    show(
        f"{path}: {written.watches:,} watches, {written.sessions:,} sessions, {written.alerts:,} alerts, "
        f"{written.samples:,} readings; {_size(written.size)}."
    )


async def _chosen(connection: Connection, watch: str | None, chat: str | None) -> Chosen:
    ids: set[int] | None = None
    if watch is not None:
        try:
            ids = {(await find(connection, watch)).id}
        except Refused as refused:
            raise ArchiveError(str(refused)) from None
    if chat is not None:
        followed = await _followed(connection, chat)
        ids = followed if ids is None else ids & followed
        if not ids:
            raise ArchiveError(f"The chat {chat} does not watch that.")
    return Chosen() if ids is None else Chosen(watch_ids=tuple(sorted(ids)))


async def _followed(connection: Connection, chat: str) -> set[int]:
    """Return what a chat watches: it is given by its platform's id, or as platform:id."""
    found = await exports.of_chat(connection, chat)
    platform, colon, key = chat.partition(":")
    if not found and colon:
        found = [one for one in await exports.of_chat(connection, key) if one[0] == platform]
    if not found:
        raise ArchiveError(f"There is no chat {chat}.")
    if len(found) > 1:
        raise ArchiveError(
            f"There is a chat {chat} on {' and '.join(one for one, _ in found)}: write {found[0][0]}:{chat}."
        )
    return set(found[0][1])


async def bring(
    url: str,
    path: Path,
    *,
    watch: str | None,
    timezone: str | None,
    source: str | None,
    dry: bool,
    skip_bad: bool,
    show: Say,
) -> bool:
    """Bring a file into the store, and say what became of it; tells whether it was taken.

    Raises:
        ArchiveError: The file is not to be used.
        storage.lock.Held: The bot runs on the same SQLite file.
        storage.database.DatabaseError: The database cannot be used.
    """
    zone = _zone(timezone)
    database = Database(url)
    await database.open()
    try:
        how = How(now=wall_clock(), dry=dry, skip_bad=skip_bad, watch=watch, zone=zone, source=source)
        report = await importing.bring(database, path, how)
    except Refused as refused:
        raise ArchiveError(f"{path.name}: {refused} Nothing was imported.") from refused
    except OSError as error:
        raise ArchiveError(f"{path.name} cannot be read: {error}.") from error
    finally:
        await database.close()
    refused_all = bool(report.mistakes) and not skip_bad
    for line in _lines(report, dry=dry, refused=refused_all):
        show(line)
    return not refused_all


def _zone(name: str | None) -> tzinfo | None:
    if name is None:
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ArchiveError(f"There is no time zone {name!r}: write for example Asia/Karachi.") from None


def _lines(report: Report, *, dry: bool, refused: bool) -> list[str]:
    lines = [f"{where}: {why}." for where, why in report.wrong]
    if report.mistakes > len(report.wrong):
        lines.append(f"... and {report.mistakes - len(report.wrong):,} more.")
    if report.left_out:
        lines.append(f"Columns that I do not know, and leave out: {', '.join(report.left_out)}.")
    if report.observed:
        shown = ", ".join(str(one) for one in report.observed[:20])
        lines.append(f"Left out, as those sessions were observed: line {shown}.")
    if refused:
        wrong = "1 line is wrong" if report.mistakes == 1 else f"{report.mistakes:,} lines are wrong"
        return [*lines, f"{wrong}; nothing was imported. Mend that, or leave it out with --skip-bad."]
    if report.mistakes:
        lines.append(f"Left out, as they are wrong: {report.mistakes:,}.")
    lines += [f"New watch, which nobody follows yet: {address}" for address in report.watches]
    counts = [f"{count:,} {words}" for outcome, words in _OUTCOMES.items() if (count := report.sessions[outcome])]
    lines.append(f"Sessions: {', '.join(counts) or 'none'}.")
    if report.alerts or report.samples:
        lines.append(f"New besides: {report.samples:,} readings, {report.alerts:,} alerts.")
    if dry:
        lines.append("That is what would happen: nothing was changed.")
    return lines


def _size(count: int) -> str:
    return f"{count / 1_000_000:,.1f} MB" if count >= 100_000 else f"{count / 1_000:,.1f} kB"
