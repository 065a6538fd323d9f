"""Logs: one line a fact on standard error, as text or as JSON; those of libraries, too.

Events are constants, so that they can be searched and counted; what differs stands in fields. What people wrote
(titles, names, texts) is logged at debug at most.
"""

from __future__ import annotations

import io
import logging
import sys
import threading
from types import TracebackType
from typing import Any, TextIO

import structlog
from structlog.stdlib import ProcessorFormatter

log = structlog.get_logger(__name__)

_style = "text"

#: Libraries that warn of what is as it should be.
_CALM = {
    # Of every tick that came while the last one ran; such ticks are run once, as they should be.
    "apscheduler": logging.ERROR,
}


class _Stderr(logging.StreamHandler[TextIO]):
    """Writes to standard error as it is now: a prompt puts itself between the program and the terminal."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> TextIO:  # type: ignore[override]  # as the standard library's own handler of last resort
        return sys.stderr


def set_up_logs(*, style: str, level: str) -> None:
    """Write one line a fact to standard error, as ``text`` or as ``json``."""
    global _style  # noqa: PLW0603 - a process has one standard error
    _style = style
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _short,
    ]
    rendered: list[structlog.typing.Processor]
    if style == "json":
        rendered = [
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=True),  # whatever the terminal's encoding is
        ]
    else:
        rendered = [
            _printable,
            structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty(),
                # The library's own choice, where Rich is there, shows local variables: tokens and titles, too.
                exception_formatter=_traced,
            ),
        ]
    structlog.configure(
        processors=[*shared, *rendered],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        # Made anew for each line, for the same reason as ``_Stderr``.
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
        cache_logger_on_first_use=False,
    )
    handler = _Stderr()
    handler.setFormatter(
        ProcessorFormatter(
            foreign_pre_chain=[*shared, _named],
            processors=[ProcessorFormatter.remove_processors_meta, *rendered],
        )
    )
    root = logging.getLogger()
    for before in [one for one in root.handlers if isinstance(one, _Stderr)]:
        root.removeHandler(before)
    root.addHandler(handler)
    root.setLevel(logging.WARNING)
    logging.captureWarnings(capture=True)
    for name, least in _CALM.items():
        logging.getLogger(name).setLevel(least)
    sys.excepthook = _ended
    threading.excepthook = _thread_ended


def ends(why: str) -> bool:
    """Tell why the program cannot run, where logs are for machines; else return False: people are to be told."""
    if _style != "json":
        return False
    log.critical("milepost cannot run", why=why)
    return True


def _named(_: Any, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Say which library a line is from."""
    record: logging.LogRecord = event["_record"]
    event["library"] = record.name
    return event


def _short(_: Any, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Say in a line what went wrong where the database is away: no line of the program is at fault."""
    trace = event.get("exc_info")
    error = sys.exc_info()[1] if trace is True else trace[1] if isinstance(trace, tuple) else trace
    if isinstance(error, Exception) and _is_of_database(error):
        from storage.database import is_away, reason  # noqa: PLC0415 - it takes a moment, and is there by now

        if is_away(error):
            del event["exc_info"]
            event["why"] = f"the database: {reason(error)}"
    return event


def _is_of_database(error: Exception) -> bool:
    """Tell whether an error came by way of the database's library: not every OSError does."""
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_globals.get("__name__", "").startswith("sqlalchemy."):
            return True
        trace = trace.tb_next
    return False


def _printable(_: Any, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Write out what would move the cursor or turn the line round."""
    for name, value in event.items():
        if isinstance(value, str) and not value.isprintable():
            event[name] = ascii(value)[1:-1]
    return event


def _traced(out: TextIO, trace: structlog.typing.ExcInfo) -> None:
    """Write a traceback whose lines cannot be taken for lines of the log, whatever an error says."""
    whole = io.StringIO()
    structlog.dev.plain_traceback(whole, trace)
    lines = whole.getvalue().splitlines()
    out.writelines(f"\n  {line if line.isprintable() else ascii(line)[1:-1]}" for line in lines)


def _ended(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Tell of the error that ends the program."""
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
        return
    log.critical("milepost ends by a fault of its own", exc_info=(kind, error, trace))


def _thread_ended(told: threading.ExceptHookArgs) -> None:
    """Tell of the error that ends a thread."""
    if told.exc_type is SystemExit or told.exc_value is None:
        return
    name = told.thread.name if told.thread is not None else None
    log.error(
        "a thread ended by a fault", thread=name, exc_info=(told.exc_type, told.exc_value, told.exc_traceback)
    )
