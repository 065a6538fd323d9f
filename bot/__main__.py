"""``milepost run | demo | replay | export | import | backup | restore | db | doctor``."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any

import typer

#: So long, in seconds, the program takes at most to end once it was asked to.
LAST_SECONDS = 4.0
#: What a shell tells of a program that wrote where nobody reads (SIGPIPE): ``| head`` is no mistake.
UNREAD = 141

cli = typer.Typer(
    help="Tells chats the moment a live session passes a milestone or breaks a record.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
db = typer.Typer(help="Looks at the database, and moves it.", no_args_is_help=True)
cli.add_typer(db, name="db")


def _fail(message: str, *, logged: bool = False) -> None:
    """Say in plain words what is wrong, and end with status 1.

    Args:
        logged: It belongs to the log, and is said in its form.
    """
    from bot import logs  # noqa: PLC0415 - see ``_settings``

    if not (logged and logs.ends(message)):
        typer.echo(message, err=True)
    raise typer.Exit(1)


def _do(work: Coroutine[Any, Any, object], *, logged: bool = False) -> Any:
    """Run a coroutine; what a person can mend is said in a sentence, without a traceback."""
    from bot.archive import ArchiveError  # noqa: PLC0415
    from bot.chats.console import Unread  # noqa: PLC0415 - see ``_settings``
    from bot.keep import KeepError  # noqa: PLC0415
    from bot.play import BookError, PlayError  # noqa: PLC0415
    from bot.ports.chat import SendError  # noqa: PLC0415
    from bot.ports.source import SourceError  # noqa: PLC0415
    from bot.roles import RolesError  # noqa: PLC0415
    from bot.settings import SettingsError  # noqa: PLC0415
    from storage.database import DatabaseError  # noqa: PLC0415
    from storage.lock import Held  # noqa: PLC0415

    try:
        return asyncio.run(work)
    except Unread:
        raise typer.Exit(UNREAD) from None
    except (
        SettingsError,
        SourceError,
        SendError,
        ArchiveError,
        KeepError,
        BookError,
        PlayError,
        RolesError,
        DatabaseError,
        Held,
    ) as error:
        _fail(str(error), logged=logged)
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


def _settings() -> Any:
    # What a command does not need is not imported for it: ``milepost --help`` answers at once.
    from bot.logs import set_up_logs  # noqa: PLC0415
    from bot.settings import SettingsError, load  # noqa: PLC0415

    try:
        settings = load()
    except SettingsError as error:
        _fail(f"The settings cannot be used:\n{error}\nThey come from the environment and from .env.")
        raise
    set_up_logs(style=settings.log_format, level=settings.log_level)
    return settings


@cli.command()
def run(
    *,
    roles: Annotated[
        str, typer.Option(help="What this process does, where several share a PostgreSQL database.")
    ] = "poll,deliver,chat",
    shards: Annotated[
        int | None, typer.Option(min=1, max=16_384, help="Connections to Discord; as many as it recommends.")
    ] = None,
) -> None:
    """Run for real, with the settings in .env, until SIGTERM or Ctrl-C."""
    from bot import app  # noqa: PLC0415
    from bot.roles import RolesError, parse  # noqa: PLC0415

    try:
        wanted = parse(roles)
    except RolesError as error:
        _fail(str(error))
    _do(app.run(_settings(), on_end=_end_at_last, roles=wanted, shards=shards), logged=True)


def _end_at_last() -> None:
    """End the program some seconds from now, if it has not ended by then.

    A thread that hangs (a name server is silent, a disk is gone) cannot be broken off, and Python waits for each
    of them at its exit. What was stored is safe: the database is made for a kill at any moment.
    """
    from bot.app import log  # noqa: PLC0415

    def go() -> None:
        log.warning("a thread hangs and is left behind", seconds=LAST_SECONDS)
        os._exit(0)

    last = threading.Timer(LAST_SECONDS, go)
    last.daemon = True
    last.start()


@cli.command()
def demo(
    *,
    language: Annotated[str | None, typer.Option(help="Of alerts and answers, such as es, ko or ur.")] = None,
) -> None:
    """Watch the sample session in a terminal: no account, no token."""
    from bot import play  # noqa: PLC0415
    from bot.logs import set_up_logs  # noqa: PLC0415

    set_up_logs(style="text", level="error")
    _do(play.demo(at_terminal=play.is_terminal(), language=language))


@cli.command()
def replay(
    files: Annotated[list[Path], typer.Argument(help="Replay files, each a watch of its own.")],
    *,
    json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    record_book: Annotated[Path | None, typer.Option(help="Records to beat: a JSON list.")] = None,
    ladder: Annotated[str | None, typer.Option(help='Try these milestones: "100 250 1k".')] = None,
) -> None:
    """Play recorded readings and print what would have been told."""
    from bot import play  # noqa: PLC0415
    from bot.domain.alerts.milestone import parse_ladder  # noqa: PLC0415
    from bot.logs import set_up_logs  # noqa: PLC0415

    set_up_logs(style="text", level="error")
    rungs = None
    if ladder is not None:
        try:
            rungs = parse_ladder([ladder])
        except ValueError as error:
            _fail(f'--ladder: {str(error)!r} is not a number; write for example --ladder "100 250 1k".')
        if not rungs:
            _fail('--ladder is empty; write for example --ladder "100 250 1k".')
    _do(play.replay(files, out=sys.stdout, as_json=json, record_book=record_book, ladder=rungs))


@cli.command()
def export(
    file: Annotated[Path, typer.Argument(help="NAME.zip for CSV, NAME.jsonl (or .jsonl.gz) for JSON.")],
    *,
    watch: Annotated[str | None, typer.Option(help="Only this watch: its address, or its name.")] = None,
    chat: Annotated[str | None, typer.Option(help="Only what this chat watches: the platform's id of it.")] = None,
    format: Annotated[  # noqa: A002 - the option's name
        str | None, typer.Option(help="csv or json, if the file's name does not say it.")
    ] = None,
) -> None:
    """Write sessions, readings and alerts into a file; the bot may run meanwhile."""
    from bot import archive  # noqa: PLC0415
    from bot.services.exporting import Form  # noqa: PLC0415

    if format is not None and format not in list(Form):
        _fail(f"--format: {format!r} is neither csv nor json.")
    url = _settings().database_url.get_secret_value()
    form = None if format is None else Form(format)
    _do(archive.export(url, file, form=form, watch=watch, chat=chat, show=typer.echo))


@cli.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="An export, or a CSV of old figures.")],
    *,
    watch: Annotated[str | None, typer.Option(help="Whose old figures these are: the watch's address.")] = None,
    timezone: Annotated[str | None, typer.Option(help="Of days and times in a CSV; else the watch's.")] = None,
    source: Annotated[str | None, typer.Option(help="Where old figures are from; else the file's name.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would happen.")] = False,
    skip_bad: Annotated[bool, typer.Option("--skip-bad", help="Leave wrong lines out, instead of all.")] = False,
) -> None:
    """Bring sessions into the store, from an export or a CSV of old figures; nothing comes in twice."""
    from bot import archive  # noqa: PLC0415

    url = _settings().database_url.get_secret_value()
    taken = _do(
        archive.bring(
            url,
            file,
            watch=watch,
            timezone=timezone,
            source=source,
            dry=dry_run,
            skip_bad=skip_bad,
            show=typer.echo,
        )
    )
    if not taken:
        raise typer.Exit(1)


@cli.command()
def backup(
    to: Annotated[
        str | None, typer.Argument(help="A file, or a folder/; else backups/ beside the database.")
    ] = None,
    *,
    keep: Annotated[
        int | None, typer.Option(min=1, help="Then delete the oldest of its own, but so many.")
    ] = None,
) -> None:
    """Write a verified copy of the database; the bot may run meanwhile."""
    from bot import keep as keeping  # noqa: PLC0415

    url = _settings().database_url.get_secret_value()
    _do(keeping.backup(url, to, keep=keep, show=typer.echo))


#: Of what copies rows to PostgreSQL.
Mend = Annotated[bool, typer.Option("--mend", help="Write � for characters that PostgreSQL does not take.")]


@cli.command()
def restore(
    file: Annotated[Path, typer.Argument(help="A backup.")],
    *,
    replace: Annotated[
        bool, typer.Option("--replace", help="PostgreSQL: back up what is there, then replace it.")
    ] = False,
    mend: Mend = False,
) -> None:
    """Put a backup in the place of the database; a file that was there is kept beside it. Stop the bot first."""
    from bot import keep as keeping  # noqa: PLC0415

    url = _settings().database_url.get_secret_value()
    _do(keeping.restore(url, file, replace=replace, mend=mend, show=typer.echo))


@db.command("copy")
def db_copy(
    source: Annotated[str, typer.Argument(help="sqlite:///... or postgresql://...")],
    target: Annotated[str, typer.Argument(help="The same; empty, or not there yet.")],
    *,
    mend: Mend = False,
) -> None:
    """Copy everything from one database into another, and compare every row. Stop the bot first."""
    from bot import keep as keeping  # noqa: PLC0415

    _do(keeping.copy(source, target, mend=mend, show=typer.echo))


@db.command("status")
def db_status() -> None:
    """Tell engine, version, size and rows; the bot may run meanwhile."""
    from bot import keep as keeping  # noqa: PLC0415

    _do(keeping.status(_settings().database_url.get_secret_value(), typer.echo))


@cli.command()
def doctor() -> None:
    """Check settings, database, sources and chats; exit status 1 if anything is wrong."""
    from bot import doctor as checks  # noqa: PLC0415

    raise typer.Exit(0 if asyncio.run(checks.examine(typer.echo)) else 1)


def main() -> None:
    """Run the command line."""
    try:
        cli()
    finally:
        _let_go_of_output()


def _let_go_of_output() -> None:
    """Drop what could not be printed: Python would try again at its exit, and complain."""
    try:
        if sys.stdout is not None and not sys.stdout.closed:
            sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    main()
